"""
A Carbon Aware SDK server as upstream, and the public forecasts in its shape (Carbon Aware Computing).

The SDK does not say which kind of signal it passes on: that depends on the source it is set up with, so kind and scope
are declared here. It writes a missing value as -1, which is refused like any negative average. Ratings are grams per
kilowatt-hour; a duration is ``HH:MM:SS`` or minutes; names begin with a capital in files and a small letter in replies.
"""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, ClassVar, Final

from gridtide.domain.errors import ConfigurationError, GridError, ZoneNotCovered
from gridtide.domain.instants import from_ns, isoformat
from gridtide.domain.signal import Quality, Scope, SignalKind
from gridtide.domain.units import NS_PER_SECOND
from gridtide.grid.payload import MISSING, instant_ns, items, malformed, member, read_json, shorten
from gridtide.grid.points import Points, require_offered, signal_for
from gridtide.grid.provider import Ask, Product, Provider, ProviderInfo, Reply, Request

if TYPE_CHECKING:
    from gridtide.domain.series import Series
    from gridtide.domain.zone import Zone

__all__ = ["CarbonAwareComputing", "CarbonAwareSdk"]

_CLOCK: Final = re.compile(r"(\d{1,3}):([0-5]\d):([0-5]\d)")
_COUNTRIES: Final = frozenset({"at", "ch", "de", "fr"})
_CONTEXT: Final = timedelta(hours=2)


class CarbonAwareSdk(Provider):
    """
    Carbon intensity from a server of the Carbon Aware SDK; keys are its location names, such as ``eastus``.

    Args:
        kind: What its source measures: ``average`` or ``marginal``.
        scope: ``lifecycle``, ``direct`` or ``unknown``.
        prefix: Path before the SDK's own, where a gateway has one.
    """

    info: ClassVar[ProviderInfo] = ProviderInfo(
        name="casdk",
        title="Carbon Aware SDK server",
        base_url="http://localhost:8073",
        kinds=(SignalKind.AVERAGE, SignalKind.MARGINAL),
        products=frozenset(Product),
        attribution="Carbon Aware SDK and its data source",
        licence="of the data source behind the server",
        period=timedelta(minutes=5),
        lag=timedelta(minutes=10),
        horizon=timedelta(hours=24),
        max_span=timedelta(days=7),
        calls_per_window=60,
        budget_window=timedelta(minutes=1),
    )

    def __init__(self, *, kind: str, scope: str = "unknown", prefix: str = "") -> None:
        try:
            self._kind, self._scope = SignalKind(kind), Scope(scope)
        except ValueError:
            raise ConfigurationError(
                f"casdk kind {str(kind)[:20]!r}, scope {str(scope)[:20]!r}: expected average or marginal, "
                "and lifecycle, direct or unknown",
                provider=self.info.name,
                field="kind",
            ) from None
        if self._kind not in self.info.kinds:
            raise ConfigurationError(
                f"casdk gives grams, so its kind is average or marginal, not {self._kind}",
                provider=self.info.name,
                field="kind",
            )
        self._prefix = f"/{prefix.strip('/')}" if prefix.strip("/") else ""
        self.info = replace(type(self).info, kinds=(self._kind,), scope=self._scope)  # type: ignore[misc]  # this server's own

    def key_for(self, zone: Zone) -> str | None:
        """Alias ``casdk``, else the name of the cloud region, as the server's own table of locations has it."""
        return zone.at(self.info.name) or (zone.at("cloud") or "").partition(":")[2] or None

    def build_requests(self, ask: Ask, replies: tuple[Reply, ...] = ()) -> tuple[Request, ...]:
        """Current forecast, or emissions over a window."""
        require_offered(self.info, ask)
        if replies:
            return ()
        if ask.product is Product.FORECAST:
            params: tuple[tuple[str, str], ...] = (("location", ask.zone),)
            return (Request(path=f"{self._prefix}/emissions/forecasts/current", params=params),)
        start, end = ask.window.start, ask.window.end
        if ask.product is Product.CURRENT:
            start, end = ask.now - _CONTEXT, ask.now
        params = (("location", ask.zone), ("time", isoformat(start)), ("toTime", isoformat(end)))
        return (Request(path=f"{self._prefix}/emissions/bylocation", params=params),)

    def parse(self, ask: Ask, replies: tuple[Reply, ...]) -> Series:
        """Rows of all replies, each with its own duration."""
        require_offered(self.info, ask)
        return _parsed(self.info, ask, replies, scope=self._scope)

    def explain(self, ask: Ask, reply: Reply) -> GridError | None:
        """An unknown location is 400."""
        if reply.status not in {400, 404}:
            return None
        return ZoneNotCovered(
            f"casdk does not know location {ask.zone[:40]!r}", provider=self.info.name, zone=ask.zone[:40]
        )


class CarbonAwareComputing(Provider):
    """Forecasts of a few countries as files in the SDK's shape, made from Energy-Charts. Keyless."""

    info: ClassVar[ProviderInfo] = ProviderInfo(
        name="carbon-aware-computing",
        title="Carbon Aware Computing, public forecasts",
        base_url="https://carbonawarecomputing.blob.core.windows.net",
        kinds=(SignalKind.AVERAGE,),
        products=frozenset({Product.FORECAST}),
        scope=Scope.LIFECYCLE,
        attribution="Energy-Charts.info, Fraunhofer ISE, CC BY 4.0, through Carbon Aware Computing",
        licence="CC BY 4.0",
        period=timedelta(hours=1),
        lag=timedelta(hours=1),
        horizon=timedelta(hours=48),
        max_span=timedelta(days=3),
        calls_per_window=10,
        budget_window=timedelta(minutes=1),
    )

    def key_for(self, zone: Zone) -> str | None:
        """Alias ``carbon-aware-computing`` if the zone has one; else its country, of those served."""
        code = (zone.at(self.info.name) or zone.key).lower()
        return code if code in _COUNTRIES else None

    def build_requests(self, ask: Ask, replies: tuple[Reply, ...] = ()) -> tuple[Request, ...]:
        """One file for each country."""
        require_offered(self.info, ask)
        if ask.zone not in _COUNTRIES:
            allowed = ", ".join(sorted(_COUNTRIES))
            raise ZoneNotCovered(
                f"{self.info.name} does not cover {ask.zone[:20]!r}; it has {allowed}", zone=ask.zone[:20]
            )
        return () if replies else (Request(path=f"/forecasts/{ask.zone}.json"),)

    def parse(self, ask: Ask, replies: tuple[Reply, ...]) -> Series:
        """Rows of the file, forecast when it was generated."""
        require_offered(self.info, ask)
        return _parsed(self.info, ask, replies, scope=self.info.scope)


def _parsed(info: ProviderInfo, ask: Ask, replies: tuple[Reply, ...], *, scope: Scope) -> Series:
    batches = [batch for reply in replies for batch in _batches(info.name, read_json(reply, info.name))]
    made = [instant for instant, _ in batches if instant is not None]
    issued = from_ns(min(made)) if made else None
    points = Points(signal_for(info, ask, replies, scope=scope, issued_at=issued), path="[{}].rating", now=ask.now)
    quality = Quality.FORECAST if ask.product is Product.FORECAST else Quality.MEASURED
    _check_locations(info.name, ask.zone, [row for _, rows in batches for row in rows])
    index = 0
    for _, rows in batches:
        for row in rows:
            _add(points, row, index, quality)
            index += 1
    return points.series()


def _small(row: Any) -> dict[str, Any]:
    """Return the object with names in lower case, so that files and replies read alike."""
    return {key.lower(): value for key, value in row.items()} if isinstance(row, dict) else {}


def _batches(name: str, tree: Any) -> list[tuple[int | None, list[Any]]]:
    """Rows of a reply with the time of the forecast, for each of the three shapes the SDK knows."""
    if isinstance(tree, dict):
        small = _small(tree)
        rows = member(small, "emissions", name)
        return [(_issued(name, member(small, "generatedat", name)), items(rows, name, "Emissions"))]
    rows = items(tree, name)
    if rows and "forecastdata" in _small(rows[0]):
        forecasts = [_small(row) for row in rows]
        return [
            (
                _issued(name, member(forecast, "generatedat", name)),
                items(member(forecast, "forecastdata", name), name, "forecastData"),
            )
            for forecast in forecasts
        ]
    return [(None, rows)]


def _issued(name: str, raw: object) -> int:
    made = instant_ns(raw)
    if made is None:
        malformed(name, f"generatedAt is {shorten(raw)}, expected an instant with an offset", field="generatedAt")
    return made


def _check_locations(name: str, zone: str, rows: list[Any]) -> None:
    """Refuse a reply about several places; the name may differ, since the server maps ours to its source's."""
    named = {str(_small(row).get("location", "")) for row in rows} - {""}
    if len(named) > 1:
        seen = shorten(", ".join(sorted(named)))
        malformed(
            name, f"reply is about {len(named)} locations ({seen}), asked for {zone}", field="location", zone=zone
        )


def _add(points: Points, row: Any, index: int, quality: Quality) -> None:
    small = _small(row)
    start = instant_ns(small.get("time", small.get("timestamp")))
    seconds = _seconds(small.get("duration"))
    end = None if start is None or seconds is None else start + seconds * NS_PER_SECOND
    points.add(start, end, small.get("rating", small.get("value", MISSING)), quality=quality, index=index)


def _seconds(raw: object) -> int | None:
    """Length of a step: ``HH:MM:SS``, or a whole number of minutes. [s]"""
    if isinstance(raw, int) and not isinstance(raw, bool):
        return raw * 60 if 0 < raw <= 1440 * 31 else None
    match = _CLOCK.fullmatch(raw) if isinstance(raw, str) else None
    return int(match[1]) * 3600 + int(match[2]) * 60 + int(match[3]) if match else None

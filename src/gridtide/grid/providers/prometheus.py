"""
Any Prometheus query as a source: an exporter, a recording rule, a meter of one's own.

Prometheus knows neither unit nor kind, so both are declared and checked when the source is set up: a percentage can
never be declared as grams. The query must give one series; ``$zone`` in it stands for the zone, quoted as a label
value. A sample holds for one step of the range query.
"""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, ClassVar, Final

from gridtide.domain.errors import ConfigurationError, GridError, Unauthorized, UnitMismatch, ZoneNotCovered
from gridtide.domain.instants import duration_ns, isoformat
from gridtide.domain.signal import Perimeter, Quality, Scope, SignalKind
from gridtide.domain.units import EUR_PER_MWH, PERCENT, carbon_intensity_factor
from gridtide.grid.credential import credential
from gridtide.grid.payload import MISSING, error_object, items, malformed, member, read_json, shorten, text_number
from gridtide.grid.points import Points, require_offered, signal_for
from gridtide.grid.provider import Ask, Product, Provider, ProviderInfo, Reply, Request

if TYPE_CHECKING:
    from gridtide.domain.secret import Secret
    from gridtide.domain.series import Series
    from gridtide.domain.zone import Zone

__all__ = ["Prometheus"]

_NAME: Final = "prometheus"
_ROWS_MAX: Final = 11_000
_CONTEXT: Final = timedelta(hours=2)
_MILLI: Final = 1_000_000
_LABEL_UNSAFE: Final = re.compile(r"[\x00-\x1f\x7f]")


class Prometheus(Provider):
    """
    One query of a Prometheus server.

    Args:
        query: PromQL that gives one series; ``$zone`` stands for the zone.
        unit: Unit of its values, for example ``gCO2eq/kWh``, ``lb/MWh``, ``percent`` or ``EUR/MWh``.
        kind: ``average``, ``marginal``, ``relative`` or ``price``.
        scope: ``lifecycle``, ``direct`` or ``unknown``.
        step_minutes: Distance of the samples to ask for. [min]
        zones: Zones it serves; every zone when left out.
        quality: How its values came about.
        attribution: Credit to print with results.
        api_key: Bearer token, where the server wants one.
    """

    info: ClassVar[ProviderInfo] = ProviderInfo(
        name=_NAME,
        title="A Prometheus query",
        base_url="http://localhost:9090",
        kinds=tuple(SignalKind),
        products=frozenset({Product.CURRENT, Product.HISTORY}),
        licence="of the data behind the query",
        period=timedelta(minutes=5),
        max_span=timedelta(days=31),
        calls_per_window=60,
        budget_window=timedelta(minutes=1),
    )

    def __init__(
        self,
        *,
        query: str,
        unit: str,
        kind: str,
        scope: str = "unknown",
        step_minutes: int = 5,
        zones: tuple[str, ...] = (),
        quality: str = "measured",
        attribution: str = "",
        api_key: str | Secret | None = None,
    ) -> None:
        if not query.strip():
            raise ConfigurationError("prometheus query is empty", provider=_NAME, field="query")
        if not 1 <= step_minutes <= 1440:
            raise ConfigurationError(
                f"prometheus step_minutes is {step_minutes}, expected 1 to 1440", provider=_NAME, field="step_minutes"
            )
        try:
            self._kind, self._scope, self._quality = SignalKind(kind), Scope(scope), Quality(quality)
        except ValueError as error:
            raise ConfigurationError(f"prometheus: {str(error)[:120]}", provider=_NAME, field="kind") from None
        self.info = replace(type(self).info, kinds=(self._kind,), scope=self._scope)  # type: ignore[misc]  # this query's own
        self._factor = _factor(self._kind, unit)
        self._query = query
        self._step = timedelta(minutes=step_minutes)
        self._zones = frozenset(zones)
        self._attribution = attribution
        self._token = None if api_key is None else credential(api_key, name="PROMETHEUS_TOKEN")

    def key_for(self, zone: Zone) -> str | None:
        """Alias ``prometheus`` if the zone has one; else its key, where it is served."""
        key = zone.at(_NAME) or zone.key
        return key if not self._zones or key in self._zones else None

    def build_requests(self, ask: Ask, replies: tuple[Reply, ...] = ()) -> tuple[Request, ...]:
        """One range query, or several where there would be more than 11,000 samples."""
        require_offered(self.info, ask)
        if replies:
            return ()
        start, end = ask.window.start, min(ask.window.end, ask.now)
        if ask.product is Product.CURRENT or start >= end:
            start, end = ask.now - _CONTEXT, ask.now
        longest, requests = self._step * (_ROWS_MAX - 1), []
        while start < end:
            last = min(start + longest, end)
            requests.append(self._request(ask.zone, isoformat(start), isoformat(last)))
            start = last
        return tuple(requests)

    def _request(self, zone: str, start: str, end: str) -> Request:
        token = self._token
        return Request(
            path="/api/v1/query_range",
            params=(
                ("query", self._query.replace("$zone", _quoted(zone))),
                ("start", start),
                ("end", end),
                ("step", f"{self._step.total_seconds():.0f}"),
            ),
            headers=() if token is None else (("Authorization", f"Bearer {token.reveal()}"),),
            secret_headers=frozenset({"authorization"}),
        )

    def parse(self, ask: Ask, replies: tuple[Reply, ...]) -> Series:
        """Samples of the one series; an empty result is no data."""
        require_offered(self.info, ask)
        labels = {"scope": self._scope, "perimeter": Perimeter.UNKNOWN, "attribution": self._attribution}
        points = Points(signal_for(self.info, ask, replies, **labels), path="data.result[0].values[{}]", now=ask.now)
        for reply in replies:
            _add(
                points,
                read_json(reply, _NAME),
                factor=self._factor,
                step=duration_ns(self._step),
                quality=self._quality,
            )
        return points.series()

    def explain(self, ask: Ask, reply: Reply) -> GridError | None:
        """A query that cannot be run is 400 or 422 with the reason."""
        if reply.status in {401, 403}:
            return Unauthorized("prometheus refused the token", provider=_NAME, zone=ask.zone, cause="credential")
        if reply.status in {400, 422}:
            told = str(error_object(reply).get("error", "bad query"))
            return ZoneNotCovered(
                f"prometheus cannot run the query: {shorten(told)}",
                hint="try it in the server's own page",
                provider=_NAME,
                zone=ask.zone,
            )
        return None


def _factor(kind: SignalKind, unit: str) -> float:
    """
    Factor to the unit of *kind*.

    Raises:
        UnitMismatch: A relative signal declared in grams, grams declared in percent, or a unit nobody knows.
    """
    name = unit.strip().lower()
    expected = {SignalKind.RELATIVE: PERCENT, SignalKind.PRICE: EUR_PER_MWH}.get(kind)
    if expected is None:
        return carbon_intensity_factor(unit)
    if name not in {expected.lower(), "%" if kind is SignalKind.RELATIVE else expected.lower()}:
        raise UnitMismatch(
            f"prometheus: a {kind} signal is in {expected}, not {unit[:40]!r}",
            hint="declare kind average or marginal if the values are grams per kWh",
            unit=unit[:40],
            field="unit",
        )
    return 1.0


def _quoted(zone: str) -> str:
    if _LABEL_UNSAFE.search(zone):
        raise ZoneNotCovered(f"zone {shorten(zone)} cannot be a label value", provider=_NAME)
    return zone.replace("\\", "\\\\").replace('"', '\\"').replace("'", "\\'").replace("`", "")


def _add(points: Points, tree: Any, *, factor: float, step: int, quality: Quality) -> None:
    status = member(tree, "status", _NAME)
    data = member(tree, "data", _NAME)
    if status != "success":
        malformed(_NAME, f"status is {shorten(status)}, expected 'success'", field="status")
    kind = member(data, "resultType", _NAME, "data")
    if kind != "matrix":
        malformed(_NAME, f"data.resultType is {shorten(kind)}, expected 'matrix'", field="data.resultType")
    result = items(member(data, "result", _NAME, "data"), _NAME, "data.result")
    if len(result) > 1:
        malformed(_NAME, f"the query gives {len(result)} series, expected one: aggregate it", field="data.result")
    for series in result:
        values = items(member(series, "values", _NAME, "data.result[0]"), _NAME, "data.result[0].values")
        for index, pair in enumerate(values):
            start, raw = _sample(pair)
            points.add(start, None if start is None else start + step, raw, factor=factor, quality=quality, index=index)


def _sample(pair: Any) -> tuple[int | None, object]:
    """Instant (seconds, with a fraction) and value (text) of a sample. [ns]"""
    if not isinstance(pair, list) or len(pair) != 2:
        return None, MISSING
    seconds = pair[0]
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)) or not 0 < seconds < 1e10:
        return None, MISSING
    return round(seconds * 1000) * _MILLI, text_number(pair[1])

"""
NESO Carbon Intensity API: Great Britain, its 14 grid regions, England, Scotland and Wales. Keyless.

Direct emissions, imports counted with the factor of their country. Slots are half-open half hours labelled by both
edges in UTC. ``actual`` exists for the nation only and wins over ``forecast``. A window that starts exactly on a slot
edge is answered with the slot that ends there first, so windows are asked from one minute later. Outages come as 200
with an empty body, ``{}`` or ``null``.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar, Final

from gridtide.domain.errors import GridError, ProviderUnavailable, ZoneNotCovered
from gridtide.domain.signal import Perimeter, Quality, Scope, SignalKind
from gridtide.grid.payload import MISSING, error_object, instant_ns, items, malformed, member, read_json, shorten
from gridtide.grid.points import Points, require_offered, signal_for
from gridtide.grid.provider import Ask, Product, Provider, ProviderInfo, Reply, Request

if TYPE_CHECKING:
    from gridtide.domain.series import Series
    from gridtide.domain.zone import Zone

__all__ = ["NesoCarbonIntensity"]

_NATION: Final = "GB"
_NATION_NAMES: Final = frozenset({"GB", "UK", "GBR", "NATIONAL"})
_OUTWARD: Final = re.compile(r"[A-Z]{1,2}\d[A-Z\d]?")
_POSTCODE: Final = re.compile(r"([A-Z]{1,2}\d[A-Z\d]?)\s*(?:\d[A-Z]{2})?")
_REGIONS: Final = range(1, 19)
_SLOT: Final = timedelta(minutes=30)
_EDGE: Final = timedelta(minutes=1)


class NesoCarbonIntensity(Provider):
    """
    Carbon intensity of Great Britain, by the nation, region number or postcode.

    Zone keys are ``GB``, a region number ``1`` to ``18``, or the outward part of a postcode such as ``SW1A``.
    """

    info: ClassVar[ProviderInfo] = ProviderInfo(
        name="uk",
        title="NESO Carbon Intensity API",
        base_url="https://api.carbonintensity.org.uk",
        kinds=(SignalKind.AVERAGE,),
        products=frozenset(Product),
        scope=Scope.DIRECT,
        perimeter=Perimeter.CONSUMPTION,
        attribution="Data: NESO Carbon Intensity API, CC BY 4.0",
        licence="CC BY 4.0",
        period=_SLOT,
        lag=timedelta(minutes=5),
        horizon=timedelta(hours=48),
        max_span=timedelta(days=14),
        calls_per_window=60,
        budget_window=timedelta(minutes=1),
    )

    def key_for(self, zone: Zone) -> str | None:
        """Alias ``uk`` if the zone has one; else ``GB``, or the number in ``GB-13``."""
        alias = zone.at("uk")
        if alias is not None:
            return _normalised(alias)
        head, _, region = zone.key.upper().partition("-")
        if head != _NATION:
            return None
        return _normalised(region) if region else _NATION

    def build_requests(self, ask: Ask, replies: tuple[Reply, ...] = ()) -> tuple[Request, ...]:
        """One request, or one for each 14 days of history."""
        require_offered(self.info, ask)
        if replies:
            return ()
        place = _place(ask.zone)
        if ask.product is Product.CURRENT:
            return (Request(path=f"/regional{place}" if place else "/intensity"),)
        base = "/regional/intensity" if place else "/intensity"
        if ask.product is Product.FORECAST:
            return (Request(path=f"{base}/{_minute(_slot_of(ask.now) + _EDGE)}/fw48h{place}"),)
        spans = _spans(ask.window.start, ask.window.end, self.info.max_span)
        return tuple(
            Request(path=f"{base}/{_minute(_slot_of(start) + _EDGE)}/{_minute(end)}{place}") for start, end in spans
        )

    def parse(self, ask: Ask, replies: tuple[Reply, ...]) -> Series:
        """Slots of all replies; actual values are measured, all others forecast."""
        require_offered(self.info, ask)
        points = Points(signal_for(self.info, ask, replies), path="data[{}].intensity", now=ask.now)
        for reply in replies:
            for index, slot in enumerate(_slots(ask.zone, read_json(reply, self.info.name))):
                _add(points, slot, index)
        return points.series()

    def explain(self, ask: Ask, reply: Reply) -> GridError | None:
        """A postcode that does not exist is 400; any failure inside is a 500 with ``error``."""
        error = error_object(reply).get("error")
        text = str(error.get("message", "")) if isinstance(error, dict) else ""
        if reply.status == 400:
            return ZoneNotCovered(
                f"uk does not know {ask.zone!r}: {shorten(text or 'bad request')}",
                hint="use GB, a region number 1 to 18, or the first part of a postcode in Great Britain, such as SW1A",
                provider=self.info.name,
                zone=ask.zone,
            )
        if reply.status >= 500 and text:
            return ProviderUnavailable(f"uk: {shorten(text)} (status {reply.status})", provider=self.info.name)
        return None


def _normalised(key: str) -> str | None:
    """Return the key in our spelling, or None for what is no place in Great Britain."""
    text = key.strip().upper()
    if text in _NATION_NAMES:
        return _NATION
    if text.isascii() and text.isdigit():
        return str(int(text)) if len(text) <= 2 and int(text) in _REGIONS else None
    match = _POSTCODE.fullmatch(text)
    return match[1] if match and not text.startswith("BT") else None


def _place(zone: str) -> str:
    key = _normalised(zone)
    if key is None:
        raise ZoneNotCovered(
            f"uk does not cover {zone[:20]!r}",
            hint="use GB, a region number 1 to 18, or the first part of a postcode; Northern Ireland is not covered",
            provider="uk",
            zone=zone[:20],
        )
    if key == _NATION:
        return ""
    return f"/regionid/{key}" if key.isdigit() else f"/postcode/{key}"


def _slot_of(instant: datetime) -> datetime:
    utc = instant.astimezone(UTC)
    return utc.replace(minute=utc.minute // 30 * 30, second=0, microsecond=0)


def _minute(instant: datetime) -> str:
    return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%MZ")


def _spans(start: datetime, end: datetime, longest: timedelta) -> list[tuple[datetime, datetime]]:
    spans = []
    while start < end:
        spans.append((start, min(start + longest, end)))
        start += longest
    return spans


def _slots(zone: str, tree: Any) -> list[Any]:
    """Return the list of slots: directly under ``data``, or inside the one region of a regional reply."""
    data = member(tree, "data", "uk")
    if data is None or data in ({}, []):
        raise ProviderUnavailable("uk: data is empty", hint="the next provider or the cache is used", provider="uk")
    key = _normalised(zone)
    if key == _NATION:
        return items(data, "uk", "data")
    region = data
    if isinstance(data, list):
        if len(data) != 1:
            malformed("uk", f"data has {len(data)} regions, one was asked for", field="data")
        region = data[0]
    _check_region(key, region)
    return items(member(region, "data", "uk", "data"), "uk", "data.data")


def _check_region(key: str | None, region: Any) -> None:
    if key is None or key.isdigit():
        name, asked, got = "regionid", key, member(region, "regionid", "uk", "data")
    else:
        name, asked, got = "postcode", key, region.get("postcode", key) if isinstance(region, dict) else None
    if str(got).upper() != asked:
        malformed("uk", f"data.{name} is {shorten(got)}, asked for {asked}", field=f"data.{name}", zone=key)


def _add(points: Points, slot: Any, index: int) -> None:
    start = instant_ns(slot.get("from")) if isinstance(slot, dict) else None
    end = instant_ns(slot.get("to")) if isinstance(slot, dict) else None
    found = slot.get("intensity", MISSING) if isinstance(slot, dict) else MISSING
    if not isinstance(found, dict):
        points.add(start, end, found, index=index)
    elif found.get("actual") is not None:
        points.add(start, end, found["actual"], index=index)
    else:
        points.add(start, end, found.get("forecast", MISSING), quality=Quality.FORECAST, index=index)

"""
Electricity Maps v4 (v3 is still served): average carbon intensity of 350 zones, flow-traced. Key; plans differ.

``datetime`` is the start of a step, ``updatedAt`` when it was last computed: the first is the time of the value, the
second only tells versions apart. A value may be null. Without a location the API would look up the caller's address, so
that is always switched off. A key that is not accepted and a product outside the plan are both 401: the body of the
second names the ``requestType``, and then only that zone and product are lost.
"""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar, Final

from gridtide.domain.errors import ConfigurationError, GridError, Unauthorized, ZoneNotCovered
from gridtide.domain.instants import duration_ns, from_ns, isoformat
from gridtide.domain.signal import Perimeter, Quality, Scope, SignalKind
from gridtide.grid.credential import credential
from gridtide.grid.payload import MISSING, error_object, instant_ns, items, malformed, member, read_json, shorten
from gridtide.grid.points import Points, require_offered, signal_for
from gridtide.grid.provider import Access, Ask, Product, Provider, ProviderInfo, Reply, Request

if TYPE_CHECKING:
    from gridtide.domain.secret import Secret
    from gridtide.domain.series import Series
    from gridtide.domain.zone import Zone

__all__ = ["ElectricityMaps"]

_NAME: Final = "electricitymaps"
_STEPS: Final = {
    "hourly": timedelta(hours=1),
    "15_minutes": timedelta(minutes=15),
    "5_minutes": timedelta(minutes=5),
}
_HORIZONS: Final = (6, 24, 48, 72)
_HISTORY_SPAN: Final = timedelta(hours=24)
_ENDPOINTS: Final = {
    "latest": Product.CURRENT,
    "history": Product.HISTORY,
    "past": Product.HISTORY,
    "past-range": Product.HISTORY,
    "forecast": Product.FORECAST,
}
_LEVELS: Final = {"low": 0.0, "moderate": 50.0, "high": 100.0}
_ZONE: Final = re.compile(r"[A-Z]{2}(?:-[A-Z0-9]{1,6}){0,2}")
_PLACE: Final = re.compile(r"(-?\d{1,2}(?:\.\d+)?),(-?\d{1,3}(?:\.\d+)?)")
_DATA_CENTRE: Final = re.compile(r"([a-z]{2,20}):([a-z0-9-]{2,40})")
_GB_REGION: Final = re.compile(r"GB-\d{1,2}")


class ElectricityMaps(Provider):
    """
    Average carbon intensity by zone.

    Zone keys are the API's own (``DE``, ``US-CAL-CISO``), a place (``50.06,6.86``), or a data centre
    (``gcp:europe-west1``).

    Args:
        api_key: API key.
        version: ``v4`` or ``v3``.
        direct: Whether to count direct emissions only; lifecycle otherwise.
        production: Whether to leave imports out; traced otherwise.
        granularity: ``hourly``, ``15_minutes`` or ``5_minutes``, as the plan allows.
        home_assistant: Whether the key is for the free Home Assistant product, which has the current value only.
    """

    info: ClassVar[ProviderInfo] = ProviderInfo(
        name=_NAME,
        title="Electricity Maps",
        base_url="https://api.electricitymaps.com",
        kinds=(SignalKind.AVERAGE, SignalKind.RELATIVE),
        products=frozenset(Product),
        scope=Scope.LIFECYCLE,
        perimeter=Perimeter.CONSUMPTION,
        attribution="Electricity Maps",
        licence="proprietary: no republishing",
        credentials=("ELECTRICITYMAPS_API_KEY",),
        period=timedelta(hours=1),
        lag=timedelta(minutes=20),
        horizon=timedelta(hours=72),
        max_span=timedelta(days=10),
        calls_per_window=50,
        budget_window=timedelta(hours=1),
    )

    def __init__(
        self,
        api_key: str | Secret,
        *,
        version: str = "v4",
        direct: bool = False,
        production: bool = False,
        granularity: str = "hourly",
        home_assistant: bool = False,
    ) -> None:
        self._key = credential(api_key, name="ELECTRICITYMAPS_API_KEY")
        self._version = _one_of("version", version, ("v4", "v3"))
        self._granularity = _one_of("granularity", granularity, tuple(_STEPS))
        self._scope = Scope.DIRECT if direct else Scope.LIFECYCLE
        self._perimeter = Perimeter.PRODUCTION if production else Perimeter.CONSUMPTION
        self._home_assistant = home_assistant
        self.info = replace(type(self).info, scope=self._scope, perimeter=self._perimeter)  # type: ignore[misc]  # this key's own

    def key_for(self, zone: Zone) -> str | None:
        """Alias ``electricitymaps`` if the zone has one; else its key, a region of Great Britain being ``GB``."""
        alias = zone.at(_NAME)
        if alias is not None:
            return alias
        if _GB_REGION.fullmatch(zone.key):
            return "GB"
        return zone.key if _ZONE.fullmatch(zone.key) else None

    # -- plan, place -----------------------------------------------------------------------------------------------

    def access_request(self) -> Request:
        """List of zones; with a key each has what may be asked."""
        return self._request("zones", ())

    def parse_access(self, reply: Reply) -> Access:
        """Endpoints by zone: a list of zones (v4) or an object by key (v3)."""
        tree = read_json(reply, _NAME)
        if isinstance(tree, list):
            zones = [(str(member(zone, "zoneKey", _NAME, "zones[]")), zone) for zone in tree]
        else:
            zones = (
                [(key, zone) for key, zone in tree.items() if isinstance(zone, dict)] if isinstance(tree, dict) else []
            )
        granted: set[tuple[str, Product, SignalKind]] = set()
        for key, zone in zones:
            for entry in items(zone.get("access") or [], _NAME, f"{key[:20]}.access"):
                granted |= {(key, product, SignalKind.AVERAGE) for product in _products(entry)}
        return Access(frozenset(granted))

    def locate_request(self, latitude: float, longitude: float) -> Request:
        """Zone at a place."""
        return self._request("zone", (("lat", f"{latitude:.4f}"), ("lon", f"{longitude:.4f}")))

    def parse_location(self, reply: Reply) -> str:
        """Key of the zone."""
        tree = read_json(reply, _NAME)
        found = tree.get("zoneKey", tree.get("zone")) if isinstance(tree, dict) else None
        if not isinstance(found, str) or not _ZONE.fullmatch(found):
            malformed(_NAME, f"zoneKey is {shorten(found)}, expected a zone", field="zoneKey")
        return found

    # -- data ------------------------------------------------------------------------------------------------------

    def build_requests(self, ask: Ask, replies: tuple[Reply, ...] = ()) -> tuple[Request, ...]:
        """Latest, forecast, the last 24 hours, or older history in pieces of 10 days."""
        self._require(ask)
        if replies:
            return ()
        place = _place(ask.zone)
        if self._home_assistant:
            return (self._request("home-assistant", place, version="v3"),)
        if ask.kind is SignalKind.RELATIVE:
            return (self._request("carbon-intensity-level/latest", place),)
        if ask.product is Product.CURRENT:
            return (self._request("carbon-intensity/latest", (*place, *self._options())),)
        if ask.product is Product.FORECAST:
            horizon = ("horizonHours", str(_horizon(ask)))
            return (self._request("carbon-intensity/forecast", (*place, *self._options(), horizon)),)
        if ask.window.start >= ask.now - _HISTORY_SPAN:
            return (self._request("carbon-intensity/history", (*place, *self._options())),)
        return tuple(
            self._request("carbon-intensity/past-range", (*place, *self._options(), *span))
            for span in _spans(ask.window.start, ask.window.end, self.info.max_span)
        )

    def _options(self) -> tuple[tuple[str, str], ...]:
        flow = () if self._perimeter is Perimeter.CONSUMPTION else (("flowTraced", "false"),)
        granularity = () if self._granularity == "hourly" else (("temporalGranularity", self._granularity),)
        return (("emissionFactorType", str(self._scope)), *flow, *granularity)

    def _request(self, path: str, params: tuple[tuple[str, str], ...], *, version: str | None = None) -> Request:
        return Request(
            path=f"/{version or self._version}/{path}",
            params=(*params, ("disableCallerLookup", "true")),
            headers=(("auth-token", self._key.reveal()),),
            secret_headers=frozenset({"auth-token"}),
        )

    def parse(self, ask: Ask, replies: tuple[Reply, ...]) -> Series:
        """Rows of all replies; estimated ones are marked, of two versions the newer wins."""
        self._require(ask)
        trees = [_unwrapped(ask, read_json(reply, _NAME)) for reply in replies]
        made = [instant_ns(tree.get("updatedAt")) for tree in trees] if ask.product is Product.FORECAST else []
        issued = min((instant for instant in made if instant is not None), default=None)
        labels: dict[str, object] = (
            {"scope": self._scope, "perimeter": self._perimeter} if ask.kind is SignalKind.AVERAGE else {}
        )
        if ask.kind is SignalKind.RELATIVE:
            labels["method"] = "level: low 0, moderate 50, high 100"
        signal = signal_for(self.info, ask, replies, issued_at=None if issued is None else from_ns(issued), **labels)
        name = "level" if ask.kind is SignalKind.RELATIVE else "carbonIntensity"
        points = Points(signal, path=f"[{{}}].{name}", now=ask.now)
        for tree in trees:
            rows, forecast = _rows(tree)
            step = self._step(tree)
            for index, row in enumerate(rows):
                self._add(points, ask, row, index, step=step, forecast=forecast)
        return points.series()

    def _step(self, tree: dict[str, Any]) -> int:
        name = tree.get("temporalGranularity", self._granularity)
        if not isinstance(name, str) or name not in _STEPS:
            malformed(_NAME, f"temporalGranularity is {shorten(name)}, expected {', '.join(_STEPS)}")
        return duration_ns(_STEPS[name])

    def _add(self, points: Points, ask: Ask, row: Any, index: int, *, step: int, forecast: bool) -> None:
        known = row if isinstance(row, dict) else {}
        _check_zone(ask.zone, known.get("zone"))
        counted = known.get("emissionFactorType", str(self._scope))
        if counted != str(self._scope):
            malformed(
                _NAME, f"emissionFactorType is {shorten(counted)}, asked for {self._scope}", field="emissionFactorType"
            )
        if forecast:
            quality = Quality.FORECAST
        else:
            quality = Quality.ESTIMATED if known.get("isEstimated") is True else Quality.MEASURED
        value = known.get("carbonIntensity", MISSING)
        if ask.kind is SignalKind.RELATIVE:
            level = known.get("level", MISSING)
            value = _LEVELS.get(level, level) if isinstance(level, str) else level
        start, version = instant_ns(known.get("datetime")), instant_ns(known.get("updatedAt")) or 0
        end = None if start is None else start + step
        points.add(start, end, value, quality=quality, version=version, index=index)

    def explain(self, ask: Ask, reply: Reply) -> GridError | None:
        """Tell a bad key from a plan, both 401; a zone without recent data is 404."""
        told = error_object(reply)
        if reply.status in {401, 403}:
            if "requestType" in str(told.get("error", "")) or "access to this" in str(told.get("message", "")):
                return Unauthorized(
                    f"the electricitymaps plan does not cover {ask.product} for {ask.zone}",
                    hint="other zones and products still work; `gridtide doctor` lists what the key may ask",
                    provider=_NAME,
                    zone=ask.zone,
                    cause="plan",
                )
            return Unauthorized(
                "electricitymaps does not accept the key",
                hint="check ELECTRICITYMAPS_API_KEY",
                provider=_NAME,
                zone=ask.zone,
                cause="credential",
            )
        if reply.status in {400, 404}:
            return ZoneNotCovered(
                f"electricitymaps has nothing for {ask.zone}: {shorten(str(told.get('message', 'not found')))}",
                hint="US-PJM, CL, JP and SE are no zones of its own: use the part, such as US-MIDA-PJM or SE-SE3",
                provider=_NAME,
                zone=ask.zone,
            )
        return None

    def _require(self, ask: Ask) -> None:
        require_offered(self.info, ask)
        limited = self._home_assistant or ask.kind is SignalKind.RELATIVE
        if limited and ask.product is not Product.CURRENT:
            what = "this key" if self._home_assistant else "its level"
            raise ZoneNotCovered(f"electricitymaps gives {what} for the current moment only", provider=_NAME)
        if self._home_assistant and ask.kind is not SignalKind.AVERAGE:
            raise ZoneNotCovered("electricitymaps gives average intensity only with this key", provider=_NAME)


def _one_of(field: str, value: str, allowed: tuple[str, ...]) -> str:
    if value not in allowed:
        raise ConfigurationError(
            f"electricitymaps {field} is {value[:40]!r}, expected {', '.join(allowed)}", provider=_NAME, field=field
        )
    return value


def _place(zone: str) -> tuple[tuple[str, str], ...]:
    place, centre = _PLACE.fullmatch(zone), _DATA_CENTRE.fullmatch(zone)
    if place:
        return (("lat", place[1]), ("lon", place[2]))
    if centre:
        return (("dataCenterProvider", centre[1]), ("dataCenterRegion", centre[2]))
    if not _ZONE.fullmatch(zone):
        raise ZoneNotCovered(
            f"{zone[:40]!r} is no electricitymaps zone, place or data centre",
            hint="write DE, 50.06,6.86 or gcp:europe-west1",
            provider=_NAME,
            zone=zone[:40],
        )
    return (("zone", zone),)


def _horizon(ask: Ask) -> int:
    hours = (ask.window.end - ask.now) / timedelta(hours=1)
    return next((known for known in _HORIZONS if hours <= known), _HORIZONS[-1])


def _spans(start: datetime, end: datetime, longest: timedelta) -> list[tuple[tuple[str, str], ...]]:
    spans: list[tuple[tuple[str, str], ...]] = []
    while start < end:
        spans.append((("start", isoformat(start)), ("end", isoformat(min(start + longest, end)))))
        start += longest
    return spans


def _products(entry: object) -> set[Product]:
    if entry == "*":
        return set(Product)
    signal, _, endpoint = str(entry).partition("/")
    if signal != "carbon-intensity":
        return set()
    if endpoint == "*":
        return set(Product)
    return {_ENDPOINTS[endpoint]} if endpoint in _ENDPOINTS else set()


def _unwrapped(ask: Ask, tree: Any) -> dict[str, Any]:
    """Return the reply's object; the Home Assistant shape is brought into the one of ``latest``."""
    if not isinstance(tree, dict):
        malformed(_NAME, f"reply is {shorten(tree)}, expected an object")
    if "countryCode" in tree and isinstance(tree.get("data"), dict):
        unit = member(member(tree, "units", _NAME), "carbonIntensity", _NAME, "units")
        if unit != "gCO2eq/kWh":
            malformed(
                _NAME, f"units.carbonIntensity is {shorten(unit)}, expected gCO2eq/kWh", field="units.carbonIntensity"
            )
        return {**tree["data"], "zone": tree["countryCode"]}
    if tree.get("status") == "no-data":
        raise ZoneNotCovered(f"electricitymaps has no recent data for {ask.zone}", provider=_NAME, zone=ask.zone)
    _check_zone(ask.zone, tree.get("zone"))
    return tree


def _check_zone(asked: str, got: object) -> None:
    if got is not None and _ZONE.fullmatch(asked) and got != asked:
        malformed(_NAME, f"zone is {shorten(got)}, asked for {asked}", field="zone", zone=asked)


def _rows(tree: dict[str, Any]) -> tuple[list[Any], bool]:
    """Rows of any of the API's envelopes, and whether they are a forecast."""
    for name in ("forecast", "history", "data"):
        if name in tree:
            return items(tree[name], _NAME, name), name == "forecast"
    member(tree, "datetime", _NAME)
    return [tree], False

"""
ENTSO-E Transparency Platform: actual generation by type (A75), intensity computed from the mix. Free token.

XML by bidding zone. A series into the zone is generation; one out of it is consumption (pumping) and is left out.
Curve type A03 leaves out a position that repeats the one before it, A01 leaves out nothing, so there a missing position
is a gap. No data is an acknowledgement document with code 999, with status 200 or 400.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, ClassVar, Final, NamedTuple

from gridtide.domain.errors import GridError, ProviderUnavailable, RateLimited, Unauthorized, ZoneNotCovered
from gridtide.domain.instants import to_ns
from gridtide.domain.signal import Perimeter, Scope, SignalKind
from gridtide.domain.units import NS_PER_HOUR
from gridtide.grid.credential import credential
from gridtide.grid.mix import ENTSOE, Mix
from gridtide.grid.payload import instant_ns, malformed, shorten, text_number, unavailable
from gridtide.grid.points import POINTS_MAX, require_offered
from gridtide.grid.provider import Ask, Product, ProviderInfo, Reply, Request
from gridtide.grid.providers.generation import GenerationProvider
from gridtide.grid.xml_tree import Element, read_xml

if TYPE_CHECKING:
    from gridtide.domain.secret import Secret
    from gridtide.domain.series import Series
    from gridtide.domain.zone import Zone

__all__ = ["Entsoe"]

_NAME: Final = "entsoe"
_NO_DATA: Final = "999"
_BAN: Final = timedelta(minutes=10)
_CONTEXT: Final = timedelta(hours=26)
_AROUND: Final = timedelta(days=1)
_MINUTE_NS: Final = NS_PER_HOUR // 60
_RESOLUTIONS: Final = {"PT15M": 15, "PT30M": 30, "PT60M": 60, "PT1H": 60}
_POSITIONS_MAX: Final = 400 * 24 * 4
_EIC: Final = re.compile(r"[0-9A-Z-]{16}")


class _Output(NamedTuple):
    """One value of one type of plant over one stretch of time."""

    start_ns: int
    end_ns: int
    code: str
    megawatts: object


class Entsoe(GenerationProvider):
    """
    Carbon intensity of a bidding zone; keys are EIC codes such as ``10Y1001A1001A82H``.

    Args:
        api_key: Security token.
        factors: Name of the factor set.
    """

    factor_sets: ClassVar = ENTSOE
    info: ClassVar[ProviderInfo] = ProviderInfo(
        name=_NAME,
        title="ENTSO-E Transparency Platform",
        base_url="https://web-api.tp.entsoe.eu",
        kinds=(SignalKind.AVERAGE,),
        products=frozenset({Product.CURRENT, Product.HISTORY}),
        scope=Scope.LIFECYCLE,
        perimeter=Perimeter.PRODUCTION,
        attribution="ENTSO-E Transparency Platform, CC BY 4.0",
        licence="CC BY 4.0",
        credentials=("ENTSOE_API_KEY",),
        period=timedelta(hours=1),
        lag=timedelta(hours=2),
        max_span=timedelta(days=365),
        calls_per_window=300,
        budget_window=timedelta(minutes=1),
    )
    fuels: ClassVar = {
        "b01": "biomass",
        "b02": "lignite",
        "b03": "coal_gas",
        "b04": "gas",
        "b05": "coal",
        "b06": "oil",
        "b07": "oil_shale",
        "b08": "peat",
        "b09": "geothermal",
        "b10": "pumped_storage",
        "b11": "hydro",
        "b12": "hydro",
        "b13": "ocean",
        "b14": "nuclear",
        "b15": "other_renewable",
        "b16": "solar",
        "b17": "waste",
        "b18": "wind_offshore",
        "b19": "wind",
        "b20": "other",
        "b25": "battery",
    }

    def __init__(self, api_key: str | Secret, *, factors: str = "ipcc2014") -> None:
        super().__init__(factors=factors)
        self._token = credential(api_key, name="ENTSOE_API_KEY")

    def key_for(self, zone: Zone) -> str | None:
        """Alias ``entsoe-eic``, or ``entsoe`` where that is an EIC."""
        for alias in (zone.at("entsoe-eic"), zone.at(_NAME)):
            if alias is not None and _EIC.fullmatch(alias):
                return alias
        return None

    def build_requests(self, ask: Ask, replies: tuple[Reply, ...] = ()) -> tuple[Request, ...]:
        """One request, or one for each year of history."""
        require_offered(self.info, ask)
        if replies:
            return ()
        if ask.product is Product.CURRENT:
            return (self._request(ask.zone, ask.now - _CONTEXT, ask.now),)
        start, requests = ask.window.start, []
        while start < ask.window.end:
            end = min(start + self.info.max_span, ask.window.end)
            requests.append(self._request(ask.zone, start, end))
            start = end
        return tuple(requests)

    def _request(self, zone: str, start: datetime, end: datetime) -> Request:
        return Request(
            path="/api",
            params=(
                ("securityToken", self._token.reveal()),
                ("documentType", "A75"),
                ("processType", "A16"),
                ("in_Domain", zone),
                ("periodStart", _hour(start)),
                ("periodEnd", _hour(end + timedelta(minutes=59))),
            ),
            secret_params=frozenset({"securityToken"}),
        )

    def parse(self, ask: Ask, replies: tuple[Reply, ...]) -> Series:
        """Steps of the finest resolution among the types; a coarser type holds over its finer parts."""
        points = self._points(ask, replies, "step {}")
        mix = self._mix()
        outputs: list[_Output] = []
        span = _span(ask)
        for reply in replies:
            if reply.body[:4] == b"PK\x03\x04":
                malformed(_NAME, "reply is a zip archive, which comes for very long windows; ask for a shorter one")
            document = read_xml(reply, _NAME)
            if document.name == "Acknowledgement_MarketDocument":
                raise _acknowledged(ask.zone, document)
            if document.name != "GL_MarketDocument":
                malformed(_NAME, f"document is {shorten(document.name)}, expected GL_MarketDocument")
            for position, series in enumerate(document.all("TimeSeries")):
                _take(outputs, ask.zone, series, f"TimeSeries[{position}]", span=span)
        _split(outputs, mix)
        mix.fill(points)
        return points.series()

    def explain(self, ask: Ask, reply: Reply) -> GridError | None:
        """401 is the token, 429 bans for ten minutes, 400 may say that there is no data."""
        if reply.status == 401:
            return Unauthorized(
                "entsoe does not accept the security token",
                hint="set ENTSOE_API_KEY; access to the API is granted by mail after registering",
                provider=_NAME,
                zone=ask.zone,
                cause="credential",
            )
        if reply.status == 429:
            return RateLimited("entsoe limits our requests for ten minutes", retry_after=_BAN, provider=_NAME)
        if reply.status == 400 and b"Acknowledgement_MarketDocument" in reply.body[:2000]:
            try:
                return _acknowledged(ask.zone, read_xml(reply, _NAME))
            except GridError:
                return None
        return None


def _span(ask: Ask) -> tuple[int, int]:
    """What is read of a document: the window with a day around it. [ns]"""
    current = ask.product is Product.CURRENT
    start, end = (ask.now - _CONTEXT, ask.now) if current else (ask.window.start, ask.window.end)
    return to_ns(start - _AROUND), to_ns(end + _AROUND)


def _hour(instant: datetime) -> str:
    return instant.astimezone(UTC).strftime("%Y%m%d%H00")


def _acknowledged(zone: str, document: Element) -> GridError:
    code = document.find("Reason/code") or "without code"
    if code == _NO_DATA:
        return ZoneNotCovered(
            f"entsoe has no generation data for {zone} in this window",
            hint="its values come one to three hours late; some zones no longer report",
            provider=_NAME,
            zone=zone,
            reason="no_data",
        )
    return ProviderUnavailable(f"entsoe answered with code {shorten(code)}", provider=_NAME, zone=zone)


def _take(outputs: list[_Output], zone: str, series: Element, path: str, *, span: tuple[int, int]) -> None:
    """Add the values of one TimeSeries; none of one that consumes."""
    domain = series.find("inBiddingZone_Domain.mRID")
    if domain is None:
        if series.find("outBiddingZone_Domain.mRID") is None:
            malformed(_NAME, f"{path}.inBiddingZone_Domain.mRID is missing", field=f"{path}.inBiddingZone_Domain.mRID")
        return
    if domain != zone:
        malformed(_NAME, f"{path} is for zone {shorten(domain)}, asked for {zone}", field=path, zone=zone)
    unit = series.find("quantity_Measure_Unit.name")
    if unit != "MAW":
        malformed(_NAME, f"{path}.quantity_Measure_Unit.name is {shorten(unit)}, expected 'MAW'", field=path)
    code = series.find("MktPSRType/psrType")
    if not code:
        malformed(_NAME, f"{path}.MktPSRType.psrType is missing", field=f"{path}.MktPSRType.psrType")
    carries = series.find("curveType") == "A03"
    for period in series.all("Period"):
        outputs += _period(period, code, path, carries=carries, span=span)
        if len(outputs) > POINTS_MAX:
            malformed(_NAME, f"document holds more than {POINTS_MAX} values")


def _period(period: Element, code: str, path: str, *, carries: bool, span: tuple[int, int]) -> list[_Output]:
    """Values of one Period inside *span*; a typing error in a year must not become years of values. [ns]"""
    start, end = instant_ns(period.find("timeInterval/start")), instant_ns(period.find("timeInterval/end"))
    minutes = _RESOLUTIONS.get(period.find("resolution") or "")
    if start is None or end is None or end <= start:
        malformed(_NAME, f"{path}.Period.timeInterval is missing or no interval", field=f"{path}.Period.timeInterval")
    if minutes is None:
        allowed = ", ".join(_RESOLUTIONS)
        malformed(_NAME, f"{path}.Period.resolution is {shorten(period.find('resolution'))}, expected one of {allowed}")
    step = minutes * _MINUTE_NS
    count = (end - start) // step
    if count > _POSITIONS_MAX:
        malformed(_NAME, f"{path}.Period has {count} positions, at most {_POSITIONS_MAX} are read")
    values = _positions(period, count, path)
    first, last = max(1, (span[0] - start) // step + 1), min(count, -((start - span[1]) // step))
    latest = next((values[k] for k in sorted(values, reverse=True) if k < first), None) if carries else None
    found = []
    for position in range(first, last + 1):
        if position in values:
            latest = values[position]
        elif not carries:
            continue
        if position in values or latest is not None:
            begin = start + (position - 1) * step
            found.append(_Output(begin, begin + step, code, latest))
    return found


def _positions(period: Element, count: int, path: str) -> dict[int, object]:
    values: dict[int, object] = {}
    for point in period.all("Point"):
        text = point.find("position") or ""
        position = int(text) if text.isascii() and text.isdigit() and len(text) <= 6 else 0
        if not 1 <= position <= count:
            malformed(_NAME, f"{path}.Point.position is {shorten(text)}, expected 1 to {count}", field=f"{path}.Point")
        quantity = text_number(point.find("quantity"))
        if values.get(position, quantity) != quantity:
            malformed(_NAME, f"{path} has position {position} twice with different quantities", field=f"{path}.Point")
        values[position] = quantity
    return values


def _split(outputs: list[_Output], mix: Mix) -> None:
    """Bring every value to the finest step there is."""
    if not outputs:
        unavailable(_NAME, "document holds no generation series")
    step = min(output.end_ns - output.start_ns for output in outputs)
    for index, output in enumerate(outputs):
        for start in range(output.start_ns, output.end_ns, step):
            mix.add(start, start + step, output.code, output.megawatts, index=index)

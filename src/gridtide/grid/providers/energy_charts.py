"""
Energy-Charts (Fraunhofer ISE): European countries and their day-ahead prices. Keyless.

Carbon intensity is lifecycle CO2eq by country, in parallel arrays with nulls; the label is the start of a step whose
length is the distance between labels. A measured value wins over a forecast for the same step; both null is a gap.
Nothing beyond the last forecast is known, and some countries have no forecast at all.

The traffic light signal is relative: it gives the renewable share of load. Our relative signals rank from clean
(low) to dirty (high), so the series holds 100 minus that share.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar, Final

from gridtide.domain.errors import GridError, ZoneNotCovered
from gridtide.domain.instants import duration_ns
from gridtide.domain.signal import Perimeter, Quality, Scope, SignalKind
from gridtide.grid.payload import epoch_ns, items, malformed, member, read_json, shorten
from gridtide.grid.points import Points, require_offered, signal_for, spacing_ns
from gridtide.grid.provider import Ask, Product, Provider, ProviderInfo, Reply, Request

if TYPE_CHECKING:
    from gridtide.domain.series import Series
    from gridtide.domain.zone import Zone

__all__ = ["COUNTRIES", "PRICE_AREAS", "EnergyCharts", "EnergyChartsPrice"]

COUNTRIES: Final = frozenset({
    "al", "am", "at", "az", "ba", "be", "bg", "by", "ch", "cy", "cz", "de", "dk", "ee", "es", "fi", "fr", "ge", "gr",
    "hr", "hu", "ie", "it", "lt", "lu", "lv", "md", "me", "mk", "mt", "nie", "nl", "no", "pl", "pt", "ro", "rs",
    "se", "si", "sk", "tr", "ua", "xk", "eu", "all",
})  # fmt: skip
"""Codes the API lists; whether a country really has a forecast shows only in its replies."""

PRICE_AREAS: Final[dict[str, str]] = {
    "AT": "AT", "BE": "BE", "BG": "BG", "CH": "CH", "CZ": "CZ", "DE": "DE-LU", "LU": "DE-LU", "DK-DK1": "DK1",
    "DK-DK2": "DK2", "EE": "EE", "ES": "ES", "FI": "FI", "FR": "FR", "GR": "GR", "HR": "HR", "HU": "HU",
    "IT-CNO": "IT-Centre-North", "IT-CSO": "IT-Centre-South", "IT-NO": "IT-North", "IT-SAR": "IT-Sardinia",
    "IT-SIC": "IT-Sicily", "IT-SO": "IT-South", "LT": "LT", "LV": "LV", "ME": "ME", "NL": "NL", "NO-NO1": "NO1",
    "NO-NO2": "NO2", "NO-NO3": "NO3", "NO-NO4": "NO4", "NO-NO5": "NO5", "PL": "PL", "PT": "PT", "RO": "RO", "RS": "RS",
    "SE-SE1": "SE1", "SE-SE2": "SE2", "SE-SE3": "SE3", "SE-SE4": "SE4", "SI": "SI", "SK": "SK",
}  # fmt: skip
"""Bidding zone of each of our zones."""

_QUARTER: Final = timedelta(minutes=15)
_AHEAD: Final = timedelta(hours=72)
_NAME: Final = "energy-charts"


class EnergyCharts(Provider):
    """Carbon intensity and renewable share of a country; keys are lower-case ISO codes such as ``de``."""

    info: ClassVar[ProviderInfo] = ProviderInfo(
        name=_NAME,
        title="Energy-Charts, Fraunhofer ISE",
        base_url="https://api.energy-charts.info",
        kinds=(SignalKind.AVERAGE, SignalKind.RELATIVE),
        products=frozenset(Product),
        scope=Scope.LIFECYCLE,
        perimeter=Perimeter.UNKNOWN,
        attribution="Energy-Charts.info, Fraunhofer ISE, CC BY 4.0",
        licence="CC BY 4.0",
        period=timedelta(hours=1),
        lag=timedelta(hours=1),
        horizon=_AHEAD,
        max_span=timedelta(days=31),
        calls_per_window=30,
        budget_window=timedelta(minutes=1),
    )

    def key_for(self, zone: Zone) -> str | None:
        """Alias ``energy-charts`` if the zone has one; else the country at the start of its key."""
        code = (zone.at(_NAME) or zone.key.partition("-")[0]).lower()
        return code if code in COUNTRIES else None

    def build_requests(self, ask: Ask, replies: tuple[Reply, ...] = ()) -> tuple[Request, ...]:
        """One request, or one for each 31 days of history."""
        require_offered(self.info, ask)
        country = ask.zone.lower()
        if country not in COUNTRIES:
            raise _not_covered(ask.zone)
        if ask.kind is SignalKind.RELATIVE:
            return () if replies else (Request(path="/signal", params=(("country", country),)),)
        return _requests("/co2eq", ("country", country), ask, replies, self.info.max_span)

    def parse(self, ask: Ask, replies: tuple[Reply, ...]) -> Series:
        """Steps of all replies, measured before forecast."""
        require_offered(self.info, ask)
        path = "share[{}]" if ask.kind is SignalKind.RELATIVE else "co2eq[{}]"
        labels = {"method": "100 - renewable share of load"} if ask.kind is SignalKind.RELATIVE else {}
        points = Points(signal_for(self.info, ask, replies, **labels), path=path, now=ask.now)
        for reply in replies:
            tree = read_json(reply, _NAME)
            if ask.kind is SignalKind.RELATIVE:
                _add_shares(points, tree, ask.now)
            else:
                _add_intensities(points, tree)
        return points.series()

    def explain(self, ask: Ask, reply: Reply) -> GridError | None:
        """An unknown country is 400 or 404 in plain text."""
        return _not_covered(ask.zone) if reply.status in {400, 404} else None


class EnergyChartsPrice(Provider):
    """Day-ahead price of a bidding zone; keys are names such as ``DE-LU``. Auction results, so not forecasts."""

    info: ClassVar[ProviderInfo] = ProviderInfo(
        name="energy-charts-price",
        title="Energy-Charts day-ahead prices",
        base_url="https://api.energy-charts.info",
        kinds=(SignalKind.PRICE,),
        products=frozenset(Product),
        attribution="Energy-Charts.info, Fraunhofer ISE",
        licence="by bidding zone; each reply says",
        period=timedelta(days=1),
        lag=timedelta(0),
        horizon=timedelta(hours=36),
        max_span=timedelta(days=31),
        calls_per_window=2,
        budget_window=timedelta(minutes=1),
    )

    def key_for(self, zone: Zone) -> str | None:
        """Alias ``energy-charts-price`` if the zone has one; else the bidding zone of its key."""
        return zone.at(self.info.name) or PRICE_AREAS.get(zone.key)

    def build_requests(self, ask: Ask, replies: tuple[Reply, ...] = ()) -> tuple[Request, ...]:
        """One request, or one for each 31 days of history."""
        require_offered(self.info, ask)
        return _requests("/price", ("bzn", ask.zone), ask, replies, self.info.max_span)

    def parse(self, ask: Ask, replies: tuple[Reply, ...]) -> Series:
        """Prices; the licence in the reply joins the credit."""
        require_offered(self.info, ask)
        trees = [read_json(reply, self.info.name) for reply in replies]
        licences = {str(tree.get("license_info") or "") for tree in trees if isinstance(tree, dict)} - {""}
        credit = "; ".join([self.info.attribution, *sorted(text[:200] for text in licences)])
        signal = signal_for(self.info, ask, replies, attribution=credit)
        points = Points(signal, path="price[{}]", now=ask.now)
        for tree in trees:
            unit = member(tree, "unit", self.info.name)
            if str(unit).replace(" ", "").upper() not in {"EUR/MWH", "€/MWH"}:
                malformed(self.info.name, f"unit is {shorten(unit)}, expected EUR/MWh", field="unit")
            starts, (prices,) = _columns(tree, self.info.name, "price")
            _add_steps(points, starts, prices)
        return points.series()

    def explain(self, ask: Ask, reply: Reply) -> GridError | None:
        """An unknown bidding zone is 400 or 404 in plain text."""
        return _not_covered(ask.zone, self.info.name) if reply.status in {400, 404} else None


def _not_covered(zone: str, name: str = _NAME) -> ZoneNotCovered:
    allowed = "a bidding zone such as DE-LU" if name != _NAME else "a country code in lower case, such as de"
    return ZoneNotCovered(f"{name} does not cover {zone[:20]!r}; it takes {allowed}", provider=name, zone=zone[:20])


def _requests(
    path: str, place: tuple[str, str], ask: Ask, replies: tuple[Reply, ...], longest: timedelta
) -> tuple[Request, ...]:
    if replies:
        return ()
    if ask.product is Product.HISTORY:
        start, end = ask.window.start, ask.window.end
    else:
        start, end = ask.now, ask.now + (_AHEAD if ask.product is Product.FORECAST else timedelta(0))
    requests = []
    while True:
        last = min(start + longest, end)
        span = (("start", _date(start)), ("end", _date(last)))
        requests.append(Request(path=path, params=(place, *span)))
        if last >= end:
            return tuple(requests)
        start = last


def _date(instant: datetime) -> str:
    return instant.astimezone(UTC).date().isoformat()


def _columns(tree: Any, provider: str, *names: str) -> tuple[list[Any], list[list[Any]]]:
    """Labels and the parallel arrays of a reply; all of one length."""
    labels = items(member(tree, "unix_seconds", provider), provider, "unix_seconds")
    columns = [items(member(tree, name, provider), provider, name) for name in names]
    for name, column in zip(names, columns, strict=True):
        if len(column) != len(labels):
            malformed(provider, f"{name} has {len(column)} values, unix_seconds has {len(labels)}", field=name)
    return labels, columns


def _add_intensities(points: Points, tree: Any) -> None:
    labels, (measured,) = _columns(tree, _NAME, "co2eq")
    forecast: list[Any] = [None] * len(labels)
    if isinstance(tree, dict) and tree.get("co2eq_forecast") is not None:
        _, (forecast,) = _columns(tree, _NAME, "co2eq_forecast")
    values = [f if m is None else m for m, f in zip(measured, forecast, strict=True)]
    qualities = [Quality.FORECAST if m is None else Quality.MEASURED for m in measured]
    _add_steps(points, labels, values, qualities)


def _add_shares(points: Points, tree: Any, now: datetime) -> None:
    labels, (shares, lights) = _columns(tree, _NAME, "share", "signal")
    now_s = now.timestamp()
    dirt = [_dirt(share) for share in shares]
    past = Quality.TYPICAL if isinstance(tree, dict) and tree.get("substitute") is True else Quality.ESTIMATED
    ahead = max(past, Quality.FORECAST, key=lambda quality: quality.rank)
    qualities = [ahead if isinstance(label, int) and label > now_s else past for label in labels]
    congested = [isinstance(light, int) and light < 0 for light in lights]
    _add_steps(points, labels, [100.0 if jam else d for jam, d in zip(congested, dirt, strict=True)], qualities)


def _dirt(share: Any) -> Any:
    """100 minus the renewable share; a share over 100 means export and counts as 100. What is no number stays."""
    if isinstance(share, bool) or not isinstance(share, (int, float)) or share < 0:
        return share
    return 100.0 - min(share, 100.0) if share == share else share  # noqa: PLR0124 - NaN stays and is rejected


def _add_steps(points: Points, labels: list[Any], values: list[Any], qualities: list[Quality] | None = None) -> None:
    starts = [epoch_ns(label) for label in labels]
    step = spacing_ns([start for start in starts if start is not None], default_ns=duration_ns(_QUARTER))
    for index, (start, value) in enumerate(zip(starts, values, strict=True)):
        end = None if start is None else start + step
        points.add(start, end, value, index=index, quality=Quality.MEASURED if qualities is None else qualities[index])

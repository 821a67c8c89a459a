"""
OpenElectricity: Australia's markets, emissions over energy. Free key; the data are licensed for non-commercial use.

Asked for in naive network time (NEM UTC+10, WEM UTC+8, both all year), answered with an offset. Emissions in tonnes and
energy in MWh come as two lists of pairs; a step counts when both are numbers. At most 1,000 intervals a call.
"""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any, ClassVar, Final

from gridtide.domain.errors import GridError, Unauthorized, ZoneNotCovered
from gridtide.domain.instants import duration_ns
from gridtide.domain.signal import Perimeter, Scope, SignalKind
from gridtide.domain.units import G_PER_KWH_PER_T_PER_MWH
from gridtide.grid.credential import credential
from gridtide.grid.payload import instant_ns, items, malformed, member, read_json, shorten
from gridtide.grid.points import Points, Reject, require_offered, signal_for
from gridtide.grid.provider import Ask, Product, Provider, ProviderInfo, Reply, Request

if TYPE_CHECKING:
    from gridtide.domain.secret import Secret
    from gridtide.domain.series import Series
    from gridtide.domain.zone import Zone

__all__ = ["OpenElectricity"]

_NAME: Final = "openelectricity"
_NETWORKS: Final = {
    **dict.fromkeys(("NSW1", "QLD1", "SA1", "TAS1", "VIC1"), "NEM"),
    "WEM": "WEM",
}
_OFFSETS: Final = {"NEM": timezone(timedelta(hours=10)), "WEM": timezone(timedelta(hours=8))}
_ZONES: Final = {
    "AU-NSW": "NSW1",
    "AU-QLD": "QLD1",
    "AU-SA": "SA1",
    "AU-TAS": "TAS1",
    "AU-VIC": "VIC1",
    "AU-WA": "WEM",
}
_UNITS: Final = {"emissions": "t", "energy": "MWh"}
_INTERVALS: Final = {"5m": timedelta(minutes=5), "1h": timedelta(hours=1)}
_CALL_MAX: Final = 1000


class OpenElectricity(Provider):
    """
    Carbon intensity of an Australian region; keys are ``NSW1``, ``QLD1``, ``SA1``, ``TAS1``, ``VIC1`` and ``WEM``.

    Args:
        api_key: API key.
    """

    info: ClassVar[ProviderInfo] = ProviderInfo(
        name=_NAME,
        title="OpenElectricity",
        base_url="https://api.openelectricity.org.au",
        kinds=(SignalKind.AVERAGE,),
        products=frozenset({Product.CURRENT, Product.HISTORY}),
        scope=Scope.DIRECT,
        perimeter=Perimeter.PRODUCTION,
        attribution="Open Electricity (Superpower Institute), CC BY-NC 4.0",
        licence="CC BY-NC 4.0: not for commercial use",
        credentials=("OPENELECTRICITY_API_KEY",),
        period=timedelta(minutes=5),
        lag=timedelta(minutes=10),
        max_span=timedelta(days=41),
        calls_per_window=30,
        budget_window=timedelta(minutes=1),
    )

    def __init__(self, api_key: str | Secret) -> None:
        self._key = credential(api_key, name="OPENELECTRICITY_API_KEY")

    def key_for(self, zone: Zone) -> str | None:
        """Alias ``openelectricity`` if the zone has one; else by key, such as ``AU-NSW``."""
        region = zone.at(_NAME) or _ZONES.get(zone.key)
        return region if region in _NETWORKS else None

    def build_requests(self, ask: Ask, replies: tuple[Reply, ...] = ()) -> tuple[Request, ...]:
        """The last two hours in five minutes, or history in hours, 1,000 of them a call."""
        require_offered(self.info, ask)
        network = _network(ask.zone)
        if replies:
            return ()
        if ask.product is Product.CURRENT:
            return (self._request(network, "5m", ask.now - timedelta(hours=2), ask.now),)
        start, requests = ask.window.start.replace(minute=0, second=0, microsecond=0), []
        while start < ask.window.end:
            end = min(start + _CALL_MAX * _INTERVALS["1h"], ask.window.end)
            requests.append(self._request(network, "1h", start, end))
            start = end
        return tuple(requests)

    def _request(self, network: str, interval: str, start: datetime, end: datetime) -> Request:
        offset = _OFFSETS[network]
        return Request(
            path=f"/v4/data/network/{network}",
            params=(
                ("metrics", "emissions"),
                ("metrics", "energy"),
                ("interval", interval),
                ("primary_grouping", "network_region"),
                ("date_start", start.astimezone(offset).strftime("%Y-%m-%dT%H:%M:%S")),
                ("date_end", end.astimezone(offset).strftime("%Y-%m-%dT%H:%M:%S")),
            ),
            headers=(("Authorization", f"Bearer {self._key.reveal()}"),),
            secret_headers=frozenset({"authorization"}),
        )

    def parse(self, ask: Ask, replies: tuple[Reply, ...]) -> Series:
        """Tonnes over megawatt-hours of the region, where both are known."""
        require_offered(self.info, ask)
        _network(ask.zone)
        points = Points(signal_for(self.info, ask, replies, method="emissions / energy"), path="data[{}]", now=ask.now)
        for reply in replies:
            blocks = items(member(read_json(reply, _NAME), "data", _NAME), _NAME, "data")
            found = {metric: _pairs(ask.zone, blocks, metric) for metric in _UNITS}
            _add(points, found["emissions"], found["energy"], _step(blocks))
        return points.series()

    def explain(self, ask: Ask, reply: Reply) -> GridError | None:
        """A missing or wrong key is 401."""
        if reply.status != 401:
            return None
        return Unauthorized(
            "openelectricity does not accept the API key",
            hint="check OPENELECTRICITY_API_KEY",
            provider=_NAME,
            zone=ask.zone,
            cause="credential",
        )


def _network(zone: str) -> str:
    network = _NETWORKS.get(zone)
    if network is None:
        allowed = ", ".join(_NETWORKS)
        raise ZoneNotCovered(f"openelectricity does not cover {zone[:20]!r}; it has {allowed}", provider=_NAME)
    return network


def _pairs(zone: str, blocks: list[Any], metric: str) -> dict[object, object]:
    """Values of one metric of one region by label."""
    paths = {f"data[{index}]": block for index, block in enumerate(blocks)}
    path = next((path for path, block in paths.items() if member(block, "metric", _NAME, path) == metric), None)
    if path is None:
        malformed(_NAME, f"data has no metric {metric!r}", field="data")
    unit = member(paths[path], "unit", _NAME, path)
    if unit != _UNITS[metric]:
        malformed(_NAME, f"{path}.unit of {metric} is {shorten(unit)}, expected {_UNITS[metric]}", field=f"{path}.unit")
    results = items(member(paths[path], "results", _NAME, path), _NAME, f"{path}.results")
    result = next((result for result in results if _region(result) == zone), None)
    if result is None:
        malformed(_NAME, f"{path}.results has no region {zone}", field=f"{path}.results", zone=zone)
    pairs = items(member(result, "data", _NAME, f"{path}.results[]"), _NAME, f"{path}.results[].data")
    return {_label(pair, path): pair[1] for pair in pairs}


def _region(result: Any) -> object:
    columns = result.get("columns") if isinstance(result, dict) else None
    if isinstance(columns, dict) and columns:
        return columns.get("region", columns.get("network_region"))
    return str(result.get("name", "")).rpartition("_")[2] if isinstance(result, dict) else None


def _label(pair: Any, path: str) -> object:
    if not isinstance(pair, list) or len(pair) != 2 or not isinstance(pair[0], str):
        malformed(_NAME, f"{path}.results[].data holds {shorten(pair)}, expected pairs of time and value", field=path)
    return pair[0]


def _step(blocks: list[Any]) -> int:
    names = {str(member(block, "interval", _NAME, "data[]")) for block in blocks}
    if len(names) != 1 or not names <= set(_INTERVALS):
        malformed(_NAME, f"data[].interval is {shorten(', '.join(sorted(names)))}, expected 5m or 1h", field="interval")
    return duration_ns(_INTERVALS[names.pop()])


def _add(points: Points, emissions: dict[object, object], energy: dict[object, object], step: int) -> None:
    for index, (label, tonnes) in enumerate(emissions.items()):
        megawatt_hours = energy.get(label)
        start = instant_ns(label)
        end = None if start is None else start + step
        numbers = [x for x in (tonnes, megawatt_hours) if isinstance(x, (int, float)) and not isinstance(x, bool)]
        if len(numbers) < 2:
            points.add(start, end, tonnes if not _is_number(tonnes) else megawatt_hours, index=index)
        elif not numbers[1] > 0:
            points.skip(Reject.INCOMPLETE, index, f"energy {numbers[1]} MWh")
        else:
            points.add(start, end, numbers[0] / numbers[1], factor=G_PER_KWH_PER_T_PER_MWH, index=index)


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)

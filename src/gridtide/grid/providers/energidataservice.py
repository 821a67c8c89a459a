"""
Energi Data Service (Energinet): Denmark's two price areas, in five minutes. Keyless.

``CO2EmisProg`` is today and, from mid-afternoon, tomorrow; ``CO2Emis`` is near real time. Labels are the start of a
step, in UTC but without a ``Z``; without ``timezone=utc`` the window would be read as Danish time.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, ClassVar, Final

from gridtide.domain.errors import ZoneNotCovered
from gridtide.domain.instants import duration_ns
from gridtide.domain.signal import Perimeter, Quality, Scope, SignalKind
from gridtide.grid.payload import MISSING, items, local_ns, malformed, member, read_json, shorten
from gridtide.grid.points import Points, Reject, require_offered, signal_for
from gridtide.grid.provider import Ask, Product, Provider, ProviderInfo, Reply, Request

if TYPE_CHECKING:
    from gridtide.domain.series import Series
    from gridtide.domain.zone import Zone

__all__ = ["EnergiDataService"]

_NAME: Final = "energidataservice"
_AREAS: Final = frozenset({"DK1", "DK2"})
_STEP_NS: Final = duration_ns(timedelta(minutes=5))
_CONTEXT: Final = timedelta(hours=1)
_AHEAD: Final = timedelta(hours=48)


class EnergiDataService(Provider):
    """Carbon intensity of ``DK1`` (west) and ``DK2`` (east)."""

    info: ClassVar[ProviderInfo] = ProviderInfo(
        name=_NAME,
        title="Energinet, Energi Data Service",
        base_url="https://api.energidataservice.dk",
        kinds=(SignalKind.AVERAGE,),
        products=frozenset(Product),
        scope=Scope.DIRECT,
        perimeter=Perimeter.CONSUMPTION,
        attribution="Energinet, Energi Data Service",
        licence="open, attribution",
        period=timedelta(minutes=30),
        lag=timedelta(minutes=10),
        horizon=timedelta(hours=35),
        max_span=timedelta(days=31),
        calls_per_window=10,
        budget_window=timedelta(minutes=1),
    )

    def key_for(self, zone: Zone) -> str | None:
        """Alias ``energidataservice`` if the zone has one; else the end of ``DK-DK1``."""
        area = zone.at(_NAME) or zone.key.removeprefix("DK-")
        return area if area in _AREAS else None

    def build_requests(self, ask: Ask, replies: tuple[Reply, ...] = ()) -> tuple[Request, ...]:
        """All rows of the window in one reply."""
        require_offered(self.info, ask)
        if ask.zone not in _AREAS:
            raise ZoneNotCovered(f"{_NAME} does not cover {ask.zone[:20]!r}; it has DK1 and DK2", provider=_NAME)
        if replies:
            return ()
        start, end = ask.window.start, ask.window.end
        if ask.product is Product.CURRENT:
            start, end = ask.now - _CONTEXT, ask.now + _CONTEXT
        elif ask.product is Product.FORECAST:
            start, end = ask.now - _CONTEXT, ask.now + _AHEAD
        params = (
            ("start", _minute(start)),
            ("end", _minute(end)),
            ("timezone", "utc"),
            ("filter", json.dumps({"PriceArea": [ask.zone]}, separators=(",", ":"))),
            ("columns", "Minutes5UTC,PriceArea,CO2Emission"),
            ("sort", "Minutes5UTC ASC"),
            ("limit", "0"),
        )
        return (Request(path=f"/dataset/{_dataset(ask)}", params=params),)

    def parse(self, ask: Ask, replies: tuple[Reply, ...]) -> Series:
        """Rows of the area that was asked for."""
        require_offered(self.info, ask)
        points = Points(signal_for(self.info, ask, replies), path="records[{}].CO2Emission", now=ask.now)
        quality = Quality.FORECAST if ask.product is Product.FORECAST else Quality.ESTIMATED
        for reply in replies:
            tree = read_json(reply, _NAME)
            records = items(member(tree, "records", _NAME), _NAME, "records")
            dataset = tree.get("dataset") if isinstance(tree, dict) else None
            if dataset is not None and dataset != _dataset(ask):
                malformed(_NAME, f"dataset is {shorten(dataset)}, asked for {_dataset(ask)}", field="dataset")
            for index, record in enumerate(records):
                area = member(record, "PriceArea", _NAME, f"records[{index}]")
                if area != ask.zone:
                    points.skip(Reject.ZONE, index, area)
                    continue
                start = local_ns(record.get("Minutes5UTC"), UTC)
                end = None if start is None else start + _STEP_NS
                points.add(start, end, record.get("CO2Emission", MISSING), quality=quality, index=index)
        return points.series()


def _dataset(ask: Ask) -> str:
    return "CO2EmisProg" if ask.product is Product.FORECAST else "CO2Emis"


def _minute(instant: datetime) -> str:
    return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M")

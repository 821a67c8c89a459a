"""
New York ISO, real-time fuel mix: one CSV file for each Eastern day, intensity computed from the mix. Keyless.

A row for each fuel and five minutes, labelled with a clock time and, in a column of its own, EST or EDT, so the hour
that comes twice is told apart. The first row of a day is 00:05, so just after midnight yesterday's file is asked for.
``Dual Fuel`` is gas or oil and counts as gas.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING, ClassVar, Final
from zoneinfo import ZoneInfo

from gridtide.domain.instants import duration_ns, to_ns
from gridtide.domain.interval import Interval
from gridtide.domain.signal import Perimeter, Scope, SignalKind
from gridtide.grid.local_time import days_of
from gridtide.grid.payload import read_csv, text_number
from gridtide.grid.points import Reject, require_offered
from gridtide.grid.provider import Ask, Product, ProviderInfo, Reply, Request
from gridtide.grid.providers.generation import UsIso

if TYPE_CHECKING:
    from gridtide.domain.series import Series

__all__ = ["Nyiso"]

_EASTERN: Final = ZoneInfo("America/New_York")
_OFFSETS: Final = {"EST": timezone(timedelta(hours=-5)), "EDT": timezone(timedelta(hours=-4))}
_STEP_NS: Final = duration_ns(timedelta(minutes=5))
_LATE: Final = timedelta(minutes=15)
_COLUMNS: Final = ("Time Stamp", "Time Zone", "Fuel Category", "Gen MW")


class Nyiso(UsIso):
    """Carbon intensity of the New York ISO; its one zone key is ``NYISO``."""

    info: ClassVar[ProviderInfo] = ProviderInfo(
        name="nyiso",
        title="New York ISO, real-time fuel mix",
        base_url="https://mis.nyiso.com",
        kinds=(SignalKind.AVERAGE,),
        products=frozenset({Product.CURRENT, Product.HISTORY}),
        scope=Scope.LIFECYCLE,
        perimeter=Perimeter.PRODUCTION,
        attribution="New York ISO",
        licence="public, attribution",
        period=timedelta(minutes=5),
        lag=timedelta(minutes=10),
        max_span=timedelta(days=7),
        calls_per_window=12,
        budget_window=timedelta(minutes=1),
    )
    zone_key: ClassVar = "US-NY-NYIS"
    fuels: ClassVar = {
        "dual fuel": "gas",
        "natural gas": "gas",
        "nuclear": "nuclear",
        "other fossil fuels": "oil",
        "other renewables": "biomass",
        "wind": "wind",
        "hydro": "hydro",
    }

    def build_requests(self, ask: Ask, replies: tuple[Reply, ...] = ()) -> tuple[Request, ...]:
        """One file for each Eastern day of the window."""
        require_offered(self.info, ask)
        if replies:
            return ()
        newest = (ask.now - _LATE).astimezone(_EASTERN).date()
        days = [newest] if ask.product is Product.CURRENT else days_of(_with_midnight(ask.window), _EASTERN)
        return tuple(Request(path=f"/public/csv/rtfuelmix/{day:%Y%m%d}rtfuelmix.csv") for day in days if day <= newest)

    def parse(self, ask: Ask, replies: tuple[Reply, ...]) -> Series:
        """Every five minutes of the days asked for."""
        points = self._points(ask, replies, "row {}")
        mix = self._mix()
        index = 0
        for reply in replies:
            for row in read_csv(reply, self.info.name, _COLUMNS):
                start = _instant(row.get("Time Stamp", ""), row.get("Time Zone", ""))
                if start is None:
                    points.skip(Reject.TIME, index, f"{row.get('Time Stamp')} {row.get('Time Zone')}")
                else:
                    output = text_number(row.get("Gen MW"))
                    mix.add(start, start + _STEP_NS, row.get("Fuel Category", ""), output, index=index)
                index += 1
        mix.fill(points)
        return points.series()


def _with_midnight(window: Interval) -> Interval:
    """Widen by a step: the row of midnight stands in the file of the day before."""
    return Interval(window.start - timedelta(minutes=5), window.end)


def _instant(label: str, zone: str) -> int | None:
    offset = _OFFSETS.get(zone.upper())
    if offset is None:
        return None
    try:
        return to_ns(datetime.strptime(label, "%m/%d/%Y %H:%M:%S").replace(tzinfo=offset).astimezone(UTC))
    except (ValueError, OverflowError):
        return None

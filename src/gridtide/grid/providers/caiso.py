"""
California ISO, Today's Outlook: emissions by fuel (t/h) over demand served. Keyless.

Two files of one local day, 5-minute rows labelled with a bare Pacific clock time: ``co2.csv`` and ``fuelsource.csv``.
Emissions count imports (which may be negative), so the perimeter is consumption; demand is the balance of all columns,
charging batteries being negative. Cells are padded or blank. The current files keep showing yesterday for a moment
after midnight, so their day is told from the last row.
"""

from __future__ import annotations

import math
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar, Final
from zoneinfo import ZoneInfo

from gridtide.domain.instants import duration_ns
from gridtide.domain.signal import Perimeter, Scope, SignalKind
from gridtide.domain.units import G_PER_KWH_PER_T_PER_MWH
from gridtide.grid.local_time import clock_time, days_of, instants_of
from gridtide.grid.payload import malformed, read_csv, text_number
from gridtide.grid.points import Points, Reject, require_offered, signal_for
from gridtide.grid.provider import Ask, Product, Provider, ProviderInfo, Reply, Request

if TYPE_CHECKING:
    from gridtide.domain.series import Series
    from gridtide.domain.zone import Zone

__all__ = ["Caiso"]

_PACIFIC: Final = ZoneInfo("America/Los_Angeles")
_STEP_NS: Final = duration_ns(timedelta(minutes=5))
_FILES: Final = ("co2", "fuelsource")
_SOON: Final = timedelta(minutes=15)


class Caiso(Provider):
    """Carbon intensity of the California ISO; its one zone key is ``CAISO``."""

    info: ClassVar[ProviderInfo] = ProviderInfo(
        name="caiso",
        title="California ISO, Today's Outlook",
        base_url="https://www.caiso.com",
        kinds=(SignalKind.AVERAGE,),
        products=frozenset({Product.CURRENT, Product.HISTORY}),
        scope=Scope.DIRECT,
        perimeter=Perimeter.CONSUMPTION,
        attribution="California ISO",
        licence="public, attribution",
        period=timedelta(minutes=5),
        lag=timedelta(minutes=10),
        max_span=timedelta(days=7),
        calls_per_window=30,
        budget_window=timedelta(minutes=1),
    )

    def key_for(self, zone: Zone) -> str | None:
        """``CAISO`` for its own area, None elsewhere."""
        named = zone.at("caiso") or zone.at("us-iso")
        if named is not None:
            return "CAISO" if named.upper() in {"CAISO", "CISO"} else None
        return "CAISO" if zone.key == "US-CAL-CISO" else None

    def build_requests(self, ask: Ask, replies: tuple[Reply, ...] = ()) -> tuple[Request, ...]:
        """Two files for each local day of the window; the current pair for today."""
        require_offered(self.info, ask)
        if replies:
            return ()
        today = ask.now.astimezone(_PACIFIC).date()
        return tuple(
            Request(
                path=f"/outlook/current/{name}.csv" if day >= today else f"/outlook/history/{day:%Y%m%d}/{name}.csv"
            )
            for day in self._days(ask)
            for name in _FILES
        )

    def parse(self, ask: Ask, replies: tuple[Reply, ...]) -> Series:
        """Tonnes per hour over megawatts, row by row; a row with a blank cell is a gap."""
        require_offered(self.info, ask)
        points = Points(
            signal_for(self.info, ask, replies, method="t CO2/h / demand"), path="co2.csv row {}", now=ask.now
        )
        if len(replies) % len(_FILES):
            malformed(self.info.name, f"{len(replies)} files came, expected pairs of co2.csv and fuelsource.csv")
        today = ask.now.astimezone(_PACIFIC).date()
        for day, first in zip(self._days(ask), range(0, len(replies), len(_FILES)), strict=False):
            emissions = _table(replies[first], "natural gas co2", "imports co2")
            supply = _table(replies[first + 1], "natural gas", "imports")
            shown = _day_shown(emissions, ask.now) if day >= today else day
            _add_day(points, shown, emissions, supply)
        return points.series()

    def _days(self, ask: Ask) -> list[date]:
        today = ask.now.astimezone(_PACIFIC).date()
        if ask.product is Product.CURRENT:
            return [today]
        return [day for day in days_of(ask.window, _PACIFIC) if day <= today]


def _table(reply: Reply, *columns: str) -> list[dict[str, str]]:
    """Rows with column names in lower case: the files of different years disagree about capitals."""
    rows = [{name.lower(): cell for name, cell in row.items()} for row in read_csv(reply, "caiso", ("Time",))]
    for name in columns:
        if rows and name not in rows[0]:
            malformed("caiso", f"column {name!r} is missing; there are: {', '.join(rows[0])[:120]}", field=name)
    return rows


def _day_shown(rows: list[dict[str, str]], now: datetime) -> date:
    """Local day of the current file: yesterday's as long as its last filled row lies ahead of the clock."""
    local = now.astimezone(_PACIFIC)
    filled = [row["time"] for row in rows if sum(1 for cell in row.values() if cell) > 1]
    last = clock_time(local.date(), filled[-1]) if filled else None
    if last is not None and last > (local + _SOON).replace(tzinfo=None):
        return local.date() - timedelta(days=1)
    return local.date()


def _add_day(points: Points, day: date, emissions: list[dict[str, str]], supply: list[dict[str, str]]) -> None:
    demand = dict(zip(_starts(day, supply), (_total(row) for row in supply), strict=True))
    for index, (start, row) in enumerate(zip(_starts(day, emissions), emissions, strict=True)):
        tonnes, megawatts = _total(row), demand.get(start)
        end = None if start is None else start + _STEP_NS
        if isinstance(tonnes, float) and isinstance(megawatts, float):
            if megawatts <= 0:
                points.skip(Reject.INCOMPLETE, index, f"demand {megawatts:.0f} MW")
            else:
                points.add(start, end, tonnes / megawatts, factor=G_PER_KWH_PER_T_PER_MWH, index=index)
        else:
            bad = tonnes if not isinstance(tonnes, float) else megawatts
            points.add(start, end, bad, index=index)


def _starts(day: date, rows: list[dict[str, str]]) -> list[int | None]:
    return instants_of([clock_time(day, row["time"]) for row in rows], _PACIFIC)


def _total(row: dict[str, str]) -> Any:
    """Sum of a row's numbers; None when a cell is blank; the cell itself when it is no number."""
    total = 0.0
    for name, cell in row.items():
        if name == "time":
            continue
        value = text_number(cell)
        if not isinstance(value, float):
            return value
        total += value
    return total if math.isfinite(total) else math.nan

"""
The CAISO Today's Outlook files: emissions and supply by fuel, bare Pacific clock time, one file a day.

Quirks kept: padded cells, blank cells for the rest of the day, negative solar and battery output, charging counted in
the supply file. The truth is in gCO2/kWh of demand. Zone keys: none, one area.
"""

from __future__ import annotations

import re
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

from gridtide.testing.answer import Answer, Call, text_answer
from gridtide.testing.fake.family import Desk, Family
from gridtide.testing.feed import Publication

if TYPE_CHECKING:
    from gridtide.testing.feed import Row, View

__all__ = ["Caiso"]

PACIFIC: Final = ZoneInfo("America/Los_Angeles")
STEP: Final = timedelta(minutes=5)
AREA: Final = "CAISO"
_PATH: Final = re.compile(r"/outlook/(?:current|history/(\d{8}))/(co2|fuelsource|demand)\.csv")
_CO2: Final = "Time,Biogas CO2,Biomass CO2,Natural Gas CO2,Coal CO2,Imports CO2,Geothermal CO2"
_FUELS: Final = (
    "Time,Solar,Wind,Geothermal,Biomass,Biogas,Small hydro,Coal,Nuclear,Natural Gas,Large Hydro,Batteries,Imports,Other"
)
_SUPPLY_MW: Final = (-40, 2100, 700, 280, 180, 190, 0, 2260, 6900, 1300, -500, 6200, 0)
_SMALL_T: Final = (82, 112)
_GEOTHERMAL_T: Final = 7
DEMAND_MW: Final = sum(_SUPPLY_MW)


class Caiso(Family):
    """California ISO, Today's Outlook."""

    name = "caiso"

    def __init__(self) -> None:
        self.publication = Publication(period=STEP, lag=STEP, step=STEP)

    def zone_of(self, call: Call) -> str:  # noqa: ARG002 - one area only
        """The one area."""
        return AREA

    def answer(self, call: Call, desk: Desk) -> Answer:
        """Answer a day's file."""
        match, view = _PATH.fullmatch(call.path), desk.view(AREA)
        if match is None or view is None:
            return text_answer("<html><body>Page not found</body></html>", 404, content_type="text/html")
        local = view.now.astimezone(PACIFIC).date()
        day = datetime.strptime(match[1], "%Y%m%d").date() if match[1] else local  # noqa: DTZ007 - a date only
        rows = self._rows(view, day)
        lines = {"co2": _co2_lines, "fuelsource": _supply_lines, "demand": _demand_lines}[match[2]](rows)
        return text_answer("\r\n".join(lines) + "\r\n", content_type="text/csv")

    def _rows(self, view: View, day: date) -> list[tuple[str, Row | None]]:
        """The day's clock times with what is known by then."""
        start = datetime.combine(day, time(0), PACIFIC)
        end = datetime.combine(day + timedelta(days=1), time(0), PACIFIC)
        known = {row.start: row for row in view.rows(start, end, self.publication) if row.over}
        count = (end.timestamp() - start.timestamp()) / STEP.total_seconds()
        instants = [
            datetime.fromtimestamp(start.timestamp() + k * STEP.total_seconds(), PACIFIC) for k in range(int(count))
        ]
        return [(f"{instant:%H:%M}", known.get(instant)) for instant in instants]


def _co2_lines(rows: list[tuple[str, Row | None]]) -> list[str]:
    return [_CO2, *(f"{clock}," + ",".join(_tonnes(row, k)) for k, (clock, row) in enumerate(rows))]


def _tonnes(row: Row | None, index: int) -> list[str]:
    """Tonnes per hour by fuel; natural gas takes what the others leave. Every second row is padded."""
    if row is None or row.measured is None:
        return [""] * 6
    total: Any = row.measured
    if not isinstance(total, bool) and isinstance(total, int | float):
        total = round(total * DEMAND_MW / 1000 - sum(_SMALL_T) - _GEOTHERMAL_T, 3)
    pad = " " if index % 2 else ""
    return [f"{pad}{_SMALL_T[0]}", f"{_SMALL_T[1]}", f"{total}", "0", "0", f"{_GEOTHERMAL_T}"]


def _supply_lines(rows: list[tuple[str, Row | None]]) -> list[str]:
    full, blank = ",".join(map(str, _SUPPLY_MW)), "," * (len(_SUPPLY_MW) - 1)
    return [_FUELS, *(f"{clock},{blank if row is None else full}" for clock, row in rows)]


def _demand_lines(rows: list[tuple[str, Row | None]]) -> list[str]:
    return [
        "Time,Day ahead forecast,Hour ahead forecast,Current demand",
        *(f"{clock},{DEMAND_MW},{DEMAND_MW},{'' if row is None else DEMAND_MW}" for clock, row in rows),
    ]

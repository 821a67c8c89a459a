"""
The public generation files of ERCOT, NYISO, MISO and ISO New England.

Quirks kept: ERCOT's offset without a colon and its labels some seconds off; NYISO's Eastern date in the file name and
its EST or EDT column; MISO's text numbers in EST all the year; ISO New England's leading letters. Storage charges with
a negative sign. Labels are the start of five minutes. The truth is in gCO2eq/kWh with the
factors of `fuel_mix` (NYISO, which burns no coal: up to 490). Zone keys: the operator's short name.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any, ClassVar, Final
from zoneinfo import ZoneInfo

from gridtide.testing.answer import Answer, Call, json_answer, text_answer
from gridtide.testing.fake.family import Desk, Family
from gridtide.testing.fake.fuel_mix import fuel_mix
from gridtide.testing.feed import Publication

if TYPE_CHECKING:
    from datetime import tzinfo

    from gridtide.testing.feed import Row, View

__all__ = ["Ercot", "IsoNewEngland", "Miso", "Nyiso"]

STEP: Final = timedelta(minutes=5)
EASTERN: Final = ZoneInfo("America/New_York")
CENTRAL: Final = ZoneInfo("America/Chicago")
EST: Final = ZoneInfo("Etc/GMT+5")
_NYISO_FILE: Final = re.compile(r"/public/csv/rtfuelmix/(\d{8})rtfuelmix\.csv")
_ERCOT_CAPACITY: Final = {"Coal and Lignite": 13596, "Natural Gas": 68000, "Wind": 40000}


class _Operator(Family):
    """One area, five-minute rows, no forecast."""

    area: ClassVar[str]

    def __init__(self) -> None:
        self.publication = Publication(period=STEP, lag=STEP, step=STEP)

    def zone_of(self, call: Call) -> str:  # noqa: ARG002 - one area only
        """The one area."""
        return self.area

    def _day(self, view: View, day: date, zone: tzinfo) -> list[Row]:
        """Measured rows of a local day."""
        start = datetime.combine(day, time(0), zone).astimezone(UTC)
        end = datetime.combine(day + timedelta(days=1), time(0), zone).astimezone(UTC)
        return [row for row in view.rows(start, end, self.publication) if row.over]


class Ercot(_Operator):
    """ERCOT fuel mix dashboard: yesterday and today."""

    name = "ercot"
    area = "ERCOT"

    def answer(self, call: Call, desk: Desk) -> Answer:
        """Answer the one file."""
        view = desk.view(self.area)
        if view is None or call.path != "/api/1/services/read/dashboards/fuel-mix.json":
            return json_answer({"message": "Not Found"}, 404)
        today = view.now.astimezone(CENTRAL).date()
        days = {
            day.isoformat(): {_central(row.start): self._mix(row) for row in self._day(view, day, CENTRAL)}
            for day in (today - timedelta(days=1), today)
        }
        stamp = _central(view.now - timedelta(seconds=8))
        return json_answer({"lastUpdated": stamp, "monthlyCapacity": _ERCOT_CAPACITY, "data": days})

    def _mix(self, row: Row) -> dict[str, Any]:
        mix = fuel_mix(row.measured)
        named = {"Coal and Lignite": mix["coal"], "Natural Gas": mix["gas"], "Wind": mix["wind"]}
        return {fuel: {"gen": value} for fuel, value in (*named.items(), ("Power Storage", -120.4), ("Solar", 0.0))}


class Nyiso(_Operator):
    """NYISO real-time fuel mix, one CSV for each Eastern day."""

    name = "nyiso"
    area = "NYISO"

    def answer(self, call: Call, desk: Desk) -> Answer:
        """Answer a day's file."""
        view, match = desk.view(self.area), _NYISO_FILE.fullmatch(call.path)
        if view is None or match is None:
            return text_answer("<html><body>404</body></html>", 404, content_type="text/html")
        day = datetime.strptime(match[1], "%Y%m%d").date()  # noqa: DTZ007 - a date only
        lines = ["Time Stamp,Time Zone,Fuel Category,Gen MW"]
        for row in self._file(view, day):
            mix = fuel_mix(row.measured)
            local = row.start.astimezone(EASTERN)
            head = f"{local:%m/%d/%Y %H:%M:%S},{local.tzname()}"
            named = {"Natural Gas": mix["gas"], "Other Fossil Fuels": mix["coal"], "Wind": mix["wind"], "Nuclear": 0}
            lines += [f"{head},{fuel},{value}" for fuel, value in named.items()]
        if len(lines) == 1:
            return text_answer("<html><body>404</body></html>", 404, content_type="text/html")
        return text_answer("\n".join(lines) + "\n", content_type="text/csv")

    def _file(self, view: View, day: date) -> list[Row]:
        """Rows from 00:05 to the midnight that ends the day."""
        start = datetime.combine(day, time(0), EASTERN).astimezone(UTC) + STEP
        end = datetime.combine(day + timedelta(days=1), time(0), EASTERN).astimezone(UTC) + STEP
        return [row for row in view.rows(start, end, self.publication) if row.over]


class Miso(_Operator):
    """MISO fuel mix: the newest interval, or a whole day."""

    name = "miso"
    area = "MISO"

    def answer(self, call: Call, desk: Desk) -> Answer:
        """Answer the newest interval, today or yesterday."""
        view = desk.view(self.area)
        if view is None or not call.path.startswith("/api/FuelMix"):
            return json_answer({"error": "no data"})
        today = view.now.astimezone(EST).date()
        day = today - timedelta(days=1) if call.path.endswith("/Yesterday") else today
        rows = self._day(view, day, EST)
        if call.path == "/api/FuelMix":
            rows = rows[-1:] or self._day(view, today - timedelta(days=1), EST)[-1:]
        entries = [entry for row in rows for entry in self._entries(row)]
        label = rows[-1].start.astimezone(EST) if rows else view.now.astimezone(EST)
        ref = f"{label:%d-%b-%Y} - Interval {label:%H:%M} EST"
        return json_answer({"RefId": ref, "TotalMW": "20000", "Fuel": {"Type": entries}})

    def _entries(self, row: Row) -> list[dict[str, Any]]:
        mix = fuel_mix(row.measured)
        stamp = f"{row.start.astimezone(EST):%Y-%m-%d %I:%M:%S %p}"
        named = {"Coal": mix["coal"], "Natural Gas": mix["gas"], "Wind": mix["wind"], "Battery Storage": -20}
        return [{"INTERVALEST": stamp, "CATEGORY": fuel, "ACT": _text(value)} for fuel, value in named.items()]


class IsoNewEngland(_Operator):
    """ISO New England generation by fuel type, one CSV for each Eastern day."""

    name = "isone"
    aliases = ("iso-ne",)
    area = "ISONE"

    def answer(self, call: Call, desk: Desk) -> Answer:
        """Answer a day's file."""
        view = desk.view(self.area)
        if view is None or call.path != "/transform/csv/genfuelmix":
            return text_answer("<html><body>404</body></html>", 404, content_type="text/html")
        day = datetime.strptime(call.param("start"), "%Y%m%d").date()  # noqa: DTZ007 - a date only
        lines = [
            '"C","Generation by fuel type"',
            f'"C","Made {view.now.astimezone(EASTERN):%m/%d/%Y %H:%M:%S} EPT"',
            '"H","Date","Time","Fuel Category","Gen Mw"',
            '"H","Date","Time","String","Number"',
        ]
        for row in self._day(view, day, EASTERN):
            mix = fuel_mix(row.measured)
            local = row.start.astimezone(EASTERN)
            named = {"Coal": mix["coal"], "Natural Gas": mix["gas"], "Wind": mix["wind"]}
            lines += [f'"D","{local:%m/%d/%Y}","{local:%H:%M:%S}","{f}","{value}"' for f, value in named.items()]
        return text_answer("\n".join([*lines, f'"T","{len(lines) - 4}"']) + "\n", content_type="text/csv")


def _central(instant: datetime) -> str:
    """ERCOT's label: seconds after the full five minutes, offset without a colon."""
    return f"{instant.astimezone(CENTRAL) - timedelta(seconds=4):%Y-%m-%d %H:%M:%S%z}"


def _text(value: Any) -> Any:
    return f"{value}" if isinstance(value, int | float) and not isinstance(value, bool) else value

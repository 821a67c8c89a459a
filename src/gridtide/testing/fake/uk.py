"""
The NESO Carbon Intensity shapes of Great Britain and its regions.

Quirks kept: a window that begins on a full half hour starts with the slot that *ends* there; regional windows are
an object, the current regional value a list of one; ``actual`` is national only and null until the slot is over;
whole numbers; a local day has 46 or 50 half hours when clocks change; unknown postcodes give 200 with ``{}``.
Zone keys: ``GB`` for the nation, ``1`` to ``18`` for regions.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

from gridtide.testing.answer import Answer, Call, json_answer
from gridtide.testing.fake.family import Desk, Family, rounded
from gridtide.testing.fake.uk_regions import REGIONS, generation_mix, region_of_postcode
from gridtide.testing.feed import Publication

if TYPE_CHECKING:
    from gridtide.testing.feed import Row, View

__all__ = ["UkCarbonIntensity"]

LONDON: Final = ZoneInfo("Europe/London")
BANDS: Final = {
    2023: (40, 120, 200, 290),
    2024: (35, 110, 190, 270),
    2025: (30, 100, 180, 250),
    2026: (25, 90, 170, 230),
}
INDEX_NAMES: Final = ("very low", "low", "moderate", "high", "very high")
SLOT: Final = timedelta(minutes=30)
NATION: Final = "GB"
_STAMP: Final = "%Y-%m-%dT%H:%MZ"
_SPANS: Final = {"fw24h": timedelta(hours=24), "fw48h": timedelta(hours=48), "pt24h": timedelta(hours=-24)}
_LONGEST: Final = {"intensity": timedelta(days=14), "stats": timedelta(days=30), "generation": timedelta(days=60)}
_POSTCODE: Final = re.compile(r"[A-Z]{1,2}\d[A-Z\d]?")
_FACTORS: Final = {
    "Biomass": 120, "Coal": 937, "Dutch Imports": 474, "French Imports": 53, "Gas (Combined Cycle)": 394,
    "Gas (Open Cycle)": 651, "Hydro": 0, "Irish Imports": 458, "Nuclear": 0, "Oil": 935, "Other": 300,
    "Pumped Storage": 0, "Solar": 0, "Wind": 0,
}  # fmt: skip


class UkCarbonIntensity(Family):
    """NESO Carbon Intensity API; published at minute 0 and 30, forecasts 48 h ahead."""

    name = "uk"

    def __init__(self, *, horizon: timedelta = timedelta(hours=48)) -> None:
        self.publication = Publication(period=SLOT, horizon=horizon, step=SLOT)

    def zone_of(self, call: Call) -> str:
        """``GB``, or the region's number where the path names a region or postcode."""
        parts = call.parts
        if "regionid" in parts:
            return parts[parts.index("regionid") + 1] if parts[-1] != "regionid" else ""
        if "postcode" in parts:
            return region_of_postcode(parts[-1]) or parts[-1]
        named = {"england": "15", "scotland": "16", "wales": "17"}
        if parts[:1] == ("regional",):
            return named.get(parts[1], "") if len(parts) == 2 else ""
        return NATION

    def answer(self, call: Call, desk: Desk) -> Answer:
        """Answer any path of the API."""
        try:
            match call.parts:
                case ["intensity", "factors"]:
                    return json_answer({"data": [_FACTORS]})
                case ["intensity", *rest] | ["generation", *rest]:
                    return self._national(call.parts[0], rest, desk)
                case ["regional", *rest]:
                    return self._regional(rest, call, desk)
        except _BadRequest as refusal:
            return _error(400, "400 Bad Request", str(refusal))
        return _error(404, "404 Not Found", "Requested resource not found.")

    # -- national --------------------------------------------------------------------------------------------------

    def _national(self, what: str, rest: list[str], desk: Desk) -> Answer:
        view = desk.view(NATION)
        if view is None:
            return json_answer({})
        match rest:
            case []:
                rows = self._current(view)
            case ["date", *day]:
                rows = self._local_day(view, day)
            case ["stats", begin, end, *block]:
                return self._stats(view, begin, end, block)
            case [begin]:
                rows = self._rows_ending(view, _instant(begin), _instant(begin) + timedelta(seconds=1))[:1]
            case [begin, until]:
                rows = self._rows_ending(view, *_bounds(begin, until, _LONGEST[what]))
            case _:
                raise _BadRequest("Please enter a valid path.")
        if what == "generation":
            mixes = [{**_span(row), "generationmix": generation_mix(row.value, row.start)} for row in rows]
            return json_answer({"data": mixes[0] if not rest and mixes else mixes})
        return json_answer({"data": [{**_span(row), "intensity": _intensity(row, actual=True)} for row in rows]})

    def _local_day(self, view: View, day: list[str]) -> list[Row]:
        """Half hours of a London day, 46 to 50 of them, or one of them."""
        chosen = _day(day[0]) if day else view.now.astimezone(LONDON).date()
        start = datetime(chosen.year, chosen.month, chosen.day, tzinfo=LONDON).astimezone(UTC)
        following = chosen + timedelta(days=1)
        end = datetime(following.year, following.month, following.day, tzinfo=LONDON).astimezone(UTC)
        rows = view.rows(start, end, self.publication)
        if len(day) > 1:
            if not day[1].isdigit() or not 1 <= int(day[1]) <= 50:
                raise _BadRequest("Please enter a valid period 1 to 50.")
            return rows[int(day[1]) - 1 : int(day[1])]
        return rows

    def _stats(self, view: View, begin: str, until: str, block: list[str]) -> Answer:
        start, end = _bounds(begin, until, _LONGEST["stats"])
        span = timedelta(hours=int(block[0])) if block and block[0].isdigit() else end - start
        data = []
        while start < end:
            rows = view.rows(start, min(end, start + span), self.publication)
            values = [row.value for row in rows]
            if values:
                mean = round(sum(values) / len(values))
                stats = {"max": round(max(values)), "average": mean, "min": round(min(values))}
                stats["index"] = _index(mean, start)
                data.append({"from": _stamp(start), "to": _stamp(min(end, start + span)), "intensity": stats})
            start += span
        return json_answer({"data": data})

    # -- regional --------------------------------------------------------------------------------------------------

    def _regional(self, rest: list[str], call: Call, desk: Desk) -> Answer:
        zone = self.zone_of(call)
        if "postcode" in rest:
            if not _POSTCODE.fullmatch(rest[-1].upper()):
                raise _BadRequest("Please enter a valid postcode")
            if not zone.isdigit():
                return json_answer({})
        if "regionid" in rest and zone not in REGIONS:
            raise _BadRequest("Please enter a valid region ID")
        postcode = rest[-1] if "postcode" in rest else None
        match rest:
            case [] | ["england" | "scotland" | "wales"] | ["postcode" | "regionid", _]:
                if zone:
                    return self._one_region(zone, postcode, None, desk)
                return self._all_regions(None, desk)
            case ["intensity", begin, until, *_]:
                window = _bounds(begin, until, _LONGEST["intensity"])
                if zone:
                    return self._one_region(zone, postcode, window, desk)
                return self._all_regions(window, desk)
        raise _BadRequest("Please enter a valid path.")

    def _one_region(
        self, zone: str, postcode: str | None, window: tuple[datetime, datetime] | None, desk: Desk
    ) -> Answer:
        view = desk.view(zone)
        if view is None:
            return json_answer({})
        rows = self._current(view) if window is None else self._rows_ending(view, *window)
        region: dict[str, Any] = _named(zone)
        if postcode is not None:
            region["postcode"] = postcode
        region["data"] = [
            {
                **_span(row),
                "intensity": _intensity(row, actual=False),
                "generationmix": generation_mix(row.value, row.start),
            }
            for row in rows
        ]
        return json_answer({"data": [region] if window is None else region})

    def _all_regions(self, window: tuple[datetime, datetime] | None, desk: Desk) -> Answer:
        slots: dict[tuple[str, str], list[dict[str, Any]]] = {}
        for zone in REGIONS:
            view = desk.view(zone)
            if view is None:
                continue
            for row in self._current(view) if window is None else self._rows_ending(view, *window):
                entry = {
                    **_named(zone),
                    "intensity": _intensity(row, actual=False),
                    "generationmix": generation_mix(row.value, row.start),
                }
                slots.setdefault((_stamp(row.start), _stamp(row.end)), []).append(entry)
        data = [{"from": start, "to": end, "regions": regions} for (start, end), regions in sorted(slots.items())]
        return json_answer({"data": data} if data else {})

    # -- rows ------------------------------------------------------------------------------------------------------

    def _current(self, view: View) -> list[Row]:
        row = view.row_at(view.now, self.publication)
        return [] if row is None else [row]

    def _rows_ending(self, view: View, start: datetime, end: datetime) -> list[Row]:
        """Slots that end in ``[start, end]``: on a full half hour the first one ends where the window begins."""
        return view.rows(start - SLOT, end - SLOT + timedelta(microseconds=1), self.publication)


class _BadRequest(Exception):
    """The service refuses the request with a sentence."""


def _error(status: int, code: str, message: str) -> Answer:
    return json_answer({"error": {"code": code, "message": message}}, status)


def _instant(text: str) -> datetime:
    try:
        return datetime.strptime(text, _STAMP).replace(tzinfo=UTC)
    except ValueError:
        raise _BadRequest("Please enter a valid date in ISO8601 format YYYY-MM-DDThh:mmZ") from None


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise _BadRequest("Please enter a valid date in ISO8601 format YYYY-MM-DD") from None


def _bounds(begin: str, until: str, longest: timedelta) -> tuple[datetime, datetime]:
    start = _instant(begin)
    end = start + _SPANS[until] if until in _SPANS else _instant(until)
    start, end = min(start, end), max(start, end)
    if end - start > longest:
        raise _BadRequest(f"The maximum duration is {longest.days} days.")
    return start, end


def _stamp(instant: datetime) -> str:
    return instant.strftime(_STAMP)


def _span(row: Row) -> dict[str, str]:
    return {"from": _stamp(row.start), "to": _stamp(row.end)}


def _named(zone: str) -> dict[str, Any]:
    operator, short = REGIONS[zone]
    return {"regionid": int(zone), "dnoregion": operator, "shortname": short}


def _intensity(row: Row, *, actual: bool) -> dict[str, Any]:
    forecast = rounded(row.forecast)
    entry = {"forecast": forecast, "index": _index(forecast, row.start)}
    return {"forecast": forecast, "actual": rounded(row.measured), "index": entry["index"]} if actual else entry


def _index(value: Any, at: datetime) -> str:
    """Name of the band that *value* falls into in its year."""
    bands = BANDS[min(max(at.year, min(BANDS)), max(BANDS))]
    if isinstance(value, bool) or not isinstance(value, int | float):
        return INDEX_NAMES[2]
    return INDEX_NAMES[sum(value >= bound for bound in bands)]

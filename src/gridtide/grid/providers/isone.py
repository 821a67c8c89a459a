"""
ISO New England, generation by fuel: one CSV for each Eastern day, intensity computed from the mix. Keyless.

Lines start with a letter: C a comment, H a header (names, then types), D data, T the end. Times are instants at uneven
distances, without offset; a value holds until the next one, at most fifteen minutes. The site asks for a browser's
session from some addresses and answers 403 then.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, ClassVar, Final
from zoneinfo import ZoneInfo

from gridtide.domain.errors import GridError, ProviderUnavailable
from gridtide.domain.instants import duration_ns
from gridtide.domain.signal import Perimeter, Scope, SignalKind
from gridtide.grid.local_time import clock_time, days_of, instants_of
from gridtide.grid.payload import malformed, read_csv, text_number, text_of
from gridtide.grid.points import Reject, require_offered
from gridtide.grid.provider import Ask, Product, ProviderInfo, Reply, Request
from gridtide.grid.providers.generation import UsIso

if TYPE_CHECKING:
    from gridtide.domain.series import Series

__all__ = ["IsoNe"]

_EASTERN: Final = ZoneInfo("America/New_York")
_LONGEST_NS: Final = duration_ns(timedelta(minutes=15))
_USUAL_NS: Final = duration_ns(timedelta(minutes=5))
_LATE: Final = timedelta(minutes=20)
_COLUMNS: Final = ("Date", "Time", "Fuel Category", "Gen Mw")


class IsoNe(UsIso):
    """Carbon intensity of ISO New England; its one zone key is ``ISONE``."""

    info: ClassVar[ProviderInfo] = ProviderInfo(
        name="isone",
        title="ISO New England, generation by fuel type",
        base_url="https://www.iso-ne.com",
        kinds=(SignalKind.AVERAGE,),
        products=frozenset({Product.CURRENT, Product.HISTORY}),
        scope=Scope.LIFECYCLE,
        perimeter=Perimeter.PRODUCTION,
        attribution="ISO New England",
        licence="public, attribution",
        period=timedelta(minutes=5),
        lag=timedelta(minutes=10),
        max_span=timedelta(days=7),
        calls_per_window=4,
        budget_window=timedelta(minutes=1),
    )
    zone_key: ClassVar = "US-NE-ISNE"
    fuels: ClassVar = {
        "coal": "coal",
        "natural gas": "gas",
        "oil": "oil",
        "nuclear": "nuclear",
        "hydro": "hydro",
        "wind": "wind",
        "solar": "solar",
        "wood": "biomass",
        "landfill gas": "biomass",
        "refuse": "waste",
        "other": "other",
    }

    def build_requests(self, ask: Ask, replies: tuple[Reply, ...] = ()) -> tuple[Request, ...]:
        """One file for each Eastern day of the window."""
        require_offered(self.info, ask)
        if replies:
            return ()
        newest = (ask.now - _LATE).astimezone(_EASTERN).date()
        days = [newest] if ask.product is Product.CURRENT else [d for d in days_of(ask.window, _EASTERN) if d <= newest]
        return tuple(Request(path="/transform/csv/genfuelmix", params=(("start", f"{day:%Y%m%d}"),)) for day in days)

    def parse(self, ask: Ask, replies: tuple[Reply, ...]) -> Series:
        """Every report of the days asked for, each until the next one."""
        points = self._points(ask, replies, "row {}")
        mix = self._mix()
        rows = [row for reply in replies for row in _data(reply)]
        starts = instants_of([_clock(row) for row in rows], _EASTERN)
        ends = _ends([start for start in starts if start is not None])
        for index, (start, row) in enumerate(zip(starts, rows, strict=True)):
            if start is None:
                points.skip(Reject.TIME, index, f"{row.get('Date')} {row.get('Time')}")
            else:
                mix.add(start, ends[start], row.get("Fuel Category", ""), text_number(row.get("Gen Mw")), index=index)
        mix.fill(points)
        return points.series()

    def explain(self, ask: Ask, reply: Reply) -> GridError | None:
        """A 403 is the site's guard, not a credential."""
        if reply.status != 403:
            return None
        return ProviderUnavailable(
            "isone asks for a browser session from this address (status 403)",
            hint="use eia with a free key for New England",
            provider=self.info.name,
            zone=ask.zone,
        )


def _data(reply: Reply) -> list[dict[str, str]]:
    """Rows under the names of the first H line."""
    kept: list[str] = []
    for line in text_of(reply, "isone").splitlines():
        letter = line.lstrip().lstrip('"')[:1]
        if letter == "D" or (letter == "H" and not kept):
            kept.append(line)
        elif letter not in {"C", "H", "T", ""}:
            malformed("isone", f"line starts with {letter!r}, expected C, H, D or T")
    if not kept:
        malformed("isone", "there is no header line (H)")
    return read_csv(replace(reply, body="\n".join(kept).encode()), "isone", _COLUMNS)


def _clock(row: dict[str, str]) -> datetime | None:
    try:
        day = datetime.strptime(row.get("Date", ""), "%m/%d/%Y").date()  # noqa: DTZ007 - a date only
    except ValueError:
        try:
            day = date.fromisoformat(row.get("Date", ""))
        except ValueError:
            return None
    return clock_time(day, row.get("Time", ""))


def _ends(starts: list[int]) -> dict[int, int]:
    ordered = sorted(set(starts))
    ends = {start: min(after, start + _LONGEST_NS) for start, after in zip(ordered, ordered[1:], strict=False)}
    if ordered:
        ends[ordered[-1]] = ordered[-1] + _USUAL_NS
    return ends

"""
From the rows of a user's file to a `Series`: order, duplicates, gaps, local clocks.

A row with a start only holds until the next row (constant) or is one end of a straight line (linear). A blank value is
an explicit gap. Where rows come at a regular pace, a missing row is a gap too and not a long step: nobody measured it.
Rows that contradict each other are refused, because either could be the right one.
"""

from __future__ import annotations

import math
from array import array
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

import numpy as np

from gridtide.domain.errors import InvalidInput, MalformedFile, NaiveDatetime
from gridtide.domain.instants import from_ns, isoformat, parse_instant, to_ns
from gridtide.domain.series import Series, StepShape

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from gridtide.domain.signal import Signal

__all__ = ["MOST_ROWS", "LocalClock", "Samples", "malformed"]

MOST_ROWS: Final = 10_000_000
_REGULAR_SHARE: Final = 0.8
_REGULAR_ROWS: Final = 4
_FIRST_YEAR: Final = 1900
_LAST_YEAR: Final = 2200
_NS_PER_MINUTE: Final = 60_000_000_000


def malformed(where: str, problem: str, *, hint: str | None = None) -> MalformedFile:
    """Error at one place of a file, for example ``mix.csv:3:2: value 'x' is no number``."""
    return MalformedFile(f"{where}: {problem}", hint=hint, where=where)


class LocalClock:
    """
    Reads times of rows in order; wall times without an offset need a time zone.

    In the repeated hour of autumn the first run through it is summer time and the second is winter time, which the
    order of the rows tells. A wall time that spring skips is refused.

    Args:
        timezone: IANA name, or None when every time must carry its offset.
    """

    def __init__(self, timezone: str | None) -> None:
        self._zone = None if timezone is None else _iana(timezone)
        self._local: bool | None = None
        self.name = timezone

    def instant_ns(self, where: str, text: str, previous_ns: int | None) -> int:
        """
        Instant that *text* means. [ns]

        Raises:
            MalformedFile: Not ISO 8601, skipped by the clock, or with an offset where earlier rows have none.
            NaiveDatetime: No offset and no time zone given.
        """
        try:
            wall = datetime.fromisoformat(text)
        except ValueError:
            return self._unusual(where, text)
        if len(text) < len("2026-01-01") or text[4] != "-":
            raise malformed(where, f"time {text[:40]!r} is not ISO 8601", hint="write it like 2026-01-01T00:00Z")
        return self.from_wall(where, wall, previous_ns)

    def from_wall(self, where: str, wall: datetime, previous_ns: int | None) -> int:
        """Instant of a parsed time, with or without offset. [ns]"""
        local = wall.tzinfo is None
        if self._local is None:
            self._local = local
        if local is not self._local:
            raise malformed(where, "times with and without an offset are mixed", hint="give every row an offset")
        if not _FIRST_YEAR <= wall.year <= _LAST_YEAR:
            raise malformed(where, f"year {wall.year} is out of range; allowed: {_FIRST_YEAR} to {_LAST_YEAR}")
        if not local:
            return to_ns(wall)
        if self._zone is None:
            raise NaiveDatetime(
                f"{where}: time {wall.isoformat()} has no offset",
                hint="write an offset (2026-01-01T00:00Z), or say which local time it is with --tz Europe/London",
                where=where,
            )
        first = wall.replace(tzinfo=self._zone, fold=0)
        if first.astimezone(UTC).astimezone(self._zone).replace(tzinfo=None) != wall:
            valid = first.astimezone(UTC).astimezone(self._zone).replace(tzinfo=None)
            raise malformed(
                where,
                f"{wall.isoformat()} does not exist in {self.name}: the clock skips it",
                hint=f"the next valid time is {valid.isoformat()}",
            )
        instant_ns = to_ns(first)
        if previous_ns is not None and instant_ns <= previous_ns:
            instant_ns = to_ns(wall.replace(tzinfo=self._zone, fold=1))
        return instant_ns

    def short_or_long_days(self, starts_ns: NDArray[np.int64], step_ns: int) -> list[str]:
        """Warnings for days of 23 or 25 hours inside the file whose number of rows does not fit their length."""
        if self._zone is None or not self._local or not starts_ns.size:
            return []
        warnings = []
        first, last = (from_ns(int(ns)).astimezone(self._zone).date() for ns in (starts_ns[0], starts_ns[-1]))
        day = first + timedelta(days=1)
        while day < last:
            edges = [to_ns(datetime(d.year, d.month, d.day, tzinfo=self._zone)) for d in (day, day + timedelta(days=1))]
            expected = (edges[1] - edges[0]) // step_ns
            if edges[1] - edges[0] != 24 * 60 * _NS_PER_MINUTE:
                count = int(np.searchsorted(starts_ns, edges[1]) - np.searchsorted(starts_ns, edges[0]))
                if count != expected:
                    hours = (edges[1] - edges[0]) // (60 * _NS_PER_MINUTE)
                    warnings.append(
                        f"{day} has {hours} hours in {self.name}, so {expected} rows, but {count} are there"
                    )
            day += timedelta(days=1)
        return warnings

    def _unusual(self, where: str, text: str) -> int:
        """The midnight that ends a day, ``24:00``; anything else is no time."""
        try:
            return self.from_wall(where, parse_instant(text), None)
        except InvalidInput as error:
            hint = error.hint or "2026-01-01T00:00Z is a valid time"
            raise malformed(where, f"time {error.message}", hint=hint) from None


class Samples:
    """
    Rows of one file, checked as they come.

    Args:
        negative: Whether values below zero are possible.
        factor: What turns the file's unit into ours.
    """

    def __init__(self, *, negative: bool, factor: float) -> None:
        self._negative = negative
        self._factor = factor
        self._starts = array("q")
        self._ends = array("q")
        self._values = array("d")
        self._equal = 0
        self._first_equal = ""

    def __len__(self) -> int:
        return len(self._starts)

    @property
    def last_start_ns(self) -> int | None:
        """Start of the row before. [ns]"""
        return self._starts[-1] if self._starts else None

    def add(self, where: str, start_ns: int, value: float, end_ns: int | None = None) -> None:
        """
        Take one row; a NaN value is a gap.

        Raises:
            MalformedFile: Out of order, contradicting the row before, overlapping it, infinite, or below zero.
        """
        if len(self._starts) >= MOST_ROWS:
            raise malformed(where, f"more than {MOST_ROWS} rows", hint="cut the file to the time you plan for")
        value *= self._factor
        if math.isinf(value):
            raise malformed(where, "value is infinite or too large; allowed: a finite number, or blank for unknown")
        if value < 0 and not self._negative:
            raise malformed(where, f"value {value:g} is below zero; allowed: zero or more, or blank for unknown")
        if end_ns is not None and end_ns <= start_ns:
            raise malformed(where, "the row ends at or before its start")
        if self._starts and self._is_repeat(where, start_ns, end_ns, value):
            self._equal += 1
            self._first_equal = self._first_equal or where
            return
        if end_ns is not None:
            if self._ends and start_ns < self._ends[-1]:
                raise malformed(where, f"the row starts at {_time(start_ns)}, before the row above it ends")
            self._ends.append(end_ns)
        self._starts.append(start_ns)
        self._values.append(value + 0.0)  # -0.0 becomes 0.0

    def _is_repeat(self, where: str, start_ns: int, end_ns: int | None, value: float) -> bool:
        last = self._starts[-1]
        if start_ns > last:
            return False
        if start_ns < last:
            raise malformed(where, f"{_time(start_ns)} comes after {_time(last)}", hint="sort the rows by time")
        known = self._values[-1]
        same = (math.isnan(known) and math.isnan(value)) or known == value
        if not same or (end_ns is not None and end_ns != self._ends[-1]):
            raise malformed(
                where,
                f"{_time(start_ns)} is there twice with different values",
                hint="keep the row that is right; Gridtide does not choose",
            )
        return True

    def series(self, name: str, signal: Signal, shape: StepShape, clock: LocalClock) -> tuple[Series, tuple[str, ...]]:
        """
        Steps of all rows, and what the reader should know about them.

        Raises:
            MalformedFile: Nothing is left: no rows, one row whose length nothing tells, or blanks only.
        """
        warnings = []
        if self._equal:
            warnings.append(f"{self._first_equal}: {self._equal} repeated equal row(s) dropped")
        starts = np.frombuffer(self._starts, dtype=np.int64) if self._starts else np.empty(0, np.int64)
        values = np.frombuffer(self._values, dtype=np.float64) if self._values else np.empty(0)
        if self._ends:
            known = ~np.isnan(values)
            ends = np.frombuffer(self._ends, dtype=np.int64)
            built = Series(signal, starts[known], ends[known], values[known])
        else:
            if starts.size < 2:
                rows = "no data rows" if not starts.size else "one row only, and nothing says how long it holds"
                raise malformed(name, rows, hint="add rows, or use the columns start,end,value")
            step_ns = _usual_step(starts)
            warnings += clock.short_or_long_days(starts, step_ns)
            if shape is StepShape.LINEAR:
                built = _lines(signal, starts, values)
            else:
                built = _holds(signal, starts, values, step_ns, warnings)
        if not built:
            raise malformed(
                name, "every value is blank" if starts.size else "no data rows", hint="nothing is known in it"
            )
        return built, tuple(warnings)


def _lines(signal: Signal, starts: NDArray[np.int64], values: NDArray[np.float64]) -> Series:
    known = ~(np.isnan(values[:-1]) | np.isnan(values[1:]))
    return Series(signal, starts[:-1][known], starts[1:][known], values[:-1][known], end_values=values[1:][known])


def _holds(
    signal: Signal, starts: NDArray[np.int64], values: NDArray[np.float64], step_ns: int, warnings: list[str]
) -> Series:
    spacings = np.diff(starts)
    ends = np.append(starts[1:], starts[-1] + step_ns)
    usual = spacings == step_ns
    if starts.size >= _REGULAR_ROWS and usual.mean() >= _REGULAR_SHARE:
        jumps = np.flatnonzero((spacings > step_ns) & (spacings % step_ns == 0))
        ends[jumps] = starts[jumps] + step_ns
        if jumps.size:
            first = _time(int(ends[jumps[0]]))
            warnings.append(
                f"{jumps.size} gap(s) where rows are missing, the first from {first}: nothing is known there"
            )
    elif not usual.all():
        minutes = np.unique(spacings)[:4] / _NS_PER_MINUTE
        shown = ", ".join(f"{m:g}" for m in minutes.tolist())
        warnings.append(f"steps differ in length ({shown} minutes ...); each row holds until the next one")
    known = ~np.isnan(values)
    return Series(signal, starts[known], ends[known], values[known])


def _usual_step(starts: NDArray[np.int64]) -> int:
    spacings: list[int] = np.diff(starts).tolist()
    counts = Counter(spacings)
    most = max(counts.values())
    return min(step for step, count in counts.items() if count == most)


def _time(instant_ns: int) -> str:
    return isoformat(from_ns(instant_ns))


def _iana(name: str) -> ZoneInfo:
    try:
        if name == "UTC" or "/" in name:
            return ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # unknown; not a name at all; a folder of the database
        pass
    raise InvalidInput(
        f"tz is {name[:40]!r}; allowed: an IANA name such as Europe/London, or UTC", field="tz", value=name[:40]
    )

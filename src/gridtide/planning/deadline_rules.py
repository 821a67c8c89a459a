"""
Calendar rules that turn the finish of an undelayed run into a deadline: "nobody looks at it before Monday".

A rule knows only a wall clock. The array functions take its readings as nanoseconds since 1970-01-01 00:00 of that
same clock, so they serve millions of jobs; `deadline` takes aware datetimes and the zone whose calendar counts.

References:
    Wiesner et al. (2021), Let's Wait Awhile, Middleware '21, doi:10.1145/3464298.3493399.
"""

from __future__ import annotations

from datetime import UTC, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Final

import numpy as np

from gridtide.domain.instants import as_utc
from gridtide.domain.units import NS_PER_HOUR

if TYPE_CHECKING:
    from datetime import datetime, tzinfo

    from numpy.typing import NDArray

__all__ = ["DeadlineRule", "deadline", "deadlines", "next_workday", "semi_weekly"]

_NS_PER_DAY: Final = 24 * NS_PER_HOUR
_OPENING: Final = 9 * NS_PER_HOUR
_CLOSING: Final = 17 * NS_PER_HOUR
_MONDAY, _THURSDAY, _SATURDAY, _SUNDAY = 0, 3, 5, 6
_EPOCH_WEEKDAY: Final = _THURSDAY


class DeadlineRule(StrEnum):
    """When the result of a run that would finish at a given time is needed."""

    NONE = "none"
    NEXT_WORKDAY = "next_workday"
    SEMI_WEEKLY = "semi_weekly"


def next_workday(finish_ns: NDArray[np.int64]) -> NDArray[np.int64]:
    """
    Deadline when results are read during working hours, 09:00 to 17:00.

    A finish inside working hours stays. Before 09:00 moves to 09:00 of that day, after 17:00 and on Sunday to 09:00
    of the day after, Saturday to Monday 09:00. Friday evening thus moves to Saturday, as in the paper.

    Args:
        finish_ns: Finish of the undelayed run on the wall clock, shape (n_jobs,). [ns]

    Returns:
        Deadlines, never before *finish_ns*, shape (n_jobs,). [ns]
    """
    day, time_of_day, weekday = _calendar(finish_ns)
    days_ahead = np.full(finish_ns.shape, -1, dtype=np.int64)
    days_ahead[time_of_day < _OPENING] = 0
    days_ahead[(weekday == _SUNDAY) | (time_of_day > _CLOSING)] = 1
    days_ahead[weekday == _SATURDAY] = 2
    return np.where(days_ahead < 0, finish_ns, day + days_ahead * _NS_PER_DAY + _OPENING)


def semi_weekly(finish_ns: NDArray[np.int64]) -> NDArray[np.int64]:
    """
    Deadline when results are discussed on Monday and Thursday at 09:00: the first of these at or after the finish.

    Args:
        finish_ns: Finish of the undelayed run on the wall clock, shape (n_jobs,). [ns]

    Returns:
        Deadlines, never before *finish_ns*, shape (n_jobs,). [ns]
    """
    candidates = [_next_at_opening(finish_ns, weekday) for weekday in (_MONDAY, _THURSDAY)]
    return np.minimum(*candidates)


def deadlines(rule: DeadlineRule, finish_ns: NDArray[np.int64]) -> NDArray[np.int64]:
    """Apply *rule* to finishes on a wall clock, shape (n_jobs,). [ns]"""
    if rule is DeadlineRule.NONE:
        return finish_ns
    return next_workday(finish_ns) if rule is DeadlineRule.NEXT_WORKDAY else semi_weekly(finish_ns)


def deadline(rule: DeadlineRule, finish: datetime, *, zone: tzinfo = UTC) -> datetime:
    """
    Deadline of one run on the calendar of *zone*.

    Args:
        rule: Which calendar.
        finish: When the undelayed run would finish; aware.
        zone: Whose wall clock counts; a deadline in the hour skipped in spring moves on by that hour.

    Raises:
        NaiveDatetime: *finish* has no time zone.

    Example:
        >>> from datetime import datetime
        >>> deadline(DeadlineRule.SEMI_WEEKLY, datetime(2026, 1, 7, 12, tzinfo=UTC)).isoformat()
        '2026-01-08T09:00:00+00:00'
    """
    local = as_utc(finish).astimezone(zone)
    wall = local.replace(tzinfo=UTC)
    epoch = wall.replace(year=1970, month=1, day=1, hour=0, minute=0, second=0, microsecond=0)
    wall_ns = ((wall - epoch) // timedelta(microseconds=1)) * 1000
    due_ns = int(deadlines(rule, np.array([wall_ns], dtype=np.int64))[0])
    if due_ns == wall_ns:
        return as_utc(finish)
    due = (epoch + timedelta(microseconds=due_ns // 1000)).replace(tzinfo=zone)
    return max(as_utc(due), as_utc(finish))


def _calendar(wall_ns: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    days = wall_ns // _NS_PER_DAY
    return days * _NS_PER_DAY, wall_ns % _NS_PER_DAY, (days + _EPOCH_WEEKDAY) % 7


def _next_at_opening(wall_ns: NDArray[np.int64], wanted: int) -> NDArray[np.int64]:
    day, time_of_day, weekday = _calendar(wall_ns)
    days_ahead = (wanted - weekday) % 7
    days_ahead[(days_ahead == 0) & (time_of_day > _OPENING)] = 7
    return np.asarray(day + days_ahead * _NS_PER_DAY + _OPENING)

"""
Clock times without an offset, from sources whose contract names the time zone.

The hour that comes twice in autumn is told apart by order: the first run through it is summer time, what follows a step
back is winter time. A clock time that never happened (spring) is no instant.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING

from gridtide.domain.instants import to_ns

if TYPE_CHECKING:
    from collections.abc import Iterable
    from zoneinfo import ZoneInfo

    from gridtide.domain.interval import Interval

__all__ = ["clock_time", "days_of", "instants_of"]


def clock_time(day: date, text: str) -> datetime | None:
    """
    Read ``HH:MM`` or ``HH:MM:SS`` on *day*, without zone; ``24:00`` is the next midnight.

    None for anything else, and for a day outside 2000 to 2099.
    """
    if not 2000 <= day.year < 2100:
        return None
    if text in {"24:00", "24:00:00"}:
        return datetime.combine(day + timedelta(days=1), time())
    try:
        moment = time.fromisoformat(text)
    except ValueError:
        return None
    return None if moment.tzinfo else datetime.combine(day, moment)


def instants_of(clock_times: Iterable[datetime | None], zone: ZoneInfo) -> list[int | None]:
    """
    Instants of clock times in their order; None stays None. [ns]

    Equal neighbours are one instant, so tables with a row per fuel can be read row by row.
    """
    found: list[int | None] = []
    latest: datetime | None = None
    back = False
    for clock in clock_times:
        if clock is None:
            found.append(None)
            continue
        if latest is not None and clock < latest:
            back = True
        latest = clock
        local = clock.replace(tzinfo=zone, fold=1 if back and _comes_twice(clock, zone) else 0)
        back = back and _comes_twice(clock, zone)
        found.append(to_ns(local.astimezone(UTC)) if _exists(local, zone) else None)
    return found


def _comes_twice(clock: datetime, zone: ZoneInfo) -> bool:
    first, second = (clock.replace(tzinfo=zone, fold=fold).utcoffset() for fold in (0, 1))
    return first is not None and second is not None and first > second


def _exists(local: datetime, zone: ZoneInfo) -> bool:
    return local.astimezone(UTC).astimezone(zone).replace(tzinfo=None) == local.replace(tzinfo=None)


def days_of(window: Interval, zone: ZoneInfo) -> list[date]:
    """Local days that *window* touches, in order."""
    first = window.start.astimezone(zone).date()
    last = (window.end - timedelta(microseconds=1)).astimezone(zone).date()
    return [first + timedelta(days=n) for n in range((last - first).days + 1)]

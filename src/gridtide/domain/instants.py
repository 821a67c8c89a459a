"""
Instants: aware datetimes outside, integer nanoseconds since 1970 (UTC) inside.

Integers make interval arithmetic exact; a datetime resolves microseconds, so a round trip through one
loses less than a microsecond.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

from gridtide.domain.errors import InvalidInput, NaiveDatetime

__all__ = ["as_utc", "duration_ns", "from_ns", "isoformat", "parse_instant", "to_ns"]

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)


def as_utc(instant: datetime) -> datetime:
    """
    Return the same instant in UTC.

    Raises:
        NaiveDatetime: *instant* has no time zone.
    """
    if instant.tzinfo is None or instant.utcoffset() is None:
        raise NaiveDatetime(
            f"time {instant.isoformat()} has no time zone",
            hint="write an offset, for example 2026-01-01T00:00+00:00 or ...Z",
        )
    return instant.astimezone(UTC)


def to_ns(instant: datetime) -> int:
    """Nanoseconds since 1970-01-01T00:00Z; raises `NaiveDatetime` for a naive *instant*. [ns]"""
    if instant.tzinfo is None:
        as_utc(instant)
    return ((instant - _EPOCH) // _MICROSECOND) * 1000


def from_ns(instant_ns: int) -> datetime:
    """Return the instant as an aware UTC datetime, cut to microseconds."""
    return _EPOCH + timedelta(microseconds=int(instant_ns) // 1000)


def duration_ns(duration: timedelta) -> int:
    """Length in nanoseconds. [ns]"""
    return (duration // _MICROSECOND) * 1000


def isoformat(instant: datetime) -> str:
    """ISO 8601 in UTC with a ``Z``, without fractions when there are none."""
    return as_utc(instant).isoformat().replace("+00:00", "Z")


def parse_instant(text: str) -> datetime:
    """
    Read an ISO 8601 instant with an offset; ``24:00`` is the midnight that ends the day.

    Raises:
        NaiveDatetime: The text has no offset.
        InvalidInput: The text is not ISO 8601.
    """
    cleaned = text.strip()
    next_day = "T24:00" in cleaned or " 24:00" in cleaned
    if next_day:
        cleaned = cleaned.replace("T24:00", "T00:00").replace(" 24:00", " 00:00")
    try:
        instant = datetime.fromisoformat(cleaned)
    except ValueError:
        raise InvalidInput(
            f"{text[:60]!r} is not an ISO 8601 time", hint="write it like 2026-01-01T00:00Z", value=text[:60]
        ) from None
    if next_day:
        if (instant.hour, instant.minute, instant.second) != (0, 0, 0):
            raise InvalidInput(f"{text[:60]!r} is after the end of its day", value=text[:60])
        instant += timedelta(days=1)
    return as_utc(instant)

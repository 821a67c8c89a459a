"""Half-open spans of time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gridtide.domain.errors import EmptyInterval
from gridtide.domain.instants import as_utc, isoformat, parse_instant

if TYPE_CHECKING:
    from datetime import datetime, timedelta

__all__ = ["Interval"]


@dataclass(frozen=True, slots=True, order=True)
class Interval:
    """
    The instants from *start* up to, not including, *end*; both aware, kept in UTC.

    Raises:
        EmptyInterval: *end* is not after *start*.
        NaiveDatetime: One of them has no time zone.

    Example:
        >>> Interval.parse("2026-01-01T00:30Z/2026-01-01T01:30Z").length
        datetime.timedelta(seconds=3600)
    """

    start: datetime
    end: datetime

    def __post_init__(self) -> None:
        object.__setattr__(self, "start", as_utc(self.start))
        object.__setattr__(self, "end", as_utc(self.end))
        if self.end <= self.start:
            raise EmptyInterval(f"interval ends {isoformat(self.end)}, not after its start {isoformat(self.start)}")

    @classmethod
    def parse(cls, text: str) -> Interval:
        """Read ``start/end`` in ISO 8601."""
        start, _, end = text.partition("/")
        return cls(parse_instant(start), parse_instant(end))

    @property
    def length(self) -> timedelta:
        """Time from start to end."""
        return self.end - self.start

    def overlaps(self, other: Interval) -> bool:
        """Whether the two share an instant."""
        return self.start < other.end and other.start < self.end

    def __contains__(self, instant: datetime) -> bool:
        return self.start <= instant < self.end

    def __str__(self) -> str:
        return f"{isoformat(self.start)}/{isoformat(self.end)}"

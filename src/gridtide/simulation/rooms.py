"""Executors with limited room, by zone: how many run, and what is booked, so that nobody is sent where none will be."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Rooms"]


@dataclass(slots=True)
class Rooms:
    """
    Counts jobs against the room there is, now and as planned.

    Args:
        limits: Jobs that may run at once, by zone; no entry means no limit.
    """

    limits: Mapping[str, int] = field(default_factory=dict)
    _busy: dict[str, int] = field(init=False, default_factory=dict)
    _booked: dict[str, dict[str, tuple[int, int]]] = field(init=False, default_factory=dict)
    _place: dict[str, str] = field(init=False, default_factory=dict)

    def is_full(self, zone: str) -> bool:
        """Whether nothing more can start there now."""
        limit = self.limits.get(zone)
        return limit is not None and self._busy.get(zone, 0) >= limit

    def take(self, zone: str) -> None:
        """One more runs there."""
        self._busy[zone] = self._busy.get(zone, 0) + 1

    def leave(self, zone: str) -> None:
        """One fewer runs there."""
        self._busy[zone] -= 1

    def book(self, job: str, zone: str, start_ns: int, end_ns: int) -> None:
        """Note when *job* is to run, or runs, in *zone*; replaces what was noted for it before. [ns]"""
        self.cancel(job)
        if zone in self.limits:
            self._booked.setdefault(zone, {})[job] = (start_ns, end_ns)
            self._place[job] = zone

    def cancel(self, job: str) -> None:
        """*job* runs nowhere any more, or it is not known where."""
        zone = self._place.pop(job, None)
        if zone is not None:
            del self._booked[zone][job]

    def has_room(self, job: str, zone: str, start_ns: int, end_ns: int) -> bool:
        """Whether *job* finds room in *zone* all the time, beside everything else that is booked there. [ns]"""
        limit = self.limits.get(zone)
        if limit is None:
            return True
        booked = self._booked.get(zone, {}).items()
        spans = [span for name, span in booked if name != job and span[0] < end_ns and span[1] > start_ns]
        if len(spans) < limit:
            return True
        changes = sorted((edge, step) for span in spans for edge, step in zip(span, (1, -1), strict=True))
        level = 0
        for _, step in changes:
            level += step
            if level >= limit:
                return False
        return True

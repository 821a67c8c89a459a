"""Executors with limited room, by zone: who may start, and how many run."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Rooms"]


@dataclass(slots=True)
class Rooms:
    """
    Counts running jobs against the room there is.

    Args:
        limits: Jobs that may run at once, by zone; no entry means no limit.
    """

    limits: Mapping[str, int] = field(default_factory=dict)
    _busy: dict[str, int] = field(init=False, default_factory=dict)

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

"""
Keeps the choice of a provider steady: whoever answered stays for a quarter of an hour while it has anything usable.

Two sources of one kind still differ in level, so a source that flaps every minute would make plans flap with it.
Leaving a source that has nothing usable is always allowed.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Hashable

__all__ = ["DWELL", "FlutterGuard"]

DWELL: Final = timedelta(minutes=15)
_SUBJECTS_MAX: Final = 4096


class FlutterGuard:
    """
    Who was chosen last, per subject, and since when. Times are monotonic seconds.

    Args:
        dwell: How long a choice stays.
    """

    def __init__(self, dwell: timedelta = DWELL) -> None:
        self._dwell = dwell.total_seconds()
        self._chosen: dict[Hashable, tuple[str, float]] = {}

    def held(self, subject: Hashable, now: float) -> str | None:
        """Name that should stay chosen for *subject* if it can, or None when everybody may be."""
        name, since = self._chosen.get(subject, (None, 0.0))
        return name if name is not None and now - since < self._dwell else None

    def choose(self, subject: Hashable, name: str, now: float) -> bool:
        """Note who was chosen; tells whether that is a change."""
        before = self._chosen.get(subject)
        if before is not None and before[0] == name:
            return False
        if len(self._chosen) >= _SUBJECTS_MAX:
            self._chosen.clear()
        self._chosen[subject] = (name, now)
        return before is not None

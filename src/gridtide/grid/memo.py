"""Fresh answers ready to be given again while they stay fresh: the path that a warm read takes, in microseconds."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from gridtide.domain.decision import FreshnessStep

if TYPE_CHECKING:
    from datetime import datetime

    from gridtide.domain.interval import Interval
    from gridtide.domain.ports import Clock, Reading, SignalQuery
    from gridtide.domain.signal import SignalKind
    from gridtide.domain.zone import Zone
    from gridtide.grid.ladder import Answer

__all__ = ["Memo"]

_MOST: Final = 4096

_Signature = tuple["Zone", "SignalKind | None", bool, str, "timedelta | None"]


@dataclass(frozen=True, slots=True)
class _Remembered:
    """A fresh answer, the span it was given for, and until when it needs no better one."""

    reading: Reading
    covered: Interval
    monotonic_until: float
    informed_at: datetime


class Memo:
    """
    Readings of one client by question.

    Args:
        clock: Wall and monotonic time.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._kept: dict[_Signature, _Remembered] = {}

    def get(self, query: SignalQuery) -> Reading | None:
        """The reading of the same question, with its age now; None when there is none that is still fresh."""
        memo = self._kept.get(_signature(query))
        if memo is None or self._clock.monotonic() >= memo.monotonic_until:
            return None
        covered, window = memo.covered, query.window
        if window.start < covered.start or covered.end < window.end:
            return None
        age = self._clock.now() - memo.informed_at
        if query.max_age is not None and age > query.max_age:
            return None
        return replace(memo.reading, step=FreshnessStep.CACHED, age=age)

    def put(self, query: SignalQuery, answer: Answer, reading: Reading) -> None:
        """Keep *reading* as long as *answer* needs no better one; forget what was kept when it does already."""
        signature = _signature(query)
        self._kept.pop(signature, None)
        if not answer.is_fresh or answer.until is None:
            return
        if len(self._kept) >= _MOST:
            self._kept.clear()
        now = self._clock.now()
        self._kept[signature] = _Remembered(
            reading,
            query.window,
            self._clock.monotonic() + (answer.until - now).total_seconds(),
            now - (answer.age or timedelta(0)),
        )


def _signature(query: SignalQuery) -> _Signature:
    return (query.zone, query.kind, query.forecast, query.purpose, query.max_age)

"""
Keeping a reading fresh without ever waiting for it: one question at a time, each with a bounded time to be answered.

A provider that hangs, fails or raises delays nothing. The last good reading stands until it is too old, then it is
handed on as no data, so that the policy for missing data applies.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final

import numpy as np

from gridtide.domain.decision import FreshnessStep
from gridtide.domain.interval import Interval

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from gridtide.domain.ports import GridData, Reading, SignalQuery

__all__ = ["Feed", "Pace"]

_ARRAYS: Final = ("starts_ns", "ends_ns", "values", "end_values")


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """
    How often to read.

    Args:
        refresh: Between two good answers.
        retry: After a failure.
        too_old: How long the last good answer stands while none comes.
        timeout_s: How long one question may take, in real time. [s]
    """

    refresh: timedelta = timedelta(minutes=5)
    retry: timedelta = timedelta(seconds=30)
    too_old: timedelta = timedelta(minutes=60)
    timeout_s: float = 12.0


@dataclass(slots=True, eq=False)
class Feed:
    """
    The readings of one place.

    Args:
        ask: Makes the question for an instant.
        grid: Who answers.
        pace: How often to read.
        nudge: Called when an answer is there.
    """

    ask: Callable[[datetime], SignalQuery]
    grid: GridData
    pace: Pace
    nudge: Callable[[], None]
    reading: Reading | None = None
    answered: bool = False
    trouble: str = ""
    _next_at: datetime | None = field(default=None)
    _good_at: datetime | None = field(default=None)
    _task: asyncio.Task[Reading] | None = field(default=None)
    _gives_up_s: float = field(default=0.0)
    _asked_until: datetime | None = field(default=None)

    @property
    def due(self) -> datetime | None:
        """When the next question is to be put; None while one is under way."""
        return self._next_at if self._task is None else None

    def turn(self, now: datetime) -> bool:
        """Start, collect or give up a question as the time says; True when there is another reading."""
        task = self._task
        if task is None:
            if self._next_at is None or now >= self._next_at:
                self._begin(now)
            return False
        if task.done():
            self._task = None
            return self._collect(task, now)
        if asyncio.get_running_loop().time() >= self._gives_up_s:
            self.stop()
            return self._missed(now, f"no answer within {self.pace.timeout_s:g} s")
        return False

    def stop(self) -> None:
        """Give up the question under way, without waiting for it to listen."""
        if self._task is not None:
            self._task.remove_done_callback(self._done)
            self._task.add_done_callback(_forget)
            self._task.cancel()
            self._task = None

    def _begin(self, now: datetime) -> None:
        loop = asyncio.get_running_loop()
        query = self.ask(now)
        self._asked_until = query.window.end
        self._task = loop.create_task(self.grid.read(query))
        self._task.add_done_callback(self._done)
        self._gives_up_s = loop.time() + self.pace.timeout_s

    def _done(self, _task: asyncio.Task[Reading]) -> None:
        self.nudge()

    def _collect(self, task: asyncio.Task[Reading], now: datetime) -> bool:
        error = None if task.cancelled() else task.exception()
        if task.cancelled() or error is not None:
            return self._missed(now, f"reading failed: {error}"[:200])
        fresh = task.result()
        if fresh.step is FreshnessStep.NONE or not fresh.series:
            return self._missed(now, fresh.reason or "nothing is known", fresh)
        self.answered, self._good_at, self.trouble = True, now, ""
        self._next_at = now + self.pace.refresh
        if self.reading is not None and _tell_the_same(self.reading, fresh, now, self._asked_until):
            return False
        self.reading = fresh
        return True

    def _missed(self, now: datetime, why: str, empty: Reading | None = None) -> bool:
        self.answered, self.trouble = True, why
        self._next_at = now + self.pace.retry
        standing = self.reading
        if standing is None:
            self.reading = empty
            return empty is not None
        too_old = self._good_at is None or now - self._good_at >= self.pace.too_old
        if too_old and standing.step is not FreshnessStep.NONE:
            self.reading = replace(standing, step=FreshnessStep.NONE, reason=why)
            return True
        return False


def _tell_the_same(before: Reading, after: Reading, now: datetime, until: datetime | None) -> bool:
    """Whether nothing was learnt about the time from now to *until*: equal values that count as much."""
    if _worth(before.step) is not _worth(after.step) or until is None or until <= now:
        return False
    ahead = Interval(now, until)
    first, second = before.series.clip(ahead), after.series.clip(ahead)
    return all(np.array_equal(getattr(first, name), getattr(second, name)) for name in _ARRAYS)


def _worth(step: FreshnessStep) -> FreshnessStep:
    """Step of the ladder, where what is cached counts as live."""
    return FreshnessStep.LIVE if step is FreshnessStep.CACHED else step


def _forget(task: asyncio.Task[Reading]) -> None:
    """Nobody asks any more; an error that comes late is nobody's."""
    if not task.cancelled():
        task.exception()

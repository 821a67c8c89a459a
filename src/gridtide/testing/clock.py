"""
A clock that only moves when told to, for tests of anything that waits.

`FakeClock` is a `Clock` and a `Waiter`. Three ways to let time pass:

- `FakeClock.advance` moves it by hand and wakes whoever waits for an instant that has come;
- ``FakeClock(auto_advance=True)`` jumps to the next wake-up as soon as every task of the running loop waits;
- `FakeClock.run` runs a coroutine on an event loop whose own time is this clock, so ``asyncio.sleep`` and
  ``asyncio.timeout`` pass in no real time too (`gridtide.testing.virtual_loop`).

Wall time and monotonic time are kept apart: `FakeClock.step_wall` is the NTP step that only the first one sees.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
import threading
import time
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final, TypeVar

from gridtide.domain.errors import InvalidInput
from gridtide.domain.instants import as_utc, isoformat, parse_instant
from gridtide.testing.traffic import Traffic

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator

__all__ = ["FakeClock", "RealClock"]

T = TypeVar("T")

DEFAULT_START: Final = datetime(2026, 1, 1, tzinfo=UTC)
_QUIET_S: Final = 0.001


class RealClock:
    """Time as it is; for servers that people try clients against by hand, and for runs with real processes."""

    def now(self) -> datetime:
        """Aware UTC wall time."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Seconds that never jump. [s]"""
        return time.monotonic()

    async def sleep_until(self, instant: datetime) -> None:
        """Return at or just after *instant*."""
        await asyncio.sleep(max(0.0, (as_utc(instant) - self.now()).total_seconds()))


class FakeClock:
    """
    Virtual time.

    Args:
        now: First wall time, aware, or ISO 8601 text with an offset.
        auto_advance: Jump to the next wake-up when every task of the loop waits.

    Attributes:
        driving: Whether an event loop takes its time from this clock at the moment.
        traffic: The fake servers on this clock, so that time stands still while they work.

    Example:
        >>> clock = FakeClock("2026-01-01T00:00Z")
        >>> clock.advance(minutes=90)
        >>> clock.now().isoformat()
        '2026-01-01T01:30:00+00:00'
    """

    def __init__(self, now: datetime | str = DEFAULT_START, *, auto_advance: bool = False) -> None:
        self._lock = threading.RLock()
        self._wall_offset = parse_instant(now) if isinstance(now, str) else as_utc(now)
        self._elapsed = 0.0
        self._auto_advance = auto_advance
        self._order = itertools.count()
        self._sleepers: list[tuple[float, int, asyncio.AbstractEventLoop, asyncio.Future[None]]] = []
        self._timer: asyncio.TimerHandle | None = None
        self._moves = 0
        self._held = 0
        self.driving = False
        self.traffic = Traffic()

    # -- reading ---------------------------------------------------------------------------------------------------

    def now(self) -> datetime:
        """Aware UTC wall time."""
        with self._lock:
            return self._wall_offset + timedelta(seconds=self._elapsed)

    def monotonic(self) -> float:
        """Seconds since the clock was made; never jumps back. [s]"""
        with self._lock:
            return self._elapsed

    @property
    def waiting(self) -> int:
        """How many tasks wait for this clock."""
        with self._lock:
            return sum(not future.done() for *_, future in self._sleepers)

    @property
    def next_wake(self) -> datetime | None:
        """Wall time of the earliest wake-up, or None when nobody waits."""
        with self._lock:
            due = [when for when, _, _, future in self._sleepers if not future.done()]
            return self._wall_offset + timedelta(seconds=min(due)) if due else None

    # -- moving ----------------------------------------------------------------------------------------------------

    def advance(self, duration: timedelta | float = 0.0, *, hours: float = 0, minutes: float = 0) -> None:
        """
        Let time pass and wake whoever is due; the woken tasks run when the caller next awaits.

        Args:
            duration: How far; a number is seconds. [s]
            hours: Added to it. [h]
            minutes: Added to it. [min]

        Raises:
            InvalidInput: The sum is negative; only `step_wall` goes back.
        """
        seconds = duration.total_seconds() if isinstance(duration, timedelta) else float(duration)
        seconds += 3600.0 * hours + 60.0 * minutes
        if seconds < 0:
            raise InvalidInput(
                f"duration is {seconds} s; allowed: zero or more", hint="step_wall() moves wall time back"
            )
        self.advance_to_monotonic(self.monotonic() + seconds)

    def advance_to(self, instant: datetime) -> None:
        """Let time pass until wall time is *instant*; does nothing when it is past."""
        self.advance(max(timedelta(0), as_utc(instant) - self.now()))

    def advance_to_monotonic(self, seconds: float) -> None:
        """Let time pass until `monotonic` is at least *seconds*. [s]"""
        with self._lock:
            self._elapsed = max(self._elapsed, seconds)
            self._moves += 1
            self._wake(lambda when: when <= self._elapsed)

    def step_wall(self, step: timedelta) -> None:
        """Set the wall clock forward or back without time passing, as a time server does."""
        with self._lock:
            self._wall_offset += step
            self._moves += 1
            self._wake(lambda _: True)

    async def settle(self, rounds: int = 20) -> None:
        """Let every task that can run do so, without time passing."""
        for _ in range(rounds):
            await asyncio.sleep(0)

    async def pass_time(self, duration: timedelta) -> None:
        """Advance by *duration*, stopping at every wake-up on the way so that its task acts at its own instant."""
        end = self.now() + duration
        await self.settle()
        while (wake := self.next_wake) is not None and wake <= end:
            self.advance_to(wake)
            await self.settle()
        self.advance_to(end)
        await self.settle()

    # -- waiting ---------------------------------------------------------------------------------------------------

    async def sleep_until(self, instant: datetime) -> None:
        """Return at or just after *instant* on this clock."""
        goal = as_utc(instant)
        if goal <= self.now():
            await asyncio.sleep(0)
        while (remaining := goal - self.now()) > timedelta(0):
            await self._sleep(remaining.total_seconds())

    async def sleep(self, duration: timedelta | float) -> None:
        """Return after *duration* of monotonic time; a number is seconds. [s]"""
        seconds = duration.total_seconds() if isinstance(duration, timedelta) else float(duration)
        goal = self.monotonic() + seconds
        await asyncio.sleep(0)
        while (remaining := goal - self.monotonic()) > 0:
            await self._sleep(remaining)

    async def _sleep(self, seconds: float) -> None:
        loop = asyncio.get_running_loop()
        future: asyncio.Future[None] = loop.create_future()
        with self._lock:
            goal = self._elapsed + seconds
            heapq.heappush(self._sleepers, (goal, next(self._order), loop, future))
        timer = loop.call_later(seconds, self.advance_to_monotonic, goal) if self.driving else None
        if self._auto_advance and not self.driving:
            self._arm(loop)
        try:
            await future
        finally:
            if timer is not None:
                timer.cancel()

    def _wake(self, due: Callable[[float], bool]) -> None:
        """Release the sleepers that are due; the lock is held."""
        keep = []
        for entry in sorted(self._sleepers):
            when, _, loop, future = entry
            if future.done():
                continue
            if due(when):
                loop.call_soon_threadsafe(_finish, future)
            else:
                keep.append(entry)
        self._sleepers = keep
        heapq.heapify(self._sleepers)

    # -- jumping by itself -----------------------------------------------------------------------------------------

    @property
    def is_held(self) -> bool:
        """Whether something outside the loop keeps time still."""
        with self._lock:
            return self._held > 0

    @contextmanager
    def held(self) -> Iterator[None]:
        """Keep a clock that moves by itself still while something outside the loop works."""
        with self._lock:
            self._held += 1
        try:
            yield
        finally:
            with self._lock:
                self._held -= 1

    def _arm(self, loop: asyncio.AbstractEventLoop) -> None:
        """Look again after the loop had a quiet moment."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer = loop.call_later(_QUIET_S, self._jump, loop, self._moves)

    def _jump(self, loop: asyncio.AbstractEventLoop, moves: int) -> None:
        self._timer = None
        with self._lock:
            busy = self._held > 0 or moves != self._moves
            due = [when for when, _, _, future in self._sleepers if not future.done()]
        if not due:
            return
        if not busy:
            self.advance_to_monotonic(min(due))
        self._arm(loop)

    def run(self, work: Coroutine[object, object, T]) -> T:
        """Run *work* to its end on an event loop whose time is this clock."""
        from gridtide.testing.virtual_loop import VirtualLoop  # noqa: PLC0415 - it needs this module

        with asyncio.Runner(loop_factory=lambda: VirtualLoop(self)) as runner:
            return runner.run(work)

    def __repr__(self) -> str:
        return f"<FakeClock {isoformat(self.now())}>"


def _finish(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)

"""
The clocks that entry points hand down: the machine's, and one that starts anywhere and runs at any speed.

Both are a `Clock` and a `Waiter`. Time passes by the monotonic clock, which on Linux also counts while the machine
sleeps; wall time is read once and carried forward, so that a time server's step moves no deadline (invariant I13).
"""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime, timedelta
from typing import Final

from gridtide.domain.errors import InvalidInput
from gridtide.domain.instants import as_utc

__all__ = ["EARLIEST_SANE", "ScaledClock", "SystemClock"]

EARLIEST_SANE: Final = datetime(2026, 1, 1, tzinfo=UTC)
"""A machine whose clock is before this has not been set: the program is younger than that."""

_LONGEST_NAP_S: Final = 30.0


def _elapsed_s() -> float:
    """Seconds that never jump, counting a machine's sleep where the system can tell. [s]"""
    boot_time = getattr(time, "CLOCK_BOOTTIME", None)
    return time.clock_gettime(boot_time) if boot_time is not None else time.monotonic()


class SystemClock:
    """The machine's clock."""

    def __init__(self) -> None:
        self._wall = datetime.now(UTC)
        self._origin_s = _elapsed_s()

    def now(self) -> datetime:
        """Aware UTC wall time, as it was when the clock was made plus what has passed since."""
        return self._wall + timedelta(seconds=self.monotonic())

    def monotonic(self) -> float:
        """Seconds since the clock was made. [s]"""
        return _elapsed_s() - self._origin_s

    def step(self) -> timedelta:
        """How far the machine's wall clock has been set forward since this clock was made; negative for back."""
        return datetime.now(UTC) - self.now()

    async def sleep_until(self, instant: datetime) -> None:
        """Return at or just after *instant*; naps are short, so that a machine that slept notices soon."""
        goal_s = self.monotonic() + (as_utc(instant) - self.now()).total_seconds()
        await asyncio.sleep(0)
        while (remaining_s := goal_s - self.monotonic()) > 0:  # noqa: ASYNC110 - time is what we wait for
            await asyncio.sleep(min(remaining_s, _LONGEST_NAP_S))


class ScaledClock:
    """
    A clock that starts at any instant and runs faster or slower than time; for replay and rehearsal.

    Args:
        start: Its first wall time, aware.
        speed: Its seconds per real second; 0 lets it stand still.

    Raises:
        InvalidInput: *speed* is negative or not finite.

    Example:
        >>> ScaledClock(datetime(2026, 1, 1, tzinfo=UTC), speed=0).now().isoformat()
        '2026-01-01T00:00:00+00:00'
    """

    def __init__(self, start: datetime, *, speed: float = 1.0) -> None:
        if not 0 <= speed < float("inf"):
            raise InvalidInput(f"speed is {speed}; allowed: zero or more", field="speed")
        self.speed = speed
        self._start = as_utc(start)
        self._origin_s = _elapsed_s()

    def now(self) -> datetime:
        """Aware UTC time on this clock."""
        return self._start + timedelta(seconds=self.monotonic())

    def monotonic(self) -> float:
        """Seconds on this clock since it was made. [s]"""
        return (_elapsed_s() - self._origin_s) * self.speed

    async def sleep_until(self, instant: datetime) -> None:
        """
        Return at or just after *instant* on this clock.

        Raises:
            InvalidInput: The clock stands still, so the instant never comes.
        """
        goal = as_utc(instant)
        await asyncio.sleep(0)
        while (remaining := goal - self.now()) > timedelta(0):
            if not self.speed:
                raise InvalidInput(f"this clock stands at {self.now().isoformat()}, so {goal.isoformat()} never comes")
            await asyncio.sleep(min(remaining.total_seconds() / self.speed, _LONGEST_NAP_S))

"""
An asyncio loop whose time is a `FakeClock`: when nothing can run, time jumps to the next timer.

Real sockets still work on it. While a fake server works on a request, time stands still; while it holds the answer
back on the same clock (a delay, a dripping body) time goes on, as `Traffic` tells. So a client's five-second read
timeout against a silent server takes no real time and always ends the same way. Other loopback servers get a few
real milliseconds to answer before time jumps.
"""

from __future__ import annotations

import asyncio
import selectors
import time
from typing import TYPE_CHECKING, Any, Final

from gridtide.testing.traffic import TrafficState

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Executor

    from gridtide.testing.clock import FakeClock

__all__ = ["VirtualLoop"]

_PATIENCE_S: Final = 20.0
_FOREIGN_S: Final = 0.01
_POLL_S: Final = 0.002


class VirtualLoop(asyncio.SelectorEventLoop):
    """Event loop on *clock*; see the module."""

    def __init__(self, clock: FakeClock) -> None:
        self._fake_clock = clock
        super().__init__(_JumpingSelector(clock))
        clock.driving = True

    def time(self) -> float:
        """Monotonic time of the clock. [s]"""
        return self._fake_clock.monotonic()

    def run_in_executor(  # type: ignore[override]  # typeshed binds the arguments with a TypeVarTuple
        self, executor: Executor | None, func: Callable[..., Any], *args: Any
    ) -> asyncio.Future[Any]:
        """Run *func* in a thread; time stands still until it is done."""
        hold = self._fake_clock.held()
        hold.__enter__()
        future = super().run_in_executor(executor, func, *args)
        future.add_done_callback(lambda _: hold.__exit__(None, None, None))
        return future

    async def shutdown_default_executor(self, timeout: float | None = None) -> None:  # noqa: ARG002, ASYNC109
        """Wait for the threads however long they take: they work in real time, which no virtual timeout measures."""
        await super().shutdown_default_executor()

    def close(self) -> None:
        """Close the loop and give the clock back."""
        self._fake_clock.driving = False
        super().close()


class _JumpingSelector(selectors.DefaultSelector):
    """Waits for sockets in real time and for timers in virtual time."""

    def __init__(self, clock: FakeClock) -> None:
        super().__init__()
        self._clock = clock

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if ready or (timeout is not None and timeout <= 0):
            return ready
        began = time.monotonic()
        while self._must_stand_still(time.monotonic() - began):
            ready = super().select(_POLL_S)
            if ready:
                return ready
        now = self._clock.monotonic()
        release = self._clock.traffic.next_release(now)
        if timeout is None and release is None:
            return super().select(_POLL_S)
        goals = [goal for goal in (release, None if timeout is None else now + timeout) if goal is not None]
        self._clock.advance_to_monotonic(min(goals))
        return super().select(0)

    def _must_stand_still(self, waited_s: float) -> bool:
        """Whether somebody outside the loop still works; both patiences are in real time. [s]"""
        now = self._clock.monotonic()
        states = {self._clock.traffic.state(key.fd, now) for key in self.get_map().values()}
        busy = self._clock.is_held or TrafficState.BUSY in states
        return (busy and waited_s < _PATIENCE_S) or (TrafficState.FOREIGN in states and waited_s < _FOREIGN_S)

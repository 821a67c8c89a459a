"""The fake clock moves only when told to, and wakes exactly who is due."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime, timedelta

import pytest

from gridtide.domain.errors import InvalidInput, NaiveDatetime
from gridtide.domain.ports import Clock, Waiter
from gridtide.testing import FakeClock

NEW_YEAR = datetime(2026, 1, 1, tzinfo=UTC)


def test_clock_is_a_clock_and_a_waiter() -> None:
    """The engine and the doors accept it wherever they take time."""
    clock = FakeClock()

    assert isinstance(clock, Clock)
    assert isinstance(clock, Waiter)


def test_naive_start_is_refused() -> None:
    """A time zone is never guessed."""
    with pytest.raises(NaiveDatetime):
        FakeClock("2026-01-01T00:00")


def test_advance_moves_wall_and_monotonic_time_together() -> None:
    """Both clocks pass the same span."""
    clock = FakeClock(NEW_YEAR)

    clock.advance(30, minutes=1, hours=1)

    assert clock.now() == NEW_YEAR + timedelta(seconds=3690)
    assert clock.monotonic() == 3690


def test_going_back_is_refused() -> None:
    """Only a step of the wall clock goes back."""
    with pytest.raises(InvalidInput, match="zero or more"):
        FakeClock().advance(-1)


def test_step_wall_leaves_monotonic_time_alone() -> None:
    """A time server's step is seen by wall time only."""
    clock = FakeClock(NEW_YEAR)

    clock.step_wall(timedelta(hours=-2))

    assert clock.now() == NEW_YEAR - timedelta(hours=2)
    assert clock.monotonic() == 0


async def test_sleeper_wakes_at_its_instant_and_not_before() -> None:
    """One millisecond early is too early; the instant itself is in time."""
    clock = FakeClock(NEW_YEAR)
    task = asyncio.create_task(clock.sleep_until(NEW_YEAR + timedelta(hours=1)))
    await clock.settle()

    clock.advance(3599.999)
    await clock.settle()
    early = task.done()
    clock.advance(0.001)
    await clock.settle()

    assert not early
    assert task.done()


async def test_sleep_until_follows_a_wall_step_forward() -> None:
    """A sleeper whose instant is past after a wall step wakes at once."""
    clock = FakeClock(NEW_YEAR)
    task = asyncio.create_task(clock.sleep_until(NEW_YEAR + timedelta(hours=1)))
    await clock.settle()

    clock.step_wall(timedelta(hours=2))
    await clock.settle()

    assert task.done()


async def test_pass_time_stops_at_every_wake_up() -> None:
    """A loop that sleeps ten minutes acts six times in an hour, each time on its own instant."""
    clock = FakeClock(NEW_YEAR)
    seen: list[datetime] = []

    async def beat() -> None:
        while True:
            await clock.sleep(timedelta(minutes=10))
            seen.append(clock.now())

    task = asyncio.create_task(beat())
    await clock.pass_time(timedelta(hours=1))
    task.cancel()

    assert seen == [NEW_YEAR + timedelta(minutes=10 * k) for k in range(1, 7)]


async def test_auto_advance_lets_two_loops_interleave_in_order() -> None:
    """With automatic jumps every task wakes in the order of its instants, in no real time."""
    clock = FakeClock(NEW_YEAR, auto_advance=True)
    seen: list[tuple[str, float]] = []

    async def beat(name: str, period: float, count: int) -> None:
        for _ in range(count):
            await clock.sleep(period)
            seen.append((name, clock.monotonic()))

    await asyncio.gather(beat("a", 3600, 3), beat("b", 5000, 2))

    assert seen == [("a", 3600), ("b", 5000), ("a", 7200), ("b", 10000), ("a", 10800)]


async def test_auto_advance_stands_still_while_held() -> None:
    """Work outside the loop is not jumped over."""
    clock = FakeClock(NEW_YEAR, auto_advance=True)
    with clock.held():
        task = asyncio.create_task(clock.sleep(3600))
        await asyncio.sleep(0.02)
        held = clock.now()
    await task

    assert held == NEW_YEAR
    assert clock.monotonic() == 3600


def test_virtual_loop_passes_asyncio_sleeps_in_no_real_time() -> None:
    """A day of ``asyncio.sleep`` takes no real time, and wall time agrees with it."""
    clock = FakeClock(NEW_YEAR)

    async def work() -> float:
        await asyncio.sleep(86_400)
        await clock.sleep_until(NEW_YEAR + timedelta(days=2))
        return asyncio.get_running_loop().time()

    loop_time = clock.run(work())

    assert loop_time == pytest.approx(2 * 86_400)
    assert clock.now() == NEW_YEAR + timedelta(days=2)


def test_virtual_loop_ends_timeouts_in_virtual_time() -> None:
    """``asyncio.timeout`` fires at its own virtual instant."""
    clock = FakeClock(NEW_YEAR)

    async def work() -> float:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(30):
                await asyncio.Event().wait()
        return clock.monotonic()

    assert clock.run(work()) == pytest.approx(30)


def test_virtual_loop_stands_still_for_threads() -> None:
    """Work in a thread is awaited in real time while virtual time rests."""
    clock = FakeClock(NEW_YEAR)

    async def work() -> float:
        ticker = asyncio.create_task(asyncio.sleep(3600))
        await asyncio.to_thread(time.sleep, 0.02)
        at = clock.monotonic()
        await ticker
        return at

    assert clock.run(work()) == 0
    assert clock.monotonic() == pytest.approx(3600)

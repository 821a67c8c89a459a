"""Clocks: time passes by the monotonic clock, at the speed that was asked for."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from gridtide.api import clocks
from gridtide.api.clocks import ScaledClock, SystemClock
from gridtide.domain.errors import InvalidInput
from gridtide.domain.ports import Clock, Waiter

NEW_YEAR = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def hands(monkeypatch):
    """The monotonic seconds that the clocks read, moved by hand."""
    seconds = [1000.0]
    monkeypatch.setattr(clocks, "_elapsed_s", lambda: seconds[0])
    return seconds


def test_both_clocks_fit_both_ports():
    """An entry point hands the same object down as clock and as waiter."""
    for clock in (SystemClock(), ScaledClock(NEW_YEAR)):
        assert isinstance(clock, Clock)
        assert isinstance(clock, Waiter)


def test_the_system_clock_starts_at_the_machines_time():
    """Wall time is read once, when the clock is made."""
    assert abs(SystemClock().now() - datetime.now(UTC)) < timedelta(seconds=5)


def test_a_step_of_the_wall_clock_moves_nothing(hands, monkeypatch):
    """After the machine's clock is set an hour forward, only what really passed has passed (F56)."""
    clock = SystemClock()
    before = clock.now()

    class Forward(datetime):
        @classmethod
        def now(cls, tz=None):
            return before + timedelta(hours=1)

    monkeypatch.setattr(clocks, "datetime", Forward)
    hands[0] += 60

    assert clock.now() == before + timedelta(minutes=1)
    assert clock.step() == timedelta(minutes=59)


def test_a_scaled_clock_runs_at_its_speed(hands):
    """At 3600 a second is an hour."""
    clock = ScaledClock(NEW_YEAR, speed=3600)
    hands[0] += 2

    assert clock.now() == NEW_YEAR + timedelta(hours=2)
    assert clock.monotonic() == 7200


async def test_waiting_on_a_fast_clock_takes_little_real_time():
    """Ten minutes at 60,000 times the speed; the limit on a test's time would end it at the clock on the wall."""
    clock = ScaledClock(NEW_YEAR, speed=60_000)
    await clock.sleep_until(NEW_YEAR + timedelta(minutes=10))

    assert clock.now() >= NEW_YEAR + timedelta(minutes=10)


async def test_a_clock_that_stands_still_refuses_to_wait_for_ever():
    """Waiting on a frozen clock is a mistake that is said, not a hang."""
    with pytest.raises(InvalidInput, match="stands at 2026-01-01T00:00:00"):
        await ScaledClock(NEW_YEAR, speed=0).sleep_until(NEW_YEAR + timedelta(seconds=1))


async def test_a_past_instant_is_reached_at_once():
    """Waiting for what has been returns, after letting others run."""
    await asyncio.wait_for(SystemClock().sleep_until(NEW_YEAR), timeout=5)


@pytest.mark.parametrize("speed", [-1.0, float("nan"), float("inf")])
def test_an_impossible_speed_is_refused(speed):
    """Time goes forward at a finite speed."""
    with pytest.raises(InvalidInput, match="speed is"):
        ScaledClock(NEW_YEAR, speed=speed)

"""Budgets and pauses: what a provider allows is never exceeded in any window, and a pause is a pause."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gridtide.domain.errors import RateLimited
from gridtide.grid.limits import Budget, Limits
from gridtide.testing import FakeClock

MINUTE = timedelta(minutes=1)


def busiest(starts: list[float], window: float) -> int:
    """Most calls in any half-open span of *window*."""
    return max(sum(start <= other < start + window - 1e-9 for other in starts) for start in starts)


def rush(clock: FakeClock, limits: Limits, budget: Budget, calls: int, patience: float = 1e9) -> list[float]:
    """Start *calls* calls as fast as allowed; when each started."""
    starts: list[float] = []

    async def one() -> None:
        await limits.admit("host", budget, patience=patience)
        starts.append(clock.monotonic())

    async def work() -> None:
        await asyncio.gather(*(one() for _ in range(calls)))

    clock.run(work())
    return starts


@given(calls=st.integers(1, 120), window_s=st.integers(1, 3600), wanted=st.integers(1, 300))
@settings(max_examples=60, deadline=None)
def test_no_window_ever_holds_more_calls_than_the_budget(calls: int, window_s: int, wanted: int) -> None:
    """However hard it is pushed."""
    clock = FakeClock()
    budget = Budget(calls, timedelta(seconds=window_s))

    starts = rush(clock, Limits(clock), budget, wanted)

    assert len(starts) == wanted
    assert busiest(starts, window_s) <= calls


def test_budget_is_nearly_used_when_it_is_needed() -> None:
    """Sixty a minute means about sixty a minute, not far fewer."""
    clock = FakeClock()

    starts = rush(clock, Limits(clock), Budget(60, MINUTE), 300)

    assert max(starts) <= 7 * 60


def test_idle_host_allows_a_burst() -> None:
    """After a quiet time a quarter of the budget may start at once."""
    clock = FakeClock()
    limits = Limits(clock)
    clock.advance(3600)

    starts = rush(clock, limits, Budget(60, MINUTE), 31)

    assert sum(start == 3600 for start in starts) >= 7
    clock.advance(3600)
    starts = rush(clock, limits, Budget(60, MINUTE), 31)
    assert sum(start == starts[0] for start in starts) == 15


def test_restarts_do_not_multiply_the_budget() -> None:
    """Not even with a full burst each time: ten restarts in a minute stay under the hourly budget."""
    clock = FakeClock()
    starts: list[float] = []
    for _ in range(10):
        starts += rush(clock, Limits(clock), Budget(3000, timedelta(minutes=5)), 100)
        clock.advance(6)

    assert len(starts) == 1000
    assert busiest(starts, 300) <= 3000


def test_wait_beyond_the_patience_is_told_and_costs_no_call() -> None:
    """The caller falls back at once; its place in the queue goes to somebody else."""
    clock = FakeClock()
    limits, budget = Limits(clock), Budget(1, MINUTE)

    async def work() -> None:
        await limits.admit("host", budget, patience=1)
        for _ in range(3):
            with pytest.raises(RateLimited) as caught:
                await limits.admit("host", budget, patience=1)
            assert caught.value.retry_after == MINUTE
        await asyncio.sleep(60)
        await limits.admit("host", budget, patience=1)

    clock.run(work())


def test_hosts_do_not_share_a_budget() -> None:
    """One provider's limit does not slow another down."""
    clock = FakeClock()
    limits, budget = Limits(clock), Budget(1, MINUTE)

    async def work() -> None:
        for host in ("a", "b", "c"):
            await limits.admit(host, budget, patience=0)

    clock.run(work())


def test_pause_that_begins_during_a_wait_is_kept() -> None:
    """Whoever was already queueing does not slip through."""
    clock = FakeClock()
    limits, budget = Limits(clock), Budget(1, MINUTE)

    async def work() -> None:
        await limits.admit("host", budget, patience=0)
        queued = asyncio.ensure_future(limits.admit("host", budget, patience=120))
        await asyncio.sleep(30)
        await limits.pause("host", timedelta(minutes=10))
        with pytest.raises(RateLimited) as caught:
            await queued
        assert caught.value.retry_after == timedelta(minutes=9, seconds=30)

    clock.run(work())


def test_longer_pause_wins() -> None:
    """A second, shorter answer does not shorten the first."""
    clock = FakeClock()
    limits = Limits(clock)

    async def work() -> None:
        await limits.pause("host", timedelta(minutes=10))
        await limits.pause("host", timedelta(minutes=1))

    clock.run(work())

    assert limits.paused_for("host") == pytest.approx(600)


class Shared:
    """A shared store that answers when told to."""

    def __init__(self, answer: float | None) -> None:
        self.answer = answer
        self.paused: list[float] = []

    async def reserve(self, host: str, budget: Budget, *, patience: float) -> float | None:
        return self.answer

    async def pause(self, host: str, span: float) -> None:
        self.paused.append(span)


def test_shared_wait_counts_and_pauses_are_told_to_others() -> None:
    """Replicas keep one budget and one pause."""
    clock, shared = FakeClock(), Shared(40.0)
    limits = Limits(clock, shared=shared)

    async def work() -> None:
        await limits.admit("host", Budget(100, MINUTE), patience=60)
        assert clock.monotonic() == pytest.approx(40)
        await limits.pause("host", MINUTE)
        with pytest.raises(RateLimited):
            await limits.admit("host", Budget(100, MINUTE), patience=10)

    clock.run(work())

    assert shared.paused == [60.0]


def test_without_the_shared_store_each_process_keeps_to_its_share() -> None:
    """Eight replicas without their store together still stay inside the budget."""
    clock = FakeClock()
    limits = [Limits(clock, shared=Shared(None), share=1 / 8) for _ in range(8)]
    starts: list[float] = []

    async def one(limit: Limits) -> None:
        await limit.admit("host", Budget(80, MINUTE), patience=1e9)
        starts.append(clock.monotonic())

    async def work() -> None:
        await asyncio.gather(*(one(limit) for limit in limits for _ in range(40)))

    clock.run(work())

    assert busiest(starts, 60) <= 80


@pytest.mark.slow
def test_restarts_without_the_shared_store_do_not_multiply_the_budget() -> None:
    """Eight processes that restart every half minute stay below the budget of all of them together."""
    clock, budget = FakeClock(), Budget(3000, timedelta(minutes=5))
    starts: list[float] = []

    async def one(limits: Limits) -> None:
        try:
            await limits.admit("host", budget, patience=10.0)
        except RateLimited:
            return
        starts.append(clock.monotonic())

    async def work() -> None:
        for _ in range(20):
            fresh = [Limits(clock, shared=Shared(None), share=1 / 8) for _ in range(8)]
            await asyncio.gather(*(one(limits) for limits in fresh for _ in range(200)))
            await clock.sleep(20.0)

    clock.run(work())

    assert starts
    assert busiest(starts, 300.0) <= 3000


def test_background_work_leaves_half_of_the_burst() -> None:
    """A long download of history does not keep a current value waiting."""
    clock = FakeClock()
    limits, budget = Limits(clock), Budget(20, MINUTE)

    async def work() -> None:
        for _ in range(12):
            await limits.admit("host", budget.behind(), patience=60)
        began = clock.monotonic()
        for _ in range(budget.burst // 2 - 1):
            await limits.admit("host", budget, patience=0)
        assert clock.monotonic() == began

    clock.run(work())

"""How fast waiting work may be let go: a rate that holds over every span, eases when it must, and forgets."""

from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine_world import Grid, PreparingExecutor, World, ask_for
from gridtide.domain.decision import FreshnessStep
from gridtide.domain.errors import InvalidInput, Unreachable
from gridtide.domain.instants import to_ns
from gridtide.domain.ports import Reading
from gridtide.domain.units import NS_PER_SECOND
from gridtide.domain.workload import Workload
from gridtide.engine.engine import Engine, Policy
from gridtide.engine.feed import Pace
from gridtide.engine.loop import Owner
from gridtide.engine.ramp import Ramp
from gridtide.ledger.journal import Journal
from gridtide.testing.clock import FakeClock
from support import HOUR, T0, at, hourly

SECOND = timedelta(seconds=1)


@given(
    rate=st.sampled_from([0.1, 1.0, 5.0]),
    burst=st.integers(1, 4),
    pauses_ms=st.lists(st.integers(0, 4000), min_size=1, max_size=80),
)
@settings(max_examples=60, deadline=None)
def test_no_span_ever_holds_more_than_its_rate_and_one_burst(rate, burst, pauses_ms):
    """However the takes fall, and however long it was quiet before."""
    ramp, now_ns, taken = Ramp(rate, burst), 0, []
    for pause in pauses_ms:
        now_ns += pause * 1_000_000
        while ramp.take(now_ns):
            taken.append(now_ns)
    for i, first in enumerate(taken):
        for count, last in enumerate(taken[i:], start=1):
            assert count <= burst + rate * (last - first) / NS_PER_SECOND + 1e-6


def test_a_quiet_day_allows_no_more_than_one_burst():
    """What was not used is not saved up."""
    ramp = Ramp(1.0, 3)
    ramp.take(0)
    day_ns = 86_400 * NS_PER_SECOND

    assert [ramp.take(day_ns) for _ in range(5)] == [True, True, True, False, False]


def test_the_next_token_is_there_when_it_says():
    """Not before, and at most a moment after."""
    ramp = Ramp(0.5, 1)
    assert ramp.take(0)
    due_ns = ramp.next_token_ns(0)

    assert due_ns == pytest.approx(2 * NS_PER_SECOND, abs=2)
    assert not ramp.take(due_ns - 100)
    assert ramp.take(due_ns)


def test_it_halves_when_the_platform_struggles_and_comes_back_by_tenths():
    """Down fast to a floor that never stands still, up slowly to what was asked for and no further."""
    ramp = Ramp(64.0, 1)
    eased = []
    for _ in range(8):
        ramp.ease()
        eased.append(ramp.rate)
    ramp.recover()
    first = ramp.rate
    for _ in range(100):
        ramp.recover()

    assert eased == [32.0, 16.0, 8.0, 4.0, 2.0, 1.0, 1.0, 1.0]
    assert first == pytest.approx(1.1)
    assert ramp.rate == 64.0


def test_without_a_rate_nothing_is_held_back_or_spread():
    """The default of a single command."""
    ramp = Ramp()

    assert all(ramp.take(0) for _ in range(1000))
    assert ramp.reserve(5, 0) == 5
    assert ramp.rate is None


@pytest.mark.parametrize("facts", [(0.0, 1), (-1.0, 1), (float("inf"), 1), (float("nan"), 1), (1.0, 0)])
def test_a_rate_that_lets_nothing_go_is_refused(facts):
    """So is one that is no number."""
    with pytest.raises(InvalidInput, match="allowed"):
        Ramp(*facts)


def test_what_is_over_is_forgotten():
    """A year of minutely deadlines keeps a few days of them, and those ahead stay spread."""
    ramp, minute_ns = Ramp(1.0, 1), 60 * NS_PER_SECOND
    for minute in range(525_600 // 10):
        ramp.reserve(minute * minute_ns, (minute - 5) * minute_ns)
    ahead = [ramp.reserve(60_000 * minute_ns, 52_560 * minute_ns) for _ in range(3)]

    assert len(ramp._reserved) <= 2 * 1440
    assert ahead == [60_000 * minute_ns - k * NS_PER_SECOND for k in range(3)]


@given(rate=st.floats(0.01, 50.0), jitter_s=st.integers(0, 600), count=st.integers(1, 12), seed=st.integers(0, 99))
@settings(max_examples=60, deadline=None)
def test_whoever_wakes_as_told_gets_on(rate, jitter_s, count, seed):
    """A clock counts microseconds and a rate does not; no look at the engine is in vain for that."""
    engine = Engine(Policy(per_second=rate, jitter=jitter_s * SECOND, seed=seed))
    for k in range(count):
        engine.admit(Workload(id=f"w{k}", duration=HOUR, max_delay=2 * HOUR), "run-1", now=T0, zone="X")
    readings = {"X": Reading(series=hourly(300, 100, 300, 300), step=FreshnessStep.LIVE)}
    now, orders, looks = T0, 0, 0
    while now is not None and orders < count:
        step = engine.cycle(now, readings)
        orders, looks = orders + len(step.orders), looks + 1
        assert step.wake_at is None or step.wake_at > now
        now = step.wake_at

    assert orders == count
    assert looks <= 5 * count + 5


def test_a_platform_that_struggles_is_asked_less_often(tmp_path):
    """Starts that it cannot take slow down those that follow; its own account shows it."""
    clock, world = FakeClock(T0), World()
    executor = PreparingExecutor(world, clock, errors=[Unreachable("busy")] * 4)
    engine = Engine(Policy(per_second=1.0))
    with Journal(tmp_path / "journal.sqlite3") as journal:
        made = Owner(engine, executor, journal, Grid(clock, lambda _: (100, 300, 300)), clock, pace=Pace(), look_s=60.0)

        async def go():
            works = [
                made.take(Workload(id=f"w{k}", duration=HOUR, max_delay=2 * HOUR), "run-1", zone="X", ask=ask_for)
                for k in range(12)
            ]
            made.tell = lambda item: made.cancel(item.work) if item.what == "started" else None
            await made.run()
            return works

        clock.run(go())
    begun = sorted(to_ns(when) for *_, when in world.begun)
    gaps = [(b - a) / NS_PER_SECOND for a, b in zip(begun, begun[1:], strict=False)]

    assert len(begun) == 12
    assert max(gaps) > 1.5
    assert gaps[-1] < max(gaps)
    assert begun[-1] <= to_ns(at(2))

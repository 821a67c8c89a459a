"""The blocking scheduler, the decorator and the context manager: thin, and never in the way of the work."""

import asyncio
import inspect
import logging
from datetime import timedelta

import pytest

import gridtide
from gridtide.api import scheduler, sync
from gridtide.api.aware import carbon_aware
from gridtide.api.clocks import ScaledClock
from gridtide.api.given import GivenData
from gridtide.domain.decision import Reason
from gridtide.domain.errors import InvalidInput, ProviderUnavailable
from gridtide.testing import FakeClock
from support import HOUR, T0, at, hourly

HOME = {"regions": {"primary": "DE"}, "policies": {"spread": "0s"}}
NIGHT = hourly(300.0, 200.0, 100.0, *[300.0] * 40)


def public(cls) -> set[str]:
    return {name for name, _ in inspect.getmembers(cls) if not name.startswith("_")}


# -- the blocking scheduler --------------------------------------------------------------------------------------------


def test_the_two_schedulers_have_the_same_names():
    """What one can do, the other can."""
    assert public(sync.CarbonScheduler) == public(scheduler.CarbonScheduler) | {"settings"}


@pytest.mark.parametrize("name", sorted(public(scheduler.CarbonScheduler)))
def test_the_two_schedulers_take_the_same_arguments(name):
    """In the same order, with the same defaults."""
    ours, theirs = getattr(sync.CarbonScheduler, name), getattr(scheduler.CarbonScheduler, name)

    assert inspect.signature(ours).parameters == inspect.signature(theirs).parameters
    assert inspect.signature(sync.CarbonScheduler).parameters == inspect.signature(scheduler.CarbonScheduler).parameters


def test_blocking_answers_are_the_same():
    """The event loop lives inside the block."""
    clock = ScaledClock(T0, speed=0)
    with sync.CarbonScheduler(HOME, clock=clock, grid=GivenData(NIGHT, clock, name="night")) as blocking:
        assert blocking.get_intensity() == 300.0
        assert blocking.evaluate_workload().delay == 2 * HOUR
        assert blocking.get_forecast(ahead="2h").size == 2
        assert blocking.plan(gridtide.Workload(id="x", duration=HOUR, deadline=at(3))).start == at(2)


def test_blocking_work_waits_and_runs():
    """At ten thousand times the speed two hours take under a second."""
    clock = ScaledClock(T0, speed=10_000)
    with sync.CarbonScheduler(HOME, clock=clock, grid=GivenData(NIGHT, clock, name="night")) as blocking:
        result = blocking.run(lambda x: (x, clock.now()), 42, duration="1h")

    assert result[0] == 42
    assert result[1] >= at(2)


def test_a_closed_blocking_scheduler_says_so():
    """Outside its block there is no loop."""
    with pytest.raises(InvalidInput, match="the scheduler is not open"):
        sync.CarbonScheduler(HOME).get_intensity()


def test_a_blocking_scheduler_refuses_to_block_a_loop():
    """The hint names the other one."""
    clock = ScaledClock(T0, speed=0)

    async def inside():
        with pytest.raises(InvalidInput, match="inside an event loop") as caught:
            blocking.get_intensity()
        return caught.value.hint

    with sync.CarbonScheduler(HOME, clock=clock, grid=GivenData(NIGHT, clock, name="night")) as blocking:
        assert "gridtide.CarbonScheduler" in asyncio.run(inside())


# -- decorator and context manager -------------------------------------------------------------------------------------


def test_a_decorated_function_runs_in_the_clean_hour():
    """Arguments, result and name stay its own."""
    clock = ScaledClock(T0, speed=10_000)

    @carbon_aware(HOME, clock=clock, grid=GivenData(NIGHT, clock, name="night"), duration="1h")
    def train(epochs, *, rate=0.1):
        """Train."""
        return epochs, rate, clock.now()

    epochs, rate, when = train(3, rate=0.5)

    assert (epochs, rate) == (3, 0.5)
    assert when >= at(2)
    assert (train.__name__, train.__doc__) == ("train", "Train.")


def test_a_decorated_coroutine_runs_in_the_clean_hour():
    """Without blocking the loop."""
    clock = FakeClock(T0)

    @carbon_aware(HOME, clock=clock, grid=GivenData(NIGHT, clock, name="night"), duration="1h")
    async def train():
        return clock.now()

    assert at(2) <= clock.run(train()) < at(2.1)


def test_a_block_runs_in_the_clean_hour():
    """``with`` gives the decision that ended the wait."""
    clock = ScaledClock(T0, speed=10_000)
    with carbon_aware(HOME, clock=clock, grid=GivenData(NIGHT, clock, name="night"), duration="1h") as decision:
        began = clock.now()

    assert began >= at(2)
    assert decision is not None
    assert decision.should_execute


def test_an_asynchronous_block_runs_in_the_clean_hour():
    """``async with`` too."""
    clock = FakeClock(T0)

    async def work():
        async with carbon_aware(HOME, clock=clock, grid=GivenData(NIGHT, clock, name="night")) as decision:
            return clock.now(), decision.reason

    when, reason = clock.run(work())

    assert at(2) <= when < at(2.1)
    assert reason is Reason.LOWEST_NOW


@pytest.mark.parametrize(
    "config",
    [
        {"provider": "watttime", "zone": "GB"},
        {"provider": "no-such-source", "zone": "GB"},
        {"zone": "nowhere-at-all"},
        {},
    ],
    ids=["missing-key", "unknown-source", "unknown-zone", "no-zone"],
)
def test_a_setup_that_is_wrong_never_stops_the_work(config, caplog):
    """A missing credential means that it starts now, with a warning."""
    caplog.set_level(logging.WARNING)

    @carbon_aware(config)
    def job():
        return "done"

    assert job() == "done"
    assert "starting now, because the grid could not be asked" in caplog.text


def test_a_source_that_is_down_delays_the_work_no_longer_than_its_bound():
    """The rule for missing data is bounded by the maximum delay."""
    clock = FakeClock(T0)

    class Down:
        async def read(self, query):
            raise ProviderUnavailable("down")

    @carbon_aware(HOME, clock=clock, grid=Down(), max_delay="10m")
    async def job():
        return clock.now()

    assert clock.run(job()) <= T0 + timedelta(minutes=10, seconds=5)


def test_a_misspelt_detail_is_said_when_the_function_is_decorated():
    """Not in the middle of the night."""
    with pytest.raises(InvalidInput, match="'duratoin' is no detail of work"):
        carbon_aware(HOME, duratoin="1h")


def test_an_error_of_the_work_is_its_own():
    """Nothing is swallowed."""
    clock = ScaledClock(T0, speed=0)

    @carbon_aware(HOME, clock=clock, grid=GivenData(NIGHT, clock, name="night"), max_delay="0s")
    def job():
        raise LookupError("mine")

    with pytest.raises(LookupError, match="mine"):
        job()


# -- the package -------------------------------------------------------------------------------------------------------


def test_every_exported_name_exists():
    """`__all__` is sorted and tells the truth."""
    assert list(gridtide.__all__) == sorted(gridtide.__all__)
    assert all(getattr(gridtide, name) is not None for name in gridtide.__all__)
    assert set(gridtide.__all__) <= set(dir(gridtide))


def test_an_unknown_name_is_an_attribute_error():
    """Like in any module."""
    with pytest.raises(AttributeError, match="module 'gridtide' has no attribute 'nothing'"):
        _ = gridtide.nothing

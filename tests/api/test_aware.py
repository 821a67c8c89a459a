"""What `carbon_aware` guards: every kind of function, checked when it is decorated, and never stranded later."""

import asyncio
import logging
from datetime import datetime, timedelta

import pytest

from gridtide.accounting.budget import Budget, BudgetMode
from gridtide.api.aware import carbon_aware
from gridtide.api.scheduler import CarbonScheduler
from gridtide.domain.decision import FreshnessStep
from gridtide.domain.errors import BudgetExhausted, InvalidInput
from gridtide.domain.ports import Reading
from gridtide.domain.signal import Signal, SignalKind
from gridtide.ledger.budgets import BudgetBook
from gridtide.testing import FakeClock
from support import HOUR, T0, at, hourly

HOME = {"regions": {"primary": "DE"}, "policies": {"spread": "0s"}}
RANKS = Signal(SignalKind.RELATIVE, provider="index", zone="DE")


class Grid:
    """One series, whatever is asked for."""

    def __init__(self, series):
        self.series = series

    async def read(self, query):
        return Reading(series=self.series, step=FreshnessStep.LIVE)


def aware(series=None, clock=None, config=HOME, **details):
    series = hourly(300.0, 200.0, 100.0, *[300.0] * 24) if series is None else series
    clock = FakeClock(T0, auto_advance=True) if clock is None else clock
    return carbon_aware(config, clock=clock, grid=Grid(series), duration="1h", **details)


@pytest.mark.parametrize(
    ("details", "field"),
    [
        ({"vcpus": -1}, "vcpus"),
        ({"power_w": "5"}, "power_w"),
        ({"power_w": 10**400}, "power_w"),
        ({"carbon_price": 10**400}, "carbon_price"),
        ({"threshold": 10**400}, "threshold"),
        ({"gpu": 3}, "gpu"),
        ({"data_gb": float("inf")}, "data_gb"),
        ({"method": "fastest"}, "method"),
        ({"on_no_data": []}, "on_no_data"),
        ({"deadline": 7}, "deadline"),
        ({"deadline": "25:99"}, "deadline"),
        ({"name": "two\nlines"}, "name"),
        ({"name": "x" * 300}, "name"),
        ({"elasticity": "hard"}, "elasticity"),
        ({"budget": "two\nlines", "power_w": 5}, "budget"),
    ],
    ids=str,
)
def test_every_detail_is_checked_when_a_function_is_decorated(details, field):
    """What cannot be meant is said at once, not on the night of the first call."""
    with pytest.raises(InvalidInput) as caught:
        carbon_aware(HOME, **details)

    assert caught.value.facts["field"] == field


def test_a_deadline_without_a_zone_is_refused_at_once():
    """It is not guessed which local time it is."""
    with pytest.raises(InvalidInput, match="no time zone"):
        carbon_aware(HOME, deadline=datetime(2026, 1, 1))  # noqa: DTZ001 - a naive time is the point


def test_a_price_file_in_local_time_does_not_stop_decorated_work(tmp_path, caplog):
    """Times without an offset are a fault of the file, like any other."""
    path = tmp_path / "prices.csv"
    path.write_text("time,value\n2026-01-01T00:00,5\n2026-01-01T01:00,6\n")
    with caplog.at_level(logging.WARNING):
        assert aware(max_delay="3h", carbon_price=5, price_series=path)(lambda: "ran")() == "ran"

    assert "has no offset" in caplog.text


def test_a_bound_in_grams_on_a_signal_in_percent_does_not_stop_decorated_work(caplog):
    """Which signal a source has is known only when it is asked."""
    with caplog.at_level(logging.WARNING):
        assert aware(hourly(9.0, 8.0, signal=RANKS), max_delay="3h", threshold=5)(lambda: "ran")() == "ran"

    assert "starting now" in caplog.text


def test_a_deadline_that_the_clocks_jump_over_does_not_stop_decorated_work(caplog):
    """Half past two does not exist in Berlin on one night of the year."""
    clock = FakeClock(datetime.fromisoformat("2026-03-28T22:00+00:00"), auto_advance=True)
    config = HOME | {"timezone": "Europe/Berlin"}
    with caplog.at_level(logging.WARNING):
        assert aware(clock=clock, config=config, deadline="02:30")(lambda: "ran")() == "ran"

    assert "starting now" in caplog.text


class TestSteps:
    @pytest.fixture
    def counted(self, tmp_path):
        """Settings with a budget, and what was spent of it."""
        book = BudgetBook(tmp_path / "budgets.sqlite3")
        budget = Budget(name="ml", grams=1000, period=timedelta(days=1), mode=BudgetMode.REFUSE)
        book.define(budget, now=T0)
        config = HOME | {"paths": {"journal": str(tmp_path / "journal.sqlite3")}}
        return config, lambda: book.state(budget, now=at(6))

    def test_a_generator_waits_at_its_first_step_and_is_counted_at_its_last(self, counted):
        """The clean hour is at two o'clock; it takes an hour there, and its value comes back."""
        config, state = counted
        clock = FakeClock(T0, auto_advance=True)

        @aware(clock=clock, config=config, max_delay="5h", power_w=1000, budget="ml")
        def batches():
            yield clock.now()
            yield state().reserved_g
            return "all"

        def whole():
            end = yield from batches()
            yield end

        began, reserved, end = whole()

        assert (began, reserved, end) == (at(2), 100.0, "all")
        assert state().reserved_g == 0.0

    async def test_an_asynchronous_generator_is_guarded_without_blocking(self, counted):
        """Closed early, it is over all the same."""
        config, state = counted
        clock = FakeClock(T0, auto_advance=True)

        @aware(clock=clock, config=config, max_delay="5h", power_w=1000, budget="ml")
        async def batches():
            yield clock.now()
            yield "never asked for"

        steps = batches()
        began = await anext(steps)
        reserved = state().reserved_g
        await steps.aclose()

        assert (began, reserved, state().reserved_g) == (at(2), 100.0, 0.0)

    def test_a_refused_budget_comes_with_the_first_step(self, counted):
        """Nothing of the generator runs."""
        config, _ = counted
        seen = []

        @aware(config=config, max_delay="1h", power_w=1e6, budget="ml")
        def batches():
            seen.append(1)
            yield

        with pytest.raises(BudgetExhausted):
            next(batches())

        assert seen == []

    async def test_an_object_that_is_called_like_a_coroutine_is_awaited(self):
        """Its wait and its work are one call."""

        class Work:
            async def __call__(self):
                return "ran"

        assert await aware(max_delay=HOUR)(Work())() == "ran"


def test_slow_sources_elsewhere_do_not_pass_the_latest_start():
    """Five seconds are left, and the other region would take a minute: it runs at home, in time, and says why."""
    clock = FakeClock(T0)

    class Slow(Grid):
        async def read(self, query):
            if query.zone.key != "DE":
                await asyncio.sleep(60)
            return await super().read(query)

    regions = {"primary": "DE", "fallback": ["FR"], "latency_budgets": {"FR": 90}}
    config = {"regions": regions, "policies": {"spread": "0s", "allow_geo_shift": True}}
    client = CarbonScheduler(config, clock=clock, grid=Slow(hourly(300.0, 200.0)))
    answer = clock.run(client.evaluate_workload(duration="1h", max_delay="5s"))

    assert clock.now() <= T0 + timedelta(seconds=5.1)
    assert answer.recommended_region == "DE"
    assert "no answer before the latest start" in answer.decision.warnings[-1]


def neighbours(clock):
    """A scheduler between home, clean in two hours, and a neighbour that is clean now."""

    class Both(Grid):
        async def read(self, query):
            values = hourly(300.0, 200.0, 100.0) if query.zone.key == "DE" else hourly(20.0, 20.0, 20.0)
            return Reading(series=values, step=FreshnessStep.LIVE)

    regions = {"primary": "DE", "fallback": ["FR"], "latency_budgets": {"FR": 90}}
    config = {"regions": regions, "policies": {"spread": "0s", "allow_geo_shift": True}}
    return {"config": config, "clock": clock, "grid": Both(hourly())}


def test_work_that_runs_where_it_is_called_waits_for_home():
    """Another region may be recommended to who can send the work there, and to nobody else."""
    clock = FakeClock(T0)
    given = neighbours(clock)
    client = CarbonScheduler(given["config"], clock=clock, grid=given["grid"])
    free = clock.run(client.evaluate_workload(duration="1h", max_delay="2h"))
    bound = clock.run(client.evaluate_workload(duration="1h", max_delay="2h", may_move=False))
    ran = clock.run(client.run(clock.now, duration="1h", max_delay="2h"))

    assert (free.recommended_region, free.should_execute) == ("FR", True)
    assert (bound.recommended_region, bound.delay) == ("DE", 2 * HOUR)
    assert at(2) <= ran < at(2.1)


def test_decorated_work_waits_for_home_too():
    """A block says where it would be clean now; a function has no place but its own."""
    clock = FakeClock(T0)
    given = neighbours(clock)

    @carbon_aware(**given, duration="1h", max_delay="2h")
    async def train():
        return clock.now()

    async def block():
        async with carbon_aware(**given, duration="1h", max_delay="2h") as decision:
            return decision.recommended_region

    assert clock.run(block()) == "FR"
    assert at(2) <= clock.run(train()) < at(2.1)

"""The scheduler for Python callers, and the faults of the first sketch that must not come back."""

import asyncio
import logging
from datetime import timedelta

import pytest

from gridtide.api.decision import CarbonDecision
from gridtide.api.request import WorkRequest
from gridtide.api.scheduler import CarbonScheduler
from gridtide.domain.decision import Action, FreshnessStep, Reason
from gridtide.domain.errors import (
    ConfigurationError,
    InvalidInput,
    ProviderUnavailable,
    UnitMismatch,
    UnmappedRegion,
)
from gridtide.domain.ports import Reading
from gridtide.domain.series import Series
from gridtide.domain.signal import Scope, Signal, SignalKind
from gridtide.testing import FakeClock, FakeGridServer, wave_series
from support import HOUR, T0, at, hourly

AVERAGE = Signal(SignalKind.AVERAGE, provider="demo", zone="X", scope=Scope.LIFECYCLE)
NIGHT = hourly(300.0, 200.0, 100.0, 0.0, 250.0, 400.0, *[400.0] * 30)
HOME = {"regions": {"primary": "DE"}, "policies": {"spread": "0s"}}


class Grid:
    """Grid data by zone key; an exception is raised, a missing zone is an empty reading, None never answers."""

    def __init__(self, **series):
        self.series = {key.replace("_", "-"): value for key, value in series.items()}
        self.queries = []

    async def read(self, query):
        self.queries.append(query)
        found = self.series.get(query.zone.key, hourly())
        if found is None:
            await asyncio.Event().wait()
        if isinstance(found, Exception):
            raise found
        step = FreshnessStep.LIVE if found else FreshnessStep.NONE
        return Reading(series=found, step=step, reason="" if found else "nothing there", age=timedelta(0))


def moving(*fallback, **policies):
    """Settings that allow a move from DE to those regions."""
    return {
        "regions": {"primary": "DE", "fallback": list(fallback), "latencyBudgets": dict.fromkeys(fallback, 10_000)},
        "policies": {"allowGeoShift": True, "spread": "0s", **policies},
    }


def scheduler(config=None, *, now=T0, **zones):
    """A scheduler at *now* on given series."""
    return CarbonScheduler(config or HOME, clock=FakeClock(now, auto_advance=True), grid=Grid(**zones))


# -- what the interface of the first description promises --------------------------------------------------------------


async def test_the_sketched_client_works_as_written():
    """The names, arguments and fields are those of the first description."""
    client = scheduler(DE=NIGHT)

    assert await client.get_intensity("DE") == 300.0
    decision = await client.evaluate_workload("DE", "elastic")
    assert isinstance(decision, CarbonDecision)
    assert (decision.should_execute, decision.recommended_region) == (False, "DE")
    assert (decision.delay, decision.intensity, decision.threshold) == (3 * HOUR, 300.0, None)


async def test_hard_work_always_runs_and_reports():
    """Whatever the hour is like, and with its numbers."""
    decision = await scheduler(DE=NIGHT).evaluate_workload("DE", "hard")

    assert decision.should_execute
    assert (decision.reason, decision.delay, decision.intensity) == (Reason.HARD_REAL_TIME, timedelta(0), 300.0)


async def test_hard_work_runs_without_any_data():
    """Nothing known is no reason to stop it."""
    decision = await scheduler().evaluate_workload("DE", "hard")

    assert decision.should_execute
    assert decision.intensity is None


async def test_soft_work_runs_and_may_be_sent_elsewhere():
    """A cleaner region inside the latency budget is recommended; the work is not delayed."""
    client = scheduler(moving("FR"), DE=NIGHT, FR=hourly(*[20.0] * 40))
    decision = await client.evaluate_workload(elasticity="soft")

    assert decision.should_execute
    assert (decision.recommended_region, decision.delay) == ("FR", timedelta(0))
    assert decision.moves


async def test_soft_work_below_its_threshold_stays():
    """Clean enough is clean enough."""
    config = moving("FR") | {"thresholds": {"soft": 300}}
    decision = await scheduler(config, DE=NIGHT, FR=hourly(*[20.0] * 40)).evaluate_workload(elasticity="soft")

    assert (decision.recommended_region, decision.threshold) == ("DE", 300.0)


async def test_elastic_work_may_move_and_wait():
    """The cleanest window of all allowed regions."""
    client = scheduler(moving("FR"), DE=hourly(*[300.0] * 40), FR=hourly(200.0, 200.0, 20.0, *[200.0] * 40))
    decision = await client.evaluate_workload()

    assert (decision.recommended_region, decision.delay) == ("FR", 2 * HOUR)
    assert not decision.should_execute


async def test_work_moves_only_where_the_settings_allow_it():
    """Geo-shift is off unless it is switched on."""
    config = moving("FR", allowGeoShift=False)
    decision = await scheduler(config, DE=NIGHT, FR=hourly(*[20.0] * 40)).evaluate_workload(elasticity="soft")

    assert decision.recommended_region == "DE"


async def test_elastic_work_runs_when_now_is_best():
    """Waiting for its own sake is not a policy."""
    decision = await scheduler(DE=NIGHT, now=at(3)).evaluate_workload("DE")

    assert decision.should_execute
    assert decision.intensity == 0.0


async def test_the_threshold_bounds_a_start_while_something_better_may_come():
    """Now is the best of what is known, but above the bound, and the forecast ends before the latest start."""
    short = hourly(300.0, 310.0, 320.0)
    free = await scheduler(DE=short).evaluate_workload("DE")
    bound = await scheduler(DE=short).evaluate_workload("DE", threshold=200)

    assert free.should_execute
    assert not bound.should_execute
    assert (bound.reason, bound.delay, bound.threshold) == (Reason.ABOVE_THRESHOLD, 3 * HOUR, 200.0)


async def test_the_threshold_never_passes_the_latest_start():
    """With everything up to the latest start known, the best of it is taken, bound or not."""
    decision = await scheduler(DE=NIGHT, now=at(5)).evaluate_workload("DE", threshold=10, max_delay="2h")

    assert decision.should_execute


# -- the faults of the first sketch ------------------------------------------------------------------------------------


async def test_an_intensity_of_zero_is_a_value():
    """Zero is neither missing nor false."""
    client = scheduler(DE=NIGHT, now=at(3))

    assert await client.get_intensity("DE") == 0.0
    assert (await client.evaluate_workload("DE")).intensity == 0.0


def test_an_intensity_of_zero_is_no_cache_miss():
    """In the greenest hour the source is asked as rarely as in any other."""
    clock = FakeClock(T0)
    zero_at_midnight = wave_series(T0, low=0.0, lowest_hour=0.25)
    with FakeGridServer({"uk": zero_at_midnight}, clock=clock) as server:
        config = {"provider": "uk", "providers": {"uk": {"base_url": server.base_url("uk")}}, "zone": "GB"}

        async def ask():
            async with CarbonScheduler(config, clock=clock) as client:
                first = await client.get_intensity()
                calls = len(server.log)
                return [first, *[await client.get_intensity() for _ in range(5)]], calls

        values, calls = clock.run(ask())

    assert values == [0.0] * 6
    assert len(server.log) == calls > 0


async def test_the_forecast_decides():
    """An hour that gets better is waited for, one that gets worse is not."""
    better = await scheduler(DE=hourly(300.0, 100.0, *[300.0] * 30)).evaluate_workload("DE")
    worse = await scheduler(DE=hourly(300.0, 400.0, *[400.0] * 30)).evaluate_workload("DE")

    assert (better.should_execute, better.delay) == (False, HOUR)
    assert worse.should_execute


@pytest.mark.parametrize(
    "fault",
    [ProviderUnavailable("down"), RuntimeError("bug"), hourly(), None],
    ids=["down", "bug", "empty", "hangs"],
)
def test_one_failing_region_does_not_fail_the_others(fault):
    """A region that is down, broken, empty or silent is left out, and said."""
    clock = FakeClock(T0)
    config = moving("FR", "NO")

    async def ask():
        client = CarbonScheduler(config, clock=clock, grid=Grid(DE=NIGHT, FR=fault, NO=hourly(*[20.0] * 40)))
        return await client.evaluate_workload(elasticity="soft")

    decision = clock.run(ask())

    assert decision.should_execute
    assert decision.recommended_region == "NO"
    assert any(warning.startswith("FR is left out: ") for warning in decision.decision.warnings)


def test_a_home_region_that_hangs_does_not_hang_the_answer():
    """Patience ends; the rule for missing data takes over, inside the maximum delay."""
    clock = FakeClock(T0)

    async def ask():
        return await CarbonScheduler(HOME, clock=clock, grid=Grid(DE=None)).evaluate_workload(max_delay="10m")

    decision = clock.run(ask())

    assert decision.freshness is FreshnessStep.NONE
    assert "no answer within" in decision.freshness_reason
    assert decision.start <= T0 + timedelta(minutes=10)
    assert clock.now() <= T0 + timedelta(seconds=30)


def test_a_source_that_is_down_is_replaced_by_a_labelled_figure():
    """The ladder ends at the yearly table, and says so."""
    clock = FakeClock(T0)
    with FakeGridServer(clock=clock) as server:
        url = server.base_url("uk")
    config = {"provider": "uk", "providers": {"uk": {"base_url": url}}, "zone": "GB", "fetch": {"totalTimeout": "10s"}}

    async def ask():
        async with CarbonScheduler(config, clock=clock) as client:
            return await client.read()

    reading = clock.run(ask())

    assert reading.step is FreshnessStep.STATIC
    assert reading.reason


async def test_the_delay_is_computed_and_its_maximum_enforced():
    """Not half an hour whatever happens: the distance to the best start inside the bound."""
    client = scheduler(DE=NIGHT)

    assert (await client.evaluate_workload("DE")).delay == 3 * HOUR
    assert (await client.evaluate_workload("DE", max_delay="90m")).delay == timedelta(minutes=90)
    assert (await client.evaluate_workload("DE", max_delay="0s")).should_execute


async def test_the_maximum_delay_counts_from_the_first_question():
    """Asking again and again does not push a start out for ever."""
    falling = hourly(*[500.0 - 10 * k for k in range(40)])
    clock = FakeClock(T0)
    client = CarbonScheduler(HOME, clock=clock, grid=Grid(DE=falling))
    asked = []
    for _ in range(8):
        asked.append(await client.evaluate_workload(name="etl", max_delay="3h"))
        clock.advance(minutes=30)

    assert [d.should_execute for d in asked] == [False] * 6 + [True] * 2
    assert {d.latest_start for d in asked} == {T0 + 3 * HOUR}


async def test_work_without_any_bound_is_bounded_by_the_settings():
    """A day at most, unless the settings say otherwise."""
    falling = hourly(*[500.0 - 10 * k for k in range(45)])

    assert (await scheduler(DE=falling).evaluate_workload("DE")).latest_start == T0 + timedelta(days=1)


async def test_waiting_callers_do_not_wake_at_one_instant():
    """A hundred callers that wait for one hour come spread over the minute after it, each always at its own instant."""
    client = scheduler({"regions": {"primary": "DE"}}, DE=NIGHT)
    delays = [(await client.evaluate_workload(name=f"job-{i}")).delay for i in range(100)]
    again = [(await client.evaluate_workload(name=f"job-{i}")).delay for i in range(100)]

    assert len(set(delays)) > 95
    assert min(delays) >= 3 * HOUR
    assert max(delays) < 3 * HOUR + timedelta(minutes=1)
    assert delays == again


async def test_spreading_never_passes_the_latest_start():
    """A deadline goes before good manners."""
    client = scheduler({"regions": {"primary": "DE"}, "policies": {"spread": "1h"}}, DE=NIGHT)
    delays = [(await client.evaluate_workload(name=f"job-{i}", max_delay="3h")).delay for i in range(20)]

    assert max(delays) <= 3 * HOUR


async def test_moving_data_is_weighed_against_the_saving():
    """A terabyte for an hour's saving is not moved, a megabyte is."""
    zones = {"DE": hourly(*[300.0] * 40), "FR": hourly(*[200.0] * 40)}
    heavy = await scheduler(moving("FR"), **zones).evaluate_workload(power_w=100, data_gb=1000)
    light = await scheduler(moving("FR"), **zones).evaluate_workload(power_w=100, data_gb=0.001)

    assert heavy.recommended_region == "DE"
    assert light.recommended_region == "FR"


async def test_the_latency_budget_is_kept():
    """Soft work is not sent across an ocean for a few grams."""
    config = moving("aws:us-west-2", "FR")
    config["regions"]["latencyBudgets"] = {"aws:us-west-2": 50, "FR": 50}
    zones = {
        "DE": NIGHT,
        "US_NW_PACW": hourly(*[1.0] * 40),
        "US_NW_BPAT": hourly(*[1.0] * 40),
        "FR": hourly(*[20.0] * 40),
    }
    decision = await scheduler(config, **zones).evaluate_workload(elasticity="soft")

    assert decision.recommended_region == "FR"
    assert any("aws:us-west-2 is left out: its round trip is about" in w for w in decision.decision.warnings)


async def test_residency_is_kept():
    """Data that must stay in a country stay there."""
    zones = {"DE": NIGHT, "FR": hourly(*[20.0] * 40)}
    decision = await scheduler(moving("FR"), **zones).evaluate_workload(elasticity="soft", residency=("DE",))

    assert decision.recommended_region == "DE"


async def test_a_decision_carries_unit_kind_and_point_time():
    """A number without these is no information."""
    decision = await scheduler(DE=NIGHT, now=at(1.5)).evaluate_workload("DE")

    assert decision.signal is not None
    assert (decision.signal.unit, decision.signal.kind) == ("gCO2eq/kWh", SignalKind.AVERAGE)
    assert decision.point_time == at(1)


@pytest.mark.parametrize("ask", [{"threshold": 200}, {}], ids=["of-the-work", "of-the-settings"])
async def test_b76_a_percentile_is_never_held_against_grams(ask):
    """42 percent is not 42 grams."""
    rank = Series.steps(Signal(SignalKind.RELATIVE, "demo", "X"), T0, HOUR, [42.0] * 30)
    config = HOME if ask else HOME | {"thresholds": {"elastic": 200}}
    client = scheduler(config, DE=rank)
    with pytest.raises(UnitMismatch, match="threshold is in gCO2eq/kWh, but the relative signal of demo is in percent"):
        await client.evaluate_workload("DE", **ask)
    with pytest.raises(UnitMismatch, match="the relative signal is in percent"):
        await client.get_intensity("DE")


async def test_regions_of_different_kind_are_not_weighed():
    """A marginal 20 is not cleaner than an average 300."""
    marginal = hourly(*[20.0] * 40, signal=Signal(SignalKind.MARGINAL, "demo", "Y", scope=Scope.LIFECYCLE))
    decision = await scheduler(moving("FR"), DE=NIGHT, FR=marginal).evaluate_workload(elasticity="soft")

    assert decision.recommended_region == "DE"
    assert any("cannot compare" in warning for warning in decision.decision.warnings)


async def test_what_was_decided_is_recorded_where_a_journal_is_given():
    """A decision without a record cannot be explained."""
    kept = []

    class Journal:
        def record(self, workload, decision, series):
            kept.append((workload.id, decision.action, series))
            return "1"

    client = CarbonScheduler(HOME, clock=FakeClock(T0), grid=Grid(DE=NIGHT), journal=Journal())
    await client.evaluate_workload(name="etl")

    assert kept == [("etl", Action.WAIT, NIGHT)]


async def test_a_missing_value_is_never_a_number():
    """There is no zero to return, so an error is raised."""
    with pytest.raises(ProviderUnavailable, match="no signal for DE: nothing there"):
        await scheduler().get_intensity("DE")


# -- input -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("details", "message"),
    [
        ({"elasticity": "rubber"}, "elasticity is 'rubber'; allowed: hard, soft, elastic"),
        ({"duratoin": "1h"}, "'duratoin' is no detail of work"),
        ({"duration": 90}, "duration is 90; allowed: a timedelta, or text with its unit like '90m'"),
        ({"duration": "90"}, "duration '90' cannot be used: the unit is missing"),
        ({"deadline": "soon"}, "deadline 'soon' is not a time"),
        ({"method": "lowest"}, "method is 'lowest'"),
        ({"power_w": float("nan")}, "power_w is nan; allowed: zero or more"),
        ({"threshold": -1}, "threshold is '-1'; allowed: zero or more gCO2eq/kWh"),
        ({"threshold": "150"}, "threshold is '150'; allowed: zero or more gCO2eq/kWh"),
        ({"min_saving": 500}, "min_saving is '500'; allowed: 0 to 99 percent"),
        ({"on_no_data": "panic"}, "on_no_data is 'panic'; allowed: profile, run, wait"),
        ({"residency": "Sweden"}, "residency is 'SWEDEN'; allowed: two-letter country codes"),
        ({"interruptible": "yes"}, "interruptible is 'yes'; allowed: True or False"),
        ({"name": 5}, "name is '5'; allowed: text"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else None,
)
async def test_a_detail_that_cannot_be_meant_is_refused(details, message):
    """The name, the value and what is allowed."""
    with pytest.raises(InvalidInput) as caught:
        await scheduler(DE=NIGHT).evaluate_workload("DE", **details)

    assert message in caught.value.message


def test_several_countries_may_stand_in_one_text():
    """As on the command line."""
    assert WorkRequest(residency="se, FI").residency == {"SE", "FI"}


def test_a_configuration_that_is_no_configuration_is_refused():
    """With what may be given instead."""
    with pytest.raises(ConfigurationError, match="config is a list; allowed: settings, a dictionary"):
        CarbonScheduler(["watttime"])


async def test_an_unknown_region_is_refused():
    """With suggestions."""
    with pytest.raises(UnmappedRegion):
        await scheduler().get_intensity("nowhere-at-all")


async def test_no_region_at_all_is_refused_with_the_ways_to_name_one():
    """Neither argument nor settings."""
    client = CarbonScheduler({"provider": "static"}, clock=FakeClock(T0))
    with pytest.raises(UnmappedRegion, match="no place is named"):
        await client.get_intensity()


def test_a_wrong_configuration_is_refused_when_the_scheduler_is_made():
    """Not at the first question."""
    with pytest.raises(ConfigurationError, match="unknown setting 'polices'"):
        CarbonScheduler({"polices": {}})


def test_the_configuration_may_be_a_file(tmp_path, monkeypatch):
    """A path is read like --config."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "mine.toml"
    path.write_text('provider = "static"\nzone = "DE"\n')

    assert CarbonScheduler(str(path)).settings.zone == "DE"


# -- waiting and running -----------------------------------------------------------------------------------------------


def test_wait_returns_at_the_clean_hour():
    """It sleeps on its clock and asks again on the way."""
    clock = FakeClock(T0)
    grid = Grid(DE=NIGHT)
    decision = clock.run(CarbonScheduler(HOME, clock=clock, grid=grid).wait())

    assert decision.should_execute
    assert at(3) <= clock.now() < at(3.1)
    assert len(grid.queries) > 3


def test_wait_takes_a_better_forecast_into_account():
    """What was planned first is not what must be done."""
    clock = FakeClock(T0)
    grid = Grid(DE=hourly(300.0, 300.0, 300.0, 300.0, 300.0, 100.0, *[300.0] * 30))

    async def work():
        async with CarbonScheduler(HOME, clock=clock, grid=grid) as client:
            waiting = asyncio.create_task(client.wait())
            await clock.sleep(timedelta(minutes=5))
            grid.series["DE"] = hourly(300.0, 300.0, 50.0, 300.0, 300.0, 100.0, *[300.0] * 30)
            return await waiting

    clock.run(work())

    assert at(2) <= clock.now() < at(2.1)


@pytest.mark.parametrize(
    "fault", [ProviderUnavailable("down"), RuntimeError("bug"), None], ids=["down", "bug", "hangs"]
)
def test_wait_returns_by_the_latest_start_whatever_is_down(fault):
    """Work is never stranded, and not late."""
    clock = FakeClock(T0)
    client = CarbonScheduler(HOME, clock=clock, grid=Grid(DE=fault))
    decision = clock.run(client.wait(duration="1h", deadline=at(1.25), on_no_data="wait"))

    assert decision.should_execute
    assert clock.now() <= at(0.25) + timedelta(seconds=5)


def test_wait_is_bounded_when_data_vanish_on_the_way():
    """A plan that was made stands; it does not become an endless wait."""
    clock = FakeClock(T0)
    grid = Grid(DE=NIGHT)

    async def work():
        client = CarbonScheduler(HOME, clock=clock, grid=grid)
        waiting = asyncio.create_task(client.wait(max_delay="6h"))
        await clock.sleep(timedelta(minutes=5))
        grid.series.clear()
        return await waiting

    assert clock.run(work()).should_execute
    assert clock.now() <= T0 + 6 * HOUR


@pytest.mark.parametrize("blocking", [True, False], ids=["function", "coroutine"])
def test_run_calls_the_work_and_returns_what_it_returns(blocking):
    """Arguments are passed on, once the time has come."""
    clock = FakeClock(T0)

    async def later(x):
        return x, clock.now()

    def now(x):
        return x, clock.now()

    client = CarbonScheduler(HOME, clock=clock, grid=Grid(DE=NIGHT))
    result, when = clock.run(client.run(now if blocking else later, 42, duration="1h"))

    assert result == 42
    assert at(3) <= when < at(3.1)


async def test_get_forecast_is_clipped_to_what_was_asked():
    """From now on, as far as known."""
    series = await scheduler(DE=NIGHT, now=at(1)).get_forecast("DE", ahead="2h")

    assert (series.start, series.end) == (at(1), at(3))


def test_the_scheduler_opens_again_after_it_was_closed(caplog):
    """Closing is not the end of an object that is asked again."""
    caplog.set_level(logging.DEBUG)
    config = {"provider": "static", "zone": "DE"}

    async def ask():
        client = CarbonScheduler(config, clock=FakeClock(T0))
        first = await client.get_intensity()
        await client.aclose()
        return first, await client.get_intensity()

    first, second = asyncio.run(ask())

    assert first == second > 0

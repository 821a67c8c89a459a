"""The batched policies without a forecast equal the planner's, job by job, and the recorded comparison."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gridtide.domain.instants import to_ns
from gridtide.domain.units import NS_PER_HOUR
from gridtide.planning import deadline_rules, online, suspend
from gridtide.planning.deadline_rules import DeadlineRule
from gridtide.planning.online import SwitchLimits
from gridtide.planning.threshold import threshold_start
from gridtide.simulation import backtest, stepwise
from gridtide.simulation.backtest import SlotJobs
from gridtide.simulation.tables import read_table, recorded_rows
from support import T0, hourly, shared_dir

START = to_ns(T0)


@st.composite
def cases(draw):
    values = np.array(draw(st.lists(st.integers(1, 20), min_size=24, max_size=24)), dtype=np.float64)
    rows = draw(st.lists(st.tuples(st.integers(0, 10), st.integers(1, 5), st.integers(0, 8)), min_size=1, max_size=5))
    return values, SlotJobs(*np.array(rows, dtype=np.int64).T), draw(st.floats(0.5, 20))


@given(cases())
@settings(max_examples=60, deadline=None)
def test_suspending_equals_the_planner(case):
    """Cost, start and end of every job are those of the policy on a series."""
    values, jobs, limit = case

    walk = stepwise.suspend_walk(values, jobs, np.full(jobs.first.size, limit))

    for k, (first, length, slack) in enumerate(zip(*(x.tolist() for x in jobs), strict=True)):
        one = suspend.suspend_above(
            hourly(*values), START + first * NS_PER_HOUR, length * NS_PER_HOUR, slack * NS_PER_HOUR, limit
        )
        assert walk.cost[k] == pytest.approx(one.cost)
        assert START + walk.start[k] * NS_PER_HOUR == one.start_ns
        assert START + walk.end[k] * NS_PER_HOUR == one.end_ns
        assert walk.pauses[k] == len(one.pieces) - 1


@given(cases())
@settings(max_examples=60, deadline=None)
def test_k_min_search_equals_the_planner(case):
    """Every job uses the slots that the limits of its own length give."""
    values, jobs, _ = case
    low, high = np.full(jobs.first.size, 0.5), np.full(jobs.first.size, 21.0)

    walk = stepwise.k_min_walk(values, jobs, low, high)

    for k, (first, length, slack) in enumerate(zip(*jobs, strict=True)):
        limits = online.k_min_limits(int(length), 0.5, 21.0)
        window = values[first : first + length + slack]
        assert walk.cost[k] == window[online.slots_taken(window, SwitchLimits(limits, limits))].sum()


@given(cases())
@settings(max_examples=60, deadline=None)
def test_threshold_starts_equal_the_planner(case):
    """Every start is the one the threshold policy takes without its forecast gate."""
    values, jobs, limit = case

    starts = stepwise.start_at_or_below(values, jobs, np.full(jobs.first.size, limit))

    for first, length, slack, start in zip(*(x.tolist() for x in jobs), starts.tolist(), strict=True):
        one = threshold_start(
            hourly(*values),
            START + first * NS_PER_HOUR,
            START + (first + slack) * NS_PER_HOUR,
            length * NS_PER_HOUR,
            limit,
            gate=False,
        )
        assert START + start * NS_PER_HOUR == one.start_ns


def recorded_zone(name):
    table = read_table(shared_dir("runs", "data", "lets-wait-awhile", f"{name}_ci.csv"))
    seconds, values = table.wall_clock_seconds("Time"), table.numbers("Carbon Intensity")
    half_hours = seconds % 1800 == 0
    new_year = to_ns(T0.replace(year=2020)) // 10**9
    return values[half_hours], int(np.argmax(seconds[half_hours] == new_year))


def policies(values, jobs, static):
    """Cost, mean delays and pauses of every policy without a forecast, by its name in the recorded table."""
    prefix, month = backtest.prefix_sums(values), 30 * 48

    def starting(limits):
        starts = stepwise.start_at_or_below(values, jobs, limits)
        cost = backtest.window_cost(prefix, starts, jobs)
        return stepwise.Walk(cost, starts, starts + jobs.length, np.zeros_like(starts))

    ahead = np.array([np.quantile(values[s : s + 48], 0.3) for s in jobs.first])
    yield "static threshold start (200; fr 50)", starting(np.full(jobs.first.size, static))
    for share in (25, 50):
        limits = stepwise.trailing_quantile(values, jobs.first, month, share / 100)
        yield f"percentile start p{share} trailing 30d (no fc)", starting(limits)
    for share in (30, 50):
        limits = stepwise.trailing_quantile(values, jobs.first, 336, share / 100)
        yield f"suspend p{share} trailing 7d (no fc)", stepwise.suspend_walk(values, jobs, limits)
    yield "ecovisor suspend p30 next24h (GAIA)", stepwise.suspend_walk(values, jobs, ahead)
    bounds = stepwise.trailing_bounds(values, jobs.first, month)
    yield "online k-min search (L,U trailing 30d)", stepwise.k_min_walk(values, jobs, *bounds)


@pytest.mark.shared
@pytest.mark.parametrize(("country", "static"), [("gb", 200.0), ("fr", 50.0)])
@pytest.mark.slow
def test_the_recorded_comparison_of_policies_is_met(country, static):
    """Emissions to 0.001 %, mean delays and suspensions to the printed digit, for both deadline rules."""
    table = recorded_rows(shared_dir("runs", "lets-wait-awhile", "policy_catalogue_strict.csv"))
    recorded = {(r["country"], r["deadline_rule"], r["policy"]): r for r in table}
    values, offset = recorded_zone(country)
    arrival, duration = np.loadtxt(
        shared_dir("runs", "data", "lets-wait-awhile", "ml_jobs.csv"), delimiter=",", skiprows=1, dtype=np.int64
    )[:, 1:].T
    finish_ns = to_ns(T0.replace(year=2020)) + (arrival + duration) * 60 * 10**9

    for rule in (DeadlineRule.NEXT_WORKDAY, DeadlineRule.SEMI_WEEKLY):
        slack = (deadline_rules.deadlines(rule, finish_ns) - finish_ns) // (1800 * 10**9)
        jobs = SlotJobs(arrival // 30 + offset, duration // 30, slack).inside(values.size)
        for name, walk in policies(values, jobs, static):
            row = recorded[country, str(rule), name]
            assert walk.cost.sum() / 2000 == pytest.approx(float(row["emissions_g_at_1W"]), rel=1e-5), name
            delay_h = (walk.start - jobs.first).mean() / 2
            assert delay_h == pytest.approx(float(row["mean_start_delay_h"]), abs=1e-4), name
            late_h = (walk.end - jobs.first - jobs.length).mean() / 2
            assert late_h == pytest.approx(float(row["mean_finish_delay_h"]), abs=1e-4), name
            assert walk.pauses.mean() == pytest.approx(float(row["mean_suspensions_per_job"]), abs=1e-4), name

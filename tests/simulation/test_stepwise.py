"""The batched policies without a forecast equal the planner's, job by job."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gridtide.domain.instants import to_ns
from gridtide.domain.units import NS_PER_HOUR
from gridtide.planning import online, suspend
from gridtide.planning.online import SwitchLimits
from gridtide.planning.threshold import threshold_start
from gridtide.simulation import stepwise
from gridtide.simulation.backtest import SlotJobs
from support import T0, hourly

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

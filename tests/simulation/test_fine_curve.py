"""Policies between slots against plain search on every unit."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gridtide.domain.errors import HorizonTooShort
from gridtide.simulation import fine_curve
from gridtide.simulation.fine_curve import FineCurve

UNITS = 4


@st.composite
def cases(draw):
    values = np.array(draw(st.lists(st.integers(1, 30), min_size=14, max_size=14)), dtype=np.float64)
    rows = draw(st.lists(st.tuples(st.integers(0, 20), st.integers(1, 11), st.integers(0, 20)), min_size=1, max_size=6))
    arrivals, lengths, waits = np.array(rows, dtype=np.int64).T
    return FineCurve(values, UNITS), np.repeat(values, UNITS) / UNITS, arrivals, lengths, waits


@given(cases())
@settings(max_examples=80, deadline=None)
def test_lowest_window_tries_whole_slots_of_delay(case):
    """The start is the earliest best among arrival plus whole slots that end inside the known part."""
    curve, unit_cost, arrivals, lengths, waits = case

    starts = fine_curve.lowest_window_starts(curve, arrivals, lengths, waits)

    for a, n, w, start in zip(arrivals, lengths, waits, starts, strict=True):
        tried = [s for s in range(a, a + w + 1, UNITS) if s + n <= curve.end]
        costs = [unit_cost[s : s + n].sum() for s in tried]
        assert unit_cost[start : start + n].sum() == pytest.approx(min(costs))
        assert start in tried


@given(cases())
@settings(max_examples=60, deadline=None)
def test_carbon_time_maximises_saving_per_completion_time(case):
    """No start saves more per unit until the end."""
    curve, unit_cost, arrivals, lengths, waits = case

    starts = fine_curve.carbon_time_starts(curve, arrivals, lengths, waits)

    for a, n, w, start in zip(arrivals, lengths, waits, starts, strict=True):
        tried = [s for s in range(a, a + w + 1, UNITS) if s + n <= curve.end]
        at_once = unit_cost[a : a + n].sum()
        rates = {s: (at_once - unit_cost[s : s + n].sum()) / (s - a + n) for s in tried}
        assert rates[start] == pytest.approx(max(rates.values()))


@given(cases())
@settings(max_examples=60, deadline=None)
def test_lowest_slot_is_the_first_unit_with_the_lowest_value(case):
    """Arrival and arrival plus wait both count."""
    curve, unit_cost, arrivals, _, waits = case

    starts = fine_curve.lowest_slot_starts(curve, arrivals, waits)

    for a, w, start in zip(arrivals, waits, starts, strict=True):
        assert start == a + int(np.argmin(unit_cost[a : a + w + 1]))


@given(cases())
@settings(max_examples=60, deadline=None)
def test_suspending_to_the_lowest_takes_the_cheapest_units(case):
    """Pieces hold exactly the length, and cost what the cheapest units of the window cost."""
    curve, unit_cost, arrivals, lengths, waits = case

    pieces = fine_curve.suspend_to_lowest(curve, arrivals, lengths, waits)

    cost = np.bincount(pieces.job, curve.cost(pieces.start, pieces.length))
    assert np.bincount(pieces.job, pieces.length).tolist() == lengths.tolist()
    for job, (a, n, w) in enumerate(zip(arrivals, lengths, waits, strict=True)):
        assert cost[job] == pytest.approx(np.sort(unit_cost[a : a + n + w])[:n].sum())


@given(cases(), st.floats(1, 30))
@settings(max_examples=60, deadline=None)
def test_suspending_below_a_limit_follows_the_rule_unit_by_unit(case, limit):
    """Run below the limit or when the wait is used up; pause otherwise."""
    curve, unit_cost, arrivals, lengths, waits = case

    pieces = fine_curve.suspend_below(curve, arrivals, lengths, waits, np.full(arrivals.size, limit))

    for job, (a, n, w) in enumerate(zip(arrivals, lengths, waits, strict=True)):
        expected, now, todo, budget = [], int(a), int(n), int(w)
        while todo:
            if unit_cost[now] * UNITS < limit or not budget:
                expected.append(now)
                todo -= 1
            else:
                budget -= 1
            now += 1
        mine = pieces.job == job
        ran = [u for s, k in zip(pieces.start[mine], pieces.length[mine], strict=True) for u in range(s, s + k)]
        assert ran == expected


@given(cases(), st.floats(0, 1), st.integers(1, 30))
@settings(max_examples=60, deadline=None)
def test_look_ahead_quantile_is_the_quantile_over_units(case, quantile, span):
    """It equals numpy's quantile over every unit ahead that is known."""
    curve, unit_cost, arrivals, _, _ = case

    limits = fine_curve.look_ahead_quantile(curve, arrivals, span, quantile)

    expected = [np.quantile(unit_cost[a : a + span] * UNITS, quantile) for a in arrivals]
    assert limits == pytest.approx(expected)


def test_pieces_of_one_job_never_touch():
    """Stretches that meet are one piece."""
    curve = FineCurve(np.array([3.0, 1.0, 1.0, 9.0]), UNITS)

    pieces = fine_curve.suspend_to_lowest(curve, np.array([0]), np.array([10]), np.array([6]))

    assert (pieces.start.tolist(), pieces.length.tolist()) == ([0, 4], [2, 8])


def test_a_run_past_the_known_part_is_refused():
    """Nothing is free because it is unknown."""
    curve = FineCurve(np.ones(3), UNITS)

    with pytest.raises(HorizonTooShort, match="known are 12"):
        curve.cost(np.array([8]), np.array([5]))
    with pytest.raises(HorizonTooShort):
        fine_curve.suspend_below(curve, np.array([8]), np.array([5]), np.array([0]), np.array([2.0]))
    with pytest.raises(HorizonTooShort):
        fine_curve.suspend_to_lowest(curve, np.array([8]), np.array([5]), np.array([0]))

"""Elastic scaling against every combination of levels, and the promises that hold for any profile."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gridtide.domain.errors import InvalidInput
from gridtide.planning import scaling
from gridtide.planning.scaling import ScaleProfile

LINEAR = ScaleProfile(throughput=(1.0, 2.0), power_w=(100.0, 200.0))


@st.composite
def cases(draw):
    n_levels = draw(st.integers(1, 3))
    gains = draw(st.lists(st.integers(1, 9), min_size=n_levels, max_size=n_levels))
    watts = draw(st.lists(st.integers(0, 9), min_size=n_levels, max_size=n_levels))
    least = draw(st.integers(1, n_levels))
    profile = ScaleProfile(
        tuple(np.cumsum(gains).astype(float).tolist()), tuple(np.cumsum(watts).astype(float).tolist()), least
    )
    values = np.array(draw(st.lists(st.integers(-3, 30), min_size=1, max_size=5)), dtype=np.float64)
    share = draw(st.integers(0, 24)) / 20
    return values, profile, share * values.size * profile.throughput[-1]


def cheapest(values, profile, work):
    """Cost of the best of all combinations, None when none does the work."""
    levels = [0, *range(profile.least, len(profile.throughput) + 1)]
    done, watts = (0.0, *profile.throughput), (0.0, *profile.power_w)
    costs = [
        sum(v * watts[j] for v, j in zip(values, plan, strict=True))
        for plan in itertools.product(levels, repeat=values.size)
        if sum(done[j] for j in plan) >= work * (1 - 1e-9)
    ]
    return min(costs, default=None)


@given(cases())
@settings(max_examples=100, deadline=None)
def test_the_plan_is_the_cheapest_of_all_combinations(case):
    """With no tolerance the search finds the optimum, and says so."""
    values, profile, work = case

    plan = scaling.scale(values, profile, work, tolerance=0.0)

    best = cheapest(values, profile, work)
    if best is None:
        assert plan is None
        return
    assert plan.cost == pytest.approx(best, abs=1e-6)
    assert plan.proved
    assert plan.work >= work * (1 - 1e-9)
    assert plan.bound <= plan.cost + 1e-9
    assert set(plan.levels.tolist()) <= set(profile.levels().tolist())


@given(cases())
@settings(max_examples=60, deadline=None)
def test_a_plan_never_costs_more_than_a_fixed_level(case):
    """Whatever level could be held from the first slot on, the plan is not dearer."""
    values, profile, work = case
    values = np.abs(values)

    plan = scaling.scale(values, profile, work)

    for level in range(profile.least, len(profile.throughput) + 1):
        fixed = scaling.at_level(values, profile, work, level=level)
        if fixed is not None:
            assert plan.cost <= fixed * (1 + 1e-9) + 1e-4 * abs(plan.bound) + 1e-6


@given(cases())
@settings(max_examples=60, deadline=None)
def test_splitting_one_slot_reaches_the_bound(case):
    """The split plan does exactly the work, at exactly the cost of the bound."""
    values, profile, work = case
    plan = scaling.scale(values, profile, work)
    if plan is None or plan.split is None:
        return
    done, watts = np.array((0.0, *profile.throughput)), np.array((0.0, *profile.power_w))
    slot, upper, lower, share = plan.split

    more_work = share * (done[upper] - done[lower])
    more_cost = share * values[slot] * (watts[upper] - watts[lower])

    assert done[plan.split_levels].sum() + more_work == pytest.approx(work, abs=1e-6)
    assert (values * watts[plan.split_levels]).sum() + more_cost == pytest.approx(plan.bound, abs=1e-6)


def test_overshoot_is_trimmed():
    """A greedy that keeps its last increment whole would run level 2 in the cheap slot and still a whole level 1."""
    plan = scaling.scale(np.array([100.0, 150.0]), LINEAR, 2.0)

    assert plan.levels.tolist() == [2, 0]


def test_a_profile_that_saturates_spreads_over_slots():
    """When the second level adds nothing worth its power, two slots at level 1 are cheaper."""
    saturated = ScaleProfile(throughput=(1.0, 1.1), power_w=(100.0, 300.0))

    assert scaling.scale(np.array([100.0, 150.0]), saturated, 2.0).levels.tolist() == [1, 1]


def test_impossible_work_has_no_plan():
    """Work beyond the highest level in every slot cannot be done; that is an answer, not an error."""
    assert scaling.scale(np.array([1.0, 1.0]), LINEAR, 4.1) is None
    assert scaling.at_level(np.array([1.0, 1.0]), LINEAR, 2.5, level=1) is None


def test_no_work_needs_no_level():
    """Zero is data: nothing to do costs nothing."""
    plan = scaling.scale(np.array([5.0, 7.0]), LINEAR, 0.0)

    assert (plan.levels.tolist(), plan.cost, plan.gap) == ([0, 0], 0.0, 0.0)


def test_a_held_level_pays_the_last_slot_whole_or_in_part():
    """Two and a half slots of work."""
    values = np.array([10.0, 20.0, 40.0])

    assert scaling.at_level(values, LINEAR, 2.5, level=1) == pytest.approx(7000.0)
    assert scaling.at_level(values, LINEAR, 2.5, level=1, whole_slots=False) == pytest.approx(5000.0)


@pytest.mark.parametrize(
    "build",
    [
        pytest.param(lambda: ScaleProfile((1.0,), (1.0, 2.0)), id="lengths"),
        pytest.param(lambda: ScaleProfile((), ()), id="no level"),
        pytest.param(lambda: ScaleProfile((-1.0,), (1.0,)), id="negative work"),
        pytest.param(lambda: ScaleProfile((1.0,), (1.0,), 2), id="least above all"),
        pytest.param(lambda: scaling.scale(np.array([np.nan]), LINEAR, 1.0), id="missing value"),
    ],
)
def test_impossible_figures_are_refused(build):
    """A missing value is never a cheap one."""
    with pytest.raises(InvalidInput):
        build()


def test_a_month_of_hours_at_seven_levels_is_planned_and_proved():
    """720 slots at 7 levels, within a ten-thousandth of the best."""
    rng = np.random.default_rng(0)
    profile = ScaleProfile(
        tuple((1 - 0.95**n) * 20 for n in range(1, 8)), tuple(60.0 * n + 10 * (n % 2) for n in range(1, 8))
    )
    values = 200 + 100 * np.sin(np.arange(720) / 24 * 2 * np.pi) + rng.normal(0, 30, 720)

    assert scaling.scale(values, profile, 400.0).proved

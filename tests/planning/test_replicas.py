"""Workers over time on a real series: what is chosen, what it is compared with, and what is never done."""

import itertools
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gridtide.domain.errors import InvalidInput
from gridtide.domain.series import Series
from gridtide.domain.signal import Signal, SignalKind
from gridtide.domain.workload import Workload
from gridtide.planning.replicas import amdahl, plan_replicas

DEMO = Signal(SignalKind.AVERAGE, provider="demo", zone="X")
MIDNIGHT = datetime(2026, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)


def series(*values):
    return Series.steps(DEMO, MIDNIGHT, HOUR, values)


def job(hours, deadline, **more):
    return Workload(id="train", duration=hours * HOUR, deadline=MIDNIGHT + deadline * HOUR, power_w=1000.0, **more)


def rows(plan):
    """Stages as (first hour, last hour, level)."""
    return [((s.start - MIDNIGHT) / HOUR, (s.end - MIDNIGHT) / HOUR, s.level) for s in plan.stages]


def test_the_clean_hour_gets_most_workers():
    """300, 100, 200 and 3 h of work: two workers at 100, then two for half an hour at 200; 400 g for 3 kWh."""
    made = plan_replicas(job(3, 3), series(300, 100, 200), now=MIDNIGHT, least=0, most=2)

    assert rows(made) == [(1, 2.5, 2)]
    assert (made.chosen.grams, made.chosen.mean) == (pytest.approx(400.0), pytest.approx(400 / 3))
    assert (made.run_now.grams, made.fastest.grams) == (600.0, 700.0)
    assert made.saving(made.run_now) == pytest.approx(1 / 3)
    assert (made.proved, made.gap, made.reason) == (True, 0.0, "scaled-for-lower")


def test_a_poor_second_worker_is_used_only_where_its_hour_is_clean_enough():
    """
    At a speed-up of 1.5 the second worker does half as much: its price is twice the value.

    200 in the clean hour is dearer than 180 at 01:00, so 2 h of work are one worker at 100 and one at 180.
    """
    made = plan_replicas(job(2, 3), series(300, 180, 100), now=MIDNIGHT, least=0, most=2, speedup=(1.0, 1.5))

    assert rows(made) == [(1, 3, 1)]
    assert made.chosen.grams == pytest.approx(280.0)


def test_without_pauses_a_bump_is_worked_through():
    """100, 300, 100: with pauses both ends are taken; without, one stretch of two workers at either end is cheaper."""
    pausing = plan_replicas(job(2, 3), series(100, 300, 90), now=MIDNIGHT, least=0, most=1)
    through = plan_replicas(job(2, 3), series(100, 300, 90), now=MIDNIGHT, least=1, most=1)
    wider = plan_replicas(job(2, 3), series(100, 300, 90), now=MIDNIGHT, least=1, most=2)

    assert rows(pausing) == [(0, 1, 1), (2, 3, 1)]
    assert rows(through) == [(1, 3, 1)]
    assert through.chosen.grams == pytest.approx(390.0)
    assert (through.proved, through.gap) == (False, pytest.approx(200 / 190))
    assert rows(wider) == [(2, 3, 2)]


def test_on_a_grid_levels_change_only_there():
    """Three hours of work in whole half hours; the work still ends when it is done."""
    made = plan_replicas(job(3, 3), series(300, 100, 200), now=MIDNIGHT, least=0, most=2, step=timedelta(minutes=30))

    assert all((start * 2).is_integer() for start, _, _ in rows(made))
    assert made.chosen.grams == pytest.approx(400.0)
    assert made.proved


def test_unknown_time_is_not_used_by_choice():
    """The hour without a value is left out, though a zero there would win."""
    made = plan_replicas(job(2, 4), series(300, None, 200, 250), now=MIDNIGHT, least=0, most=2)

    assert rows(made) == [(2, 3, 2)]


def test_too_little_known_runs_at_once_at_the_lowest_level_in_time():
    """Two of four hours are unknown and 3 h of work do not fit in the others; nothing is claimed about it."""
    made = plan_replicas(job(5, 3), series(300, None, None), now=MIDNIGHT, least=0, most=2)

    assert (rows(made), made.reason, made.chosen.grams) == ([(0, 2.5, 2)], "horizon-too-short", None)
    assert made.saving(made.run_now) is None
    assert "too little is known" in made.warnings[0]


def test_nothing_known_runs_at_once():
    """An empty series never holds work back."""
    made = plan_replicas(job(2, 4), series(), now=MIDNIGHT, least=0, most=4)

    assert (rows(made), made.reason, made.signal) == ([(0, 2, 1)], "no-data", None)


def test_what_cannot_be_in_time_runs_at_once_with_the_fastest():
    """Seven hours of work in three hours of two workers."""
    made = plan_replicas(job(7, 3), series(300, 100, 200), now=MIDNIGHT, least=0, most=2)

    assert (made.stages[0].level, made.stages[0].start, made.reason) == (2, MIDNIGHT, "deadline-infeasible")


def test_a_flat_grid_changes_nothing():
    """Equal costs take the base level at once."""
    made = plan_replicas(job(2, 4), series(200, 200, 200, 200), now=MIDNIGHT, least=0, most=4)

    assert (rows(made), made.reason) == ([(0, 2, 1)], "flat")


def test_a_small_saving_is_left():
    """A plan that saves 5 % is not worth it to work that asks for 10 %."""
    values = series(200, 190, 190, 190)

    assert plan_replicas(job(1, 4, min_saving=0.1), values, now=MIDNIGHT, least=0, most=2).reason == "saving-too-small"
    assert plan_replicas(job(1, 4, min_saving=0.04), values, now=MIDNIGHT, least=0, most=2).reason != "saving-too-small"


def test_a_now_inside_a_step_uses_the_rest_of_it():
    """At 00:30 half an hour at 100 is left; one worker does the rest at 200, two do it all in the clean half hour."""
    now = MIDNIGHT + timedelta(minutes=30)
    made = plan_replicas(job(1, 4), series(100, 200, 300, 300), now=now, least=0, most=2)

    assert rows(made) == [(0.5, 1, 2)]


@st.composite
def cases(draw):
    n_levels = draw(st.integers(1, 3))
    gains = draw(st.lists(st.integers(1, 10), min_size=n_levels - 1, max_size=n_levels - 1))
    speedup = tuple(np.cumsum([1.0, *(g / 10 for g in gains)]).tolist())
    least = draw(st.integers(0, n_levels))
    values = draw(st.lists(st.one_of(st.none(), st.integers(0, 9)), min_size=1, max_size=6))
    return values, speedup, least, draw(st.integers(1, 12)) / 2, draw(st.integers(0, 3)) / 4


@given(cases())
@settings(max_examples=100, deadline=None)
def test_a_plan_is_in_time_and_never_above_a_level_held_from_now(case):
    """Whenever some level can do it in time, the plan does too, with all the work, and no such level is cheaper."""
    values, speedup, least, hours, later = case
    now = MIDNIGHT + later * HOUR
    known, most = series(*values), len(speedup)
    made = plan_replicas(job(hours, len(values)), known, now=now, least=least, most=most, speedup=speedup)

    done = sum((s.end - s.start) / HOUR * speedup[s.level - 1] for s in made.stages)
    assert done == pytest.approx(hours, abs=1e-6)
    assert all(max(least, 1) <= s.level <= most and s.start >= now for s in made.stages)
    assert all(a.end <= b.start for a, b in itertools.pairwise(made.stages))
    if made.fastest.in_time:
        assert made.chosen.in_time
    if least:
        assert all(a.end == b.start for a, b in itertools.pairwise(made.stages))
    for held in (made.run_now, made.fastest):
        if held.in_time and held.cost is not None:
            assert made.chosen.cost <= held.cost * (1 + 1e-8) + 1e-9


@given(
    st.lists(st.integers(0, 9), min_size=3, max_size=5), st.integers(1, 4), st.sampled_from([(1.0, 2.0), (1.0, 1.5)])
)
@settings(max_examples=60, deadline=None)
def test_no_stretch_of_half_hours_is_cheaper_without_pauses(values, hours, speedup):
    """Every start and every row of levels on half hours, by brute force."""
    known = series(*values)
    made = plan_replicas(job(hours, len(values)), known, now=MIDNIGHT, least=1, most=2, speedup=speedup)

    costs = []
    cells = 2 * len(values)
    for first, last in itertools.combinations(range(cells + 1), 2):
        if not hours <= (last - first) <= 2 * hours:
            continue
        for levels in itertools.product((1, 2), repeat=last - first):
            if sum(0.5 * speedup[n - 1] for n in levels) >= hours - 1e-9:
                costs.append(sum(0.5 * n * values[(first + k) // 2] for k, n in enumerate(levels)))
    best = min(costs, default=None)
    if best is not None:
        assert made.chosen.cost <= best + 1e-6


@pytest.mark.parametrize(
    ("least", "most", "speedup"),
    [(0, 0, None), (2, 1, None), (-1, 2, None), (0, 300, None), (0, 2, (1.0,)), (0, 2, (2.0, 3.0)), (0, 2, (1.0, 0.0))],
)
def test_impossible_levels_are_refused(least, most, speedup):
    """The figure and what is allowed are in the message."""
    with pytest.raises(InvalidInput):
        plan_replicas(job(1, 3), series(1, 1, 1), now=MIDNIGHT, least=least, most=most, speedup=speedup)


def test_a_grid_too_fine_is_refused():
    """A second over a month would be millions of slots."""
    values = Series.steps(DEMO, MIDNIGHT, 720 * HOUR, [1.0])
    with pytest.raises(InvalidInput, match="slots"):
        plan_replicas(job(1, 720), values, now=MIDNIGHT, least=0, most=2, step=timedelta(seconds=1))


def test_amdahl_is_the_law():
    """A share of 1 is linear, one of 0 gains nothing."""
    assert amdahl(3, 1.0) == (1.0, 2.0, 3.0)
    assert amdahl(3, 0.0) == (1.0, 1.0, 1.0)
    with pytest.raises(InvalidInput):
        amdahl(3, 1.1)

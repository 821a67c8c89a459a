"""Carbon-time: the most saving per hour until completion, exactly."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gridtide.domain.decision import Reason
from gridtide.domain.series import Series
from gridtide.planning.carbon_time import carbon_time
from gridtide.planning.shape import power_levels
from gridtide.planning.window import lowest_window
from planning.brute import HOUR_NS, T0_NS, jobs, minutes, run_cost, series_of, starts_to_try
from support import DEMO, at, hourly


def rate(series, release, start, length, powers=(1.0,)):
    """Saving per hour from the release to the end of the run."""
    cost = run_cost(series, start, length, powers)
    if cost is None:
        return None
    return float(run_cost(series, release, length, powers) - cost) / ((start - release + length) / HOUR_NS)


@given(series_of(), jobs(), st.lists(st.sampled_from([1.0, 2.0, 5.0]), min_size=1, max_size=3))
@settings(max_examples=50, deadline=None)
def test_no_start_saves_more_per_hour(series, job, powers):
    """Trying every breakpoint and a fine grid finds no higher rate."""
    release, latest, length = job
    choice = carbon_time(series, release, latest, length, shape=power_levels(length, powers))
    if run_cost(series, release, length, powers) is None:
        assert choice is None
        return
    tried = [
        rate(series, release, s, length, powers)
        for s in starts_to_try(series, release, latest, length, parts=len(powers))
    ]
    best = max(r for r in tried if r is not None)

    assert release <= choice.start_ns <= latest
    assert rate(series, release, choice.start_ns, length, powers) >= best - 1e-6 * max(1.0, best)
    assert float(choice.cost) == pytest.approx(float(run_cost(series, choice.start_ns, length, powers)), abs=1e-6)


def test_a_small_saving_soon_beats_a_larger_one_much_later():
    """60 g saved after one hour is more per hour than 100 g after six."""
    series = hourly(200.0, 140.0, 200.0, 200.0, 200.0, 200.0, 100.0)
    choice = carbon_time(series, T0_NS, minutes(360), HOUR_NS)

    assert (choice.start_ns, choice.reason) == (minutes(60), Reason.LOWER_LATER)
    assert lowest_window(series, T0_NS, minutes(360), HOUR_NS).start_ns == minutes(360)


def test_nothing_saves_means_now():
    """When every later start is dirtier, now is best."""
    choice = carbon_time(hourly(100.0, 200.0, 300.0), T0_NS, minutes(120), HOUR_NS)

    assert (choice.start_ns, choice.reason) == (T0_NS, Reason.LOWEST_NOW)


def test_flat_means_now():
    """Equal everywhere: start now and say flat."""
    assert carbon_time(hourly(*[0.1] * 5), T0_NS, minutes(240), HOUR_NS).reason is Reason.FLAT


def test_equal_rates_take_the_earliest():
    """100 saved in two hours and 150 saved in three are the same rate."""
    series = hourly(300.0, 200.0, 150.0)
    choice = carbon_time(series, T0_NS, minutes(120), HOUR_NS, grid_ns=HOUR_NS)

    assert choice.start_ns == minutes(60)


def test_an_unknown_now_has_no_rate():
    """Savings cannot be counted from a run that is not known."""
    assert carbon_time(hourly(None, 100.0, 50.0), T0_NS, minutes(120), HOUR_NS) is None


def test_gaps_do_not_stop_the_search():
    """Starts after a gap are weighed too."""
    assert carbon_time(hourly(300.0, None, 10.0), T0_NS, minutes(240), HOUR_NS).start_ns == minutes(120)


def test_the_turning_point_on_a_line_lies_between_points():
    """On a falling line the rate peaks before the bottom, off every point; a fine search agrees."""
    line = Series.line(DEMO, [at(0), at(2), at(6), at(12)], [400.0, 380.0, 100.0, 90.0])
    choice = carbon_time(line, T0_NS, minutes(600), HOUR_NS)
    fine = max((rate(line, T0_NS, minutes(m), HOUR_NS), -m) for m in range(601))

    assert abs(choice.start_ns - minutes(-fine[1])) <= minutes(1) - T0_NS
    assert rate(line, T0_NS, choice.start_ns, HOUR_NS) >= fine[0]

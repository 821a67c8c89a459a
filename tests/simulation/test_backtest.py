"""The vectorised policies against plain search, job by job."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gridtide.domain.errors import HorizonTooShort
from gridtide.simulation import backtest
from gridtide.simulation.backtest import SlotJobs

values = st.lists(st.integers(0, 20), min_size=12, max_size=40).map(lambda v: np.array(v, dtype=np.float64))


@st.composite
def jobs_on(draw, n_slots):
    rows = draw(
        st.lists(st.tuples(st.integers(0, n_slots - 6), st.integers(1, 5), st.integers(0, 12)), min_size=1, max_size=8)
    )
    return SlotJobs(*np.array(rows, dtype=np.int64).T).inside(n_slots)


def jobs(*rows):
    return SlotJobs(*np.array(rows, dtype=np.int64).T)


@given(st.data(), values)
@settings(max_examples=60, deadline=None)
def test_lowest_window_is_the_earliest_best_start(data, believed):
    """Every start equals a search through all starts of that job."""
    batch = data.draw(jobs_on(believed.size))

    starts = backtest.lowest_window_starts(backtest.prefix_sums(believed), batch)

    for first, length, slack, start in zip(*batch, starts, strict=True):
        costs = [believed[s : s + length].sum() for s in range(first, first + slack + 1)]
        assert start == first + int(np.argmin(costs))


@given(st.data(), values)
@settings(max_examples=60, deadline=None)
def test_lowest_slots_pay_for_the_earliest_cheapest(data, believed):
    """Chosen slots are the k cheapest, ties by time, and payment follows the other array."""
    batch = data.draw(jobs_on(believed.size))
    paid = np.arange(believed.size, dtype=np.float64)

    cost = backtest.lowest_slots_cost(believed, paid, batch)

    for first, length, slack, ours in zip(*batch, cost, strict=True):
        window = believed[first : first + length + slack]
        chosen = first + np.argsort(window, kind="stable")[:length]
        assert ours == chosen.sum()


@given(st.data(), values)
@settings(max_examples=60, deadline=None)
def test_more_freedom_never_costs_more(data, believed):
    """Free slots cost at most the best window, the best window at most a start on arrival."""
    batch = data.draw(jobs_on(believed.size))
    prefix = backtest.prefix_sums(believed)

    free = backtest.lowest_slots_cost(believed, believed, batch)
    window = backtest.window_cost(prefix, backtest.lowest_window_starts(prefix, batch), batch)
    at_once = backtest.window_cost(prefix, batch.first, batch)

    assert (free <= window + 1e-9).all()
    assert (window <= at_once + 1e-9).all()


def test_every_tie_runs_in_all_equal_slots():
    """A comparison with the k-th smallest value takes both of two equal slots."""
    believed = np.array([5.0, 5.0, 9.0])

    exact = backtest.lowest_slots_cost(believed, believed, jobs((0, 1, 2)))
    loose = backtest.lowest_slots_cost(believed, believed, jobs((0, 1, 2)), every_tie=True)

    assert (exact[0], loose[0]) == (5.0, 10.0)


def test_slack_is_cut_at_the_end_of_what_is_known():
    """A job may use the last slot, and no slot after it."""
    assert jobs((2, 2, 9)).inside(6).slack.tolist() == [2]


def test_a_job_outside_the_known_slots_is_refused():
    """Nothing is paid with values that are not there."""
    with pytest.raises(HorizonTooShort, match="job 1 needs slots 5 to 8"):
        jobs((0, 1, 0), (5, 3, 0)).inside(6)

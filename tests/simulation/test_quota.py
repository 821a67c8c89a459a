"""A quota around a scheduler: held work, the latest start, and the cap itself."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gridtide.domain.errors import InvalidInput
from gridtide.simulation.cluster import Runs
from gridtide.simulation.quota import starts_under_quota


def runs(*rows):
    """Rows of planned start, length and processors; arrival is the planned start."""
    planned, length, processors = (np.array(column, dtype=np.int64) for column in zip(*rows, strict=True))
    return Runs(planned, planned, length, processors, np.zeros(planned.size, dtype=bool))


def test_work_beyond_the_quota_waits_for_a_larger_one():
    """One processor may run in the first slot of ten, three in the second."""
    starts = starts_under_quota(
        runs((0, 30, 1), (0, 5, 1), (2, 5, 1)), np.array([99, 99, 99]), np.array([1, 3]), units_per_slot=10
    )

    assert starts.tolist() == [0, 10, 10]


def test_a_held_run_starts_when_another_ends():
    """The second run takes the place of the first at once."""
    starts = starts_under_quota(runs((0, 4, 1), (1, 4, 1)), np.array([99, 99]), np.array([1]), units_per_slot=10)

    assert starts.tolist() == [0, 4]


def test_the_latest_start_comes_before_the_quota():
    """With nothing allowed every run still starts by its latest start."""
    starts = starts_under_quota(runs((0, 4, 1), (1, 4, 2)), np.array([7, 1]), np.array([0]), units_per_slot=10)

    assert starts.tolist() == [7, 1]


@given(
    st.lists(st.tuples(st.integers(0, 40), st.integers(1, 12), st.integers(1, 3)), min_size=1, max_size=12),
    st.lists(st.integers(0, 6), min_size=1, max_size=6),
    st.integers(0, 60),
)
@settings(max_examples=80, deadline=None)
def test_only_overdue_work_exceeds_the_quota(rows, allowed, slack):
    """Every start lies between planned and latest; a start before the latest one fits into the quota of its slot."""
    work = runs(*rows)
    latest = work.planned + slack

    starts = starts_under_quota(work, latest, np.array(allowed), units_per_slot=10)

    assert (starts >= work.planned).all()
    assert (starts <= latest).all()
    overdue = starts == latest
    for k in np.flatnonzero(~overdue):
        running = (starts <= starts[k]) & (starts[k] < starts + work.length)
        if not (running & overdue).any():
            assert work.processors[running].sum() <= allowed[min(starts[k] // 10, len(allowed) - 1)]


def test_a_latest_start_before_the_plan_is_refused():
    """That would be a deadline already missed."""
    with pytest.raises(InvalidInput):
        starts_under_quota(runs((5, 1, 1)), np.array([4]), np.array([1]), units_per_slot=10)

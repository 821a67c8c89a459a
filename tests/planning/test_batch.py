"""Many jobs in one call: every answer is that of the scalar core."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gridtide.domain.series import Series
from gridtide.planning.batch import lowest_slots_of_each, lowest_windows
from gridtide.planning.ranks import Ranks
from gridtide.planning.slots import lowest_slots
from gridtide.planning.window import lowest_window
from planning.brute import HOUR_NS, MINUTE_NS, T0_NS, jobs, minutes, series_of
from support import DEMO, hourly


def check(choices, scalar):
    """Row by row: the same start, end and knowledge, the same cost but for rounding."""
    for k, choice in enumerate(scalar):
        assert bool(choices.known[k]) == (choice is not None)
        if choice is None:
            assert np.isnan(choices.cost[k])
            assert np.isnan(choices.mean[k])
        else:
            assert (choices.start_ns[k], choices.end_ns[k]) == (choice.start_ns, choice.end_ns)
            assert choices.cost[k] == pytest.approx(choice.cost, rel=1e-12, abs=1e-9)
            assert choices.mean[k] == pytest.approx(choice.mean, rel=1e-12, abs=1e-9)


MANY = st.lists(jobs(most_minutes=360), min_size=1, max_size=12)


@given(series_of(most=12), MANY)
@settings(max_examples=50, deadline=None)
def test_windows_of_many_jobs_are_those_of_each(series, many):
    """On every kind of series, on and off the edges of steps."""
    release, latest, length = (np.array(column) for column in zip(*many, strict=True))

    check(lowest_windows(series, release, latest, length), [lowest_window(series, *job) for job in many])


@given(series_of(most=12), MANY)
@settings(max_examples=50, deadline=None)
def test_slots_of_many_jobs_are_those_of_each(series, many):
    """On every kind of series, whole steps or cut ones."""
    release, latest, length = (np.array(column) for column in zip(*many, strict=True))
    scalar = [lowest_slots(series, r, last + n, n) for r, last, n in many]

    check(lowest_slots_of_each(series, release, latest + length, length), scalar)


@pytest.mark.parametrize("values", ["whole numbers", "equal", "real"])
def test_thousands_of_jobs_over_a_month(values):
    """A month of half hours, 3,000 jobs of mixed length and slack, more than one block of them."""
    random = np.random.default_rng(7)
    level = {
        "whole numbers": random.integers(20, 60, 1440),
        "equal": np.full(1440, 0.1),
        "real": random.random(1440) * 400,
    }[values]
    step = 30 * MINUTE_NS
    edges = T0_NS + step * np.arange(1441)
    series = Series(DEMO, edges[:-1], edges[1:], level.astype(float))
    release = T0_NS + step * random.integers(-5, 1400, 3000)
    length = random.integers(1, 48 * 30, 3000) * MINUTE_NS
    length[::3] -= length[::3] % step - step
    latest = release + step * random.integers(-1, 48, 3000)
    rows = list(zip(release.tolist(), latest.tolist(), length.tolist(), strict=True))

    check(lowest_windows(series, release, latest, length), [lowest_window(series, *row) for row in rows])
    scalar = [lowest_slots(series, r, last + n, n) for r, last, n in rows]
    check(lowest_slots_of_each(series, release, latest + length, length), scalar)


def test_one_number_serves_all_jobs():
    """Bounds that all jobs share need not be repeated."""
    choices = lowest_windows(hourly(300.0, 100.0, 200.0), [T0_NS, minutes(120)], minutes(120), HOUR_NS)

    assert choices.start_ns.tolist() == [minutes(60), minutes(120)]


def test_nothing_known_is_said_not_priced():
    """An empty series: the release as start, NaN as cost, and a mask that says unknown."""
    for choices in (
        lowest_windows(Series(DEMO, [], [], []), [T0_NS], [T0_NS], [HOUR_NS]),
        lowest_slots_of_each(Series(DEMO, [], [], []), [T0_NS], [minutes(60)], [HOUR_NS]),
        lowest_slots_of_each(hourly(1.0), [minutes(60)], [minutes(120)], [HOUR_NS]),
    ):
        assert not choices.known.any()
        assert np.isnan(choices.cost).all()


def test_no_jobs_have_no_answers():
    """An empty call gives empty columns."""
    assert lowest_windows(hourly(1.0, 2.0), [], [], []).cost.size == 0
    assert lowest_slots_of_each(hourly(1.0, 2.0), [], [], []).cost.size == 0


@given(
    st.lists(st.integers(0, 9), min_size=1, max_size=40),
    st.lists(st.tuples(st.integers(0, 39), st.integers(0, 39), st.integers(0, 39)), min_size=1, max_size=8),
)
@settings(max_examples=50, deadline=None)
def test_the_index_of_ranks_equals_sorting(values, questions):
    """Sum, level and positions of the k lowest of any stretch are those of a stable sort."""
    size = len(values)
    asked = []
    for a, b, k in questions:
        begin, end = sorted((a % size, b % size))
        asked.append((begin, end + 1, k % (end + 1 - begin) + 1))
    found = Ranks(np.array(values, dtype=float)).lowest(*(np.array(column) for column in zip(*asked, strict=True)))
    for row, (begin, end, count) in enumerate(asked):
        picked = sorted(range(begin, end), key=lambda k: (values[k], k))[:count]

        assert found.total[row] == sum(values[k] for k in picked)
        assert (found.level[row], found.at[row]) == (values[picked[-1]], picked[-1])
        assert (found.first[row], found.last[row]) == (min(picked), max(picked))

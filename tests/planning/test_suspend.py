"""Suspending above a limit and waiting while it improves, on hours that can be read off."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gridtide.domain.decision import Reason
from gridtide.domain.instants import to_ns
from gridtide.domain.series import Series
from gridtide.domain.units import NS_PER_HOUR
from gridtide.planning import suspend
from support import DEMO, T0, at, hourly

START = to_ns(T0)


def ns(hours):
    return round(hours * NS_PER_HOUR)


def hours(choice):
    return [((a - START) / NS_PER_HOUR, (b - START) / NS_PER_HOUR) for a, b in choice.pieces]


def test_it_runs_below_and_pauses_at_or_above():
    """Hours 1 and 3 are dirty; two hours of pause are enough for both."""
    choice = suspend.suspend_above(hourly(100, 300, 100, 200, 100, 100), START, ns(3), ns(4), 200.0)

    assert hours(choice) == [(0, 1), (2, 3), (4, 5)]
    assert (choice.cost, choice.mean) == (300.0, 100.0)
    assert choice.reason is Reason.BELOW_THRESHOLD


def test_it_runs_through_once_the_slack_is_used_up():
    """An hour and a half of pause ends in the middle of the second dirty hour."""
    choice = suspend.suspend_above(hourly(300, 300, 300, 300), START, ns(2), ns(1.5), 200.0)

    assert hours(choice) == [(1.5, 3.5)]
    assert choice.reason is Reason.PAUSED_FOR_LOWER


def test_a_start_between_steps_is_exact():
    """The release at half past takes half of the clean hour."""
    choice = suspend.suspend_above(hourly(100, 300, 100), START + ns(0.5), ns(1), ns(5), 200.0)

    assert hours(choice) == [(0.5, 1), (2, 2.5)]


def test_a_line_is_cut_where_it_crosses_the_limit():
    """Between 100 at 0 h and 300 at 2 h the limit of 200 is crossed at 1 h."""
    line = Series.line(DEMO, [at(0), at(2), at(4)], [100.0, 300.0, 100.0])

    choice = suspend.suspend_above(line, START, ns(2), ns(4), 200.0)

    assert hours(choice) == [(0, 1), (3, 4)]
    assert choice.mean == pytest.approx(150.0)


def test_what_is_not_known_is_not_planned():
    """No choice where the work does not fit into the known part, or begins outside it."""
    assert suspend.suspend_above(hourly(100, 300), START, ns(2), ns(2), 200.0) is None
    assert suspend.suspend_above(hourly(100, None, 100), START + ns(1), ns(1), ns(0), 200.0) is None


@given(st.lists(st.integers(0, 9), min_size=12, max_size=12), st.integers(1, 16), st.integers(0, 8), st.floats(0, 10))
@settings(max_examples=60, deadline=None)
def test_work_is_conserved_and_the_slack_kept(values, quarters, slack_quarters, limit):
    """Pieces add up to the length, and the end is never later than the slack allows."""
    length, slack = ns(quarters / 4), ns(slack_quarters / 4)

    choice = suspend.suspend_above(hourly(*map(float, values)), START, length, slack, limit)

    assert sum(b - a for a, b in choice.pieces) == length
    assert choice.end_ns <= START + length + slack


def test_percentile_ahead_looks_forward_only():
    """Of the next two hours the lower one is the median; what was before does not count."""
    assert suspend.percentile_ahead(hourly(1, 50, 90), START + ns(1), ns(2), 50) == 50.0
    assert suspend.percentile_ahead(hourly(1), START + ns(1), ns(2), 50) is None


@pytest.mark.parametrize(
    ("values", "latest", "start"),
    [
        pytest.param((300, 200, 100, 250), 3, 2, id="down to the bottom"),
        pytest.param((300, 200, 100, 250), 1, 1, id="slack ends first"),
        pytest.param((100, 200, 50, 50), 3, 0, id="blind behind a hill"),
        pytest.param((200, 200, 100, 100), 3, 0, id="equal is not lower"),
    ],
)
def test_waiting_while_it_improves(values, latest, start):
    """One step ahead is all it sees."""
    choice = suspend.improving_start(hourly(*values), START, START + ns(latest), ns(1), step_ns=ns(1))

    assert (choice.start_ns - START) / NS_PER_HOUR == start


def test_waiting_stops_at_the_end_of_what_is_known():
    """An unknown hour is no lower hour."""
    choice = suspend.improving_start(hourly(300, 200), START, START + ns(5), ns(1), step_ns=ns(1))

    assert choice.start_ns == START + ns(1)
    assert suspend.improving_start(hourly(300, 200), START, START + ns(5), ns(2), step_ns=ns(1)) is None

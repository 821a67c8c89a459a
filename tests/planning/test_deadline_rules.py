"""Calendar rules: the dates of one known week, and what holds for any finish."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gridtide.domain.errors import NaiveDatetime
from gridtide.planning import deadline_rules
from gridtide.planning.deadline_rules import DeadlineRule

MONDAY = datetime(2026, 1, 5, tzinfo=UTC)


def week(day: int, hour: float) -> datetime:
    return MONDAY + timedelta(days=day, hours=hour)


@pytest.mark.parametrize(
    ("finish", "due"),
    [
        pytest.param(week(0, 8.5), week(0, 9), id="before opening"),
        pytest.param(week(0, 9), week(0, 9), id="at opening"),
        pytest.param(week(2, 12), week(2, 12), id="inside working hours"),
        pytest.param(week(2, 17), week(2, 17), id="at closing"),
        pytest.param(week(2, 17.5), week(3, 9), id="after closing"),
        pytest.param(week(4, 20), week(5, 9), id="friday evening moves to saturday"),
        pytest.param(week(5, 3), week(7, 9), id="saturday"),
        pytest.param(week(6, 12), week(7, 9), id="sunday"),
    ],
)
def test_next_workday_moves_to_opening_hours(finish, due):
    """A finish outside working hours is needed when they next begin."""
    assert deadline_rules.deadline(DeadlineRule.NEXT_WORKDAY, finish) == due


@pytest.mark.parametrize(
    ("finish", "due"),
    [
        pytest.param(week(0, 9), week(0, 9), id="monday at nine stays"),
        pytest.param(week(0, 9.5), week(3, 9), id="monday later"),
        pytest.param(week(2, 23.5), week(3, 9), id="wednesday"),
        pytest.param(week(3, 9), week(3, 9), id="thursday at nine stays"),
        pytest.param(week(3, 9.5), week(7, 9), id="thursday later"),
        pytest.param(week(6, 23), week(7, 9), id="sunday"),
    ],
)
def test_semi_weekly_moves_to_monday_or_thursday(finish, due):
    """The first Monday or Thursday 09:00 at or after the finish counts."""
    assert deadline_rules.deadline(DeadlineRule.SEMI_WEEKLY, finish) == due


def test_the_calendar_of_the_zone_counts():
    """23:30 UTC on Sunday is Monday morning in Berlin, so the deadline is 09:00 there."""
    due = deadline_rules.deadline(DeadlineRule.NEXT_WORKDAY, week(6, 23.5), zone=ZoneInfo("Europe/Berlin"))

    assert due == week(7, 8)


def test_a_naive_finish_is_refused():
    """Without a zone nobody knows which 09:00 is meant."""
    with pytest.raises(NaiveDatetime):
        deadline_rules.deadline(DeadlineRule.NEXT_WORKDAY, datetime(2026, 1, 5, 12))  # noqa: DTZ001 - the case


@given(
    st.sampled_from(list(DeadlineRule)),
    st.lists(st.integers(min_value=0, max_value=4_000_000_000), min_size=1, max_size=20),
)
@settings(max_examples=60, deadline=None)
def test_a_deadline_is_never_before_the_finish_and_a_fixed_point(rule, seconds):
    """Applying a rule twice changes nothing, and no rule takes time away."""
    finish = np.array(seconds, dtype=np.int64) * 1_000_000_000

    due = deadline_rules.deadlines(rule, finish)

    assert (due >= finish).all()
    assert (deadline_rules.deadlines(rule, due) == due).all() or rule is DeadlineRule.NEXT_WORKDAY
    assert (due - finish <= 5 * 24 * 3_600_000_000_000).all()

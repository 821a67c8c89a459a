"""Room kept before the deadline: chosen windows leave it free, whatever the signal, and pieces count it once."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gridtide.domain.errors import InvalidInput
from gridtide.domain.workload import Workload
from gridtide.engine.engine import Engine, Policy
from gridtide.planning.plan import plan
from support import HOUR, T0, at, hourly

MINUTES = st.integers(1, 300).map(lambda m: timedelta(minutes=m))


@settings(max_examples=100, deadline=None)
@given(
    values=st.lists(st.integers(0, 500), min_size=12, max_size=12),
    length=MINUTES,
    reserve=MINUTES,
    pauses=st.booleans(),
)
def test_every_plan_leaves_the_reserve_free(values, length, reserve, pauses):
    """While there is room, the last piece ends at least the reserve before the deadline."""
    job = Workload(id="etl", duration=length, deadline=at(12), reserve=reserve, interruptible=pauses, min_run=HOUR / 6)
    decision = plan(job, hourly(*values), now=T0)

    assert decision.intervals[-1].end + reserve <= at(12)
    assert decision.latest_start == at(12) - length - reserve


def test_a_reserve_that_does_not_fit_means_now():
    """The deadline may still be kept, so it is not called infeasible."""
    job = Workload(id="etl", duration=HOUR, deadline=at(2), reserve=2 * HOUR)
    decision = plan(job, hourly(300, 100, 50), now=T0)

    assert (decision.start, str(decision.reason)) == (T0, "deadline")


def test_what_is_left_after_a_pause_counts_the_reserve_once():
    """The rest has the time until the reserve begins, not less."""
    job = Workload(id="etl", duration=4 * HOUR, deadline=at(12), reserve=2 * HOUR, interruptible=True)
    work = Engine(Policy(pauses=True)).admit(job, "run-1", now=T0)
    work.begin(0)
    work.halt(int(HOUR.total_seconds() * 1e9))
    rest = work.rest(0)

    assert (rest.duration, rest.latest_start(T0), rest.reserve) == (3 * HOUR, at(7), timedelta(0))


def test_a_negative_reserve_is_refused():
    """The message names the field."""
    with pytest.raises(InvalidInput, match="reserve is -1 day"):
        replace(Workload(id="etl", duration=HOUR), reserve=-HOUR)

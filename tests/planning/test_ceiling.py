"""A bound on the signal puts a start off only where something better may still come."""

from datetime import timedelta

import pytest

from gridtide.domain.decision import Action, Reason
from gridtide.domain.workload import Elasticity, Workload
from gridtide.planning.ceiling import RECHECK, under_ceiling
from gridtide.planning.plan import plan
from support import HOUR, T0, at, hourly

SHORT = hourly(300.0, 310.0, 320.0)


def bounded(series, ceiling, **facts):
    """The decision of a plan under that bound."""
    job = Workload(id="job", duration=HOUR, **{"max_delay": 10 * HOUR, **facts})
    return under_ceiling(plan(job, series, now=T0), job, series, now=T0, ceiling=ceiling)


def test_a_start_above_the_bound_waits_for_what_is_not_known_yet():
    """It is asked again soon, and starts where the known part ends if nothing comes."""
    decision = bounded(SHORT, 200.0)

    assert (decision.action, decision.reason) == (Action.WAIT, Reason.ABOVE_THRESHOLD)
    assert (decision.start, decision.wake_at) == (at(3), T0 + RECHECK)
    assert decision.mean is None


def test_a_start_at_the_bound_is_not_above_it():
    """The bound itself is allowed."""
    assert bounded(SHORT, 300.0).action is Action.RUN


def test_the_latest_start_is_never_passed():
    """A wait ends there at the latest."""
    decision = bounded(SHORT, 200.0, max_delay=timedelta(hours=2, minutes=30))

    assert decision.start == at(2.5)


def test_where_everything_up_to_the_latest_start_is_known_the_best_of_it_is_taken():
    """Waiting could only be worse."""
    assert bounded(SHORT, 200.0, max_delay=2 * HOUR).action is Action.RUN


@pytest.mark.parametrize("elasticity", [Elasticity.HARD, Elasticity.SOFT])
def test_real_time_work_is_not_put_off(elasticity):
    """It runs, whatever the bound."""
    assert bounded(SHORT, 200.0, elasticity=elasticity).action is Action.RUN


def test_a_planned_wait_stays_and_the_bound_is_noted():
    """A window that is better later needs no bound."""
    decision = bounded(hourly(300.0, 100.0, 300.0), 200.0)

    assert (decision.start, decision.reason, decision.threshold) == (at(1), Reason.LOWER_LATER, 200.0)


def test_a_deadline_that_is_missed_runs_at_once():
    """Lateness is not made worse."""
    assert bounded(SHORT, 200.0, max_delay=None, deadline=T0 + timedelta(minutes=30)).action is Action.RUN

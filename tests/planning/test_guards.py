"""Bounds that hold around a plan also where values are negative, plans are held and steps are cut."""

from datetime import timedelta

import pytest

from gridtide.domain.decision import Action, FreshnessStep, Reason
from gridtide.domain.instants import duration_ns, to_ns
from gridtide.domain.signal import SignalKind
from gridtide.domain.workload import Workload
from gridtide.planning.hedge import gated
from gridtide.planning.placement import Site, SiteRules, place
from gridtide.planning.plan import PlanOptions, plan
from gridtide.planning.question import Question, answer
from gridtide.planning.slots import lowest_slots
from support import DEMO, HOUR, T0, at, hourly

MARGINAL = DEMO.with_(kind=SignalKind.MARGINAL)


def job(**facts):
    return Workload(**{"id": "etl", "duration": HOUR, **facts})


def test_a_step_taken_in_part_costs_its_part():
    """One and a half hours over 100, 200 and 300 take the first and half of the second."""
    choice = lowest_slots(hourly(100, 200, 300), to_ns(T0), to_ns(at(3)), duration_ns(1.5 * HOUR))

    assert choice.cost == pytest.approx(200.0)
    assert choice.mean == pytest.approx(200.0 / 1.5)


@pytest.mark.parametrize(("least", "reason"), [(0.1, Reason.SAVING_TOO_SMALL), (0.04, Reason.LOWER_LATER)])
def test_the_least_saving_counts_below_zero_too(least, reason):
    """Where running avoids emissions, five more of a hundred are five percent."""
    series = hourly(-100, -105, -90, signal=MARGINAL)
    decision = plan(job(max_delay=2 * HOUR, min_saving=least), series, now=T0)

    assert decision.reason is reason


def test_a_held_plan_never_reaches_past_the_latest_start():
    """However little the held hour is worse, it is out of the question once the job would be late."""
    series = hourly(300, 100, 100.5)
    decision = plan(job(max_delay=HOUR), series, now=T0, options=PlanOptions(hold=at(2)))

    assert (decision.start, decision.reason) == (at(1), Reason.LOWER_LATER)


def test_a_held_plan_never_reaches_before_the_release():
    """Nor is an hour that the job may not use."""
    series = hourly(100.5, 300, 100)
    decision = plan(job(release=at(1), max_delay=3 * HOUR), series, now=T0, options=PlanOptions(hold=T0))

    assert decision.start == at(2)


def test_an_old_plan_without_data_never_reaches_past_the_latest_start():
    """A bound that moved closer after the plan was made counts."""
    decision = answer(
        Question(
            workload=job(deadline=at(3)), now=T0, series=None, step=FreshnessStep.NONE, planned=at(5), planned_since=T0
        )
    )

    assert (decision.action, decision.start) == (Action.WAIT, at(2))


def test_a_young_plan_is_not_held_against_a_new_one_at_the_release():
    """Work that may not start yet has nothing to flap between; the best known start is taken."""
    workload = job(release=at(1), deadline=at(8))
    now = T0 + timedelta(minutes=1)
    decision = answer(
        Question(
            workload=workload,
            now=now,
            series=hourly(300, 100, 300, 200, 300, 300, 300, 300),
            step=FreshnessStep.LIVE,
            planned=at(3),
            planned_since=T0,
        )
    )

    assert (decision.start, decision.reason) == (at(1), Reason.NOT_RELEASED)


@pytest.mark.parametrize(("away", "zone"), [(-95.0, "home"), (-105.0, "home"), (-111.0, "away")])
def test_a_move_has_to_save_its_margin_below_zero_too(away, zone):
    """Where running avoids emissions, ten percent more of them are worth a move, and five percent less are a loss."""
    home = Site(region="home", series=hourly(-100.0, -100.0, signal=MARGINAL))
    other = Site(region="away", series=hourly(away, away, signal=MARGINAL))
    decision = place(job(max_delay=timedelta(0), power_w=1000.0), home, [other], now=T0, rules=SiteRules(margin=0.1))

    assert decision.zone == zone


@pytest.mark.parametrize(("worst", "action"), [(-105.0, Action.RUN), (-115.0, Action.WAIT)])
def test_a_sure_saving_is_counted_below_zero_too(worst, action):
    """The bad outcome of the wait has to be ten percent better than now, not ten percent closer to zero."""
    decision = gated(
        job(max_delay=2 * HOUR),
        hourly(-100.0, -150.0, -90.0, signal=MARGINAL),
        hourly(-90.0, worst, -80.0, signal=MARGINAL),
        now=T0,
        margin=0.1,
    )

    assert decision.action is action


def test_an_unknown_home_sends_no_work_away_however_negative_it_is_elsewhere():
    """What cannot be compared is not beaten."""
    home = Site(region="home", series=hourly(signal=MARGINAL))
    other = Site(region="away", series=hourly(-50.0, -50.0, signal=MARGINAL))
    decision = place(job(max_delay=HOUR, power_w=1000.0), home, [other], now=T0)

    assert decision.zone == "home"


@pytest.mark.parametrize("most", [1, 2, 3, 4, None])
def test_a_run_is_cut_into_no_more_pieces_than_allowed(most):
    """Four clean hours lie apart; fewer pieces take dearer hours between them."""
    series = hourly(10, 90, 20, 90, 10, 90, 20, 90)
    workload = Workload(
        id="etl", duration=4 * HOUR, deadline=at(8), interruptible=True, max_pieces=most,
        suspend_cost=timedelta(minutes=1),
    )  # fmt: skip
    decision = plan(workload, series, now=T0)
    pieces = len(decision.intervals)

    assert pieces == (4 if most is None else most)
    assert all(i.end <= at(8) for i in decision.intervals)

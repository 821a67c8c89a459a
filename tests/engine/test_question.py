"""The rules that hold around any plan: missing data, the deadline, and plans that do not flap."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gridtide.domain.decision import Action, FreshnessStep, Reason
from gridtide.domain.workload import Elasticity, OnNoData, Workload
from gridtide.planning.question import BUDGET_RECHECK, Question, answer, was_planned
from support import HOUR, T0, at, hourly

MINUTES = timedelta(minutes=1)
NIGHT = hourly(300, 300, 200, 100, 100, 300, 300, 300)


def job(**facts):
    base = {"id": "etl", "duration": HOUR, "release": T0, "deadline": at(8)}
    return Workload(**{**base, **facts})


def ask(now=0.0, series=NIGHT, step=FreshnessStep.LIVE, workload=None, **state):
    return Question(workload=workload or job(), now=at(now), series=series, step=step, **state)


def test_values_are_planned_on():
    """With a usable series the planner decides, and the ladder step is kept in the decision."""
    decision = answer(ask(step=FreshnessStep.CACHED, step_reason="the provider did not answer"))

    assert (decision.action, decision.start, decision.mean) == (Action.WAIT, at(3), 100.0)
    assert (decision.freshness, decision.freshness_reason) == (FreshnessStep.CACHED, "the provider did not answer")
    assert was_planned(decision)


@pytest.mark.parametrize(
    "question",
    [
        pytest.param(ask(series=None, step=FreshnessStep.NONE), id="nothing read"),
        pytest.param(ask(series=hourly()), id="an empty series"),
        pytest.param(ask(series=hourly(100, start=at(-5))), id="only values from the past"),
        pytest.param(ask(step=FreshnessStep.NONE), id="a reading that says none"),
        pytest.param(
            ask(step=FreshnessStep.PROFILE, workload=job(on_no_data=OnNoData.RUN)), id="typical values, not wanted"
        ),
        pytest.param(
            ask(step=FreshnessStep.STATIC, workload=job(on_no_data=OnNoData.WAIT)), id="a yearly value, not wanted"
        ),
    ],
)
def test_without_a_usable_signal_work_waits_and_says_so(question):
    """Missing data never looks clean: the work waits within its bounds and no value is stated."""
    decision = answer(question)

    assert (decision.action, decision.reason) == (Action.WAIT, Reason.NO_DATA_WAIT)
    assert decision.mean is None
    assert not was_planned(decision)


def test_no_data_beyond_the_grace_runs():
    """After 30 minutes without a signal the work starts; it says why."""
    early = answer(ask(0.49, None, FreshnessStep.NONE, no_data_since=T0))
    late = answer(ask(0.5, None, FreshnessStep.NONE, no_data_since=T0))

    assert (early.action, early.wake_at) == (Action.WAIT, at(0.5))
    assert (late.action, late.reason) == (Action.RUN, Reason.NO_DATA)


def test_typical_values_are_planned_on_where_the_workload_says_so():
    """The default policy for missing data plans on typical values, and shows that it did."""
    decision = answer(ask(step=FreshnessStep.PROFILE))

    assert (decision.start, decision.freshness) == (at(3), FreshnessStep.PROFILE)


def test_waiting_for_data_is_bounded_by_the_latest_start():
    """The policy `wait` waits beyond the grace, but not beyond the latest start."""
    waiting = job(on_no_data=OnNoData.WAIT)
    decision = answer(ask(6.9, None, FreshnessStep.NONE, workload=waiting, no_data_since=T0))
    last = answer(ask(7.0, None, FreshnessStep.NONE, workload=waiting, no_data_since=T0))

    assert (decision.action, decision.start) == (Action.WAIT, at(7))
    assert (last.action, last.reason) == (Action.RUN, Reason.DEADLINE)


@pytest.mark.parametrize(
    ("elasticity", "reason"),
    [(Elasticity.HARD, Reason.HARD_REAL_TIME), (Elasticity.SOFT, Reason.SOFT_REAL_TIME)],
    ids=["hard", "soft"],
)
def test_real_time_work_never_waits_for_data(elasticity, reason):
    """Hard and soft real-time work runs at once when nothing is known."""
    decision = answer(ask(0, None, FreshnessStep.NONE, workload=job(elasticity=elasticity)))

    assert (decision.action, decision.reason) == (Action.RUN, reason)


def test_work_that_is_not_released_waits_for_its_release():
    """Without data the release still holds."""
    decision = answer(ask(0, None, FreshnessStep.NONE, workload=job(release=at(2))))

    assert (decision.action, decision.reason, decision.start) == (Action.WAIT, Reason.NOT_RELEASED, at(2))


def test_real_time_work_waits_for_its_release_too():
    """Hard work that is missing its data is not started before it exists."""
    hard = job(release=at(2), elasticity=Elasticity.HARD)

    assert answer(ask(0, None, FreshnessStep.NONE, workload=hard)).reason is Reason.NOT_RELEASED
    assert answer(ask(2, None, FreshnessStep.NONE, workload=hard)).reason is Reason.HARD_REAL_TIME


@pytest.mark.parametrize("error", [ValueError("broken"), RuntimeError("no solver")], ids=["value", "runtime"])
def test_a_failing_planner_is_missing_data(error):
    """A planner that raises strands nothing: the decision is the one for missing data and names the failure."""

    def broken(*_args, **_kwargs):
        raise error

    waiting = answer(ask(), planner=broken)
    late = answer(ask(7.0), planner=broken)

    assert (waiting.action, waiting.reason) == (Action.WAIT, Reason.NO_DATA_WAIT)
    assert str(error) in waiting.warnings[0]
    assert (late.action, late.reason) == (Action.RUN, Reason.DEADLINE)


def test_a_standing_plan_survives_a_short_outage():
    """During the grace the plan made on data stands; it is carried out when its start comes."""
    meanwhile = answer(ask(1.0, None, FreshnessStep.NONE, planned=at(1.2), planned_since=T0, no_data_since=at(0.9)))
    due = answer(ask(1.25, None, FreshnessStep.NONE, planned=at(1.2), planned_since=T0, no_data_since=at(0.9)))

    assert (meanwhile.action, meanwhile.start) == (Action.WAIT, at(1.2))
    assert (due.action, due.reason) == (Action.RUN, Reason.KEPT_PLAN)


@pytest.mark.parametrize(
    ("policy", "action"),
    [(OnNoData.PROFILE, Action.WAIT), (OnNoData.WAIT, Action.WAIT), (OnNoData.RUN, Action.RUN)],
    ids=str,
)
def test_a_standing_plan_in_a_long_outage_follows_the_policy(policy, action):
    """Beyond the grace the plan made on data that have gone still stands, unless the policy is to run."""
    question = ask(2.0, None, FreshnessStep.NONE, workload=job(on_no_data=policy), planned=at(3), no_data_since=T0)
    decision = answer(question)

    assert decision.action is action
    assert decision.start == (at(3) if action is Action.WAIT else at(2))


def test_a_yearly_value_is_no_reason_to_start_while_sources_may_come_back():
    """A flat figure in place of a failed source counts as no data for the grace; where there is no other it counts."""
    flat = hourly(*[240] * 10)
    failed = answer(ask(0, flat, FreshnessStep.STATIC, provisional=True))
    later = answer(ask(0.5, flat, FreshnessStep.STATIC, provisional=True, no_data_since=T0))
    only = answer(ask(0, flat, FreshnessStep.STATIC))

    assert (failed.action, failed.start) == (Action.WAIT, at(0.5))
    assert (later.action, later.reason) == (Action.RUN, Reason.NO_DATA)
    assert (only.action, only.reason) == (Action.RUN, Reason.FLAT)


def test_a_young_plan_is_kept_against_another_forecast():
    """Within the dwell a different plan is listed as an alternative, not followed."""
    other = hourly(50, 300, 200, 100, 100, 300, 300, 300)
    young = answer(ask(0, other, planned=at(3), planned_since=T0 - 14 * MINUTES))
    old = answer(ask(0, other, planned=at(3), planned_since=T0 - 15 * MINUTES))

    assert (young.action, young.reason, young.start) == (Action.WAIT, Reason.KEPT_PLAN, at(3))
    assert young.wake_at == T0 + MINUTES
    assert young.alternatives[0].start == T0
    assert (old.action, old.start) == (Action.RUN, T0)


def test_a_due_plan_is_not_put_off_while_it_is_young():
    """A forecast that turns at the last moment does not push a start away again and again."""
    turned = hourly(300, 300, 200, 200, 50, 300, 300, 300)
    young = answer(ask(3, turned, planned=at(3), planned_since=at(3) - 10 * MINUTES))
    old = answer(ask(3, turned, planned=at(3), planned_since=at(1)))

    assert (young.action, young.reason, young.mean) == (Action.RUN, Reason.KEPT_PLAN, 200.0)
    assert (old.action, old.start) == (Action.WAIT, at(4))


def test_a_hardly_better_plan_does_not_replace_an_old_one():
    """A change must save more than the margin, however old the plan is."""
    nearly = hourly(300, 300, 200, 100, 99.5, 300, 300, 300)
    decision = answer(ask(1, nearly, planned=at(3), planned_since=T0))

    assert (decision.start, decision.reason) == (at(3), Reason.KEPT_PLAN)


def test_the_deadline_is_not_held_back_by_the_dwell():
    """A reason that cannot wait is not overruled by a young plan."""
    decision = answer(ask(7.0, planned=at(7.2), planned_since=at(6.99)))

    assert (decision.action, decision.reason) == (Action.RUN, Reason.DEADLINE)


@pytest.mark.parametrize(
    ("cost", "action"), [(timedelta(0), Action.PAUSE), (30 * MINUTES, Action.RUN)], ids=["free", "half an hour"]
)
def test_running_work_pauses_only_when_it_pays(cost, action):
    """A pause must save more than the resume costs: half an hour at 200 is more than the saving of 50."""
    dip = hourly(250, 200, 300, 300)
    half_done = job(interruptible=True, deadline=at(4), suspend_cost=cost)
    decision = answer(ask(0, dip, workload=half_done, running=True))

    assert decision.action is action


def test_the_same_question_has_the_same_answer():
    """Answering is pure: equal questions give equal decisions, with every number equal."""
    question = ask(0.3, planned=at(3), planned_since=T0)

    assert answer(question) == answer(question)


class TestBudget:
    def test_work_waits_until_its_budget_can_pay(self):
        """Not before the grams have flowed in, then at the best time that is left; the free plan stands beside it."""
        decision = answer(ask(budget_from=at(4.5)))

        assert (decision.action, decision.reason, decision.start) == (Action.WAIT, Reason.BUDGET_EXHAUSTED, at(4.5))
        assert (decision.latest_start, decision.wake_at) == (at(7), at(4.5))
        assert decision.alternatives[0].note == "without the budget"
        assert decision.alternatives[0].start == at(3)
        assert decision.baseline("run-now").start == T0

    def test_a_budget_that_never_suffices_ends_at_the_latest_start(self):
        """A delay is bounded by the deadline, whatever the budget says."""
        decision = answer(ask(budget_from=at(500)))

        assert (decision.action, decision.start, decision.wake_at) == (Action.WAIT, at(7), at(7))
        assert decision.reason is Reason.BUDGET_EXHAUSTED

    @pytest.mark.parametrize("now", [7.0, 7.5, 9.0])
    def test_at_the_latest_start_it_runs(self, now):
        """A budget never strands work."""
        assert answer(ask(now=now, budget_from=at(500))).action is Action.RUN

    def test_it_waits_without_values_too(self):
        """A missing signal makes no budget affordable."""
        decision = answer(ask(series=None, step=FreshnessStep.NONE, budget_from=at(2)))

        assert (decision.action, decision.reason) == (Action.WAIT, Reason.BUDGET_EXHAUSTED)
        assert at(2) <= decision.start <= at(7)

    def test_an_instant_that_has_passed_is_looked_at_again_soon(self):
        """Whoever asks the budget may be late; the work is neither started nor asked about without a pause."""
        decision = answer(ask(now=3.0, budget_from=at(2)))

        assert decision.action is Action.WAIT
        assert decision.start >= at(3) + BUDGET_RECHECK

    @given(st.floats(0, 12), st.floats(0, 12))
    @settings(max_examples=60, deadline=None)
    def test_no_budget_moves_a_start_past_the_latest_one(self, now, affordable):
        """Whatever the two instants are."""
        decision = answer(ask(now=now, budget_from=at(affordable)))

        assert decision.start <= max(at(7), at(now))

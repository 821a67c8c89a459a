"""
One decision with everything it depends on, and the rules that hold around any plan.

`answer` asks a planner only when there is something to plan on. Around it stand: the deadline (work that cannot wait
any longer runs, whatever is known), the policy for missing data (invariant I5: bounded waiting), and a minimum dwell,
so that two forecasts that disagree do not push a start to and fro. It is pure: a recorded `Question` answered again
gives the same decision, bit for bit (invariant I9).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final, Protocol

from gridtide.domain.decision import Action, Alternative, Decision, FreshnessStep, Reason
from gridtide.domain.instants import to_ns
from gridtide.domain.interval import Interval
from gridtide.domain.workload import Elasticity, OnNoData
from gridtide.planning.aim import plan_by_aim
from gridtide.planning.options import PlanOptions, Risk
from gridtide.planning.spike import before_spike

if TYPE_CHECKING:
    from datetime import datetime

    from gridtide.domain.series import Series
    from gridtide.domain.workload import Workload

__all__ = ["BUDGET_RECHECK", "DWELL", "GRACE", "RULES_VERSION", "Planner", "Question", "answer", "was_planned"]

GRACE: Final = timedelta(minutes=30)
"""How long work waits for a usable signal before its policy for missing data applies."""

DWELL: Final = timedelta(minutes=15)
"""How long a plan stands before another forecast may replace it."""

BUDGET_RECHECK: Final = timedelta(minutes=1)
"""How soon work that its budget holds back is decided again at the earliest."""

RULES_VERSION: Final = "rules/1"
"""Policy version of decisions made without a plan."""

_FROM_MEMORY: Final = frozenset({FreshnessStep.PROFILE, FreshnessStep.STATIC})
_BLIND: Final = frozenset({Reason.NO_DATA, Reason.HORIZON_TOO_SHORT})
_DEFAULTS: Final = PlanOptions()
_MUST_RUN: Final = frozenset(
    {Reason.DEADLINE, Reason.DEADLINE_INFEASIBLE, Reason.HARD_REAL_TIME, Reason.SOFT_REAL_TIME}
)
_UNSHAKEN: Final = frozenset({Reason.DEADLINE, Reason.DEADLINE_INFEASIBLE, Reason.NOT_RELEASED})


class Planner(Protocol):
    """What `gridtide.planning.aim.plan_by_aim` is."""

    def __call__(
        self, workload: Workload, series: Series, *, now: datetime, method: str, options: PlanOptions
    ) -> Decision:
        """Decide for *workload* on *series* as seen at *now*."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """
    What is to be decided, and all that the decision may depend on.

    Args:
        workload: The work, or what is left of it.
        now: The instant to decide for.
        series: Values as they were read; None when there are none.
        high: Upper quantile of their forecast, where one is known and the options ask for it.
        step: Step of the freshness ladder they came from.
        step_reason: Why not a better step.
        provisional: Whether sources that failed may come back, so that a yearly value is no reason to start yet.
        method: Policy that is to choose.
        options: Its options; None takes the defaults.
        planned: Start of the plan that stands, if one does.
        planned_since: When that plan was made.
        no_data_since: Since when there has been no usable signal.
        running: Whether the work runs at the moment, so that a later start means a pause.
        budget_from: Earliest instant at which its carbon budget may pay for it; None where no budget holds it back.
        alone: Whether the planner answers without the rules around it: a plan that somebody only asks for.
        grace: See `GRACE`.
        dwell: See `DWELL`.
    """

    workload: Workload
    now: datetime
    series: Series | None = None
    high: Series | None = None
    step: FreshnessStep = FreshnessStep.NONE
    step_reason: str = ""
    provisional: bool = False
    method: str = "auto"
    options: PlanOptions | None = None
    planned: datetime | None = None
    planned_since: datetime | None = None
    no_data_since: datetime | None = None
    running: bool = False
    budget_from: datetime | None = None
    alone: bool = False
    grace: timedelta = GRACE
    dwell: timedelta = DWELL


def answer(question: Question, *, planner: Planner | None = None) -> Decision:
    """
    Decide; never raises for missing data or a failing planner, so that work is never stranded (invariant I1).

    Args:
        question: What to decide.
        planner: Stands in for `gridtide.planning.aim.plan_by_aim`.
    """
    if question.alone:
        decision = _ask(question, planner)
    else:
        decision = _decided(question, planner)
        if question.budget_from is not None:
            decision = _when_affordable(question, decision, planner, question.budget_from)
    return replace(decision, freshness=question.step, freshness_reason=question.step_reason)


def was_planned(decision: Decision) -> bool:
    """Whether *decision* stands on values, rather than on a rule for missing ones."""
    return decision.signal is not None


def _decided(question: Question, planner: Planner | None) -> Decision:
    return _planned(question, planner) if _is_usable(question) else _without_data(question, "")


def _when_affordable(question: Question, free: Decision, planner: Planner | None, affordable_at: datetime) -> Decision:
    """The best start once its budget can pay, or its latest start: a budget delays work and never strands it."""
    work, now, latest = question.workload, question.now, free.latest_start
    if free.reason in _MUST_RUN or (latest is not None and now >= latest):
        return free
    earliest = max(affordable_at, now + BUDGET_RECHECK)
    if latest is not None and earliest >= latest:
        held = _wait(question, Reason.BUDGET_EXHAUSTED, start=latest, wake_at=latest, warning="")
        return replace(
            held, baselines=free.baselines, signal=free.signal, alternatives=(_instead(free), *free.alternatives)
        )
    deadline = None if latest is None else latest + work.duration + work.reserve
    later = replace(work, release=max(earliest, work.release_at(now)), deadline=deadline, max_delay=None)
    held = _decided(replace(question, workload=later, planned=None, planned_since=None), planner)
    return replace(
        held,
        action=Action.WAIT,
        reason=Reason.BUDGET_EXHAUSTED,
        latest_start=latest,
        wake_at=held.start,
        baselines=free.baselines,
        alternatives=(_instead(free), *held.alternatives),
    )


def _instead(free: Decision) -> Alternative:
    """What would be done if the budget could pay now."""
    return Alternative(
        name=free.method,
        start=free.start,
        end=free.end,
        intervals=free.intervals,
        mean=free.mean,
        grams=free.grams,
        note="without the budget",
    )


def _is_usable(question: Question) -> bool:
    """Whether the values may be planned on: typical and static ones only where the workload's policy says so."""
    series = question.series
    if question.step is FreshnessStep.NONE or not series or int(series.ends_ns[-1]) <= to_ns(question.now):
        return False
    if question.step is FreshnessStep.STATIC and question.provisional:
        return False
    return question.step not in _FROM_MEMORY or question.workload.on_no_data is OnNoData.PROFILE


def _ask(question: Question, planner: Planner | None) -> Decision:
    assert question.series is not None  # noqa: S101 - usable, or given by who asked for the plan alone
    return (planner or plan_by_aim)(
        question.workload,
        question.series,
        now=question.now,
        method=question.method,
        options=_options(question),
    )


def _planned(question: Question, planner: Planner | None) -> Decision:
    try:
        decision = _ask(question, planner)
    except Exception as error:  # noqa: BLE001 - a planner that fails is missing data, never a stranded job
        return _without_data(question, f"the planner failed, so there is no plan: {error}"[:300])
    if decision.action is Action.RUN and decision.reason in _BLIND and (question.planned or question.running):
        return _without_data(question, "; ".join(decision.warnings))
    return _worth_a_pause(question, decision) if question.running else _steady(question, decision)


def _options(question: Question) -> PlanOptions:
    """The caller's options; a standing plan gives way only to one that is better by the options' margin."""
    options = question.options or _DEFAULTS
    if options.risk is not Risk.EXPECTED:
        options = replace(options, high=question.high)
    if question.planned is None or question.running or question.planned <= question.now:
        return options
    return replace(options, hold=question.planned)


def _without_data(question: Question, warning: str) -> Decision:
    work, now = question.workload, question.now
    latest, release = work.latest_start(now), work.release_at(now)
    give_up = (question.no_data_since or now) + question.grace
    if release > now:
        return _wait(question, Reason.NOT_RELEASED, start=release, wake_at=release, warning=warning)
    if not work.elasticity.may_wait:
        hard = work.elasticity is Elasticity.HARD
        return _run(question, Reason.HARD_REAL_TIME if hard else Reason.SOFT_REAL_TIME, warning)
    if latest is not None and now >= latest:
        return _run(question, Reason.DEADLINE, warning)
    if question.running:
        return _run(question, Reason.NO_DATA, warning)
    if question.planned is not None and (work.on_no_data is not OnNoData.RUN or now < give_up):
        return _on_the_old_plan(question, question.planned, latest, warning)
    if work.on_no_data is OnNoData.WAIT and latest is not None:
        return _wait(question, Reason.NO_DATA_WAIT, start=latest, wake_at=latest, warning=warning)
    if now >= give_up:
        return _run(question, Reason.NO_DATA, warning)
    start = give_up if latest is None else min(give_up, latest)
    return _wait(question, Reason.NO_DATA_WAIT, start=start, wake_at=start, warning=warning)


def _on_the_old_plan(question: Question, planned: datetime, latest: datetime | None, warning: str) -> Decision:
    """A plan made on data that have gone is still the best that is known, and it is bounded."""
    if planned <= question.now:
        return _run(question, Reason.KEPT_PLAN, warning)
    start = planned if latest is None else min(planned, latest)
    give_up = (question.no_data_since or question.now) + question.grace
    again = min(start, give_up) if give_up > question.now else start
    return _wait(question, Reason.NO_DATA_WAIT, start=start, wake_at=again, warning=warning)


def _steady(question: Question, fresh: Decision) -> Decision:
    """The standing plan as long as it is younger than the dwell; then the fresh one."""
    planned, since, now = question.planned, question.planned_since, question.now
    if planned is None or since is None or fresh.start == planned or fresh.reason in _UNSHAKEN:
        return fresh
    if now >= since + question.dwell or fresh.action not in {Action.RUN, Action.WAIT}:
        return fresh
    if planned <= now:
        return fresh if fresh.action is Action.RUN else _kept(question, fresh, now, Action.RUN, None)
    latest = fresh.latest_start
    if latest is not None and planned > latest:
        return fresh
    kept = _kept(question, fresh, planned, Action.WAIT, min(planned, since + question.dwell))
    options = question.options or _DEFAULTS
    assert question.series is not None  # noqa: S101 - there is a fresh plan on it
    return before_spike(kept, question.series, now=now, lead=options.spike_lead, rise=options.spike_rise)


def _kept(question: Question, fresh: Decision, start: datetime, action: Action, wake_at: datetime | None) -> Decision:
    span = Interval(start, start + question.workload.duration)
    series = question.series
    other = Alternative(
        name=fresh.method,
        start=fresh.start,
        end=fresh.end,
        intervals=fresh.intervals,
        mean=fresh.mean,
        grams=fresh.grams,
        note="the newer plan; the standing one is too young to be replaced",
    )
    return replace(
        fresh,
        action=action,
        reason=Reason.KEPT_PLAN,
        start=start,
        end=span.end,
        intervals=(span,),
        mean=series.mean(span) if series is not None and series.covers(span) else None,
        grams=None,
        wake_at=wake_at,
        alternatives=(other, *fresh.alternatives),
    )


def _worth_a_pause(question: Question, fresh: Decision) -> Decision:
    """Stay running unless the pause saves more than the resume costs."""
    if fresh.action is not Action.WAIT:
        return fresh
    go_on, left = fresh.baseline("run-now"), question.workload.duration
    resumed = left + question.workload.suspend_cost
    known = go_on is not None and go_on.mean is not None and fresh.mean is not None
    if known and fresh.mean * resumed < go_on.mean * left:  # type: ignore[union-attr, operator]  # known says so
        return replace(fresh, action=Action.PAUSE, reason=Reason.PAUSED_FOR_LOWER)
    return replace(_run(question, Reason.WAITING_DOES_NOT_HELP, ""), baselines=fresh.baselines, signal=fresh.signal)


def _run(question: Question, reason: Reason, warning: str) -> Decision:
    return _bare(question, Action.RUN, reason, start=question.now, wake_at=None, warning=warning)


def _wait(question: Question, reason: Reason, *, start: datetime, wake_at: datetime, warning: str) -> Decision:
    return _bare(question, Action.WAIT, reason, start=start, wake_at=wake_at, warning=warning)


def _bare(
    question: Question, action: Action, reason: Reason, *, start: datetime, wake_at: datetime | None, warning: str
) -> Decision:
    """Decision made without values."""
    work = question.workload
    span = Interval(start, start + work.duration)
    return Decision(
        workload_id=work.id,
        action=action,
        reason=reason,
        method=question.method,
        decided_at=question.now,
        start=start,
        end=span.end,
        intervals=(span,),
        latest_start=work.latest_start(question.now),
        wake_at=wake_at,
        zone=work.home,
        warnings=(warning,) if warning else (),
        policy_version=RULES_VERSION,
    )

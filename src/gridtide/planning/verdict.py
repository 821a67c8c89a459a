"""
From a workload and what is known to one verdict: when to start, how, and why.

The order is the order of importance: the elasticity class, then the deadline, then missing data, then the policy, and
last the wrappers that may turn a small gain down.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from gridtide.domain.decision import Reason
from gridtide.domain.instants import to_ns
from gridtide.domain.workload import Elasticity, OnNoData
from gridtide.planning import spike
from gridtide.planning.fixed import run_cost
from gridtide.planning.options import Method
from gridtide.planning.policy import Case, at, choose, one_min_bound, threshold_of

if TYPE_CHECKING:
    from gridtide.domain.workload import Workload
    from gridtide.planning.bounds import Bounds
    from gridtide.planning.choice import Choice

__all__ = ["Verdict", "judge", "resolve"]


_ASKED: Final = frozenset({Reason.RUN_NOW_ASKED, Reason.RUN_LATEST_ASKED, Reason.SAVING_TOO_SMALL})


class Verdict(NamedTuple):
    """
    What was decided, in numbers.

    Attributes:
        method: Policy that was asked; the reason says what overruled it.
        start_ns: First instant of work. [ns]
        reason: Why.
        choice: The evaluated run; None where part of it is not known.
        is_free: Whether there was anything to choose.
    """

    method: Method
    start_ns: int
    reason: Reason
    choice: Choice | None
    is_free: bool


def resolve(method: Method, workload: Workload) -> Method:
    """Policy that stands behind *method*: ``auto`` becomes a real one."""
    if method is not Method.AUTO:
        return method
    return Method.LOWEST_SLOTS if workload.interruptible else Method.LOWEST_WINDOW


def judge(method: Method, case: Case) -> Verdict:
    """Decide; never without an answer, whatever is missing."""
    bounds = case.bounds
    forced = _forced(method, case.workload, bounds)
    if forced is not None:
        start_ns = bounds.latest_ns if forced is Reason.RUN_LATEST_ASKED else None
        return _fixed(method, case, bounds.release_ns if start_ns is None else start_ns, forced)
    if not bounds.is_known(case.series) or _lacks_its_bound(method, case):
        return _blind(method, case, Reason.NO_DATA)
    choice = choose(method, case)
    if choice is None:
        return _blind(method, case, Reason.HORIZON_TOO_SHORT)
    verdict = Verdict(method, choice.start_ns, choice.reason, choice, is_free=True)
    return _worth_waiting(spike.ahead_of_spike(_held(verdict, case), case), case)


def _lacks_its_bound(method: Method, case: Case) -> bool:
    """Whether the policy compares with a value of the past that is not known."""
    if method is Method.ONE_MIN:
        return one_min_bound(case) is None
    return method in {Method.THRESHOLD, Method.SUSPEND} and threshold_of(case) is None


def _forced(method: Method, workload: Workload, bounds: Bounds) -> Reason | None:
    if workload.elasticity is Elasticity.HARD:
        return Reason.HARD_REAL_TIME
    if workload.elasticity is Elasticity.SOFT:
        return Reason.SOFT_REAL_TIME
    if bounds.late is not None:
        return bounds.late
    if method is Method.RUN_NOW:
        return Reason.RUN_NOW_ASKED
    if method is Method.RUN_LATEST and bounds.latest_ns is not None:
        return Reason.RUN_LATEST_ASKED
    return None


def _fixed(method: Method, case: Case, start_ns: int, reason: Reason) -> Verdict:
    return Verdict(method, start_ns, reason, at(case, start_ns, reason), reason in _ASKED)


def _blind(method: Method, case: Case, reason: Reason) -> Verdict:
    """Nothing to choose from: run at once, or wait up to the latest start where the workload says so."""
    bounds = case.bounds
    if case.workload.on_no_data is OnNoData.WAIT and bounds.latest_ns is not None:
        waiting = Reason.NO_DATA_WAIT if reason is Reason.NO_DATA else reason
        return _fixed(method, case, bounds.latest_ns, waiting)
    return _fixed(method, case, bounds.release_ns, reason)


def _held(verdict: Verdict, case: Case) -> Verdict:
    """Keep the plan made before unless the new one is clearly better, so that plans do not flap."""
    hold, bounds = case.options.hold, case.bounds
    if hold is None or verdict.choice is None:
        return verdict
    hold_ns = to_ns(hold)
    if not bounds.release_ns <= hold_ns <= bounds.reach_ns(case.series) or hold_ns == verdict.start_ns:
        return verdict
    held = at(case, hold_ns, Reason.KEPT_PLAN)
    if held is None or held.cost - verdict.choice.cost > case.options.hold_margin * abs(held.cost):
        return verdict
    return Verdict(verdict.method, hold_ns, Reason.KEPT_PLAN, held, is_free=True)


def _worth_waiting(verdict: Verdict, case: Case) -> Verdict:
    """Run at once where the plan saves less than the workload asks for."""
    least = case.workload.min_saving
    now_cost = run_cost(case.series, case.bounds.release_ns, case.bounds.length_ns, case.bounds.shape)
    if not least or now_cost is None or verdict.choice is None or verdict.reason is Reason.RUN_LATEST_ASKED:
        return verdict
    if verdict.start_ns == case.bounds.release_ns and len(verdict.choice.pieces) == 1:
        return verdict
    if now_cost - verdict.choice.cost >= least * abs(now_cost):
        return verdict
    return _fixed(verdict.method, case, case.bounds.release_ns, Reason.SAVING_TOO_SMALL)

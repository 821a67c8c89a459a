"""
One pure function from a workload and a series to a decision with everything needed to check it.

The same numeric cores stand behind `plan`, the simulator and the vectorised path; this module adds the record:
baselines, alternatives, warnings, times a person can read (invariants I1, I4, I5, I9, I14).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gridtide.domain.decision import Action, Alternative, Decision, Reason
from gridtide.domain.errors import InvalidInput
from gridtide.domain.instants import as_utc, from_ns
from gridtide.domain.interval import Interval
from gridtide.domain.series import Series
from gridtide.planning import verdict as verdicts
from gridtide.planning.alternatives import alternatives_to
from gridtide.planning.baselines import Baseline, baselines_of
from gridtide.planning.bounds import bounds_of
from gridtide.planning.caveats import caveats_of
from gridtide.planning.options import Method, PlanOptions
from gridtide.planning.policy import Case, threshold_of

if TYPE_CHECKING:
    from datetime import datetime

    from gridtide.domain.workload import Workload
    from gridtide.planning.verdict import Verdict

__all__ = ["POLICY_VERSION", "Method", "PlanOptions", "grams_of", "plan"]

POLICY_VERSION: Final = "2"

_DEFAULTS: Final = PlanOptions()
_OVERRULED: Final = frozenset({Reason.SAVING_TOO_SMALL, Reason.KEPT_PLAN, Reason.SPIKE_AHEAD})


def plan(
    workload: Workload,
    series: Series,
    *,
    now: datetime,
    method: Method | str = Method.AUTO,
    options: PlanOptions = _DEFAULTS,
) -> Decision:
    """
    Decide when to run *workload*, from what *series* knows at *now*.

    Hard and soft real-time work always runs at once. Nothing outside *series* is assumed: a run that touches a gap
    or reaches past the last value is never weighed, and the decision says so.

    Args:
        workload: What to run, and within which bounds.
        series: Signal of one kind for one zone; may be empty.
        now: The instant of the decision, aware.
        method: Policy; ``auto`` chooses by the workload.
        options: Thresholds, grids and margins.

    Returns:
        The decision with baselines and ranked alternatives.

    Raises:
        InvalidInput: *method* is unknown, or *options* lack what it needs.
        NaiveDatetime: *now* has no time zone.

    Example:
        >>> from datetime import UTC, datetime, timedelta
        >>> from gridtide.domain.signal import Signal, SignalKind
        >>> from gridtide.domain.workload import Workload
        >>> midnight = datetime(2026, 1, 1, tzinfo=UTC)
        >>> demo = Signal(SignalKind.AVERAGE, provider="demo", zone="X")
        >>> night = Series.steps(demo, midnight, timedelta(hours=1), [300.0, 100.0, 200.0])
        >>> decision = plan(Workload(id="etl", duration=timedelta(hours=1)), night, now=midnight)
        >>> decision.action.value, decision.start.isoformat(), decision.mean
        ('wait', '2026-01-01T01:00:00+00:00', 100.0)
    """
    asked = _method(method, options)
    bounds = bounds_of(workload, as_utc(now))
    case = Case(workload, series, bounds, options)
    verdict = verdicts.judge(verdicts.resolve(asked, workload), case)
    return _record(verdict, case)


def _method(method: Method | str, options: PlanOptions) -> Method:
    try:
        asked = Method(method)
    except ValueError:
        allowed = ", ".join(Method)
        raise InvalidInput(f"method is {str(method)[:40]!r}; allowed: {allowed}", field="method") from None
    bounded = asked in {Method.THRESHOLD, Method.SUSPEND}
    if bounded and options.threshold is None and options.percentile is None:
        raise InvalidInput(
            f"method {asked} needs a threshold or a percentile", field="threshold", hint="give one of the two"
        )
    return asked


def _record(verdict: Verdict, case: Case) -> Decision:
    workload, series, bounds, _ = case
    start_ns, choice = verdict.start_ns, verdict.choice
    pieces = choice.pieces if choice is not None else ((start_ns, start_ns + bounds.length_ns),)
    waits = start_ns > bounds.now_ns
    reason = verdict.reason
    if waits and start_ns == bounds.release_ns and reason is not Reason.DEADLINE_INFEASIBLE:
        reason = Reason.NOT_RELEASED
    wake_ns = start_ns if waits else pieces[0][1] if len(pieces) > 1 else None
    threshold = threshold_of(case)
    return Decision(
        workload_id=workload.id,
        action=Action.WAIT if waits else Action.RUN,
        reason=reason,
        method=str(verdict.method),
        decided_at=from_ns(bounds.now_ns),
        start=from_ns(start_ns),
        end=from_ns(pieces[-1][1]),
        intervals=_intervals(pieces),
        mean=None if choice is None else choice.mean,
        grams=None if choice is None else grams_of(choice.cost, workload, series),
        latest_start=None if bounds.latest_ns is None else from_ns(bounds.latest_ns),
        wake_at=None if wake_ns is None else from_ns(wake_ns),
        zone=workload.home or series.signal.zone,
        signal=series.signal if bounds.is_known(series) else None,
        threshold=threshold,
        baselines=tuple(_baseline(b, case) for b in baselines_of(series, bounds, grid_ns=case.grid_ns)),
        alternatives=_alternatives(verdict, case),
        warnings=caveats_of(verdict, case, threshold),
        policy_version=POLICY_VERSION,
    )


def _alternatives(verdict: Verdict, case: Case) -> tuple[Alternative, ...]:
    if not verdict.is_free or verdict.choice is None or not case.options.alternatives:
        return ()
    answered = None if verdict.reason in _OVERRULED else verdict.method
    return tuple(
        Alternative(
            name=option.name,
            start=from_ns(option.choice.start_ns),
            end=from_ns(option.choice.end_ns),
            intervals=_intervals(option.choice.pieces),
            mean=option.choice.mean,
            grams=grams_of(option.choice.cost, case.workload, case.series),
            zone=case.workload.home or case.series.signal.zone,
            note=option.note,
        )
        for option in alternatives_to(verdict.choice, answered, case)
    )


def _baseline(baseline: Baseline, case: Case) -> Alternative:
    name, start_ns, cost = baseline
    if start_ns is None:
        return Alternative(name=name, start=None, end=None, feasible=False, note="no run is fully known")
    pieces = ((start_ns, start_ns + case.bounds.length_ns),)
    return Alternative(
        name=name,
        start=from_ns(start_ns),
        end=from_ns(pieces[0][1]),
        intervals=_intervals(pieces),
        mean=None if cost is None else cost / case.bounds.shape.hours,
        grams=None if cost is None else grams_of(cost, case.workload, case.series),
        zone=case.workload.home or case.series.signal.zone,
        feasible=case.bounds.late is not Reason.DEADLINE_INFEASIBLE,
        note="part of this run is not known" if cost is None else "",
    )


def _intervals(pieces: tuple[tuple[int, int], ...]) -> tuple[Interval, ...]:
    return tuple(Interval(from_ns(start), from_ns(end)) for start, end in pieces)


def grams_of(cost: float, workload: Workload, series: Series) -> float | None:
    """
    Emissions of a run, or None when power is unknown or the signal is no carbon intensity. [gCO2eq]

    Args:
        cost: Integral of the signal over the run, weighted by power relative to mean power. [value x h]
        workload: For power and PUE.
        series: For the unit of the signal.
    """
    profile = workload.power_profile_w
    power_w = sum(profile) / len(profile) if profile else workload.power_w
    if power_w is None or not series.signal.is_absolute:
        return None
    return cost * power_w / 1000.0 * workload.pue

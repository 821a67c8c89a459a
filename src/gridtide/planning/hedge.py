"""
Plans that stay good when the forecast is wrong.

Two ways: move only where even a bad outcome of the later start beats running now (`gated`), or choose the start whose
bad outcome is least (`cautious`). Both take forecast quantiles; neither ever plans on the hopeful end alone.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from gridtide.domain.decision import Action, Alternative, Decision, Reason
from gridtide.domain.signal import require_comparable
from gridtide.planning.options import Method, PlanOptions
from gridtide.planning.plan import grams_of, plan
from gridtide.planning.worth import mean_over

if TYPE_CHECKING:
    from datetime import datetime

    from gridtide.domain.series import Series
    from gridtide.domain.workload import Workload

__all__ = ["cautious", "gated"]

_OPTIONS = PlanOptions()


def gated(
    workload: Workload,
    middle: Series,
    high: Series,
    *,
    now: datetime,
    margin: float = 0.0,
    method: Method | str = Method.AUTO,
    options: PlanOptions = _OPTIONS,
) -> Decision:
    """
    Plan on the middle forecast, and wait only if the upper quantile of the wait still saves more than *margin*.

    Args:
        workload: What to run.
        middle: Expected values. [signal.unit]
        high: Upper quantile of the same signal. [signal.unit]
        now: The instant of the decision.
        margin: Least share of run-now that must be saved even then. [0..1]
        method: Policy.
        options: Its options.
    """
    require_comparable(middle.signal, high.signal)
    decision = plan(workload, middle, now=now, method=method, options=options)
    at_once = decision.baseline("run-now")
    if decision.action is not Action.WAIT or at_once is None or at_once.mean is None or at_once.start is None:
        return decision
    if at_once.start > now:
        return decision
    worst = mean_over(high, decision.intervals)
    if worst is not None and worst < at_once.mean - margin * abs(at_once.mean):
        return decision
    shown = "unknown" if worst is None else f"{worst:.1f}"
    refused = Alternative(
        name=decision.method, start=decision.start, end=decision.end, intervals=decision.intervals,
        mean=decision.mean, grams=decision.grams, note=f"at the upper quantile its mean is {shown}",
    )  # fmt: skip
    return replace(
        decision,
        action=Action.RUN,
        reason=Reason.SAVING_TOO_SMALL,
        start=at_once.start,
        end=at_once.end,
        intervals=at_once.intervals,
        mean=at_once.mean,
        grams=at_once.grams,
        wake_at=None,
        alternatives=(refused, *decision.alternatives),
    )


def cautious(
    workload: Workload,
    middle: Series,
    high: Series,
    *,
    now: datetime,
    method: Method | str = Method.AUTO,
    options: PlanOptions = _OPTIONS,
) -> Decision:
    """Choose the start whose upper-quantile cost is least; the numbers shown are those of the middle forecast."""
    require_comparable(middle.signal, high.signal)
    decision = plan(workload, high, now=now, method=method, options=options)
    expected = plan(workload, middle, now=now, method=method, options=options)
    mean = mean_over(middle, decision.intervals)
    hours = sum((i.length.total_seconds() for i in decision.intervals), 0.0) / 3600
    grams = None if mean is None else grams_of(mean * hours, workload, middle)
    return replace(
        decision,
        mean=mean,
        grams=grams,
        signal=expected.signal,
        baselines=expected.baselines,
        alternatives=expected.alternatives,
    )

"""
A bound on the signal around any plan: do not start above it while something better may still come.

A window over the forecast already picks the cleanest known time. The bound matters where the forecast ends before the
latest start: then a start that is best of what is known, but above the bound, may wait for what is not known yet.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from gridtide.domain.decision import Action, Decision, Reason
from gridtide.domain.interval import Interval

if TYPE_CHECKING:
    from datetime import datetime

    from gridtide.domain.series import Series
    from gridtide.domain.workload import Workload

__all__ = ["RECHECK", "under_ceiling"]

RECHECK: Final = timedelta(minutes=30)
"""How soon a start that was put off is decided again, with newer values."""

_BEST_NOW: Final = frozenset(
    {Reason.LOWEST_NOW, Reason.FLAT, Reason.SAVING_TOO_SMALL, Reason.WAITING_DOES_NOT_HELP, Reason.HORIZON_TOO_SHORT}
)


def under_ceiling(decision: Decision, workload: Workload, series: Series, *, now: datetime, ceiling: float) -> Decision:
    """
    Put a start that is above *ceiling* off, as long as its latest start lies beyond what is known.

    Args:
        decision: What a planner chose on *series*.
        workload: The work.
        series: What is known.
        now: The instant of the decision.
        ceiling: Highest value to start at. [signal.unit]

    Returns:
        *decision* with the bound noted, or a wait until the end of what is known, never past the latest start.
    """
    noted = replace(decision, threshold=ceiling)
    latest = decision.latest_start
    if not workload.elasticity.may_wait or decision.action is not Action.RUN or latest is None:
        return noted
    if decision.reason not in _BEST_NOW or decision.mean is None or decision.mean <= ceiling or latest <= now:
        return noted
    first_unknown = series.end - workload.duration
    if first_unknown >= latest:
        return noted
    start = min(latest, max(series.end, now))
    span = Interval(start, start + workload.duration)
    return replace(
        noted,
        action=Action.WAIT,
        reason=Reason.ABOVE_THRESHOLD,
        start=span.start,
        end=span.end,
        intervals=(span,),
        mean=None,
        grams=None,
        wake_at=min(start, now + RECHECK),
    )

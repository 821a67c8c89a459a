"""What `CarbonScheduler.evaluate_workload` answers: a decision in the words of its caller."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from gridtide.domain.decision import Action, Decision, FreshnessStep, Reason
from gridtide.domain.signal import Signal

__all__ = ["CarbonDecision"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CarbonDecision:
    """
    Whether to run now, where, or how long to wait, with the numbers behind it.

    Args:
        should_execute: Whether to run now.
        recommended_region: Where, in the caller's own name for it.
        delay: How long to wait; zero to run now, and never past the latest start.
        intensity: Carbon intensity at home now; None when it is not known, which is not zero. [signal.unit]
        threshold: Bound that was used, if any. [signal.unit]
        reason: Why.
        signal: What the numbers mean; None when there are none.
        freshness: Step of the freshness ladder they came from.
        freshness_reason: Why not a better one.
        point_time: Start of the step that *intensity* holds for.
        latest_start: Last instant to start in time.
        decision: The whole record, with baselines and alternatives.
    """

    should_execute: bool
    recommended_region: str
    delay: timedelta
    intensity: float | None
    threshold: float | None
    reason: Reason
    signal: Signal | None
    freshness: FreshnessStep
    freshness_reason: str
    point_time: datetime | None
    latest_start: datetime | None
    decision: Decision

    @property
    def start(self) -> datetime:
        """When to start."""
        return self.decision.decided_at + self.delay

    @property
    def moves(self) -> bool:
        """Whether another region than home is recommended."""
        moving = {Reason.CLEANER_REGION, Reason.LOWER_COST_REGION}
        return self.decision.action is Action.ROUTE or self.decision.reason in moving

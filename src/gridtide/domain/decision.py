"""What was decided, why, and what else could have been done (invariant I9)."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from gridtide.domain.interval import Interval
    from gridtide.domain.signal import Signal

__all__ = ["Action", "Alternative", "Decision", "FreshnessStep", "Reason"]


class Action(StrEnum):
    """What to do with the work now."""

    RUN = "run"
    WAIT = "wait"
    PAUSE = "pause"
    ROUTE = "route"
    SCALE = "scale"
    THROTTLE = "throttle"
    REFUSE = "refuse"


class Reason(StrEnum):
    """Why; the same words in the command line, REST, CRD conditions and metrics."""

    LOWEST_NOW = "lowest-now"
    LOWER_LATER = "lower-later"
    FLAT = "flat"
    BELOW_THRESHOLD = "below-threshold"
    ABOVE_THRESHOLD = "above-threshold"
    SAVING_TOO_SMALL = "saving-too-small"
    WAITING_DOES_NOT_HELP = "waiting-does-not-help"
    RUN_NOW_ASKED = "run-now-asked"
    RUN_LATEST_ASKED = "run-latest-asked"
    HARD_REAL_TIME = "hard-real-time"
    SOFT_REAL_TIME = "soft-real-time"
    NOT_RELEASED = "not-released"
    DEADLINE = "deadline"
    DEADLINE_INFEASIBLE = "deadline-infeasible"
    NO_DATA = "no-data"
    NO_DATA_PROFILE = "no-data-profile"
    NO_DATA_WAIT = "no-data-wait"
    HORIZON_TOO_SHORT = "horizon-too-short"
    CLEANER_REGION = "cleaner-region"
    LOWER_COST_REGION = "lower-cost-region"
    TRANSFER_TOO_DIRTY = "transfer-too-dirty"
    RESIDENCY = "residency"
    LATENCY_BUDGET = "latency-budget"
    SPIKE_AHEAD = "spike-ahead"
    CAPACITY = "capacity"
    BUDGET_EXHAUSTED = "budget-exhausted"
    BUDGET_WARNING = "budget-warning"
    RELEASE_RAMP = "release-ramp"
    KEPT_PLAN = "kept-plan"
    PAUSED_FOR_LOWER = "paused-for-lower"
    SCALED_FOR_LOWER = "scaled-for-lower"
    LOWER_COST = "lower-cost"


class FreshnessStep(StrEnum):
    """Step of the freshness ladder that a value came from, best first."""

    LIVE = "live"
    CACHED = "cached"
    STALE = "stale"
    PROFILE = "profile"
    STATIC = "static"
    NONE = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class Alternative:
    """
    One thing that could be done instead, with its cost.

    Args:
        name: For example ``run-now``, ``run-latest``, ``lowest-window``.
        start: First instant of work, or None when it is only a level (``median``).
        end: When it is finished.
        intervals: When it runs.
        mean: Mean of the signal over the run, weighted by power; None when part of it is unknown. [signal.unit]
        grams: Emissions, when the power is known. [gCO2eq]
        zone: Where.
        feasible: Whether it keeps every bound.
        note: Why not, or what is special.
    """

    name: str
    start: datetime | None
    end: datetime | None
    intervals: tuple[Interval, ...] = ()
    mean: float | None = None
    grams: float | None = None
    zone: str = ""
    feasible: bool = True
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """
    What to do with one workload, and everything needed to check it.

    Args:
        workload_id: Of the workload.
        action: What to do now.
        reason: Why.
        method: Policy that chose.
        decided_at: The *now* it was decided for.
        start: When the work starts (now for ``run``), or None when refused.
        end: When it is finished.
        intervals: When it runs; one unless it pauses.
        mean: Mean of the signal over the intervals, weighted by power; None when unknown. [signal.unit]
        grams: Expected emissions, when the power is known. [gCO2eq]
        latest_start: Last instant at which it can start in time; None when nothing bounds it.
        wake_at: When to decide again at the latest.
        zone: Where it runs.
        signal: Labels of the values used; None when there were none.
        freshness: Step of the freshness ladder the values came from.
        freshness_reason: Why not a better step.
        threshold: Bound that was used, if any. [signal.unit]
        baselines: Named ways not to be clever: run-now, run-latest, median, worst.
        alternatives: Other plans that were weighed, best first.
        warnings: What the reader should know, one sentence each.
        policy_version: Version of the rules that decided.
    """

    workload_id: str
    action: Action
    reason: Reason
    method: str
    decided_at: datetime
    start: datetime | None
    end: datetime | None
    intervals: tuple[Interval, ...] = ()
    mean: float | None = None
    grams: float | None = None
    latest_start: datetime | None = None
    wake_at: datetime | None = None
    zone: str = ""
    signal: Signal | None = None
    freshness: FreshnessStep = FreshnessStep.LIVE
    freshness_reason: str = ""
    threshold: float | None = None
    baselines: tuple[Alternative, ...] = ()
    alternatives: tuple[Alternative, ...] = ()
    warnings: tuple[str, ...] = field(default=())
    policy_version: str = ""

    def baseline(self, name: str) -> Alternative | None:
        """Baseline of that name, or None."""
        return next((b for b in self.baselines if b.name == name), None)

    @property
    def saving(self) -> float | None:
        """
        Share of run-now's emissions that the plan avoids; negative for a loss, None when either is unknown.

        Counted in grams where they are known, else as mean times running time: a plan whose resumes take time of
        their own does not save what its mean alone would suggest.
        """
        now = self.baseline("run-now")
        if now is None or not now.mean or self.mean is None:
            return None
        if now.grams and self.grams is not None:
            return (now.grams - self.grams) / abs(now.grams)
        before, after = _hours(now.intervals), _hours(self.intervals)
        longer = after / before if before and after else 1.0
        return (now.mean - self.mean * longer) / abs(now.mean)


def _hours(intervals: tuple[Interval, ...]) -> float:
    return sum(i.length.total_seconds() for i in intervals) / 3600.0

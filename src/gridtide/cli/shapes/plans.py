"""Answers about what would be done: plan, check, throttle."""

from __future__ import annotations

from typing import Any, NotRequired, TypedDict

from gridtide.cli.shapes.values import (
    AlternativeShape,
    DecisionShape,
    FreshnessShape,
    IntervalShape,
    PlaceShape,
    PowerShape,
    SignalShape,
    StepShape,
)

__all__ = [
    "BandShape",
    "CheckShape",
    "CostShape",
    "FrontPointShape",
    "PlanShape",
    "PlannedRegionShape",
    "RiskShape",
    "ScaleBaselineShape",
    "ScaleShape",
    "StageShape",
    "ThrottleShape",
]


class BandShape(TypedDict):
    """A figure with its published range. [gCO2eq]"""

    low: float
    middle: float
    high: float


class PlannedRegionShape(TypedDict):
    """
    One region of ``gridtide plan --also``, home first.

    *grams* are of the run and, at the middle figure, of moving its data; *send_data_by* is when they have to leave.
    A region with a rule against it is not feasible, and *note* says which. *upper_mean_g_per_kwh* is there with
    ``--risk``. With ``--carbon-price``, *mean_eur_per_mwh* and *cost_eur* are those of its electricity, and
    *weighed_eur* adds the price of all its carbon, the transfer's too.
    """

    name: str
    zone: str
    chosen: bool
    start: str | None
    mean_g_per_kwh: float | None
    grams: float | None
    transfer_g: BandShape | None
    send_data_by: str | None
    feasible: bool
    note: str
    upper_mean_g_per_kwh: float | None
    mean_eur_per_mwh: float | None
    cost_eur: float | None
    weighed_eur: float | None


class FrontPointShape(TypedDict):
    """A choice that no other beats in both cost and carbon, and the lowest carbon price that leads to it."""

    eur_per_t: float
    start: str
    intervals: list[IntervalShape]
    mean_g_per_kwh: float
    mean_eur_per_mwh: float
    emissions_g: float | None
    cost_eur: float | None
    chosen: bool


class RiskShape(TypedDict):
    """
    How the forecast was taken: ``expected``, ``hedged`` or ``cautious``.

    *band* says where its upper end comes from, null where none is known or asked for; the mean is that of the plan at
    the upper end.
    """

    word: str
    band: str | None
    upper_mean_g_per_kwh: float | None
    upper_mean_percent: NotRequired[float | None]
    upper_mean_eur_per_mwh: NotRequired[float | None]


class CostShape(TypedDict):
    """What the plan costs at the price of electricity, beside running at once; costs are null without a power."""

    eur_per_t: float
    mean_eur_per_mwh: float | None
    cost_eur: float | None
    run_now_mean_eur_per_mwh: float | None
    run_now_cost_eur: float | None
    signal: SignalShape
    front: list[FrontPointShape]


class StageShape(TypedDict):
    """*level* workers for a while; the mean and the emissions are those of this while."""

    start: str
    end: str
    level: int
    mean_g_per_kwh: float | None
    mean_percent: NotRequired[float | None]
    emissions_g: float | None


class ScaleBaselineShape(TypedDict):
    """Running at once at one level; *saving_percent* is what the plan avoids against it."""

    level: int
    start: str
    end: str
    mean_g_per_kwh: float | None
    mean_percent: NotRequired[float | None]
    emissions_g: float | None
    in_time: bool
    saving_percent: float | None


class ScaleShape(TypedDict):
    """
    ``gridtide plan --scale``: *levels* over time, level 0 left out.

    *speedup* is the throughput of 1, 2, ... workers relative to one, and *speedup_source* is ``given``, ``amdahl`` or
    ``assumed linear``. No plan that keeps the rules is cheaper where *proved* holds; *gap_percent* is the largest
    possible distance from the best plan that may pause and change its level at any instant, null where not known.
    """

    min: int
    max: int
    speedup: list[float]
    speedup_source: str
    parallel: float | None
    step_s: float | None
    finish_by: str | None
    levels: list[StageShape]
    worker_hours: float
    run_now: ScaleBaselineShape
    fastest: ScaleBaselineShape
    proved: bool
    gap_percent: float | None


class PlanShape(TypedDict):
    """``gridtide plan``; *region* is the name of the chosen one of *regions*, null where only one was asked about."""

    schema: str
    now: str
    timezone: str
    place: PlaceShape
    workload: dict[str, Any]
    power: PowerShape | None
    decision: DecisionShape
    risk: RiskShape
    cost: CostShape | None
    scale: ScaleShape | None
    region: str | None
    regions: list[PlannedRegionShape]
    baselines: dict[str, AlternativeShape]
    alternatives: list[AlternativeShape]
    signal: SignalShape | None
    freshness: FreshnessShape
    warnings: list[str]


class CheckShape(TypedDict):
    """``gridtide check``."""

    schema: str
    now: str
    go: bool
    place: PlaceShape
    value: StepShape | None
    decision: DecisionShape
    signal: SignalShape | None
    freshness: FreshnessShape
    warnings: list[str]


class ThrottleShape(TypedDict):
    """
    ``gridtide throttle``: *runners* may work now.

    *clean* and *dirty* are in the unit of the signal, null where nothing is known; *bounds* says whether they were
    ``given`` or are ``quartiles`` of the values around now.
    """

    schema: str
    now: str
    place: PlaceShape
    runners: int
    most: int
    floor: int
    reason: str
    clean: float | None
    dirty: float | None
    bounds: str
    last: int | None
    changes_at: str | None
    value: StepShape | None
    signal: SignalShape | None
    freshness: FreshnessShape
    warnings: list[str]

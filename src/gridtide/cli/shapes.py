"""
The JSON shape of every answer, as types.

Mypy checks the commands against them, and the committed schemas in ``schemas/`` are generated from them.

Keys carry their unit. A value in grams per kWh is null where the signal is of another kind; then ``mean_percent`` or
``mean_eur_per_mwh`` stands beside it.
"""

from __future__ import annotations

from typing import Any, NotRequired, TypedDict

__all__ = [
    "ANSWERS",
    "AlternativeShape",
    "BandShape",
    "BudgetPeriodShape",
    "BudgetShape",
    "BudgetStateShape",
    "BudgetUseShape",
    "CheckShape",
    "CompareRow",
    "CompareShape",
    "ConfigShape",
    "CostShape",
    "DataImportShape",
    "DecisionShape",
    "DoctorShape",
    "EffectShape",
    "ErrorShape",
    "ExplainShape",
    "ForecastShape",
    "FreshnessShape",
    "FrontPointShape",
    "IntervalShape",
    "LargestDifferenceShape",
    "LearnedShape",
    "NowShape",
    "OpinionShape",
    "OutcomeShape",
    "PlaceShape",
    "PlanShape",
    "PlannedRegionShape",
    "PotentialRowShape",
    "PotentialShape",
    "PotentialThresholdsShape",
    "PowerShape",
    "ReboundShape",
    "RecordedDecisionShape",
    "RecordedRunShape",
    "RejectedShape",
    "ReproduceShape",
    "RiskShape",
    "RunShape",
    "SavingShape",
    "SettingShape",
    "SignalShape",
    "SimulateShape",
    "SimulatedSignalShape",
    "StepShape",
    "ThrottleShape",
    "TotalShape",
    "VerificationShape",
    "ZoneShape",
    "ZonesShape",
]


class IntervalShape(TypedDict):
    """Half-open span; ISO 8601 in UTC."""

    start: str
    end: str


class PlaceShape(TypedDict):
    """What was asked for and the grid zone it means."""

    asked: str
    zone: str
    name: str
    country: str
    source: str
    confidence: str
    note: str
    alternatives: list[str]


class SignalShape(TypedDict):
    """What the numbers mean."""

    kind: str
    unit: str
    scope: str
    perimeter: str
    provider: str
    zone: str
    quality: str
    issued_at: str | None
    fetched_at: str | None
    method: str
    attribution: str


class FreshnessShape(TypedDict):
    """Step of the freshness ladder the numbers came from, and why not a better one."""

    step: str
    reason: str
    age_s: float | None
    tried: list[str]


class StepShape(TypedDict):
    """One step of a series."""

    start: str
    end: str
    g_per_kwh: float | None
    percent: NotRequired[float | None]
    eur_per_mwh: NotRequired[float | None]
    quality: str


class AlternativeShape(TypedDict):
    """One thing that could be done instead, or a baseline."""

    name: str
    start: str | None
    end: str | None
    intervals: list[IntervalShape]
    mean_g_per_kwh: float | None
    mean_percent: NotRequired[float | None]
    mean_eur_per_mwh: NotRequired[float | None]
    emissions_g: float | None
    zone: str
    feasible: bool
    note: str


class DecisionShape(TypedDict):
    """What to do, why, and when to look again."""

    action: str
    reason: str
    method: str
    decided_at: str
    start: str | None
    end: str | None
    intervals: list[IntervalShape]
    mean_g_per_kwh: float | None
    mean_percent: NotRequired[float | None]
    mean_eur_per_mwh: NotRequired[float | None]
    emissions_g: float | None
    saving_percent: float | None
    saved_g: float | None
    latest_start: str | None
    wake_at: str | None
    zone: str
    threshold: float | None
    freshness: str
    freshness_reason: str
    policy_version: str


class NowShape(TypedDict):
    """``gridtide now``."""

    schema: str
    now: str
    place: PlaceShape
    value: StepShape
    lowest_ahead: StepShape | None
    signal: SignalShape
    freshness: FreshnessShape
    warnings: list[str]


class ForecastShape(TypedDict):
    """``gridtide forecast``."""

    schema: str
    now: str
    timezone: str
    place: PlaceShape
    steps: list[StepShape]
    gaps: list[IntervalShape]
    cleanest: AlternativeShape | None
    signal: SignalShape
    freshness: FreshnessShape
    warnings: list[str]


class CompareRow(TypedDict):
    """One region of ``gridtide compare``."""

    region: str
    place: PlaceShape | None
    now_g_per_kwh: float | None
    mean_g_per_kwh: float | None
    cleanest: AlternativeShape | None
    against_first_percent: float | None
    freshness: FreshnessShape | None
    problem: str | None


class CompareShape(TypedDict):
    """``gridtide compare``."""

    schema: str
    now: str
    hours: float
    best: str | None
    regions: list[CompareRow]
    signal: SignalShape | None
    warnings: list[str]


class BandShape(TypedDict):
    """A figure with its published range. [gCO2eq]"""

    low: float
    middle: float
    high: float


class PlannedRegionShape(TypedDict):
    """
    One region of ``gridtide plan --also``, home first.

    *grams* are of the run and, at the middle figure, of moving its data; *send_data_by* is when they have to leave.
    A region with a rule against it is not feasible, and *note* says which.
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


class PowerShape(TypedDict):
    """What the work draws: ``given``, or modelled from ``coefficients`` or a ``tdp``, with the model's uncertainty."""

    power_w: float
    pue: float
    source: str
    relative_error_percent: float
    note: str


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


class SavingShape(TypedDict):
    """A run beside its baseline, on the same values; negative for a loss, null where it is not known."""

    baseline: str
    mean_g_per_kwh: float | None
    mean_percent: NotRequired[float | None]
    mean_eur_per_mwh: NotRequired[float | None]
    baseline_mean_g_per_kwh: float | None
    baseline_mean_percent: NotRequired[float | None]
    baseline_mean_eur_per_mwh: NotRequired[float | None]
    saving_percent: float | None
    energy_kwh: float | None
    emissions_g: float | None
    baseline_emissions_g: float | None
    saved_g: float | None


class OutcomeShape(TypedDict):
    """How an occurrence ended, and what it saved by the forecast (planned) and by what came true (realised)."""

    ending: str
    ended_at: str
    exit_code: int | None
    original_start: str | None
    started_at: str | None
    intervals: list[IntervalShape]
    planned: SavingShape | None
    realised: SavingShape | None
    note: str


class LearnedShape(TypedDict):
    """Lengths that were planned with: the window is chosen for the typical one, the deadline has room for the safe."""

    typical_s: float
    safe_s: float
    runs: int


class BudgetUseShape(TypedDict):
    """What a run drew from its budget: ``ok``, ``warn``, ``delay`` or ``refuse``; *settled_g* once it is over."""

    name: str
    mode: str
    verdict: str
    message: str
    reserved_g: float
    settled_g: float | None
    affordable_at: str | None


class RunShape(TypedDict):
    """``gridtide run`` and ``gridtide wait``."""

    schema: str
    now: str
    id: str
    name: str
    place: PlaceShape
    workload: dict[str, Any]
    power: PowerShape | None
    learned: LearnedShape | None
    dry_run: bool
    started: bool
    forced: bool
    stopped_by: str | None
    exit_code: int
    budget: BudgetUseShape | None
    decision: DecisionShape | None
    outcome: OutcomeShape | None
    signal: SignalShape | None
    freshness: FreshnessShape | None
    warnings: list[str]


class RecordedDecisionShape(TypedDict):
    """A decision in the journal, with what it stood on and what would change it."""

    id: str
    learned: LearnedShape | None
    decision: DecisionShape
    baselines: dict[str, AlternativeShape]
    alternatives: list[AlternativeShape]
    signal: SignalShape | None
    changes: list[str]
    warnings: list[str]


class EffectShape(TypedDict):
    """Something that was done, from intent to end."""

    verb: str
    epoch: int
    state: str
    ref: str
    intended_at: str
    started_at: str | None
    ended_at: str | None
    detail: str


class RecordedRunShape(TypedDict):
    """One occurrence in the journal."""

    id: str
    name: str
    state: str
    accepted_at: str
    decisions: list[RecordedDecisionShape]
    effects: list[EffectShape]
    outcome: OutcomeShape | None


class TotalShape(TypedDict):
    """What the recorded runs saved together, of one kind of signal, on the values that came true."""

    kind: str
    scope: str
    baseline: str
    runs: int
    losses: int
    mean_saving_percent: float | None
    runs_in_grams: int
    saved_g: float | None
    baseline_emissions_g: float | None


class ExplainShape(TypedDict):
    """``gridtide explain``."""

    schema: str
    journal: str | None
    runs: list[RecordedRunShape]
    totals: list[TotalShape]
    warnings: list[str]


class ZoneShape(TypedDict):
    """One zone or region of ``gridtide zones``."""

    key: str
    name: str
    country: str
    timezone: str
    sources: dict[str, str]


class OpinionShape(TypedDict):
    """What one source says about a place; *agrees* is null when there is nothing to compare."""

    provider: str
    ours: str | None
    theirs: str | None
    agrees: bool | None
    note: str


class VerificationShape(TypedDict):
    """Where the sources were asked about, and whether they agree: ``agree``, ``disagree`` or ``unknown``."""

    latitude: float
    longitude: float
    verdict: str
    opinions: list[OpinionShape]


class ZonesShape(TypedDict):
    """``gridtide zones``: a list, or one place resolved."""

    schema: str
    zones: list[ZoneShape]
    place: PlaceShape | None
    verification: VerificationShape | None
    warnings: list[str]


class DataImportShape(TypedDict):
    """``gridtide data import``: what the file now holds."""

    schema: str
    file: str
    provider: str
    zone: str
    signal: str
    start: str
    end: str
    values: int
    attribution: str
    warnings: list[str]


class SettingShape(TypedDict):
    """One setting with its origin; secrets are masked."""

    name: str
    value: Any
    unit: str
    origin: str
    help: str
    environment: str


class ConfigShape(TypedDict):
    """``gridtide config show`` and ``check``."""

    schema: str
    files: list[str]
    settings: list[SettingShape]
    warnings: list[str]


class DoctorCheckShape(TypedDict):
    """One thing that was looked at."""

    name: str
    status: str
    detail: str
    hint: str | None


class DoctorShape(TypedDict):
    """``gridtide doctor``."""

    schema: str
    version: str
    healthy: bool
    checks: list[DoctorCheckShape]
    warnings: list[str]


class LargestDifferenceShape(TypedDict):
    """The number of a reproduced table that is furthest from the recorded one, in tolerances."""

    row: str
    column: str
    recorded_column: str
    ours: float
    recorded: float
    difference: float
    difference_pct: float | None
    tolerance: float
    tolerance_is_relative: bool
    within_tolerance: bool


class ReproduceShape(TypedDict):
    """``gridtide reproduce``: rows carry the column names of the recorded tables."""

    schema: str
    paper: str
    title: str
    rows: list[dict[str, Any]]
    notes: list[str]
    compared: int
    largest_difference: LargestDifferenceShape | None


class SimulatedSignalShape(TypedDict):
    """Values that a zone was simulated on."""

    zone: str
    provider: str
    kind: str
    scope: str
    unit: str
    method: str
    start: str
    end: str


class RejectedShape(TypedDict):
    """Rows of the work that could not be used; the first few with their place."""

    count: int
    first: list[dict[str, str]]


class SimulateShape(TypedDict):
    """``gridtide simulate``: tables with one object per row."""

    schema: str
    name: str
    start: str
    end: str
    seed: int
    belief: str
    baseline: str
    mode: str
    jobs: int
    policies: list[dict[str, Any]]
    transfer_kwh_per_gb: dict[str, float]
    summary: list[dict[str, Any]]
    by_slack: list[dict[str, Any]]
    delays: list[dict[str, Any]]
    pareto: list[dict[str, Any]]
    moves: list[dict[str, Any]]
    own_footprint: list[dict[str, Any]]
    signals: list[SimulatedSignalShape]
    rejected: RejectedShape
    attributions: list[str]
    notes: list[str]
    files: list[str]
    warnings: list[str]


class PotentialRowShape(TypedDict):
    """Jobs of one length and slack; savings against run-now."""

    duration_h: int
    slack_h: int
    jobs: int
    oracle_savings_pct: float
    planned_once_savings_pct: float | None
    expected_savings_pct: float | None
    pct_of_oracle_savings: float | None


class PotentialThresholdsShape(TypedDict):
    """What the verdict is taken from."""

    do_nothing_below_pct: float
    worth_it_from_pct: float
    duration_h: int
    slack_h: int


class PotentialShape(TypedDict):
    """``gridtide potential``: whether shifting in time is worth it in a zone."""

    schema: str
    zone: str
    provider: str
    kind: str
    scope: str
    start: str
    end: str
    mean_g_per_kwh: float
    spread_pct: float
    rows: list[PotentialRowShape]
    rank: int
    rank_of: int
    compared_with: dict[str, float]
    verdict: str
    verdict_text: str
    slack_needed_h: int | None
    guessed: bool
    thresholds: PotentialThresholdsShape
    attribution: str
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


class BudgetPeriodShape(TypedDict):
    """Settled runs of one period, newest last, with what they would have emitted at once."""

    start: str
    end: str
    runs: int
    emissions_g: float
    run_now_emissions_g: float | None
    saved_g: float | None


class ReboundShape(TypedDict):
    """The last period against the one before: whether more runs ate up what cleaner runs saved."""

    runs_change_percent: float
    per_run_change_percent: float
    emissions_change_percent: float
    is_rebound: bool


class BudgetStateShape(TypedDict):
    """One budget; *available_g* is below zero when it is overdrawn, *exhausted_at* null when the inflow keeps up."""

    name: str
    allowance_g: float
    period_s: float
    mode: str
    carry_over_percent: float
    warn_at_percent: float
    available_g: float
    reserved_g: float
    spent_g: float
    runs: int
    exhausted_at: str | None
    periods: list[BudgetPeriodShape]
    rebound: ReboundShape | None


class BudgetShape(TypedDict):
    """``gridtide budget`` and its subcommands."""

    schema: str
    now: str
    file: str
    budgets: list[BudgetStateShape]
    warnings: list[str]


class ErrorBody(TypedDict):
    """What went wrong and what to do about it."""

    code: str
    message: str
    hint: str | None
    field: str | None
    retryable: bool
    retry_after_s: float | None
    exit_code: int
    facts: dict[str, str]


class ErrorShape(TypedDict):
    """Any command that fails."""

    schema: str
    error: ErrorBody


ANSWERS: dict[str, type] = {
    "now": NowShape,
    "forecast": ForecastShape,
    "compare": CompareShape,
    "plan": PlanShape,
    "check": CheckShape,
    "run": RunShape,
    "wait": RunShape,
    "explain": ExplainShape,
    "budget": BudgetShape,
    "throttle": ThrottleShape,
    "zones": ZonesShape,
    "config": ConfigShape,
    "data": DataImportShape,
    "doctor": DoctorShape,
    "reproduce": ReproduceShape,
    "potential": PotentialShape,
    "simulate": SimulateShape,
    "error": ErrorShape,
}
"""Shape of each schema id ``gridtide.<name>/1``."""

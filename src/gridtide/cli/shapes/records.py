"""Answers about what was done: run, wait, explain, budgets."""

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
)

__all__ = [
    "BudgetPeriodShape",
    "BudgetShape",
    "BudgetStateShape",
    "BudgetUseShape",
    "EffectShape",
    "ExplainShape",
    "LearnedShape",
    "OutcomeShape",
    "ReboundShape",
    "RecordedDecisionShape",
    "RecordedRunShape",
    "RunShape",
    "SavingShape",
    "TotalShape",
]


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

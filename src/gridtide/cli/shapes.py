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
    "CheckShape",
    "CompareRow",
    "CompareShape",
    "ConfigShape",
    "DecisionShape",
    "DoctorShape",
    "ErrorShape",
    "ForecastShape",
    "FreshnessShape",
    "IntervalShape",
    "NowShape",
    "PlaceShape",
    "PlanShape",
    "SettingShape",
    "SignalShape",
    "StepShape",
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


class PlanShape(TypedDict):
    """``gridtide plan``."""

    schema: str
    now: str
    timezone: str
    place: PlaceShape
    workload: dict[str, Any]
    decision: DecisionShape
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


class ZoneShape(TypedDict):
    """One zone or region of ``gridtide zones``."""

    key: str
    name: str
    country: str
    timezone: str
    sources: dict[str, str]


class ZonesShape(TypedDict):
    """``gridtide zones``: a list, or one place resolved."""

    schema: str
    zones: list[ZoneShape]
    place: PlaceShape | None
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
    "zones": ZonesShape,
    "config": ConfigShape,
    "doctor": DoctorShape,
    "error": ErrorShape,
}
"""Shape of each schema id ``gridtide.<name>/1``."""

"""What several answers hold: places, signals, freshness, steps, decisions, power."""

from __future__ import annotations

from typing import NotRequired, TypedDict

__all__ = [
    "AlternativeShape",
    "DecisionShape",
    "FreshnessShape",
    "IntervalShape",
    "PlaceShape",
    "PowerShape",
    "SignalShape",
    "StepShape",
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


class PowerShape(TypedDict):
    """What the work draws: ``given``, or modelled from ``coefficients`` or a ``tdp``, with the model's uncertainty."""

    power_w: float
    pue: float
    source: str
    relative_error_percent: float
    note: str

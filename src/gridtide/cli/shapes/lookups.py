"""Answers about the grid: now, ahead, side by side, zones, imported history."""

from __future__ import annotations

from typing import TypedDict

from gridtide.cli.shapes.values import (
    AlternativeShape,
    FreshnessShape,
    IntervalShape,
    PlaceShape,
    SignalShape,
    StepShape,
)

__all__ = [
    "CompareRow",
    "CompareShape",
    "DataImportShape",
    "ForecastShape",
    "NowShape",
    "OpinionShape",
    "VerificationShape",
    "ZoneShape",
    "ZonesShape",
]


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

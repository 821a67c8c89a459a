"""Answers about many jobs at once: fleet."""

from __future__ import annotations

from typing import TypedDict

from gridtide.cli.shapes.backtests import RejectedShape
from gridtide.cli.shapes.values import FreshnessShape, IntervalShape, PlaceShape, SignalShape

__all__ = ["FleetJobShape", "FleetRegionShape", "FleetShape"]


class FleetJobShape(TypedDict):
    """
    One job of ``gridtide fleet``.

    *region*, *start*, *end*, *grams* and *transfer_g* are null where it has no place, and then *why* says so.
    *run_now_g* is null where the hours of the baseline are not all known; *saved_g* is below zero where the plan emits
    more.
    """

    id: str
    home: str
    region: str | None
    start: str | None
    end: str | None
    intervals: list[IntervalShape]
    power_w: float
    energy_kwh: float
    grams: float | None
    run_now_g: float | None
    saved_g: float | None
    transfer_g: float | None
    why: str


class FleetRegionShape(TypedDict):
    """One region: its bounds, null where it has none, what runs there, and how much of the time is known."""

    name: str
    place: PlaceShape
    capacity_kw: float | None
    quota_kwh: float | None
    jobs: int
    energy_kwh: float
    peak_kw: float
    grams: float
    known_steps: int
    freshness: FreshnessShape
    problem: str | None


class FleetShape(TypedDict):
    """
    ``gridtide fleet``: *placed* of *count* jobs have a place.

    *grams* are of these; *run_now_g*, *saved_g* and *saving_percent* of the *compared* ones, whose *baseline* is known.
    *planned_g* counts each job in whole steps, and no plan that leaves out the same jobs has less than *bound_g* of
    that; *gap_percent* is null where the bound is zero or less.
    """

    schema: str
    now: str
    step_s: float
    steps: int
    method: str
    baseline: str
    count: int
    placed: int
    compared: int
    grams: float
    run_now_g: float
    saved_g: float
    saving_percent: float | None
    transfer_g: float
    transfer_kwh_per_gb: float
    planned_g: float
    bound_g: float
    gap_percent: float | None
    regions: list[FleetRegionShape]
    jobs: list[FleetJobShape]
    rejected: RejectedShape
    signal: SignalShape
    file: str | None
    warnings: list[str]

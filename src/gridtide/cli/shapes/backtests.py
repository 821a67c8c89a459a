"""Answers about the past: reproduced papers, simulations, the potential of a zone."""

from __future__ import annotations

from typing import Any, TypedDict

__all__ = [
    "LargestDifferenceShape",
    "PotentialRowShape",
    "PotentialShape",
    "PotentialThresholdsShape",
    "RejectedShape",
    "ReproduceShape",
    "SimulateShape",
    "SimulatedSignalShape",
]


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
    by_class: list[dict[str, Any]]
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

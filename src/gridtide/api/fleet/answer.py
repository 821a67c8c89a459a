"""What a fleet's plan says: every job, every zone, and the whole beside run-now at home."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from gridtide.domain.instants import to_ns

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from gridtide.api.fleet.slots import Slots
    from gridtide.domain.interval import Interval
    from gridtide.domain.signal import Signal

__all__ = ["BASELINE", "FleetAnswer", "PlannedJob", "ZoneUse", "peak_kw"]

BASELINE: Final = "run-now"
"""Every job starts at home when it is released, capacity not counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedJob:
    """
    One job.

    Attributes:
        id: Its name.
        home: Zone that it comes from.
        zone: Where it runs; None without a place.
        runs: When, in order; several where it pauses, none without a place.
        power_w: While running. [W]
        energy_kwh: Of the whole job. [kWh]
        grams: Run and transfer; None without a place. [gCO2eq]
        run_now_g: Of the baseline; None where its hours are not all known. [gCO2eq]
        transfer_g: Part of *grams* that moving its data emits; None without a place. [gCO2eq]
        why: Why it has no place; empty where it has one.
    """

    id: str
    home: str
    zone: str | None
    runs: tuple[Interval, ...]
    power_w: float
    energy_kwh: float
    grams: float | None
    run_now_g: float | None
    transfer_g: float | None
    why: str = ""

    @property
    def saved_g(self) -> float | None:
        """What the plan emits less than the baseline, below zero where it emits more. [gCO2eq]"""
        return None if self.grams is None or self.run_now_g is None else self.run_now_g - self.grams


@dataclass(frozen=True, slots=True, kw_only=True)
class ZoneUse:
    """
    What runs in a zone.

    Attributes:
        name: Of the zone.
        jobs: How many.
        energy_kwh: Of them all. [kWh]
        peak_kw: Most power at any time. [kW]
        grams: Of them all, moves to the zone included. [gCO2eq]
        known_slots: Slots of the plan in which its values are known.
    """

    name: str
    jobs: int
    energy_kwh: float
    peak_kw: float
    grams: float
    known_slots: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetAnswer:
    """
    The plan of a fleet.

    Attributes:
        slots: Steps it is made in.
        jobs: Every job, by release.
        zones: Every zone, as given.
        planned_g: Emissions as the planner counts them, each job in whole steps. [gCO2eq]
        bound_g: No plan that leaves out the same jobs has fewer of those. [gCO2eq]
        method: Which way of planning answered.
        signal: What the values mean.
        kwh_per_gb: Energy of a moved gigabyte that was counted. [kWh/GB]
    """

    slots: Slots
    jobs: tuple[PlannedJob, ...]
    zones: tuple[ZoneUse, ...]
    planned_g: float
    bound_g: float
    method: str
    signal: Signal
    kwh_per_gb: float

    @property
    def placed(self) -> tuple[PlannedJob, ...]:
        """Jobs with a place."""
        return tuple(job for job in self.jobs if job.zone is not None)

    @property
    def unplaced(self) -> tuple[PlannedJob, ...]:
        """Jobs without one, each with why."""
        return tuple(job for job in self.jobs if job.zone is None)

    @property
    def compared(self) -> tuple[PlannedJob, ...]:
        """Jobs with a place whose baseline is known."""
        return tuple(job for job in self.jobs if job.saved_g is not None)

    @property
    def grams(self) -> float:
        """Emissions of all jobs with a place. [gCO2eq]"""
        return _sum(job.grams for job in self.jobs)

    @property
    def transfer_g(self) -> float:
        """Part of *grams* that moving data emits. [gCO2eq]"""
        return _sum(job.transfer_g for job in self.jobs)

    @property
    def run_now_g(self) -> float:
        """Emissions of the baseline of *compared*. [gCO2eq]"""
        return _sum(job.run_now_g for job in self.compared)

    @property
    def saved_g(self) -> float:
        """What *compared* emit less than their baseline. [gCO2eq]"""
        return _sum(job.saved_g for job in self.compared)

    @property
    def saving(self) -> float | None:
        """The same as a share of the baseline; None where that is nothing."""
        return self.saved_g / self.run_now_g if self.run_now_g > 0 else None

    @property
    def gap(self) -> float | None:
        """How far *planned_g* can be above the best, as a share of the bound; None where the bound is nothing."""
        above_g = max(0.0, self.planned_g - self.bound_g)
        if above_g == 0.0:
            return 0.0
        return above_g / self.bound_g if self.bound_g > 0 else None


def peak_kw(jobs: Iterable[PlannedJob]) -> float:
    """Most power of *jobs* at any time; a run that ends makes room for one that starts then. [kW]"""
    changes = sorted(change for job in jobs for run in job.runs for change in _changes(run, job.power_w))
    used_w = most_w = 0.0
    for _, power_w in changes:
        used_w += power_w
        most_w = max(most_w, used_w)
    return most_w / 1000.0


def _changes(run: Interval, power_w: float) -> Sequence[tuple[int, float]]:
    return ((to_ns(run.start), power_w), (to_ns(run.end), -power_w))


def _sum(grams: Iterable[float | None]) -> float:
    return float(sum(value for value in grams if value is not None))

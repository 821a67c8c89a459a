"""A joint plan: where and when every job runs, what it emits, and how far from the optimum it can be at most."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from gridtide.planning.fleet.room import power_used

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from gridtide.planning.fleet.problem import FleetProblem

__all__ = ["FleetPlan", "Placement", "violations"]

_ROUNDING = 1e-6


@dataclass(slots=True)
class Placement:
    """
    Region and slots of every job.

    Attributes:
        region: -1 for a job without a place, shape (n_jobs,).
        slots: Slots of each job, ascending; empty without a place.
    """

    region: NDArray[np.int64]
    slots: list[NDArray[np.int64]]

    def copy(self) -> Placement:
        """Copy that can change on its own; slot arrays are never written to."""
        return Placement(self.region.copy(), list(self.slots))

    def grams(self, problem: FleetProblem) -> NDArray[np.float64]:
        """Emissions of each job, transfer included, zero without a place, shape (n_jobs,). [gCO2eq]"""
        lengths = np.array([s.size for s in self.slots], dtype=np.int64)
        job = np.repeat(np.arange(self.region.size), lengths)
        slot = np.concatenate([np.empty(0, np.int64), *self.slots])
        running = np.bincount(job, problem.values[self.region[job], slot], minlength=self.region.size)
        placed = self.region >= 0
        moved = problem.jobs.transfer_g[np.flatnonzero(placed), self.region[placed]]
        grams = running * problem.slot_kwh
        grams[placed] += moved
        return np.asarray(grams)


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetPlan:
    """
    What was planned.

    Attributes:
        placement: Where and when.
        grams: Emissions of all placed jobs. [gCO2eq]
        objective_g: *grams* plus what unplaced jobs count. [gCO2eq]
        bound_g: No placement has a lower objective. [gCO2eq]
        unplaced: Jobs for which the limits leave no room.
        reasons: Why each of *unplaced* has no place.
        method: Which planner answered.
    """

    placement: Placement
    grams: float
    objective_g: float
    bound_g: float
    unplaced: tuple[int, ...]
    reasons: tuple[str, ...]
    method: str

    @property
    def gap(self) -> float:
        """Largest possible distance of the objective from the optimum, as a share of the bound; infinite above zero."""
        above_g = self.objective_g - self.bound_g
        if above_g <= 0.0:
            return 0.0
        return above_g / abs(self.bound_g) if self.bound_g else float("inf")


def violations(problem: FleetProblem, placement: Placement) -> list[str]:
    """Every rule that *placement* breaks, in words; empty for a valid one."""
    size = problem.jobs.size
    if placement.region.shape != (size,) or len(placement.slots) != size:
        return [f"the placement is of {len(placement.slots)} jobs, the problem of {size}"]
    broken = [f"job {job} {fault}" for job in range(size) for fault in _faults_of_job(problem, placement, job)]
    if not _inside(problem, placement):
        return broken
    _, covers, quota_covers = problem.kinds()
    used = power_used(problem, placement)
    for limit, counted in zip(problem.limits, covers, strict=True):
        load = used[counted].sum(axis=0)
        broken += [
            f"limit {limit.name} holds {limit.kw[slot]:g} kW, slot {slot} uses {load[slot]:g}"
            for slot in np.flatnonzero(load > limit.kw * (1 + _ROUNDING) + _ROUNDING)
        ]
    for quota, counted in zip(problem.quotas, quota_covers, strict=True):
        kwh = float(used[counted].sum()) * problem.slot_hours
        if kwh > quota.kwh * (1 + _ROUNDING) + _ROUNDING:
            broken.append(f"quota {quota.name} holds {quota.kwh:g} kWh, {kwh:g} are used")
    return broken


def _inside(problem: FleetProblem, placement: Placement) -> bool:
    """Whether all regions and slots are ones of the problem, so that loads can be added up."""
    slots = np.concatenate([np.empty(0, np.int64), *placement.slots])
    there = bool(((slots >= 0) & (slots < problem.n_slots)).all())
    return there and bool((placement.region < problem.n_regions).all())


def _faults_of_job(problem: FleetProblem, placement: Placement, job: int) -> Iterator[str]:
    jobs, region, slots = problem.jobs, int(placement.region[job]), placement.slots[job]
    if region < 0:
        if slots.size:
            yield f"runs nowhere but at {slots.tolist()}"
        return
    if slots.size != jobs.length[job] or np.unique(slots).size != slots.size:
        yield f"runs {slots.size} slots, needs {jobs.length[job]}"
        return
    if slots.min() < jobs.release[job] or slots.max() >= jobs.deadline[job]:
        yield "leaves its window"
    if jobs.contiguous[job] and slots.max() - slots.min() + 1 != slots.size:
        yield "pauses"
    if region >= problem.n_regions or not np.isfinite(jobs.transfer_g[job, region]):
        yield f"may not run in region {region}"

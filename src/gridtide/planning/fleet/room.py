"""Where a job has room, alone or beside others, and in words why it has none."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from gridtide.planning.fleet.plan import Placement
    from gridtide.planning.fleet.problem import FleetProblem

__all__ = ["Room", "fits_alone", "power_used", "why_unplaced"]

_FULL: Final = 1e-9
_MOST_REGIONS_NAMED: Final = 3


class Room:
    """
    What limits and quotas of a problem still hold.

    Args:
        problem: Whose.
        used: Power of the jobs that have a place, as from `power_used`; zero when left out. [kW]
    """

    def __init__(self, problem: FleetProblem, used: NDArray[np.float64] | None = None) -> None:
        self._problem = problem
        self._kind, self._covers, self._quota_covers = problem.kinds()
        self._kw, self._kwh = problem.held()
        if used is not None:
            self._kw = self._kw - np.einsum("lkr,krt->lt", self._covers, used)
            self._kwh = self._kwh - np.einsum("qkr,krt->q", self._quota_covers, used) * problem.slot_hours

    def has(self, job: int) -> bool:
        """Whether some region has room for *job*."""
        jobs = self._problem.jobs
        return any(self._fits(job, int(region)) for region in np.flatnonzero(np.isfinite(jobs.transfer_g[job])))

    def obstacles(self, job: int) -> str:
        """What stands in the way of *job*, region by region."""
        regions = np.flatnonzero(np.isfinite(self._problem.jobs.transfer_g[job])).tolist()
        named = [f"{self._problem.region_name(r)}: {self._obstacle(job, r)}" for r in regions[:_MOST_REGIONS_NAMED]]
        more = len(regions) - len(named)
        return "; ".join([*named, f"and {more} more"] if more > 0 else named)

    def _free(self, job: int, region: int) -> NDArray[np.bool_]:
        """Slots of the window in which every limit has room, shape (width,)."""
        jobs = self._problem.jobs
        window = slice(int(jobs.release[job]), int(jobs.deadline[job]))
        counted = self._covers[:, self._kind[job], region]
        return np.asarray((self._kw[counted, window] >= jobs.power_kw[job] - _FULL).all(axis=0))

    def _needs_kwh(self, job: int) -> float:
        return float(self._problem.slot_kwh[job] * self._problem.jobs.length[job])

    def _scarce_quotas(self, job: int, region: int) -> NDArray[np.int64]:
        short = self._needs_kwh(job) > self._kwh * (1 + _FULL) + _FULL
        return np.flatnonzero(self._quota_covers[:, self._kind[job], region] & short)

    def _fits(self, job: int, region: int) -> bool:
        jobs = self._problem.jobs
        if self._scarce_quotas(job, region).size:
            return False
        free = self._free(job, region)
        found = _longest_run(free) if jobs.contiguous[job] else int(free.sum())
        return bool(found >= jobs.length[job])

    def _obstacle(self, job: int, region: int) -> str:
        problem, jobs = self._problem, self._problem.jobs
        scarce = self._scarce_quotas(job, region)
        if scarce.size:
            left = max(float(self._kwh[scarce[0]]), 0.0)
            return f"quota {problem.quotas[scarce[0]].name} has {left:g} of {self._needs_kwh(job):g} kWh"
        free, length, power = self._free(job, region), int(jobs.length[job]), float(jobs.power_kw[job])
        if free.sum() >= length:
            return f"{power:g} kW are free in {_longest_run(free)} slots in a row, {length} are needed"
        window = slice(int(jobs.release[job]), int(jobs.deadline[job]))
        for k in np.flatnonzero(self._covers[:, self._kind[job], region]).tolist():
            within = int((self._kw[k, window] >= power - _FULL).sum())
            if within < length:
                return f"limit {problem.limits[k].name} has {power:g} kW in {within} slots, {length} are needed"
        return f"limits together leave {power:g} kW in {int(free.sum())} slots, {length} are needed"


def fits_alone(problem: FleetProblem) -> NDArray[np.bool_]:
    """Whether each job would have a place if there were no other, shape (n_jobs,)."""
    jobs = problem.jobs
    kw, kwh = problem.held()
    fits = jobs.power_kw <= kw.min(initial=np.inf)
    fits &= problem.slot_kwh * jobs.length <= kwh.min(initial=np.inf)
    if not fits.all():
        room = Room(problem)
        for job in np.flatnonzero(~fits).tolist():
            fits[job] = room.has(job)
    return np.asarray(fits, dtype=np.bool_)


def power_used(problem: FleetProblem, placement: Placement) -> NDArray[np.float64]:
    """Power drawn by each kind of job, shape (n_kinds, n_regions, n_slots). [kW]"""
    kind, covers, _ = problem.kinds()
    used = np.zeros((covers.shape[1], problem.n_regions, problem.n_slots))
    for job, slots in enumerate(placement.slots):
        if slots.size:
            used[kind[job], placement.region[job], slots] += problem.jobs.power_kw[job]
    return used


def why_unplaced(problem: FleetProblem, placement: Placement) -> Iterator[str]:
    """One sentence for each job without a place, in their order."""
    without = np.flatnonzero(placement.region < 0).tolist()
    if not without:
        return
    alone, beside = Room(problem), Room(problem, power_used(problem, placement))
    for job in without:
        if alone.has(job):
            yield f"no room beside the other jobs: {beside.obstacles(job)}"
        else:
            yield f"fits nowhere, even alone: {alone.obstacles(job)}"


def _longest_run(free: NDArray[np.bool_]) -> int:
    edges = np.flatnonzero(np.diff(np.concatenate(([False], free, [False])).astype(np.int8)))
    return int((edges[1::2] - edges[::2]).max(initial=0))

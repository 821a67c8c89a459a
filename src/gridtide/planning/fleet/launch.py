"""
Starts of a joint plan to the nanosecond, so that a green hour is no stampede.

In a plan all jobs of a slot start on its edge. Here each moves later by a part of a window that its name gives, and at
most so many start in a second (`gridtide.planning.release`). A job that moves runs on into the slot after each of its
runs, so it moves only where that slot is in its window and its power is free there, counted in full: limits hold at
every instant, as they did in the plan.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from gridtide.domain.errors import InvalidInput
from gridtide.domain.units import NS_PER_HOUR
from gridtide.planning.fleet.room import power_used
from gridtide.planning.release import jittered, ramped

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from gridtide.planning.fleet.plan import Placement
    from gridtide.planning.fleet.problem import FleetProblem

__all__ = ["Launch", "spread_starts"]

_FULL = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class Launch:
    """
    When jobs really start.

    Attributes:
        jobs: Jobs with a place, shape (n_placed,).
        start_ns: First start of each of them; pauses move along, shape (n_placed,). [ns]
        delay_ns: After the edge of its slot, below one slot, shape (n_placed,). [ns]
        free: Whether each could move at all, shape (n_placed,).
        extra_g: What moving adds to the grams of the plan; below zero where later is cleaner. [gCO2eq]
    """

    jobs: NDArray[np.int64]
    start_ns: NDArray[np.int64]
    delay_ns: NDArray[np.int64]
    free: NDArray[np.bool_]
    extra_g: float


def spread_starts(
    problem: FleetProblem,
    placement: Placement,
    *,
    names: Sequence[str],
    first_ns: int,
    window_ns: int = 0,
    per_second: float | None = None,
) -> Launch:
    """
    Spread the starts of each slot.

    Args:
        problem: That was planned.
        placement: A valid one.
        names: Of the jobs; the same name gets the same part of the window again.
        first_ns: Start of the first slot. [ns]
        window_ns: Over how long to spread starts; at most a slot counts. [ns]
        per_second: Most starts in a second; None for any. Kept by all jobs that can move. [1/s]

    Raises:
        InvalidInput: There are more or fewer names than jobs, or the window or rate is none.
    """
    if len(names) != problem.jobs.size:
        raise InvalidInput(f"{len(names)} names for {problem.jobs.size} jobs", field="names")
    slot_ns = round(problem.slot_hours * NS_PER_HOUR)
    jobs = np.flatnonzero(placement.region >= 0)
    edge_ns = first_ns + slot_ns * np.array([placement.slots[job][0] for job in jobs], dtype=np.int64)
    free, slope_g = _followed(problem, placement, jobs)
    latest_ns = (edge_ns + np.where(free, slot_ns - 1, 0)).tolist()
    starts = [
        jittered(names[job], edge, latest, window_ns)
        for job, edge, latest in zip(jobs.tolist(), edge_ns.tolist(), latest_ns, strict=True)
    ]
    if per_second is not None:
        starts = ramped(starts, latest_ns, per_second=per_second)
    start_ns = np.array(starts, dtype=np.int64)
    delay_ns = start_ns - edge_ns
    extra_g = float((slope_g * delay_ns / slot_ns).sum())
    return Launch(jobs=jobs, start_ns=start_ns, delay_ns=delay_ns, free=free, extra_g=extra_g)


def _followed(
    problem: FleetProblem, placement: Placement, jobs: NDArray[np.int64]
) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    """Whether the slot after each run of a job takes it too, and what moving by one slot would add. [gCO2eq]"""
    kind, covers, _ = problem.kinds()
    left_kw = problem.held()[0] - np.einsum("lkr,krt->lt", covers, power_used(problem, placement))
    free, slope_g = np.zeros(jobs.size, dtype=np.bool_), np.zeros(jobs.size)
    power, deadline, slot_kwh = problem.jobs.power_kw, problem.jobs.deadline, problem.slot_kwh
    for k, job in enumerate(jobs.tolist()):
        slots, region = placement.slots[job], int(placement.region[job])
        after = slots[np.diff(slots, append=problem.n_slots + 1) > 1] + 1
        if after[-1] >= deadline[job]:
            continue
        counted = np.ix_(np.flatnonzero(covers[:, kind[job], region]), after)
        if (left_kw[counted] < power[job] - _FULL).any():
            continue
        left_kw[counted] -= power[job]
        first = slots[np.diff(slots, prepend=-2) > 1]
        free[k] = True
        slope_g[k] = slot_kwh[job] * (problem.values[region, after].sum() - problem.values[region, first].sum())
    return free, slope_g

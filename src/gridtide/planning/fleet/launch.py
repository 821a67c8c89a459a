"""
Starts of a joint plan to the nanosecond, so that a green hour is no stampede.

In a plan every run, a stretch of slots without a pause, starts on the edge of a slot. Here each moves later by a part
of a window that its name gives, and at most so many start in a second (`gridtide.planning.release`). A run that moves
also ends later, in a slot that may be full: there it may stay where power is free, or where a run that would start can
wait for it. Which runs can move is decided from the last slot back, when they start from the first slot on, so limits
hold at every instant and no run leaves its job's window.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

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
    When runs really start, by job, then time; shape (n_runs,) each.

    Attributes:
        job: Whose run.
        slots: How many slots it lasts.
        start_ns: Its start. [ns]
        delay_ns: Since the edge of its slot, below one slot. [ns]
        free: Whether it could move at all.
        extra_g: What moving adds to the grams of the plan; below zero where later is cleaner. [gCO2eq]
    """

    job: NDArray[np.int64]
    slots: NDArray[np.int64]
    start_ns: NDArray[np.int64]
    delay_ns: NDArray[np.int64]
    free: NDArray[np.bool_]
    extra_g: float


class _Runs(NamedTuple):
    """Stretches without a pause: job, region, first slot, and the slot after the last; limits that count each."""

    job: NDArray[np.int64]
    region: NDArray[np.int64]
    first: NDArray[np.int64]
    end: NDArray[np.int64]
    counted: list[NDArray[np.int64]]
    power: list[float]


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
        per_second: Most starts in a second, None for any; a run that has to wait for power, or cannot wait, may break
            it. [1/s]

    Raises:
        InvalidInput: There are more or fewer names than jobs, or the window or rate is none.
    """
    if len(names) != problem.jobs.size:
        raise InvalidInput(f"{len(names)} names for {problem.jobs.size} jobs", field="names")
    slot_ns = round(problem.slot_hours * NS_PER_HOUR)
    runs = _runs(problem, placement)
    left_kw = problem.held()[0] - np.einsum("lkr,krt->lt", problem.kinds()[1], power_used(problem, placement))
    free = _free(problem, runs, left_kw.copy())
    edge_ns = first_ns + slot_ns * runs.first
    latest_ns = (edge_ns + np.where(free, slot_ns - 1, 0)).tolist()
    wanted = [
        jittered(f"{names[job]} {slot}", edge, latest, window_ns)
        for job, slot, edge, latest in zip(
            runs.job.tolist(), runs.first.tolist(), edge_ns.tolist(), latest_ns, strict=True
        )
    ]
    if per_second is not None:
        wanted = ramped(wanted, latest_ns, per_second=per_second)
    delay_ns = _when_power_is_free(runs, left_kw, free, np.array(wanted, dtype=np.int64) - edge_ns)
    # A run that is late costs the part of the slot after it, and saves the same part of its first.
    moved = np.flatnonzero(delay_ns)
    values = problem.values[runs.region[moved], runs.end[moved]] - problem.values[runs.region[moved], runs.first[moved]]
    extra_g = float((problem.slot_kwh[runs.job[moved]] * values * (delay_ns[moved] / slot_ns)).sum())
    return Launch(
        job=runs.job, slots=runs.end - runs.first, start_ns=edge_ns + delay_ns, delay_ns=delay_ns, free=free,
        extra_g=extra_g,
    )  # fmt: skip


def _runs(problem: FleetProblem, placement: Placement) -> _Runs:
    job = np.repeat(np.arange(len(placement.slots)), [slots.size for slots in placement.slots])
    slot = np.concatenate([np.empty(0, np.int64), *placement.slots])
    new = np.flatnonzero((np.diff(job, prepend=-1) != 0) | (np.diff(slot, prepend=-2) != 1))
    last = np.append(new[1:], slot.size) - 1
    job, first, end = job[new], slot[new], slot[last] + 1 if slot.size else slot
    region = placement.region[job]
    kind, covers, _ = problem.kinds()
    counted = [np.flatnonzero(covers[:, kind[j], r]) for j, r in zip(job.tolist(), region.tolist(), strict=True)]
    return _Runs(job, region, first, end, counted, problem.jobs.power_kw[job].tolist())


def _free(problem: FleetProblem, runs: _Runs, spare_kw: NDArray[np.float64]) -> NDArray[np.bool_]:
    """
    Which runs may be late, decided from the last end back.

    Args:
        problem: For the windows of jobs.
        runs: All of them.
        spare_kw: Power for late runs in each slot, changed in place: what is left at first, and more for each run
            that could start later there. [kW]
    """
    free = np.zeros(runs.job.size, dtype=np.bool_)
    for k in np.argsort(-runs.end, kind="stable").tolist():
        counted, end, power = runs.counted[k], int(runs.end[k]), runs.power[k]
        if end < problem.jobs.deadline[runs.job[k]] and (spare_kw[counted, end] >= power - _FULL).all():
            free[k] = True
            spare_kw[counted, end] -= power
            spare_kw[counted, runs.first[k]] += power
    return free


def _when_power_is_free(
    runs: _Runs, left_kw: NDArray[np.float64], free: NDArray[np.bool_], wanted_ns: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Delays of at least what is wanted, such that late runs of the slot before have ended where need be. [ns]"""
    delay_ns = wanted_ns.copy()
    late: dict[tuple[int, int], list[tuple[int, float]]] = {}
    to_come = left_kw.copy()
    for k in np.flatnonzero(free).tolist():
        to_come[runs.counted[k], runs.first[k]] += runs.power[k]
    # What cannot wait is there from the edge on; of the others each finds what came before it, and room for itself.
    for k in np.lexsort((wanted_ns, free, runs.first)).tolist():
        if not free[k]:
            continue
        delay, power, first, end = int(wanted_ns[k]), runs.power[k], int(runs.first[k]), int(runs.end[k])
        for limit in runs.counted[k].tolist():
            to_come[limit, first] -= power
            delay = max(delay, _after(late.get((limit, first), []), float(to_come[limit, first])))
        for limit in runs.counted[k].tolist():
            late.setdefault((limit, first), []).append((delay, -power))
            late.setdefault((limit, end), []).append((delay, power))
        delay_ns[k] = delay
    return delay_ns


def _after(changes: list[tuple[int, float]], left_kw: float) -> int:
    """
    Earliest delay from which on a limit holds with this run besides.

    Args:
        changes: Of the slot: until its delay, a late run uses the power given, and one that waits leaves it.
        left_kw: When all that are late have gone, and none has come that is looked at later. [kW]
    """
    over = sum(power for _, power in changes) - left_kw
    at = 0
    for delay, power in sorted(changes):
        if over > _FULL:
            at = delay
        over -= power
    return at

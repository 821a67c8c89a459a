"""
What became of every job under one policy, as columns, and what it costs on the values that came true.

Paying is one pass over the running integral of each zone. A run that leaves the known part of a series, or whose power
nobody knows, has no grams (NaN); it is never counted as clean (invariant I4).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from gridtide.domain.units import NS_PER_HOUR
from gridtide.planning import batch

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from gridtide.domain.series import Series
    from gridtide.simulation.job_table import JobTable
    from gridtide.simulation.world import Run

__all__ = ["LATE_NS", "Payment", "Runs", "cheapest", "integrals", "pay", "runs_of", "whole_runs"]

LATE_NS: Final = 5_000_000_000
"""A start later than promised by more than this counts as late. [ns]"""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Runs:
    """
    One entry per job in every array but the pieces, shape (n_jobs,).

    Attributes:
        start_ns: First instant of work. [ns]
        end_ns: End of the last piece. [ns]
        piece_job: Which job each piece belongs to, shape (n_pieces,).
        piece_start_ns: Shape (n_pieces,). [ns]
        piece_end_ns: Shape (n_pieces,). [ns]
        planned_mean: What the first plan expected; NaN when nothing was known. [gCO2eq/kWh]
        late_ns: Start after the latest start that was promised. [ns]
        room_ns: Time it was ready but no executor was free. [ns]
        decisions: How often it was planned.
        forced: Whether the guard started it.
    """

    start_ns: NDArray[np.int64]
    end_ns: NDArray[np.int64]
    piece_job: NDArray[np.int64]
    piece_start_ns: NDArray[np.int64]
    piece_end_ns: NDArray[np.int64]
    planned_mean: NDArray[np.float64]
    late_ns: NDArray[np.int64]
    room_ns: NDArray[np.int64]
    decisions: NDArray[np.int64]
    forced: NDArray[np.bool_]

    @property
    def pieces(self) -> NDArray[np.int64]:
        """Stretches each job ran in, shape (n_jobs,)."""
        return np.bincount(self.piece_job, minlength=self.start_ns.size)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Payment:
    """
    Emissions of every job, shape (n_jobs,) each; NaN where something is unknown.

    Attributes:
        hours: Running time. [h]
        mean: Of the signal over the run. [gCO2eq/kWh]
        kwh: Energy from the grid, PUE included. [kWh]
        grams: [gCO2eq]
    """

    hours: NDArray[np.float64]
    mean: NDArray[np.float64]
    kwh: NDArray[np.float64]
    grams: NDArray[np.float64]


def runs_of(runs: Sequence[Run]) -> Runs:
    """Columns of what the simulated world returned."""
    counts = np.array([len(r.pieces) for r in runs], dtype=np.int64)
    flat = np.array([p for r in runs for p in r.pieces], dtype=np.int64).reshape(-1, 2)
    return Runs(
        start_ns=np.array([r.pieces[0][0] for r in runs], dtype=np.int64),
        end_ns=np.array([r.pieces[-1][1] for r in runs], dtype=np.int64),
        piece_job=np.repeat(np.arange(counts.size), counts),
        piece_start_ns=flat[:, 0],
        piece_end_ns=flat[:, 1],
        planned_mean=np.array([np.nan if r.planned_mean is None else r.planned_mean for r in runs]),
        late_ns=np.array([r.lateness_ns for r in runs], dtype=np.int64),
        room_ns=np.array([r.waited_for_room_ns for r in runs], dtype=np.int64),
        decisions=np.array([r.decisions for r in runs], dtype=np.int64),
        forced=np.array([r.forced for r in runs], dtype=bool),
    )


def whole_runs(jobs: JobTable, start_ns: NDArray[np.int64], planned_mean: NDArray[np.float64]) -> Runs:
    """
    Runs in one piece from given starts, one decision each.

    A job that cannot wait is started by the guard, as in the engine: nothing is decided about it.
    """
    may_wait = jobs.latest_ns > jobs.arrival_ns
    return Runs(
        start_ns=start_ns,
        end_ns=start_ns + jobs.true_ns,
        piece_job=np.arange(jobs.size),
        piece_start_ns=start_ns,
        piece_end_ns=start_ns + jobs.true_ns,
        planned_mean=np.where(may_wait, planned_mean, np.nan),
        late_ns=np.maximum(0, start_ns - jobs.latest_ns),
        room_ns=np.zeros(jobs.size, np.int64),
        decisions=may_wait.astype(np.int64),
        forced=start_ns >= jobs.latest_ns,
    )


def pay(jobs: JobTable, runs: Runs, truth: Mapping[str, Series]) -> Payment:
    """Emissions of every job on what came true."""
    integral = integrals(jobs, runs.piece_job, runs.piece_start_ns, runs.piece_end_ns, truth)
    hours = (runs.piece_end_ns - runs.piece_start_ns) / NS_PER_HOUR
    return _payment(jobs, _per_job(jobs, runs, integral), _per_job(jobs, runs, hours))


def cheapest(jobs: JobTable, truth: Mapping[str, Series], *, pauses: bool) -> Payment:
    """
    The least each job could emit inside its bounds, knowing the truth and its true length.

    No capacity and no cost of pausing are counted, so no policy that keeps the bounds can be cheaper. Jobs that may
    pause are taken apart only where *pauses* says that the policy would.
    """
    cost = np.full(jobs.size, np.nan)
    for index, name in enumerate(jobs.zones):
        mine = jobs.zone == index
        for split in (False, True):
            rows = np.flatnonzero(mine & ((jobs.interruptible & pauses) == split))
            arrival, true, latest = jobs.arrival_ns[rows], jobs.true_ns[rows], jobs.latest_ns[rows]
            if rows.size and split:
                cost[rows] = batch.lowest_slots_of_each(truth[name], arrival, jobs.ends_ns[rows], true).cost
            elif rows.size:
                cost[rows] = batch.lowest_windows(truth[name], arrival, latest, true).cost
    return _payment(jobs, cost, jobs.true_ns / NS_PER_HOUR)


def integrals(
    jobs: JobTable,
    job: NDArray[np.int64],
    start_ns: NDArray[np.int64],
    end_ns: NDArray[np.int64],
    truth: Mapping[str, Series],
) -> NDArray[np.float64]:
    """Integral of each stretch's zone over it, shape (n_stretches,); NaN where part is unknown. [gCO2eq h/kWh]"""
    found = np.full(job.size, np.nan)
    zone = jobs.zone[job]
    for index, name in enumerate(jobs.zones):
        for curve in truth[name].curves:
            rows = np.flatnonzero((zone == index) & (start_ns >= curve.start_ns) & (end_ns <= curve.end_ns))
            found[rows] = curve.integrals_at(end_ns[rows]) - curve.integrals_at(start_ns[rows])
    return found


def _per_job(jobs: JobTable, runs: Runs, amounts: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.bincount(runs.piece_job, weights=amounts, minlength=jobs.size).astype(np.float64, copy=False)


def _payment(jobs: JobTable, integral: NDArray[np.float64], hours: NDArray[np.float64]) -> Payment:
    kilowatts = jobs.power_w / 1000.0 * np.asarray(jobs.pues)[jobs.zone]
    return Payment(hours=hours, mean=integral / hours, kwh=hours * kilowatts, grams=integral * kilowatts)

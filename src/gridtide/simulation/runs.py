"""
What became of every job under one policy, as columns, and what it costs on the values that came true.

Paying is one pass over the running integral of each zone: the run where it ran, and data that moved half in the grid
they left and half in the one they went to. A run that leaves the known part of a series, or whose power
nobody knows, has no grams (NaN); it is never counted as clean (invariant I4).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from gridtide.domain.units import NS_PER_HOUR
from gridtide.planning.transfer import PUBLISHED_TRANSFER

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from gridtide.domain.series import Series
    from gridtide.planning.transfer import TransferEnergy
    from gridtide.simulation.job import Run
    from gridtide.simulation.job_table import JobTable

__all__ = ["LATE_NS", "Moved", "Payment", "Runs", "integrals", "pay", "payment", "runs_of", "whole_runs"]

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
        forced: Whether the guard started it at its latest start, as all work that may not wait.
        zone: Where it ran, an index like `JobTable.zone`.
        haul_zone: Where its data went; -1 where they stayed.
        sent_ns: When they left home, where they went. [ns]
        there_ns: When they had arrived. [ns]
        blind: How many of its decisions stood on no usable values.
        uncertain: Whether it stayed home because the saving of a move depends on the transfer figure.
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
    zone: NDArray[np.int64]
    haul_zone: NDArray[np.int64]
    sent_ns: NDArray[np.int64]
    there_ns: NDArray[np.int64]
    uncertain: NDArray[np.bool_]
    blind: NDArray[np.int64]

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
        mean: Of the signal over the run, where it ran. [gCO2eq/kWh]
        weighted_h: Running time times the power usage effectiveness: stands in for energy without a power. [h]
        kwh: Energy of the run from the grid, PUE included. [kWh]
        grams: Run, and transfer at its middle figure. [gCO2eq]
        moved: Of them the transfer, at the lowest, middle and highest published figure; shape (n_jobs,) each. [gCO2eq]
    """

    hours: NDArray[np.float64]
    mean: NDArray[np.float64]
    weighted_h: NDArray[np.float64]
    kwh: NDArray[np.float64]
    grams: NDArray[np.float64]
    moved: Moved


class Moved(NamedTuple):
    """A transfer at the lowest, middle and highest published figure, shape (n_jobs,) each. [gCO2eq]"""

    low: NDArray[np.float64]
    middle: NDArray[np.float64]
    high: NDArray[np.float64]


def runs_of(runs: Sequence[Run], zones: Sequence[str]) -> Runs:
    """Columns of what the simulated world returned; *zones* as in the job table."""
    counts = np.array([len(r.pieces) for r in runs], dtype=np.int64)
    flat = np.array([p for r in runs for p in r.pieces], dtype=np.int64).reshape(-1, 2)
    place = {name: k for k, name in enumerate(zones)}
    hauls = [(-1, 0, 0) if r.haul is None else (place[r.haul.zone], *r.haul[1:]) for r in runs]
    hauled = np.array(hauls, dtype=np.int64).reshape(-1, 3)
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
        zone=np.array([place[r.zone or r.job.zone] for r in runs], dtype=np.int64),
        haul_zone=hauled[:, 0],
        sent_ns=hauled[:, 1],
        there_ns=hauled[:, 2],
        uncertain=np.array([r.uncertain for r in runs], dtype=bool),
        blind=np.array([r.blind for r in runs], dtype=np.int64),
    )


def whole_runs(
    jobs: JobTable,
    start_ns: NDArray[np.int64],
    planned_mean: NDArray[np.float64],
    *,
    zone: NDArray[np.int64] | None = None,
) -> Runs:
    """
    Runs in one piece from given starts, one decision each, with no data moved.

    A job that cannot wait is started by the guard, as in the engine: nothing is decided about it but its place.

    Args:
        jobs: All of them.
        start_ns: Shape (n_jobs,). [ns]
        planned_mean: What the plan expected, shape (n_jobs,). [gCO2eq/kWh]
        zone: Where each was placed; None where nothing is placed and all run at home.
    """
    decided = np.full(jobs.size, zone is not None) | (jobs.latest_ns > jobs.arrival_ns)
    return Runs(
        start_ns=start_ns,
        end_ns=start_ns + jobs.true_ns,
        piece_job=np.arange(jobs.size),
        piece_start_ns=start_ns,
        piece_end_ns=start_ns + jobs.true_ns,
        planned_mean=np.where(decided, planned_mean, np.nan),
        late_ns=np.maximum(0, start_ns - jobs.latest_ns),
        room_ns=np.zeros(jobs.size, np.int64),
        decisions=decided.astype(np.int64),
        forced=start_ns >= jobs.latest_ns,
        zone=jobs.zone if zone is None else zone,
        haul_zone=np.broadcast_to(np.int64(-1), jobs.size),
        sent_ns=np.broadcast_to(np.int64(0), jobs.size),
        there_ns=np.broadcast_to(np.int64(0), jobs.size),
        uncertain=np.broadcast_to(np.False_, jobs.size),
        blind=(decided & np.isnan(planned_mean)).astype(np.int64),
    )


def pay(
    jobs: JobTable, runs: Runs, truth: Mapping[str, Series], *, energy: TransferEnergy = PUBLISHED_TRANSFER
) -> Payment:
    """
    Emissions of every job on what came true.

    Args:
        jobs: All of them.
        runs: What became of them.
        truth: By zone.
        energy: Of a transferred gigabyte.
    """
    integral = integrals(jobs, runs.zone[runs.piece_job], runs.piece_start_ns, runs.piece_end_ns, truth)
    hours = (runs.piece_end_ns - runs.piece_start_ns) / NS_PER_HOUR
    moved = np.zeros(jobs.size)
    rows = np.flatnonzero(runs.haul_zone >= 0)
    if rows.size:
        span = (runs.sent_ns[rows], runs.there_ns[rows])
        both = sum(integrals(jobs, zone, *span, truth) for zone in (jobs.zone[rows], runs.haul_zone[rows]))
        moved[rows] = jobs.data_gb[rows] * 0.5 * both / ((span[1] - span[0]) / NS_PER_HOUR)
    return payment(
        jobs, runs.zone, _per_job(jobs, runs, integral), _per_job(jobs, runs, hours), moved=moved, energy=energy
    )


def payment(
    jobs: JobTable,
    zone: NDArray[np.int64],
    integral: NDArray[np.float64],
    hours: NDArray[np.float64],
    *,
    moved: NDArray[np.float64] | None = None,
    energy: TransferEnergy = PUBLISHED_TRANSFER,
) -> Payment:
    """
    Emissions from running integrals.

    Args:
        jobs: All of them.
        zone: Where each ran, an index like `JobTable.zone`.
        integral: Of the signal over the run, shape (n_jobs,). [gCO2eq h/kWh]
        hours: Running time, shape (n_jobs,). [h]
        moved: Emissions of the transfer per energy of a gigabyte, shape (n_jobs,); None where no data moved. [GB g/kWh]
        energy: Of a transferred gigabyte.
    """
    pue = np.asarray(jobs.pues)[zone]
    kilowatts = jobs.power_w / 1000.0 * pue
    nothing = np.broadcast_to(0.0, jobs.size)
    band = Moved(nothing, nothing, nothing)
    if moved is not None and moved.any():
        band = Moved(moved * energy.low, moved * energy.middle, moved * energy.high)
    return Payment(
        hours=hours,
        mean=integral / hours,
        weighted_h=hours * pue,
        kwh=hours * kilowatts,
        grams=integral * kilowatts + band.middle,
        moved=band,
    )


def integrals(
    jobs: JobTable,
    zone: NDArray[np.int64],
    start_ns: NDArray[np.int64],
    end_ns: NDArray[np.int64],
    truth: Mapping[str, Series],
) -> NDArray[np.float64]:
    """
    Integral of a zone over each stretch, shape (n_stretches,); NaN where part is unknown. [gCO2eq h/kWh]

    Args:
        jobs: For the names of the zones.
        zone: Of each stretch, an index like `JobTable.zone`.
        start_ns: Shape (n_stretches,). [ns]
        end_ns: Shape (n_stretches,). [ns]
        truth: By zone.
    """
    found = np.full(zone.size, np.nan)
    for index, name in enumerate(jobs.zones):
        for curve in truth[name].curves:
            rows = np.flatnonzero((zone == index) & (start_ns >= curve.start_ns) & (end_ns <= curve.end_ns))
            found[rows] = curve.integrals_at(end_ns[rows]) - curve.integrals_at(start_ns[rows])
    return found


def _per_job(jobs: JobTable, runs: Runs, amounts: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.bincount(runs.piece_job, weights=amounts, minlength=jobs.size).astype(np.float64, copy=False)

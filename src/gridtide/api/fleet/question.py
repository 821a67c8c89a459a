"""
A job table and zones as the joint planner's arrays, and what cannot be asked of it at all.

What is not known never helps a zone (invariant I4): a slot of which any part is unknown holds no job, and data do not
move where the grams of moving them are unknown.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import numpy as np

from gridtide.api.fleet.slots import instant_text
from gridtide.api.fleet.zone import pues_of
from gridtide.domain.durations import format_duration
from gridtide.domain.errors import InvalidInput
from gridtide.domain.instants import from_ns
from gridtide.planning import fleet
from gridtide.planning.fleet import FleetJobs, FleetProblem, Limit, Quota
from gridtide.planning.placement import DEFAULT_THROUGHPUT
from gridtide.simulation.geography import Geography

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from gridtide.api.fleet.slots import Slots
    from gridtide.api.fleet.zone import FleetZone
    from gridtide.simulation.job_table import JobTable

__all__ = ["Question", "ask"]

_CAPACITY: Final = "capacity"
_KNOWN: Final = "known hours"


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """
    What is asked of the planner.

    Args:
        problem: The jobs that can be asked about at all.
        rows: Which jobs of the table they are, shape (n_asked,).
        ready: Slot from which each of them may run in each zone, its data having arrived, shape (n_asked, n_zones).
        refused: Row of every other job, and why.
    """

    problem: FleetProblem
    rows: NDArray[np.int64]
    ready: NDArray[np.int64]
    refused: dict[int, str]

    def too_early(self, region: NDArray[np.int64], first: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Which jobs would start before their data arrive, from the zone and first slot of each; -1 for no zone."""
        there = np.take_along_axis(self.ready, np.maximum(region, 0)[:, None], axis=1)[:, 0]
        return (region >= 0) & (first < there)

    def later(self, late: NDArray[np.bool_]) -> Question:
        """The same, but these jobs start anywhere only once their data could be in every zone they may run in."""
        jobs = self.problem.jobs
        ready = np.where(np.isfinite(jobs.transfer_g), self.ready, 0).max(axis=1)
        release = np.where(late, np.maximum(jobs.release, ready), jobs.release)
        return self._bound(release, np.zeros_like(self.ready, dtype=np.bool_))

    def settled(self, region: NDArray[np.int64], late: NDArray[np.bool_]) -> Question:
        """The same, but no job can be early: *late* ones as in `later`, the others where their data can be in time."""
        found = self.later(late | (region < 0))
        there = np.take_along_axis(self.ready, np.maximum(region, 0)[:, None], axis=1)[:, 0]
        asked = found.problem.jobs.release
        release = np.where(late | (region < 0), asked, np.maximum(asked, there))
        return found._bound(release, self.ready > release[:, None])  # noqa: SLF001 - another of this class

    def _bound(self, release: NDArray[np.int64], barred: NDArray[np.bool_]) -> Question:
        jobs = self.problem.jobs
        asked = replace(jobs, release=release, transfer_g=np.where(barred, np.inf, jobs.transfer_g))
        return replace(self, problem=replace(self.problem, jobs=asked))


def ask(jobs: JobTable, zones: Sequence[FleetZone], slots: Slots, *, kwh_per_gb: float) -> Question:
    """
    Put the question.

    Args:
        jobs: Whose homes are *zones*, in the same order.
        zones: Where they may run.
        slots: From now to the last that is known.
        kwh_per_gb: Energy of a moved gigabyte. [kWh/GB]

    Raises:
        InvalidInput: The table counts other zones.
    """
    if jobs.zones != tuple(zone.name for zone in zones):
        raise InvalidInput(f"the jobs are of the zones {', '.join(jobs.zones)[:80]}, the plan of others", field="zones")
    values = np.array([slots.mean_values(zone.series) for zone in zones])
    release = slots.not_before(np.maximum(jobs.arrival_ns, slots.first_ns))
    deadline = np.minimum(slots.done_by(jobs.latest_ns + jobs.length_ns), slots.size)
    length = -(-jobs.length_ns // slots.step_ns)
    refused = _misfits(jobs, slots, release, length)
    transfer_g = np.full((jobs.size, len(zones)), np.inf)
    rows = np.setdiff1d(np.arange(jobs.size), list(refused))
    geography = Geography(spots={zone.name: zone.spot for zone in zones}, mbit_per_s=DEFAULT_THROUGHPUT)
    transfer_g[rows] = _transfer_g(jobs.pick(rows), release[rows], values, geography, kwh_per_gb=kwh_per_gb)
    ready = _ready(jobs, slots, geography)
    short = _known_slots(values, release, deadline) < length[:, None]
    transfer_g[short | (deadline[:, None] - ready < length[:, None])] = np.inf
    power_kw = np.asarray(jobs.power_w / 1000.0)
    _bar_where_too_big(transfer_g, power_kw, np.asarray(power_kw * length * slots.hours), zones)
    reached = np.isfinite(transfer_g).any(axis=1)
    nowhere = rows[~reached[rows]].tolist()
    refused |= dict.fromkeys(nowhere, "too little is known of every zone that it could reach in time")
    rows = np.flatnonzero(reached)
    asked = FleetJobs(
        release=release[rows],
        deadline=deadline[rows],
        length=length[rows],
        power_kw=power_kw[rows],
        transfer_g=transfer_g[rows],
        contiguous=~jobs.interruptible[rows],
        tenant=np.zeros(rows.size, np.int64),
    )
    problem = _problem(asked, zones, values * np.array(pues_of(zones))[:, None], slots)
    return Question(problem=problem, rows=rows, ready=ready[rows], refused=refused)


def _misfits(jobs: JobTable, slots: Slots, release: NDArray[np.int64], length: NDArray[np.int64]) -> dict[int, str]:
    """Rows that no slots can hold, each with why."""
    end_slot = slots.done_by(jobs.latest_ns + jobs.length_ns)
    known_until = slots.first_ns + slots.size * slots.step_ns
    found: dict[int, str] = {}
    for k in np.flatnonzero(np.minimum(end_slot, slots.size) - release < length).tolist():
        latest_ns, needed = int(jobs.latest_ns[k]), int(length[k])
        if latest_ns < slots.first_ns:
            found[k] = f"its latest start was {instant_text(latest_ns)}"
        elif end_slot[k] - release[k] < needed:
            step = format_duration(from_ns(slots.step_ns) - from_ns(0))
            whole = max(0, int(end_slot[k] - release[k]))
            found[k] = f"it needs {needed} whole steps of {step}, its window has {whole}; a shorter step may fit"
        else:
            found[k] = f"nothing is known after {instant_text(known_until)}, too early to plan it"
    return found


def _known_slots(
    values: NDArray[np.float64], release: NDArray[np.int64], deadline: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Known slots of each job's window in each zone, shape (n_jobs, n_zones)."""
    n_slots = values.shape[1]
    running = np.concatenate((np.zeros((values.shape[0], 1), np.int64), np.cumsum(~np.isnan(values), axis=1)), axis=1)
    begin, end = np.minimum(release, n_slots), np.clip(deadline, 0, n_slots)
    return np.asarray((running[:, end] - running[:, begin]).T)


def _transfer_g(
    jobs: JobTable,
    release: NDArray[np.int64],
    values: NDArray[np.float64],
    geography: Geography,
    *,
    kwh_per_gb: float,
) -> NDArray[np.float64]:
    """Grams of moving each job to each zone; infinite where it may not go or the grams are unknown."""
    grams = fleet.transfer_grams(jobs.data_gb, jobs.zone, release, values, kwh_per_gb=kwh_per_gb)
    grams[jobs.data_gb == 0.0] = 0.0
    grams[np.isnan(grams)] = np.inf
    away = np.arange(values.shape[0]) != jobs.zone[:, None]
    for index in range(values.shape[0]):
        barred = np.ones(jobs.size, dtype=np.bool_)
        barred[geography.open_to(jobs, index)] = False
        grams[barred & away[:, index], index] = np.inf
    # A marginal rate may be below zero; that moving data should be a gain is not believed.
    return np.maximum(grams, 0.0)


def _bar_where_too_big(
    transfer_g: NDArray[np.float64],
    power_kw: NDArray[np.float64],
    energy_kwh: NDArray[np.float64],
    zones: Sequence[FleetZone],
) -> None:
    """
    Close zones that cannot hold a job even alone, as long as another can: the bound would count a part of it there.

    Args:
        transfer_g: Changed in place, shape (n_jobs, n_zones). [gCO2eq]
        power_kw: Of each job. [kW]
        energy_kwh: Of each job, in whole slots. [kWh]
        zones: With their bounds.
    """
    held_kw = np.array([zone.capacity_kw for zone in zones])
    held_kwh = np.array([zone.quota_kwh for zone in zones])
    too_big = np.asarray((power_kw[:, None] > held_kw) | (energy_kwh[:, None] > held_kwh))
    elsewhere = np.asarray((np.isfinite(transfer_g) & ~too_big).any(axis=1))
    transfer_g[too_big & elsewhere[:, None]] = np.inf


def _ready(jobs: JobTable, slots: Slots, geography: Geography) -> NDArray[np.int64]:
    """First slot in each zone by which a job's data have arrived, shape (n_jobs, n_zones)."""
    every = np.arange(jobs.size)
    moving = [geography.moving_ns(jobs, every, index) for index in range(len(jobs.zones))]
    moving_ns = np.array(moving).reshape(len(jobs.zones), jobs.size).T.copy()
    moving_ns[every, jobs.zone] = 0
    return slots.not_before(np.maximum(jobs.arrival_ns, slots.first_ns)[:, None] + moving_ns)


def _problem(asked: FleetJobs, zones: Sequence[FleetZone], values: NDArray[np.float64], slots: Slots) -> FleetProblem:
    """Limits of the zones; a slot that is not known holds nothing, and looks as dear as the dearest that is."""
    known = ~np.isnan(values)
    dearest = float(values[known].max()) if known.any() else 0.0
    limits = [
        Limit(name=_CAPACITY, kw=np.full(slots.size, zone.capacity_kw), regions=(r,))
        for r, zone in enumerate(zones)
        if np.isfinite(zone.capacity_kw)
    ]
    limits += [
        Limit(name=_KNOWN, kw=np.where(known[r], np.inf, 0.0), regions=(r,))
        for r in range(len(zones))
        if not known[r].all()
    ]
    quotas = [
        Quota(name="of the zone", kwh=zone.quota_kwh, regions=(r,))
        for r, zone in enumerate(zones)
        if np.isfinite(zone.quota_kwh)
    ]
    return FleetProblem(
        jobs=asked,
        values=np.where(known, values, dearest),
        limits=tuple(limits),
        quotas=tuple(quotas),
        slot_hours=slots.hours,
        region_names=tuple(zone.name for zone in zones),
    )

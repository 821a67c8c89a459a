"""
The joint instance: jobs, regions and slots under capacity, from running at home to the best plan that could be found.

Policies without capacity are sums of single-job optima; the greedy ones place jobs one by one in a stated order at the
lowest free slots of the cheapest region; ours is `gridtide.planning.fleet`, with the bound that no plan can beat.
"""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from gridtide.domain.errors import InvalidInput, MalformedFile
from gridtide.planning import fleet
from gridtide.planning.fleet import FleetJobs, FleetProblem
from gridtide.planning.fleet.prices import Sweeper, find_prices
from gridtide.planning.fleet.program import UnsolvedError
from gridtide.planning.fleet.relaxation import relax
from gridtide.simulation.reproduce.comparison import Measure, Report, Row, Section, match_rows
from gridtide.simulation.reproduce.progress import silent
from gridtide.simulation.tables import read_table, recorded_rows

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from gridtide.simulation.reproduce.progress import Progress

__all__ = ["read_instance", "reproduce"]

_FOLDER: Final = "spatial"
_KEYS: Final = ("policy",)
_MEASURES: Final = (Measure("emissions_g", "emissions_g", 1e-6, relative=True),)
_OURS: Final = "fleet_capacity_nonmigrating"
_BOUND: Final = "optimal_capacity_nonmigrating_LP_bound"
_SWEEPS: Final = 400
_SECONDS: Final = 60.0
_BOUND_TOLERANCE: Final = (Measure("emissions_g", "emissions_g", 0.005, relative=True),)


def reproduce(data: Path, zone_files: Sequence[Path] = (), *, progress: Progress = silent) -> Report:
    """
    Compute every policy of the instance in the folder ``spatial``, and again on the hours of each zone file.

    Args:
        data: Holds ``spatial/params.json``, ``jobs.csv`` and ``ci_*.csv``.
        zone_files: Other carbon intensity tables of the same shape; nothing recorded belongs to them.
        progress: Told how far it is.

    Raises:
        InvalidInput: The instance is not there or its parts do not fit together.
        MalformedFile: A file cannot be read.
    """
    folder = data / _FOLDER
    own = sorted(folder.glob("ci_*.csv"))[:1]
    if not own and not zone_files:
        raise InvalidInput(f"no ci_*.csv in {folder}", hint="name one with --zone-file", field="data")
    recorded = recorded_rows(folder / "results.csv")
    sections, notes = list[Section](), list[str]()
    for done, path in enumerate((*own, *zone_files)):
        progress(done, len(own) + len(zone_files), path.name)
        found, note = _sections(folder, path, recorded if path in own else [])
        sections += found
        notes.append(note)
    return Report(
        paper="joint",
        title="Joint plan in space and time under capacity, recorded values in brackets",
        sections=tuple(sections),
        notes=tuple(notes),
    )


def _sections(folder: Path, hours: Path, recorded: list[dict[str, str]]) -> tuple[list[Section], str]:
    """The two tables on one file of hours, and what our plan did there in words."""
    problem, home = read_instance(folder, hours)
    began = time.perf_counter()
    plan = fleet.plan_fleet(problem)
    seconds = time.perf_counter() - began
    figures = _without_capacity(problem, home) | _greedy(problem) | _bounds(problem)
    now = figures["run_now_home_no_capacity"]
    rows = [_row(name, grams, now) | {"ci_file": hours.name} for name, grams in figures.items()]
    ours = [
        _row(_OURS, plan.grams, now)
        | {
            "gap_pct": 100 * plan.gap,
            "gap_to_lp_bound_pct": 100 * (plan.grams / figures[_BOUND] - 1),
            "unplaced": len(plan.unplaced),
            "method": plan.method,
        },
        _row("fleet_bound", plan.bound_g, now),
    ]
    ours = [row | {"ci_file": hours.name} for row in ours]
    bound = next((r for r in recorded if r.get("policy") == _BOUND), None)
    sections = [
        Section(title=f"Policies by definition on {hours.name} [g]", keys=_KEYS, measures=_MEASURES,
                also=("savings_vs_run_now_pct",), rows=tuple(rows), recorded=match_rows(rows, recorded, _KEYS)),
        Section(title=f"The joint plan on {hours.name} beside the recorded bound [g]", keys=_KEYS,
                measures=_BOUND_TOLERANCE, also=("savings_vs_run_now_pct", "gap_pct", "unplaced"),
                rows=tuple(ours), recorded=(bound, bound)),
    ]  # fmt: skip
    broken = fleet.violations(problem, plan.placement)
    return sections, (
        f"Ours on {hours.name}: {plan.grams:.1f} g in {seconds:.1f} s, at most {100 * plan.gap:.2f} % above the best "
        f"plan. Limits broken: {len(broken)}; jobs without a place: {len(plan.unplaced)}."
    )


def read_instance(folder: Path, hours: Path) -> tuple[FleetProblem, NDArray[np.int64]]:
    """The problem and the home region of every job; raises `InvalidInput` or `MalformedFile`."""
    params = _params(folder / "params.json")
    regions, capacity = list(params["regions"]), params["capacity_kw"]
    table = read_table(hours, required=regions)
    values = np.array([table.numbers(region) for region in regions])
    if (values < 0).any():
        region, slot = (int(k[0]) for k in np.nonzero(values < 0))
        raise table.bad_cell(slot, regions[region], "zero or more")
    jobs = read_table(
        folder / "jobs.csv", required=("arrival_h", "duration_h", "deadline_h", "home", "data_gb", "power_kw")
    )
    for row, name in enumerate(jobs.text("home")):
        if name not in regions:
            raise jobs.bad_cell(row, "home", ", ".join(regions))
    home = np.array([regions.index(name) for name in jobs.text("home")], dtype=np.int64)
    release, size = jobs.counts("arrival_h"), len(jobs)
    if (release >= values.shape[1]).any():
        raise jobs.bad_cell(int(np.argmax(release >= values.shape[1])), "arrival_h", f"below {values.shape[1]}")
    deadline, length = jobs.counts("deadline_h"), jobs.counts("duration_h", least=1)
    late = (deadline > values.shape[1]) | (deadline < release + length)
    if late.any():
        row = int(np.argmax(late))
        allowed = f"{release[row] + length[row]} (arrival and duration) to {values.shape[1]} (hours in {hours.name})"
        raise jobs.bad_cell(row, "deadline_h", allowed)
    moved = fleet.transfer_grams(jobs.numbers("data_gb"), home, release, values, kwh_per_gb=float(params["kwh_per_gb"]))
    fleet_jobs = FleetJobs(
        release=release,
        deadline=deadline,
        length=length,
        power_kw=jobs.numbers("power_kw"),
        transfer_g=moved,
        contiguous=np.zeros(size, dtype=bool),
        tenant=np.zeros(size, dtype=np.int64),
    )
    limits = fleet.region_limits(np.array([np.full(values.shape[1], float(capacity[r])) for r in regions]))
    return FleetProblem(jobs=fleet_jobs, values=values, limits=limits), home


def _params(path: Path) -> dict[str, Any]:
    try:
        params: dict[str, Any] = json.loads(path.read_text("utf-8"))
        missing = {"regions", "capacity_kw", "kwh_per_gb"} - params.keys()
    except (OSError, ValueError, AttributeError) as error:
        raise MalformedFile(f"cannot read {path}: {error}", path=str(path)) from None
    if missing:
        raise MalformedFile(f"{path.name} lacks {', '.join(sorted(missing))}", path=str(path))
    regions, capacity = params["regions"], params["capacity_kw"]
    if not isinstance(regions, list) or not regions or not all(isinstance(name, str) for name in regions):
        raise MalformedFile(f"{path.name}: regions is no list of names", path=str(path), field="regions")
    held = {f"capacity_kw of {name}": capacity.get(name) if isinstance(capacity, dict) else None for name in regions}
    for name, figure in (held | {"kwh_per_gb": params["kwh_per_gb"]}).items():
        if isinstance(figure, bool) or not isinstance(figure, int | float) or not 0 <= figure < float("inf"):
            raise MalformedFile(f"{path.name}: {name} is {figure!r:.40}; allowed: a number from 0", path=str(path))
    return params


def _row(policy: str, grams: float, now: float) -> Row:
    """One line; a policy that finds no room for a job has no figure."""
    figure = grams if np.isfinite(grams) else None
    saved = None if figure is None or not now else 100.0 * (1.0 - figure / now)
    return {"policy": policy, "emissions_g": figure, "savings_vs_run_now_pct": saved}


def _without_capacity(problem: FleetProblem, home: NDArray[np.int64]) -> dict[str, float]:
    totals = dict.fromkeys(
        (
            "run_now_home_no_capacity",
            "temporal_contiguous_home_no_capacity",
            "temporal_interruptible_home_no_capacity",
            "spatial_only_run_now_no_capacity",
            "joint_interruptible_no_capacity",
        ),
        0.0,
    )
    jobs = problem.jobs
    for j in range(jobs.size):
        window = problem.values[:, jobs.release[j] : jobs.deadline[j]]
        length, kwh, moved = int(jobs.length[j]), float(problem.slot_kwh[j]), jobs.transfer_g[j]
        at_once = window[:, :length].sum(axis=1) * kwh
        running = np.cumsum(np.concatenate([np.zeros((window.shape[0], 1)), window], axis=1), axis=1)
        in_a_row = (running[:, length:] - running[:, :-length]).min(axis=1) * kwh
        lowest = np.sort(window, axis=1)[:, :length].sum(axis=1) * kwh
        own = home[j]
        for name, grams in zip(
            totals,
            (at_once[own], in_a_row[own], lowest[own], (at_once + moved).min(), (lowest + moved).min()),
            strict=True,
        ):
            totals[name] += float(grams)
    return totals


def _greedy(problem: FleetProblem) -> dict[str, float]:
    jobs = problem.jobs
    energy = jobs.power_kw * jobs.length
    slack = jobs.deadline - jobs.release - jobs.length
    orders = {
        "greedy_arrival_order_capacity": np.argsort(jobs.release, kind="stable"),
        "greedy_least_slack_first_capacity": np.argsort(slack, kind="stable"),
        "greedy_largest_energy_first_capacity": np.argsort(-energy, kind="stable"),
    }
    return {name: _one_by_one(problem, order) for name, order in orders.items()}


def _one_by_one(problem: FleetProblem, order: NDArray[np.int64]) -> float:
    """Cheapest region with the lowest free slots, job after job; infinite when one finds no room."""
    jobs, total = problem.jobs, 0.0
    free = np.array([limit.kw for limit in problem.limits])
    for j in order.tolist():
        first, last, power = int(jobs.release[j]), int(jobs.deadline[j]), float(jobs.power_kw[j])
        length, best, where = int(jobs.length[j]), float("inf"), None
        for region in range(problem.n_regions):
            room = np.flatnonzero(free[region, first:last] >= power - 1e-9) + first
            if room.size < length:
                continue
            chosen = room[np.argsort(problem.values[region, room], kind="stable")[:length]]
            grams = problem.values[region, chosen].sum() * problem.slot_kwh[j] + jobs.transfer_g[j, region]
            if grams < best:
                best, where = float(grams), (region, chosen)
        if where is None:
            return float("inf")
        free[where[0], where[1]] -= power
        total += best
    return total


def _bounds(problem: FleetProblem) -> dict[str, float]:
    """The linear optima: for jobs that stay in one region, and for jobs that could change it every hour for nothing."""
    sweeper = Sweeper(problem, tighten=False)
    sweep = find_prices(sweeper, sweeps=_SWEEPS)[1]
    try:
        staying = relax(sweeper, sweep, seconds=_SECONDS).bound_g
    except UnsolvedError:
        # Prices give a bound too, a little below the linear optimum.
        staying = sweep.bound_g
    return {"optimal_capacity_migrating_LP": _migrating_bound(problem), _BOUND: staying}


def _migrating_bound(problem: FleetProblem) -> float:
    from scipy import sparse  # noqa: PLC0415 - scipy takes long to import
    from scipy.optimize import linprog  # noqa: PLC0415 - as above

    jobs, n_regions, n_slots = problem.jobs, problem.n_regions, problem.n_slots
    width = jobs.deadline - jobs.release
    job = np.repeat(np.arange(jobs.size), width)
    slot = np.arange(job.size) - np.repeat(np.cumsum(width) - width, width) + jobs.release[job]
    column = np.arange(job.size * n_regions)
    region, place = column // job.size, column % job.size
    cost = problem.slot_kwh[job[place]] * problem.values[region, slot[place]]
    power = sparse.csr_matrix(
        (jobs.power_kw[job[place]], (region * n_slots + slot[place], column)), shape=(n_regions * n_slots, column.size)
    )
    once = sparse.csr_matrix((np.ones(column.size), (place, column)), shape=(job.size, column.size))
    work = sparse.csr_matrix((np.ones(column.size), (job[place], column)), shape=(jobs.size, column.size))
    held = np.concatenate((*(limit.kw for limit in problem.limits), np.ones(job.size)))
    answer = linprog(
        cost,
        sparse.vstack((power, once)),
        held,
        work,
        jobs.length,
        bounds=(0.0, 1.0),
        method="highs-ds",
        options={"time_limit": _SECONDS},
    )
    return float(answer.fun) if answer.success else float("inf")

"""
The joint plan as a linear or mixed-integer program for HiGHS.

A *pair* is a job in one region. Its variable says which share of the job runs there; slot variables say when. Jobs
that pause have one per slot, jobs that do not have one per start. A job may be left out at the price of
`FleetProblem.unplaced_g`, so that every program has a solution. Programs are built for chosen pairs only: the others
are known not to pay, or are fixed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from gridtide.planning.fleet.prices import Prices

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from scipy import sparse

    from gridtide.planning.fleet.prices import Sweeper

__all__ = ["Columns", "Program", "Solution", "UnsolvedError", "build", "solve", "solve_whole", "use_kw"]

_WHOLE: Final = 1e-6
_ROOM: Final = 1e-9


class UnsolvedError(ArithmeticError):
    """No answer to a program that has one: time was up, or its figures lie too many orders of magnitude apart."""


class Columns(NamedTuple):
    """
    The variables: pairs first, then one per job for leaving it out, then slots (or starts) of pairs.

    Attributes:
        job: Job of each pair, shape (n_pairs,).
        region: Region of each pair, shape (n_pairs,).
        members: The jobs of the program, shape (n_members,).
        member: Place of each pair's job in *members*, shape (n_pairs,).
        pair: Pair of each slot column, shape (n_slot_columns,).
        slot: Slot, or start, of each slot column.
        run: Slots each slot column uses from there on.
    """

    job: NDArray[np.int64]
    region: NDArray[np.int64]
    members: NDArray[np.int64]
    member: NDArray[np.int64]
    pair: NDArray[np.int64]
    slot: NDArray[np.int64]
    run: NDArray[np.int64]

    @property
    def first_slot_column(self) -> int:
        """Where the slot columns begin."""
        return int(self.job.size + self.members.size)

    @property
    def size(self) -> int:
        """How many columns there are."""
        return self.first_slot_column + int(self.pair.size)

    def uses(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Slot column and slot of every use of a slot, shape (n_uses,) each."""
        column = np.repeat(np.arange(self.pair.size), self.run)
        offset = np.arange(column.size) - np.repeat(np.cumsum(self.run) - self.run, self.run)
        return column, self.slot[column] + offset


class Program(NamedTuple):
    """
    Minimise *cost* with every variable between 0 and 1.

    Attributes:
        columns: What the variables mean.
        cost: Shape (n_columns,). [gCO2eq]
        less: Rows that are at most *less_bound*.
        less_bound: Shape (n_less,).
        equal: Rows that equal *equal_bound*.
        equal_bound: Shape (n_equal,).
        limit_rows: Which limit and slot the first rows of *less* hold, as limit * n_slots + slot.
        quota_rows: Which quotas the next rows hold.
    """

    columns: Columns
    cost: NDArray[np.float64]
    less: sparse.csr_matrix
    less_bound: NDArray[np.float64]
    equal: sparse.csr_matrix
    equal_bound: NDArray[np.float64]
    limit_rows: NDArray[np.int64]
    quota_rows: NDArray[np.int64]


class Solution(NamedTuple):
    """
    Answer of the solver.

    Attributes:
        value_g: Objective. [gCO2eq]
        share: Share of each job in each region, shape (n_jobs, n_regions); zero for jobs outside the program.
        column: Values of the slot columns.
        prices: Of the limits, where the program was linear.
    """

    value_g: float
    share: NDArray[np.float64]
    column: NDArray[np.float64]
    prices: Prices | None


def build(
    sweeper: Sweeper,
    allowed: NDArray[np.bool_],
    *,
    free_kw: NDArray[np.float64] | None = None,
    free_kwh: NDArray[np.float64] | None = None,
) -> Program:
    """
    Build the program of the jobs that have an allowed pair.

    Args:
        sweeper: Of the problem.
        allowed: Which pairs may be used, shape (n_jobs, n_regions).
        free_kw: What the limits hold for these jobs, shape (n_limits, n_slots); all of it when left out. [kW]
        free_kwh: The same for quotas, shape (n_quotas,). [kWh]
    """
    from scipy import sparse  # noqa: PLC0415 - scipy takes long to import and is needed here only

    columns = _columns(sweeper, allowed)
    limits, kw, limit_rows = _limits(sweeper, columns, sweeper.held_kw if free_kw is None else free_kw)
    quotas, kwh, quota_rows = _quotas(sweeper, columns, sweeper.held_kwh if free_kwh is None else free_kwh)
    links = _links(columns)
    return Program(
        columns,
        _cost(sweeper, columns),
        sparse.vstack((limits, quotas, links)).tocsr(),
        np.concatenate((kw, kwh, np.zeros(links.shape[0]))),
        sparse.vstack((_work(sweeper, columns), _once(columns))).tocsr(),
        np.concatenate((np.zeros(columns.job.size), np.ones(columns.members.size))),
        limit_rows,
        quota_rows,
    )


def solve(sweeper: Sweeper, program: Program, *, seconds: float) -> Solution:
    """
    Solve the linear relaxation; it always has a solution.

    Args:
        sweeper: Of the problem.
        program: What to solve.
        seconds: Time after which the solver gives up. [s]

    Raises:
        UnsolvedError: The solver cannot find it, or not in time.
    """
    if not program.cost.size:
        return _solution(sweeper, program, 0.0, program.cost, sweeper.none())
    from scipy.optimize import linprog  # noqa: PLC0415 - as above

    rows = (program.less, program.less_bound) if program.less.shape[0] else (None, None)
    answer = linprog(
        program.cost,
        *rows,
        program.equal,
        program.equal_bound,
        bounds=(0.0, 1.0),
        method="highs-ds",
        options={"time_limit": seconds},
    )
    if not answer.success:
        raise UnsolvedError(answer.message)
    slot, quota = np.zeros(sweeper.held_kw.size), np.zeros(sweeper.held_kwh.size)
    if program.less.shape[0]:
        paid = np.maximum(-np.asarray(answer.ineqlin.marginals), 0.0)
        n_limits, n_quotas = program.limit_rows.size, program.quota_rows.size
        slot[program.limit_rows] = paid[:n_limits] / sweeper.problem.slot_hours
        quota[program.quota_rows] = paid[n_limits : n_limits + n_quotas]
    prices = Prices(slot.reshape(sweeper.held_kw.shape), quota)
    return _solution(sweeper, program, float(answer.fun), np.asarray(answer.x), prices)


def solve_whole(
    sweeper: Sweeper, program: Program, *, whole_slots: bool, seconds: float, nodes: int, gap: float
) -> Solution | None:
    """
    Solve with whole pairs, and whole slots too where asked; None when the time was too short for any answer.

    Args:
        sweeper: Of the problem.
        program: What to solve.
        whole_slots: Whether slot columns must be 0 or 1; contiguous jobs always have whole starts.
        seconds: Time after which the best answer so far counts. [s]
        nodes: Branches after which it does.
        gap: Distance from the optimum at which the solver may stop, as a share.
    """
    if not program.cost.size:
        return solve(sweeper, program, seconds=seconds)
    from scipy.optimize import Bounds, LinearConstraint, milp  # noqa: PLC0415 - as above

    columns = program.columns
    whole = np.ones(columns.size)
    whole[columns.first_slot_column :] = whole_slots | sweeper.problem.jobs.contiguous[columns.job[columns.pair]]
    rows = [LinearConstraint(program.equal, program.equal_bound, program.equal_bound)]
    if program.less.shape[0]:
        rows.append(LinearConstraint(program.less, -np.inf, program.less_bound))
    answer = milp(
        program.cost,
        constraints=rows,
        bounds=Bounds(0.0, 1.0),
        integrality=whole,
        options={"time_limit": seconds, "node_limit": nodes, "mip_rel_gap": gap},
    )
    if answer.x is None:
        return None
    return _solution(sweeper, program, float(answer.fun), np.asarray(answer.x), None)


def use_kw(sweeper: Sweeper, program: Program, solution: Solution) -> NDArray[np.float64]:
    """Mean power of each job in each slot, shape (n_jobs, n_slots). [kW]"""
    problem, columns = sweeper.problem, program.columns
    column, slot = columns.uses()
    job = columns.job[columns.pair[column]]
    use = np.zeros((problem.jobs.size, problem.n_slots))
    np.add.at(use, (job, slot), solution.column[column] * problem.jobs.power_kw[job])
    return use


def _columns(sweeper: Sweeper, allowed: NDArray[np.bool_]) -> Columns:
    jobs = sweeper.problem.jobs
    job, region = np.nonzero(allowed & np.isfinite(jobs.transfer_g))
    members, member = np.unique(job, return_inverse=True)
    run = np.where(jobs.contiguous[job], jobs.length[job], 1)
    count = jobs.deadline[job] - jobs.release[job] - run + 1
    first = np.cumsum(count) - count
    pair = np.repeat(np.arange(job.size), count)
    slot = np.arange(pair.size) - first[pair] + jobs.release[job[pair]]
    return Columns(job, region, members, member.ravel(), pair, slot, run[pair])


def _cost(sweeper: Sweeper, columns: Columns) -> NDArray[np.float64]:
    problem = sweeper.problem
    sums = np.concatenate((np.zeros((problem.n_regions, 1)), np.cumsum(problem.values, axis=1)), axis=1)
    region, job = columns.region[columns.pair], columns.job[columns.pair]
    values = sums[region, columns.slot + columns.run] - sums[region, columns.slot]
    moved = problem.jobs.transfer_g[columns.job, columns.region]
    return np.concatenate((moved, problem.unplaced_g[columns.members], problem.slot_kwh[job] * values))


def _matrix(
    columns: Columns, n_rows: int, entries: list[tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]]
) -> sparse.csr_matrix:
    """Sparse rows from lists of (row, column, value)."""
    from scipy import sparse  # noqa: PLC0415 - as above

    if not entries:
        return sparse.csr_matrix((n_rows, columns.size))
    row, column, value = (np.concatenate(part) for part in zip(*entries, strict=True))
    return sparse.csr_matrix((value, (row, column)), shape=(n_rows, columns.size))


def _links(columns: Columns) -> sparse.csr_matrix:
    """A slot runs at most with the share its pair has; needed where a job has several pairs and may pause."""
    several = np.bincount(columns.member, minlength=columns.members.size)[columns.member] > 1
    linked = np.flatnonzero(several[columns.pair] & (columns.run == 1))
    row, ones = np.arange(linked.size), np.ones(linked.size)
    entries = [(row, columns.first_slot_column + linked, ones), (row, columns.pair[linked], -ones)]
    return _matrix(columns, linked.size, entries)


def _work(sweeper: Sweeper, columns: Columns) -> sparse.csr_matrix:
    """Slots of a pair add up to its share of the length; starts to the share."""
    jobs = sweeper.problem.jobs
    pairs, slots = np.arange(columns.job.size), columns.first_slot_column + np.arange(columns.pair.size)
    needed = np.where(jobs.contiguous[columns.job], 1, jobs.length[columns.job]).astype(np.float64)
    return _matrix(columns, pairs.size, [(columns.pair, slots, np.ones(slots.size)), (pairs, pairs, -needed)])


def _once(columns: Columns) -> sparse.csr_matrix:
    """A job runs once, or is left out."""
    members = np.arange(columns.members.size)
    pairs = np.arange(columns.job.size)
    entries = [
        (columns.member, pairs, np.ones(pairs.size)),
        (members, columns.job.size + members, np.ones(members.size)),
    ]
    return _matrix(columns, members.size, entries)


def _limits(
    sweeper: Sweeper, columns: Columns, held_kw: NDArray[np.float64]
) -> tuple[sparse.csr_matrix, NDArray[np.float64], NDArray[np.int64]]:
    """Rows of limits that these jobs could exceed at all, what they hold, and which they are."""
    problem = sweeper.problem
    column, slot = columns.uses()
    pair = columns.pair[column]
    entries = []
    for k, covers in enumerate(sweeper.covers):
        counted_kw = covers[sweeper.kind[columns.job], columns.region] * problem.jobs.power_kw[columns.job]
        used = np.flatnonzero(counted_kw[pair])
        place = k * problem.n_slots + slot[used]
        entries.append((place, columns.first_slot_column + column[used], counted_kw[pair[used]]))
    rows = _matrix(columns, held_kw.size, entries)
    scarce = np.flatnonzero(np.asarray(rows.sum(axis=1)).ravel() > held_kw.ravel() + _ROOM)
    return rows[scarce], held_kw.ravel()[scarce], scarce


def _quotas(
    sweeper: Sweeper, columns: Columns, held_kwh: NDArray[np.float64]
) -> tuple[sparse.csr_matrix, NDArray[np.float64], NDArray[np.int64]]:
    """The same for quotas, which count whole pairs."""
    problem = sweeper.problem
    energy = problem.slot_kwh[columns.job] * problem.jobs.length[columns.job]
    pairs = np.arange(columns.job.size)
    entries = [
        (np.full(pairs.size, q), pairs, covers[sweeper.kind[columns.job], columns.region] * energy)
        for q, covers in enumerate(sweeper.quota_covers)
    ]
    rows = _matrix(columns, held_kwh.size, entries)
    scarce = np.flatnonzero(np.asarray(rows.sum(axis=1)).ravel() > held_kwh + _ROOM)
    return rows[scarce], held_kwh[scarce], scarce


def _solution(
    sweeper: Sweeper, program: Program, value: float, x: NDArray[np.float64], prices: Prices | None
) -> Solution:
    problem, columns = sweeper.problem, program.columns
    share = np.zeros((problem.jobs.size, problem.n_regions))
    share[columns.job, columns.region] = x[: columns.job.size]
    share[np.abs(share) < _WHOLE] = 0.0
    return Solution(value, share, x[columns.first_slot_column :], prices)

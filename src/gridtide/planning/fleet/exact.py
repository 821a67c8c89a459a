"""
A plan close to the linear bound for up to a few hundred jobs.

1. `relaxation`: the linear program gives the bound, prices, and for most jobs the region.
2. *Dive*: jobs that the program puts into one region stay there, the most decided of the others are fixed, and so on.
3. `neighbourhood`: where most is lost against the bound, small mixed-integer programs move a few jobs at once.
4. With regions settled, whole slots are one more program per region, small because regions no longer compete.
5. What still has no place is put in by `greedy`; `repair` and small programs of `rivals`, in whole slots, take turns.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from gridtide.planning.fleet import program, repair
from gridtide.planning.fleet.greedy import Board
from gridtide.planning.fleet.neighbourhood import State, Walk
from gridtide.planning.fleet.rivals import Rivals

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from gridtide.planning.fleet.plan import Placement
    from gridtide.planning.fleet.prices import Sweeper
    from gridtide.planning.fleet.program import Program, Solution
    from gridtide.planning.fleet.relaxation import Relaxation

__all__ = ["Effort", "improve"]

_DECIDED: Final = 1.0 - 1e-6
_NEAR: Final = 0.05
_WIDE: Final = 0.15
_MOVE_GAP: Final = 2e-3
_SLOT_GAP: Final = 1e-3
_OF_DISTANCE: Final = 0.2
_HALF: Final = 0.5
_ROUNDS_A_JOB: Final = 60
_LESS_G: Final = 1e-6


class Effort(NamedTuple):
    """
    How much work the exact path spends.

    Attributes:
        moves: Small programs that move jobs between regions.
        movers: Jobs that each may move.
        target: Distance from the bound, as a share, at which moving stops.
        turns: How often rounds and programs in whole slots follow each other at the end; twice as often while a job
            has no place.
        rounds: Most repairing rounds of each turn; few jobs take fewer.
        rivals: Small programs of each turn.
        size: Jobs that each of these may move, all others standing still.
        whole_target: Distance from the bound at which the turns stop.
        nodes: Branches of one whole program.
        seconds: Longest time of one program; a guard that is not reached on an idle machine. [s]
    """

    moves: int = 8
    movers: int = 6
    target: float = 0.0035
    turns: int = 2
    rounds: int = 2500
    rivals: int = 4
    size: int = 10
    whole_target: float = 0.0048
    nodes: int = 1
    seconds: float = 5.0


def improve(sweeper: Sweeper, relaxation: Relaxation, *, effort: Effort, seed: int) -> Placement:
    """
    Find a placement close to the bound of *relaxation*.

    Raises:
        UnsolvedError: The solver gave up on the way to a first placement.
    """
    rng = np.random.default_rng(seed)
    near = relaxation.extra_g <= _NEAR * relaxation.mean_g
    wide = relaxation.extra_g <= _WIDE * relaxation.mean_g
    regions = _dive(sweeper, relaxation.solution, near, effort)
    state = State.of_regions(sweeper, relaxation, regions, seconds=effort.seconds)
    state = _move_regions(state, wide, effort, rng)
    board = Board(sweeper, relaxation.prices)
    _whole_slots(state, board, effort)
    hardest = np.argsort(-sweeper.problem.slot_kwh * sweeper.problem.jobs.length, kind="stable")
    for job in hardest[board.placement.region[hardest] < 0].tolist():
        board.insert(job)
    rivals = Rivals(sweeper, wide, size=effort.size, rng=rng)
    rounds = min(effort.rounds, _ROUNDS_A_JOB * hardest.size)
    for turn in range(2 * effort.turns):
        done = turn >= effort.turns and (board.placement.region >= 0).all()
        if done or board.objective_g <= _goal(relaxation, effort.whole_target):
            break
        best_g, again = relaxation.best_g, seed + turn
        repair.ruin_and_recreate(board, relaxation.prices, best_g, rounds=rounds, seed=again)
        if _move_rivals(relaxation, board, rivals, wide, effort):
            break
    return board.placement


def _dive(sweeper: Sweeper, solution: Solution, near: NDArray[np.bool_], effort: Effort) -> NDArray[np.bool_]:
    """
    Fix jobs to regions, the most decided first; returns one region for every job that has a place.

    A job that no longer fits where it was fixed may go anywhere else; each such step closes a pair for good, so the
    dive ends.
    """
    allowed = near | (solution.share > 0.0)
    closed = np.zeros_like(allowed)
    while True:
        most = solution.share.max(axis=1)
        stuck = (allowed.sum(axis=1) == 1) & (most < _DECIDED)
        closed[stuck] |= allowed[stuck]
        allowed[stuck] = near[stuck] & ~closed[stuck]
        free = np.flatnonzero((allowed.sum(axis=1) > 1) & ~stuck)
        if not free.size and not stuck.any():
            return allowed
        choice = np.where(allowed, solution.share, -1.0).argmax(axis=1)
        unsure = free[most[free] < _DECIDED]
        surest = unsure[np.argsort(-most[unsure], kind="stable")][: max(1, unsure.size // 3)]
        for job in (*free[most[free] >= _DECIDED].tolist(), *surest.tolist()):
            allowed[job] = np.arange(allowed.shape[1]) == choice[job]
        solution = program.solve(sweeper, program.build(sweeper, allowed), seconds=effort.seconds)


def _move_regions(state: State, wide: NDArray[np.bool_], effort: Effort, rng: np.random.Generator) -> State:
    """Let groups change regions while slots may still be split."""
    walk = Walk(state.sweeper, wide, size=effort.movers, rng=rng)
    for _ in range(effort.moves):
        group = walk.next_group(state) if state.value_g > _goal(state.relaxation, effort.target) else None
        if group is None:
            break
        found = state.moved(group, wide, whole_slots=False, seconds=effort.seconds, nodes=effort.nodes, gap=_MOVE_GAP)
        if found is None:
            continue
        regions = np.where(group.inside[:, None], found[1].share > _HALF, state.regions)
        after = State.of_regions(state.sweeper, state.relaxation, regions, seconds=effort.seconds)
        state = after if after.value_g < state.value_g - _LESS_G else state
    return state


def _whole_slots(state: State, board: Board, effort: Effort) -> None:
    """Choose whole slots region by region; jobs that do not fit stay without a place."""
    problem = state.sweeper.problem
    spans = [*(limit.regions for limit in problem.limits), *(quota.regions for quota in problem.quotas)]
    shared = any(regions is None or len(regions) > 1 for regions in spans)
    # Far from the bound there is more to gain elsewhere than in the last gram of a region.
    far = state.value_g / (abs(state.relaxation.bound_g) + _LESS_G) - 1.0
    gap = max(_SLOT_GAP, _OF_DISTANCE * min(far, _WIDE))
    groups = [slice(None)] if shared else [slice(r, r + 1) for r in range(problem.n_regions)]
    for group in groups:
        allowed = np.zeros_like(state.regions)
        allowed[:, group] = state.regions[:, group]
        if not allowed.any():
            continue
        built = program.build(state.sweeper, allowed)
        found = program.solve_whole(
            state.sweeper, built, whole_slots=True, seconds=effort.seconds, nodes=effort.nodes, gap=gap
        )
        if found is not None:
            _put_all(state.sweeper, built, found, board)


def _move_rivals(relaxation: Relaxation, board: Board, rivals: Rivals, wide: NDArray[np.bool_], effort: Effort) -> bool:
    """Let groups change regions in whole slots, and keep what lowers the objective; whether a group held all jobs."""
    sweeper = board.sweeper
    for _ in range(effort.rivals):
        state = State.of_placement(sweeper, relaxation, board.placement)
        if state.value_g <= _goal(relaxation, effort.whole_target):
            return False
        group = rivals.next_group(state)
        found = state.moved(group, wide, whole_slots=True, seconds=effort.seconds, nodes=effort.nodes, gap=_MOVE_GAP)
        if found is None:
            continue
        old = [(job, int(board.placement.region[job]), board.placement.slots[job]) for job in group.movers.tolist()]
        before_g = board.objective_g
        for job in group.movers.tolist():
            board.remove(job)
        _put_all(sweeper, *found, board)
        if board.objective_g >= before_g - _LESS_G:
            board.restore(old)
        if group.inside.all():
            return True
    return False


def _put_all(sweeper: Sweeper, built: Program, found: Solution, board: Board) -> None:
    """Place the jobs of a program with whole slots; what rounding made impossible stays without a place."""
    jobs, columns = sweeper.problem.jobs, built.columns
    chosen = found.column > _HALF
    for k in np.flatnonzero(found.share[columns.job, columns.region] > _HALF).tolist():
        job, region = int(columns.job[k]), int(columns.region[k])
        slots = columns.slot[(columns.pair == k) & chosen]
        if jobs.contiguous[job] and slots.size == 1:
            slots = slots[0] + np.arange(jobs.length[job])
        if slots.size == jobs.length[job] and board.fits(job, region, slots):
            board.put(job, region, slots)


def _goal(relaxation: Relaxation, target: float) -> float:
    return relaxation.bound_g + target * abs(relaxation.bound_g)

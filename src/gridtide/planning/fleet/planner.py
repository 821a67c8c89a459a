"""Which path answers a joint plan, and what it reports."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

import numpy as np

from gridtide.planning.fleet import exact, greedy
from gridtide.planning.fleet.exact import Effort
from gridtide.planning.fleet.greedy import Board
from gridtide.planning.fleet.plan import FleetPlan, Placement
from gridtide.planning.fleet.prices import FIRST_STEP, Prices, Sweeper, find_prices
from gridtide.planning.fleet.problem import sample
from gridtide.planning.fleet.relaxation import relax

if TYPE_CHECKING:
    from gridtide.planning.fleet.problem import FleetProblem

__all__ = ["Method", "plan_fleet"]

_MOST_PAIR_SLOTS = 120_000
_SWEEPS = 120
_SAMPLE = 4_000
_SAMPLE_SWEEPS = 400
_SWEEPS_AFTER_SAMPLE = 80
_STEP_AFTER_SAMPLE = 0.004
_LAST_PRICES = (0.5, 0.0)
_ROUNDS_PER_JOB = 15
_MOST_ROUNDS = 6_000
_MOST_JOBS_TO_REPAIR = 5_000
_REPAIR_HEAT = 0.005


class Method(StrEnum):
    """How to plan: by size, by programs, or by prices and a greedy alone."""

    AUTO = "auto"
    EXACT = "exact"
    FAST = "fast"


def plan_fleet(
    problem: FleetProblem, *, method: Method = Method.AUTO, seed: int = 0, effort: Effort | None = None
) -> FleetPlan:
    """
    Place every job, close to the fewest grams the limits allow.

    Args:
        problem: Jobs, carbon intensity and limits.
        method: Exact for some hundred jobs, fast for tens of thousands; auto decides by size.
        seed: Of random choices; the fast path gives the same plan for the same seed, the exact path as long as no
            program runs into its time limit.
        effort: Of the exact path.

    Returns:
        The plan with its bound and gap; jobs for which no room was found are listed, never squeezed in.
    """
    jobs = problem.jobs
    if method is Method.AUTO:
        pair_slots = int(((jobs.deadline - jobs.release) * np.isfinite(jobs.transfer_g).sum(axis=1)).sum())
        method = Method.EXACT if pair_slots <= _MOST_PAIR_SLOTS else Method.FAST
    if not jobs.size:
        return _report(problem, Placement(np.empty(0, np.int64), []), 0.0, method)
    if method is Method.FAST:
        return _fast(problem, seed)
    sweeper = Sweeper(problem)
    _, sweep = find_prices(sweeper, sweeps=_SWEEPS)
    relaxation = relax(sweeper, sweep)
    placement = exact.improve(sweeper, relaxation, effort=effort or Effort(), seed=seed)
    return _report(problem, placement, relaxation.bound_g, method)


def _fast(problem: FleetProblem, seed: int) -> FleetPlan:
    """Prices from a sample, then from all jobs; a greedy at these prices, and passes that fill what stayed free."""
    sweeper = Sweeper(problem, tighten=problem.jobs.size <= _SAMPLE)
    start = None
    if problem.jobs.size > _SAMPLE:
        part, _ = sample(problem, _SAMPLE, seed=seed)
        start, _ = find_prices(Sweeper(part, tighten=False), sweeps=_SAMPLE_SWEEPS)
    sweeps = _SAMPLE_SWEEPS if start is None else _SWEEPS_AFTER_SAMPLE
    first_step = FIRST_STEP if start is None else _STEP_AFTER_SAMPLE
    prices, sweep = find_prices(sweeper, sweeps=sweeps, start=start, first_step=first_step)
    board = Board(sweeper, prices)
    greedy.fill(board, prices, seed=seed)
    greedy.refill(board, prices, seed=seed + 1)
    by_slack = np.argsort(problem.jobs.deadline - problem.jobs.release - problem.jobs.length, kind="stable").tolist()
    for share in _LAST_PRICES:
        board.follow(Prices(prices.slot * share, prices.quota * share))
        greedy.reinsert(board, by_slack)
    if problem.jobs.size <= _MOST_JOBS_TO_REPAIR:
        board.follow(prices)
        rounds = min(_ROUNDS_PER_JOB * problem.jobs.size, _MOST_ROUNDS)
        heat_g = _REPAIR_HEAT * float(np.abs(sweep.cost_g.min(axis=1)).mean())
        greedy.ruin_and_recreate(board, rounds=rounds, seed=seed, heat_g=heat_g)
    return _report(problem, board.placement, sweep.bound_g, Method.FAST)


def _report(problem: FleetProblem, placement: Placement, bound_g: float, method: Method) -> FleetPlan:
    unplaced = np.flatnonzero(placement.region < 0)
    grams = float(placement.grams(problem).sum())
    return FleetPlan(
        placement=placement,
        grams=grams,
        objective_g=grams + float(problem.unplaced_g[unplaced].sum()),
        bound_g=bound_g,
        unplaced=tuple(unplaced.tolist()),
        method=str(method),
    )

"""Which path answers a joint plan, and what it reports."""

from __future__ import annotations

from dataclasses import replace
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from gridtide.domain.errors import InvalidInput
from gridtide.planning.fleet import exact, greedy, repair
from gridtide.planning.fleet.exact import Effort
from gridtide.planning.fleet.greedy import Board
from gridtide.planning.fleet.plan import FleetPlan, Placement
from gridtide.planning.fleet.prices import FIRST_STEP, Prices, Sweeper, find_prices
from gridtide.planning.fleet.problem import sample
from gridtide.planning.fleet.program import UnsolvedError
from gridtide.planning.fleet.relaxation import relax
from gridtide.planning.fleet.room import fits_alone, why_unplaced

if TYPE_CHECKING:
    from gridtide.planning.fleet.problem import FleetProblem

__all__ = ["Method", "plan_fleet"]

_MOST_PAIR_SLOTS = 120_000
_SWEEPS = 400
_BOUND_TOLERANCE = 1e-3
_SAMPLE = 4_000
_SAMPLE_SWEEPS = 400
_SWEEPS_AFTER_SAMPLE = 80
_STEP_AFTER_SAMPLE = 0.004
_LAST_PRICES = (0.5, 0.0)
_ROUNDS_PER_JOB = 15
_MOST_ROUNDS = 6_000
_MOST_JOBS_TO_REPAIR = 5_000


class Method(StrEnum):
    """How to plan: by size, by programs, or by prices and a greedy alone."""

    AUTO = "auto"
    EXACT = "exact"
    FAST = "fast"


class _Found(NamedTuple):
    """A placement, a bound for all, and who found them."""

    placement: Placement
    bound_g: float
    method: Method


def plan_fleet(
    problem: FleetProblem, *, method: Method = Method.AUTO, seed: int = 0, effort: Effort | None = None
) -> FleetPlan:
    """
    Place every job, close to the fewest grams the limits allow.

    Args:
        problem: Jobs, carbon intensity and limits.
        method: Exact for some hundred jobs, fast for tens of thousands; auto decides by size. Exact gives way to fast
            where figures lie too far apart for the solver; the plan names who answered.
        seed: Of random choices, zero or more; the fast path gives the same plan for the same seed, the exact path as
            long as no program runs into its time limit.
        effort: Of the exact path.

    Returns:
        The plan with its bound and gap; jobs for which no room was found are listed with why, never squeezed in.

    Raises:
        InvalidInput: There is no such method, or *seed* is below zero.
    """
    if method not in set(Method):
        raise InvalidInput(f"method is {method!r:.40}; allowed: {', '.join(Method)}", field="method")
    if seed < 0:
        raise InvalidInput(f"seed is {seed}; allowed: zero or more", field="seed")
    jobs, method = problem.jobs, Method(method)
    if method is Method.AUTO:
        pair_slots = int(((jobs.deadline - jobs.release) * np.isfinite(jobs.transfer_g).sum(axis=1)).sum())
        method = Method.EXACT if pair_slots <= _MOST_PAIR_SLOTS else Method.FAST
    fits = fits_alone(problem)
    rows = np.flatnonzero(fits)
    part = problem if fits.all() else replace(problem, jobs=jobs.some(rows))
    found = _found(part, method, seed, effort or Effort())
    region, slots = np.full(jobs.size, -1), [np.empty(0, np.int64)] * jobs.size
    region[rows] = found.placement.region
    for job, own in zip(rows.tolist(), found.placement.slots, strict=True):
        slots[job] = own
    bound_g = found.bound_g + float(problem.unplaced_g[~fits].sum())
    return _report(problem, _Found(Placement(region, slots), bound_g, found.method))


def _found(problem: FleetProblem, method: Method, seed: int, effort: Effort) -> _Found:
    """Plan jobs that each have a place of their own."""
    if not problem.jobs.size:
        return _Found(Placement(np.empty(0, np.int64), []), 0.0, method)
    if method is Method.EXACT:
        try:
            return _exact(problem, seed, effort)
        except UnsolvedError:
            pass
    return _fast(problem, seed)


def _exact(problem: FleetProblem, seed: int, effort: Effort) -> _Found:
    """The linear program for the bound, then `exact`."""
    sweeper = Sweeper(problem)
    _, sweep = find_prices(sweeper, sweeps=_SWEEPS)
    relaxation = relax(sweeper, sweep, seconds=effort.seconds, tolerance=_BOUND_TOLERANCE)
    placement = exact.improve(sweeper, relaxation, effort=effort, seed=seed)
    return _Found(placement, relaxation.bound_g, Method.EXACT)


def _fast(problem: FleetProblem, seed: int) -> _Found:
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
        rounds = min(_ROUNDS_PER_JOB * problem.jobs.size, _MOST_ROUNDS)
        repair.ruin_and_recreate(board, prices, sweep.cost_g.min(axis=1), rounds=rounds, seed=seed)
    return _Found(board.placement, sweep.bound_g, Method.FAST)


def _report(problem: FleetProblem, found: _Found) -> FleetPlan:
    unplaced = np.flatnonzero(found.placement.region < 0)
    grams = float(found.placement.grams(problem).sum())
    objective_g = grams + float(problem.unplaced_g[unplaced].sum())
    return FleetPlan(
        placement=found.placement,
        grams=grams,
        objective_g=objective_g,
        # A plan is itself a bound for the optimum, so a bound above it is rounding.
        bound_g=min(found.bound_g, objective_g),
        unplaced=tuple(unplaced.tolist()),
        reasons=tuple(why_unplaced(problem, found.placement)),
        method=str(found.method),
    )

"""
Jobs that stand in each other's way, taken out together and put back in another order.

A scarce place is left by whoever has it only if both move, so most rounds take a job that costs far more than it would
alone, and some of those that run in one region during its window; the others take jobs of one time. Prices, order and
values vary from round to round, because the cheapest place of a single job is often the one another needs. A round is
kept when it lowers the objective, and at first also when it raises it a little (simulated annealing).

References:
    Schrimpf, Schneider, Stamm-Wilbrandt, Dueck (2000), Record breaking optimization results using the ruin and
    recreate principle, doi:10.1006/jcph.1999.6413.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from gridtide.planning.fleet.prices import Prices

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from gridtide.planning.fleet.greedy import Board

__all__ = ["ruin_and_recreate"]

_MOST_OUT: Final = 10
_REACH: Final = 60
_OF_PRICES: Final = (1.0, 0.7, 0.4)
_RIVALS: Final = 0.7
_GUIDED: Final = 0.7
_DRAWN: Final = 4
_NOISY: Final = 0.8
_NOISE: Final = 0.2
_HEAT: Final = 0.02
_COOLED: Final = 0.01


class _Picker:
    """
    Draws the jobs of a round.

    Args:
        board: Where they are.
        best_g: Cheapest cost of each job at the prices, shape (n_jobs,). [gCO2eq]
        rng: Draws.
    """

    def __init__(self, board: Board, best_g: NDArray[np.float64], rng: np.random.Generator) -> None:
        jobs = board.problem.jobs
        self._board, self._best_g, self._rng = board, best_g, rng
        self._by_time = np.argsort(jobs.release + jobs.deadline, kind="stable")
        self._place = np.argsort(self._by_time, kind="stable")
        self._reach = max(_MOST_OUT, min(self._by_time.size // 4, _REACH))

    def picked(self) -> NDArray[np.int64]:
        """Up to ten jobs."""
        rng, count = self._rng, int(self._rng.integers(2, _MOST_OUT + 1))
        if rng.random() < _RIVALS:
            return self._rivals(count)
        centre = int(self._place[rng.integers(self._by_time.size)])
        near = self._by_time[max(0, centre - self._reach) : centre + self._reach]
        return rng.choice(near, size=min(count, near.size), replace=False)

    def _rivals(self, count: int) -> NDArray[np.int64]:
        """A job, and others that run in one region during its window."""
        rng, board = self._rng, self._board
        jobs = board.problem.jobs
        drawn = rng.integers(jobs.size, size=_DRAWN).tolist()
        job = max(drawn, key=lambda j: board.cost[j] - self._best_g[j]) if rng.random() < _GUIDED else drawn[0]
        there = board.placement.region == rng.integers(board.problem.n_regions)
        there &= (jobs.release < jobs.deadline[job]) & (jobs.deadline > jobs.release[job])
        there[job] = False
        others = np.flatnonzero(there)
        if others.size >= count:
            others = rng.choice(others, size=count - 1, replace=False)
        return np.append(others, job)


def ruin_and_recreate(board: Board, prices: Prices, best_g: NDArray[np.float64], *, rounds: int, seed: int) -> None:
    """
    Take a few jobs out, put them back in another order, and keep what pays.

    Args:
        board: Changed in place; ends with the best placement seen.
        prices: That choices follow, in part or in full.
        best_g: Cheapest cost of each job at these prices, shape (n_jobs,). [gCO2eq]
        rounds: How often.
        seed: Of the random order; the same seed gives the same plan.
    """
    rng = np.random.default_rng(seed)
    picker = _Picker(board, best_g, rng)
    jobs = board.problem.jobs
    widest = int((jobs.deadline - jobs.release).max(initial=1))
    priced = [board.sweeper.priced(Prices(prices.slot * part, prices.quota * part)) for part in _OF_PRICES]
    first_heat_g = _HEAT * float(np.abs(best_g).mean())
    above_best = 0.0
    undo: dict[int, tuple[int, int, NDArray[np.int64]]] = {}
    for turn in range(rounds):
        heat_g = first_heat_g * _COOLED ** (turn / rounds)
        picked = picker.picked()
        old = [(job, int(board.placement.region[job]), board.placement.slots[job]) for job in picked.tolist()]
        before = sum(board.cost[job] for job, _, _ in old)
        for job, _, _ in old:
            board.remove(job)
        board.priced = priced[rng.integers(len(priced))]
        noise = 1.0 + _NOISE * rng.random(widest) if rng.random() < _NOISY else None
        for job in _order(picked, board, rng):
            board.insert(job, noise=noise)
        change = sum(board.cost[job] for job, _, _ in old) - before
        if change >= heat_g * -np.log(1.0 - rng.random()):
            board.restore(old)
            continue
        # Whatever has changed since the best placement can be undone, so no placement is ever copied.
        above_best += change
        for entry in old:
            undo.setdefault(entry[0], entry)
        if above_best < 0.0:
            above_best, undo = 0.0, {}
    if above_best > 0.0:
        board.restore(list(undo.values()))
    board.follow(prices)


def _order(picked: NDArray[np.int64], board: Board, rng: np.random.Generator) -> list[int]:
    """One of four orders: any, most energy first, least slack first, most power first."""
    jobs = board.problem.jobs
    key = rng.integers(4)
    if key == 0:
        rank = rng.random(picked.size)
    elif key == 1:
        rank = -jobs.power_kw[picked] * jobs.length[picked]
    elif key == 2:
        rank = (jobs.deadline - jobs.release - jobs.length)[picked].astype(np.float64)
    else:
        rank = -jobs.power_kw[picked]
    return [int(job) for job in picked[np.argsort(rank, kind="stable")]]

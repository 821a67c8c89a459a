"""
One job after the other into the cheapest free place, at prices that tell each what its place is worth to others.

At zero prices this is the usual greedy, whose result hangs on the order. Prices from `prices.find_prices` keep the
scarce slots for the jobs that need them. Passes that take jobs out and put them back repair what the order got wrong;
`repair` does so with several at a time. The limits hold after every step.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from gridtide.planning.fleet.plan import Placement

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from gridtide.planning.fleet.prices import Prices, Sweeper
    from gridtide.planning.fleet.problem import FleetProblem

__all__ = ["Board", "fill", "refill", "reinsert"]

_FULL = 1e-9
_NO_ROOM = 1e200
_BATCH = 100
_FILL_BEND = 0.02
_REFILL_BEND = 3.0


class Board:
    """
    A placement under construction: who is where, and what is still free.

    Args:
        sweeper: Of the problem.
        prices: That choices follow.
    """

    def __init__(self, sweeper: Sweeper, prices: Prices) -> None:
        problem = sweeper.problem
        self.problem, self.sweeper = problem, sweeper
        self.priced = sweeper.priced(prices)
        self.kind: list[int] = sweeper.kind.tolist()
        jobs = problem.jobs
        self.power: list[float] = jobs.power_kw.tolist()
        self.length: list[int] = jobs.length.tolist()
        self.contiguous: list[bool] = jobs.contiguous.tolist()
        self.windows = [slice(a, b) for a, b in zip(jobs.release.tolist(), jobs.deadline.tolist(), strict=True)]
        self.release: list[int] = jobs.release.tolist()
        self.slot_kwh = problem.slot_kwh.tolist()
        self.placement = Placement(np.full(jobs.size, -1), [np.empty(0, np.int64)] * jobs.size)
        self.cost: list[float] = problem.unplaced_g.tolist()
        self.unplaced: list[float] = list(self.cost)
        self._quota_covers = sweeper.quota_covers
        self.kw, quota_kwh = problem.held()
        self._quota_kwh: list[float] = quota_kwh.tolist()
        # One limit per region is looked up at once; a row without an end stands in where a region has none.
        self.left_kw = np.vstack((self.kw, np.full((1, problem.n_slots), np.inf)))
        self._own, self._shared = _own_limits(problem)
        covers = sweeper.covers[: self.kw.shape[0]] > 0.0
        self._covers = covers
        self._counting = [
            [np.flatnonzero(covers[:, k, r]).tolist() for r in range(problem.n_regions)] for k in range(covers.shape[1])
        ]

    def follow(self, prices: Prices) -> None:
        """Let choices follow other prices from now on."""
        self.priced = self.sweeper.priced(prices)

    def used_share(self) -> NDArray[np.float64]:
        """How full each limit of the problem is, shape (n_limits, n_slots); 1 where it holds nothing."""
        return np.where(self.kw > 0.0, 1.0 - self.left_kw[:-1] / np.where(self.kw > 0.0, self.kw, 1.0), 1.0)

    @property
    def objective_g(self) -> float:
        """Emissions of placed jobs and what the others count. [gCO2eq]"""
        return float(sum(self.cost))

    def free_kw(self, job: int) -> NDArray[np.float64]:
        """Power left for *job* in its window, shape (n_regions, width). [kW]"""
        window, kind = self.windows[job], self.kind[job]
        free: NDArray[np.float64] = self.left_kw[self._own, window]
        for k in self._shared:
            counted = self._covers[k, kind]
            free[counted] = np.minimum(free[counted], self.left_kw[k, window])
        need = self.slot_kwh[job] * self.length[job]
        for q, left in enumerate(self._quota_kwh):
            if need > left * (1 + _FULL) + _FULL:
                free[self._quota_covers[q, kind]] = -1.0
        return free

    def insert(self, job: int, *, noise: NDArray[np.float64] | None = None) -> bool:
        """Put *job* into the place that is cheapest at the prices; False when there is no room for it."""
        values = self.priced[self.kind[job]][:, self.windows[job]]
        if noise is not None:
            values = values * noise[: values.shape[1]]
        free = self.free_kw(job) >= self.power[job] - _FULL
        find = self._best_run if self.contiguous[job] else self._best_slots
        sums, slots = find(np.where(free, values, _NO_ROOM), self.length[job])
        total = sums * self.slot_kwh[job] + self.problem.jobs.transfer_g[job]
        region = int(total.argmin())
        if sums[region] >= _NO_ROOM or not np.isfinite(total[region]):
            return False
        self.put(job, region, np.sort(slots[region]) + self.release[job])
        return True

    def put(self, job: int, region: int, slots: NDArray[np.int64]) -> None:
        """Place *job*; the caller knows that there is room."""
        self.placement.region[job] = region
        self.placement.slots[job] = slots
        self._book(job, -1.0)
        self.cost[job] = self.slot_kwh[job] * float(self.problem.values[region, slots].sum()) + float(
            self.problem.jobs.transfer_g[job, region]
        )

    def remove(self, job: int) -> None:
        """Take *job* out, if it has a place."""
        if self.placement.region[job] < 0:
            return
        self._book(job, 1.0)
        self.placement.region[job] = -1
        self.placement.slots[job] = np.empty(0, np.int64)
        self.cost[job] = self.unplaced[job]

    def restore(self, old: Iterable[tuple[int, int, NDArray[np.int64]]]) -> None:
        """Put jobs back where they were: entries of job, region (-1 for none) and slots."""
        entries = list(old)
        for job, _, _ in entries:
            self.remove(job)
        for job, region, slots in entries:
            if region >= 0:
                self.put(job, region, slots)

    def fits(self, job: int, region: int, slots: NDArray[np.int64]) -> bool:
        """Whether there is room for *job* there and then."""
        free = self.free_kw(job)[region, slots - self.release[job]]
        return bool((free >= self.power[job] - _FULL).all())

    def _book(self, job: int, sign: float) -> None:
        region, slots, kind = int(self.placement.region[job]), self.placement.slots[job], self.kind[job]
        for k in self._counting[kind][region]:
            self.left_kw[k, slots] += sign * self.power[job]
        for q in range(len(self._quota_kwh)):
            if self._quota_covers[q, kind, region]:
                self._quota_kwh[q] += sign * self.slot_kwh[job] * self.length[job]

    @staticmethod
    def _best_slots(values: NDArray[np.float64], length: int) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        if length == values.shape[1]:
            return values.sum(axis=1), np.broadcast_to(np.arange(length), values.shape)
        order = np.argpartition(values, length - 1, axis=1)[:, :length]
        return np.take_along_axis(values, order, axis=1).sum(axis=1), order

    @staticmethod
    def _best_run(values: NDArray[np.float64], length: int) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        blocked = values >= _NO_ROOM
        sums = np.cumsum(np.where(blocked, 0.0, values), axis=1)
        gaps = np.cumsum(blocked, axis=1, dtype=np.int64)
        run, gap = sums[:, length - 1 :].copy(), gaps[:, length - 1 :].copy()
        run[:, 1:] -= sums[:, :-length]
        gap[:, 1:] -= gaps[:, :-length]
        run[gap > 0] = _NO_ROOM
        start = run.argmin(axis=1)
        return np.take_along_axis(run, start[:, None], axis=1)[:, 0], start[:, None] + np.arange(length)


def _own_limits(problem: FleetProblem) -> tuple[NDArray[np.int64], list[int]]:
    """For each region a limit that counts it alone and everybody in it (or one past the last), and the other limits."""
    own = np.full(problem.n_regions, len(problem.limits))
    shared = []
    for k, limit in enumerate(problem.limits):
        alone = limit.regions is not None and len(limit.regions) == 1 and limit.tenants is None
        if alone and limit.regions is not None and own[limit.regions[0]] == len(problem.limits):
            own[limit.regions[0]] = k
        else:
            shared.append(k)
    return own, shared


def fill(board: Board, prices: Prices, *, seed: int) -> None:
    """
    Put all jobs in, in random order, at prices that rise a little where a limit fills ahead of time.

    Many jobs are almost indifferent at good prices; without the small rise they would all crowd into the same slots
    and push those away who need them.
    """
    _in_random_order(board, prices, seed=seed, bend=_FILL_BEND, again=False)


def refill(board: Board, prices: Prices, *, seed: int) -> None:
    """Take each job out and put it back, at prices that fall where a limit has room left."""
    _in_random_order(board, prices, seed=seed, bend=_REFILL_BEND, again=True)


def _in_random_order(board: Board, prices: Prices, *, seed: int, bend: float, again: bool) -> None:
    size = board.problem.jobs.size
    order = np.random.default_rng(seed).permutation(size)
    n_limits = board.kw.shape[0]
    for first in range(0, size, _BATCH):
        expected = 1.0 if again else (first + 0.5 * _BATCH) / size
        slot = prices.slot.copy()
        slot[:n_limits] *= np.exp(bend * (board.used_share() - expected))
        board.follow(prices._replace(slot=slot))
        batch = order[first : first + _BATCH].tolist()
        if again:
            reinsert(board, batch)
        else:
            for job in batch:
                board.insert(job)


def reinsert(board: Board, order: Iterable[int]) -> None:
    """
    Take each job out and put it back into the place that is now cheapest at the prices.

    A single move may raise the objective, since moves follow the prices; jobs without a place are tried too.
    """
    for job in order:
        old = (job, int(board.placement.region[job]), board.placement.slots[job])
        board.remove(job)
        if not board.insert(job):
            board.restore([old])

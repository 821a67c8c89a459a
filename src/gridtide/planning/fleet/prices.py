"""
Prices for shared limits, and the bound they give.

A limit that is not free has a price per kWh in each slot. At given prices every job chooses for itself, in one sweep
over all jobs; what the choices cost, less what the limits would earn, is a lower bound for every plan, whatever the
prices (Lagrangian relaxation). Prices rise where the choices exceed a limit and fall where they leave room, each
with steps of its own size, since clean and dirty regions differ by an order of magnitude; the bound comes close to
that of the linear program.

References:
    Held, Wolfe, Crowder (1974), Validation of subgradient optimization, doi:10.1007/BF01580223.
    Kingma, Ba (2015), Adam: a method for stochastic optimization, arXiv:1412.6980.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from gridtide.planning.fleet.chunk import chunks

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from gridtide.planning.fleet.problem import FleetProblem

__all__ = ["FIRST_STEP", "Prices", "Sweep", "Sweeper", "find_prices"]

_MOST_POWERS = 4
_WHOLE = 1e-9
_WORTH_ROUNDING = 0.02
_MEMORY = 0.9
FIRST_STEP = 0.2
_LAST_STEP = 1e-3
_SMALL_SLOPE = 1e-3


class Prices(NamedTuple):
    """
    What a kWh pays beyond its carbon.

    Attributes:
        slot: Shape (n_limits, n_slots). [gCO2eq/kWh]
        quota: Shape (n_quotas,). [gCO2eq/kWh]
    """

    slot: NDArray[np.float64]
    quota: NDArray[np.float64]


class Sweep(NamedTuple):
    """
    What all jobs choose at given prices.

    Attributes:
        bound_g: Lower bound for every plan. [gCO2eq]
        cost_g: Cheapest cost of each job in each region, prices included, shape (n_jobs, n_regions). [gCO2eq]
        excess_kw: Use of each limit above what it holds, shape (n_limits, n_slots). [kW]
        excess_kwh: The same for quotas, shape (n_quotas,). [kWh]
    """

    bound_g: float
    cost_g: NDArray[np.float64]
    excess_kw: NDArray[np.float64]
    excess_kwh: NDArray[np.float64]


class Sweeper:
    """
    Prepares one problem so that a sweep over all jobs costs little.

    With few distinct powers the limits are tightened first: where jobs of 2 kW share 3 kW only one of them can run,
    so counting 2 kW jobs alone the limit holds 2 kW. In general powers and limit are rounded down to multiples of one
    power (Chvatal-Gomory cuts); no valid plan is lost, and the bound comes closer to what whole jobs can do.

    Args:
        problem: To be swept.
        tighten: Whether to add such limits.

    Attributes:
        kind: Kind of each job; jobs of one kind count alike in every limit, shape (n_jobs,).
        covers: Part of a job's power that counts, shape (n_limits, n_kinds, n_regions).
        held_kw: What each limit holds; those of the problem come first, shape (n_limits, n_slots). [kW]
        quota_covers: Whether quotas count a kind, shape (n_quotas, n_kinds, n_regions).
        held_kwh: What each quota holds, shape (n_quotas,). [kWh]
    """

    def __init__(self, problem: FleetProblem, *, tighten: bool = True) -> None:
        self.problem = problem
        self.kind, covers, self.quota_covers = problem.kinds()
        self.covers = covers.astype(np.float64)
        self.held_kw, self.held_kwh = problem.held()
        if tighten:
            self._tighten()
        self._chunks = list(chunks(problem, self.kind))

    def _tighten(self) -> None:
        powers, group = np.unique(self.problem.jobs.power_kw, return_inverse=True)
        if powers.size > _MOST_POWERS or powers[0] <= 0.0:
            return
        rows, held = [], []
        for row, kw in zip(self.covers, self.held_kw, strict=True):
            for unit in powers:
                rounded = np.floor(kw / unit + _WHOLE) * unit
                if (rounded < kw * (1.0 - _WORTH_ROUNDING)).any():
                    counted = np.floor(powers / unit + _WHOLE) * unit / powers
                    rows.append((row[:, None, :] * counted[None, :, None]).reshape(-1, row.shape[1]))
                    held.append(rounded)
        if not rows:
            return
        self.kind = self.kind * powers.size + group
        self.covers = np.concatenate((np.repeat(self.covers, powers.size, axis=1), np.array(rows)))
        self.quota_covers = np.repeat(self.quota_covers, powers.size, axis=1)
        self.held_kw = np.concatenate((self.held_kw, np.array(held)))

    def none(self) -> Prices:
        """Prices of zero."""
        return Prices(np.zeros_like(self.held_kw), np.zeros_like(self.held_kwh))

    def priced(self, prices: Prices) -> NDArray[np.float64]:
        """Carbon intensity plus prices for each kind of job, shape (n_kinds, n_regions, n_slots). [gCO2eq/kWh]"""
        extra = np.einsum("lkr,lt->krt", self.covers, prices.slot)
        extra += np.einsum("qkr,q->kr", self.quota_covers, prices.quota)[:, :, None]
        return np.asarray(self.problem.values + extra)

    def sweep(self, prices: Prices) -> Sweep:
        """Let every job choose."""
        problem = self.problem
        priced = self.priced(prices)
        cost = np.empty((problem.jobs.size, problem.n_regions))
        used = np.zeros((priced.shape[0], problem.n_regions, problem.n_slots))
        best_g = 0.0
        unplaced = problem.unplaced_g
        for chunk in self._chunks:
            choice = chunk.choose(priced)
            total = choice.total * problem.slot_kwh[chunk.jobs, None] + problem.jobs.transfer_g[chunk.jobs]
            cost[chunk.jobs] = total
            region = total.argmin(axis=1)
            least = np.take_along_axis(total, region[:, None], axis=1)[:, 0]
            placed = np.flatnonzero(least <= unplaced[chunk.jobs])
            best_g += float(np.minimum(least, unplaced[chunk.jobs]).sum())
            chunk.add_use(used, placed, region[placed], choice)
        earned = float((prices.slot * self.held_kw).sum()) * problem.slot_hours
        earned += float((prices.quota * self.held_kwh).sum())
        kw = np.einsum("lkr,krt->lt", self.covers, used)
        kwh = np.einsum("qkr,krt->q", self.quota_covers, used) * problem.slot_hours
        return Sweep(best_g - earned, cost, kw - self.held_kw, kwh - self.held_kwh)


def find_prices(
    sweeper: Sweeper, *, sweeps: int, start: Prices | None = None, first_step: float = FIRST_STEP
) -> tuple[Prices, Sweep]:
    """
    Raise the bound step by step, each price by its own scale.

    Args:
        sweeper: Of the problem.
        sweeps: How many sweeps to spend.
        start: Prices to start from; zero when left out.
        first_step: Size of the first steps, as a share of the mean value; the last are a thousandth of the usual
            first.

    Returns:
        The prices with the best bound, and their sweep.
    """
    prices = start or sweeper.none()
    sweep = sweeper.sweep(prices)
    best = prices, sweep
    sizes = (prices.slot.size, prices.quota.size)
    held = np.concatenate((sweeper.held_kw.ravel(), sweeper.held_kwh))
    held = np.maximum(held, 1e-6 * max(float(held.max(initial=0.0)), 1.0))
    level = np.concatenate((prices.slot.ravel(), prices.quota))
    mean, square = np.zeros(sum(sizes)), np.zeros(sum(sizes))
    scale = max(float(np.abs(sweeper.problem.values).mean()), 1e-9)
    last_step = FIRST_STEP * _LAST_STEP
    for turn in range(1, sweeps):
        # Room under a limit whose price is zero already is no reason to move.
        slope = np.concatenate((sweep.excess_kw.ravel(), sweep.excess_kwh)) / held
        slope = np.where((level <= 0.0) & (slope < 0.0), 0.0, slope)
        mean = _MEMORY * mean + (1.0 - _MEMORY) * slope
        square = _MEMORY * square + (1.0 - _MEMORY) * slope**2
        forget = 1.0 - _MEMORY**turn
        step = scale * first_step * (last_step / first_step) ** (turn / sweeps)
        level = np.maximum(level + step * (mean / forget) / (np.sqrt(square / forget) + _SMALL_SLOPE), 0.0)
        prices = Prices(level[: sizes[0]].reshape(prices.slot.shape), level[sizes[0] :])
        sweep = sweeper.sweep(prices)
        if sweep.bound_g > best[1].bound_g:
            best = prices, sweep
    return best

"""The linear program over all jobs: a bound, prices, and which pairs of job and region can matter at all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from gridtide.planning.fleet import program

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from gridtide.planning.fleet.prices import Prices, Sweep, Sweeper
    from gridtide.planning.fleet.program import Solution

__all__ = ["Relaxation", "relax"]

_CLOSE: Final = 0.004
_CHEAPER_G: Final = 1e-6


class Relaxation(NamedTuple):
    """
    Solution of the linear program.

    Attributes:
        bound_g: Its value, or a little less: a lower bound for every plan. [gCO2eq]
        solution: Of the pairs it was solved on.
        prices: Of the limits.
        best_g: Cheapest cost of each job at these prices, shape (n_jobs,). [gCO2eq]
        extra_g: What each pair costs above that, shape (n_jobs, n_regions). [gCO2eq]
    """

    bound_g: float
    solution: Solution
    prices: Prices
    best_g: NDArray[np.float64]
    extra_g: NDArray[np.float64]

    @property
    def mean_g(self) -> float:
        """Mean of *best_g*, the scale on which differences count. [gCO2eq]"""
        return float(np.abs(self.best_g).mean())


def relax(sweeper: Sweeper, sweep: Sweep, *, seconds: float, tolerance: float = 0.0) -> Relaxation:
    """
    Solve the linear program, adding pairs until none that was left out could lower it.

    Args:
        sweeper: Of the problem.
        sweep: At good prices; pairs far above a job's best there are left out at first.
        seconds: Longest time of each program. [s]
        tolerance: Distance of the bound from the optimum, as a share, at which to stop adding.

    Raises:
        UnsolvedError: The solver gave up.
    """
    best = sweep.cost_g.min(axis=1)
    allowed = sweep.cost_g - best[:, None] <= _CLOSE * float(np.abs(best).mean())
    while True:
        solution = program.solve(sweeper, program.build(sweeper, allowed), seconds=seconds)
        assert solution.prices is not None  # noqa: S101 - a linear program has prices
        priced = sweeper.sweep(solution.prices)
        best = priced.cost_g.min(axis=1)
        among = np.where(allowed, priced.cost_g, np.inf).min(axis=1, keepdims=True)
        missing = ~allowed & (priced.cost_g < among - _CHEAPER_G)
        bound_g = min(priced.bound_g, solution.value_g)
        if not missing.any() or solution.value_g - bound_g <= tolerance * abs(bound_g):
            return Relaxation(bound_g, solution, solution.prices, best, priced.cost_g - best[:, None])
        # The best pair of each such job is enough to go on; with all of them the program would grow for little.
        allowed |= missing & (priced.cost_g <= best[:, None])

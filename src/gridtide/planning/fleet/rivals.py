"""Jobs that want the same place, as groups for a small program: one that loses much, and those in its way."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from gridtide.planning.fleet.neighbourhood import Group

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from gridtide.planning.fleet.neighbourhood import State
    from gridtide.planning.fleet.prices import Sweeper

__all__ = ["Rivals"]

_FADING: Final = 0.5
_AT_LEAST: Final = 0.02
_SCALE: Final = 0.1
_WANTED: Final = 4.0
_OWN: Final = 2.0


class Rivals:
    """
    Names groups one after the other, those who lose most first and not always the same.

    Args:
        sweeper: Of the problem.
        wide: Pairs that are worth a thought, shape (n_jobs, n_regions).
        size: Jobs of a group.
        rng: Draws them.
    """

    def __init__(self, sweeper: Sweeper, wide: NDArray[np.bool_], *, size: int, rng: np.random.Generator) -> None:
        self._jobs, self._wide, self._size, self._rng = sweeper.problem.jobs, wide, size, rng
        self._visits = np.zeros(self._jobs.size)

    def next_group(self, state: State) -> Group:
        """A job that loses much, with jobs of its time: rather of a region it wants, then of its own, and losers."""
        jobs, rng, mean_g = self._jobs, self._rng, state.relaxation.mean_g + 1e-12
        loss = state.loss_g / mean_g + _AT_LEAST
        weight = loss * _FADING**self._visits
        job = int(rng.choice(jobs.size, p=weight / weight.sum()))
        self._visits[job] += 1
        own = int(state.region[job])
        wanted = np.flatnonzero(self._wide[job] & (np.arange(self._wide.shape[1]) != own))
        region = int(rng.choice(wanted)) if wanted.size else own
        shared = np.minimum(jobs.deadline, jobs.deadline[job]) - np.maximum(jobs.release, jobs.release[job])
        shared[job] = 0
        others = np.flatnonzero(shared > 0)
        there = np.where(state.region == region, _WANTED, np.where(state.region == own, _OWN, 1.0))[others]
        weight = shared[others] * there * (loss[others] + _SCALE)
        size = min(self._size - 1, others.size)
        drawn = rng.choice(others, size=size, replace=False, p=weight / weight.sum()) if size else others
        inside = np.zeros(jobs.size, dtype=np.bool_)
        movers = np.append(drawn, job)
        inside[movers] = True
        return Group(inside, movers)

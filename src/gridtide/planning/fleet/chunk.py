"""
Jobs whose windows are about equally wide, as padded arrays: what a sweep works on.

Jobs with the same window share its values, so the work grows with the number of different windows rather than jobs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from gridtide.planning.fleet.problem import FleetProblem

__all__ = ["Choice", "Chunk", "chunks"]

_MOST_ELEMENTS: Final = 1_500_000


class Choice(NamedTuple):
    """
    What each job would do in each region.

    Attributes:
        total: Cheapest sum of priced values, shape (n_jobs, n_regions).
        mark: The dearest slot value taken, or for contiguous jobs the place of the start, same shape.
        values: Of all windows, shape (n_windows, n_regions, width).
    """

    total: NDArray[np.float64]
    mark: NDArray[np.float64]
    values: NDArray[np.float64]


class Chunk:
    """
    Some jobs of one sort.

    Args:
        problem: Whose jobs.
        kind: Kind of every job of the problem, shape (n_jobs_of_problem,).
        jobs: Which jobs; all contiguous or none.
    """

    def __init__(self, problem: FleetProblem, kind: NDArray[np.int64], jobs: NDArray[np.int64]) -> None:
        every = problem.jobs
        width = every.deadline[jobs] - every.release[jobs]
        key = np.stack((kind[jobs], every.release[jobs], width), axis=1)
        distinct, window = np.unique(key, axis=0, return_inverse=True)
        self.jobs, self.window, self.kind = jobs, window.ravel(), distinct[:, 0]
        self.length, self.power_kw = every.length[jobs], every.power_kw[jobs]
        self.contiguous = bool(every.contiguous[jobs[0]])
        place = np.arange(int(width.max()))
        self.slots = np.minimum(distinct[:, 1, None] + place, problem.n_slots - 1)
        self.beyond = place >= distinct[:, 2, None]

    def choose(self, priced: NDArray[np.float64]) -> Choice:
        """Let every job of the chunk take what is cheapest in each region."""
        values = priced[self.kind[:, None, None], np.arange(priced.shape[1])[None, :, None], self.slots[:, None, :]]
        if self.contiguous:
            return self._best_run(values)
        values[np.broadcast_to(self.beyond[:, None, :], values.shape)] = np.inf
        ascending = np.sort(values, axis=2)
        last = np.broadcast_to((self.length - 1)[:, None, None], (self.jobs.size, priced.shape[1], 1))
        mark = np.take_along_axis(ascending[self.window], last, axis=2)[:, :, 0]
        total = np.take_along_axis(np.cumsum(ascending, axis=2)[self.window], last, axis=2)[:, :, 0]
        return Choice(total, mark, values)

    def _best_run(self, values: NDArray[np.float64]) -> Choice:
        sums = np.concatenate((np.zeros((*values.shape[:2], 1)), np.cumsum(values, axis=2)), axis=2)[self.window]
        width = self.slots.shape[1]
        start = np.arange(width)
        end = np.minimum(start + self.length[:, None], width)
        run = np.take_along_axis(sums, np.broadcast_to(end[:, None, :], (*sums.shape[:2], width)), axis=2)
        run -= sums[:, :, :-1]
        last_start = (~self.beyond).sum(axis=1)[self.window] - self.length
        run[np.broadcast_to((start > last_start[:, None])[:, None, :], run.shape)] = np.inf
        best = run.argmin(axis=2)
        total = np.take_along_axis(run, best[:, :, None], axis=2)[:, :, 0]
        return Choice(total, best.astype(np.float64), values)

    def add_use(
        self, used: NDArray[np.float64], rows: NDArray[np.int64], region: NDArray[np.int64], choice: Choice
    ) -> None:
        """
        Add the power of the slots that jobs take.

        Args:
            used: Changed in place, shape (n_kinds, n_regions, n_slots). [kW]
            rows: Which jobs of the chunk.
            region: Where each of them runs.
            choice: Of the whole chunk.
        """
        window, length = self.window[rows], self.length[rows, None]
        mark = choice.mark[rows, region][:, None]
        if self.contiguous:
            place = np.arange(self.slots.shape[1])
            taken = (place >= mark) & (place < mark + length)
        else:
            taken = choice.values[window, region] <= mark
        # Equal values may be taken beyond the length; the power is spread so that the energy stays right.
        power = self.power_kw[rows, None] * (length / taken.sum(axis=1, keepdims=True))
        where = (self.kind[window] * used.shape[1] + region)[:, None] * used.shape[2] + self.slots[window]
        flat = np.bincount(where[taken], np.broadcast_to(power, taken.shape)[taken], minlength=used.size)
        used += flat.reshape(used.shape)


def chunks(problem: FleetProblem, kind: NDArray[np.int64]) -> Iterator[Chunk]:
    """Split the jobs so that a padded array wastes little and stays small."""
    width = problem.jobs.deadline - problem.jobs.release
    for contiguous in (False, True):
        members = np.flatnonzero(problem.jobs.contiguous == contiguous)
        members = members[np.argsort(width[members], kind="stable")]
        ascending = width[members]
        done = 0
        while done < members.size:
            widest = int(ascending[done]) * 5 // 4 + 1
            room = max(1, _MOST_ELEMENTS // (widest * problem.n_regions))
            end = min(int(np.searchsorted(ascending, widest, side="right")), done + room)
            yield Chunk(problem, kind, members[done:end])
            done = end

"""
Policies for very many jobs at once on one grid of equal slots: the vectorised twin of the planner.

Everything is counted in slots of one length. A job may start from *first* to *first + slack*; its window is the
*slack + length* slots from *first*. Decisions read one array (a forecast, a noisy copy), payment reads another
(the true values), so that no policy can pay with what it only believed. Ties go to the earliest slot.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from gridtide.domain.errors import HorizonTooShort

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

__all__ = ["SlotJobs", "chunks", "lowest_slots_cost", "lowest_window_starts", "prefix_sums", "window_cost"]

_CHUNK_ELEMENTS = 400_000


class SlotJobs(NamedTuple):
    """
    Jobs on a slot grid, one entry per job in every array, shape (n_jobs,).

    Attributes:
        first: First slot a job may use.
        length: Slots it runs. [slots > 0]
        slack: Slots its start may be delayed. [slots >= 0]
    """

    first: NDArray[np.int64]
    length: NDArray[np.int64]
    slack: NDArray[np.int64]

    def inside(self, n_slots: int) -> SlotJobs:
        """
        Cut slacks at the end of the known slots.

        Raises:
            HorizonTooShort: A job does not fit even without a delay.
        """
        room = n_slots - self.first - self.length
        if (room < 0).any() or (self.first < 0).any():
            k = int(np.argmax((room < 0) | (self.first < 0)))
            raise HorizonTooShort(
                f"job {k} needs slots {self.first[k]} to {self.first[k] + self.length[k]}, known are 0 to {n_slots}",
                hint="give a series that covers every job, or drop the jobs outside it",
                job=k,
            )
        return self._replace(slack=np.minimum(self.slack, room))


def prefix_sums(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Running sum with a leading zero, shape (n_slots + 1,)."""
    return np.concatenate(([0.0], np.cumsum(values)))


def lowest_window_starts(prefix: NDArray[np.float64], jobs: SlotJobs) -> NDArray[np.int64]:
    """
    Start of the cheapest uninterrupted run of every job, the earliest among equals.

    Args:
        prefix: Running sum of what the policy believes, shape (n_slots + 1,).
        jobs: All inside the known slots.

    Returns:
        First slot of each run, shape (n_jobs,).
    """
    starts = np.empty_like(jobs.first)
    for rows, width in chunks(jobs.slack + 1):
        offsets = np.arange(width)
        slack, length = jobs.slack[rows, None], jobs.length[rows, None]
        candidates = jobs.first[rows, None] + np.minimum(offsets, slack)
        cost = prefix[candidates + length] - prefix[candidates]
        starts[rows] = jobs.first[rows] + cost.argmin(axis=1)
    return starts


def window_cost(prefix: NDArray[np.float64], starts: NDArray[np.int64], jobs: SlotJobs) -> NDArray[np.float64]:
    """Sum of the paid values over uninterrupted runs from *starts*, shape (n_jobs,)."""
    return np.asarray(prefix[starts + jobs.length] - prefix[starts])


def lowest_slots_cost(
    believed: NDArray[np.float64], paid: NDArray[np.float64], jobs: SlotJobs, *, every_tie: bool = False
) -> NDArray[np.float64]:
    """
    Sum of the paid values when every job runs in the slots of its window that are believed cheapest.

    Args:
        believed: What the policy sees, shape (n_slots,).
        paid: What counts, shape (n_slots,).
        jobs: All inside the known slots.
        every_tie: Run in all slots that equal the dearest chosen one, more than the job needs; what a plain
            comparison with the k-th smallest value does.

    Returns:
        Sum over the chosen slots, shape (n_jobs,).
    """
    rank = _ranks(believed, every_tie=every_tie)
    beyond = np.iinfo(rank.dtype).max
    last = believed.size - 1
    cost = np.empty(jobs.first.size, dtype=np.float64)
    window = jobs.length + jobs.slack
    for rows, width in chunks(window):
        slots = jobs.first[rows, None] + np.arange(width)
        ranks = rank[np.minimum(slots, last)]
        ranks[np.arange(width) >= window[rows, None]] = beyond
        limit = np.take_along_axis(np.sort(ranks, axis=1), jobs.length[rows, None] - 1, axis=1)
        cost[rows] = np.where(ranks <= limit, paid[np.minimum(slots, last)], 0.0).sum(axis=1)
    return cost


def _ranks(values: NDArray[np.float64], *, every_tie: bool) -> NDArray[np.uint16] | NDArray[np.uint32]:
    """Position of each value in ascending order; small integers sort several times faster than floats."""
    if every_tie:
        rank = np.unique(values, return_inverse=True)[1]
    else:
        rank = np.empty(values.size, dtype=np.int64)
        rank[np.argsort(values, kind="stable")] = np.arange(values.size)
    return rank.astype(np.uint16) if values.size < np.iinfo(np.uint16).max else rank.astype(np.uint32)


def chunks(widths: NDArray[np.int64]) -> Iterator[tuple[NDArray[np.int64], int]]:
    """Rows of similar width, and that of the widest: a padded matrix stays small and wastes at most a quarter."""
    order = np.argsort(widths, kind="stable")
    ascending = widths[order]
    done = 0
    while done < order.size:
        widest = int(ascending[done]) * 5 // 4 + 1
        end = int(np.searchsorted(ascending, widest, side="right"))
        end = min(end, done + max(1, _CHUNK_ELEMENTS // widest))
        yield order[done:end], int(ascending[end - 1])
        done = end

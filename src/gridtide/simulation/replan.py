"""
What a plan on a forecast really saves: made once, or made again every slot with the live value.

Jobs lie on a grid of equal slots. A plan made at submission sees history before its arrival only; a re-planned one
sees, at each slot, the value of that slot as it is and a fresh forecast for the rest, and commits to that slot alone.
Everything is vectorised over jobs; payment is always on true values.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from gridtide.simulation.backtest import SlotJobs, lowest_slots_cost, lowest_window_starts, prefix_sums, window_cost

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Outcome", "Truth", "replanned_slots", "replanned_windows", "slots_once", "windows_once"]


_NOTHING = 1e-9
"""Share of run-now below which a saving is rounding."""


class Truth(NamedTuple):
    """
    A zone's values and what was forecast from every slot.

    Attributes:
        values: What came true, shape (n_slots,).
        forecasts: Row k is what was known before slot k about slot k and those after it, shape (n_slots, n_leads).
    """

    values: NDArray[np.float64]
    forecasts: NDArray[np.float32] | NDArray[np.float64]


class Outcome(NamedTuple):
    """Sums over all jobs. [value x slots]"""

    run_now: float
    realised: float
    oracle: float

    @property
    def saving(self) -> float:
        """Share of run-now that was saved; NaN where run-now emits nothing."""
        return 1.0 - self.realised / self.run_now if self.run_now > 0 else float("nan")

    @property
    def best_saving(self) -> float:
        """Share of run-now that a perfect forecast saves; NaN where run-now emits nothing."""
        return 1.0 - self.oracle / self.run_now if self.run_now > 0 else float("nan")

    @property
    def share_of_oracle(self) -> float:
        """Part of the saving of a perfect forecast that was realised; NaN where nothing could be saved."""
        best = self.run_now - self.oracle
        return (self.run_now - self.realised) / best if best > _NOTHING * self.run_now else float("nan")


def windows_once(truth: Truth, jobs: SlotJobs) -> Outcome:
    """Lowest window on the forecast made at arrival."""
    starts = np.empty_like(jobs.first)
    for rows in _blocks(jobs):
        seen = truth.forecasts[jobs.first[rows]].astype(np.float64)
        starts[rows] = np.add(jobs.first[rows], _best_offset(seen, jobs, rows, jobs.slack[rows]))
    return _outcome(truth.values, jobs, starts)


def replanned_windows(truth: Truth, jobs: SlotJobs) -> Outcome:
    """Lowest window, planned again in each slot until the best start is now."""
    starts = jobs.first + jobs.slack
    waiting = np.arange(jobs.first.size)
    for k in range(int(jobs.slack.max(initial=0)) + 1):
        waiting = waiting[jobs.slack[waiting] > k]
        go = []
        for rows in _blocks(jobs, waiting):
            now = jobs.first[rows] + k
            seen = np.concatenate([truth.values[now][:, None], truth.forecasts[now + 1]], axis=1)
            go.append(rows[_best_offset(seen, jobs, rows, jobs.slack[rows] - k) == 0])
        started = np.concatenate(go) if go else waiting[:0]
        starts[started] = jobs.first[started] + k
        waiting = np.setdiff1d(waiting, started, assume_unique=True)
    return _outcome(truth.values, jobs, starts)


def slots_once(truth: Truth, jobs: SlotJobs) -> Outcome:
    """Lowest slots of an interruptible job on the forecast made at arrival."""
    window = jobs.length + jobs.slack
    realised = 0.0
    for rows in _blocks(jobs):
        width = int(window[rows].max())
        believed = np.where(np.arange(width) < window[rows, None], truth.forecasts[jobs.first[rows], :width], np.inf)
        rank = believed.argsort(axis=1, kind="stable").argsort(axis=1, kind="stable")
        slots = np.minimum(jobs.first[rows, None] + np.arange(width), truth.values.size - 1)
        realised += float(np.where(rank < jobs.length[rows, None], truth.values[slots], 0.0).sum())
    return _slots_outcome(truth, jobs, realised)


def replanned_slots(truth: Truth, jobs: SlotJobs) -> Outcome:
    """An interruptible job that runs in a slot when its live value is among the lowest that are left."""
    need, realised = jobs.length.copy(), 0.0
    window = jobs.length + jobs.slack
    active = np.arange(jobs.first.size)
    for k in range(int(window.max(initial=0))):
        active = active[need[active] > 0]
        for rows in _blocks(jobs, active):
            now, left = jobs.first[rows] + k, window[rows] - k - 1
            live = truth.values[now]
            width = int(left.max(initial=0))
            ahead = truth.forecasts[np.minimum(now + 1, truth.forecasts.shape[0] - 1), :width]
            better = ((ahead < live[:, None]) & (np.arange(width) < left[:, None])).sum(axis=1)
            run = (better < need[rows]) | (left < need[rows])
            realised += float(live[run].sum())
            need[rows[run]] -= 1
    return _slots_outcome(truth, jobs, realised)


def _best_offset(
    seen: NDArray[np.float64], jobs: SlotJobs, rows: NDArray[np.int64], slack: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Offset of the cheapest window in what is *seen* from now, the earliest among equals."""
    width = int((slack + jobs.length[rows]).max())
    running = np.concatenate([np.zeros((rows.size, 1)), np.cumsum(seen[:, :width], axis=1, dtype=np.float64)], axis=1)
    offsets = np.arange(int(slack.max()) + 1)
    ends = np.minimum(offsets + jobs.length[rows, None], width)
    cost = np.take_along_axis(running, ends, axis=1) - running[:, : offsets.size]
    return np.asarray(np.where(offsets <= slack[:, None], cost, np.inf).argmin(axis=1))


def _blocks(jobs: SlotJobs, rows: NDArray[np.int64] | None = None, size: int = 2000) -> list[NDArray[np.int64]]:
    """Rows in blocks that keep the padded matrices small, long jobs with long ones."""
    chosen = np.arange(jobs.first.size) if rows is None else rows
    order = chosen[np.argsort(jobs.length[chosen] + jobs.slack[chosen], kind="stable")]
    return [order[i : i + size] for i in range(0, order.size, size)]


def _outcome(values: NDArray[np.float64], jobs: SlotJobs, starts: NDArray[np.int64]) -> Outcome:
    prefix = prefix_sums(values)
    best = lowest_window_starts(prefix, jobs)
    return Outcome(
        run_now=float(window_cost(prefix, jobs.first, jobs).sum()),
        realised=float(window_cost(prefix, starts, jobs).sum()),
        oracle=float(window_cost(prefix, best, jobs).sum()),
    )


def _slots_outcome(truth: Truth, jobs: SlotJobs, realised: float) -> Outcome:
    prefix = prefix_sums(truth.values)
    return Outcome(
        run_now=float(window_cost(prefix, jobs.first, jobs).sum()),
        realised=realised,
        oracle=float(lowest_slots_cost(truth.values, truth.values, jobs).sum()),
    )

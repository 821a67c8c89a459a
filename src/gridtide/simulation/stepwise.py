"""
Policies that decide slot by slot as values come, for very many jobs at once on one slot grid.

Every policy here answers one question per slot for all jobs that are not finished: run or pause? Work that has no
slack left runs, so every job ends inside its window.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from gridtide.planning import online

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from gridtide.simulation.backtest import SlotJobs

__all__ = ["Walk", "k_min_walk", "start_at_or_below", "suspend_walk", "trailing_bounds", "trailing_quantile"]


class Walk(NamedTuple):
    """
    What each job did, shape (n_jobs,) each.

    Attributes:
        cost: Sum of paid values over the slots used.
        start: First slot used.
        end: Slot after the last one used.
        pauses: Times it was suspended after it had started.
    """

    cost: NDArray[np.float64]
    start: NDArray[np.int64]
    end: NDArray[np.int64]
    pauses: NDArray[np.int64]


def trailing_quantile(
    values: NDArray[np.float64], slots: NDArray[np.int64], span: int, quantile: float
) -> NDArray[np.float64]:
    """
    Quantile of the *span* values before each slot, shape (n_slots_asked,).

    Args:
        values: History; every asked slot has at least one value before it.
        slots: Where it is asked.
        span: How many slots back at most.
        quantile: From 0 to 1.
    """
    asked, place = np.unique(slots, return_inverse=True)
    found = [np.quantile(values[max(0, slot - span) : slot], quantile) for slot in asked.tolist()]
    return np.array(found)[place]


def trailing_bounds(
    values: NDArray[np.float64], slots: NDArray[np.int64], span: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Lowest and highest of the *span* values before each slot; arguments as for `trailing_quantile`."""
    asked, place = np.unique(slots, return_inverse=True)
    past = [values[max(0, slot - span) : slot] for slot in asked.tolist()]
    return np.array([p.min() for p in past])[place], np.array([p.max() for p in past])[place]


def start_at_or_below(values: NDArray[np.float64], jobs: SlotJobs, limits: NDArray[np.float64]) -> NDArray[np.int64]:
    """First slot at or below the job's limit, the latest start otherwise; shape (n_jobs,)."""
    starts = jobs.first + jobs.slack
    waiting = np.arange(jobs.first.size)
    delay = 0
    while waiting.size:
        now = jobs.first[waiting] + delay
        on = (values[now] <= limits[waiting]) | (jobs.slack[waiting] <= delay)
        starts[waiting[on]] = now[on]
        waiting = waiting[~on]
        delay += 1
    return starts


def suspend_walk(values: NDArray[np.float64], jobs: SlotJobs, limits: NDArray[np.float64]) -> Walk:
    """
    Run below the job's limit, pause at or above it until the slack is used up.

    Args:
        values: As they come, shape (n_slots,).
        jobs: All inside the known slots.
        limits: Shape (n_jobs,).
    """
    return _walk(values, jobs, lambda rows, value, _done: value < limits[rows])


def k_min_walk(
    values: NDArray[np.float64], jobs: SlotJobs, low: NDArray[np.float64], high: NDArray[np.float64]
) -> Walk:
    """
    Run the i-th unit of work at or below the i-th limit of k-min search.

    Args:
        values: As they come, shape (n_slots,).
        jobs: All inside the known slots.
        low: Lowest value each job expects, above zero, shape (n_jobs,).
        high: Highest value each job expects, shape (n_jobs,).
    """
    ratio = online.k_min_ratio(jobs.length, low, high)
    growth = 1.0 + 1.0 / (ratio * jobs.length)

    def runs(rows: NDArray[np.int64], value: NDArray[np.float64], done: NDArray[np.int64]) -> NDArray[np.bool_]:
        limit = high[rows] * (1.0 - (1.0 - 1.0 / ratio[rows]) * growth[rows] ** done)
        return np.asarray(value <= limit)

    return _walk(values, jobs, runs)


def _walk(
    values: NDArray[np.float64],
    jobs: SlotJobs,
    runs: Callable[[NDArray[np.int64], NDArray[np.float64], NDArray[np.int64]], NDArray[np.bool_]],
) -> Walk:
    n_jobs = jobs.first.size
    done, pauses = np.zeros(n_jobs, dtype=np.int64), np.zeros(n_jobs, dtype=np.int64)
    start, end = np.full(n_jobs, -1, dtype=np.int64), np.zeros(n_jobs, dtype=np.int64)
    cost, slack = np.zeros(n_jobs), jobs.slack.copy()
    running = np.zeros(n_jobs, dtype=bool)
    active = np.arange(n_jobs)
    passed = 0
    while active.size:
        now = jobs.first[active] + passed
        value = values[now]
        on = runs(active, value, done[active]) | (slack[active] <= 0)
        pauses[active] += running[active] & ~on
        running[active] = on
        slack[active] -= ~on
        ran = active[on]
        cost[ran] += value[on]
        done[ran] += 1
        end[ran] = now[on] + 1
        start[ran] = np.where(start[ran] < 0, now[on], start[ran])
        active = active[done[active] < jobs.length[active]]
        passed += 1
    return Walk(cost, start, end, pauses)

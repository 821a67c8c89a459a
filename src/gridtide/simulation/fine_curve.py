"""
Slot values read at a finer unit of time, for very many jobs whose starts lie whole slots after their arrival.

Traces come in seconds, carbon intensity in hours. All times here are whole *units*, *units_per_slot* to a slot; costs
are values times slots. A start that would run past the known slots costs infinity, so that it is never chosen.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from gridtide.domain.errors import HorizonTooShort

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

__all__ = [
    "FineCurve",
    "Pieces",
    "carbon_time_starts",
    "look_ahead_quantile",
    "lowest_slot_starts",
    "lowest_window_starts",
    "suspend_below",
    "suspend_to_lowest",
]

_CHUNK_JOBS = 4096


class Pieces(NamedTuple):
    """
    Uninterrupted stretches of work, ordered by job, then time; shape (n_pieces,) each.

    Attributes:
        job: Index of the job a piece belongs to.
        start: First unit. [units]
        length: [units]
    """

    job: NDArray[np.int64]
    start: NDArray[np.int64]
    length: NDArray[np.int64]


class FineCurve:
    """
    Values constant over slots, integrated at any unit.

    Args:
        values: One per slot, shape (n_slots,).
        units_per_slot: How many units make a slot.
    """

    def __init__(self, values: NDArray[np.float64], units_per_slot: int) -> None:
        self.values = values
        self.units_per_slot = units_per_slot
        self.end = values.size * units_per_slot
        self._integral = np.concatenate(([0.0], np.cumsum(values)))
        self._padded = np.append(values, 0.0)

    def integral(self, instants: NDArray[np.int64]) -> NDArray[np.float64]:
        """Sum of values up to each instant, in values times slots; the shape is that of *instants*. [units]"""
        slot, rest = np.divmod(instants, self.units_per_slot)
        return np.asarray(self._integral[slot] + rest / self.units_per_slot * self._padded[slot])

    def cost(self, starts: NDArray[np.int64], lengths: NDArray[np.int64]) -> NDArray[np.float64]:
        """
        Cost of uninterrupted runs, shape (n_runs,).

        Raises:
            HorizonTooShort: A run ends after the last known slot.
        """
        late = np.flatnonzero(starts + lengths > self.end)
        if late.size:
            raise HorizonTooShort(
                f"run {late[0]} ends at unit {starts[late[0]] + lengths[late[0]]}, known are {self.end}",
                hint="give a longer series or drop the jobs at its end",
            )
        return self.integral(starts + lengths) - self.integral(starts)

    def cost_by_delay(
        self, arrivals: NDArray[np.int64], lengths: NDArray[np.int64], n_delays: int
    ) -> NDArray[np.float64]:
        """Cost of runs that start 0, 1, ... slots after arrival, infinity past the end; shape (n_jobs, n_delays)."""
        return self._integral_by_delay(arrivals + lengths, n_delays, beyond=np.inf) - self._integral_by_delay(
            arrivals, n_delays, beyond=0.0
        )

    def _integral_by_delay(self, instants: NDArray[np.int64], n_delays: int, *, beyond: float) -> NDArray[np.float64]:
        # Whole slots of delay leave the rest inside a slot as it is, so one row per slot serves every job in it.
        slot, rest = np.divmod(instants, self.units_per_slot)
        pad = np.full(n_delays, beyond)
        whole = np.lib.stride_tricks.sliding_window_view(np.concatenate((self._integral, pad)), n_delays)
        value = np.lib.stride_tricks.sliding_window_view(np.concatenate((self._padded, np.zeros(n_delays))), n_delays)
        slot = np.minimum(slot, whole.shape[0] - 1)
        table = value[slot]
        table *= (rest / self.units_per_slot)[:, None]
        table += whole[slot]
        return np.asarray(table)


def lowest_window_starts(
    curve: FineCurve, arrivals: NDArray[np.int64], lengths: NDArray[np.int64], waits: NDArray[np.int64]
) -> NDArray[np.int64]:
    """
    Cheapest start among arrival, one slot later, two slots later, ... up to the longest wait.

    Args:
        curve: What the policy believes.
        arrivals: Shape (n_jobs,). [units]
        lengths: Run times the policy believes, shape (n_jobs,). [units]
        waits: Longest waits, shape (n_jobs,). [units]

    Returns:
        Starts, the earliest among equals, shape (n_jobs,). [units]
    """
    starts = np.empty_like(arrivals)
    for rows, allowed in _delay_chunks(curve, waits):
        cost = curve.cost_by_delay(arrivals[rows], lengths[rows], allowed.shape[1])
        cost[~allowed] = np.inf
        starts[rows] = arrivals[rows] + cost.argmin(axis=1) * curve.units_per_slot
    return starts


def carbon_time_starts(
    curve: FineCurve, arrivals: NDArray[np.int64], lengths: NDArray[np.int64], waits: NDArray[np.int64]
) -> NDArray[np.int64]:
    """
    Start with the largest saving per unit of completion time; arguments as for `lowest_window_starts`.

    References:
        Hanafy et al. (2024), Going Green for Less Green, ASPLOS '24, doi:10.1145/3620666.3651374.
    """
    starts = np.empty_like(arrivals)
    for rows, allowed in _delay_chunks(curve, waits):
        cost = curve.cost_by_delay(arrivals[rows], lengths[rows], allowed.shape[1])
        delay = np.arange(allowed.shape[1]) * curve.units_per_slot
        gain = (cost[:, :1] - cost) / (delay + lengths[rows, None])
        gain[~allowed] = -np.inf
        starts[rows] = arrivals[rows] + gain.argmax(axis=1) * curve.units_per_slot
    return starts


def lowest_slot_starts(curve: FineCurve, arrivals: NDArray[np.int64], waits: NDArray[np.int64]) -> NDArray[np.int64]:
    """First instant with the lowest value between arrival and arrival plus wait, both included; shape (n_jobs,)."""
    starts = np.empty_like(arrivals)
    for rows, allowed in _delay_chunks(curve, waits + curve.units_per_slot):
        slot = arrivals[rows, None] // curve.units_per_slot + np.arange(allowed.shape[1])
        begin = np.maximum(slot * curve.units_per_slot, arrivals[rows, None])
        value = np.where(
            (begin <= arrivals[rows, None] + waits[rows, None]) & (slot < curve.values.size),
            curve.values[np.minimum(slot, curve.values.size - 1)],
            np.inf,
        )
        best = value.argmin(axis=1)
        starts[rows] = np.take_along_axis(begin, best[:, None], axis=1)[:, 0]
    return starts


def look_ahead_quantile(
    curve: FineCurve, instants: NDArray[np.int64], span: int, quantile: float
) -> NDArray[np.float64]:
    """
    Quantile over the units of the next *span*, or of what is known of it, by straight lines between order statistics.

    Args:
        curve: What is known.
        instants: When it is asked, shape (n_instants,). [units]
        span: How far ahead. [units]
        quantile: From 0 to 1.

    Returns:
        One value per instant, shape (n_instants,).
    """
    units = curve.units_per_slot
    limits = np.empty(instants.size)
    for first in range(0, instants.size, _CHUNK_JOBS):
        begin = instants[first : first + _CHUNK_JOBS, None]
        slot = begin // units + np.arange(-(-span // units) + 1)
        stop = np.minimum((slot + 1) * units, np.minimum(begin + span, curve.end))
        count = np.maximum(stop - np.maximum(slot * units, begin), 0)
        value = curve.values[np.minimum(slot, curve.values.size - 1)]
        ascending = np.argsort(value, axis=1, kind="stable")
        value = np.take_along_axis(value, ascending, axis=1)
        total = np.cumsum(np.take_along_axis(count, ascending, axis=1), axis=1)
        position = quantile * (total[:, -1:] - 1)
        below = np.floor(position)
        left, right = (
            np.take_along_axis(value, (total <= rank).sum(axis=1, keepdims=True), axis=1)
            for rank in (below, np.ceil(position))
        )
        limits[first : first + _CHUNK_JOBS] = (left + (right - left) * (position - below))[:, 0]
    return limits


def suspend_below(
    curve: FineCurve,
    arrivals: NDArray[np.int64],
    lengths: NDArray[np.int64],
    waits: NDArray[np.int64],
    limits: NDArray[np.float64],
) -> Pieces:
    """
    Run while the value is below the job's limit, pause otherwise until the wait is used up, then run through.

    Args:
        curve: Values as they come.
        arrivals: Shape (n_jobs,). [units]
        lengths: Shape (n_jobs,). [units]
        waits: Total pause each job can afford, shape (n_jobs,). [units]
        limits: Shape (n_jobs,).

    Returns:
        Pieces that add up to the lengths.
    """
    now, todo, budget = arrivals.copy(), lengths.copy(), waits.copy()
    active = np.arange(arrivals.size)
    found: list[NDArray[np.int64]] = []
    while active.size:
        slot = now[active] // curve.units_per_slot
        if (slot >= curve.values.size).any():
            raise HorizonTooShort("a suspended job runs past the known slots", hint="give a longer series")
        slot_end = (slot + 1) * curve.units_per_slot
        pause = np.where(curve.values[slot] < limits[active], 0, np.minimum(budget[active], slot_end - now[active]))
        start = now[active] + pause
        run = np.minimum(todo[active], slot_end - start)
        found.append(np.stack((active, start, run))[:, run > 0])
        budget[active] -= pause
        todo[active] -= run
        now[active] = slot_end
        active = active[todo[active] > 0]
    return _merge(np.concatenate(found, axis=1))


def suspend_to_lowest(
    curve: FineCurve, arrivals: NDArray[np.int64], lengths: NDArray[np.int64], waits: NDArray[np.int64]
) -> Pieces:
    """
    Run in the cheapest units of [arrival, arrival + length + wait), ties by time; arguments as for `suspend_below`.

    The optimum for work that pauses at no cost.
    """
    found: list[NDArray[np.int64]] = []
    window = lengths + waits
    n_slots = (arrivals + window - 1) // curve.units_per_slot - arrivals // curve.units_per_slot + 1
    order = np.argsort(n_slots, kind="stable")
    for rows in np.array_split(order, max(1, order.size // 256)):
        slot = arrivals[rows, None] // curve.units_per_slot + np.arange(int(n_slots[rows].max()))
        begin = np.maximum(slot * curve.units_per_slot, arrivals[rows, None])
        stop = np.minimum((slot + 1) * curve.units_per_slot, np.minimum(arrivals + window, curve.end)[rows, None])
        room = np.maximum(stop - begin, 0)
        value = np.where(room > 0, curve.values[np.minimum(slot, curve.values.size - 1)], np.inf)
        cheapest = np.argsort(value, axis=1, kind="stable")
        offered = np.take_along_axis(room, cheapest, axis=1)
        before = np.cumsum(offered, axis=1) - offered
        taken = np.clip(lengths[rows, None] - before, 0, offered)
        if (taken.sum(axis=1) < lengths[rows]).any():
            raise HorizonTooShort("a suspended job runs past the known slots", hint="give a longer series")
        run = np.empty_like(taken)
        np.put_along_axis(run, cheapest, taken, axis=1)
        used = run > 0
        found.append(np.stack((np.broadcast_to(rows[:, None], run.shape)[used], begin[used], run[used])))
    return _merge(np.concatenate(found, axis=1))


def _delay_chunks(curve: FineCurve, waits: NDArray[np.int64]) -> Iterator[tuple[NDArray[np.int64], NDArray[np.bool_]]]:
    """Jobs of similar wait together, with a mask of the delays in slots that each may take."""
    delays = waits // curve.units_per_slot
    order = np.argsort(delays, kind="stable")
    edges = np.flatnonzero(np.diff(delays[order])) + 1
    for group in np.split(order, edges if edges.size < 64 else []):
        for first in range(0, group.size, _CHUNK_JOBS):
            rows = group[first : first + _CHUNK_JOBS]
            yield rows, np.arange(int(delays[rows].max()) + 1) <= delays[rows, None]


def _merge(found: NDArray[np.int64]) -> Pieces:
    """Order stretches by job and time, and join those that touch."""
    job, start, length = found[:, np.lexsort((found[1], found[0]))]
    fresh = np.ones(job.size, dtype=bool)
    fresh[1:] = (job[1:] != job[:-1]) | (start[1:] != (start + length)[:-1])
    heads = np.flatnonzero(fresh)
    return Pieces(job[heads], start[heads], np.add.reduceat(length, heads))

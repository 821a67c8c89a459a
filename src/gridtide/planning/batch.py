"""
Many workloads in one call, each answered as if it were asked alone.

On equal constant steps all starts of a block of jobs are looked at as one table (windows), or answered from an index of
ranks (slots). Other series, and bounds that cut a step for slots, take the scalar cores one by one: slower, the same
numbers. Unknown is said by a mask and NaN, never by a cheap number.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from gridtide.domain.units import NS_PER_HOUR
from gridtide.planning.choice import RELATIVE_TIE
from gridtide.planning.ranks import Ranks
from gridtide.planning.slots import CLEARLY_ABOVE, lowest_slots
from gridtide.planning.window import lowest_window

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import ArrayLike, NDArray

    from gridtide.domain.series import Curve, Series
    from gridtide.planning.choice import Choice

__all__ = ["Choices", "lowest_slots_of_each", "lowest_windows"]

_BLOCK: Final = 1024
_BLOCK_OF_SLOTS: Final = 8192


class Choices(NamedTuple):
    """
    One answer per job, shape (n_jobs,) each.

    Attributes:
        start_ns: First instant of work; the release where nothing is known. [ns]
        end_ns: End of the last piece. [ns]
        cost: NaN where nothing is known. [value x h]
        mean: *cost* per hour of running, NaN where nothing is known.
        known: Whether there was a run to choose.
    """

    start_ns: NDArray[np.int64]
    end_ns: NDArray[np.int64]
    cost: NDArray[np.float64]
    mean: NDArray[np.float64]
    known: NDArray[np.bool_]


class _Jobs(NamedTuple):
    """Bounds of the jobs, shape (n_jobs,) each. [ns]"""

    release: NDArray[np.int64]
    last: NDArray[np.int64]
    length: NDArray[np.int64]

    def pick(self, which: NDArray[np.int64] | NDArray[np.bool_] | slice) -> _Jobs:
        return _Jobs(self.release[which], self.last[which], self.length[which])


def lowest_windows(series: Series, release_ns: ArrayLike, latest_ns: ArrayLike, length_ns: ArrayLike) -> Choices:
    """
    `gridtide.planning.window.lowest_window` for many jobs at constant power.

    Args:
        series: What is known.
        release_ns: Earliest starts, shape (n_jobs,). [ns]
        latest_ns: Latest starts, shape (n_jobs,). [ns]
        length_ns: Durations, shape (n_jobs,). [ns]
    """
    jobs = _jobs(release_ns, latest_ns, length_ns)
    curve = _equal_steps(series)
    if curve is None:
        return _one_by_one(jobs, lambda r, latest, n: lowest_window(series, r, latest, n))
    choices = _unknown(jobs)
    first = np.maximum(jobs.release, curve.start_ns)
    last = np.minimum(jobs.last, curve.end_ns - jobs.length)
    todo = np.flatnonzero(last >= first)
    width = (last - first)[todo] // curve.step_ns
    todo = todo[width.argsort(kind="stable")]
    for k in range(0, todo.size, _BLOCK):
        which = todo[k : k + _BLOCK]
        start, cost = _windows(curve, first[which], last[which], jobs.length[which])
        choices.start_ns[which], choices.end_ns[which], choices.cost[which] = start, start + jobs.length[which], cost
    return _with_means(choices, jobs, todo)


def lowest_slots_of_each(series: Series, release_ns: ArrayLike, end_ns: ArrayLike, length_ns: ArrayLike) -> Choices:
    """
    `gridtide.planning.slots.lowest_slots` for many jobs: first start, last end and cost, without the pieces between.

    Args:
        series: What is known.
        release_ns: Earliest starts, shape (n_jobs,). [ns]
        end_ns: When each must be finished, shape (n_jobs,). [ns]
        length_ns: Running times, shape (n_jobs,). [ns]
    """
    jobs = _jobs(release_ns, end_ns, length_ns)
    curve = _equal_steps(series)
    if curve is None:
        return _one_by_one(jobs, lambda r, end, n: lowest_slots(series, r, end, n))
    first, last = np.maximum(jobs.release, curve.start_ns), np.minimum(jobs.last, curve.end_ns)
    whole = ((first - curve.start_ns) % curve.step_ns == 0) & ((last - curve.start_ns) % curve.step_ns == 0)
    choices = _one_by_one(jobs.pick(~whole), lambda r, end, n: lowest_slots(series, r, end, n), _unknown(jobs), ~whole)
    todo = np.flatnonzero(whole & (last - first >= jobs.length))
    if todo.size:
        ranks, cut = Ranks(curve.values), _Jobs(first, last, jobs.length)
        for k in range(0, todo.size, _BLOCK_OF_SLOTS):
            which = todo[k : k + _BLOCK_OF_SLOTS]
            start, end, cost = _slots(curve, ranks, cut.pick(which), jobs.release[which])
            choices.start_ns[which], choices.end_ns[which], choices.cost[which] = start, end, cost
    return _with_means(choices, jobs, todo)


def _jobs(release_ns: ArrayLike, last_ns: ArrayLike, length_ns: ArrayLike) -> _Jobs:
    arrays = np.broadcast_arrays(*(np.asarray(a, dtype=np.int64) for a in (release_ns, last_ns, length_ns)))
    return _Jobs(*(np.atleast_1d(a) for a in arrays))


def _equal_steps(series: Series) -> Curve | None:
    curves = series.curves
    if len(curves) == 1 and curves[0].constant and curves[0].step_ns:
        return curves[0]
    return None


def _unknown(jobs: _Jobs) -> Choices:
    nothing = np.full(jobs.release.shape, np.nan)
    known = np.zeros(jobs.release.shape, dtype=bool)
    return Choices(jobs.release.copy(), jobs.release + jobs.length, nothing, nothing.copy(), known)


def _with_means(choices: Choices, jobs: _Jobs, which: NDArray[np.int64]) -> Choices:
    choices.mean[which] = choices.cost[which] * NS_PER_HOUR / jobs.length[which]
    choices.known[which] = True
    return choices


def _one_by_one(
    jobs: _Jobs,
    core: Callable[[int, int, int], Choice | None],
    choices: Choices | None = None,
    which: NDArray[np.bool_] | None = None,
) -> Choices:
    """Ask the scalar *core* for each job, and put its answers where *which* says."""
    choices = _unknown(jobs) if choices is None else choices
    places = np.arange(jobs.release.size) if which is None else np.flatnonzero(which)
    bounds = zip(places.tolist(), jobs.release.tolist(), jobs.last.tolist(), jobs.length.tolist(), strict=True)
    for k, release, last, length in bounds:
        choice = core(release, last, length)
        if choice is not None:
            choices.start_ns[k], choices.end_ns[k] = choice.start_ns, choice.end_ns
            choices.cost[k], choices.mean[k], choices.known[k] = choice.cost, choice.mean, True
    return choices


def _windows(
    curve: Curve, first: NDArray[np.int64], last: NDArray[np.int64], length: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Starts and costs of a block of jobs on equal steps; see `gridtide.planning.equal_steps`."""
    step, origin = curve.step_ns, curve.start_ns
    i, into = np.divmod(first - origin, step)
    j, beyond = np.divmod(last - origin, step)
    m, rest = np.divmod(length, step)
    first_cost = _integral(curve, first + length) - _integral(curve, first)
    last_cost = _integral(curve, last + length) - _integral(curve, last)
    combs = [_comb(curve, (i + (into > 0), j), m, rest, ends_on_edge=False)]
    if rest.any():
        begin = np.where(step - rest >= into, i, i + 1)
        end = np.where(rest == 0, begin - 1, np.where(step - rest <= beyond, j, j - 1))
        combs.append(_comb(curve, (begin, end), m, rest, ends_on_edge=True))
    best = np.minimum(first_cost, last_cost)
    for comb in combs:
        best = np.minimum(best, comb.low)
    limit = best + RELATIVE_TIE * np.abs(best) + curve.noise
    start, cost = last, last_cost
    for comb in combs:
        k = (comb.costs <= limit[:, None]).argmax(axis=1)
        begins = comb.begin_ns + k * step
        better = (comb.low <= limit) & (begins < start)
        start = np.where(better, begins, start)
        cost = np.where(better, comb.costs[np.arange(k.size), k], cost)
    now = first_cost <= limit
    return np.where(now, first, start), np.where(now, first_cost, cost)


def _integral(curve: Curve, instants_ns: NDArray[np.int64]) -> NDArray[np.float64]:
    """Integral up to each instant on equal steps; `Curve.integrals_at` without a search. [value x h]"""
    k, into = np.divmod(instants_ns - curve.start_ns, curve.step_ns)
    base: NDArray[np.float64] = curve.integral[k]
    if not into.any():
        return base
    ahead = curve.integral[np.minimum(k + 1, curve.values.size)]
    return np.asarray(base + into / curve.step_ns * (ahead - base))


class _Comb(NamedTuple):
    """
    Evenly spaced starts of each job of a block, as a table.

    Attributes:
        begin_ns: First start of each job, shape (n_jobs,). [ns]
        costs: Costs of its starts, infinite beyond its last one, shape (n_jobs, n_starts). [value x h]
        low: Lowest of them, shape (n_jobs,). [value x h]
    """

    begin_ns: NDArray[np.int64]
    costs: NDArray[np.float64]
    low: NDArray[np.float64]


def _comb(
    curve: Curve,
    steps: tuple[NDArray[np.int64], NDArray[np.int64]],
    whole: NDArray[np.int64],
    rest: NDArray[np.int64],
    *,
    ends_on_edge: bool,
) -> _Comb:
    """Starts on the edges *steps*, or (*ends_on_edge*) *rest* before the end of those steps."""
    begin, end = steps
    count = end - begin + 1
    width = max(int(count.max()), 1)
    rest_h = (rest / NS_PER_HOUR)[:, None]
    rows, values = _rows(curve.integral, width), _rows(curve.values, width)
    if ends_on_edge:
        costs = rows[begin + whole + 1]
        costs -= rows[begin + 1]
        costs += rest_h * values[begin]
    else:
        costs = rows[begin + whole]
        if rest.any():
            costs += rest_h * values[begin + whole]
        costs -= rows[begin]
    if int(count.min()) < width:
        costs[np.arange(width) >= count[:, None]] = np.inf
    begin_ns = curve.start_ns + begin * curve.step_ns + (curve.step_ns - rest if ends_on_edge else 0)
    return _Comb(begin_ns, costs, costs[np.arange(count.size), costs.argmin(axis=1)])


def _rows(array: NDArray[np.float64], width: int) -> NDArray[np.float64]:
    """View whose row k is ``array[k : k + width]``, padded so that every start has one; what lies past the end is 0."""
    padded = np.concatenate((array, np.zeros(width + 2)))
    return np.lib.stride_tricks.sliding_window_view(padded, width)


def _slots(
    curve: Curve, ranks: Ranks, jobs: _Jobs, release: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """First starts, last ends and costs of jobs whose bounds lie on step edges."""
    step, origin = curve.step_ns, curve.start_ns
    i, j = (jobs.release - origin) // step, (jobs.last - origin) // step
    whole, rest = np.divmod(jobs.length, step)
    found = ranks.lowest(i, j, whole + (rest > 0))
    partly = rest > 0
    cost = np.where(partly, (found.total - found.level) * step + found.level * rest, found.total * step) / NS_PER_HOUR
    start = origin + found.first * step
    end = origin + (found.last + 1) * step - np.where(partly & (found.last == found.at), step - rest, 0)
    stop = np.minimum(release + jobs.length, curve.end_ns)
    now_cost = _integral(curve, stop) - _integral(curve, np.maximum(release, origin))
    above = curve.values[i] - found.level > CLEARLY_ABOVE * np.abs(curve.values[i])
    now = (release >= origin) & (release + jobs.length <= jobs.last) & ~above
    now &= now_cost - cost <= RELATIVE_TIE * np.abs(cost) + curve.noise
    return np.where(now, release, start), np.where(now, release + jobs.length, end), np.where(now, now_cost, cost)

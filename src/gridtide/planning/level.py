"""
The cheapest time on a piecewise linear curve: the part of it at or below one level.

The time below a level grows with the level, in straight lines between the values at the edges of the steps. So the
level that leaves just enough time is found by halving over those values and one interpolation; it is exact.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from gridtide.domain.units import NS_PER_HOUR

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from gridtide.domain.series import Series

__all__ = ["Below", "Steps", "below_level", "known_steps"]

_MICROSECOND_NS = 1_000


class Below(NamedTuple):
    """
    The time below a level.

    Attributes:
        spans: One per step that has a share, in order. [ns]
        cost: Integral over them. [value x h]
    """

    spans: list[tuple[int, int]]
    cost: float


class Steps(NamedTuple):
    """Known steps inside the bounds, cut at them; from all stretches, shape (n_steps,) each."""

    starts: NDArray[np.int64]
    ends: NDArray[np.int64]
    first: NDArray[np.float64]
    last: NDArray[np.float64]


def known_steps(series: Series, release_ns: int, end_ns: int) -> Steps:
    """Return the known steps of all stretches between two instants."""
    keep = (series.ends_ns > release_ns) & (series.starts_ns < end_ns)
    starts, ends = series.starts_ns[keep], series.ends_ns[keep]
    cut_starts, cut_ends = np.maximum(starts, release_ns), np.minimum(ends, end_ns)
    first, last = series.values[keep], series.end_values[keep]
    rise = (last - first) / (ends - starts)
    return Steps(cut_starts, cut_ends, first + rise * (cut_starts - starts), last - rise * (ends - cut_ends))


def below_level(steps: Steps, length_ns: int) -> Below | None:
    """
    Cheapest time of *length_ns* in all, or None when less than that is known.

    Where several steps are flat at the level, the earliest are taken. Edges are rounded to the microsecond a datetime
    resolves; the total is exact.
    """
    lengths = steps.ends - steps.starts
    if int(lengths.sum()) < length_ns:
        return None
    low, high = np.minimum(steps.first, steps.last), np.maximum(steps.first, steps.last)
    level = _level(low, high, lengths, length_ns)
    taken = _taken_below(level, low, high, lengths)
    at_level = np.flatnonzero((low == high) & (low == level))
    missing = length_ns - int(taken.sum())
    for k in at_level.tolist():
        taken[k] = min(int(lengths[k]), max(missing, 0))
        missing -= int(taken[k])
    _settle(taken, lengths, missing)
    kept = np.flatnonzero(taken)
    rising = steps.first <= steps.last
    begins = np.where(rising, steps.starts, steps.ends - taken)
    spans = [(int(begins[k]), int(begins[k] + taken[k])) for k in kept]
    share = taken / lengths
    reached = low + (high - low) * share
    cost = float((0.5 * (low + reached) * taken).sum()) / NS_PER_HOUR
    return Below(spans, cost)


def _measure(level: float, low: NDArray[np.float64], high: NDArray[np.float64], lengths: NDArray[np.int64]) -> float:
    """Time at or below *level*. [ns]"""
    slope = np.where(high > low, high - low, 1.0)
    share = np.where(high > low, np.clip(level - low, 0.0, slope) / slope, level >= low)
    return float((share * lengths).sum())


def _level(low: NDArray[np.float64], high: NDArray[np.float64], lengths: NDArray[np.int64], length_ns: int) -> float:
    """Lowest level with at least *length_ns* at or below it."""
    levels = np.unique(np.concatenate((low, high)))
    i, j = 0, levels.size - 1
    while i < j:
        middle = (i + j) // 2
        if _measure(float(levels[middle]), low, high, lengths) >= length_ns:
            j = middle
        else:
            i = middle + 1
    if i == 0:
        return float(levels[0])
    below, above = float(levels[i - 1]), float(levels[i])
    sloped = high > low
    under = _measure(below, low, high, lengths)
    up_to = _measure(above, low[sloped], high[sloped], lengths[sloped]) + float(lengths[~sloped & (low <= below)].sum())
    if up_to <= length_ns:
        return above
    return below + (above - below) * (length_ns - under) / (up_to - under)


def _taken_below(
    level: float, low: NDArray[np.float64], high: NDArray[np.float64], lengths: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Time of each step below *level*, to the microsecond a datetime resolves; steps flat at it count nothing. [ns]"""
    slope = np.where(high > low, high - low, 1.0)
    share = np.where(high > low, np.clip(level - low, 0.0, slope) / slope, level > low)
    rounded = np.rint(share * lengths / _MICROSECOND_NS).astype(np.int64) * _MICROSECOND_NS
    return np.where(share >= 1.0, lengths, np.minimum(rounded, lengths))


def _settle(taken: NDArray[np.int64], lengths: NDArray[np.int64], missing: int) -> None:
    """Give or take the few nanoseconds that rounding left over, in place."""
    for k in np.argsort(-taken, kind="stable").tolist():
        if not missing:
            return
        change = max(-int(taken[k]), min(missing, int(lengths[k] - taken[k])))
        taken[k] += change
        missing -= change

"""
Candidate starts of a whole curve with their costs, kept for the jobs that ask again.

A job that is planned anew every few minutes, and jobs of one kind, ask for the same duration on the same series. Their
candidates do not depend on release and deadline; only the two bounds themselves are new each time.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Final

import numpy as np

from gridtide.domain.decision import Reason
from gridtide.planning import segments
from gridtide.planning.choice import RELATIVE_TIE, Choice, contiguous

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from gridtide.domain.series import Curve
    from gridtide.planning.shape import PowerShape

__all__ = ["candidates", "is_worth_a_table", "lowest_in_table"]

_LARGEST: Final = 4096


def candidates(
    curve: Curve, first_ns: int, last_ns: int, shape: PowerShape, *, turning: float
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """
    Starts in [first, last] that can be cheapest, increasing, and their costs.

    Args:
        curve: What is known; holds the run from both bounds.
        first_ns: Earliest start. [ns]
        last_ns: Latest start. [ns]
        shape: How power runs.
        turning: 1 adds the bottoms between breakpoints of a linear series, -1 the tops, 0 neither.
    """
    starts = segments.breakpoints(curve, first_ns, last_ns, shape)
    if turning and not curve.constant and starts.size > 1:
        extra = segments.bottoms(starts, segments.slopes(curve, starts, shape), sign=turning)
        starts = np.union1d(starts, extra)
    return starts, segments.costs_at(curve, starts, shape)


def is_worth_a_table(curve: Curve, first_ns: int, last_ns: int, shape: PowerShape) -> bool:
    """Whether the bounds take in much of a curve small enough to keep its table."""
    small = len(curve.value_list) * len(shape.edges_ns) <= _LARGEST
    return small and 4 * (last_ns - first_ns) >= curve.end_ns - shape.length_ns - curve.start_ns > 0


def lowest_in_table(curve: Curve, release_ns: int, latest_ns: int, shape: PowerShape) -> Choice:
    """
    Cheapest start between two bounds inside *curve*; the earliest of equals.

    Args:
        curve: What is known; holds the run from both bounds.
        release_ns: Earliest start. [ns]
        latest_ns: Latest start. [ns]
        shape: How power runs.
    """
    starts, costs = _table(curve, shape)
    i, j = int(starts.searchsorted(release_ns, side="right")), int(starts.searchsorted(latest_ns, side="left"))
    inside = costs[i:j]
    first_cost, last_cost = _cost(curve, release_ns, shape), _cost(curve, latest_ns, shape)
    low = inside.item(inside.argmin()) if j > i else first_cost
    best = min(first_cost, last_cost, low)
    limit = best + RELATIVE_TIE * abs(best) + curve.noise
    if first_cost <= limit:
        high = max(first_cost, last_cost, inside.item(inside.argmax()) if j > i else first_cost)
        return contiguous(release_ns, shape.length_ns, first_cost, Reason.FLAT if high <= limit else Reason.LOWEST_NOW)
    if low <= limit:
        k = int((inside <= limit).argmax())
        return contiguous(starts.item(i + k), shape.length_ns, inside.item(k), Reason.LOWER_LATER)
    return contiguous(latest_ns, shape.length_ns, last_cost, Reason.LOWER_LATER)


def _cost(curve: Curve, start_ns: int, shape: PowerShape) -> float:
    if len(shape.levels) == 1:
        return curve.integral_at(start_ns + shape.length_ns) - curve.integral_at(start_ns)
    return sum(w * curve.integral_at(start_ns + e) for e, w in zip(shape.edges_ns, shape.weights, strict=True))


@lru_cache(maxsize=32)
def _table(curve: Curve, shape: PowerShape) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    return candidates(curve, curve.start_ns, curve.end_ns - shape.length_ns, shape, turning=1.0)

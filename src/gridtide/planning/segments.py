"""
Every start that can be optimal, found exactly.

The cost of a start is a weighted sum of running integrals. Between two neighbouring *breakpoints* (starts at which
an edge of the job meets an edge of a step) it is a straight line on a constant series and a parabola on a linear one.
So the optimum lies on a breakpoint or at the bottom of one of the parabolas; nothing else needs a look.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from gridtide.domain.series import Curve
    from gridtide.planning.shape import PowerShape

__all__ = ["Slopes", "bottoms", "breakpoints", "costs_at", "grid_starts", "slopes", "to_microseconds"]

_MICROSECOND_NS = 1_000


class Slopes(NamedTuple):
    """
    How the cost runs between neighbouring breakpoints.

    Attributes:
        left: Slope just after the start of each segment, shape (n_breakpoints - 1,). [value]
        right: Slope just before its end, shape (n_breakpoints - 1,). [value]
    """

    left: NDArray[np.float64]
    right: NDArray[np.float64]


def breakpoints(curve: Curve, first_ns: int, last_ns: int, shape: PowerShape) -> NDArray[np.int64]:
    """
    Starts in [first, last] at which an edge of the job meets an edge of a step, and both bounds; increasing.

    The job must lie inside *curve* from each of them.
    """
    found = [np.array([first_ns, last_ns], dtype=np.int64)]
    for edge_ns in shape.edges_ns:
        i = int(np.searchsorted(curve.breaks, first_ns + edge_ns, side="right"))
        j = int(np.searchsorted(curve.breaks, last_ns + edge_ns, side="left"))
        found.append(curve.breaks[i:j] - edge_ns)
    return np.unique(np.concatenate(found))


def grid_starts(first_ns: int, last_ns: int, anchor_ns: int, grid_ns: int) -> NDArray[np.int64]:
    """Starts ``anchor + k * grid`` in [first, last]; may be empty."""
    lowest = -((anchor_ns - first_ns) // grid_ns)
    highest = (last_ns - anchor_ns) // grid_ns
    return anchor_ns + grid_ns * np.arange(lowest, highest + 1, dtype=np.int64)


def costs_at(curve: Curve, starts_ns: NDArray[np.int64], shape: PowerShape) -> NDArray[np.float64]:
    """Cost of each start, shape (n_starts,). [value x h]"""
    total = np.zeros(starts_ns.shape)
    for edge_ns, weight in zip(shape.edges_ns, shape.weights, strict=True):
        total += weight * curve.integrals_at(starts_ns + edge_ns)
    return total


def slopes(curve: Curve, starts_ns: NDArray[np.int64], shape: PowerShape) -> Slopes:
    """Slopes of the cost at both ends of each segment between neighbouring *starts_ns*."""
    left = np.zeros(starts_ns.size - 1)
    right = np.zeros(starts_ns.size - 1)
    rise = (curve.end_values - curve.values) / np.diff(curve.breaks)
    middle = starts_ns[:-1] + np.diff(starts_ns) // 2
    for edge_ns, weight in zip(shape.edges_ns, shape.weights, strict=True):
        k = np.minimum(np.searchsorted(curve.breaks, middle + edge_ns, side="right") - 1, curve.values.size - 1)
        into = starts_ns + (edge_ns - curve.breaks[0])
        origin = curve.breaks[k] - curve.breaks[0]
        left += weight * (curve.values[k] + rise[k] * (into[:-1] - origin))
        right += weight * (curve.values[k] + rise[k] * (into[1:] - origin))
    return Slopes(left, right)


def bottoms(starts_ns: NDArray[np.int64], slope: Slopes, *, sign: float = 1.0) -> NDArray[np.int64]:
    """
    Starts at the bottom of a parabola between two breakpoints, to the microsecond a datetime resolves.

    Args:
        starts_ns: Breakpoints, shape (n_breakpoints,). [ns]
        slope: From `slopes`.
        sign: -1 for the tops instead.
    """
    turning = np.flatnonzero((sign * slope.left < 0.0) & (sign * slope.right > 0.0))
    left, right = slope.left[turning], slope.right[turning]
    lengths = np.diff(starts_ns)[turning]
    return starts_ns[turning] + np.minimum(to_microseconds(lengths * (left / (left - right))), lengths)


def to_microseconds(offsets_ns: NDArray[np.float64]) -> NDArray[np.int64]:
    """Offsets rounded to whole microseconds, the finest step of a datetime. [ns]"""
    return np.asarray(np.rint(offsets_ns / _MICROSECOND_NS).astype(np.int64) * _MICROSECOND_NS)

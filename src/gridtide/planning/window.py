"""
The cheapest uninterrupted run between release and latest start, exact for any start.

Four routes give the same answer: a short one for constant power on equal constant steps (the hot path), a kept table
for other small series, a general search over all breakpoints, and one for starts bound to a grid. A window that
touches a gap or leaves the known part is no candidate.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from gridtide.domain.decision import Reason
from gridtide.planning import segments
from gridtide.planning.choice import RELATIVE_TIE, Choice, contiguous, tie_width
from gridtide.planning.equal_steps import lowest_on_equal_steps
from gridtide.planning.shape import PowerShape, constant_power
from gridtide.planning.table import candidates, is_worth_a_table, lowest_in_table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from gridtide.domain.series import Curve, Series

__all__ = ["Starts", "known_starts", "lowest_window"]


class Starts(NamedTuple):
    """
    Possible starts on one stretch without gaps, with their costs.

    Attributes:
        curve: The stretch.
        starts_ns: Increasing, shape (n_starts,). [ns]
        costs: Shape (n_starts,). [value x h]
    """

    curve: Curve
    starts_ns: NDArray[np.int64]
    costs: NDArray[np.float64]


def lowest_window(
    series: Series,
    release_ns: int,
    latest_ns: int,
    length_ns: int,
    *,
    shape: PowerShape | None = None,
    grid_ns: int = 0,
) -> Choice | None:
    """
    Cheapest start in [release, latest]; the earliest of equals.

    Args:
        series: What is known.
        release_ns: Earliest start. [ns]
        latest_ns: Latest start. [ns]
        length_ns: Duration. [ns]
        shape: How power runs; constant when left out.
        grid_ns: Bind starts to ``release + k * grid``; 0 leaves every instant free. [ns]

    Returns:
        The choice, or None when no start in the bounds has a fully known run.
    """
    if shape is None or shape.is_constant:
        curves = series.curves
        if not grid_ns and len(curves) == 1 and curves[0].constant and curves[0].step_ns:
            return lowest_on_equal_steps(curves[0], release_ns, latest_ns, length_ns)
        shape = constant_power(length_ns)
    if not grid_ns and len(series.curves) == 1:
        curve = series.curves[0]
        first_ns, last_ns = release_ns, min(latest_ns, curve.end_ns - length_ns)
        if curve.start_ns <= first_ns <= last_ns and is_worth_a_table(curve, first_ns, last_ns, shape):
            return lowest_in_table(curve, first_ns, last_ns, shape)
    best: Choice | None = None
    highest = -np.inf
    for found in known_starts(series, release_ns, latest_ns, shape, grid_ns=grid_ns, turning=1.0):
        costs = found.costs
        width = tie_width(found.curve, float(costs.min()))
        k = int((costs <= costs.min() + width).argmax())
        highest = max(highest, float(costs.max()))
        if best is None or costs[k] < best.cost - width:
            best = contiguous(int(found.starts_ns[k]), length_ns, float(costs[k]), Reason.LOWER_LATER)
    if best is None or best.start_ns > release_ns:
        return best
    flat = highest - best.cost <= RELATIVE_TIE * abs(best.cost) + max(c.noise for c in series.curves)
    return best._replace(reason=Reason.FLAT if flat else Reason.LOWEST_NOW)


def known_starts(
    series: Series,
    release_ns: int,
    latest_ns: int,
    shape: PowerShape,
    *,
    grid_ns: int = 0,
    turning: float = 0.0,
) -> Iterator[Starts]:
    """
    Candidate starts per stretch of *series*: all breakpoints, or all grid points.

    Args:
        series: What is known.
        release_ns: Earliest start, and where the grid is anchored. [ns]
        latest_ns: Latest start. [ns]
        shape: How power runs.
        grid_ns: Grid of starts; 0 for none. [ns]
        turning: 1 adds the bottoms between breakpoints of a linear series, -1 the tops, 0 neither.
    """
    for curve in series.curves:
        first_ns, last_ns = max(release_ns, curve.start_ns), min(latest_ns, curve.end_ns - shape.length_ns)
        if last_ns < first_ns:
            continue
        if grid_ns:
            starts = segments.grid_starts(first_ns, last_ns, release_ns, grid_ns)
            if starts.size:
                yield Starts(curve, starts, segments.costs_at(curve, starts, shape))
        else:
            yield Starts(curve, *candidates(curve, first_ns, last_ns, shape, turning=turning))

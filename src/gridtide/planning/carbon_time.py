"""
The start with the most saving per hour until it is finished: a middle way between clean and soon.

The rate of a start is ``(cost now - cost there) / (wait + duration)``. Between breakpoints it is a ratio of a line
(constant series) or parabola (linear series) to a line, so its highest point lies on a breakpoint or on one root of
a quadratic equation; both are looked at, so the answer is exact.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from gridtide.domain.decision import Reason
from gridtide.domain.units import NS_PER_HOUR
from gridtide.planning import segments
from gridtide.planning.choice import RELATIVE_TIE, Choice, contiguous
from gridtide.planning.fixed import run_cost
from gridtide.planning.shape import PowerShape, constant_power
from gridtide.planning.window import known_starts

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from gridtide.domain.series import Series
    from gridtide.planning.window import Starts

__all__ = ["carbon_time"]


def carbon_time(
    series: Series,
    release_ns: int,
    latest_ns: int,
    length_ns: int,
    *,
    shape: PowerShape | None = None,
    grid_ns: int = 0,
) -> Choice | None:
    """
    Start in [release, latest] with the highest saving per hour until completion; the earliest of equals.

    Args:
        series: What is known.
        release_ns: Earliest start; its run is what savings are counted from. [ns]
        latest_ns: Latest start. [ns]
        length_ns: Duration. [ns]
        shape: How power runs; constant when left out.
        grid_ns: Bind starts to ``release + k * grid``; 0 leaves every instant free. [ns]

    Returns:
        The choice; run-now when nothing saves. None when the run from the release is not fully known.

    References:
        Hanafy et al., "Going Green for Less Green: Optimizing the Cost of Reducing Cloud Carbon Emissions",
        ASPLOS 2024, doi:10.1145/3620666.3651374, policy Carbon-Time.
    """
    shape = shape or constant_power(length_ns)
    now_cost = run_cost(series, release_ns, length_ns, shape)
    if now_cost is None:
        return None
    starts: list[NDArray[np.int64]] = []
    costs: list[NDArray[np.float64]] = []
    for found in known_starts(series, release_ns, latest_ns, shape, grid_ns=grid_ns):
        extra = np.empty(0, dtype=np.int64)
        if not grid_ns and not found.curve.constant and found.starts_ns.size > 1:
            extra = _turning_points(found, release_ns, shape, now_cost)
        starts.extend((found.starts_ns, extra))
        costs.extend((found.costs, segments.costs_at(found.curve, extra, shape)))
    every, cost = np.concatenate(starts), np.concatenate(costs)
    rates = (now_cost - cost) / ((every - release_ns + length_ns) / NS_PER_HOUR)
    width = RELATIVE_TIE * abs(now_cost) + max(curve.noise for curve in series.curves)
    if float(rates.max()) <= width / shape.hours:
        flat = float(np.ptp(cost)) <= width
        return contiguous(release_ns, length_ns, now_cost, Reason.FLAT if flat else Reason.LOWEST_NOW)
    best = np.flatnonzero(rates >= rates.max() - width / shape.hours)
    k = int(best[every[best].argmin()])
    return contiguous(int(every[k]), length_ns, float(cost[k]), Reason.LOWER_LATER)


def _turning_points(found: Starts, release_ns: int, shape: PowerShape, now_cost: float) -> NDArray[np.int64]:
    """Starts between breakpoints of a linear series at which the rate may turn. [ns]"""
    starts = found.starts_ns
    slope = segments.slopes(found.curve, starts, shape)
    lengths = np.diff(starts) / NS_PER_HOUR
    bend = (slope.right - slope.left) / lengths
    until_end = (starts[:-1] - release_ns) / NS_PER_HOUR + shape.hours
    with np.errstate(divide="ignore", invalid="ignore"):
        inside = until_end**2 - 2.0 * (slope.left * until_end + now_cost - found.costs[:-1]) / bend
        offset = np.sqrt(inside) - until_end
        turns = np.flatnonzero((offset > 0.0) & (offset < lengths))
    into = segments.to_microseconds(offset[turns] * NS_PER_HOUR)
    return starts[turns] + np.minimum(into, np.diff(starts)[turns])

"""
What the plan is compared with: never to be clever, to wait blindly, to be average, to be unlucky.

Median and worst are taken over the same candidate starts the planner weighs, so each is a real start with a real
mean. A baseline whose run is not fully known keeps its start and has no mean.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from gridtide.planning.choice import tie_width
from gridtide.planning.fixed import run_cost
from gridtide.planning.window import known_starts

if TYPE_CHECKING:
    from gridtide.domain.series import Series
    from gridtide.planning.bounds import Bounds

__all__ = ["BASELINES", "Baseline", "baselines_of"]

BASELINES = ("run-now", "run-latest", "median", "worst")


class Baseline(NamedTuple):
    """
    One way not to be clever.

    Attributes:
        name: One of `BASELINES`.
        start_ns: First instant of work, or None when no start is known. [ns]
        cost: Of its run; None when part of it is unknown. [value x h]
    """

    name: str
    start_ns: int | None
    cost: float | None


def baselines_of(series: Series, bounds: Bounds, *, grid_ns: int = 0) -> tuple[Baseline, ...]:
    """All four, in the order of `BASELINES`."""
    latest_ns = bounds.latest_ns
    if latest_ns is None and series:
        latest_ns = bounds.reach_ns(series)
    start_ns = None if latest_ns is None else max(latest_ns, bounds.release_ns)
    return (
        Baseline("run-now", bounds.release_ns, run_cost(series, bounds.release_ns, bounds.length_ns, bounds.shape)),
        Baseline(
            "run-latest",
            start_ns,
            None if start_ns is None else run_cost(series, start_ns, bounds.length_ns, bounds.shape),
        ),
        *_median_and_worst(series, bounds, grid_ns),
    )


def _median_and_worst(series: Series, bounds: Bounds, grid_ns: int) -> tuple[Baseline, Baseline]:
    median, worst = Baseline("median", None, None), Baseline("worst", None, None)
    if not series:
        return median, worst
    last_ns = max(bounds.reach_ns(series), bounds.release_ns)
    found = list(known_starts(series, bounds.release_ns, last_ns, bounds.shape, grid_ns=grid_ns, turning=-1.0))
    if not found:
        return median, worst
    starts = np.concatenate([f.starts_ns for f in found])
    costs = np.concatenate([f.costs for f in found])
    width = max(tie_width(f.curve, float(costs.max())) for f in found)
    middle = float(np.partition(costs, (costs.size - 1) // 2)[(costs.size - 1) // 2])
    at_median = int((np.abs(costs - middle) <= width).argmax())
    at_worst = int((costs >= costs.max() - width).argmax())
    return (
        Baseline("median", int(starts[at_median]), float(costs[at_median])),
        Baseline("worst", int(starts[at_worst]), float(costs[at_worst])),
    )

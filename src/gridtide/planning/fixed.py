"""Runs without a choice: from one given start, or from the release. Every saving is counted from them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gridtide.domain.decision import Reason
from gridtide.planning.choice import Choice, contiguous

if TYPE_CHECKING:
    from gridtide.domain.series import Series
    from gridtide.planning.shape import PowerShape

__all__ = ["run_at", "run_cost", "run_now"]


def run_at(
    series: Series, start_ns: int, length_ns: int, reason: Reason, *, shape: PowerShape | None = None
) -> Choice | None:
    """
    One uninterrupted run, or None when part of it is not known.

    Args:
        series: What is known.
        start_ns: First instant of work. [ns]
        length_ns: Duration. [ns]
        reason: To be stated.
        shape: How power runs; constant when left out.
    """
    cost = run_cost(series, start_ns, length_ns, shape)
    return None if cost is None else contiguous(start_ns, length_ns, cost, reason)


def run_now(series: Series, release_ns: int, length_ns: int, *, shape: PowerShape | None = None) -> Choice | None:
    """Start at the release, whatever the grid does."""
    return run_at(series, release_ns, length_ns, Reason.RUN_NOW_ASKED, shape=shape)


def run_cost(series: Series, start_ns: int, length_ns: int, shape: PowerShape | None = None) -> float | None:
    """Cost of one uninterrupted run, or None when part of it is not known. [value x h]"""
    end_ns = start_ns + length_ns
    for curve in series.curves:
        edges = curve.break_list
        if edges[0] <= start_ns and end_ns <= edges[-1]:
            if shape is None or len(shape.levels) == 1:
                return curve.integral_at(end_ns) - curve.integral_at(start_ns)
            pairs = zip(shape.edges_ns, shape.weights, strict=True)
            return sum(weight * curve.integral_at(start_ns + edge_ns) for edge_ns, weight in pairs)
    return None

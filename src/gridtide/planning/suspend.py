"""
Run while it is clean, pause while it is dirty, and never longer than the slack allows.

The limit between clean and dirty may come from the past (`gridtide.planning.threshold.trailing_percentile`), which
needs no forecast, or from the hours ahead (`percentile_ahead`). When the pauses have used up the slack the work runs
through, so the deadline holds. `improving_start` is the simplest rule of all: wait as long as the next step is lower.

References:
    Souza et al. (2023), Ecovisor, ASPLOS '23, doi:10.1145/3575693.3575709.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from gridtide.domain.decision import Reason
from gridtide.domain.units import NS_PER_HOUR
from gridtide.planning.choice import Choice
from gridtide.planning.fixed import run_at
from gridtide.planning.slots import joined
from gridtide.planning.threshold import trailing_percentile

if TYPE_CHECKING:
    from gridtide.domain.series import Curve, Series

__all__ = ["improving_start", "is_on", "percentile_ahead", "suspend_above"]


def is_on(value: float, limit: float, pause_left_ns: int) -> bool:
    """Whether to run now: it is cleaner than the limit, or no time is left to pause."""
    return value < limit or pause_left_ns <= 0


def percentile_ahead(series: Series, now_ns: int, span_ns: int, percentile: float) -> float | None:
    """
    Smallest value ahead that at least *percentile* of the known time was at or below, or None.

    Args:
        series: A forecast.
        now_ns: Start of the span. [ns]
        span_ns: How far ahead. [ns]
        percentile: Share of the time. [0..100]
    """
    return trailing_percentile(series, now_ns + span_ns, span_ns, percentile)


def suspend_above(series: Series, release_ns: int, length_ns: int, pause_ns: int, limit: float) -> Choice | None:
    """
    Run below *limit*, pause at or above it, and run through once *pause_ns* is used up.

    Args:
        series: What is known.
        release_ns: Earliest start. [ns]
        length_ns: Running time in all. [ns]
        pause_ns: Longest time of all pauses together, the wait before the start included. [ns]
        limit: Where dirty begins. [signal.unit]

    Returns:
        The choice, or None when a part of the time it needs is not known.
    """
    curve = series.curve_at(release_ns)
    if curve is None:
        return None
    now_ns, todo_ns, pause_left_ns = release_ns, length_ns, pause_ns
    spans: list[tuple[int, int]] = []
    for stop_ns, value in _stretches(curve, release_ns, limit):
        if not is_on(value, limit, pause_left_ns):
            waited = min(pause_left_ns, stop_ns - now_ns)
            pause_left_ns -= waited
            now_ns += waited
        if now_ns < stop_ns:
            run = min(todo_ns, stop_ns - now_ns)
            spans.append((now_ns, now_ns + run))
            todo_ns -= run
        now_ns = stop_ns
        if not todo_ns:
            break
    if todo_ns:
        return None
    pieces = joined(spans)
    cost = sum(curve.integral_at(end) - curve.integral_at(start) for start, end in pieces)
    reason = Reason.BELOW_THRESHOLD if pieces[0][0] == release_ns else Reason.PAUSED_FOR_LOWER
    return Choice(pieces[0][0], pieces[-1][1], cost, cost / (length_ns / NS_PER_HOUR), reason, tuple(pieces))


def improving_start(series: Series, release_ns: int, latest_ns: int, length_ns: int, *, step_ns: int) -> Choice | None:
    """
    Wait as long as the value one step ahead is lower and there is slack; short-sighted, and cheap.

    Args:
        series: What is known.
        release_ns: Earliest start. [ns]
        latest_ns: Latest start. [ns]
        length_ns: Duration. [ns]
        step_ns: How far ahead to look. [ns]

    Returns:
        The choice, or None when the run it picks is not fully known.
    """
    now_ns = release_ns
    while now_ns + step_ns <= latest_ns:
        curve = series.curve_at(now_ns)
        if (
            curve is None
            or now_ns + step_ns >= curve.end_ns
            or not curve.value_at(now_ns + step_ns) < curve.value_at(now_ns)
        ):
            break
        now_ns += step_ns
    reason = Reason.LOWEST_NOW if now_ns == release_ns else Reason.LOWER_LATER
    return run_at(series, now_ns, length_ns, reason)


def _stretches(curve: Curve, from_ns: int, limit: float) -> list[tuple[int, float]]:
    """Ends of stretches that lie on one side of *limit*, with a value inside each, from *from_ns* on."""
    edges = curve.breaks
    if not curve.constant:
        below = curve.values < limit
        crosses = np.flatnonzero(below != (curve.end_values < limit))
        share = (limit - curve.values[crosses]) / (curve.end_values - curve.values)[crosses]
        at = edges[crosses] + np.rint(share * np.diff(edges)[crosses]).astype(np.int64)
        edges = np.unique(np.concatenate((edges, at)))
    edges = np.unique(np.maximum(edges[edges > from_ns], from_ns))
    starts = np.concatenate(([from_ns], edges[:-1])).astype(np.int64)
    return list(zip(edges.tolist(), curve.values_at((starts + edges) // 2).tolist(), strict=True))

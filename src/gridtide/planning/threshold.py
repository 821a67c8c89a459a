"""
Start at the first instant at or below a threshold, at the latest start otherwise.

A bare threshold with a short wait can raise emissions, because it also waits while the signal climbs. The forecast
gate, on by default, asks first whether the start the threshold picks is forecast to be better than starting at once.
"""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING

import numpy as np

from gridtide.domain.decision import Reason
from gridtide.planning.choice import RELATIVE_TIE, Choice, contiguous
from gridtide.planning.fixed import run_cost

if TYPE_CHECKING:
    from gridtide.domain.series import Curve, Series
    from gridtide.planning.shape import PowerShape

__all__ = ["first_below", "switch_on", "threshold_start", "trailing_percentile"]

_BELOW, _ABOVE, _NO_HELP = Reason.BELOW_THRESHOLD, Reason.ABOVE_THRESHOLD, Reason.WAITING_DOES_NOT_HELP


def switch_on(value: float, threshold: float, *, hysteresis: float = 0.0, running: bool = False) -> bool:
    """
    Whether work should be on at *value*: at or below the threshold, plus the hysteresis while it is running.

    Example:
        >>> switch_on(205.0, 200.0, hysteresis=10.0), switch_on(205.0, 200.0, hysteresis=10.0, running=True)
        (False, True)
    """
    return value <= (threshold + hysteresis if running else threshold)


def trailing_percentile(history: Series, now_ns: int, span_ns: int, percentile: float) -> float | None:
    """
    Smallest past value that at least *percentile* of the known time before now was at or below.

    Args:
        history: Past values; what lies after now is not looked at.
        now_ns: End of the span. [ns]
        span_ns: How far back. [ns]
        percentile: Share of the time. [0..100]

    Returns:
        The value, or None when nothing is known in the span. [signal.unit]
    """
    starts = np.maximum(history.starts_ns, now_ns - span_ns)
    lengths = np.minimum(history.ends_ns, now_ns) - starts
    known = lengths > 0
    if not known.any():
        return None
    levels = 0.5 * (history.values[known] + history.end_values[known])
    order = levels.argsort(kind="stable")
    time = lengths[known][order].cumsum()
    k = int(time.searchsorted(percentile / 100.0 * time[-1] * (1.0 - 1e-12)))
    return float(levels[order[min(k, order.size - 1)]])


def first_below(series: Series, release_ns: int, latest_ns: int, threshold: float) -> int | None:
    """First instant in [release, latest] with a known value at or below *threshold*, or None. [ns]"""
    for curve in series.curves:
        if curve.break_list[-1] > release_ns:
            if curve.break_list[0] > latest_ns:
                return None
            found = _first_below(curve, max(release_ns, curve.break_list[0]), latest_ns, threshold)
            if found is not None:
                return found
    return None


def threshold_start(
    series: Series,
    release_ns: int,
    latest_ns: int,
    length_ns: int,
    threshold: float,
    *,
    gate: bool = True,
    shape: PowerShape | None = None,
) -> Choice | None:
    """
    Start when the signal first is at or below *threshold*, at the latest start otherwise.

    Args:
        series: What is known.
        release_ns: Earliest start. [ns]
        latest_ns: Latest start. [ns]
        length_ns: Duration. [ns]
        threshold: Bound for the value at the start. [signal.unit]
        gate: Start at once when the picked start is not forecast to be better.
        shape: How power runs; constant when left out.

    Returns:
        The choice; None when the run it picks is not fully known, or no start is in the bounds.
    """
    if latest_ns < release_ns:
        return None
    start_ns = first_below(series, release_ns, latest_ns, threshold)
    now_cost = run_cost(series, release_ns, length_ns, shape)
    if start_ns == release_ns:
        return None if now_cost is None else contiguous(release_ns, length_ns, now_cost, _BELOW)
    picked_ns = latest_ns if start_ns is None else start_ns
    cost = run_cost(series, picked_ns, length_ns, shape)
    if gate and now_cost is not None:
        helps = cost is not None and now_cost - cost > RELATIVE_TIE * abs(cost) + series.curves[0].noise
        if not helps:
            return contiguous(release_ns, length_ns, now_cost, _NO_HELP)
    return None if cost is None else contiguous(picked_ns, length_ns, cost, _ABOVE)


def _first_below(curve: Curve, first_ns: int, last_ns: int, threshold: float) -> int | None:
    edges, values = curve.break_list, curve.value_list
    k = curve.locate(first_ns)
    if (values[k] if curve.constant else curve.value_at(first_ns)) <= threshold:
        return first_ns
    if not curve.constant:
        return _first_crossing(curve, k, first_ns, last_ns, threshold)
    j = bisect_right(edges, last_ns)
    below = curve.values[k + 1 : j] <= threshold
    if below.size and below[i := int(below.argmax())]:
        return edges[k + 1 + i]
    return None


def _first_crossing(curve: Curve, k: int, first_ns: int, last_ns: int, threshold: float) -> int | None:
    ends = np.minimum(curve.values[k:], curve.end_values[k:])
    for i in (k + np.flatnonzero(ends <= threshold)).tolist():
        start_ns, length_ns = curve.break_list[i], curve.break_list[i + 1] - curve.break_list[i]
        begin, end = curve.value_list[i], float(curve.end_values[i])
        if begin > threshold:
            start_ns += -int(-length_ns * (begin - threshold) / (begin - end) // 1_000) * 1_000
        if max(start_ns, first_ns) > last_ns:
            return None
        if first_ns <= start_ns < curve.break_list[i + 1]:
            return start_ns
    return None

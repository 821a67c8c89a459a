"""Means of a window that slides over a series: what a run of that length would see from each start."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from gridtide.domain.errors import InvalidInput
from gridtide.domain.instants import duration_ns, from_ns, to_ns
from gridtide.domain.interval import Interval
from gridtide.planning import segments
from gridtide.planning.shape import constant_power

if TYPE_CHECKING:
    from datetime import timedelta

    from gridtide.domain.series import Series

__all__ = ["WindowMean", "rolling_means"]


class WindowMean(NamedTuple):
    """One window and the mean over it."""

    window: Interval
    mean: float


def rolling_means(
    series: Series, length: timedelta, *, tick: timedelta | None = None, within: Interval | None = None
) -> tuple[WindowMean, ...]:
    """
    Mean over every window of *length* that is fully known, in steps of *tick*.

    Args:
        series: What is known.
        length: Of the window; zero gives the steps as they are.
        tick: From one window's start to the next; the length of the first step when left out or zero.
        within: Windows lie inside it and inside the series; the first starts where both have begun.

    Raises:
        InvalidInput: *length* or *tick* is negative.

    Example:
        >>> from datetime import UTC, datetime, timedelta
        >>> from gridtide.domain.series import Series
        >>> from gridtide.domain.signal import Signal, SignalKind
        >>> demo = Signal(SignalKind.AVERAGE, provider="demo", zone="X")
        >>> five = Series.steps(demo, datetime(2026, 1, 1, tzinfo=UTC), timedelta(minutes=5), [10.0, 20.0, 30.0])
        >>> [round(w.mean, 1) for w in rolling_means(five, timedelta(minutes=10))]
        [15.0, 25.0]
    """
    length_ns, tick_ns = duration_ns(length), 0 if tick is None else duration_ns(tick)
    if length_ns < 0 or tick_ns < 0:
        name = "length" if length_ns < 0 else "tick"
        raise InvalidInput(f"{name} is negative; allowed: zero or longer", field=name)
    if not series:
        return ()
    if not length_ns:
        return tuple(WindowMean(Interval(start, end), series.mean(Interval(start, end))) for start, end, _, _ in series)
    tick_ns = tick_ns or int(series.ends_ns[0] - series.starts_ns[0])
    first_ns, last_ns = series.curves[0].start_ns, series.curves[-1].end_ns
    if within is not None:
        first_ns, last_ns = max(first_ns, to_ns(within.start)), min(last_ns, to_ns(within.end))
    found = []
    shape = constant_power(length_ns)
    starts = np.arange(first_ns, last_ns - length_ns + 1, tick_ns, dtype=np.int64)
    for curve in series.curves:
        inside = starts[(starts >= curve.start_ns) & (starts + length_ns <= curve.end_ns)]
        means = segments.costs_at(curve, inside, shape) / shape.hours
        for start_ns, mean in zip(inside.tolist(), means.tolist(), strict=True):
            found.append(WindowMean(Interval(from_ns(start_ns), from_ns(start_ns + length_ns)), mean))
    return tuple(found)

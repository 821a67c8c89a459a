"""Typical values by hour of the week: what stands in when nothing current is known."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

import numpy as np

from gridtide.domain.instants import duration_ns, to_ns
from gridtide.domain.series import Series
from gridtide.domain.signal import Quality
from gridtide.domain.units import NS_PER_HOUR

if TYPE_CHECKING:
    from gridtide.domain.interval import Interval

__all__ = ["typical_week"]

_HOURS: Final = 168
_EPOCH_HOUR_OF_WEEK: Final = 3 * 24  # 1970-01-01 was a Thursday; hour 0 is Monday 00:00 UTC
_MIN_SHARE: Final = 0.5


def typical_week(history: Series, window: Interval) -> Series:
    """
    Mean by hour of the week over *history*, laid over *window*; marked `Quality.TYPICAL`.

    Hours of the week that history never covers stay gaps. Empty when history covers less than half of the week:
    a typical week that is mostly invented helps nobody.
    """
    empty = Series(history.signal, [], [], [])
    if not history:
        return empty
    sums, counts = np.zeros(_HOURS), np.zeros(_HOURS)
    for curve in history.curves:
        first = -(-curve.start_ns // NS_PER_HOUR)
        last = curve.end_ns // NS_PER_HOUR
        if last <= first:
            continue
        edges = np.arange(first, last + 1, dtype=np.int64)
        means = np.diff(curve.integrals_at(edges * NS_PER_HOUR))
        slots = (edges[:-1] + _EPOCH_HOUR_OF_WEEK) % _HOURS
        np.add.at(sums, slots, means)
        np.add.at(counts, slots, 1)
    if (counts > 0).mean() < _MIN_SHARE:
        return empty
    start = to_ns(window.start) // NS_PER_HOUR
    count = -(-to_ns(window.end) // NS_PER_HOUR) - start
    hours = start + np.arange(count, dtype=np.int64)
    slots = (hours + _EPOCH_HOUR_OF_WEEK) % _HOURS
    known = counts[slots] > 0
    weeks = timedelta(microseconds=(to_ns(history.end) - to_ns(history.start)) // 1000) / timedelta(weeks=1)
    signal = history.signal.with_(
        quality=Quality.TYPICAL, issued_at=None, method=f"mean by hour of the week over {weeks:.1f} weeks"
    )
    values = sums[slots[known]] / counts[slots[known]]
    step = duration_ns(timedelta(hours=1))
    return Series(signal, hours[known] * NS_PER_HOUR, hours[known] * NS_PER_HOUR + step, values)

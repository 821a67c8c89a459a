"""
Bridging a source's lag: its newest value stands for now where nothing better can be had, for a moment and labelled.

A source that publishes ten minutes late never knows now. Without a forecast, and as long as too little of its past is
known for one of our own, its newest value is the best there is to say about this moment. It says nothing about what
lies ahead: a held value ends one period after now and is marked as a forecast, with its method.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from gridtide.domain.instants import from_ns, isoformat, to_ns
from gridtide.domain.series import Series
from gridtide.domain.signal import Quality
from gridtide.grid.splice import overlay, until

if TYPE_CHECKING:
    from datetime import datetime

__all__ = ["LONGEST", "held"]

LONGEST: Final = timedelta(hours=1)
"""Longest lag that is bridged: the grid of an hour ago says little about now."""


def held(series: Series, now: datetime, *, period: timedelta) -> Series:
    """
    *series* with its newest value before *now* held until *period* after it; unchanged where that says nothing.

    Args:
        series: Values that end before now.
        now: Instant that a value is wanted for.
        period: How often the source has a new one.

    Returns:
        The same series when it knows *now*, knows nothing before it, or ended more than an hour ago.
    """
    seen = until(series, to_ns(now))
    if not seen or series.curve_at(to_ns(now)) is not None or now - seen.end > LONGEST:
        return series
    later = series.starts_ns[series.starts_ns > to_ns(now)]
    end = min(now + period, from_ns(int(later[0]))) if later.size else now + period
    method = f"{series.signal.method or series.signal.provider} to {isoformat(seen.end)}, then held"
    signal = seen.signal.with_(quality=Quality.FORECAST, method=method)
    bridge = Series(signal, [to_ns(seen.end)], [to_ns(end)], [float(seen.end_values[-1])])
    joined = overlay(bridge, series)
    return joined.relabel(joined.signal.with_(method=method))

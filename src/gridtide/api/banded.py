"""
Readings with the upper end of their forecast, for plans that must stay good when the forecast is wrong.

The band comes from the zone's own past: how far our method missed there at each lead time, laid around whatever
forecast is read. Where the past is too short, or of another meaning, there is no band and the reading says so by
having none.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final

import numpy as np

from gridtide.api.around import Around
from gridtide.domain.errors import CarbonError
from gridtide.domain.instants import to_ns
from gridtide.domain.interval import Interval
from gridtide.domain.series import Series
from gridtide.domain.signal import SignalKind, require_comparable
from gridtide.forecasting import bands, own
from gridtide.forecasting.history import History
from gridtide.forecasting.methods import DEFAULT_METHOD

if TYPE_CHECKING:
    from datetime import datetime

    from gridtide.domain.ports import Clock, GridData, Reading, SignalQuery

__all__ = ["LEVEL", "BandedData", "upper_end"]

LEVEL: Final = 0.9
"""Quantile of the upper end."""

_LOG: Final = logging.getLogger("gridtide.api.banded")
_STEP: Final = timedelta(hours=1)
_MOST_LEAD: Final = timedelta(days=4)


class BandedData(Around):
    """
    Grid data whose readings carry the upper end of their forecast.

    Args:
        inner: Who knows the signal and its past.
        clock: Wall time.
    """

    def __init__(self, inner: GridData, clock: Clock) -> None:
        super().__init__(inner)
        self._clock = clock

    async def read(self, query: SignalQuery) -> Reading:
        """What *inner* says, with the upper end where its past is known."""
        return await self.band(query, await self.inner.read(query))

    async def band(self, query: SignalQuery, reading: Reading) -> Reading:
        """*reading*, the answer to *query*, with the upper end where its own past is known; the values stay."""
        now = self._clock.now()
        if not query.forecast or not reading.series or reading.series.end <= now:
            return reading
        span = Interval(now - own.HISTORY_SPAN, now)
        past = await self.inner.read(
            replace(query, window=span, kind=reading.series.signal.kind, forecast=False, purpose="report")
        )
        try:
            return replace(reading, high=upper_end(reading.series, past.series, now=now))
        except CarbonError as error:
            _LOG.info("no band around the forecast: %s", error.message)
            return reading


def upper_end(ahead: Series, past: Series, *, now: datetime, level: float = LEVEL) -> Series:
    """
    Upper quantile of *ahead* by the misses of our own method on *past*; what is measured already stays as it is.

    Args:
        ahead: Values around now; those after it are a forecast. [signal.unit]
        past: The same signal before *now*. [signal.unit]
        now: When the forecast is looked at.
        level: Of the quantile. (0..1)

    Raises:
        HorizonTooShort: Fewer than twelve days of the past are known.
        KindMismatch: *past* is another signal.
    """
    require_comparable(ahead.signal, past.signal)
    history = History.of(past, end=now, step=_STEP, span=own.HISTORY_SPAN)
    steps = int(min(_MOST_LEAD, ahead.end - now) / _STEP) + 2
    misses = bands.residuals(history, own.method_for(DEFAULT_METHOD), steps)
    (offsets,) = bands.quantiles(np.full(steps, -1.0), misses, (level,), per_day=history.per_day) + 1.0
    offsets = np.maximum(offsets, 0.0)
    edges = np.union1d(
        np.concatenate([ahead.starts_ns, ahead.ends_ns, [to_ns(now)]]),
        history.end_ns + history.step_ns * np.arange(steps, dtype=np.int64),
    )
    starts, ends = edges[:-1], edges[1:]
    index = np.maximum(np.searchsorted(ahead.starts_ns, starts, side="right") - 1, 0)
    known = (ahead.starts_ns[index] <= starts) & (ends <= ahead.ends_ns[index])
    starts, ends, index = starts[known], ends[known], index[known]
    lead = np.clip((starts - history.end_ns) // history.step_ns, 0, steps - 1)
    rise = np.where(starts >= to_ns(now), offsets[lead], 0.0)
    slope = (ahead.end_values[index] - ahead.values[index]) / (ahead.ends_ns[index] - ahead.starts_ns[index])
    first = ahead.values[index] + slope * (starts - ahead.starts_ns[index])
    last = ahead.values[index] + slope * (ends - ahead.starts_ns[index])
    label = f"upper {level:.0%} of: {ahead.signal.method or ahead.signal.provider}"
    top = ahead.signal.with_(method=label)
    if ahead.signal.kind is SignalKind.RELATIVE:
        first, last = np.minimum(first + rise, 100.0), np.minimum(last + rise, 100.0)
    else:
        first, last = first + rise, last + rise
    linear = bool((ahead.end_values != ahead.values).any())
    return Series(top, starts, ends, first, end_values=last if linear else None, qualities=ahead.qualities[index])

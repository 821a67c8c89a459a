"""
Provider forecasts that were measured, blended with our own by how well each did lately.

Around the live client: every forecast that comes in is kept as issued. Once enough of them have come true, their
error and that of our own method on the same zone decide how much each counts. Until then, and whenever anything
here fails, the provider's forecast passes through as it came.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final

import numpy as np

from gridtide.domain.decision import FreshnessStep
from gridtide.domain.errors import CarbonError
from gridtide.domain.interval import Interval
from gridtide.domain.ports import SignalQuery
from gridtide.domain.signal import Quality, SignalKind
from gridtide.forecasting import bands, own
from gridtide.forecasting.blend import Skill, blend, measure_skill
from gridtide.forecasting.history import History
from gridtide.forecasting.methods import DEFAULT_METHOD

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from gridtide.domain.ports import Clock, GridData, Reading
    from gridtide.domain.series import Series
    from gridtide.ledger.forecasts import ForecastArchive

__all__ = ["BlendedData"]

_LOG: Final = logging.getLogger("gridtide.api.blended")
_JUDGED_OVER: Final = timedelta(days=14)
_STEP: Final = timedelta(hours=1)
_FRESH: Final = frozenset({FreshnessStep.LIVE, FreshnessStep.CACHED})
_LEAD_DAYS: Final = 4


class BlendedData:
    """
    Grid data whose forecasts are improved where that was shown to help.

    Args:
        inner: Who knows the signal.
        archive: Keeps forecasts as issued.
        clock: Wall time.
    """

    def __init__(self, inner: GridData, archive: ForecastArchive, clock: Clock) -> None:
        self._inner = inner
        self._archive = archive
        self._clock = clock

    async def read(self, query: SignalQuery) -> Reading:
        """What *inner* says, its forecast blended where both sides were measured."""
        reading = await self._inner.read(query)
        if not query.forecast or reading.step not in _FRESH or reading.series.signal.kind is SignalKind.PRICE:
            return reading
        try:
            return await self._improved(query, reading)
        except CarbonError as error:
            _LOG.info("the forecast was not blended: %s", error.message)
            return reading

    async def read_many(self, queries: Sequence[SignalQuery]) -> Sequence[Reading]:
        """Comparisons stay on what one source says; nothing is blended there."""
        many = getattr(self._inner, "read_many", None)
        if many is None:
            return [await self._inner.read(query) for query in queries]
        readings: Sequence[Reading] = await many(queries)
        return readings

    async def _improved(self, query: SignalQuery, reading: Reading) -> Reading:
        now, issued = self._clock.now(), reading.series.signal.issued_at
        ahead = _theirs(reading.series)
        if issued is None or ahead is None:
            return reading
        self._archive.keep(ahead)
        before = self._archive.issued(ahead.signal, since=now - _JUDGED_OVER, until=now - _STEP)
        if not before:
            return reading
        past = replace(query, window=Interval(now - own.HISTORY_SPAN, now), forecast=False, purpose="report")
        truth = (await self._inner.read(past)).series
        if not truth or truth.signal.kind is not ahead.signal.kind or truth.signal.scope is not ahead.signal.scope:
            return reading
        theirs, ours = measure_skill(before, truth), _own_skill(truth, now)
        if np.isnan(theirs.mean_squared_error[0]) or np.isnan(ours.mean_squared_error[0]):
            return reading
        horizon = max(reading.series.end - now, _STEP)
        made = own.forecast(truth, issued_at=now, horizon=horizon, step=_STEP)
        joined = blend(reading.series, made, provider_skill=theirs, own_skill=ours)
        return replace(reading, series=joined, reason=reading.reason or "forecast blended by recent skill")


def _theirs(series: Series) -> Series | None:
    """The forecast part alone, as it is to be judged."""
    part = series.qualities == Quality.FORECAST.rank
    if not part.any():
        return None
    return type(series)(
        series.signal,
        series.starts_ns[part],
        series.ends_ns[part],
        series.values[part],
        qualities=series.qualities[part],
    )


def _own_skill(truth: Series, now: datetime) -> Skill:
    """Mean squared error of our own method by lead day, from earlier origins on the same history."""
    history = History.of(truth, end=now, step=_STEP, span=own.HISTORY_SPAN)
    misses = bands.residuals(history, own.method_for(DEFAULT_METHOD), 24 * _LEAD_DAYS, origins=14)
    with np.errstate(invalid="ignore"):
        days = [misses[:, 24 * k : 24 * (k + 1)] for k in range(_LEAD_DAYS)]
    return Skill(tuple(float(np.nanmean(d**2)) if np.isfinite(d).any() else float("nan") for d in days))

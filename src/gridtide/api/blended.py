"""
Provider forecasts that were measured, blended with our own by how well each did lately.

Around the live client: every forecast that comes in is kept as issued, so that it can be judged by what came. Where
blending is asked for and enough of them have come true, their error and that of our own method on the same zone decide
how much each counts; both are measured again every six hours. Until then, and whenever anything here fails or takes
long, the provider's forecast passes through as it came.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final

import numpy as np

from gridtide.api.around import Around
from gridtide.domain.decision import FreshnessStep
from gridtide.domain.errors import CarbonError
from gridtide.domain.interval import Interval
from gridtide.domain.ports import SignalQuery
from gridtide.domain.signal import Quality, SignalKind
from gridtide.forecasting import bands, own
from gridtide.forecasting.blend import Skill, blend, measure_skill
from gridtide.forecasting.history import History
from gridtide.forecasting.methods import DEFAULT_METHOD
from gridtide.grid.provider import Product

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from gridtide.domain.ports import Clock, GridData, Reading
    from gridtide.domain.series import Series
    from gridtide.grid.desk import Update
    from gridtide.ledger.forecasts import ForecastArchive

__all__ = ["BlendedData", "Keeper"]

_LOG: Final = logging.getLogger("gridtide.api.blended")
_JUDGED_OVER: Final = timedelta(days=14)
_HISTORY: Final = timedelta(days=28)
_VALID_FOR: Final = timedelta(hours=6)
_PATIENCE_S: Final = 10.0
_ZONES_MOST: Final = 4096
_STEP: Final = timedelta(hours=1)
_FRESH: Final = frozenset({FreshnessStep.LIVE, FreshnessStep.CACHED})
_LEAD_DAYS: Final = 4
_OURS: Final = "own forecast"
_BLENDED: Final = "forecast blended by recent skill"

_Whose = tuple[str, str, str, str]


class Keeper:
    """
    Writes down every forecast that comes in, once an hour for each zone; a `GridClient` listener.

    Args:
        archive: Keeps forecasts as issued.
        clock: Wall time.
    """

    def __init__(self, archive: ForecastArchive, clock: Clock) -> None:
        self._archive = archive
        self._clock = clock
        self._newest: dict[_Whose, datetime] = {}
        self._pruned = False
        self._failed = False

    def __call__(self, update: Update) -> None:
        """Keep the forecast in *update*, if it is one that says when it was made."""
        if update.entry is not None and update.key.product is Product.FORECAST:
            self.keep(update.entry.series)

    def keep(self, forecast: Series) -> None:
        """Keep *forecast* as issued; one that is kept already, or cannot be kept, costs nothing."""
        issued = forecast.signal.issued_at
        if issued is None or self._failed:
            return
        slot, whose = issued.replace(minute=0, second=0, microsecond=0), _whose(forecast)
        if self._newest.get(whose) == slot:
            return
        if len(self._newest) >= _ZONES_MOST:
            self._newest.clear()
        self._newest[whose] = slot
        try:
            self._archive.keep(forecast)
            if not self._pruned:
                self._pruned = True
                self._archive.prune(now=self._clock.now())
        except CarbonError as error:
            self._failed = True
            _LOG.warning("forecasts are not kept any more: %s", error.message)


@dataclass(frozen=True, slots=True)
class _Record:
    """How well both sides did on one zone, and until when that is good enough."""

    theirs: Skill
    ours: Skill
    until: datetime


class BlendedData(Around):
    """
    Grid data whose forecasts are improved where that was shown to help.

    Args:
        inner: Who knows the signal.
        archive: Keeps forecasts as issued.
        clock: Wall time.
    """

    def __init__(self, inner: GridData, archive: ForecastArchive, clock: Clock) -> None:
        super().__init__(inner)
        self._archive = archive
        self._clock = clock
        self._keeper = Keeper(archive, clock)
        self._records: dict[_Whose, _Record] = {}

    async def read(self, query: SignalQuery) -> Reading:
        """What *inner* says, its forecast blended where both sides were measured."""
        reading = await self.inner.read(query)
        if not query.forecast or reading.step not in _FRESH or reading.series.signal.kind is SignalKind.PRICE:
            return reading
        try:
            async with asyncio.timeout(_PATIENCE_S):
                return await self._improved(query, reading)
        except TimeoutError:
            _LOG.info("the forecast was not blended: the past was slow to come")
        except CarbonError as error:
            _LOG.info("the forecast was not blended: %s", error.message)
        return reading

    async def _improved(self, query: SignalQuery, reading: Reading) -> Reading:
        now, ahead = self._clock.now(), _theirs(reading.series)
        if reading.series.signal.issued_at is None or ahead is None:
            return reading
        if _OURS not in reading.series.signal.method:
            self._keeper.keep(ahead)
        before = self._archive.issued(ahead.signal, since=now - _JUDGED_OVER, until=now - _STEP)
        if not before:
            return reading
        past = replace(query, window=Interval(now - _HISTORY, now), forecast=False, purpose="report")
        truth = (await self.inner.read(past)).series
        if not truth or truth.signal.kind is not ahead.signal.kind or truth.signal.scope is not ahead.signal.scope:
            return reading
        record = self._record(ahead, before, truth, now)
        if np.isnan(record.theirs.mean_squared_error[0]) or np.isnan(record.ours.mean_squared_error[0]):
            return reading
        horizon = max(reading.series.end - now, _STEP)
        made = own.forecast(truth, issued_at=now, horizon=horizon, step=_STEP)
        joined = blend(reading.series, made, provider_skill=record.theirs, own_skill=record.ours)
        return replace(reading, series=joined, reason="; ".join(filter(None, (reading.reason, _BLENDED))))

    def _record(self, ahead: Series, before: Sequence[Series], truth: Series, now: datetime) -> _Record:
        """How well both did, measured again when the last time is six hours ago."""
        whose = _whose(ahead)
        known = self._records.get(whose)
        if known is not None and now < known.until:
            return known
        if len(self._records) >= _ZONES_MOST:
            self._records.clear()
        self._records[whose] = _Record(measure_skill(before, truth), _own_skill(truth, now), now + _VALID_FOR)
        return self._records[whose]


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
    history = History.of(truth, end=now, step=_STEP, span=_HISTORY)
    misses = bands.residuals(history, own.method_for(DEFAULT_METHOD), 24 * _LEAD_DAYS, origins=14)
    with np.errstate(invalid="ignore"):
        days = [misses[:, 24 * k : 24 * (k + 1)] for k in range(_LEAD_DAYS)]
    return Skill(tuple(float(np.nanmean(d**2)) if np.isfinite(d).any() else float("nan") for d in days))


def _whose(series: Series) -> _Whose:
    signal = series.signal
    return signal.provider, signal.zone, str(signal.kind), str(signal.scope)

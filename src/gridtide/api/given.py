"""
Grid data that does not come from a network: a series handed in, and the yearly table.

Both are a `GridData`, so everything that plans on live values plans on these in the same way, and says what they are.
"""

from __future__ import annotations

import numpy as np

from gridtide.domain.decision import FreshnessStep
from gridtide.domain.instants import isoformat, to_ns
from gridtide.domain.interval import Interval
from gridtide.domain.ports import Clock, Reading, SignalQuery
from gridtide.domain.series import Series, StepShape
from gridtide.domain.signal import Quality
from gridtide.grid.static import StaticTable

__all__ = ["GivenData", "StaticData"]


class GivenData:
    """
    One series for every zone.

    Args:
        series: The values.
        clock: Whose now divides what is known from what is forecast.
        name: Where they came from, for the reason of every reading.
    """

    def __init__(self, series: Series, clock: Clock, *, name: str) -> None:
        self._series = series
        self._clock = clock
        self._name = name

    async def read(self, query: SignalQuery) -> Reading:
        """Everything there is; says ``none`` where the window lies outside or another kind is asked for."""
        kind = self._series.signal.kind
        if query.kind not in {None, kind}:
            return self._nothing(query, f"{self._name} holds a {kind} signal, not {query.kind}")
        if not self._series.clip(query.window):
            known = f"{isoformat(self._series.start)}/{isoformat(self._series.end)}"
            return self._nothing(query, f"{self._name} covers {known}, not {query.window}")
        return Reading(series=self._labelled(), step=FreshnessStep.LIVE, reason=f"read from {self._name}")

    def _labelled(self) -> Series:
        """Mark what lies after now as a forecast, whatever the file calls it."""
        series = self._series
        qualities = series.qualities.copy()
        ahead = series.starts_ns > to_ns(self._clock.now())
        qualities[ahead] = np.maximum(qualities[ahead], Quality.FORECAST.rank)
        worst = tuple(Quality)[int(qualities.max())]
        linear = series.shape is StepShape.LINEAR
        return Series(
            series.signal.with_(quality=worst),
            series.starts_ns,
            series.ends_ns,
            series.values,
            end_values=series.end_values if linear else None,
            qualities=qualities,
        )

    def _nothing(self, query: SignalQuery, reason: str) -> Reading:
        empty = Series(self._series.signal.with_(zone=query.zone.key), [], [], [])
        return Reading(series=empty, step=FreshnessStep.NONE, reason=reason)


class StaticData:
    """
    Yearly values for every zone: flat, so no plan moves on them, and never called current.

    Args:
        table: The figures; those that come with the package when left out.
    """

    def __init__(self, table: StaticTable | None = None) -> None:
        self._table = table or StaticTable()

    async def read(self, query: SignalQuery) -> Reading:
        """One step over the asked window, lifecycle emissions where there is such a figure."""
        series = self._table.series(query.zone, Interval(query.window.start, query.window.end))
        return Reading(series=series, step=FreshnessStep.STATIC, reason="the yearly table was asked for")

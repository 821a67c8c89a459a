"""
What a fake provider knows at an instant: a series cut into the provider's steps, as published then.

The *truth* is any `Series`; it repeats outside its own span, so that a two-day sample serves a month of virtual time.
A step is measured once the provider has published after its end, forecast up to the horizon before that, and absent
beyond. With a forecast error the forecast of a step approaches its true value as the step comes nearer.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from gridtide.domain.instants import duration_ns, from_ns, to_ns
from gridtide.domain.units import NS_PER_HOUR

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from gridtide.domain.series import Series

__all__ = ["Feed", "Publication", "Row", "View"]

_LEAD_OF_STATED_ERROR_H: Final = 24.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Publication:
    """
    A provider's own clock.

    Args:
        period: Time between two publications.
        phase: Offset of a publication from a full period since 1970.
        lag: How long after its end a step is measured.
        horizon: How far forecasts reach from the instant of publication; zero for none.
        step: Length of one step.
    """

    period: timedelta
    phase: timedelta = timedelta(0)
    lag: timedelta = timedelta(0)
    horizon: timedelta = timedelta(0)
    step: timedelta = timedelta(minutes=30)

    def issued_at(self, now: datetime) -> datetime:
        """Last publication at or before *now*."""
        period, phase = duration_ns(self.period), duration_ns(self.phase)
        return from_ns((to_ns(now) - phase) // period * period + phase)


@dataclass(frozen=True, slots=True)
class Row:
    """
    One published step; a fault may put anything into the values.

    Args:
        start: First instant.
        end: First instant after it.
        measured: Value once it is known, else None.
        forecast: Value as forecast, else None.
        over: Whether the step is over and its measured value is out.
    """

    start: datetime
    end: datetime
    measured: Any = None
    forecast: Any = None
    over: bool = False

    @property
    def value(self) -> Any:
        """The measured value where there is one, else the forecast."""
        return self.forecast if self.measured is None else self.measured


class Feed:
    """
    One provider's knowledge of one zone.

    Args:
        series: The truth. [any unit; it is served as it is]
        repeat: Whether the truth repeats outside its span; otherwise nothing is known there.
        forecast_error: Relative standard deviation of a forecast one day ahead. [1]
        seed: Of the forecast errors.
    """

    def __init__(self, series: Series, *, repeat: bool = True, forecast_error: float = 0.0, seed: int = 0) -> None:
        self.series = series
        self.repeat = repeat
        self.forecast_error = forecast_error
        self._seed = seed
        self._grids: dict[int, tuple[int, NDArray[np.float64], NDArray[np.float64]]] = {}

    def rows(self, start: datetime, end: datetime, publication: Publication, issued_at: datetime) -> list[Row]:
        """Steps that begin in ``[start, end)``, aligned to full steps since 1970, as published at *issued_at*."""
        step = duration_ns(publication.step)
        first = -(-to_ns(start) // step)
        last = -(-to_ns(end) // step)
        known_to = to_ns(issued_at) - duration_ns(publication.lag)
        forecast_to = to_ns(issued_at) + duration_ns(publication.horizon)
        rows = []
        for cell in range(first, last):
            starts_ns, ends_ns = cell * step, (cell + 1) * step
            truth, luck = self._cell(cell, step)
            if truth is None or (ends_ns > known_to and starts_ns >= forecast_to):
                continue
            lead_h = max(0, starts_ns - to_ns(issued_at)) / NS_PER_HOUR
            guess = truth * max(0.0, 1.0 + self.forecast_error * luck * (lead_h / _LEAD_OF_STATED_ERROR_H) ** 0.5)
            over = ends_ns <= known_to
            if over or publication.horizon:
                rows.append(Row(from_ns(starts_ns), from_ns(ends_ns), truth if over else None, guess, over))
        return rows

    def _cell(self, cell: int, step: int) -> tuple[float | None, float]:
        """Mean over one step, or None where the truth has a gap, and the step's share of forecast error."""
        if step not in self._grids:
            self._grids[step] = self._resampled(step)
        first, values, luck = self._grids[step]
        k = cell - first
        if self.repeat:
            k %= values.size
        if not 0 <= k < values.size or np.isnan(values[k]):
            return None, 0.0
        return float(values[k]), float(luck[k])

    def _resampled(self, step: int) -> tuple[int, NDArray[np.float64], NDArray[np.float64]]:
        """Means over aligned steps; NaN where a step is not wholly known."""
        first = int(self.series.starts_ns[0]) // step
        size = max(1, int(self.series.ends_ns[-1]) // step - first)
        edges = (first + np.arange(size + 1)) * step
        values = np.full(size, np.nan)
        for curve in self.series.curves:
            inside = (edges[:-1] >= curve.start_ns) & (edges[1:] <= curve.end_ns)
            sums = curve.integrals_at(edges[1:][inside]) - curve.integrals_at(edges[:-1][inside])
            values[inside] = np.round(sums / (step / NS_PER_HOUR), 9)
        return first, values, np.random.default_rng(self._seed).standard_normal(size)


@dataclass(frozen=True, slots=True)
class View:
    """
    A feed at one instant, with the faults that change what the provider believes.

    Args:
        feed: What is true.
        zone: The provider's key that was asked for.
        now: What the provider takes for now.
        alter: Changes rows on their way out; the identity when nothing is broken.
    """

    feed: Feed
    zone: str
    now: datetime
    alter: Callable[[list[Row]], list[Row]]

    def rows(self, start: datetime, end: datetime, publication: Publication) -> list[Row]:
        """Published steps that begin in ``[start, end)``."""
        return self.alter(self.feed.rows(start, end, publication, publication.issued_at(self.now)))

    def row_at(self, instant: datetime, publication: Publication) -> Row | None:
        """The published step that holds *instant*, or None."""
        step = duration_ns(publication.step)
        start = from_ns(to_ns(instant) // step * step)
        rows = self.rows(start, start + publication.step, publication)
        return rows[0] if rows else None

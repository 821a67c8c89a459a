"""Our own forecast as a labelled series: for providers that give none, or whose horizon is short."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

import numpy as np

from gridtide.domain.instants import duration_ns, isoformat, to_ns
from gridtide.domain.series import Series
from gridtide.domain.signal import Quality
from gridtide.forecasting import bands
from gridtide.forecasting.boosted import boosted
from gridtide.forecasting.correction import weekday_corrected
from gridtide.forecasting.history import History
from gridtide.forecasting.methods import DEFAULT_METHOD, METHODS, Method, method_named

if TYPE_CHECKING:
    from datetime import datetime

    from numpy.typing import NDArray

__all__ = ["HISTORY_SPAN", "METHOD_NAMES", "Banded", "forecast", "forecast_with_bands", "method_for"]

HISTORY_SPAN: Final = timedelta(weeks=14)
_LEARNT: Final[dict[str, Method]] = {"boosted": boosted, "weekday_corrected": weekday_corrected}
METHOD_NAMES: Final = (*METHODS, *_LEARNT)
_HOUR: Final = timedelta(hours=1)


def method_for(name: str) -> Method:
    """Any method by name, learned ones included; raises `InvalidInput` with the names that exist."""
    return _LEARNT.get(name) or method_named(name)


@dataclass(frozen=True, slots=True)
class Banded:
    """A forecast with its interval: *low* and *high* are the quantiles named in *levels*."""

    middle: Series
    low: Series
    high: Series
    levels: tuple[float, float]
    mean_absolute_error: float


def forecast(
    history: Series,
    *,
    issued_at: datetime,
    horizon: timedelta,
    step: timedelta = _HOUR,
    method: str = DEFAULT_METHOD,
    mean_absolute_error: float | None = None,
) -> Series:
    """
    Forecast *history* from the last whole step before *issued_at*.

    Args:
        history: What is known; values at or after *issued_at* are not looked at.
        issued_at: The *now* of the forecast.
        horizon: How far ahead of *issued_at*.
        step: Length of the forecast steps; divides a day.
        method: A name from `METHOD_NAMES`.
        mean_absolute_error: What was measured on this zone, for the label; None when nothing was. [history.signal.unit]

    Returns:
        Steps marked `Quality.FORECAST`, labelled with the method and *issued_at*. [history.signal.unit]

    Raises:
        HorizonTooShort: Too little history is known for the method.

    Example:
        >>> from datetime import UTC, datetime, timedelta
        >>> from gridtide.domain.signal import Signal, SignalKind
        >>> demo = Signal(SignalKind.AVERAGE, provider="demo", zone="X")
        >>> two_days = Series.steps(demo, datetime(2026, 1, 1, tzinfo=UTC), timedelta(hours=1), [50.0, 150.0] * 24)
        >>> ahead = forecast(two_days, issued_at=two_days.end, horizon=timedelta(hours=2), method="daily_naive")
        >>> ahead.values.tolist()
        [50.0, 150.0]
    """
    past, steps = _past(history, issued_at, horizon, step)
    label = _with_error(method, mean_absolute_error, history)
    return _labelled(history, past, method_for(method)(past, steps), issued_at=issued_at, method=label)


def forecast_with_bands(
    history: Series,
    *,
    issued_at: datetime,
    horizon: timedelta,
    step: timedelta = _HOUR,
    method: str = DEFAULT_METHOD,
    levels: tuple[float, float] = (0.1, 0.9),
) -> Banded:
    """
    `forecast` with an interval from the method's own misses of the last weeks, and its mean absolute error.

    Raises:
        HorizonTooShort: Too little history is known; twelve days at least.
    """
    past, steps = _past(history, issued_at, horizon, step)
    run = method_for(method)
    middle = run(past, steps)
    misses = bands.residuals(past, run, steps)
    low, high = bands.quantiles(middle, misses, levels, per_day=past.per_day)
    error = float(np.nanmean(np.abs(misses)))
    label = _with_error(method, error, history)

    def series(values: NDArray[np.float64]) -> Series:
        return _labelled(history, past, values, issued_at=issued_at, method=label)

    return Banded(series(middle), series(low), series(high), levels, error)


def _with_error(method: str, error: float | None, history: Series) -> str:
    return method if error is None else f"{method}, mean error {error:.1f} {history.signal.unit}"


def _past(history: Series, issued_at: datetime, horizon: timedelta, step: timedelta) -> tuple[History, int]:
    past = History.of(history, end=issued_at, step=step, span=HISTORY_SPAN)
    ahead_ns = to_ns(issued_at) + duration_ns(horizon) - past.end_ns
    return past, -(-ahead_ns // past.step_ns)


def _labelled(
    history: Series, past: History, values: NDArray[np.float64], *, issued_at: datetime, method: str
) -> Series:
    starts = past.end_ns + past.step_ns * np.arange(values.size, dtype=np.int64)
    signal = history.signal.with_(
        quality=Quality.FORECAST,
        issued_at=issued_at,
        method=f"own forecast: {method}, from history to {isoformat(issued_at)}",
    )
    return Series(signal, starts, starts + past.step_ns, values)

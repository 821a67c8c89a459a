"""
Our own forecast with its error beside it, measured on the zone's own past.

A forecast of ours fills what a provider leaves open, so the reader must see what it is worth. The measurement runs the
method again from earlier days and takes some thirty milliseconds; it is made at most every six hours for each zone.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from gridtide.domain.errors import HorizonTooShort
from gridtide.forecasting import own

if TYPE_CHECKING:
    from gridtide.domain.series import Series
    from gridtide.domain.signal import Signal

__all__ = ["MeasuredForecast"]

_VALID_FOR: Final = timedelta(hours=6)
_JUDGED_AHEAD: Final = timedelta(hours=24)
_ZONES_MOST: Final = 4096

_Whose = tuple[str, str, str, str]


class MeasuredForecast:
    """A `Forecaster` whose label names the method and its mean absolute error over the first day ahead."""

    def __init__(self) -> None:
        self._errors: dict[_Whose, tuple[datetime, float | None]] = {}

    def __call__(self, history: Series, *, issued_at: datetime, horizon: timedelta, step: timedelta) -> Series:
        """Forecast *history* for *horizon* from *issued_at* on; raises as `gridtide.forecasting.own.forecast` does."""
        error = self._error(history, issued_at, step)
        return own.forecast(history, issued_at=issued_at, horizon=horizon, step=step, mean_absolute_error=error)

    def _error(self, history: Series, issued_at: datetime, step: timedelta) -> float | None:
        """Mean absolute error on this zone; None while fewer than twelve days are known. [history.signal.unit]"""
        whose = _whose(history.signal)
        measured_at, error = self._errors.get(whose, (None, None))
        if measured_at is not None and abs(issued_at - measured_at) < _VALID_FOR:
            return error
        try:
            error = own.forecast_with_bands(
                history, issued_at=issued_at, horizon=_JUDGED_AHEAD, step=step
            ).mean_absolute_error
        except HorizonTooShort:
            return None
        if len(self._errors) >= _ZONES_MOST:
            self._errors.clear()
        self._errors[whose] = (issued_at, error)
        return error


def _whose(signal: Signal) -> _Whose:
    return signal.provider, signal.zone, str(signal.kind), str(signal.scope)

"""
A learned correction of the next day, for plans that are made again every hour.

The fading last deviation assumes that a deviation only shrinks; real ones first go on growing while a front passes.
A ridge regression on the last two days' misses learns from the zone's own recent past how a deviation goes on, for
each lead time of the first day, and fades into the plain method. It is fitted anew from history at each use and
needs nothing stored.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from gridtide.domain.errors import HorizonTooShort
from gridtide.forecasting import methods
from gridtide.forecasting.history import History

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from gridtide.forecasting.methods import Profile

__all__ = ["LEAST_DAYS", "rolling_forecasts", "weekday_corrected"]

_LEAD_HOURS: Final = 24
_FADE_HOURS: Final = 12.0
_FIT_DAYS: Final = 45
_RIDGE: Final = 0.01
_MIN_DAYS_BEFORE: Final = 14
LEAST_DAYS: Final = _MIN_DAYS_BEFORE + 1
"""Days that must be known before the first of `rolling_forecasts`."""
_MIN_ORIGINS: Final = 60
_EVERY_HOURS: Final = 3


def weekday_corrected(history: History, steps: int) -> NDArray[np.float64]:
    """
    `weekday_damped` with the learned correction of its first day; the plain method where history is short.

    Args:
        history: At least 30 days for the correction to act.
        steps: How many to forecast.
    """
    profile = methods.weekday_profile(history, steps)
    damped = methods.weekday_damped(history, steps)
    hour = history.per_day // 24
    leads = _LEAD_HOURS * hour
    deviation = _deviation(profile, hour)
    if hour == 0 or steps < 1 or deviation is None:
        return damped
    rows, misses = [], []
    every = _EVERY_HOURS * hour
    oldest = min(_FIT_DAYS * history.per_day + leads, history.values.size - _MIN_DAYS_BEFORE * history.per_day)
    for cut in range(leads, oldest, every):
        then = history.before(cut)
        expected = methods.weekday_profile(then, leads)
        row = _deviation(expected, hour)
        truth = history.values[history.values.size - cut : history.values.size - cut + leads]
        if row is not None and not np.isnan(truth).any():
            rows.append(row)
            misses.append(truth - expected.ahead)
    if len(rows) < _MIN_ORIGINS:
        return damped
    learned = deviation @ _fit(np.array(rows), np.array(misses))
    return _merge(profile, damped, learned, leads)


def rolling_forecasts(history: History, *, count: int, steps: int) -> NDArray[np.float64]:
    """
    `weekday_corrected` for *count* successive origins, one step apart, fitted once a day; for backtests.

    Args:
        history: Known values, the last *count* of which come true one by one: origin k knows all but the last
            *count - k* of them. No NaN.
        count: Number of origins.
        steps: How many to forecast from each.

    Returns:
        Shape (count, steps). [unit of the signal]

    Raises:
        HorizonTooShort: Fewer than `LEAST_DAYS` are known before the first origin.
    """
    hour, size = history.per_day // 24, history.values.size
    if size - count < LEAST_DAYS * history.per_day:
        known = (size - count) / history.per_day
        raise HorizonTooShort(f"rolling needs {LEAST_DAYS} days before the first origin; {known:.1f} are known")
    leads, fit_steps = _LEAD_HOURS * hour, _FIT_DAYS * history.per_day
    lookback = min(fit_steps + leads, size - count - _MIN_DAYS_BEFORE * history.per_day)
    first = size - count - lookback
    reach = max(steps, leads)
    profiles = [methods.weekday_profile(_recent(history, size - o), reach) for o in range(first, size)]
    rows = np.array([_deviation(p, hour) for p in profiles])
    ahead = np.array([p.ahead for p in profiles])
    levels = np.array([p.level for p in profiles])
    index = first + np.arange(rows.shape[0])[:, None] + np.arange(leads)
    misses = history.values[np.minimum(index, size - 1)] - ahead[:, :leads]
    damped = np.maximum(ahead + rows[:, :1] * methods.fading(history, reach), methods.FLOOR * levels[:, None])
    found = damped[lookback:].copy()
    for day in range(0, count, history.per_day):
        at = lookback + day
        past = slice(max(0, at - leads - fit_steps), max(0, at - leads + 1), _EVERY_HOURS * hour)
        if rows[past].shape[0] < _MIN_ORIGINS:
            continue
        weights = _fit(rows[past], misses[past])
        for k in range(day, min(day + history.per_day, count)):
            learned = rows[lookback + k] @ weights
            found[k] = _merge(profiles[lookback + k], damped[lookback + k], learned, leads)
    return found[:, :steps]


def _recent(history: History, cut: int) -> History:
    """The last ten weeks before *cut*: all that a profile looks at, cheap to slice."""
    size, span = history.values.size - cut, 70 * history.per_day
    return History(history.values[max(0, size - span) : size], history.end_ns - cut * history.step_ns, history.step_ns)


def _deviation(profile: Profile, hour: int) -> NDArray[np.float64] | None:
    """Last miss, its change over one and three hours, and means of misses over 6 h, a day and the day before."""
    if profile.misses.shape[0] < 2 or hour == 0 or np.isnan(profile.misses).any():
        return None
    before, last = profile.misses
    return np.array(
        [
            last[-1],
            last[-1] - last[-1 - hour],
            last[-1] - last[-1 - 3 * hour],
            last[-6 * hour :].mean(),
            last.mean(),
            last[: 6 * hour].mean(),
            before.mean(),
        ]
    )


def _fit(rows: NDArray[np.float64], misses: NDArray[np.float64]) -> NDArray[np.float64]:
    """Ridge weights, shape (n_features, n_leads); features scaled to unit spread first."""
    scale = rows.std(axis=0) + 1e-9
    scaled = rows / scale
    gram = scaled.T @ scaled + _RIDGE * rows.shape[0] * np.eye(rows.shape[1])
    return np.asarray(np.linalg.solve(gram, scaled.T @ misses) / scale[:, None])


def _merge(
    profile: Profile, damped: NDArray[np.float64], learned: NDArray[np.float64], leads: int
) -> NDArray[np.float64]:
    values = damped.copy()
    reach = min(leads, values.size)
    trust = np.exp(-np.arange(reach) * (_LEAD_HOURS / leads) / _FADE_HOURS)
    corrected = profile.ahead[:reach] + learned[:reach]
    values[:reach] = trust * corrected + (1.0 - trust) * values[:reach]
    return np.maximum(values, methods.FLOOR * profile.level)

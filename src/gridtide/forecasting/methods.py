"""
Forecasting methods that need no training: naive ones to be measured against, and the default.

Each takes a `History` and a number of steps and returns that many values. All follow the definitions of the
published comparisons, so that their tables can be reproduced; `weekday_damped` is our own and the default.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from gridtide.domain.errors import HorizonTooShort, InvalidInput

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from gridtide.forecasting.history import History

__all__ = [
    "DEFAULT_METHOD",
    "FLOOR",
    "METHODS",
    "Profile",
    "daily_naive",
    "damped_anomaly",
    "mean7d_same_hour",
    "mean_day_week",
    "method_named",
    "persistence",
    "weekday_damped",
    "weekly_naive",
]

DAMPING_HOURS: Final = 24.0
FLOOR: Final = 0.2
PROFILE_DAYS: Final = 14
PROFILE_HALF_LIFE_DAYS: Final = 3.0
WEEKEND_WEEKS: Final = 8
WEEKEND_TRUST: Final = 0.8


def persistence(history: History, steps: int) -> NDArray[np.float64]:
    """Repeat the last known value."""
    return np.full(steps, _last_known(history))


def daily_naive(history: History, steps: int) -> NDArray[np.float64]:
    """Repeat the last day."""
    return _repeat(_last_days(history, 1)[0], steps)


def weekly_naive(history: History, steps: int) -> NDArray[np.float64]:
    """Repeat the same hour of last week."""
    return _repeat(_last_days(history, 7).ravel(), steps)


def mean_day_week(history: History, steps: int) -> NDArray[np.float64]:
    """Mean of the daily and the weekly naive forecast."""
    return 0.5 * (daily_naive(history, steps) + weekly_naive(history, steps))


def mean7d_same_hour(history: History, steps: int) -> NDArray[np.float64]:
    """Mean of the same hour over the last seven days."""
    return _repeat(_mean_over_days(_last_days(history, 7)), steps)


def damped_anomaly(history: History, steps: int) -> NDArray[np.float64]:
    """Seven-day mean of the same hour plus the last deviation from it, fading; floored at 20 % of the mean."""
    days = _last_days(history, 7)
    profile = _mean_over_days(days)
    expected = _repeat(profile, steps)
    anomaly = float(history.values[-1]) - float(profile[-1])
    return _with_fading_anomaly(history, expected, anomaly, float(np.nanmean(days)))


class Profile(NamedTuple):
    """
    What is expected without looking at the last hours, and how far the last two days were from it.

    Attributes:
        ahead: Expected values, shape (n_steps,). [unit of the signal]
        misses: Truth minus profile of the last days, newest last, shape (n_days <= 2, per_day); NaN where unknown.
        level: Mean of the last seven days, for the floor. [unit of the signal]
    """

    ahead: NDArray[np.float64]
    misses: NDArray[np.float64]
    level: float


def weekday_profile(history: History, steps: int) -> Profile:
    """
    Daily profile that trusts recent days more and knows weekends.

    It is the mean of the same hour over up to 14 days with a half-life of three days, taken after the weekend effect
    has been removed; the effect is the difference between weekend and weekday means of that hour over up to eight
    whole weeks, shrunk to 80 %. With less than two whole weeks no weekend effect is assumed.
    """
    per_day, known_days = history.per_day, history.values.size // history.per_day
    days = _last_days(history, min(known_days, PROFILE_DAYS))
    weekend = history.weekend(steps)
    past, coming = weekend[: history.values.size], weekend[history.values.size :]
    effect = _weekend_effect(history, past)
    is_weekend = past[-days.size :].reshape(days.shape)
    age = np.arange(days.shape[0])[::-1, None]
    profile = _mean_over_days(days - is_weekend * effect, weights=0.5 ** (age / PROFILE_HALF_LIFE_DAYS))
    misses = days[-2:] - profile - is_weekend[-2:] * effect
    week = history.values[-7 * per_day :]
    level = float(np.nanmean(days if np.isnan(week).all() else week))
    return Profile(_repeat(profile, steps) + coming * _repeat(effect, steps), misses, level)


def weekday_damped(history: History, steps: int) -> NDArray[np.float64]:
    """`weekday_profile` plus the last deviation from it, fading with 24 h; floored at 20 % of the mean."""
    profile = weekday_profile(history, steps)
    return _with_fading_anomaly(history, profile.ahead, float(profile.misses[-1, -1]), profile.level)


Method = Callable[["History", int], "NDArray[np.float64]"]

METHODS: Final[dict[str, Method]] = {
    "persistence": persistence,
    "daily_naive": daily_naive,
    "weekly_naive": weekly_naive,
    "mean_day_week": mean_day_week,
    "mean7d_same_hour": mean7d_same_hour,
    "damped_anomaly": damped_anomaly,
    "weekday_damped": weekday_damped,
}
DEFAULT_METHOD: Final = "weekday_damped"


def method_named(name: str) -> Method:
    """Look a method up; raises `InvalidInput` with the names that exist."""
    if name not in METHODS:
        raise InvalidInput(f"forecast method {name!r} is unknown; allowed: {', '.join(METHODS)}", field="method")
    return METHODS[name]


def _last_days(history: History, days: int) -> NDArray[np.float64]:
    need = max(days, 1) * history.per_day
    if history.values.size < need:
        raise HorizonTooShort(
            f"the method needs {max(days, 1)} days of history; {history.values.size / history.per_day:.1f} are known",
            hint="use a method that needs less, such as daily_naive, or import history",
        )
    return np.asarray(history.values[history.values.size - need :].reshape(-1, history.per_day))


def _mean_over_days(days: NDArray[np.float64], weights: NDArray[np.float64] | None = None) -> NDArray[np.float64]:
    """Mean of each hour over the known days; an hour that is never known takes the mean of its neighbours."""
    weight = np.where(np.isnan(days), 0.0, 1.0 if weights is None else weights)
    total = weight.sum(axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.where(np.isnan(days), 0.0, days * weight).sum(axis=0) / total
    holes = total == 0
    if holes.any():
        at = np.flatnonzero(~holes)
        if not at.size:
            raise HorizonTooShort("nothing is known in the days the method looks at")
        mean[holes] = np.interp(np.flatnonzero(holes), at, mean[at], period=days.shape[1])
    return np.asarray(mean)


def _weekend_effect(history: History, weekend: NDArray[np.bool_]) -> NDArray[np.float64]:
    """How much higher each hour is at weekends, shrunk; zeros when too little is known."""
    per_week = 7 * history.per_day
    weeks = min(history.values.size // per_week, WEEKEND_WEEKS)
    if weeks < 2:
        return np.zeros(history.per_day)
    days = history.values[-weeks * per_week :].reshape(-1, history.per_day)
    is_weekend = weekend[-days.size :].reshape(days.shape)
    on = np.where(is_weekend, days, np.nan)
    off = np.where(is_weekend, np.nan, days)
    if np.isnan(on).all(axis=0).any() or np.isnan(off).all(axis=0).any():
        return np.zeros(history.per_day)
    return np.asarray(WEEKEND_TRUST * (np.nanmean(on, axis=0) - np.nanmean(off, axis=0)))


def _with_fading_anomaly(
    history: History, expected: NDArray[np.float64], anomaly: float, level: float
) -> NDArray[np.float64]:
    last = 0.0 if np.isnan(anomaly) else anomaly
    return np.asarray(np.maximum(expected + last * fading(history, expected.size), FLOOR * level))


def fading(history: History, steps: int) -> NDArray[np.float64]:
    """Share of the last deviation that is left at each step, shape (n_steps,). [0..1]"""
    hours = (np.arange(steps) + 1) * (24.0 / history.per_day)
    return np.asarray(np.exp(-hours / DAMPING_HOURS))


def _last_known(history: History) -> float:
    known = history.values[~np.isnan(history.values)]
    return float(known[-1])


def _repeat(cycle: NDArray[np.float64], steps: int) -> NDArray[np.float64]:
    return np.asarray(cycle[np.arange(steps) % cycle.size])

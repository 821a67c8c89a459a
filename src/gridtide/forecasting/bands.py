"""
Uncertainty from the method's own recent misses: residual quantiles by lead time.

The method is run again from earlier origins on what was known then; the misses at each lead time, pooled with
their neighbours, give the quantiles around the new forecast. Nothing is assumed about their shape.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from gridtide.domain.errors import HorizonTooShort

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from gridtide.forecasting.history import History
    from gridtide.forecasting.methods import Method

__all__ = ["RESIDUAL_ORIGINS", "quantiles", "residuals"]

RESIDUAL_ORIGINS: Final = 45
POOLED_HOURS: Final = 3
MIN_ORIGINS: Final = 5
MIN_DAYS_BEFORE: Final = 7


def residuals(history: History, method: Method, steps: int, *, origins: int = RESIDUAL_ORIGINS) -> NDArray[np.float64]:
    """
    Misses (truth minus forecast) of *method* from one origin a day in the recent past.

    Returns:
        Shape (n_origins, steps); NaN where the truth was not known yet or is missing. [unit of the signal]

    Raises:
        HorizonTooShort: Less than seven days stand before every origin.
    """
    day, size = history.per_day, history.values.size
    rows = []
    for back in range(1, origins + 1):
        cut = back * day
        if size - cut < MIN_DAYS_BEFORE * day:
            break
        truth = np.full(steps, np.nan)
        came_true = history.values[size - cut : size - cut + steps]
        truth[: came_true.size] = came_true
        rows.append(truth - method(history.before(cut), steps))
    if len(rows) < MIN_ORIGINS:
        need = MIN_DAYS_BEFORE + MIN_ORIGINS
        raise HorizonTooShort(f"quantiles need {need} days of history; {size / day:.1f} are known")
    return np.array(rows)


def quantiles(
    forecast: NDArray[np.float64], misses: NDArray[np.float64], levels: Sequence[float], *, per_day: int = 24
) -> NDArray[np.float64]:
    """
    Quantiles around *forecast* from the misses at the same lead time and up to three hours beside it.

    A lead time whose misses are not known yet takes those of the longest lead time that has enough. Values do not
    fall below zero where the forecast does not. Levels are widened for the finite number of origins, as in split
    conformal prediction: with n misses the level 0.9 is read at 0.9 (n + 1) / n.

    Args:
        forecast: Shape (n_steps,). [unit of the signal]
        misses: From `residuals`, shape (n_origins, n_steps). [unit of the signal]
        levels: Quantile levels, each in (0, 1).
        per_day: Steps in a day.

    Returns:
        Shape (n_levels, n_steps). [unit of the signal]

    References:
        Vovk, Gammerman, Shafer: Algorithmic Learning in a Random World, 2005, chapter 2 (the finite-sample level).
    """
    steps, reach = forecast.size, max(1, POOLED_HOURS * per_day // 24)
    offsets = np.empty((len(levels), steps))
    last = np.zeros(len(levels))
    widened = [_widened(level, misses.shape[0]) for level in levels]
    for k in range(steps):
        pooled = misses[:, max(0, k - reach) : k + reach + 1]
        known = pooled[~np.isnan(pooled)]
        if known.size >= MIN_ORIGINS * reach:
            last = np.quantile(known, widened)
        offsets[:, k] = last
    values = forecast + offsets
    return np.maximum(values, 0.0) if (forecast >= 0).all() else values


def _widened(level: float, count: int) -> float:
    if level >= 0.5:
        return min(1.0, level * (count + 1) / count)
    return 1.0 - _widened(1.0 - level, count)

"""How good a forecast was: errors, rank correlation and interval coverage by lead day."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import stats

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Score", "coverage", "score", "weighted_error"]


@dataclass(frozen=True, slots=True)
class Score:
    """
    Errors of many forecasts, by lead day.

    Attributes:
        mape: Mean absolute percentage error, shape (n_days,). [percent]
        wmape: Sum of absolute errors over sum of true values, shape (n_days,). [percent]
        rank_correlation: Mean Spearman correlation within each forecast's lead day, shape (n_days,).
        origins: Number of forecasts.
    """

    mape: NDArray[np.float64]
    wmape: NDArray[np.float64]
    rank_correlation: NDArray[np.float64]
    origins: int


def score(forecasts: NDArray[np.float64], truth: NDArray[np.float64], *, per_day: int = 24) -> Score:
    """
    Compare forecasts with what came true.

    Where nothing is left to compare, or only zeros came true, a figure is NaN. MAPE misleads where the truth comes
    near zero; scheduling depends on ranks only. Pairs in which either side is NaN are left out of the errors; a day
    with any NaN, or without variation, is left out of the rank correlation.

    Args:
        forecasts: Shape (n_origins, n_days * per_day). [unit of the signal]
        truth: Same shape. [unit of the signal]
        per_day: Steps in a day.
    """
    origins, steps = forecasts.shape
    shape = (origins, steps // per_day, per_day)
    predicted, true = forecasts.reshape(shape), truth.reshape(shape)
    error = np.abs(predicted - true)
    known, positive = ~np.isnan(error), true > 0
    share = np.divide(error, true, out=np.zeros_like(true), where=known & positive)
    mape = _ratio(share.sum(axis=(0, 2)), (known & positive).sum(axis=(0, 2)))
    return Score(mape, _weighted(error, true, axis=(0, 2)), _rank_correlation(predicted, true), origins)


def weighted_error(forecasts: NDArray[np.float64], truth: NDArray[np.float64]) -> float:
    """Sum of absolute errors over that of true values, where both are known; NaN where that is zero. [percent]"""
    return float(_weighted(np.abs(forecasts - truth), truth, axis=None))


def _weighted(error: NDArray[np.float64], true: NDArray[np.float64], *, axis: tuple[int, ...] | None) -> Any:
    return _ratio(np.nansum(error, axis=axis), np.where(np.isnan(error), 0.0, true).sum(axis=axis))


def _ratio(over: Any, under: Any) -> Any:
    """100 times *over* by *under*; NaN where there is nothing to divide by. [percent]"""
    over, under = np.asarray(over, np.float64), np.asarray(under, np.float64)
    return 100.0 * np.divide(over, under, out=np.full_like(over, np.nan), where=under > 0)


def coverage(low: NDArray[np.float64], high: NDArray[np.float64], truth: NDArray[np.float64]) -> float:
    """Share of true values inside their interval, over those known. [0..1]"""
    known = ~(np.isnan(truth) | np.isnan(low) | np.isnan(high))
    return float(np.mean((truth >= low)[known] & (truth <= high)[known])) if known.any() else float("nan")


def _rank_correlation(predicted: NDArray[np.float64], true: NDArray[np.float64]) -> NDArray[np.float64]:
    a, b = stats.rankdata(predicted, axis=2), stats.rankdata(true, axis=2)
    a, b = a - a.mean(axis=2, keepdims=True), b - b.mean(axis=2, keepdims=True)
    norm = np.sqrt((a * a).sum(axis=2) * (b * b).sum(axis=2))
    known = ~(np.isnan(predicted).any(axis=2) | np.isnan(true).any(axis=2)) & (norm > 0)
    product = np.where(known, (a * b).sum(axis=2) / np.where(known, norm, 1.0), np.nan)
    with np.errstate(invalid="ignore"):
        return np.asarray(np.nansum(product, axis=0) / known.sum(axis=0))

"""What policies save against the longest delay they may use, for jobs of one length at the same arrivals."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from gridtide.simulation import backtest, stepwise
from gridtide.simulation.reproduce import policies_live
from gridtide.simulation.reproduce.policies_track import SLOTS_PER_HOUR, informed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from gridtide.simulation.backtest import SlotJobs
    from gridtide.simulation.reproduce.comparison import Row
    from gridtide.simulation.reproduce.policies_track import Bounds, Track

__all__ = ["DURATIONS", "FORECAST_DURATIONS", "OWN_COLUMN", "fixed_limit", "forecast_rows", "rows"]

_OWN_LENGTHS: Final = "ml 4-90 h"
_LENGTHS_H: Final = {"1 h": 1, "4 h": 4}
DURATIONS: Final = (_OWN_LENGTHS, *_LENGTHS_H)
FORECAST_DURATIONS: Final = tuple(_LENGTHS_H)
_DELAYS_H: Final = (0, 1, 2, 4, 8, 12, 24, 48, 72, 168)
_FORECAST_DELAYS_H: Final = (1, 4, 8, 24, 48)
_LIMIT: Final = 250.0
_LIMITS: Final = {"fr": 60.0}
OWN_COLUMN: Final = "static_threshold_own_median"


def fixed_limit(country: str) -> float:
    """The figure that the recorded column's name gives for *country*. [gCO2eq/kWh]"""
    return _LIMITS.get(country.lower(), _LIMIT)


def rows(track: Track, duration: str) -> Iterator[Row]:
    """Savings of five policies with a true forecast or none for each longest delay."""
    prefix = backtest.prefix_sums(track.values)
    for hours in _DELAYS_H:
        jobs, bounds = _jobs(track, duration, hours)
        yield {
            "table": "slack_curve",
            "country": track.country,
            "duration": duration,
            "max_delay_h": hours,
            **_savings(prefix, jobs, _costs(track, prefix, jobs, bounds)),
            "limit_g_per_kwh": fixed_limit(track.country),
            "own_limit_g_per_kwh": track.own_limit,
        }


def forecast_rows(track: Track, duration: str) -> Iterator[Row]:
    """Savings of the cheapest start on a forecast from history, for each longest delay."""
    prefix = backtest.prefix_sums(track.values)
    for hours in _FORECAST_DELAYS_H:
        jobs, _ = _jobs(track, duration, hours)
        starts = {
            "lowest_window_oracle": backtest.lowest_window_starts(prefix, jobs),
            "lowest_window_damped_fc_live": policies_live.starts_once(track.values, jobs),
            "same_replanned_hourly": policies_live.starts_replanned(track.values, jobs, SLOTS_PER_HOUR),
        }
        costs = {name: backtest.window_cost(prefix, chosen, jobs) for name, chosen in starts.items()}
        yield {
            "table": "slack_curve_history_forecast",
            "country": track.country,
            "duration": duration,
            "max_delay_h": hours,
            **_savings(prefix, jobs, costs),
        }


def _jobs(track: Track, duration: str, hours: int) -> tuple[SlotJobs, Bounds]:
    length = track.jobs.length
    if duration in _LENGTHS_H:
        length = np.full_like(length, _LENGTHS_H[duration] * SLOTS_PER_HOUR)
    return track.delayed(length, hours * SLOTS_PER_HOUR)


def _costs(track: Track, prefix: NDArray[np.float64], jobs: SlotJobs, bounds: Bounds) -> dict[str, NDArray[np.float64]]:
    values, known = track.values, informed(jobs, 1)

    def starting(of: SlotJobs, limits: NDArray[np.float64]) -> NDArray[np.float64]:
        return backtest.window_cost(prefix, stepwise.start_at_or_below(values, of, limits), of)

    lowest = backtest.lowest_window_starts(prefix, jobs)
    own = starting(jobs, np.full(jobs.first.size, track.own_limit))
    return {
        "lowest_window_oracle": backtest.window_cost(prefix, lowest, jobs),
        "k_lowest_oracle": backtest.lowest_slots_cost(values, values, jobs),
        "static_threshold_250_fr60": starting(jobs, np.full(jobs.first.size, fixed_limit(track.country))),
        "percentile25_start": starting(known, bounds.month_p25),
        "suspend_median_7d": stepwise.suspend_walk(values, known, bounds.week_p50).cost,
        OWN_COLUMN: own if np.isfinite(track.own_limit) else np.full_like(own, np.nan),
    }


def _savings(prefix: NDArray[np.float64], jobs: SlotJobs, costs: dict[str, NDArray[np.float64]]) -> dict[str, float]:
    """Each cost against a start on arrival; NaN where that emits nothing. [%]"""
    now = float(backtest.window_cost(prefix, jobs.first, jobs).sum())
    return {name: 100.0 * (1.0 - float(c.sum()) / now) if now > 0 else float("nan") for name, c in costs.items()}

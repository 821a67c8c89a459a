"""
Starts planned on a forecast that knows the value of the slot it is made in, for many jobs at once.

The forecast is the mean of the same half hour over the seven days before, plus how far the present value is from it,
fading with a day, and never below a fifth of the week's mean; the present value stands as it is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from gridtide.forecasting import methods
from gridtide.simulation.backtest import SlotJobs, prefix_sums
from gridtide.simulation.reproduce.policies_catalogue import earliest_lowest
from gridtide.simulation.reproduce.policies_track import DAY, SLOTS_PER_HOUR, WEEK, informed

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["LiveForecast", "starts_once", "starts_replanned"]

_DAYS: Final = WEEK // DAY


class LiveForecast:
    """
    Forecasts from any slot that has a week before it.

    Args:
        values: What came true, more than a week of half hours, shape (n_slots,).
    """

    def __init__(self, values: NDArray[np.float64]) -> None:
        self.values = values
        by_day = [values[k * DAY : values.size - (_DAYS - 1 - k) * DAY] for k in range(_DAYS)]
        self._week_to_slot = np.concatenate([np.zeros((_DAYS - 1) * DAY), np.mean(by_day, axis=0)])
        running = prefix_sums(values)
        self._level = np.concatenate([np.zeros(WEEK), (running[WEEK:] - running[:-WEEK])[:-1] / WEEK])

    def made_at(self, slots: NDArray[np.int64], width: int) -> NDArray[np.float64]:
        """Values from each of *slots* on, the first of them the true one; shape (n_slots, width)."""
        lead = np.arange(width)
        usual = self._week_to_slot[slots[:, None] - DAY + lead % DAY]
        present = self.values[slots]
        fading = np.exp(-lead / (SLOTS_PER_HOUR * methods.DAMPING_HOURS))
        expected = usual + (present - usual[:, 0])[:, None] * fading
        expected = np.maximum(expected, methods.FLOOR * self._level[slots, None])
        expected[:, 0] = present
        return np.asarray(expected)


def starts_once(values: NDArray[np.float64], jobs: SlotJobs) -> NDArray[np.int64]:
    """
    Cheapest start on the forecast made at arrival; on arrival where less than a week is known before it.

    Args:
        values: What came true, shape (n_slots,).
        jobs: All inside the known slots.
    """
    return _starts(values, jobs, None)


def starts_replanned(values: NDArray[np.float64], jobs: SlotJobs, every: int) -> NDArray[np.int64]:
    """As `starts_once`, planned again at the planned start or *every* slots later, whichever comes first."""
    return _starts(values, jobs, every)


def _starts(values: NDArray[np.float64], jobs: SlotJobs, every: int | None) -> NDArray[np.int64]:
    able = informed(jobs, WEEK)
    now = able.first.copy()
    waiting = np.flatnonzero(able.slack)
    if not waiting.size:
        return now
    forecast = LiveForecast(values)
    while waiting.size:
        delay = _best_delay(forecast, able, waiting, now[waiting])
        now[waiting] += delay if every is None else np.minimum(delay, every)
        if every is None:
            break
        waiting = waiting[(delay > 0) & (now[waiting] < able.first[waiting] + able.slack[waiting])]
    return now


def _best_delay(
    forecast: LiveForecast, jobs: SlotJobs, some: NDArray[np.int64], now: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Slots from *now* to the start that looks cheapest, the earliest of equals; shape (n_some,)."""
    length, left = jobs.length[some, None], (jobs.first[some] + jobs.slack[some] - now)[:, None]
    delay = np.arange(int(left.max()) + 1)
    seen = forecast.made_at(now, delay[-1] + int(length.max()))
    running = np.concatenate([np.zeros((some.size, 1)), np.cumsum(seen, axis=1)], axis=1)
    cost = np.take_along_axis(running, delay + length, axis=1) - running[:, : delay.size]
    return earliest_lowest(np.where(delay <= left, cost, np.inf))

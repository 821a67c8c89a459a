"""
Our own forecast at every instant of a simulation, made in one pass instead of one fit for each.

The correction is fitted once a day, as a running service would; each forecast still sees only what came true before it.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from gridtide.domain.instants import duration_ns, from_ns, to_ns
from gridtide.forecasting.correction import rolling_forecasts
from gridtide.forecasting.history import History

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from gridtide.domain.interval import Interval
    from gridtide.domain.series import Series

__all__ = ["ROLLED_METHOD", "Rolled", "roll"]

ROLLED_METHOD: Final = "weekday_corrected"
"""The method that can be rolled."""

_LEAST_HISTORY: Final = timedelta(days=16)
_MOST_HISTORY: Final = timedelta(days=120)


class Rolled(NamedTuple):
    """
    Forecasts from successive issues.

    Attributes:
        first_ns: First issue. [ns]
        step_ns: Between issues, and length of a forecast step. [ns]
        values: Row k starts one step after issue k, shape (n_issues, n_steps). [signal.unit]
    """

    first_ns: int
    step_ns: int
    values: NDArray[np.float64]


def roll(truth: Series, window: Interval, *, horizon: timedelta, step: timedelta) -> Rolled | None:
    """
    Forecasts at every *step* of *window*; None where too little is known before it.

    Args:
        truth: What came true. A gap is bridged with the last value before it.
        window: First issue at or just before its start.
        horizon: How far each forecast reaches.
        step: Between issues.
    """
    step_ns = duration_ns(step)
    first_ns = to_ns(window.start) // step_ns * step_ns
    count = -(-(to_ns(window.end) - first_ns) // step_ns)
    known = first_ns - int(truth.starts_ns[0])
    if known < duration_ns(_LEAST_HISTORY):
        return None
    past = min(known, duration_ns(_MOST_HISTORY))
    end = from_ns(first_ns + (count + 1) * step_ns)
    history = History.of(truth, end=end, step=step, span=timedelta(microseconds=(past + (count + 1) * step_ns) // 1000))
    if history.values.size - count < duration_ns(_LEAST_HISTORY) // step_ns:
        return None
    bridged = History(_last_known(history.values), history.end_ns, step_ns)
    return Rolled(first_ns, step_ns, rolling_forecasts(bridged, count=count, steps=duration_ns(horizon) // step_ns))


def _last_known(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Gaps filled with the value before them, so that nothing of the future shows; the first value is known."""
    at = np.where(np.isnan(values), 0, np.arange(values.size))
    return np.asarray(values[np.maximum.accumulate(at)])

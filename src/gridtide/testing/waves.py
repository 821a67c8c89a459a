"""Series with a shape that can be checked by hand: a daily wave, and a flat line."""

from __future__ import annotations

import math
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import numpy as np

from gridtide.domain.instants import as_utc
from gridtide.domain.series import Series
from gridtide.domain.signal import Signal, SignalKind
from gridtide.testing.clock import DEFAULT_START

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["flat_series", "wave_series"]


def wave_series(
    start: datetime = DEFAULT_START,
    *,
    days: int = 7,
    step: timedelta = timedelta(minutes=30),
    low: float = 60.0,
    high: float = 360.0,
    lowest_hour: float = 3.0,
    signal: Signal | None = None,
) -> Series:
    """
    A cosine with one low and one high a day, the same every day.

    Args:
        start: First instant; set it to a midnight so that the wave repeats without a jump.
        days: Length.
        step: Length of one step.
        low: Value at *lowest_hour*. [signal.unit]
        high: Value twelve hours later. [signal.unit]
        lowest_hour: Hour of the UTC day with the lowest value. [h]
        signal: What the values mean; an average when left out.
    """
    count = round(timedelta(days=days) / step)
    hours = (as_utc(start) - DEFAULT_START) / timedelta(hours=1) + np.arange(count) * (step / timedelta(hours=1))
    phase = (hours + 0.5 * (step / timedelta(hours=1)) - lowest_hour) * (2.0 * math.pi / 24.0)
    values: NDArray[np.float64] = 0.5 * (low + high) - 0.5 * (high - low) * np.cos(phase)
    return Series.steps(signal or _average(), start, step, values)


def flat_series(
    value: float,
    start: datetime = DEFAULT_START,
    *,
    days: int = 7,
    step: timedelta = timedelta(minutes=30),
    signal: Signal | None = None,
) -> Series:
    """The same *value* all the time. [signal.unit]"""
    return Series.steps(signal or _average(), start, step, np.full(round(timedelta(days=days) / step), value))


def _average() -> Signal:
    return Signal(SignalKind.AVERAGE, provider="fake", zone="X")

"""
Thresholds that iterate to an emission target without letting the backlog grow.

A threshold that is only lowered until emissions fit ends with all work waiting. Two signals steer it: emissions per
unit of work against the target pull it down, backlog against its limit pushes it up, and the backlog wins.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from gridtide.domain.errors import InvalidInput

__all__ = ["Tuner", "TunerState", "tune"]

_GAIN: Final = 0.05
_BACKLOG_GAIN: Final = 0.3
_MAX_STEP: Final = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Tuner:
    """
    What to aim at.

    Args:
        target: Mean carbon intensity the executed work should reach. [gCO2eq/kWh]
        backlog_limit: Waiting work that is acceptable, in units of work.
        low: Threshold never falls below this. [gCO2eq/kWh]
        high: Threshold never rises above this; at *high* everything runs. [gCO2eq/kWh]
    """

    target: float
    backlog_limit: float
    low: float
    high: float

    def __post_init__(self) -> None:
        if not 0 <= self.low < self.high:
            raise InvalidInput(f"threshold bounds {self.low} to {self.high}; allowed: 0 <= low < high", field="low")
        if not (self.target > 0 and self.backlog_limit > 0):
            raise InvalidInput("target and backlog_limit must be above zero", field="target")


@dataclass(frozen=True, slots=True, kw_only=True)
class TunerState:
    """Threshold now, and the backlog seen last."""

    threshold: float
    backlog: float = 0.0


def tune(tuner: Tuner, state: TunerState, *, mean_g_per_kwh: float | None, backlog: float) -> TunerState:
    """
    One step of the loop, once per period.

    Each step moves the threshold by at most a tenth of its range. The backlog is looked at one period ahead, as if it
    went on growing: reacting to its present size alone swings between full and empty queues. Below half of the limit
    only the target counts, above it the backlog takes over in proportion, and at the limit the threshold only rises.

    Args:
        tuner: What to aim at.
        state: From the step before.
        mean_g_per_kwh: Of the work executed in the period; None when none ran. [gCO2eq/kWh]
        backlog: Work waiting at the end of the period, in units of work.
    """
    span = tuner.high - tuner.low
    projected = backlog + max(0.0, backlog - state.backlog)
    pressure = max(0.0, projected / tuner.backlog_limit - 0.5) * 2.0
    miss = 0.0 if mean_g_per_kwh is None else (tuner.target - mean_g_per_kwh) / max(tuner.target, mean_g_per_kwh)
    pull = _GAIN * miss * max(0.0, 1.0 - pressure)
    push = _BACKLOG_GAIN * pressure
    step = max(-_MAX_STEP, min(_MAX_STEP, pull + push))
    threshold = min(tuner.high, max(tuner.low, state.threshold + step * span))
    return replace(state, threshold=threshold, backlog=backlog)

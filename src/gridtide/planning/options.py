"""What a caller may set about a plan besides the workload itself."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from math import isfinite
from typing import TYPE_CHECKING, Final

from gridtide.domain.errors import InvalidInput
from gridtide.domain.instants import as_utc

if TYPE_CHECKING:
    from gridtide.domain.series import Series
    from gridtide.planning.duration import RunTimes

__all__ = ["SPIKE_LEAD", "SPIKE_RISE", "Method", "PlanOptions", "Risk"]

SPIKE_LEAD: Final = timedelta(minutes=30)
"""How near a rise must be for work to go before it."""

SPIKE_RISE: Final = 0.2
"""Least rise over the present value, as a share of it. [0..]"""


class Method(StrEnum):
    """
    Named policies; ``auto`` takes lowest-slots for interruptible work and lowest-window otherwise.

    ``improving``, ``one-min`` and ``suspend`` are rules of the literature that look at little or no forecast.
    """

    RUN_NOW = "run-now"
    RUN_LATEST = "run-latest"
    THRESHOLD = "threshold"
    LOWEST_WINDOW = "lowest-window"
    LOWEST_SLOTS = "lowest-slots"
    CARBON_TIME = "carbon-time"
    IMPROVING = "improving"
    ONE_MIN = "one-min"
    SUSPEND = "suspend"
    AUTO = "auto"


class Risk(StrEnum):
    """
    What a plan makes of a forecast that may be wrong.

    ``expected`` plans on the middle of the forecast, ``hedged`` waits only where even the upper end of the wait saves,
    ``cautious`` takes the start whose upper end is least.
    """

    EXPECTED = "expected"
    HEDGED = "hedged"
    CAUTIOUS = "cautious"


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanOptions:
    """
    How to plan.

    Args:
        threshold: Start at or below this value. [signal.unit]
        percentile: Threshold as a percentile of the time in *history*; not together with *threshold*. [0..100]
        history: Past values for *percentile*; the past part of the planning series when left out.
        history_span: How far back *history* counts.
        hysteresis: While *running*, the threshold is higher by this much. [signal.unit]
        running: Whether the work (or scaled part) is on now, for *hysteresis*.
        forecast_gate: Start at once when the start that a threshold picks is not forecast to be better.
        start_grid: Bind starts to ``release + k * start_grid``; every instant is free when left out.
        hold: Start that was planned before; kept unless a new one saves more than *hold_margin*.
        hold_margin: Share of the held plan's cost that a change must save. [0..1]
        spike_lead: Work that would start inside a rise that begins within this goes before it; zero for no such rule.
        spike_rise: Least rise over the present value, as a share of it. [0..]
        risk: What to make of a forecast that may be wrong; needs *high*, and plans on the middle without it.
        high: Upper quantile of the planning series. [signal.unit]
        price: Electricity price, for a plan that weighs cost and carbon; together with *eur_per_t*. [EUR/MWh]
        eur_per_t: Internal price of carbon. [EUR/t]
        alternatives: Most alternatives to list.
        learned: Run times that the workload's duration and reserve come from; kept for the records, decides nothing.

    Raises:
        InvalidInput: A value is out of bounds; the message names it.
    """

    threshold: float | None = None
    percentile: float | None = None
    history: Series | None = None
    history_span: timedelta = timedelta(days=30)
    hysteresis: float = 0.0
    running: bool = False
    forecast_gate: bool = True
    start_grid: timedelta | None = None
    hold: datetime | None = None
    hold_margin: float = 0.01
    spike_lead: timedelta = SPIKE_LEAD
    spike_rise: float = SPIKE_RISE
    risk: Risk = Risk.EXPECTED
    high: Series | None = None
    price: Series | None = None
    eur_per_t: float | None = None
    alternatives: int = 12
    learned: RunTimes | None = None

    def __post_init__(self) -> None:
        if self.hold is not None:
            object.__setattr__(self, "hold", as_utc(self.hold))
        _require("threshold", self.threshold, self.threshold is None or isfinite(self.threshold), "a finite number")
        _require("percentile", self.percentile, self.percentile is None or 0 <= self.percentile <= 100, "0 to 100")
        _require("history_span", self.history_span, self.history_span > timedelta(0), "longer than zero")
        _require("hysteresis", self.hysteresis, 0 <= self.hysteresis < float("inf"), "zero or more")
        _require(
            "start_grid", self.start_grid, self.start_grid is None or self.start_grid > timedelta(0), "longer than zero"
        )
        _require("hold_margin", self.hold_margin, 0 <= self.hold_margin <= 1, "from 0 to 1")
        _require("spike_lead", self.spike_lead, self.spike_lead >= timedelta(0), "zero or longer")
        _require("spike_rise", self.spike_rise, 0 <= self.spike_rise < float("inf"), "zero or more")
        _require("alternatives", self.alternatives, self.alternatives >= 0, "zero or more")
        _require(
            "eur_per_t", self.eur_per_t, self.eur_per_t is None or 0 <= self.eur_per_t < float("inf"), "zero or more"
        )
        if self.price is not None and (self.threshold is not None or self.percentile is not None):
            raise InvalidInput(
                "a threshold is in the unit of the signal, not of cost and carbon together",
                hint="leave out the threshold or the carbon price",
                field="eur_per_t",
            )
        if self.price is not None and self.risk is not Risk.EXPECTED:
            raise InvalidInput("a plan by price has no band", hint="leave out risk or the carbon price", field="risk")
        if self.threshold is not None and self.percentile is not None:
            raise InvalidInput("threshold and percentile are both set", field="percentile", hint="give one of them")


def _require(field: str, value: object, ok: bool, allowed: str) -> None:  # noqa: FBT001 - a check, not a switch
    if not ok:
        raise InvalidInput(f"{field} is {value}; allowed: {allowed}", field=field)

"""
How capacity is bought: reserved, on demand or spot, and when a job may take which.

Reserved capacity is paid for whether it is used or not, so work that waits for a cleaner hour while reserved capacity
stands idle buys carbon with money; `starts_now` is the work-conserving rule that takes the money instead. Spot
capacity is cheap but can be taken away: `spot_offer` prices the work that evictions repeat, in time, cost and carbon,
and says whether a job may use it without risking its deadline.

References:
    Hanafy et al. (2024), Going Green for Less Green, ASPLOS '24, doi:10.1145/3620666.3651374.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from math import expm1

from gridtide.domain.errors import InvalidInput

__all__ = ["Purchase", "SpotMarket", "SpotOffer", "Tariff", "spot_hours", "spot_offer", "starts_now"]


class Purchase(StrEnum):
    """What a run is paid with."""

    RESERVED = "reserved"
    ON_DEMAND = "on-demand"
    SPOT = "spot"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tariff:
    """
    Prices of one processor for an hour, in any one currency.

    Args:
        on_demand_per_h: Without a contract.
        reserved_share: Price of a reserved processor as a share of *on_demand_per_h*, paid all the time. [0..1]
        spot_per_h: While it lasts.
    """

    on_demand_per_h: float
    reserved_share: float
    spot_per_h: float

    def __post_init__(self) -> None:
        for name in ("on_demand_per_h", "reserved_share", "spot_per_h"):
            _require_amount(name, getattr(self, name))

    @property
    def reserved_per_h(self) -> float:
        """Price of one reserved processor, used or idle."""
        return self.on_demand_per_h * self.reserved_share


@dataclass(frozen=True, slots=True, kw_only=True)
class SpotMarket:
    """
    How often spot capacity is taken away.

    Args:
        evictions_per_h: Mean rate while running; evictions come independently of each other. [1/h]
        checkpoint_h: Running time between two saved states; None for work that starts again from nothing. [h]
        restart_h: Time from an eviction until work goes on. [h]
    """

    evictions_per_h: float = 0.0
    checkpoint_h: float | None = None
    restart_h: float = 0.0

    def __post_init__(self) -> None:
        _require_amount("evictions_per_h", self.evictions_per_h)
        _require_amount("restart_h", self.restart_h)
        if self.checkpoint_h is not None and not 0.0 < self.checkpoint_h < float("inf"):
            raise InvalidInput(f"checkpoint_h is {self.checkpoint_h}; allowed: above zero", field="checkpoint_h")


@dataclass(frozen=True, slots=True, kw_only=True)
class SpotOffer:
    """
    Spot beside on demand for one job.

    Attributes:
        hours: Expected running time on spot, repeated work included. [h]
        cost: Expected price of those hours.
        on_demand_cost: Price of an undisturbed run.
        carbon_factor: Energy, and so carbon at an even grid, relative to an undisturbed run.
        keeps_deadline: Whether an on-demand run after the worst eviction still ends in time.
        accept: Whether spot is cheaper and keeps the deadline.
    """

    hours: float
    cost: float
    on_demand_cost: float
    carbon_factor: float
    keeps_deadline: bool
    accept: bool


def starts_now(free_processors: int, processors: int, *, planned_is_due: bool) -> bool:
    """Whether a waiting job starts: its planned start has come, or reserved capacity for it stands idle."""
    return planned_is_due or free_processors >= processors


def spot_hours(length_h: float, market: SpotMarket) -> float:
    """
    Expected running time of *length_h* of work on spot capacity, evicted stretches included. [h]

    With evictions at rate r, a stretch of t hours that must run undisturbed takes (1/r + restart) (exp(r t) - 1) in
    the mean; work with checkpoints is a row of such stretches.

    Args:
        length_h: Undisturbed run. [h]
        market: Eviction rate, checkpoints and restart time.
    """
    rate = market.evictions_per_h
    if rate * length_h < _NEVER:
        return length_h
    stretch = length_h if market.checkpoint_h is None else min(market.checkpoint_h, length_h)
    whole, rest = divmod(length_h, stretch)
    per_unit = 1.0 / rate + market.restart_h
    if rate * stretch > _MOST_EVICTIONS:
        return float("inf")
    return per_unit * (whole * expm1(rate * stretch) + expm1(rate * rest))


def spot_offer(length_h: float, slack_h: float, *, processors: int, tariff: Tariff, market: SpotMarket) -> SpotOffer:
    """
    Price spot against on demand, and keep the deadline out of the gamble.

    The deadline is safe when a whole on-demand run, or the part since the last checkpoint, still fits after an
    eviction at the very end.

    Args:
        length_h: Undisturbed run. [h]
        slack_h: Deadline minus the end of an undisturbed run that starts now. [h]
        processors: How many are bought.
        tariff: Prices.
        market: Eviction rate, checkpoints and restart time.

    Example:
        >>> tariff = Tariff(on_demand_per_h=1.0, reserved_share=0.4, spot_per_h=0.3)
        >>> offer = spot_offer(2.0, 3.0, processors=1, tariff=tariff, market=SpotMarket(evictions_per_h=0.1))
        >>> offer.accept, round(offer.cost, 3)
        (True, 0.664)
    """
    hours = spot_hours(length_h, market)
    lost = length_h if market.checkpoint_h is None else min(market.checkpoint_h, length_h)
    keeps = market.evictions_per_h == 0.0 or slack_h >= lost + market.restart_h
    cost, on_demand = processors * hours * tariff.spot_per_h, processors * length_h * tariff.on_demand_per_h
    return SpotOffer(
        hours=hours,
        cost=cost,
        on_demand_cost=on_demand,
        carbon_factor=hours / length_h if length_h else 1.0,
        keeps_deadline=keeps,
        accept=keeps and cost < on_demand,
    )


_NEVER = 1e-9
"""Fewer evictions than this in a whole run are none; the formula would divide zero by zero."""

_MOST_EVICTIONS = 700.0
"""Beyond exp(700) the expected time leaves the range of floats; no run ends there anyway."""


def _require_amount(name: str, value: float) -> None:
    if not 0.0 <= value < float("inf"):
        raise InvalidInput(f"{name} is {value}; allowed: zero or more", field=name)

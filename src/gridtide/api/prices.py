"""
Prices of electricity for a plan that weighs cost and carbon, and what such a plan costs.

They come from a file or a series of the caller's, or from the day-ahead auction of the place's bidding zone. An hour
without a price is never taken for a free one.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from gridtide.domain.errors import InvalidInput
from gridtide.domain.series import StepShape
from gridtide.domain.signal import SignalKind
from gridtide.domain.units import EUR_PER_MWH

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from gridtide.config.settings import Settings
    from gridtide.domain.decision import Decision
    from gridtide.domain.interval import Interval
    from gridtide.domain.ports import Reading
    from gridtide.domain.series import Series
    from gridtide.domain.workload import Workload
    from gridtide.planning.price import FrontPoint

__all__ = [
    "BACK",
    "DAY_AHEAD",
    "ONE_PRICE",
    "PlanCost",
    "cost_of",
    "electricity_eur",
    "emissions_g",
    "market",
    "mean_price",
    "no_prices",
    "no_prices_there",
    "prices_in",
    "read_price_file",
    "require_prices",
]

DAY_AHEAD: Final = "energy-charts-price"
"""Source of day-ahead prices where nobody hands any in."""

ONE_PRICE: Final = "the prices that were handed in hold for every region"
"""Said where several regions are weighed by one series of prices."""

BACK: Final = timedelta(hours=1)
"""How far back prices are asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanCost:
    """
    A plan by cost and carbon, what it costs, and the choices between the two.

    Args:
        decision: The plan; its mean and grams are in carbon.
        eur_per_t: Internal price of carbon it was made with. [EUR/t]
        mean_eur_per_mwh: Electricity price of the plan; None where part of it has no price. [EUR/MWh]
        cost_eur: Of its electricity; None without a power. [EUR]
        run_now_mean_eur_per_mwh: Electricity price of running at once. [EUR/MWh]
        run_now_cost_eur: Of running at once. [EUR]
        price: The prices.
        front: Choices that no other beats in both cost and carbon, the cheapest first.
    """

    decision: Decision
    eur_per_t: float
    mean_eur_per_mwh: float | None
    cost_eur: float | None
    run_now_mean_eur_per_mwh: float | None
    run_now_cost_eur: float | None
    price: Series
    front: tuple[FrontPoint, ...]


def read_price_file(path: Path, *, zone: str, settings: Settings, warn: Callable[[str], None]) -> Series:
    """
    Prices of a file, constant over each step. [EUR/MWh]

    Args:
        path: CSV, JSON or Parquet.
        zone: Where they hold.
        settings: Time zone of times without an offset.
        warn: Hears what is odd about the file.
    """
    from gridtide.grid.files import read_series  # noqa: PLC0415 - only when a file is read

    found = read_series(
        path,
        unit=EUR_PER_MWH,
        step_shape="constant",
        tz=settings.timezone or None,
        zone=zone,
        kind=SignalKind.PRICE,
    )
    for warning in found.warnings:
        warn(warning)
    return found.series


def market(settings: Settings) -> Settings:
    """*settings* under which grid data are day-ahead prices, whichever source the carbon comes from."""
    policies = replace(settings.policies, risk="expected")
    return replace(settings, provider=DAY_AHEAD, fallback_providers=(), signal="auto", policies=policies)


def prices_in(reading: Reading | None) -> tuple[Series | None, str]:
    """Prices of *reading*, or None and why there are none; None for *reading* stands for no answer."""
    if reading is None:
        return None, "no answer in time"
    if reading.series and reading.series.signal.kind is SignalKind.PRICE:
        return reading.series, ""
    return None, reading.reason


def no_prices_there(why: str) -> str:
    """Why a region is left out of a comparison by cost."""
    return f"no electricity prices are known there: {why or 'none for this place'}"


def no_prices(why: str) -> str:
    """What a reader is told when a plan by cost is not possible."""
    return f"no electricity prices are known, so it is planned on carbon alone: {why or 'none for this place'}"


def cost_of(
    workload: Workload,
    carbon: Series,
    made: Decision,
    *,
    price: Series,
    eur_per_t: float,
    method: str = "auto",
    now_price: Series | None = None,
    at_home: Workload | None = None,
) -> PlanCost | None:
    """
    What *made* costs beside running at once, and the choices between cost and carbon.

    Args:
        workload: What runs.
        carbon: What *made* stands on. [gCO2eq/kWh]
        made: The plan.
        price: Electricity where it runs. [EUR/MWh]
        eur_per_t: Internal price of carbon. [EUR/t]
        method: Policy that was asked for.
        now_price: Electricity where it would run at once; *price* when left out. [EUR/MWh]
        at_home: What would run there; *workload* when left out.

    Returns:
        None where the two cannot be added up.
    """
    from gridtide.planning.price import DEFAULT_PRICES, pareto_front, unweighable  # noqa: PLC0415 - numpy, only here

    if not carbon or unweighable(carbon, price):
        return None
    run_now = made.baseline("run-now")
    swept = sorted({*DEFAULT_PRICES, eur_per_t})
    mean = mean_price(price, made.intervals)
    at_once = None if run_now is None else mean_price(price if now_price is None else now_price, run_now.intervals)
    return PlanCost(
        decision=made,
        eur_per_t=eur_per_t,
        mean_eur_per_mwh=mean,
        cost_eur=electricity_eur(mean, workload),
        run_now_mean_eur_per_mwh=at_once,
        run_now_cost_eur=electricity_eur(at_once, at_home or workload),
        price=price,
        front=pareto_front(workload, carbon, price, now=made.decided_at, eur_per_t=swept, method=method),
    )


def electricity_eur(eur_per_mwh: float | None, workload: Workload) -> float | None:
    """Cost of the electricity of one run at a mean price; None where price or power is not known. [EUR]"""
    kwh = _energy_kwh(workload)
    return None if eur_per_mwh is None or kwh is None else round(eur_per_mwh * kwh / 1000.0, 6)


def emissions_g(g_per_kwh: float, workload: Workload) -> float | None:
    """Emissions of one run at a mean carbon intensity; None without a power. [gCO2eq]"""
    kwh = _energy_kwh(workload)
    return None if kwh is None else round(g_per_kwh * kwh, 6)


def _energy_kwh(workload: Workload) -> float | None:
    power, hours = workload.mean_power_w, workload.duration / timedelta(hours=1)
    return None if power is None else power * workload.pue / 1000.0 * hours


def require_prices(series: Series) -> Series:
    """
    Insist on prices.

    Raises:
        InvalidInput: *series* means something else.
    """
    if series.signal.kind is not SignalKind.PRICE:
        raise InvalidInput(
            f"price_series holds a {series.signal.kind} signal in {series.signal.unit}; allowed: prices in EUR/MWh",
            hint="build it with Signal(SignalKind.PRICE, ...), or give the path of a file",
            field="price_series",
        )
    if series.shape is StepShape.LINEAR:
        raise InvalidInput("price_series runs in slopes; allowed: constant steps", field="price_series")
    return series


def mean_price(price: Series, intervals: tuple[Interval, ...]) -> float | None:
    """Mean price over a run, to a millionth; None where part of it has none. [EUR/MWh]"""
    from gridtide.planning.worth import mean_over  # noqa: PLC0415 - numpy, only with prices

    mean = mean_over(price, intervals)
    return None if mean is None else round(mean, 6)

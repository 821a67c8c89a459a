"""
What moving a job's data costs in carbon, time and latency.

Published figures for the energy of a transferred gigabyte span two orders of magnitude, so every answer here is a
range; a move whose sign depends on which figure one believes is no saving.

References:
    Cloud Carbon Footprint methodology (0.001 kWh/GB, hyperscaler backbone); Sustainable Web Design v4 (0.059 kWh/GB,
    whole network, operational); Krug, Shackleton, Saffre 2014, 10.1145/2602044.2602057 (0.04 kWh/GB, core network).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from math import asin, cos, radians, sin, sqrt
from typing import Final

from gridtide.domain.errors import InvalidInput

__all__ = [
    "PUBLISHED_TRANSFER",
    "Band",
    "TransferEnergy",
    "breakeven_gb",
    "distance_km",
    "movement_time",
    "round_trip_ms",
    "transfer_g",
]

_EARTH_RADIUS_KM: Final = 6371.0088
_FIBRE_KM_PER_MS: Final = 200.0
_ROUTE_FACTOR: Final = (1.3, 1.67, 2.5)


@dataclass(frozen=True, slots=True)
class Band:
    """A figure with the range in which published values lie."""

    low: float
    middle: float
    high: float

    def scaled(self, factor: float) -> Band:
        """Each figure times *factor*, which must not be negative."""
        return Band(self.low * factor, self.middle * factor, self.high * factor)


@dataclass(frozen=True, slots=True)
class TransferEnergy:
    """Energy of moving one gigabyte between sites. [kWh/GB]"""

    low: float = 0.001
    middle: float = 0.04
    high: float = 0.059

    def __post_init__(self) -> None:
        if not 0 <= self.low <= self.middle <= self.high < float("inf"):
            raise InvalidInput(
                f"transfer energy {self.low}, {self.middle}, {self.high} kWh/GB; allowed: rising, zero or more",
                field="transfer_energy",
            )


PUBLISHED_TRANSFER: Final = TransferEnergy()


def transfer_g(data_gb: float, home_mean: float, away_mean: float, energy: TransferEnergy = PUBLISHED_TRANSFER) -> Band:
    """
    Emissions of moving *data_gb* between two grids, half of the network in each.

    Args:
        data_gb: Volume. [GB]
        home_mean: Carbon intensity where the data are. [gCO2eq/kWh]
        away_mean: Carbon intensity where they go. [gCO2eq/kWh]
        energy: Energy of a gigabyte. [kWh/GB]

    Returns:
        [gCO2eq]
    """
    return Band(energy.low, energy.middle, energy.high).scaled(data_gb * 0.5 * (home_mean + away_mean))


def breakeven_gb(saving_g: float, home_mean: float, away_mean: float, energy_kwh_per_gb: float) -> float:
    """Volume at which the transfer eats a saving of *saving_g*; infinite where it emits nothing. [GB]"""
    per_gb = energy_kwh_per_gb * 0.5 * (home_mean + away_mean)
    return float("inf") if per_gb == 0 else max(0.0, saving_g) / per_gb


def movement_time(data_gb: float, mbit_per_s: float, round_trip: float = 0.0) -> timedelta:
    """
    Time to move the data.

    Args:
        data_gb: Volume. [GB]
        mbit_per_s: Throughput. [Mbit/s]
        round_trip: Added once. [ms]
    """
    if data_gb == 0:
        return timedelta(0)
    if not mbit_per_s > 0:
        raise InvalidInput(f"throughput is {mbit_per_s} Mbit/s; allowed: more than zero", field="mbit_per_s")
    return timedelta(seconds=data_gb * 8000.0 / mbit_per_s, milliseconds=round_trip)


def distance_km(a: tuple[float, float], b: tuple[float, float]) -> float:
    """Great-circle distance between two places given as (latitude, longitude) in degrees. [km]"""
    (lat1, lon1), (lat2, lon2) = ((radians(p[0]), radians(p[1])) for p in (a, b))
    half = sin((lat2 - lat1) / 2) ** 2 + cos(lat1) * cos(lat2) * sin((lon2 - lon1) / 2) ** 2
    return 2 * _EARTH_RADIUS_KM * asin(min(1.0, sqrt(half)))


def round_trip_ms(km: float) -> Band:
    """
    Round trip estimated from distance: light in fibre, times how much longer real routes are. [ms]

    References:
        Fitted on 1,122 measured pairs of cloud regions: the ratio to a straight fibre round trip is 1.3, 1.67 and
        2.5 at the 10th, 50th and 90th percentile.
    """
    straight = 2 * km / _FIBRE_KM_PER_MS
    low, middle, high = (factor * straight for factor in _ROUTE_FACTOR)
    return Band(low, middle, high)

"""
The grid zone nearest to a point, by great-circle distance to known towns of each zone.

There are no borders in it: a point near one may get the neighbour's zone, so the answer says how far the town is,
names the other zones about as near, and has the lowest confidence.
"""

from __future__ import annotations

import math
from functools import cache
from typing import Final, NamedTuple

from gridtide.domain.errors import InvalidInput
from gridtide.grid import table

__all__ = ["Near", "check_point", "distance_km", "nearest"]

_EARTH_KM: Final = 6371.0088


class Near(NamedTuple):
    """A zone, its town nearest to the point, and how far that is. [km]"""

    zone: str
    town: str
    km: float


def check_point(latitude: float, longitude: float) -> None:
    """
    Refuse what is no place on Earth.

    Raises:
        InvalidInput: Not finite, or out of bounds; the hint says when the two look swapped.
    """
    bounds = (("latitude", latitude, 90.0), ("longitude", longitude, 180.0))
    for name, value, limit in bounds:
        if not -limit <= value <= limit:
            swapped = abs(longitude) <= 90.0 < abs(latitude) <= 180.0
            hint = f"latitude comes first; did you mean {longitude:g},{latitude:g}?" if swapped else None
            raise InvalidInput(
                f"{name} is {value:g}; allowed: {-limit:g} to {limit:g} degrees", hint=hint, field=name, value=value
            )


def distance_km(lat1: float, lon1: float, lat2: float, lon2: float) -> float:
    """
    Great-circle distance on a sphere of the mean Earth radius. [km]

    References:
        Haversine formula; mean radius after IUGG: 6371.0088 km.
    """
    a, b = math.radians(lat1), math.radians(lat2)
    half = math.sin((b - a) / 2) ** 2 + math.cos(a) * math.cos(b) * math.sin(math.radians(lon2 - lon1) / 2) ** 2
    return 2 * _EARTH_KM * math.asin(min(1.0, math.sqrt(half)))


def nearest(latitude: float, longitude: float) -> tuple[Near, ...]:
    """One entry for each zone with a known town, nearest first."""
    check_point(latitude, longitude)
    best: dict[str, Near] = {}
    for zone, town, lat, lon in _towns():
        km = distance_km(latitude, longitude, lat, lon)
        known = best.get(zone)
        if known is None or km < known.km:
            best[zone] = Near(zone, town, km)
    return tuple(sorted(best.values(), key=lambda near: near.km))


@cache
def _towns() -> tuple[tuple[str, str, float, float], ...]:
    return tuple((row["zone"], row["name"], float(row["lat"]), float(row["lon"])) for row in table.rows("places"))

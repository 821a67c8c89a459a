"""Regions, postcodes and generation mix of the fake NESO service."""

from __future__ import annotations

import re
from random import Random
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from datetime import datetime

__all__ = ["REGIONS", "generation_mix", "region_of_postcode"]

REGIONS: Final = {
    "1": ("Scottish Hydro Electric Power Distribution", "North Scotland"),
    "2": ("SP Distribution", "South Scotland"),
    "3": ("Electricity North West", "North West England"),
    "4": ("NPG North East", "North East England"),
    "5": ("NPG Yorkshire", "Yorkshire"),
    "6": ("SP Manweb", "North Wales & Merseyside"),
    "7": ("WPD South Wales", "South Wales"),
    "8": ("WPD West Midlands", "West Midlands"),
    "9": ("WPD East Midlands", "East Midlands"),
    "10": ("UKPN East", "East England"),
    "11": ("WPD South West", "South West England"),
    "12": ("SSE South", "South England"),
    "13": ("UKPN London", "London"),
    "14": ("UKPN South East", "South East England"),
    "15": ("England", "England"),
    "16": ("Scotland", "Scotland"),
    "17": ("Wales", "Wales"),
    "18": ("GB", "GB"),
}
_AREAS: Final = {
    "AB": 1, "IV": 1, "EH": 2, "G": 2, "M": 3, "BL": 3, "NE": 4, "DH": 4, "LS": 5, "S": 5, "L": 6, "CH": 6, "CF": 7,
    "SA": 7, "B": 8, "CV": 8, "NG": 9, "LE": 9, "CB": 10, "NR": 10, "EX": 11, "BS": 11, "SO": 12,
    "OX": 12, "RG": 12, "SW": 13, "SE": 13, "W": 13, "WC": 13, "EC": 13, "E": 13, "N": 13, "NW": 13, "BN": 14, "ME": 14,
}  # fmt: skip
_CLEAN: Final = ("wind", "nuclear", "solar", "hydro")
_CLEAN_SHARES: Final = (0.55, 0.3, 0.1, 0.05)
_GAS_G_PER_KWH: Final = 394.0


def region_of_postcode(outward: str) -> str | None:
    """Region number of an outward code, or None where it is not covered (Northern Ireland, unknown areas)."""
    area = re.match(r"[A-Z]+", outward.upper())
    number = _AREAS.get(area.group()) if area else None
    return None if number is None else str(number)


def generation_mix(intensity: Any, at: datetime) -> list[dict[str, Any]]:
    """Shares by fuel that roughly give *intensity*, in an order that changes from slot to slot. [percent]"""
    level = intensity if isinstance(intensity, int | float) and 0 <= intensity < float("inf") else 0.0
    gas = round(min(100.0, 100.0 * level / _GAS_G_PER_KWH), 1)
    shares = {fuel: round((100.0 - gas) * share, 1) for fuel, share in zip(_CLEAN, _CLEAN_SHARES, strict=True)}
    shares |= {"gas": gas, "coal": 0, "biomass": 0, "imports": 0, "other": 0}
    order = Random(at.isoformat()).sample(sorted(shares), len(shares))  # noqa: S311 - order of test data
    return [{"fuel": fuel, "perc": shares[fuel]} for fuel in order]

"""Places the fake Electricity Maps service knows without a zone key."""

from __future__ import annotations

import math
from typing import Final

__all__ = ["data_center_zone", "zone_at"]

_CENTRES: Final = {
    "DE": (51.0, 10.0), "FR": (46.5, 2.5), "GB": (52.5, -1.5), "BE": (50.6, 4.7), "NL": (52.2, 5.3),
    "SE-SE3": (59.5, 16.0), "NO-NO1": (60.5, 11.0), "IE": (53.3, -7.5), "PL": (52.0, 19.0), "ES": (40.0, -4.0),
    "US-CAL-CISO": (37.0, -120.0), "US-TEX-ERCO": (31.0, -98.0), "US-NY-NYIS": (42.5, -75.0),
    "US-MIDA-PJM": (40.0, -78.5), "US-CENT-SWPP": (39.0, -98.0), "CA-QC": (50.0, -72.0), "JP-TK": (35.7, 139.7),
    "AU-NSW": (-33.0, 149.0), "IN-WE": (21.0, 74.0), "SG": (1.35, 103.8),
}  # fmt: skip
_DATA_CENTERS: Final = {
    ("gcp", "europe-west1"): "BE", ("gcp", "europe-west2"): "GB", ("gcp", "europe-west3"): "DE",
    ("gcp", "us-central1"): "US-CENT-SWPP", ("gcp", "us-west2"): "US-CAL-CISO", ("aws", "eu-west-1"): "IE",
    ("aws", "eu-west-2"): "GB", ("aws", "eu-central-1"): "DE", ("aws", "us-east-1"): "US-MIDA-PJM",
    ("azure", "westeurope"): "NL", ("azure", "uksouth"): "GB", ("azure", "eastus"): "US-MIDA-PJM",
}  # fmt: skip


def zone_at(latitude: float, longitude: float) -> str:
    """Zone whose centre is nearest to a place. [degrees]"""
    return min(_CENTRES, key=lambda zone: math.dist(_CENTRES[zone], (latitude, longitude)))


def data_center_zone(provider: str, region: str) -> str:
    """Zone of a cloud region, or an empty string."""
    return _DATA_CENTERS.get((provider.lower(), region.lower()), "")

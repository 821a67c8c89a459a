"""Every fake provider, and the real hosts they stand for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gridtide.testing.fake.energy_charts import EnergyCharts
from gridtide.testing.fake.uk import UkCarbonIntensity

if TYPE_CHECKING:
    from gridtide.testing.fake.family import Family

__all__ = ["HOSTS", "default_families"]

HOSTS: Final = {
    "api.carbonintensity.org.uk": "uk",
    "api.energy-charts.info": "energy-charts",
}


def default_families() -> tuple[Family, ...]:
    """One of each, in its usual state."""
    return (UkCarbonIntensity(), EnergyCharts())

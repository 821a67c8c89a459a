"""Every fake provider, and the real hosts they stand for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gridtide.testing.fake.caiso import Caiso
from gridtide.testing.fake.carbon_aware_sdk import CarbonAwareComputing, CarbonAwareSdk
from gridtide.testing.fake.eia import Eia
from gridtide.testing.fake.electricity_maps import ElectricityMaps
from gridtide.testing.fake.energi_data_service import EnergiDataService
from gridtide.testing.fake.energy_charts import EnergyCharts
from gridtide.testing.fake.entsoe import Entsoe
from gridtide.testing.fake.odre import Odre
from gridtide.testing.fake.open_electricity import OpenElectricity
from gridtide.testing.fake.pjm import Pjm
from gridtide.testing.fake.prometheus import Prometheus
from gridtide.testing.fake.uk import UkCarbonIntensity
from gridtide.testing.fake.us_iso import Ercot, IsoNewEngland, Miso, Nyiso
from gridtide.testing.fake.watttime import WattTime

if TYPE_CHECKING:
    from gridtide.testing.fake.family import Family

__all__ = ["HOSTS", "default_families"]

HOSTS: Final = {
    "api.carbonintensity.org.uk": "uk",
    "api.electricitymap.org": "electricitymaps",
    "api.electricitymaps.com": "electricitymaps",
    "api.eia.gov": "eia",
    "api.energidataservice.dk": "energidataservice",
    "api.energy-charts.info": "energy-charts",
    "api.openelectricity.org.au": "openelectricity",
    "api.pjm.com": "pjm",
    "api.watttime.org": "watttime",
    "carbonawarecomputing.blob.core.windows.net": "carbon-aware-computing",
    "mis.nyiso.com": "nyiso",
    "odre.opendatasoft.com": "odre",
    "public-api.misoenergy.org": "miso",
    "web-api.tp.entsoe.eu": "entsoe",
    "www.caiso.com": "caiso",
    "www.ercot.com": "ercot",
    "www.iso-ne.com": "isone",
}


def default_families() -> tuple[Family, ...]:
    """One of each, in its usual state."""
    return (
        UkCarbonIntensity(),
        EnergyCharts(),
        WattTime(),
        ElectricityMaps(),
        Caiso(),
        Ercot(),
        Nyiso(),
        Miso(),
        IsoNewEngland(),
        Eia(),
        Entsoe(),
        EnergiDataService(),
        Odre(),
        OpenElectricity(),
        Pjm(),
        CarbonAwareSdk(),
        CarbonAwareComputing(),
        Prometheus(),
    )

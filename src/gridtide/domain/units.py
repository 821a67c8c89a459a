"""
Exact unit constants and the conversions to our one unit per quantity.

Carbon intensity is kept in gCO2eq/kWh (gCO2/kWh where the gas is CO2 only), relative signals in percent,
prices in EUR/MWh, energy in kWh, power in W. A provider module converts at its door, nowhere else.

References:
    NIST SP 811, appendix B.8: 1 lb = 0.45359237 kg exactly, 1 short ton = 907.18474 kg exactly.
"""

from __future__ import annotations

from typing import Final

from gridtide.domain.errors import UnitMismatch

__all__ = [
    "G_PER_KWH",
    "G_PER_KWH_PER_KG_PER_MWH",
    "G_PER_KWH_PER_LB_PER_MWH",
    "G_PER_KWH_PER_T_PER_MWH",
    "JOULE_PER_KWH",
    "KG_PER_LB",
    "KG_PER_SHORT_TON",
    "NS_PER_HOUR",
    "NS_PER_SECOND",
    "PERCENT",
    "carbon_intensity_factor",
]

G_PER_KWH: Final = "gCO2eq/kWh"
PERCENT: Final = "percent"
EUR_PER_MWH: Final = "EUR/MWh"

KG_PER_LB: Final = 0.45359237
KG_PER_SHORT_TON: Final = 907.18474
JOULE_PER_KWH: Final = 3_600_000.0
NS_PER_SECOND: Final = 1_000_000_000
NS_PER_HOUR: Final = 3_600 * NS_PER_SECOND

G_PER_KWH_PER_LB_PER_MWH: Final = KG_PER_LB
G_PER_KWH_PER_KG_PER_MWH: Final = 1.0
G_PER_KWH_PER_T_PER_MWH: Final = 1000.0

_FACTORS: Final[dict[str, float]] = {
    "g/kwh": 1.0,
    "gco2/kwh": 1.0,
    "gco2e/kwh": 1.0,
    "gco2eq/kwh": 1.0,
    "kg/mwh": G_PER_KWH_PER_KG_PER_MWH,
    "kgco2/mwh": G_PER_KWH_PER_KG_PER_MWH,
    "kgco2eq/mwh": G_PER_KWH_PER_KG_PER_MWH,
    "lb/mwh": G_PER_KWH_PER_LB_PER_MWH,
    "lbs/mwh": G_PER_KWH_PER_LB_PER_MWH,
    "lbco2/mwh": G_PER_KWH_PER_LB_PER_MWH,
    "lbs_co2_per_mwh": G_PER_KWH_PER_LB_PER_MWH,
    "t/mwh": G_PER_KWH_PER_T_PER_MWH,
    "tco2/mwh": G_PER_KWH_PER_T_PER_MWH,
    "tco2eq/mwh": G_PER_KWH_PER_T_PER_MWH,
    "kg/kwh": 1000.0,
    "kgco2/kwh": 1000.0,
    "kgco2eq/kwh": 1000.0,
    "g/mj": 3.6,
    "gco2/mj": 3.6,
    "gco2eq/mj": 3.6,
}


def carbon_intensity_factor(unit: str) -> float:
    """
    Factor that turns a value in *unit* into gCO2eq/kWh.

    Args:
        unit: Name of a carbon intensity unit, upper or lower case, for example ``lb/MWh``.

    Raises:
        UnitMismatch: *unit* is no carbon intensity unit.

    Example:
        >>> round(carbon_intensity_factor("lb/MWh") * 870, 4)
        394.6254
    """
    factor = _FACTORS.get(unit.strip().lower().replace(" ", ""))
    if factor is None:
        allowed = "gCO2eq/kWh, kg/MWh, lb/MWh, t/MWh, kg/kWh, g/MJ"
        raise UnitMismatch(f"unit {unit[:40]!r} is not a carbon intensity; allowed: {allowed}", unit=unit[:40])
    return factor

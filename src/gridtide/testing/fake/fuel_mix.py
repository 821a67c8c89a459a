"""A generation mix that gives a wanted carbon intensity, for providers that publish megawatts instead."""

from __future__ import annotations

from typing import Any, Final

__all__ = ["COAL_G_PER_KWH", "GAS_G_PER_KWH", "WIND_G_PER_KWH", "fuel_mix"]

WIND_G_PER_KWH: Final = 11.0
GAS_G_PER_KWH: Final = 490.0
COAL_G_PER_KWH: Final = 820.0
TOTAL_MW: Final = 20_000.0


def fuel_mix(intensity: Any, *, total_mw: float = TOTAL_MW) -> dict[str, Any]:
    """
    Megawatts of wind, gas and coal whose lifecycle intensity is *intensity*.

    Exact between 11 and 820 gCO2eq/kWh with the factors above, the nearest bound outside. What a fault put in place
    of a number goes to the gas row as it is. [MW]

    Args:
        intensity: Wanted value. [gCO2eq/kWh]
        total_mw: Sum of the three. [MW]
    """
    if isinstance(intensity, bool) or not isinstance(intensity, int | float) or not 0 <= intensity < float("inf"):
        return {"wind": total_mw / 2, "gas": intensity, "coal": 0.0}
    if intensity <= GAS_G_PER_KWH:
        share = max(0.0, (intensity - WIND_G_PER_KWH) / (GAS_G_PER_KWH - WIND_G_PER_KWH))
        return {"wind": _mw(total_mw * (1 - share)), "gas": _mw(total_mw * share), "coal": 0.0}
    share = min(1.0, (intensity - GAS_G_PER_KWH) / (COAL_G_PER_KWH - GAS_G_PER_KWH))
    return {"wind": 0.0, "gas": _mw(total_mw * (1 - share)), "coal": _mw(total_mw * share)}


def _mw(value: float) -> float:
    return round(value, 3)

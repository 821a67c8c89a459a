"""
Software Carbon Intensity: grams per functional unit.

References:
    ISO/IEC 21031:2024: SCI = (E x I + M) per R; I is location-based, no offsets or market instruments.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from gridtide.domain.errors import InvalidInput

__all__ = ["SoftwareCarbonIntensity", "embodied_g", "sci"]

SERVER_LIFE: Final = timedelta(hours=35_040)


@dataclass(frozen=True, slots=True)
class SoftwareCarbonIntensity:
    """
    The score and its parts, so that each can be checked.

    Attributes:
        operational_g: E x I. [gCO2eq]
        embodied_g: M. [gCO2eq]
        units: R, how many.
        unit: R, of what.
    """

    operational_g: float
    embodied_g: float
    units: float
    unit: str

    @property
    def g_per_unit(self) -> float:
        """The score. [gCO2eq per unit]"""
        return (self.operational_g + self.embodied_g) / self.units


def embodied_g(total_kg: float, *, used: timedelta, share: float = 1.0, life: timedelta = SERVER_LIFE) -> float:
    """
    The part of a machine's manufacture that falls on one use: M = TE x TS x RS.

    Args:
        total_kg: Emissions of making the machine. [kgCO2eq]
        used: Time reserved for the work.
        share: Part of the machine reserved, for example its vCPUs over all. [0..1]
        life: Expected life of the machine; four years unless said otherwise.

    Returns:
        [gCO2eq]
    """
    if not 0 <= share <= 1:
        raise InvalidInput(f"share is {share}; allowed: from 0 to 1", field="share")
    if total_kg < 0 or life <= timedelta(0):
        raise InvalidInput("embodied emissions and life must be positive", field="total_kg")
    return total_kg * 1000.0 * (used / life) * share


def sci(*, operational_g: float, embodied_g: float, units: float, unit: str) -> SoftwareCarbonIntensity:
    """
    Put the score together.

    Raises:
        InvalidInput: There are no functional units to divide by: a score over nothing is not zero, it is undefined.

    Example:
        >>> sci(operational_g=500.0, embodied_g=100.0, units=300, unit="request").g_per_unit
        2.0
    """
    if not units > 0:
        raise InvalidInput(f"units is {units}; a score needs at least one {unit or 'functional unit'}", field="units")
    return SoftwareCarbonIntensity(operational_g, embodied_g, units, unit)

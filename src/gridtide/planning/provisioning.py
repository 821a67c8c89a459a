"""
How many executors may run at a given carbon intensity: a quota that wraps any scheduler.

Between the lowest and the highest value each further executor has its own limit; an executor beyond the guaranteed
minimum is allowed while the value is at or below its limit. At the cleanest all may run, at the dirtiest only the
minimum, and the limits are those of k-min search, so emissions stay within a known ratio of the best.

References:
    Lechowicz et al. (2025), Carbon- and precedence-aware scheduling for data processing clusters,
    doi:10.1145/3718958.3750478.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from gridtide.domain.errors import InvalidInput
from gridtide.planning import online

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Provisioning"]

_RAISED_LOW: Final = 1.1
"""Values within a tenth of the lowest count as lowest, so that all executors run at the cleanest in practice."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Provisioning:
    """
    The quota rule of one cluster.

    Args:
        least: Executors that may always run.
        most: Executors there are.
        low: Lowest carbon intensity expected. [gCO2eq/kWh]
        high: Highest carbon intensity expected. [gCO2eq/kWh]
        held: Executors out of *most* that are needed for other things (drivers).

    Raises:
        InvalidInput: A figure is out of bounds; the message names it.

    Example:
        >>> rule = Provisioning(least=2, most=10, low=100.0, high=400.0, held=1)
        >>> rule.allowed(100.0), rule.allowed(400.0)
        (10, 2)
    """

    least: int
    most: int
    low: float
    high: float
    held: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.least <= self.most:
            raise InvalidInput(f"least is {self.least}; allowed: 0 to {self.most}", field="least")
        if not 0 <= self.held <= self.most:
            raise InvalidInput(f"held is {self.held}; allowed: 0 to {self.most}", field="held")
        if not 0.0 < self.low <= self.high < float("inf"):
            raise InvalidInput(f"low is {self.low}, high {self.high}; allowed: 0 < low <= high", field="low")

    @property
    def ratio(self) -> float | None:
        """Ratio the limits are built on; None where there is nothing to choose."""
        if self._free <= 0 or self._low >= self.high:
            return None
        return online.k_min_ratio_bound(self._low, self.high)

    def limits(self) -> NDArray[np.float64]:
        """Highest value at which each executor beyond *least* may run, falling; empty where none has a limit."""
        ratio = self.ratio
        if ratio is None:
            return np.empty(0)
        return online.k_min_limits(self._free, self._low, self.high, ratio=ratio)

    def allowed(self, value: float) -> int:
        """
        Executors that may run at *value*.

        Raises:
            InvalidInput: *value* is missing; an unknown value allows nothing more than is asked for.
        """
        if not np.isfinite(value):
            raise InvalidInput(f"value is {value}; allowed: a finite number", field="value")
        below = self.limits() < value
        return self.least + int(below.argmax()) if below.any() else self.most

    @property
    def _free(self) -> int:
        return self.most - self.least - self.held

    @property
    def _low(self) -> float:
        return self.low * _RAISED_LOW

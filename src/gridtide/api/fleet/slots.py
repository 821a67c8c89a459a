"""The steps a fleet is planned in, and series read on them."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from gridtide.domain.instants import from_ns, to_ns
from gridtide.domain.units import NS_PER_HOUR

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from gridtide.domain.interval import Interval
    from gridtide.domain.series import Series

__all__ = ["Slots", "emissions_g"]


class Slots(NamedTuple):
    """
    Steps of equal length.

    Attributes:
        first_ns: Start of the first. [ns]
        step_ns: Length. [ns]
        size: How many.
    """

    first_ns: int
    step_ns: int
    size: int

    @property
    def hours(self) -> float:
        """Length of one. [h]"""
        return self.step_ns / NS_PER_HOUR

    def not_before(self, instants_ns: NDArray[np.int64]) -> NDArray[np.int64]:
        """First slot that starts at each instant or later."""
        return -((self.first_ns - instants_ns) // self.step_ns)

    def done_by(self, instants_ns: NDArray[np.int64]) -> NDArray[np.int64]:
        """Slot that starts at each instant or before: those before it have ended."""
        return (instants_ns - self.first_ns) // self.step_ns

    def mean_values(self, series: Series) -> NDArray[np.float64]:
        """Mean of *series* in each slot, NaN where any part of the slot is unknown, shape (size,)."""
        found = np.full(self.size, np.nan)
        for curve in series.curves:
            bounds = np.array([curve.start_ns, curve.end_ns])
            begin = max(0, int(self.not_before(bounds)[0]))
            end = min(self.size, int(self.done_by(bounds)[1]))
            if begin < end:
                edges = self.first_ns + self.step_ns * np.arange(begin, end + 1, dtype=np.int64)
                found[begin:end] = np.diff(curve.integrals_at(edges)) / self.hours
        return found


def emissions_g(series: Series, runs: Sequence[Interval], power_kw: float) -> float | None:
    """Emissions of constant power over *runs*; None where any part of one is unknown. [gCO2eq]"""
    total = 0.0
    for run in runs:
        start_ns, end_ns = to_ns(run.start), to_ns(run.end)
        curve = series.curve_at(start_ns)
        if curve is None or end_ns > curve.end_ns:
            return None
        total += power_kw * (curve.integral_at(end_ns) - curve.integral_at(start_ns))
    return total


def instant_text(instant_ns: int) -> str:
    """Instant for messages, to the minute in UTC."""
    return f"{from_ns(instant_ns):%Y-%m-%dT%H:%MZ}"

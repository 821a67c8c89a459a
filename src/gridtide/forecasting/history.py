"""The past of a signal on an even grid, as the forecasting methods see it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from gridtide.domain.errors import HorizonTooShort, InvalidInput
from gridtide.domain.instants import duration_ns, from_ns, isoformat, to_ns
from gridtide.domain.units import NS_PER_HOUR

if TYPE_CHECKING:
    from datetime import datetime, timedelta

    from numpy.typing import NDArray

    from gridtide.domain.series import Series

__all__ = ["History"]

_DAY_NS = 24 * NS_PER_HOUR
_EPOCH_WEEKDAY = 3  # 1970-01-01 was a Thursday


@dataclass(frozen=True, slots=True)
class History:
    """
    Mean values on even steps that end where the forecast begins; NaN where nothing is known.

    Args:
        values: Oldest first, shape (n_steps,). [unit of the signal]
        end_ns: End of the last step, which is the first instant to forecast. [ns]
        step_ns: Length of a step; divides a day. [ns]
    """

    values: NDArray[np.float64]
    end_ns: int
    step_ns: int

    def __post_init__(self) -> None:
        if self.step_ns <= 0 or _DAY_NS % self.step_ns:
            raise InvalidInput(f"step of {self.step_ns} ns does not divide a day", field="step")

    @classmethod
    def of(cls, series: Series, *, end: datetime, step: timedelta, span: timedelta) -> History:
        """
        Cut the last *span* before *end* out of *series*, as time-weighted means on even steps.

        A step of which any part is unknown is unknown. *end* is moved back to the last whole step.

        Raises:
            HorizonTooShort: *series* holds nothing in that span.
        """
        step_ns = duration_ns(step)
        end_ns = to_ns(end) // step_ns * step_ns
        count = duration_ns(span) // step_ns
        edges = end_ns - step_ns * np.arange(count, -1, -1, dtype=np.int64)
        values = np.full(count, np.nan)
        for curve in series.curves:
            inside = np.flatnonzero((edges[:-1] >= curve.start_ns) & (edges[1:] <= curve.end_ns))
            if inside.size:
                first, last = int(inside[0]), int(inside[-1])
                integral = curve.integrals_at(edges[first : last + 2])
                values[first : last + 1] = np.diff(integral) / (step_ns / NS_PER_HOUR)
        known = np.flatnonzero(~np.isnan(values))
        if not known.size:
            since = isoformat(from_ns(int(edges[0])))
            raise HorizonTooShort(
                f"no values of {series.signal.provider}/{series.signal.zone} are known from {since} to {isoformat(end)}"
            )
        return cls(values[int(known[0]) :], end_ns, step_ns)

    @property
    def per_day(self) -> int:
        """Steps in a day."""
        return _DAY_NS // self.step_ns

    def before(self, steps: int) -> History:
        """The same history, cut *steps* earlier; for judging a method on what was known then."""
        return History(self.values[: self.values.size - steps], self.end_ns - steps * self.step_ns, self.step_ns)

    def weekend(self, steps: int) -> NDArray[np.bool_]:
        """Whether each past step and each of the next *steps* lies on a Saturday or Sunday (UTC)."""
        index = np.arange(-self.values.size, steps, dtype=np.int64)
        days = (self.end_ns + index * self.step_ns) // _DAY_NS
        return np.asarray((days + _EPOCH_WEEKDAY) % 7 >= 5)

"""
What one plan costs, in the unit that regions are compared by.

That is grams where the power is known, else the mean of the signal times the site's efficiency; with a carbon price it
is money for electricity and carbon together, each region by its own price of electricity. A plan for a forecast that
may be wrong is judged by the upper end of that region's own forecast too. What is not known has no cost: it is never
taken for cheap or clean.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from gridtide.planning.options import PlanOptions, Risk
from gridtide.planning.transfer import Band

if TYPE_CHECKING:
    from gridtide.domain.decision import Decision
    from gridtide.domain.interval import Interval
    from gridtide.domain.series import Series
    from gridtide.domain.workload import Workload

__all__ = ["Scale", "mean_over", "options_at"]

_KG_PER_T: Final = 1000.0
_G_PER_T: Final = 1_000_000.0


@dataclass(frozen=True, slots=True)
class Scale:
    """
    The scale of one comparison.

    Args:
        workload: What runs; its power decides about grams.
        options: Price and risk that are asked for.
    """

    workload: Workload
    options: PlanOptions

    @property
    def priced(self) -> bool:
        """Whether money is compared."""
        return self.options.price is not None

    @property
    def weighs_grams(self) -> bool:
        """Whether the power is known."""
        return self.workload.mean_power_w is not None

    def grams(self, mean: float, pue: float) -> float:
        """Emissions of a run; its mean times PUE without a power, which orders one workload the same. [gCO2eq]"""
        return mean * pue * self._kwh

    def of(
        self, decision: Decision, *, pue: float, price: Series | None = None, high: Series | None = None
    ) -> Band | None:
        """
        Cost of a run by itself; None where part of it is not known.

        A hedged comparison sees the middle of the forecast and, as the high figure, its upper end; a cautious one sees
        the upper end alone.

        Args:
            decision: The plan in that region.
            pue: Of the site.
            price: Electricity there. [EUR/MWh]
            high: Upper end of the forecast there. [signal.unit]
        """
        if decision.mean is None:
            return None
        if self.priced:
            mean_price = mean_over(price, decision.intervals)
            if mean_price is None:
                return None
            mean = mean_price + decision.mean * (self.options.eur_per_t or 0.0) / _KG_PER_T
            cost = mean * pue * (self._kwh / 1000.0 if self.weighs_grams else 1.0)
            return Band(cost, cost, cost)
        middle = self.grams(decision.mean, pue)
        if self.options.risk is Risk.EXPECTED:
            return Band(middle, middle, middle)
        upper = mean_over(high, decision.intervals)
        if upper is None:
            return None
        top = self.grams(upper, pue)
        return Band(top, top, top) if self.options.risk is Risk.CAUTIOUS else Band(middle, middle, top)

    def moved(self, grams: Band) -> Band:
        """Emissions of a transfer on the scale of the comparison; its electricity is on nobody's bill here."""
        return grams.scaled((self.options.eur_per_t or 0.0) / _G_PER_T) if self.priced else grams

    @property
    def _kwh(self) -> float:
        """Energy of the run before PUE; one without a power. [kWh]"""
        power = self.workload.mean_power_w
        return 1.0 if power is None else power / 1000.0 * (self.workload.duration / timedelta(hours=1))


def options_at(options: PlanOptions, *, price: Series | None, high: Series | None) -> PlanOptions:
    """*options* with what is known at one site: its own price and the upper end of its own forecast."""
    own = options if options.risk is Risk.EXPECTED else replace(options, high=high)
    return own if options.price is None or price is None else replace(own, price=price)


def mean_over(series: Series | None, intervals: tuple[Interval, ...]) -> float | None:
    """Mean of *series* over a run; None where part of it is not known. [signal.unit]"""
    if not series or not intervals or not all(series.covers(i) for i in intervals):
        return None
    weights = [i.length.total_seconds() for i in intervals]
    return sum(w * series.mean(i) for w, i in zip(weights, intervals, strict=True)) / sum(weights)

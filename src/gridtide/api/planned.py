"""How a plan is asked for in Python, and the plan with what it stands on and what it costs."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from gridtide.api import prices
from gridtide.domain.errors import ProviderUnavailable

if TYPE_CHECKING:
    from pathlib import Path

    from gridtide.domain.decision import Decision
    from gridtide.domain.ports import Reading
    from gridtide.domain.series import Series
    from gridtide.domain.workload import Workload
    from gridtide.planning.options import PlanOptions

__all__ = ["Planned", "Wish"]


class Wish(NamedTuple):
    """How a plan is to be made; see `gridtide.api.scheduler.CarbonScheduler.plan`."""

    method: str = "auto"
    risk: str | None = None
    carbon_price: float | None = None
    price_series: Series | Path | str | None = None
    learn_duration: bool = False


class Planned(NamedTuple):
    """
    A plan with what it stands on.

    Attributes:
        decision: The plan.
        workload: What it is for, with its learned length.
        reading: What is known.
        options: How it was made.
        method: Policy that was asked for.
    """

    decision: Decision
    workload: Workload
    reading: Reading
    options: PlanOptions
    method: str

    def cost(self) -> prices.PlanCost:
        """
        What it costs, and every choice between cost and carbon.

        Raises:
            InvalidInput: No carbon price is set.
            ProviderUnavailable: No prices, or no carbon intensity, are known.
        """
        price, eur_per_t, made = self.options.price, self.options.eur_per_t, self.decision
        if price is None or eur_per_t is None:
            raise ProviderUnavailable(
                "; ".join(made.warnings) or "no electricity prices are known",
                hint="hand prices in with price_series, in EUR/MWh",
                field="price_series",
            )
        found = prices.cost_of(
            self.workload, self.reading.series, made, price=price, eur_per_t=eur_per_t, method=self.method
        )
        if found is None:
            raise ProviderUnavailable(
                f"no carbon intensity is known to weigh cost against: {self._why()}",
                hint="`gridtide doctor` looks at every source",
            )
        return found

    def _why(self) -> str:
        return "; ".join(self.decision.warnings) or self.reading.reason or "no source"

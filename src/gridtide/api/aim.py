"""
What a plan aims at besides carbon: a price on it, or a forecast that may be wrong.

What a call says goes before what the settings say. Two wishes that contradict each other are refused when one place
says both; when the call says one and the settings the other, the call counts and the plan says what was left out.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from numbers import Real
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from gridtide.api import wiring
from gridtide.api.prices import require_prices
from gridtide.domain.errors import ConfigurationError, InvalidInput
from gridtide.domain.series import Series
from gridtide.planning.options import Risk

if TYPE_CHECKING:
    from gridtide.config.settings import Settings
    from gridtide.planning.duration import RunTimes
    from gridtide.planning.options import PlanOptions

__all__ = ["Aim", "check_carbon_price", "check_price_series", "check_risk"]

_MOST_EUR: Final = 1_000_000.0
_BOTH: Final = "risk and carbon_price cannot be combined"
_BOUND: Final = "a threshold and carbon_price contradict each other: the bound is in grams, the plan in money"
_ONE: Final = "give one of them"


@dataclass(frozen=True, slots=True, kw_only=True)
class Aim:
    """
    What one plan weighs.

    Args:
        risk: What to make of a forecast that may be wrong.
        eur_per_t: Internal price of carbon; None where cost is not weighed. [EUR/t]
        price: Prices that were handed in, or the path of their file; None asks the day-ahead auction. [EUR/MWh]
        warnings: What was left out, one sentence each.
    """

    risk: Risk = Risk.EXPECTED
    eur_per_t: float | None = None
    price: Series | Path | None = None
    warnings: tuple[str, ...] = ()

    @classmethod
    def of(
        cls,
        settings: Settings,
        *,
        risk: str | None = None,
        carbon_price: float | None = None,
        price_series: Series | Path | str | None = None,
        bounded: bool = False,
    ) -> Aim:
        """
        What a call and the settings ask for together.

        Args:
            settings: What holds where the call says nothing.
            risk: ``expected``, ``hedged`` or ``cautious``.
            carbon_price: Internal price of carbon. [EUR/t]
            price_series: Prices, or their file. [EUR/MWh]
            bounded: Whether the call sets a threshold.

        Raises:
            InvalidInput: A wish cannot be used, or contradicts another of the same call; the message names the field.
            ConfigurationError: The settings contradict each other.
        """
        word, price = check_risk(risk), check_carbon_price(carbon_price)
        policies = settings.policies
        found = cls(
            risk=Risk(policies.risk) if word is None else word,
            eur_per_t=policies.carbon_price if price is None else price,
            price=check_price_series(price_series),
        )
        if found.eur_per_t is None:
            if found.price is not None:
                raise InvalidInput(
                    "price_series is about cost, but there is no carbon_price",
                    hint="add carbon_price, in EUR per tonne; 0 plans by cost alone",
                    field="price_series",
                )
            return found
        if found.risk is not Risk.EXPECTED:
            found = _either(found, said=word is not None, priced=price is not None)
        if bounded and found.eur_per_t is not None:
            found = _unpriced(found, "its threshold is in grams", _BOUND, priced=price is not None)
        return found

    @property
    def banded(self) -> bool:
        """Whether the plan needs the upper end of the forecast."""
        return self.risk is not Risk.EXPECTED

    def options(
        self, settings: Settings, *, price: Series | None = None, learned: RunTimes | None = None
    ) -> PlanOptions:
        """How to plan by this aim; without *price* it is carbon alone."""
        eur_per_t = None if price is None else self.eur_per_t
        return replace(wiring.plan_options(settings), risk=self.risk, price=price, eur_per_t=eur_per_t, learned=learned)


def _either(aim: Aim, *, said: bool, priced: bool) -> Aim:
    """The one of risk and price that the call said."""
    if said and priced:
        raise InvalidInput(_BOTH, hint=_ONE, field="carbon_price")
    if said:
        return _unpriced(aim, f"it plans for risk {str(aim.risk)!r}", _BOTH, priced=False)
    if priced:
        text = f"policies.risk = {str(aim.risk)!r} is left out, because the plan is by carbon_price"
        return replace(aim, risk=Risk.EXPECTED, warnings=(*aim.warnings, text))
    raise ConfigurationError(
        "policies.risk and policies.carbon_price cannot be combined",
        hint="remove one of them from the settings",
        field="policies.carbon_price",
    )


def _unpriced(aim: Aim, because: str, why: str, *, priced: bool) -> Aim:
    """Without the price, where it is only the settings that name one."""
    if priced:
        raise InvalidInput(why, hint=_ONE, field="carbon_price")
    text = f"policies.carbon_price is left out of this plan: {because}"
    return replace(aim, eur_per_t=None, price=None, warnings=(*aim.warnings, text))


def check_risk(value: Any) -> Risk | None:
    """The word of a call, if it says one."""
    if value is None:
        return None
    try:
        return Risk(value)
    except ValueError:
        raise InvalidInput(f"risk is {str(value)[:40]!r}; allowed: {', '.join(Risk)}", field="risk") from None


def check_carbon_price(value: Any) -> float | None:
    """The price of a call, if it says one. [EUR/t]"""
    if value is None:
        return None
    number = isinstance(value, Real) and not isinstance(value, bool)
    if not number or not 0 <= value <= _MOST_EUR:
        raise InvalidInput(
            f"carbon_price is {str(value)[:40]!r}; allowed: 0 to {_MOST_EUR:,.0f} EUR/t", field="carbon_price"
        )
    return float(value)


def check_price_series(value: Any) -> Series | Path | None:
    """The prices of a call, or their file, if it names any."""
    if value is None or isinstance(value, Path):
        return value
    if isinstance(value, Series):
        return require_prices(value)
    if isinstance(value, str):
        return Path(value)
    raise InvalidInput(
        f"price_series is a {type(value).__name__}; allowed: a Series of prices, or the path of a file",
        field="price_series",
    )

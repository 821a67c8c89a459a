"""
What a number about the grid means: the labels that travel with every value (invariant I14).

A marginal 400 and an average 100 can be the same hour, so signals of different kind, scope or unit never meet
in one comparison: `require_comparable` is the one gate for that.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING

from gridtide.domain.errors import KindMismatch, UnitMismatch
from gridtide.domain.units import EUR_PER_MWH, G_PER_KWH, PERCENT

if TYPE_CHECKING:
    from datetime import datetime

__all__ = ["Perimeter", "Quality", "Scope", "Signal", "SignalKind", "require_comparable"]


class SignalKind(StrEnum):
    """What is measured: the mean of all generation, the next unit of it, a rank inside one zone, or a price."""

    AVERAGE = "average"
    MARGINAL = "marginal"
    RELATIVE = "relative"
    PRICE = "price"


class Scope(StrEnum):
    """Whether emissions from building and fuel supply are counted."""

    LIFECYCLE = "lifecycle"
    DIRECT = "direct"
    UNKNOWN = "unknown"


class Perimeter(StrEnum):
    """Whether imports are traced (consumption) or left out (production)."""

    CONSUMPTION = "consumption"
    PRODUCTION = "production"
    UNKNOWN = "unknown"


class Quality(StrEnum):
    """How a value came about, best first."""

    MEASURED = "measured"
    ESTIMATED = "estimated"
    FORECAST = "forecast"
    TYPICAL = "typical"
    STATIC = "static"

    @property
    def rank(self) -> int:
        """Position in the order above; 0 is best. Also the code kept per step in a `Series`."""
        return _QUALITY_ORDER.index(self)


_QUALITY_ORDER = tuple(Quality)
_DEFAULT_UNITS = {
    SignalKind.AVERAGE: G_PER_KWH,
    SignalKind.MARGINAL: G_PER_KWH,
    SignalKind.RELATIVE: PERCENT,
    SignalKind.PRICE: EUR_PER_MWH,
}


@dataclass(frozen=True, slots=True)
class Signal:
    """
    Labels of a series.

    Args:
        kind: Average, marginal, relative or price.
        provider: Name of the source, for example ``uk``.
        zone: The provider's own key of the area.
        scope: Lifecycle or direct emissions.
        perimeter: Consumption or production.
        unit: gCO2eq/kWh, percent or EUR/MWh; set from the kind when left out.
        quality: The worst quality among the values.
        issued_at: When the forecast was made; staleness is counted from here.
        fetched_at: When we received it.
        attribution: Credit that the licence asks for.
        method: Factor set, model or formula, where the value is computed by us.

    Raises:
        UnitMismatch: The unit does not fit the kind, for example a relative signal in gCO2eq/kWh.
    """

    kind: SignalKind
    provider: str
    zone: str
    scope: Scope = Scope.UNKNOWN
    perimeter: Perimeter = Perimeter.UNKNOWN
    unit: str = ""
    quality: Quality = Quality.MEASURED
    issued_at: datetime | None = None
    fetched_at: datetime | None = None
    attribution: str = ""
    method: str = ""

    def __post_init__(self) -> None:
        expected = _DEFAULT_UNITS[self.kind]
        if not self.unit:
            object.__setattr__(self, "unit", expected)
        elif self.unit != expected:
            raise UnitMismatch(
                f"a {self.kind} signal is in {expected}, not {self.unit[:40]!r}", kind=str(self.kind), unit=self.unit
            )

    @property
    def is_absolute(self) -> bool:
        """Whether values are grams per kWh, so that emissions can be computed from them."""
        return self.unit == G_PER_KWH

    @property
    def may_be_negative(self) -> bool:
        """Whether a value below zero is possible: a marginal rate or a price, never an average or a percentage."""
        return self.kind in {SignalKind.MARGINAL, SignalKind.PRICE}

    def with_(self, **changes: object) -> Signal:
        """Copy with some labels changed."""
        return replace(self, **changes)  # type: ignore[arg-type]


def require_comparable(first: Signal, second: Signal) -> None:
    """
    Refuse a comparison between values that mean different things.

    Raises:
        KindMismatch: Kind or scope differ.
        UnitMismatch: Units differ.
    """
    if first.kind is not second.kind:
        raise KindMismatch(
            f"cannot compare {first.kind} values ({first.provider}/{first.zone}) "
            f"with {second.kind} values ({second.provider}/{second.zone})",
            hint="compare on one provider and one signal kind",
        )
    if first.unit != second.unit:
        raise UnitMismatch(f"cannot compare {first.unit} with {second.unit}")
    if first.scope is not second.scope:
        raise KindMismatch(
            f"cannot compare {first.scope} emissions ({first.provider}/{first.zone}) "
            f"with {second.scope} emissions ({second.provider}/{second.zone})",
            hint="compare on one provider and one scope",
        )

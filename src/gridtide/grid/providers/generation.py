"""What sources that publish a generation mix have in common: the factor set, its labels, and lifecycle by default."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar

from gridtide.grid.mix import FACTOR_SETS, FactorSet, Mix, factor_set
from gridtide.grid.points import Points, require_offered, signal_for
from gridtide.grid.provider import Ask, Provider, Reply

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gridtide.domain.zone import Zone

__all__ = ["GenerationProvider", "UsIso"]


class GenerationProvider(Provider):
    """
    Base of sources whose intensity is computed from output by fuel.

    Args:
        factors: Name of the factor set.
    """

    factor_sets: ClassVar[Mapping[str, FactorSet]] = FACTOR_SETS
    fuels: ClassVar[Mapping[str, str]]
    """The source's names of fuels in lower case, and the canonical fuel of each."""

    def __init__(self, *, factors: str = "ipcc2014") -> None:
        self._factors = factor_set(factors, self.factor_sets)
        self.info = replace(type(self).info, scope=self._factors.scope)  # type: ignore[misc]  # the factors' own

    def _points(self, ask: Ask, replies: tuple[Reply, ...], path: str) -> Points:
        require_offered(self.info, ask)
        labels = {"scope": self._factors.scope, "method": f"mix x {self._factors.name}"}
        return Points(signal_for(self.info, ask, replies, **labels), path=path, now=ask.now)

    def _mix(self) -> Mix:
        return Mix(self.info.name, self.fuels, self._factors)


class UsIso(GenerationProvider):
    """
    Base of the public files of United States system operators: one zone each, no key.

    Args:
        factors: Name of the factor set.
    """

    zone_key: ClassVar[str]
    """Our name of the operator's area; its own name is `ProviderInfo.name` in capitals."""

    def key_for(self, zone: Zone) -> str | None:
        """The operator's short name for its own area, None elsewhere."""
        own = self.info.name.upper()
        named = zone.at(self.info.name) or zone.at("us-iso")
        if named is not None:
            return own if named.upper() == own else None
        return own if zone.key == self.zone_key else None

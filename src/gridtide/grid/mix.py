"""
Carbon intensity from a generation mix, with a published set of factors.

    intensity = sum of max(0, MW of a fuel) x factor / sum of max(0, MW), over the fuels that have a factor

Storage, imports and negative output (charging, pumping, station use) stay out of both sums unless the set has a factor
for them, so the perimeter is production. A fuel nobody has told us about counts as ``other``, which is dirty.

Records that arrive piece by piece would give absurd values, so a step is held back (invariant I4) when its total is
under half of one within the three hours before it, or when a fuel is missing that has a share elsewhere in the reply.
"""

from __future__ import annotations

import logging
import math
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from gridtide.domain.errors import ConfigurationError
from gridtide.domain.signal import Quality, Scope
from gridtide.domain.units import NS_PER_HOUR
from gridtide.grid.points import Points, Reject

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["ENTSOE", "FACTOR_SETS", "FactorSet", "Mix", "factor_set"]

_LOG = logging.getLogger("gridtide.grid.mix")

_COMES_AND_GOES: Final = frozenset({"battery", "pumped_storage", "imports", "solar"})
_DIRTY_G_PER_KWH: Final = 300.0
_SHARE_THAT_COUNTS: Final = 0.02
_HALF: Final = 0.5
_MEMORY_NS: Final = 3 * NS_PER_HOUR
_MEGAWATTS_MAX: Final = 2_000_000.0


@dataclass(frozen=True, slots=True)
class FactorSet:
    """
    Emission factors by fuel.

    Args:
        name: As it stands in `Signal.method`.
        scope: Lifecycle or direct.
        factors: By canonical fuel. [gCO2eq/kWh]
        source: Where the figures are from.
    """

    name: str
    scope: Scope
    factors: Mapping[str, float]
    source: str

    def intensity(self, megawatts: Mapping[str, float]) -> float | None:
        """
        Mean of the factors weighted by output; None when nothing generates. [gCO2eq/kWh]

        Args:
            megawatts: Output by canonical fuel; negative output counts as none. [MW]

        Example:
            >>> FACTOR_SETS["ipcc2014"].intensity({"gas": 300.0, "wind": 100.0, "battery": -50.0})
            370.25
        """
        counted = [(self.factors[fuel], output) for fuel, output in megawatts.items() if fuel in self.factors]
        total = sum(output for _, output in counted if output > 0)
        if total <= 0:
            return None
        return sum(factor * output for factor, output in counted if output > 0) / total


_LIFECYCLE: Final = {
    "coal": 820.0, "lignite": 1000.0, "coal_gas": 820.0, "gas": 490.0, "oil": 650.0, "oil_shale": 900.0, "peat": 1000.0,
    "nuclear": 12.0, "hydro": 24.0, "wind": 11.0, "wind_offshore": 12.0, "solar": 45.0, "geothermal": 38.0,
    "biomass": 230.0, "waste": 330.0, "ocean": 17.0, "other_renewable": 50.0, "other": 700.0,
}  # fmt: skip
_DIRECT: Final = {
    "coal": 760.0, "lignite": 760.0, "coal_gas": 760.0, "gas": 370.0, "oil": 406.0, "oil_shale": 760.0, "peat": 760.0,
    "nuclear": 0.0, "hydro": 0.0, "wind": 0.0, "wind_offshore": 0.0, "solar": 0.0, "geothermal": 0.0, "biomass": 0.0,
    "waste": 575.0, "ocean": 0.0, "other_renewable": 0.0, "other": 575.0,
}  # fmt: skip

FACTOR_SETS: Final[dict[str, FactorSet]] = {
    "ipcc2014": FactorSet(
        "ipcc2014",
        Scope.LIFECYCLE,
        _LIFECYCLE,
        "IPCC AR5 WG3 Annex III (2014) medians; solar between roof and utility; oil UK POST 2014; lignite, peat, "
        "oil shale, waste and other renewable as in bio-pype 0.1.1; unknown as a mean of thermal plants",
    ),
    "ipcc2014-direct": FactorSet(
        "ipcc2014-direct",
        Scope.DIRECT,
        _DIRECT,
        "IPCC 2014 combustion; oil EIA 2020 and BEIS 2021; every solid fuel as coal; unknown and waste 575",
    ),
}
ENTSOE: Final[dict[str, FactorSet]] = {
    name: FactorSet(
        f"{name}+pumped",
        chosen.scope,
        {**chosen.factors, "pumped_storage": chosen.factors["hydro"]},
        f"{chosen.source}; pumped storage output as hydro",
    )
    for name, chosen in FACTOR_SETS.items()
}
"""The same sets where a source counts the output of pumped storage as generation and gives pumping apart."""


def factor_set(name: str, sets: Mapping[str, FactorSet] = FACTOR_SETS) -> FactorSet:
    """
    Look up a set by its name.

    Raises:
        ConfigurationError: There is none of that name.
    """
    found = sets.get(name)
    if found is None:
        raise ConfigurationError(
            f"there is no factor set {name[:40]!r}", hint=f"there are: {', '.join(sets)}", field="factors"
        )
    return found


class Mix:
    """
    Collects output by step and fuel, and hands the intensity of each complete step to `Points`.

    Args:
        provider: For messages.
        fuels: The provider's names of fuels, lower case, and the canonical fuel of each.
        factors: Set to compute with.
    """

    __slots__ = ("_bad", "_factors", "_fuels", "_index", "_provider", "_steps", "_unknown")

    def __init__(self, provider: str, fuels: Mapping[str, str], factors: FactorSet) -> None:
        self._provider = provider
        self._fuels = fuels
        self._factors = factors
        self._steps: dict[tuple[int, int], dict[str, float | None]] = defaultdict(dict)
        self._bad: dict[tuple[int, int], tuple[Reject, object]] = {}
        self._index: dict[tuple[int, int], int] = {}
        self._unknown: set[str] = set()

    def add(self, start_ns: int, end_ns: int, code: str, raw: object, *, index: int) -> None:
        """
        Take the output of one fuel in one step.

        Args:
            start_ns: Start of the step. [ns]
            end_ns: End of the step. [ns]
            code: The provider's name of the fuel.
            raw: Output as the reply has it. [MW or MWh]
            index: Number of the record in the reply, for messages.
        """
        step = (start_ns, end_ns)
        self._index.setdefault(step, index)
        key = code.strip().lower()
        if raw is None:
            self._steps[step].setdefault(key, None)
            return
        if isinstance(raw, bool) or not isinstance(raw, (int, float)):
            self._bad.setdefault(step, (Reject.TYPE, raw))
        elif not math.isfinite(raw):
            self._bad.setdefault(step, (Reject.NONFINITE, raw))
        elif abs(raw) > _MEGAWATTS_MAX:
            self._bad.setdefault(step, (Reject.RANGE, raw))
        elif self._steps[step].get(key, raw) not in {raw, None}:
            self._bad.setdefault(step, (Reject.CONTRADICTION, raw))
        else:
            self._steps[step][key] = float(raw)

    def fill(self, points: Points, *, quality: Quality = Quality.MEASURED) -> None:
        """Compute every step that is complete; count the others with the reason."""
        expected = self._expected()
        previous, since = 0.0, 0
        for step in sorted(self._steps.keys() | self._bad.keys()):
            index, outputs = self._index[step], self._steps.get(step, {})
            total = self._total(outputs)
            if step in self._bad:
                points.skip(self._bad[step][0], index, self._bad[step][1])
            elif total < _HALF * previous and step[0] - since <= _MEMORY_NS:
                points.skip(Reject.INCOMPLETE, index, f"total {total:.0f} MW after {previous:.0f} MW")
            elif missing := [code for code in expected if outputs.get(code) is None]:
                points.skip(Reject.INCOMPLETE, index, f"without {', '.join(sorted(missing))}"[:60])
            else:
                previous, since = total, step[0]
                points.add(*step, self._intensity(outputs), quality=quality, index=index)

    def _intensity(self, outputs: Mapping[str, float | None]) -> float | None:
        by_fuel: dict[str, float] = defaultdict(float)
        for code, output in outputs.items():
            if output is not None:
                by_fuel[self._canonical(code)] += max(0.0, output)
        return self._factors.intensity(by_fuel)

    def _canonical(self, code: str) -> str:
        fuel = self._fuels.get(code)
        if fuel is None:
            if code not in self._unknown:
                self._unknown.add(code)
                _LOG.warning("%s: fuel %r is not known and counts as other", self._provider, code[:40])
            return "other"
        return fuel

    def _expected(self) -> frozenset[str]:
        """
        Fuels a complete step must have.

        A fuel that emits and has a share in any step: without it the grid would look clean. One that does not emit,
        when it has a share and is there in at least half of the steps. A single step must have a number for every
        emitting fuel it names. Storage and solar, which are rightly absent at times, are never missed.
        """
        needed: set[str] = set()
        present: dict[str, int] = defaultdict(int)
        shares: dict[str, float] = defaultdict(float)
        for outputs in self._steps.values():
            total = self._total(outputs)
            for code, output in outputs.items():
                if output is not None and total > 0:
                    present[code] += 1
                    shares[code] = max(shares[code], output / total)
                elif len(self._steps) == 1 and self._is_dirty(code):
                    needed.add(code)
        for code, share in shares.items():
            often = 2 * present[code] >= len(self._steps)
            if share >= _SHARE_THAT_COUNTS and self._is_steady(code) and (often or self._is_dirty(code)):
                needed.add(code)
        return frozenset(needed)

    def _total(self, outputs: Mapping[str, float | None]) -> float:
        factors = self._factors.factors
        return sum(max(0.0, mw or 0.0) for code, mw in outputs.items() if self._fuels.get(code, "other") in factors)

    def _is_steady(self, code: str) -> bool:
        fuel = self._fuels.get(code, "other")
        return fuel in self._factors.factors and fuel not in _COMES_AND_GOES

    def _is_dirty(self, code: str) -> bool:
        return self._factors.factors.get(self._fuels.get(code, "other"), 0.0) > _DIRTY_G_PER_KWH

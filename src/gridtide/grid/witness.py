"""
A second source that is asked about the same hours, so that a wrong first one is noticed before a plan is built on it.

What a source says is held against its own past by `gridtide.grid.belief`; that cannot see a value that was wrong from
the start or that drifts. A witness can. It never stands in by itself and is asked through the same cache, so it costs
one call per publication of its own. Its verdict is one of three:

::

    agrees       the means over the hours that both know are within the tolerance
    disagrees    they are not: the values are used, and everybody who gets them is told
    absurd       they are twenty times apart: the one further from the zone's yearly mean is not believed

Without a yearly mean nobody can tell which of two is absurd, and the first source keeps its word.
"""

from __future__ import annotations

import asyncio
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from gridtide.domain.errors import CarbonError
from gridtide.domain.ports import CrossCheck
from gridtide.grid import crosscheck

if TYPE_CHECKING:
    from datetime import datetime

    from gridtide.domain.ports import SignalQuery
    from gridtide.domain.series import Series
    from gridtide.grid.ladder import Answer, Ladder
    from gridtide.grid.source import Source

__all__ = ["ABSURD", "Testimony", "Witness"]

ABSURD: Final = 20.0
"""Ratio of means that no two methods of counting explain: another unit, or no data in disguise."""

_PATIENCE_S: Final = 5.0
_HOURS_LEAST: Final = 2


@dataclass(frozen=True, slots=True)
class Testimony:
    """
    What the second source makes of the first one's answer.

    Args:
        check: The verdict that travels with the reading.
        answer: Its own answer; None when it has none.
        refutes: Whether the first one's values are absurd beside it and beside the zone's yearly mean.
    """

    check: CrossCheck
    answer: Answer | None
    refutes: bool = False


class Witness:
    """
    Holds answers of one source against those of another.

    Args:
        ladder: Climbed with the second source; makes no forecast of its own, since that proves nothing.
        tolerance: Ratio of the means up to which both agree.
    """

    def __init__(self, ladder: Ladder, *, tolerance: float) -> None:
        self._ladder = ladder
        self._tolerance = tolerance

    async def hear(
        self, answer: Answer, source: Source, query: SignalQuery, now: datetime, *, yearly_mean: float | None
    ) -> Testimony:
        """
        Ask *source* about the hours of *answer*; never raises, and never takes long.

        Args:
            answer: Of the first source.
            source: The second one.
            query: What was asked.
            now: Instant of asking.
            yearly_mean: Of the zone, to tell which of two is absurd; None when unknown. [gCO2eq/kWh]
        """
        try:
            async with asyncio.timeout(_PATIENCE_S):
                second = await self._ladder.answer(source, query, now)
        except TimeoutError:
            return self._silent(source, "did not answer in time")
        except CarbonError as error:
            return self._silent(source, error.message)
        if second.series is None or answer.series is None:
            return self._silent(source, second.problem or "has nothing for these hours")
        ratio = crosscheck.disagreement(answer.series, second.series, at_least=_HOURS_LEAST)
        if ratio is None:
            return self._silent(source, "knows too few of the same hours")
        return self._verdict(answer.series, second, ratio, yearly_mean)

    def _verdict(self, first: Series, second: Answer, ratio: float, yearly_mean: float | None) -> Testimony:
        assert second.series is not None  # noqa: S101 - looked at before
        name, apart = second.source.name, "no factor" if math.isinf(ratio) else f"{ratio:.3g} times"
        refutes = ratio >= ABSURD and _nearer(second.series, first, yearly_mean)
        if refutes:
            note = f"{name} is {apart} apart and nearer to the yearly mean"
        elif ratio <= self._tolerance:
            note = f"{name} agrees, {apart} apart"
        else:
            note = f"{name} disagrees, {apart} apart; up to {self._tolerance:g} is usual"
        check = CrossCheck(provider=name, ratio=ratio, tolerance=self._tolerance, note=note)
        return Testimony(check, second, refutes)

    def _silent(self, source: Source, why: str) -> Testimony:
        name = source.name
        said = why if why.startswith(name) else f"{name} {why}"
        return Testimony(
            CrossCheck(provider=name, ratio=None, tolerance=self._tolerance, note=f"unchecked: {said}"), None
        )


def _nearer(one: Series, other: Series, yearly_mean: float | None) -> bool:
    """Whether *one* is clearly nearer to the zone's yearly mean than *other*, as factors go."""
    if not yearly_mean:
        return False
    far = [abs(math.log(max(float(series.values.mean()), 1e-9) / yearly_mean)) for series in (one, other)]
    return far[0] + math.log(2.0) < far[1]

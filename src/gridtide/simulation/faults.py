"""
What goes wrong with a source for a while, and the product's own checks between it and the planner.

Nothing is checked while nothing is wrong. Once refused, a source is believed again only when its values fit the
accepted ones, as in `gridtide.grid.guard`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from gridtide.domain.decision import FreshnessStep
from gridtide.domain.errors import InvalidInput
from gridtide.domain.instants import from_ns, to_ns
from gridtide.domain.ports import Reading
from gridtide.domain.series import Series
from gridtide.grid import crosscheck

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from gridtide.domain.interval import Interval

__all__ = ["Fault", "with_faults"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """
    Something wrong with a source for a while.

    Args:
        kind: ``outage`` (no answer), ``unit`` (values times *factor*) or ``stale`` (the last reading repeated).
        window: When.
        zone: Where; empty means every zone.
        factor: For ``unit``; lb/MWh taken for g/kWh is 2.2046.
    """

    kind: str
    window: Interval
    zone: str = ""
    factor: float = 1.0 / 0.45359237

    def __post_init__(self) -> None:
        if self.kind not in {"outage", "unit", "stale"}:
            raise InvalidInput(f"fault kind is {self.kind[:40]!r}; allowed: outage, unit, stale", field="kind")


def with_faults(readings: Iterator[tuple[int, Reading]], faults: Sequence[Fault]) -> Iterator[tuple[int, Reading]]:
    """
    Put *faults* into a stream of readings, and the product's own checks between them and the planner.

    During an outage there is nothing; a reading in a wrong unit passes through the same cross-check as live data. Once
    refused, a source is believed again only when its values fit the accepted ones, as in `gridtide.grid.guard`. Nothing
    is checked while nothing is wrong.
    """
    edges = sorted({to_ns(i) for f in faults for i in (f.window.start, f.window.end)})
    source = _Source()
    truth: Reading | None = None
    for when_ns, reading in _with_edges(readings, edges):
        truth = reading or truth
        if truth is not None:
            now = from_ns(when_ns)
            yield when_ns, source.answer(truth, next((f for f in faults if now in f.window), None))


@dataclass(slots=True)
class _Source:
    """A source with faults, and what was believed of it."""

    last: Reading | None = None
    refused: str = ""

    def answer(self, truth: Reading, fault: Fault | None) -> Reading:
        if fault is None and not self.refused:
            self.last = truth
            return truth
        kind = "" if fault is None else fault.kind
        if kind == "outage":
            return Reading(series=_empty(truth.series), step=FreshnessStep.NONE, reason="provider outage (injected)")
        if kind == "stale" and self.last is not None:
            return replace(self.last, step=FreshnessStep.STALE, reason="stale answer (injected)")
        series = _scaled(truth.series, fault.factor) if fault is not None and kind == "unit" else truth.series
        known = None if self.last is None else self.last.series
        verdict = crosscheck.examine(series, known)
        if verdict.is_refused:
            self.refused = verdict.findings[0].message
        elif self.refused and crosscheck.fits(series, known):
            self.refused = ""
        if not self.refused:
            self.last = truth if fault is None else replace(truth, series=verdict.series)
            return self.last
        if self.last is None:
            return Reading(series=_empty(truth.series), step=FreshnessStep.NONE, reason=f"refused: {self.refused}")
        return replace(self.last, step=FreshnessStep.STALE, reason=f"refused: {self.refused}")


def _with_edges(readings: Iterator[tuple[int, Reading]], edges: Sequence[int]) -> Iterator[tuple[int, Reading | None]]:
    pending = list(edges)
    for when_ns, reading in readings:
        while pending and pending[0] < when_ns:
            yield pending.pop(0), None
        yield when_ns, reading
    for edge in pending:
        yield edge, None


def _scaled(series: Series, factor: float) -> Series:
    return Series(series.signal, series.starts_ns, series.ends_ns, series.values * factor, qualities=series.qualities)


def _empty(series: Series) -> Series:
    return Series(series.signal, [], [], [])

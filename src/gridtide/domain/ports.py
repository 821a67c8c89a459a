"""What the rooms above expect of each other. They never import each other; they meet here, wired at a door."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    from datetime import datetime, timedelta

    from gridtide.domain.decision import Decision, FreshnessStep
    from gridtide.domain.interval import Interval
    from gridtide.domain.series import Series
    from gridtide.domain.signal import SignalKind
    from gridtide.domain.workload import Workload
    from gridtide.domain.zone import Zone

__all__ = ["Clock", "DecisionJournal", "GridData", "Reading", "SignalQuery", "Waiter"]


@runtime_checkable
class Clock(Protocol):
    """Source of time. Wall time at the edges only, monotonic time for every wait (invariant I13)."""

    def now(self) -> datetime:
        """Aware UTC wall time."""
        ...

    def monotonic(self) -> float:
        """Seconds that never jump. [s]"""
        ...


@runtime_checkable
class Waiter(Protocol):
    """Something that can let time pass; only owners of a loop have one, nothing inside the engine does."""

    async def sleep_until(self, instant: datetime) -> None:
        """Return at or just after *instant* on its clock."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class SignalQuery:
    """
    What somebody wants to know about the grid.

    Args:
        zone: Where.
        window: When; values outside it may be returned too.
        kind: Wanted signal kind; None takes what the first candidate gives.
        forecast: Whether values after now are needed.
        max_age: Oldest data that still count as usable.
        purpose: ``decision`` or ``report``: marginal is preferred for the first, average for the second.
    """

    zone: Zone
    window: Interval
    kind: SignalKind | None = None
    forecast: bool = True
    max_age: timedelta | None = None
    purpose: str = "decision"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """
    An answer of the grid client: values, the ladder step they came from, and why not a better one.

    *series* may be empty (then *step* is ``none``) but is never None; it may cover less than was asked.
    """

    series: Series
    step: FreshnessStep
    reason: str = ""
    age: timedelta | None = None
    tried: tuple[str, ...] = ()


@runtime_checkable
class GridData(Protocol):
    """The grid client as the engine, the doors and the simulator see it."""

    async def read(self, query: SignalQuery) -> Reading:
        """Best values available now; never raises for missing data, says ``none`` instead."""
        ...


@runtime_checkable
class DecisionJournal(Protocol):
    """Where decisions and outcomes are kept."""

    def record(self, workload: Workload, decision: Decision, series: Series | None) -> str:
        """Keep a decision with its inputs; returns the record's id."""
        ...

"""
What the rooms above expect of each other. They never import each other; they meet here, wired at a door.

An executor is one verb, `Executor.start`; whatever else a platform can do is an ability with a protocol of its own
(`CanPrepare`, `CanPause`, `CanObserve`, `CanHold`), which the engine asks for with ``isinstance``. A new platform
implements the ones it has and inherits nothing.

Grid data are one verb as well, `GridData.read`; `CanReadMany` is the ability to answer for places side by side.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime, timedelta

    from gridtide.domain.decision import Decision, FreshnessStep
    from gridtide.domain.effect import EffectKey, Receipt, Sighting
    from gridtide.domain.interval import Interval
    from gridtide.domain.series import Series
    from gridtide.domain.signal import SignalKind
    from gridtide.domain.workload import Workload
    from gridtide.domain.zone import Zone

__all__ = [
    "CanHold",
    "CanObserve",
    "CanPause",
    "CanPrepare",
    "CanReadMany",
    "Clock",
    "CrossCheck",
    "DecisionJournal",
    "Executor",
    "GridData",
    "IntentJournal",
    "Reading",
    "SignalQuery",
    "Waiter",
]


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
class CrossCheck:
    """
    What a second source said about the same hours.

    Args:
        provider: Of the second source.
        ratio: Between the means of both over the hours that both know, at least 1; None when it could not tell.
        tolerance: Ratio up to which they agree.
        note: In words.
    """

    provider: str
    ratio: float | None
    tolerance: float
    note: str

    @property
    def agrees(self) -> bool | None:
        """Whether both say about the same; None when the second source could not tell."""
        return None if self.ratio is None else self.ratio <= self.tolerance


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """
    An answer of the grid client: values, the ladder step they came from, and why not a better one.

    *series* may be empty (then *step* is ``none``) but is never None; it may cover less than was asked. *high* is the
    upper quantile of the forecast, where somebody worked one out. *check* is there when a second source was asked about
    the same hours; *reason* says it in words.
    """

    series: Series
    step: FreshnessStep
    reason: str = ""
    age: timedelta | None = None
    tried: tuple[str, ...] = ()
    high: Series | None = None
    check: CrossCheck | None = None


@runtime_checkable
class GridData(Protocol):
    """The grid client as the engine, the doors and the simulator see it."""

    async def read(self, query: SignalQuery) -> Reading:
        """Best values available now; never raises for missing data, says ``none`` instead."""
        ...


@runtime_checkable
class CanReadMany(Protocol):
    """Ability of grid data to answer for several zones so that the answers may be compared (invariant I14)."""

    async def read_many(self, queries: Sequence[SignalQuery]) -> Sequence[Reading]:
        """One reading for each query, in order: all from one source and of one kind, or all from the yearly table."""
        ...


@runtime_checkable
class DecisionJournal(Protocol):
    """Where decisions and outcomes are kept."""

    def record(self, workload: Workload, decision: Decision, series: Series | None) -> str:
        """Keep a decision with its inputs; returns the record's id."""
        ...


@runtime_checkable
class IntentJournal(Protocol):
    """
    Where effects are written down before, at and after they happen (journal, act, confirm).

    Every method raises `JournalUnavailable` when nothing can be written.
    """

    def intend(self, key: EffectKey, *, at: datetime) -> None:
        """
        Claim *key*, durably, before acting.

        Raises:
            Conflict: Somebody holds or held it: the effect must not happen again.
        """
        ...

    def started(self, key: EffectKey, receipt: Receipt) -> None:
        """The effect is about to be, or has been, carried out under the platform's name in *receipt*."""
        ...

    def finished(self, key: EffectKey, *, at: datetime, detail: str = "") -> None:
        """The effect is over."""
        ...

    def failed(self, key: EffectKey, *, at: datetime, detail: str = "") -> None:
        """It is known that the effect did not happen; the next epoch may try again."""
        ...


@runtime_checkable
class Executor(Protocol):
    """The platform that runs the work. Errors are `ExecutorError`: retryable ones are tried again, others are final."""

    @property
    def idempotent(self) -> bool:
        """Whether `start` with one key has one effect even without our journal, by the platform's own doing."""
        ...

    async def start(self, key: EffectKey) -> Receipt:
        """Let the work of *key* begin."""
        ...


@runtime_checkable
class CanPrepare(Protocol):
    """Ability to make everything ready so that the journal knows the platform's name for the work before it begins."""

    async def prepare(self, key: EffectKey) -> Receipt:
        """Do all but the last step. If we die before `Executor.start`, the work has not begun and never will."""
        ...


@runtime_checkable
class CanPause(Protocol):
    """Ability to stop running work where it stands and to continue it there."""

    async def pause(self, key: EffectKey) -> Receipt:
        """Stop it where it stands."""
        ...

    async def proceed(self, key: EffectKey) -> Receipt:
        """Continue it."""
        ...


@runtime_checkable
class CanObserve(Protocol):
    """Ability to say what became of an effect after we lost sight of it."""

    async def observe(self, key: EffectKey) -> Sighting:
        """What the platform says about the work of *key*."""
        ...


@runtime_checkable
class CanHold(Protocol):
    """Ability of a platform to start held work by itself at an instant: the native backstop (invariant I1)."""

    async def hold(self, key: EffectKey, *, until: datetime) -> Receipt:
        """Keep the work back; begin it at *until* even if we are gone by then."""
        ...

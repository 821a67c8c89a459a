"""What the journal keeps: decisions with all they depended on, effects with their state, outcomes with savings."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

from gridtide.accounting.savings import Power, Saving, run_time, saving_against_run_now
from gridtide.domain.effect import EffectKey, EffectState
from gridtide.domain.errors import CarbonError
from gridtide.planning import question as questions

if TYPE_CHECKING:
    from gridtide.domain.decision import Decision
    from gridtide.domain.interval import Interval
    from gridtide.domain.series import Series
    from gridtide.domain.signal import Signal
    from gridtide.planning.question import Question

__all__ = ["DecisionRecord", "Ending", "IntentRecord", "Outcome", "Run", "replay"]

_UNKNOWN_POWER = Power()


class Ending(StrEnum):
    """How an occurrence ended; each accepted one has exactly one ending."""

    COMPLETED = "completed"
    CANCELLED = "cancelled"
    NOT_STARTED = "not-started"
    LOST = "lost"


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionRecord:
    """
    One decision and its inputs.

    Args:
        id: Sortable by time.
        occurrence: Which run of the workload; empty for a plan that was only asked for.
        question: Everything the decision depended on: workload, values, ladder step, method, options, instant.
        decision: What was decided.
    """

    id: str
    occurrence: str
    question: Question
    decision: Decision


@dataclass(frozen=True, slots=True, kw_only=True)
class IntentRecord:
    """
    One effect.

    Args:
        key: Its name.
        state: Where it stands.
        owner: Process that meant it.
        ref: The platform's name for it, once known.
        intended_at: When it was written down.
        started_at: When it was about to be carried out.
        ended_at: When it was over, or known to have failed.
        detail: Exit code or error.
    """

    key: EffectKey
    state: EffectState
    owner: str
    ref: str
    intended_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """
    What became of one occurrence.

    Args:
        workload: Whose.
        occurrence: Which run.
        ending: How it ended.
        ended_at: When.
        exit_code: Of the command; None when there is none.
        original_start: When it would have started without us: the start of the run-now baseline.
        intervals: When it ran, pauses left out.
        overhead: Running time that pausing and resuming cost.
        power: What it drew.
        planned: Saving on the values known when it started, for the planned run.
        realised: Saving on the values that came true, for the real run; None while they are not known.
        decision_id: The decision it started by.
        note: What else a reader should know.
    """

    workload: str
    occurrence: str
    ending: Ending
    ended_at: datetime
    exit_code: int | None = None
    original_start: datetime | None = None
    intervals: tuple[Interval, ...] = ()
    overhead: timedelta = timedelta(0)
    power: Power = _UNKNOWN_POWER
    planned: Saving | None = None
    realised: Saving | None = None
    decision_id: str = ""
    note: str = ""

    @property
    def started_at(self) -> datetime | None:
        """When it began; None when it never did."""
        return self.intervals[0].start if self.intervals else None

    @property
    def length(self) -> timedelta:
        """How long the work took; pauses and what they cost left out, zero when nobody saw it run."""
        return run_time(self.intervals) - self.overhead if self.intervals else timedelta(0)

    def with_truth(self, series: Series) -> Outcome:
        """
        The same outcome with the realised saving, where *series* knows the whole of both runs.

        Planned and realised stand on one kind of signal from one source; another one is left out.
        """
        if not self.intervals or self.original_start is None or not series:
            return self
        if self.planned is not None and not _same_meaning(self.planned.signal, series.signal):
            return self
        try:
            realised = saving_against_run_now(
                series,
                self.intervals,
                original_start=self.original_start,
                power=self.power,
                overhead=self.overhead,
            )
        except CarbonError:
            return self
        return replace(self, realised=realised)


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One occurrence as the journal knows it."""

    workload: str
    occurrence: str
    accepted_at: datetime
    owner_is_gone: bool
    decisions: tuple[DecisionRecord, ...]
    intents: tuple[IntentRecord, ...]
    outcome: Outcome | None


def replay(record: DecisionRecord) -> Decision:
    """Decide again from what was recorded; equal to the recorded decision, bit for bit (invariant I9)."""
    return questions.answer(record.question)


def _same_meaning(first: Signal, second: Signal) -> bool:
    facts = ("kind", "provider", "zone", "scope", "unit")
    return all(getattr(first, fact) == getattr(second, fact) for fact in facts)

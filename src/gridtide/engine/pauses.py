"""
Pausing and continuing: follow the planned stretches, and plan what is left again when something new is known.

A piece is not cut short of the workload's minimum run, nor, for a forecast that changes its mind, of the dwell. Paused
work carries a guard like waiting work does: it goes on when the time left equals the work left, whatever is known.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gridtide.domain.decision import Action
from gridtide.domain.effect import Verb
from gridtide.domain.instants import duration_ns, to_ns
from gridtide.engine.step import Decided, Order
from gridtide.engine.work import NEVER_NS, Stage, Work
from gridtide.planning.question import was_planned

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import timedelta

    from gridtide.domain.decision import Decision
    from gridtide.domain.ports import Reading
    from gridtide.planning.question import Question

__all__ = ["Pauses", "Turn"]


@dataclass(frozen=True, slots=True)
class Turn:
    """What came of looking at running or paused work."""

    orders: Sequence[Order] = ()
    decided: Sequence[Decided] = ()
    wake_ns: int = NEVER_NS


@dataclass(frozen=True, slots=True)
class Pauses:
    """
    Rules for work that has begun.

    Args:
        dwell: Shortest piece and shortest pause when it is a new forecast that asks for the change.
    """

    dwell: timedelta

    def after_begin(self, work: Work) -> int:
        """When to look again after *work* began a piece: at the end of its stretch, if more follow. [ns]"""
        begun_ns = work.piece_ns or 0
        work.stretches = tuple(stretch for stretch in work.stretches if stretch[1] > begun_ns)
        return work.stretches[0][1] if len(work.stretches) > 1 else NEVER_NS

    def after_halt(self, work: Work, now_ns: int) -> int:
        """When to look again after *work* was paused: at the start of its next stretch. [ns]"""
        work.stretches = tuple(stretch for stretch in work.stretches if stretch[0] >= now_ns)
        if not work.stretches:
            return work.forced_ns
        work.planned_ns, work.planned_since_ns = work.stretches[0][0], now_ns
        return work.stretches[0][0]

    def consider(
        self,
        work: Work,
        now_ns: int,
        reading: Reading | None,
        asked: Question | None,
        decide: Callable[[Question], Decision],
    ) -> Turn:
        """What to do with begun work whose time to look again has come."""
        if work.stage is Stage.PAUSED:
            return self._while_paused(work, now_ns, reading, asked, decide)
        if asked is None:
            return Turn()
        if work.planned_on is reading:
            return self._at_end_of_stretch(work, now_ns)
        earliest_ns = (work.piece_ns or 0) + max(duration_ns(asked.workload.min_run), duration_ns(self.dwell))
        if now_ns < earliest_ns:
            return Turn(wake_ns=earliest_ns)
        made = _decide(work, now_ns, reading, asked, decide)
        if made.decision.action is Action.PAUSE:
            return Turn((Order(work, Verb.PAUSE),), (made,))
        return Turn(decided=(made,), wake_ns=self.after_begin(work))

    def _at_end_of_stretch(self, work: Work, now_ns: int) -> Turn:
        ends_ns = work.stretches[0][1] if len(work.stretches) > 1 else NEVER_NS
        if now_ns < ends_ns:
            return Turn(wake_ns=ends_ns)
        return Turn((Order(work, Verb.PAUSE),))

    def _while_paused(
        self,
        work: Work,
        now_ns: int,
        reading: Reading | None,
        asked: Question | None,
        decide: Callable[[Question], Decision],
    ) -> Turn:
        if work.forced_ns <= now_ns or asked is None:
            work.stretches = ()
            return Turn((Order(work, Verb.CONTINUE, forced=True),))
        if work.planned_on is reading:
            due_ns = work.stretches[0][0] if work.stretches else work.forced_ns
            return Turn((Order(work, Verb.CONTINUE),)) if due_ns <= now_ns else Turn(wake_ns=due_ns)
        made = _decide(work, now_ns, reading, asked, decide)
        if made.decision.action is not Action.WAIT or made.decision.start is None:
            return Turn((Order(work, Verb.CONTINUE),), (made,))
        wake_ns = to_ns(made.decision.start)
        if made.decision.wake_at is not None:
            wake_ns = min(wake_ns, to_ns(made.decision.wake_at))
        return Turn(decided=(made,), wake_ns=max(wake_ns, now_ns + 1))


def _decide(
    work: Work, now_ns: int, reading: Reading | None, asked: Question, decide: Callable[[Question], Decision]
) -> Decided:
    decision = decide(asked)
    work.plan_for(decision, now_ns, reading, usable=was_planned(decision))
    return Decided(work, asked, decision)

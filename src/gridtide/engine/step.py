"""What one cycle of the engine returns: what to do, what was decided and why, and when to look again."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from gridtide.domain.effect import Verb
from gridtide.domain.instants import from_ns
from gridtide.engine.work import NEVER_NS

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from gridtide.domain.decision import Decision
    from gridtide.domain.effect import EffectKey
    from gridtide.engine.work import Work
    from gridtide.planning.question import Question

__all__ = ["Decided", "Order", "Step"]


class Order(NamedTuple):
    """
    One effect to carry out.

    Attributes:
        work: On which piece of work.
        verb: What to do.
        forced: Whether its latest start demands it, which for hard and soft work is its release: then it is
            carried out even when nothing can be written down.
    """

    work: Work
    verb: Verb = Verb.START
    forced: bool = False

    @property
    def key(self) -> EffectKey:
        """Name of the effect, for the journal and the executor."""
        return self.work.key(self.verb)


class Decided(NamedTuple):
    """A decision that was made in this cycle, with all that it depended on."""

    work: Work
    question: Question
    decision: Decision


class Step(NamedTuple):
    """
    Result of one cycle.

    Attributes:
        orders: Effects to carry out, the most urgent first.
        decided: Decisions made, to be recorded.
        faults: What went wrong inside, in words; the work concerned keeps its latest start.
        wake_ns: When to call again at the latest. [ns]
    """

    orders: Sequence[Order]
    decided: Sequence[Decided]
    faults: Sequence[str] = ()
    wake_ns: int = NEVER_NS

    @property
    def wake_at(self) -> datetime | None:
        """When to call again at the latest; None when nothing waits. Cut upwards, so that it is due by then."""
        return None if self.wake_ns == NEVER_NS else from_ns(self.wake_ns + 999)

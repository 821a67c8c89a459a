"""
A piece of work inside the engine: where it stands, what is planned for it, when to look at it again.

The one mutable value of the room. It changes by the named transitions below only, and holds integers [ns] rather than
datetimes, so that a simulation can push millions of them through the engine.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from enum import IntEnum
from typing import TYPE_CHECKING, Final

from gridtide.domain.effect import EffectKey, Verb
from gridtide.domain.instants import duration_ns, from_ns, to_ns

if TYPE_CHECKING:
    from gridtide.domain.decision import Decision
    from gridtide.domain.ports import Reading
    from gridtide.domain.workload import Workload

__all__ = ["NEVER_NS", "Stage", "Work"]

NEVER_NS: Final = 2**63 - 1
"""Later than any instant. [ns]"""


class Stage(IntEnum):
    """Where a piece of work stands, in order."""

    WAITING = 0
    ORDERED = 1
    RUNNING = 2
    PAUSED = 3
    OVER = 4


@dataclass(slots=True, eq=False)
class Work:
    """
    One occurrence of a workload.

    Args:
        id: Of the workload.
        occurrence: Which run of it.
        latest_ns: Latest start, fixed when the work was accepted. [ns]
        forced_ns: When the engine starts it whatever is known; at or before *latest_ns*. [ns]
        workload: What was accepted; None for work whose start is given.
        zone: Key of the readings it is planned on.
        also: Keys of further readings that bear on it: those of places it may move to.
        priority: Higher goes first.
        planned_ns: Start of the standing plan; None before the first. [ns]
        tie: Seeded number that orders equals.
    """

    id: str
    occurrence: str
    latest_ns: int
    forced_ns: int
    workload: Workload | None = None
    zone: str = ""
    also: tuple[str, ...] = ()
    priority: int = 0
    planned_ns: int | None = None
    tie: int = 0
    stage: Stage = Stage.WAITING
    epoch: int = 0
    wake_ns: int = NEVER_NS
    due_ns: int = NEVER_NS
    queued: bool = False
    busy: bool = False
    planned_since_ns: int | None = None
    planned_on: Reading | None = None
    no_data_since_ns: int | None = None
    stretches: tuple[tuple[int, int], ...] = ()
    piece_ns: int | None = None
    ran_ns: int = 0
    pieces: int = 0
    decision: Decision | None = None
    budget_from_ns: int | None = None

    def key(self, verb: Verb = Verb.START) -> EffectKey:
        """Name of the next effect on this work; pauses count by pieces."""
        return EffectKey(self.id, self.occurrence, self.epoch if verb is Verb.START else self.pieces, verb)

    # -- reading ---------------------------------------------------------------------------------------------------

    @property
    def may_pause(self) -> bool:
        """Whether it may be cut into one more piece."""
        work = self.workload
        return work is not None and work.interruptible and (work.max_pieces is None or self.pieces < work.max_pieces)

    def is_due_as_planned(self, now_ns: int, reading: Reading | None) -> bool:
        """Whether its planned start has come, nothing was learnt since it was planned and no budget holds it back."""
        return self.due_ns <= now_ns and self.planned_on is reading and self.budget_from_ns is None

    def left_ns(self, now_ns: int) -> int:
        """Running time still to come, by the stated duration and resume costs. [ns]"""
        if self.workload is None:
            return 0
        ran = self.ran_ns + (now_ns - self.piece_ns if self.piece_ns is not None else 0)
        resumes = max(0, self.pieces - (0 if self.stage is Stage.PAUSED else 1))
        return duration_ns(self.workload.duration) + resumes * duration_ns(self.workload.suspend_cost) - ran

    def finish_ns(self) -> int:
        """When it must be finished. [ns]"""
        assert self.workload is not None  # noqa: S101 - only planned work is asked
        return self.latest_ns + duration_ns(self.workload.duration)

    def rest(self, now_ns: int) -> Workload | None:
        """What is left of the workload, as one to plan on; None when the stated duration is used up."""
        left = self.left_ns(now_ns)
        if self.workload is None or left < 1000:
            return None
        pieces = self.workload.max_pieces
        used = self.pieces - (1 if self.stage is Stage.RUNNING else 0)
        return replace(
            self.workload,
            duration=from_ns(left) - from_ns(0),
            release=None,
            max_delay=None,
            deadline=from_ns(self.finish_ns()),
            reserve=timedelta(0),
            max_pieces=None if pieces is None else max(1, pieces - used),
            power_profile_w=(),
        )

    # -- transitions -----------------------------------------------------------------------------------------------

    def plan_for(self, decision: Decision, now_ns: int, reading: Reading | None, *, usable: bool) -> None:
        """Take a decision; the age of a plan counts from the last change of its start."""
        self.decision = decision
        self.planned_on = reading
        if usable:
            self.no_data_since_ns = None
        elif self.no_data_since_ns is None:
            self.no_data_since_ns = now_ns
        if decision.signal is None or decision.start is None:
            return
        start_ns = to_ns(decision.start)
        self.stretches = tuple((to_ns(i.start), to_ns(i.end)) for i in decision.intervals)
        if self.planned_ns != start_ns:
            self.planned_ns = start_ns
            self.planned_since_ns = now_ns

    def order(self) -> None:
        """Its start was handed to whoever acts."""
        self.stage = Stage.ORDERED
        self.wake_ns = NEVER_NS
        self.queued = False

    def begin(self, now_ns: int) -> None:
        """It runs, for the first time or again."""
        self.stage = Stage.RUNNING
        self.piece_ns = now_ns
        self.pieces += 1

    def halt(self, now_ns: int) -> None:
        """It stands still and keeps what it has done; what is left fixes when it must go on."""
        self.ran_ns += now_ns - (self.piece_ns if self.piece_ns is not None else now_ns)
        self.piece_ns = None
        self.stage = Stage.PAUSED
        self.forced_ns = self.finish_ns() - self.left_ns(now_ns)

    def hand_back(self, *, epoch: int | None = None) -> None:
        """The start did not happen; it waits again."""
        self.stage = Stage.WAITING
        self.epoch = self.epoch if epoch is None else epoch

    def forget_plan(self) -> None:
        """What was planned cannot be; whatever is planned next replaces it at once."""
        self.planned_on = self.planned_ns = self.planned_since_ns = None
        self.stretches = ()

    def end(self) -> None:
        """Nothing more happens to it."""
        self.stage = Stage.OVER
        self.wake_ns = NEVER_NS
        self.piece_ns = None

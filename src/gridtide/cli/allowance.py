"""
What one run draws from its carbon budget: reserved before the wait, settled with what it really cost.

A budget never strands a job: one that delays does so up to the latest start, and a budget file that cannot be used is
pointed out and left alone. What a killed process had reserved is put right by the next one that looks.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from ulid import ULID

from gridtide.accounting import energy
from gridtide.api import wiring
from gridtide.cli import payload
from gridtide.cli.bounded import spare_s, within
from gridtide.cli.errors import Usage
from gridtide.domain.decision import Reason
from gridtide.domain.effect import EffectState, Verb
from gridtide.domain.errors import BudgetExhausted, CarbonError, JournalUnavailable
from gridtide.ledger.budgets import BudgetBook, Holder
from gridtide.ledger.journal import Journal
from gridtide.ledger.owner import this_owner

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from gridtide.accounting.budget import Admission, Budget
    from gridtide.cli import shapes
    from gridtide.cli.job import Job
    from gridtide.cli.output import Output
    from gridtide.cli.session import Session
    from gridtide.config.settings import Settings
    from gridtide.domain.decision import Decision
    from gridtide.engine.loop import Owner
    from gridtide.engine.work import Work
    from gridtide.ledger.records import Outcome

__all__ = ["UNKNOWN_G_PER_KWH", "Allowance", "draw_on", "reclaim", "rehearse"]

UNKNOWN_G_PER_KWH: Final = 1000.0
"""What a run counts with where nothing is known about the grid: about the dirtiest there is. [gCO2eq/kWh]"""

_ASK_AGAIN: Final = timedelta(minutes=1)
_ASK_AGAIN_S: Final = 0.25
_AFTER_ITS_END: Final = timedelta(days=1)
_SETTLE_S: Final = 5.0


@dataclass(eq=False, kw_only=True)
class Allowance:
    """
    Grams of one run.

    Args:
        book: Where budgets are kept.
        budget: On which it draws.
        holder: Who settles it.
        grams: Reserved, or asked for. [gCO2eq]
        answer: What the budget said last.
        warn: Says what the reader should know.
    """

    book: BudgetBook
    budget: Budget
    holder: Holder
    grams: float
    answer: Admission
    warn: Callable[[str], None]
    reservation: str = field(default_factory=lambda: str(ULID()))
    settled_g: float | None = field(default=None, init=False)
    _began: bool = field(default=False, init=False)
    _asking: asyncio.Task[None] | None = field(default=None, init=False)

    def follow(self, owner: Owner, work: Work, *, pause: timedelta) -> None:
        """Hold *work* back for as long as the budget cannot pay, asking again now and then."""
        if self.answer.admitted:
            return
        held = self._affordable_at(work)
        owner.hold(work, held)
        self._asking = asyncio.create_task(self._ask(owner, work, held, max(_ASK_AGAIN, pause)))

    async def started(self, decision: Decision | None, *, now: datetime) -> None:
        """The work runs, whatever the budget says: from now on its grams are counted."""
        self._began = True
        self._stop_asking()
        if not self.answer.admitted:
            self._take_grams_of(decision)
            await self._admit(now, forced=True)

    async def settle(self, outcome: Outcome | None, *, started: bool, now: datetime) -> None:
        """Replace what was reserved by what the run cost: realised, else planned, else as reserved."""
        self._stop_asking()
        if not self.answer.admitted:
            return
        saving = None if outcome is None else outcome.realised or outcome.planned
        grams = None if saving is None else saving.run.grams
        spent = 0.0 if not started else self.grams if grams is None else max(0.0, grams)
        at_once = None if saving is None or not started else saving.against.grams
        with suppress(TimeoutError):
            async with asyncio.timeout(_SETTLE_S):
                await asyncio.to_thread(self._settle, spent, at_once, now)

    def give_back(self, *, now: datetime) -> None:
        """After a fault before the start; work that began stays reserved, and the next process counts it."""
        if self.answer.admitted and not self._began:
            self._settle(0.0, None, now)

    def shape(self) -> shapes.BudgetUseShape:
        """What was drawn, for programs."""
        return {
            "name": self.budget.name,
            "mode": str(self.budget.mode),
            "verdict": self.answer.verdict,
            "message": self.answer.message,
            "reserved_g": round(self.grams, 6) if self.answer.admitted else 0.0,
            "settled_g": None if self.settled_g is None else round(self.settled_g, 6),
            "affordable_at": payload.instant(self.answer.affordable_at),
        }

    def in_words(self) -> str:
        """What was drawn, for people."""
        if self.settled_g is None:
            return f"{self.budget.name}: {self.grams:.3g} g reserved"
        return f"{self.budget.name}: {self.settled_g:.3g} g of {self.grams:.3g} g reserved"

    # -- inside ----------------------------------------------------------------------------------------------------

    async def _ask(self, owner: Owner, work: Work, held: datetime, pause: timedelta) -> None:
        while True:
            now = owner.now()
            await owner.clock.sleep_until(min(max(self._affordable_at(work), now + pause / 60), now + pause))
            self._take_grams_of(work.decision)
            if await self._admit(owner.now()):
                owner.afford(work)
                return
            affordable = self._affordable_at(work)
            if abs(affordable - held) >= _ASK_AGAIN:  # each change is planned anew and recorded
                owner.hold(work, affordable)
                held = affordable

    async def _admit(self, now: datetime, *, forced: bool = False) -> bool:
        try:
            self.answer = await asyncio.to_thread(
                self.book.admit, self.budget, self.reservation, self.grams, now=now, forced=forced, holder=self.holder
            )
        except JournalUnavailable as error:
            self.warn(f"the budget cannot be asked: {error.message}")
        if forced and self.answer.admitted and self.answer.message:
            self.warn(f"it started at its latest start; {self.answer.message}")
        return self.answer.admitted

    def _settle(self, spent_g: float, run_now_g: float | None, now: datetime) -> None:
        try:
            self.book.settle(self.budget, self.reservation, spent_g, now=now, run_now_g=run_now_g)
            self.settled_g = spent_g
        except CarbonError as error:
            self.warn(f"what it cost could not be counted: {error.message}")

    def _take_grams_of(self, decision: Decision | None) -> None:
        """Ask for what the work would cost if it were let go now, not for what it costs while it is held back."""
        held = decision is not None and decision.reason is Reason.BUDGET_EXHAUSTED and decision.alternatives
        plan = decision.alternatives[0] if decision is not None and held else decision
        if plan is not None and plan.grams is not None:
            self.grams = max(0.0, plan.grams)

    def _affordable_at(self, work: Work) -> datetime:
        from gridtide.domain.instants import from_ns  # noqa: PLC0415 - a plain conversion

        latest = from_ns(work.forced_ns)
        return latest if self.answer.affordable_at is None else min(self.answer.affordable_at, latest)

    def _stop_asking(self) -> None:
        if self._asking is not None:
            self._asking.cancel()
            self._asking = None


def draw_on(session: Session, job: Job, occurrence: str) -> Allowance | None:
    """
    Reserve what *job* is going to cost; None where no budget is named, or its file cannot be used.

    Raises:
        Usage: The power of the job is not known.
        InvalidInput: There is no such budget.
        BudgetExhausted: The budget turns the job down.
    """
    opened = _open(session, job)
    if opened is None:
        return None
    book, budget = opened
    now = session.clock.now()
    grams = _expected_grams(session, job)
    workload = job.workload
    end = (workload.latest_start(now) or now) + workload.duration + workload.reserve
    holder = Holder(workload.id, occurrence, this_owner(), end + _AFTER_ITS_END)
    reservation = str(ULID())
    try:
        answer = book.admit(budget, reservation, grams, now=now, holder=holder)
    except JournalUnavailable as error:
        session.say.warn(f"the run is not counted: {error.message}")
        return None
    if answer.verdict == "refuse":
        raise _turned_down(answer, budget)
    if answer.message:
        session.say.warn(answer.message if answer.admitted else _delay(answer, session))
    return Allowance(
        book=book, budget=budget, holder=holder, grams=grams, answer=answer, warn=session.say.warn,
        reservation=reservation,
    )  # fmt: skip


def rehearse(session: Session, job: Job, decision: Decision) -> shapes.BudgetUseShape | None:
    """What the budget would say to *decision*; nothing is reserved."""
    opened = _open(session, job)
    if opened is None:
        return None
    book, budget = opened
    grams = _grams_of(session, job, decision)
    answer = book.would_admit(budget, grams, now=session.now)
    if answer.message:
        session.say.warn(answer.message)
    allowance = Allowance(
        book=book, budget=budget, holder=Holder("", "", "", session.now), grams=grams, answer=answer,
        warn=session.say.warn,
    )  # fmt: skip
    return allowance.shape()


def reclaim(book: BudgetBook, budget: Budget, settings: Settings, *, now: datetime, say: Output) -> None:
    """Put right what killed processes had reserved, by what the journal knows of their work."""
    path = wiring.journal_path(settings)

    def began(workload: str, occurrence: str) -> bool:
        if path is None or not path.exists():
            return True
        with Journal(path) as journal:
            if journal.in_memory:
                return True
            intents = journal.intents(workload, occurrence)
        return any(i.key.verb is Verb.START and i.state is not EffectState.FAILED for i in intents)

    for closed in book.reclaim(budget, now=now, began=began):
        counted = f"counted with {closed.spent_g:.3g} g" if closed.spent_g else "given back, as it never started"
        say.warn(f"budget {budget.name!r}: a run of {closed.workload} ended without a word; it is {counted}")


def _open(session: Session, job: Job) -> tuple[BudgetBook, Budget] | None:
    name = session.settings.policies.budget
    if not name:
        return None
    if job.workload.power_w is None and not job.workload.power_profile_w:
        raise Usage(
            "a budget counts grams, but the power of the job is not known",
            hint="add --power W, or the machine it occupies, like --vcpus 8",
            field="--power",
        )
    try:
        book = wiring.build_budgets(session.settings)
        budget = book.find(name)
        reclaim(book, budget, session.settings, now=session.now, say=session.say)
    except JournalUnavailable as error:
        session.say.warn(f"the run is not counted: {error.message}")
        return None
    return book, budget


def _expected_grams(session: Session, job: Job) -> float:
    """Grams of the plan as it stands now; a source that is slow to answer does not hold the job up."""

    def read() -> Decision | None:
        with suppress(CarbonError):  # it is read again by whoever waits, and said there
            reading = session.read(ahead=job.ahead, back=job.back)
            return wiring.decide(job.workload, reading, now=session.now, method=job.method, options=job.options)
        return None

    return _grams_of(session, job, within(spare_s(session, job.workload.latest_start(session.now)), read))


def _grams_of(session: Session, job: Job, made: Decision | None) -> float:
    if made is not None and made.grams is not None:
        return max(0.0, made.grams)
    workload = job.workload
    used = energy.constant(workload.power_w or 0.0, workload.duration, pue=workload.pue)
    session.say.warn(f"the emissions of the run are not known, so it counts with {UNKNOWN_G_PER_KWH:g} gCO2eq/kWh")
    return used.kwh * UNKNOWN_G_PER_KWH


def _delay(answer: Admission, session: Session) -> str:
    from gridtide.cli.wording import when  # noqa: PLC0415 - for people only

    if answer.affordable_at is None:
        return f"{answer.message}; it waits up to its latest start"
    return f"{answer.message}; it waits until {when(answer.affordable_at, session.shown_timezone)} or its latest start"


def _turned_down(answer: Admission, budget: Budget) -> BudgetExhausted:
    return BudgetExhausted(
        answer.message,
        hint=f"`gridtide budget show {budget.name}` tells what is left and when it ends",
        field="--budget",
        value=budget.name,
    )

"""
What one run draws from its carbon budget: reserved before the wait, settled with what it really cost.

A budget never strands a job: one that delays does so up to the latest start, and a budget file that cannot be used is
pointed out and left alone. What a killed process had reserved is put right by the next one that looks.

A door opens the budget first (`open_budget`), then reads what the run is likely to cost, then reserves it (`reserve`).
"""

from __future__ import annotations

import asyncio
import shlex
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from ulid import ULID

from gridtide.accounting import energy
from gridtide.api import wiring
from gridtide.domain.decision import Reason
from gridtide.domain.effect import EffectState, Verb
from gridtide.domain.errors import BudgetExhausted, CarbonError, InvalidInput, JournalUnavailable
from gridtide.domain.instants import from_ns
from gridtide.ledger.budgets import BudgetBook, Holder
from gridtide.ledger.journal import Journal
from gridtide.ledger.owner import this_owner

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from gridtide.accounting.budget import Admission, Budget
    from gridtide.config.settings import Settings
    from gridtide.domain.decision import Decision
    from gridtide.domain.workload import Workload
    from gridtide.engine.loop import Owner
    from gridtide.engine.work import Work
    from gridtide.ledger.records import Outcome

__all__ = ["UNKNOWN_G_PER_KWH", "Allowance", "expected_grams", "open_budget", "reclaim", "reserve", "would_reserve"]

UNKNOWN_G_PER_KWH: Final = 1000.0
"""What a run counts with where nothing is known about the grid: about the dirtiest there is. [gCO2eq/kWh]"""

_ASK_AGAIN: Final = timedelta(minutes=1)
_AFTER_ITS_END: Final = timedelta(days=1)
_PATIENCE_S: Final = 5.0
"""How long a start or an end waits for the file of the budgets. [s]"""


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
    _unanswered: asyncio.Future[Admission] | None = field(default=None, init=False)
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
            async with asyncio.timeout(_PATIENCE_S):
                await asyncio.to_thread(self._settle, spent, at_once, now)

    def give_back(self, *, now: datetime) -> None:
        """After a fault before the start; work that began stays reserved, and the next process counts it."""
        if self.answer.admitted and not self._began:
            self._settle(0.0, None, now)

    async def ask(self, decision: Decision | None, *, now: datetime) -> bool:
        """Ask again for work that is held back, with the grams that *decision* would cost; whether it may go now."""
        self._take_grams_of(decision)
        return await self._admit(now)

    def affordable_by(self, latest: datetime) -> datetime:
        """When the budget may pay, as far as it can say; work with that latest start waits no longer than that."""
        return latest if self.answer.affordable_at is None else min(self.answer.affordable_at, latest)

    # -- inside ----------------------------------------------------------------------------------------------------

    async def _ask(self, owner: Owner, work: Work, held: datetime, pause: timedelta) -> None:
        while True:
            now = owner.now()
            await owner.clock.sleep_until(min(max(self._affordable_at(work), now + pause / 60), now + pause))
            if await self.ask(work.decision, now=owner.now()):
                owner.afford(work)
                return
            affordable = self._affordable_at(work)
            if abs(affordable - held) >= _ASK_AGAIN:  # each change is planned anew and recorded
                owner.hold(work, affordable)
                held = affordable

    async def _admit(self, now: datetime, *, forced: bool = False) -> bool:
        if self._unanswered is not None:  # one thread that a slow disk holds up is enough
            answered, _ = await asyncio.wait({self._unanswered}, timeout=_PATIENCE_S if forced else 0)
            if not answered:
                return self.answer.admitted
        question = asyncio.to_thread(
            self.book.admit, self.budget, self.reservation, self.grams, now=now, forced=forced, holder=self.holder
        )
        self._unanswered = asked = asyncio.ensure_future(question)
        asked.add_done_callback(lambda done: done.cancelled() or done.exception())
        try:
            self.answer = await asyncio.wait_for(asyncio.shield(asked), _PATIENCE_S)
        except JournalUnavailable as error:
            self.warn(f"the budget cannot be asked: {error.message}")
        except TimeoutError:
            self.warn(f"the budget cannot be asked: no answer within {_PATIENCE_S:g} s")
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
        return self.affordable_by(from_ns(work.forced_ns))

    def _stop_asking(self) -> None:
        if self._asking is not None:
            self._asking.cancel()
            self._asking = None


def open_budget(
    settings: Settings, workload: Workload, *, now: datetime, warn: Callable[[str], None]
) -> tuple[BudgetBook, Budget] | None:
    """
    Budget that *settings* name, and the book it is in; None where none is named, or its file cannot be used.

    Args:
        settings: Name of the budget and place of its file.
        workload: What is to draw on it.
        now: The instant of asking.
        warn: Says what the reader should know.

    Raises:
        InvalidInput: The power of the work is not known, or there is no such budget.
    """
    name = settings.policies.budget
    if not name:
        return None
    if workload.mean_power_w is None:
        raise InvalidInput(
            "a budget counts grams, but the power of the work is not known",
            hint="say power_w, or the machine it occupies, like vcpus=8",
            field="power_w",
        )
    try:
        book = wiring.build_budgets(settings)
        budget = book.find(name)
        reclaim(book, budget, settings, now=now, warn=warn)
    except JournalUnavailable as error:
        warn(f"the run is not counted: {error.message}")
        return None
    return book, budget


def reserve(
    opened: tuple[BudgetBook, Budget],
    workload: Workload,
    occurrence: str,
    *,
    grams: float,
    now: datetime,
    warn: Callable[[str], None],
) -> Allowance | None:
    """
    Reserve what a run is going to cost; None where the file cannot be written.

    Args:
        opened: As `open_budget` gave it.
        workload: What draws on it.
        occurrence: Which run of it.
        grams: As `expected_grams` gave them. [gCO2eq]
        now: The instant of asking.
        warn: Says what the reader should know.

    Raises:
        BudgetExhausted: The budget turns the work down.
    """
    book, budget = opened
    end = (workload.latest_start(now) or now) + workload.duration + workload.reserve
    holder = Holder(workload.id, occurrence, this_owner(), end + _AFTER_ITS_END)
    reservation = str(ULID())
    try:
        answer = book.admit(budget, reservation, grams, now=now, holder=holder)
    except JournalUnavailable as error:
        warn(f"the run is not counted: {error.message}")
        return None
    if answer.verdict == "refuse":
        raise _turned_down(answer, budget)
    if answer.message and answer.admitted:
        warn(answer.message)
    return Allowance(
        book=book, budget=budget, holder=holder, grams=grams, answer=answer, warn=warn, reservation=reservation
    )


def would_reserve(
    opened: tuple[BudgetBook, Budget], *, grams: float, now: datetime, warn: Callable[[str], None]
) -> Allowance:
    """What the budget would say to a run of *grams*; nothing is reserved."""
    book, budget = opened
    answer = book.would_admit(budget, grams, now=now)
    if answer.message:
        warn(answer.message)
    return Allowance(book=book, budget=budget, holder=Holder("", "", "", now), grams=grams, answer=answer, warn=warn)


def expected_grams(workload: Workload, made: Decision | None, *, warn: Callable[[str], None]) -> float:
    """What *made* would cost; at about the dirtiest grid there is where nobody knows. [gCO2eq]"""
    if made is not None and made.grams is not None:
        return max(0.0, made.grams)
    used = energy.constant(workload.mean_power_w or 0.0, workload.duration, pue=workload.pue)
    warn(f"the emissions of the run are not known, so it counts with {UNKNOWN_G_PER_KWH:g} gCO2eq/kWh")
    return used.kwh * UNKNOWN_G_PER_KWH


def reclaim(
    book: BudgetBook, budget: Budget, settings: Settings, *, now: datetime, warn: Callable[[str], None]
) -> None:
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
        warn(f"budget {budget.name!r}: a run of {closed.workload} ended without a word; it is {counted}")


def _turned_down(answer: Admission, budget: Budget) -> BudgetExhausted:
    return BudgetExhausted(
        answer.message,
        hint=f"`gridtide budget show {shlex.quote(budget.name)}` tells what is left and when it ends",
        field="budget",
        value=budget.name,
    )

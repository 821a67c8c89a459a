"""``--budget``: what a run draws from its carbon budget, in the words of its flags; see `gridtide.api.allowance`."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from gridtide.api import allowance, wiring
from gridtide.cli import payload
from gridtide.cli.bounded import spare_s, within
from gridtide.cli.errors import Usage
from gridtide.domain.errors import BudgetExhausted, CarbonError, InvalidInput

if TYPE_CHECKING:
    from gridtide.accounting.budget import Admission, Budget
    from gridtide.api.allowance import Allowance
    from gridtide.cli import shapes
    from gridtide.cli.job import Job
    from gridtide.cli.session import Session
    from gridtide.domain.decision import Decision
    from gridtide.ledger.budgets import BudgetBook

__all__ = ["draw_on", "in_words", "rehearse", "shape"]


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
    now = session.clock.now()
    grams = allowance.expected_grams(job.workload, _plan(session, job), warn=session.say.warn)
    try:
        drawn = allowance.reserve(opened, job.workload, occurrence, grams=grams, now=now, warn=session.say.warn)
    except BudgetExhausted as error:
        error.facts["field"] = "--budget"
        raise
    if drawn is not None and not drawn.answer.admitted:
        session.say.warn(_delay(drawn.answer, session))
    return drawn


def rehearse(session: Session, job: Job, decision: Decision) -> shapes.BudgetUseShape | None:
    """What the budget would say to *decision*; nothing is reserved."""
    opened = _open(session, job)
    if opened is None:
        return None
    grams = allowance.expected_grams(job.workload, decision, warn=session.say.warn)
    return shape(allowance.would_reserve(opened, grams=grams, now=session.now, warn=session.say.warn))


def shape(drawn: Allowance) -> shapes.BudgetUseShape:
    """What was drawn, for programs."""
    return {
        "name": drawn.budget.name,
        "mode": str(drawn.budget.mode),
        "verdict": drawn.answer.verdict,
        "message": drawn.answer.message,
        "reserved_g": round(drawn.grams, 6) if drawn.answer.admitted else 0.0,
        "settled_g": None if drawn.settled_g is None else round(drawn.settled_g, 6),
        "affordable_at": payload.instant(drawn.answer.affordable_at),
    }


def in_words(drawn: Allowance) -> str:
    """What was drawn, for people."""
    if drawn.settled_g is None:
        return f"{drawn.budget.name}: {drawn.grams:.3g} g reserved"
    return f"{drawn.budget.name}: {drawn.settled_g:.3g} g of {drawn.grams:.3g} g reserved"


def _open(session: Session, job: Job) -> tuple[BudgetBook, Budget] | None:
    try:
        return allowance.open_budget(session.settings, job.workload, now=session.now, warn=session.say.warn)
    except InvalidInput as error:
        if error.facts.get("field") != "power_w":
            raise
        raise Usage(
            error.message, hint="add --power W, or the machine it occupies, like --vcpus 8", field="--power"
        ) from None


def _plan(session: Session, job: Job) -> Decision | None:
    """The plan as it stands now; a source that is slow to answer does not hold the job up."""

    def read() -> Decision | None:
        with suppress(CarbonError):  # it is read again by whoever waits, and said there
            reading = session.read(ahead=job.ahead, back=job.back)
            return wiring.decide(job.workload, reading, now=session.now, method=job.method, options=job.options)
        return None

    return within(spare_s(session, job.workload.latest_start(session.now)), read)


def _delay(answer: Admission, session: Session) -> str:
    from gridtide.cli.wording import when  # noqa: PLC0415 - for people only

    if answer.affordable_at is None:
        return f"{answer.message}; it waits up to its latest start"
    return f"{answer.message}; it waits until {when(answer.affordable_at, session.shown_timezone)} or its latest start"

"""What ``run`` and ``wait`` share: from their flags to an errand that has ended, and to the answer about it."""

from __future__ import annotations

import asyncio
import os
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from ulid import ULID

from gridtide.api import wiring
from gridtide.cli import allowance as budgets
from gridtide.cli import payload, story, wording
from gridtide.cli.countdown import Countdown
from gridtide.cli.errand import Errand, reacher
from gridtide.cli.errors import Usage
from gridtide.cli.interrupts import Interrupts
from gridtide.cli.job import Job, draw_in_words, job_settings, read_job, warn_about
from gridtide.cli.output import AnswerLost, silence_stdout
from gridtide.cli.session import Session
from gridtide.domain.effect import EffectKey, EffectState, Receipt, Verb, check_name
from gridtide.domain.errors import Conflict, InvalidInput
from gridtide.executors.local import LocalProcess

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from gridtide.api.allowance import Allowance
    from gridtide.cli.options import JobOptions, MethodOptions, OutputOptions, SignalOptions
    from gridtide.domain.ports import Clock, GridData
    from gridtide.ledger.journal import Journal

__all__ = ["Gate", "answer", "carry_out", "default_name", "open_job", "rehearse"]

_CLOSE_S: Final = 2.0


class Gate:
    """Executor of a wait without a command: to start is to let go."""

    idempotent = True

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    async def start(self, key: EffectKey) -> Receipt:
        """Open."""
        return Receipt(ref=key.token, at=self._clock.now())


def open_job(
    command: str,
    job: JobOptions,
    how: MethodOptions,
    where: SignalOptions,
    say: OutputOptions,
    *,
    name: str,
    clock_speed: float | None,
    duration: str | None = None,
    learn: bool = False,
    budget: str | None = None,
) -> tuple[Session, Job]:
    """Session and job of a command that waits."""
    if clock_speed is not None and where.at is None:
        raise Usage("--clock-speed is about a clock that --at starts", hint="add --at TIME", field="--clock-speed")
    speed = 1.0 if clock_speed is None else clock_speed
    if not 0 < speed <= 1e6:
        raise Usage(f"--clock-speed is {speed:g}; allowed: above 0, up to 1000000", field="--clock-speed")
    overrides = {**job_settings(job, how), "policies.budget": budget}
    session = Session(command, where, say, overrides=overrides, speed=speed)
    asked = read_job(session, job, how, name=_checked(name, "--name"), duration=duration, learn=learn)
    if asked.draw is not None and asked.draw.relative_error:
        session.say.note(f"{asked.workload.id}: draws {draw_in_words(asked.draw)}")
    return session, asked


def carry_out(
    session: Session,
    job: Job,
    *,
    argv: Sequence[str] | None,
    once: str | None = None,
    patience: timedelta | None = None,
) -> Errand:
    """Wait, and run *argv* if there is one, on the budget in the settings; returns when all is over."""
    occurrence = str(ULID()) if once is None else _checked(once, "--once")
    with wiring.journal_in_time(session.settings, warn=session.say.warn) as journal:
        for notice in journal.notices:
            session.say.warn(notice)
        if once is not None:
            _require_free(journal, job.workload.id, occurrence, session)
        told = len(journal.notices)
        allowance = None if argv is None else budgets.draw_on(session, job, occurrence)
        try:
            errand = asyncio.run(
                _carry_out(
                    session, job, journal, occurrence=occurrence, argv=argv, patience=patience, allowance=allowance
                )
            )
        except BaseException:
            if allowance is not None:
                allowance.give_back(now=session.clock.now())
            raise
        for notice in journal.notices[told:]:
            session.say.warn(notice)
    return errand


async def _carry_out(
    session: Session,
    job: Job,
    journal: Journal,
    *,
    occurrence: str,
    argv: Sequence[str] | None,
    patience: timedelta | None,
    allowance: Allowance | None,
) -> Errand:
    process = None if argv is None else LocalProcess(argv, clock=session.clock)
    async with _sources(session) as grid:
        errand = Errand(
            session=session,
            job=job,
            occurrence=occurrence,
            executor=process or Gate(session.clock),
            process=process,
            grid=grid,
            journal=journal,
            show=Countdown(session.say, name=job.workload.id, timezone=session.shown_timezone),
            pauses=process is not None and job.workload.interruptible,
            allowance=allowance,
            reach=reacher(),
        )
        with Interrupts(errand, process):
            giving_up = asyncio.create_task(_give_up(session, errand, patience)) if patience is not None else None
            try:
                await errand.run()
            finally:
                if giving_up is not None:
                    giving_up.cancel()
    return errand


@asynccontextmanager
async def _sources(session: Session) -> AsyncIterator[GridData]:
    """Grid data for a wait; closing them can neither fail nor hold up the command's exit code."""
    opened = AsyncExitStack()
    grid = await opened.enter_async_context(wiring.open_grid(session.settings, session.clock, given=session.given))
    try:
        yield grid
    finally:
        with suppress(Exception):
            async with asyncio.timeout(_CLOSE_S):
                await opened.aclose()


async def _give_up(session: Session, errand: Errand, patience: timedelta) -> None:
    await session.clock.sleep_until(session.now + patience)
    errand.stop(None)


def rehearse(session: Session, job: Job) -> int:
    """Say what would be done now; nothing is opened for writing."""
    reading = session.read(ahead=job.ahead, back=job.back)
    session.require_file(reading, covers_now=False)
    made = wiring.decide(job.workload, reading, now=session.now, method=job.method, options=job.options)
    warn_about(session, job, reading, made)
    drawn = budgets.rehearse(session, job, made)
    head = wording.headline(made, session.shown_timezone, now=session.now)
    lines = [f"{job.workload.id}: would {head}", *wording.fields(wording.source_lines(made.signal, reading))]
    session.say.answer(
        {
            "now": payload.instant(session.now),
            "id": "",
            "name": job.workload.id,
            "place": payload.place(session.place),
            "workload": payload.workload(job.workload),
            "power": payload.power(job.draw),
            "learned": payload.learned(job.learned),
            "dry_run": True,
            "started": False,
            "forced": False,
            "stopped_by": None,
            "exit_code": 0,
            "budget": drawn,
            "decision": payload.decision(made),
            "outcome": None,
            "signal": None if made.signal is None else payload.signal(made.signal),
            "freshness": payload.freshness(reading),
            "warnings": session.say.warnings,
        },
        lines,
    )
    return 0


def answer(session: Session, errand: Errand, *, code: int) -> None:
    """Tell how it went, in words or as an object; a reader that went away does not change the exit code."""
    try:
        _answer(session, errand, code=code)
    except BrokenPipeError:
        silence_stdout()
    except AnswerLost as lost:
        silence_stdout()
        session.say.warn(lost.message)


def _answer(session: Session, errand: Errand, *, code: int) -> None:
    outcome, made, reading = errand.outcome, errand.decision, errand.reading
    if session.say.as_json:
        session.say.answer(
            {
                "now": payload.instant(session.now),
                "id": errand.occurrence,
                "name": errand.job.workload.id,
                "place": payload.place(session.place),
                "workload": payload.workload(errand.job.workload),
                "power": payload.power(errand.job.draw),
                "learned": payload.learned(errand.job.learned),
                "dry_run": False,
                "started": errand.started,
                "forced": errand.forced,
                "stopped_by": None if errand.stopped_by is None else errand.stopped_by.name,
                "exit_code": code,
                "budget": None if errand.allowance is None else budgets.shape(errand.allowance),
                "decision": None if made is None else payload.decision(made),
                "outcome": story.outcome_payload(outcome),
                "signal": None if made is None or made.signal is None else payload.signal(made.signal),
                "freshness": None if reading is None else payload.freshness(reading),
                "warnings": session.say.warnings,
            },
            [],
        )
        return
    if outcome is None:
        return
    pairs = story.savings_fields(outcome) if errand.started else []
    if outcome.planned is not None:
        pairs += story.source_fields(outcome.planned.signal)
    if errand.allowance is not None and errand.started:
        pairs.append(("budget", budgets.in_words(errand.allowance)))
    session.say.note(f"{errand.job.workload.id}: {story.ending(outcome, session.shown_timezone)}")
    for line in wording.fields(pairs):
        session.say.note(line)


def _checked(name: str, flag: str) -> str:
    try:
        return check_name(name, field=flag)
    except InvalidInput as error:
        raise Usage(error.message, hint=error.hint, field=flag) from None


def _require_free(journal: Journal, name: str, occurrence: str, session: Session) -> None:
    """Say at once, not after the wait, that this key was used before."""
    if journal.in_memory:
        session.say.warn("--once holds for this command only, since no records are kept")
    for intent in journal.intents(name, occurrence):
        if intent.key.verb is Verb.START and intent.state in {EffectState.STARTED, EffectState.FINISHED}:
            raise Conflict(
                f"{name} was already started for the key {occurrence!r}",
                hint=f"`gridtide explain --id {occurrence}` tells what became of it",
                value=occurrence,
            )


def default_name(argv: Sequence[str]) -> str:
    """Name of a command in the records: the program's, without its folder and its arguments, which may hold secrets."""
    plain = "".join(c if c.isprintable() else "?" for c in os.path.basename(argv[0]))  # noqa: PTH119 - a name, no file
    return plain[:80] or "job"

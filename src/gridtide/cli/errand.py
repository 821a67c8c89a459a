"""
One piece of work from its acceptance to its end, as ``run`` and ``wait`` carry it.

Wires grid data, engine, executor and journal together, listens to what happens, and accounts for it at the end. It
decides nothing; but should the engine's owner itself fail, it still starts the work at its latest start.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from gridtide.accounting.savings import Power, Saving, run_time, saving_against_run_now
from gridtide.cli import wording
from gridtide.domain.decision import FreshnessStep
from gridtide.domain.effect import EffectState
from gridtide.domain.errors import CarbonError, Conflict
from gridtide.domain.instants import from_ns
from gridtide.domain.interval import Interval
from gridtide.domain.ports import SignalQuery
from gridtide.engine.engine import Engine, Policy
from gridtide.engine.feed import Pace
from gridtide.engine.loop import News, Owner, What
from gridtide.ledger.records import Ending, Outcome

if TYPE_CHECKING:
    from gridtide.api.allowance import Allowance
    from gridtide.cli.countdown import Countdown
    from gridtide.cli.job import Job
    from gridtide.cli.session import Session
    from gridtide.domain.decision import Decision
    from gridtide.domain.ports import Executor, GridData, Reading
    from gridtide.domain.series import Series
    from gridtide.engine.work import Work
    from gridtide.executors.local import LocalProcess
    from gridtide.ledger.journal import Journal

__all__ = ["FAILPOINT_VARIABLE", "Errand", "reacher"]

FAILPOINT_VARIABLE: Final = "GRIDTIDE_FAILPOINT"
"""Name of a step at which the process kills itself, to rehearse a crash; see `gridtide.engine.actor.FAILPOINTS`."""

_TRUTH_S: Final = 3.0
_TICK_S: Final = 1.0
_BRIEFLY_S: Final = 0.25
_USUAL_REFRESH: Final = timedelta(minutes=5)
_SHOWN_WHY: Final = 200


@dataclass(eq=False, kw_only=True)
class Errand:
    """
    One occurrence of one workload.

    Args:
        session: Settings, clock, place and voice.
        job: What to run and how to plan it.
        occurrence: Which run of it.
        executor: What starts it.
        process: The same, where it is a process to be watched; without one the work is over once it is started.
        grid: Who knows the signal.
        journal: Who remembers.
        show: Who shows the wait.
        pauses: Whether it may be paused.
        allowance: What it draws from a carbon budget; None where none is named.
        reach: Rehearses crashes.
    """

    session: Session
    job: Job
    occurrence: str
    executor: Executor
    process: LocalProcess | None = None
    grid: GridData
    journal: Journal
    show: Countdown
    pauses: bool = False
    allowance: Allowance | None = None
    reach: Callable[[str], None] = lambda _step: None
    decision: Decision | None = field(default=None, init=False)
    started: bool = field(default=False, init=False)
    forced: bool = field(default=False, init=False)
    exit_code: int | None = field(default=None, init=False)
    refusal: CarbonError | None = field(default=None, init=False)
    stopped_by: signal.Signals | None = field(default=None, init=False)
    reading: Reading | None = field(default=None, init=False)
    outcome: Outcome | None = field(default=None, init=False)
    _given_up: bool = field(default=False, init=False)
    _acting: bool = field(default=False, init=False)
    _first: Series | None = field(default=None, init=False)
    _plan: tuple[Decision, Series] | None = field(default=None, init=False)
    _work: Work | None = field(default=None, init=False)
    _watching: asyncio.Task[None] | None = field(default=None, init=False)
    _counting: asyncio.Task[None] | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        policy = Policy(method=self.job.method, options=self.job.options, pauses=self.pauses)
        self.owner = Owner(
            Engine(policy),
            self.executor,
            self.journal,
            self.grid,
            self.session.clock,
            tell=self._hear,
            pace=Pace(refresh=max(_USUAL_REFRESH, self._pause())),
            reach=self.reach,
        )

    def _pause(self) -> timedelta:
        """Shortest time between two questions, however fast the clock runs."""
        return timedelta(seconds=_BRIEFLY_S * getattr(self.session.clock, "speed", 1.0))

    # -- its life --------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Wait, start, watch until it is over, and account for it."""
        workload, now = self.job.workload, self.owner.now()
        self._work = self.owner.take(workload, self.occurrence, zone=self.session.place.zone.key, ask=self._ask)
        original_start = workload.release_at(now)
        await self.owner.write(lambda: self.journal.accept(workload.id, self.occurrence, at=now))
        if self.allowance is not None:
            self.allowance.follow(self.owner, self._work, pause=self._pause())
        ticking = asyncio.create_task(self._tick())
        try:
            await self._carry()
        finally:
            ticking.cancel()
            self.show.close()
        if not isinstance(self.refusal, Conflict):
            await self._conclude(original_start)
        await self._settle()

    async def _settle(self) -> None:
        """Tell the budget what it cost; a fault in that does not change how the work ended."""
        if self.allowance is None:
            return
        try:
            if self._counting is not None:
                await self._counting
            await self.allowance.settle(self.outcome, started=self.started, now=self.owner.now())
        except Exception as error:  # noqa: BLE001 - the command's exit code counts, whatever the budget
            self._warn(f"what it cost could not be counted: {type(error).__name__}: {error}")

    async def _conclude(self, original_start: datetime) -> None:
        """Account for it and keep that; a fault in the account does not change how it ended."""
        try:
            outcome = self.outcome = await self._account(original_start)
            await self.owner.write(lambda: self.journal.conclude(outcome))
        except Exception as error:  # noqa: BLE001 - the command's exit code counts, whatever the account
            self._warn(f"what came of it could not be worked out: {type(error).__name__}: {error}")

    @property
    def code(self) -> int:
        """Exit code: the command's own, or 128 + n when signal n ended the wait."""
        if self.exit_code is not None:
            return self.exit_code
        return 0 if self.stopped_by is None else 128 + self.stopped_by

    def stop(self, number: signal.Signals | None) -> None:
        """Give up the wait, for a signal or for lack of patience; the work does not start."""
        self._given_up = True
        self.stopped_by = self.stopped_by or number
        if self._work is not None:
            self.owner.cancel(self._work)

    async def _carry(self) -> None:
        try:
            await self.owner.run()
        except Exception as error:  # noqa: BLE001 - a fault of ours must not strand the job
            self._warn(f"the wait failed ({type(error).__name__}), so the job starts at its latest start")
            await self._last_resort()
        if self._watching is not None:
            await self._watching
        await self._stopped()

    async def _stopped(self) -> None:
        """After a signal that ended the wait: nothing is left behind, and nothing that began is left alone."""
        process, work = self.process, self._work
        if process is None or work is None or not self._given_up or self.started:
            return
        if process.has_begun:
            self.started = True
            process.send(self.stopped_by or signal.SIGTERM)
            self.exit_code = await process.wait()
            return
        process.abandon()
        await self.owner.recorder.failed(work.key(), at=self.owner.now(), detail=self._why_given_up())

    async def _last_resort(self) -> None:
        """Without an engine: start when nothing else is possible any more."""
        work = self._work
        if work is None or self.started or self._given_up:
            return
        workload, now = self.job.workload, self.owner.now()
        await self.session.clock.sleep_until(max(workload.latest_start(now) or now, workload.release_at(now)))
        if not self._given_up:
            await self.executor.start(work.key())
            self._begin()

    def _begin(self) -> None:
        self.started = True
        if self.allowance is not None:
            self._counting = asyncio.create_task(self.allowance.started(self.decision, now=self.owner.now()))
        self._watching = asyncio.create_task(self._until_over())

    async def _until_over(self) -> None:
        if self.process is not None:
            self.exit_code = await self.process.wait()
        if self._work is not None:
            detail = "" if self.exit_code is None else f"exit {self.exit_code}"
            await self.owner.finish(self._work, detail=detail)

    async def _tick(self) -> None:
        while True:
            self.show.tick(self.owner.now())
            await asyncio.sleep(_TICK_S)

    # -- listening -------------------------------------------------------------------------------------------------

    def _hear(self, news: News) -> None:
        if news.what is What.STARTING:
            self._acting = True
            self.show.close()
        elif news.what is What.STARTED:
            self.forced = news.forced
            self._begin()
        elif news.what is What.NOT_STARTED:
            self.refusal = self._taken(news)
        elif news.what is What.READING and news.reading is not None:
            self._learn(news.reading)
        elif news.what is What.DECIDED and news.decision is not None:
            self._decide(news.decision)
            self._show_plan(news)
        elif news.what in {What.PAUSED, What.CONTINUED}:
            self._show_turn(news)
        elif news.message:
            self._acting = self._acting and news.what is not What.POSTPONED
            self._warn(news.message)

    def _learn(self, reading: Reading) -> None:
        self.reading = reading
        if self._first is None and reading.series and reading.step is not FreshnessStep.NONE:
            self._first = reading.series

    def _decide(self, made: Decision) -> None:
        """Keep the last decision, and the last one before the start that stood on values, with these values."""
        self.decision = made
        if made.signal is not None and self.reading is not None and not self.started:
            self._plan = (made, self.reading.series)

    def _show_plan(self, news: News) -> None:
        if not self.started and news.decision is not None:
            if not self._acting:  # a command that is being started may speak already
                self.show.planned(news.decision, self.reading, now=news.at)
            for warning in news.decision.warnings:
                self._warn(warning)

    def _show_turn(self, news: News) -> None:
        name = self.job.workload.id
        if news.what is What.CONTINUED:
            self.show.note(f"{name}: continued")
            return
        ahead = self._work.planned_ns if self._work is not None else None
        until = "" if ahead is None else f" until {wording.when(from_ns(ahead), self.session.shown_timezone)}"
        self.show.note(f"{name}: paused{until}, it is cleaner then")

    def _warn(self, text: str) -> None:
        with suppress(OSError, ValueError):
            self.session.say.warn(text[:_SHOWN_WHY])

    def _taken(self, news: News) -> CarbonError:
        """Why it was not started; where another process was first, in the words of the key."""
        if news.error is not None and not isinstance(news.error, Conflict):
            return news.error
        done = news.error is not None and news.error.facts.get("state") in {EffectState.STARTED, EffectState.FINISHED}
        what = "was already started" if done else "is being started by another process"
        text = f"{self.job.workload.id} {what} for the key {self.occurrence!r}"
        return Conflict(text if news.error is not None else news.message, hint=self._how_to_look())

    def _how_to_look(self) -> str:
        return f"`gridtide explain --id {self.occurrence}` tells what became of it"

    # -- the signal ------------------------------------------------------------------------------------------------

    def _ask(self, now: datetime) -> SignalQuery:
        ahead = self.session.now + self.job.ahead
        back = self.job.back
        window = Interval(now - back, max(ahead, now + timedelta(hours=1)))
        settings = self.session.settings
        bound = settings.cache.max_stale if settings.origin("cache.max_stale") != "default" else None
        return SignalQuery(zone=self.session.place.zone, window=window, kind=self.session.kind, max_age=bound)

    # -- the account -----------------------------------------------------------------------------------------------

    async def _account(self, original_start: datetime) -> Outcome:
        workload = self.job.workload
        intervals = self.process.intervals if self.process is not None and self.started else ()
        outcome = Outcome(
            workload=workload.id,
            occurrence=self.occurrence,
            ending=self._ending(),
            ended_at=self.owner.now(),
            exit_code=self.code if self.process is not None or self.stopped_by is not None else None,
            original_start=original_start,
            intervals=intervals,
            overhead=self._overhead(intervals),
            power=Power(constant_w=workload.power_w, profile_w=workload.power_profile_w, pue=workload.pue),
            planned=self._planned(original_start) if self.started else None,
            decision_id=self.owner.decision_ids.get(self._work, "") if self._work is not None else "",
            note=self.refusal.message if self.refusal is not None else self._why_given_up() if self._given_up else "",
        )
        return await self._with_truth(outcome)

    def _ending(self) -> Ending:
        if self.started:
            return Ending.COMPLETED
        return Ending.NOT_STARTED if self.refusal is not None else Ending.CANCELLED

    def _why_given_up(self) -> str:
        return "gave up waiting" if self.stopped_by is None else f"stopped by {self.stopped_by.name}"

    def _overhead(self, intervals: tuple[Interval, ...]) -> timedelta:
        """What resuming cost, as it was stated; never more than what was run."""
        stated = self.job.workload.suspend_cost * max(0, len(intervals) - 1)
        return stated if stated < run_time(intervals) else timedelta(0)

    def _planned(self, original_start: datetime) -> Saving | None:
        """Saving of the plan it was started by, on what was known then; None where too little was."""
        if self._plan is None or self._first is None:
            return None
        plan, values = self._plan
        workload = self.job.workload
        with suppress(CarbonError):
            return saving_against_run_now(
                values,
                plan.intervals,
                original_start=original_start,
                power=Power(constant_w=workload.power_w, profile_w=workload.power_profile_w, pue=workload.pue),
                overhead=workload.suspend_cost * (len(plan.intervals) - 1),
                known_before=self._first,
            )
        return None

    async def _with_truth(self, outcome: Outcome) -> Outcome:
        """The same with the realised saving, where the values that came true can be had quickly."""
        if not outcome.intervals or outcome.planned is None or outcome.original_start is None:
            return outcome
        window = Interval(outcome.original_start, max(outcome.intervals[-1].end, self.owner.now()))
        query = SignalQuery(
            zone=self.session.place.zone, window=window, kind=outcome.planned.signal.kind, forecast=False
        )
        asking = asyncio.ensure_future(self.grid.read(query))
        await asyncio.wait({asking}, timeout=_TRUTH_S)
        if not asking.done():
            asking.cancel()
            return outcome
        return outcome if asking.exception() is not None else outcome.with_truth(asking.result().series)


def reacher() -> Callable[[str], None]:
    """Kill this process at the step that the environment names; does nothing otherwise."""
    wanted = os.environ.get(FAILPOINT_VARIABLE, "")

    def reach(step: str) -> None:
        if step == wanted:
            os.kill(os.getpid(), signal.SIGKILL)

    return reach

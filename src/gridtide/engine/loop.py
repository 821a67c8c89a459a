"""
The owner of an engine on real time: reads, cycles, acts, waits, and is never held up by any of them.

Time is monotonic: it is read once as wall time and carried forward, so a step of the wall clock moves no start, and
every wait is cut into short looks, so a machine that slept decides anew within a second (invariants I1, I13).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Final, Protocol

from gridtide.domain.effect import Verb
from gridtide.domain.instants import from_ns
from gridtide.domain.ports import Clock, Waiter
from gridtide.engine.actor import Actor, Fate
from gridtide.engine.feed import Feed, Pace
from gridtide.engine.recorder import Recorder, Records
from gridtide.engine.work import Stage

if TYPE_CHECKING:
    from datetime import datetime

    from gridtide.domain.decision import Decision
    from gridtide.domain.errors import ExecutorError
    from gridtide.domain.ports import Executor, GridData, Reading, SignalQuery
    from gridtide.domain.workload import Workload
    from gridtide.engine.actor import Result
    from gridtide.engine.engine import Engine
    from gridtide.engine.step import Decided, Order
    from gridtide.engine.work import Work

__all__ = ["News", "Owner", "Timepiece", "What"]

_LOOK_S: Final = 1.0
_FIRST_ANSWER_S: Final = 13.0
_AGAIN: Final = timedelta(seconds=2)


class Timepiece(Clock, Waiter, Protocol):
    """A clock that can also let time pass."""


class What(StrEnum):
    """What there is to tell."""

    READING = "reading"
    DECIDED = "decided"
    STARTING = "starting"
    STARTED = "started"
    PAUSED = "paused"
    CONTINUED = "continued"
    POSTPONED = "postponed"
    NOT_STARTED = "not-started"
    TROUBLE = "trouble"


@dataclass(frozen=True, slots=True, kw_only=True)
class News:
    """
    Something that happened, for whoever shows or logs it.

    Args:
        what: Kind of event.
        at: When.
        work: On which piece of work; None for what concerns all.
        decision: What was decided.
        reading: What was read.
        forced: Whether its latest start demanded it, which for hard and soft work is its release.
        message: In words.
        error: Why something was refused.
    """

    what: What
    at: datetime
    work: Work | None = None
    decision: Decision | None = None
    reading: Reading | None = None
    forced: bool = False
    message: str = ""
    error: ExecutorError | None = None


@dataclass(slots=True, eq=False)
class Owner:
    """
    Runs an engine until all its work is over.

    Args:
        engine: Decides.
        executor: Acts.
        journal: Remembers.
        grid: Knows the signal.
        clock: Tells and passes time.
        tell: Hears what happens; must not wait.
        pace: How often to read.
        reach: Rehearses crashes; see `gridtide.engine.actor.FAILPOINTS`.
        look_s: Longest time without a look at the clock. [s]
    """

    engine: Engine
    executor: Executor
    journal: Records
    grid: GridData
    clock: Timepiece
    tell: Callable[[News], None] = lambda _news: None
    pace: Pace = field(default_factory=Pace)
    reach: Callable[[str], None] = lambda _step: None
    look_s: float = _LOOK_S
    decision_ids: dict[Work, str] = field(init=False, default_factory=dict)
    recorder: Recorder = field(init=False)
    _actor: Actor = field(init=False)
    _origin: tuple[datetime, float] = field(init=False)
    _works: list[Work] = field(init=False, default_factory=list)
    _feeds: dict[str, Feed] = field(init=False, default_factory=dict)
    _acting: set[asyncio.Task[None]] = field(init=False, default_factory=set)
    _nudge: asyncio.Event = field(init=False, default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.recorder = Recorder(self.journal, tell=lambda text: self._say(What.TROUBLE, message=text))
        self._actor = Actor(self.executor, self.recorder, reach=self.reach)
        self._origin = (self.clock.now(), self.clock.monotonic())

    def now(self) -> datetime:
        """Time as this owner counts it: wall time when it began plus what has passed since."""
        wall, began_s = self._origin
        return wall + timedelta(seconds=self.clock.monotonic() - began_s)

    # -- what the door says ----------------------------------------------------------------------------------------

    def take(self, workload: Workload, occurrence: str, *, zone: str, ask: Callable[[datetime], SignalQuery]) -> Work:
        """
        Accept work; from here on it starts by its latest start.

        Args:
            workload: What to run.
            occurrence: Which run of it.
            zone: Key of its signal; work of one zone shares its readings.
            ask: Makes the question for the signal at an instant.
        """
        work = self.engine.admit(workload, occurrence, now=self.now(), zone=zone)
        self._works.append(work)
        if zone not in self._feeds:
            self._feeds[zone] = Feed(ask, self.grid, self.pace, self._nudge.set)
        return work

    async def finish(self, work: Work, *, detail: str = "") -> None:
        """The work has run to its end."""
        key = work.key(Verb.START)
        self.engine.ended(work)
        self._nudge.set()
        await self.recorder.over(key, at=self.now(), detail=detail)

    def hold(self, work: Work, affordable_at: datetime) -> None:
        """A carbon budget cannot pay for waiting work before *affordable_at*; its latest start stands."""
        self.engine.hold(work, affordable_at, now=self.now())
        self._nudge.set()

    def afford(self, work: Work) -> None:
        """Its budget can pay now."""
        self.engine.afford(work, now=self.now())
        self._nudge.set()

    def cancel(self, work: Work) -> None:
        """Nobody wants the work any more."""
        self.engine.ended(work)
        self._nudge.set()

    async def write(self, write: Callable[[], object]) -> bool:
        """Keep something in the journal, after everything else, in bounded time; False when that failed."""
        return await self.recorder.write(write)

    # -- the loop --------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Return when every piece of work is over."""
        hurry_s = asyncio.get_running_loop().time() + _FIRST_ANSWER_S
        try:
            while any(work.stage is not Stage.OVER for work in self._works):
                self._nudge.clear()
                now = self.now()
                self._read(now)
                wake = self._first_forced() if self._waits_for_a_first_answer(now, hurry_s) else self._cycle(now)
                await self._sleep(now, wake)
        finally:
            for feed in self._feeds.values():
                feed.stop()
            for task in self._acting:
                task.cancel()

    def _read(self, now: datetime) -> None:
        for zone, feed in self._feeds.items():
            if self.engine.watches(zone) and feed.turn(now):
                self._say(What.READING, reading=feed.reading, message=feed.trouble)

    def _waits_for_a_first_answer(self, now: datetime, hurry_s: float) -> bool:
        """Whether a first decision is better put off a moment, until something has been read."""
        if all(feed.answered for feed in self._feeds.values()) or now >= self._first_forced():
            return False
        return asyncio.get_running_loop().time() < hurry_s

    def _first_forced(self) -> datetime:
        return from_ns(min(work.forced_ns for work in self._works if work.stage is not Stage.OVER))

    def _cycle(self, now: datetime) -> datetime | None:
        readings = {zone: feed.reading for zone, feed in self._feeds.items() if feed.reading is not None}
        step = self.engine.cycle(now, readings)
        for fault in step.faults:
            self._say(What.TROUBLE, message=fault)
        for made in step.decided:
            self._keep(made)
        for order in step.orders:
            self._carry_out(order)
        return step.wake_at

    def _keep(self, made: Decided) -> None:
        self._say(What.DECIDED, work=made.work, decision=made.decision)
        self.recorder.record(made, lambda identifier: self.decision_ids.update({made.work: identifier}))

    async def _sleep(self, now: datetime, wake: datetime | None) -> None:
        """Until *wake*, an answer, a result, or the next look at the clock."""
        reads = [feed.due for zone, feed in self._feeds.items() if self.engine.watches(zone)]
        goals = [goal for goal in (wake, *reads) if goal is not None]
        waits: list[asyncio.Task[object]] = [asyncio.create_task(self._nudge.wait())]
        if goals:
            ahead = self.clock.now() + (min(goals) - now)
            waits.append(asyncio.create_task(self.clock.sleep_until(ahead)))
        await asyncio.wait(waits, timeout=self.look_s, return_when=asyncio.FIRST_COMPLETED)
        for wait in waits:
            wait.cancel()
        done = [wait for wait in waits if wait.done() and not wait.cancelled()]
        for wait in done:
            wait.result()

    # -- acting ----------------------------------------------------------------------------------------------------

    def _carry_out(self, order: Order) -> None:
        task = asyncio.get_running_loop().create_task(self._act(order))
        self._acting.add(task)
        task.add_done_callback(self._acting.discard)

    async def _act(self, order: Order) -> None:
        if order.verb is Verb.START:
            self._say(What.STARTING, work=order.work, forced=order.forced)
        try:
            result = await self._actor.carry_out(order, self.now())
        except Exception as error:  # noqa: BLE001 - tried again, by the same claim
            self._say(What.TROUBLE, work=order.work, message=f"acting failed, trying again: {error!r}"[:300])
            result = None
        if order.work.stage is Stage.OVER:
            return
        if result is None or result.fate is Fate.AGAIN:
            self._again(order, result)
        elif result.fate is Fate.DONE:
            self._done(order)
        else:
            self._not_done(order, result)
        self._nudge.set()

    def _done(self, order: Order) -> None:
        work, now = order.work, self.now()
        self.engine.ramp.recover()
        if order.verb is Verb.PAUSE:
            self.engine.paused(work, now)
            self._say(What.PAUSED, work=work, decision=work.decision)
            return
        if order.forced and (made := self.engine.account_for(work, now)) is not None:
            work.decision = made.decision
            self._keep(made)
        self.engine.started(work, now)
        what = What.STARTED if order.verb is Verb.START else What.CONTINUED
        self._say(what, work=work, decision=work.decision, forced=order.forced)

    def _again(self, order: Order, result: Result | None) -> None:
        self.engine.ramp.ease()
        now, moved = self.now(), result is not None and result.epoch is not None
        self.engine.postponed(order.work, now if moved else now + _AGAIN, epoch=result.epoch if result else None)
        if result is not None:
            self._say(What.POSTPONED, work=order.work, message=result.message)

    def _not_done(self, order: Order, result: Result) -> None:
        if order.verb is Verb.PAUSE:
            self.engine.kept_running(order.work)
            self._say(What.TROUBLE, work=order.work, message=f"not paused: {result.message}")
            return
        self.engine.ended(order.work)
        self._say(What.NOT_STARTED, work=order.work, message=result.message, error=result.error)

    def _say(
        self,
        what: What,
        *,
        work: Work | None = None,
        decision: Decision | None = None,
        reading: Reading | None = None,
        forced: bool = False,
        message: str = "",
        error: ExecutorError | None = None,
    ) -> None:
        news = News(
            what=what,
            at=self.now(),
            work=work,
            decision=decision,
            reading=reading,
            forced=forced,
            message=message,
            error=error,
        )
        with suppress(Exception):  # a listener that fails must not keep a job from starting
            self.tell(news)

"""Fake surroundings of an engine: executors that keep their own account, grids that fail on demand."""

from __future__ import annotations

import asyncio

from gridtide.domain.decision import FreshnessStep
from gridtide.domain.effect import Receipt, Sighting, Verb
from gridtide.domain.errors import JournalUnavailable
from gridtide.domain.interval import Interval
from gridtide.domain.ports import Reading, SignalQuery
from gridtide.domain.zone import Zone
from support import HOUR, T0, hourly

NIGHT = (300, 300, 200, 100, 100, 300, 300, 300, 300, 300)


class World:
    """What really happened, by the platform's own account; outlives any process that acts on it."""

    def __init__(self):
        self.begun = []
        self.held = set()


class PlainExecutor:
    """Starts work; nothing else, and a repeat would be a second start."""

    idempotent = False

    def __init__(self, world, clock, *, errors=()):
        self.world, self.clock, self.errors = world, clock, list(errors)

    def receipt(self, key):
        return Receipt(ref=key.token, at=self.clock.now())

    async def start(self, key):
        if self.errors and (error := self.errors.pop(0)) is not None:
            raise error
        self.world.begun.append((key.workload, key.occurrence, self.clock.now()))
        return self.receipt(key)


class ObservingExecutor(PlainExecutor):
    """Can be asked what became of work."""

    async def observe(self, key):
        begun = any(w == key.workload and o == key.occurrence for w, o, _ in self.world.begun)
        return Sighting.RUNNING if begun else Sighting.ABSENT


class PreparingExecutor(PlainExecutor):
    """Holds work one step before it begins; what it holds dies with the process, like a child on a pipe."""

    idempotent = True

    def __init__(self, world, clock, *, errors=()):
        super().__init__(world, clock, errors=errors)
        self.started = set()

    async def prepare(self, key):
        if key not in self.started:
            self.world.held.add(key)
        return self.receipt(key)

    async def start(self, key):
        if self.errors and (error := self.errors.pop(0)) is not None:
            raise error
        await self.prepare(key)
        if key in self.world.held:
            self.world.held.remove(key)
            self.started.add(key)
            self.world.begun.append((key.workload, key.occurrence, self.clock.now()))
        return self.receipt(key)


class PausingExecutor(PreparingExecutor):
    """Keeps an account of every verb."""

    def __init__(self, world, clock, *, errors=()):
        super().__init__(world, clock, errors=errors)
        self.done = []

    async def start(self, key):
        self.done.append((Verb.START, self.clock.now()))
        return await super().start(key)

    async def pause(self, key):
        self.done.append((Verb.PAUSE, self.clock.now()))
        return self.receipt(key)

    async def proceed(self, key):
        self.done.append((Verb.CONTINUE, self.clock.now()))
        return self.receipt(key)


class Grid:
    """Answers with what a function of the instant gives: values, None, an error to raise, or a coroutine to await."""

    def __init__(self, clock, answers):
        self.clock, self.answers, self.asked = clock, answers, 0

    async def read(self, query):
        self.asked += 1
        answer = self.answers(self.clock.now())
        if asyncio.iscoroutine(answer):
            answer = await answer
        if isinstance(answer, Exception):
            raise answer
        if answer is None:
            return Reading(series=hourly(), step=FreshnessStep.NONE, reason="every source failed")
        return answer if isinstance(answer, Reading) else Reading(series=hourly(*answer), step=FreshnessStep.LIVE)


class BrokenJournal:
    """A journal whose disk is gone: everything raises, or hangs."""

    def __init__(self, *, hang=None):
        self.hang = hang

    def _fail(self, *_args, **_kwargs):
        if self.hang is not None:
            self.hang.wait()
        raise JournalUnavailable("the journal cannot be written: disk is full")

    intend = started = finished = failed = record = _fail


def ask_for(now):
    """The question for one fixed zone."""
    return SignalQuery(zone=Zone("X"), window=Interval(min(now, T0), now + 48 * HOUR))

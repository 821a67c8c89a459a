"""
Journal, act, confirm: how an order becomes one effect in the world, and never two (invariant I3).

The intent is written first, the executor acts, the result is written last. When the journal cannot be written, an
executor whose own doing prevents a second start goes on without it, and so does anything the deadline demands. When
it is not known whether an effect happened, reality is asked; where it cannot tell, the effect is not repeated.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

from gridtide.domain.effect import EffectKey, EffectState, Sighting, Verb
from gridtide.domain.errors import Conflict, ExecutorError
from gridtide.domain.ports import CanObserve, CanPause, CanPrepare

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from gridtide.domain.effect import Receipt
    from gridtide.domain.ports import Executor
    from gridtide.engine.recorder import Recorder
    from gridtide.engine.step import Order

__all__ = ["FAILPOINTS", "Actor", "Fate", "Result"]

FAILPOINTS = ("before-intent", "after-intent", "after-prepare", "after-started", "after-act")
"""Steps between which a crash is rehearsed."""


class Fate(StrEnum):
    """What became of an order."""

    DONE = "done"
    AGAIN = "again"
    TAKEN = "taken"
    REFUSED = "refused"


class Result(NamedTuple):
    """
    What became of an order, and why.

    Attributes:
        fate: Carried out, to be tried again, done by somebody else, or impossible.
        message: For people.
        epoch: Epoch to try again in, where that changes.
        error: The executor's refusal.
    """

    fate: Fate
    message: str = ""
    epoch: int | None = None
    error: ExecutorError | None = None


class Actor:
    """
    Carries out orders.

    Args:
        executor: The platform.
        recorder: The journal.
        reach: Called by name at each of `FAILPOINTS`, so that a crash there can be rehearsed.
    """

    def __init__(self, executor: Executor, recorder: Recorder, *, reach: Callable[[str], None]) -> None:
        self._executor = executor
        self._recorder = recorder
        self._reach = reach
        self._claimed: set[EffectKey] = set()
        self._doubtful: set[EffectKey] = set()

    async def carry_out(self, order: Order, now: datetime) -> Result:
        """Do what *order* says, once."""
        key = order.key
        self._reach("before-intent")
        if key in self._doubtful:
            return await self._ask(key, now)
        try:
            written = key in self._claimed or await self._recorder.claim(key, at=now)
        except Conflict as conflict:
            if key.verb is not Verb.CONTINUE:
                return await self._settle(key, conflict, now)
            written = True  # to continue twice is harmless, not to continue strands the work
        if not written and not (order.forced or self._executor.idempotent):
            return Result(Fate.AGAIN, "the intent cannot be written down, and the platform would not notice a repeat")
        self._claimed.add(key)
        self._reach("after-intent")
        try:
            await self._act(key, now)
        except ExecutorError as error:
            return await self._after_error(key, error, now)
        return Result(Fate.DONE)

    async def _act(self, key: EffectKey, now: datetime) -> None:
        executor = self._executor
        if key.verb is Verb.START and isinstance(executor, CanPrepare):
            held = await executor.prepare(key)
            self._reach("after-prepare")
            await self._recorder.begun(key, held)
            self._reach("after-started")
            await executor.start(key)
            self._reach("after-act")
            return
        receipt = await self._do(key)
        self._reach("after-act")
        await self._recorder.begun(key, receipt)
        self._reach("after-started")
        if key.verb is not Verb.START:
            await self._recorder.over(key, at=now)

    async def _do(self, key: EffectKey) -> Receipt:
        executor = self._executor
        if key.verb is Verb.START:
            return await executor.start(key)
        assert isinstance(executor, CanPause)  # noqa: S101 - such orders are only made for executors that can
        return await (executor.pause(key) if key.verb is Verb.PAUSE else executor.proceed(key))

    async def _after_error(self, key: EffectKey, error: ExecutorError, now: datetime) -> Result:
        if not error.retryable:
            await self._write_off(key, now, error.message)
            return Result(Fate.REFUSED, error.message, error=error)
        if self._executor.idempotent or key.verb is not Verb.START:
            return Result(Fate.AGAIN, error.message)
        self._doubtful.add(key)
        return await self._ask(key, now, error.message)

    async def _ask(self, key: EffectKey, now: datetime, why: str = "") -> Result:
        """Find out what became of an effect whose answer was lost."""
        sighting = await self._observe(key)
        if sighting is Sighting.ABSENT:
            self._doubtful.discard(key)
            await self._write_off(key, now, why)
            return Result(Fate.AGAIN, why, epoch=key.epoch + 1)
        if sighting is Sighting.UNKNOWN:
            if isinstance(self._executor, CanObserve):
                return Result(Fate.AGAIN, why)
            return Result(Fate.TAKEN, f"{why}; it may have started, so it is not started again")
        return Result(Fate.DONE, why)

    async def _settle(self, key: EffectKey, conflict: Conflict, now: datetime) -> Result:
        """Somebody claimed it before: take over only what is known not to have happened."""
        meant = conflict.facts.get("state") is EffectState.INTENT
        epoch = conflict.facts.get("epoch")
        if not (meant and conflict.facts.get("owner_is_gone") and isinstance(epoch, int)):
            return Result(Fate.TAKEN, conflict.message)
        before = EffectKey(key.workload, key.occurrence, epoch, key.verb)
        # Who prepares writes `started` before it begins, so what is only meant has not happened.
        if not isinstance(self._executor, CanPrepare) and await self._observe(before) is not Sighting.ABSENT:
            return Result(Fate.TAKEN, f"{conflict.message}, and nothing tells whether it began")
        await self._write_off(before, now, "its owner died before it began")
        return Result(Fate.AGAIN, "taken over from a process that died before it began", epoch=epoch + 1)

    async def _observe(self, key: EffectKey) -> Sighting:
        if not isinstance(self._executor, CanObserve):
            return Sighting.UNKNOWN
        try:
            return await self._executor.observe(key)
        except ExecutorError:
            return Sighting.UNKNOWN

    async def _write_off(self, key: EffectKey, now: datetime, why: str) -> None:
        self._claimed.discard(key)
        await self._recorder.failed(key, at=now, detail=why)

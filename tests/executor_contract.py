"""
What executors must do: an adapter inherits `ExecutorContract` and the contract of each ability it has.

It says how to make an executor, how often the work has begun by the platform's own account, and how to end it.
"""

from __future__ import annotations

from gridtide.domain.effect import EffectKey, Receipt, Sighting, Verb
from gridtide.domain.ports import CanObserve, CanPause, CanPrepare, Executor

KEY = EffectKey("etl", "run-1")


class ExecutorContract:
    """Behaviour that the engine relies on. Subclasses give `make`, `begun` and `end`."""

    def make(self, tmp_path):
        """An executor for `KEY` that has done nothing yet."""
        raise NotImplementedError

    async def begun(self, executor, tmp_path):
        """How often the work of `KEY` has begun, by the platform's own account."""
        raise NotImplementedError

    async def end(self, executor):
        """End the work, if it runs."""

    async def test_it_is_an_executor(self, tmp_path):
        """It has the one verb that every platform has, and says whether a repeat is harmless."""
        executor = self.make(tmp_path)

        assert isinstance(executor, Executor)
        assert isinstance(executor.idempotent, bool)

    async def test_starting_begins_the_work_once(self, tmp_path):
        """One start is one beginning, with a receipt that names it."""
        executor = self.make(tmp_path)
        receipt = await executor.start(KEY)
        count = await self.begun(executor, tmp_path)
        await self.end(executor)

        assert isinstance(receipt, Receipt)
        assert receipt.ref
        assert count == 1


class IdempotentContract:
    """For executors that notice a repeat by themselves."""

    async def test_a_repeat_is_harmless(self, tmp_path):
        """The work begins once, however often it is told to."""
        executor = self.make(tmp_path)
        first = await executor.start(KEY)
        second = await executor.start(KEY)
        count = await self.begun(executor, tmp_path)
        await self.end(executor)

        assert executor.idempotent
        assert count == 1
        assert first.ref == second.ref


class PreparingContract:
    """For executors with `CanPrepare`."""

    async def test_preparing_begins_nothing(self, tmp_path):
        """What is prepared has not begun, and is the same thing that begins."""
        executor = self.make(tmp_path)
        held = await executor.prepare(KEY)
        before = await self.begun(executor, tmp_path)
        started = await executor.start(KEY)
        after = await self.begun(executor, tmp_path)
        await self.end(executor)

        assert isinstance(executor, CanPrepare)
        assert (before, after) == (0, 1)
        assert held.ref == started.ref


class ObservingContract:
    """For executors with `CanObserve`."""

    async def test_it_says_what_it_sees(self, tmp_path):
        """Before the start the work is absent, after it it runs or has finished."""
        executor = self.make(tmp_path)
        before = await executor.observe(KEY)
        await executor.start(KEY)
        during = await executor.observe(KEY)
        await self.end(executor)

        assert isinstance(executor, CanObserve)
        assert before is Sighting.ABSENT
        assert during in {Sighting.RUNNING, Sighting.FINISHED}


class PausingContract:
    """For executors with `CanPause`."""

    async def test_a_pause_can_be_taken_back(self, tmp_path):
        """Paused work is continued, not started again."""
        executor = self.make(tmp_path)
        await executor.start(KEY)
        await executor.pause(EffectKey("etl", "run-1", 1, Verb.PAUSE))
        await executor.proceed(EffectKey("etl", "run-1", 1, Verb.CONTINUE))
        count = await self.begun(executor, tmp_path)
        await self.end(executor)

        assert isinstance(executor, CanPause)
        assert count == 1

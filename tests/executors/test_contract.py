"""Our executors and the fakes of the engine's tests keep the same contract, so that the fakes stay honest."""

from __future__ import annotations

import asyncio
import signal

from engine_world import ObservingExecutor, PausingExecutor, PlainExecutor, PreparingExecutor, World
from executor_contract import (
    ExecutorContract,
    IdempotentContract,
    ObservingContract,
    PausingContract,
    PreparingContract,
)
from gridtide.executors.local import LocalProcess
from gridtide.testing.clock import FakeClock
from support import T0


class TestLocalProcess(ExecutorContract, IdempotentContract, PreparingContract, ObservingContract, PausingContract):
    def make(self, tmp_path):
        return LocalProcess(["sh", "-c", 'echo >> "$0"; sleep 60', str(tmp_path / "log")], clock=FakeClock(T0))

    async def begun(self, executor, tmp_path):
        log = tmp_path / "log"
        for _ in range(200 if executor.has_begun else 1):
            if log.exists() and log.read_text():
                break
            await asyncio.sleep(0.01)
        return log.read_text().count("\n") if log.exists() else 0

    async def end(self, executor):
        executor.send(signal.SIGKILL)
        await executor.wait()


class _FakeContract(ExecutorContract):
    kind = PlainExecutor

    def make(self, tmp_path):
        return self.kind(World(), FakeClock(T0))

    async def begun(self, executor, tmp_path):
        return len(executor.world.begun)


class TestPlainFake(_FakeContract):
    kind = PlainExecutor


class TestObservingFake(_FakeContract, ObservingContract):
    kind = ObservingExecutor


class TestPreparingFake(_FakeContract, IdempotentContract, PreparingContract):
    kind = PreparingExecutor


class TestPausingFake(_FakeContract, IdempotentContract, PreparingContract, PausingContract):
    kind = PausingExecutor

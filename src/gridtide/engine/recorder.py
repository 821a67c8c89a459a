"""
The journal as the loop uses it: beside the loop, in order, and never waited for longer than a release can bear.

A journal on a hanging disk must not keep a job from its latest start (invariant I1). So every call is made by one
thread that does not outlive the process; whoever needs the answer waits a bounded time and then goes on without.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import queue
import threading
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Protocol

from gridtide.domain.errors import Conflict, JournalUnavailable
from gridtide.domain.ports import IntentJournal

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from gridtide.domain.decision import Decision
    from gridtide.domain.effect import EffectKey, Receipt
    from gridtide.domain.series import Series
    from gridtide.domain.workload import Workload
    from gridtide.engine.step import Decided
    from gridtide.planning.question import Question

__all__ = ["PATIENCE_S", "Recorder", "Records"]

PATIENCE_S: Final = 2.5
"""How long a release waits for its record; below the five seconds it may be late. [s]"""


class Records(IntentJournal, Protocol):
    """What the loop needs of a journal: effects, and decisions with the question they answer."""

    def record(
        self,
        workload: Workload,
        decision: Decision,
        series: Series | None,
        *,
        occurrence: str = "",
        question: Question | None = None,
    ) -> str:
        """Keep a decision with its inputs; returns the record's id."""
        ...


class Recorder:
    """
    Bounded access to a journal.

    Args:
        journal: Where to write.
        tell: Hears, once, that records are missing.
        patience_s: See `PATIENCE_S`. [s]
    """

    def __init__(self, journal: Records, *, tell: Callable[[str], None], patience_s: float = PATIENCE_S) -> None:
        self._journal = journal
        self._tell = tell
        self._patience_s = patience_s
        self._thread = _Beside()
        self._told = False
        self._last: asyncio.Future[Exception | None] | None = None

    async def claim(self, key: EffectKey, *, at: datetime) -> bool:
        """
        Write down that *key* is about to happen; False when it could not be written.

        Raises:
            Conflict: It was claimed before.
        """
        return await self._bounded(lambda: self._journal.intend(key, at=at))

    async def begun(self, key: EffectKey, receipt: Receipt) -> None:
        """Write down the platform's name for it."""
        await self._noted(lambda: self._journal.started(key, receipt))

    async def over(self, key: EffectKey, *, at: datetime, detail: str = "") -> None:
        """Write down that it is over."""
        await self._noted(lambda: self._journal.finished(key, at=at, detail=detail))

    async def failed(self, key: EffectKey, *, at: datetime, detail: str = "") -> None:
        """Write down that it did not happen."""
        await self._noted(lambda: self._journal.failed(key, at=at, detail=detail))

    def record(self, made: Decided, kept: Callable[[str], None]) -> None:
        """Keep a decision, without waiting; *kept* hears the record's id."""
        work, asked, decision = made
        loop = asyncio.get_running_loop()

        def write() -> None:
            identifier = self._journal.record(
                asked.workload, decision, asked.series, occurrence=work.occurrence, question=asked
            )
            loop.call_soon_threadsafe(kept, identifier)

        self._thread.submit(write).add_done_callback(
            lambda done: loop.is_closed() or loop.call_soon_threadsafe(self._check, done)
        )

    async def write(self, write: Callable[[], object]) -> bool:
        """Write something else, after everything that was handed over; False when that takes too long."""
        return await self._bounded(write)

    async def _noted(self, write: Callable[[], object]) -> None:
        """Write what has happened already; a row that is missing or was moved by another process stays as it is."""
        with suppress(Conflict):
            await self._bounded(write)

    async def _bounded(self, write: Callable[[], object]) -> bool:
        if self._hangs():
            return False
        future = self._last = asyncio.get_running_loop().run_in_executor(self._thread, partial(_error_of, write))
        done, _ = await asyncio.wait({future}, timeout=self._patience_s)
        if not done:
            self._miss(f"the journal did not answer within {self._patience_s:g} s")
            return False
        error = future.result()
        if isinstance(error, Conflict):
            raise error
        if error is not None:
            self._miss(error.message if isinstance(error, JournalUnavailable) else f"the journal failed: {error!r}")
        return error is None

    def _hangs(self) -> bool:
        """Whether a call that was given up still has not come back; then the next one need not be tried."""
        return self._told and self._last is not None and not self._last.done()

    def _check(self, done: concurrent.futures.Future[None]) -> None:
        if not done.cancelled() and (error := done.exception()) is not None:
            self._miss(f"a decision was not recorded: {error}")

    def _miss(self, why: str) -> None:
        if not self._told:
            self._told = True
            self._tell(f"{why}; work goes on without records")


def _error_of(write: Callable[[], object]) -> Exception | None:
    """What went wrong, handed over as a value: nobody may be left to hear an error after the answer was given up."""
    try:
        write()
    except Exception as error:  # noqa: BLE001 - it belongs to whoever asked
        return error
    return None


class _Beside(concurrent.futures.Executor):
    """One daemon thread: a call that hangs holds up neither the loop nor the end of the process."""

    def __init__(self) -> None:
        self._calls: queue.SimpleQueue[tuple[concurrent.futures.Future[Any], Callable[[], object]]]
        self._calls = queue.SimpleQueue()
        self._thread: threading.Thread | None = None

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> concurrent.futures.Future[Any]:
        """Do it after everything that was asked before."""
        future: concurrent.futures.Future[Any] = concurrent.futures.Future()
        self._calls.put((future, lambda: fn(*args, **kwargs)))
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="gridtide-journal", daemon=True)
            self._thread.start()
        return future

    def _work(self) -> None:
        while True:
            future, call = self._calls.get()
            if not future.set_running_or_notify_cancel():
                continue
            try:
                result = call()
            except BaseException as error:  # noqa: BLE001 - it belongs to whoever asked
                future.set_exception(error)
            else:
                future.set_result(result)
            del future, call

"""
Runs one command on this machine: no shell, its own process group, untouched streams, its exit code.

The command is first held by `gridtide.executors.launcher`, so that the journal knows its process id before it begins.
It leads a session of its own: signals go to the whole group, forked children included, and a Ctrl-C in the terminal
reaches us alone, who pass it on. While it is paused, `gridtide.executors.keeper` stands by to continue it should we
die.
"""

from __future__ import annotations

import asyncio
import os
import resource
import signal
import subprocess
import sys
import threading
from contextlib import ExitStack, contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

from gridtide.domain.effect import EffectKey, Receipt, Sighting
from gridtide.domain.errors import ExecutorError, Unsupported
from gridtide.domain.interval import Interval
from gridtide.executors import command, keeper, launcher

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    from gridtide.domain.ports import Clock

__all__ = ["LocalProcess"]

_START_S: Final = 10.0
_SPARE: Final = 8
_ROOMY: Final = 64
_ENDING: Final = frozenset({signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGKILL})
_INSTANT: Final = timedelta(microseconds=1)


class LocalProcess:
    """
    Executor of one command; can prepare, pause and observe.

    Args:
        argv: Program and arguments, taken literally.
        clock: For the times in receipts and intervals.
        env: Environment of the command; ours when left out.

    Raises:
        InvalidInput: *argv* cannot be a command.
        NotFound: There is no such program.
        Refused: It is a folder, or not executable.
    """

    idempotent = True
    """The process is held by this object, so a second start of it is impossible."""

    def __init__(self, argv: Sequence[str], *, clock: Clock, env: Mapping[str, str] | None = None) -> None:
        self._argv = list(argv)
        self._env = dict(os.environ if env is None else env)
        self._clock = clock
        self._process: subprocess.Popen[bytes] | None = None
        self._go = self._report = -1
        self._keeper: tuple[subprocess.Popen[bytes], int] | None = None
        self._begun: datetime | None = None
        self._done: list[Interval] = []
        self._paused = False
        command.check(self._argv, self._env)
        self._spare = _spare_descriptors()

    # -- reading ---------------------------------------------------------------------------------------------------

    @property
    def pid(self) -> int | None:
        """Process id, which is also the group's; None before it is prepared."""
        return None if self._process is None else self._process.pid

    @property
    def has_begun(self) -> bool:
        """Whether the command took over."""
        return self._go == -1 and self._process is not None

    @property
    def is_paused(self) -> bool:
        """Whether the plan has it stand still."""
        return self._paused

    @property
    def intervals(self) -> tuple[Interval, ...]:
        """When it ran so far, pauses left out; the piece under way ends now."""
        if self._begun is None:
            return tuple(self._done)
        return (*self._done, self._piece(self._clock.now()))

    async def observe(self, key: EffectKey) -> Sighting:  # noqa: ARG002 - there is one process
        """What the process is doing."""
        if self._process is None:
            return Sighting.ABSENT
        if self._process.poll() is not None:
            return Sighting.FINISHED
        return Sighting.PAUSED if self._paused else Sighting.RUNNING if self.has_begun else Sighting.ABSENT

    # -- starting --------------------------------------------------------------------------------------------------

    async def prepare(self, key: EffectKey) -> Receipt:  # noqa: ARG002 - there is one process
        """Bring the process into being, one step before the command begins."""
        if self._process is None:
            self._hold()
        return self._receipt()

    async def start(self, key: EffectKey) -> Receipt:
        """
        Let the command begin; a second call changes nothing.

        Raises:
            NotFound: It went away meanwhile, or its interpreter is not there.
            Refused: The system does not run it.
            Unreachable: The system has no room for it at the moment.
        """
        await self.prepare(key)
        if self._go != -1:
            go, self._go = self._go, -1
            with suppress(BrokenPipeError):
                os.write(go, b"!")
            os.close(go)
            self._begun = self._clock.now()
            await self._taken_over()
        return self._receipt()

    def _hold(self) -> None:
        self._free_spare()
        with ExitStack() as ours, ExitStack() as theirs, _ctrl_c_held_back():
            try:
                (go_in, go), (report, report_in) = _pipe(theirs, ours), _pipe(ours, theirs)
                self._process = subprocess.Popen(
                    [sys.executable, "-I", "-S", launcher.__file__, str(go_in), str(report_in), *self._argv],
                    env=self._env,
                    pass_fds=(go_in, report_in),
                    start_new_session=True,
                )
            except OSError as error:
                self._spare = _spare_descriptors()
                raise command.why_not_started(self._argv[0], error) from error
            ours.pop_all()
        self._go, self._report = go, report

    def _free_spare(self) -> None:
        while self._spare:
            os.close(self._spare.pop())

    async def _taken_over(self) -> None:
        """Wait until the command runs, or say why it does not."""
        report, self._report = self._report, -1
        try:
            async with asyncio.timeout(_START_S):
                said = await _read(report)
        except TimeoutError:
            said = b""
        finally:
            os.close(report)
        if not said:
            return
        self._begun = None
        if self._process is not None:
            self._process.wait()
            self._process = None
        code = int(said)
        raise command.why_not_started(self._argv[0], OSError(code, os.strerror(code)))

    # -- while it runs ---------------------------------------------------------------------------------------------

    async def pause(self, key: EffectKey) -> Receipt:  # noqa: ARG002 - there is one process
        """
        Stop the whole group where it stands, with a keeper that continues it should we die.

        Raises:
            Unsupported: No keeper can be had, so the group might stay stopped for ever.
        """
        self._stand_by()
        self.send(signal.SIGSTOP)
        self._paused = True
        if self._begun is not None:
            self._done.append(self._piece(self._clock.now()))
            self._begun = None
        return self._receipt()

    async def proceed(self, key: EffectKey) -> Receipt:  # noqa: ARG002 - there is one process
        """Continue the group."""
        self.send(signal.SIGCONT)
        if self._paused:
            self._paused = False
            self._begun = self._clock.now()
        self._dismiss()
        return self._receipt()

    def send(self, number: signal.Signals) -> None:
        """
        Send a signal to the whole group.

        One that asks it to end also wakes a paused group, or it would never hear of it.
        """
        if self._process is None or not self.has_begun or self._process.returncode is not None:
            return  # its number may be another process's by now
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, number)
            if self._paused and number in _ENDING:
                os.killpg(self._process.pid, signal.SIGCONT)
                self._paused = False
                self._begun = self._clock.now()

    async def wait(self) -> int:
        """Exit code of the command as a shell reports it; cancelling the wait leaves it running."""
        if self._process is None:
            raise ExecutorError("the command was never started")
        await _ended(self._process)
        code = self._process.wait()
        if self._begun is not None:
            self._done.append(self._piece(self._clock.now()))
            self._begun = None
        self._dismiss()
        return command.shell_code(code)

    def abandon(self) -> None:
        """Let a held command go without ever beginning; does nothing once it has begun."""
        self._free_spare()
        if self._process is None or self.has_begun:
            return
        os.close(self._go)
        os.close(self._report)
        self._go = self._report = -1
        self._process.wait()
        self._process = None

    # -- inside ----------------------------------------------------------------------------------------------------

    def _piece(self, end: datetime) -> Interval:
        begun = self._begun or end
        return Interval(begun, max(end, begun + _INSTANT))

    def _receipt(self) -> Receipt:
        return Receipt(ref=f"pid {self.pid}", at=self._clock.now())

    def _stand_by(self) -> None:
        if self._keeper is not None or self._process is None:
            return
        try:
            there, here = os.pipe()
        except OSError as error:
            raise Unsupported(f"the command cannot be paused safely: {error.strerror}") from error
        try:
            started = subprocess.Popen(
                [sys.executable, "-I", "-S", keeper.__file__, str(there), str(self._process.pid)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                pass_fds=(there,),
                start_new_session=True,
                cwd=Path("/"),
            )
        except OSError as error:
            os.close(here)
            raise Unsupported(f"the command cannot be paused safely: {error.strerror}") from error
        finally:
            os.close(there)
        self._keeper = (started, here)

    def _dismiss(self) -> None:
        if self._keeper is None:
            return
        (started, here), self._keeper = self._keeper, None
        with suppress(BrokenPipeError):
            os.write(here, b"!")
        os.close(here)
        started.wait()


@contextmanager
def _ctrl_c_held_back() -> Iterator[None]:
    """A process created meanwhile hears of a Ctrl-C once it lets it through, as the launcher does at its end."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _spare_descriptors() -> list[int]:
    """
    Open files to give up when the command starts, so that it does even where all others are taken by then.

    Processes that may open next to nothing keep what they have.
    """
    spare: list[int] = []
    if resource.getrlimit(resource.RLIMIT_NOFILE)[0] >= _ROOMY:
        with suppress(OSError):
            while len(spare) < _SPARE:
                spare.append(os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC))
    return spare


def _pipe(readers: ExitStack, writers: ExitStack) -> tuple[int, int]:
    """A new pipe; each end is closed with its stack."""
    reader, writer = os.pipe()
    readers.callback(os.close, reader)
    writers.callback(os.close, writer)
    return reader, writer


async def _read(pipe: int) -> bytes:
    """What comes through *pipe* until it closes, without holding the loop."""
    loop = asyncio.get_running_loop()
    ready = asyncio.Event()
    loop.add_reader(pipe, ready.set)
    try:
        await ready.wait()
    finally:
        loop.remove_reader(pipe)
    return os.read(pipe, 16)


async def _ended(process: subprocess.Popen[bytes]) -> None:
    """Return when *process* has ended, leaving its exit code to be fetched."""
    loop = asyncio.get_running_loop()
    over = asyncio.Event()
    try:
        handle = os.pidfd_open(process.pid)
    except ProcessLookupError:
        return
    except (OSError, AttributeError):  # an older or another system: a thread does the waiting
        threading.Thread(target=lambda: (process.wait(), loop.call_soon_threadsafe(over.set)), daemon=True).start()
        await over.wait()
        return
    loop.add_reader(handle, over.set)
    try:
        await over.wait()
    finally:
        loop.remove_reader(handle)
        os.close(handle)

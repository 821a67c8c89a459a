"""
Signals of a waiting or running command.

While it waits, Ctrl-C, SIGTERM and SIGHUP end the wait and the command never starts. Once it runs, every signal is
passed on to its whole group; a second Ctrl-C kills the group. Signals that were ignored when we began (``nohup``,
background jobs of a script) stay ignored.
"""

from __future__ import annotations

import asyncio
import os
import signal
from typing import TYPE_CHECKING, Final, Self

if TYPE_CHECKING:
    from collections.abc import Callable

    from gridtide.cli.errand import Errand
    from gridtide.executors.local import LocalProcess

__all__ = ["Interrupts"]

_ENDING: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)
_PASSED_ON: Final = (signal.SIGUSR1, signal.SIGUSR2, signal.SIGWINCH)


class Interrupts:
    """
    Takes signals for as long as its block lasts.

    Args:
        errand: The wait to end.
        process: The command to pass them on to; None when there is none.
    """

    def __init__(self, errand: Errand, process: LocalProcess | None) -> None:
        self._errand = errand
        self._process = process
        self._pressed = 0
        self._taken: list[signal.Signals] = []

    def __enter__(self) -> Self:
        loop = asyncio.get_running_loop()
        handlers: list[tuple[signal.Signals, Callable[[signal.Signals], None]]]
        handlers = [(number, self._end) for number in _ENDING]
        if self._process is not None:
            handlers += [(number, self._pass_on) for number in _PASSED_ON]
            handlers += [(signal.SIGTSTP, self._stand_still), (signal.SIGCONT, self._go_on)]
        for number, handler in handlers:
            if signal.getsignal(number) is not signal.SIG_IGN:
                loop.add_signal_handler(number, handler, number)
                self._taken.append(number)
        return self

    def __exit__(self, *_: object) -> None:
        loop = asyncio.get_running_loop()
        for number in self._taken:
            loop.remove_signal_handler(number)

    @property
    def _runs(self) -> bool:
        return self._process is not None and self._process.has_begun

    def _end(self, number: signal.Signals) -> None:
        if not self._runs:
            self._errand.stop(number)
            return
        self._pressed += number is signal.SIGINT
        again = number is signal.SIGINT and self._pressed > 1
        self._pass_on(signal.SIGKILL if again else number)

    def _pass_on(self, number: signal.Signals) -> None:
        if self._process is not None:
            self._process.send(number)

    def _stand_still(self, _number: signal.Signals) -> None:
        """Ctrl-Z: the command stands in another session and would not hear it."""
        self._pass_on(signal.SIGSTOP)
        os.kill(os.getpid(), signal.SIGSTOP)

    def _go_on(self, _number: signal.Signals) -> None:
        if self._process is not None and not self._process.is_paused:
            self._process.send(signal.SIGCONT)

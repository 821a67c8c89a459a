"""
Holds a command one step before it begins; run as a program of its own, by its path, with nothing else imported.

Arguments: the number of a pipe to wait on, the number of a pipe to report on, and the command. A byte on the first
pipe lets the command take this process over; its end without a byte means that whoever held it is gone, and the
command never begins. So the records can name the process before anything has happened. The caller creates it with
Ctrl-C held back, so that an early one meets the command and never this program. An error of the system when taking
over is reported as its number on the second pipe, which closes by itself when all went well.
"""

from __future__ import annotations

import os
import signal
import sys

__all__ = ["NOT_EXECUTABLE", "NOT_FOUND", "main"]

NOT_FOUND = 127
NOT_EXECUTABLE = 126


def main(argv: list[str]) -> int:
    """Wait for the word, then become the command; returns only when that fails."""
    go, report, command = int(argv[1]), int(argv[2]), argv[3:]
    if os.read(go, 1) == b"":
        return 0
    os.close(go)
    os.set_inheritable(report, False)
    # Python ignores these for itself; a command expects the system's own behaviour.
    for name in ("SIGPIPE", "SIGXFSZ"):
        signal.signal(getattr(signal, name), signal.SIG_DFL)
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    try:
        os.execvp(command[0], command)  # noqa: S606 - no shell, and the user's own command
    except OSError as error:
        os.write(report, str(error.errno).encode())
        return NOT_FOUND if isinstance(error, FileNotFoundError) else NOT_EXECUTABLE


if __name__ == "__main__":
    sys.exit(main(sys.argv))

"""
Continues a paused process group when the one who paused it is gone; run as a program of its own, by its path.

Arguments: the number of a pipe and the process group. A byte on the pipe ends it quietly. The pipe's end without a
byte means that the wrapper died, by kill -9 or lack of memory: then nobody would ever continue the group, so this
does (invariant I2, nothing stays held without a live owner).
"""

from __future__ import annotations

import os
import signal
import sys

__all__ = ["main"]


def main(argv: list[str]) -> int:
    """Wait for the word or for the end."""
    pipe, group = int(argv[1]), int(argv[2])
    handle = os.pidfd_open(group) if hasattr(os, "pidfd_open") else None
    if os.read(pipe, 1) != b"":
        return 0
    try:
        if handle is not None:
            # The handle names the process we were told about, so a later one with its number is never touched.
            signal.pidfd_send_signal(handle, signal.SIGCONT)
        os.killpg(group, signal.SIGCONT)
    except ProcessLookupError:
        return 0
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))

"""What can be said about a command before it runs: found, runnable, carried by the system, as a shell would judge."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Mapping, Sequence
from typing import Final

from gridtide.domain.errors import ExecutorError, InvalidInput, NotFound, Refused, Unreachable

__all__ = ["check", "shell_code", "why_not_started"]

_SIGNAL_BASE: Final = 128
_PASSING: Final = frozenset({errno.EAGAIN, errno.ENOMEM, errno.EMFILE, errno.ENFILE})
_REASONS: Final = {
    errno.E2BIG: "its argument list is too long for the system",
    errno.ENOEXEC: "it is in no format the system can run; a script needs a first line like #!/bin/sh",
    errno.EACCES: "it is not executable",
    errno.ENOENT: "it, or the interpreter its first line names, is not there",
}


def check(argv: Sequence[str], env: Mapping[str, str]) -> None:
    """
    Look at a command before hours are spent waiting for its start.

    Args:
        argv: Program and arguments, taken literally: no shell reads them.
        env: Environment whose ``PATH`` is searched.

    Raises:
        InvalidInput: Empty, or with a NUL character, which no system can carry.
        NotFound: There is no such program.
        Refused: It is a folder, or not executable.
    """
    if not argv or not argv[0]:
        raise InvalidInput("there is no command to run", hint="write it after --, for example: -- make train")
    if any("\0" in part for part in argv):
        raise InvalidInput("the command holds a NUL character, which no system can pass on", field="command")
    name = argv[0]
    if os.sep not in name:
        if shutil.which(name, path=env.get("PATH", os.defpath)) is None:
            raise NotFound(f"command {name[:80]!r} is not found", hint="check its spelling and PATH", command=name)
    elif not os.path.exists(name):  # noqa: PTH110 - a path as the user wrote it
        raise NotFound(f"command {name[:80]!r} is not there", hint="check the path", command=name)
    elif os.path.isdir(name):  # noqa: PTH112
        raise Refused(f"command {name[:80]!r} is a folder", hint="name a program in it", command=name)
    elif not os.access(name, os.X_OK):
        raise Refused(f"command {name[:80]!r} is not executable", hint=f"chmod +x {name[:80]}", command=name)


def why_not_started(name: str, error: OSError) -> ExecutorError:
    """The system's refusal to start a command, as an error of ours: passing, not found, or final."""
    if error.errno in _PASSING:
        return Unreachable(f"command {name[:80]!r} cannot be started now: {os.strerror(error.errno or 0)}")
    reason = _REASONS.get(error.errno or 0, os.strerror(error.errno or 0))
    kind = NotFound if error.errno == errno.ENOENT else Refused
    return kind(f"command {name[:80]!r} cannot be started: {reason}", command=name)


def shell_code(returncode: int) -> int:
    """Exit code as a shell reports it: the command's own, or 128 + n when signal n ended it."""
    return _SIGNAL_BASE - returncode if returncode < 0 else returncode

"""
Where the journal lives, and whether that place may be trusted.

The XDG state folder of the user, readable by that user only. Nothing is followed or created where somebody else could
have laid a trap: no symbolic link in place of the file, no file or folder of another user. Where that cannot be had,
the journal stays in memory and says so once; work goes on (invariant I12, row B15).
"""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from gridtide.domain.errors import JournalUnavailable

__all__ = ["FILE_NAME", "claim", "state_file"]

FILE_NAME: Final = "journal.sqlite3"


def state_file(env: Mapping[str, str]) -> Path | None:
    """
    Path of the journal by the XDG rules; None when the user has no home.

    Args:
        env: Environment; ``XDG_STATE_HOME`` goes before ``HOME``, and a relative path counts as not set.
    """
    state = env.get("XDG_STATE_HOME", "")
    if os.path.isabs(state):  # noqa: PTH117 - a question about text
        return Path(state) / "gridtide" / FILE_NAME
    home = env.get("HOME", "")
    return Path(home) / ".local" / "state" / "gridtide" / FILE_NAME if os.path.isabs(home) else None  # noqa: PTH117


def claim(path: Path) -> None:
    """
    Make *path* an own, private, ordinary file, creating it where it is missing.

    Raises:
        JournalUnavailable: It cannot be created, or what is there is not ours; the message says why.
    """
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        _require_ours(path.parent, path.parent.lstat())
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
        handle = os.open(path, flags, 0o600)
    except OSError as error:
        raise JournalUnavailable(
            f"journal {path} cannot be opened: {_why(path, error)}", hint="set XDG_STATE_HOME to a folder of yours"
        ) from error
    try:
        found = os.fstat(handle)
        if not stat.S_ISREG(found.st_mode):
            raise JournalUnavailable(f"journal {path} is no ordinary file")
        _require_ours(path, found)
        if found.st_mode & 0o077:
            os.fchmod(handle, 0o600)
    finally:
        os.close(handle)


def _require_ours(path: Path, found: os.stat_result) -> None:
    if found.st_uid != os.geteuid():
        raise JournalUnavailable(
            f"{path} belongs to user {found.st_uid}, not to {os.geteuid()}",
            hint="set XDG_STATE_HOME to a folder of yours",
        )


def _why(path: Path, error: OSError) -> str:
    return "it is a symbolic link" if path.is_symlink() else (error.strerror or type(error).__name__)

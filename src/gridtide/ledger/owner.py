"""Which process wrote a row, and whether it still lives: what tells a crash from somebody at work."""

from __future__ import annotations

import os
import platform
from pathlib import Path

__all__ = ["is_gone", "this_owner"]


def this_owner() -> str:
    """Name of this process that no later process will have: host, process id, and when it began."""
    return f"{platform.node()}:{os.getpid()}:{_began(os.getpid())}"


def is_gone(owner: str) -> bool:
    """Whether the process of that name is known to have ended; another host's processes are never known."""
    host, pid_text, began = ["", "", "", *owner.rsplit(":", 2)][-3:]
    if host != platform.node() or not pid_text.isdigit():
        return False
    pid = int(pid_text)
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return _began(pid) != began


def _began(pid: int) -> str:
    """Start time of a process in clock ticks since boot; empty where the system does not tell."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text("utf-8", "replace")
    except OSError:
        return ""
    # The name in parentheses may hold anything; the start time is the 20th field after it.
    return text.rpartition(")")[2].split()[19]

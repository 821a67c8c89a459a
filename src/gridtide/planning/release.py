"""
Letting planned work go without a stampede: everybody's greenest hour begins at the same minute.

`jittered` moves a start later by a part of a window that depends on the job's name alone, so that many independent
planners spread out without talking to each other, and the same job gets the same start again. `ramped` spaces the
starts one planner controls. Neither ever moves a start beyond its latest.
"""

from __future__ import annotations

import heapq
from hashlib import blake2b
from typing import TYPE_CHECKING

from gridtide.domain.errors import InvalidInput
from gridtide.domain.units import NS_PER_SECOND

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["jittered", "ramped"]

_PARTS = 1 << 64


def jittered(name: str, start_ns: int, latest_ns: int | None, window_ns: int) -> int:
    """
    Start of the job *name*, at most a window later than planned.

    Args:
        name: Identity of the job; equal names get equal shares of the window.
        start_ns: Planned start. [ns]
        latest_ns: Latest start, or None for no bound; a start that is late already stays. [ns]
        window_ns: Over how long to spread. [ns]

    Raises:
        InvalidInput: The window is below zero.
    """
    if window_ns < 0:
        raise InvalidInput(f"window is {window_ns} ns; allowed: zero or more", field="window")
    room_ns = window_ns if latest_ns is None else min(window_ns, max(0, latest_ns - start_ns))
    part = int.from_bytes(blake2b(name.encode(), digest_size=8).digest(), "big")
    return start_ns + room_ns * part // _PARTS


def ramped(starts_ns: Sequence[int], latest_ns: Sequence[int | None], *, per_second: float) -> list[int]:
    """
    Starts at least ``1 / per_second`` apart, the planned order kept where bounds allow it.

    Work whose latest start has come goes first and is not held back, so the spacing may be broken for it alone.

    Args:
        starts_ns: Planned starts. [ns]
        latest_ns: Latest starts; None for no bound. [ns]
        per_second: Most starts in a second. [1/s]

    Returns:
        Starts in the order given, none before its plan or after its latest (if that is not before the plan). [ns]

    Raises:
        InvalidInput: The rate is not positive.
    """
    if not 0.0 < per_second < float("inf"):
        raise InvalidInput(f"per_second is {per_second}; allowed: above zero", field="per_second")
    spacing_ns = round(NS_PER_SECOND / per_second)
    released = [0] * len(starts_ns)
    coming = sorted(range(len(starts_ns)), key=lambda k: (starts_ns[k], k), reverse=True)
    waiting: list[tuple[float, int, int]] = []
    now_ns = 0
    while coming or waiting:
        if not waiting:
            now_ns = max(now_ns, starts_ns[coming[-1]])
        while coming and starts_ns[coming[-1]] <= now_ns:
            k = coming.pop()
            bound = latest_ns[k]
            heapq.heappush(waiting, (float("inf") if bound is None else bound, starts_ns[k], k))
        due_ns, start_ns, k = heapq.heappop(waiting)
        released[k] = max(start_ns, min(now_ns, int(due_ns)) if due_ns != float("inf") else now_ns)
        now_ns = max(now_ns, released[k]) + spacing_ns
    return released

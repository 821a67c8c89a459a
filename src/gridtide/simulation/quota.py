"""
A cap on running work around any scheduler: planned starts that do not fit into the hour's quota wait for one that do.

The wrapped scheduler says when each run should start; the quota says how many processors may run in each slot, for
example `gridtide.planning.provisioning.Provisioning.allowed`. A run that is held starts as soon as it fits, the
oldest first, and at its latest start whatever the quota says: a quota saves carbon, it never strands work. What runs
is not interrupted when the quota falls.
"""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING

import numpy as np

from gridtide.domain.errors import InvalidInput

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from gridtide.simulation.cluster import Runs

__all__ = ["starts_under_quota"]


def starts_under_quota(
    runs: Runs, latest: NDArray[np.int64], allowed: NDArray[np.int64], *, units_per_slot: int
) -> NDArray[np.int64]:
    """
    Starts of *runs* when no more than *allowed* processors run in each slot.

    Args:
        runs: With the starts the wrapped scheduler plans.
        latest: Latest start of each run, not before the planned one, shape (n_runs,). [units]
        allowed: Processors per slot; the last figure holds from then on, shape (n_slots,).
        units_per_slot: Length of a slot. [units]

    Returns:
        Starts between planned and latest, shape (n_runs,). [units]

    Raises:
        InvalidInput: A latest start lies before the planned one, or there is no quota.
    """
    if (latest < runs.planned).any() or not allowed.size:
        raise InvalidInput("latest starts must not be before the planned ones, and a quota be given", field="latest")
    quota, planned, last = allowed.tolist(), runs.planned.tolist(), latest.tolist()
    processors, length, arrival = runs.processors.tolist(), runs.length.tolist(), runs.arrival.tolist()
    starts = np.full(len(planned), -1, dtype=np.int64)
    events = sorted({*planned, *last, *(slot * units_per_slot for slot in range(len(quota)))}, reverse=True)
    coming = sorted(((when, run) for run, when in enumerate(planned)), reverse=True)
    held: list[tuple[int, int]] = []
    ends: list[tuple[int, int]] = []
    busy = 0
    while coming or held:
        now = _next(events, ends)
        while ends and ends[0][0] <= now:
            busy -= heapq.heappop(ends)[1]
        while coming and coming[-1][0] <= now:
            run = coming.pop()[1]
            held.append((arrival[run], run))
        held.sort()
        free = quota[min(now // units_per_slot, len(quota) - 1)] - busy
        waiting = []
        for entry in held:
            run = entry[1]
            if processors[run] <= free or last[run] <= now:
                starts[run] = now
                busy, free = busy + processors[run], free - processors[run]
                heapq.heappush(ends, (now + length[run], processors[run]))
            else:
                waiting.append(entry)
        held = waiting
    return starts


def _next(events: list[int], ends: list[tuple[int, int]]) -> int:
    """Earliest of the fixed events and the next end of a run; fixed events are taken off."""
    if ends and (not events or ends[0][0] < events[-1]):
        return ends[0][0]
    return events.pop()

"""
The serving order of a queue that is emptied from one binary heap into another at every step.

The published simulator keeps its queue in a heap keyed by arrival only and refills a new heap in every step of five
seconds. Runs that arrived in the same step are equal to the heap, which returns equal keys in no natural order, so
their places change from step to step. Where they compete for reserved capacity this moves the result in the third
digit, and the recorded figures cannot be had without it. The change of places depends on the keys alone, so it is one
permutation between two events, applied as many times as there were steps.
"""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gridtide.simulation.cluster import Runs

__all__ = ["HeapOrder"]


class HeapOrder:
    """Serving order of `cluster.simulate` as the published simulator has it."""

    def __init__(self, runs: Runs) -> None:
        self._arrival: list[int] = runs.arrival.tolist()
        self._queue: list[int] = []
        self._last = -1

    def ordered(self, now: int, arrived: Sequence[int], ready: set[int]) -> list[int]:
        """The runs of *ready* in the order the heap of this step returns them."""
        idle_steps = now - self._last - 1
        self._queue = self._after(self._queue, idle_steps) + list(arrived)
        self._queue = self._after(self._queue, 1)
        self._last = now
        return [run for run in self._queue if run in ready]

    def left(self, started: Sequence[int]) -> None:
        """Take runs out of the queue that have started."""
        if started:
            gone = set(started)
            self._queue = [run for run in self._queue if run not in gone]

    def _after(self, queue: list[int], steps: int) -> list[int]:
        keys = [self._arrival[run] for run in queue]
        if not steps or len(set(keys)) == len(keys):
            return queue
        places = _pop_order(keys)
        while steps:
            if steps % 2:
                queue = [queue[place] for place in places]
            places = [places[place] for place in places]
            steps //= 2
        return queue


class _Entry:
    """Key and place; compared by key alone."""

    __slots__ = ("key", "place")

    def __init__(self, place: int, key: int) -> None:
        self.place = place
        self.key = key

    def __lt__(self, other: _Entry) -> bool:
        return self.key < other.key


def _pop_order(keys: list[int]) -> list[int]:
    """Places of ascending *keys* in the order in which a heap made of them returns them."""
    heap = [_Entry(place, key) for place, key in enumerate(keys)]
    return [heapq.heappop(heap).place for _ in keys]

"""
Planned runs on a cluster with reserved capacity, event by event.

A run starts at its planned start at the latest. With *conserving* it starts earlier when reserved processors for all
of it stand idle. What reserved capacity cannot hold is bought on demand; runs marked for spot never use reserved
capacity. Capacity is never exceeded: a processor that becomes free at one instant serves from the next one on.
"""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING, NamedTuple, Protocol

import numpy as np

from gridtide.planning.purchase import Purchase, starts_now

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from gridtide.planning.purchase import Tariff

__all__ = ["OldestFirst", "Outcome", "Runs", "ServingOrder", "simulate"]


class Runs(NamedTuple):
    """
    What is to run, one entry per run in every array, shape (n_runs,).

    Attributes:
        arrival: When it is known; the older one goes first. [units]
        planned: Latest and, without *conserving*, only start. [units]
        length: [units > 0]
        processors: Held for the whole run.
        spot: Whether it runs on spot capacity.
    """

    arrival: NDArray[np.int64]
    planned: NDArray[np.int64]
    length: NDArray[np.int64]
    processors: NDArray[np.int64]
    spot: NDArray[np.bool_]


class Outcome(NamedTuple):
    """
    What happened, shape (n_runs,) each.

    Attributes:
        start: [units]
        reserved: Whether the run used reserved capacity.
        spot: Whether it used spot capacity; on demand otherwise.
    """

    start: NDArray[np.int64]
    reserved: NDArray[np.bool_]
    spot: NDArray[np.bool_]

    def purchase(self, run: int) -> Purchase:
        """What one run was paid with."""
        if self.spot[run]:
            return Purchase.SPOT
        return Purchase.RESERVED if self.reserved[run] else Purchase.ON_DEMAND

    def cost(self, runs: Runs, tariff: Tariff, *, reserved: int, units_per_hour: int) -> float:
        """Price of all runs and of *reserved* processors from zero to the last start. [currency of the tariff]"""
        hours = runs.processors * runs.length / units_per_hour
        bought = np.where(self.spot, tariff.spot_per_h, np.where(self.reserved, 0.0, tariff.on_demand_per_h))
        standing = reserved * tariff.reserved_per_h * float(self.start.max(initial=0)) / units_per_hour
        return float((hours * bought).sum()) + standing


class ServingOrder(Protocol):
    """Who is served first when several waiting runs could start at one instant."""

    def ordered(self, now: int, arrived: Sequence[int], ready: set[int]) -> list[int]:
        """The runs of *ready* in order; *arrived* are those that joined the queue since the last call."""
        ...

    def left(self, started: Sequence[int]) -> None:
        """Take runs out of the queue that have started."""
        ...


class OldestFirst:
    """By arrival, then by place in the list of runs."""

    def __init__(self, runs: Runs) -> None:
        self._arrival = runs.arrival.tolist()

    def ordered(self, now: int, arrived: Sequence[int], ready: set[int]) -> list[int]:  # noqa: ARG002 - the port
        """The runs of *ready*, oldest first."""
        return sorted(ready, key=lambda run: (self._arrival[run], run))

    def left(self, started: Sequence[int]) -> None:
        """Nothing is remembered, so nothing is to do."""


def simulate(
    runs: Runs,
    reserved: int,
    *,
    conserving: bool = False,
    spare_spot: bool = False,
    order: ServingOrder | None = None,
) -> Outcome:
    """
    Start every run by the rule in the module's text.

    Args:
        runs: What is to run.
        reserved: Reserved processors.
        conserving: Start early on idle reserved processors.
        spare_spot: With *conserving*, runs marked for spot wait for their planned start.
        order: Who goes first at one instant; the oldest when left out.
    """
    if not reserved:
        return Outcome(runs.planned.copy(), np.zeros(runs.planned.size, dtype=bool), runs.spot.copy())
    eager = np.full(runs.spot.size, conserving) & ~(runs.spot & spare_spot)
    cluster = _Cluster(runs, reserved, eager=eager.tolist(), order=order or OldestFirst(runs))
    cluster.run()
    start = np.array(cluster.start, dtype=np.int64)
    return Outcome(start, np.array(cluster.on_reserved, dtype=bool), runs.spot.copy())


class _Cluster:
    """State between two events: free processors, who waits, and what comes next."""

    def __init__(self, runs: Runs, reserved: int, *, eager: list[bool], order: ServingOrder) -> None:
        self.planned: list[int] = runs.planned.tolist()
        self.length: list[int] = runs.length.tolist()
        self.processors: list[int] = runs.processors.tolist()
        self.spot: list[bool] = runs.spot.tolist()
        self.eager, self.order, self.free = eager, order, reserved
        self.start = [-1] * len(self.planned)
        self.on_reserved = [False] * len(self.planned)
        self.waiting: set[int] = set()
        self.releases: list[tuple[int, int]] = []
        arrivals: list[int] = runs.arrival.tolist()
        self.coming = sorted(((when, run) for run, when in enumerate(arrivals)), reverse=True)
        self.due = [(when, run) for run, when in enumerate(self.planned)]
        heapq.heapify(self.due)

    def run(self) -> None:
        """Go from event to event until every run has started."""
        while self.due:
            if self.start[self.due[0][1]] >= 0:
                heapq.heappop(self.due)
                continue
            now = self._next_event()
            while self.releases and self.releases[0][0] <= now:
                self.free += heapq.heappop(self.releases)[1]
            arrived = []
            while self.coming and self.coming[-1][0] <= now:
                arrived.append(self.coming.pop()[1])
            self.waiting.update(run for run in arrived if self.eager[run])
            started = []
            for run in self.order.ordered(now, arrived, self._ready(now)):
                if starts_now(self.free, self.processors[run], planned_is_due=self.planned[run] <= now):
                    self._begin(run, now)
                    started.append(run)
            self.waiting.difference_update(started)
            self.order.left(started)

    def _next_event(self) -> int:
        now: int = self.due[0][0]
        if self.coming:
            now = min(now, self.coming[-1][0])
        if self.releases and self.waiting:
            now = min(now, self.releases[0][0])
        return now

    def _ready(self, now: int) -> set[int]:
        """Runs that are due, and with free capacity the waiting ones that fit."""
        ready = {run for run in self.waiting if self.processors[run] <= self.free}
        while self.due and self.due[0][0] <= now:
            _, run = heapq.heappop(self.due)
            if self.start[run] < 0:
                ready.add(run)
        return ready

    def _begin(self, run: int, now: int) -> None:
        self.start[run] = now
        if self.spot[run] or self.free < self.processors[run]:
            return
        self.free -= self.processors[run]
        self.on_reserved[run] = True
        heapq.heappush(self.releases, (now + self.length[run] + 1, self.processors[run]))

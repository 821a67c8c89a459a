"""
A virtual world around the production engine: time that jumps, jobs that arrive, readings that become known.

Nothing of the engine or planner is replaced. The world only does what real owners do: it admits work at its arrival,
hands over readings when they become known, carries out orders on executors with limited room, and says when a run
has ended, which may be later or earlier than declared. Emissions are paid on what came true.
"""

from __future__ import annotations

import heapq
import itertools
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from gridtide.domain.effect import Verb
from gridtide.domain.errors import InvalidInput
from gridtide.domain.instants import duration_ns, from_ns, to_ns
from gridtide.domain.interval import Interval
from gridtide.engine.engine import Engine
from gridtide.engine.work import NEVER_NS
from gridtide.planning import question
from gridtide.simulation.job import Job, Run
from gridtide.simulation.rooms import Rooms

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from datetime import datetime

    from gridtide.domain.ports import Reading
    from gridtide.domain.series import Series
    from gridtide.engine.engine import Policy
    from gridtide.engine.step import Decided, Order
    from gridtide.engine.work import Work
    from gridtide.simulation.belief import Belief
    from gridtide.simulation.routing import Router

__all__ = ["World", "simulate"]

_TELL_EVERY: Final = 200


@dataclass(slots=True)
class _Tracked:
    job: Job
    rank: int
    left_ns: int
    zone: str
    begun_ns: int = NEVER_NS
    pieces: list[tuple[int, int]] = field(default_factory=list)
    decisions: int = 0
    blind: int = 0
    forced: bool = False
    ready_ns: int = NEVER_NS
    waited_ns: int = 0
    planned_mean: float | None = None


@dataclass(slots=True)
class World:
    """
    Virtual time around one engine.

    Args:
        engine: A fresh engine.
        beliefs: What is known when, by zone.
        rooms: Executors and how many of them are busy.
        router: Where work may go besides home; the engine must decide by it. None keeps all work home.
    """

    engine: Engine
    beliefs: Mapping[str, Iterator[tuple[int, Reading]]]
    rooms: Rooms = field(default_factory=Rooms)
    router: Router | None = None
    _news: Iterator[tuple[int, str, Reading]] = field(init=False)
    _upcoming: tuple[int, str, Reading] | None = field(init=False)
    _tracked: dict[Work, _Tracked] = field(init=False, default_factory=dict)
    _finished: dict[int, Run] = field(init=False, default_factory=dict)
    _ends: list[tuple[int, int, Work]] = field(init=False, default_factory=list)
    _count: itertools.count[int] = field(init=False, default_factory=itertools.count)

    def __post_init__(self) -> None:
        self._news = heapq.merge(*(_named(zone, told) for zone, told in self.beliefs.items()), key=_instant_of)
        self._upcoming = next(self._news, None)

    def run(self, jobs: Sequence[Job], *, progress: Callable[[int], None] | None = None) -> list[Run]:
        """
        Live through all *jobs*; returns one run for each, in the order of *jobs*.

        Args:
            jobs: With a release each.
            progress: Called with the number of finished jobs now and then.
        """
        arrivals = deque(sorted(((_arrival(job), k) for k, job in enumerate(jobs))))
        now_ns = wake_ns = NEVER_NS
        told = 0
        while len(self._finished) < len(jobs):
            soonest = min(self._next_event_ns(), wake_ns, arrivals[0][0] if arrivals else NEVER_NS)
            now_ns = soonest if now_ns == NEVER_NS else max(now_ns, soonest)
            if now_ns == NEVER_NS:
                raise InvalidInput("the simulation has nothing left to wait for, yet jobs are not finished")
            readings = self._news_until(now_ns)
            self._end_until(now_ns)
            now = from_ns(now_ns)
            while arrivals and arrivals[0][0] <= now_ns:
                rank = arrivals.popleft()[1]
                self._admit(jobs[rank], rank, now)
            wake_ns = self._cycle(now_ns, now, readings)
            if progress is not None and len(self._finished) >= told + _TELL_EVERY:
                told = len(self._finished)
                progress(told)
        return [self._finished[k] for k in range(len(jobs))]

    def _next_event_ns(self) -> int:
        news = self._upcoming[0] if self._upcoming else NEVER_NS
        return min(news, self._ends[0][0] if self._ends else NEVER_NS)

    def _news_until(self, now_ns: int) -> dict[str, Reading]:
        readings: dict[str, Reading] = {}
        while self._upcoming and self._upcoming[0] <= now_ns:
            readings[self._upcoming[1]] = self._upcoming[2]
            self._upcoming = next(self._news, None)
        return readings

    def _admit(self, job: Job, rank: int, now: datetime) -> None:
        also = () if self.router is None else self.router.elsewhere(job.zone)
        work = self.engine.admit(job.workload, str(rank), now=now, zone=job.zone, also=also)
        self._tracked[work] = _Tracked(job, rank, duration_ns(job.true_duration or job.workload.duration), job.zone)

    def _cycle(self, now_ns: int, now: datetime, readings: Mapping[str, Reading]) -> int:
        """Ask the engine, carry out what it orders until it orders nothing more; returns when to ask again. [ns]"""
        if self.router is not None:
            self.router.hear(readings)
        step = self.engine.cycle_ns(now_ns, now, readings)
        self._note(step.decided)
        while step.orders:
            for item in step.orders:
                self._carry_out(item, now_ns)
            step = self.engine.cycle_ns(now_ns, now)
            self._note(step.decided)
        return step.wake_ns

    def _note(self, decided: Sequence[Decided]) -> None:
        for made in decided:
            tracked = self._tracked[made.work]
            tracked.decisions += 1
            tracked.blind += not question.was_planned(made.decision)
            if tracked.planned_mean is None:
                tracked.planned_mean = made.decision.mean

    # -- executors -------------------------------------------------------------------------------------------------

    def _carry_out(self, item: Order, now_ns: int) -> None:
        work, now = item.work, from_ns(now_ns)
        tracked = self._tracked[work]
        if item.verb is Verb.PAUSE:
            self._stop(work, now_ns)
            self.engine.paused(work, now)
            return
        first = not tracked.pieces
        if not ((self._is_placed(item, tracked, now_ns) if first else True) and self._has_room(item, tracked, now_ns)):
            return
        if tracked.ready_ns < NEVER_NS:
            tracked.waited_ns += now_ns - tracked.ready_ns
            tracked.ready_ns = NEVER_NS
        tracked.forced = tracked.forced or (item.forced and first)
        tracked.begun_ns = now_ns
        self.rooms.take(tracked.zone)
        if not first:
            tracked.left_ns += duration_ns(tracked.job.workload.suspend_cost)
        elif self.router is not None:
            self.router.begun(tracked.job.workload, tracked.zone, now_ns)
        heapq.heappush(self._ends, (now_ns + tracked.left_ns, next(self._count), work))
        self.engine.started(work, now)

    def _is_placed(self, item: Order, tracked: _Tracked, now_ns: int) -> bool:
        """Settle where the work starts; False where it cannot start yet, which the engine is told."""
        work, workload = item.work, tracked.job.workload
        if self.router is None:
            return True
        unplaced = work.decision is None and not tracked.decisions
        if item.forced and (unplaced or self._may_look_around(tracked)):
            made = self.engine.account_for(work, from_ns(now_ns))
            self._note(() if made is None else (made,))
        tracked.zone, there_ns = self.router.destination(workload)
        if there_ns > now_ns:
            self.engine.postponed(work, from_ns(there_ns))
            return False
        if tracked.zone == tracked.job.zone or not self.rooms.is_full(tracked.zone):
            return True
        if item.forced and not self.rooms.is_full(tracked.job.zone):
            tracked.zone = tracked.job.zone
        elif not item.forced and not self.router.is_bound(workload):
            self.router.turn_back(workload)
            self.engine.unplanned(work, from_ns(now_ns))
            return False
        return True

    def _may_look_around(self, tracked: _Tracked) -> bool:
        """Whether work that may not wait, and found no room before, is placed anew: some limited zone has room now."""
        held = tracked.ready_ns < NEVER_NS and not tracked.job.workload.elasticity.may_wait
        return held and any(not self.rooms.is_full(zone) for zone in self.rooms.limits)

    def _has_room(self, item: Order, tracked: _Tracked, now_ns: int) -> bool:
        """Whether an executor is free; if not, the work is ready and asks again when one may be."""
        if not self.rooms.is_full(tracked.zone):
            return True
        tracked.ready_ns = min(tracked.ready_ns, now_ns)
        anywhere = self.router is not None and not tracked.job.workload.elasticity.may_wait
        wanted = {tracked.zone, *(self.rooms.limits if anywhere else ())}
        free_ns = min((end for end, _, w in self._ends if self._tracked[w].zone in wanted), default=now_ns)
        if tracked.zone != tracked.job.zone and now_ns < item.work.forced_ns:
            free_ns = min(free_ns, item.work.forced_ns)
        self.engine.postponed(item.work, from_ns(max(free_ns, now_ns + 1000)))
        return False

    def _stop(self, work: Work, now_ns: int) -> None:
        tracked = self._tracked[work]
        if now_ns > tracked.begun_ns:
            tracked.pieces.append((tracked.begun_ns, now_ns))
        tracked.left_ns -= now_ns - tracked.begun_ns
        tracked.begun_ns = NEVER_NS
        self.rooms.leave(tracked.zone)
        self._ends = [entry for entry in self._ends if entry[2] is not work]
        heapq.heapify(self._ends)

    def _end_until(self, now_ns: int) -> None:
        while self._ends and self._ends[0][0] <= now_ns:
            end_ns, _, work = heapq.heappop(self._ends)
            tracked = self._tracked.pop(work)
            tracked.pieces.append((tracked.begun_ns, end_ns))
            self.rooms.leave(tracked.zone)
            self.engine.ended(work)
            haul, uncertain = (None, False) if self.router is None else self.router.over(tracked.job.workload)
            self._finished[tracked.rank] = Run(
                tracked.job,
                _joined(tracked.pieces),
                work.latest_ns,
                tracked.decisions,
                tracked.forced,
                tracked.waited_ns,
                tracked.planned_mean,
                tracked.zone,
                haul,
                uncertain,
                tracked.blind,
            )


def simulate(
    jobs: Sequence[Job],
    truth: Mapping[str, Series],
    belief: Belief,
    *,
    policy: Policy,
    window: Interval,
    rooms: Mapping[str, int] | None = None,
    progress: Callable[[int], None] | None = None,
) -> list[Run]:
    """
    Run *jobs* through the production engine with one kind of belief in every zone.

    Raises:
        InvalidInput: A job has no release or lies in a zone without truth.
    """
    for job in jobs:
        if job.zone not in truth:
            raise InvalidInput(
                f"job {job.workload.id!r} is in zone {job.zone!r}; known: {', '.join(truth)}", field="zone"
            )
    beliefs = {zone: belief.readings(series, window) for zone, series in truth.items()}
    return World(Engine(policy), beliefs, Rooms(rooms or {})).run(jobs, progress=progress)


def _arrival(job: Job) -> int:
    if job.workload.release is None:
        raise InvalidInput(f"job {job.workload.id!r} has no release; a simulated job arrives then", field="release")
    return to_ns(job.workload.release)


def _named(zone: str, told: Iterator[tuple[int, Reading]]) -> Iterator[tuple[int, str, Reading]]:
    return ((when, zone, reading) for when, reading in told)


def _instant_of(entry: tuple[int, str, Reading]) -> int:
    return entry[0]


def _joined(pieces: list[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    merged: list[tuple[int, int]] = []
    for start, end in pieces:
        if merged and merged[-1][1] == start:
            merged[-1] = (merged[-1][0], end)
        else:
            merged.append((start, end))
    return tuple(merged)

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
from typing import TYPE_CHECKING, Final, NamedTuple

from gridtide.domain.effect import Verb
from gridtide.domain.errors import InvalidInput
from gridtide.domain.instants import duration_ns, from_ns, to_ns
from gridtide.domain.interval import Interval
from gridtide.engine.engine import Engine
from gridtide.engine.work import NEVER_NS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from datetime import datetime, timedelta

    from gridtide.domain.ports import Reading
    from gridtide.domain.series import Series
    from gridtide.domain.workload import Workload
    from gridtide.engine.engine import Policy
    from gridtide.engine.step import Decided, Order
    from gridtide.engine.work import Work
    from gridtide.simulation.belief import Belief

__all__ = ["Job", "Run", "World", "simulate"]

_TELL_EVERY: Final = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """
    One piece of work in a simulation.

    Args:
        workload: As it is declared; *release* is its arrival.
        zone: Where it runs.
        true_duration: How long it really takes; the declared duration when left out.
    """

    workload: Workload
    zone: str
    true_duration: timedelta | None = None


class Run(NamedTuple):
    """
    What became of a job.

    Attributes:
        job: Which.
        pieces: When it ran, in order. [ns]
        latest_ns: Latest start it was promised. [ns]
        decisions: How often it was planned.
        forced: Whether the guard started it.
        waited_for_room_ns: Time it was ready but no executor was free. [ns]
        planned_mean: Mean that the first plan expected; None when nothing was ever known. [signal.unit]
    """

    job: Job
    pieces: tuple[tuple[int, int], ...]
    latest_ns: int
    decisions: int
    forced: bool
    waited_for_room_ns: int
    planned_mean: float | None = None

    @property
    def intervals(self) -> tuple[Interval, ...]:
        """When it ran."""
        return tuple(Interval(from_ns(a), from_ns(b)) for a, b in self.pieces)

    @property
    def lateness_ns(self) -> int:
        """How much later than promised it started; zero when in time. [ns]"""
        return max(0, self.pieces[0][0] - self.latest_ns)


@dataclass(slots=True)
class _Tracked:
    job: Job
    rank: int
    left_ns: int
    begun_ns: int = NEVER_NS
    pieces: list[tuple[int, int]] = field(default_factory=list)
    decisions: int = 0
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
        rooms: Jobs that may run at once, by zone; no entry means no limit.
    """

    engine: Engine
    beliefs: Mapping[str, Iterator[tuple[int, Reading]]]
    rooms: Mapping[str, int] = field(default_factory=dict)
    _news: Iterator[tuple[int, str, Reading]] = field(init=False)
    _upcoming: tuple[int, str, Reading] | None = field(init=False)
    _tracked: dict[Work, _Tracked] = field(init=False, default_factory=dict)
    _finished: dict[int, Run] = field(init=False, default_factory=dict)
    _ends: list[tuple[int, int, Work]] = field(init=False, default_factory=list)
    _count: itertools.count[int] = field(init=False, default_factory=itertools.count)
    _busy: dict[str, int] = field(init=False, default_factory=dict)

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
        work = self.engine.admit(job.workload, str(rank), now=now, zone=job.zone)
        self._tracked[work] = _Tracked(job, rank, duration_ns(job.true_duration or job.workload.duration))

    def _cycle(self, now_ns: int, now: datetime, readings: Mapping[str, Reading]) -> int:
        """Ask the engine, carry out what it orders until it orders nothing more; returns when to ask again. [ns]"""
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
            if tracked.planned_mean is None:
                tracked.planned_mean = made.decision.mean

    # -- executors -------------------------------------------------------------------------------------------------

    def _carry_out(self, item: Order, now_ns: int) -> None:
        work, now = item.work, from_ns(now_ns)
        tracked = self._tracked[work]
        zone = tracked.job.zone
        if item.verb is Verb.PAUSE:
            self._stop(work, now_ns)
            self.engine.paused(work, now)
            return
        room = self.rooms.get(zone)
        if room is not None and self._busy.get(zone, 0) >= room:
            tracked.ready_ns = min(tracked.ready_ns, now_ns)
            free_ns = min((end for end, _, w in self._ends if self._tracked[w].job.zone == zone), default=now_ns)
            self.engine.postponed(work, from_ns(max(free_ns, now_ns + 1000)))
            return
        if tracked.ready_ns < NEVER_NS:
            tracked.waited_ns += now_ns - tracked.ready_ns
            tracked.ready_ns = NEVER_NS
        tracked.forced = tracked.forced or (item.forced and not tracked.pieces)
        tracked.begun_ns = now_ns
        self._busy[zone] = self._busy.get(zone, 0) + 1
        if tracked.pieces:
            tracked.left_ns += duration_ns(tracked.job.workload.suspend_cost)
        heapq.heappush(self._ends, (now_ns + tracked.left_ns, next(self._count), work))
        self.engine.started(work, now)

    def _stop(self, work: Work, now_ns: int) -> None:
        tracked = self._tracked[work]
        if now_ns > tracked.begun_ns:
            tracked.pieces.append((tracked.begun_ns, now_ns))
        tracked.left_ns -= now_ns - tracked.begun_ns
        tracked.begun_ns = NEVER_NS
        self._busy[tracked.job.zone] -= 1
        self._ends = [entry for entry in self._ends if entry[2] is not work]
        heapq.heapify(self._ends)

    def _end_until(self, now_ns: int) -> None:
        while self._ends and self._ends[0][0] <= now_ns:
            end_ns, _, work = heapq.heappop(self._ends)
            tracked = self._tracked.pop(work)
            tracked.pieces.append((tracked.begun_ns, end_ns))
            self._busy[tracked.job.zone] -= 1
            self.engine.ended(work)
            self._finished[tracked.rank] = Run(
                tracked.job,
                _joined(tracked.pieces),
                work.latest_ns,
                tracked.decisions,
                tracked.forced,
                tracked.waited_ns,
                tracked.planned_mean,
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
    return World(Engine(policy), beliefs, rooms or {}).run(jobs, progress=progress)


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

"""
A virtual world around the production engine: time that jumps, jobs that arrive, readings that become known.

Nothing of the engine or planner is replaced. The world only does what real owners do: it admits work at its arrival,
hands over readings when they become known, carries out orders on executors with limited room, and says when a run
has ended, which may be later or earlier than declared. Emissions are paid on what came true.
"""

from __future__ import annotations

import heapq
import itertools
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NamedTuple

from gridtide.domain.effect import Verb
from gridtide.domain.errors import InvalidInput
from gridtide.domain.instants import duration_ns, from_ns, to_ns
from gridtide.domain.interval import Interval
from gridtide.engine.engine import Engine
from gridtide.engine.work import NEVER_NS, Stage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from datetime import timedelta

    from gridtide.domain.ports import Reading
    from gridtide.domain.series import Series
    from gridtide.domain.workload import Workload
    from gridtide.engine.engine import Policy
    from gridtide.engine.step import Order
    from gridtide.engine.work import Work
    from gridtide.simulation.belief import Belief

__all__ = ["Job", "Run", "World", "simulate"]

_NO_ROOM_NS: Final = 60_000_000_000


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
    """

    job: Job
    pieces: tuple[tuple[int, int], ...]
    latest_ns: int
    decisions: int
    forced: bool
    waited_for_room_ns: int

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
    left_ns: int
    begun_ns: int = NEVER_NS
    pieces: list[tuple[int, int]] = field(default_factory=list)
    decisions: int = 0
    forced: bool = False
    ready_ns: int = NEVER_NS
    waited_ns: int = 0


@dataclass(slots=True)
class World:
    """
    Virtual time around one engine.

    Args:
        engine: A fresh engine.
        truth: What comes true, by zone.
        beliefs: What is known when, by zone.
        window: Readings become known inside it.
        rooms: Jobs that may run at once, by zone; no entry means no limit.
    """

    engine: Engine
    truth: Mapping[str, Series]
    beliefs: Mapping[str, Iterator[tuple[int, Reading]]]
    window: Interval
    rooms: Mapping[str, int] = field(default_factory=dict)
    _tracked: dict[Work, _Tracked] = field(init=False, default_factory=dict)
    _ends: list[tuple[int, int, Work]] = field(init=False, default_factory=list)
    _count: itertools.count[int] = field(init=False, default_factory=itertools.count)
    _busy: dict[str, int] = field(init=False, default_factory=dict)

    def run(self, jobs: Sequence[Job], *, progress: Callable[[int], None] | None = None) -> list[Run]:
        """
        Live through all *jobs*; returns one run for each, in their order of arrival.

        Args:
            jobs: With a release each.
            progress: Called with the number of finished jobs now and then.
        """
        arrivals = sorted(((_arrival(job), k, job) for k, job in enumerate(jobs)), key=lambda a: a[:2])
        news = heapq.merge(*(((when, zone, r) for when, r in it) for zone, it in self.beliefs.items()), key=_first)
        upcoming = next(news, None)
        waiting, done = len(arrivals), 0
        position, now_ns = 0, min((a[0] for a in arrivals[:1]), default=0)
        finished: dict[int, Run] = {}
        order: dict[Work, int] = {}
        wake_ns = NEVER_NS
        while len(finished) < waiting:
            next_arrival = arrivals[position][0] if position < len(arrivals) else NEVER_NS
            next_news = upcoming[0] if upcoming else NEVER_NS
            next_end = self._ends[0][0] if self._ends else NEVER_NS
            now_ns = max(now_ns, min(next_arrival, next_news, next_end, wake_ns))
            if now_ns == NEVER_NS:
                raise InvalidInput("the simulation has nothing left to wait for, yet jobs are not finished")
            readings: dict[str, Reading] = {}
            while upcoming and upcoming[0] <= now_ns:
                readings[upcoming[1]] = upcoming[2]
                upcoming = next(news, None)
            for work in self._end_until(now_ns):
                finished[order[work]] = self._close(work)
            now = from_ns(now_ns)
            while position < len(arrivals) and arrivals[position][0] <= now_ns:
                _, k, job = arrivals[position]
                work = self.engine.admit(job.workload, str(k), now=now, zone=job.zone)
                self._tracked[work] = _Tracked(job, duration_ns(job.true_duration or job.workload.duration))
                order[work] = k
                position += 1
            step = self.engine.cycle_ns(now_ns, now, readings)
            for decided in step.decided:
                self._tracked[decided.work].decisions += 1
            for item in step.orders:
                self._carry_out(item, now_ns)
            wake_ns = self.engine.cycle_ns(now_ns, now).wake_ns if step.orders else step.wake_ns
            if progress is not None and len(finished) // 1000 > done // 1000:
                progress(len(finished))
            done = len(finished)
        return [finished[k] for k in sorted(finished)]

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

    def _end_until(self, now_ns: int) -> Iterator[Work]:
        while self._ends and self._ends[0][0] <= now_ns:
            end_ns, _, work = heapq.heappop(self._ends)
            tracked = self._tracked[work]
            tracked.pieces.append((tracked.begun_ns, end_ns))
            self._busy[tracked.job.zone] -= 1
            self.engine.ended(work)
            yield work

    def _close(self, work: Work) -> Run:
        assert work.stage is Stage.OVER  # noqa: S101 - the engine was told
        tracked = self._tracked.pop(work)
        return Run(
            tracked.job, _joined(tracked.pieces), work.latest_ns, tracked.decisions, tracked.forced, tracked.waited_ns
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
    world = World(Engine(policy), truth, beliefs, window, rooms or {})
    return world.run(jobs, progress=progress)


def _arrival(job: Job) -> int:
    if job.workload.release is None:
        raise InvalidInput(f"job {job.workload.id!r} has no release; a simulated job arrives then", field="release")
    return to_ns(job.workload.release)


def _first(entry: tuple[int, str, Reading]) -> int:
    return entry[0]


def _joined(pieces: list[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    merged: list[tuple[int, int]] = []
    for start, end in pieces:
        if merged and merged[-1][1] == start:
            merged[-1] = (merged[-1][0], end)
        else:
            merged.append((start, end))
    return tuple(merged)

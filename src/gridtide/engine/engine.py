"""
The deciding core: take due work, ask for a decision, order by urgency, let go at a bounded rate, say when to wake.

Plain functions of the instants and readings they are given: nothing here waits, reads a clock or touches the world.
Its owner does (`gridtide.engine.loop` on real time, the simulator on virtual time), carries out the orders of a
`Step`, and tells the engine what became of them with `started`, `paused`, `postponed` or `ended`. Work whose start is
given (`admit_planned`) costs a heap entry and no planner call, so that simulations can run the same core.

The guard stands here too: every waiting piece of work has an entry in the heap at its latest start, which no plan,
no reading and no failing planner can move.
"""

from __future__ import annotations

import hashlib
import heapq
import itertools
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from gridtide.domain.decision import Action, FreshnessStep
from gridtide.domain.effect import Verb
from gridtide.domain.instants import duration_ns, from_ns, to_ns
from gridtide.domain.units import NS_PER_SECOND
from gridtide.engine.pauses import Pauses
from gridtide.engine.ramp import Ramp
from gridtide.engine.step import Decided, Order, Step
from gridtide.engine.work import NEVER_NS, Stage, Work
from gridtide.planning import question
from gridtide.planning.question import DWELL, GRACE, Question

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from datetime import datetime

    from gridtide.domain.decision import Decision
    from gridtide.domain.ports import Reading
    from gridtide.domain.workload import Workload
    from gridtide.planning.plan import PlanOptions

__all__ = ["Engine", "Policy"]

_AFTER_FAULT_NS: Final = 60 * NS_PER_SECOND
_TIDY_AT: Final = 4096
_NO_READINGS: Final[Mapping[str, Reading]] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """
    How the engine decides and releases.

    Args:
        method: Planning method.
        options: Its options; None takes the planner's defaults.
        grace: How long work waits without a usable signal.
        dwell: How long a plan stands before another forecast may replace it.
        longest_wait: Bound for work that states none; waiting is never unbounded.
        pauses: Whether interruptible work is paused and continued.
        per_second: Release rate; None means no limit. [1/s]
        burst: Most releases at one instant.
        jitter: Planned starts are spread over this span, by a number seeded with *seed* and the work's name.
        seed: Of the jitter and of the order among equals.
    """

    method: str = "auto"
    options: PlanOptions | None = None
    grace: timedelta = GRACE
    dwell: timedelta = DWELL
    longest_wait: timedelta = timedelta(hours=24)
    pauses: bool = False
    per_second: float | None = None
    burst: int = 1
    jitter: timedelta = timedelta(0)
    seed: int = 0


@dataclass(slots=True)
class Engine:
    """
    Holds accepted work and decides what happens to it.

    Args:
        policy: How to decide and release.
        decide: Answers a question; `gridtide.planning.question.answer` unless a test or simulator has another.
    """

    policy: Policy = field(default_factory=Policy)
    decide: Callable[[Question], Decision] = question.answer
    ramp: Ramp = field(init=False)
    _wakes: list[tuple[int, int, Work]] = field(init=False, default_factory=list)
    _queue: list[tuple[int, int, int, int, Work]] = field(init=False, default_factory=list)
    _tidy_at: int = field(init=False, default=_TIDY_AT)
    _order: itertools.count[int] = field(init=False, default_factory=itertools.count)
    _readings: dict[str, Reading] = field(init=False, default_factory=dict)
    _replanned: dict[str, dict[Work, None]] = field(init=False, default_factory=dict)
    _pauses: Pauses = field(init=False)

    def __post_init__(self) -> None:
        self.ramp = Ramp(self.policy.per_second, self.policy.burst)
        self._pauses = Pauses(self.policy.dwell)

    # -- accepting -------------------------------------------------------------------------------------------------

    def admit(
        self, workload: Workload, occurrence: str, *, now: datetime, zone: str = "", also: tuple[str, ...] = ()
    ) -> Work:
        """
        Accept work: from here on it starts by its latest start, which for hard and soft work is its release.

        Args:
            workload: What to run; its release and bounds are fixed as seen at *now*.
            occurrence: Which run of it.
            now: Instant of acceptance.
            zone: Key of the readings to plan on.
            also: Keys of readings that bear on it too; new values there have it planned again.
        """
        release = workload.release_at(now)
        bounded = workload.deadline is not None or workload.max_delay is not None
        longest = workload.max_delay if bounded else self.policy.longest_wait
        if not workload.elasticity.may_wait:
            longest = timedelta(0)
        fixed = replace(workload, release=release, max_delay=longest)
        latest = fixed.latest_start(now)
        assert latest is not None  # noqa: S101 - it has a bound now
        latest_ns = to_ns(latest)
        # what may not wait is never spread, so it takes no place among those that are
        forced_ns = self.ramp.reserve(latest_ns, to_ns(now)) if workload.elasticity.may_wait else latest_ns
        work = Work(
            workload.id,
            occurrence,
            latest_ns,
            max(to_ns(release), forced_ns),
            workload=fixed,
            zone=zone,
            also=also,
            priority=workload.priority,
            tie=self._tie(workload.id, occurrence),
        )
        for key in (zone, *also):
            self._replanned.setdefault(key, {})[work] = None
        self._wake(work, to_ns(now))
        return work

    def admit_planned(self, name: str, occurrence: str, start_ns: int, latest_ns: int, *, priority: int = 0) -> Work:
        """Accept work whose start is given; it is never planned again. [ns]"""
        work = Work(name, occurrence, latest_ns, latest_ns, priority=priority, planned_ns=start_ns, due_ns=start_ns)
        self._wake(work, min(start_ns, latest_ns))
        return work

    def watches(self, zone: str) -> bool:
        """Whether any work would still be planned on readings of *zone*."""
        return bool(self._replanned.get(zone))

    # -- the cycle -------------------------------------------------------------------------------------------------

    def cycle(self, now: datetime, readings: Mapping[str, Reading] = _NO_READINGS) -> Step:
        """
        Decide what is to be done at *now*.

        Args:
            now: The instant to decide for.
            readings: What is known, by zone; a reading that is another object than last time means new values, and
                everything planned on it is planned again.
        """
        return self.cycle_ns(to_ns(now), now, readings)

    def cycle_ns(
        self, now_ns: int, now: datetime | None = None, readings: Mapping[str, Reading] = _NO_READINGS
    ) -> Step:
        """`cycle` for owners that count in nanoseconds. [ns]"""
        for zone, reading in readings.items():
            if self._readings.get(zone) is not reading:
                self._readings[zone] = reading
                self._wake_all(self._replanned.get(zone, ()), now_ns)
        orders: list[Order] = []
        decided: list[Decided] = []
        faults: list[str] = []
        heap = self._wakes
        while heap and heap[0][0] <= now_ns:
            wake_ns, _, work = heapq.heappop(heap)
            if work.wake_ns != wake_ns:
                continue
            work.wake_ns = NEVER_NS
            try:
                self._consider(work, now_ns, now, orders, decided)
            except Exception as error:  # noqa: BLE001 - one faulty decision strands neither this work nor the others
                faults.append(f"deciding about {work.id} failed: {error!r}"[:300])
                self._wake(work, now_ns + _AFTER_FAULT_NS)
        if len(orders) > 1:
            orders.sort(key=_urgency)
        if self._queue:
            orders += self._release(now_ns)
        return Step(orders, decided, faults, self._next_wake(now_ns))

    def account_for(self, work: Work, now: datetime) -> Decided | None:
        """The decision behind a start that the guard demanded, for the record; None when deciding fails."""
        try:
            asked = self._question(work, to_ns(now), now)
            return None if asked is None else Decided(work, asked, self.decide(asked))
        except Exception:  # noqa: BLE001 - the start has happened; only its account is missing
            return None

    # -- what became of an order -----------------------------------------------------------------------------------

    def started(self, work: Work, at: datetime) -> None:
        """The work runs, or runs again."""
        work.begin(to_ns(at))
        work.busy = False
        if self.policy.pauses and work.may_pause:
            self._wake(work, self._pauses.after_begin(work))
        else:
            self._forget(work)

    def paused(self, work: Work, at: datetime) -> None:
        """The work stands still; it goes on as planned, and in time whatever happens."""
        now_ns = to_ns(at)
        work.halt(now_ns)
        work.busy = False
        self._wake(work, self._pauses.after_halt(work, now_ns))

    def postponed(self, work: Work, until: datetime, *, epoch: int | None = None) -> None:
        """The order could not be carried out; try again at *until*, not before."""
        if work.stage is Stage.ORDERED:
            work.hand_back(epoch=epoch)
        work.busy = False
        self._push(work, to_ns(until))

    def unplanned(self, work: Work, at: datetime) -> None:
        """The order cannot be carried out as planned, because a place is full; plan it anew at *at*."""
        work.forget_plan()
        self.postponed(work, at)

    def kept_running(self, work: Work) -> None:
        """A pause was refused by the platform; the work runs to its end."""
        self._forget(work)

    def hold(self, work: Work, affordable_at: datetime, *, now: datetime) -> None:
        """A carbon budget cannot pay for waiting *work* before *affordable_at*; its latest start stands."""
        if work.stage is Stage.WAITING:
            work.budget_from_ns = to_ns(affordable_at)
            work.queued = False
            self._wake(work, to_ns(now))

    def afford(self, work: Work, *, now: datetime) -> None:
        """Its budget can pay: plan *work* freely again."""
        if work.budget_from_ns is not None:
            work.budget_from_ns = None
            work.forget_plan()
            if work.stage is Stage.WAITING:
                self._wake(work, to_ns(now))

    def ended(self, work: Work) -> None:
        """The work is over, cancelled or taken by somebody else."""
        self._forget(work)
        work.end()

    # -- inside ----------------------------------------------------------------------------------------------------

    def _consider(
        self, work: Work, now_ns: int, now: datetime | None, orders: list[Order], decided: list[Decided]
    ) -> None:
        if work.stage is Stage.WAITING:
            if work.forced_ns <= now_ns:
                work.order()
                orders.append(Order(work, Verb.START, forced=True))
            elif work.is_due_as_planned(now_ns, self._readings.get(work.zone)):
                self._let_go(work, now_ns, orders)
            else:
                self._plan(work, now_ns, now or from_ns(now_ns), orders, decided)
        elif work.stage in {Stage.RUNNING, Stage.PAUSED}:
            asked = self._question(work, now_ns, now or from_ns(now_ns))
            turn = self._pauses.consider(work, now_ns, self._readings.get(work.zone), asked, self.decide)
            decided += turn.decided
            orders += turn.orders
            work.busy = bool(turn.orders)
            if not work.busy:
                self._wake(work, turn.wake_ns)

    def _plan(self, work: Work, now_ns: int, now: datetime, orders: list[Order], decided: list[Decided]) -> None:
        asked = self._question(work, now_ns, now)
        assert asked is not None  # noqa: S101 - waiting work has all of itself left
        decision = self.decide(asked)
        decided.append(Decided(work, asked, decision))
        work.plan_for(decision, now_ns, self._readings.get(work.zone), usable=question.was_planned(decision))
        if decision.action not in {Action.WAIT, Action.REFUSE}:
            self._let_go(work, now_ns, orders)
            return
        start_ns = NEVER_NS if decision.start is None else to_ns(decision.start)
        if start_ns < NEVER_NS and self.policy.jitter:
            start_ns += duration_ns(self.policy.jitter) * work.tie >> 32
        work.due_ns = min(max(start_ns, now_ns + 1), work.forced_ns)
        again_ns = NEVER_NS if decision.wake_at is None else max(to_ns(decision.wake_at), now_ns + 1)
        self._wake(work, min(work.due_ns, again_ns))

    def _question(self, work: Work, now_ns: int, now: datetime) -> Question | None:
        """The question to ask about *work* now; None when nothing of it is left to plan."""
        workload = work.workload if work.stage <= Stage.ORDERED else work.rest(now_ns)
        if workload is None:
            return None
        reading = self._readings.get(work.zone)
        policy = self.policy
        return Question(
            workload=workload,
            now=now,
            series=None if reading is None else reading.series,
            high=None if reading is None else reading.high,
            step=FreshnessStep.NONE if reading is None else reading.step,
            step_reason="nothing read yet" if reading is None else reading.reason,
            provisional=reading is not None and bool(reading.tried),
            method=policy.method,
            options=policy.options,
            planned=None if work.planned_ns is None else from_ns(work.planned_ns),
            planned_since=None if work.planned_since_ns is None else from_ns(work.planned_since_ns),
            no_data_since=None if work.no_data_since_ns is None else from_ns(work.no_data_since_ns),
            running=work.stage is Stage.RUNNING,
            budget_from=None if work.budget_from_ns is None else from_ns(work.budget_from_ns),
            grace=policy.grace,
            dwell=policy.dwell,
        )

    def _let_go(self, work: Work, now_ns: int, orders: list[Order]) -> None:
        """Ready to go: at once without a ramp, else when a token comes, or the guard if none does."""
        if self.ramp.per_second is None:
            work.order()
            orders.append(Order(work))
            return
        due_ns = now_ns if work.planned_ns is None else min(work.planned_ns, now_ns)
        work.queued = True
        heapq.heappush(self._queue, (-work.priority, due_ns, work.tie, next(self._order), work))
        self._wake(work, work.forced_ns)

    def _release(self, now_ns: int) -> list[Order]:
        """As many queued starts as there are tokens."""
        queue, released = self._queue, []
        while queue:
            work = queue[0][-1]
            if work.queued and work.stage is Stage.WAITING:
                if not self.ramp.take(now_ns):
                    break
                work.order()
                released.append(Order(work))
            heapq.heappop(queue)
        return released

    def _next_wake(self, now_ns: int) -> int:
        heap = self._wakes
        while heap and heap[0][2].wake_ns != heap[0][0]:
            heapq.heappop(heap)
        soonest = heap[0][0] if heap else NEVER_NS
        return min(soonest, self.ramp.next_token_ns(now_ns)) if self._queue else soonest

    def _wake(self, work: Work, wake_ns: int) -> None:
        """Look at *work* at *wake_ns*, and in any case when it must go."""
        held = work.stage is Stage.WAITING or work.stage is Stage.PAUSED
        self._push(work, min(wake_ns, work.forced_ns) if held else wake_ns)

    def _push(self, work: Work, wake_ns: int) -> None:
        work.wake_ns = wake_ns
        if wake_ns < NEVER_NS:
            if len(self._wakes) >= self._tidy_at:
                self._tidy()
            heapq.heappush(self._wakes, (wake_ns, next(self._order), work))

    def _tidy(self) -> None:
        """Drop wake-ups that a later one has replaced; new values every few minutes would pile them up (I12)."""
        newest = {id(work): (wake_ns, k, work) for wake_ns, k, work in self._wakes if work.wake_ns == wake_ns}
        self._wakes[:] = newest.values()
        heapq.heapify(self._wakes)
        self._tidy_at = max(_TIDY_AT, 2 * len(self._wakes))

    def _wake_all(self, works: Iterable[Work], now_ns: int) -> None:
        for work in works:
            if work.stage is not Stage.ORDERED and not work.busy:
                work.queued = False
                self._wake(work, now_ns)

    def _forget(self, work: Work) -> None:
        if work.workload is not None:
            for key in (work.zone, *work.also):
                self._replanned[key].pop(work, None)

    def _tie(self, name: str, occurrence: str) -> int:
        text = f"{self.policy.seed}\x1f{name}\x1f{occurrence}".encode("utf-8", "surrogateescape")
        return int.from_bytes(hashlib.blake2b(text, digest_size=4).digest())


def _urgency(order: Order) -> tuple[bool, int, int, int]:
    work = order.work
    return (not order.forced, work.forced_ns, -work.priority, work.tie)

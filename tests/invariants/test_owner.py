"""
Whatever fails around the owner of accepted work, the promises about that work hold.

Grid, executor, journal and wall clock fail at random and together, on virtual time; what is checked is the account of
the platform that runs the work, and the journal as somebody else reads it afterwards.
"""

import asyncio
from dataclasses import dataclass
from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from engine_world import Grid, PreparingExecutor, World, ask_for
from gridtide.domain.effect import EffectState, Verb
from gridtide.domain.errors import JournalUnavailable, ProviderUnavailable, Unreachable
from gridtide.domain.instants import to_ns
from gridtide.domain.workload import OnNoData, Workload
from gridtide.engine.engine import Engine, Policy
from gridtide.engine.feed import Pace
from gridtide.engine.loop import Owner, What
from gridtide.engine.work import Stage
from gridtide.ledger.journal import Journal
from gridtide.ledger.records import replay
from gridtide.planning.question import GRACE
from gridtide.testing.clock import FakeClock
from support import HOUR, T0

LATE = timedelta(seconds=5)
LOOK = timedelta(minutes=2)
RATE = 0.2
VALUES = st.lists(st.sampled_from([0.0, 50.0, 100.0, 300.0, None]), min_size=1, max_size=12)


@dataclass(frozen=True)
class Faults:
    """What goes wrong, hour by hour and call by call."""

    grid: list
    executor: list
    disk: list
    wall_steps_h: list

    def answer(self, now):
        """What the grid says in that hour; values are those of the hour it is."""
        state = self.grid[int((now - T0) / HOUR) % len(self.grid)]
        if state == "error":
            return ProviderUnavailable("down")
        if state == "bug":
            return RuntimeError("boom")
        if state == "hang":
            return asyncio.sleep(10**6)
        return state


class FlakyJournal:
    """A journal whose disk comes and goes; reading it afterwards is not touched."""

    def __init__(self, journal, disk):
        self._journal, self._disk, self._calls = journal, disk, 0

    def __getattr__(self, name):
        call = getattr(self._journal, name)

        def tried(*args, **kwargs):
            self._calls += 1
            if self._disk and self._disk[self._calls % len(self._disk)]:
                raise JournalUnavailable("disk is full")
            return call(*args, **kwargs)

        return tried


STATES = st.one_of(VALUES, st.sampled_from([None, "error", "bug", "hang"]))
FAULTS = st.builds(
    Faults,
    grid=st.lists(STATES, min_size=1, max_size=8),
    executor=st.lists(st.booleans(), max_size=4),
    disk=st.lists(st.booleans(), max_size=5),
    wall_steps_h=st.lists(st.integers(-48, 48), max_size=3),
)
JOBS = st.lists(
    st.tuples(st.integers(1, 3), st.integers(0, 8), st.sampled_from(list(OnNoData))), min_size=1, max_size=4
)


def live(jobs, faults, *, rate=None):
    """Accept the jobs, let everything happen, and return the platform's account, the journal and the news."""
    clock, world, news, journal = FakeClock(T0), World(), [], Journal(None)
    executor = PreparingExecutor(world, clock, errors=[Unreachable("busy") if e else None for e in faults.executor])
    made = Owner(
        Engine(Policy(per_second=rate)), executor, FlakyJournal(journal, faults.disk), Grid(clock, faults.answer),
        clock, pace=Pace(), look_s=LOOK.total_seconds(),
    )  # fmt: skip
    ends = set()

    async def end(work):
        await clock.sleep(work.workload.duration)
        await made.finish(work, detail="exit 0")

    def hear(item):
        news.append(item)
        if item.what is What.STARTED:
            ends.add(asyncio.get_running_loop().create_task(end(item.work)))

    async def step_wall():
        for hours in faults.wall_steps_h:
            await asyncio.sleep(3600)
            clock.step_wall(hours * HOUR)

    async def go():
        works = [
            made.take(
                Workload(id=f"w{k}", duration=h * HOUR, max_delay=slack * HOUR, on_no_data=rule), "run-1", zone="X",
                ask=ask_for,
            )
            for k, (h, slack, rule) in enumerate(jobs)
        ]  # fmt: skip
        made.tell = hear
        stepping = asyncio.get_running_loop().create_task(step_wall())
        await made.run()
        await made.write(lambda: None)
        stepping.cancel()
        return works

    return clock.run(go()), world, journal, news


@given(jobs=JOBS, faults=FAULTS)
@settings(max_examples=20, deadline=None)
def test_every_job_starts_once_in_time_and_ends(jobs, faults):
    """I1, I2, I3, I13: by its latest start, at most five seconds after; once; and nothing is left standing."""
    works, world, _, news = live(jobs, faults)
    started = {item.work.id: item.at for item in news if item.what is What.STARTED}

    assert sorted(name for name, *_ in world.begun) == sorted(f"w{k}" for k in range(len(jobs)))
    for k, (_, slack, _) in enumerate(jobs):
        assert started[f"w{k}"] <= T0 + slack * HOUR + LATE
    assert all(work.stage is Stage.OVER for work in works)
    assert not world.held


@given(jobs=JOBS, faults=FAULTS)
@settings(max_examples=25, deadline=None)
def test_what_was_written_is_one_story_and_replays(jobs, faults):
    """I2, I3, I9: no effect stands twice, what began is over, and every decision on record is reached again."""
    *_, journal, _ = live(jobs, faults)
    for k in range(len(jobs)):
        intents = [i for i in journal.intents(f"w{k}", "run-1") if i.key.verb is Verb.START]
        counted = [i for i in intents if i.state is not EffectState.FAILED]
        assert len(counted) <= 1
        if not faults.disk:
            assert [(i.state, i.detail) for i in counted] == [(EffectState.FINISHED, "exit 0")]
    records = journal.last(1000)

    assert faults.disk or records
    assert [replay(record) for record in records] == [record.decision for record in records]


@given(jobs=JOBS, silence=st.sampled_from([None, "error", "hang", "bug"]))
@settings(max_examples=25, deadline=None)
def test_without_any_signal_waiting_is_bounded_by_the_jobs_own_rule(jobs, silence):
    """I5: work that may start without data does after the grace time, work told to wait at its latest start."""
    _, _, _, news = live(jobs, Faults(grid=[silence], executor=[], disk=[], wall_steps_h=[]))
    started = {item.work.id: item.at for item in news if item.what is What.STARTED}
    for k, (_, slack, rule) in enumerate(jobs):
        bound = slack * HOUR if rule is OnNoData.WAIT else min(slack * HOUR, GRACE)
        assert started[f"w{k}"] <= T0 + bound + LOOK + LATE


@given(count=st.integers(5, 25), faults=FAULTS)
@settings(max_examples=20, deadline=None)
def test_a_green_hour_and_the_end_of_an_outage_are_no_stampede(count, faults):
    """I6: in any span no more starts than the rate and one burst allow, those that the deadline forces left out."""
    calm = Faults(grid=faults.grid, executor=[], disk=[], wall_steps_h=[])
    _, _, _, news = live([(1, 8, OnNoData.PROFILE)] * count, calm, rate=RATE)
    begun = [item for item in news if item.what is What.STARTED]
    free = sorted(to_ns(item.at) for item in begun if not item.forced)
    for i, first in enumerate(free):
        for n, last in enumerate(free[i:], start=1):
            assert n <= 1 + RATE * (last - first) / 1e9 + 1e-6

    assert len(begun) == count
    assert all(item.at <= T0 + 8 * HOUR + LATE for item in begun)

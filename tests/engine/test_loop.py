"""The owner on virtual time: bounded reads, journal-act-confirm, and a start that nothing delays."""

from __future__ import annotations

import asyncio
import threading
from datetime import timedelta

import pytest

from engine_world import (
    NIGHT,
    BrokenJournal,
    Grid,
    ObservingExecutor,
    PausingExecutor,
    PlainExecutor,
    PreparingExecutor,
    World,
    ask_for,
)
from gridtide.domain.decision import Reason
from gridtide.domain.effect import EffectKey, EffectState, Verb
from gridtide.domain.errors import NotFound, ProviderUnavailable, Refused, Unreachable
from gridtide.domain.workload import OnNoData, Workload
from gridtide.engine.actor import FAILPOINTS
from gridtide.engine.engine import Engine, Policy
from gridtide.engine.feed import Pace
from gridtide.engine.loop import Owner, What
from gridtide.engine.recorder import Recorder
from gridtide.ledger.journal import Journal
from gridtide.ledger.records import replay
from gridtide.ledger.schema import connect_memory
from gridtide.testing.clock import FakeClock
from support import HOUR, T0, at, hourly

SECOND = timedelta(seconds=1)
KEY = EffectKey("etl", "run-1")


@pytest.fixture
def clock():
    return FakeClock(T0)


@pytest.fixture
def journal(tmp_path):
    with Journal(tmp_path / "journal.sqlite3") as opened:
        yield opened


def job(**facts):
    return Workload(**{"id": "etl", "duration": HOUR, "deadline": at(8), **facts})


def owner(clock, executor, grid, journal, **facts):
    policy = facts.pop("policy", Policy())
    return Owner(Engine(policy), executor, journal, grid, clock, pace=Pace(), **{"look_s": 600.0, **facts})


class Crash(asyncio.CancelledError):
    """Stands for signal 9: whoever acts stops right here."""


def run(clock, made, *workloads, runs_for=HOUR, until=None):
    """Run the owner on the clock until all work is over; each started job runs its time."""
    news = []

    async def go():
        tell = made.tell
        works = [made.take(w, "run-1", zone="X", ask=ask_for) for w in workloads]
        pending = set()

        async def end(work):
            await clock.sleep(runs_for)
            await made.finish(work, detail="exit 0")

        def hear(item):
            news.append(item)
            tell(item)
            if item.what is What.STARTED:
                pending.add(asyncio.create_task(end(item.work)))

        made.tell = hear
        if until is None:
            await made.run()
            await made.write(lambda: None)
        else:
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(made.run(), (until - clock.now()).total_seconds())
        return works

    clock.run(go())
    return news


def starts(news):
    return [(n.at, n.forced) for n in news if n.what is What.STARTED]


def test_work_starts_in_the_cleanest_hour_and_is_recorded(clock, journal):
    """From acceptance to end: one start as planned, its intent, its decision, which replays."""
    world = World()
    made = owner(clock, PreparingExecutor(world, clock), Grid(clock, lambda _: NIGHT), journal)

    news = run(clock, made, job())
    (intent,) = journal.intents("etl", "run-1")
    record = journal.decision(made.decision_ids[next(iter(made.decision_ids))])

    assert [begun for *_, begun in world.begun] == [at(3)]
    assert starts(news) == [(at(3), False)]
    assert (intent.state, intent.detail) == (EffectState.FINISHED, "exit 0")
    assert record.decision.reason is Reason.LOWER_LATER
    assert replay(record) == record.decision


def hang(_now):
    return asyncio.sleep(10**6)


@pytest.mark.parametrize(
    "answers",
    [
        pytest.param(lambda _: None, id="no data"),
        pytest.param(lambda _: ProviderUnavailable("down"), id="a raising grid"),
        pytest.param(lambda _: RuntimeError("bug"), id="a faulty grid"),
        pytest.param(hang, id="a hanging grid"),
        pytest.param(lambda now: NIGHT if now < at(1) else hang(now), id="hanging later"),
    ],
)
@pytest.mark.parametrize("policy", [OnNoData.WAIT, OnNoData.RUN], ids=["wait", "run"])
def test_a_provider_that_fails_in_any_way_delays_no_start(clock, journal, answers, policy):
    """Down, faulty or hanging: the work starts once, at the latest at its latest start."""
    world = World()
    made = owner(clock, PreparingExecutor(world, clock), Grid(clock, answers), journal)

    news = run(clock, made, job(on_no_data=policy))

    assert len(world.begun) == len(starts(news)) == 1
    assert T0 <= world.begun[0][2] <= at(7) + SECOND


def test_a_hanging_question_is_given_up_and_asked_again(clock, journal):
    """A question that is never answered does not stop the next one from being asked."""
    asked = []

    def answers(now):
        asked.append(now)
        return hang(now) if len(asked) < 3 else NIGHT

    world = World()
    made = owner(clock, PreparingExecutor(world, clock), Grid(clock, answers), journal, look_s=1.0)
    run(clock, made, job())

    assert [(b - a) for a, b in zip(asked[:2], asked[1:3], strict=True)] == [timedelta(seconds=42)] * 2
    assert world.begun[0][2] == at(3)


def test_a_forced_start_is_accounted_for(clock, journal):
    """A start that the deadline demanded has a decision in the records that says so."""
    made = owner(clock, PreparingExecutor(World(), clock), Grid(clock, lambda _: None), journal)
    news = run(clock, made, job(on_no_data=OnNoData.WAIT))
    last = journal.last(1)[0]

    assert starts(news) == [(at(7), True)]
    assert last.decision.reason is Reason.DEADLINE
    assert replay(last) == last.decision


def test_the_same_values_again_are_no_news(clock, journal):
    """Reading every five minutes does not plan every five minutes."""
    grid = Grid(clock, lambda _: NIGHT)
    made = owner(clock, PreparingExecutor(World(), clock), grid, journal)
    news = run(clock, made, job())

    assert grid.asked > 30
    assert [n.what for n in news if n.what in {What.READING, What.DECIDED}] == [What.READING, What.DECIDED]


def test_a_new_forecast_moves_the_start(clock, journal):
    """When a forecast with a better hour arrives in mid-wait, the start moves there."""
    better = (300, 300, 200, 100, 300, 20, 300, 300)
    made = owner(
        clock, PreparingExecutor(world := World(), clock), Grid(clock, lambda now: NIGHT if now < at(1) else better),
        journal,
    )  # fmt: skip
    run(clock, made, job())

    assert world.begun[0][2] == at(5)


def test_values_that_grow_too_old_count_as_none(clock, journal):
    """An hour after the last good answer the policy for missing data applies."""
    made = owner(
        clock, PreparingExecutor(world := World(), clock),
        Grid(clock, lambda now: (300, 300, 300, 300, 300, 300, 100) if now < at(0.5) else None), journal,
    )  # fmt: skip
    news = run(clock, made, job(on_no_data=OnNoData.RUN))
    too_old = [n.at for n in news if n.what is What.READING][-1]

    assert too_old == at(25 / 60) + HOUR
    assert world.begun[0][2] == too_old + timedelta(minutes=30)


def test_a_listener_that_fails_delays_no_start(clock, journal):
    """Whoever shows or logs what happens may be broken; the work starts as planned."""

    def broken(_news):
        raise RuntimeError("the terminal is gone")

    world = World()
    made = owner(clock, PreparingExecutor(world, clock), Grid(clock, lambda _: NIGHT), journal, tell=broken)

    async def go():
        made.take(job(), "run-1", zone="X", ask=ask_for)
        task = asyncio.create_task(made.run())
        await clock.sleep(4 * HOUR)
        task.cancel()
        await asyncio.wait({task})

    clock.run(go())

    assert [begun for *_, begun in world.begun] == [at(3)]


# -- journal and executor faults ---------------------------------------------------------------------------------------


def test_a_full_disk_never_stops_a_release(clock):
    """With a journal that fails, work on an executor that cannot start twice begins as planned; one notice tells it."""
    world = World()
    made = owner(clock, PreparingExecutor(world, clock), Grid(clock, lambda _: NIGHT), BrokenJournal())
    news = run(clock, made, job())
    troubles = [n.message for n in news if n.what is What.TROUBLE]

    assert [begun for *_, begun in world.begun] == [at(3)]
    assert len(troubles) == 1
    assert troubles[0].endswith("disk is full; work goes on without records")


def test_a_hanging_journal_never_stops_a_release(clock):
    """A journal on a dead network disk is waited for a bounded time only."""
    gate = threading.Event()
    world = World()
    made = owner(clock, PreparingExecutor(world, clock), Grid(clock, lambda _: NIGHT), BrokenJournal(hang=gate))
    made.recorder._patience_s = 0.05

    async def go():
        made.take(job(deadline=clock.now() + HOUR), "run-1", zone="X", ask=ask_for)
        task = asyncio.create_task(made.run())
        while not world.begun:  # noqa: ASYNC110 - what begins is no task of this loop
            await asyncio.sleep(0.01)
        task.cancel()
        await asyncio.wait({task})

    asyncio.run(go())
    gate.set()

    assert len(world.begun) == 1


def test_a_hanging_journal_is_waited_for_once(clock):
    """After the first bounded wait further records are not waited for until the disk answers again."""
    gate = threading.Event()
    recorder = Recorder(BrokenJournal(hang=gate), tell=(told := []).append, patience_s=0.1)

    async def go():
        return [await recorder.claim(EffectKey("etl", str(k)), at=T0) for k in range(20)]

    written = asyncio.run(go())
    gate.set()

    assert written == [False] * 20
    assert told == ["the journal did not answer within 0.1 s; work goes on without records"]


def test_without_a_journal_only_the_deadline_starts_what_could_start_twice(clock):
    """An executor that would not notice a repeat waits for the journal, but not beyond the latest start."""
    world = World()
    late = (300, 300, 300, 300, 300, 300, 100, 300)
    made = owner(clock, PlainExecutor(world, clock), Grid(clock, lambda _: late), BrokenJournal())
    news = run(clock, made, job())

    assert starts(news) == [(at(7), True)]
    assert len(world.begun) == 1


def test_a_passing_refusal_is_tried_again_with_the_same_claim(clock, journal):
    """An executor out of reach is tried again until it answers, five seconds late at most after that."""
    world = World()
    executor = PreparingExecutor(world, clock, errors=[Unreachable("no room")] * 4)
    news = run(clock, owner(clock, executor, Grid(clock, lambda _: NIGHT), journal), job())

    assert starts(news) == [(at(3) + 8 * SECOND, False)]
    assert [i.state for i in journal.intents("etl", "run-1")] == [EffectState.FINISHED]


@pytest.mark.parametrize("error", [NotFound("gone"), Refused("no")], ids=["not found", "refused"])
def test_a_final_refusal_ends_the_work(clock, journal, error):
    """What can never start is told with its error and is not tried again."""
    world = World()
    news = run(
        clock, owner(clock, PreparingExecutor(world, clock, errors=[error]), Grid(clock, lambda _: NIGHT), journal), job()
    )  # fmt: skip

    assert world.begun == []
    assert [n.error for n in news if n.what is What.NOT_STARTED] == [error]
    assert [i.state for i in journal.intents("etl", "run-1")] == [EffectState.FAILED]


class Amnesiac(ObservingExecutor):
    """Starts the work, and loses the answer."""

    async def start(self, key):
        await super().start(key)
        raise Unreachable("the answer was lost")


def test_an_answer_that_was_lost_is_not_a_second_start(clock, journal):
    """After an unknown outcome reality is asked: the work is running, so it is not started again."""
    world = World()
    news = run(clock, owner(clock, Amnesiac(world, clock), Grid(clock, lambda _: NIGHT), journal), job())

    assert len(world.begun) == 1
    assert starts(news) == [(at(3), False)]


def test_an_unanswered_start_that_did_not_happen_is_made_in_the_next_epoch(clock, journal):
    """When reality says absent, the failed attempt is written down and the next one claims anew."""
    world = World()
    executor = ObservingExecutor(world, clock, errors=[Unreachable("reset")])
    news = run(clock, owner(clock, executor, Grid(clock, lambda _: NIGHT), journal), job())

    assert len(world.begun) == len(starts(news)) == 1
    assert [(i.key.epoch, i.state) for i in journal.intents("etl", "run-1")] == [
        (0, EffectState.FAILED),
        (1, EffectState.FINISHED),
    ]


def test_an_unanswered_start_that_nobody_can_check_is_not_repeated(clock, journal):
    """Where the platform cannot tell, at most one start goes before one start."""

    class Silent(PlainExecutor):
        async def start(self, key):
            await super().start(key)
            raise Unreachable("the answer was lost")

    world = World()
    news = run(clock, owner(clock, Silent(world, clock), Grid(clock, lambda _: NIGHT), journal), job())

    assert len(world.begun) == 1
    assert "it may have started, so it is not started again" in news[-1].message


# -- F36: a kill at every step -----------------------------------------------------------------------------------------


def killed_at(step, hits):
    def reach(reached):
        if reached == step:
            hits.append(step)
            raise Crash

    return reach


@pytest.mark.parametrize("step", FAILPOINTS)
@pytest.mark.parametrize(
    ("kind", "begun"),
    [
        pytest.param(PreparingExecutor, {"after-started": 0}, id="preparing"),
        pytest.param(ObservingExecutor, {}, id="observing"),
        pytest.param(PlainExecutor, {"after-intent": 0}, id="plain"),
    ],
)
def test_f36_a_kill_at_any_step_leaves_at_most_one_start(tmp_path, monkeypatch, step, kind, begun):
    """
    Killed at a step and started again with the same occurrence, the work starts at most once.

    Exactly once wherever the executor can tell what happened; only a death between "begun" in the records and the
    beginning itself, or an executor that cannot be asked, costs the start.
    """
    world, clock, hits = World(), FakeClock(T0), []
    path = tmp_path / "journal.sqlite3"
    with Journal(path) as first:
        doomed = owner(clock, kind(world, clock), Grid(clock, lambda _: NIGHT), first, reach=killed_at(step, hits))
        run(clock, doomed, job(), until=at(3.01))
    world.held.clear()
    monkeypatch.setattr("gridtide.ledger.effects.is_gone", lambda _owner: True)
    with Journal(path) as second:
        run(clock, owner(clock, kind(world, clock), Grid(clock, lambda _: NIGHT), second), job())

    assert len(hits) == (0 if step == "after-prepare" and kind is not PreparingExecutor else 1)
    assert len(world.begun) == begun.get(step, 1)


def test_two_owners_of_one_occurrence_start_it_once(clock, journal, tmp_path):
    """Two controllers with the same work: one starts it, the other is told that it is taken."""
    world, news = World(), []

    async def go():
        with Journal(tmp_path / "journal.sqlite3") as other:
            owners = [
                owner(clock, PreparingExecutor(world, clock), Grid(clock, lambda _: NIGHT), j) for j in (journal, other)
            ]
            for made in owners:
                made.tell = news.append
                made.take(job(), "run-1", zone="X", ask=ask_for)
            tasks = [asyncio.create_task(made.run()) for made in owners]
            await clock.sleep(4 * HOUR)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    clock.run(go())
    kinds = [n.what for n in news if n.what in {What.STARTED, What.NOT_STARTED}]

    assert len(world.begun) == 1
    assert sorted(kinds) == [What.NOT_STARTED, What.STARTED]


# -- time --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "step",
    [HOUR, -HOUR, timedelta(days=3650), timedelta(days=-3650)],
    ids=["an hour on", "an hour back", "ten years on", "ten years back"],
)
def test_f56_a_step_of_the_wall_clock_moves_no_start(clock, journal, step):
    """However the wall clock is set in mid-wait, the start comes when the planned time has passed."""
    world, began = World(), []
    made = owner(clock, PreparingExecutor(world, clock), Grid(clock, lambda _: NIGHT), journal)

    async def go():
        work = made.take(job(), "run-1", zone="X", ask=ask_for)

        def hear(item):
            if item.what is What.STARTED:
                began.append(clock.monotonic())
                made.cancel(work)

        made.tell = hear
        task = asyncio.create_task(made.run())
        await clock.sleep(1800)
        clock.step_wall(step)
        await task

    clock.run(go())

    assert len(began) == 1
    assert abs(began[0] - 3 * 3600) <= 5


def test_a_machine_that_slept_decides_anew_within_a_second(clock, journal):
    """When two hours pass at once, as in a suspend, overdue work starts at the next look."""
    world = World()
    made = owner(clock, PreparingExecutor(world, clock), Grid(clock, lambda _: NIGHT), journal, look_s=1.0)
    began = []

    async def go():
        work = made.take(job(deadline=at(4), on_no_data=OnNoData.WAIT), "run-1", zone="X", ask=ask_for)
        made.tell = lambda item: item.what is What.STARTED and (began.append(clock.now()), made.cancel(work))
        task = asyncio.create_task(made.run())
        await clock.sleep(1800)
        clock.advance(hours=5)
        await task

    clock.run(go())

    assert len(began) == 1
    assert began[0] - at(5.5) <= SECOND


# -- pausing -----------------------------------------------------------------------------------------------------------


def test_work_is_paused_and_continued_by_the_plan(clock, journal):
    """Two hours of work run in the two lowest hours, and every verb is in the records."""
    values = (300, 100, 400, 50, 300, 300, 300, 300)
    executor = PausingExecutor(World(), clock)
    made = owner(clock, executor, Grid(clock, lambda _: values), journal, policy=Policy(pauses=True))
    run(clock, made, job(duration=2 * HOUR, interruptible=True), runs_for=3 * HOUR)

    assert executor.done == [(Verb.START, at(1)), (Verb.PAUSE, at(2)), (Verb.CONTINUE, at(3))]
    assert [(i.key.verb, i.key.epoch, i.state) for i in journal.intents("etl", "run-1")] == [
        (Verb.START, 0, EffectState.FINISHED),
        (Verb.PAUSE, 1, EffectState.FINISHED),
        (Verb.CONTINUE, 1, EffectState.FINISHED),
    ]


def test_an_executor_that_refuses_to_pause_runs_on(clock, journal):
    """A pause that cannot be had is told, and the work runs to its end."""

    class Stubborn(PausingExecutor):
        async def pause(self, key):
            raise Refused("not now")

    executor = Stubborn(World(), clock)
    made = owner(
        clock, executor, Grid(clock, lambda _: (300, 100, 400, 50, 300, 300, 300, 300)), journal, policy=Policy(pauses=True)
    )  # fmt: skip
    news = run(clock, made, job(duration=2 * HOUR, interruptible=True), runs_for=2 * HOUR)

    assert [n.message for n in news if n.what is What.TROUBLE] == ["not paused: not now"]
    assert executor.done == [(Verb.START, at(1))]


def test_a_memory_journal_serves_the_loop_too(clock):
    """Without a disk the same journal works in memory."""
    journal = Journal(None)
    journal._connection.close()
    journal._connection = connect_memory()
    world = World()
    run(clock, owner(clock, PreparingExecutor(world, clock), Grid(clock, lambda _: hourly_values()), journal), job())
    journal.close()

    assert len(world.begun) == 1


def hourly_values():
    return tuple(hourly(*NIGHT).values)

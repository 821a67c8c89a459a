"""What holds when deciding fails, and when somebody else is about to start the same work."""

from datetime import timedelta

import pytest

from engine_world import Grid, PreparingExecutor, World, ask_for
from gridtide.domain.effect import EffectKey, EffectState, Verb
from gridtide.domain.workload import Workload
from gridtide.engine.engine import Engine, Policy
from gridtide.engine.feed import Pace
from gridtide.engine.loop import Owner, What
from gridtide.ledger.journal import Journal
from gridtide.testing.clock import FakeClock
from support import HOUR, T0, at

SECOND = timedelta(seconds=1)


def test_a_fault_in_deciding_never_hides_a_latest_start_that_is_near():
    """The next try would come in a minute; the guard comes first."""

    def broken(_question):
        raise RuntimeError("boom")

    engine = Engine(decide=broken)
    work = engine.admit(Workload(id="etl", duration=HOUR, max_delay=30 * SECOND), "run-1", now=T0)
    first = engine.cycle(T0)
    second = engine.cycle(first.wake_at)

    assert first.faults
    assert first.wake_at == T0 + 30 * SECOND
    assert [(order.work, order.verb, order.forced) for order in second.orders] == [(work, Verb.START, True)]


def test_work_that_a_living_process_has_claimed_is_left_to_it(tmp_path):
    """It may begin at any moment, even if it has not begun yet."""
    clock, world, news = FakeClock(T0), World(), []
    with Journal(tmp_path / "journal.sqlite3") as journal:
        journal.intend(EffectKey("etl", "run-1"), at=T0)
        executor = PreparingExecutor(world, clock)
        made = Owner(
            Engine(), executor, journal, Grid(clock, lambda _: (100, 300)), clock, tell=news.append, pace=Pace(),
            look_s=600.0,
        )  # fmt: skip

        async def go():
            made.take(Workload(id="etl", duration=HOUR, max_delay=HOUR), "run-1", zone="X", ask=ask_for)
            await made.run()

        clock.run(go())
        intents = journal.intents("etl", "run-1")

    assert world.begun == []
    assert [(intent.key.epoch, intent.state) for intent in intents] == [(0, EffectState.INTENT)]
    assert [item.what for item in news if item.what in {What.STARTED, What.NOT_STARTED}] == [What.NOT_STARTED]


@pytest.mark.parametrize(
    ("ran_h", "resume_h", "goes_on_h"),
    [(0.5, 1.0, 4.5), (2.0, 0.0, 7.0), (1.0, 1.0, 5.0), (2.0, 0.5, 6.5)],
    ids=["a dear resume", "free", "even", "half an hour"],
)
def test_paused_work_goes_on_when_the_time_left_is_the_work_left(ran_h, resume_h, goes_on_h):
    """Of three hours due in eight: what is left counts, with the resume, not the latest start of the whole."""
    engine = Engine(Policy(pauses=True))
    facts = {"duration": 3 * HOUR, "deadline": at(8), "interruptible": True, "suspend_cost": resume_h * HOUR}
    work = engine.admit(Workload(id="etl", **facts), "run-1", now=T0, zone="X")
    work.order()
    engine.started(work, T0)
    engine.paused(work, at(ran_h))
    early = engine.cycle(at(goes_on_h) - SECOND)
    due = engine.cycle(at(goes_on_h))

    assert early.orders == []
    assert [(order.verb, order.forced) for order in due.orders] == [(Verb.CONTINUE, True)]
    assert at(goes_on_h) + (3 - ran_h + resume_h) * HOUR == at(8)

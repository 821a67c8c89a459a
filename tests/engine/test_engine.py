"""The deciding core on virtual instants: due work, order, ramp, guard, pauses."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gridtide.domain.decision import Action, FreshnessStep, Reason
from gridtide.domain.effect import Verb
from gridtide.domain.instants import from_ns, to_ns
from gridtide.domain.ports import Reading
from gridtide.domain.workload import Elasticity, OnNoData, Workload
from gridtide.engine.engine import Engine, Policy
from gridtide.engine.work import Stage
from gridtide.planning.question import answer
from support import DEMO, HOUR, T0, at, hourly

NIGHT = (300, 300, 200, 100, 100, 300, 300, 300)
MINUTE = timedelta(minutes=1)


def job(name="etl", **facts):
    return Workload(**{"id": name, "duration": HOUR, "deadline": at(8), **facts})


def live(*values, start=T0):
    return {"X": Reading(series=hourly(*values, start=start), step=FreshnessStep.LIVE)}


NOTHING = {"X": Reading(series=hourly(), step=FreshnessStep.NONE, reason="every source failed")}


def run_through(engine, readings_at, until, *, step=10 * MINUTE):
    """Drive the engine on virtual time as an owner would; returns what happened and when."""
    done, now, readings = [], T0, {}
    while now <= until:
        readings = readings_at(now, readings)
        cycle = engine.cycle(now, readings)
        for order in cycle.orders:
            done.append((order.verb, now, order.forced))
            if order.verb is Verb.PAUSE:
                engine.paused(order.work, now)
            else:
                engine.started(order.work, now)
        if cycle.orders:
            continue  # what was done may have set an earlier instant to look again
        ahead = now + step
        now = min(ahead, cycle.wake_at) if cycle.wake_at is not None and cycle.wake_at > now else ahead
    return done


def test_a_start_is_ordered_when_its_planned_time_comes():
    """The engine waits for the lowest hour, then orders one start and decides nothing twice."""
    engine = Engine()
    work = engine.admit(job(), "1", now=T0, zone="X")
    readings = live(*NIGHT)

    first = engine.cycle(T0, readings)
    idle = engine.cycle(at(2.99), readings)
    due = engine.cycle(at(3), readings)
    after = engine.cycle(at(4), readings)

    assert (first.orders, first.wake_at) == ([], at(3))
    assert first.decided[0].decision.reason is Reason.LOWER_LATER
    assert (idle.orders, idle.decided) == ([], [])
    assert [(o.work, o.verb, o.forced) for o in due.orders] == [(work, Verb.START, False)]
    assert (after.orders, after.wake_at) == ([], None)


def test_a_new_forecast_is_planned_on_at_once():
    """Another reading moves the start; the same reading again does not ask the planner."""
    engine = Engine(Policy(dwell=timedelta(0)))
    engine.admit(job(), "1", now=T0, zone="X")
    old, new = live(*NIGHT), live(300, 300, 50, 100, 100, 300, 300, 300)
    engine.cycle(T0, old)

    moved = engine.cycle(at(0.5), new)

    assert moved.decided[0].decision.start == at(2)
    assert engine.cycle(at(0.6), new).decided == []
    assert len(engine.cycle(at(2), new).orders) == 1


@pytest.mark.parametrize(
    "readings", [pytest.param({}, id="never read"), pytest.param(NOTHING, id="every source failed")]
)
def test_the_guard_starts_work_at_its_latest_start(readings):
    """Whatever is known, the start is ordered at the latest start, and marked as forced."""
    engine = Engine()
    engine.admit(job(on_no_data=OnNoData.WAIT), "1", now=T0, zone="X")

    before = engine.cycle(at(7) - timedelta(seconds=1), readings)
    then = engine.cycle(at(7), readings)

    assert (before.orders, before.wake_at) == ([], at(7))
    assert [(o.verb, o.forced) for o in then.orders] == [(Verb.START, True)]


def test_the_guard_holds_when_deciding_itself_fails():
    """A decider that raises strands neither its work nor other work: both start in time, and the fault is told."""

    def broken(question):
        if question.workload.id == "bad":
            raise RuntimeError("bug")
        return answer(question)

    engine = Engine(decide=broken)
    engine.admit(job("bad"), "1", now=T0, zone="X")
    engine.admit(job("good"), "1", now=T0, zone="X")
    readings = live(*NIGHT)
    first, starts, now = engine.cycle(T0, readings), [], T0
    while now < at(8):
        step = engine.cycle(now, readings)
        starts += [(o.work.id, now, o.forced) for o in step.orders]
        now = max(step.wake_at or at(8), now + MINUTE / 60)

    assert first.faults == ["deciding about bad failed: RuntimeError('bug')"]
    assert starts == [("good", at(3), False), ("bad", at(7), True)]


def test_an_infeasible_deadline_starts_at_once():
    """Work that can no longer be finished in time is accepted and starts now."""
    engine = Engine()
    engine.admit(job(deadline=at(0.5)), "1", now=T0, zone="X")

    assert [o.forced for o in engine.cycle(T0, live(*NIGHT)).orders] == [True]


def test_work_without_any_bound_gets_one():
    """Waiting is never unbounded: without deadline and maximum delay the policy's longest wait counts."""
    engine = Engine(Policy(longest_wait=2 * HOUR))
    engine.admit(job(deadline=None, on_no_data=OnNoData.WAIT), "1", now=T0, zone="X")

    assert engine.cycle(at(1.99), NOTHING).orders == []
    assert len(engine.cycle(at(2), NOTHING).orders) == 1


def test_a_maximum_delay_counts_from_acceptance():
    """A bound relative to now does not move along while the work waits."""
    engine = Engine()
    engine.admit(job(deadline=None, max_delay=HOUR), "1", now=T0, zone="X")
    falling = live(*(900 - 100 * k for k in range(8)))

    assert engine.cycle(at(0.5), falling).orders == []
    assert len(engine.cycle(at(1), falling).orders) == 1


def test_deadline_starts_go_before_better_ones():
    """The most urgent order comes first: latest start, then priority."""
    engine = Engine()
    engine.admit(job("soon", deadline=at(3)), "1", now=T0, zone="X")
    engine.admit(job("vip", priority=9), "1", now=T0, zone="X")
    engine.admit(job("plain"), "1", now=T0, zone="X")
    flat = live(*[100] * 10)

    orders = engine.cycle(at(2), flat).orders

    assert [(o.work.id, o.forced) for o in orders] == [("soon", True), ("vip", False), ("plain", False)]


def test_a_green_hour_is_no_stampede():
    """Releases follow the rate and its burst; a deadline goes past the ramp."""
    engine = Engine(Policy(per_second=1.0, burst=2))
    for k in range(6):
        engine.admit(job(f"job-{k}"), "1", now=T0, zone="X")
    flat, counts, now = live(*[100] * 10), [], T0
    for _ in range(5):
        step = engine.cycle(now, flat)
        counts.append(len(step.orders))
        now += timedelta(seconds=1)

    assert counts == [2, 1, 1, 1, 1]
    assert step.wake_at is None or step.wake_at > at(1)


def test_the_ramp_says_when_it_lets_the_next_one_go():
    """With work left and no token, the engine wants to be woken when the next token is there."""
    engine = Engine(Policy(per_second=0.1))
    for k in range(2):
        engine.admit(job(f"job-{k}"), "1", now=T0, zone="X")
    flat = live(*[100] * 10)
    step = engine.cycle(T0, flat)

    assert timedelta(seconds=10) <= step.wake_at - T0 <= timedelta(seconds=10.01)
    assert len(engine.cycle(step.wake_at, flat).orders) == 1


def test_equal_deadlines_are_spread_ahead_never_late():
    """Ten jobs with one latest start at one release per second begin up to nine seconds early."""
    engine = Engine(Policy(per_second=1.0))
    works = [engine.admit(job(f"job-{k}", on_no_data=OnNoData.WAIT), "1", now=T0, zone="X") for k in range(10)]
    forced = sorted(w.forced_ns for w in works)

    assert forced[-1] == to_ns(at(7))
    assert [from_ns(b) - from_ns(a) for a, b in zip(forced[:-1], forced[1:], strict=True)] == [timedelta(seconds=1)] * 9


def test_jitter_is_seeded_and_never_passes_the_latest_start():
    """Two engines with one seed choose the same instants; another seed chooses others."""

    def dues(seed):
        engine = Engine(Policy(jitter=10 * MINUTE, seed=seed))
        works = [engine.admit(job(f"job-{k}", deadline=at(4.05)), "1", now=T0, zone="X") for k in range(20)]
        engine.cycle(T0, live(*NIGHT))
        return [w.due_ns for w in works]

    assert dues(1) == dues(1) != dues(2)
    assert len(set(dues(1))) > 3
    assert all(to_ns(at(3)) <= due <= to_ns(at(3.05)) for due in dues(1))


def test_a_postponed_start_is_ordered_again_and_no_sooner():
    """An order that could not be carried out comes back at the instant asked for, even when it is overdue."""
    engine = Engine()
    work = engine.admit(job(), "1", now=T0, zone="X")
    engine.cycle(at(7))
    engine.postponed(work, at(7) + timedelta(seconds=2), epoch=1)

    early = engine.cycle(at(7) + timedelta(seconds=1))
    again = engine.cycle(at(7) + timedelta(seconds=2))

    assert (early.orders, early.wake_at) == ([], at(7) + timedelta(seconds=2))
    assert [o.key.epoch for o in again.orders] == [1]


def test_ended_work_is_never_ordered():
    """Cancelled work stays cancelled at its planned and at its latest start."""
    engine = Engine()
    work = engine.admit(job(), "1", now=T0, zone="X")
    engine.cycle(T0, live(*NIGHT))
    engine.ended(work)

    assert engine.cycle(at(3)).orders == engine.cycle(at(9)).orders == []
    assert work.stage is Stage.OVER


# -- pausing -----------------------------------------------------------------------------------------------------------


def pausing(**policy):
    return Engine(Policy(**{"pauses": True, "dwell": timedelta(0), **policy}))


def test_interruptible_work_follows_the_lowest_slots():
    """It starts in the first low hour, is paused through the high one, and goes on in the next low one."""
    engine = pausing()
    engine.admit(job(duration=2 * HOUR, deadline=at(6), interruptible=True), "1", now=T0, zone="X")
    readings = live(300, 100, 400, 50, 300, 300)

    done = run_through(engine, lambda _now, _known: readings, at(6))

    assert done == [(Verb.START, at(1), False), (Verb.PAUSE, at(2), False), (Verb.CONTINUE, at(3), False)]


def test_without_pauses_the_engine_never_pauses():
    """An executor that cannot pause gets no such order."""
    engine = Engine()
    engine.admit(job(duration=2 * HOUR, deadline=at(6), interruptible=True), "1", now=T0, zone="X")
    readings = live(300, 100, 400, 50, 300, 300)

    assert [verb for verb, *_ in run_through(engine, lambda _now, _known: readings, at(6))] == [Verb.START]


def test_paused_work_goes_on_in_time_when_everything_is_down():
    """Paused work is continued when the time left equals the work left, although nothing is known any more."""
    engine = pausing()
    engine.admit(job(duration=2 * HOUR, deadline=at(6), interruptible=True), "1", now=T0, zone="X")
    good = live(100, 400, 400, 400, 400, 50)
    waits = Reading(series=hourly(400, 400, 400, 400, 400, 50), step=FreshnessStep.LIVE)

    def readings(now, known):
        if now == T0:
            return good
        return known if now < at(1) else {"X": waits}

    done = run_through(engine, readings, at(6))

    assert done[:2] == [(Verb.START, T0, False), (Verb.PAUSE, at(1), False)]
    assert done[2][0] is Verb.CONTINUE
    assert done[2][1] <= at(5)


def test_a_forecast_that_changes_its_mind_does_not_cut_pieces_short():
    """A piece lasts at least the minimum run when a new forecast would pause it."""
    engine = pausing()
    engine.admit(job(duration=2 * HOUR, deadline=at(8), interruptible=True, min_run=HOUR), "1", now=T0, zone="X")
    first, second = live(*[200] * 8), live(500, 500, 500, 500, 100, 100, 500, 500)

    done = run_through(engine, lambda now, _known: first if now < at(0.5) else second, at(8))

    assert done[0][:2] == (Verb.START, T0)
    assert done[1][:2] == (Verb.PAUSE, at(1))
    assert done[2][0] is Verb.CONTINUE


def test_the_number_of_pieces_is_bounded():
    """Work that may be cut into one piece is never paused, whatever the forecast."""
    engine = pausing()
    engine.admit(job(duration=2 * HOUR, interruptible=True, max_pieces=1), "1", now=T0, zone="X")
    readings = live(300, 100, 400, 50, 300, 300, 300, 300)

    assert [verb for verb, *_ in run_through(engine, lambda _now, _known: readings, at(8))] == [Verb.START]


# -- properties --------------------------------------------------------------------------------------------------------

levels = st.integers(0, 500)
episodes = st.lists(st.one_of(st.none(), st.lists(levels, min_size=1, max_size=12)), min_size=1, max_size=8)


@settings(max_examples=60, deadline=None)
@given(
    episodes=episodes,
    duration=st.integers(20, 240),
    slack=st.integers(0, 480),
    pauses=st.booleans(),
    policy=st.sampled_from(OnNoData),
)
@example(episodes=[None, None, [0, 0, 1, 0]], duration=52, slack=129, pauses=True, policy=OnNoData.WAIT)
def test_accepted_work_starts_once_and_in_time(episodes, duration, slack, pauses, policy):
    """Under any sequence of forecasts and outages: one start, not before the release, not after the latest start."""
    engine = Engine(Policy(pauses=pauses))
    latest = T0 + slack * MINUTE
    work = engine.admit(
        Workload(
            id="etl", duration=duration * MINUTE, deadline=latest + duration * MINUTE, interruptible=pauses,
            on_no_data=policy,
        ),
        "1", now=T0, zone="X",
    )  # fmt: skip
    feeds = [NOTHING if values is None else live(*values) for values in episodes]

    done = run_through(engine, lambda now, _: feeds[int((now - T0) / HOUR) % len(feeds)], latest + 12 * HOUR)
    starts = [moment for verb, moment, _ in done if verb is Verb.START]

    assert len(starts) == 1
    assert T0 <= starts[0] <= latest
    assert [v for v, *_ in done[1:]] == [Verb.PAUSE, Verb.CONTINUE] * (len(done) // 2)
    paused = sum((b[1] - a[1] for a, b in zip(done[1::2], done[2::2], strict=True)), timedelta(0))
    assert starts[0] + paused <= latest
    assert work.stage is Stage.RUNNING


@settings(max_examples=40, deadline=None)
@given(episodes=episodes)
def test_changes_of_plan_are_at_most_four_an_hour(episodes):
    """Forecasts that flap every five minutes change the planned start at most once per dwell."""
    engine = Engine()
    engine.admit(job(deadline=at(13)), "1", now=T0, zone="X")
    feeds = [live(*values) for values in episodes if values] or [live(100)]
    planned, changes = None, []
    for k in range(144):
        now = T0 + k * 5 * MINUTE
        step = engine.cycle(now, feeds[k % len(feeds)])
        if step.orders:
            break
        for made in step.decided:
            if made.decision.action is Action.WAIT and made.decision.signal and made.decision.start != planned:
                planned = made.decision.start
                changes.append(now)

    assert all(b - a >= 15 * MINUTE for a, b in zip(changes[:-1], changes[1:], strict=True))


def test_every_given_start_is_ordered_once():
    """However many starts are given, each comes up at its turn and none twice."""
    engine, count = Engine(), 5_000
    for k in range(count):
        engine.admit_planned("job", str(k), k * 1000, k * 1000 + 10**12)
    step, starts = engine.cycle_ns(0), []
    while True:
        for order in step.orders:
            engine.ended(order.work)
            starts.append(order.work)
        if step.wake_at is None:
            break
        step = engine.cycle_ns(step.wake_ns)

    assert len(starts) == len(set(starts)) == count


def test_decisions_carry_the_labels_of_the_values():
    """What was decided names the signal it stands on, so that it can be told and checked."""
    engine = Engine()
    engine.admit(job(), "1", now=T0, zone="X")
    made = engine.cycle(T0, live(*NIGHT)).decided[0]

    assert made.decision.signal == DEMO
    assert made.question.series == live(*NIGHT)["X"].series


class TestBudget:
    def test_held_work_starts_when_its_budget_can_pay(self):
        """The lowest hour passes while the budget is empty; once it can pay, the best of what is left is taken."""
        engine = Engine()
        work = engine.admit(job(), "1", now=T0, zone="X")
        engine.hold(work, at(3.5), now=T0)
        readings = live(*NIGHT)
        held = [engine.cycle(at(h), readings) for h in (0, 3, 3.5)]
        engine.afford(work, now=at(3.75))
        freed = engine.cycle(at(3.75), readings)

        assert [step.orders for step in held] == [[], [], []]
        assert held[0].decided[0].decision.reason is Reason.BUDGET_EXHAUSTED
        assert freed.decided[0].decision.reason is not Reason.BUDGET_EXHAUSTED
        assert [order.work for order in freed.orders] == [work]

    def test_held_work_is_forced_at_its_latest_start(self):
        """A budget that nobody lifts delays, and does not strand."""
        engine = Engine()
        work = engine.admit(job(), "1", now=T0, zone="X")
        engine.hold(work, at(500), now=T0)
        done = run_through(engine, lambda *_: live(*NIGHT), at(9))

        assert done == [(Verb.START, at(7), True)]
        assert work.stage is Stage.RUNNING

    def test_a_held_decision_replays(self):
        """The question holds what the budget said, so its answer can be checked later (invariant I9)."""
        engine = Engine()
        engine.hold(engine.admit(job(), "1", now=T0, zone="X"), at(5), now=T0)
        made = engine.cycle(T0, live(*NIGHT)).decided[0]

        assert made.question.budget_from == at(5)
        assert answer(made.question) == made.decision


@pytest.mark.parametrize("elasticity", [Elasticity.HARD, Elasticity.SOFT])
@pytest.mark.parametrize("decide", [answer, lambda _: 1 / 0], ids=["as-planned", "planner-fails"])
def test_real_time_work_is_due_at_its_release(elasticity, decide):
    """No forecast, slack, release rate, jitter or failing planner holds hard and soft work, even in a crowd."""
    engine = Engine(Policy(per_second=0.001, jitter=HOUR), decide=decide)
    for k in range(5):
        engine.admit(job(f"crowd-{k}", elasticity=elasticity, release=at(1)), str(k), now=T0, zone="X")
    done = run_through(engine, lambda _now, _old: live(*NIGHT), at(3))

    assert done == [(Verb.START, at(1), True)] * 5


@pytest.mark.parametrize("elasticity", Elasticity)
@pytest.mark.parametrize("known", [NOTHING, live(*NIGHT)], ids=["no-data", "live"])
def test_no_work_starts_before_its_release_even_if_its_deadline_comes_first(elasticity, known):
    """A deadline that cannot be met is no reason to run what does not exist yet; it starts at its release."""
    engine = Engine()
    engine.admit(job(elasticity=elasticity, release=at(5), deadline=at(1)), "1", now=T0, zone="X")

    assert [when for _, when, _ in run_through(engine, lambda _now, _old: known, at(7))] == [at(5)]


def test_real_time_work_goes_before_work_that_may_still_wait():
    """Released at one instant, hard work is ordered first, however late its deadline is."""
    engine = Engine()
    engine.admit(job("window", max_delay=HOUR), "1", now=T0, zone="X")
    engine.admit(job("hard", elasticity=Elasticity.HARD, deadline=at(20)), "1", now=T0, zone="X")
    orders = engine.cycle(T0, live(*sorted(NIGHT))).orders

    assert [order.work.id for order in orders] == ["hard", "window"]


def test_a_crowd_of_real_time_work_drives_no_elastic_work_ahead_of_its_plan():
    """It is not spread itself, so it takes no place in the minute before which elastic work is."""
    engine = Engine(Policy(method="run-latest", per_second=0.01))
    for k in range(5):
        engine.admit(job(f"crowd-{k}", elasticity=Elasticity.SOFT, release=at(3)), str(k), now=T0, zone="X")
    elastic = engine.admit(job("late", max_delay=3 * HOUR), "1", now=T0, zone="X")

    assert elastic.forced_ns == elastic.latest_ns == to_ns(at(3))


def test_real_time_work_takes_no_release_of_the_ramp():
    """Elastic work is still released one by one at the stated rate, as if the crowd of hard work were not there."""

    def starts(crowd):
        engine = Engine(Policy(method="run-now", per_second=1 / 600))
        for k in range(crowd):
            engine.admit(job(f"hard-{k}", elasticity=Elasticity.HARD), str(k), now=T0, zone="X")
        works = [engine.admit(job(f"e-{k}", max_delay=9 * HOUR), str(k), now=T0, zone="X") for k in range(3)]
        known, found, now = live(*NIGHT), [], T0
        while len(found) < len(works) + crowd:
            step = engine.cycle(now, known)
            for order in step.orders:
                engine.started(order.work, now)
                found.append((order.work.id[0], now, order.forced))
            now = step.wake_at or now
        return [(when, forced) for kind, when, forced in found if kind == "e"], found

    alone, _ = starts(0)
    beside, found = starts(4)

    assert beside == alone
    assert len({when for when, _ in alone}) == 3
    assert found[:4] == [("h", T0, True)] * 4

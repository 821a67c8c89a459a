"""What grows has a limit (I12): memory of answers, of listeners, and of work that waits for long."""

from dataclasses import replace
from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from gridtide.domain.decision import FreshnessStep
from gridtide.domain.instants import to_ns
from gridtide.domain.interval import Interval
from gridtide.domain.ports import Reading
from gridtide.domain.signal import Scope, SignalKind
from gridtide.domain.workload import Workload
from gridtide.engine.engine import Engine, Policy
from gridtide.grid.cache import CacheKey, Entry, MemoryStore
from gridtide.grid.events import Event, EventBus, EventType
from gridtide.grid.provider import Product
from gridtide.planning.question import Question, answer
from gridtide.testing import FakeClock
from support import HOUR, T0, at, hourly

MINUTES = timedelta(minutes=5)
JOB = Workload(id="w", duration=HOUR, max_delay=60 * 24 * HOUR)


def key(zone):
    return CacheKey("demo", zone, Product.FORECAST, SignalKind.AVERAGE, Scope.LIFECYCLE)


@given(puts=st.lists(st.tuples(st.integers(0, 12), st.integers(1, 40), st.integers(-2, 3)), max_size=60))
@settings(max_examples=60, deadline=None)
async def test_a_store_never_holds_more_than_it_may(puts):
    """Whatever is put in whatever order, older, newer, again: entries and bytes stay within bounds, and add up."""
    store = MemoryStore(FakeClock(at(10)), max_entries=5, max_bytes=4000)
    known = set()
    for zone, size, age_h in puts:
        known.add(str(zone))
        await store.put(key(str(zone)), Entry(hourly(*[1.0] * size), Interval(T0, at(1)), at(10 - age_h)))
        held = [entry for name in known if (entry := store._entries.get(key(name))) is not None]

        assert len(store) <= 5
        assert store.size <= 4000 or len(store) == 1
        assert store.size == sum(entry.size for entry in held)


@given(events=st.integers(0, 200), size=st.integers(1, 20), listeners=st.integers(1, 5))
@settings(max_examples=40, deadline=None)
async def test_a_listener_that_does_not_listen_costs_its_queue_and_no_more(events, size, listeners):
    """It is dropped once it is full; the bus forgets it."""
    bus = EventBus(most_subscribers=10)
    idle = [bus.subscribe(size=size) for _ in range(listeners)]
    for k in range(events):
        bus.publish(Event(type=EventType.INTENSITY_UPDATED, at=at(k), zone="X", data={"value": float(k)}))

    assert len(bus) == (0 if events > size else listeners)
    assert all(subscription._queue.qsize() <= size + 1 for subscription in idle)


def test_new_values_every_few_minutes_leave_no_heap_behind():
    """Jobs are planned again at every reading; what an earlier plan had left to wake for goes."""
    series = hourly(*[300.0] * 90, 100.0)
    far = answer(Question(workload=JOB, now=T0, series=series, step=FreshnessStep.LIVE))
    engine = Engine(Policy(), decide=lambda question: replace(far, start=far.start + (question.now - T0)))
    works = [engine.admit(replace(JOB, id=f"w{k}"), "run-1", now=T0, zone="X") for k in range(100)]
    for k in range(200):
        engine.cycle(T0 + k * MINUTES, {"X": Reading(series=series, step=FreshnessStep.LIVE)})

    assert len(engine._wakes) <= 4096 + len(works)
    assert all(any(entry[2] is work and entry[0] == work.wake_ns for entry in engine._wakes) for work in works)


def test_tidying_forgets_nobody():
    """Work that sleeps while others are planned over and over still wakes at its own time."""
    series = hourly(*[300.0] * 90, 100.0)
    far = answer(Question(workload=JOB, now=T0, series=series, step=FreshnessStep.LIVE))
    engine = Engine(Policy(), decide=lambda question: replace(far, start=far.start + (question.now - T0)))
    sleeper = engine.admit_planned("sleeper", "run-1", to_ns(at(48)), to_ns(at(50)))
    for k in range(100):
        engine.admit(replace(JOB, id=f"w{k}"), "run-1", now=T0, zone="X")
    for k in range(200):
        engine.cycle(T0 + k * MINUTES, {"X": Reading(series=series, step=FreshnessStep.LIVE)})

    assert [order.work for order in engine.cycle(at(48)).orders] == [sleeper]

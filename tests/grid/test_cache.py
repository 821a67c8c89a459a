"""The cache: bounded, by range, one fetch per key, and an entry from the future is not trusted."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from grid_doubles import START
from gridtide.domain.errors import ProviderUnavailable
from gridtide.domain.instants import parse_instant
from gridtide.domain.interval import Interval
from gridtide.domain.series import Series
from gridtide.domain.signal import Scope, Signal, SignalKind
from gridtide.grid.cache import Cache, CacheKey, Entry, MemoryStore
from gridtide.grid.provider import Product
from gridtide.testing import FakeClock

NOW = parse_instant(START)


def key(zone: str = "X", product: Product = Product.FORECAST, **changes) -> CacheKey:
    return CacheKey("demo", zone, product, changes.get("kind", SignalKind.AVERAGE), changes.get("scope", Scope.DIRECT))


def entry(*values: float, fetched=NOW, hours: float = 24) -> Entry:
    series = Series.steps(Signal(SignalKind.AVERAGE, "demo", "X"), NOW, timedelta(hours=1), values or (100.0,))
    return Entry(series, Interval(NOW, NOW + timedelta(hours=hours)), fetched)


def always(_: Entry) -> bool:
    return True


async def test_full_store_drops_the_least_recently_used() -> None:
    """Reading keeps an entry; the one nobody wanted goes."""
    store = MemoryStore(FakeClock(NOW), max_entries=2)
    for zone in ("A", "B"):
        await store.put(key(zone), entry())
    await store.get(key("A"))

    await store.put(key("C"), entry())

    assert await store.get(key("B")) is None
    assert await store.get(key("A")) is not None
    assert len(store) == 2


async def test_store_is_bounded_in_bytes() -> None:
    """A few huge series do not fill the memory."""
    store = MemoryStore(FakeClock(NOW), max_bytes=200_000)
    for n in range(50):
        await store.put(key(f"Z{n}"), entry(*[1.0] * 1000))

    assert store.size <= 200_000
    assert len(store) == 200_000 // entry(*[1.0] * 1000).size


async def test_entry_leaves_when_it_is_of_no_use_any_more() -> None:
    """A forecast after a day, history after five weeks."""
    clock = FakeClock(NOW)
    store = MemoryStore(clock)
    await store.put(key(), entry())
    await store.put(key(product=Product.HISTORY), entry())

    clock.advance(hours=25)

    assert await store.get(key()) is None
    assert await store.get(key(product=Product.HISTORY)) is not None
    clock.advance(hours=24 * 35)
    assert await store.get(key(product=Product.HISTORY)) is None
    assert (len(store), store.size) == (0, 0)


async def test_kind_and_scope_are_part_of_the_key() -> None:
    """Marginal and average values of one zone never stand in for each other."""
    store = MemoryStore(FakeClock(NOW))
    await store.put(key(), entry())

    assert await store.get(key(kind=SignalKind.MARGINAL)) is None
    assert await store.get(key(scope=Scope.LIFECYCLE)) is None
    assert len({key().text, key(kind=SignalKind.MARGINAL).text, key(scope=Scope.LIFECYCLE).text}) == 3


@pytest.mark.parametrize("zone", ["A:B", "A/B", "A B", "A\nB", "é", "A*B", "A%3AB"])
def test_key_text_is_harmless_and_unique(zone: str) -> None:
    """A strange zone key cannot break out of its place in a shared store."""
    text = key(zone).text

    assert text.isascii()
    assert text.count(":") == 4
    assert text != key("A").text


def test_entry_answers_only_what_was_asked_for() -> None:
    """A day-ahead forecast does not answer for the day after."""
    day = entry(hours=24)

    assert day.answers(Interval(NOW, NOW + timedelta(hours=24)))
    assert not day.answers(Interval(NOW, NOW + timedelta(hours=25)))
    assert not day.answers(Interval(NOW - timedelta(hours=1), NOW))


def test_entry_from_the_future_is_not_young() -> None:
    """After the wall clock was set back, entries stamped later are fetched again instead of living for ever."""
    ahead = entry(fetched=NOW + timedelta(hours=2))

    assert not ahead.is_younger_than(timedelta(minutes=5), NOW)
    assert ahead.age(NOW) == timedelta(0)


# -- one fetch per key -------------------------------------------------------------------------------------------------


async def test_two_hundred_at_once_cause_one_load() -> None:
    """Single flight: everybody gets the one answer."""
    cache = Cache(MemoryStore(FakeClock(NOW)), clock=FakeClock(NOW))
    loads = 0

    async def load() -> Entry:
        nonlocal loads
        loads += 1
        await asyncio.sleep(0)
        return entry()

    found = await asyncio.gather(*(cache.fill(key(), load, good=always) for _ in range(200)))

    assert loads == 1
    assert len({id(one) for one in found}) == 1


async def test_failure_reaches_everybody_and_is_forgotten() -> None:
    """The next caller tries again."""
    cache = Cache(MemoryStore(FakeClock(NOW)), clock=FakeClock(NOW))

    async def fail() -> Entry:
        await asyncio.sleep(0)
        raise ProviderUnavailable("down")

    async def load() -> Entry:
        return entry()

    results = await asyncio.gather(*(cache.fill(key(), fail, good=always) for _ in range(5)), return_exceptions=True)

    assert [type(result) for result in results] == [ProviderUnavailable] * 5
    assert (await cache.fill(key(), load, good=always)).series.size == 1


async def test_caller_who_leaves_does_not_take_the_load_with_him() -> None:
    """A cancelled reader leaves the fetch to those who wait, and its result in the cache."""
    cache = Cache(MemoryStore(FakeClock(NOW)), clock=FakeClock(NOW))
    gate = asyncio.Event()

    async def load() -> Entry:
        await gate.wait()
        return entry()

    leaving = asyncio.ensure_future(cache.fill(key(), load, good=always))
    staying = asyncio.ensure_future(cache.fill(key(), load, good=always))
    await asyncio.sleep(0)
    leaving.cancel()
    gate.set()

    assert (await staying).series.size == 1
    assert leaving.cancelled()
    assert await cache.get(key(), always) is not None


async def test_older_entry_does_not_replace_a_newer_one() -> None:
    """A slow process cannot put back what a quick one has overtaken."""
    clock = FakeClock(NOW + timedelta(minutes=10))
    store = MemoryStore(clock)
    await store.put(key(), entry(200.0, fetched=NOW + timedelta(minutes=5)))

    await store.put(key(), entry(100.0, fetched=NOW))

    found = await store.get(key())
    assert found is not None
    assert found.series.values.tolist() == [200.0]


# -- a remote store behind ---------------------------------------------------------------------------------------------


def pair(clock: FakeClock, remote: MemoryStore) -> Cache:
    return Cache(MemoryStore(clock), clock=clock, remote=remote, sleep=clock.sleep)


def test_what_one_process_fetched_serves_the_other() -> None:
    """Eight processes that start together cause one fetch."""
    clock = FakeClock(NOW)
    remote, loads = MemoryStore(clock), 0

    async def load() -> Entry:
        nonlocal loads
        loads += 1
        await asyncio.sleep(1)
        return entry(fetched=clock.now())

    async def work() -> None:
        found = await asyncio.gather(*(pair(clock, remote).fill(key(), load, good=always) for _ in range(8)))
        assert {one.series.size for one in found} == {1}

    clock.run(work())

    assert loads == 1


def test_holder_that_hangs_is_waited_for_briefly() -> None:
    """The claim only saves work: after three seconds the others fetch themselves."""
    clock = FakeClock(NOW)
    remote = MemoryStore(clock)

    async def load() -> Entry:
        return entry(fetched=clock.now())

    async def work() -> None:
        assert await remote.claim(key(), 60.0)
        await pair(clock, remote).fill(key(), load, good=always)

    clock.run(work())

    assert clock.monotonic() == pytest.approx(3.0, abs=0.2)


async def test_remote_is_not_asked_while_the_local_entry_is_good() -> None:
    """A warm read never leaves the process."""
    clock = FakeClock(NOW)

    class Forbidden(MemoryStore):
        async def get(self, key: CacheKey) -> Entry | None:
            raise AssertionError("asked")

    local = MemoryStore(clock)
    await local.put(key(), entry())

    assert await Cache(local, clock=clock, remote=Forbidden(clock)).get(key(), always) is not None


async def test_newer_remote_entry_replaces_a_local_one_that_is_no_longer_good() -> None:
    """What another process refreshed is taken over."""
    clock = FakeClock(NOW + timedelta(minutes=10))
    local, remote = MemoryStore(clock), MemoryStore(clock)
    await local.put(key(), entry(100.0))
    await remote.put(key(), entry(200.0, fetched=NOW + timedelta(minutes=9)))
    cache = Cache(local, clock=clock, remote=remote)

    found = await cache.get(key(), lambda one: one.is_younger_than(timedelta(minutes=5), clock.now()))

    assert found is not None
    assert found.series.values.tolist() == [200.0]
    assert local.peek(key()) == found

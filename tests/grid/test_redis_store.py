"""A real Redis that is shared, killed, frozen, filled, flushed and spoiled: answers stay right and prompt."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from grid_doubles import DemoProvider, World
from gridtide.domain.decision import FreshnessStep
from gridtide.domain.errors import ConfigurationError, RateLimited
from gridtide.domain.interval import Interval
from gridtide.domain.ports import Reading, SignalQuery
from gridtide.domain.signal import Scope, SignalKind
from gridtide.domain.zone import Zone
from gridtide.grid.cache import Cache, CacheKey, Entry, MemoryStore
from gridtide.grid.client import GridClient
from gridtide.grid.fetch import Fetcher
from gridtide.grid.limits import Budget, Limits
from gridtide.grid.provider import Product

redis_store = pytest.importorskip("gridtide.grid.redis_store")
pytestmark = pytest.mark.real

KEY = CacheKey("demo", "X", Product.FORECAST, SignalKind.AVERAGE, Scope.LIFECYCLE)
BUDGET = Budget(20, timedelta(minutes=1))


class RealClock:
    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()


CLOCK = RealClock()


@pytest.fixture
async def server(redis_process: Any) -> AsyncIterator[Any]:
    """The server, as good as new before and after each test."""
    yield redis_process
    redis_process.stop()
    redis_process.start()


@pytest.fixture
def namespace() -> str:
    return f"t{time.monotonic_ns()}"


@pytest.fixture
async def store(server: Any, namespace: str) -> AsyncIterator[Any]:
    """Opens stores on the server, each as another process would; closes them in the end."""
    opened = []

    def open_one(name: str = namespace, budget: float = 5.0):
        opened.append(redis_store.RedisStore(server.url, clock=CLOCK, namespace=name, budget=budget))
        return opened[-1]

    yield open_one
    for one in opened:
        await one.aclose()


def replica(world: World, remote: Any | None) -> GridClient:
    """One process of several: a memory of its own, the store and the budget shared."""
    limits = Limits(CLOCK, shared=remote, share=1 / 8)
    fetcher = Fetcher(CLOCK, rng=random.Random(1), limits=limits, transport=world.net.transport)
    cache = Cache(MemoryStore(CLOCK), clock=CLOCK, remote=remote)
    return GridClient((DemoProvider(),), fetcher=fetcher, clock=CLOCK, cache=cache, rng=random.Random(1))


def query(zone: str = "X") -> SignalQuery:
    now = CLOCK.now()
    return SignalQuery(zone=Zone(zone), window=Interval(now, now + timedelta(hours=6)))


def is_right(reading: Reading) -> bool:
    now = CLOCK.now()
    first = now.replace(minute=now.minute // 30 * 30, second=0, microsecond=0)
    return reading.series.value_at(now) == pytest.approx(World.truth(first))


# -- shared ------------------------------------------------------------------------------------------------------------


async def test_eight_processes_fetch_each_zone_once(store: Any) -> None:
    """Restarted twice: calls stay at one per zone."""
    world = World(CLOCK)
    for _ in range(3):
        remotes = [store() for _ in range(8)]
        replicas = [replica(world, remote) for remote in remotes]
        readings = await asyncio.gather(*(grid.read(query(f"Z{n}")) for grid in replicas for n in range(5)))
        assert all(map(is_right, readings))
        for grid in replicas:
            await grid.aclose()

    assert world.net.count("product=forecast") == 5


async def test_replicas_share_one_budget(store: Any) -> None:
    """Four processes that push as hard as they can stay inside what the provider allows."""
    stores = [store() for _ in range(4)]
    granted = 0
    for _ in range(40):
        for one in stores:
            try:
                await Limits(CLOCK, shared=one).admit("host", BUDGET, patience=0.0)
                granted += 1
            except RateLimited:
                pass

    assert 1 <= granted <= 20


async def test_replicas_share_a_pause(store: Any) -> None:
    """What one was told, the others keep; a shorter pause does not shorten it."""
    first, second = store(), store()
    await first.pause("host", 300.0)
    await first.pause("host", 1.0)

    with pytest.raises(RateLimited) as caught:
        await Limits(CLOCK, shared=second).admit("host", BUDGET, patience=1.0)

    assert caught.value.retry_after == pytest.approx(timedelta(seconds=300), abs=timedelta(seconds=2))


async def test_namespaces_do_not_meet(store: Any) -> None:
    """Two installations on one server."""
    first, second = store("one"), store("two")
    world = World(CLOCK)
    grid = replica(world, first)
    await grid.read(query())

    assert await first.get(KEY) is not None
    assert await second.get(KEY) is None
    await grid.aclose()


# -- failing -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["down", "frozen"])
async def test_server_that_is_away_costs_a_tenth_of_a_second_and_then_nothing(
    server: Any, store: Any, monkeypatch: Any, how: str
) -> None:
    """Not per read: after the first command that fails the server is left alone. Every answer is right."""
    remote, asked = store(budget=redis_store.BUDGET_S), []
    grid = replica(World(CLOCK), remote)
    if how == "down":
        server.stop()
    else:
        await remote.get(KEY)
        server.freeze()
    ask = remote._redis.get
    monkeypatch.setattr(remote._redis, "get", lambda name: asked.append(name) or ask(name))
    try:
        readings = [await grid.read(query(f"Z{n}")) for n in range(60)]
    finally:
        server.thaw()

    assert all(is_right(reading) for reading in readings)
    assert remote.is_resting
    assert 1 <= len(asked) < 10
    await grid.aclose()


async def test_server_that_comes_back_is_used_again(server: Any, store: Any) -> None:
    """After a rest, empty as it is."""
    remote = store()
    assert await remote.claim(KEY, 30.0)
    server.stop()
    assert await remote.claim(KEY, 30.0)
    assert remote.is_resting

    server.start()
    await asyncio.sleep(1.1)

    assert not remote.is_resting
    assert await remote.claim(KEY, 30.0)
    assert not await remote.claim(KEY, 30.0)
    assert not remote.is_resting


async def test_flush_loses_nothing_but_work(store: Any) -> None:
    """Readers keep what they have, and a new one fetches."""
    world, remote = World(CLOCK), store()
    first, second = replica(world, remote), replica(world, remote)
    await first.read(query())
    await remote._redis.flushall()

    again, fresh = await first.read(query()), await second.read(query())

    assert (again.step, fresh.step) == (FreshnessStep.CACHED, FreshnessStep.LIVE)
    assert is_right(again)
    assert is_right(fresh)
    assert world.net.count("product=forecast") == 2
    await first.aclose()
    await second.aclose()


@pytest.mark.parametrize("how", ["full", "read-only"])
async def test_server_that_takes_nothing_more_is_read_only(server: Any, store: Any, how: str) -> None:
    """Out of memory or a replica: entries that are there still serve, new ones live in the process."""
    world, remote = World(CLOCK), store()
    grid = replica(world, remote)
    await grid.read(query("A"))
    if how == "full":
        await remote._redis.config_set("maxmemory-policy", "noeviction")
        await remote._redis.config_set("maxmemory", "1")
    else:
        await remote._redis.execute_command("REPLICAOF", "127.0.0.1", "1")
    other = replica(world, remote)

    readings = [await other.read(query(zone)) for zone in ("A", "B", "B")]

    assert all(is_right(reading) for reading in readings)
    assert [reading.step for reading in readings] == [FreshnessStep.CACHED, FreshnessStep.LIVE, FreshnessStep.CACHED]
    await grid.aclose()
    await other.aclose()


async def test_key_of_a_wrong_type_is_a_miss_and_heals(store: Any) -> None:
    """Somebody else's list under our name is replaced."""
    remote = store()
    await remote._redis.rpush(remote._entry(KEY), "not ours")
    assert await remote.get(KEY) is None

    world = World(CLOCK)
    grid = replica(world, remote)
    await grid.read(query())

    assert await remote.get(KEY) is not None
    await grid.aclose()


@pytest.mark.parametrize("garbage", [b"", b"short", b"0" * 20 + b"{}", b"0" * 20 + b"\x80\x04\x95pickle", b"9" * 4000])
async def test_garbage_under_a_key_is_a_miss(store: Any, garbage: bytes) -> None:
    """And is overwritten by the next fetch."""
    remote, world = store(), World(CLOCK)
    await remote._redis.set(remote._entry(KEY), garbage)
    grid = replica(world, remote)

    reading = await grid.read(query())

    assert is_right(reading)
    found = await remote.get(KEY)
    assert isinstance(found, Entry)
    await grid.aclose()


async def test_claim_of_a_process_that_hangs_delays_but_does_not_block(store: Any) -> None:
    """The others wait three seconds at most and fetch; what the hanging one writes later is not newer."""
    world, remote = World(CLOCK), store()
    assert await remote.claim(KEY, 60.0)
    grid = replica(world, store())

    assert is_right(await grid.read(query()))
    await grid.aclose()


async def test_budget_is_kept_while_the_server_is_away(server: Any, store: Any) -> None:
    """Each replica keeps to its share."""
    stores = [store() for _ in range(8)]
    limits = [Limits(CLOCK, shared=one, share=1 / 8) for one in stores]
    server.stop()
    granted = 0
    for _ in range(10):
        for one in limits:
            try:
                await one.admit("host", Budget(80, timedelta(minutes=1)), patience=0.0)
                granted += 1
            except RateLimited:
                pass

    assert 8 <= granted <= 80


async def test_password_shows_nowhere(caplog: pytest.LogCaptureFixture) -> None:
    """Not in the repr, not in a log line about a server that cannot be reached."""
    caplog.set_level("DEBUG")
    remote = redis_store.RedisStore("redis://:canary-0123456789@127.0.0.1:1/0", clock=CLOCK)

    await remote.get(KEY)

    assert "canary" not in f"{remote!r} {caplog.text}"
    assert "left alone" in caplog.text


def test_address_of_another_kind_is_refused() -> None:
    """With the words of the setting, without the address."""
    with pytest.raises(ConfigurationError, match="cache.redis_url") as caught:
        redis_store.RedisStore("https://:canary@example.org", clock=CLOCK)

    assert "canary" not in f"{caught.value} {caught.value.hint}"


async def test_many_commands_at_once_do_not_look_like_a_dead_server(store: Any) -> None:
    """Two hundred claims at the same moment all get an answer, and the server is not left alone."""
    one = store()
    keys = [CacheKey("demo", f"Z{n}", Product.FORECAST, SignalKind.AVERAGE, Scope.LIFECYCLE) for n in range(200)]

    first = await asyncio.gather(*(one.claim(key, 60.0) for key in keys))
    second = await asyncio.gather(*(store().claim(key, 60.0) for key in keys[:20]))

    assert all(first)
    assert not any(second)
    assert not one.is_resting

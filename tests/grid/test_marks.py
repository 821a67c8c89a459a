"""What one process finds broken, the others leave alone until the pause is over."""

from __future__ import annotations

import asyncio
import random
from datetime import timedelta

import httpx2
import pytest

from grid_doubles import START, DemoProvider, World
from gridtide.domain.decision import FreshnessStep
from gridtide.domain.interval import Interval
from gridtide.domain.ports import Reading, SignalQuery
from gridtide.domain.zone import Zone
from gridtide.grid.cache import Cache, CacheStore, Entry, Mark, MemoryStore
from gridtide.grid.client import GridClient, Rules
from gridtide.grid.fetch import Fetcher
from gridtide.testing import FakeClock


@pytest.fixture
def world() -> World:
    return World(FakeClock(START))


def process(world: World, shared: CacheStore | None, seed: int = 1) -> GridClient:
    """A new process: nothing of its own is known, the store is shared."""
    return GridClient(
        (DemoProvider(),),
        fetcher=Fetcher(world.clock, rng=random.Random(seed), transport=world.net.transport),
        clock=world.clock,
        cache=Cache(MemoryStore(world.clock), clock=world.clock, remote=shared),
        rules=Rules(use_static=False),
        rng=random.Random(seed),
    )


async def read(world: World, shared: CacheStore | None, zone: str = "BAD", seed: int = 1, stay: float = 0.0) -> Reading:
    """What a new process reads, which then stays for a while."""
    async with process(world, shared, seed) as grid:
        now = world.clock.now()
        reading = await grid.read(SignalQuery(zone=Zone(zone), window=Interval(now, now + timedelta(hours=6))))
        await asyncio.sleep(stay)
        return reading


def test_restarted_process_does_not_ask_a_broken_zone_again(world: World) -> None:
    """The first pays for three tries; ten more processes within the pause pay nothing and say why."""
    world.down_zones["BAD"] = httpx2.Response(503)
    shared = MemoryStore(world.clock)

    async def work() -> list[Reading]:
        found = [await read(world, shared)]
        for seed in range(10):
            await asyncio.sleep(10)
            found.append(await read(world, shared, seed=seed))
        return found

    readings = world.clock.run(work())

    assert {reading.step for reading in readings} == {FreshnessStep.NONE}
    assert world.net.count("/BAD") == 3
    assert "found by another process" in readings[-1].reason
    assert "503" in readings[-1].reason


def test_broken_zone_is_asked_again_when_the_pause_is_over(world: World) -> None:
    """It heals, and the next process after the pause has its values."""
    world.down_zones["BAD"] = httpx2.Response(503)
    shared = MemoryStore(world.clock)

    async def work() -> Reading:
        await read(world, shared)
        world.down_zones.clear()
        await asyncio.sleep(6 * 60)
        return await read(world, shared, seed=2)

    assert world.clock.run(work()).step is FreshnessStep.LIVE


def test_healthy_zones_are_not_concerned(world: World) -> None:
    """One broken zone leaves its neighbours as they were."""
    world.down_zones["BAD"] = httpx2.Response(503)
    shared = MemoryStore(world.clock)

    async def work() -> Reading:
        await read(world, shared)
        return await read(world, shared, zone="GOOD", seed=2)

    assert world.clock.run(work()).step is FreshnessStep.LIVE


@pytest.mark.parametrize(
    "fault",
    [httpx2.ConnectError("no route"), httpx2.Response(401), httpx2.Response(403), httpx2.Response(404)],
    ids=["own network", "own key", "own plan", "own question"],
)
def test_what_may_be_its_own_fault_is_not_told(world: World, fault: httpx2.Response | Exception) -> None:
    """A process without network, or with a wrong key, does not talk the others out of asking."""
    world.down_zones["BAD"] = fault
    shared = MemoryStore(world.clock)

    async def work() -> Reading:
        await read(world, shared)
        world.down_zones.clear()
        return await read(world, shared, seed=2)

    assert world.clock.run(work()).step is FreshnessStep.LIVE


def test_marked_zone_with_older_values_serves_them(world: World) -> None:
    """The mark stops the asking, not the answering."""
    shared = MemoryStore(world.clock)

    async def work() -> Reading:
        await read(world, shared)
        world.down_zones["BAD"] = httpx2.Response(503)
        await asyncio.sleep(40 * 60)
        await read(world, shared, seed=2, stay=30)
        before = world.net.calls
        reading = await read(world, shared, seed=3)
        assert world.net.calls == before
        return reading

    reading = world.clock.run(work())

    assert reading.step is FreshnessStep.STALE
    assert reading.series


class Liar(MemoryStore):
    """A store whose marks are garbage."""

    def __init__(self, clock: FakeClock, mark: Mark | None) -> None:
        super().__init__(clock)
        self._lie = mark

    async def get(self, key: object) -> Entry | None:
        return None

    async def marked(self, key: object) -> Mark | None:
        return self._lie


@pytest.mark.parametrize("mark", [None, Mark(-5.0, "old"), Mark(float("nan"), "x")], ids=["lost", "over", "nan"])
def test_store_that_lost_its_marks_costs_a_call_and_no_answer(world: World, mark: Mark | None) -> None:
    """Flushed, restarted or wrong: the zone is asked as if nobody had."""
    reading = world.clock.run(read(world, Liar(world.clock, mark)))

    assert reading.step is FreshnessStep.LIVE


def test_mark_of_a_stranger_is_bounded(world: World) -> None:
    """A pause of a year is a quarter of an hour, and its words are short and printable."""
    shared = Liar(world.clock, Mark(3e7, "x\n\x1b[31m" * 1000))

    async def work() -> Mark | None:
        async with process(world, shared) as grid:
            await grid.read(
                SignalQuery(zone=Zone("X"), window=Interval(world.clock.now(), world.clock.now() + timedelta(hours=1)))
            )
        cache = Cache(MemoryStore(world.clock), clock=world.clock, remote=shared)
        return await cache.marked(grid.sources()[0].key(next(iter(DemoProvider().info.products))))

    mark = world.clock.run(work())

    assert mark is not None
    assert mark.left == 15 * 60
    assert len(mark.problem) == 200
    assert mark.problem.isprintable()

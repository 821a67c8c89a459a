"""Fetching ahead: on the publication clock, spread out, and only what somebody reads."""

from __future__ import annotations

import asyncio
import random
from datetime import timedelta

import httpx2
import pytest

from grid_doubles import START, DemoProvider, World
from gridtide.domain.decision import FreshnessStep
from gridtide.domain.instants import parse_instant
from gridtide.domain.interval import Interval
from gridtide.domain.ports import SignalQuery
from gridtide.domain.zone import Zone
from gridtide.grid.client import GridClient
from gridtide.grid.fetch import Fetcher
from gridtide.grid.refresh import Refresher, schedule
from gridtide.testing import FakeClock

NOW = parse_instant(START)
LAG = timedelta(minutes=5)


@pytest.fixture
def world() -> World:
    return World(FakeClock(NOW))


def client(world: World) -> GridClient:
    fetcher = Fetcher(world.clock, rng=random.Random(1), transport=world.net.transport)
    return GridClient((DemoProvider(lag=LAG),), fetcher=fetcher, clock=world.clock, rng=random.Random(1))


def query(world: World, zone: str) -> SignalQuery:
    now = world.clock.now()
    return SignalQuery(zone=Zone(zone), window=Interval(now, now + timedelta(hours=12)))


def test_zones_are_fetched_just_after_each_publication(world: World) -> None:
    """Five and thirty-five past, within a minute of jitter, each zone once."""
    asked: list[float] = []

    async def work() -> None:
        async with client(world) as grid:
            await asyncio.gather(*(grid.read(query(world, f"Z{n}")) for n in range(40)))
            loop = asyncio.ensure_future(Refresher(grid, world.clock).run(world.clock))
            before, end = world.net.calls, world.clock.monotonic() + 3600
            while world.clock.monotonic() < end:
                await asyncio.sleep(1)
                asked.extend([world.clock.monotonic()] * (world.net.calls - before))
                before = world.net.calls
            loop.cancel()

    world.clock.run(work())

    assert len(asked) == 2 * 40
    assert all(5 * 60 <= moment % 1800 <= 6 * 60 + 2 for moment in asked)
    assert len(set(asked)) > 20


def test_reads_never_wait_for_a_fetch_while_it_runs(world: World) -> None:
    """Every answer comes from the cache and is as new as the source has it."""

    async def work() -> set[FreshnessStep]:
        steps = set()
        async with client(world) as grid:
            await grid.read(query(world, "X"))
            loop = asyncio.ensure_future(Refresher(grid, world.clock).run(world.clock))
            for _ in range(600):
                await asyncio.sleep(61)
                reading = await grid.read(query(world, "X"))
                steps.add(reading.step)
                assert reading.age is not None
                assert reading.age <= timedelta(minutes=32)
            loop.cancel()
        return steps

    assert world.clock.run(work()) <= {FreshnessStep.CACHED, FreshnessStep.LIVE}
    assert world.net.calls <= 24


def test_zone_that_nobody_reads_is_left_alone(world: World) -> None:
    """After two hours without a reader the fetching ends, and it starts again with the next read."""

    async def work() -> None:
        async with client(world) as grid:
            refresher = Refresher(grid, world.clock)
            await grid.read(query(world, "X"))
            loop = asyncio.ensure_future(refresher.run(world.clock))
            await asyncio.sleep(24 * 3600)
            assert 4 <= world.net.calls <= 6
            assert schedule(grid.sources()) == []
            await grid.read(query(world, "X"))
            assert len(schedule(grid.sources())) == 1
            loop.cancel()

    world.clock.run(work())


def test_broken_zone_is_fetched_ahead_less_often_than_a_healthy_one(world: World) -> None:
    """The healthy ones keep their half-hourly rhythm."""
    world.down_zones["BAD"] = httpx2.Response(500)

    async def work() -> None:
        async with client(world) as grid:
            zones = ("BAD", "A", "B")
            loop = asyncio.ensure_future(Refresher(grid, world.clock).run(world.clock))
            for _ in range(24):
                await asyncio.gather(*(grid.read(query(world, zone)) for zone in zones))
                await asyncio.sleep(3600)
            loop.cancel()

    world.clock.run(work())

    healthy = min(world.net.count(f"/{zone}?product=forecast") for zone in ("A", "B"))
    assert healthy >= 47
    assert world.net.count("/BAD?product=forecast") <= healthy / 2


def test_cold_start_under_a_tight_budget_reaches_every_zone(world: World) -> None:
    """Sixty zones and thirty calls a minute: nobody is punished for waiting, and the budget holds."""
    moments: list[float] = []
    world.net.answer = lambda request, answer=world.net.answer: (
        moments.append(world.clock.monotonic()) or answer(request)
    )

    async def work() -> list[FreshnessStep]:
        fetcher = Fetcher(world.clock, rng=random.Random(1), transport=world.net.transport)
        provider = DemoProvider(lag=LAG, calls_per_window=30)
        async with GridClient((provider,), fetcher=fetcher, clock=world.clock, rng=random.Random(1)) as grid:
            loop = asyncio.ensure_future(Refresher(grid, world.clock).run(world.clock))
            for _ in range(10):
                readings = await asyncio.gather(*(grid.read(query(world, f"Z{n}")) for n in range(60)))
                await asyncio.sleep(60)
            loop.cancel()
            return [reading.step for reading in readings]

    steps = world.clock.run(work())

    assert set(steps) <= {FreshnessStep.LIVE, FreshnessStep.CACHED}
    assert max(sum(t <= u < t + 60 for u in moments) for t in moments) <= 30

"""
What a read costs and what keeping 400 zones fresh costs.

    python benchmarks/grid_cache.py [--zones 400]

Reads are timed one by one, median and 99th percentile. The peer beside ours is ``cashews`` where it is installed, with
its in-memory backend, holding the same forecast. Refreshing uses the fake server in a process of its own over real HTTP
on loopback; processor time is this process's, on one core.
"""

from __future__ import annotations

import argparse
import asyncio
import dataclasses
import gc
import importlib.util
import multiprocessing
import random
import resource
import statistics
import sys
import time
from datetime import timedelta
from pathlib import Path

from gridtide.api.clocks import SystemClock
from gridtide.domain.interval import Interval
from gridtide.domain.ports import SignalQuery
from gridtide.domain.zone import Zone
from gridtide.grid.cache import MemoryStore
from gridtide.grid.client import GridClient, Rules
from gridtide.grid.fetch import Fetcher
from gridtide.grid.provider import Product
from gridtide.grid.providers.registry import make
from gridtide.grid.refresh import schedule
from gridtide.testing import FakeGridServer, wave_series

KEYS = {"WATTTIME_USER": "user", "WATTTIME_PASSWORD": "password", "ELECTRICITYMAPS_API_KEY": "fake-key"}
SCRIPT = Path(__file__).resolve().parents[1] / "scripts" / "start_redis.py"
BARS_US = {"read from cache, in memory": 20.0, "read from cache, through Redis (30 min steps)": 1000.0}


def row(name: str, took: list[float]) -> None:
    """One line of the table, with its bar where there is one."""
    micro = sorted(1e6 * t for t in took)
    median, p99 = statistics.median(micro), micro[int(0.99 * len(micro))]
    bar = BARS_US.get(name)
    verdict = "" if bar is None else f"bar {bar:g} us: {'ok' if median <= bar else 'MISSED'}"
    print(f"{name:<50} {median:>9.1f} {p99:>9.1f}   {verdict}")


async def timed(call, repeat: int) -> list[float]:
    """Seconds of each of *repeat* awaited calls."""
    took = []
    for _ in range(repeat):
        began = time.perf_counter()
        await call()
        took.append(time.perf_counter() - began)
    return took


def serve(connection) -> None:
    """The fake server, until told to stop."""
    with FakeGridServer({name: wave_series(days=14) for name in ("electricitymaps", "watttime", "uk")}) as server:
        connection.send(server.base_urls)
        connection.recv()


def provider(name: str):
    """A source whose budget does not slow the measurement down."""
    made = make(name, KEYS)
    made.info = dataclasses.replace(made.info, calls_per_window=1_000_000)
    return made


def client(urls: dict[str, str], clock: SystemClock, *names: str) -> GridClient:
    """A client of the fake server."""
    fetcher = Fetcher(clock, rng=random.Random(1), base_urls={name: urls[name] for name in names})
    return GridClient([provider(name) for name in names], fetcher=fetcher, clock=clock, rules=Rules(prefer=names))


def query(clock: SystemClock, zone: str, hours: float = 24) -> SignalQuery:
    """A day ahead in one zone."""
    now = clock.now()
    aliases = (("electricitymaps", f"US-{zone}"), ("watttime", f"AREA_{zone}"))
    return SignalQuery(zone=Zone(zone, aliases=aliases), window=Interval(now, now + timedelta(hours=hours)))


async def reads(urls: dict[str, str]) -> None:
    """Time of one read at each depth."""
    clock = SystemClock()
    print(f"{'one read of a 48 h forecast':<50} {'median us':>9} {'p99 us':>9}")
    async with client(urls, clock, "uk") as grid:
        asked = query(clock, "GB")
        await grid.read(asked)
        row("read from cache, in memory", await timed(lambda: grid.read(asked), 20_000))

        async def climb() -> None:
            grid._memo._kept.clear()  # noqa: SLF001 - the fast path is what is left out here
            await grid.read(asked)

        row("the same, choosing the source again", await timed(climb, 2000))
        source = grid.sources()[0]
        entry = source._held[Product.FORECAST]  # noqa: SLF001 - the same values for every row
        store = MemoryStore(clock)
        await store.put(source.key(Product.FORECAST), entry)
        row("MemoryStore.get", await timed(lambda: store.get(source.key(Product.FORECAST)), 20_000))
        await peer(entry)
        await through_redis(source.key(Product.FORECAST), entry, clock)


async def peer(entry) -> None:
    """The same series in cashews' memory backend."""
    if importlib.util.find_spec("cashews") is None:
        print("cashews is not installed: no peer")
        return
    from cashews import Cache  # noqa: PLC0415 - only where it is installed

    cache = Cache()
    cache.setup("mem://?size=1000")
    arrays = {"starts": entry.series.starts_ns, "ends": entry.series.ends_ns, "values": entry.series.values}
    await cache.set("forecast:GB", arrays, expire=300)
    row("cashews, memory, get of the same arrays", await timed(lambda: cache.get("forecast:GB"), 20_000))
    await cache.close()


async def through_redis(key, entry, clock: SystemClock) -> None:
    """A real Redis on loopback, half-hour and five-minute steps."""
    spec = importlib.util.spec_from_file_location("start_redis", SCRIPT)
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    binary = script.find_server()
    if binary is None or importlib.util.find_spec("redis") is None:
        print("no redis-server or redis client: not measured")
        return
    from gridtide.grid.redis_store import RedisStore  # noqa: PLC0415 - only where it is installed

    fine = dataclasses.replace(
        entry,
        series=wave_series(entry.series.start, days=2, step=timedelta(minutes=5)).relabel(entry.series.signal),
    )
    with script.RedisProcess(binary) as server:
        store = RedisStore(server.url, clock=clock)
        for label, one in (("30 min steps", entry), ("5 min steps", fine)):
            await store.put(key, dataclasses.replace(one, fetched_at=clock.now()))
            row(f"read from cache, through Redis ({label})", await timed(lambda: store.get(key), 2000))
        await store.aclose()


async def refresh(urls: dict[str, str], name: str, product: Product, zones: int, per_hour: int) -> None:
    """Processor time, memory and calls for *zones* kept fresh."""
    clock = SystemClock()
    async with client(urls, clock, name) as grid:
        await asyncio.gather(*(grid.read(query(clock, f"Z{n}")) for n in range(4)))
        gc.collect()
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        places = asyncio.Semaphore(4)
        problems: list[str] = []
        grid.listen(lambda update: problems.append(update.problem))

        async def one(number: int) -> None:
            async with places:
                await grid.read(query(clock, f"Z{number}"))

        await asyncio.gather(*(one(n) for n in range(zones)))
        sources = [due.source for due in schedule(grid.sources()) if due.product is product][:zones]
        before, cpu, wall = grid.tally[name, "calls"], time.process_time(), time.perf_counter()

        async def again(source) -> None:
            async with places:
                if not await source.refresh(product):
                    raise SystemExit(f"{source}: {problems[-1]}")

        await asyncio.gather(*(again(source) for source in sources))
        cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
        calls = grid.tally[name, "calls"] - before
        grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - memory) / 1024
        print(
            f"{name:<18} {product:<9} {zones:>5} {calls:>6} {1e3 * cpu / zones:>10.2f} {wall:>8.1f}"
            f" {per_hour:>8} {cpu * per_hour:>10.1f} {grown:>8.0f}"
        )


async def main_async(urls: dict[str, str], zones: int) -> None:
    """All tables."""
    await reads(urls)
    print()
    print(
        f"{'keeping zones fresh':<18} {'product':<9} {'zones':>5} {'calls':>6} {'ms/refresh':>10} {'wall s':>8}"
        f" {'per hour':>8} {'CPU s/h':>10} {'MiB more':>8}"
    )
    await refresh(urls, "electricitymaps", Product.FORECAST, zones, per_hour=2)
    await refresh(urls, "watttime", Product.FORECAST, zones, per_hour=12)


def main() -> int:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--zones", type=int, default=400)
    zones = parser.parse_args().zones
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    server = context.Process(target=serve, args=(theirs,), daemon=True)
    server.start()
    try:
        asyncio.run(main_async(ours.recv(), zones))
    finally:
        ours.send("stop")
        server.join(timeout=5)
    return 0


if __name__ == "__main__":
    sys.exit(main())

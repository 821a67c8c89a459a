"""
One replica as a process of its own, to be killed by whoever started it.

It says when it is loaded, reads all zones once when told to, and says how many gave values. Redis has two seconds to
answer instead of a tenth: eight interpreters on the cores of one machine wait for each other, not for Redis.

Usage: python -m gridtide.testing.faultruns.process BASE_URL REDIS_URL ZONES
"""

from __future__ import annotations

import asyncio
import sys
from datetime import timedelta

from gridtide.domain.interval import Interval
from gridtide.domain.ports import SignalQuery
from gridtide.grid.cache import Cache, MemoryStore
from gridtide.grid.client import GridClient, Rules
from gridtide.grid.fetch import Fetcher
from gridtide.grid.limits import Limits
from gridtide.grid.providers.registry import make
from gridtide.grid.redis_store import RedisStore
from gridtide.testing.clock import RealClock
from gridtide.testing.faultruns.politeness import REPLICAS, watttime_zones
from gridtide.testing.faultruns.rig import CREDENTIALS


async def main(base_url: str, redis_url: str, zones: int) -> None:
    """Read *zones* zones and report."""
    clock = RealClock()
    store = RedisStore(redis_url, clock=clock, budget=2.0)
    limits = Limits(clock, shared=store, share=1 / REPLICAS)
    fetcher = Fetcher(clock, base_urls={"watttime": base_url}, limits=limits)
    cache = Cache(MemoryStore(clock), clock=clock, remote=store)
    client = GridClient(
        [make("watttime", CREDENTIALS)], fetcher=fetcher, clock=clock, cache=cache, rules=Rules(use_static=False)
    )
    window = Interval(clock.now(), clock.now() + timedelta(hours=1))
    queries = [SignalQuery(zone=zone, window=window) for zone in watttime_zones(zones)]
    readings = await asyncio.gather(*(client.read(query) for query in queries))
    sys.stdout.write(f"{sum(bool(reading.series) for reading in readings)}\n")
    sys.stdout.flush()
    await asyncio.sleep(3600)


if __name__ == "__main__":
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    sys.stdin.readline()
    asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))

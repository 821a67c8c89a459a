"""
Keeping 400 zones fresh for an hour: processor time of one core, memory, calls.

    python benchmarks/bench_refresh.py [--zones 400] [--hours 1]

One hour of virtual time passes in the real client and its refresher against a fake server on loopback, over real HTTP.
Processor time is that of the client's thread alone (the server runs in others), so it does not depend on how fast the
virtual hour passes; memory is the growth of the whole process while the zones are read, the server's log included.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import logging
import random
import time
from datetime import timedelta
from pathlib import Path

from gridtide.domain.interval import Interval
from gridtide.domain.ports import SignalQuery
from gridtide.domain.zone import Zone
from gridtide.grid.client import GridClient, Rules
from gridtide.grid.fetch import Fetcher
from gridtide.grid.providers.registry import make
from gridtide.grid.refresh import Refresher
from gridtide.testing import FakeClock, FakeGridServer, wave_series
from gridtide.testing.fake.energy_charts import COUNTRIES

KEYS = {"WATTTIME_USER": "user", "WATTTIME_PASSWORD": "password", "ELECTRICITYMAPS_API_KEY": "fake-key"}
SOURCES = {"watttime": "5-min forecasts of 24 h", "energy-charts": "15-min values and forecasts"}
ZONES_OF = {"watttime": 400, "energy-charts": 40}


def rss_mib() -> float:
    """Resident memory of this process. [MiB]"""
    return int(Path("/proc/self/statm").read_text("ascii").split()[1]) * 4096 / 2**20


def zones_of(name: str, count: int) -> list[Zone]:
    """As many zones as the source can be asked for."""
    if name == "watttime":
        return [Zone(f"Z{k}", aliases=((name, f"REGION_{k}"),)) for k in range(count)]
    return [Zone(code.upper(), aliases=((name, code),)) for code in sorted(COUNTRIES)[:count]]


async def keep_fresh(clock: FakeClock, server: FakeGridServer, name: str, zones: list[Zone], hours: float) -> dict:
    """Read every zone once, then let the refresher work for the given time."""
    gc.collect()
    memory, began = rss_mib(), time.perf_counter()
    fetcher = Fetcher(clock, rng=random.Random(1), base_urls={name: server.base_url(name)})
    rules = Rules(use_static=False)
    async with GridClient([make(name, KEYS)], fetcher=fetcher, clock=clock, rules=rules) as client:
        for first in range(0, len(zones), 20):
            window = Interval(clock.now(), clock.now() + timedelta(hours=12))
            await asyncio.gather(*(client.read(SignalQuery(zone=z, window=window)) for z in zones[first : first + 20]))
            await clock.sleep(20)
        calls, cpu, end = server.log.count(login=False), time.thread_time(), clock.now() + timedelta(hours=hours)
        task = asyncio.create_task(Refresher(client, clock).run(clock))
        readers = 0
        while clock.now() < end:
            window = Interval(clock.now(), clock.now() + timedelta(hours=12))
            for zone in zones:
                readers += bool((await client.read(SignalQuery(zone=zone, window=window))).series)
            await clock.sleep(300)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        cpu, calls = time.thread_time() - cpu, server.log.count(login=False) - calls
    return {
        "zones": len(zones), "cpu_s_per_h": cpu / hours, "calls_per_h": calls / hours, "reads": readers,
        "memory_mib": rss_mib() - memory, "wall_s": time.perf_counter() - began,
        "busiest_5_min": server.log.busiest(timedelta(minutes=5)),
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.strip().splitlines()[0])
    parser.add_argument("--zones", type=int, default=400)
    parser.add_argument("--hours", type=float, default=1.0)
    options = parser.parse_args()
    logging.getLogger("gridtide").setLevel(logging.ERROR)
    print("| Source | Zones | CPU s per hour | Calls per hour | ms CPU per call | Busiest 5 min | Memory MiB |")
    print("|---|---|---|---|---|---|---|")
    for name, what in SOURCES.items():
        clock = FakeClock("2026-01-05T12:01Z")
        zones = zones_of(name, min(options.zones, ZONES_OF[name]))
        with FakeGridServer({name: wave_series(step=timedelta(minutes=5))}, clock=clock) as server:
            found = clock.run(keep_fresh(clock, server, name, zones, options.hours))
        per_call = 1000 * found["cpu_s_per_h"] / max(1.0, found["calls_per_h"])
        print(
            f"| {name}: {what} | {found['zones']} | {found['cpu_s_per_h']:.1f} | {found['calls_per_h']:.0f} "
            f"| {per_call:.1f} | {found['busiest_5_min']} | {found['memory_mib']:.0f} |"
        )


if __name__ == "__main__":
    main()

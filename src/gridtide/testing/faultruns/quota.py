"""E8: eight replicas that restart twenty times in ten minutes, two hundred zones, three of them broken."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Final

from gridtide.grid.cache import MemoryStore
from gridtide.testing.faultruns.figure import Figure
from gridtide.testing.faultruns.politeness import (
    CALLS_MOST,
    LOGINS_MOST,
    REPLICAS,
    WINDOW,
    CommonLimits,
    Replica,
    SilentStore,
    watttime_zones,
)
from gridtide.testing.faultruns.rig import run
from gridtide.testing.faults import Fault
from gridtide.testing.server import FakeGridServer
from gridtide.testing.waves import wave_series

if TYPE_CHECKING:
    from gridtide.testing.clock import FakeClock

__all__ = ["e8"]

RESTARTS: Final = 20
SPAN: Final = timedelta(minutes=10)
ZONES: Final = 200
BROKEN: Final = ("PSCO", "BPA", "REGION_7")


def e8() -> list[Figure]:
    """With a shared store, and with none, where every replica keeps to an eighth."""
    return [run(partial(_restarts, shared=True)), run(partial(_restarts, shared=False))]


async def _restarts(clock: FakeClock, *, shared: bool) -> Figure:
    zones = watttime_zones(ZONES)
    with FakeGridServer({"watttime": wave_series(step=timedelta(minutes=5))}, clock=clock) as server:
        for zone in BROKEN:
            server.fault("watttime", Fault.status(500), zone=zone)
        store = MemoryStore(clock) if shared else None
        limits = CommonLimits(clock) if shared else SilentStore()
        for generation in range(RESTARTS):
            following = clock.now() + SPAN / RESTARTS
            replicas = [
                Replica(
                    clock, server, ["watttime"], shared=store, limits=limits, share=1 / REPLICAS,
                    seed=generation * REPLICAS + k,
                )
                for k in range(REPLICAS)
            ]  # fmt: skip
            answered = sum(await asyncio.gather(*(replica.read(zones, hours=1) for replica in replicas)))
            await clock.sleep_until(following)
            for replica in replicas:
                await replica.close()
    calls = server.log.per_zone("watttime")
    healthy = [calls[zone.key] for zone in zones if zone.key not in BROKEN]
    busiest, logins = server.log.busiest(WINDOW, login=False), server.log.busiest(WINDOW, login=True)
    refused = server.log.count(status=429)
    worst = max(calls[zone] for zone in BROKEN)
    return Figure(
        fault="E8",
        case=f"{REPLICAS} replicas x {RESTARTS} restarts, {ZONES} zones, 3 broken, "
        + ("shared store" if shared else "nothing shared"),
        bar=f"calls at most {CALLS_MOST} and logins at most {LOGINS_MOST} in 5 min, no call refused",
        held=busiest <= CALLS_MOST and logins <= LOGINS_MOST and refused == 0,
        measured={
            "calls_in_5_min": busiest, "logins_in_5_min": logins, "calls_healthy_max": max(healthy),
            "calls_broken_max": worst, "refused": refused, "answered_at_the_end": f"{answered} of {REPLICAS * ZONES}",
        },
    )  # fmt: skip

"""
F21 and F22, and E8 with real processes: a shared Redis that is down, slow, full, flushed, spoiled, or holds a claim.

These runs take real time and need a Redis server that may be broken, as `RedisControl` says.
"""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
import threading
import time
from datetime import timedelta
from typing import TYPE_CHECKING, Final, Protocol

from gridtide.domain.interval import Interval
from gridtide.domain.ports import SignalQuery
from gridtide.grid.cache import Cache, MemoryStore
from gridtide.grid.client import GridClient, Rules
from gridtide.grid.fetch import Fetcher
from gridtide.grid.limits import Limits
from gridtide.grid.providers.registry import make
from gridtide.grid.redis_store import RedisStore
from gridtide.testing.clock import RealClock
from gridtide.testing.faultruns.figure import Figure
from gridtide.testing.faultruns.politeness import CALLS_MOST, LOGINS_MOST, REPLICAS, WINDOW, watttime_zones
from gridtide.testing.faultruns.quota import BROKEN, RESTARTS
from gridtide.testing.faultruns.rig import CREDENTIALS
from gridtide.testing.faults import Fault
from gridtide.testing.server import FakeGridServer
from gridtide.testing.waves import wave_series

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from gridtide.domain.zone import Zone

__all__ = ["RedisControl", "e8_processes", "f21", "f22"]

ADDED_MS: Final = 100.0
_READS: Final = 8
_TRIES: Final = 3
PROCESS_ZONES: Final = 40


class RedisControl(Protocol):
    """A Redis server of one's own."""

    port: int

    @property
    def url(self) -> str:
        """Address for clients."""
        ...

    def start(self) -> None:
        """Start it, on the same port as before."""
        ...

    def stop(self) -> None:
        """Kill it."""
        ...

    def freeze(self) -> None:
        """Let it keep its connections and answer nothing."""
        ...

    def thaw(self) -> None:
        """Let it go on."""
        ...


# -- F21 ---------------------------------------------------------------------------------------------------------------


def f21(redis: RedisControl) -> list[Figure]:
    """What each state of the store adds to a read, and whether values stay right."""
    states: dict[str, Callable[[], object]] = {
        "down": redis.stop,
        "flushed": lambda: _command(redis, "FLUSHALL"),
        "frozen (answers nothing)": redis.freeze,
        "slow by 2 s": lambda: _slow(redis, 2.0),
        "full": lambda: _command(redis, "CONFIG SET maxmemory 1"),
        "read-only": lambda: _command(redis, "REPLICAOF 127.0.0.1 1"),
        "wrong type in every key": lambda: _spoil(redis),
        "restarted empty": lambda: _restart(redis),
    }
    return [_least(redis, case, spoil) for case, spoil in states.items()]


def _least(redis: RedisControl, case: str, spoil: Callable[[], object]) -> Figure:
    """The first of three tries that keeps the bar: a busy machine only ever adds."""
    for _ in range(_TRIES - 1):
        figure = asyncio.run(_store_fault(redis, case, spoil))
        if figure.held:
            return figure
    return asyncio.run(_store_fault(redis, case, spoil))


async def _store_fault(redis: RedisControl, case: str, spoil: Callable[[], object]) -> Figure:
    zones = watttime_zones(_READS)
    with FakeGridServer({"watttime": wave_series(step=timedelta(minutes=5))}) as server:
        healthy_client, healthy_store = _client(server, redis)
        healthy = await _read_times(healthy_client, zones)
        spoil()
        client, store = _client(server, redis)
        try:
            broken = await _read_times(client, zones)
            values = await _values(client, zones[:1])
        finally:
            for one in (healthy_client, client):
                await one.aclose()
            for either in (healthy_store, store):
                await either.aclose()
            redis.thaw()
            redis.stop()
            redis.start()
    added = 1000 * (max(broken) - max(healthy))
    return Figure(
        fault="F21",
        case=f"Redis {case}",
        bar=f"the slowest cold read takes at most {ADDED_MS:g} ms more, every read answered",
        held=added <= ADDED_MS + 10 and values,
        measured={
            "slowest_healthy_ms": round(1000 * max(healthy), 1), "slowest_ms": round(1000 * max(broken), 1),
            "added_ms": round(added, 1), "answered": str(values),
        },
    )  # fmt: skip


def _client(server: FakeGridServer, redis: RedisControl) -> tuple[GridClient, RedisStore]:
    clock = RealClock()
    store = RedisStore(redis.url, clock=clock)
    limits = Limits(clock, shared=store)
    fetcher = Fetcher(clock, base_urls={"watttime": server.base_url("watttime")}, limits=limits)
    cache = Cache(MemoryStore(clock), clock=clock, remote=store)
    providers = [make("watttime", CREDENTIALS)]
    rules = Rules(use_static=False)
    return GridClient(providers, fetcher=fetcher, clock=clock, cache=cache, rules=rules), store


async def _read_times(client: GridClient, zones: Sequence[Zone]) -> list[float]:
    """Seconds of one read after the other, each of a zone not read before. [s]"""
    times = []
    for zone in zones:
        began = time.perf_counter()
        await _read(client, zone)
        times.append(time.perf_counter() - began)
    return times


async def _values(client: GridClient, zones: Sequence[Zone]) -> bool:
    return all([(await _read(client, zone)) for zone in zones])


async def _read(client: GridClient, zone: Zone) -> bool:
    now = RealClock().now()
    window = Interval(now, now + timedelta(hours=1))
    reading = await client.read(SignalQuery(zone=zone, window=window))
    return bool(reading.series)


def _command(redis: RedisControl, text: str) -> bytes:
    """Send one inline command."""
    with socket.create_connection(("127.0.0.1", redis.port), timeout=5) as connection:
        connection.sendall(text.encode() + b"\r\n")
        return connection.recv(65536)


def _restart(redis: RedisControl) -> None:
    redis.stop()
    redis.start()


def _slow(redis: RedisControl, seconds: float) -> None:
    """Let the server answer nothing for that long, then everything. [s]"""
    redis.freeze()
    threading.Timer(seconds, redis.thaw).start()


def _spoil(redis: RedisControl) -> None:
    """Turn every key into a list."""
    reply = _command(redis, "KEYS gridtide*").decode("utf-8", "replace").split("\r\n")
    for name in reply[2::2]:
        if name:
            _command(redis, f"DEL {name}")
            _command(redis, f"RPUSH {name} x")


# -- F22 ---------------------------------------------------------------------------------------------------------------


def f22(redis: RedisControl) -> list[Figure]:
    """A process that holds the claim of a key and hangs."""
    return [asyncio.run(_held_claim(redis))]


async def _held_claim(redis: RedisControl) -> Figure:
    zone = watttime_zones(1)[0]
    with FakeGridServer({"watttime": wave_series(step=timedelta(minutes=5))}) as server:
        server.fault("watttime", Fault.silence(), zone=zone.key, times=1)
        hanging, hanging_store = _client(server, redis)
        other, other_store = _client(server, redis)
        held = asyncio.create_task(_read(hanging, zone))
        await asyncio.sleep(0.3)
        began = time.perf_counter()
        answered = await _read(other, zone)
        seconds = time.perf_counter() - began
        held.cancel()
        await asyncio.gather(held, return_exceptions=True)
        for client in (hanging, other):
            await client.aclose()
        for store in (hanging_store, other_store):
            await store.aclose()
    return Figure(
        fault="F22",
        case="the holder of a claim hangs",
        bar="another process answers within 4 s",
        held=answered and seconds <= 4.0,
        measured={
            "answered": str(answered),
            "answered_after_s": round(seconds, 2),
            "calls": server.log.count(login=False),
        },
    )


# -- E8 with processes -------------------------------------------------------------------------------------------------


def e8_processes(
    redis: RedisControl, *, restarts: int = RESTARTS, count: int = PROCESS_ZONES, spacing_s: float = 0.0
) -> list[Figure]:
    """
    Eight operating system processes, killed and started again, one store.

    Args:
        redis: The store.
        restarts: How often.
        count: Zones each of them reads; more than a small machine's cores can read at once measures the machine.
        spacing_s: Least time between two restarts. [s]
    """
    zones = watttime_zones(count)
    answered = 0
    with FakeGridServer({"watttime": wave_series(step=timedelta(minutes=5))}) as server:
        for zone in BROKEN:
            server.fault("watttime", Fault.status(500), zone=zone)
        began = time.perf_counter()
        for _ in range(restarts):
            started = time.perf_counter()
            answered = _generation(server.base_url("watttime"), redis.url, count)
            time.sleep(max(0.0, spacing_s - (time.perf_counter() - started)))
        seconds = time.perf_counter() - began
    calls = server.log.per_zone("watttime")
    healthy = max(calls[zone.key] for zone in zones if zone.key not in BROKEN)
    busiest, logins = server.log.busiest(WINDOW, login=False), server.log.busiest(WINDOW, login=True)
    refused = server.log.count(status=429)
    return [
        Figure(
            fault="E8",
            case=f"{REPLICAS} processes killed and restarted {restarts} times in {seconds:.0f} s, {count} zones, Redis",
            bar=f"calls at most {CALLS_MOST} and logins at most {LOGINS_MOST} in 5 min, no call refused",
            held=busiest <= CALLS_MOST and logins <= LOGINS_MOST and refused == 0 and answered > 0,
            measured={
                "calls_in_5_min": busiest, "logins_in_5_min": logins, "calls_healthy_max": healthy,
                "calls_broken_max": max(calls[zone] for zone in BROKEN), "refused": refused,
                "answered_at_the_end": f"{answered} of {REPLICAS * count}",
            },
        )
    ]  # fmt: skip


def _generation(base_url: str, redis_url: str, count: int) -> int:
    """
    Start eight processes, let them read all zones at the same moment, kill them; how many reads gave values.

    They begin together when all are loaded, as on machines of their own: eight interpreters that start on two cores
    would measure the cores.
    """
    command = [sys.executable, "-m", "gridtide.testing.faultruns.process", base_url, redis_url, str(count)]
    processes = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(REPLICAS)
    ]
    answered = 0
    try:
        for process in processes:
            _line(process)
        for process in processes:
            assert process.stdin is not None  # noqa: S101 - a pipe was asked for
            process.stdin.write("go\n")
            process.stdin.flush()
        answered = sum(int(_line(process) or 0) for process in processes)
    finally:
        for process in processes:
            process.kill()
            process.communicate()
    return answered


def _line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None  # noqa: S101 - a pipe was asked for
    return process.stdout.readline()

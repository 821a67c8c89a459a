"""F01 to F04: no connection, error statuses, silence, bodies that never end."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import statistics
import tempfile
import threading
import time
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from gridtide.domain.interval import Interval
from gridtide.domain.ports import SignalQuery
from gridtide.domain.zone import Zone
from gridtide.grid.client import GridClient, Rules
from gridtide.grid.fetch import Fetcher
from gridtide.grid.providers.registry import make
from gridtide.testing.certificates import certificate_for, find_openssl, server_context, trusting
from gridtide.testing.faultruns.figure import Figure
from gridtide.testing.faultruns.rig import Rig, run
from gridtide.testing.faults import Fault
from gridtide.testing.server import FakeGridServer
from gridtide.testing.waves import wave_series

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Iterator

    from gridtide.testing.clock import FakeClock
    from gridtide.testing.faultruns.rig import Look

__all__ = ["f01", "f02", "f03", "f04"]

FALLBACK_S: Final = 10.0
RSS_MIB: Final = 30.0
_COUNTRIES: Final = ("at", "be", "ch", "cz", "de", "dk", "es", "fi", "fr", "hu", "it", "nl", "no", "pl", "pt", "se")


# -- F01 ---------------------------------------------------------------------------------------------------------------


def f01() -> list[Figure]:
    """Refused connections, a name that does not resolve, no TLS, and certificates that must not be accepted."""
    return [
        run(lambda clock: _unreachable(clock, "connection refused", str, stop=True)),
        run(lambda clock: _unreachable(clock, "name does not resolve", lambda _: "https://carbon-intensity.invalid")),
        run(lambda clock: _unreachable(clock, "no TLS behind https", lambda url: url.replace("http:", "https:"))),
        *_bad_certificates(),
    ]


def _bad_certificates() -> list[Figure]:
    """Certificates for another host, past their end, and of nobody known; none without the ``openssl`` command."""
    if find_openssl() is None:
        return []
    cases = {
        "certificate for another host": ("DNS:elsewhere.invalid", False, True),
        "certificate expired": ("IP:127.0.0.1", True, True),
        "certificate of nobody known": ("IP:127.0.0.1", False, False),
    }
    return [_bad_certificate(case, *how) for case, how in cases.items()]


def _bad_certificate(case: str, name: str, expired: bool, trusted: bool) -> Figure:  # noqa: FBT001 - a row of cases
    with tempfile.TemporaryDirectory(prefix="gridtide-tls-") as folder:
        certificate = certificate_for(Path(folder), name, expired=expired)
        tls, verify = server_context(certificate), trusting(certificate if trusted else None)
        return run(partial(_unreachable, name=case, address=str, tls=tls, verify=verify))


async def _unreachable(
    clock: FakeClock,
    name: str,
    address: Callable[[str], str],
    *,
    stop: bool = False,
    tls: ssl.SSLContext | None = None,
    verify: ssl.SSLContext | None = None,
) -> Figure:
    async with Rig(clock, uk_address=address, tls=tls, verify=verify) as rig:
        if stop:
            rig.uk.stop()
        looks = [await rig.look(), *await rig.watch(timedelta(hours=1), every=timedelta(minutes=1))]
        calls = rig.fetcher.tally["uk", "calls"]
    slowest = max(look.seconds for look in looks)
    return Figure(
        fault="F01",
        case=name,
        bar=f"fallback within {FALLBACK_S:g} s, wrong-green 0",
        held=_all_usable(looks) and slowest <= FALLBACK_S and rig.wrong_green == 0,
        measured={
            "fallback_s": looks[0].seconds, "slowest_s": slowest, "calls_in_hour": calls,
            "wrong_green": rig.wrong_green,
        },
    )  # fmt: skip


# -- F02 ---------------------------------------------------------------------------------------------------------------


def f02() -> list[Figure]:
    """Statuses 500, 502, 503 and 504 on a tenth, half and all of the requests."""
    healthy, _ = run(lambda clock: _with_statuses(clock, 0.0))
    return [_status_figure(share, *run(partial(_with_statuses, share=share)), healthy) for share in (0.1, 0.5, 1.0)]


async def _with_statuses(clock: FakeClock, share: float) -> tuple[int, Rig]:
    async with Rig(clock) as rig:
        await rig.look()
        for code in (500, 502, 503, 504):
            if share:
                rig.uk.fault("uk", Fault.status(code), probability=1.0 if share >= 1 else 1 - (1 - share) ** 0.25)
        await rig.watch(timedelta(hours=6))
        return rig.uk.log.count(), rig


def _status_figure(share: float, calls: int, rig: Rig, healthy: int) -> Figure:
    seconds = sorted(look.seconds for look in rig.looks)
    p99 = seconds[int(0.99 * (len(seconds) - 1))]
    return Figure(
        fault="F02",
        case=f"5xx on {share:.0%} of requests",
        bar="calls at most 3 x healthy, p99 within 10 s, wrong-green 0",
        held=calls <= 3 * healthy and p99 <= FALLBACK_S and rig.wrong_green == 0 and _all_usable(rig.looks),
        measured={
            "calls": calls, "healthy_calls": healthy, "median_s": statistics.median(seconds), "p99_s": p99,
            "wrong_green": rig.wrong_green,
        },
    )  # fmt: skip


def _all_usable(looks: list[Look]) -> bool:
    return all(look.is_usable for look in looks)


# -- F03 ---------------------------------------------------------------------------------------------------------------


def f03() -> list[Figure]:
    """Silence after the request, silence before the connection, and what it does to other zones."""
    figures = [run(partial(_silent, fault=fault)) for fault in (Fault.silence(), Fault.delay(60))]
    figures.append(run(_no_accept))
    figures.append(_bulkhead())
    return figures


async def _silent(clock: FakeClock, fault: Fault) -> Figure:
    async with Rig(clock) as rig:
        rig.uk.fault("uk", fault)
        first = await rig.look()
        looks = await rig.watch(timedelta(hours=1))
    slowest = max(look.seconds for look in (first, *looks))
    return Figure(
        fault="F03",
        case=f"{fault.name} after accepting",
        bar=f"fallback within {FALLBACK_S:g} s",
        held=slowest <= FALLBACK_S + 0.1 and _all_usable([first, *looks]) and rig.wrong_green == 0,
        measured={"fallback_s": first.seconds, "slowest_s": slowest, "wrong_green": rig.wrong_green},
    )


async def _no_accept(clock: FakeClock) -> Figure:
    """A listener whose queue is full: the connection is never established."""
    with _full_listener() as port:
        async with Rig(clock, uk_address=lambda _: f"http://127.0.0.1:{port}") as rig:
            first = await rig.look()
    return Figure(
        fault="F03",
        case="connection never established",
        bar=f"fallback within {FALLBACK_S:g} s",
        held=first.is_usable and first.seconds <= FALLBACK_S + 0.1,
        measured={"fallback_s": first.seconds},
    )


@contextlib.contextmanager
def _full_listener() -> Iterator[int]:
    """Port of a socket that listens, never accepts, and has no room left."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(4):
            filler = stack.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex(listener.getsockname())
        time.sleep(0.02)
        yield listener.getsockname()[1]


def _bulkhead() -> Figure:
    """Sixteen zones of one source are read at once, one of them silent; compared with all of them healthy."""
    healthy = run(lambda clock: _all_zones(clock, None))
    delays = run(lambda clock: _all_zones(clock, "de"))
    added = max(delays[zone] - healthy[zone] for zone in _COUNTRIES if zone != "de")
    return Figure(
        fault="F03",
        case="one silent zone of sixteen",
        bar="others delayed by at most 1 s more, broken zone given up within 10 s",
        held=added <= 1.0 and delays["de"] <= FALLBACK_S + 0.1,
        measured={"others_added_s": added, "healthy_slowest_s": max(healthy.values()), "broken_s": delays["de"]},
    )


async def _all_zones(clock: FakeClock, silent: str | None) -> dict[str, float]:
    with FakeGridServer({"energy-charts": wave_series(low=100, high=500)}, clock=clock) as server:
        if silent:
            server.fault("energy-charts", Fault.silence(), zone=silent)
        fetcher = Fetcher(clock, base_urls={"energy-charts": server.base_url("energy-charts")})
        rules = Rules(use_static=False)
        async with GridClient([make("energy-charts")], fetcher=fetcher, clock=clock, rules=rules) as client:
            delays = await asyncio.gather(*(_timed(client, clock, country) for country in _COUNTRIES))
    return dict(zip(_COUNTRIES, delays, strict=True))


async def _timed(client: GridClient, clock: FakeClock, country: str) -> float:
    zone = Zone(country.upper(), aliases=(("energy-charts", country),))
    now = clock.now()
    await client.read(SignalQuery(zone=zone, window=Interval(now, now + timedelta(hours=6))))
    return (clock.now() - now).total_seconds()


# -- F04 ---------------------------------------------------------------------------------------------------------------


def f04() -> list[Figure]:
    """One byte a second, no end, 200 MiB, and 64 MiB behind a small gzip body."""
    faults = (Fault.drip(), Fault.endless(), Fault.oversize(200), Fault.gzip_bomb(64))
    return [run(partial(_bodies, fault=fault)) for fault in faults]


async def _bodies(clock: FakeClock, fault: Fault) -> Figure:
    async with Rig(clock) as rig:
        await rig.look()
        clock.advance(hours=1)
        await rig.look()
        rig.uk.fault("uk", fault)
        clock.advance(hours=1)
        with _rss_growth() as growth:
            broken = await rig.look()
    grown = growth[0]
    return Figure(
        fault="F04",
        case=fault.name,
        bar=f"cut off within {FALLBACK_S:g} s, memory grows by at most {RSS_MIB:g} MiB",
        held=broken.is_usable and broken.seconds <= FALLBACK_S + 0.1 and grown <= RSS_MIB,
        measured={"fallback_s": broken.seconds, "rss_growth_mib": round(grown, 1), "wrong_green": rig.wrong_green},
    )


@contextlib.contextmanager
def _rss_growth() -> Iterator[list[float]]:
    """Peak of resident memory above its start, sampled every millisecond. [MiB]"""
    start, peak, done = _rss_mib(), [0.0], threading.Event()

    def sample() -> None:
        while not done.wait(0.001):
            peak[0] = max(peak[0], _rss_mib() - start)

    thread = threading.Thread(target=sample, daemon=True)
    thread.start()
    try:
        yield peak
    finally:
        done.set()
        thread.join()


def _rss_mib() -> float:
    pages = int(Path("/proc/self/statm").read_text("ascii").split()[1])
    return pages * 4096 / 1024 / 1024

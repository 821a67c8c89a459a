"""F05, F06, F10 and F20: told to wait, one broken zone, logins, restarts; measured in calls at the provider."""

from __future__ import annotations

import asyncio
import random
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Final

from gridtide.domain.interval import Interval
from gridtide.domain.ports import SignalQuery
from gridtide.domain.zone import Zone
from gridtide.grid.cache import Cache, MemoryStore
from gridtide.grid.client import GridClient, Rules
from gridtide.grid.fetch import Fetcher
from gridtide.grid.limits import Limits
from gridtide.grid.providers.registry import make
from gridtide.testing.fake.watttime import PLACES, WattTime
from gridtide.testing.faultruns.figure import Figure
from gridtide.testing.faultruns.rig import CREDENTIALS, run
from gridtide.testing.faults import Fault
from gridtide.testing.server import FakeGridServer
from gridtide.testing.waves import wave_series

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gridtide.grid.cache import CacheStore
    from gridtide.grid.limits import Budget, SharedLimits
    from gridtide.testing.clock import FakeClock

__all__ = ["CommonLimits", "Replica", "SilentStore", "f05", "f06", "f10", "f20", "gb_regions", "watttime_zones"]

REPLICAS: Final = 8
WINDOW: Final = timedelta(minutes=5)
CALLS_MOST: Final = 3000
LOGINS_MOST: Final = 100
_LONGEST_PAUSE_S: Final = 900
_TICK_S: Final = 10.0


class SilentStore:
    """A shared store that does not answer, so that every process keeps to its own share."""

    async def reserve(self, host: str, budget: Budget, *, patience: float) -> float | None:  # noqa: ARG002
        """Answer nothing."""
        return None

    async def pause(self, host: str, span: float) -> None:
        """Forget it."""


class CommonLimits:
    """
    One arrival time per host for all replicas, as a shared store keeps it.

    Args:
        clock: Virtual time.
    """

    def __init__(self, clock: FakeClock) -> None:
        self._clock = clock
        self._arrivals: dict[str, float] = {}

    async def reserve(self, host: str, budget: Budget, *, patience: float) -> float | None:
        """Wait until the call may start, reserved if at most *patience*. [s]"""
        now = self._clock.monotonic()
        arrival = max(self._arrivals.get(host, now + budget.cold_lead), now)
        wait = max(0.0, arrival - budget.tolerance - now)
        if wait <= patience:
            self._arrivals[host] = arrival + budget.interval
        return wait

    async def pause(self, host: str, span: float) -> None:
        """Keep everybody away for *span* seconds."""
        self._arrivals[host] = max(self._arrivals.get(host, 0.0), self._clock.monotonic() + span)


class Replica:
    """
    One process of ours as far as providers can tell: its own client, connections, token and limits.

    Args:
        clock: Virtual time, shared by all replicas.
        server: Where the providers are.
        names: Providers it has.
        shared: Store behind its cache, if any.
        limits: Where replicas share budgets, if anywhere.
        share: Part of every budget it keeps to while *limits* does not answer.
        credentials: Of the providers.
        seed: Of its jitter.
    """

    def __init__(
        self,
        clock: FakeClock,
        server: FakeGridServer,
        names: Sequence[str],
        *,
        shared: CacheStore | None = None,
        limits: SharedLimits | None = None,
        share: float = 1.0,
        credentials: Mapping[str, str] = CREDENTIALS,
        seed: int = 0,
    ) -> None:
        self.clock = clock
        self.fetcher = Fetcher(
            clock,
            rng=random.Random(seed),  # noqa: S311 - jitter
            base_urls={name: server.base_url(name) for name in names},
            limits=Limits(clock, shared=limits, share=share),
        )
        self.client = GridClient(
            [make(name, credentials) for name in names],
            fetcher=self.fetcher,
            clock=clock,
            cache=Cache(MemoryStore(clock), clock=clock, remote=shared),
            rules=Rules(use_static=False),
            rng=random.Random(seed),  # noqa: S311 - jitter
        )

    async def read(self, zones: Sequence[Zone], *, hours: float = 6) -> int:
        """Read all zones at once; returns how many gave values."""
        window = Interval(self.clock.now(), self.clock.now() + timedelta(hours=hours))
        readings = await asyncio.gather(*(self.client.read(SignalQuery(zone=z, window=window)) for z in zones))
        return sum(bool(reading.series) for reading in readings)

    async def close(self) -> None:
        """End the process."""
        await self.client.aclose()


def gb_regions(count: int = 18) -> list[Zone]:
    """Regions of Great Britain."""
    return [Zone(f"GB-{k}", country="GB", aliases=(("uk", f"{k}"),)) for k in range(1, count + 1)]


def watttime_zones(count: int) -> list[Zone]:
    """Zones of WattTime; more than there are regions get made-up names, which the fake serves too."""
    names = [*PLACES, *(f"REGION_{k}" for k in range(max(0, count - len(PLACES))))]
    return [Zone(name, aliases=(("watttime", name),)) for name in names[:count]]


# -- F05 ---------------------------------------------------------------------------------------------------------------


def f05() -> list[Figure]:
    """Status 429 with each form of Retry-After."""
    forms: dict[str, tuple[object, float]] = {
        "120 seconds": (120, 120), "an HTTP date in 5 min": ("date", 300), "nothing": (None, 60),
        "86400": (86400, _LONGEST_PAUSE_S), "negative": ("-5", 60),
    }  # fmt: skip
    return [run(partial(_told_to_wait, case=case, form=form, pause=pause)) for case, (form, pause) in forms.items()]


async def _told_to_wait(clock: FakeClock, case: str, form: object, pause: float) -> Figure:
    """A new region is read every ten seconds, so that every read would be a call."""
    with FakeGridServer({"uk": wave_series()}, clock=clock) as server:
        replica = Replica(clock, server, ["uk"])
        after = clock.now() + timedelta(minutes=5) if form == "date" else form
        server.fault("uk", Fault.status(429, retry_after=after), times=1)  # type: ignore[arg-type]  # any form
        start = clock.now()
        for zone in gb_regions() * 6:
            asyncio.get_running_loop().create_task(replica.read([zone]))
            await clock.sleep(_TICK_S)
        await clock.sleep(_TICK_S)
        await replica.close()
    calls = [entry.at for entry in server.log]
    inside = sum(start < at < start + timedelta(seconds=pause - 1) for at in calls[1:])
    following = min((at for at in calls[1:] if at >= start + timedelta(seconds=pause - 1)), default=None)
    return Figure(
        fault="F05",
        case=f"429 with Retry-After: {case}",
        bar="calls in the pause 0, at most 15 min",
        held=inside == 0 and following is not None,
        measured={
            "pause_s": pause, "calls_in_pause": inside,
            "next_call_after_s": (following - start).total_seconds() if following else "none",
        },
    )  # fmt: skip


# -- F06 ---------------------------------------------------------------------------------------------------------------


def f06(zones: int = 200) -> list[Figure]:
    """One broken zone among many."""
    return [run(partial(_one_broken, count=zones))]


async def _one_broken(clock: FakeClock, count: int) -> Figure:
    zones = watttime_zones(count)
    broken = zones[7].key
    with FakeGridServer({"watttime": wave_series(step=timedelta(minutes=5))}, clock=clock) as server:
        server.fault("watttime", Fault.status(500), zone=broken)
        replica = Replica(clock, server, ["watttime"])
        await replica.read(zones, hours=1)
        start = clock.now()
        while clock.now() < start + timedelta(minutes=90):
            following = clock.now() + timedelta(minutes=5)
            healthy = await replica.read(zones, hours=1)
            await clock.sleep_until(following)
        await replica.close()
    calls = server.log.per_zone("watttime")
    others = [calls[zone.key] for zone in zones if zone.key != broken]
    mean = sum(others) / len(others)
    return Figure(
        fault="F06",
        case=f"1 broken zone of {count}, 90 min",
        bar="calls(broken) at most calls(healthy) on average, all healthy zones answered",
        held=calls[broken] <= mean and healthy == count - 1,
        measured={"calls_broken": calls[broken], "calls_healthy_mean": mean, "calls_healthy_max": max(others)},
    )


# -- F10 ---------------------------------------------------------------------------------------------------------------


def f10() -> list[Figure]:
    """Tokens that end early, tokens that are revoked, a wrong password; eight replicas."""
    short = WattTime(token_life=timedelta(minutes=4))
    return [
        run(partial(_logins, case="token lasts 4 min instead of 30", family=short)),
        run(partial(_logins, case="tokens revoked every minute", family=WattTime(), revoke=True)),
        run(partial(_logins, case="wrong password", family=WattTime(users={"user": "changed"}))),
    ]


async def _logins(clock: FakeClock, case: str, family: WattTime, *, revoke: bool = False) -> Figure:
    zones = watttime_zones(5)
    wrong = "password" not in family.users.values()
    with FakeGridServer({"watttime": wave_series(step=timedelta(minutes=5))}, clock=clock, families=[family]) as server:
        silent = SilentStore()
        replicas = [
            Replica(clock, server, ["watttime"], limits=silent, share=1 / REPLICAS, seed=k) for k in range(REPLICAS)
        ]
        good = 0
        for _ in range(60):
            following = clock.now() + timedelta(minutes=1)
            good += sum(await asyncio.gather(*(replica.read(zones, hours=1) for replica in replicas)))
            if revoke:
                family.revoke_tokens()
            await clock.sleep_until(following)
        for replica in replicas:
            await replica.close()
    busiest = server.log.busiest(WINDOW, "watttime", login=True)
    per_replica = server.log.logins / REPLICAS
    return Figure(
        fault="F10",
        case=f"{case}, {REPLICAS} replicas, 1 h",
        bar=f"logins at most {LOGINS_MOST} in 5 min" + (", at most 3 wrong ones each" if wrong else ""),
        held=busiest <= LOGINS_MOST and (per_replica <= 3 if wrong else good > 0),
        measured={"logins_in_5_min": busiest, "logins_each_in_hour": per_replica, "good_reads": good},
    )


# -- F20 ---------------------------------------------------------------------------------------------------------------


def f20() -> list[Figure]:
    """Many ask at once, and many processes start at once with an empty cache."""
    return [run(_concurrent), run(partial(_storm, shared=True)), run(partial(_storm, shared=False))]


async def _concurrent(clock: FakeClock) -> Figure:
    with FakeGridServer({"uk": wave_series()}, clock=clock) as server:
        replica = Replica(clock, server, ["uk"])
        good = await replica.read(gb_regions(1) * 200)
        await replica.close()
    products = len({entry.path.rpartition("/")[0] for entry in server.log})
    return Figure(
        fault="F20",
        case="200 reads of one zone at once",
        bar="one call for each product",
        held=server.log.count() == products and good == 200,
        measured={"calls": server.log.count(), "answered": good},
    )


async def _storm(clock: FakeClock, *, shared: bool) -> Figure:
    """Twenty processes restart together and read two hundred zones each."""
    zones, starts = watttime_zones(200), 20
    with FakeGridServer({"watttime": wave_series(step=timedelta(minutes=5))}, clock=clock) as server:
        store = MemoryStore(clock) if shared else None
        limits = CommonLimits(clock) if shared else SilentStore()
        replicas = [
            Replica(clock, server, ["watttime"], shared=store, limits=limits, share=1 / starts, seed=k)
            for k in range(starts)
        ]
        good = sum(await asyncio.gather(*(replica.read(zones, hours=1) for replica in replicas)))
        for replica in replicas:
            await replica.close()
    calls, logins = server.log.count(login=False), server.log.logins
    busiest = server.log.busiest(WINDOW)
    return Figure(
        fault="F20",
        case="20 restarts, 200 zones, shared cache" if shared else "20 restarts, 200 zones, nothing shared",
        bar="calls at most 1.2 x zones" if shared else "calls within 3,000 in 5 min",
        held=calls <= 1.2 * len(zones) if shared else busiest <= CALLS_MOST,
        measured={"calls": calls, "logins": logins, "answered": good, "asked": starts * len(zones)},
    )

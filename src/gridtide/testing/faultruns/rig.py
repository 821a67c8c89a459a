"""
The set-up that fault runs share: two sources of one kind, the client, the planner and a truth to compare with.

Great Britain has two sources of direct average emissions, NESO and Electricity Maps, each on a server of its own, so
that one can be down while the other is not. Everything runs on one virtual clock.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final, Self, TypeVar

from gridtide.domain.decision import FreshnessStep
from gridtide.domain.interval import Interval
from gridtide.domain.ports import SignalQuery
from gridtide.domain.workload import Workload
from gridtide.domain.zone import Zone
from gridtide.forecasting.own import forecast as own_forecast
from gridtide.grid.client import GridClient, Rules
from gridtide.grid.fetch import Fetcher
from gridtide.grid.providers.registry import make
from gridtide.planning.plan import plan
from gridtide.testing.clock import FakeClock
from gridtide.testing.server import FakeGridServer
from gridtide.testing.waves import wave_series

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Coroutine

    from gridtide.domain.decision import Decision
    from gridtide.domain.ports import Reading
    from gridtide.domain.series import Series

__all__ = ["CREDENTIALS", "GB", "JOB", "MONDAY", "Look", "Rig", "job", "run"]

MONDAY: Final = datetime(2026, 1, 12, 12, 10, tzinfo=UTC)
GB: Final = Zone("GB", country="GB", timezone="Europe/London", aliases=(("uk", "GB"), ("electricitymaps", "GB")))
CREDENTIALS: Final = {
    "WATTTIME_USER": "user",
    "WATTTIME_PASSWORD": "password",
    "ELECTRICITYMAPS_API_KEY": "fake-key",
}
USABLE: Final = frozenset({FreshnessStep.LIVE, FreshnessStep.CACHED, FreshnessStep.STALE})
JOB: Final = timedelta(hours=2)
HORIZON: Final = timedelta(hours=24)
_TOLERANCE_G: Final = 20.0
_TOLERANCE_SHARE: Final = 0.15

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """
    One decision and what was true about it.

    Args:
        at: When it was asked for.
        seconds: How long the answer took. [s]
        reading: What the client said.
        decision: What the planner made of it.
        true_mean: True mean over the planned run. [gCO2eq/kWh]
    """

    at: datetime
    seconds: float
    reading: Reading
    decision: Decision
    true_mean: float | None

    @property
    def is_usable(self) -> bool:
        """Whether the values are of a source and no older than the bound."""
        return self.reading.step in USABLE

    @property
    def is_wrong_green(self) -> bool:
        """Whether values of a source made the planned run look much cleaner than it is."""
        claimed = self.decision.mean
        if not self.is_usable or claimed is None or self.true_mean is None:
            return False
        return claimed < self.true_mean - max(_TOLERANCE_G, _TOLERANCE_SHARE * self.true_mean)


class Rig:
    """
    Two sources, one client, one planner; an async context manager.

    Args:
        clock: Virtual time.
        truth: What is true in Great Britain; a daily wave between 60 and 360 when left out. [gCO2/kWh]
        second: Whether there is a second source.
        rules: Of the client.
        uk_address: Base address of the first source in place of its server's, from that one.
        tls: TLS settings of the first source's server.
        verify: TLS settings of the client.
        seed: Of faults and jitter.
    """

    def __init__(
        self,
        clock: FakeClock,
        *,
        truth: Series | None = None,
        second: bool = True,
        rules: Rules | None = None,
        uk_address: Callable[[str], str] = str,
        tls: ssl.SSLContext | None = None,
        verify: ssl.SSLContext | None = None,
        seed: int = 0,
    ) -> None:
        self.clock = clock
        self.truth = truth or wave_series(MONDAY.replace(hour=0, minute=0), days=7)
        self.uk = FakeGridServer({"uk": self.truth}, clock=clock, seed=seed, tls=tls)
        self.maps = FakeGridServer({"electricitymaps": {"GB": self.truth}}, clock=clock, seed=seed)
        self._second = second
        self._rules = rules or Rules(prefer=("uk",), use_static=True)
        self._uk_address = uk_address
        self._verify = verify
        self._seed = seed
        self.looks: list[Look] = []

    async def __aenter__(self) -> Self:
        self.uk.start()
        self.maps.start()
        urls = {
            "uk": self._uk_address(self.uk.base_url("uk")),
            "electricitymaps": self.maps.base_url("electricitymaps"),
        }
        rng = random.Random(self._seed)  # noqa: S311 - jitter
        self.fetcher = Fetcher(self.clock, rng=rng, base_urls=urls, verify=self._verify)
        self.providers = [make("uk")]
        if self._second:
            self.providers.append(make("electricitymaps", CREDENTIALS, {"direct": True}))
        self.client = GridClient(
            self.providers,
            fetcher=self.fetcher,
            clock=self.clock,
            rules=self._rules,
            forecaster=own_forecast,
            rng=random.Random(self._seed),  # noqa: S311 - jitter
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.client.aclose()
        self.uk.stop()
        self.maps.stop()

    async def look(self) -> Look:
        """Decide now when to run a job of two hours within a day."""
        now, began = self.clock.now(), self.clock.monotonic()
        query = SignalQuery(zone=GB, window=Interval(now, now + HORIZON))
        reading = await self.client.read(query)
        decision = plan(job(now), reading.series, now=self.clock.now())
        look = Look(
            at=now,
            seconds=self.clock.monotonic() - began,
            reading=reading,
            decision=decision,
            true_mean=self.true_mean(decision),
        )
        self.looks.append(look)
        return look

    async def watch(self, span: timedelta, *, every: timedelta = timedelta(minutes=5)) -> list[Look]:
        """Decide again and again for *span*, at even distances."""
        end, looks = self.clock.now() + span, []
        while self.clock.now() < end:
            following = self.clock.now() + every
            looks.append(await self.look())
            await self.clock.sleep_until(following)
        return looks

    def true_mean(self, decision: Decision) -> float | None:
        """True mean over the planned run, however far ahead; None when nothing is planned. [gCO2/kWh]"""
        if decision.start is None or decision.end is None:
            return None
        day = self.truth.end - self.truth.start
        start = self.truth.start + (decision.start - self.truth.start) % day
        return _wrapped_mean(self.truth, start, decision.end - decision.start)

    @property
    def wrong_green(self) -> int:
        """How many decisions so far took power for clean that was not."""
        return sum(look.is_wrong_green for look in self.looks)


def job(now: datetime) -> Workload:
    """The two hours of work that every look plans."""
    return Workload(id="job", duration=JOB, deadline=now + HORIZON)


def _wrapped_mean(truth: Series, start: datetime, length: timedelta) -> float:
    """Mean over a span of a series that repeats."""
    if start + length <= truth.end:
        return truth.mean(Interval(start, start + length))
    first = truth.end - start
    rest = truth.mean(Interval(truth.start, truth.start + (length - first)))
    if first <= timedelta(0):
        return rest
    return (truth.mean(Interval(start, truth.end)) * first + rest * (length - first)) / length


def run(scenario: Callable[[FakeClock], Coroutine[object, object, T]], *, now: datetime = MONDAY) -> T:
    """Run a scenario on a virtual clock of its own."""
    clock = FakeClock(now)
    return clock.run(scenario(clock))

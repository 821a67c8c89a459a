"""Whatever sources do in whatever order: no exception, no mixed meanings, no wrong value under a good name."""

from __future__ import annotations

import asyncio
import random
from datetime import timedelta

import httpx2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grid_doubles import START, ZONE, DemoProvider, World
from gridtide.domain.decision import FreshnessStep
from gridtide.domain.instants import parse_instant
from gridtide.domain.interval import Interval
from gridtide.domain.ports import SignalQuery
from gridtide.domain.signal import Quality, Scope, SignalKind
from gridtide.forecasting import own
from gridtide.grid.client import GridClient, Rules
from gridtide.grid.fetch import Fetcher
from gridtide.testing import FakeClock

FAULTS = {
    "good": None,
    "refused": httpx2.ConnectError("refused"),
    "timeout": httpx2.ReadTimeout("late"),
    "500": httpx2.Response(500),
    "429": httpx2.Response(429, headers={"retry-after": "120"}),
    "401": httpx2.Response(401),
    "404": httpx2.Response(404),
    "html": httpx2.Response(200, content=b"<html>sign in</html>"),
    "empty": httpx2.Response(200, content=b"{}"),
    "null values": httpx2.Response(
        200, json={"from": START, "step_s": 1800, "values": [None] * 48, "issued": START}
    ),
    "no values": httpx2.Response(200, json={"from": START, "step_s": 1800, "values": [], "issued": START}),
    "negative": httpx2.Response(200, json={"from": START, "step_s": 1800, "values": [-1.0] * 48, "issued": START}),
}  # fmt: skip
PROVIDERS = (
    DemoProvider("first"),
    DemoProvider("second"),
    DemoProvider("direct", scope=Scope.DIRECT),
    DemoProvider("marginal", kinds=(SignalKind.MARGINAL,)),
)
step = st.tuples(
    st.sampled_from([p.info.name for p in PROVIDERS]),
    st.sampled_from([*FAULTS, "late", "pounds"]),
    st.integers(1, 180),
)


@given(steps=st.lists(step, min_size=1, max_size=10), mixed=st.booleans())
@settings(max_examples=40, deadline=None)
def test_no_order_of_faults_makes_a_wrong_value_look_right(steps, mixed: bool) -> None:
    """Live, cached and stale values are true to the source's wave; what is not is called profile, static or none."""
    clock = FakeClock(parse_instant(START))
    world = World(clock)

    async def work() -> None:
        fetcher = Fetcher(clock, rng=random.Random(1), transport=world.net.transport)
        rules = Rules(prefer=("first", "second"), allow_signal_mix=mixed)
        async with GridClient(
            PROVIDERS, fetcher=fetcher, clock=clock, rules=rules, forecaster=own.forecast, rng=random.Random(1)
        ) as grid:
            meaning = None
            for name, fault, minutes in steps:
                apply(world, name, fault)
                await asyncio.sleep(60 * minutes)
                began, now = clock.monotonic(), clock.now()
                window = Interval(now, now + timedelta(hours=12))
                reading = await grid.read(SignalQuery(zone=ZONE, window=window))
                check(reading)
                if reading.step in {FreshnessStep.LIVE, FreshnessStep.CACHED, FreshnessStep.STALE} and not mixed:
                    signal = reading.series.signal
                    assert meaning in {None, (signal.kind, signal.scope)}
                    meaning = (signal.kind, signal.scope)
                assert clock.monotonic() - began <= 10.01 * len(PROVIDERS)

    clock.run(work())


def apply(world: World, name: str, fault: str) -> None:
    """Set one provider's state."""
    world.down.pop(name, None)
    world.late.pop(name, None)
    world.factor.pop(name, None)
    if fault == "late":
        world.late[name] = timedelta(hours=5)
    elif fault == "pounds":
        world.factor[name] = 1 / 0.45359237
    elif FAULTS[fault] is not None:
        world.down[name] = FAULTS[fault]


def check(reading) -> None:
    """Invariants of every reading."""
    signal = reading.series.signal
    if reading.step in {FreshnessStep.LIVE, FreshnessStep.CACHED, FreshnessStep.STALE}:
        assert reading.series
        assert reading.age is not None
        for start, _, value, quality in reading.series:
            if quality in {Quality.MEASURED, Quality.FORECAST} and "own forecast" not in signal.method:
                first = start.replace(minute=start.minute // 30 * 30, second=0, microsecond=0)
                assert (
                    value == pytest.approx(World.truth(first))
                    or is_pounds_from_the_start(value, first)
                    or (value == -1.0 and signal.kind is SignalKind.MARGINAL)  # which a marginal rate may be
                )
        if (signal.kind, signal.scope) != (SignalKind.AVERAGE, Scope.LIFECYCLE):
            assert "instead of" in reading.reason
    if reading.step is FreshnessStep.STALE:
        assert reading.age <= timedelta(hours=1, minutes=1)
    if reading.step is FreshnessStep.NONE:
        assert not reading.series
        assert reading.reason
    if reading.step is FreshnessStep.STATIC:
        assert signal.quality is Quality.STATIC


def is_pounds_from_the_start(value: float, first) -> bool:
    """A source in another unit from its first answer on cannot be told from a dirty grid."""
    return value == pytest.approx(World.truth(first) / 0.45359237)

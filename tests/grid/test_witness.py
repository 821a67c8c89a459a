"""A second source that is asked about the same hours notices what the first one gets wrong."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import httpx2
import pytest

from grid_doubles import START, DemoProvider, World
from gridtide.domain.decision import FreshnessStep
from gridtide.domain.interval import Interval
from gridtide.domain.ports import Reading, SignalQuery
from gridtide.domain.signal import Scope, SignalKind
from gridtide.domain.workload import Workload
from gridtide.domain.zone import Zone
from gridtide.grid.client import GridClient, Rules
from gridtide.grid.fetch import Fetcher
from gridtide.planning.question import Question, answer
from gridtide.testing import FakeClock

HOUR = timedelta(hours=1)
SHORT = timedelta(hours=6)
"""Horizon too short for a check of a source against the yearly figure alone."""
GERMANY = Zone("DE")
"""A zone with a yearly figure of its own, 381 gCO2eq/kWh, so that an arbiter exists."""


@pytest.fixture
def world() -> World:
    return World(FakeClock(START))


def client(world: World, *witnesses: DemoProvider, tolerance: float = 2.0, **facts) -> GridClient:
    return GridClient(
        (DemoProvider("first", **facts),),
        fetcher=Fetcher(world.clock, transport=world.net.transport),
        clock=world.clock,
        rules=Rules(tolerance=tolerance, warm_history=False),
        witnesses=witnesses,
    )


def read(
    world: World, *witnesses: DemoProvider, zone: Zone = GERMANY, hours: int = 12, times: int = 1, **how
) -> Reading:
    """The last of *times* readings, a minute apart."""

    async def work() -> Reading:
        async with client(world, *witnesses, **how) as grid:
            for k in range(times):
                await asyncio.sleep(60 if k else 0)
                now = world.clock.now()
                reading = await grid.read(SignalQuery(zone=zone, window=Interval(now, now + hours * HOUR)))
            return reading

    return world.clock.run(work())


def test_nobody_else_is_asked_unless_a_witness_is_set(world: World) -> None:
    """Off by default: one call, no verdict."""
    reading = read(world)

    assert reading.check is None
    assert world.net.calls == 1


def test_witness_that_agrees_is_named(world: World) -> None:
    """The verdict travels with the reading, and costs one call."""
    world.factor["second"] = 1.1

    reading = read(world, DemoProvider("second"))

    assert reading.series.signal.provider == "first"
    assert reading.check is not None
    assert reading.check.agrees is True
    assert reading.check.ratio == pytest.approx(1.1)
    assert reading.reason == "second agrees, 1.1 times apart"
    assert world.net.calls == 2


def test_witness_is_asked_once_per_publication(world: World) -> None:
    """Twenty readings in twenty minutes: one call to each of the two."""
    reading = read(world, DemoProvider("second"), times=20)

    assert reading.step is FreshnessStep.CACHED
    assert reading.check is not None
    assert world.net.count("first.example") == 1
    assert world.net.count("second.example") == 1


def test_disagreement_is_said_and_the_first_keeps_its_word(world: World) -> None:
    """Three times apart may be two ways of counting: the values are used, and everybody is told."""
    world.factor["second"] = 3.0

    reading = read(world, DemoProvider("second"))

    assert reading.step is FreshnessStep.LIVE
    assert reading.series.signal.provider == "first"
    assert reading.check is not None
    assert reading.check.agrees is False
    assert reading.reason == "second disagrees, 3 times apart; up to 2 is usual"


def test_tolerance_is_a_setting(world: World) -> None:
    """What is usual differs between pairs of sources."""
    world.factor["second"] = 3.0

    assert read(world, DemoProvider("second"), tolerance=4.0).check.agrees is True


def test_absurd_values_give_way_to_the_witness(world: World) -> None:
    """A thousandth of everything, too short for a check of its own: the second source answers instead."""
    world.factor["first"] = 1 / 1000

    reading = read(world, DemoProvider("second", horizon=SHORT), hours=6, horizon=SHORT)

    assert reading.series.signal.provider == "second"
    assert "nearer to the yearly mean" in reading.reason
    assert reading.series.value_at(world.clock.now()) > 100


def test_absurd_witness_refutes_nobody(world: World) -> None:
    """It is the second one that is a thousand times too low."""
    world.factor["second"] = 1 / 1000

    reading = read(world, DemoProvider("second", horizon=SHORT), hours=6, horizon=SHORT)

    assert reading.series.signal.provider == "first"
    assert reading.check.agrees is False


def test_without_a_yearly_figure_nobody_can_tell_who_is_absurd(world: World) -> None:
    """The first source keeps its word, and the disagreement is said."""
    world.factor["first"] = 1 / 1000

    reading = read(world, DemoProvider("second"), zone=Zone("X"), hours=6, horizon=SHORT)

    assert reading.series.signal.provider == "first"
    assert reading.check.agrees is False


def test_absurd_values_without_a_stand_in_of_the_same_scope_are_not_used(world: World) -> None:
    """Direct and lifecycle emissions do not replace each other; the yearly figure does."""
    world.factor["first"] = 1 / 1000

    reading = read(world, DemoProvider("second", scope=Scope.DIRECT, horizon=SHORT), hours=6, horizon=SHORT)

    assert reading.step is FreshnessStep.STATIC
    assert "second is" in reading.reason


@pytest.mark.parametrize(
    "fault", [httpx2.Response(503), httpx2.ConnectError("refused"), httpx2.Response(200, content=b"<html>")]
)
def test_silent_witness_costs_nothing_but_the_check(world: World, fault: object) -> None:
    """The answer stands, and says that nobody could check it."""
    world.down["second"] = fault

    reading = read(world, DemoProvider("second"))

    assert reading.step is FreshnessStep.LIVE
    assert reading.check is not None
    assert reading.check.agrees is None
    assert reading.reason.startswith("unchecked: second")


@pytest.mark.parametrize(
    "witness",
    [
        DemoProvider("second", kinds=(SignalKind.MARGINAL,)),
        DemoProvider("second", zones={"FR"}),
        DemoProvider("first"),
    ],
    ids=["another kind", "another zone", "the same source"],
)
def test_witness_that_cannot_tell_is_not_asked(world: World, witness: DemoProvider) -> None:
    """Kinds are never held against each other, and a source is no witness of itself."""
    reading = read(world, witness)

    assert reading.check is None
    assert world.net.calls == 1


def test_verdict_is_kept_in_the_decision(world: World) -> None:
    """The record of a decision says what the second source thought of the values."""
    world.factor["second"] = 3.0
    reading = read(world, DemoProvider("second"))

    made = answer(
        Question(
            workload=Workload(id="x", duration=HOUR),
            now=world.clock.now(),
            series=reading.series,
            step=reading.step,
            step_reason=reading.reason,
        )
    )

    assert "second disagrees, 3 times apart" in made.freshness_reason


def test_comparison_of_zones_is_checked_too(world: World) -> None:
    """Each zone's values are held against the witness, and the comparison stays on one source."""
    world.factor["second"] = 3.0

    async def work() -> tuple[Reading, ...]:
        async with client(world, DemoProvider("second")) as grid:
            now = world.clock.now()
            window = Interval(now, now + 12 * HOUR)
            return await grid.read_many([SignalQuery(zone=Zone(key), window=window) for key in ("DE", "FR")])

    readings = world.clock.run(work())

    assert {reading.series.signal.provider for reading in readings} == {"first"}
    assert [reading.check.agrees for reading in readings] == [False, False]

"""The grid client: how far down the freshness ladder it goes, how fast, and that it says so."""

from __future__ import annotations

import asyncio
import random
from datetime import datetime, timedelta

import httpx2
import pytest

from grid_doubles import START, ZONE, DemoProvider, World
from gridtide.domain.decision import FreshnessStep
from gridtide.domain.instants import parse_instant, to_ns
from gridtide.domain.interval import Interval
from gridtide.domain.ports import GridData, Reading, SignalQuery
from gridtide.domain.series import Series
from gridtide.domain.signal import Quality, Scope, SignalKind
from gridtide.domain.zone import Zone
from gridtide.forecasting import own
from gridtide.grid.client import GridClient, Rules
from gridtide.grid.fetch import Fetcher
from gridtide.grid.provider import Product
from gridtide.testing import FakeClock

NOW = parse_instant(START)
HOUR = timedelta(hours=1)
DOWN = httpx2.Response(503)
REFUSED = httpx2.ConnectError("refused")
LIVE, CACHED, STALE = FreshnessStep.LIVE, FreshnessStep.CACHED, FreshnessStep.STALE
PROFILE, STATIC, NONE = FreshnessStep.PROFILE, FreshnessStep.STATIC, FreshnessStep.NONE


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(NOW)


@pytest.fixture
def world(clock: FakeClock) -> World:
    return World(clock)


def client(world: World, *providers: DemoProvider, forecaster=None, **rules) -> GridClient:
    fetcher = Fetcher(world.clock, rng=random.Random(1), transport=world.net.transport)
    return GridClient(
        providers or (DemoProvider(),),
        fetcher=fetcher,
        clock=world.clock,
        rules=Rules(**rules),
        forecaster=forecaster,
        rng=random.Random(1),
    )


def query(world: World, hours: float = 24, zone: Zone = ZONE, **changes) -> SignalQuery:
    now = world.clock.now()
    return SignalQuery(zone=zone, window=Interval(now, now + timedelta(hours=hours)), **changes)


def truth_of(reading: Reading, instant: datetime) -> bool:
    first = instant.replace(minute=instant.minute // 30 * 30, second=0, microsecond=0)
    return reading.series.value_at(instant) == pytest.approx(World.truth(first))


# -- live and cached ---------------------------------------------------------------------------------------------------


def test_first_answer_is_live_and_the_next_comes_from_the_cache(world: World) -> None:
    """Within the time to live nobody is asked again, and the age is told."""

    async def work() -> list[Reading]:
        async with client(world) as grid:
            assert isinstance(grid, GridData)
            readings = [await grid.read(query(world))]
            await asyncio.sleep(240)
            readings.append(await grid.read(query(world)))
            return readings

    first, second = world.clock.run(work())

    assert (first.step, second.step) == (LIVE, CACHED)
    assert second.age == timedelta(minutes=4)
    assert truth_of(first, NOW + 5 * HOUR)
    assert world.net.count("product=forecast") == 1


def test_cache_is_by_range(world: World) -> None:
    """A longer window than the one before is asked for; a shorter one is not."""

    async def work() -> None:
        async with client(world) as grid:
            await grid.read(query(world, 6))
            await grid.read(query(world, 20))
            assert world.net.count("product=forecast") == 1
            long = await grid.read(query(world, 40))
            assert long.series.covers(Interval(NOW, NOW + 40 * HOUR))
            assert world.net.count("product=forecast") == 2
            await grid.read(query(world, 3))
            assert world.net.count("product=forecast") == 2

    world.clock.run(work())


def test_two_hundred_readers_at_once_cause_one_fetch(world: World) -> None:
    """Single flight over the whole client."""

    async def work() -> None:
        async with client(world) as grid:
            readings = await asyncio.gather(*(grid.read(query(world)) for _ in range(200)))
            assert {reading.step for reading in readings} == {LIVE}

    world.clock.run(work())

    assert world.net.count("product=forecast") == 1


def test_source_on_time_is_asked_once_per_publication(world: World) -> None:
    """A day of reads every minute costs about one call per half hour, not one per time to live."""

    async def work() -> None:
        async with client(world) as grid:
            for _ in range(24 * 60):
                assert (await grid.read(query(world))).step in {LIVE, CACHED}
                await asyncio.sleep(60)

    world.clock.run(work())

    assert world.net.count("product=forecast") <= 49


def test_max_age_asks_for_something_newer(world: World) -> None:
    """Whoever wants data of the last minute gets them."""

    async def work() -> None:
        async with client(world) as grid:
            await grid.read(query(world))
            await asyncio.sleep(120)
            reading = await grid.read(query(world, max_age=timedelta(minutes=1)))
            assert reading.age is not None
            assert reading.age <= timedelta(minutes=1)

    world.clock.run(work())

    assert world.net.count("product=forecast") == 2


def test_measured_past_lies_over_the_forecast(world: World) -> None:
    """A window that began yesterday holds measured, then forecast steps, each labelled."""

    async def work() -> Reading:
        async with client(world) as grid:
            window = Interval(NOW - 20 * HOUR, NOW + 10 * HOUR)
            return await grid.read(SignalQuery(zone=ZONE, window=window))

    reading = world.clock.run(work())

    assert reading.series.covers(Interval(NOW - 20 * HOUR, NOW + 10 * HOUR))
    assert reading.series.quality_at(NOW - 5 * HOUR) is Quality.MEASURED
    assert reading.series.quality_at(NOW + 5 * HOUR) is Quality.FORECAST
    assert reading.series.signal.quality is Quality.FORECAST


def test_past_window_asks_for_history_only(world: World) -> None:
    """A report about last week does not fetch a forecast."""

    async def work() -> Reading:
        async with client(world) as grid:
            window = Interval(NOW - 100 * HOUR, NOW - 50 * HOUR)
            return await grid.read(SignalQuery(zone=ZONE, window=window, purpose="report"))

    reading = world.clock.run(work())

    assert reading.step is LIVE
    assert reading.series.covers(Interval(NOW - 100 * HOUR, NOW - 50 * HOUR))
    assert world.net.calls == world.net.count("product=history") == 1


# -- down the ladder ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", [DOWN, REFUSED, httpx2.Response(200, content=b"<html>login</html>")])
def test_stale_within_the_bound_then_profile_then_nothing_better(world: World, fault) -> None:
    """An outage is walked down step by step, each with its age and its reason."""

    async def work() -> list[Reading]:
        async with client(world, forecaster=own.forecast) as grid:
            await grid.read(query(world))
            assert world.net.count("product=history") == 0
            await asyncio.sleep(1900)
            readings = [await grid.read(query(world))]
            await asyncio.sleep(60)
            assert world.net.count("product=history") > 0
            world.down["demo"] = fault
            for minutes in (40, 15, 10, 60 * 71):
                await asyncio.sleep(60 * minutes)
                readings.append(await grid.read(query(world)))
            return readings

    readings = world.clock.run(work())

    assert [reading.step for reading in readings] == [LIVE, STALE, STALE, PROFILE, PROFILE]
    assert all(reading.tried for reading in readings[1:])
    assert all("demo" in reading.reason for reading in readings[1:])
    assert readings[1].age == pytest.approx(timedelta(minutes=41), abs=timedelta(seconds=10))
    profile = readings[3].series
    assert profile.signal.quality is Quality.FORECAST
    assert "own forecast" in profile.signal.method
    assert profile.value_at(profile.start) == pytest.approx(World.truth(profile.start), abs=40)


def test_nothing_known_is_static_and_labelled(world: World) -> None:
    """The yearly table, never called current."""
    world.down["demo"] = REFUSED

    async def work() -> Reading:
        async with client(world) as grid:
            return await grid.read(query(world, zone=Zone("DE", country="DE")))

    reading = world.clock.run(work())

    assert reading.step is STATIC
    assert reading.series.signal.quality is Quality.STATIC
    assert "no connection" in reading.reason
    assert world.clock.monotonic() <= 10.0


def test_nothing_at_all_is_none_and_no_exception(world: World) -> None:
    """An empty series, a reason, and no number that could look clean."""
    world.down["demo"] = REFUSED

    async def work() -> Reading:
        async with client(world, use_static=False) as grid:
            return await grid.read(query(world))

    reading = world.clock.run(work())

    assert (reading.step, len(reading.series)) == (NONE, 0)
    assert reading.reason


def test_source_of_another_kind_says_what_it_gives(world: World) -> None:
    """A named source that gives prices is not a source that does not cover the place."""

    async def work() -> Reading:
        async with client(world, DemoProvider(kinds=(SignalKind.PRICE,))) as grid:
            return await grid.read(query(world))

    assert world.clock.run(work()).reason == "demo gives price signals, not average or marginal"


def test_zone_nobody_covers_says_so(world: World) -> None:
    """The reason names who was set up and the zone."""

    async def work() -> Reading:
        async with client(world, DemoProvider(zones={"X"})) as grid:
            return await grid.read(query(world, zone=Zone("ZA", country="ZA")))

    reading = world.clock.run(work())

    assert reading.step is STATIC
    assert "demo does not cover ZA" in reading.reason
    assert world.net.calls == 0


def test_silent_provider_costs_ten_seconds_once(world: World) -> None:
    """Then the next source answers; later reads do not wait for it again."""

    class HalfSilent(httpx2.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
            if request.url.host.startswith("first"):
                await asyncio.sleep(3600)
            return world.net.transport.handle_request(request)

    async def work() -> tuple[Reading, float, float]:
        fetcher = Fetcher(world.clock, rng=random.Random(1), transport=HalfSilent())
        providers = (DemoProvider("first"), DemoProvider("second"))
        async with GridClient(providers, fetcher=fetcher, clock=world.clock, rules=Rules(prefer=("first",))) as grid:
            reading = await grid.read(query(world))
            fallback = world.clock.monotonic()
            await asyncio.sleep(400)
            began = world.clock.monotonic()
            await grid.read(query(world))
            return reading, fallback, world.clock.monotonic() - began

    reading, fallback, later = world.clock.run(work())

    assert reading.series.signal.provider == "second"
    assert fallback <= 10.01
    assert later < 0.1


def test_slow_fetch_is_not_waited_for_while_something_stale_is_at_hand(world: World) -> None:
    """A decision is not held up: two seconds, then the stale value; the fetch goes on behind."""
    slow = [0.0]

    class Slow(httpx2.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
            await asyncio.sleep(slow[0])
            return world.net.transport.handle_request(request)

    async def work() -> None:
        fetcher = Fetcher(world.clock, rng=random.Random(1), transport=Slow())
        async with GridClient((DemoProvider(),), fetcher=fetcher, clock=world.clock) as grid:
            await grid.read(query(world))
            await asyncio.sleep(45 * 60)
            slow[0] = 6.0
            began = world.clock.monotonic()
            reading = await grid.read(query(world))
            assert reading.step is STALE
            assert "slow to answer" in reading.reason
            assert world.clock.monotonic() - began == pytest.approx(2.0, abs=0.1)
            await asyncio.sleep(6)
            assert (await grid.read(query(world))).step is CACHED

    world.clock.run(work())


# -- stand-ins ---------------------------------------------------------------------------------------------------------


def test_second_source_of_the_same_kind_and_scope_stands_in(world: World) -> None:
    """Before a stale value of the first, once the first is no longer held."""

    async def work() -> list[Reading]:
        providers = (DemoProvider("first"), DemoProvider("second"))
        async with client(world, *providers, prefer=("first",)) as grid:
            readings = [await grid.read(query(world))]
            world.down["first"] = DOWN
            await asyncio.sleep(45 * 60)
            readings.append(await grid.read(query(world)))
            return readings

    first, second = world.clock.run(work())

    assert [r.series.signal.provider for r in (first, second)] == ["first", "second"]
    assert second.step is LIVE
    assert second.tried
    assert "first" in second.tried[0]


@pytest.mark.parametrize(
    "other",
    [
        DemoProvider("other", scope=Scope.DIRECT),
        DemoProvider("other", kinds=(SignalKind.MARGINAL,)),
        DemoProvider("other", kinds=(SignalKind.RELATIVE,)),
    ],
    ids=["scope", "kind", "rank"],
)
def test_source_of_another_kind_or_scope_does_not_stand_in(world: World, other: DemoProvider) -> None:
    """An average that fails is not quietly replaced by a marginal value, a rank or another scope."""
    world.down["demo"] = DOWN

    async def work() -> Reading:
        async with client(world, DemoProvider(), other, prefer=("demo",)) as grid:
            return await grid.read(query(world))

    reading = world.clock.run(work())

    assert reading.step is STATIC
    assert world.net.count("other.example") == 0


def test_mixing_has_to_be_allowed_and_is_labelled(world: World) -> None:
    """Then the reading says what stands for what."""
    world.down["demo"] = DOWN
    other = DemoProvider("other", kinds=(SignalKind.MARGINAL,))

    async def work() -> Reading:
        async with client(world, DemoProvider(), other, prefer=("demo",), allow_signal_mix=True) as grid:
            return await grid.read(query(world))

    reading = world.clock.run(work())

    assert reading.series.signal.kind is SignalKind.MARGINAL
    assert "marginal instead of average" in reading.reason


def test_plan_without_the_marginal_signal_moves_on_for_good(world: World) -> None:
    """A free account gets average values and is not asked again at every read."""
    marginal = DemoProvider("marginal", kinds=(SignalKind.MARGINAL,), credentials=("KEY",))
    world.down["marginal"] = httpx2.Response(403)

    async def work() -> list[Reading]:
        async with client(world, marginal, DemoProvider()) as grid:
            readings = []
            for _ in range(30):
                readings.append(await grid.read(query(world)))
                await asyncio.sleep(60)
            return readings

    readings = world.clock.run(work())

    assert {reading.series.signal.kind for reading in readings} == {SignalKind.AVERAGE}
    assert "average instead of marginal" in readings[0].reason
    assert world.net.count("marginal.example") == 2


def test_key_that_is_revoked_does_not_change_what_the_numbers_mean(world: World) -> None:
    """A source that has delivered and then refuses is down, not absent: no other kind takes its place."""
    marginal = DemoProvider("marginal", kinds=(SignalKind.MARGINAL,), credentials=("KEY",))

    async def work() -> list[Reading]:
        async with client(world, marginal, DemoProvider()) as grid:
            readings = [await grid.read(query(world))]
            world.down["marginal"] = httpx2.Response(401)
            for _ in range(3):
                await asyncio.sleep(40 * 60)
                readings.append(await grid.read(query(world)))
            return readings

    readings = world.clock.run(work())

    assert [reading.step for reading in readings] == [LIVE, STALE, NONE, NONE]
    assert world.net.count("demo.example") == 0


def test_marginal_source_that_is_down_leaves_nothing_rather_than_an_average(world: World) -> None:
    """A passing fault does not change what the numbers mean."""
    marginal = DemoProvider("marginal", kinds=(SignalKind.MARGINAL,), credentials=("KEY",))
    world.down["marginal"] = DOWN

    async def work() -> Reading:
        async with client(world, marginal, DemoProvider()) as grid:
            return await grid.read(query(world))

    reading = world.clock.run(work())

    assert reading.step is NONE
    assert world.net.count("demo.example") == 0


def test_forecast_outside_the_plan_leaves_the_current_value(world: World) -> None:
    """A key without forecasts still gives today's value, and our own forecast extends it."""
    world.down_products["forecast"] = httpx2.Response(401)

    async def work() -> Reading:
        async with client(world, forecaster=own.forecast) as grid:
            return await grid.read(query(world))

    reading = world.clock.run(work())

    assert reading.step is LIVE
    assert "own forecast" in reading.series.signal.method
    assert reading.series.covers(Interval(NOW, NOW + 24 * HOUR))
    assert "status 401" in reading.reason


# -- horizon -----------------------------------------------------------------------------------------------------------


def test_short_horizon_is_extended_and_labelled(clock: FakeClock) -> None:
    """From where on it is our own is in the method; the provider's part is untouched."""
    world = World(clock, ahead_h=6)

    async def work() -> Reading:
        async with client(world, forecaster=own.forecast) as grid:
            return await grid.read(query(world, 30))

    reading = clock.run(work())

    assert reading.series.covers(Interval(NOW, NOW + 30 * HOUR))
    assert truth_of(reading, NOW + 5 * HOUR)
    assert reading.series.signal.method.startswith("demo to 2026-01-05T18:00:00Z, then own forecast: ")
    assert reading.series.signal.issued_at == NOW


def test_short_horizon_without_a_forecaster_stays_unknown(clock: FakeClock) -> None:
    """Nothing is held, repeated or drawn on: beyond the horizon there is no value."""
    world = World(clock, ahead_h=6)

    async def work() -> Reading:
        async with client(world) as grid:
            return await grid.read(query(world, 30))

    assert clock.run(work()).series.end == NOW + 6 * HOUR


def test_source_without_forecasts_gets_our_own(world: World) -> None:
    """Measured values up to now, our forecast after."""
    plain = DemoProvider(products=frozenset({Product.CURRENT, Product.HISTORY}), horizon=timedelta(0))

    async def work() -> Reading:
        async with client(world, plain, forecaster=own.forecast) as grid:
            return await grid.read(query(world))

    reading = world.clock.run(work())

    assert reading.step is LIVE
    assert reading.series.covers(Interval(NOW, NOW + 24 * HOUR))
    assert world.net.count("product=history") == 2  # two requests of 14 days
    assert reading.series.value_at(NOW + 12 * HOUR) == pytest.approx(World.truth(NOW + 12 * HOUR), abs=20)


def test_long_history_is_fetched_behind_the_answer(world: World) -> None:
    """A source with a file per day and a small budget: the first day is enough, the rest follows, reads go on."""
    daily = DemoProvider(
        products=frozenset({Product.CURRENT, Product.HISTORY}),
        horizon=timedelta(0),
        max_span=timedelta(days=2),
        calls_per_window=8,
    )

    async def work() -> None:
        async with client(world, daily, forecaster=own.forecast) as grid:
            first = await grid.read(query(world))
            assert first.series.covers(Interval(NOW, NOW + 20 * HOUR))
            assert world.clock.monotonic() < 1.0
            for _ in range(10):
                await asyncio.sleep(35)
                began = world.clock.monotonic()
                assert (await grid.read(query(world, 0.4, forecast=False))).step in {LIVE, CACHED}
                assert world.clock.monotonic() - began < 5.1
            past = await grid.sources()[0].past.read(Interval(NOW - timedelta(days=27), NOW), fetch=False)
            assert past.series is not None
            assert past.series.covers(Interval(NOW - timedelta(days=27), NOW))

    world.clock.run(work())

    assert world.net.count("product=history") == 15


def test_source_without_history_collects_its_own(world: World) -> None:
    """Two weeks of current values are enough for a forecast."""
    plain = DemoProvider(products=frozenset({Product.CURRENT}), horizon=timedelta(0))

    async def work() -> Reading:
        async with client(world, plain, forecaster=own.forecast) as grid:
            for _ in range(13 * 48):
                await grid.read(query(world, 1, forecast=False))
                await asyncio.sleep(1800)
            return await grid.read(query(world))

    reading = world.clock.run(work())

    now = world.clock.now()
    assert reading.series.covers(Interval(now, now + 20 * HOUR))


# -- late data that look fine ------------------------------------------------------------------------------------------


def test_late_forecast_is_found_by_its_issue_time(world: World) -> None:
    """A server that answers 200 with an old forecast is stale within two periods, not fresh."""

    async def work() -> list[tuple[float, FreshnessStep]]:
        seen = []
        async with client(world) as grid:
            await grid.read(query(world))
            for minute in range(0, 150, 5):
                world.late["demo"] = timedelta(minutes=minute)
                seen.append((minute, (await grid.read(query(world))).step))
                await asyncio.sleep(300)
        return seen

    seen = world.clock.run(work())

    noticed = next(minute for minute, step in seen if step not in {LIVE, CACHED})
    assert noticed <= 65
    assert {step for minute, step in seen if minute > noticed} == {STATIC}


def test_late_forecast_without_issue_time_is_found_by_the_present_value(clock: FakeClock) -> None:
    """The source's own newest measurement is the witness."""
    world = World(clock, issued=False)
    world.late["demo"] = timedelta(hours=6)

    async def work() -> Reading:
        async with client(world) as grid:
            return await grid.read(query(world))

    reading = clock.run(work())

    assert reading.step is STATIC
    assert "its newest data are 6.0 h old" in reading.reason


def test_report_may_use_older_values_than_a_decision(world: World) -> None:
    """A day for reports, an hour for decisions."""

    async def work() -> tuple[Reading, Reading]:
        async with client(world) as grid:
            await grid.read(query(world))
            world.down["demo"] = DOWN
            await asyncio.sleep(5 * 3600)
            return await grid.read(query(world, purpose="report")), await grid.read(query(world))

    report, decision = world.clock.run(work())

    assert (report.step, decision.step) == (STALE, STATIC)


# -- wrong values ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("zone", "believed"),
    [
        (Zone("DE", country="DE"), False),
        (Zone("CA-QC", country="CA"), True),
        (Zone("AU-TAS", country="AU"), True),
        (Zone("IS", country="IS"), True),
        (Zone("GB", country="GB"), False),
    ],
    ids=lambda value: value.key if isinstance(value, Zone) else None,
)
def test_first_values_are_held_against_a_figure_of_the_same_place_only(
    world: World, zone: Zone, believed: bool
) -> None:
    """A fiftieth of the yearly mean is another unit in Germany; hydro regions of a coal country are that clean."""
    world.factor["demo"] = 0.02
    direct = DemoProvider(scope=Scope.DIRECT)

    async def work() -> Reading:
        async with client(world, direct) as grid:
            return await grid.read(query(world, zone=zone))

    assert (world.clock.run(work()).step is LIVE) is believed


def test_changed_unit_is_never_used(world: World) -> None:
    """From the first answer in another unit on, the old values serve, then the second source; never the wrong ones."""

    async def work() -> list[Reading]:
        readings = []
        async with client(world, DemoProvider("first"), DemoProvider("second"), prefer=("first",)) as grid:
            readings.append(await grid.read(query(world)))
            world.factor["first"] = 0.45359237
            for _ in range(200):
                await asyncio.sleep(600)
                readings.append(await grid.read(query(world)))
        return readings

    readings = world.clock.run(work())

    for reading in readings:
        start = max(reading.series.start, reading.series.end - 10 * HOUR)
        assert truth_of(reading, start)
    assert readings[-1].series.signal.provider == "second"
    assert any("changed unit" in reading.reason for reading in readings)


# -- steadiness and rhythm ---------------------------------------------------------------------------------------------


def test_flapping_source_changes_the_choice_at_most_four_times_an_hour(world: World) -> None:
    """A first source that fails every other quarter hour does not drag the plan along."""

    async def work() -> list[str]:
        chosen = []
        async with client(
            world, DemoProvider("first"), DemoProvider("second"), prefer=("first",), ttl=timedelta(seconds=60)
        ) as grid:
            for minute in range(6 * 60):
                if minute % 7 < 3:
                    world.down["first"] = DOWN
                else:
                    world.down.pop("first", None)
                reading = await grid.read(query(world, max_age=timedelta(minutes=60)))
                chosen.append(reading.series.signal.provider)
                await asyncio.sleep(60)
        return chosen

    chosen = world.clock.run(work())

    changes = sum(a != b for a, b in zip(chosen, chosen[1:], strict=False))
    assert changes <= 4 * 6


def test_broken_zone_among_ten_backs_off_alone(world: World) -> None:
    """Over a day it is asked no more often than a healthy zone, and the healthy ones keep their rhythm."""
    world.down_zones["Z7"] = DOWN

    async def work() -> None:
        async with client(world) as grid:
            for _ in range(46):
                await asyncio.gather(*(grid.read(query(world, zone=Zone(f"Z{n}"))) for n in range(10)))
                await asyncio.sleep(1900)

    world.clock.run(work())

    broken = world.net.count("/Z7?product=forecast")
    healthy = [world.net.count(f"/Z{n}?product=forecast") for n in range(10) if n != 7]
    assert broken <= min(healthy)
    assert min(healthy) >= 45


def test_provider_with_a_pause_is_not_called_and_others_serve(world: World) -> None:
    """429 with Retry-After: no call in the pause, the second source meanwhile, and back after it."""
    world.down["first"] = httpx2.Response(429, headers={"retry-after": "600"})

    async def work() -> list[str]:
        chosen = []
        async with client(world, DemoProvider("first"), DemoProvider("second"), prefer=("first",)) as grid:
            for _ in range(60):
                chosen.append((await grid.read(query(world))).series.signal.provider)
                await asyncio.sleep(60)
                if world.clock.monotonic() > 500:
                    world.down.pop("first", None)
        return chosen

    chosen = world.clock.run(work())

    assert set(chosen[:10]) == {"second"}
    assert chosen[-1] == "first"


# -- comparisons -------------------------------------------------------------------------------------------------------


def test_comparison_stays_on_one_provider(world: World) -> None:
    """The best provider that covers all zones, even if a better one covers some."""
    narrow, wide = DemoProvider("narrow", zones={"A"}), DemoProvider("wide")

    async def work() -> tuple[Reading, ...]:
        async with client(world, narrow, wide, prefer=("narrow",)) as grid:
            return await grid.read_many([query(world, zone=Zone(z)) for z in ("A", "B", "C")])

    readings = world.clock.run(work())

    assert {r.series.signal.provider for r in readings} == {"wide"}
    assert [r.series.signal.zone for r in readings] == ["A", "B", "C"]


def test_comparison_with_one_zone_missing_moves_on_together(world: World) -> None:
    """If the first provider has nothing for one zone, all zones come from the second."""
    world.down_zones["B"] = DOWN

    class Renamed(DemoProvider):
        def key_for(self, zone: Zone) -> str | None:
            return f"{zone.key}-2"

    async def work() -> tuple[Reading, ...]:
        async with client(world, DemoProvider("first"), Renamed("second"), prefer=("first",)) as grid:
            return await grid.read_many([query(world, zone=Zone(z)) for z in ("A", "B")])

    assert {r.series.signal.provider for r in world.clock.run(work())} == {"second"}


def test_comparison_without_a_common_provider_is_static_for_all(world: World) -> None:
    """Never one zone live beside another from the table, and one scope for all."""
    a, b = DemoProvider("only-de", zones={"DE"}), DemoProvider("only-gb", zones={"GB"})
    zones = [Zone("DE", country="DE"), Zone("GB", country="GB"), Zone("US-CAL-CISO", country="US")]

    async def work() -> tuple[Reading, ...]:
        async with client(world, a, b) as grid:
            return await grid.read_many([query(world, zone=zone) for zone in zones])

    readings = world.clock.run(work())

    assert {reading.step for reading in readings} == {STATIC}
    assert len({reading.series.signal.scope for reading in readings}) == 1
    assert "no provider covers DE, GB, US-CAL-CISO together" in readings[0].reason


def test_listeners_hear_of_every_fetch(world: World) -> None:
    """Good news with the entry, bad news with the problem."""
    heard = []

    async def work() -> None:
        async with client(world) as grid:
            grid.listen(heard.append)
            await grid.read(query(world))
            world.down["demo"] = DOWN
            await asyncio.sleep(3600)
            await grid.read(query(world))

    world.clock.run(work())

    assert [update.entry is not None for update in heard] == [True, False]
    assert heard[0].key.product is Product.FORECAST
    assert isinstance(heard[0].entry.series, Series)
    assert "503" in heard[1].problem


def test_step_of_the_wall_clock_does_not_make_old_data_fresh(world: World) -> None:
    """Two hours back and forth: nothing is served as younger than it is."""

    async def work() -> None:
        async with client(world) as grid:
            await grid.read(query(world))
            world.clock.step_wall(timedelta(hours=-2))
            reading = await grid.read(query(world))
            assert reading.step in {LIVE, CACHED}
            assert reading.age is not None
            assert reading.series.curve_at(to_ns(world.clock.now())) is not None or reading.step is not LIVE
            world.clock.step_wall(timedelta(hours=4))
            reading = await grid.read(query(world))
            assert reading.age is not None
            assert reading.age <= timedelta(minutes=5)

    world.clock.run(work())

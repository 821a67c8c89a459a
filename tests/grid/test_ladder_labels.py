"""An answer made of several parts is labelled by the worst of them, and an age that was asked for is kept."""

import random
from datetime import timedelta

import pytest

from grid_doubles import START, ZONE, DemoProvider, World
from gridtide.domain.decision import FreshnessStep
from gridtide.domain.instants import parse_instant
from gridtide.domain.interval import Interval
from gridtide.domain.ports import SignalQuery
from gridtide.domain.signal import Quality
from gridtide.grid.client import GridClient
from gridtide.grid.desk import Part
from gridtide.grid.fetch import Fetcher
from gridtide.grid.ladder import Ladder
from gridtide.grid.provider import Product
from gridtide.testing import FakeClock
from support import DEMO, hourly

NOW = parse_instant(START)
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
FORECAST = hourly(*[100.0] * 6, start=NOW, signal=DEMO.with_(quality=Quality.FORECAST))
PRESENT = hourly(200.0, start=NOW)


class Parts:
    """A source whose parts are given."""

    name = "demo"

    def __init__(self, forecast, current):
        self.info = DemoProvider(products=frozenset({Product.FORECAST, Product.CURRENT})).info
        self._parts = {Product.FORECAST: forecast, Product.CURRENT: current}

    def offers(self, product):
        return product in self._parts

    async def part(self, product, window, **_):
        return self._parts[product]


@pytest.mark.parametrize(
    ("forecast", "current", "step", "age"),
    [
        ((FreshnessStep.LIVE, 0), (FreshnessStep.STALE, 40), FreshnessStep.STALE, 40),
        ((FreshnessStep.STALE, 50), (FreshnessStep.LIVE, 0), FreshnessStep.STALE, 50),
        ((FreshnessStep.LIVE, 0), (FreshnessStep.CACHED, 10), FreshnessStep.CACHED, 10),
    ],
    ids=["stale present", "stale forecast", "cached present"],
)
def test_an_answer_is_as_old_as_its_oldest_part(forecast, current, step, age):
    """What is stale in part is never called live."""
    clock = FakeClock(NOW)
    source = Parts(Part(FORECAST, forecast[0], forecast[1] * MINUTE), Part(PRESENT, current[0], current[1] * MINUTE))
    ladder = Ladder(None, clock, history_span=24 * HOUR)
    query = SignalQuery(zone=ZONE, window=Interval(NOW, NOW + 6 * HOUR))
    answer = clock.run(ladder.answer(source, query, NOW))

    assert (answer.step, answer.age) == (step, age * MINUTE)
    assert answer.series.value_at(NOW) == 200.0


def test_the_same_question_about_young_values_asks_again_when_they_are_old():
    """An answer that is remembered counts only as long as it is as young as was asked for."""
    world = World(FakeClock(NOW))

    async def ages():
        fetcher = Fetcher(world.clock, rng=random.Random(1), transport=world.net.transport)
        told = []
        async with GridClient((DemoProvider(),), fetcher=fetcher, clock=world.clock, rng=random.Random(1)) as client:
            for minutes in (0, 4, 8):
                now = NOW + minutes * MINUTE
                await world.clock.sleep_until(now)
                query = SignalQuery(zone=ZONE, window=Interval(now, now + 2 * HOUR), max_age=5 * MINUTE)
                told.append((await client.read(query)).age)
        return told

    assert all(age <= 5 * MINUTE for age in world.clock.run(ages()))
    assert world.net.count("product=forecast") == 2


def test_a_typical_profile_is_made_of_the_past_alone():
    """What a source has said about the future is no past, and the age of a profile is that of the last value seen."""
    seen = []

    class Silent(Parts):
        past = None

        async def read(self, _window, **_):
            return Part(None, FreshnessStep.NONE)

        def known(self):
            return hourly(*[100.0] * 48, start=NOW - 24 * HOUR)

    def forecaster(history, *, issued_at, horizon, step):
        seen.append(history)
        return hourly(*[100.0] * 6, start=issued_at)

    source = Silent(None, None)
    source.past = source
    clock = FakeClock(NOW)
    query = SignalQuery(zone=ZONE, window=Interval(NOW, NOW + 6 * HOUR))
    answer = clock.run(Ladder(forecaster, clock, history_span=48 * HOUR).profile(source, query, NOW + 30 * MINUTE))

    assert seen[0].end == NOW + 30 * MINUTE
    assert (answer.step, answer.age) == (FreshnessStep.PROFILE, timedelta(0))

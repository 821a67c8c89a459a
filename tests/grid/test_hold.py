"""A source that lags still says something about now, for a moment and labelled."""

from __future__ import annotations

from datetime import timedelta

import httpx2
import pytest

from grid_doubles import START, ZONE, DemoProvider, World
from gridtide.domain.decision import FreshnessStep
from gridtide.domain.instants import parse_instant
from gridtide.domain.interval import Interval
from gridtide.domain.ports import Reading, SignalQuery
from gridtide.domain.series import Series
from gridtide.domain.signal import Quality
from gridtide.forecasting.own import forecast
from gridtide.grid.client import GridClient
from gridtide.grid.fetch import Fetcher
from gridtide.grid.hold import held
from gridtide.grid.provider import Product
from gridtide.testing import FakeClock
from support import DEMO, at, hourly

PERIOD = timedelta(minutes=5)
HALF_HOUR = timedelta(minutes=30)


def test_newest_value_is_held_for_one_period_and_marked() -> None:
    """Ten minutes after the last value it stands for now, as a forecast that names its method."""
    series = hourly(100.0, 120.0)
    now = at(2) + timedelta(minutes=10)

    longer = held(series, now, period=PERIOD)

    assert longer.value_at(now) == 120.0
    assert longer.end == now + PERIOD
    assert longer.signal.quality is Quality.FORECAST
    assert longer.signal.method == f"{DEMO.provider} to 2026-01-01T02:00:00Z, then held"
    assert longer.qualities.tolist() == [*series.qualities.tolist(), Quality.FORECAST.rank]


def test_gap_at_now_is_bridged_up_to_what_is_known_again() -> None:
    """A held value never reaches into a step that is known."""
    series = hourly(100.0, None, 140.0)
    now = at(1) + timedelta(minutes=50)

    longer = held(series, now, period=HALF_HOUR)

    assert longer.value_at(now) == 100.0
    assert longer.value_at(at(2)) == 140.0
    assert longer.end == at(3)


@pytest.mark.parametrize(
    ("hours", "why"),
    [(1.5, "now is known"), (3.01, "it ended over an hour ago"), (-1.0, "nothing is known before now")],
)
def test_nothing_is_held_where_it_would_say_nothing(hours: float, why: str) -> None:
    """The series stays as it is when now is known, or its past says nothing about now."""
    series = hourly(100.0, 120.0)

    assert held(series, at(hours), period=PERIOD) is series, why


def test_linear_series_holds_its_last_end_value() -> None:
    """What a line ends on is its newest value, not what its last step began with."""
    line = Series.line(DEMO, [at(0), at(1)], [100.0, 200.0])

    assert held(line, at(1) + PERIOD, period=PERIOD).value_at(at(1) + PERIOD) == 200.0


def lagging(world: World, *, history: bool, minutes: int, **facts) -> GridClient:
    """A client of one source without forecasts, *minutes* behind, with or without a past to learn from."""
    products = frozenset({Product.CURRENT, Product.HISTORY})
    provider = DemoProvider(products=products, horizon=timedelta(0), lag=timedelta(minutes=minutes), **facts)
    world.late["demo"] = timedelta(minutes=minutes)
    if not history:
        world.down_products["history"] = httpx2.Response(503)
    fetcher = Fetcher(world.clock, transport=world.net.transport)
    return GridClient((provider,), fetcher=fetcher, clock=world.clock, forecaster=forecast)


def asked(world: World, *, history: bool, minutes: int, **facts) -> Reading:
    async def work() -> Reading:
        async with lagging(world, history=history, minutes=minutes, **facts) as grid:
            now = world.clock.now()
            window = Interval(now - timedelta(hours=2), now + timedelta(hours=24))
            return await grid.read(SignalQuery(zone=ZONE, window=window))

    return world.clock.run(work())


def test_source_without_a_past_still_answers_for_now() -> None:
    """No own forecast can be made; the newest value is held, live, and the reason says both."""
    world = World(FakeClock(START))

    reading = asked(world, history=False, minutes=30)

    assert reading.step is FreshnessStep.LIVE
    assert reading.series.value_at(world.clock.now()) > 0
    assert reading.series.end == parse_instant(START) + HALF_HOUR
    assert "then held" in reading.series.signal.method
    assert "no own forecast" in reading.reason


def test_source_with_a_past_gets_our_own_forecast_instead() -> None:
    """Where a day of the past is known, what is ahead is forecast and nothing is held."""
    world = World(FakeClock(START))

    reading = asked(world, history=True, minutes=30)

    assert reading.step is FreshnessStep.LIVE
    assert reading.series.covers(Interval(world.clock.now(), world.clock.now() + timedelta(hours=24)))
    assert "own forecast" in reading.series.signal.method
    assert world.net.count("product=history") == 2


def test_source_too_far_behind_gives_way_to_the_yearly_figure() -> None:
    """Two hours behind and no past: a labelled yearly figure answers for now, and the reason says what was left out."""
    world = World(FakeClock(START))

    reading = asked(world, history=False, minutes=120)

    assert reading.step is FreshnessStep.STATIC
    assert "nothing is known after 2026-01-05T10:00:00Z" in reading.reason


def test_tiny_budget_goes_to_the_present_first() -> None:
    """A source that allows two calls a minute gives the present value before its past is asked for."""
    world = World(FakeClock(START))

    reading = asked(world, history=True, minutes=30, calls_per_window=2)

    assert reading.step is FreshnessStep.LIVE
    assert world.net.requests[0].url.params["product"] == "current"
    assert reading.series.curve_at(int(world.clock.now().timestamp()) * 10**9) is not None

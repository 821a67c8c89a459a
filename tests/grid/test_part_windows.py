"""A question about part of a step, or about several zones twice, is answered by what is known of them."""

from datetime import timedelta

import pytest

from gridtide.domain.decision import FreshnessStep
from gridtide.domain.instants import parse_instant
from gridtide.domain.interval import Interval
from gridtide.domain.ports import SignalQuery
from gridtide.domain.series import Series
from gridtide.domain.zone import Zone
from gridtide.grid.client import GridClient
from gridtide.grid.fetch import Fetcher
from gridtide.grid.providers.registry import make
from gridtide.testing import FakeClock, FakeGridServer
from support import DEMO

NOW = parse_instant("2026-03-04T14:07:00Z")
HOUR = timedelta(hours=1)
MIDNIGHT = parse_instant("2026-03-04T00:00:00Z")
DAY = Series.steps(DEMO, MIDNIGHT, HOUR, [100.0 + 10 * hour for hour in range(24)])
KEY = {"ELECTRICITYMAPS_API_KEY": "fake-key"}


def window(start, end):
    return Interval(parse_instant(f"2026-03-04T{start}:00Z"), parse_instant(f"2026-03-04T{end}:00Z"))


async def ask(clock, server, work):
    fetcher = Fetcher(clock, base_urls=server.base_urls)
    async with GridClient([make("electricitymaps", KEY)], fetcher=fetcher, clock=clock) as client:
        return await work(client)


@pytest.mark.parametrize(
    ("span", "mean"),
    [
        (window("10:30", "11:00"), 200.0),
        (window("10:00", "11:00"), 200.0),
        (window("10:15", "10:20"), 200.0),
        (window("10:30", "11:30"), 205.0),
        (window("10:00", "12:00"), 205.0),
    ],
    ids=str,
)
def test_a_step_that_is_touched_is_known_and_one_that_is_not_does_not_count(span, mean):
    """Half an hour inside an hourly step is that hour's value; the hour before the window is no part of it."""
    clock = FakeClock(NOW)
    with FakeGridServer({"electricitymaps": DAY}, clock=clock) as server:
        query = SignalQuery(zone=Zone("DE"), window=span, forecast=False, purpose="report")
        reading = clock.run(ask(clock, server, lambda client: client.read(query)))

    assert reading.series.covers(span)
    assert reading.series.mean(span) == pytest.approx(mean)
    assert reading.series.clip(span).start == span.start


def test_a_comparison_that_is_asked_again_is_answered_from_memory():
    """Zones under the names they were asked by are found again, each with all of its answer."""
    clock = FakeClock(NOW)
    queries = [
        SignalQuery(zone=Zone(zone), window=Interval(NOW, NOW + 3 * HOUR), forecast=False) for zone in ("DE", "FR")
    ]

    async def twice(client):
        first = await client.read_many(queries)
        calls = server.log.count("electricitymaps")
        return first, await client.read_many(queries), calls, server.log.count("electricitymaps")

    with FakeGridServer({"electricitymaps": DAY}, clock=clock) as server:
        first, again, before, after = clock.run(ask(clock, server, twice))

    assert [reading.step for reading in (*first, *again)] == [FreshnessStep.LIVE] * 2 + [FreshnessStep.CACHED] * 2
    assert [a.series.values[-1] for a in first] == [b.series.values[-1] for b in again] == [230.0, 230.0]
    assert before == after == 2

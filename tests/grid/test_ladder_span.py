"""Values outside the asked span are no answer."""

from __future__ import annotations

from datetime import timedelta

from grid_doubles import START, ZONE, DemoProvider, World
from gridtide.domain.decision import FreshnessStep
from gridtide.domain.interval import Interval
from gridtide.domain.ports import SignalQuery
from gridtide.grid.client import GridClient
from gridtide.grid.fetch import Fetcher
from gridtide.grid.provider import Product
from gridtide.testing import FakeClock, Fault
from gridtide.testing.faultruns.rig import Rig, run


async def misdated(clock):
    """Two sources, one of which stamps everything two days late."""
    async with Rig(clock) as rig:
        rig.uk.fault("uk", Fault.shift(timedelta(hours=57)))
        return await rig.look()


def test_source_that_dates_everything_later_is_not_taken() -> None:
    """The second source answers, and the reason says why not the first."""
    look = run(misdated)

    assert look.reading.series.signal.provider == "electricitymaps"
    assert "uk has nothing for this span" in look.reading.reason


def test_newest_value_of_a_source_that_lags_answers_for_now() -> None:
    """What ended an hour ago is all such a source has; it is an answer, and says when it ended."""
    clock = FakeClock(START)
    lagging = DemoProvider(products=frozenset({Product.CURRENT}), horizon=timedelta(0), lag=timedelta(hours=1))
    world = World(clock)
    world.late["demo"] = timedelta(hours=1)

    async def work():
        fetcher = Fetcher(clock, transport=world.net.transport)
        async with GridClient((lagging,), fetcher=fetcher, clock=clock) as grid:
            now = clock.now()
            window = Interval(now, now + timedelta(hours=1))
            return await grid.read(SignalQuery(zone=ZONE, window=window, forecast=False))

    reading = clock.run(work())

    assert reading.step is FreshnessStep.LIVE
    assert reading.series.end == clock.now() - timedelta(hours=1)

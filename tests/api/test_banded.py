"""The upper end of a forecast comes from the zone's own misses, or is not there."""

from datetime import timedelta

import numpy as np
import pytest

from gridtide.api.banded import BandedData, upper_end
from gridtide.domain.decision import FreshnessStep
from gridtide.domain.errors import HorizonTooShort, KindMismatch
from gridtide.domain.interval import Interval
from gridtide.domain.ports import Reading, SignalQuery
from gridtide.domain.signal import Signal, SignalKind
from gridtide.domain.zone import Zone
from gridtide.testing.clock import FakeClock
from support import DEMO, HOUR, T0, at, hourly

DAYS = 40
NOISY = 200.0 + 80.0 * np.sin(np.arange(24 * DAYS) / 24 * 2 * np.pi) + np.random.default_rng(7).normal(0, 15, 24 * DAYS)
PAST = hourly(*NOISY, start=T0 - timedelta(days=DAYS))
AHEAD = hourly(*(200.0 + 80.0 * np.sin(np.arange(-2, 48) / 24 * 2 * np.pi)), start=at(-2))


class Grid:
    """Knows the demo signal and a past of a given length."""

    def __init__(self, past):
        self.past = past

    async def read(self, query):
        return Reading(series=AHEAD if query.forecast else self.past, step=FreshnessStep.LIVE)


def test_what_is_measured_stays_and_what_is_forecast_is_raised():
    """The misses of a noise of 15 g raise the forecast by about a standard deviation and a quarter."""
    high = upper_end(AHEAD, PAST, now=T0)
    before, after = Interval(at(-2), T0), Interval(T0, at(48))

    assert high.mean(before) == pytest.approx(AHEAD.mean(before))
    assert 8.0 < high.mean(after) - AHEAD.mean(after) < 45.0
    assert (high.start, high.end) == (AHEAD.start, AHEAD.end)
    assert high.signal.method.startswith("upper 90% of")


def test_the_upper_end_is_never_below_the_forecast():
    """A method that misses to one side only does not make the band hopeful."""
    high = upper_end(AHEAD, PAST, now=T0)

    assert all(high.value_at(at(h)) >= AHEAD.value_at(at(h)) for h in range(48))


def test_a_short_past_gives_no_band():
    """Fewer than twelve days say nothing about the misses."""
    with pytest.raises(HorizonTooShort):
        upper_end(AHEAD, hourly(*NOISY[:48], start=T0 - timedelta(days=2)), now=T0)


def test_another_signal_gives_no_band():
    """Misses of a marginal signal are not those of an average one (invariant I14)."""
    marginal = hourly(*NOISY, start=T0 - timedelta(days=DAYS), signal=Signal(SignalKind.MARGINAL, "demo", "X"))
    with pytest.raises(KindMismatch):
        upper_end(AHEAD, marginal, now=T0)


def query():
    return SignalQuery(zone=Zone("X"), window=Interval(T0, at(48)))


async def test_a_reading_carries_its_upper_end():
    """The same reading, with the band beside it."""
    reading = await BandedData(Grid(PAST), FakeClock(T0)).read(query())

    assert reading.series is AHEAD
    assert reading.high.mean(Interval(at(1), at(2))) > AHEAD.mean(Interval(at(1), at(2)))


@pytest.mark.parametrize("past", [hourly(), hourly(*NOISY[:48], start=T0 - timedelta(days=2))], ids=["none", "short"])
async def test_without_a_past_the_reading_has_no_band(past):
    """It is passed on as it came."""
    reading = await BandedData(Grid(past), FakeClock(T0)).read(query())

    assert (reading.series, reading.high) == (AHEAD, None)


async def test_values_of_the_past_need_no_band():
    """A question that ends now asks for no forecast."""
    asked = SignalQuery(zone=Zone("X"), window=Interval(T0 - HOUR, T0), forecast=False)
    reading = await BandedData(Grid(PAST), FakeClock(T0)).read(asked)

    assert (reading.high, reading.series.signal) == (None, DEMO)

"""A provider's forecast is improved only where both sides were measured."""

from datetime import timedelta

import numpy as np
import pytest

from gridtide.api.blended import BlendedData
from gridtide.domain.decision import FreshnessStep
from gridtide.domain.interval import Interval
from gridtide.domain.ports import Reading, SignalQuery
from gridtide.domain.series import Series
from gridtide.domain.signal import Quality
from gridtide.domain.zone import Zone
from gridtide.ledger.forecasts import ForecastArchive
from gridtide.testing.clock import FakeClock
from support import DEMO, HOUR, T0

DAYS = 40
PATTERN = 200 + 80 * np.sin(np.arange(24 * (DAYS + 5)) / 24 * 2 * np.pi)
TRUTH = Series.steps(DEMO, T0, HOUR, PATTERN)
NOW = T0 + timedelta(days=DAYS)


class Biased:
    """A provider whose forecast is too high by *bias*, issued at the moment of asking."""

    def __init__(self, clock, bias):
        self.clock, self.bias = clock, bias

    async def read(self, query):
        now = self.clock.now()
        if not query.forecast:
            return Reading(series=TRUTH.clip(query.window), step=FreshnessStep.LIVE)
        ahead = TRUTH.clip(Interval(now, now + timedelta(days=2)))
        signal = DEMO.with_(quality=Quality.FORECAST, issued_at=now)
        made = Series(signal, ahead.starts_ns, ahead.ends_ns, ahead.values + self.bias)
        return Reading(series=made, step=FreshnessStep.LIVE)


async def asked_for_days(tmp_path, bias, days):
    clock = FakeClock(NOW - timedelta(days=days))
    data = BlendedData(Biased(clock, bias), ForecastArchive(tmp_path / "f.sqlite3"), clock)
    for _ in range(days * 4):
        reading = await data.read(query(clock.now()))
        clock.advance(timedelta(hours=6))
    return await data.read(query(clock.now())) if days else reading


def query(now):
    return SignalQuery(zone=Zone("X"), window=Interval(now, now + timedelta(days=2)))


def error(reading):
    window = Interval(NOW, NOW + timedelta(days=1))
    return abs(reading.series.mean(window) - TRUTH.mean(window))


async def test_a_bad_provider_counts_less_once_it_was_measured(tmp_path):
    """After eight days of forecasts that were 100 g too high, the blend is far nearer to what comes."""
    reading = await asked_for_days(tmp_path, 100.0, 8)

    assert error(reading) < 20.0
    assert "blended" in reading.series.signal.method


async def test_an_unmeasured_provider_passes_through(tmp_path):
    """The first answer of a new installation is the provider's own."""
    clock = FakeClock(NOW)
    data = BlendedData(Biased(clock, 100.0), ForecastArchive(tmp_path / "f.sqlite3"), clock)

    assert error(await data.read(query(NOW))) == pytest.approx(100.0)


async def test_a_good_provider_keeps_its_say(tmp_path):
    """Where the provider is right, blending costs next to nothing."""
    assert error(await asked_for_days(tmp_path, 0.5, 8)) < 5.0

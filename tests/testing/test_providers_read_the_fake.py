"""Every provider module, through the real fetch loop, reads from the fake server what was put into it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest

from gridtide.domain.instants import from_ns
from gridtide.domain.interval import Interval
from gridtide.domain.series import Series
from gridtide.domain.signal import SignalKind
from gridtide.domain.units import KG_PER_LB
from gridtide.grid.fetch import Fetcher
from gridtide.grid.provider import Ask, Product
from gridtide.grid.providers.registry import make
from gridtide.testing import FakeClock, FakeGridServer, wave_series

NOW = datetime(2026, 3, 4, 14, 7, tzinfo=UTC)
WAVE = wave_series(days=7, step=timedelta(minutes=5), low=60, high=360)


@dataclass(frozen=True)
class Case:
    """One provider and one product, with how exact its numbers can be."""

    name: str
    zone: str
    product: Product
    options: dict[str, Any] = field(default_factory=dict)
    kind: SignalKind = SignalKind.AVERAGE
    factor: float = 1.0
    tolerance: float = 0.06
    least: int = 1
    hours: float = 24

    def __str__(self) -> str:
        return f"{self.name}-{self.product}"


CREDENTIALS = {
    "WATTTIME_USER": "user",
    "WATTTIME_PASSWORD": "password",
    "ELECTRICITYMAPS_API_KEY": "fake-key",
    "EIA_API_KEY": "fake-key",
    "ENTSOE_API_KEY": "fake-token",
    "OPENELECTRICITY_API_KEY": "fake-key",
    "PJM_API_KEY": "fake-key",
}
CURRENT, FORECAST, HISTORY = Product.CURRENT, Product.FORECAST, Product.HISTORY
MARGINAL = {"kind": SignalKind.MARGINAL, "factor": KG_PER_LB}
SDK = {"kind": "average"}
QUERY = {"query": "ci", "unit": "g/kWh", "kind": "average"}
CASES = [
    Case("uk", "GB", CURRENT, tolerance=0.51),
    Case("uk", "SW1A", FORECAST, tolerance=0.51, least=94),
    Case("uk", "GB", HISTORY, tolerance=0.51, least=47),
    Case("energy-charts", "de", FORECAST, least=20),
    Case("energy-charts", "de", HISTORY, least=90),
    Case("watttime", "PSCO", CURRENT, **MARGINAL),
    Case("watttime", "PSCO", FORECAST, least=288, **MARGINAL),
    Case("watttime", "PSCO", HISTORY, least=280, **MARGINAL),
    Case("electricitymaps", "DE", CURRENT, tolerance=0.51),
    Case("electricitymaps", "DE", FORECAST, tolerance=0.51, least=24),
    Case("electricitymaps", "DE", HISTORY, tolerance=0.51, least=23),
    Case("caiso", "CAISO", CURRENT),
    Case("caiso", "CAISO", HISTORY, least=280),
    Case("ercot", "ERCOT", HISTORY, least=280),
    Case("nyiso", "NYISO", CURRENT),
    Case("nyiso", "NYISO", HISTORY, least=280),
    Case("miso", "MISO", CURRENT),
    Case("miso", "MISO", HISTORY, least=80, hours=8),
    Case("isone", "ISONE", HISTORY, least=80, hours=8),
    Case("eia", "CISO", HISTORY, least=20),
    Case("entsoe", "10Y1001A1001A82H", HISTORY, least=20),
    Case("energidataservice", "DK1", FORECAST, least=100),
    Case("energidataservice", "DK1", HISTORY, least=200),
    Case("odre", "FR", CURRENT, tolerance=0.51),
    Case("odre", "FR", HISTORY, tolerance=0.51, least=90),
    Case("openelectricity", "NSW1", HISTORY, least=20),
    Case("pjm", "PJM-RTO", HISTORY, least=280, **MARGINAL),
    Case("carbon-aware-sdk", "eastus", FORECAST, SDK, least=280),
    Case("carbon-aware-sdk", "eastus", HISTORY, SDK, least=280),
    Case("carbon-aware-computing", "de", FORECAST, least=180),
    Case("prometheus", "X", HISTORY, QUERY, tolerance=8.0, least=280),
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_provider_reads_what_was_put_in(case: Case) -> None:
    """Every step has the mean of the truth over that step, in grams per kilowatt-hour."""
    clock = FakeClock(NOW)
    with FakeGridServer({case.name: WAVE}, clock=clock) as server:
        series = clock.run(fetched(case, server, clock))

    assert series.size >= case.least
    truth = [truth_over(start, end) for start, end in zip(series.starts_ns, series.ends_ns, strict=True)]
    assert np.abs(series.values - case.factor * np.array(truth)).max() <= case.tolerance


async def fetched(case: Case, server: FakeGridServer, clock: FakeClock) -> Series:
    """One fetch; history over the last day, everything else over the next."""
    now = clock.now()
    window = (
        Interval(now - timedelta(hours=case.hours), now)
        if case.product is HISTORY
        else Interval(now, now + timedelta(days=1))
    )
    async with Fetcher(clock, base_urls=server.base_urls) as fetcher:
        ask = Ask(zone=case.zone, product=case.product, window=window, kind=case.kind, now=now)
        return await fetcher.fetch(make(case.name, CREDENTIALS, case.options), ask)


def truth_over(start_ns: int, end_ns: int) -> float:
    """Mean of the repeating wave over one step."""
    start, length = from_ns(int(start_ns)), timedelta(microseconds=(int(end_ns) - int(start_ns)) / 1000)
    folded = WAVE.start + (start - WAVE.start) % timedelta(days=1)
    return WAVE.mean(Interval(folded, folded + length))

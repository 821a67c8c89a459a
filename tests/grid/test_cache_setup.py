"""One source set up in two ways keeps two sets of answers, wherever they are kept."""

from datetime import UTC, datetime, timedelta

import pytest

from gridtide.domain.interval import Interval
from gridtide.domain.ports import SignalQuery
from gridtide.domain.series import Series
from gridtide.domain.signal import Perimeter
from gridtide.domain.zone import Zone
from gridtide.grid.cache import Cache, MemoryStore
from gridtide.grid.client import GridClient
from gridtide.grid.fetch import Fetcher
from gridtide.grid.file_store import FileStore
from gridtide.grid.providers.registry import make
from gridtide.testing import FakeClock, FakeGridServer, flat_series

NOW = datetime(2026, 3, 4, 14, 7, tzinfo=UTC)
PLACE = Zone("DE", aliases=(("casdk", "eastus"), ("prometheus", "DE")))
KEY = {"ELECTRICITYMAPS_API_KEY": "fake-key"}


@pytest.fixture
def clock():
    return FakeClock(NOW)


@pytest.fixture(params=["in this process", "in files"])
def store(request, clock, tmp_path):
    """What processes share: memory, or files, which are found again by the key's text."""
    memory = MemoryStore(clock)
    if request.param == "in this process":
        return lambda: Cache(memory, clock=clock)
    return lambda: Cache(MemoryStore(clock), remote=FileStore(tmp_path / "cache", clock), clock=clock)


async def asked(clock, store, provider, base_urls) -> Series:
    """What a process with that setup answers; the store is what it shares with others."""
    fetcher = Fetcher(clock, base_urls=base_urls)
    async with GridClient([provider], fetcher=fetcher, clock=clock, cache=store()) as client:
        reading = await client.read(SignalQuery(zone=PLACE, window=Interval(NOW, NOW + timedelta(hours=2))))
    return reading.series


def test_another_option_is_another_answer(clock, store):
    """Consumption and production of one zone are never taken for each other."""
    with FakeGridServer({"electricitymaps": flat_series(200.0)}, clock=clock) as server:
        first = clock.run(asked(clock, store, make("electricitymaps", KEY), server.base_urls))
        other = clock.run(asked(clock, store, make("electricitymaps", KEY, {"production": True}), server.base_urls))
        again = clock.run(asked(clock, store, make("electricitymaps", KEY), server.base_urls))
        calls = server.log.count("electricitymaps")

    assert [s.signal.perimeter for s in (first, other, again)] == [
        Perimeter.CONSUMPTION,
        Perimeter.PRODUCTION,
        Perimeter.CONSUMPTION,
    ]
    assert again.value_at(NOW) == 200.0
    assert calls == 2


def test_another_server_is_another_answer(clock, store):
    """An own server in test and one in production have the same names of places and different values."""
    with (
        FakeGridServer({"carbon-aware-sdk": flat_series(100.0)}, clock=clock) as one,
        FakeGridServer({"carbon-aware-sdk": flat_series(300.0)}, clock=clock) as two,
    ):
        means = [
            clock.run(asked(clock, store, make("casdk", {}, {"kind": "average"}), server.base_urls)).value_at(NOW)
            for server in (one, two)
        ]

    assert means == [100.0, 300.0]

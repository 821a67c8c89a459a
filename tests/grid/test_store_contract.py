"""What every cache store does, in memory and in files as in a real Redis."""

from __future__ import annotations

import asyncio
import dataclasses
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest

from gridtide.domain.interval import Interval
from gridtide.domain.series import Series
from gridtide.domain.signal import Perimeter, Quality, Scope, Signal, SignalKind
from gridtide.grid import codec
from gridtide.grid.cache import CacheKey, CacheStore, Entry, MemoryStore
from gridtide.grid.file_store import FileStore
from gridtide.grid.provider import Product

NOW = datetime.now(UTC).replace(microsecond=0)
KEY = CacheKey("demo", "X", Product.FORECAST, SignalKind.MARGINAL, Scope.DIRECT)
SIGNAL = Signal(
    SignalKind.MARGINAL,
    "demo",
    "X",
    scope=Scope.DIRECT,
    perimeter=Perimeter.CONSUMPTION,
    quality=Quality.FORECAST,
    issued_at=NOW,
    fetched_at=NOW,
    attribution="Demo Ω",
    method="m",
)


class RealClock:
    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()


def entry(*values: float | None, age: timedelta = timedelta(0), linear: bool = False) -> Entry:
    numbers = values or (0.0, -5.0, None, 400.25)
    series = Series.steps(SIGNAL, NOW, timedelta(minutes=5), numbers)
    if linear:
        series = Series.line(SIGNAL, [NOW, NOW + timedelta(hours=1)], [1.5, 2.5])
    return Entry(series, Interval(NOW, NOW + timedelta(days=1)), NOW - age)


@pytest.fixture(params=["memory", "file", pytest.param("redis", marks=pytest.mark.real)])
async def store(request: pytest.FixtureRequest) -> AsyncIterator[CacheStore]:
    if request.param == "memory":
        yield MemoryStore(RealClock())
        return
    if request.param == "file":
        yield FileStore(request.getfixturevalue("tmp_path") / "cache", RealClock())
        return
    redis_store = pytest.importorskip("gridtide.grid.redis_store")
    server: Any = request.getfixturevalue("redis_process")
    one = redis_store.RedisStore(server.url, clock=RealClock(), namespace=f"t{time.monotonic_ns()}", budget=1.0)
    yield one
    await one.aclose()


async def test_missing_key_is_none(store: CacheStore) -> None:
    """An empty store has nothing."""
    assert await store.get(KEY) is None


@pytest.mark.parametrize("linear", [False, True], ids=["constant", "linear"])
async def test_entry_comes_back_equal(store: CacheStore, linear: bool) -> None:
    """Values, gaps, qualities, labels, range and time of fetching: all of it."""
    kept = entry(linear=linear)
    await store.put(KEY, kept)

    found = await store.get(KEY)

    assert found == kept
    assert found is not None
    assert found.series.shape is kept.series.shape


async def test_kinds_scopes_products_and_zones_are_apart(store: CacheStore) -> None:
    """No other key sees the entry."""
    await store.put(KEY, entry())

    for other in (
        CacheKey("other", "X", Product.FORECAST, SignalKind.MARGINAL, Scope.DIRECT),
        CacheKey("demo", "Y", Product.FORECAST, SignalKind.MARGINAL, Scope.DIRECT),
        CacheKey("demo", "X", Product.CURRENT, SignalKind.MARGINAL, Scope.DIRECT),
        CacheKey("demo", "X", Product.FORECAST, SignalKind.AVERAGE, Scope.DIRECT),
        CacheKey("demo", "X", Product.FORECAST, SignalKind.MARGINAL, Scope.LIFECYCLE),
    ):
        assert await store.get(other) is None


async def test_newer_entry_stays(store: CacheStore) -> None:
    """An older one put later does not replace it; a newer one does."""
    await store.put(KEY, entry(1.0, age=timedelta(minutes=5)))
    await store.put(KEY, entry(2.0, age=timedelta(minutes=10)))
    assert (await store.get(KEY)) == entry(1.0, age=timedelta(minutes=5))

    await store.put(KEY, entry(3.0))
    assert (await store.get(KEY)) == entry(3.0)


async def test_claim_is_given_to_one_until_it_is_released_or_over(store: CacheStore) -> None:
    """It saves work; it never blocks for longer than it says."""
    assert await store.claim(KEY, 30.0)
    assert not await store.claim(KEY, 30.0)
    await store.release(KEY)
    assert await store.claim(KEY, 0.05)
    await asyncio.sleep(0.08)
    assert await store.claim(KEY, 30.0)


# -- the format --------------------------------------------------------------------------------------------------------


def test_bytes_hold_no_pickle_and_no_secret_names() -> None:
    """Plain JSON that a person can look at."""
    data = codec.encode(entry())

    assert data.startswith(b'{"format":1,')
    assert codec.decode(data, KEY) == entry()


@pytest.mark.parametrize(
    "change",
    [
        lambda d: b"",
        lambda d: b"null",
        lambda d: b"[" * 100_000,
        lambda d: d[:-10],
        lambda d: d.replace(b'"format":1', b'"format":2'),
        lambda d: d.replace(b'"provider":"demo"', b'"provider":"evil"'),
        lambda d: d.replace(b'"kind":"marginal"', b'"kind":"average"'),
        lambda d: d.replace(b'"kind":"marginal"', b'"kind":"clean"'),
        lambda d: d.replace(b'"unit":"gCO2eq/kWh"', b'"unit":"percent"'),
        lambda d: d.replace(b'"values":"', b'"values":"AAAA'),
        lambda d: d.replace(b'"values":"', b'"values":"!!!!'),
        lambda d: d.replace(b'"starts":', b'"values2":'),
        lambda d: b"\x80\x04\x95" + d,
    ],
    ids=[
        "empty", "null", "nested", "cut", "version", "provider", "kind", "bad kind", "unit", "length", "base64",
        "missing", "pickle",
    ],
)  # fmt: skip
def test_anything_odd_is_a_miss(change) -> None:
    """A spoiled entry is fetched again, never trusted and never a crash."""
    assert codec.decode(change(codec.encode(entry())), KEY) is None


def test_values_that_no_series_may_hold_are_a_miss() -> None:
    """NaN in a store is not clean power."""
    data = codec.encode(entry(1.0, 2.0))
    good = codec._packed(np.array([1.0, 2.0]), "<f8").encode()
    bad = codec._packed(np.array([1.0, np.nan]), "<f8").encode()

    assert good in data
    assert codec.decode(data.replace(good, bad), KEY) is None
    worst = codec._packed(np.array([9, 9], dtype=np.int8), "<i1").encode()
    assert codec.decode(data.replace(codec._packed(np.array([2, 2]), "<i1").encode(), worst), KEY) is None


async def test_mark_of_a_broken_zone_is_seen_and_runs_out(store: CacheStore) -> None:
    """With what was found and how much longer it holds; another key is another zone."""
    await store.mark(KEY, 30.0, "demo failed (status 503) Ω")
    seen = await store.marked(KEY)

    assert seen is not None
    assert seen.problem == "demo failed (status 503) Ω"
    assert 20 < seen.left <= 30
    assert await store.marked(dataclasses.replace(KEY, zone="Y")) is None
    await store.mark(KEY, 0.001, "over")
    await asyncio.sleep(0.01)
    assert await store.marked(KEY) is None

"""The redis driver from settings to answers: two clients share one fetch, and a server that is away changes nothing."""

from __future__ import annotations

import importlib.util
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from gridtide.api.clocks import SystemClock
from gridtide.api.live import open_live
from gridtide.config.load import load_settings
from gridtide.domain.decision import FreshnessStep
from gridtide.domain.interval import Interval
from gridtide.domain.ports import SignalQuery
from gridtide.domain.zone import Zone
from gridtide.testing import FakeGridServer, wave_series

pytest.importorskip("redis")
_SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "start_redis.py"


async def read_once(server: FakeGridServer, redis_url: str) -> FreshnessStep:
    """Read Great Britain as a new process would."""
    clock = SystemClock()
    settings = load_settings(
        document={
            "provider": "uk",
            "cache": {"driver": "redis", "redis_url": redis_url},
            "providers": {"uk": {"base_url": server.base_url("uk")}},
        }
    )
    async with open_live(settings, clock) as grid:
        now = clock.now()
        window = Interval(now, now + timedelta(hours=6))
        reading = await grid.read(SignalQuery(zone=Zone("GB", country="GB"), window=window))
        assert reading.series.covers(window)
        return reading.step


@pytest.mark.real
async def test_second_client_reads_what_the_first_fetched() -> None:
    """Through a real Redis: one process pays, the other reads."""
    spec = importlib.util.spec_from_file_location("start_redis_for_live", _SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    script: Any = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    binary = script.find_server()
    if binary is None:
        pytest.skip("no redis-server on the PATH; set REDIS_SERVER or install it to run this test")
    with script.RedisProcess(binary) as redis, FakeGridServer({"uk": wave_series()}) as server:
        steps = [await read_once(server, redis.url) for _ in range(2)]

        assert steps == [FreshnessStep.LIVE, FreshnessStep.CACHED]
        assert server.log.count("uk") == 2  # the forecast, and the present value as its witness


async def test_server_that_is_away_changes_no_answer() -> None:
    """Nothing listens on that port; the answer is live all the same."""
    with FakeGridServer({"uk": wave_series()}) as server:
        assert await read_once(server, "redis://127.0.0.1:1/0") is FreshnessStep.LIVE

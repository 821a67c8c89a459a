"""What a process that lives long gets from its settings: fetching ahead, a second opinion, a record of forecasts."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from gridtide.api import wiring
from gridtide.api.live import open_live
from gridtide.api.scheduler import CarbonScheduler
from gridtide.config.load import load_settings
from gridtide.config.settings import Settings
from gridtide.domain.decision import FreshnessStep
from gridtide.domain.errors import ConfigurationError, MissingCredential, UnknownProvider
from gridtide.domain.interval import Interval
from gridtide.domain.ports import Reading, SignalQuery
from gridtide.domain.signal import Quality
from gridtide.domain.zone import Zone
from gridtide.grid.catalogue import Catalogue
from gridtide.testing import FakeClock, FakeGridServer, wave_series

GB = Zone("GB", country="GB")
DE = Catalogue().zone("DE")
WAVE = wave_series(days=7, step=timedelta(minutes=5), low=60, high=360)
HOURS = timedelta(hours=1)


@pytest.fixture(autouse=True)
def _state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock("2026-01-05T12:10Z")


def settings(server: FakeGridServer, provider: str = "uk", **more: Any) -> Settings:
    names = ("uk", "energy-charts", "entsoe", "electricitymaps", "caiso")
    providers = {name: {"base_url": server.base_url(name)} for name in names}
    providers["entsoe"]["api_key"] = "fake-token"
    providers["electricitymaps"]["api_key"] = "fake-key"
    return load_settings(document={"provider": provider, "providers": providers, **more})


def query(clock: FakeClock, zone: Zone = GB) -> SignalQuery:
    now = clock.now()
    return SignalQuery(zone=zone, window=Interval(now, now + 12 * HOURS))


# -- fetching ahead ----------------------------------------------------------------------------------------------------


def calls_of_hours(clock: FakeClock, *, refresh: bool, keep: bool = False) -> int:
    """Calls while one zone is read once and two hours pass."""
    with FakeGridServer({"uk": WAVE}, clock=clock) as server:

        async def work() -> None:
            chosen = settings(server, cache={"refresh": refresh})
            async with open_live(chosen, clock, keep=keep) as grid:
                await grid.read(query(clock))
                await asyncio.sleep(1.9 * 3600)

        clock.run(work())
        return server.log.count("uk")


def test_zones_are_fetched_ahead_only_where_it_is_asked_for(clock: FakeClock) -> None:
    """Two calls for a reading; with `cache.refresh` the source's every publication is fetched as well."""
    assert calls_of_hours(clock, refresh=False) == 2
    assert calls_of_hours(FakeClock("2026-01-05T12:10Z"), refresh=True) > 2 + 3


def test_short_command_never_fetches_ahead(clock: FakeClock) -> None:
    """Whatever the settings say, a command that ends soon asks for what it needs."""
    assert calls_of_hours(clock, refresh=True, keep=True) == 2


def test_scheduler_reads_what_was_fetched_ahead(clock: FakeClock) -> None:
    """A service that asks once an hour never waits for a source, and its values are minutes old."""
    with FakeGridServer({"uk": WAVE}, clock=clock) as server:

        async def work() -> list[Reading]:
            async with CarbonScheduler(settings(server, cache={"refresh": True}), clock=clock) as scheduler:
                readings = [await scheduler.read("GB")]
                for _ in range(5):
                    await asyncio.sleep(3600)
                    readings.append(await scheduler.read("GB"))
                return readings

        first, *later = clock.run(work())

    assert first.step is FreshnessStep.LIVE
    assert {reading.step for reading in later} == {FreshnessStep.CACHED}
    assert all(reading.age is not None and reading.age <= timedelta(minutes=32) for reading in later)


def test_fetching_ahead_ends_with_its_owner(clock: FakeClock) -> None:
    """Nothing is asked after the client was closed, and no task is left."""
    with FakeGridServer({"uk": WAVE}, clock=clock) as server:

        async def work() -> int:
            async with open_live(settings(server, cache={"refresh": True}), clock) as grid:
                await grid.read(query(clock))
            before = server.log.count("uk")
            await asyncio.sleep(7200)
            assert len(asyncio.all_tasks()) == 1
            return server.log.count("uk") - before

        assert clock.run(work()) == 0


# -- second opinion ----------------------------------------------------------------------------------------------------


def read(server: FakeGridServer, clock: FakeClock, zone: Zone, provider: str, **more: Any) -> Reading:
    async def work() -> Reading:
        async with wiring.open_grid(settings(server, provider, **more), clock) as grid:
            return await grid.read(query(clock, zone))

    return clock.run(work())


def test_named_second_source_is_asked_and_heard(clock: FakeClock) -> None:
    """`crosscheck.provider` is all it takes; the verdict is in the reading."""
    truth = {"energy-charts": WAVE, "electricitymaps": WAVE}
    with FakeGridServer(truth, clock=clock) as server:
        reading = read(server, clock, DE, "energy-charts", crosscheck={"provider": "electricitymaps"})

    assert reading.series.signal.provider == "energy-charts"
    assert reading.check is not None
    assert (reading.check.provider, reading.check.agrees) == ("electricitymaps", True)


def test_second_source_is_no_fallback(clock: FakeClock) -> None:
    """Only the first source answers; when it is down the second one does not slip in."""
    truth = {"energy-charts": WAVE, "electricitymaps": WAVE}
    with FakeGridServer(truth, clock=clock) as server:
        server.stop()
        reading = read(server, clock, DE, "energy-charts", crosscheck={"provider": "electricitymaps"})

    assert reading.step is FreshnessStep.STATIC


def test_disagreement_beyond_the_tolerance_is_said(clock: FakeClock) -> None:
    """Four times apart, two are usual: the reading says so."""
    truth = {"energy-charts": WAVE, "electricitymaps": wave_series(days=7, low=15, high=90)}
    with FakeGridServer(truth, clock=clock) as server:
        reading = read(server, clock, DE, "energy-charts", crosscheck={"provider": "electricitymaps"})
        quiet = read(server, clock, DE, "energy-charts", crosscheck={"provider": "electricitymaps", "tolerance": 5})

    assert "electricitymaps disagrees" in reading.reason
    assert quiet.check is not None
    assert quiet.check.agrees is True


@pytest.mark.parametrize(
    ("name", "error", "words"),
    [
        ("watttime", MissingCredential, "WATTTIME_USER"),
        ("static", ConfigurationError, "crosscheck.provider is static"),
        ("electricitymap5", UnknownProvider, "electricitymap5"),
    ],
)
def test_second_source_that_cannot_be_asked_is_refused(
    clock: FakeClock, name: str, error: type[Exception], words: str
) -> None:
    """At once and by name, not at the first reading that lacks it."""
    with FakeGridServer(clock=clock) as server, pytest.raises(error, match=words):
        read(server, clock, DE, "energy-charts", crosscheck={"provider": name})


# -- record of forecasts -----------------------------------------------------------------------------------------------


def kept(folder: Path) -> list[tuple[str, str]]:
    path = folder / "gridtide" / "forecasts.sqlite3"
    if not path.exists():
        return []
    with closing(sqlite3.connect(path)) as db:
        return db.execute("SELECT provider, issued_at FROM forecasts ORDER BY issued_at").fetchall()


def test_forecasts_are_kept_as_they_were_issued(clock: FakeClock, tmp_path: Path) -> None:
    """One for each hour in which the source gave a new one."""
    with FakeGridServer({"electricitymaps": WAVE}, clock=clock) as server:

        async def work() -> None:
            async with wiring.open_grid(settings(server, "electricitymaps"), clock) as grid:
                for _ in range(12):
                    await grid.read(query(clock, DE))
                    await asyncio.sleep(900)

        clock.run(work())

    found = kept(tmp_path)
    assert {provider for provider, _ in found} == {"electricitymaps"}
    assert len(found) == len({issued[:13] for _, issued in found}) >= 3


def test_nothing_is_kept_where_that_is_not_wanted(clock: FakeClock, tmp_path: Path) -> None:
    """`forecasts.keep = false` writes no file."""
    with FakeGridServer({"electricitymaps": WAVE}, clock=clock) as server:
        read(server, clock, DE, "electricitymaps", forecasts={"keep": False})

    assert kept(tmp_path) == []


def test_state_folder_that_cannot_be_used_costs_no_answer(
    clock: FakeClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file where the folder should be: the reading is as good as ever."""
    (tmp_path / "taken").write_text("")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "taken"))
    with FakeGridServer({"uk": WAVE}, clock=clock) as server:
        assert read(server, clock, GB, "uk").step is FreshnessStep.LIVE


def test_forecast_is_blended_by_its_record_where_asked_for(clock: FakeClock) -> None:
    """After ten days of record both sides are weighed, and the reading says so; without the setting nothing is."""

    def days(blend: bool) -> Reading:
        own_clock = FakeClock("2026-01-05T12:10Z")
        with FakeGridServer({"electricitymaps": WAVE}, clock=own_clock) as server:

            async def work() -> Reading:
                chosen = settings(server, "electricitymaps", forecasts={"blend": blend})
                async with wiring.open_grid(chosen, own_clock) as grid:
                    for _ in range(40):
                        reading = await grid.read(query(own_clock, DE))
                        await asyncio.sleep(6 * 3600)
                    return reading

            return own_clock.run(work())

    plain, blended = days(blend=False), days(blend=True)

    assert "blended" not in plain.reason
    assert "forecast blended by recent skill" in blended.reason
    assert "blended with own forecast" in blended.series.signal.method


# -- our own forecast --------------------------------------------------------------------------------------------------


def test_own_forecast_names_its_method_and_error(clock: FakeClock) -> None:
    """Where a source has none, ours says what it was worth on this zone's past."""
    with FakeGridServer({"entsoe": WAVE}, clock=clock) as server:
        reading = read(server, clock, DE, "entsoe")

    assert reading.series.signal.quality is Quality.FORECAST
    assert "own forecast: weekday_damped, mean error " in reading.series.signal.method

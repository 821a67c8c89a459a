"""The fake Energy-Charts service keeps the shapes and quirks of the real one."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import pytest

from gridtide.testing import FakeClock, FakeGridServer, wave_series
from support import shared_dir

AFTERNOON = datetime(2026, 3, 20, 15, 5, tzinfo=UTC)
EVENING = datetime(2026, 3, 20, 18, 5, tzinfo=UTC)
MIDNIGHT = datetime(2026, 3, 20, 23, 0, tzinfo=UTC)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(AFTERNOON)


@pytest.fixture
def server(clock: FakeClock) -> Any:
    with FakeGridServer({"energy-charts": wave_series(low=100, high=500)}, clock=clock) as running:
        yield running


def get(server: FakeGridServer, path: str) -> tuple[int, Any]:
    try:
        with urllib.request.urlopen(server.base_url("energy-charts") + path) as reply:
            return reply.status, json.loads(reply.read())
    except urllib.error.HTTPError as refusal:
        with refusal:
            return refusal.code, refusal.read().decode()


def last_known(body: Any) -> datetime:
    """Start of the newest step with any value."""
    pairs = zip(body["unix_seconds"], body["co2eq"], body["co2eq_forecast"], strict=True)
    return datetime.fromtimestamp(max(t for t, m, f in pairs if m is not None or f is not None), UTC)


def test_arrays_are_parallel_with_measured_before_forecast(server: FakeGridServer) -> None:
    """Measured values end an hour ago, forecasts overlap the newest of them, and the end is null."""
    _, body = get(server, "/co2eq?country=de")
    measured = [value is not None for value in body["co2eq"]]
    forecast = [value is not None for value in body["co2eq_forecast"]]

    assert len(body["unix_seconds"]) == len(measured) == len(forecast)
    assert measured == sorted(measured, reverse=True)
    assert sum(m and f for m, f in zip(measured, forecast, strict=True)) == 4
    assert body["co2eq"][-1] is body["co2eq_forecast"][-1] is None


def test_default_window_is_the_local_day(server: FakeGridServer) -> None:
    """Without start and end the answer begins at Berlin's midnight."""
    _, body = get(server, "/co2eq?country=de")

    assert datetime.fromtimestamp(body["unix_seconds"][0], UTC) == datetime(2026, 3, 19, 23, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("now", "until"),
    [
        pytest.param(AFTERNOON, datetime(2026, 3, 20, 22, 45, tzinfo=UTC), id="rest-of-today"),
        pytest.param(EVENING, datetime(2026, 3, 21, 22, 45, tzinfo=UTC), id="tomorrow-after-19"),
        pytest.param(MIDNIGHT, datetime(2026, 3, 21, 22, 45, tzinfo=UTC), id="the-new-day-after-midnight"),
    ],
)
def test_tomorrow_is_known_from_the_evening_on(
    server: FakeGridServer, clock: FakeClock, now: datetime, until: datetime
) -> None:
    """The horizon ends at a local midnight and jumps by a day at 19:00."""
    clock.advance_to(now)
    _, body = get(server, "/co2eq?country=de&start=2026-03-20&end=2026-03-23")

    assert last_known(body) == until


@pytest.mark.parametrize(("country", "step"), [("de", 900), ("pl", 3600)])
def test_step_differs_by_country(server: FakeGridServer, country: str, step: int) -> None:
    """A quarter of an hour in most countries, an hour in some."""
    _, body = get(server, f"/co2eq?country={country}")

    assert {later - earlier for earlier, later in pairwise(body["unix_seconds"])} == {step}


@pytest.mark.parametrize("country", ["xx", "DE", "DE-LU", ""])
def test_unknown_country_is_refused_in_plain_text(server: FakeGridServer, country: str) -> None:
    """Upper case and bidding zones are unknown too, and the refusal is no JSON."""
    status, body = get(server, f"/co2eq?country={country}")

    assert status == 400
    assert body.startswith(f"'{country}' is not the code for an available country.")


def test_unix_seconds_bound_the_window(server: FakeGridServer) -> None:
    """Start and end may be Unix seconds; the end is not included."""
    start = int(datetime(2026, 3, 20, 10, 0, tzinfo=UTC).timestamp())
    _, body = get(server, f"/co2eq?country=de&start={start}&end={start + 3600}")

    assert [t for t, m in zip(body["unix_seconds"], body["co2eq"], strict=True) if m is not None] == [
        start + 900 * k for k in range(4)
    ]


def test_signal_is_greenest_where_intensity_is_lowest(server: FakeGridServer) -> None:
    """The share of renewables falls as the intensity rises."""
    _, signal = get(server, "/signal?country=de")
    _, body = get(server, "/co2eq?country=de")
    level = [body["co2eq"][k] or body["co2eq_forecast"][k] for k in range(len(signal["share"]))]

    assert signal["share"].index(max(signal["share"])) == level.index(min(level))
    assert set(signal["signal"]) <= {0, 1, 2}


def test_price_names_its_unit_and_licence(server: FakeGridServer) -> None:
    """Day-ahead prices come by bidding zone."""
    _, body = get(server, "/price?bzn=DE-LU")

    assert body["unit"] == "EUR / MWh"
    assert "CC BY 4.0" in body["license_info"]
    assert len(body["price"]) == len(body["unix_seconds"])


@pytest.mark.shared
@pytest.mark.parametrize(
    ("sample", "path"),
    [("energycharts_co2eq_de.json", "/co2eq?country=de"), ("energycharts_signal_de.json", "/signal?country=de")],
)
def test_keys_equal_the_recorded_ones(server: FakeGridServer, sample: str, path: str) -> None:
    """The document has the keys of the recording."""
    recorded = json.loads(shared_dir("data", "samples", sample).read_text())

    assert list(get(server, path)[1]) == list(recorded)


@pytest.mark.shared
def test_refusal_equals_the_recorded_one(server: FakeGridServer) -> None:
    """Same words, same plain text."""
    recorded = shared_dir("data", "samples", "energycharts_error_400.txt").read_text().strip()

    assert get(server, "/co2eq?country=xx")[1] == recorded

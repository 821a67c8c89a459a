"""The fake NESO service keeps the shapes and quirks of the real one."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import pytest

from gridtide.testing import FakeClock, FakeGridServer, flat_series, wave_series
from support import shared_dir

NOW = datetime(2026, 10, 24, 22, 10, tzinfo=UTC)


@pytest.fixture
def server() -> Any:
    with FakeGridServer({"uk": wave_series()}, clock=FakeClock(NOW)) as running:
        yield running


def get(server: FakeGridServer, path: str) -> tuple[int, Any]:
    try:
        with urllib.request.urlopen(server.base_url("uk") + path) as reply:
            return reply.status, json.loads(reply.read())
    except urllib.error.HTTPError as refusal:
        with refusal:
            return refusal.code, json.loads(refusal.read())


def test_current_value_is_a_list_of_one_slot_with_null_actual(server: FakeGridServer) -> None:
    """The slot that holds now has no actual value yet."""
    _, body = get(server, "/intensity")

    assert [(row["from"], row["to"]) for row in body["data"]] == [("2026-10-24T22:00Z", "2026-10-24T22:30Z")]
    assert body["data"][0]["intensity"]["actual"] is None
    assert isinstance(body["data"][0]["intensity"]["forecast"], int)


@pytest.mark.parametrize(
    ("start", "count", "first"),
    [
        pytest.param("2026-10-24T00:00Z", 49, "2026-10-23T23:30Z", id="on-the-boundary"),
        pytest.param("2026-10-24T00:01Z", 48, "2026-10-24T00:00Z", id="one-minute-later"),
    ],
)
def test_window_on_a_boundary_starts_with_the_slot_that_ends_there(
    server: FakeGridServer, start: str, count: int, first: str
) -> None:
    """Twenty-four hours are 49 rows from a full half hour and 48 one minute later."""
    _, body = get(server, f"/intensity/{start}/fw24h")

    assert len(body["data"]) == count
    assert body["data"][0]["from"] == first


def test_actual_stands_for_the_past_only(server: FakeGridServer) -> None:
    """Slots that are over have an actual value, later ones have null."""
    _, body = get(server, "/intensity/2026-10-24T20:01Z/fw24h")
    known = [row["intensity"]["actual"] is not None for row in body["data"]]

    assert known == [True] * 4 + [False] * 44


def test_forecast_ends_at_its_horizon(server: FakeGridServer) -> None:
    """Forty-eight hours after the last publication nothing is known, and nothing is made up."""
    _, body = get(server, "/intensity/2026-10-25T12:01Z/fw48h")

    assert body["data"][-1]["to"] == "2026-10-26T22:00Z"


@pytest.mark.parametrize(
    ("day", "periods"), [("2026-10-25", 50), ("2026-03-29", 46), ("2026-10-24", 48)], ids=["autumn", "spring", "plain"]
)
def test_local_day_has_as_many_periods_as_london_has_half_hours(server: FakeGridServer, day: str, periods: int) -> None:
    """Fifty when clocks go back, forty-six when they go forward."""
    _, body = get(server, f"/intensity/date/{day}")

    assert len(body["data"]) == periods
    assert all(first["to"] == second["from"] for first, second in pairwise(body["data"]))


def test_regional_current_is_a_list_and_regional_window_an_object(server: FakeGridServer) -> None:
    """The two shapes of one thing, as the real service has them."""
    _, current = get(server, "/regional/postcode/SW1A")
    _, window = get(server, "/regional/intensity/2026-10-24T22:01Z/fw24h/postcode/SW1A")

    assert isinstance(current["data"], list)
    assert isinstance(window["data"], dict)
    assert window["data"]["regionid"] == current["data"][0]["regionid"] == 13
    assert "actual" not in window["data"]["data"][0]["intensity"]


def test_generation_mix_adds_up_and_changes_its_order(server: FakeGridServer) -> None:
    """Shares are percent of the whole; fuels come in another order each slot."""
    _, body = get(server, "/regional/intensity/2026-10-24T22:01Z/fw24h/regionid/13")
    mixes = [row["generationmix"] for row in body["data"]["data"]]

    assert all(sum(part["perc"] for part in mix) == pytest.approx(100, abs=0.5) for mix in mixes)
    assert len({tuple(part["fuel"] for part in mix) for mix in mixes}) > 1


@pytest.mark.parametrize(
    ("path", "status", "body"),
    [
        pytest.param("/regional/postcode/BT1", 200, {}, id="northern-ireland-is-an-empty-200"),
        pytest.param("/regional/postcode/SW1A%201AA", 400, "Please enter a valid postcode", id="inward-part"),
        pytest.param("/intensity/2026-10-24T00:00/fw24h", 400, "ISO8601", id="no-zone"),
        pytest.param("/intensity/2026-01-01T00:00Z/2026-02-01T00:00Z", 400, "maximum", id="longer-than-14-days"),
        pytest.param("/regional/regionid/19", 400, "region", id="no-such-region"),
        pytest.param("/nothing", 404, "Requested resource not found.", id="no-such-path"),
    ],
)
def test_refusals_have_the_services_words(server: FakeGridServer, path: str, status: int, body: Any) -> None:
    """What a client must tell apart."""
    got_status, got = get(server, path)

    assert got_status == status
    assert got == body if isinstance(body, dict) else body in got["error"]["message"]


def test_region_of_its_own_differs_from_the_nation() -> None:
    """A series per zone key is served to that zone only."""
    series = {"uk": {"GB": flat_series(200), "13": flat_series(90)}}
    with FakeGridServer(series, clock=FakeClock(NOW)) as server:
        _, nation = get(server, "/intensity")
        _, london = get(server, "/regional/regionid/13")
        _, wales = get(server, "/regional/regionid/17")

    assert nation["data"][0]["intensity"]["forecast"] == 200
    assert london["data"][0]["data"][0]["intensity"]["forecast"] == 90
    assert wales == {}


def test_all_regions_come_in_one_answer(server: FakeGridServer) -> None:
    """Eighteen regions per slot."""
    _, body = get(server, "/regional")

    assert [len(slot["regions"]) for slot in body["data"]] == [18]


def test_statistics_come_in_blocks(server: FakeGridServer) -> None:
    """A day in blocks of six hours has four of them, each with its extremes."""
    _, body = get(server, "/intensity/stats/2026-10-23T00:00Z/2026-10-24T00:00Z/6")

    assert len(body["data"]) == 4
    assert all(b["intensity"]["min"] <= b["intensity"]["average"] <= b["intensity"]["max"] for b in body["data"])


@pytest.mark.shared
@pytest.mark.parametrize(
    ("sample", "path"),
    [
        ("uk_intensity_current.json", "/intensity"),
        ("uk_national_fw48h.json", "/intensity/2026-10-24T22:01Z/fw48h"),
        ("uk_regional_current.json", "/regional/postcode/SW1A"),
        ("uk_regional_postcode_fw48h.json", "/regional/intensity/2026-10-24T22:01Z/fw48h/postcode/SW1A"),
        ("uk_factors.json", "/intensity/factors"),
        ("uk_error_400.json", "/regional/postcode/123"),
        ("uk_empty_200.json", "/regional/postcode/BT1"),
    ],
)
def test_shapes_equal_the_recorded_ones(server: FakeGridServer, sample: str, path: str) -> None:
    """Keys and types of the fake are those of the recording."""
    recorded = json.loads(shared_dir("data", "samples", sample).read_text())

    assert shape_of(get(server, path)[1]) == shape_of(recorded)


def shape_of(node: Any) -> Any:
    """Keys and types, with one element standing for a list and any number for a number."""
    if isinstance(node, dict):
        return {key: shape_of(value) for key, value in node.items()}
    if isinstance(node, list):
        shapes: list[Any] = []
        for item in node:
            shape = shape_of(item)
            if shape not in shapes:
                shapes.append(shape)
        return merge(shapes)
    if node is None or (isinstance(node, int | float) and not isinstance(node, bool)):
        return "number"
    return type(node).__name__


def merge(shapes: list[Any]) -> list[Any]:
    """Shapes in an order that does not depend on their first appearance."""
    return sorted(shapes, key=repr)

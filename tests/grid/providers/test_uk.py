"""NESO Carbon Intensity: nation, regions, postcodes, and its quirks."""

from __future__ import annotations

from typing import ClassVar

import pytest

from gridtide.domain.errors import MalformedPayload, ProviderUnavailable, ZoneNotCovered
from gridtide.domain.zone import Zone
from gridtide.grid.provider import Ask, Product, Provider
from gridtide.grid.providers.uk import NesoCarbonIntensity
from provider_contract import SampledContract, ask, reply, rows
from support import shared_dir

UK = NesoCarbonIntensity()
NATION = (
    b'{"data":[{"from":"2026-01-01T00:00Z","to":"2026-01-01T00:30Z","intensity":{"forecast":211,"actual":206}},'
    b'{"from":"2026-01-01T00:30Z","to":"2026-01-01T01:00Z","intensity":{"forecast":216,"actual":null}},'
    b'{"from":"2026-01-01T01:00Z","to":"2026-01-01T01:30Z","intensity":{"forecast":0}}]}'
)
LONDON = (
    b'{"data":{"regionid":13,"postcode":"SW1A","data":['
    b'{"from":"2026-01-01T00:00Z","to":"2026-01-01T00:30Z","intensity":{"forecast":281,"index":"very high"},'
    b'"generationmix":[{"perc":67.1,"fuel":"gas"}]}]}}'
)


class TestContract(SampledContract):
    asks: ClassVar = {
        "nation now": ask("GB", Product.CURRENT),
        "nation ahead": ask("GB"),
        "region ahead": ask("13"),
        "postcode ahead": ask("SW1A"),
        "history": ask("GB", Product.HISTORY, hours=48),
    }
    good: ClassVar = {
        "nation": (ask("GB"), (NATION,)),
        "region": (ask("13"), (LONDON,)),
        "postcode": (ask("SW1A"), (LONDON,)),
    }
    samples: ClassVar[dict[str, Ask]] = {
        "uk_national_fw48h.json": ask("GB", now="2023-12-03T10:40Z"),
        "uk_regional_postcode_fw48h.json": ask("SW1A", now="2026-10-03T19:40Z"),
        "uk_regional_current.json": ask("13", Product.CURRENT, now="2026-10-03T19:40Z"),
    }

    def provider(self) -> Provider:
        return NesoCarbonIntensity()


@pytest.mark.parametrize(
    ("zone", "product", "now", "path"),
    [
        ("GB", Product.CURRENT, "2026-01-01T10:12Z", "/intensity"),
        ("13", Product.CURRENT, "2026-01-01T10:12Z", "/regional/regionid/13"),
        ("SW1A", Product.CURRENT, "2026-01-01T10:12Z", "/regional/postcode/SW1A"),
        ("GB", Product.FORECAST, "2026-01-01T10:12Z", "/intensity/2026-01-01T10:01Z/fw48h"),
        ("GB", Product.FORECAST, "2026-01-01T10:30Z", "/intensity/2026-01-01T10:31Z/fw48h"),
        (
            "sw1a 1aa",
            Product.FORECAST,
            "2026-01-01T10:59Z",
            "/regional/intensity/2026-01-01T10:31Z/fw48h/postcode/SW1A",
        ),
        ("OX1 3QD", Product.FORECAST, "2026-01-01T00:00Z", "/regional/intensity/2026-01-01T00:01Z/fw48h/postcode/OX1"),
    ],
)
def test_one_address_per_half_hour_from_a_minute_after_the_slot_edge(
    zone: str, product: Product, now: str, path: str
) -> None:
    """A start on the edge is answered with the slot that ends there, so the minute after is asked."""
    (request,) = UK.build_requests(ask(zone, product, now=now))

    assert request.path == path


def test_a_long_history_is_asked_in_pieces_of_14_days() -> None:
    """The API refuses longer ranges."""
    requests = UK.build_requests(ask("GB", Product.HISTORY, hours=24 * 30))

    assert [request.path for request in requests] == [
        "/intensity/2026-01-01T00:01Z/2026-01-15T00:00Z",
        "/intensity/2026-01-15T00:01Z/2026-01-29T00:00Z",
        "/intensity/2026-01-29T00:01Z/2026-01-31T00:00Z",
    ]


def test_a_second_round_asks_nothing() -> None:
    """There is no paging."""
    asked = ask("GB")

    assert UK.build_requests(asked, (reply(NATION),)) == ()


def test_an_actual_value_wins_over_its_forecast_and_zero_is_a_value() -> None:
    """Actual is measured; without one the forecast stands; 0 g/kWh is a clean hour, not a missing one."""
    series = UK.parse(ask("GB"), (reply(NATION),))

    assert rows(series) == [
        ("2026-01-01T00:00Z", "2026-01-01T00:30Z", 206.0, "measured"),
        ("2026-01-01T00:30Z", "2026-01-01T01:00Z", 216.0, "forecast"),
        ("2026-01-01T01:00Z", "2026-01-01T01:30Z", 0.0, "forecast"),
    ]
    assert (series.signal.scope, series.signal.perimeter) == ("direct", "consumption")


def test_pieces_that_share_an_edge_slot_are_joined() -> None:
    """The boundary slot comes twice and counts once."""
    series = UK.parse(ask("GB", Product.HISTORY), (reply(NATION), reply(NATION)))

    assert len(series) == 3


@pytest.mark.parametrize("body", [{}, {"data": None}, {"data": []}, {"data": {}}], ids=str)
def test_an_empty_200_is_an_outage(body: dict[str, object]) -> None:
    """Bad dates and outages come as success without content."""
    with pytest.raises(ProviderUnavailable, match=r"^uk: (reply|data) is (\{\}|empty)"):
        UK.parse(ask("GB"), (reply(body),))


def test_a_short_answer_is_taken_as_it_is() -> None:
    """31 slots for a 48 h question are 31 slots."""
    slots = [
        {
            "from": f"2026-01-01T{k // 2:02}:{30 * (k % 2):02}Z",
            "to": f"2026-01-01T{(k + 1) // 2:02}:{30 * ((k + 1) % 2):02}Z",
            "intensity": {"forecast": 100 + k},
        }
        for k in range(31)
    ]

    assert len(UK.parse(ask("GB"), (reply({"data": slots}),))) == 31


def test_the_region_of_the_reply_must_be_the_one_asked_for() -> None:
    """Another region's numbers are refused, by name."""
    with pytest.raises(MalformedPayload, match=r"^uk: data\.regionid is 13, asked for 12$"):
        UK.parse(ask("12"), (reply(LONDON),))
    with pytest.raises(MalformedPayload, match=r"^uk: data\.postcode is 'SW1A', asked for OX1$"):
        UK.parse(ask("OX1"), (reply(LONDON),))


def test_a_list_of_regions_for_one_is_refused() -> None:
    """More zones than were asked for."""
    with pytest.raises(MalformedPayload, match="data has 2 regions, one was asked for"):
        UK.parse(ask("13"), (reply({"data": [{"regionid": 13}, {"regionid": 12}]}),))


@pytest.mark.parametrize(
    ("zone", "key"),
    [
        (Zone("GB"), "GB"),
        (Zone("GB-13"), "13"),
        (Zone("GB-18"), "18"),
        (Zone("GB", aliases=(("uk", "7"),)), "7"),
        (Zone("X", aliases=(("uk", "SW1A 1AA"),)), "SW1A"),
        (Zone("GB-19"), None),
        (Zone("GB-NIR"), None),
        (Zone("DE"), None),
        (Zone("X", aliases=(("uk", "BT1"),)), None),
    ],
    ids=str,
)
def test_zones_have_their_own_keys_here(zone: Zone, key: str | None) -> None:
    """Nation, region number or outward postcode; Northern Ireland is on another grid."""
    assert UK.key_for(zone) == key


@pytest.mark.parametrize("zone", ["BT1", "19", "0", "XX", "SW1A/../x", "²"])
def test_a_place_it_does_not_know_is_refused_before_asking(zone: str) -> None:
    """Nothing strange reaches the address."""
    with pytest.raises(ZoneNotCovered, match="uk does not cover") as caught:
        UK.build_requests(ask(zone))

    assert "first part of a postcode" in str(caught.value.hint)


def test_errors_of_the_api_are_told_apart() -> None:
    """A bad postcode is permanent, an internal error passes."""
    bad = UK.explain(ask("ZZ9"), reply({"error": {"code": "400 Bad Request", "message": "Please enter"}}, status=400))
    broken = UK.explain(ask("GB"), reply({"error": {"code": "500", "message": "Requested resource"}}, status=500))

    assert isinstance(bad, ZoneNotCovered)
    assert bad.message == "uk does not know 'ZZ9': 'Please enter'"
    assert isinstance(broken, ProviderUnavailable)
    assert broken.retryable
    assert UK.explain(ask("GB"), reply(b"", status=404)) is None


@pytest.mark.shared
def test_a_whole_recorded_window_parses() -> None:
    """Two days of the nation, without a gap."""
    body = (shared_dir("data", "samples") / "sample_uk_national_2023-12-03.json").read_bytes()
    series = UK.parse(ask("GB", now="2023-12-03T10:40Z"), (reply(body),))

    assert len(series) == 96
    assert series.gaps == ()


@pytest.mark.shared
@pytest.mark.parametrize(
    ("sample", "error"),
    [("uk_error_400.json", ZoneNotCovered), ("uk_error_500.json", ProviderUnavailable)],
)
def test_recorded_errors_are_explained(sample: str, error: type[Exception]) -> None:
    """bad_request is permanent; unavailable is retried."""
    body = (shared_dir("data", "samples") / sample).read_bytes()

    assert isinstance(UK.explain(ask("GB"), reply(body, status=int(sample[9:12]))), error)


@pytest.mark.shared
def test_the_recorded_empty_reply_is_no_data() -> None:
    """An outage in disguise."""
    body = (shared_dir("data", "samples") / "uk_empty_200.json").read_bytes()

    with pytest.raises(ProviderUnavailable):
        UK.parse(ask("GB"), (reply(body),))

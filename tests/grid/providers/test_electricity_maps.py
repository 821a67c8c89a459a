"""Electricity Maps v4 and v3: zones, places, data centres, plans, nulls, versions."""

from __future__ import annotations

import json
from typing import Any, ClassVar

import pytest

from gridtide.domain.errors import ConfigurationError, MalformedPayload, Unauthorized, ZoneNotCovered
from gridtide.domain.instants import parse_instant
from gridtide.domain.signal import SignalKind
from gridtide.domain.zone import Zone
from gridtide.grid.provider import Ask, Product, Provider
from gridtide.grid.providers.electricity_maps import ElectricityMaps
from provider_contract import CANARY, SampledContract, ask, reply, rows
from support import shared_dir

EM = ElectricityMaps(CANARY)
RELATIVE = SignalKind.RELATIVE


def latest(value: Any = 111, **changes: Any) -> dict[str, Any]:
    """Reply of the latest endpoint."""
    return {
        "zone": "XX",
        "carbonIntensity": value,
        "datetime": "2026-01-01T10:00:00.000Z",
        "updatedAt": "2026-01-01T10:05:00.000Z",
        "emissionFactorType": "lifecycle",
        "isEstimated": True,
        "temporalGranularity": "hourly",
        **changes,
    }


FORECAST = {
    "zone": "XX",
    "forecast": [{"carbonIntensity": 105, "datetime": "2026-01-01T11:00:00Z"}],
    "updatedAt": "2026-01-01T09:45:00.000Z",
    "temporalGranularity": "hourly",
}
NOW = "2026-01-01T10:10Z"


def xx(product: Product = Product.CURRENT, kind: SignalKind = SignalKind.AVERAGE, **how: Any) -> Ask:
    return ask("XX", product, kind, **{"now": NOW, **how})


class TestContract(SampledContract):
    asks: ClassVar = {
        "now": xx(),
        "forecast": xx(Product.FORECAST),
        "history": xx(Product.HISTORY, start="2025-12-01T00:00Z"),
        "level": xx(kind=RELATIVE),
    }
    good: ClassVar = {
        "latest": (xx(), (json.dumps(latest()).encode(),)),
        "forecast": (xx(Product.FORECAST), (json.dumps(FORECAST).encode(),)),
    }
    samples: ClassVar[dict[str, Ask]] = {
        "electricitymaps_latest.json": xx(),
        "electricitymaps_latest_null.json": xx(),
        "electricitymaps_history.json": xx(Product.HISTORY, start="2026-01-01T08:00Z"),
        "electricitymaps_forecast.json": xx(Product.FORECAST),
    }

    def provider(self) -> Provider:
        return ElectricityMaps(CANARY)


def test_the_time_of_a_value_is_datetime_not_updated_at() -> None:
    """The latest hour is updated all the time and belongs to its hour."""
    series = EM.parse(xx(), (reply(latest(updatedAt="2026-01-01T17:05:00Z")),))

    assert rows(series) == [("2026-01-01T10:00Z", "2026-01-01T11:00Z", 111.0, "estimated")]
    assert series.signal.issued_at is None


def test_a_null_intensity_is_no_data_and_never_a_low_number() -> None:
    """Other clients made it -1, the cleanest hour of all."""
    assert len(EM.parse(xx(), (reply(latest(None)),))) == 0


def test_a_forecast_is_as_old_as_its_update() -> None:
    """Rows carry no time of their own."""
    series = EM.parse(xx(Product.FORECAST), (reply(FORECAST),))

    assert series.signal.issued_at == parse_instant("2026-01-01T09:45Z")
    assert rows(series) == [("2026-01-01T11:00Z", "2026-01-01T12:00Z", 105.0, "forecast")]


@pytest.mark.parametrize("name", ["history", "data"])
def test_every_envelope_of_a_list_is_read(name: str) -> None:
    """v3 says history, v4 pages say data."""
    rows_ = [latest(120, datetime="2026-01-01T08:00:00Z", isEstimated=False), latest(None)]
    series = EM.parse(xx(Product.HISTORY, start="2026-01-01T08:00Z"), (reply({"zone": "XX", name: rows_}),))

    assert rows(series) == [("2026-01-01T08:00Z", "2026-01-01T09:00Z", 120.0, "measured")]


def test_the_newer_of_two_versions_of_an_hour_wins() -> None:
    """An estimate is revised by the measurement."""
    versions = [
        latest(90, isEstimated=False, updatedAt="2026-01-01T12:00:00Z"),
        latest(140, isEstimated=True, updatedAt="2026-01-01T10:05:00Z"),
    ]
    series = EM.parse(xx(Product.HISTORY, start="2026-01-01T08:00Z"), (reply({"zone": "XX", "history": versions}),))

    assert rows(series)[0][2:] == (90.0, "measured")


@pytest.mark.parametrize(
    ("zone", "params"),
    [
        ("DE", {"zone": "DE"}),
        ("US-CAL-CISO", {"zone": "US-CAL-CISO"}),
        ("50.06,6.86", {"lat": "50.06", "lon": "6.86"}),
        ("-33.9,18.4", {"lat": "-33.9", "lon": "18.4"}),
        ("gcp:europe-west1", {"dataCenterProvider": "gcp", "dataCenterRegion": "europe-west1"}),
    ],
)
def test_a_location_is_a_zone_a_place_or_a_data_centre(zone: str, params: dict[str, str]) -> None:
    """And the caller's own address is never looked up."""
    (request,) = EM.build_requests(ask(zone, Product.CURRENT, now=NOW))
    sent = dict(request.params)

    assert request.path == "/v4/carbon-intensity/latest"
    assert sent.pop("disableCallerLookup") == "true"
    assert sent.pop("emissionFactorType") == "lifecycle"
    assert sent == params
    assert dict(request.headers) == {"auth-token": CANARY}


@pytest.mark.parametrize("request_of", ["access", "locate", "level"])
def test_the_caller_lookup_is_off_in_every_request(request_of: str) -> None:
    """A missing location must be an error, not the office."""
    request = {
        "access": EM.access_request(),
        "locate": EM.locate_request(1.0, 2.0),
        "level": EM.build_requests(xx(kind=RELATIVE))[0],
    }[request_of]

    assert ("disableCallerLookup", "true") in request.params


@pytest.mark.parametrize(("hours", "horizon"), [(3, "6"), (24, "24"), (25, "48"), (72, "72"), (200, "72")], ids=str)
def test_the_horizon_is_one_of_those_offered(hours: float, horizon: str) -> None:
    """The next one up."""
    (request,) = EM.build_requests(xx(Product.FORECAST, hours=hours))

    assert dict(request.params)["horizonHours"] == horizon


def test_recent_history_is_one_call_and_older_is_cut_into_ten_days() -> None:
    """The history endpoint has the last 24 hours."""
    (recent,) = EM.build_requests(xx(Product.HISTORY, start="2025-12-31T12:00Z", hours=20))
    older = EM.build_requests(xx(Product.HISTORY, start="2025-12-01T00:00Z", hours=24 * 15))

    assert recent.path == "/v4/carbon-intensity/history"
    assert [request.path for request in older] == ["/v4/carbon-intensity/past-range"] * 2
    assert [dict(request.params)["start"] for request in older] == ["2025-12-01T00:00:00Z", "2025-12-11T00:00:00Z"]


def test_options_change_version_scope_perimeter_and_step() -> None:
    """Direct emissions of production in quarter hours, from v3."""
    provider = ElectricityMaps("k", version="v3", direct=True, production=True, granularity="15_minutes")
    (request,) = provider.build_requests(xx())
    answer = latest(emissionFactorType="direct", temporalGranularity="15_minutes")
    series = provider.parse(xx(), (reply(answer),))

    assert request.path == "/v3/carbon-intensity/latest"
    assert dict(request.params)["flowTraced"] == "false"
    assert dict(request.params)["temporalGranularity"] == "15_minutes"
    assert (series.signal.scope, series.signal.perimeter) == ("direct", "production")
    assert rows(series)[0][1] == "2026-01-01T10:15Z"


@pytest.mark.parametrize("option", [{"version": "v5"}, {"granularity": "1_minute"}], ids=str)
def test_an_option_outside_its_list_is_refused(option: dict[str, Any]) -> None:
    """With what is allowed."""
    with pytest.raises(ConfigurationError, match=r"electricitymaps (version|granularity) is '.*', expected"):
        ElectricityMaps("k", **option)


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (latest(zone="YY"), "zone is 'YY', asked for XX"),
        (latest(emissionFactorType="direct"), "emissionFactorType is 'direct', asked for lifecycle"),
        (latest(temporalGranularity="daily"), "temporalGranularity is 'daily', expected hourly"),
        ({"zone": "XX"}, "datetime is missing; there are: zone"),
        ({"zone": "XX", "history": {"a": 1}}, "history is an object, expected a list"),
        (
            {"zone": "XX", "history": [latest(1, zone="YY")]},
            "zone is 'YY', asked for XX",
        ),
    ],
    ids=["zone", "scope", "step", "renamed", "envelope", "row of another zone"],
)
def test_a_reply_about_something_else_is_refused(answer: dict[str, Any], message: str) -> None:
    """Another zone, scope or step than asked for."""
    with pytest.raises(MalformedPayload, match=f"^electricitymaps: {message}"):
        EM.parse(xx(), (reply(answer),))


def test_a_place_is_answered_with_whatever_zone_it_lies_in() -> None:
    """Only a zone that was named can be compared."""
    assert len(EM.parse(ask("50.06,6.86", Product.CURRENT, now=NOW), (reply(latest(zone="DE")),))) == 1


@pytest.mark.parametrize(
    ("status", "body", "cause"),
    [
        (
            401,
            {"error": "Request unauthorized for zoneKey=DK-DK2,requestType=past,dataType=x", "message": "no"},
            "plan",
        ),
        (401, {"message": "You do not have access to this specific endpoint for this specific zone."}, "plan"),
        (401, {"status": "error", "message": "Invalid auth-token"}, "credential"),
        (403, {}, "credential"),
    ],
    ids=["request type", "message", "bad key", "403"],
)
def test_a_plan_is_told_from_a_bad_key(status: int, body: dict[str, str], cause: str) -> None:
    """Both are 401; a plan must not disable the source."""
    error = EM.explain(xx(), reply(body, status=status))

    assert isinstance(error, Unauthorized)
    assert error.facts["cause"] == cause


def test_a_zone_without_data_is_not_covered() -> None:
    """With the keys that other tools get wrong in the hint."""
    error = EM.explain(xx(), reply({"status": "error", "message": 'No recent data for zone "XX"'}, status=404))

    assert isinstance(error, ZoneNotCovered)
    assert "US-MIDA-PJM" in str(error.hint)
    assert EM.explain(xx(), reply("", status=500)) is None


V3 = {
    "XX": {"zoneName": "E", "access": ["*"]},
    "YY-Z1": {"access": ["carbon-intensity/latest", "power/latest"]},
    "ZZ": {},
}
V4 = [{"zoneKey": "XX", "access": ["carbon-intensity/*"]}, {"zoneKey": "YY-Z1", "access": ["carbon-intensity/latest"]}]


@pytest.mark.parametrize("tree", [V3, V4], ids=["v3", "v4"])
def test_the_plan_is_read_from_the_list_of_zones(tree: Any) -> None:
    """An object by key in v3, a list in v4."""
    access = EM.parse_access(reply(tree))

    assert access.allows("XX", Product.FORECAST, SignalKind.AVERAGE)
    assert access.allows("YY-Z1", Product.CURRENT, SignalKind.AVERAGE)
    assert not access.allows("YY-Z1", Product.FORECAST, SignalKind.AVERAGE)
    assert not access.allows("ZZ", Product.CURRENT, SignalKind.AVERAGE)


def test_the_home_assistant_product_has_the_current_value_only() -> None:
    """A free key gets it from an endpoint of its own."""
    provider = ElectricityMaps("k", home_assistant=True)
    (request,) = provider.build_requests(xx())
    answer = {
        "status": "ok",
        "countryCode": "XX",
        "data": {"datetime": "2026-01-01T10:00:00Z", "carbonIntensity": 111},
        "units": {"carbonIntensity": "gCO2eq/kWh"},
    }
    series = provider.parse(xx(), (reply(answer),))

    assert request.path == "/v3/home-assistant"
    assert rows(series) == [("2026-01-01T10:00Z", "2026-01-01T11:00Z", 111.0, "measured")]
    with pytest.raises(ZoneNotCovered, match="current moment only"):
        provider.build_requests(xx(Product.FORECAST))
    with pytest.raises(ZoneNotCovered, match="average intensity only with this key"):
        provider.build_requests(xx(kind=RELATIVE))
    with pytest.raises(ZoneNotCovered, match="no recent data for XX"):
        provider.parse(xx(), (reply({"status": "no-data"}),))
    with pytest.raises(MalformedPayload, match=r"units\.carbonIntensity is 'lb/MWh'"):
        provider.parse(xx(), (reply({**answer, "units": {"carbonIntensity": "lb/MWh"}}),))


def test_the_level_is_a_relative_signal() -> None:
    """Low, moderate, high; an unknown word is no value."""
    tree = {"zone": "XX", "data": [{"level": "moderate", "datetime": "2026-01-01T10:00:00Z"}]}
    series = EM.parse(xx(kind=RELATIVE), (reply(tree),))

    assert (rows(series)[0][2], series.signal.unit) == (50.0, "percent")
    with pytest.raises(MalformedPayload, match=r"none of 1 points can be used: \[0\]\.level is 'tiny' \(type\)"):
        EM.parse(xx(kind=RELATIVE), (reply({"data": [{"level": "tiny", "datetime": "2026-01-01T10:00:00Z"}]}),))
    with pytest.raises(ZoneNotCovered, match="current moment only"):
        EM.build_requests(xx(Product.FORECAST, RELATIVE))


@pytest.mark.parametrize(
    ("zone", "key"),
    [
        (Zone("DE"), "DE"),
        (Zone("US-CAL-CISO"), "US-CAL-CISO"),
        (Zone("GB-13"), "GB"),
        (Zone("X", aliases=(("electricitymaps", "AU-NSW"),)), "AU-NSW"),
        (Zone("somewhere"), None),
    ],
    ids=str,
)
def test_our_keys_are_theirs(zone: Zone, key: str | None) -> None:
    """Except for the regions of Great Britain."""
    assert EM.key_for(zone) == key


@pytest.mark.parametrize("zone", ["x", "DE/../x", "gcp:", "91.0.0,2"])
def test_a_location_of_no_form_is_refused(zone: str) -> None:
    """Nothing strange reaches the address."""
    with pytest.raises(ZoneNotCovered, match="is no electricitymaps zone, place or data centre"):
        EM.build_requests(ask(zone, Product.CURRENT, now=NOW))


def test_places_are_looked_up() -> None:
    """Either name of the field."""
    assert EM.parse_location(reply({"zoneKey": "DE"})) == "DE"
    assert EM.parse_location(reply({"zone": "FR"})) == "FR"
    with pytest.raises(MalformedPayload, match="zoneKey is None, expected a zone"):
        EM.parse_location(reply({"zones": []}))


@pytest.mark.shared
def test_the_recorded_side_replies_are_read() -> None:
    """Plans, refusals, past range, level and Home Assistant, with values worked out by hand."""
    folder = shared_dir("data", "samples")
    read = {path.name[16:-5]: path.read_bytes() for path in folder.glob("electricitymaps_*.json")}
    past = EM.parse(xx(Product.HISTORY, start="2025-12-01T00:00Z"), (reply(read["past_range"]),))
    home = ElectricityMaps("k", home_assistant=True).parse(xx(), (reply(read["home_assistant"]),))
    level = EM.parse(xx(kind=RELATIVE), (reply(read["level"]),))
    plan = EM.explain(xx(), reply(read["error_401_plan"], status=401))

    assert rows(past) == [
        ("2026-01-01T08:00Z", "2026-01-01T09:00Z", 120.0, "measured"),
        ("2026-01-01T09:00Z", "2026-01-01T10:00Z", 115.0, "measured"),
    ]
    assert rows(home) == [("2026-01-01T10:00Z", "2026-01-01T11:00Z", 111.0, "measured")]
    assert rows(level) == [("2026-01-01T10:00Z", "2026-01-01T11:00Z", 0.0, "measured")]
    assert EM.parse_access(reply(read["zones_v3"])).allows("YY-Z1", Product.CURRENT, SignalKind.AVERAGE)
    assert EM.parse_access(reply(read["zones_v4"])).allows("XX", Product.FORECAST, SignalKind.AVERAGE)
    assert isinstance(plan, Unauthorized)
    assert plan.facts["cause"] == "plan"
    assert isinstance(EM.explain(xx(), reply(read["error_404"], status=404)), ZoneNotCovered)

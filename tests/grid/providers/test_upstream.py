"""Sources that are somebody's own server: Carbon Aware SDK, its public files, Prometheus."""

from __future__ import annotations

import json
from typing import Any, ClassVar

import pytest

from gridtide.domain.errors import (
    ConfigurationError,
    KindMismatch,
    MalformedPayload,
    Unauthorized,
    UnitMismatch,
    ZoneNotCovered,
)
from gridtide.domain.instants import parse_instant
from gridtide.domain.signal import SignalKind
from gridtide.domain.zone import Zone
from gridtide.grid.catalogue import Catalogue
from gridtide.grid.provider import Ask, Product, Provider
from gridtide.grid.providers.carbon_aware_sdk import CarbonAwareComputing, CarbonAwareSdk
from gridtide.grid.providers.prometheus import Prometheus
from provider_contract import CANARY, ProviderContract, SampledContract, ask, reply, rows
from support import shared_dir

SDK = CarbonAwareSdk(kind="average", scope="lifecycle")
FILES = CarbonAwareComputing()
T = 1767225600  # 2026-01-01T00:00Z


def emission(
    rating: Any = 345.4, time: str = "2026-01-01T00:00:00Z", duration: Any = "08:00:00", **more: Any
) -> dict[str, Any]:
    return {"location": "eastus", "time": time, "rating": rating, "duration": duration, **more}


CURRENT = [emission(), emission(0, "2026-01-01T08:00:00Z")]
SDK_FORECAST = [
    {
        "generatedAt": "2026-01-01T00:00:00+00:00",
        "location": "eastus",
        "forecastData": [
            {"location": "eastus", "timestamp": "2026-01-01T00:00:00+00:00", "duration": 5, "value": 120.5},
            {"location": "eastus", "timestamp": "2026-01-01T00:05:00+00:00", "duration": 5, "value": 110.5},
        ],
    }
]
FILE = {
    "GeneratedAt": "2026-01-01T00:00:00+00:00",
    "Emissions": [{"Time": "2026-01-01T00:00:00+00:00", "Rating": 185.3, "Duration": "00:15:00"}],
}


def matrix(*values: Any, series: int = 1) -> dict[str, Any]:
    """Answer of a range query with five-minute samples."""
    samples = [[T + 300 * k, value] for k, value in enumerate(values)]
    result = [{"metric": {"n": str(k)}, "values": samples} for k in range(series)]
    return {"status": "success", "data": {"resultType": "matrix", "result": result}}


def prom(**how: Any) -> Prometheus:
    return Prometheus(**{"query": 'ci{zone="$zone"}', "unit": "gCO2eq/kWh", "kind": "average", **how})


class TestSdkContract(ProviderContract):
    asks: ClassVar = {
        "now": ask("eastus", Product.CURRENT),
        "ahead": ask("eastus"),
        "history": ask("eastus", Product.HISTORY),
    }
    good: ClassVar = {
        "now": (ask("eastus", Product.CURRENT), (json.dumps(CURRENT).encode(),)),
        "ahead": (ask("eastus"), (json.dumps(SDK_FORECAST).encode(),)),
    }

    def provider(self) -> Provider:
        return CarbonAwareSdk(kind="average")


class TestFilesContract(SampledContract):
    asks: ClassVar = {"ahead": ask("de")}
    good: ClassVar = {"file": (ask("de"), (json.dumps(FILE).encode(),))}
    samples: ClassVar[dict[str, Ask]] = {"bluehands_forecast_de.json": ask("de", now="2024-03-24T00:05Z")}

    def provider(self) -> Provider:
        return CarbonAwareComputing()


class TestPrometheusContract(ProviderContract):
    asks: ClassVar = {
        "now": ask("DE", Product.CURRENT),
        "history": ask("DE", Product.HISTORY, start="2025-12-30T00:00Z"),
    }
    good: ClassVar = {"samples": (ask("DE", Product.CURRENT), (json.dumps(matrix("120.5", "0")).encode(),))}

    def provider(self) -> Provider:
        return prom(api_key=CANARY)


# -- Carbon Aware SDK --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "location"),
    [("azure:westeurope", "westeurope"), ("aws:eu-central-1", "eu-central-1"), ("DE", None)],
)
def test_cloud_region_is_the_location_of_the_server(asked: str, location: str | None) -> None:
    """The server names its locations like cloud regions; a grid zone alone is none of them."""
    assert SDK.key_for(Catalogue().resolve(asked).zone) == location


def test_emissions_by_location_have_their_own_duration() -> None:
    """Eight hours from the time; the declared kind and scope stand on them."""
    series = SDK.parse(ask("eastus", Product.CURRENT), (reply(CURRENT),))

    assert rows(series) == [
        ("2026-01-01T00:00Z", "2026-01-01T08:00Z", 345.4, "measured"),
        ("2026-01-01T08:00Z", "2026-01-01T16:00Z", 0.0, "measured"),
    ]
    assert (series.signal.kind, series.signal.scope) == ("average", "lifecycle")


def test_the_forecast_of_the_server_counts_from_when_it_was_generated() -> None:
    """Durations are minutes there."""
    series = SDK.parse(ask("eastus"), (reply(SDK_FORECAST),))

    assert rows(series)[1] == ("2026-01-01T00:05Z", "2026-01-01T00:10Z", 110.5, "forecast")
    assert series.signal.issued_at == parse_instant("2026-01-01T00:00Z")


def test_minus_one_is_missing_and_never_the_cleanest_hour() -> None:
    """The SDK writes a null as -1 and then picks the smallest."""
    series = SDK.parse(ask("eastus", Product.CURRENT), (reply([emission(-1), emission(300, "2026-01-01T08:00:00Z")]),))

    assert [row[2] for row in rows(series)] == [300.0]


@pytest.mark.parametrize(
    ("tree", "message"),
    [
        (
            [emission(), emission(location="westus")],
            r"reply is about 2 locations \('eastus, westus'\), asked for eastus",
        ),
        ([emission(duration="soon")], r"\[0\].rating has no time that can be read \(time\)"),
        ([emission(duration=0)], r"\(time\)"),
        ([emission(duration=True)], r"\(time\)"),
        ({"GeneratedAt": "2026-01-01T00:00:00"}, "emissions is missing"),
        ({**FILE, "GeneratedAt": "2026-01-01T00:00:00"}, "generatedAt is '2026-01-01T00:00:00', expected an instant"),
        ([{"forecastData": []}], "generatedat is missing"),
        (
            [{"location": "eastus", "time": "2026-01-01T00:00:00Z", "duration": "00:05:00"}],
            r"\[0\].rating is missing, here and in all",
        ),
    ],
    ids=["places", "duration", "zero", "true", "no rows", "naive", "no issue", "renamed"],
)
def test_sdk_replies_of_another_shape_are_refused(tree: Any, message: str) -> None:
    """With the path."""
    with pytest.raises(MalformedPayload, match=message):
        SDK.parse(ask("eastus", Product.CURRENT), (reply(tree),))


@pytest.mark.parametrize("how", [{"kind": "relative"}, {"kind": "grams"}, {"kind": "average", "scope": "all"}], ids=str)
def test_kind_and_scope_must_be_declared_as_one_of_theirs(how: dict[str, str]) -> None:
    """The SDK itself does not say."""
    with pytest.raises(ConfigurationError, match="casdk"):
        CarbonAwareSdk(**how)


def test_a_server_declared_marginal_is_never_asked_for_an_average() -> None:
    """Kinds never meet."""
    with pytest.raises(KindMismatch, match="^casdk gives marginal, not average$"):
        CarbonAwareSdk(kind="marginal").build_requests(ask("eastus"))


def test_sdk_paths_may_stand_behind_a_gateway() -> None:
    """With a prefix of its own."""
    (ahead,) = CarbonAwareSdk(kind="average", prefix="/carbon/").build_requests(ask("eastus"))
    (now,) = SDK.build_requests(ask("eastus", Product.CURRENT, now="2026-01-01T12:00Z"))

    assert ahead.path == "/carbon/emissions/forecasts/current"
    assert now.params == (("location", "eastus"), ("time", "2026-01-01T10:00:00Z"), ("toTime", "2026-01-01T12:00:00Z"))


def test_sdk_locations_need_an_alias() -> None:
    """Names are up to the server; the files know countries."""
    assert SDK.key_for(Zone("DE")) is None
    assert SDK.key_for(Zone("DE", aliases=(("casdk", "westeurope"),))) == "westeurope"
    assert FILES.key_for(Zone("DE")) == "de"
    assert FILES.key_for(Zone("SE-SE3")) is None
    assert isinstance(SDK.explain(ask("x"), reply("", status=400)), ZoneNotCovered)
    assert SDK.explain(ask("x"), reply("", status=500)) is None


def test_files_are_one_for_each_country() -> None:
    """Nothing strange reaches the path."""
    assert FILES.build_requests(ask("de"))[0].path == "/forecasts/de.json"
    with pytest.raises(ZoneNotCovered, match=r"carbon-aware-computing does not cover '\.\./x'; it has at, ch, de, fr"):
        FILES.build_requests(ask("../x"))


@pytest.mark.shared
def test_the_recorded_emission_is_read() -> None:
    """Eight hours of eastus, worked out by hand."""
    body = (shared_dir("data", "samples") / "casdk_emissions_bylocation.json").read_bytes()
    series = SDK.parse(ask("eastus", Product.HISTORY, now="2022-03-02T00:00Z"), (reply(body),))

    assert rows(series) == [("2022-03-01T15:30Z", "2022-03-01T23:30Z", 345.434, "measured")]


# -- Prometheus --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("how", "raw", "value"),
    [
        ({}, "120.5", 120.5),
        ({"unit": "lb/MWh", "kind": "marginal"}, "870", 394.6253619),
        ({"unit": "kg/kWh"}, "0.25", 250.0),
        ({"unit": "percent", "kind": "relative"}, "96", 96.0),
        ({"unit": "%", "kind": "relative"}, "0", 0.0),
        ({"unit": "EUR/MWh", "kind": "price"}, "-5", -5.0),
    ],
    ids=["grams", "pounds", "kilograms", "percent", "percent sign", "price"],
)
def test_values_are_in_the_declared_unit(how: dict[str, str], raw: str, value: float) -> None:
    """Prometheus knows neither unit nor kind."""
    provider = prom(**how)
    asked = ask("DE", Product.CURRENT, SignalKind(how.get("kind", "average")))
    series = provider.parse(asked, (reply(matrix(raw)),))

    assert rows(series)[0] == ("2026-01-01T00:00Z", "2026-01-01T00:05Z", pytest.approx(value), "measured")


@pytest.mark.parametrize(
    ("unit", "kind", "message"),
    [
        ("gCO2eq/kWh", "relative", "a relative signal is in percent, not 'gCO2eq/kWh'"),
        ("percent", "average", "unit 'percent' is not a carbon intensity"),
        ("gCO2eq/kWh", "price", "a price signal is in EUR/MWh"),
        ("furlong", "marginal", "unit 'furlong' is not a carbon intensity"),
    ],
)
def test_a_percentage_cannot_be_declared_as_grams(unit: str, kind: str, message: str) -> None:
    """An error when the source is set up, not when it has decided."""
    with pytest.raises(UnitMismatch, match=message):
        prom(unit=unit, kind=kind)


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ({"query": " "}, "query is empty"),
        ({"step_minutes": 0}, "step_minutes is 0, expected 1 to 1440"),
        ({"kind": "grams"}, "'grams' is not a valid SignalKind"),
    ],
    ids=["query", "step", "kind"],
)
def test_a_source_that_cannot_work_is_refused_when_set_up(how: dict[str, Any], message: str) -> None:
    """With the option."""
    with pytest.raises(ConfigurationError, match=message):
        prom(**how)


def test_values_that_are_no_numbers_are_gaps() -> None:
    """NaN is what Prometheus says for a division by zero."""
    series = prom().parse(ask("DE", Product.CURRENT), (reply(matrix("NaN", "+Inf", "100", "-3", True)),))

    assert [row[0][14:16] for row in rows(series)] == ["10"]


def test_an_empty_result_is_no_data() -> None:
    """Nothing matched; nothing is known."""
    tree = {"status": "success", "data": {"resultType": "matrix", "result": []}}

    assert len(prom().parse(ask("DE", Product.CURRENT), (reply(tree),))) == 0


@pytest.mark.parametrize(
    ("tree", "message"),
    [
        (matrix("1", series=2), "the query gives 2 series, expected one: aggregate it"),
        ({**matrix("1"), "status": "error"}, "status is 'error', expected 'success'"),
        (
            {"status": "success", "data": {"resultType": "vector", "result": []}},
            "resultType is 'vector', expected 'matrix'",
        ),
        (
            {"status": "success", "data": {"resultType": "matrix", "result": [{}]}},
            r"data.result\[0\].values is missing",
        ),
    ],
    ids=["two series", "status", "vector", "renamed"],
)
def test_prometheus_answers_of_another_shape_are_refused(tree: dict[str, Any], message: str) -> None:
    """With the path."""
    with pytest.raises(MalformedPayload, match=message):
        prom().parse(ask("DE", Product.CURRENT), (reply(tree),))


def test_the_zone_is_quoted_into_the_query() -> None:
    """A zone cannot become a query of its own."""
    (plain,) = prom().build_requests(ask("DE", Product.CURRENT))
    (hostile,) = prom().build_requests(ask('x"} or vector(0) or ci{zone="', Product.CURRENT))

    assert dict(plain.params)["query"] == 'ci{zone="DE"}'
    assert dict(hostile.params)["query"] == 'ci{zone="x\\"} or vector(0) or ci{zone=\\""}'
    with pytest.raises(ZoneNotCovered, match="cannot be a label value"):
        prom().build_requests(ask("a\nb", Product.CURRENT))


def test_long_windows_stay_under_the_limit_of_samples() -> None:
    """Prometheus refuses more than 11,000; nothing after now is asked for."""
    requests = prom().build_requests(
        ask("DE", Product.HISTORY, now="2026-02-20T00:00Z", start="2026-01-01T00:00Z", hours=2000)
    )

    assert len(requests) == 2
    assert dict(requests[-1].params)["end"] == "2026-02-20T00:00:00Z"


def test_prometheus_serves_the_zones_it_was_given() -> None:
    """Or all of them."""
    assert prom(zones=("DE",)).key_for(Zone("DE")) == "DE"
    assert prom(zones=("DE",)).key_for(Zone("FR")) is None
    assert prom().key_for(Zone("FR", aliases=(("prometheus", "france"),))) == "france"


def test_prometheus_refusals_are_told_apart() -> None:
    """A bad query is no outage."""
    bad = prom().explain(ask("DE"), reply({"status": "error", "error": "parse error"}, status=400))

    assert isinstance(bad, ZoneNotCovered)
    assert bad.message == "prometheus cannot run the query: 'parse error'"
    assert isinstance(prom().explain(ask("DE"), reply("", status=401)), Unauthorized)
    assert prom().explain(ask("DE"), reply("", status=503)) is None

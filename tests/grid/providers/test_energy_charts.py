"""Energy-Charts: countries, the renewable share, and day-ahead prices."""

from __future__ import annotations

import json
from typing import Any, ClassVar

import pytest

from gridtide.domain.errors import MalformedPayload, ZoneNotCovered
from gridtide.domain.signal import SignalKind
from gridtide.domain.zone import Zone
from gridtide.grid.provider import Ask, Product, Provider
from gridtide.grid.providers.energy_charts import EnergyCharts, EnergyChartsPrice
from provider_contract import ProviderContract, SampledContract, ask, reply, rows
from support import shared_dir

CO2 = EnergyCharts()
PRICE = EnergyChartsPrice()
T = 1767225600  # 2026-01-01T00:00Z


def co2(measured: list[Any], forecast: list[Any] | None = None, step: int = 900) -> dict[str, Any]:
    """Reply with labels from 2026-01-01T00:00Z on."""
    tree: dict[str, Any] = {"unix_seconds": [T + step * k for k in range(len(measured))], "co2eq": measured}
    return tree if forecast is None else {**tree, "co2eq_forecast": forecast, "deprecated": False}


SHARE = {
    "unix_seconds": [T, T + 900, T + 1800],
    "share": [61.2, 130.0, 40.0],
    "signal": [2, 2, -1],
    "substitute": False,
}
PRICES = {
    "license_info": "CC BY 4.0 from Bundesnetzagentur",
    "unix_seconds": [T, T + 3600],
    "price": [42.5, -3.1],
    "unit": "EUR / MWh",
}


class TestContract(SampledContract):
    asks: ClassVar = {
        "now": ask("de", Product.CURRENT),
        "ahead": ask("de"),
        "history": ask("fr", Product.HISTORY),
        "share": ask("de", kind=SignalKind.RELATIVE),
    }
    good: ClassVar = {
        "intensity": (ask("de"), (json.dumps(co2([301.2, None], [305.0, 299.8])).encode(),)),
        "share": (ask("de", kind=SignalKind.RELATIVE), (json.dumps(SHARE).encode(),)),
    }
    samples: ClassVar[dict[str, Ask]] = {
        "energycharts_co2eq_de.json": ask("de", now="2024-03-22T16:05Z"),
        "energycharts_signal_de.json": ask("de", kind=SignalKind.RELATIVE, now="2024-03-22T00:00Z"),
    }

    def provider(self) -> Provider:
        return EnergyCharts()

    def expected(self, entry: dict[str, Any]) -> list[tuple[str, str, float]]:
        """A renewable share of 61.2 % stands on our scale from clean to dirty as 38.8."""
        turned = entry["signal"].startswith("relative")
        return [(p["start"], p["end"], 100 - p["value"] if turned else p["value"]) for p in entry["points"]]


class TestPriceContract(ProviderContract):
    asks: ClassVar = {"ahead": ask("DE-LU", kind=SignalKind.PRICE)}
    good: ClassVar = {"price": (ask("DE-LU", kind=SignalKind.PRICE), (json.dumps(PRICES).encode(),))}

    def provider(self) -> Provider:
        return EnergyChartsPrice()


def test_a_measured_value_wins_and_a_double_null_is_a_gap() -> None:
    """Nothing known is nothing, never zero."""
    series = CO2.parse(ask("de"), (reply(co2([301.2, None, None, 0, None], [305.0, 299.8, None, 7.0, None])),))

    assert rows(series) == [
        ("2026-01-01T00:00Z", "2026-01-01T00:15Z", 301.2, "measured"),
        ("2026-01-01T00:15Z", "2026-01-01T00:30Z", 299.8, "forecast"),
        ("2026-01-01T00:45Z", "2026-01-01T01:00Z", 0.0, "measured"),
    ]
    assert str(series.gaps[0]) == "2026-01-01T00:30:00Z/2026-01-01T00:45:00Z"


def test_a_country_without_a_forecast_gives_what_was_measured() -> None:
    """The forecast array may be missing or null."""
    assert len(CO2.parse(ask("al"), (reply(co2([300.0, 310.0])),))) == 2
    assert len(CO2.parse(ask("al"), (reply({**co2([300.0, None]), "co2eq_forecast": None}),))) == 1


@pytest.mark.parametrize(("step", "end"), [(900, "00:15"), (3600, "01:00")], ids=["quarters", "hours"])
def test_the_step_is_the_distance_between_labels(step: int, end: str) -> None:
    """Some countries report each hour."""
    series = CO2.parse(ask("pl"), (reply(co2([700.0, 650.0], step=step)),))

    assert rows(series)[0][1] == f"2026-01-01T{end}Z"


def test_a_missing_label_does_not_stretch_the_step_before_it() -> None:
    """The smallest distance is the step, so a hole stays a hole."""
    tree = {"unix_seconds": [T, T + 2700, T + 3600], "co2eq": [1, 2, 3]}
    series = CO2.parse(ask("de"), (reply(tree),))

    assert [row[1] for row in rows(series)] == ["2026-01-01T00:15Z", "2026-01-01T01:00Z", "2026-01-01T01:15Z"]


def test_the_share_is_turned_so_that_low_is_clean() -> None:
    """A share over 100 % means export; grid congestion counts as dirty whatever the share."""
    asked = ask("de", kind=SignalKind.RELATIVE, now="2026-01-01T00:15Z")
    series = CO2.parse(asked, (reply(SHARE),))

    assert [(round(row[2], 6), row[3]) for row in rows(series)] == [
        (38.8, "estimated"),
        (0.0, "estimated"),
        (100.0, "forecast"),
    ]
    assert series.signal.unit == "percent"


def test_substitute_shares_are_typical_values() -> None:
    """The service says itself that they stand in for missing data."""
    series = CO2.parse(ask("de", kind=SignalKind.RELATIVE), (reply({**SHARE, "substitute": True}),))

    assert {row[3] for row in rows(series)} == {"typical"}


@pytest.mark.parametrize(
    ("tree", "message"),
    [
        ({**co2([1, 2]), "co2eq": [1]}, "co2eq has 1 values, unix_seconds has 2"),
        ({**co2([1, 2]), "co2eq": {"0": 1}}, "co2eq is an object, expected a list"),
        ({"unix_seconds": [T], "co2": [1]}, "co2eq is missing; there are: unix_seconds, co2"),
        (
            {"unix_seconds": [T * 1000], "co2eq": [1]},
            r"none of 1 points can be used: co2eq\[0\] has no time that can be read \(time\)",
        ),
    ],
    ids=["lengths", "object", "renamed", "milliseconds"],
)
def test_another_shape_is_refused_with_the_field(tree: dict[str, Any], message: str) -> None:
    """The message names what changed."""
    with pytest.raises(MalformedPayload, match=f"^energy-charts: {message}"):
        CO2.parse(ask("de"), (reply(tree),))


def test_windows_become_dates() -> None:
    """A forecast asks three days ahead; a long history is cut into pieces."""
    (ahead,) = CO2.build_requests(ask("de", now="2026-01-01T23:30Z"))
    history = CO2.build_requests(ask("de", Product.HISTORY, hours=24 * 40))

    assert (ahead.path, ahead.params) == (
        "/co2eq",
        (("country", "de"), ("start", "2026-01-01"), ("end", "2026-01-04")),
    )
    assert [dict(request.params)["end"] for request in history] == ["2026-02-01", "2026-02-10"]


@pytest.mark.parametrize(
    ("zone", "key"),
    [
        (Zone("DE"), "de"),
        (Zone("SE-SE3"), "se"),
        (Zone("X", aliases=(("energy-charts", "AT"),)), "at"),
        (Zone("GB"), None),
        (Zone("US-CAL-CISO"), None),
    ],
    ids=str,
)
def test_zones_map_to_their_country(zone: Zone, key: str | None) -> None:
    """The API knows countries, not bidding zones, and not Great Britain."""
    assert CO2.key_for(zone) == key


def test_zones_map_to_their_price_area() -> None:
    """Prices do come by bidding zone."""
    assert PRICE.key_for(Zone("DE")) == "DE-LU"
    assert PRICE.key_for(Zone("SE-SE3")) == "SE3"
    assert PRICE.key_for(Zone("X", aliases=(("energy-charts-price", "CH"),))) == "CH"
    assert PRICE.key_for(Zone("GB")) is None


def test_prices_are_in_euro_and_may_be_negative() -> None:
    """An auction result is no forecast, and its licence joins the credit."""
    series = PRICE.parse(ask("DE-LU", kind=SignalKind.PRICE), (reply(PRICES),))

    assert rows(series) == [
        ("2026-01-01T00:00Z", "2026-01-01T01:00Z", 42.5, "measured"),
        ("2026-01-01T01:00Z", "2026-01-01T02:00Z", -3.1, "measured"),
    ]
    assert series.signal.unit == "EUR/MWh"
    assert series.signal.attribution.endswith("CC BY 4.0 from Bundesnetzagentur")


def test_a_price_in_another_unit_is_refused() -> None:
    """Ten times too small would look cheap."""
    with pytest.raises(MalformedPayload, match=r"unit is 'ct/kWh', expected EUR/MWh"):
        PRICE.parse(ask("DE-LU", kind=SignalKind.PRICE), (reply({**PRICES, "unit": "ct/kWh"}),))


def test_an_unknown_country_is_not_covered() -> None:
    """Before asking, and when the API says so in plain text."""
    with pytest.raises(ZoneNotCovered, match="energy-charts does not cover 'xx'; it takes a country code"):
        CO2.build_requests(ask("xx"))
    assert isinstance(CO2.explain(ask("de"), reply("'xx' is not the code", status=400)), ZoneNotCovered)
    assert CO2.explain(ask("de"), reply("", status=503)) is None
    assert isinstance(PRICE.explain(ask("XX", kind=SignalKind.PRICE), reply("", status=404)), ZoneNotCovered)


@pytest.mark.shared
def test_a_whole_recorded_window_parses() -> None:
    """65 quarters measured, 123 forecast."""
    body = (shared_dir("data", "samples") / "sample_energycharts_de.json").read_bytes()
    series = CO2.parse(ask("de", now="2024-03-22T16:05Z"), (reply(body),))

    assert [int((series.qualities == rank).sum()) for rank in (0, 2)] == [65, 123]
    assert series.gaps == ()

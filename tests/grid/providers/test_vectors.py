"""Request and response shapes that other tools' own tests use: ours must read the same, minus their known mistakes."""

from __future__ import annotations

import json
from typing import Any

import pytest

from gridtide.domain.signal import SignalKind
from gridtide.grid.provider import Product
from gridtide.grid.providers.electricity_maps import ElectricityMaps
from gridtide.grid.providers.uk import NesoCarbonIntensity
from gridtide.grid.providers.watttime import WattTime
from provider_contract import ask, reply, rows
from support import shared_dir

pytestmark = pytest.mark.shared
WT, EM, UK = WattTime("user", "pass"), ElectricityMaps("k", version="v3"), NesoCarbonIntensity()
LATER = "2099-01-01T00:01Z"


@pytest.fixture
def shapes() -> dict[str, Any]:
    """All of them."""
    return json.loads((shared_dir("vectors") / "provider-fixtures.json").read_text())


def test_watttime_history_with_a_misspelt_period_is_read(shapes: dict[str, Any]) -> None:
    """One client writes data_point_periods_second; pounds times 0.45359237."""
    body = shapes["watttime_v3"]["historical"]["response"]
    asked = ask("TEST_REGION", Product.HISTORY, SignalKind.MARGINAL, now=LATER)

    assert rows(WT.parse(asked, (reply(body),)))[0][2] == pytest.approx(999.99 * 453.59237 / 1000)


def test_watttime_forecast_is_the_same_envelope(shapes: dict[str, Any]) -> None:
    """Its time of issue stands in meta."""
    body = shapes["watttime_v3"]["historical"]["response"]
    series = WT.parse(ask("TEST_REGION", kind=SignalKind.MARGINAL, now=LATER), (reply(body),))

    assert rows(series)[0][3] == "forecast"
    assert series.signal.issued_at == series.start


def test_watttime_login_and_region(shapes: dict[str, Any]) -> None:
    """Paths and replies."""
    known = shapes["watttime_v3"]

    assert WT.parse_login(reply(known["login"]["response"])).value == "myDefaultToken123"
    assert WT.parse_location(reply(known["region"]["response"])) == "TEST_REGION"
    assert WT.locate_request(1.0, 2.0).path == f"/v3/{known['region']['path']}"


def test_electricity_maps_envelopes_of_v3(shapes: dict[str, Any]) -> None:
    """History, past range, forecast and the list of zones."""
    known = shapes["electricitymaps_v3"]
    forecast = EM.parse(ask("NL", now=LATER), (reply(known["forecast"]["response"]),))
    history = EM.parse(ask("NL", Product.HISTORY, now=LATER), (reply(known["history"]["response"]),))
    access = EM.parse_access(reply(known["zones"]["response"]))

    assert [row[2:] for row in rows(forecast)] == [(999.0, "forecast")]
    assert [row[2:] for row in rows(history)] == [(999.0, "measured")]
    assert access.allows("NL", Product.FORECAST, SignalKind.AVERAGE)
    assert not access.allows("NL", Product.CURRENT, SignalKind.AVERAGE)


def test_electricity_maps_as_the_exporter_normalises_it(shapes: dict[str, Any]) -> None:
    """Value, hour and the estimated mark."""
    known = shapes["electricitymaps_v3"]["go_normalised"]
    (want,) = known["output"]
    series = EM.parse(ask("IN-KA", Product.HISTORY, now="2020-01-02T00:00Z"), (reply(known["input"]),))
    ((start, end, value, quality),) = rows(series)

    assert (start, end) == (want["valid_from"].replace(":00Z", "Z"), want["valid_to"].replace(":00Z", "Z"))
    assert (value, quality == "estimated") == (want["value"], want["is_estimated"])


def test_the_nation_as_the_exporter_normalises_it(shapes: dict[str, Any]) -> None:
    """The actual value of the half hour."""
    known = shapes["neso_uk"]["national"]
    series = UK.parse(ask("UK", Product.CURRENT, now="2020-01-01T00:10Z"), (reply(known["response"]),))

    assert rows(series)[0][:3] == ("2020-01-01T00:00Z", "2020-01-01T00:30Z", float(known["go_normalised"]["value"]))


@pytest.mark.parametrize(("now", "minute"), [("2026-01-01T10:15Z", "10:01"), ("2026-01-01T10:45Z", "10:31")])
def test_the_regional_forecast_address_is_the_one_other_tools_use(
    shapes: dict[str, Any], now: str, minute: str
) -> None:
    """One address for each half hour, so that caches work; the inward part of a postcode is dropped."""
    template = shapes["neso_uk"]["regional_forecast_48h"]["url"]
    (request,) = UK.build_requests(ask("OX1 3QD", now=now))

    assert f"{UK.info.base_url}{request.path}" == template.replace(
        "{YYYY-MM-DDTHH:MMZ}", f"2026-01-01T{minute}Z"
    ).replace("{outward}", "OX1")

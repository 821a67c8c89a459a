"""WattTime v3: login, plan, forecast, history, index."""

from __future__ import annotations

import base64
import json
from typing import Any, ClassVar

import pytest

from gridtide.domain.errors import MalformedPayload, Unauthorized, ZoneNotCovered
from gridtide.domain.instants import parse_instant
from gridtide.domain.signal import SignalKind
from gridtide.domain.zone import Zone
from gridtide.grid.provider import Ask, Product, Provider
from gridtide.grid.providers.registry import make
from gridtide.grid.providers.watttime import WattTime
from provider_contract import CANARY, FETCHED, SampledContract, ask, reply, rows
from support import shared_dir

WT = WattTime("user", CANARY)
MARGINAL, RELATIVE, AVERAGE = SignalKind.MARGINAL, SignalKind.RELATIVE, SignalKind.AVERAGE
META = {
    "data_point_period_seconds": 300,
    "region": "CAISO_NORTH",
    "signal_type": "co2_moer",
    "units": "lbs_co2_per_mwh",
    "generated_at": "2026-01-01T00:00:00+00:00",
}


def points(*values: Any, meta: dict[str, Any] | None = None) -> dict[str, Any]:
    """Reply with five-minute points from 2026-01-01T00:00Z."""
    data = [{"point_time": f"2026-01-01T00:{5 * k:02}:00+00:00", "value": value} for k, value in enumerate(values)]
    return {"data": data, "meta": {**META, **(meta or {})}}


INDEX = points(96.0, meta={"units": "percentile"})


def wt_ask(product: Product = Product.FORECAST, kind: SignalKind = MARGINAL, **how: Any) -> Ask:
    return ask("CAISO_NORTH", product, kind, **how)


class TestContract(SampledContract):
    asks: ClassVar = {
        "forecast": wt_ask(),
        "now": wt_ask(Product.CURRENT),
        "history": wt_ask(Product.HISTORY),
        "index": wt_ask(Product.CURRENT, RELATIVE),
    }
    good: ClassVar = {
        "forecast": (wt_ask(), (json.dumps(points(870, 0)).encode(),)),
        "index": (wt_ask(Product.CURRENT, RELATIVE), (json.dumps(INDEX).encode(),)),
    }
    samples: ClassVar[dict[str, Ask]] = {
        "watttime_forecast.json": wt_ask(now="2022-07-15T00:01Z"),
        "watttime_historical.json": wt_ask(Product.HISTORY, now="2022-07-16T00:00Z"),
        "watttime_signal_index.json": ask("PSCO", Product.CURRENT, RELATIVE, now="2024-06-18T18:41Z"),
    }

    def provider(self) -> Provider:
        return WattTime("user", CANARY)


def test_pounds_become_grams_and_the_forecast_keeps_its_time_of_issue() -> None:
    """870 lb/MWh x 0.45359237 = 394.6253619 g/kWh; staleness counts from generated_at."""
    series = WT.parse(wt_ask(), (reply(points(870, 0)),))

    assert rows(series) == [
        ("2026-01-01T00:00Z", "2026-01-01T00:05Z", pytest.approx(394.6253619, abs=1e-9), "forecast"),
        ("2026-01-01T00:05Z", "2026-01-01T00:10Z", 0.0, "forecast"),
    ]
    assert series.signal.issued_at == parse_instant("2026-01-01T00:00Z")
    assert series.signal.scope == "direct"


def test_the_current_value_is_the_first_point_of_a_forecast_of_no_hours() -> None:
    """Historical data lag; horizon 0 gives now, and it is no forecast."""
    (request,) = WT.build_requests(wt_ask(Product.CURRENT))
    series = WT.parse(wt_ask(Product.CURRENT), (reply(points(500)),))

    assert (request.path, dict(request.params)["horizon_hours"]) == ("/v3/forecast", "0")
    assert rows(series)[0][3] == "measured"
    assert request.needs_token


@pytest.mark.parametrize(("hours", "horizon"), [(0.5, "1"), (24, "24"), (24.5, "25"), (100, "72")], ids=str)
def test_the_horizon_is_what_the_window_needs(hours: float, horizon: str) -> None:
    """At most 72 hours."""
    (request,) = WT.build_requests(wt_ask(hours=hours))

    assert dict(request.params)["horizon_hours"] == horizon


def test_history_is_asked_in_pieces_of_32_days_with_an_offset() -> None:
    """A naive time is an error there; imputed values are marked."""
    first, second = WT.build_requests(wt_ask(Product.HISTORY, hours=24 * 40))

    assert dict(first.params)["start"] == "2026-01-01T00:00:00+00:00"
    assert dict(first.params)["end"] == dict(second.params)["start"] == "2026-02-02T00:00:00+00:00"
    assert dict(second.params)["include_imputed_marker"] == "true"


def test_imputed_values_are_estimated_and_the_last_update_wins() -> None:
    """Two versions of one point: the newer, wherever it stands."""
    tree = points(100)
    tree["data"] = [
        {"point_time": "2026-01-01T00:00:00+00:00", "value": 900, "last_updated": "2026-01-03T00:00:00+00:00"},
        {
            "point_time": "2026-01-01T00:00:00+00:00",
            "value": 100,
            "last_updated": "2026-01-02T00:00:00+00:00",
            "imputed_data_used": True,
        },
    ]
    series = WT.parse(wt_ask(Product.HISTORY), (reply(tree),))

    assert rows(series) == [
        ("2026-01-01T00:00Z", "2026-01-01T00:05Z", pytest.approx(900 * 0.45359237), "measured"),
    ]


def test_the_index_is_relative_and_never_read_as_grams() -> None:
    """A percentile of 96 is dirty, not 96 g/kWh."""
    series = WT.parse(wt_ask(Product.CURRENT, RELATIVE), (reply(INDEX),))

    assert series.signal.unit == "percent"
    assert rows(series)[0][2] == 96.0
    with pytest.raises(MalformedPayload, match=r"meta\.units is 'percentile', expected 'lbs_co2_per_mwh'"):
        WT.parse(wt_ask(), (reply(INDEX),))


@pytest.mark.parametrize(
    ("meta", "message"),
    [
        ({"units": "kg_co2_per_mwh"}, "meta.units is 'kg_co2_per_mwh', expected 'lbs_co2_per_mwh'"),
        ({"region": "PSCO"}, "meta.region is 'PSCO', asked for CAISO_NORTH"),
        ({"signal_type": "health_damage"}, "meta.signal_type is 'health_damage', asked for co2_moer"),
        ({"data_point_period_seconds": 0}, "meta.data_point_period_seconds is 0, expected 1 to 86400"),
        ({"data_point_period_seconds": True}, "meta.data_point_period_seconds is True, expected 1 to 86400"),
        ({"generated_at": "2026-01-01T00:00"}, "meta.generated_at is no instant with an offset"),
    ],
    ids=["unit", "region", "signal", "period zero", "period true", "naive issue"],
)
def test_a_reply_about_something_else_is_refused(meta: dict[str, Any], message: str) -> None:
    """Another region, signal, unit or an unusable label."""
    with pytest.raises(MalformedPayload, match=f"^watttime: {message}"):
        WT.parse(wt_ask(), (reply(points(870, meta=meta)),))


def test_the_login_is_basic_and_its_token_lasts_half_an_hour() -> None:
    """From when the reply came."""
    request = WT.login_request()
    token = WT.parse_login(reply({"token": "eyJ.abc.def"}))

    assert base64.b64decode(dict(request.headers)["Authorization"].removeprefix("Basic ")).decode() == f"user:{CANARY}"
    assert request.secret_headers == {"authorization"}
    assert (token.value, (token.expires_at - FETCHED).total_seconds()) == ("eyJ.abc.def", 1800)
    assert "eyJ" not in repr(token)


def test_a_password_goes_through_letter_by_letter() -> None:
    """Quotes, blanks and umlauts belong to it, made by hand or by the registry."""
    password = " p\u00e4ss'"
    made = make("watttime", {"WATTTIME_USER": "user", "WATTTIME_PASSWORD": password})
    for provider in (WattTime("user", password), made):
        request = provider.login_request()
        assert request is not None
        encoded = dict(request.headers)["Authorization"].removeprefix("Basic ")
        assert base64.b64decode(encoded).decode() == f"user:{password}"


@pytest.mark.parametrize("token", [None, "", 5, "line\nbreak", "\u00fc"], ids=repr)
def test_a_token_that_cannot_be_one_is_refused(token: object) -> None:
    """It goes into a header."""
    with pytest.raises(MalformedPayload, match=r"^watttime: token is no text$"):
        WT.parse_login(reply({"token": token}))


ACCESS = {
    "signal_types": [
        {
            "signal_type": "co2_moer",
            "regions": [
                {"region": "CAISO_NORTH", "endpoints": [{"endpoint": "v3/forecast"}, {"endpoint": "v3/signal-index"}]},
                {"region": "PSCO", "endpoints": [{"endpoint": "v3/signal-index"}, {"endpoint": "v3/new-thing"}]},
            ],
        },
        {"signal_type": "co2_aoer", "regions": [{"region": "PSCO", "endpoints": [{"endpoint": "v3/historical"}]}]},
        {"signal_type": "health_damage", "regions": [{"region": "PSCO", "endpoints": [{"endpoint": "v3/forecast"}]}]},
    ]
}


@pytest.mark.parametrize(
    ("region", "product", "kind", "allowed"),
    [
        ("CAISO_NORTH", Product.FORECAST, MARGINAL, True),
        ("CAISO_NORTH", Product.CURRENT, MARGINAL, True),
        ("CAISO_NORTH", Product.HISTORY, MARGINAL, False),
        ("PSCO", Product.CURRENT, RELATIVE, True),
        ("PSCO", Product.FORECAST, MARGINAL, False),
        ("PSCO", Product.HISTORY, AVERAGE, True),
    ],
)
def test_the_plan_tells_what_may_be_asked(region: str, product: Product, kind: SignalKind, *, allowed: bool) -> None:
    """A region outside the plan still has the index."""
    assert WT.parse_access(reply(ACCESS)).allows(region, product, kind) is allowed


def test_places_are_looked_up() -> None:
    """Regions have names that no rule gives."""
    request = WT.locate_request(37.77493, -122.41942)

    assert dict(request.params) == {"latitude": "37.7749", "longitude": "-122.4194", "signal_type": "co2_moer"}
    assert WT.parse_location(reply({"region": "PSCO", "region_full_name": "x"})) == "PSCO"
    with pytest.raises(MalformedPayload, match="region is 'ps/co', expected a name"):
        WT.parse_location(reply({"region": "ps/co"}))


@pytest.mark.parametrize(
    ("status", "body", "cause"),
    [
        (401, b"<html>401 Authorization Required</html>", "login"),
        (403, b"<html><center>nginx</center></html>", "login"),
        (403, b'{"error":"Invalid query parameters","message":"Invalid scope."}', "plan"),
        (401, b"", "login"),
    ],
    ids=["401 page", "403 page", "403 json", "401 empty"],
)
def test_a_plan_is_told_from_an_old_token_by_what_came(status: int, body: bytes, cause: str) -> None:
    """A login for a plan error would loop against the limit of 100 logins."""
    error = WT.explain(wt_ask(), reply(body, status=status))

    assert isinstance(error, Unauthorized)
    assert error.facts["cause"] == cause
    assert not error.retryable


def test_no_coverage_is_permanent() -> None:
    """404 with coordinates; anything else is left to the common table."""
    assert isinstance(WT.explain(wt_ask(), reply({"error": "No coverage"}, status=404)), ZoneNotCovered)
    assert WT.explain(wt_ask(), reply("", status=429)) is None


@pytest.mark.parametrize(
    ("product", "kind", "message"),
    [
        (Product.FORECAST, AVERAGE, "average emissions for history only"),
        (Product.FORECAST, RELATIVE, "index for the current moment only"),
    ],
)
def test_what_it_cannot_give_is_refused(product: Product, kind: SignalKind, message: str) -> None:
    """Before any call."""
    with pytest.raises(ZoneNotCovered, match=message):
        WT.build_requests(wt_ask(product, kind))


def test_a_region_name_is_checked_before_asking() -> None:
    """Names are capitals, digits and underscores."""
    with pytest.raises(ZoneNotCovered, match="'../x' is no name of a watttime region"):
        WT.build_requests(ask("../x", kind=MARGINAL))


def test_a_model_may_be_chosen() -> None:
    """By its date, for answers that can be repeated."""
    (request,) = WattTime("u", "p", model="2023-03-01").build_requests(wt_ask())

    assert dict(request.params)["model"] == "2023-03-01"


def test_an_issued_forecast_without_its_time_is_refused() -> None:
    """A backtest with it would not be honest."""
    issues = [{"generated_at": "2026-01-01T00:05", "forecast": []}]
    with pytest.raises(MalformedPayload, match=r"data\[0\]\.generated_at is no instant"):
        WT.parse_issued(wt_ask(Product.HISTORY), (reply({"data": issues, "meta": META}),))


def test_zones_need_an_alias() -> None:
    """No rule turns our key into theirs."""
    assert WT.key_for(Zone("X", aliases=(("watttime", "PSCO"),))) == "PSCO"
    assert WT.key_for(Zone("DE")) is None


def test_issued_forecasts_come_one_series_each() -> None:
    """For backtests with only what was known at the time."""
    issues = [
        {
            "generated_at": f"2026-01-01T00:{minute}:00+00:00",
            "forecast": [{"point_time": "2026-01-01T01:00:00+00:00", "value": value}],
        }
        for minute, value in (("05", 800), ("00", 900))
    ]
    asked = wt_ask(Product.HISTORY, hours=30)
    first, second = WT.parse_issued(asked, (reply({"data": issues, "meta": META}),))

    assert len(WT.issued_requests(asked)) == 2
    assert first.signal.issued_at == parse_instant("2026-01-01T00:00Z")
    assert rows(first)[0][2:] == (pytest.approx(900 * 0.45359237), "forecast")
    assert rows(second)[0][2] == pytest.approx(800 * 0.45359237)


@pytest.mark.shared
def test_the_recorded_side_replies_are_read() -> None:
    """Login, plan, place, refusals and a forecast as issued."""
    folder = shared_dir("data", "samples")
    read = {path.name: reply(path.read_bytes()) for path in folder.glob("watttime_*.json")}
    access = WT.parse_access(read["watttime_my_access.json"])
    (issued,) = WT.parse_issued(wt_ask(Product.HISTORY), (read["watttime_forecast_historical.json"],))
    scope = WT.explain(wt_ask(), reply(read["watttime_error_403_scope.json"].body, status=403))

    assert WT.parse_login(read["watttime_login.json"]).value.startswith("eyJ")
    assert access.allows("CAISO_NORTH", Product.FORECAST, MARGINAL)
    assert access.allows("CAISO_NORTH", Product.HISTORY, MARGINAL)
    assert WT.parse_location(read["watttime_region_from_loc.json"]) == "PSCO"
    assert [row[2] for row in rows(issued)] == pytest.approx([394.6254] * 3, abs=5e-5)
    assert isinstance(scope, Unauthorized)
    assert scope.facts["cause"] == "plan"
    covered = WT.explain(wt_ask(), reply(read["watttime_error_404_no_coverage.json"].body, status=404))
    assert isinstance(covered, ZoneNotCovered)

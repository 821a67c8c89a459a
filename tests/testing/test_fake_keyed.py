"""Keyed fake providers keep accounts as the real ones do: tokens, plans, limits, pages, and their own refusals."""

from __future__ import annotations

import base64
import json
import urllib.error
import urllib.request
from datetime import UTC, datetime, timedelta

import pytest

from gridtide.testing import FakeClock, FakeGridServer, Fault, flat_series, wave_series
from gridtide.testing.fake.eia import Eia
from gridtide.testing.fake.electricity_maps import ElectricityMaps
from gridtide.testing.fake.watttime import WattTime

NOW = datetime(2026, 3, 4, 14, 7, tzinfo=UTC)
PLAIN_LOGIN = {"Authorization": "Basic " + base64.b64encode(b"user:password").decode()}
WRONG_LOGIN = {"Authorization": "Basic " + base64.b64encode(b"user:wrong").decode()}


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(NOW)


def ask(
    server: FakeGridServer, provider: str, path: str, headers: dict[str, str] | None = None
) -> tuple[int, str, str]:
    """Status, content type and body."""
    request = urllib.request.Request(server.base_url(provider) + path, headers=headers or {})
    try:
        with urllib.request.urlopen(request) as reply:
            return reply.status, reply.headers["Content-Type"], reply.read().decode()
    except urllib.error.HTTPError as refusal:
        with refusal:
            return refusal.code, refusal.headers["Content-Type"], refusal.read().decode()


def bearer(server: FakeGridServer) -> dict[str, str]:
    _, _, body = ask(server, "watttime", "/login", PLAIN_LOGIN)
    return {"Authorization": f"Bearer {json.loads(body)['token']}"}


FORECAST = "/v3/forecast?region={}&signal_type=co2_moer"
INDEX = "/v3/signal-index?region={}&signal_type=co2_moer"


def test_watttime_wrong_login_is_refused_in_html(clock: FakeClock) -> None:
    """A client tells it from a plan by the content type."""
    with FakeGridServer({"watttime": wave_series()}, clock=clock) as server:
        status, kind, _ = ask(server, "watttime", "/login", WRONG_LOGIN)

    assert (status, kind) == (403, "text/html")
    assert server.log.logins == 1


@pytest.mark.parametrize(("minutes", "status"), [(29, 200), (30, 401)], ids=["last-minute", "a-minute-late"])
def test_watttime_token_ends_after_thirty_minutes(clock: FakeClock, minutes: int, status: int) -> None:
    """The thirtieth minute is too late, and the refusal is HTML."""
    with FakeGridServer({"watttime": wave_series()}, clock=clock) as server:
        token = bearer(server)
        clock.advance(minutes=minutes)

        assert ask(server, "watttime", FORECAST.format("PSCO"), token)[0] == status


def test_watttime_free_plan_has_the_index_everywhere_and_one_forecast(clock: FakeClock) -> None:
    """What the plan does not cover is refused in JSON with status 403."""
    with FakeGridServer({"watttime": wave_series()}, clock=clock, families=[WattTime(plan="free")]) as server:
        token = bearer(server)
        index = ask(server, "watttime", INDEX.format("PSCO"), token)
        free = ask(server, "watttime", FORECAST.format("CAISO_NORTH"), token)
        refused = ask(server, "watttime", FORECAST.format("PSCO"), token)
        access = json.loads(ask(server, "watttime", "/v3/my-access", token)[2])

    assert index[0] == free[0] == 200
    assert refused[:2] == (403, "application/json")
    assert "Invalid scope" in refused[2]
    regions = {r["region"]: {e["endpoint"] for e in r["endpoints"]} for r in access["signal_types"][0]["regions"]}
    assert regions["PSCO"] == {"v3/signal-index"}
    assert "v3/forecast" in regions["CAISO_NORTH"]


def test_watttime_index_is_the_percentile_within_the_next_day(clock: FakeClock) -> None:
    """At the lowest point of the wave nothing in the next day is cleaner."""
    clock.advance_to(datetime(2026, 3, 5, 3, 0, tzinfo=UTC))
    with FakeGridServer({"watttime": wave_series(step=timedelta(minutes=5))}, clock=clock) as server:
        index = json.loads(ask(server, "watttime", INDEX.format("PSCO"), bearer(server))[2])

    assert index["data"][0]["value"] == 0
    assert index["meta"]["units"] == "percentile"


@pytest.mark.parametrize(("logins", "status"), [(100, 200), (101, 429)], ids=["the-hundredth", "one-more"])
def test_watttime_counts_logins_in_a_rolling_window(clock: FakeClock, logins: int, status: int) -> None:
    """A hundred in five minutes are allowed, one more is told how long to wait."""
    with FakeGridServer({"watttime": wave_series()}, clock=clock) as server:
        for _ in range(logins - 1):
            ask(server, "watttime", "/login", PLAIN_LOGIN)
        last = ask(server, "watttime", "/login", PLAIN_LOGIN)[0]
        clock.advance(minutes=5)

        assert last == status
        assert ask(server, "watttime", "/login", PLAIN_LOGIN)[0] == 200


def test_watttime_refuses_naive_times_and_long_spans(clock: FakeClock) -> None:
    """An offset is required; history is at most 32 days, past forecasts one."""
    path = "/v3/historical?region=PSCO&signal_type=co2_moer&start={}&end={}"
    with FakeGridServer({"watttime": wave_series()}, clock=clock) as server:
        token = bearer(server)

        assert ask(server, "watttime", path.format("2026-03-01T00:00", "2026-03-02T00:00"), token)[0] == 400
        assert ask(server, "watttime", path.format("2026-01-01T00:00Z", "2026-03-02T00:00Z"), token)[0] == 400
        assert ask(server, "watttime", path.format("2026-03-01T00:00Z", "2026-03-02T00:00Z"), token)[0] == 200


def test_watttime_place_without_coverage_is_404_in_json(clock: FakeClock) -> None:
    """The middle of the ocean belongs to nobody."""
    path = "/v3/region-from-loc?latitude=0&longitude=0&signal_type=co2_moer"
    with FakeGridServer({"watttime": wave_series()}, clock=clock) as server:
        status, _, body = ask(server, "watttime", path, bearer(server))

    assert status == 404
    assert json.loads(body)["error"].startswith("No coverage available")


def test_watttime_past_forecasts_carry_their_time_of_issue(clock: FakeClock) -> None:
    """Each forecast of an hour begins when it was made."""
    path = "/v3/forecast/historical?region=PSCO&signal_type=co2_moer&start=2026-03-04T10:00Z&end=2026-03-04T11:00Z"
    with FakeGridServer({"watttime": wave_series()}, clock=clock) as server:
        body = json.loads(ask(server, "watttime", path, bearer(server))[2])

    assert len(body["data"]) == 12
    assert all(issue["generated_at"] == issue["forecast"][0]["point_time"] for issue in body["data"])


KEY = {"auth-token": "fake-key"}


def test_electricity_maps_tells_a_bad_key_from_a_plan(clock: FakeClock) -> None:
    """Both are 401; only the plan's refusal names the request type."""
    maps = ElectricityMaps(access={"fake-key": {"DE": ["carbon-intensity/latest"]}})
    with FakeGridServer({"electricitymaps": wave_series()}, clock=clock, families=[maps]) as server:
        latest = ask(server, "electricitymaps", "/v4/carbon-intensity/latest?zone=DE", KEY)
        plan = ask(server, "electricitymaps", "/v4/carbon-intensity/forecast?zone=DE", KEY)
        key = ask(server, "electricitymaps", "/v4/carbon-intensity/latest?zone=DE", {"auth-token": "x"})
        zones = json.loads(ask(server, "electricitymaps", "/v4/zones", KEY)[2])
        zones_v3 = json.loads(ask(server, "electricitymaps", "/v3/zones", KEY)[2])

    assert latest[0] == 200
    assert (plan[0], key[0]) == (401, 401)
    assert "requestType=forecast" in plan[2]
    assert "requestType" not in key[2]
    assert zones[0]["access"] == zones_v3["DE"]["access"] == ["carbon-intensity/latest"]


def test_electricity_maps_without_a_place_answers_for_the_caller(clock: FakeClock) -> None:
    """A client that forgets to switch the lookup off gets another zone's numbers."""
    path = "/v4/carbon-intensity/latest"
    with FakeGridServer({"electricitymaps": wave_series()}, clock=clock) as server:
        silent = ask(server, "electricitymaps", path, KEY)
        refused = ask(server, "electricitymaps", path + "?disableCallerLookup=true", KEY)
        cloud = ask(server, "electricitymaps", path + "?dataCenterProvider=gcp&dataCenterRegion=europe-west1", KEY)

    assert json.loads(silent[2])["zone"] == "SE-SE3"
    assert refused[0] == 400
    assert json.loads(cloud[2])["zone"] == "BE"


@pytest.mark.parametrize(("hours", "rows"), [(6, 7), (24, 25), (72, 73)])
def test_electricity_maps_forecast_has_one_row_more_than_hours(clock: FakeClock, hours: int, rows: int) -> None:
    """The hour at hand comes first; rows have two fields."""
    path = f"/v4/carbon-intensity/forecast?zone=DE&horizonHours={hours}"
    with FakeGridServer({"electricitymaps": wave_series()}, clock=clock) as server:
        body = json.loads(ask(server, "electricitymaps", path, KEY)[2])

    assert len(body["forecast"]) == rows
    assert set(body["forecast"][0]) == {"carbonIntensity", "datetime"}


def test_electricity_maps_null_stays_null(clock: FakeClock) -> None:
    """The latest value may be missing in an answer with status 200."""
    with FakeGridServer({"electricitymaps": wave_series()}, clock=clock) as server:
        server.fault("electricitymaps", Fault.value(None), zone="DE")
        body = json.loads(ask(server, "electricitymaps", "/v4/carbon-intensity/latest?zone=DE", KEY)[2])

    assert body["carbonIntensity"] is None


EIA = "/v2/electricity/rto/fuel-type-data/data/?frequency=hourly&data[0]=value&facets[respondent][]=CISO"


def test_eia_pages_count_in_text_and_echo_the_key(clock: FakeClock) -> None:
    """Two pages of a day hold all rows once; numbers are text; the key comes back in the answer."""
    path = EIA + "&api_key=fake-key&start=2026-03-03T01&end=2026-03-04T00&offset={}&length=60"
    with FakeGridServer({"eia": wave_series()}, clock=clock, families=[Eia(page=60)]) as server:
        pages = [json.loads(ask(server, "eia", path.format(offset))[2]) for offset in (0, 60)]

    rows = [row for page in pages for row in page["response"]["data"]]
    assert pages[0]["response"]["total"] == "96"
    assert len(rows) == 96
    assert all(isinstance(row["value"], str) for row in rows)
    assert pages[0]["request"]["params"]["api_key"] == "fake-key"


def test_eia_labels_the_end_of_the_hour(clock: FakeClock) -> None:
    """A value that is in the first hour of the day only is labelled with one o'clock."""
    spike = flat_series(100, datetime(2026, 3, 3, tzinfo=UTC), days=2, step=timedelta(hours=1))
    path = EIA + "&api_key=fake-key&start=2026-03-03T01&end=2026-03-03T02"
    with FakeGridServer({"eia": spike}, clock=clock) as server:
        server.fault("eia", Fault.value(480.0, at=0))
        rows = json.loads(ask(server, "eia", path)[2])["response"]["data"]

    gas = {row["period"]: float(row["value"]) for row in rows if row["fueltype"] == "NG"}
    assert list(gas) == ["2026-03-03T01", "2026-03-03T02"]
    assert gas["2026-03-03T01"] > gas["2026-03-03T02"]


@pytest.mark.parametrize(("key", "code"), [("", "API_KEY_MISSING"), ("wrong", "API_KEY_INVALID")])
def test_eia_refuses_keys_with_403(clock: FakeClock, key: str, code: str) -> None:
    """A missing key and a wrong one have codes of their own."""
    with FakeGridServer({"eia": wave_series()}, clock=clock) as server:
        status, _, body = ask(server, "eia", f"{EIA}&api_key={key}")

    assert status == 403
    assert json.loads(body)["error"]["code"] == code


ENTSOE = "/api?securityToken={}&documentType=A75&in_Domain={}&periodStart=202603040000&periodEnd=202603040600"


def test_entsoe_says_no_data_with_an_acknowledgement(clock: FakeClock) -> None:
    """Status 200, another document, code 999."""
    with FakeGridServer({"entsoe": {"10Y1001A1001A82H": wave_series()}}, clock=clock) as server:
        known = ask(server, "entsoe", ENTSOE.format("fake-token", "10Y1001A1001A82H"))
        unknown = ask(server, "entsoe", ENTSOE.format("fake-token", "10YFR-RTE------C"))
        stranger = ask(server, "entsoe", ENTSOE.format("wrong", "10Y1001A1001A82H"))

    assert "<psrType>B04</psrType>" in known[2]
    assert "outBiddingZone_Domain" in known[2]
    assert unknown[0] == 200
    assert "<code>999</code>" in unknown[2]
    assert stranger[:2] == (401, "text/html")


def test_entsoe_long_curve_leaves_out_what_repeats(clock: FakeClock) -> None:
    """A curve of type A03 has one point for a flat day."""
    with FakeGridServer({"entsoe": flat_series(200)}, clock=clock) as server:
        body = ask(server, "entsoe", ENTSOE.format("fake-token", "10Y1001A1001A82H"))[2]

    wind = next(part for part in body.split("<TimeSeries>") if "<psrType>B19</psrType>" in part)
    gas = next(part for part in body.split("<TimeSeries>") if "<psrType>B04</psrType>" in part)
    assert "A03" in wind
    assert wind.count("<Point>") == 1
    assert gas.count("<Point>") == 6


def test_open_electricity_refuses_offsets_and_long_spans(clock: FakeClock) -> None:
    """Dates are network time without an offset, and a thousand intervals are the most."""
    path = "/v4/data/network/NEM?metrics=emissions&metrics=energy&interval=1h&date_start={}&date_end={}"
    header = {"Authorization": "Bearer fake-key"}
    with FakeGridServer({"openelectricity": wave_series()}, clock=clock) as server:
        good = ask(server, "openelectricity", path.format("2026-03-03T00:00:00", "2026-03-04T00:00:00"), header)
        offset = ask(server, "openelectricity", path.format("2026-03-03T00:00:00Z", "2026-03-04T00:00:00Z"), header)
        long = ask(server, "openelectricity", path.format("2026-01-01T00:00:00", "2026-03-04T00:00:00"), header)
        stranger = ask(server, "openelectricity", path)

    assert (good[0], offset[0], long[0], stranger[0]) == (200, 422, 400, 401)
    assert json.loads(good[2])["data"][0]["results"][0]["data"][0][0] == "2026-03-03T00:00:00+10:00"


def test_pjm_wants_its_own_header(clock: FakeClock) -> None:
    """Without the subscription key there is nothing."""
    with FakeGridServer({"pjm": wave_series()}, clock=clock) as server:
        refused = ask(server, "pjm", "/api/v1/fivemin_marginal_emissions")
        good = ask(server, "pjm", "/api/v1/fivemin_marginal_emissions", {"Ocp-Apim-Subscription-Key": "fake-key"})

    assert refused[0] == 401
    assert json.loads(good[2])["totalRows"] == 9

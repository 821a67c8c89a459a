"""Rows B66 to B77 of the bad-input catalogue, and the shapes of a garbage reply: each with its message."""

from __future__ import annotations

import json
import logging
from datetime import timedelta
from typing import Any

import pytest

from gridtide.domain.errors import HorizonTooShort, KindMismatch, MalformedPayload, ProviderUnavailable, UnitMismatch
from gridtide.domain.interval import Interval
from gridtide.domain.series import Series
from gridtide.domain.signal import Scope, Signal, SignalKind, require_comparable
from gridtide.grid import crosscheck
from gridtide.grid.points import Reject
from gridtide.grid.provider import Product
from gridtide.grid.providers.electricity_maps import ElectricityMaps
from gridtide.grid.providers.energy_charts import EnergyCharts
from gridtide.grid.providers.pjm import Pjm
from gridtide.grid.providers.prometheus import Prometheus
from gridtide.grid.providers.uk import NesoCarbonIntensity
from gridtide.grid.providers.watttime import WattTime
from provider_contract import FETCHED, ask, reply, rows

UK, EC, EM = NesoCarbonIntensity(), EnergyCharts(), ElectricityMaps("k")
T = 1767225600  # 2026-01-01T00:00Z


def slot(value: Any, start: str = "2026-01-01T00:00Z", end: str = "2026-01-01T00:30Z") -> dict[str, Any]:
    return {"from": start, "to": end, "intensity": {"forecast": value}}


def uk(*slots: Any) -> Series:
    return UK.parse(ask("GB"), (reply({"data": list(slots)}),))


def raw_uk(value: str) -> Series:
    """Two slots, the first with *value* written as it is into the body."""
    body = json.dumps({"data": [slot("VALUE"), slot(100, "2026-01-01T00:30Z", "2026-01-01T01:00Z")]})
    return UK.parse(ask("GB"), (reply(body.replace('"VALUE"', value)),))


def ec(*points: tuple[int, Any]) -> Series:
    return EC.parse(ask("de"), (reply({"unix_seconds": [t for t, _ in points], "co2eq": [v for _, v in points]}),))


# -- B66 ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "status", "error", "message"),
    [
        (b'{"error": "no data"}', 200, ProviderUnavailable, r"^uk: reply is an error \(status 200\): 'no data'$"),
        (
            b'{"error": {"code": "500 Internal", "message": "x"}}',
            200,
            ProviderUnavailable,
            r"^uk: reply is an error \(status 200\): '500 Internal'$",
        ),
        (b"", 204, ProviderUnavailable, r"^uk: reply is empty \(status 204\)$"),
        (b'{"data": []}', 206, MalformedPayload, r"^uk: reply is partial \(status 206\)"),
    ],
    ids=["error text", "error object", "204", "206"],
)
def test_b66_success_without_data_is_refused(body: bytes, status: int, error: type[Exception], message: str) -> None:
    """200 with an error, 204, 206; redirects are off where requests are sent."""
    with pytest.raises(error, match=message):
        UK.parse(ask("GB"), (reply(body, status=status),))


# -- B67 ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("null", "null"),
        ("NaN", "nonfinite"),
        ("Infinity", "nonfinite"),
        ("-Infinity", "nonfinite"),
        ("1e400", "nonfinite"),
        ("9" * 400, "nonfinite"),
        ('""', "type"),
        ('"250"', "type"),
        ("true", "type"),
        ("false", "type"),
        ("[1]", "type"),
        ('{"v": 1}', "type"),
    ],
    ids=["null", "NaN", "inf", "-inf", "1e400", "huge", "empty", "text", "true", "false", "list", "object"],
)
def test_b67_what_is_no_number_is_a_gap_with_its_reason(
    value: str, reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    """The other values stay, and the log says why and where."""
    with caplog.at_level(logging.DEBUG, logger="gridtide.grid.points"):
        series = raw_uk(value)
    (record,) = caplog.records

    assert [row[2] for row in rows(series)] == [100.0]
    assert f"uk/GB: rejected 1 of 2 points: {reason}=1; first: data[0].intensity is" in record.getMessage()
    assert record.__dict__["rejected"] == {Reject(reason): 1}


def test_b67_a_missing_value_is_a_gap_like_null() -> None:
    """In one slot; missing everywhere it is another format (B77)."""
    series = uk({**slot(1), "intensity": {}}, slot(100, "2026-01-01T00:30Z", "2026-01-01T01:00Z"))

    assert [row[2] for row in rows(series)] == [100.0]


def test_b67_only_nulls_are_no_data_and_only_rubbish_is_an_error() -> None:
    """An empty series says that nothing is known; a wrong type says that something has changed."""
    assert not uk(slot(None))
    with pytest.raises(
        MalformedPayload, match=r"^uk: none of 1 points can be used: data\[0\]\.intensity is '250' \(type\)$"
    ):
        uk(slot("250"))


# -- B68 ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "kept"),
    [(0, True), (0.0, True), (1, True), (2000, True), (-1, False), (-50, False), (2000.1, False), (1e9, False)],
    ids=str,
)
def test_b68_the_band_of_an_average_is_0_to_2000(value: float, *, kept: bool) -> None:
    """Zero is data; a negative average is not, nor is one that no fuel reaches."""
    series = uk(slot(value), slot(100, "2026-01-01T00:30Z", "2026-01-01T01:00Z"))

    assert [row[2] for row in rows(series)] == ([float(value), 100.0] if kept else [100.0])


def test_b68_a_marginal_rate_may_be_negative() -> None:
    """More load behind a constraint can lower emissions."""
    item = {"datetime_beginning_utc": "2026-01-01T00:00:00", "pnode_name": "PJM-RTO", "marginal_co2_rate": -50}
    asked = ask("PJM-RTO", Product.CURRENT, SignalKind.MARGINAL)

    assert Pjm("k").parse(asked, (reply({"items": [item]}),)).values[0] < 0


@pytest.mark.parametrize(("value", "reason"), [(-1, "negative"), (2001, "range")], ids=["negative", "too much"])
def test_b68_a_reply_of_nothing_else_is_an_error(value: float, reason: str) -> None:
    """With the reason."""
    with pytest.raises(MalformedPayload, match=rf"data\[0\]\.intensity is {value} \({reason}\)$") as caught:
        uk(slot(value))

    assert caught.value.facts["rejected"] == {reason: 1}


# -- B69 ---------------------------------------------------------------------------------------------------------------


def wt_reply(**meta: Any) -> dict[str, Any]:
    base = {
        "data_point_period_seconds": 300,
        "region": "PSCO",
        "units": "lbs_co2_per_mwh",
        "generated_at": "2026-01-01T00:00:00Z",
    }
    kept = {key: value for key, value in {**base, **meta}.items() if value is not None}
    return {"data": [{"point_time": "2026-01-01T00:00:00Z", "value": 870}], "meta": kept}


@pytest.mark.parametrize(
    ("units", "message"),
    [
        (None, r"^watttime: meta\.units is missing; there are: data_point_period_seconds, region"),
        ("g_per_kwh", r"^watttime: meta\.units is 'g_per_kwh', expected 'lbs_co2_per_mwh'$"),
        ("percentile", r"^watttime: meta\.units is 'percentile', expected 'lbs_co2_per_mwh'$"),
        (5, r"^watttime: meta\.units is 5, expected 'lbs_co2_per_mwh'$"),
    ],
    ids=["absent", "changed", "relative", "number"],
)
def test_b69_an_absent_or_changed_unit_is_refused(units: Any, message: str) -> None:
    """Pounds read as grams are the most common bug of all clients."""
    asked = ask("PSCO", kind=SignalKind.MARGINAL)
    with pytest.raises(MalformedPayload, match=message):
        WattTime("u", "p").parse(asked, (reply(wt_reply(units=units)),))


def test_b69_units_mixed_in_one_answer_are_refused() -> None:
    """One page in pounds, the next as a percentile."""
    asked = ask("PSCO", Product.HISTORY, SignalKind.MARGINAL)
    with pytest.raises(MalformedPayload, match="'percentile', expected 'lbs_co2_per_mwh'"):
        WattTime("u", "p").parse(asked, (reply(wt_reply()), reply(wt_reply(units="percentile"))))


# -- B70 ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2026-01-01T24:00:00Z", "2026-01-02T00:00Z"),
        ("2026-01-01T24:00Z", "2026-01-02T00:00Z"),
        ("2026-01-01T00:00:00.000Z", "2026-01-01T00:00Z"),
        ("2026-01-01T05:30+05:30", "2026-01-01T00:00Z"),
        ("2025-12-31T18:00-0600", "2026-01-01T00:00Z"),
        ("2026-01-01 00:00Z", "2026-01-01T00:00Z"),
    ],
)
def test_b70_times_with_an_offset_become_utc(text: str, instant: str) -> None:
    """24:00 is the midnight that ends the day."""
    series = uk(slot(1, text, instant.replace(":00Z", ":30Z")))

    assert rows(series)[0][0] == instant


@pytest.mark.parametrize(
    "text",
    [
        "2026-01-01T00:00",
        "2026-01-01T23:59:60Z",
        "2026-01-01T24:01Z",
        "2026-01-01T25:00Z",
        "2026-02-30T00:00Z",
        "01/01/2026 00:00",
        "1767225600",
        1767225600,
        1767225600000,
        None,
        "",
        "now",
        "2026-01-01:00Z",
        "20260101T0000Z",
        "2026-W01-4T00:00Z",
        "1900-01-01T00:00Z",
        "9999-12-31T00:00Z",
        "0001-01-01T00:00Z",
        "2026-01-01T00:00+99:00",
        "\u0662\u0660\u0662\u0666-01-01T00:00Z",
    ],
    ids=repr,
)
def test_b70_other_times_are_refused(text: Any) -> None:
    """Naive, leap second, epoch, local, far away: nothing is guessed."""
    with pytest.raises(
        MalformedPayload,
        match=r"^uk: none of 1 points can be used: data\[0\]\.intensity has no time that can be read \(time\)$",
    ):
        uk(slot(1, text))


@pytest.mark.parametrize("label", [T * 1000, float(T), str(T), True, -1, 0, 10**30, None], ids=repr)
def test_b70_epoch_labels_are_whole_seconds(label: Any) -> None:
    """Milliseconds would lie in the year 57972."""
    with pytest.raises(MalformedPayload, match=r"^energy-charts: none of 1 points .*\(time\)$"):
        ec((label, 100))


# -- B71 ---------------------------------------------------------------------------------------------------------------


def test_b71_points_are_sorted_and_equal_duplicates_are_one() -> None:
    """Reversed, unsorted, twice: one series."""
    expected = ec((T, 1), (T + 900, 2), (T + 1800, 3))

    assert ec((T + 1800, 3), (T, 1), (T + 900, 2), (T, 1)) == expected


def test_b71_duplicates_that_contradict_each_other_are_a_gap(caplog: pytest.LogCaptureFixture) -> None:
    """Neither is believed, so neither can make the hour look clean."""
    series = ec((T, 1), (T, 500), (T + 900, 2))

    assert [row[2] for row in rows(series)] == [2.0]
    assert "contradiction=1" in caplog.text


def test_b71_an_overlap_is_cut_at_the_next_step(caplog: pytest.LogCaptureFixture) -> None:
    """An hour that reaches into a half hour ends where that begins; nothing is counted twice."""
    series = uk(slot(1, end="2026-01-01T01:00Z"), slot(2, "2026-01-01T00:30Z", "2026-01-01T01:00Z"))

    assert [row[:3] for row in rows(series)] == [
        ("2026-01-01T00:00Z", "2026-01-01T00:30Z", 1.0),
        ("2026-01-01T00:30Z", "2026-01-01T01:00Z", 2.0),
    ]
    assert "overlap=1" in caplog.text


def test_b71_a_reversed_step_is_refused() -> None:
    """It ends before it starts."""
    with pytest.raises(MalformedPayload, match=r"\(reversed\)$"):
        uk(slot(1, "2026-01-01T01:00Z", "2026-01-01T00:30Z"))


def test_b71_a_step_longer_than_a_day_is_refused() -> None:
    """One slot that ends in another century would be known for ever."""
    with pytest.raises(MalformedPayload, match=r"\(length\)$"):
        uk(slot(1, end="2099-01-01T00:00Z"))

    assert len(uk(slot(1, end="2026-01-02T00:00Z"))) == 1


def test_b71_a_gap_stays_a_gap() -> None:
    """Reading inside it raises with both bounds."""
    series = ec((T, 1), (T + 900, 2), (T + 3600, 3))
    hole = Interval.parse("2026-01-01T00:30Z/2026-01-01T01:00Z")

    assert series.gaps == (hole,)
    with pytest.raises(
        HorizonTooShort, match="outside the known part 2026-01-01T00:00:00Z/2026-01-01T01:15:00Z with gaps"
    ):
        series.value_at(hole.start)


@pytest.mark.parametrize("points", [[], [(T, 5)]], ids=["none", "one"])
def test_b71_zero_points_are_no_data_and_one_is_one(points: list[tuple[int, int]]) -> None:
    """A single point holds for a quarter hour, not for ever."""
    series = ec(*points)

    assert [row[1:3] for row in rows(series)] == [("2026-01-01T00:15Z", 5.0)] * len(points)


@pytest.mark.slow
def test_b71_a_million_points_are_read() -> None:
    """Nine years of five minutes, newest first."""
    count = 1_000_000
    tree = {"unix_seconds": [T - 300 * k for k in range(count)], "co2eq": [k % 700 for k in range(count)]}
    series = EC.parse(ask("de"), (reply(tree),))

    assert series.size == count
    assert series.gaps == ()


# -- B72 ---------------------------------------------------------------------------------------------------------------


def test_b72_a_forecast_covers_what_it_covers() -> None:
    """Beyond its last step, and before its first, nothing is known."""
    series = uk(slot(1, "2026-01-01T06:00Z", "2026-01-01T06:30Z"))

    assert not series.covers(Interval.parse("2026-01-01T06:00Z/2026-01-01T07:00Z"))
    assert not series.covers(Interval.parse("2026-01-01T00:00Z/2026-01-01T00:30Z"))
    with pytest.raises(
        HorizonTooShort, match="is outside the known part 2026-01-01T06:00:00Z/2026-01-01T06:30:00Z of uk/GB"
    ):
        series.mean(Interval.parse("2026-01-01T06:00Z/2026-01-01T07:00Z"))


def test_b72_a_horizon_of_zero_is_no_data() -> None:
    """An empty forecast is not a clean one."""
    empty = {"zone": "DE", "forecast": [], "updatedAt": "2026-01-01T00:00:00Z", "temporalGranularity": "hourly"}

    assert not EM.parse(ask("DE"), (reply(empty),))


def test_b72_a_horizon_that_shrinks_shrinks_the_series() -> None:
    """Each reply stands for itself; nothing is kept from the one before."""
    longer = {"zone": "DE", "updatedAt": "2026-01-01T00:00:00Z", "temporalGranularity": "hourly"}
    points = [{"datetime": f"2026-01-01T{k:02}:00:00Z", "carbonIntensity": 100} for k in range(6)]
    ends = [EM.parse(ask("DE"), (reply({**longer, "forecast": points[:size]}),)).end.hour for size in (6, 3, 1)]

    assert ends == [6, 3, 1]


# -- B73 ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("order", [1, -1], ids=["newest last", "newest first"])
def test_b73_the_newest_version_of_an_hour_wins_in_any_order(order: int) -> None:
    """Estimated and measured may come back and forth; the version decides, not the place."""
    versions = [
        {"datetime": "2026-01-01T00:00:00Z", "carbonIntensity": value, "isEstimated": estimated, "updatedAt": updated}
        for value, estimated, updated in (
            (300, True, "2026-01-01T00:10:00Z"),
            (280, False, "2026-01-01T06:00:00Z"),
            (290, True, "2026-01-01T03:00:00Z"),
        )
    ][::order]
    series = EM.parse(ask("DE", Product.HISTORY), (reply({"zone": "DE", "history": versions}),))

    assert rows(series) == [("2026-01-01T00:00Z", "2026-01-01T01:00Z", 280.0, "measured")]


def test_b73_without_versions_the_better_quality_wins() -> None:
    """A measured value replaces the forecast of the same slot."""
    actual = {**slot(1), "intensity": {"forecast": 200, "actual": 180}}

    assert rows(uk(slot(200), actual))[0][2:] == (180.0, "measured")


# -- B74 ---------------------------------------------------------------------------------------------------------------


def test_b74_another_zone_than_asked_for_is_refused() -> None:
    """With both names."""
    answer = {"zone": "FR", "carbonIntensity": 20, "datetime": "2026-01-01T00:00:00Z"}
    with pytest.raises(MalformedPayload, match="^electricitymaps: zone is 'FR', asked for DE$"):
        EM.parse(ask("DE", Product.CURRENT), (reply(answer),))


def test_b74_more_zones_than_asked_for_are_refused() -> None:
    """All regions came, one was asked for."""
    regions = [{"regionid": k, "data": [slot(100 + k)]} for k in range(1, 15)]
    with pytest.raises(MalformedPayload, match="^uk: data has 14 regions, one was asked for$"):
        UK.parse(ask("13"), (reply({"data": regions}),))


# -- B75 ---------------------------------------------------------------------------------------------------------------


def test_b75_a_value_frozen_for_a_day_is_suspect() -> None:
    """It parses, and the cross-check says so."""
    series = ec(*[(T + 900 * k, 250) for k in range(4 * 25)])

    assert [str(finding.check) for finding in crosscheck.examine(series, None).findings] == ["frozen"]


def test_b75_a_sudden_tenfold_is_suspect() -> None:
    """Under the band, and still a leap no grid makes."""
    known = ec(*[(T + 900 * k, 100 + k % 8) for k in range(-4 * 48, 0)])
    leap = ec(*[(T + 900 * k, 1000 if k < 2 else 104) for k in range(8)])
    verdict = crosscheck.examine(leap, known)

    assert [(str(finding.check), finding.points) for finding in verdict.findings] == [("step", 2)]
    assert verdict.series.size == 6


# -- B76 ---------------------------------------------------------------------------------------------------------------


def test_b76_a_relative_signal_in_grams_is_an_error_when_it_is_set_up() -> None:
    """A percentile compared with a threshold in g/kWh would always be green."""
    with pytest.raises(UnitMismatch, match="^prometheus: a relative signal is in percent, not 'gCO2eq/kWh'$"):
        Prometheus(query="grid_intensity_carbon_relative", unit="gCO2eq/kWh", kind="relative")
    with pytest.raises(UnitMismatch, match="^a relative signal is in percent, not 'gCO2eq/kWh'$"):
        Signal(SignalKind.RELATIVE, provider="x", zone="y", unit="gCO2eq/kWh")


def test_b76_a_relative_signal_is_never_compared_with_grams() -> None:
    """Nor is a provider of one asked for the other."""
    share = EC.parse(
        ask("de", kind=SignalKind.RELATIVE), (reply({"unix_seconds": [T], "share": [61.2], "signal": [2]}),)
    )
    with pytest.raises(KindMismatch, match="cannot compare .*relative.* with .*average"):
        require_comparable(share.signal, ec((T, 100)).signal)
    with pytest.raises(KindMismatch, match="^uk gives average, not relative$"):
        UK.build_requests(ask("GB", kind=SignalKind.RELATIVE))


# -- B77 ---------------------------------------------------------------------------------------------------------------


def test_b77_fields_nobody_knows_are_no_obstacle() -> None:
    """APIs grow."""
    grown = {**slot(100), "confidence": {"low": 1}, "intensity": {"forecast": 100, "band": [90, 110], "index": "low"}}

    assert rows(UK.parse(ask("GB"), (reply({"data": [grown], "version": 9}),)))[0][2] == 100.0


@pytest.mark.parametrize(
    ("slots", "message"),
    [
        (
            [{"from": "2026-01-01T00:00Z", "to": "2026-01-01T00:30Z", "carbon": {"forecast": 1}}],
            r"data\[0\]\.intensity is missing, here and in all 1 points",
        ),
        (
            [{**slot(1), "intensity": {"predicted": 1}}] * 2,
            r"data\[0\]\.intensity is missing, here and in all 2 points",
        ),
        (
            [{"start": "2026-01-01T00:00Z", "intensity": {"forecast": 1}}],
            r"none of 1 points can be used: data\[0\]\.intensity has no time that can be read \(time\)",
        ),
    ],
    ids=["intensity", "forecast", "from"],
)
def test_b77_a_renamed_field_names_itself(slots: list[dict[str, Any]], message: str) -> None:
    """With the path, so that the change is found in a minute; it is no data gap."""
    with pytest.raises(MalformedPayload, match=f"^uk: {message}") as caught:
        uk(*slots)

    assert "has changed" in str(caught.value.hint)


def test_b77_a_list_that_became_an_object_names_itself() -> None:
    """And the other way round."""
    with pytest.raises(MalformedPayload, match="^uk: data is an object, expected a list$"):
        UK.parse(ask("GB"), (reply({"data": slot(1)}),))
    with pytest.raises(MalformedPayload, match="^uk: reply is a list, expected an object$"):
        UK.parse(ask("GB"), (reply([slot(1)]),))


# -- garbage (F07) -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "error", "message"),
    [
        (b"<!DOCTYPE html><html>Log in</html>", ProviderUnavailable, r"reply is an HTML page \(status 200\), not data"),
        (b"null", ProviderUnavailable, r"reply is null \(status 200\)"),
        (b'{"data": [{"from": "2026', MalformedPayload, "reply is not JSON at character 19"),
        (b"[" * 100_000, MalformedPayload, "reply is nested too deeply"),
        (b'{"data": 1, "data": 2}', MalformedPayload, "reply repeats the key 'data' in one object"),
        (b"\xff\xfe{\x00}\x00", MalformedPayload, "reply is not UTF-8 at byte 0"),
        (b"Service busy", MalformedPayload, "reply is not JSON at character 0"),
    ],
    ids=["login page", "null", "cut off", "nested", "repeated key", "utf-16", "text"],
)
def test_garbage_is_named(body: bytes, error: type[Exception], message: str) -> None:
    """A typed error that never repeats the body."""
    with pytest.raises(error, match=f"^uk: {message}$"):
        UK.parse(ask("GB"), (reply(body),))


# -- times (F12) -------------------------------------------------------------------------------------------------------


def test_a_measured_value_from_the_day_after_tomorrow_is_refused() -> None:
    """A clock or a date format is wrong there; a forecast may lie ahead."""
    actual = {**slot(1, "2026-01-03T00:00Z", "2026-01-03T00:30Z"), "intensity": {"forecast": 1, "actual": 1}}
    with pytest.raises(MalformedPayload, match=r"\(future\)$"):
        uk(actual)

    assert len(uk(slot(1, "2026-01-03T00:00Z", "2026-01-03T00:30Z"))) == 1


@pytest.mark.parametrize(
    ("day", "slots"), [("2026-03-29", 46), ("2026-10-25", 50), ("2026-06-01", 48)], ids=["23 h", "25 h", "24 h"]
)
def test_local_days_have_46_48_or_50_slots(day: str, slots: int) -> None:
    """A London day in UTC has no gap and no overlap."""
    from datetime import datetime
    from zoneinfo import ZoneInfo

    london = ZoneInfo("Europe/London")
    first = datetime.fromisoformat(day).replace(tzinfo=london)
    span = Interval(first, (first + timedelta(days=1)).replace(tzinfo=london))
    half = timedelta(minutes=30)
    starts = [span.start + half * k for k in range(span.length // half)]
    series = uk(*[slot(100, f"{t:%Y-%m-%dT%H:%MZ}", f"{t + half:%Y-%m-%dT%H:%MZ}") for t in starts])

    assert (len(series), series.gaps, series.covers(span)) == (slots, (), True)


def test_a_step_that_becomes_coarser_is_not_stretched() -> None:
    """From quarters to hours in one reply: the hours keep a quarter, the rest is unknown."""
    series = ec((T, 1), (T + 900, 2), (T + 4500, 3), (T + 8100, 4))

    assert {(end - start) for start, end, _, _ in series} == {timedelta(minutes=15)}


def test_labels_of_the_answer_say_where_it_is_from() -> None:
    """Provider, zone, scope, perimeter, fetch time, credit."""
    signal = uk(slot(1)).signal

    assert (signal.provider, signal.zone, signal.scope) == ("uk", "GB", Scope.DIRECT)
    assert signal.fetched_at == FETCHED
    assert signal.attribution == "Data: NESO Carbon Intensity API, CC BY 4.0"

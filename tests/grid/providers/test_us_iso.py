"""The public files of CAISO, ERCOT, NYISO, MISO and ISO New England."""

from __future__ import annotations

import json
from typing import Any, ClassVar

import pytest

from gridtide.domain.errors import MalformedPayload, ProviderUnavailable
from gridtide.domain.zone import Zone
from gridtide.grid.provider import Product, Provider
from gridtide.grid.providers.caiso import Caiso
from gridtide.grid.providers.ercot import Ercot
from gridtide.grid.providers.isone import IsoNe
from gridtide.grid.providers.miso import Miso
from gridtide.grid.providers.nyiso import Nyiso
from provider_contract import ProviderContract, ask, reply, rows
from support import shared_dir

CO2 = (
    "Time,Biogas CO2,Biomass CO2,Natural Gas CO2,Coal CO2,Imports CO2,Geothermal CO2\n"
    "00:00,82,112,5047,0,1901,7\n00:05, 82,112,5040,0,-1895,7\n00:10,,,,,,\n"
)
SUPPLY = (
    "Time,Solar,Wind,Geothermal,Biomass,Biogas,Small hydro,Coal,Nuclear,Natural Gas,Large Hydro,Batteries,Imports,Other\n"
    "00:00,-40,2100,700,280,180,190,0,2260,6900,1300,-500,6200,0\n"
    "00:05,-40,2110,700,281,180,190,0,2260,6880,1290,-480,-6190,0\n"
    "00:10,1,1,1,1,1,1,1,1,1,1,1,1,1\n"
)
PACIFIC_NOW = "2026-01-01T08:12Z"  # 00:12 in California
ERCOT_MIX = {
    "Coal and Lignite": {"gen": 4000.0},
    "Natural Gas": {"gen": 14000.0},
    "Power Storage": {"gen": -120.4},
    "Wind": {"gen": 18000.0},
}
ERCOT = {"data": {"2026-01-01": {"2026-01-01 00:04:56-0600": ERCOT_MIX}}}
NYISO = (
    "Time Stamp,Time Zone,Fuel Category,Gen MW\n"
    "01/01/2026 00:05:00,EST,Dual Fuel,2450\n01/01/2026 00:05:00,EST,Natural Gas,3100\n"
    "01/01/2026 00:05:00,EST,Hydro,2700\n"
)
ISONE = (
    '"C","Generation by fuel type"\n"H","Date","Time","Fuel Category","Gen Mw"\n"H","Date","Time","String","Number"\n'
    '"D","01/01/2026","00:02:24","Natural Gas","5000"\n"D","01/01/2026","00:02:24","Nuclear","3000"\n'
    '"D","01/01/2026","00:09:10","Natural Gas","4000"\n"D","01/01/2026","00:09:10","Nuclear","3000"\n"T","4"\n'
)


def miso(*outputs: tuple[str, Any], label: str = "2026-01-01 12:05:00 AM", total: str = "1000") -> dict[str, Any]:
    """Reply with one interval."""
    entries = [{"INTERVALEST": label, "CATEGORY": fuel, "ACT": value} for fuel, value in outputs]
    return {"RefId": "x", "TotalMW": total, "Fuel": {"Type": entries}}


MISO = miso(("Coal", "400"), ("Wind", "600"), ("Battery Storage", "-20"))


class TestCaisoContract(ProviderContract):
    asks: ClassVar = {
        "now": ask("CAISO", Product.CURRENT, now=PACIFIC_NOW),
        "history": ask("CAISO", Product.HISTORY, now="2026-01-09T08:00Z", start="2026-01-01T08:00Z"),
    }
    good: ClassVar = {"today": (ask("CAISO", Product.CURRENT, now=PACIFIC_NOW), (CO2.encode(), SUPPLY.encode()))}

    def provider(self) -> Provider:
        return Caiso()


class TestErcotContract(ProviderContract):
    asks: ClassVar = {"now": ask("ERCOT", Product.CURRENT)}
    good: ClassVar = {"mix": (ask("ERCOT", Product.CURRENT, now="2026-01-01T06:06Z"), (json.dumps(ERCOT).encode(),))}

    def provider(self) -> Provider:
        return Ercot()


class TestNyisoContract(ProviderContract):
    asks: ClassVar = {
        "now": ask("NYISO", Product.CURRENT),
        "history": ask("NYISO", Product.HISTORY, start="2025-12-30T00:00Z"),
    }
    good: ClassVar = {"mix": (ask("NYISO", Product.CURRENT, now="2026-01-01T05:30Z"), (NYISO.encode(),))}

    def provider(self) -> Provider:
        return Nyiso()


class TestMisoContract(ProviderContract):
    asks: ClassVar = {"now": ask("MISO", Product.CURRENT), "history": ask("MISO", Product.HISTORY)}
    good: ClassVar = {"mix": (ask("MISO", Product.CURRENT, now="2026-01-01T05:06Z"), (json.dumps(MISO).encode(),))}

    def provider(self) -> Provider:
        return Miso()


class TestIsoNeContract(ProviderContract):
    asks: ClassVar = {
        "now": ask("ISONE", Product.CURRENT),
        "history": ask("ISONE", Product.HISTORY, start="2025-12-30T00:00Z"),
    }
    good: ClassVar = {"mix": (ask("ISONE", Product.CURRENT, now="2026-01-01T05:30Z"), (ISONE.encode(),))}

    def provider(self) -> Provider:
        return IsoNe()


@pytest.mark.parametrize(
    ("provider", "zone", "key"),
    [
        (Caiso(), "US-CAL-CISO", "CAISO"),
        (Ercot(), "US-TEX-ERCO", "ERCOT"),
        (Nyiso(), "US-NY-NYIS", "NYISO"),
        (Miso(), "US-MIDW-MISO", "MISO"),
        (IsoNe(), "US-NE-ISNE", "ISONE"),
    ],
    ids=["caiso", "ercot", "nyiso", "miso", "isone"],
)
def test_each_operator_covers_its_own_area_only(provider: Provider, zone: str, key: str) -> None:
    """By key or by alias; another operator's alias is not its own."""
    assert provider.key_for(Zone(zone)) == key
    assert provider.key_for(Zone("X", aliases=(("us-iso", key),))) == key
    assert provider.key_for(Zone(zone, aliases=(("us-iso", "SPP"),))) is None
    assert provider.key_for(Zone("DE")) is None


# -- CAISO -------------------------------------------------------------------------------------------------------------


def caiso(co2: str = CO2, supply: str = SUPPLY, now: str = PACIFIC_NOW) -> list[tuple[str, str, float, str]]:
    return rows(Caiso().parse(ask("CAISO", Product.CURRENT, now=now), (reply(co2), reply(supply))))


def test_caiso_is_tonnes_over_demand_served() -> None:
    """7149 t/h over 19570 MW, then imports turn to exports; a blank row is a gap; the clock is Pacific."""
    first, second = caiso()

    assert first == ("2026-01-01T08:00Z", "2026-01-01T08:05Z", pytest.approx(1000 * 7149 / 19570), "measured")
    assert second[2] == pytest.approx(1000 * (82 + 112 + 5040 - 1895 + 7) / (19561 - 2 * 6190))


def test_caiso_shows_yesterday_for_a_moment_after_midnight() -> None:
    """A last row at 23:55 cannot be today's at 00:03."""
    late = CO2.replace("00:00", "23:50").replace("00:05", "23:55")
    supply = SUPPLY.replace("\n00:00", "\n23:50").replace("\n00:05", "\n23:55")

    assert caiso(late, supply, now="2026-01-02T08:03Z")[0][0] == "2026-01-02T07:50Z"


def test_caiso_history_is_two_files_for_each_pacific_day() -> None:
    """The date in the name is local; today comes from the current files."""
    asked = ask("CAISO", Product.HISTORY, now="2026-01-03T20:00Z", start="2026-01-02T02:00Z", hours=31)
    paths = [request.path for request in Caiso().build_requests(asked)]

    assert paths == [
        "/outlook/history/20260101/co2.csv",
        "/outlook/history/20260101/fuelsource.csv",
        "/outlook/history/20260102/co2.csv",
        "/outlook/history/20260102/fuelsource.csv",
        "/outlook/current/co2.csv",
        "/outlook/current/fuelsource.csv",
    ]


@pytest.mark.parametrize(
    ("day", "labels", "instants"),
    [
        (
            "2026-11-01",
            ["00:55", "01:00", "01:55", "01:00", "01:55", "02:00"],
            ["07:55", "08:00", "08:55", "09:00", "09:55", "10:00"],
        ),
        ("2026-03-08", ["01:55", "02:30", "03:00"], ["09:55", "10:00"]),
    ],
    ids=["25 hours", "23 hours"],
)
def test_caiso_clock_change_days_have_25_and_23_hours(day: str, labels: list[str], instants: list[str]) -> None:
    """The hour that comes twice is told apart by order; a time that never was is dropped."""
    co2 = CO2.splitlines()[0] + "".join(f"\n{label},1,1,1,1,1,1" for label in labels)
    supply = SUPPLY.splitlines()[0] + "".join(f"\n{label}" + ",10" * 13 for label in labels)
    asked = ask("CAISO", Product.HISTORY, now="2026-12-01T00:00Z", start=f"{day}T12:00Z", hours=1)
    series = Caiso().parse(asked, (reply(co2), reply(supply)))

    assert [row[0][11:16] for row in rows(series)] == instants


@pytest.mark.parametrize(
    ("co2", "supply", "message"),
    [
        (
            CO2.replace("Imports CO2", "Import CO2"),
            SUPPLY,
            "column 'imports co2' is missing; there are: time, biogas co2",
        ),
        (CO2, SUPPLY.replace("Natural Gas", "Gas"), "column 'natural gas' is missing"),
        (CO2.replace("5047", "many").replace("5040", "many"), SUPPLY, r"co2.csv row 0 is 'many' \(type\)"),
    ],
    ids=["emissions", "supply", "text"],
)
def test_caiso_with_another_shape_is_refused(co2: str, supply: str, message: str) -> None:
    """With the column."""
    with pytest.raises(MalformedPayload, match=message):
        caiso(co2, supply)


def test_caiso_without_its_second_file_is_refused() -> None:
    """Tonnes alone say nothing."""
    with pytest.raises(MalformedPayload, match="1 files came, expected pairs"):
        Caiso().parse(ask("CAISO", Product.CURRENT), (reply(CO2),))


def test_caiso_with_no_demand_is_a_gap() -> None:
    """Nothing is divided by zero."""
    zero = SUPPLY.splitlines()[0] + "\n00:00" + ",0" * 13
    assert caiso(CO2, zero) == []


# -- ERCOT -------------------------------------------------------------------------------------------------------------


def test_ercot_is_computed_from_its_mix_without_storage() -> None:
    """Labels are rounded to five minutes; charging storage is left out."""
    series = Ercot().parse(ask("ERCOT", Product.CURRENT, now="2026-01-01T06:06Z"), (reply(ERCOT),))

    assert rows(series) == [
        (
            "2026-01-01T06:05Z",
            "2026-01-01T06:10Z",
            pytest.approx((4000 * 820 + 14000 * 490 + 18000 * 11) / 36000),
            "measured",
        )
    ]
    assert series.signal.method == "mix x ipcc2014"
    assert (series.signal.scope, series.signal.perimeter) == ("lifecycle", "production")


def test_ercot_fuels_split_over_two_labels_are_one_interval() -> None:
    """Seconds apart they are the same five minutes."""
    halves = {
        "2026-01-01 00:04:51-0600": {"Coal and Lignite": {"gen": 4000.0}},
        "2026-01-01 00:04:56-0600": {"Wind": {"gen": 4000.0}},
    }
    series = Ercot().parse(ask("ERCOT", Product.CURRENT, now="2026-01-01T06:06Z"), (reply({"data": {"d": halves}}),))

    assert [row[2] for row in rows(series)] == [pytest.approx((820 + 11) / 2)]


@pytest.mark.parametrize(
    ("tree", "message"),
    [
        ({"data": []}, r"data is list of 0, expected an object of days"),
        ({"data": {"d": [1]}}, r"data\.'d' is list of 1, expected an object"),
        ({"data": {"d": {"2026-01-01 00:04:56-0600": 5}}}, r"is 5, expected an object of fuels"),
        ({"data": {"d": {"2026-01-01 00:04:56-0600": {"Wind": {"hsl": 5}}}}}, r"data\.d\.Wind\.gen is missing"),
        ({"data": {"d": {"2026-01-01 00:04:56": ERCOT_MIX}}}, r"none of 1 points .* '2026-01-01 00:04:56' \(time\)"),
    ],
    ids=["list", "day", "fuels", "renamed", "naive"],
)
def test_ercot_with_another_shape_is_refused(tree: dict[str, Any], message: str) -> None:
    """With the path."""
    with pytest.raises(MalformedPayload, match=message):
        Ercot().parse(ask("ERCOT", Product.CURRENT), (reply(tree),))


def test_ercot_may_be_computed_with_direct_factors() -> None:
    """Coal 760, gas 370, wind 0."""
    series = Ercot(factors="ipcc2014-direct").parse(
        ask("ERCOT", Product.CURRENT, now="2026-01-01T06:06Z"), (reply(ERCOT),)
    )

    assert rows(series)[0][2] == pytest.approx((4000 * 760 + 14000 * 370) / 36000)
    assert series.signal.scope == "direct"


# -- NYISO -------------------------------------------------------------------------------------------------------------


def nyiso(body: str) -> list[tuple[str, str, float, str]]:
    return rows(Nyiso().parse(ask("NYISO", Product.CURRENT, now="2026-12-01T05:30Z"), (reply(body),)))


def test_nyiso_counts_dual_fuel_as_gas() -> None:
    """Eastern time from a column of its own."""
    assert nyiso(NYISO) == [
        ("2026-01-01T05:05Z", "2026-01-01T05:10Z", pytest.approx((5550 * 490 + 2700 * 24) / 8250), "measured")
    ]


def test_nyiso_tells_the_repeated_hour_by_its_zone_column() -> None:
    """01:30 EDT and 01:30 EST are an hour apart."""
    head = NYISO.splitlines()[0]
    body = f"{head}\n11/01/2026 01:30:00,EDT,Hydro,5\n11/01/2026 01:30:00,EST,Hydro,5\n"

    assert [row[0][11:16] for row in nyiso(body)] == ["05:30", "06:30"]


@pytest.mark.parametrize(
    ("now", "day"),
    [("2026-01-02T05:10Z", "20260101"), ("2026-01-02T05:20Z", "20260102"), ("2026-01-02T04:59Z", "20260101")],
    ids=["just after midnight", "later", "before midnight"],
)
def test_nyiso_file_names_are_eastern_days(now: str, day: str) -> None:
    """The first row of a day comes five minutes late."""
    (request,) = Nyiso().build_requests(ask("NYISO", Product.CURRENT, now=now))

    assert request.path == f"/public/csv/rtfuelmix/{day}rtfuelmix.csv"


def test_nyiso_history_includes_the_file_that_holds_its_first_midnight() -> None:
    """The row of midnight stands at the end of the day before."""
    asked = ask("NYISO", Product.HISTORY, now="2026-01-05T00:00Z", start="2026-01-02T05:00Z", hours=24)
    paths = [request.path[22:30] for request in Nyiso().build_requests(asked)]

    assert paths == ["20260101", "20260102"]


def test_nyiso_rows_with_an_unknown_zone_are_refused() -> None:
    """Nobody guesses an offset."""
    with pytest.raises(MalformedPayload, match=r"row 0 is '01/01/2026 00:05:00 CET' \(time\)"):
        nyiso(NYISO.replace("EST", "CET"))


# -- MISO --------------------------------------------------------------------------------------------------------------


def read_miso(tree: dict[str, Any]) -> list[tuple[str, str, float, str]]:
    return rows(Miso().parse(ask("MISO", Product.CURRENT, now="2026-07-01T05:06Z"), (reply(tree),)))


def test_miso_is_eastern_standard_time_all_year() -> None:
    """Noon and midnight in twelve-hour clock, and no summer time in July."""
    assert read_miso(MISO) == [
        ("2026-01-01T05:05Z", "2026-01-01T05:10Z", pytest.approx(0.4 * 820 + 0.6 * 11), "measured")
    ]
    assert read_miso(miso(("Coal", "5"), label="2026-07-01 12:00:00 PM", total="5"))[0][0] == "2026-07-01T17:00Z"


def test_miso_with_a_fuel_missing_from_its_total_is_unavailable() -> None:
    """One interval shows its own gap only by its sum."""
    with pytest.raises(ProviderUnavailable, match="Fuel.Type adds up to 600 MW of TotalMW 1000: the mix is incomplete"):
        read_miso(miso(("Wind", "600")))


def test_miso_with_a_null_for_a_fuel_that_emits_is_no_data() -> None:
    """Without coal it would look clean."""
    assert read_miso(miso(("Wind", "600"), ("Coal", None), total="600")) == []


def test_miso_of_the_retired_address_is_unavailable() -> None:
    """It answers 200 with an error."""
    with pytest.raises(ProviderUnavailable, match=r"reply is an error \(status 200\): 'no data'"):
        read_miso({"error": "no data"})


def test_miso_history_is_today_and_yesterday() -> None:
    """There is nothing older."""
    both = Miso().build_requests(ask("MISO", Product.HISTORY, now="2026-01-02T12:00Z", start="2026-01-01T12:00Z"))
    today = Miso().build_requests(ask("MISO", Product.HISTORY, now="2026-01-02T12:00Z", start="2026-01-02T06:00Z"))

    assert [request.path for request in both] == ["/api/FuelMix/Yesterday", "/api/FuelMix/Today"]
    assert [request.path for request in today] == ["/api/FuelMix/Today"]


# -- ISO New England ---------------------------------------------------------------------------------------------------


def isone(body: str) -> list[tuple[str, str, float, str]]:
    return rows(IsoNe().parse(ask("ISONE", Product.CURRENT, now="2026-12-01T05:30Z"), (reply(body),)))


def test_isone_values_hold_until_the_next_report() -> None:
    """Reports are unevenly spaced; the last one holds for five minutes."""
    series = IsoNe().parse(ask("ISONE", Product.CURRENT, now="2026-01-01T05:30Z"), (reply(ISONE),))

    assert [(str(start)[11:19], str(end)[11:19], value) for start, end, value, _ in series] == [
        ("05:02:24", "05:09:10", pytest.approx((5000 * 490 + 3000 * 12) / 8000)),
        ("05:09:10", "05:14:10", pytest.approx((4000 * 490 + 3000 * 12) / 7000)),
    ]


def test_isone_silence_longer_than_a_quarter_is_a_gap() -> None:
    """A value is not stretched over it."""
    series = isone(ISONE.replace("00:09:10", "02:00:00"))

    assert series[0][1] == "2026-01-01T05:17Z"


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ('"C","nothing"\n', r"there is no header line \(H\)"),
        ('"X","what"\n', "line starts with 'X', expected C, H, D or T"),
        (ISONE.replace("Gen Mw", "MW"), "column 'Gen Mw' is missing"),
        (ISONE.replace("01/01/2026", "1.1.2026"), r"row 0 is '1.1.2026 00:02:24' \(time\)"),
    ],
    ids=["no header", "letter", "renamed", "date"],
)
def test_isone_with_another_shape_is_refused(body: str, message: str) -> None:
    """With what was expected."""
    with pytest.raises(MalformedPayload, match=message):
        isone(body)


def test_isone_guarding_its_site_is_an_outage_not_a_credential() -> None:
    """403 comes without any key being involved."""
    error = IsoNe().explain(ask("ISONE", Product.CURRENT), reply("", status=403))

    assert isinstance(error, ProviderUnavailable)
    assert "eia" in str(error.hint)
    assert IsoNe().explain(ask("ISONE", Product.CURRENT), reply("", status=500)) is None


# -- recorded shapes ---------------------------------------------------------------------------------------------------


@pytest.mark.shared
def test_the_recorded_files_give_what_was_worked_out_by_hand() -> None:
    """Sums of the sample files, fuel by fuel."""
    folder = shared_dir("data", "samples")

    def body(name: str) -> bytes:
        return (folder / name).read_bytes()

    assert caiso(body("caiso_co2.csv").decode(), body("caiso_fuelsource.csv").decode()) == [
        ("2026-01-01T08:00Z", "2026-01-01T08:05Z", pytest.approx(1000 * 7149 / 19570), "measured"),
        ("2026-01-01T08:05Z", "2026-01-01T08:10Z", pytest.approx(1000 * 7136 / 19561), "measured"),
    ]
    ercot = Ercot().parse(ask("ERCOT", Product.CURRENT, now="2026-01-01T06:06Z"), (reply(body("ercot_fuel_mix.json")),))
    assert rows(ercot)[0][:3] == (
        "2026-01-01T06:05Z",
        "2026-01-01T06:10Z",
        pytest.approx(10811291.6 / 41666.8, rel=1e-6),
    )
    assert nyiso(body("nyiso_rtfuelmix.csv").decode()) == [
        ("2026-01-01T05:05Z", "2026-01-01T05:10Z", pytest.approx(2902400 / 12730), "measured")
    ]
    assert read_miso(json.loads(body("miso_fuel_mix.json"))) == [
        ("2026-01-01T05:05Z", "2026-01-01T05:10Z", pytest.approx(28451000 / 69220), "measured")
    ]

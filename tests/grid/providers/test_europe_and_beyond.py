"""Energi Data Service, ODRE, OpenElectricity and PJM."""

from __future__ import annotations

import json
from typing import Any, ClassVar

import pytest

from gridtide.domain.errors import MalformedPayload, Unauthorized, ZoneNotCovered
from gridtide.domain.signal import SignalKind
from gridtide.domain.zone import Zone
from gridtide.grid.provider import Ask, Product, Provider
from gridtide.grid.providers.energidataservice import EnergiDataService
from gridtide.grid.providers.odre import Odre
from gridtide.grid.providers.openelectricity import OpenElectricity
from gridtide.grid.providers.pjm import Pjm
from provider_contract import CANARY, SampledContract, ask, reply, rows
from support import shared_dir

EDS, ODRE, OE, PJM = EnergiDataService(), Odre(), OpenElectricity(CANARY), Pjm(CANARY)
MARGINAL = SignalKind.MARGINAL


def danish(*records: tuple[str, str, Any], dataset: str = "CO2EmisProg") -> dict[str, Any]:
    keys = ("Minutes5UTC", "PriceArea", "CO2Emission")
    return {
        "total": len(records),
        "dataset": dataset,
        "records": [dict(zip(keys, row, strict=True)) for row in records],
    }


DANISH = danish(
    ("2026-01-01T00:00:00", "DK1", 61.0), ("2026-01-01T00:05:00", "DK1", 0), ("2026-01-01T00:00:00", "DK2", 44)
)
FRENCH = {
    "total_count": 3,
    "results": [
        {
            "perimetre": "France",
            "nature": "Données temps réel",
            "date_heure": "2026-01-01T09:15:00+00:00",
            "taux_co2": 24,
        },
        {"date_heure": "2026-01-01T09:30:00+00:00", "taux_co2": None},
        {"nature": "Données définitives", "date_heure": "2026-01-01T09:00:00+00:00", "taux_co2": 0},
    ],
}


def market(emissions: list[Any], energy: list[Any], **block: Any) -> dict[str, Any]:
    """Reply with hours of New South Wales from 2026-10-05T00:00+10:00."""

    def one(metric: str, unit: str, values: list[Any]) -> dict[str, Any]:
        data = [[f"2026-10-05T{k:02}:00:00+10:00", value] for k, value in enumerate(values)]
        results = [
            {"name": f"{metric}_QLD1", "columns": {"region": "QLD1"}, "data": []},
            {"name": f"{metric}_NSW1", "columns": {"region": "NSW1"}, "data": data},
        ]
        return {"metric": metric, "unit": unit, "interval": "1h", "results": results, **block}

    return {"success": True, "error": None, "data": [one("energy", "MWh", energy), one("emissions", "t", emissions)]}


NODES = {
    "items": [
        {"datetime_beginning_utc": "2026-01-01T00:00:00", "pnode_name": "PJM-RTO", "marginal_co2_rate": 812.3},
        {"datetime_beginning_utc": "2026-01-01T00:05:00", "pnode_name": "PJM-RTO", "marginal_co2_rate": -40},
    ],
    "totalRows": 2,
}


class TestEnergiDataServiceContract(SampledContract):
    asks: ClassVar = {"ahead": ask("DK1"), "now": ask("DK2", Product.CURRENT), "history": ask("DK1", Product.HISTORY)}
    good: ClassVar = {"forecast": (ask("DK1"), (json.dumps(DANISH).encode(),))}
    samples: ClassVar[dict[str, Ask]] = {"energidataservice_co2emisprog.json": ask("DK1")}

    def provider(self) -> Provider:
        return EnergiDataService()


class TestOdreContract(SampledContract):
    asks: ClassVar = {"now": ask("FR", Product.CURRENT), "history": ask("FR", Product.HISTORY)}
    good: ClassVar = {"now": (ask("FR", Product.CURRENT, now="2026-01-01T10:00Z"), (json.dumps(FRENCH).encode(),))}
    samples: ClassVar[dict[str, Ask]] = {
        "odre_eco2mix_national_tr.json": ask("FR", Product.CURRENT, now="2026-01-01T10:00Z")
    }

    def provider(self) -> Provider:
        return Odre()


class TestOpenElectricityContract(SampledContract):
    asks: ClassVar = {"now": ask("NSW1", Product.CURRENT), "history": ask("WEM", Product.HISTORY)}
    good: ClassVar = {
        "hours": (
            ask("NSW1", Product.HISTORY, now="2026-10-05T00:00Z"),
            (json.dumps(market([4900.0], [7000.0])).encode(),),
        )
    }
    samples: ClassVar[dict[str, Ask]] = {
        "openelectricity_network_data.json": ask("NSW1", Product.HISTORY, now="2026-10-05T00:00Z")
    }

    def provider(self) -> Provider:
        return OpenElectricity(CANARY)


class TestPjmContract(SampledContract):
    asks: ClassVar = {
        "now": ask("PJM-RTO", Product.CURRENT, MARGINAL),
        "history": ask("PJM-RTO", Product.HISTORY, MARGINAL),
    }
    good: ClassVar = {"nodes": (ask("PJM-RTO", Product.CURRENT, MARGINAL), (json.dumps(NODES).encode(),))}
    samples: ClassVar[dict[str, Ask]] = {
        "pjm_fivemin_marginal_emissions.json": ask("PJM-RTO", Product.CURRENT, MARGINAL)
    }

    def provider(self) -> Provider:
        return Pjm(CANARY)


# -- Energi Data Service -----------------------------------------------------------------------------------------------


def test_danish_labels_are_utc_without_saying_so_and_the_other_area_is_left_out() -> None:
    """The contract names the zone; 0 g/kWh is a windy night."""
    assert rows(EDS.parse(ask("DK1"), (reply(DANISH),))) == [
        ("2026-01-01T00:00Z", "2026-01-01T00:05Z", 61.0, "forecast"),
        ("2026-01-01T00:05Z", "2026-01-01T00:10Z", 0.0, "forecast"),
    ]


def test_danish_windows_are_asked_in_utc() -> None:
    """Without the parameter they would be Danish time."""
    (ahead,) = EDS.build_requests(ask("DK1", now="2026-01-01T12:00Z"))
    (history,) = EDS.build_requests(ask("DK2", Product.HISTORY))
    params = dict(ahead.params)

    assert (ahead.path, history.path) == ("/dataset/CO2EmisProg", "/dataset/CO2Emis")
    assert params["timezone"] == "utc"
    assert params["filter"] == '{"PriceArea":["DK1"]}'
    assert (params["start"], params["end"]) == ("2026-01-01T11:00", "2026-01-03T12:00")


def test_danish_replies_of_another_dataset_or_area_are_refused() -> None:
    """A forecast is not history."""
    with pytest.raises(MalformedPayload, match="dataset is 'CO2Emis', asked for CO2EmisProg"):
        EDS.parse(ask("DK1"), (reply(danish(("2026-01-01T00:00:00", "DK1", 1), dataset="CO2Emis")),))
    with pytest.raises(MalformedPayload, match=r"none of 1 points .* records\[0\]\.CO2Emission is 'DK2' \(zone\)"):
        EDS.parse(ask("DK1"), (reply(danish(("2026-01-01T00:00:00", "DK2", 1))),))
    with pytest.raises(ZoneNotCovered, match="does not cover 'SE3'; it has DK1 and DK2"):
        EDS.build_requests(ask("SE3"))


# -- ODRE --------------------------------------------------------------------------------------------------------------


def test_french_rows_of_the_rest_of_the_day_are_no_data() -> None:
    """They exist and are null; rows of the day are estimates until they are consolidated."""
    series = ODRE.parse(ask("FR", Product.CURRENT, now="2026-01-01T10:00Z"), (reply(FRENCH),))

    assert rows(series) == [
        ("2026-01-01T09:00Z", "2026-01-01T09:15Z", 0.0, "measured"),
        ("2026-01-01T09:15Z", "2026-01-01T09:30Z", 24.0, "estimated"),
    ]
    assert (series.signal.scope, series.signal.perimeter) == ("direct", "production")


def test_french_history_comes_in_pages_of_a_hundred() -> None:
    """The window stands in the query, the total in the first page."""
    asked = ask("FR", Product.HISTORY, hours=72)
    (first,) = ODRE.build_requests(asked)
    others = ODRE.build_requests(asked, (reply({"total_count": 288, "results": []}),))

    assert dict(first.params)["where"] == (
        "taux_co2 is not null and date_heure >= date'2026-01-01T00:00:00Z' and date_heure < date'2026-01-04T00:00:00Z'"
    )
    assert [dict(request.params)["offset"] for request in others] == ["100", "200"]
    assert ODRE.build_requests(asked, (reply({}), reply({}))) == ()
    with pytest.raises(MalformedPayload, match="total_count is '288', expected 0 to 10000"):
        ODRE.build_requests(asked, (reply({"total_count": "288", "results": []}),))


def test_french_rows_of_another_perimeter_are_left_out() -> None:
    """One region is not the country."""
    tree = {"results": [{"perimetre": "Bretagne", "date_heure": "2026-01-01T09:15:00+00:00", "taux_co2": 24}]}
    with pytest.raises(MalformedPayload, match=r"'Bretagne' \(zone\)"):
        ODRE.parse(ask("FR", Product.CURRENT), (reply(tree),))


# -- OpenElectricity ---------------------------------------------------------------------------------------------------


def nsw(tree: dict[str, Any]) -> list[tuple[str, str, float, str]]:
    return rows(OE.parse(ask("NSW1", Product.HISTORY, now="2026-10-06T00:00Z"), (reply(tree),)))


def test_australian_intensity_is_tonnes_over_megawatt_hours() -> None:
    """4900 t / 7000 MWh = 700 g/kWh; a null on either side is a gap; midnight is network time."""
    assert nsw(market([4900.0, None, 10.0, 5.0], [7000.0, 6800.0, None, 0.0])) == [
        ("2026-10-04T14:00Z", "2026-10-04T15:00Z", pytest.approx(700.0), "measured")
    ]


def test_australian_windows_are_naive_network_time() -> None:
    """NEM is UTC+10 and WEM UTC+8, all year; 1,000 hours a call."""
    nem = OE.build_requests(ask("NSW1", Product.HISTORY, hours=24 * 45))
    (wem,) = OE.build_requests(ask("WEM", Product.HISTORY))

    assert [dict(request.params)["date_start"] for request in nem] == ["2026-01-01T10:00:00", "2026-02-12T02:00:00"]
    assert (wem.path, dict(wem.params)["date_start"]) == ("/v4/data/network/WEM", "2026-01-01T08:00:00")
    assert [value for name, value in wem.params if name == "metrics"] == ["emissions", "energy"]
    assert dict(wem.headers) == {"Authorization": f"Bearer {CANARY}"}


def test_australian_older_replies_name_their_columns_otherwise() -> None:
    """network_region, no columns at all, times in UTC."""
    older = json.loads(json.dumps(market([4900.0], [7000.0])).replace('"region"', '"network_region"'))
    bare = json.loads(
        json.dumps(market([4900.0], [7000.0])).replace("2026-10-05T00:00:00+10:00", "2026-10-04T14:00:00Z")
    )
    for block in bare["data"]:
        for result in block["results"]:
            del result["columns"]

    assert nsw(older) == nsw(bare) == nsw(market([4900.0], [7000.0]))


@pytest.mark.parametrize(
    ("tree", "message"),
    [
        (market([1.0], [1.0], unit="kg"), "unit of emissions is 'kg', expected t"),
        (market([1.0], [1.0], interval="1d"), "interval is '1d', expected 5m or 1h"),
        (market([1.0], [1.0], metric="power"), "data has no metric 'emissions'"),
        (market([1.0], [1.0], results=[]), r"data\[1\].results has no region NSW1"),
        (market(["x"], [1.0]), r"none of 1 points can be used: data\[0\] is 'x' \(type\)"),
        (market([-5.0], [1.0]), r"data\[0\] is -5.0 \(negative\)"),
        (market([5.0], [1.0]), r"data\[0\] is 5.0 \(range\)"),
    ],
    ids=["unit", "interval", "metric", "region", "text", "negative", "too much"],
)
def test_australian_replies_of_another_shape_are_refused(tree: dict[str, Any], message: str) -> None:
    """With the path; 5 t/MWh cannot be."""
    with pytest.raises(MalformedPayload, match=message):
        nsw(tree)


def test_australian_keys_and_regions_are_checked() -> None:
    """By alias or by our key."""
    error = OE.explain(ask("NSW1", Product.CURRENT), reply({"detail": "Invalid or missing API key"}, status=401))

    assert isinstance(error, Unauthorized)
    assert OE.explain(ask("NSW1", Product.CURRENT), reply("", status=500)) is None
    assert OE.key_for(Zone("AU-NSW")) == "NSW1"
    assert OE.key_for(Zone("AU-WA", aliases=(("openelectricity", "WEM"),))) == "WEM"
    assert OE.key_for(Zone("AU-NT")) is None
    with pytest.raises(ZoneNotCovered, match="does not cover 'NT1'; it has NSW1, QLD1"):
        OE.build_requests(ask("NT1", Product.CURRENT))


# -- PJM ---------------------------------------------------------------------------------------------------------------


def test_pjm_rates_are_marginal_pounds_and_may_be_negative() -> None:
    """812.3 lb/MWh = 368.4531 g/kWh; a node behind a constraint can go below zero."""
    series = PJM.parse(ask("PJM-RTO", Product.CURRENT, MARGINAL), (reply(NODES),))

    assert rows(series) == [
        ("2026-01-01T00:00Z", "2026-01-01T00:05Z", pytest.approx(368.4531, abs=5e-5), "measured"),
        ("2026-01-01T00:05Z", "2026-01-01T00:10Z", pytest.approx(-18.1437, abs=5e-5), "measured"),
    ]


def test_pjm_pages_follow_the_total() -> None:
    """Fifty thousand rows each, counted from one."""
    asked = ask("PJM-RTO", Product.HISTORY, MARGINAL)
    (first,) = PJM.build_requests(asked)
    others = PJM.build_requests(asked, (reply({"items": [], "totalRows": 100_001}),))

    assert dict(first.params)["datetime_beginning_utc"] == "2026-01-01 00:00 to 2026-01-02 00:00"
    assert [dict(request.params)["startRow"] for request in (first, *others)] == ["1", "50001", "100001"]
    assert PJM.build_requests(asked, (reply({}), reply({}))) == ()
    with pytest.raises(MalformedPayload, match="totalRows is 1000000000, expected 0 to 1000000"):
        PJM.build_requests(asked, (reply({"items": [], "totalRows": 10**9}),))


def test_pjm_rows_of_another_node_are_refused() -> None:
    """A node in Chicago is not the system."""
    with pytest.raises(MalformedPayload, match=r"is 'PJM-RTO' \(zone\)"):
        PJM.parse(ask("DOM", Product.CURRENT, MARGINAL), (reply(NODES),))


def test_pjm_keys_and_zones() -> None:
    """The whole system unless an alias names a node."""
    assert PJM.key_for(Zone("US-MIDA-PJM")) == "PJM-RTO"
    assert PJM.key_for(Zone("X", aliases=(("pjm", "DOM"),))) == "DOM"
    assert PJM.key_for(Zone("DE")) is None
    assert isinstance(PJM.explain(ask("PJM-RTO", kind=MARGINAL), reply("", status=401)), Unauthorized)
    assert PJM.explain(ask("PJM-RTO", kind=MARGINAL), reply("", status=500)) is None


def test_a_product_that_is_not_there_is_refused() -> None:
    """With those that are."""
    with pytest.raises(ZoneNotCovered, match="^odre has no forecast, only current, history$"):
        ODRE.build_requests(ask("FR"))


def test_danish_and_french_zones() -> None:
    """By alias or by our key."""
    assert EDS.key_for(Zone("DK-DK1")) == "DK1"
    assert EDS.key_for(Zone("DK-BHM")) is None
    assert EDS.key_for(Zone("X", aliases=(("energidataservice", "DK2"),))) == "DK2"
    assert ODRE.key_for(Zone("FR")) == "FR"
    assert ODRE.key_for(Zone("FR-COR")) is None


@pytest.mark.shared
def test_the_recorded_refusal_is_explained() -> None:
    """401 with a detail."""
    body = (shared_dir("data", "samples") / "openelectricity_error_401.json").read_bytes()

    assert isinstance(OE.explain(ask("NSW1", Product.CURRENT), reply(body, status=401)), Unauthorized)

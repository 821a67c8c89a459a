"""EIA API v2: pages, numbers as text, hour ending."""

from __future__ import annotations

import json
from typing import Any, ClassVar

import pytest

from gridtide.domain.errors import ConfigurationError, MalformedPayload, Unauthorized
from gridtide.domain.zone import Zone
from gridtide.grid.provider import Ask, Product, Provider
from gridtide.grid.providers.eia import Eia
from provider_contract import CANARY, SampledContract, ask, reply, rows
from support import shared_dir

EIA = Eia(CANARY)


def row(fuel: str, value: Any, period: str = "2026-01-01T10", respondent: str = "CISO") -> dict[str, Any]:
    return {
        "period": period,
        "respondent": respondent,
        "fueltype": fuel,
        "value": value,
        "value-units": "megawatthours",
    }


def page(*records: dict[str, Any], total: Any = None) -> dict[str, Any]:
    """Reply with these rows; it repeats the key, as the real one does."""
    return {
        "response": {"total": str(len(records)) if total is None else total, "data": list(records)},
        "request": {"params": {"api_key": CANARY}},
    }


def ciso(product: Product = Product.HISTORY, **how: Any) -> Ask:
    return ask("CISO", product, **{"now": "2026-01-02T00:00Z", "start": "2026-01-01T00:00Z", **how})


def read(*records: dict[str, Any]) -> list[tuple[str, str, float, str]]:
    return rows(EIA.parse(ciso(), (reply(page(*records)),)))


class TestContract(SampledContract):
    asks: ClassVar = {"now": ciso(Product.CURRENT), "history": ciso()}
    good: ClassVar = {"mix": (ciso(), (json.dumps(page(row("NG", "490"), row("SUN", "10"))).encode(),))}
    samples: ClassVar[dict[str, Ask]] = {"eia_fuel_type_data.json": ciso(now="2022-01-12T00:00Z")}

    def provider(self) -> Provider:
        return Eia(CANARY)


def test_a_period_is_the_hour_that_ends_there_and_numbers_are_text() -> None:
    """Summed as numbers, not joined as text; charging storage is left out."""
    assert read(row("NG", "300"), row("WND", "100"), row("BAT", "-50"), row("PS", "40")) == [
        ("2026-01-01T09:00Z", "2026-01-01T10:00Z", pytest.approx((300 * 490 + 100 * 11) / 400), "measured")
    ]


def test_a_fuel_nobody_knows_counts_as_other(caplog: pytest.LogCaptureFixture) -> None:
    """700 g/kWh, and said once."""
    found = read(row("XYZ", "100"), row("WND", "100"))

    assert found[0][2] == pytest.approx((700 + 11) / 2)
    assert caplog.text.count("fuel 'xyz' is not known and counts as other") == 1


def test_an_hour_that_is_still_coming_in_is_held_back() -> None:
    """Without its gas, or with under half of its total, it would be absurd."""
    full = [row("NG", "300", f"2026-01-01T{h:02}") for h in (1, 2)] + [
        row("WND", "100", f"2026-01-01T{h:02}") for h in (1, 2)
    ]

    assert len(read(*full, row("WND", "100", "2026-01-01T03"))) == 2
    assert len(read(*full, row("NG", "90", "2026-01-01T03"), row("WND", "100", "2026-01-01T03"))) == 2
    assert len(read(*full, row("NG", "150", "2026-01-01T03"), row("WND", "100", "2026-01-01T03"))) == 3


def test_a_null_is_not_zero() -> None:
    """Null gas is unknown gas: no value for that hour."""
    hours = [row("NG", "300", "2026-01-01T01"), row("WND", "100", "2026-01-01T01")]

    assert len(read(*hours, row("NG", None, "2026-01-01T02"), row("WND", "100", "2026-01-01T02"))) == 1


@pytest.mark.parametrize("value", [True, [1], "many", "NaN", "1e400", "9" * 30], ids=repr)
def test_a_value_that_is_no_output_costs_its_hour(value: Any) -> None:
    """And the other hours stay."""
    good = [row("NG", "300", "2026-01-01T01"), row("WND", "100", "2026-01-01T01")]
    found = read(*good, row("NG", value, "2026-01-01T02"), row("WND", "100", "2026-01-01T02"))

    assert [entry[0] for entry in found] == ["2026-01-01T00:00Z"]


def test_pages_are_asked_for_by_the_total_which_is_text() -> None:
    """The first page, then all others, then nothing."""
    asked = ciso(hours=24 * 366)
    first = EIA.build_requests(asked)
    others = EIA.build_requests(asked, (reply(page(row("NG", "1"), total="12001")),))

    assert [dict(request.params)["offset"] for request in (*first, *others)] == ["0", "5000", "10000"]
    assert EIA.build_requests(asked, (reply(page()), reply(page()))) == ()


@pytest.mark.parametrize("total", ["many", "-1", None, True, "1e12"], ids=repr)
def test_a_total_that_is_no_number_of_rows_is_refused(total: Any) -> None:
    """Nobody reads a billion pages."""
    tree = {"response": {"total": total, "data": []}}
    with pytest.raises(MalformedPayload, match="response.total is no number of rows"):
        EIA.build_requests(ciso(), (reply(tree),))


def test_too_many_pages_are_refused() -> None:
    """With the limit."""
    with pytest.raises(MalformedPayload, match=r"means 2000 pages, at most 60 are read"):
        EIA.build_requests(ciso(), (reply(page(total="10000000")),))


def test_the_window_is_asked_in_hours_and_the_key_stays_out_of_the_address() -> None:
    """The end is an hour later, since labels are ends."""
    (request,) = EIA.build_requests(ciso(now="2026-01-03T00:00Z"))
    params = dict(request.params)

    assert (params["start"], params["end"]) == ("2026-01-01T00", "2026-01-02T01")
    assert params["facets[respondent][]"] == "CISO"
    assert "api_key" not in params
    assert dict(request.headers) == {"X-Api-Key": CANARY}


@pytest.mark.parametrize(
    ("record", "message"),
    [
        (row("NG", "1", respondent="PJM"), r"response.data\[0\] is 'PJM' \(zone\)"),
        (row("NG", "1", period="2026-01-01"), r"response.data\[0\] is '2026-01-01' \(time\)"),
        ({**row("NG", "1"), "value-units": "gigawatthours"}, r"response.data\[0\].value-units is not megawatthours"),
        ({"period": "2026-01-01T10", "respondent": "CISO", "fueltype": "NG"}, r"response.data\[0\].value is missing"),
        ({**row("NG", "1"), "value": "x"}, r"response.data\[0\] is 'x' \(type\)"),
    ],
    ids=["respondent", "period", "unit", "renamed", "text"],
)
def test_rows_of_another_shape_are_refused(record: dict[str, Any], message: str) -> None:
    """With the path; and the key in the reply is not repeated."""
    with pytest.raises(MalformedPayload, match=message) as caught:
        read(record)

    assert CANARY not in f"{caught.value} {caught.value.facts} {caught.value.hint}"


@pytest.mark.parametrize("code", ["API_KEY_INVALID", "API_KEY_MISSING"])
def test_a_bad_key_is_told(code: str) -> None:
    """403 with a code."""
    error = EIA.explain(ciso(), reply({"error": {"code": code, "message": "x"}}, status=403))

    assert isinstance(error, Unauthorized)
    assert error.facts["cause"] == "credential"
    assert EIA.explain(ciso(), reply({"error": "x"}, status=403)) is None


@pytest.mark.parametrize(
    ("zone", "key"),
    [
        (Zone("US-CAL-CISO"), "CISO"),
        (Zone("US-NW-BPAT"), "BPAT"),
        (Zone("X", aliases=(("eia", "pjm"),)), "PJM"),
        (Zone("US-NY"), None),
        (Zone("DE"), None),
    ],
    ids=str,
)
def test_a_balancing_authority_is_the_end_of_the_key(zone: Zone, key: str | None) -> None:
    """US-CAL-CISO is CISO."""
    assert EIA.key_for(zone) == key


def test_an_unknown_factor_set_is_refused() -> None:
    """With the sets there are."""
    with pytest.raises(ConfigurationError, match="there is no factor set 'best'") as caught:
        Eia("k", factors="best")

    assert caught.value.hint == "there are: ipcc2014, ipcc2014-direct"


@pytest.mark.shared
def test_the_recorded_refusal_is_explained() -> None:
    """API_KEY_INVALID."""
    body = (shared_dir("data", "samples") / "eia_error_403.json").read_bytes()

    assert isinstance(EIA.explain(ciso(), reply(body, status=403)), Unauthorized)

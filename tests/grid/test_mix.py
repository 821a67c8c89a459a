"""Generation mix to carbon intensity."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import gridtide.grid
from gridtide.domain.errors import ConfigurationError
from gridtide.domain.instants import to_ns
from gridtide.domain.signal import Signal, SignalKind
from gridtide.domain.units import NS_PER_HOUR
from gridtide.grid.mix import ENTSOE, FACTOR_SETS, Mix, factor_set
from gridtide.grid.points import Points, Reject
from support import T0, shared_dir

SET = FACTOR_SETS["ipcc2014"]
FUELS = {"gas": "gas", "coal": "coal", "wind": "wind", "sun": "solar", "bat": "battery", "nuc": "nuclear", "oil": "oil"}
START = to_ns(T0)


def hours(*outputs: dict[str, object]) -> tuple[list[float | None], Points]:
    """Intensity of each hour, None where it is held back."""
    mix = Mix("demo", FUELS, SET)
    points = Points(Signal(SignalKind.AVERAGE, provider="demo", zone="X"), path="row {}", now=T0)
    for k, output in enumerate(outputs):
        for fuel, megawatts in output.items():
            mix.add(START + k * NS_PER_HOUR, START + (k + 1) * NS_PER_HOUR, fuel, megawatts, index=k)
    mix.fill(points)
    series = points.series()
    known = dict(zip(((series.starts_ns - START) // NS_PER_HOUR).tolist(), series.values.tolist(), strict=True))
    return [known.get(k) for k in range(len(outputs))], points


@given(st.dictionaries(st.sampled_from(sorted(SET.factors)), st.floats(-1e4, 1e5), min_size=1))
@settings(max_examples=100, deadline=None)
def test_an_intensity_lies_between_its_cleanest_and_dirtiest_fuel(megawatts: dict[str, float]) -> None:
    """And scaling every output changes nothing."""
    found = SET.intensity(megawatts)
    running = [SET.factors[fuel] for fuel, output in megawatts.items() if output > 0]
    if not running:
        assert found is None
        return

    assert found is not None
    assert min(running) - 1e-6 <= found <= max(running) + 1e-6
    assert SET.intensity({fuel: 2 * output for fuel, output in megawatts.items()}) == pytest.approx(found)


def test_storage_imports_and_negative_output_stay_out() -> None:
    """The rest of the mix is what it is computed from."""
    assert SET.intensity({"gas": 100, "battery": 500, "imports": 900, "pumped_storage": 50, "wind": -5}) == 490.0


def test_pumped_storage_counts_as_hydro_where_pumping_is_told_apart() -> None:
    """The European set has a factor for it."""
    assert ENTSOE["ipcc2014"].intensity({"gas": 100, "pumped_storage": 100}) == pytest.approx(257.0)


def test_nothing_running_is_no_data() -> None:
    """Not zero."""
    assert hours({"gas": 0, "wind": 0})[0] == [None]


def test_an_hour_without_its_gas_is_held_back() -> None:
    """Wind alone would look clean."""
    full = {"gas": 300, "wind": 700}

    assert hours(full, full, {"wind": 700})[0] == [pytest.approx(154.7), pytest.approx(154.7), None]
    assert hours({"wind": 700}, full)[0] == [None, pytest.approx(154.7)]


def test_an_hour_without_its_sun_or_battery_stands() -> None:
    """They are rightly absent at times."""
    day = {"gas": 300, "sun": 300, "bat": 50}

    assert hours(day, {"gas": 400})[0] == [pytest.approx(267.5), 490.0]


def test_a_fuel_of_no_weight_may_be_absent() -> None:
    """Under two per cent everywhere it changes little."""
    assert hours({"gas": 990, "oil": 5}, {"gas": 990})[0][1] == 490.0


def test_a_clean_fuel_that_appears_once_is_not_expected_of_every_hour() -> None:
    """A dirty one is."""
    plain = {"gas": 500}

    assert hours(plain, plain, plain, {"gas": 500, "nuc": 500})[0][0] == 490.0
    assert hours(plain, plain, plain, {"gas": 500, "coal": 500})[0][0] is None


def test_an_hour_with_under_half_of_the_one_before_is_held_back_for_three_hours() -> None:
    """Then the drop is believed."""
    found, points = hours({"gas": 1000}, {"gas": 400}, {"gas": 400}, {"gas": 400}, {"gas": 400})

    assert found == [490.0, None, None, None, 490.0]
    assert points.rejected[Reject.INCOMPLETE] == 3


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (True, "type"),
        ("5", "type"),
        ([5], "type"),
        (float("nan"), "nonfinite"),
        (float("inf"), "nonfinite"),
        (1e9, "range"),
    ],
    ids=repr,
)
def test_an_output_that_is_no_number_costs_its_hour(raw: object, reason: str) -> None:
    """The others stay."""
    found, points = hours({"gas": 500, "wind": 500}, {"gas": raw, "wind": 500})

    assert found[1] is None
    assert points.rejected == {reason: 1}


def test_one_fuel_given_twice_differently_costs_its_hour() -> None:
    """Twice the same is once."""
    mix = Mix("demo", FUELS, SET)
    points = Points(Signal(SignalKind.AVERAGE, provider="demo", zone="X"), path="row {}", now=T0)
    for hour, second in ((0, 100), (1, 200)):
        for megawatts in (100, second):
            mix.add(START + hour * NS_PER_HOUR, START + (hour + 1) * NS_PER_HOUR, "gas", megawatts, index=0)
    mix.fill(points)

    assert len(points.series()) == 1
    assert points.rejected[Reject.CONTRADICTION] == 1


def test_sets_have_names_and_an_unknown_one_is_refused() -> None:
    """With what there is."""
    assert factor_set("ipcc2014") is SET
    with pytest.raises(ConfigurationError, match="there is no factor set 'x'"):
        factor_set("x")


def test_the_published_factors_stand_in_the_table_of_factors() -> None:
    """Every lifecycle figure has a row with a citation in the shipped table, of one of its sets."""
    table = Path(gridtide.grid.__file__).parent / "tables" / "emission_factors.csv"
    with table.open(encoding="utf-8") as lines:
        known = {(row["fuel"], float(row["g_per_kwh"])) for row in csv.DictReader(lines) if row["scope"] == "lifecycle"}

    assert {(fuel, value) for fuel, value in SET.factors.items() if (fuel, value) not in known} == set()


@pytest.mark.shared
def test_the_factors_of_the_expected_parses_are_ours() -> None:
    """EIA and ENTSO-E samples name the factors they were computed with."""
    import json

    expected = json.loads(shared_dir("data", "samples", "expected.json").read_text())
    eia = {
        "SUN": "solar",
        "WND": "wind",
        "NG": "gas",
        "NUC": "nuclear",
        "WAT": "hydro",
        "COL": "coal",
        "OTH": "other",
        "OIL": "oil",
    }
    entsoe = {"B05": "coal", "B04": "gas", "B19": "wind", "B10": "pumped_storage"}

    assert expected["eia_fuel_type_data.json"]["factors"] == {code: SET.factors[fuel] for code, fuel in eia.items()}
    assert expected["entsoe_a75.xml"]["factors"] == {
        code: ENTSOE["ipcc2014"].factors[fuel] for code, fuel in entsoe.items()
    }

"""What another scheduler's own tests say about windows, footprints and postcodes, asked of ours."""

import json
from datetime import datetime, timedelta

import pytest

from gridtide.accounting import energy
from gridtide.accounting.savings import Power, saving_against_run_now
from gridtide.domain.errors import InvalidInput
from gridtide.domain.instants import to_ns
from gridtide.domain.interval import Interval
from gridtide.domain.series import Series
from gridtide.domain.signal import Signal, SignalKind
from gridtide.grid.catalogue import Catalogue
from gridtide.planning.window import lowest_window
from support import shared_dir

HALF_HOUR_NS = 1_800_000_000_000
MINUTE_NS = 60_000_000_000
FAR_NS = 10**18
SIGNAL = Signal(SignalKind.AVERAGE, provider="uk", zone="GB")
OFFSET = {
    "series_start": "2023-01-01T08:30Z", "step_min": 30, "values": [26, 40, 50, 60, 25], "start": "2023-01-01T08:45Z",
    "duration_min": 70, "window_index": 1,
    "expect": {"start": "2023-01-01T09:15Z", "end": "2023-01-01T10:25Z", "start_value": 45, "end_value": 30.833333333},
}  # fmt: skip
FOOTPRINT = {
    "PUE": 1.0, "jobinfo_units_watts": [[1, 2.0], [2, 3.0], [8, 1.0]], "minutes": 60, "best_ci": 150, "now_ci": 200,
    "expect": {"now": 3.2, "best": 2.4, "savings": 0.8},
}  # fmt: skip
POSTCODES = [
    {"in": "OX1 3QD", "same_as": "OX1"},
    {"in": "OX48", "expect": "InvalidLocationError"},
    {"in": "A", "expect": "InvalidLocationError"},
]


@pytest.fixture(scope="module")
def recorded():
    """The recorded cases, or a visible skip."""
    return json.loads(shared_dir("vectors", "cats-cli-cases.json").read_text("utf-8"))


def instant(text):
    """Times without an offset are UTC there."""
    return datetime.fromisoformat(text if text.endswith("Z") else f"{text}Z")


def line(first, step_min, values):
    """Points joined by straight lines, as that scheduler reads them."""
    instants = [instant(first) + timedelta(minutes=step_min * k) for k in range(len(values))]
    return Series.line(SIGNAL, instants, [float(value) for value in values])


def check_offset(case):
    """A window that starts between points takes interpolated values at both of its ends."""
    series = line(case["series_start"], case["step_min"], case["values"])
    start = instant(case["start"]) + timedelta(minutes=case["step_min"] * case["window_index"])
    end = start + timedelta(minutes=case["duration_min"])

    assert (start, end) == (instant(case["expect"]["start"]), instant(case["expect"]["end"]))
    assert series.value_at(start) == case["expect"]["start_value"]
    assert series.value_at(end) == pytest.approx(case["expect"]["end_value"])


def check_footprint(case):
    """Grams now, grams then and their difference by our accounting are theirs."""
    watts = sum(units * power for units, power in case["jobinfo_units_watts"])
    length, first = timedelta(minutes=case["minutes"]), instant("2026-01-01T00:00")
    series = Series.steps(SIGNAL, first, length, [case["now_ci"], case["best_ci"]])
    later = Interval(first + length, first + 2 * length)
    saving = saving_against_run_now(
        series, [later], original_start=first, power=Power(constant_w=watts, pue=case["PUE"])
    )

    assert energy.constant(watts, length, pue=case["PUE"]).kwh == pytest.approx(watts / 1000)
    assert saving.against.grams == pytest.approx(case["expect"]["now"])
    assert saving.run.grams == pytest.approx(case["expect"]["best"])
    assert saving.grams == pytest.approx(case["expect"]["savings"])


def check_postcode(case):
    """A full postcode means its outward part; what is none is refused, before any question to a server."""
    if "expect" not in case:
        assert Catalogue().resolve_postcode(case["in"]).zone.at("uk") == case["same_as"]
    elif case["in"] == "OX48":
        assert Catalogue().resolve_postcode(case["in"]).zone.at("uk") == "OX48"
    else:
        with pytest.raises(InvalidInput, match="postcode"):
            Catalogue().resolve_postcode(case["in"])


def test_a_window_between_points_is_interpolated():
    """Kept here so that nothing rests on material outside the project."""
    check_offset(OFFSET)


def test_grams_of_a_job_are_power_by_time_by_intensity():
    """Sixteen watts for an hour at 200 and at 150 g/kWh."""
    check_footprint(FOOTPRINT)


@pytest.mark.parametrize("case", POSTCODES, ids=[case["in"] for case in POSTCODES])
def test_postcodes(case):
    """An outward code of the right form that does not exist is left to the provider to refuse."""
    check_postcode(case)


@pytest.mark.shared
@pytest.mark.parametrize("name", ["regression_127", "regression_32"])
def test_former_faults_of_that_scheduler_are_not_ours(recorded, name):
    """The best start on its grid is the right one, and an ever falling line is followed to its end."""
    case = recorded[name]
    values = case.get("values") or [116 - i for i in range(97)]
    series = line(case["series_start"], case["step_min"], values)
    release_ns, length_ns = to_ns(instant(case["start"])), case["duration_min"] * MINUTE_NS
    choice = lowest_window(series, release_ns, FAR_NS + release_ns, length_ns, grid_ns=HALF_HOUR_NS)

    assert choice.start_ns == to_ns(instant(case["expect_best_start"]))
    assert choice.mean == pytest.approx(case["expect_value"])
    for name_of, at_ns in (("expect_start_value", choice.start_ns), ("expect_end_value", choice.end_ns)):
        if name_of in case:
            assert series.curves[0].value_at(at_ns) == pytest.approx(case[name_of])


@pytest.mark.shared
def test_recorded_windows_footprints_and_postcodes_agree(recorded):
    """The same checks as above, on the recorded cases."""
    check_offset(recorded["offset_interpolation"])
    check_footprint(recorded["footprint"])
    for case in recorded["postcode"]:
        check_postcode(case)

    assert recorded["footprint"] | FOOTPRINT == recorded["footprint"]

"""CarbonScaler: the recorded cases, and a made-up one."""

import json

import pytest

from gridtide.domain.errors import InvalidInput, MalformedFile
from gridtide.simulation.reproduce import reproduce
from support import shared_dir


def folder(tmp_path, **changes):
    case = {
        "name": "demo",
        "ci_g_per_kwh": [300.0, 100.0, 200.0],
        "start": "2020-01-01T00:00:00+00:00",
        "slot_seconds": 3600,
        "profile": "demo",
        "min_replicas": 1,
        "max_replicas": 2,
        "deadline_slots": 3,
        "work_units": 3600.0 * 18,
        **changes,
    }
    (tmp_path / "carbonscaler").mkdir()
    (tmp_path / "carbonscaler/carbonscaler_vectors.json").write_text(json.dumps([case]))
    (tmp_path / "data/carbonscaler").mkdir(parents=True)
    (tmp_path / "data/carbonscaler/demo.csv").write_text("nodes,throughput,power\n0,0,0\n1,10,100\n2,18,200\n")
    return tmp_path


@pytest.mark.shared
def test_recorded_cases_are_optimal_and_never_above_the_peer():
    """Every schedule equals the exact optimum within 0.1 %, and never emits more than the greedy or one node."""
    report = reproduce("carbonscaler", data=shared_dir("runs"))

    assert report.largest_difference.tolerances <= 1.0
    rows = [row for row in report.sections[0].rows if row["feasible"]]
    assert len(rows) == 12
    assert all(row["emissions_g"] <= row["peer_emissions_g"] * (1 + 1e-9) for row in rows)
    assert all(row["emissions_g"] <= row["agnostic_emissions_g_1node_from_start"] * (1 + 1e-9) for row in rows)
    assert all(row["proved_optimal"] for row in rows)


@pytest.mark.shared
def test_infeasible_cases_are_seen():
    """Where the peer gives up we say that the work cannot be done."""
    rows = reproduce("carbonscaler", data=shared_dir("runs")).sections[0].rows

    assert [row["name"] for row in rows if not row["feasible"]] == [
        row["name"] for row in rows if "infeasible" in row["name"]
    ]


def test_one_case_by_hand(tmp_path):
    """18 units of work: both nodes in the cheap hour, 200 W at 100 g/kWh."""
    row = reproduce("carbonscaler", data=folder(tmp_path)).sections[0].rows[0]

    assert row["schedule"] == [0, 2, 0]
    assert row["emissions_g"] == pytest.approx(20.0)
    assert row["agnostic_emissions_g_1node_from_start"] == pytest.approx(40.0)
    assert row["savings_vs_agnostic_pct"] == pytest.approx(50.0)


def test_a_zone_file_asks_the_same_of_other_hours(tmp_path):
    """The clean hour comes last there."""
    zone = tmp_path / "other.csv"
    zone.write_text("datetime,carbon_intensity_avg\na,300\nb,200\nc,50\n")

    rows = reproduce("carbonscaler", data=folder(tmp_path), zone_files=[zone]).sections[0].rows

    assert rows[1]["name"] == "other: demo"
    assert rows[1]["schedule"] == [0, 0, 2]


def test_a_zone_file_too_short_for_a_case_is_refused(tmp_path):
    """Hours that are not there are not clean."""
    zone = tmp_path / "other.csv"
    zone.write_text("carbon_intensity_avg\n300\n")

    with pytest.raises(InvalidInput, match="needs 3"):
        reproduce("carbonscaler", data=folder(tmp_path), zone_files=[zone])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        pytest.param({"max_replicas": 3}, "no row for 3 nodes", id="profile too small"),
        pytest.param({"start": "soon"}, "recorded shape", id="no time"),
        pytest.param({"profile": "none"}, "cannot read", id="no profile"),
    ],
)
def test_a_case_of_another_shape_is_named(tmp_path, changes, message):
    """The message says which part is not there."""
    with pytest.raises(MalformedFile, match=message):
        reproduce("carbonscaler", data=folder(tmp_path, **changes))

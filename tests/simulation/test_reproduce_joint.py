"""The joint instance: every policy by its definition, and a plan near the bound."""

import csv
import json

import numpy as np
import pytest

from gridtide.domain.errors import MalformedFile
from gridtide.simulation.reproduce import reproduce
from support import shared_dir


@pytest.fixture
def instance(tmp_path):
    """Two regions, three jobs, room for one job each: small enough to do by hand."""
    folder = tmp_path / "spatial"
    folder.mkdir()
    (folder / "params.json").write_text(
        json.dumps({"regions": ["A", "B"], "capacity_kw": {"A": 1.0, "B": 1.0}, "kwh_per_gb": 0.0})
    )
    write(folder / "ci_small.csv", ["A", "B", "hour"], [[100, 10, 0], [100, 20, 1], [50, 30, 2], [100, 40, 3]])
    header = ["job", "arrival_h", "duration_h", "home", "data_gb", "power_kw", "deadline_h"]
    write(
        folder / "jobs.csv", header, [[0, 0, 2, "A", 0, 1.0, 4], [1, 0, 1, "A", 0, 1.0, 4], [2, 0, 1, "A", 0, 1.0, 4]]
    )
    return tmp_path


def write(path, header, rows):
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([header, *rows])


def emissions(report):
    return {row["policy"]: row["emissions_g"] for row in report.to_json()["rows"]}


def test_policies_by_hand(instance):
    """Run-now 400 g; at home with waiting 150 + 50 + 50; the four slots of B are what the optimum fills, 100 g."""
    found = emissions(reproduce("joint", data=instance))

    assert found["run_now_home_no_capacity"] == 400.0
    assert found["temporal_interruptible_home_no_capacity"] == 250.0
    assert found["joint_interruptible_no_capacity"] == 50.0
    assert found["fleet_capacity_nonmigrating"] == pytest.approx(100.0)
    assert found["fleet_bound"] <= found["fleet_capacity_nonmigrating"] + 1e-6


def test_the_plan_is_never_worse_than_a_greedy_order(instance):
    """Whatever order a greedy takes, the joint plan emits no more."""
    found = emissions(reproduce("joint", data=instance))

    assert all(found["fleet_capacity_nonmigrating"] <= g + 1e-6 for name, g in found.items() if "greedy" in name)


def test_an_unknown_home_is_named(instance):
    """The message lists the regions."""
    jobs = instance / "spatial" / "jobs.csv"
    jobs.write_text(jobs.read_text().replace(",A,", ",Z,"))
    with pytest.raises(MalformedFile, match="jobs.csv:2:4 home is 'Z'; allowed: A, B"):
        reproduce("joint", data=instance)


def test_parameters_that_cannot_be_read_are_named(instance):
    """The file is named, not a line of our code."""
    (instance / "spatial" / "params.json").write_text("{")
    with pytest.raises(MalformedFile, match="cannot read .*params.json"):
        reproduce("joint", data=instance)


def test_bounds_by_hand(instance):
    """Changing regions every hour uses B's four slots for 100 g; staying in one region does too."""
    found = emissions(reproduce("joint", data=instance))

    assert found["optimal_capacity_migrating_LP"] == pytest.approx(100.0)
    assert found["optimal_capacity_nonmigrating_LP_bound"] == pytest.approx(100.0)


def test_other_hours_are_planned_beside_the_instance(instance):
    """A zone file gives rows of its own, to which nothing recorded belongs."""
    other = instance / "other.csv"
    write(other, ["A", "B", "hour"], [[1, 10, 0], [1, 20, 1], [1, 30, 2], [1, 40, 3]])

    rows = reproduce("joint", data=instance, zone_files=[other]).to_json()["rows"]

    of_other = [row for row in rows if row["ci_file"] == "other.csv"]
    assert {row["policy"]: row["emissions_g"] for row in of_other}["fleet_capacity_nonmigrating"] == pytest.approx(4.0)
    assert all(not row["recorded"] for row in of_other)


def test_work_beyond_all_capacity_has_no_figure_instead_of_infinity(instance):
    """A greedy that finds no room says nothing; our plan lists the job."""
    jobs = instance / "spatial" / "jobs.csv"
    jobs.write_text(jobs.read_text() + "3,0,4,A,0,5.0,4\n")

    rows = {row["policy"]: row for row in reproduce("joint", data=instance).to_json()["rows"]}

    assert rows["greedy_arrival_order_capacity"]["emissions_g"] is None
    assert rows["fleet_capacity_nonmigrating"]["unplaced"] == 1


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        pytest.param("100,20,1", "-1,20,1", "ci_small.csv:3:1 A is '-1'", id="negative value"),
        pytest.param("100,20,1", ",20,1", "a finite number", id="missing value"),
    ],
)
def test_an_impossible_hour_is_named_by_place(instance, old, new, message):
    """A missing hour is no clean hour."""
    hours = instance / "spatial" / "ci_small.csv"
    hours.write_text(hours.read_text().replace(old, new))
    with pytest.raises(MalformedFile, match=message):
        reproduce("joint", data=instance)


@pytest.mark.shared
@pytest.mark.slow
def test_the_recorded_instance_is_solved_near_its_bound():
    """Recorded policies are equal to the gram, and the plan lies at most half a percent above the recorded bound."""
    report = reproduce("joint", data=shared_dir("runs"))
    found = emissions(report)

    assert report.largest_difference.tolerances <= 1.0
    assert 71_322.0 <= found["fleet_capacity_nonmigrating"] <= 71_322.6 * 1.005
    assert np.isfinite(found["greedy_arrival_order_capacity"])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"capacity_kw": {"A": 1.0}}, "capacity_kw of B is None; allowed: a number from 0"),
        ({"capacity_kw": {"A": 1.0, "B": "much"}}, "capacity_kw of B is 'much'"),
        ({"capacity_kw": 3}, "capacity_kw of A is None"),
        ({"kwh_per_gb": -0.1}, "kwh_per_gb is -0.1"),
        ({"regions": []}, "regions is no list of names"),
    ],
)
def test_a_parameter_that_cannot_be_is_named(instance, change, message):
    """What is wrong and what is allowed, before anything is computed."""
    path = instance / "spatial" / "params.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))

    with pytest.raises(MalformedFile, match=message):
        reproduce("joint", data=instance)


@pytest.mark.parametrize("deadline", [1, 9])
def test_a_deadline_no_plan_can_keep_is_named_with_its_line(instance, deadline):
    """Before the job could be done, or after the last hour."""
    jobs = instance / "spatial" / "jobs.csv"
    lines = jobs.read_text().splitlines()
    lines[1] = lines[1].rpartition(",")[0] + f",{deadline}"
    jobs.write_text("\n".join(lines))

    with pytest.raises(MalformedFile, match=rf"jobs.csv:2:7 deadline_h is '{deadline}'; allowed: 2 .* to 4"):
        reproduce("joint", data=instance)

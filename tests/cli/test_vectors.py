"""The command line gives the same answers as the window search of a published scheduler, and better ones off its grid."""

import json
from datetime import datetime, timedelta

import pytest

from support import shared_dir

pytestmark = pytest.mark.shared


@pytest.fixture(scope="module")
def golden():
    return json.loads(shared_dir("vectors", "cats-window-golden.json").read_text("utf-8"))


@pytest.fixture
def file(golden, newcomer):
    """The series of the vectors as a user's file."""
    start = datetime.fromisoformat(golden["series_start"])
    rows = [
        f"{(start + timedelta(minutes=golden['step_min'] * k)).isoformat()},{value}"
        for k, value in enumerate(golden["values"])
    ]
    path = newcomer / "golden.csv"
    path.write_text("\n".join(["time,value", *rows]) + "\n")
    return path, start + timedelta(minutes=golden["step_min"] * (len(rows) - 1))


def test_windows_of_a_published_scheduler_are_found(run, golden, file):
    """On its half-hour grid to 1e-9; with free starts never worse."""
    path, end = file
    cases = [case for case in golden["cases"] if case["max_window_min"] is None and case["end_constraint"] is None]
    inside = [c for c in cases if datetime.fromisoformat(c["start"]) + timedelta(minutes=c["duration_min"]) <= end]
    for case in inside:
        flags = (
            "plan", "--series", path, "--step-shape", "linear", "--at", case["start"], "--finish-by", end.isoformat(),
            "--duration", f"{case['duration_min']}m", "--method", "lowest-window", "--json",
        )  # fmt: skip
        bound = run(*flags, "--start-grid", "30m").json
        free = run(*flags).json

        assert bound["decision"]["mean_g_per_kwh"] == pytest.approx(case["best_value"], abs=1e-9), case
        assert datetime.fromisoformat(bound["decision"]["start"]) == datetime.fromisoformat(case["best_start"]), case
        assert bound["baselines"]["run-now"]["mean_g_per_kwh"] == pytest.approx(case["now_value"], abs=1e-9), case
        assert free["decision"]["mean_g_per_kwh"] <= case["best_value"] + 1e-9, case

    assert len(inside) > 15

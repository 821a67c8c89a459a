"""GAIA: the recorded table, other traces of the same shape, and wrong ones."""

import csv
import gzip

import numpy as np
import pytest

from gridtide.domain.errors import InvalidInput, MalformedFile
from gridtide.simulation.job_trace import draw_jobs, read_jobs
from gridtide.simulation.reproduce import reproduce
from support import shared_dir


def write(path, header, rows):
    path.parent.mkdir(parents=True, exist_ok=True)
    with gzip.open(path, "wt", newline="") if path.suffix == ".gz" else path.open("w", newline="") as file:
        csv.writer(file).writerows([header, *rows])
    return path


def folder(tmp_path, *, hours=8000, jobs=((0, 3600, 1), (1800, 10000, 2), (1800, 600, 1))):
    rows = [(f"2022-01-01 {h}", 100.0 + (h % 24) * 10) for h in range(hours)]
    write(tmp_path / "data/gaia/ZZ_2022_lca.csv.gz", ("datetime_utc", "carbon_intensity_avg"), rows)
    write(tmp_path / "data/gaia/small.csv", ("arrival_time", "length", "cpus"), jobs)
    return tmp_path


@pytest.mark.shared
def test_the_recorded_table_is_reproduced():
    """All recorded policies agree: carbon within 0.0005, cost within a cent, waits within a second."""
    report = reproduce("gaia", data=shared_dir("runs"))

    pairs = list(report.sections[0].differences())
    assert len(pairs) >= 100
    worst = {
        m: max(abs(p.absolute) for p in pairs if p.measure.column == m)
        for m in ("normalized_carbon", "dollar_cost", "mean_wait_h")
    }
    assert worst["normalized_carbon"] < 1e-6
    assert worst["dollar_cost"] < 1e-5
    assert worst["mean_wait_h"] < 1e-4


@pytest.mark.shared
def test_another_trace_runs_beside_the_recorded_one():
    """A zone file gives rows of its own, named by its stem."""
    runs = shared_dir("runs")

    report = reproduce("gaia", data=runs, zone_files=[runs / "data/gaia/US-CAL-CISO_2022_lca.csv.gz"])

    zones = [row["carbon_trace"] for row in report.sections[0].rows]
    assert zones.count("US-CAL-CISO") == zones.count("AU-SA") == 25


def test_without_a_table_the_papers_own_list_is_run(tmp_path):
    """Every policy of the paper is there, and more freedom never costs more."""
    report = reproduce("gaia", data=folder(tmp_path))

    share = {row["policy"]: row["normalized_carbon"] for row in report.sections[0].rows}
    assert len(share) == 13
    assert share["WaitAwhile"] <= share["Lowest-Window* (true length)"] <= share["NoWait (run-now)"] == 1.0
    assert report.largest_difference is None


def test_spot_changes_the_price_and_not_the_carbon(tmp_path):
    """Short jobs on spot run when they would have run on demand."""
    rows = {row["policy"]: row for row in reproduce("gaia", data=folder(tmp_path)).sections[0].rows}

    demand, spot = rows["Carbon-Time"], rows["Spot-First-Carbon-Time r=0"]
    assert spot["carbon_total_gaia_units"] == demand["carbon_total_gaia_units"]
    assert spot["dollar_cost"] < demand["dollar_cost"]


@pytest.mark.parametrize(
    ("jobs", "message"),
    [
        pytest.param([(0, -5, 1)], "small.csv:2:2 length is '-5'", id="negative duration"),
        pytest.param([(-1, 60, 1)], "arrival_time is '-1'", id="negative arrival"),
        pytest.param([(0, 60, 0)], "cpus is '0'", id="no processor"),
        pytest.param([(0, 60, 1.5)], "cpus is '1.5'", id="half a processor"),
        pytest.param([(0, "long", 1)], "length is 'long'", id="words"),
    ],
)
def test_an_impossible_job_is_named_by_row_and_column(tmp_path, jobs, message):
    """Nothing is dropped in silence."""
    with pytest.raises(MalformedFile, match=message):
        reproduce("gaia", data=folder(tmp_path, jobs=jobs))


def test_a_trace_too_short_for_the_month_is_refused(tmp_path):
    """Thirty days from hour 7000 need 7720 hours."""
    with pytest.raises(MalformedFile, match="allowed: 7720 or more"):
        reproduce("gaia", data=folder(tmp_path, hours=7300))


def test_two_job_traces_are_not_guessed_between(tmp_path):
    """Without a recorded command there must be one."""
    data = folder(tmp_path)
    write(data / "data/gaia/other.csv", ("arrival_time", "length", "cpus"), [(0, 60, 1)])

    with pytest.raises(InvalidInput, match=r"other\.csv, small\.csv"):
        reproduce("gaia", data=data)


def test_a_drawn_trace_has_the_jobs_of_the_one_it_is_like(tmp_path):
    """Same seed, same trace; lengths and processors come in the pairs that exist."""
    like = read_jobs(folder(tmp_path) / "data/gaia/small.csv")

    drawn = draw_jobs(like, 500, span_h=100, seed=3)

    assert np.array_equal(drawn.arrival, draw_jobs(like, 500, span_h=100, seed=3).arrival)
    pairs = set(zip(like.length.tolist(), like.processors.tolist(), strict=True))
    assert set(zip(drawn.length.tolist(), drawn.processors.tolist(), strict=True)) == pairs
    assert drawn.arrival.max() <= 100 * 720
    assert (np.diff(drawn.arrival) >= 0).all()

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
    start = np.datetime64("2022-01-01T00", "s")
    rows = [(start + np.timedelta64(h, "h"), 100.0 + (h % 24) * 10) for h in range(hours)]
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
@pytest.mark.slow
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


RECORDED = ("policy", "scheduling_policy", "carbon_policy", "waiting_h", "reserved", "carbon_trace", "start_index")


def test_rows_of_a_trace_may_stand_in_any_order(tmp_path):
    """Times say which hour a value belongs to: reversed rows and swapped columns give the same figures."""
    data = folder(tmp_path)
    trace = data / "data/gaia/ZZ_2022_lca.csv.gz"
    first = reproduce("gaia", data=data).to_json()["rows"]
    with gzip.open(trace, "rt") as file:
        _, *rows = csv.reader(file)

    write(trace, ("carbon_intensity_avg", "datetime_utc"), [row[::-1] for row in reversed(rows)])

    assert reproduce("gaia", data=data).to_json()["rows"] == first


def test_a_missing_hour_is_named_with_its_line(tmp_path):
    """An hour that is not there would move all later ones."""
    data = folder(tmp_path)
    trace = data / "data/gaia/ZZ_2022_lca.csv.gz"
    with gzip.open(trace, "rt") as file:
        lines = file.read().splitlines()
    with gzip.open(trace, "wt") as file:
        file.write("\n".join([*lines[:5], *lines[6:]]))

    with pytest.raises(
        MalformedFile, match=r"ZZ_2022_lca.csv.gz:6:1 datetime_utc is '2022-01-01T05:00:00'; allowed: one"
    ):
        reproduce("gaia", data=data)


def test_a_table_that_names_other_zones_asks_for_all_traces(tmp_path):
    """A recorded table of another zone still says what to run; of its own traces the others are named in a note."""
    data = folder(tmp_path)
    write(tmp_path / "gaia/results.csv", RECORDED, [("Now", "carbon", "oracle", "0x0", 0, "AU-SA", 10)])

    assert [(r["carbon_trace"], r["policy"]) for r in reproduce("gaia", data=data).sections[0].rows] == [("ZZ", "Now")]

    write(tmp_path / "gaia/results.csv", RECORDED, [("Now", "carbon", "oracle", "0x0", 0, "ZZ", 10)])
    trace = tmp_path / "data/gaia/YY_2022_lca.csv.gz"
    trace.write_bytes((tmp_path / "data/gaia/ZZ_2022_lca.csv.gz").read_bytes())
    report = reproduce("gaia", data=data)
    assert [r["carbon_trace"] for r in report.sections[0].rows] == ["ZZ"]
    assert "not in the recorded table: YY" in report.notes[0]


@pytest.mark.parametrize(
    ("scheduling", "start", "message"),
    [
        ("carbon-now", "oracle", "scheduling_policy of 'P' is 'carbon-now'; allowed: carbon, carbon-spot"),
        ("carbon", "psychic", "carbon_policy of 'P' is 'psychic'; allowed: waiting, lowest"),
    ],
)
def test_an_unknown_policy_is_refused_with_those_there_are(tmp_path, scheduling, start, message):
    """It is not taken for the nearest one."""
    data = folder(tmp_path)
    write(tmp_path / "gaia/results.csv", RECORDED, [("P", scheduling, start, "6x24", 0, "ZZ", 10)])

    with pytest.raises(MalformedFile, match=message):
        reproduce("gaia", data=data)


def test_a_policy_by_hand(tmp_path):
    """
    Intensity 100, 110, ... by hour of the day; one job of an hour and two processors at 01:00 waits for 00:00.

    On arrival it costs 110 g/kWh x 2 kW; the lowest hour within 24 h is the next midnight at 100, 23 h later.
    """
    data = folder(tmp_path, jobs=((3600, 7200 + 5, 2),))
    write(
        tmp_path / "gaia/results.csv",
        RECORDED,
        [("Now", "carbon", "oracle", "0x0", 0, "ZZ", 0), ("Best", "carbon", "oracle", "6x24", 0, "ZZ", 0)],
    )

    now, best = reproduce("gaia", data=data).sections[0].rows

    seconds = 5 / 3600
    assert now["carbon_total_gaia_units"] == pytest.approx(2 * (110 + 120 + 130 * seconds) / 1000)
    assert best["carbon_total_gaia_units"] == pytest.approx(2 * (100 + 110 + 120 * seconds) / 1000)
    assert best["mean_wait_h"] == pytest.approx(23.0)

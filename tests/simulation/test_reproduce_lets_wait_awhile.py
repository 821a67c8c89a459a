"""Let's Wait Awhile: the recorded tables, and the quirks by hand on a made-up zone."""

import csv
from datetime import datetime, timedelta

import numpy as np
import pytest

from gridtide.domain.errors import InvalidInput, MalformedFile
from gridtide.simulation.reproduce import reproduce
from gridtide.simulation.reproduce.lets_wait_awhile import generate_ml_jobs
from support import shared_dir


def write_zone(path, value, *, start="2021-01-01", days=375, skip=()):
    begin = datetime.fromisoformat(start)
    with path.open("w", newline="") as file:
        out = csv.writer(file)
        out.writerow(["Time", "Carbon Intensity"])
        for slot in range(days * 48):
            if slot not in skip:
                instant = begin + timedelta(minutes=30 * slot)
                out.writerow([instant.isoformat(" "), value(instant)])
    return path


def night_is_clean(instant):
    return 100.0 if instant.hour < 6 else 300.0


def folder(tmp_path):
    (tmp_path / "data" / "lets-wait-awhile").mkdir(parents=True)
    return tmp_path


@pytest.mark.shared
def test_the_recorded_tables_are_reproduced():
    """Every recorded value of every country agrees within 0.01 % or 0.01 percentage points."""
    report = reproduce("lets-wait-awhile", data=shared_dir("runs"))

    pairs = [pair for section in report.sections for pair in section.differences()]
    assert len(pairs) > 200
    assert report.largest_difference.tolerances <= 1.0
    measured = [p for p in pairs if not p.measure.recorded.startswith("published")]
    assert max(abs(p.absolute) / max(1.0, abs(p.recorded)) for p in measured) < 1e-6


@pytest.mark.shared
def test_the_job_rule_gives_the_recorded_jobs():
    """The generator draws the same 3,387 jobs as the file holds."""
    path = shared_dir("runs", "data", "lets-wait-awhile", "ml_jobs.csv")
    recorded = np.loadtxt(path, delimiter=",", skiprows=1, dtype=np.int64)

    jobs = generate_ml_jobs(2020)

    assert (jobs.arrival_min == recorded[:, 1]).all()
    assert (jobs.duration_min == recorded[:, 2]).all()


def test_jobs_fall_on_workdays_between_nine_and_five():
    """The rule holds in any year."""
    jobs = generate_ml_jobs(2023)
    days = jobs.arrival_min // 1440
    weekday = np.array([(datetime(2023, 1, 1) + timedelta(days=int(d))).weekday() for d in days])  # noqa: DTZ001

    assert weekday.max() <= 4
    assert (jobs.arrival_min % 1440).min() >= 9 * 60
    assert (jobs.arrival_min % 1440).max() < 17 * 60
    assert jobs.duration_min.min() >= 240
    assert jobs.duration_min.max() < 5400


def test_a_zone_file_alone_gives_all_rows_of_that_zone(tmp_path):
    """Without any recorded table or job file the rule's jobs run, and nothing is claimed about differences."""
    zone = write_zone(tmp_path / "xx_ci.csv", night_is_clean)

    report = reproduce("lets-wait-awhile", data=folder(tmp_path), zone_files=[zone])

    ml, nightly = (section.rows for section in report.sections)
    assert {row["country"] for row in ml} == {"xx"}
    assert (len(ml), len(nightly)) == (13, 17)
    assert report.largest_difference is None
    assert list(report.lines())[-1] == "Nothing is recorded to compare with."


def test_nightly_means_follow_the_clean_hours(tmp_path):
    """01:00 is already clean, so moving saves nothing; the peer drops the first job once its window begins too early."""
    zone = write_zone(tmp_path / "xx_ci.csv", night_is_clean)

    rows = reproduce("lets-wait-awhile", data=folder(tmp_path), zone_files=[zone]).sections[1].rows

    by_window = {row["window_steps_30min"]: row for row in rows}
    assert by_window[2]["avg_ci_g_per_kwh"] == pytest.approx(100.0)
    assert by_window[3]["avg_ci_g_per_kwh"] == pytest.approx(100.0 * 364 / 365)
    assert by_window[16]["strict_avg_ci"] == pytest.approx(100.0)
    assert by_window[16]["strict_savings_pct"] == 0.0


def test_a_flat_zone_saves_nothing(tmp_path):
    """On equal values every contiguous plan costs the same; interrupted runs use exactly their slots when strict."""
    zone = write_zone(tmp_path / "xx_ci.csv", lambda _: 250.0)

    rows = reproduce("lets-wait-awhile", data=folder(tmp_path), zone_files=[zone]).sections[0].rows

    exact = [row for row in rows if row["forecast_error"] == 0.0]
    assert all(row["strict_savings_pct"] == pytest.approx(0.0, abs=1e-9) for row in exact)


def test_more_freedom_saves_more(tmp_path):
    """Longer deadlines and pauses never cost, with exact forecasts."""
    zone = write_zone(tmp_path / "xx_ci.csv", lambda t: 200 + 100 * np.sin(t.hour / 24 * 6.28) + 3 * t.day)

    rows = reproduce("lets-wait-awhile", data=folder(tmp_path), zone_files=[zone]).sections[0].rows

    grams = {
        (r["deadline_rule"], r["interruptible"]): r["strict_emissions_g_at_1W"]
        for r in rows
        if r["forecast_error"] == 0.0
    }
    assert grams["semi_weekly", True] < grams["semi_weekly", False] < grams["baseline", False]
    assert grams["next_workday", True] < grams["next_workday", False] < grams["baseline", False]


def test_a_gap_in_the_series_is_refused(tmp_path):
    """A missing half hour is not bridged: missing is not clean."""
    zone = write_zone(tmp_path / "xx_ci.csv", night_is_clean, skip={100})

    with pytest.raises(MalformedFile, match="gap after 2021-01-03T01:30"):
        reproduce("lets-wait-awhile", data=folder(tmp_path), zone_files=[zone])


def test_a_negative_value_is_refused(tmp_path):
    """An average carbon intensity is never below zero."""
    zone = write_zone(tmp_path / "xx_ci.csv", lambda t: -1.0 if t.day == 3 else 1.0)

    with pytest.raises(MalformedFile, match="zero or more"):
        reproduce("lets-wait-awhile", data=folder(tmp_path), zone_files=[zone])


def test_an_unknown_paper_names_the_known_ones(tmp_path):
    """The message lists what can be reproduced."""
    with pytest.raises(InvalidInput, match="lets-wait-awhile"):
        reproduce("lets-hurry", data=tmp_path)


def test_a_missing_folder_is_named(tmp_path):
    """Data that are not there are an error of the caller, not an empty table."""
    with pytest.raises(InvalidInput, match="is no folder"):
        reproduce("lets-wait-awhile", data=tmp_path / "nowhere")

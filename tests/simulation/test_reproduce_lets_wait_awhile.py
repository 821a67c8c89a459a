"""Let's Wait Awhile: the recorded tables, and the quirks by hand on a made-up zone."""

import csv
import gzip
from datetime import datetime, timedelta

import numpy as np
import pytest

from gridtide.domain.errors import InvalidInput, MalformedFile
from gridtide.simulation.reproduce import reproduce
from gridtide.simulation.reproduce.lets_wait_awhile import generate_ml_jobs
from support import shared_dir


def write_zone(path, value, *, start="2021-01-01", days=375, skip=()):
    begin = datetime.fromisoformat(start)
    path.parent.mkdir(exist_ok=True)
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


@pytest.mark.slow
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


def job_file(folder_path, *rows):
    """Jobs of our own beside the zones."""
    target = folder_path / "data" / "lets-wait-awhile"
    target.mkdir(parents=True, exist_ok=True)
    (target / "ml_jobs.csv").write_text(
        "id,arrival_min,duration_min\n" + "".join(f"{k},{a},{d}\n" for k, (a, d) in rows)
    )


def test_the_jobs_of_the_file_run_whatever_day_they_fall_on(tmp_path):
    """One job of a slot on Sunday 3 January 2021 at 10:00: strict next workday looks to Monday 09:00, all at 10 g/kWh."""
    zone = write_zone(tmp_path / "xx_ci.csv", lambda t: 10.0 if t.day == 4 else 100.0)
    job_file(tmp_path, (0, (2 * 1440 + 600, 30)))

    report = reproduce("lets-wait-awhile", data=tmp_path, zone_files=[zone])

    rows = {(r["deadline_rule"], r["interruptible"]): r for r in report.sections[0].rows if r["forecast_error"] == 0.0}
    assert rows["baseline", False]["strict_emissions_g_at_1W"] == pytest.approx(100 * 0.5 / 1000)
    assert rows["next_workday", False]["strict_emissions_g_at_1W"] == pytest.approx(10 * 0.5 / 1000)
    assert rows["next_workday", False]["job_hours"] == 0.5
    assert any("1 of 1 jobs of ml_jobs.csv arrive at a weekend" in note for note in report.notes)


def test_a_short_series_runs_the_jobs_it_covers(tmp_path):
    """Of two jobs one ends after the data; four nights are divided by 365 in the peer's mean and by four strictly."""
    path = tmp_path / "xx_ci.csv"
    times = [datetime(2020, 1, 1) + timedelta(minutes=30 * k) for k in range(4 * 48)]  # noqa: DTZ001
    path.write_text("Time,Carbon Intensity\n" + "".join(f"{t},73\n" for t in times))
    job_file(tmp_path, (0, (0, 60)), (1, (4 * 1440 - 30, 60)))

    report = reproduce("lets-wait-awhile", data=tmp_path, zone_files=[path])

    ml, nightly = (section.rows for section in report.sections)
    assert ml[0]["emissions_g_at_1W"] == pytest.approx(73 * 1.0 / 1000)
    assert nightly[0]["avg_ci_g_per_kwh"] == pytest.approx(73 * 4 / 365)
    assert nightly[0]["strict_avg_ci"] == pytest.approx(73)
    assert any("1 of 2 jobs end after its last half hour" in note for note in report.notes)
    assert any("4 nights" in note for note in report.notes)


def test_a_series_no_job_fits_into_is_refused(tmp_path):
    """No row is made up of nothing."""
    path = write_zone(tmp_path / "xx_ci.csv", night_is_clean)
    job_file(tmp_path, (0, (400 * 1440, 60)))

    with pytest.raises(InvalidInput, match="no job ends before"):
        reproduce("lets-wait-awhile", data=tmp_path, zone_files=[path])


def test_the_papers_year_is_taken_where_the_file_holds_it(tmp_path):
    """A file from December 2018 on starts at 1 January 2020, not at the first new year in it."""
    path = tmp_path / "xx_ci.csv"
    times = [datetime(2018, 12, 31) + timedelta(minutes=30 * k) for k in range(372 * 48)]  # noqa: DTZ001
    path.write_text("Time,Carbon Intensity\n" + "".join(f"{t},{50 if t.year == 2020 else 900}\n" for t in times))
    job_file(tmp_path, (0, (0, 60)))

    row = reproduce("lets-wait-awhile", data=tmp_path, zone_files=[path]).sections[0].rows[0]

    assert row["avg_ci_g_per_kwh"] == pytest.approx(50.0)


@pytest.mark.slow
def test_dialect_and_order_of_the_rows_do_not_matter(tmp_path):
    """Rows from last to first, columns swapped, byte order mark, CRLF and gzip give the same table."""
    plain = write_zone(tmp_path / "xx_ci.csv", night_is_clean)
    head, *rows = [line.split(",") for line in plain.read_text().splitlines()]
    text = "\ufeff" + "".join(f"{b},{a}\r\n" for a, b in [head, *reversed(rows)])
    other = tmp_path / "other" / "xx_ci.csv.gz"
    other.parent.mkdir()
    other.write_bytes(gzip.compress(text.encode()))
    job_file(tmp_path, (0, (600, 90)))

    first, second = (
        reproduce("lets-wait-awhile", data=tmp_path, zone_files=[path]).to_json() for path in (plain, other)
    )

    assert first["rows"] == second["rows"]


def test_a_time_that_occurs_twice_is_named_with_its_line(tmp_path):
    """The hour that a clock repeats in autumn is not guessed apart."""
    path = write_zone(tmp_path / "xx_ci.csv", night_is_clean)
    lines = path.read_text().splitlines()
    path.write_text("\n".join([*lines, lines[5]]) + "\n")

    with pytest.raises(MalformedFile, match=rf"xx_ci.csv:{len(lines) + 1}:1 Time is .* no row above has"):
        reproduce("lets-wait-awhile", data=folder(tmp_path), zone_files=[path])


def test_two_files_of_one_zone_are_refused(tmp_path):
    """One would hide the other."""
    paths = [write_zone(tmp_path / name / "xx_ci.csv", night_is_clean) for name in ("a", "b")]

    with pytest.raises(InvalidInput, match="both zone 'xx'"):
        reproduce("lets-wait-awhile", data=folder(tmp_path), zone_files=paths)


@pytest.mark.slow
def test_published_values_stand_in_columns_of_their_names(tmp_path):
    """A row carries what the paper printed for it, from either table."""
    zone = write_zone(tmp_path / "xx_ci.csv", night_is_clean)
    tables = tmp_path / "lets-wait-awhile"
    tables.mkdir()
    (tables / "published_ml_fig.csv").write_text(
        "country,deadline_rule,interruptible,forecast_error,published_savings_pct,source\nxx,semi_weekly,True,0.05,7.5,f\n"
    )
    (tables / "ml.csv").write_text(
        "country,deadline_rule,interruptible,forecast_error,savings_pct,published_savings_pct\n"
        "xx,semi_weekly,True,0.05,7.4,\n"
    )
    (tables / "published_nightly_fig_err5.csv").write_text("window_steps_30min,xx_ci,xx_sav\n2,99.5,1.5\n")

    ml, nightly = (s.rows for s in reproduce("lets-wait-awhile", data=folder(tmp_path), zone_files=[zone]).sections)

    told = {(r["deadline_rule"], r["interruptible"], r["forecast_error"]): r["published_savings_pct"] for r in ml}
    assert told["semi_weekly", True, 0.05] == 7.5
    assert told["semi_weekly", True, 0.0] is None
    assert (nightly[2]["published_avg_ci_err5"], nightly[2]["published_savings_pct_err5"]) == (99.5, 1.5)

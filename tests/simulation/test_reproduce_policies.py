"""All policies on one footing: the recorded tables, and every rule by hand on made-up zones."""

from datetime import datetime, timedelta

import numpy as np
import pytest

from gridtide.domain.errors import MalformedFile
from gridtide.simulation.backtest import SlotJobs
from gridtide.simulation.reproduce import policies_live, reproduce
from gridtide.simulation.reproduce.policies_live import LiveForecast
from support import shared_dir

FRIDAY_EVENING = 17 * 60 + 30
WEEK = 7 * 48


def write_zone(path, value, *, before=12, days=9):
    """Half hours from *before* days before Friday 1 January 2021 on."""
    path.parent.mkdir(parents=True, exist_ok=True)
    times = [datetime(2021, 1, 1) + timedelta(minutes=30 * k) for k in range(-before * 48, days * 48)]  # noqa: DTZ001
    path.write_text("Time,Carbon Intensity\n" + "".join(f"{t},{value(t)}\n" for t in times))
    return path


def folder(tmp_path, *jobs):
    """A data folder with jobs of (arrival, duration) in minutes."""
    target = tmp_path / "data" / "lets-wait-awhile"
    target.mkdir(parents=True, exist_ok=True)
    rows = "".join(f"{k},{arrival},{duration}\n" for k, (arrival, duration) in enumerate(jobs))
    (target / "ml_jobs.csv").write_text("id,arrival_min,duration_min\n" + rows)
    return tmp_path


def report_of(tmp_path, value, *jobs, **shape):
    zone = write_zone(tmp_path / "xx_ci.csv", value, **shape)
    return reproduce("policies", data=folder(tmp_path, *jobs), zone_files=[zone])


def catalogue(report, rule="next_workday"):
    rows = report.to_json()["rows"]
    return {row["policy"]: row for row in rows if row.get("deadline_rule") == rule}


def slack(report, table, duration, hours):
    rows = report.to_json()["rows"]
    [row] = [
        row for row in rows if row["table"] == table and row["duration"] == duration and row["max_delay_h"] == hours
    ]
    return row


@pytest.mark.shared
@pytest.mark.slow
def test_the_three_recorded_tables_are_met_to_the_printed_digit():
    """All 64, 60 and 20 recorded rows stand beside ours and agree in every column."""
    report = reproduce("policies", data=shared_dir("runs"))

    pairs = [pair for section in report.sections for pair in section.differences()]
    assert len(pairs) == 64 * 5 + 60 * 5 + 20 * 3
    assert report.largest_difference.tolerances <= 1.0
    printed = [pair for pair in pairs if pair.measure.column != "emissions_g_at_1W"]
    assert max(abs(pair.absolute) for pair in printed) < 5.1e-5
    assert max(abs(pair.absolute) for pair in printed if pair.measure.column.startswith("mean_")) < 5.1e-6


def test_rows_carry_the_columns_of_the_recorded_tables(tmp_path):
    """Programs that read the recorded files read these rows too."""
    report = report_of(tmp_path, lambda _: 100, (600, 30))

    columns = {}
    for row in report.to_json()["rows"]:
        columns.setdefault(row["table"], set(row)).intersection_update(row)
    assert columns["policy_catalogue_strict"] >= {
        "country",
        "deadline_rule",
        "policy",
        "emissions_g_at_1W",
        "savings_pct",
        "mean_start_delay_h",
        "mean_finish_delay_h",
        "mean_suspensions_per_job",
    }
    job = {"country", "duration", "max_delay_h", "lowest_window_oracle"}
    without = {"k_lowest_oracle", "static_threshold_250_fr60", "percentile25_start", "suspend_median_7d"}
    assert columns["slack_curve"] >= job | without
    assert columns["slack_curve_history_forecast"] >= job | {"lowest_window_damped_fc_live", "same_replanned_hourly"}


def test_every_policy_by_hand(tmp_path):
    """Half an hour on Friday 17:30, due on Saturday 09:00, where only 08:00 to 09:00 is at 10 instead of 100 g/kWh."""
    report = report_of(tmp_path, lambda t: 10 if t.hour == 8 else 100, (FRIDAY_EVENING, 30))

    delay = {name: (round(row["savings_pct"]), row["mean_start_delay_h"]) for name, row in catalogue(report).items()}
    assert delay == {
        "run_now": (0, 0.0),
        "run_latest": (90, 15.0),
        "lowest_slot (oracle CI)": (90, 14.5),
        "lowest_window (oracle CI)": (90, 14.5),
        "carbon_time (oracle CI)": (90, 14.5),
        "k_lowest interruptible (oracle CI)": (90, 14.5),
        "lowest_window (history fc)": (90, 14.5),
        "carbon_time (history fc)": (90, 14.5),
        "k_lowest (history fc, once)": (90, 14.5),
        "percentile start p25 trailing 30d (no fc)": (0, 0.0),
        "percentile start p50 trailing 30d (no fc)": (0, 0.0),
        "static threshold start (200; fr 50)": (0, 0.0),
        "static threshold start (own median)": (0, 0.0),
        "ecovisor suspend p30 next24h (GAIA)": (90, 14.5),
        "suspend p30 trailing 7d (no fc)": (90, 14.5),
        "suspend p50 trailing 7d (no fc)": (90, 14.5),
        "online k-min search (L,U trailing 30d)": (90, 14.5),
    }


def test_carbon_time_weighs_what_is_saved_against_the_wait(tmp_path):
    """20 g/kWh after five hours saves more per hour than 10 after fourteen and a half; the window takes the 10."""
    low = {22: 20, 8: 10}
    report = report_of(tmp_path, lambda t: low.get(t.hour, 100), (FRIDAY_EVENING, 30))

    rows = catalogue(report)
    for source in ("oracle CI", "history fc"):
        assert rows[f"carbon_time ({source})"]["mean_start_delay_h"] == 4.5
        assert rows[f"lowest_window ({source})"]["mean_start_delay_h"] == 14.5


def test_pieces_are_counted_from_the_first_to_the_last(tmp_path):
    """An hour from Friday 17:00 on in the half hours at 22:00 and 06:00: one pause, done twelve and a half hours late."""
    report = report_of(
        tmp_path, lambda t: 10 if t.hour in {22, 6} and t.minute == 0 else 100, (17 * 60, 60), (17 * 60, 60)
    )

    for policy in ("k_lowest interruptible (oracle CI)", "k_lowest (history fc, once)"):
        row = catalogue(report)[policy]
        assert row["emissions_g_at_1W"] == pytest.approx(2 * (10 + 10) * 0.5 / 1000)
        assert (row["mean_start_delay_h"], row["mean_finish_delay_h"]) == (5.0, 12.5)
        assert row["mean_suspensions_per_job"] == 1.0


def test_a_lowest_slot_ignores_what_follows_it(tmp_path):
    """One clean half hour before a dirty one draws the lowest-slot policy; the window sees both."""
    report = report_of(
        tmp_path,
        lambda t: {(22, 0): 1, (22, 30): 300, (6, 0): 50, (6, 30): 50}.get((t.hour, t.minute), 100),
        (17 * 60, 60),
    )

    rows = catalogue(report)
    assert rows["lowest_slot (oracle CI)"]["savings_pct"] == pytest.approx(-50.5)
    assert rows["lowest_window (oracle CI)"]["savings_pct"] == pytest.approx(50.0)


def test_a_bare_threshold_that_waits_while_it_climbs_emits_more(tmp_path):
    """At 190 g/kWh above the 25 % quantile, an hour's job that may wait an hour starts at 200; the forecast starts it."""
    report = report_of(tmp_path, lambda t: 100 + 10 * t.hour, (540, 30), (540, 30))

    curve = slack(report, "slack_curve", "1 h", 1)
    gated = slack(report, "slack_curve_history_forecast", "1 h", 1)
    assert curve["percentile25_start"] == pytest.approx(100 * (1 - 200 / 190))
    assert curve["static_threshold_250_fr60"] == 0.0
    assert gated["lowest_window_damped_fc_live"] == gated["same_replanned_hourly"] == 0.0
    assert any("cases emit more than a start on arrival, at worst" in note for note in report.notes)
    assert any(note.startswith("On the live forecast none of") for note in report.notes)


def test_more_delay_never_costs_with_a_true_forecast(tmp_path):
    """Pieces save at least what a window does, and no delay saves nothing."""
    report = report_of(tmp_path, lambda t: 100 + 37 * t.hour % 90 + t.day, (540, 360), (960, 240), (5 * 1440, 60))

    rows = [row for row in report.to_json()["rows"] if row["table"] == "slack_curve"]
    for duration in ("ml 4-90 h", "1 h", "4 h"):
        whole, split = (
            [row[name] for row in rows if row["duration"] == duration]
            for name in ("lowest_window_oracle", "k_lowest_oracle")
        )
        assert len(whole) == 10
        assert whole[0] == split[0] == 0.0
        assert whole == sorted(whole)
        assert all(pieces >= window - 1e-9 for pieces, window in zip(split, whole, strict=True))


def test_the_own_threshold_is_the_median_before_the_year(tmp_path):
    """A clean zone finds its own figure from what its file holds before; 200 g/kWh would start everything."""
    report = report_of(tmp_path, lambda t: 20 if t.hour < 13 else 40, (FRIDAY_EVENING, 30), before=8)

    rows = catalogue(report)
    own, fixed = rows["static threshold start (own median)"], rows["static threshold start (200; fr 50)"]
    assert (own["limit_g_per_kwh"], fixed["limit_g_per_kwh"]) == (20.0, 200.0)
    assert (own["mean_start_delay_h"], fixed["mean_start_delay_h"]) == (6.5, 0.0)
    assert own["savings_pct"] == pytest.approx(50.0)
    assert any("own median 20.0, of the 8 days before the year" in note for note in report.notes)


def test_a_zone_that_begins_with_the_year_runs_early_jobs_on_arrival(tmp_path):
    """A week that is not known is not made up: no forecast, no own threshold, and both are said."""
    report = report_of(tmp_path, lambda t: 10 if t.hour == 8 else 100, (FRIDAY_EVENING, 30), before=0)

    rows = catalogue(report)
    assert rows["lowest_window (history fc)"]["savings_pct"] == 0.0
    assert rows["lowest_window (oracle CI)"]["savings_pct"] == pytest.approx(90.0)
    assert "static threshold start (own median)" not in rows
    assert slack(report, "slack_curve", "1 h", 24)["static_threshold_own_median"] is None
    assert slack(report, "slack_curve_history_forecast", "1 h", 24)["same_replanned_hourly"] == 0.0
    assert any("1 of 1 jobs arrive with less than a week known" in note for note in report.notes)


def test_the_very_first_slot_has_no_past_to_compare_with(tmp_path):
    """A job at the first known half hour runs on arrival wherever a bound from the past is asked for."""
    rows = catalogue(report_of(tmp_path, lambda t: 10 if t.hour == 8 else 100, (0, 30), before=0), "semi_weekly")

    for policy in ("suspend p50 trailing 7d (no fc)", "online k-min search (L,U trailing 30d)"):
        assert rows[policy]["mean_start_delay_h"] == 0.0


def test_a_job_file_without_jobs_is_named(tmp_path):
    """What is missing is the jobs, not half hours for them."""
    with pytest.raises(MalformedFile, match="ml_jobs.csv holds no job"):
        report_of(tmp_path, lambda _: 100)


def test_a_zone_without_emissions_has_no_share_to_save(tmp_path):
    """Nothing divided by nothing is null, not zero, and is no case of doing worse."""
    report = report_of(tmp_path, lambda _: 0, (FRIDAY_EVENING, 30))

    rows = catalogue(report)
    assert {row["savings_pct"] for row in rows.values()} == {None}
    assert {row["emissions_g_at_1W"] for row in rows.values()} == {0.0}
    assert not any("cases" in note for note in report.notes)


def test_a_flat_zone_is_never_waited_for_by_a_plan(tmp_path):
    """Rounding of sums and means is no reason to wait or to pause."""
    rows = catalogue(report_of(tmp_path, lambda _: 250.1, (FRIDAY_EVENING, 1980), (690, 330)))

    planned = [row for name, row in rows.items() if "(oracle CI)" in name or "history fc" in name]
    assert len(planned) == 7
    assert {(row["mean_finish_delay_h"], row["mean_suspensions_per_job"]) for row in planned} == {(0.0, 0.0)}


def test_recorded_rows_of_any_country_stand_beside_ours(tmp_path):
    """A folder's own tables are compared by country, rule and policy, or job and delay; a wrong figure shows last."""
    tables = folder(tmp_path, (FRIDAY_EVENING, 30)) / "lets-wait-awhile"
    tables.mkdir()
    (tables / "policy_catalogue_strict.csv").write_text(
        "country,deadline_rule,policy,emissions_g_at_1W,savings_pct\n"
        "xx,next_workday,lowest_window (oracle CI),0.005,90\nyy,next_workday,run_now,1,0\n"
    )
    (tables / "slack_curve.csv").write_text("country,duration,max_delay_h,k_lowest_oracle\nxx,1 h,24.0,55\n")

    report = report_of(tmp_path, lambda t: 10 if t.hour == 8 else 100, (FRIDAY_EVENING, 30))

    assert report.to_json()["compared"] == 3
    assert (report.largest_difference.row, report.largest_difference.recorded) == ("xx 1 h 24", 55.0)
    assert report.largest_difference.ours == pytest.approx(90.0)
    assert "OUTSIDE the tolerance" in " ".join(list(report.lines())[-3:])


def test_the_live_forecast_fades_from_the_present_value():
    """A week at 100 and 148 now: 48 above, fading with a day; the present stands, nothing falls below a fifth."""
    values = np.append(np.full(WEEK, 100.0), [148.0, 0.0])

    high, low = LiveForecast(values).made_at(np.array([WEEK, WEEK + 1]), 60)

    assert high[0] == 148.0
    assert high[2] == pytest.approx(100 + 48 * np.exp(-1 / 24))
    assert high[48] == pytest.approx(100 + 48 * np.exp(-1))
    assert low[0] == 0.0
    assert low[1] == pytest.approx(0.2 * (100 * (WEEK - 1) + 148) / WEEK)


def test_a_plan_is_looked_at_again_at_its_start_or_after_the_interval():
    """At 09:00 noon looks best; whoever looks again at 10:00 finds a cleaner half hour, at 10:30 it is over."""
    day = np.full(48, 100.0)
    day[24] = 30.0
    today = day.copy()
    today[20] = 5.0
    values = np.concatenate([np.tile(day, 7), today])
    nine = WEEK + 18
    jobs = SlotJobs(*(np.array([n]) for n in (nine, 1, 8)))

    assert policies_live.starts_once(values, jobs) == [nine + 6]
    assert policies_live.starts_replanned(values, jobs, 2) == [nine + 2]
    assert policies_live.starts_replanned(values, jobs, 3) == [nine + 6]
    assert policies_live.starts_replanned(values, jobs, 40) == [nine + 6]

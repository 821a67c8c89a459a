"""What forecasts were worth in 2020, beside the recorded rows, and by hand."""

from datetime import datetime, timedelta

import pytest

from gridtide.simulation.reproduce import recorded_value
from gridtide.simulation.tables import recorded_rows
from support import shared_dir

KEYS = ("deadline_rule", "interruptible", "forecast", "planning")


def folder(tmp_path, value, *, before=16, days=4, jobs=((600, 30),)):
    """Half hours around 1 January 2020, and jobs as (arrival, duration)."""
    start = datetime(2020, 1, 1) - timedelta(days=before)  # noqa: DTZ001
    times = [start + timedelta(minutes=30 * k) for k in range((before + days) * 48)]
    (tmp_path / "xx_ci.csv").write_text("Time,Carbon Intensity\n" + "".join(f"{t},{value(t)}\n" for t in times))
    (tmp_path / "ml_jobs.csv").write_text("arrival_min,duration_min\n" + "".join(f"{a},{d}\n" for a, d in jobs))
    return tmp_path


def by_key(rows):
    return {tuple(row[key] for key in KEYS): row for row in rows}


def test_a_forecast_that_is_right_saves_all(tmp_path):
    """Every day alike, 10 g/kWh at 08:00 and 100 otherwise: the job that ends Wednesday 18:00 may wait until 09:00."""
    rows = by_key(
        recorded_value.rows(folder(tmp_path, lambda t: 10 if t.hour == 8 else 100, jobs=((17 * 60 + 30, 30),)))
    )

    row = rows["next_workday", False, "daily_naive", "once at submit"]
    assert row["savings_pct"] == pytest.approx(90.0)
    assert row["pct_of_oracle_savings"] == pytest.approx(100.0)
    assert rows["next_workday", True, "weekday_corrected", "replan every 30min"]["savings_pct"] == pytest.approx(90.0)


def test_a_forecast_that_is_wrong_costs(tmp_path):
    """Until New Year 08:00 was clean, from then on it is the dirtiest: whoever believes the past waits for 400."""
    rows = by_key(
        recorded_value.rows(
            folder(
                tmp_path,
                lambda t: 100 if t.hour != 8 else 10 if t.year == 2019 or t.day == 1 else 400,
                jobs=((17 * 60 + 30, 30),),
            )
        )
    )

    assert rows["next_workday", False, "daily_naive", "once at submit"]["savings_pct"] == pytest.approx(-300.0)
    assert rows["next_workday", False, "oracle", "once at submit"]["savings_pct"] == pytest.approx(0.0)


def test_without_a_week_before_the_year_there_is_no_row(tmp_path):
    """Nothing can be forecast from nothing."""
    assert recorded_value.rows(folder(tmp_path, lambda _: 100, before=3)) == []


@pytest.mark.shared
@pytest.mark.slow
def test_recorded_rows_are_met():
    """Rows planned once agree to the digit, but for methods that repeat one day: there equal windows tie."""
    runs = shared_dir("runs")
    recorded = recorded_rows(runs / "forecasting" / "decision_value_lwa_ml.csv")

    tables = recorded_value.sections(recorded_value.rows(runs / "data" / "lets-wait-awhile"), recorded)

    pairs = [pair for table in tables for pair in table.differences() if pair.measure.column == "savings_pct"]
    tied = [pair for pair in pairs if "daily_naive" in pair.row or "mean7d" in pair.row]
    assert len(pairs) == 2 * 2 * 2 * 6
    assert max(abs(pair.absolute) for pair in pairs if pair not in tied) < 1e-6
    assert max(abs(pair.absolute) for pair in tied) < 0.06

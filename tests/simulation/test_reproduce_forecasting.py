"""Forecasts and what they are worth, on zones of any name and year."""

import csv
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from gridtide.domain.errors import InvalidInput, MalformedFile
from gridtide.simulation.reproduce import reproduce
from gridtide.simulation.reproduce.forecasting import read_zone
from support import shared_dir


def zone_file(folder, *, name="XX-TEST_2018-2019.csv", days=560, gap=None):
    """A zone with a daily wave, lower weekends and noise, in the shape of the reference files."""
    rng = np.random.default_rng(11)
    start = datetime(2018, 7, 1, tzinfo=UTC)
    path = folder / name
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["datetime_utc", "ci_direct", "ci_lca", "estimated"])
        for k in range(days * 24):
            when = start + timedelta(hours=k)
            value = 300 + 90 * np.sin(k / 24 * 2 * np.pi) - 60 * (when.weekday() >= 5) + rng.normal(0, 12)
            shown = "" if gap and gap[0] <= k < gap[1] else f"{value:.2f}"
            writer.writerow([when.strftime("%Y-%m-%d %H:%M"), shown, shown, 0])
    return path


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    folder = tmp_path_factory.mktemp("zones")
    (folder / "data").mkdir()
    return reproduce("forecasting", data=folder, zone_files=[zone_file(folder)]).to_json()


@pytest.mark.slow
class TestAnyZone:
    def test_the_test_year_comes_from_the_file(self, report):
        """July 2018 to January 2020 holds one whole year, 2019: 362 origins with four days after them."""
        rows = [r for r in report["rows"] if r.get("method") == "weekday_damped"]

        assert [r["region"] for r in rows] == ["XX-TEST"]
        assert rows[0]["n_origins"] == 362

    def test_weekends_make_the_difference(self, report):
        """On a zone with a weekday pattern the weekday-aware method beats the plain one on every lead day."""
        by = {r["method"]: r for r in report["rows"] if "method" in r}

        assert all(by["weekday_damped"][f"day{k}"] < by["damped_anomaly"][f"day{k}"] for k in range(1, 5))

    def test_the_interval_keeps_its_promise(self, report):
        """The 80 % interval covers 75 to 85 %."""
        row = next(r for r in report["rows"] if r.get("method") == "weekday_damped")

        assert 0.75 <= row["coverage_80"] <= 0.85

    def test_every_share_lies_between_loss_and_oracle(self, report):
        """No plan beats the oracle, and on a regular zone none loses."""
        shares = [r["pct_of_oracle_savings"] for r in report["rows"] if "savings_pct" in r]

        assert len(shares) == 17 * 2 * 2
        assert min(shares) >= 0.0
        assert max(shares) <= 100.0 + 1e-9

    def test_rows_carry_the_reference_names(self, report):
        """Columns are those of the recorded tables."""
        first = report["rows"][0]

        assert {"region", "method", "day1", "day4", "mape_24h", "mape_48h", "mape_96h", "n_origins"} <= set(first)


class TestBadFiles:
    def test_a_gap_stays_unknown(self, tmp_path):
        """Empty cells are NaN, not zero (invariant I4)."""
        zone = read_zone("XX", zone_file(tmp_path, days=2, gap=(5, 8)))

        assert np.isnan(zone.lifecycle[5:8]).all()
        assert not np.isnan(zone.lifecycle[8])

    def test_a_short_file_is_refused(self, tmp_path):
        """Without a whole year after 14 weeks there is nothing to judge."""
        with pytest.raises(InvalidInput, match="zone XX-TEST covers no whole year with 14 weeks before it"):
            reproduce("forecasting", data=tmp_path, zone_files=[zone_file(tmp_path, days=30)])

    def test_half_hours_are_refused_with_their_place(self, tmp_path):
        """The message names file, line and column."""
        path = tmp_path / "a_2020.csv"
        path.write_text("datetime_utc,ci_direct,ci_lca\n2020-01-01 00:00,1,1\n2020-01-01 00:30,1,1\n")
        with pytest.raises(MalformedFile, match=r"a_2020.csv:3:1 datetime_utc is .* a whole hour after the first row"):
            read_zone("a", path)

    def test_words_in_a_value_are_refused_with_their_place(self, tmp_path):
        """A typing error is not a missing value."""
        path = tmp_path / "a_2020.csv"
        path.write_text("datetime_utc,ci_direct,ci_lca\n2020-01-01 00:00,1,12,5\n")
        with pytest.raises(MalformedFile, match="has 4 cells, the header 3"):
            read_zone("a", path)

    def test_no_zone_at_all_is_said(self, tmp_path):
        """The message names the folder looked at and the way to add a zone."""
        with pytest.raises(InvalidInput, match="no zone in .*electricitymaps"):
            reproduce("forecasting", data=tmp_path)


@pytest.mark.shared
@pytest.mark.slow
def test_the_recorded_rows_are_met(tmp_path):
    """On the real zone of Great Britain every recorded naive row is reproduced, and no plan loses."""
    source = shared_dir("runs")
    for part in ("data/electricitymaps", "forecasting"):
        (tmp_path / part).mkdir(parents=True)
    for part in ("data/electricitymaps/GB_2021-2024.csv.gz", "forecasting/mape_electricitymaps_2024.csv"):
        (tmp_path / part).write_bytes((source / part).read_bytes())
    report = reproduce("forecasting", data=tmp_path).to_json()
    worth = [r for r in report["rows"] if "savings_pct" in r]

    assert report["compared"] == 24
    assert report["largest_difference"]["within_tolerance"]
    assert min(r["savings_pct"] for r in worth) >= 0.0
    assert np.mean([r["pct_of_oracle_savings"] for r in worth if r["planning"] == "replan every 1h"]) > 70.0

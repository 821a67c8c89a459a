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
        """Without 14 weeks to learn from there is nothing to judge."""
        with pytest.raises(
            InvalidInput, match="zone XX-TEST covers 30 days; allowed: 14 weeks to learn from and 11 days"
        ):
            reproduce("forecasting", data=tmp_path, zone_files=[zone_file(tmp_path, days=30)])

    def test_half_hours_are_refused_with_their_place(self, tmp_path):
        """The message names file, line and column."""
        path = tmp_path / "a_2020.csv"
        path.write_text("datetime_utc,ci_direct,ci_lca\n2020-01-01 00:00,1,1\n2020-01-01 00:30,1,1\n")
        with pytest.raises(MalformedFile, match=r"a_2020.csv:3:1 datetime_utc is .* a whole hour"):
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


def small_zone(folder, value, *, days=115, name="YY_2022.csv", header=("datetime_utc", "ci_lca"), shuffled=False):
    """Hours from 1 January 2022 on; nothing is written where *value* gives None."""
    rows = []
    for k in range(days * 24):
        when = datetime(2022, 1, 1, tzinfo=UTC) + timedelta(hours=k)
        if value(k) is not None:
            rows.append({"datetime_utc": f"{when:%Y-%m-%d %H:%M}", "ci_lca": value(k), "ci_direct": value(k)})
    if shuffled:
        np.random.default_rng(1).shuffle(rows)
    path = folder / name
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, header, extrasaction="ignore")
        writer.writeheader()
        writer.writerows(rows)
    return path


class TestOddZones:
    def test_without_a_whole_year_the_rest_is_judged(self, tmp_path):
        """115 days: 98 to learn from, so 9 April is the first origin and the 14th that leaves four days the last."""
        report = reproduce("forecasting", data=None, zone_files=[small_zone(tmp_path, lambda k: 100 + k % 24)])

        rows = {r["method"]: r for r in report.to_json()["rows"] if "method" in r}
        assert rows["daily_naive"]["n_origins"] == 14
        assert rows["daily_naive"]["day1"] == 0.0
        assert rows["daily_naive"]["mape_d4"] == rows["daily_naive"]["day4"] == 0.0
        # Each origin repeats the 123 of 23:00 the day before: misses 23, 22, ... 0 on truths 100, 101, ... 123.
        expected = 100 * np.mean([(123 - v) / v for v in range(100, 124)])
        assert rows["persistence"]["day3"] == pytest.approx(expected)
        assert rows["persistence"]["wmape_d2"] == pytest.approx(100 * sum(range(24)) / sum(range(100, 124)))
        assert rows["daily_naive"]["spearman_day1"] == pytest.approx(1.0)

    def test_a_zone_of_zeros_divides_by_nothing(self, tmp_path):
        """Percentages of nothing do not exist; they are null, and no saving is claimed."""
        report = reproduce("forecasting", data=None, zone_files=[small_zone(tmp_path, lambda _: 0)])

        rows = report.to_json()["rows"]
        assert {r["day1"] for r in rows if "method" in r} == {None}
        assert {r["savings_pct"] for r in rows if "planning" in r} == {None}
        assert any("No zone has anything to save" in note for note in report.notes)

    def test_a_flat_zone_has_no_share_of_nothing(self, tmp_path):
        """Equal hours leave nothing to save, not a rounding error to boast of."""
        report = reproduce("forecasting", data=None, zone_files=[small_zone(tmp_path, lambda _: 123.45)])

        rows = [r for r in report.to_json()["rows"] if "planning" in r]
        assert {r["pct_of_oracle_savings"] for r in rows} == {None}
        assert all(r["savings_pct"] == pytest.approx(0.0, abs=1e-9) for r in rows)

    def test_origins_that_know_nothing_are_left_out(self, tmp_path):
        """Ten days are missing before 13 April; methods that look back further than that go on."""
        gap = range(92 * 24, 102 * 24)
        report = reproduce(
            "forecasting",
            data=None,
            zone_files=[small_zone(tmp_path, lambda k: None if k in gap else 100 + k % 24, shuffled=True)],
        )

        rows = {r["method"]: r for r in report.to_json()["rows"] if "method" in r}
        assert rows["daily_naive"]["n_origins"] == 9
        assert rows["persistence"]["n_origins"] > 9
        assert rows["weekday_damped"]["day1"] == pytest.approx(0.0, abs=1e-9)

    def test_a_negative_value_is_refused(self, tmp_path):
        """An average carbon intensity is never below zero."""
        with pytest.raises(MalformedFile, match=r"YY_2022.csv:4:2 ci_lca is '-5'; allowed: zero or more"):
            read_zone("YY", small_zone(tmp_path, lambda k: -5 if k == 2 else 5, days=1))


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

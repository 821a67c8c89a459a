"""``gridtide simulate`` and ``gridtide potential`` as a newcomer types them."""

import json

import jsonschema
import polars as pl
import pytest

from gridtide.cli.answer_schema import answer_schema
from gridtide.grid import recordings
from gridtide.simulation import example
from simulation_scenarios import write_zone
from support import ROOT

EXAMPLES = ROOT / "docs" / "examples"
HOUR_NS = 3_600_000_000_000

SMALL = """\
name = "small"
start = "2026-01-20T00:00Z"
end = "2026-01-30T00:00Z"
[[zones]]
name = "=X"
file = "zone.csv"
[work]
count = 30
slack = "0s..12h"
[belief]
kind = "perfect"
[[policies]]
name = "run-now"
method = "run-now"
[[policies]]
name = "window"
method = "lowest-window"
"""


@pytest.fixture
def scenario(newcomer):
    write_zone(newcomer)
    path = newcomer / "s.toml"
    path.write_text(SMALL)
    return path


def test_init_prints_a_scenario_that_runs(run, newcomer):
    """What --init prints is read and simulated as it stands."""
    printed = run("simulate", "--init")
    (newcomer / "s.toml").write_text(printed.out.replace("count = 100", "count = 5"))

    assert printed.out == example.SCENARIO
    assert run("simulate", "s.toml").code == 0


def test_the_summary_names_its_baseline(run, scenario):
    """People see savings, the possible, delays, and what it is compared with."""
    result = run("simulate", scenario)

    assert result.code == 0
    assert "Savings against run-now, on what came true" in result.out
    assert "window" in result.out
    assert "note: Past values are replayed in virtual time" in result.err


def test_json_is_one_object(run, scenario):
    """Programs get every table, and nothing but JSON on stdout."""
    answer = run("simulate", scenario, "--json").json

    jsonschema.validate(answer, answer_schema("simulate"))
    assert answer["schema"] == "gridtide.simulate/1"
    assert (answer["baseline"], answer["jobs"], answer["belief"]) == ("run-now", 30, "perfect")
    assert {row["policy"] for row in answer["summary"]} == {"run-now", "window"}
    assert answer["rejected"] == {"count": 0, "first": []}
    assert answer["mode"] == "past data replayed in virtual time"


@pytest.mark.parametrize(("form", "read"), [("csv", pl.read_csv), ("parquet", pl.read_parquet), ("json", pl.read_json)])
def test_results_are_written_in_every_format(run, scenario, newcomer, form, read):
    """One row for each job and policy, with an untrusted zone name kept harmless in CSV."""
    result = run("simulate", scenario, "--out", "o", "--format", form, "--quiet")
    runs = read(newcomer / "o" / f"runs.{form}")

    assert result.code == 0
    assert runs.height == 60
    assert set(runs["zone"]) == {"'=X" if form == "csv" else "=X"}
    assert read(newcomer / "o" / f"summary.{form}").height == 2
    assert runs.filter(pl.col("policy") == "run-now")["delay_h"].max() == 0


def test_savings_by_class_are_told_where_classes_differ(run, scenario, newcomer):
    """People, programs and files get the same rows; an unknown class is bad data with its line."""
    kinds = '[[workloads]]\nclass = "hard"\ncount = 5\n[[workloads]]\ncount = 5\n'
    scenario.write_text(SMALL.replace('[work]\ncount = 30\nslack = "0s..12h"\n', kinds))
    people, programs = run("simulate", scenario), run("simulate", scenario, "--json", "--out", "o").json
    scenario.write_text(scenario.read_text().replace('"hard"', '"hrad"'))
    refused = run("simulate", scenario)

    jsonschema.validate(programs, answer_schema("simulate"))
    assert [line.split()[:3] for line in people.out.splitlines() if " hard " in line] == [["window", "hard", "5"]]
    assert [(r["policy"], r["class"]) for r in programs["by_class"]][2:] == [("window", "hard"), ("window", "elastic")]
    assert set(pl.read_csv(newcomer / "o" / "runs.csv")["class"]) == {"hard", "elastic"}
    assert pl.read_csv(newcomer / "o" / "by_class.csv").height == 4
    assert refused.code == 65
    assert "s.toml:8: workloads.0.class is 'hrad'; allowed: hard, soft, elastic" in refused.err


@pytest.mark.slow
def test_the_report_and_pictures_are_written(run, scenario, newcomer):
    """One page and an SVG and PNG of every chart."""
    result = run("simulate", scenario, "--html", "r.html", "--export", "pictures")
    names = {path.name for path in (newcomer / "pictures").iterdir()}

    assert result.code == 0
    assert "<title>small</title>" in (newcomer / "r.html").read_text()
    assert {"zones.svg", "zones.png", "delays.svg", "planned.png", "tradeoff.svg", "slack.png"} <= names


def test_bad_rows_of_a_trace_are_written_beside_the_results(run, scenario, newcomer):
    """Without leave the first bad row ends it with exit code 65; with --max-errors it is listed."""
    (newcomer / "jobs.csv").write_text(
        "id,arrival,duration\na,2026-01-21T00:00Z,1h\nb,2026-01-21T00:00Z,-1h\n=c,2026-01-22T00:00Z,2h\n"
    )
    scenario.write_text(SMALL.replace("count = 30", 'file = "jobs.csv"'))
    refused = run("simulate", scenario)
    allowed = run("simulate", scenario, "--max-errors", 1, "--out", "o", "--json")

    assert refused.code == 65
    assert "jobs.csv:3:3: duration '-1h' cannot be used" in refused.err
    assert "--max-errors" in refused.err
    assert allowed.json["rejected"]["first"][0]["where"] == "jobs.csv:3:3"
    assert pl.read_csv(newcomer / "o" / "rejected.csv")["where"].to_list() == ["jobs.csv:3:3"]
    assert set(pl.read_csv(newcomer / "o" / "runs.csv")["job"]) == {"a", "'=c"}


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        ((), 2, "no scenario is given"),
        (("none.toml",), 78, "none.toml"),
        (("s.toml", "--format", "xlsx"), 2, "--format is 'xlsx'; allowed: csv, parquet, json"),
        (("s.toml", "--max-errors", "-1"), 2, "--max-errors"),
    ],
)
def test_wrong_calls_are_explained(run, scenario, arguments, code, message):
    """Usage, files and formats have their own exit codes and no traceback."""
    result = run("simulate", *arguments)

    assert result.code == code
    assert message in result.err
    assert "Traceback" not in result.err


class TestPotential:
    @pytest.mark.slow
    def test_a_flat_zone_is_left_alone(self, run):
        """PJM in 2022 was nearly flat: the verdict comes first and names the way out."""
        result = run("potential", "US-MIDA-PJM")

        assert result.code == 0
        assert result.out.startswith("US-MIDA-PJM: do nothing here: the grid is too flat")
        assert "below 5 % do nothing, from 10 % on worth it" in result.out

    def test_json_holds_the_thresholds(self, run, newcomer):
        """An own series gets rows, rank, verdict and what it is based on."""
        write_zone(newcomer)
        answer = run("potential", "home", "--series", "zone.csv", "--json").json

        jsonschema.validate(answer, answer_schema("potential"))
        assert answer["schema"] == "gridtide.potential/1"
        assert answer["verdict"] == "worth-it"
        assert answer["thresholds"] == {
            "do_nothing_below_pct": 5.0,
            "worth_it_from_pct": 10.0,
            "duration_h": 4,
            "slack_h": 24,
        }
        assert answer["rank_of"] == len(answer["compared_with"]) + 1 == 9
        assert all(r["expected_savings_pct"] <= r["oracle_savings_pct"] + 1e-9 for r in answer["rows"])

    def test_an_unknown_zone_says_how_to_bring_history(self, run):
        """The error lists recorded zones and the command that fetches others."""
        result = run("potential", "Atlantis", "--json")

        assert result.code == 65
        assert "is not recorded; recorded: DE, GB" in json.loads(result.out)["error"]["message"]
        assert "gridtide data import" in result.err


class TestTwoRegions:
    """The example of the documentation, from its file to what is written, with its grams counted a second time."""

    @pytest.fixture
    def made(self, run, newcomer):
        assert run("simulate", EXAMPLES / "two-regions.toml", "--out", "o", "--format", "parquet", "-q").code == 0
        return newcomer / "o"

    @pytest.mark.slow
    def test_the_runs_hold_up_to_a_second_count(self, made):
        """Region, transfer band and saving of every run follow from the recorded hours by plain addition."""
        hours = {}
        for zone in ("US-CAL-CISO", "US-NW-BPAT"):
            series = recordings.recording(zone).series
            hours[zone] = dict(zip(series.starts_ns.tolist(), series.values.tolist(), strict=True))

        def integral(zone, start, end):
            total, at = 0.0, start // HOUR_NS * HOUR_NS
            while at < end:
                total += hours[zone][at] * (min(end, at + HOUR_NS) - max(start, at)) / HOUR_NS
                at += HOUR_NS
            return total

        runs = pl.read_parquet(made / "runs.parquet").with_columns(pl.col("arrival", "start", "end").dt.epoch("ns"))
        assert runs.height == 240
        for run in runs.iter_rows(named=True):
            length = run["end"] - run["start"]
            now = integral(run["zone"], run["arrival"], run["arrival"] + length)
            ran = integral(run["region"], run["start"], run["end"])

            assert run["run_now_grams"] == pytest.approx(now)
            assert run["grams"] == pytest.approx(ran + run["transfer_g"])
            assert run["saved_grams"] == pytest.approx(now - run["grams"], abs=1e-6)
            assert run["savings_pct"] == pytest.approx(100 * (now - run["grams"]) / now, abs=1e-6)
            if run["data_gb"] == 0:
                assert run["transfer_g_high"] == 0
                continue
            assert run["transfer_h"] == pytest.approx(run["data_gb"] * 8000 / 160 / 3600, rel=1e-2)
            assert run["start"] >= run["arrival"] + run["transfer_h"] * HOUR_NS - 1e6
            assert run["transfer_g_low"] * 40 == pytest.approx(run["transfer_g"])
            assert run["transfer_g_high"] / 0.059 == pytest.approx(run["transfer_g"] / 0.04)
            means = [v for zone in hours for t, v in hours[zone].items() if run["arrival"] - HOUR_NS < t < run["end"]]
            assert min(means) <= run["transfer_g"] / 0.04 / run["data_gb"] <= max(means)

    @pytest.mark.slow
    def test_the_tables_are_the_sums_of_the_runs(self, made):
        """Moves and summary add up to the same kilograms, and the room of the second region is kept."""
        runs, moves = (pl.read_parquet(made / f"{name}.parquet") for name in ("runs", "moves"))
        for policy in ("place", "time and place"):
            mine = runs.filter(pl.col("policy") == policy)
            sums = moves.filter(pl.col("policy") == policy)

            assert sums["grams"].sum() == pytest.approx(mine["grams"].sum())
            assert sums["jobs"].sum() == 60
            away = mine.filter(pl.col("region") == "US-NW-BPAT")
            assert 20 < away.height < 60
            starts, ends = away["start"].to_list(), away["end"].to_list()
            assert max(sum(a <= t < b for a, b in zip(starts, ends, strict=True)) for t in starts) <= 4

    @pytest.mark.slow
    def test_json_names_region_range_and_baseline(self, run):
        """Programs get the moves with their band, and the saving at both ends of it."""
        answer = run("simulate", EXAMPLES / "two-regions.toml", "--json").json

        jsonschema.validate(answer, answer_schema("simulate"))
        assert answer["transfer_kwh_per_gb"] == {"low": 0.001, "middle": 0.04, "high": 0.059}
        assert [p["places"] for p in answer["policies"]] == ["home", "home", "any", "any"]
        moved = [row for row in answer["moves"] if row["home"] != row["region"]]
        assert {row["region"] for row in moved} == {"US-NW-BPAT"}
        assert all(0 < row["transfer_g_low"] < row["transfer_g"] < row["transfer_g_high"] for row in moved)
        for row in answer["summary"]:
            assert row["savings_pct_low"] <= row["savings_pct"] <= row["savings_pct_high"]


def test_a_policy_that_could_decide_nothing_is_refused(run, scenario):
    """A threshold without a threshold is a mistake, not a policy that never waits."""
    scenario.write_text(SMALL + '[[policies]]\nname = "t"\nmethod = "threshold"\n')
    result = run("simulate", scenario)

    assert result.code == 65
    assert "method threshold needs a threshold [gCO2eq/kWh] or a percentile" in result.err


def test_decisions_without_data_are_counted(run, scenario):
    """An outage shows as a sentence on how many decisions stood on nothing."""
    fault = '[[faults]]\nkind = "outage"\nstart = "2026-01-20T00:00Z"\nend = "2026-01-26T00:00Z"\n'
    scenario.write_text(SMALL + fault)

    assert "decisions stood on no usable values" in run("simulate", scenario).err


def test_people_read_where_the_work_ran(run, scenario, newcomer):
    """The baseline is named with its place, and every pair of home and region has a line."""
    write_zone(newcomer, "other.csv", scale=0.3)
    zone = '[[zones]]\nname = "other"\nfile = "other.csv"\n[work]\nhomes = ["=X"]\ndata_gb = 2\n'
    scenario.write_text(SMALL.replace("[work]\n", zone) + '[[policies]]\nname = "any"\nplaces = "any"\n')
    text = run("simulate", scenario).out

    assert "Savings against run-now at home, on what came true" in text
    assert "kg for moving" in text
    assert [line.split()[:4] for line in text.splitlines() if " other " in line] == [["any", "=X", "other", "30"]]


def test_jobs_that_nothing_lets_move_are_counted(run, scenario, newcomer):
    """A residency that bars every other zone is said, so that no saving in space is no surprise."""
    write_zone(newcomer, "other.csv", scale=0.3)
    other = '[[zones]]\nname = "other"\nfile = "other.csv"\n[work]\nresidency = ["SE"]\n'
    policy = '[[policies]]\nname = "any"\nplaces = "any"\n'
    scenario.write_text(SMALL.replace("[work]\n", other) + policy)

    assert "60 of 60 jobs may not move anywhere" in run("simulate", scenario).err


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ('kind = "perfetc"', "did you mean 'perfect'?"),
        ('kind = "perfect"\nerorr = 1', "did you mean 'error'?"),
    ],
)
def test_a_near_miss_gets_a_suggestion(run, scenario, text, hint):
    """Keys and words alike."""
    scenario.write_text(SMALL.replace('kind = "perfect"', text))

    assert hint in run("simulate", scenario).err

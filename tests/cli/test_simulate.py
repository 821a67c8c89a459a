"""``gridtide simulate`` and ``gridtide potential`` as a newcomer types them."""

import json

import jsonschema
import polars as pl
import pytest

from gridtide.cli.answer_schema import answer_schema
from gridtide.simulation import example
from simulation_scenarios import write_zone

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

"""``--learn-duration``: the window by the typical length of past runs, the latest start by the long one."""

from datetime import timedelta

import jsonschema
import pytest

from gridtide.cli.answer_schema import answer_schema
from gridtide.domain.instants import parse_instant
from gridtide.domain.interval import Interval
from gridtide.ledger.journal import Journal
from gridtide.ledger.location import state_file
from gridtide.ledger.records import Ending, Outcome
from gridtide.planning.duration import learn
from support import HOUR, T0, at

START = ("--at", "2026-01-01T00:00Z")
MINUTE = timedelta(minutes=1)
FALLING = "time,value\n" + "".join(f"2026-01-01T{h:02}:00Z,{600 - 50 * h}\n" for h in range(12))


@pytest.fixture
def falling(newcomer):
    """Every later hour is cleaner, so that only the deadline ends the wait."""
    (newcomer / "falling.csv").write_text(FALLING)
    return ("--series", "falling.csv", *START)


@pytest.fixture
def journal_file(newcomer):
    return state_file({"HOME": str(newcomer.parent / "home")})


@pytest.fixture
def remember(journal_file):
    """Put past runs of a name into the records."""

    def remember(name, *lengths):
        with Journal(journal_file) as journal:
            for k, length in enumerate(lengths):
                journal.conclude(
                    Outcome(
                        workload=name,
                        occurrence=f"past-{k}",
                        ending=Ending.COMPLETED,
                        ended_at=T0,
                        exit_code=0,
                        intervals=(Interval(T0 - length, T0),),
                    )
                )

    return remember


JOB = ("--name", "etl", "--duration", "1h", "--finish-by", "2026-01-01T12:00Z", "--learn-duration")


def test_the_deadline_is_kept_with_the_long_length(run, falling, remember):
    """The window has the typical length and ends early enough for a run as long as the long ones."""
    past = [90 * MINUTE, 100 * MINUTE, 110 * MINUTE, 120 * MINUTE] * 3
    remember("etl", *past)
    result = run("run", *falling, *JOB, "--dry-run", "--json", "--", "true")
    learned, decision = result.json["learned"], result.json["decision"]
    expected = learn(past, declared=HOUR)
    start, end = parse_instant(decision["start"]), parse_instant(decision["end"])
    safe = timedelta(seconds=learned["safe_s"])

    assert (result.code, learned["runs"]) == (0, 12)
    assert learned["typical_s"] == pytest.approx(expected.typical.total_seconds(), abs=1)
    assert learned["safe_s"] == pytest.approx(expected.safe.total_seconds(), abs=1)
    assert end - start == timedelta(seconds=learned["typical_s"])
    assert start + safe == at(12)
    assert decision["latest_start"] == decision["start"]
    assert result.json["workload"]["deadline"] == "2026-01-01T12:00:00Z"


def test_without_past_runs_the_declared_duration_counts(run, falling, journal_file):
    """And looking for them writes nothing."""
    result = run("run", *falling, *JOB, "--dry-run", "--json", "--", "true")

    assert result.json["learned"] == {"typical_s": 3600.0, "safe_s": 3600.0, "runs": 0}
    assert result.json["decision"]["start"] == "2026-01-01T11:00:00Z"
    assert not journal_file.exists()


def test_without_the_flag_past_runs_change_nothing(run, falling, remember):
    """What is declared is planned."""
    remember("etl", *[3 * HOUR] * 5)
    result = run("run", *falling, *JOB[:-1], "--dry-run", "--json", "--", "true")

    assert (result.json["learned"], result.json["decision"]["start"]) == (None, "2026-01-01T11:00:00Z")


def test_a_person_is_told_the_lengths(run, falling, remember):
    """On stderr, with the number of runs behind them and what was declared."""
    remember("etl", *[2 * HOUR] * 4)
    told = run("run", *falling, *JOB, "--dry-run", "--", "true").err
    untold = run("run", *falling, *JOB[2:], "--dry-run", "--", "true").err

    assert "etl: typically 2h, with room for " in told
    assert "by 4 past runs and the declared 1h" in told
    assert "true: no past run that succeeded is recorded; the declared 1h counts" in untold


def test_no_room_for_a_long_run_is_warned_about_and_starts_at_once(run, falling, remember):
    """The deadline may still be kept, so it is no refusal."""
    remember("etl", *[3 * HOUR] * 30)
    flags = ("--name", "etl", "--duration", "3h", "--finish-by", "2026-01-01T03:10Z", "--learn-duration")
    result = run("run", *falling, *flags, "--dry-run", "--json", "--", "true")

    assert (result.code, result.json["decision"]["action"], result.json["decision"]["reason"]) == (0, "run", "deadline")
    assert any("which the deadline leaves no room for" in warning for warning in result.json["warnings"])


def test_a_run_is_recorded_with_what_was_learned(run, falling, remember):
    """`explain` tells the lengths, and the run itself is one more to learn from."""
    remember("etl", *[HOUR] * 4)
    fast = ("--clock-speed", "28800")
    first = run("run", *falling, *fast, *JOB, "--method", "run-now", "--json", "--", "true")
    record = run("explain", "--json").json["runs"][0]["decisions"][0]
    again = run("run", *falling, *JOB, "--dry-run", "--json", "--", "true")

    assert (first.code, record["learned"], first.json["learned"]["runs"]) == (0, first.json["learned"], 4)
    assert again.json["learned"]["runs"] == 5
    assert "learned from 4: typically" in run("explain").out
    jsonschema.validate(first.json, answer_schema("run"))


def test_wait_learns_from_runs_of_that_name(run, falling, remember):
    """A wait does not see how long the job takes, but a run of the same name did."""
    remember("etl", *[2 * HOUR] * 6)
    result = run("wait", *falling, "--clock-speed", "28800", *JOB, "--method", "run-now", "--json")

    assert (result.code, result.json["learned"]["runs"]) == (0, 6)
    assert result.json["workload"]["duration_s"] == result.json["learned"]["typical_s"] == 7200.0
    jsonschema.validate(result.json, answer_schema("wait"))


def test_records_that_cannot_be_read_cost_a_warning(run, falling, journal_file):
    """The declared duration counts then."""
    journal_file.parent.mkdir(parents=True)
    journal_file.mkdir()
    result = run("run", *falling, *JOB, "--dry-run", "--json", "--", "true")

    assert (result.code, result.json["learned"]["runs"]) == (0, 0)
    assert any(warning.startswith("reading past runs: ") for warning in result.json["warnings"])

"""``gridtide explain``: why, what else, what would change it, and what it saved, planned and realised apart."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

from gridtide.accounting.savings import Footprint, Saving, saving_against_run_now
from gridtide.cli import account, story, totals
from gridtide.cli.output import Output
from gridtide.domain.decision import FreshnessStep
from gridtide.domain.effect import EffectKey, Receipt
from gridtide.domain.interval import Interval
from gridtide.domain.ports import SignalQuery
from gridtide.domain.signal import Signal, SignalKind
from gridtide.domain.workload import OnNoData, Workload
from gridtide.domain.zone import Zone
from gridtide.grid.replay import ReplayData
from gridtide.ledger.journal import Journal
from gridtide.ledger.records import DecisionRecord, Ending, Outcome, Run
from gridtide.planning.question import Question, answer
from gridtide.testing.clock import FakeClock
from support import HOUR, T0, at, hourly

RUN = [
    "run", "--series", "series.csv", "--at", "2026-01-01T00:00Z", "--duration", "1h",
    "--finish-by", "2026-01-01T06:00Z", "--method", "run-now", "--power", "1000",
]  # fmt: skip


def outcome(kind, *, run, against):
    """An ending with a saving that came true, 1 kWh each."""
    sides = {
        name: Footprint(mean=mean, energy_kwh=1.0, grams=mean) for name, mean in (("run", run), ("against", against))
    }
    saving = Saving(baseline="run-now", signal=Signal(kind, provider="demo", zone="X"), **sides)
    return Outcome(workload="etl", occurrence="1", ending=Ending.COMPLETED, ended_at=T0, realised=saving)


JOB = Workload(id="etl", duration=HOUR, release=T0, deadline=at(6))


@pytest.fixture
def journal(newcomer):
    with Journal(newcomer.parent / "home" / ".local" / "state" / "gridtide" / "journal.sqlite3") as opened:
        yield opened


def test_nothing_recorded_is_no_error(run):
    """An empty journal says what would fill it."""
    result = run("explain")

    assert (result.code, result.out) == (0, "nothing is recorded yet; `gridtide run` records what it decides\n")
    assert run("explain", "--json").json["runs"] == []


def test_the_last_run_is_told(run, series):
    """What was decided and why, what it is compared with, the effect with its end, and both savings."""
    run(*RUN, "--name", "train", "--", "sh", "-c", "exit 3")
    result = run("explain")
    lines = [re.sub(r"\s+", " ", line).strip() for line in result.out.splitlines()]

    assert result.code == 0
    assert re.fullmatch(r"train, run \w{26}: completed", lines[0])
    assert any(re.fullmatch(r"ended ran Thu 2026-01-01 00:00.*, exit code 3", line) for line in lines)
    assert any(re.fullmatch(r"effect start finished pid \d+ exit 3, .*", line) for line in lines)
    assert "why run: running now was asked for" in lines
    assert any(line.startswith("planned 300 instead of 300 gCO2eq/kWh: the same as run-now") for line in lines)
    assert any(line.startswith("realised 300 instead of 300 gCO2eq/kWh") for line in lines)
    assert any(line.startswith("against run-latest Thu 2026-01-01 05:00 UTC, mean 400 gCO2eq/kWh") for line in lines)
    assert "source file/file, average" in lines


def test_programs_get_everything(run, series):
    """The object holds decisions with alternatives, effects and the outcome of each run, newest first."""
    for name in ("one", "two", "three"):
        run(*RUN, "--name", name, "--once", f"key {name}", "--", "true")
    told = run("explain", "--last", "2", "--json").json
    first = told["runs"][0]

    assert [r["name"] for r in told["runs"]] == ["three", "two"]
    assert told["journal"].endswith("/home/.local/state/gridtide/journal.sqlite3")
    assert (first["id"], first["state"]) == ("key three", "completed")
    assert first["decisions"][0]["decision"]["reason"] == "run-now-asked"
    assert set(first["decisions"][0]["baselines"]) >= {"run-now", "run-latest"}
    assert [(e["verb"], e["state"], e["detail"]) for e in first["effects"]] == [("start", "finished", "exit 0")]
    assert first["outcome"]["planned"]["baseline_mean_g_per_kwh"] == pytest.approx(300.0, abs=1.0)


def test_one_run_by_its_id_or_key(run, series):
    """The key of --once finds the run; one that is not there is refused with where to look."""
    run(*RUN, "--once", "night", "--", "true")

    assert run("explain", "--id", "night", "--json").json["runs"][0]["id"] == "night"
    missing = run("explain", "--id", "dawn")
    assert missing.code == 65
    assert "no run with the id 'dawn' is recorded" in missing.err
    assert "`gridtide explain --last 10` lists what is" in missing.err


@pytest.mark.parametrize(
    ("steps", "gone", "state"),
    [
        ([], False, "waiting"),
        ([], True, "interrupted"),
        (["started"], False, "running"),
        (["started"], True, "lost"),
    ],
    ids=["waits", "died waiting", "runs", "died running"],
)
def test_a_run_without_an_ending_says_where_it_stands(run, journal, steps, gone, state):
    """Whether it waits, runs, or its process died, is told apart."""
    if gone:
        journal.owner = journal.owner.rpartition(":")[0] + ":0"
    journal.accept("etl", "run-1", at=T0)
    if steps:
        journal.intend(EffectKey("etl", "run-1"), at=T0)
        journal.started(EffectKey("etl", "run-1"), Receipt(ref="pid 1", at=T0))

    assert run("explain", "--json").json["runs"][0]["state"] == state


def test_the_realised_saving_is_computed_when_the_values_are_known(run, journal):
    """A run that ended before its values were published is completed later, and that is kept."""
    clock = FakeClock("2022-06-15T12:00Z")
    began = clock.now() - 6 * HOUR
    window = Interval(began, clock.now())
    query = SignalQuery(zone=Zone("US-CAL-CISO"), window=window, kind=SignalKind.AVERAGE)
    reading = ReplayData(clock).read_now(query)
    ran = (Interval(began + 4 * HOUR, began + 5 * HOUR),)
    question = Question(
        workload=Workload(id="etl", duration=HOUR, release=began, max_delay=5 * HOUR, home="US-CAL-CISO"),
        now=began, series=reading.series, step=reading.step,
    )  # fmt: skip
    journal.accept("etl", "run-1", at=began)
    journal.record(question.workload, answer(question), reading.series, occurrence="run-1", question=question)
    planned = saving_against_run_now(reading.series, ran, original_start=began)
    journal.conclude(
        Outcome(
            workload="etl", occurrence="run-1", ending=Ending.COMPLETED, ended_at=ran[0].end, exit_code=0,
            original_start=began, intervals=ran, planned=planned,
        )
    )  # fmt: skip
    first = run("explain", "--json").json["runs"][0]["outcome"]

    assert first["realised"]["saving_percent"] == pytest.approx(first["planned"]["saving_percent"])
    assert journal.outcome("etl", "run-1").realised.run.mean == pytest.approx(planned.run.mean)


def test_a_saving_that_is_not_known_yet_is_said(run, journal):
    """Until the values are published nothing is made up."""
    ran = (Interval(at(2), at(3)),)
    journal.accept("etl", "run-1", at=T0)
    journal.conclude(
        Outcome(
            workload="etl", occurrence="run-1", ending=Ending.COMPLETED, ended_at=at(3), original_start=T0,
            intervals=ran, planned=saving_against_run_now(hourly(300, 300, 400), ran, original_start=T0),
        )
    )  # fmt: skip
    result = run("explain")

    assert "400 instead of 300 gCO2eq/kWh: 33.3 % more than run-now" in result.out
    assert "not known yet; `gridtide explain` tells it once the values are published" in result.out


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        pytest.param(
            {"series": hourly(300, 200, 100, 300), "step": FreshnessStep.LIVE},
            ["a forecast with a run whose mean is clearly below 100 gCO2eq/kWh", "the latest start"],
            id="it waits for a cleaner hour",
        ),
        pytest.param(
            {"step": FreshnessStep.NONE},
            ["a usable signal; without one its no-data rule applies after 30m", "the latest start"],
            id="nothing is known",
        ),
        pytest.param(
            {"series": hourly(300, 200, 100, 300), "step": FreshnessStep.PROFILE},
            ["fresher data than profile ones"],
            id="typical values",
        ),
    ],
)
def test_what_would_change_a_decision(question, expected):
    """A waiting job says what it waits for, and when it runs in any case."""
    asked = Question(**{"workload": JOB, "now": T0, **question})
    found = story.changes(DecisionRecord(id="1", occurrence="1", question=asked, decision=answer(asked)), "UTC")

    for text in expected:
        assert any(line.startswith(text) for line in found), found


def test_a_started_job_is_not_to_be_changed():
    """What runs already is not going to be decided again."""
    asked = Question(workload=JOB, now=at(5), step=FreshnessStep.NONE)
    record = DecisionRecord(id="1", occurrence="1", question=asked, decision=answer(asked))

    assert story.changes(record, "UTC") == []


def test_damaged_records_are_said_and_set_aside(run, series, newcomer):
    """A journal that is no database is an alarm and a clean start, not a crash."""
    run(*RUN, "--", "true")
    path = newcomer.parent / "home" / ".local" / "state" / "gridtide" / "journal.sqlite3"
    path.write_bytes(b"garbage" * 1000)
    result = run("explain")

    assert result.code == 0
    assert "warning: the journal was damaged" in result.err
    assert "nothing is recorded yet" in result.out


def test_waiting_for_data_is_bounded_in_the_account_too():
    """A workload that waits for data names its latest start as what ends the wait."""
    job = Workload(id="etl", duration=HOUR, release=T0, max_delay=timedelta(hours=2), on_no_data=OnNoData.WAIT)
    asked = Question(workload=job, now=T0, step=FreshnessStep.NONE)
    record = DecisionRecord(id="1", occurrence="1", question=asked, decision=answer(asked))

    assert "the latest start Thu 2026-01-01 02:00 UTC: then it runs in any case" in story.changes(record, "UTC")


# -- what all of them saved --------------------------------------------------------------------------------------------


def test_totals_add_up_what_came_true(run, series):
    """Shares of all runs, grams of those whose power is known, against the named baseline."""
    run(*RUN, "--name", "one", "--", "true")
    run(*RUN[:-2], "--name", "two", "--", "true")
    told = run("explain", "--json").json
    words = run("explain").out

    assert len(told["runs"]) == 1
    (total,) = told["totals"]
    assert (total["kind"], total["baseline"], total["runs"], total["runs_in_grams"]) == ("average", "run-now", 2, 1)
    assert total["saved_g"] == pytest.approx(0.0, abs=1e-6)
    assert total["losses"] == 0
    assert "\nsaved so far, on the values that came true\n  average  2 runs against run-now, 0.0 % less each" in words


def test_totals_never_meet_across_kinds_and_count_losses():
    """A marginal gram is no average gram; a run that made it worse is one."""
    average = outcome(SignalKind.AVERAGE, run=200.0, against=400.0)
    worse = outcome(SignalKind.AVERAGE, run=300.0, against=200.0)
    marginal = outcome(SignalKind.MARGINAL, run=100.0, against=400.0)
    first, second = (totals.payload_of(total) for total in totals.totals_of([average, worse, marginal]))

    assert (first["kind"], first["runs"], first["losses"], first["saved_g"]) == ("average", 2, 1, 100.0)
    assert first["mean_saving_percent"] == pytest.approx(0.0)
    assert (second["kind"], second["runs"], second["saved_g"]) == ("marginal", 1, 300.0)


def test_a_run_whose_process_is_gone_says_what_to_do():
    """Nothing was started, and the key is free."""
    gone = Run(
        workload="etl", occurrence="nightly", accepted_at=T0, owner_is_gone=True, decisions=(), intents=(), outcome=None
    )
    told = account.lines(Output("explain"), gone, "UTC")

    assert told[0] == "etl, run nightly: interrupted"
    assert "nothing was started; run it again, with its --once key if any" in told[2]

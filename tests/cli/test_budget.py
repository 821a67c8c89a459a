"""``gridtide budget`` and ``run --budget``: reserved before the wait, settled after it, never in the way of a deadline."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from datetime import timedelta

import jsonschema
import pytest

from gridtide.cli.answer_schema import answer_schema
from gridtide.domain.instants import parse_instant
from gridtide.ledger.budgets import BudgetBook
from support import T0, at

GRIDTIDE = [sys.executable, "-m", "gridtide"]
START = ("--at", "2026-01-01T00:00Z")
FAST = (*START, "--clock-speed", "14400")
STEADY = (*START, "--clock-speed", "3600")
JOB = ("--series", "series.csv", "--duration", "1h", "--finish-by", "2026-01-01T06:00Z", "--power", "1000")
RUN_NOW = (*JOB, "--method", "run-now")
DONE = (sys.executable, "-I", "-S", "-c", "pass")
DAY = timedelta(days=1)


@pytest.fixture
def budget(run, series):
    """Make a budget of 1000 g a day."""

    def make(mode="observe", grams=1000, name="ml"):
        result = run("budget", "set", name, "--grams", grams, "--period", "1d", "--mode", mode, *START)
        assert result.code == 0, result.err
        return name

    return make


@pytest.fixture
def left(run):
    """What is left of a budget, and what it counted."""
    return lambda name="ml", when="2026-01-01T00:00Z": run("budget", "show", name, "--at", when, "--json").json[
        "budgets"
    ][0]


@pytest.fixture
def book_file(newcomer):
    return newcomer.parent / "home" / ".local" / "state" / "gridtide" / "budgets.sqlite3"


class TestBudgets:
    def test_without_any_it_says_how_to_make_one(self, run, newcomer):
        """An empty list is no error."""
        result = run("budget")

        assert result.code == 0
        assert "gridtide budget set NAME" in result.out

    def test_what_was_set_is_listed(self, run, budget, newcomer):
        """With what is left and when it ends."""
        budget("delay")
        answer = run("budget", "list", *START, "--json").json
        jsonschema.validate(answer, answer_schema("budget"))

        (found,) = answer["budgets"]
        assert (found["name"], found["mode"], found["available_g"]) == ("ml", "delay", 1000.0)
        assert (found["allowance_g"], found["period_s"], found["exhausted_at"]) == (1000.0, 86400.0, None)
        assert "ml" in run("budget", *START).out

    def test_changing_one_keeps_what_is_left_out(self, run, budget, left):
        """Only the flags that are given change it."""
        budget("refuse")
        run("budget", "set", "ml", "--grams", "2000", *START)

        assert (left()["allowance_g"], left()["mode"], left()["period_s"]) == (2000.0, "refuse", 86400.0)

    def test_a_removed_one_is_gone(self, run, budget):
        """And asking for it says which there are."""
        budget()
        run("budget", "remove", "ml")
        result = run("budget", "show", "ml", "--json")

        assert (result.code, result.json["error"]["field"]) == (65, "budget")

    @pytest.mark.parametrize(
        ("flags", "field"),
        [
            ((), "--grams"),
            (("--grams", "0"), "--grams"),
            (("--grams", "nan"), "--grams"),
            (("--grams", "5", "--period", "7"), "--period"),
            (("--grams", "5", "--mode", "block"), "--mode"),
            (("--grams", "5", "--carry-over", "150"), "--carry-over"),
            (("--grams", "5", "--warn-at", "100"), "--warn-at"),
        ],
    )
    def test_a_budget_that_cannot_be_is_a_usage_error(self, run, newcomer, flags, field):
        """The flag is named."""
        result = run("budget", "set", "ml", *flags, "--json")

        assert (result.code, result.json["error"]["field"]) == (2, field)

    def test_the_rebound_stands_beside_the_saving(self, run, newcomer, budget, book_file, left):
        """Runs became cleaner and more: the page says that emissions rose."""
        budget(grams=10_000)
        book = BudgetBook(book_file)
        cap = book.find("ml")
        for k, (hours, grams) in enumerate([(1, 100.0), (26, 80.0), (27, 80.0)]):
            book.admit(cap, str(k), grams, now=at(hours))
            book.settle(cap, str(k), grams, now=at(hours), run_now_g=120.0)
        seen = left(when="2026-01-03T00:00Z")
        words = run("budget", "show", "ml", "--at", "2026-01-03T00:00Z").out

        assert seen["periods"][-1]["saved_g"] == 80.0
        assert seen["rebound"] == {
            "runs_change_percent": 100.0,
            "per_run_change_percent": -20.0,
            "emissions_change_percent": 60.0,
            "is_rebound": True,
        }
        assert "rebound: runs became cleaner, but emissions rose" in words


class TestRun:
    def test_a_run_is_reserved_and_settled_with_what_it_cost(self, run, budget, left):
        """The planned hour costs nothing, running now would have cost 300 g."""
        budget("refuse")
        result = run("run", *JOB, *FAST, "--budget", "ml", "--json", "--", *DONE)
        drawn = result.json["budget"]

        assert result.code == 0
        assert (drawn["name"], drawn["verdict"], drawn["reserved_g"]) == ("ml", "ok", 0.0)
        assert drawn["settled_g"] is not None
        assert left()["runs"] + left()["reserved_g"] == (1 if drawn["settled_g"] > 0 else 0)

    def test_a_refusal_comes_before_the_wait(self, run, budget, left, newcomer):
        """Exit code 75, an error that names both numbers, and nothing has run or is reserved."""
        budget("refuse", grams=200)
        result = run("run", *RUN_NOW, *START, "--budget", "ml", "--json", "--", "touch", "ran")

        assert (result.code, result.json["error"]["code"]) == (75, "budget_exhausted")
        assert "has 200 g left and 300 g are asked for" in result.json["error"]["message"]
        assert not (newcomer / "ran").exists()
        assert left()["reserved_g"] == 0.0

    def test_an_observed_budget_stops_nothing(self, run, budget, left):
        """What is over the allowance is counted all the same."""
        budget("observe", grams=200)
        result = run("run", *RUN_NOW, *FAST, "--budget", "ml", "--json", "--", *DONE)

        assert (result.code, result.json["budget"]["verdict"]) == (0, "ok")
        assert left()["spent_g"] > 0

    def test_a_warning_says_by_how_much(self, run, budget):
        """The run goes on."""
        budget("warn", grams=200)
        result = run("run", *RUN_NOW, *START, "--budget", "ml", "--json", "--", *DONE)

        assert (result.code, result.json["budget"]["verdict"]) == (0, "warn")
        assert "budget 'ml': overdrawn by 100 g" in result.json["warnings"]

    def test_a_delay_waits_for_the_grams(self, run, budget, book_file):
        """200 g are left, 50 g flow in each hour, and the hour ahead gets cleaner: after 40 minutes it can be paid."""
        budget("delay", grams=1200)
        book = BudgetBook(book_file)
        cap = book.find("ml")
        book.admit(cap, "other", 1000.0, now=T0)
        book.settle(cap, "other", 1000.0, now=T0)
        result = run("run", *RUN_NOW, *STEADY, "--budget", "ml", "--json", "--", *DONE)
        began = parse_instant(result.json["outcome"]["started_at"])

        assert result.code == 0
        assert began >= at(0.66)
        assert result.json["budget"]["verdict"] in {"ok", "warn"}
        assert any("it waits until" in warning for warning in result.json["warnings"])

    def test_a_delay_ends_at_the_latest_start(self, run, budget, left):
        """A budget that can never hold the job delays it and does not strand it; later jobs pay."""
        budget("delay", grams=100)
        result = run("run", *RUN_NOW, *FAST, "--budget", "ml", "--json", "--", *DONE)

        assert (result.code, result.json["forced"]) == (0, True)
        assert parse_instant(result.json["outcome"]["started_at"]) >= at(5)
        assert any("it started at its latest start; budget 'ml': overdrawn" in w for w in result.json["warnings"])
        assert left(when="2026-01-01T06:00Z")["runs"] == 1

    def test_the_setting_names_a_budget_too(self, run, budget, monkeypatch):
        """For pipelines that set it once."""
        budget("refuse", grams=200)
        monkeypatch.setenv("GRIDTIDE_POLICIES_BUDGET", "ml")

        assert run("run", *RUN_NOW, *START, "--", "true").code == 75

    def test_an_unknown_budget_is_said_before_the_wait(self, run, series):
        """A typing error is no free run."""
        result = run("run", *RUN_NOW, *START, "--budget", "lm", "--json", "--", "true")

        assert (result.code, result.json["error"]["field"]) == (65, "budget")

    def test_grams_need_a_power(self, run, budget):
        """The hint names both ways to say it."""
        budget()
        job = ("--series", "series.csv", "--duration", "1h", "--max-delay", "2h")
        result = run("run", *job, *START, "--budget", "ml", "--json", "--", "true")

        assert (result.code, result.json["error"]["field"]) == (2, "--power")

    def test_a_rehearsal_reserves_nothing(self, run, budget, left):
        """It says what the budget would say."""
        budget("refuse", grams=200)
        result = run("run", *RUN_NOW, *START, "--budget", "ml", "--dry-run", "--json", "--", "true")

        assert (result.code, result.json["budget"]["verdict"]) == (0, "refuse")
        assert left()["reserved_g"] == 0.0

    def test_a_budget_file_that_cannot_be_used_strands_nothing(self, run, budget, book_file):
        """The run is not counted, which is said, and it runs."""
        budget("refuse")
        for file in book_file.parent.glob("budgets.sqlite3*"):
            file.unlink()
        book_file.write_bytes(b"no database, " * 100)
        result = run("run", *RUN_NOW, *FAST, "--budget", "ml", "--json", "--", *DONE)

        assert (result.code, result.json["budget"]) == (0, None)
        assert any("the run is not counted" in warning for warning in result.json["warnings"])

    def test_nothing_known_is_not_free(self, run, budget, newcomer):
        """Where no emissions are known the run counts with about the dirtiest there is (invariant I4)."""
        budget("refuse", grams=900)
        (newcomer / "series.csv").write_text(
            "time,value\n2026-01-01T00:00Z,\n2026-01-01T01:00Z,\n2026-01-01T09:00Z,5\n"
        )
        result = run("run", *RUN_NOW, *START, "--budget", "ml", "--json", "--", "true")

        assert result.code == 75
        assert "1000 g are asked for" in result.json["error"]["message"]


def spawn(*argv):
    return subprocess.Popen(
        [*GRIDTIDE, *map(str, argv)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=dict(os.environ)
    )


def wait_for(condition):
    ends = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < ends, "it did not get that far"
        time.sleep(0.05)


@pytest.mark.slow
def test_concurrent_runs_never_overspend(run, budget, newcomer):
    """Four runs of 300 g at once on a budget of 700 g: two run, two are turned down."""
    budget("refuse", grams=700)
    stay = ("sh", "-c", "while [ ! -e go ]; do sleep 0.05; done")
    began = [spawn("run", *RUN_NOW, *START, "--budget", "ml", "--", *stay) for _ in range(4)]
    wait_for(lambda: sum(process.poll() is not None for process in began) >= 2)
    (newcomer / "go").touch()

    assert sorted(process.wait(timeout=60) for process in began) == [0, 0, 75, 75]


@pytest.mark.parametrize("begun", [False, True], ids=["before its start", "while it runs"])
def test_a_killed_run_leaves_nothing_reserved(run, budget, left, newcomer, begun):
    """After kill -9, what never started is given back and what had started counts in full; both are said."""
    budget("refuse")
    how = RUN_NOW if begun else (*JOB, "--method", "run-latest")
    stay = ("sh", "-c", "echo $$ > began.new; mv began.new began; exec sleep 60")
    process = spawn("run", *how, *START, "--name", "etl", "--budget", "ml", "--", *stay)
    wait_for((newcomer / "began").exists if begun else lambda: left()["reserved_g"])
    process.send_signal(signal.SIGKILL)
    process.wait(timeout=30)
    answer = run("budget", "show", "ml", *START, "--json").json
    (found,) = answer["budgets"]
    if begun:
        os.kill(int((newcomer / "began").read_text()), signal.SIGKILL)

    assert found["reserved_g"] == 0.0
    assert found["spent_g"] == (300.0 if begun else 0.0)
    assert any("a run of etl ended without a word" in warning for warning in answer["warnings"])

"""Every accepted occurrence has exactly one ending, also when its process died without a word."""

import signal
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gridtide.domain.effect import EffectKey, Receipt
from gridtide.ledger.journal import Journal
from gridtide.ledger.records import Ending, Outcome
from support import T0, at

DIES = """
import os, signal, sys
from datetime import UTC, datetime
from pathlib import Path
from gridtide.domain.effect import EffectKey, Receipt
from gridtide.ledger.journal import Journal
now = datetime(2026, 1, 1, tzinfo=UTC)
journal = Journal(Path(sys.argv[1]))
journal.accept("etl", "run-1", at=now)
if "intend" in sys.argv:
    journal.intend(EffectKey("etl", "run-1"), at=now)
if "begin" in sys.argv:
    journal.started(EffectKey("etl", "run-1"), Receipt(ref="pid 1", at=now))
os.kill(os.getpid(), signal.SIGKILL)
"""
DEAD = "nowhere:1:0"


@pytest.fixture
def path(tmp_path):
    return tmp_path / "journal.sqlite3"


@pytest.mark.parametrize(
    ("steps", "ending"),
    [([], Ending.NOT_STARTED), (["intend"], Ending.NOT_STARTED), (["intend", "begin"], Ending.LOST)],
    ids=["accepted", "meant", "begun"],
)
def test_what_a_killed_process_had_accepted_is_ended_by_the_next(path, steps, ending):
    """Signal 9 leaves no time for a last word; whoever comes next writes it, once."""
    killed = subprocess.run([sys.executable, "-c", DIES, str(path), *steps], check=False, timeout=60)
    with Journal(path) as journal:
        before = journal.outcome("etl", "run-1")
        journal.accept("other", "run-2", at=at(1))
        journal.accept("other", "run-3", at=at(2))
        found = journal.outcome("etl", "run-1")
        count = len(journal.outcomes())

    assert killed.returncode == -signal.SIGKILL
    assert before is None
    assert (found.ending, found.ended_at, count) == (ending, at(1), 1)
    assert "its process died" in found.note


def test_a_process_that_lives_keeps_its_own(path):
    """Two at work on one machine do not end each other's, nor does one that was refused a taken key."""
    with Journal(path) as living, Journal(path) as refused:
        living.accept("etl", "run-1", at=T0)
        living.intend(EffectKey("etl", "run-1"), at=T0)
        refused.owner = living.owner.rpartition(":")[0] + ":0"
        refused.accept("etl", "run-1", at=at(1))
        living.accept("other", "run-2", at=at(2))

        assert living.outcome("etl", "run-1") is None


def test_a_run_that_was_taken_over_keeps_the_ending_it_reaches(path):
    """The word of whoever brought it to its end replaces the guess."""
    with Journal(path) as journal:
        journal.owner = journal.owner.rpartition(":")[0] + ":0"
        journal.accept("etl", "run-1", at=T0)
    with Journal(path) as journal:
        journal.accept("other", "run-2", at=at(1))
        journal.accept("etl", "run-1", at=at(2))
        journal.conclude(Outcome(workload="etl", occurrence="run-1", ending=Ending.COMPLETED, ended_at=at(3)))
        journal.accept("other", "run-3", at=at(4))

        assert journal.outcome("etl", "run-1").ending is Ending.COMPLETED
        assert [o.occurrence for o in journal.outcomes()] == ["run-1"]


def test_processes_elsewhere_are_nobodys_business(path):
    """Whether another machine's process lives cannot be told from here."""
    with Journal(path) as journal:
        journal.owner = DEAD
        journal.accept("etl", "run-1", at=T0)
    with Journal(path) as journal:
        journal.accept("other", "run-2", at=at(1))

        assert journal.outcome("etl", "run-1") is None


@given(
    lives=st.lists(
        st.tuples(st.sampled_from(["accept", "intend", "begin", "end"]), st.booleans()), min_size=1, max_size=12
    )
)
@settings(max_examples=40, deadline=None)
def test_accepted_means_exactly_one_ending_unless_it_lives(lives):
    """Whatever step each process died at, or ended at in order."""
    steps = ("accept", "intend", "begin", "end")
    journal = Journal(None)
    me, dead = journal.owner, journal.owner.rpartition(":")[0] + ":0"
    for k, (step, is_dead) in enumerate(lives):
        name, key = f"run-{k}", EffectKey("etl", f"run-{k}")
        journal.owner = dead if is_dead else me
        journal.accept("etl", name, at=at(k))
        if steps.index(step) >= 1:
            journal.intend(key, at=at(k))
        if steps.index(step) >= 2:
            journal.started(key, Receipt(ref="pid", at=at(k)))
        if step == "end":
            journal.conclude(Outcome(workload="etl", occurrence=name, ending=Ending.COMPLETED, ended_at=at(k)))
    journal.owner = me
    journal.accept("etl", "last", at=at(99))
    ended = {outcome.occurrence: outcome.ending for outcome in journal.outcomes(100)}

    assert len(journal.outcomes(100)) == len(ended)
    for k, (step, is_dead) in enumerate(lives):
        wanted = {"end": Ending.COMPLETED, "begin": Ending.LOST}.get(step, Ending.NOT_STARTED)
        assert ended.get(f"run-{k}") == (wanted if is_dead or step == "end" else None)

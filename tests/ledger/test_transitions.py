"""The order in which an effect may move on, and what is on the disk before it happens."""

import pytest

from gridtide.domain.effect import EffectKey, EffectState, Receipt
from gridtide.domain.errors import Conflict
from gridtide.ledger.journal import Journal
from support import T0, at

KEY = EffectKey("etl", "run-1")
RECEIPT = Receipt(ref="pid 1", at=T0)


@pytest.fixture
def journal(tmp_path):
    with Journal(tmp_path / "journal.sqlite3") as opened:
        opened.intend(KEY, at=T0)
        yield opened


def state(journal):
    (intent,) = journal.intents("etl", "run-1")
    return intent.state


@pytest.mark.parametrize(
    ("before", "left"),
    [
        (lambda j: j.started(KEY, RECEIPT), EffectState.STARTED),
        (lambda j: j.finished(KEY, at=at(1)), EffectState.FINISHED),
        (lambda j: j.failed(KEY, at=at(1)), EffectState.FAILED),
    ],
    ids=["begun", "over", "failed"],
)
def test_only_what_is_meant_can_begin(journal, before, left):
    """Work that began, ended or was written off is not begun again under the same key."""
    before(journal)

    with pytest.raises(Conflict, match="already moved on"):
        journal.started(KEY, Receipt(ref="pid 2", at=at(2)))
    assert state(journal) is left


def test_an_intent_is_on_the_disk_before_anything_happens(journal):
    """The claim is one full flush, not left to the operating system; so is everything that follows it."""
    said = []
    journal._connection.set_trace_callback(said.append)
    journal.intend(EffectKey("etl", "run-2"), at=T0)
    journal.started(EffectKey("etl", "run-2"), RECEIPT)
    journal._connection.set_trace_callback(None)
    flushes = [line for line in said if line.startswith(("PRAGMA", "INSERT", "UPDATE", "COMMIT"))]

    assert [line.split()[0] for line in flushes] == ["PRAGMA", "INSERT", "COMMIT", "PRAGMA", "UPDATE", "COMMIT"]
    assert [line for line in flushes if line.startswith("PRAGMA")] == ["PRAGMA synchronous = FULL"] * 2

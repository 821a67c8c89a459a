"""The journal after what happens to files: a lost write-ahead log, a copy, two processes at once."""

import shutil

from gridtide.domain.effect import EffectKey, EffectState, Receipt
from gridtide.ledger.journal import Journal
from support import T0

KEY = EffectKey("etl", "run-1")


def test_a_lost_write_ahead_log_loses_the_latest_and_no_more(tmp_path):
    """What had been moved into the file is there, the file is whole, and new claims are kept."""
    path = tmp_path / "journal.sqlite3"
    with Journal(path) as journal:
        journal.intend(KEY, at=T0)
        journal.started(KEY, Receipt(ref="pid 1", at=T0))
    with Journal(path) as journal:
        journal.intend(EffectKey("etl", "run-2"), at=T0)
        shutil.copy(path, tmp_path / "copy.sqlite3")
    with Journal(tmp_path / "copy.sqlite3") as journal:
        (intent,) = journal.intents("etl", "run-1")
        journal.intend(EffectKey("etl", "run-3"), at=T0)
        kept = journal.intents("etl", "run-3")
        notices = journal.notices

    assert intent.state is EffectState.STARTED
    assert len(kept) == 1
    assert notices == []


def test_closing_twice_is_closing(tmp_path):
    """Whoever tidies up need not know who tidied up before."""
    journal = Journal(tmp_path / "journal.sqlite3")
    journal.close()
    journal.close()

"""A budget shared by many processes is never overspent, and shows runs beside savings."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from gridtide.accounting.budget import Budget, BudgetMode
from gridtide.domain.errors import InvalidInput, JournalUnavailable
from gridtide.ledger.budgets import BudgetBook, Holder
from support import T0, at

DAY = timedelta(days=1)
CAP = Budget(name="team", grams=1000.0, period=DAY, mode=BudgetMode.REFUSE)

DRAW = """
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from gridtide.accounting.budget import Budget, BudgetMode
from gridtide.ledger.budgets import BudgetBook
book = BudgetBook(Path(sys.argv[1]))
cap = Budget(name="team", grams=1000.0, period=timedelta(days=1), mode=BudgetMode.REFUSE)
now = datetime(2026, 1, 1, tzinfo=UTC)
print(sum(book.admit(cap, f"{sys.argv[2]}-{k}", 7.0, now=now).admitted for k in range(60)))
"""


@pytest.fixture
def book(tmp_path):
    return BudgetBook(tmp_path / "budgets.sqlite3")


def test_concurrent_processes_never_overspend(tmp_path):
    """Four processes that ask for 1680 g at the same instant get 142 grants of 7 g, 994 g in all."""
    path = tmp_path / "budgets.sqlite3"
    BudgetBook(path)
    running = [
        subprocess.Popen([sys.executable, "-c", DRAW, str(path), str(k)], stdout=subprocess.PIPE, text=True)
        for k in range(4)
    ]
    granted = [int(process.communicate(timeout=60)[0]) for process in running]

    assert sum(granted) == 142
    assert BudgetBook(path).state(CAP, now=T0).available_g == pytest.approx(6.0)


def test_concurrent_threads_never_overspend(book):
    """The same holds inside one process."""
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda k: book.admit(CAP, str(k), 30.0, now=T0).admitted, range(64)))

    assert sum(answers) == 33


def test_the_same_reservation_counts_once(book):
    """A retry after a lost answer takes nothing twice."""
    book.admit(CAP, "a", 600.0, now=T0)
    again = book.admit(CAP, "a", 600.0, now=T0)

    assert again.admitted
    assert book.state(CAP, now=T0).available_g == 400.0


def test_settling_twice_changes_nothing(book):
    """What a run cost is counted once."""
    book.admit(CAP, "a", 600.0, now=T0)
    book.settle(CAP, "a", 200.0, now=T0)
    book.settle(CAP, "a", 999.0, now=T0)
    state = book.state(CAP, now=T0)

    assert (state.available_g, state.spent_g, state.runs) == (800.0, 200.0, 1)


def test_the_state_outlives_the_process(tmp_path):
    """A new book on the same file knows what was reserved."""
    path = tmp_path / "budgets.sqlite3"
    BudgetBook(path).admit(CAP, "a", 900.0, now=T0)

    assert not BudgetBook(path).admit(CAP, "b", 200.0, now=T0).admitted


def test_rebound_is_shown(book):
    """More runs and more grams in the second period stand beside its larger saving."""
    wide = Budget(name="team", grams=10_000.0, period=DAY)
    for k, (hours, grams) in enumerate([(1, 100.0), (26, 150.0), (27, 150.0)]):
        book.admit(wide, str(k), grams, now=at(hours))
        book.settle(wide, str(k), grams, now=at(hours), run_now_g=grams * 2)
    before, after = book.totals(wide, now=at(48))

    assert (before.runs, before.grams, before.saved_g) == (1, 100.0, 100.0)
    assert (after.runs, after.grams, after.saved_g) == (2, 300.0, 300.0)


def test_an_unknown_baseline_is_not_a_saving(book):
    """A period with one run of unknown baseline claims none."""
    book.admit(CAP, "a", 10.0, now=at(1))
    book.settle(CAP, "a", 10.0, now=at(1))

    assert book.totals(CAP, now=at(24), periods=1)[0].saved_g is None


def test_exhaustion_follows_the_spending(book):
    """Twice the allowance spent within a day of overdraft empties what is left."""
    observed = Budget(name="team", grams=1000.0, period=DAY, mode=BudgetMode.OBSERVE)
    book.admit(observed, "a", 2000.0, now=T0)
    book.settle(observed, "a", 2000.0, now=at(1))

    assert book.exhausted_at(observed, now=at(2)) == at(2)
    assert book.exhausted_at(Budget(name="other", grams=1.0, period=DAY), now=T0) is None


def test_an_unknown_reservation_is_refused(book):
    """Settling what was never admitted is an error that names both."""
    with pytest.raises(InvalidInput, match="budget 'team' has no reservation 'x'"):
        book.settle(CAP, "x", 1.0, now=T0)


def test_a_file_that_cannot_be_opened_is_said(tmp_path):
    """The message names the path."""
    with pytest.raises(JournalUnavailable, match=r"budget file .*nowhere"):
        BudgetBook(tmp_path / "nowhere" / "b.sqlite3")


class TestDefined:
    def test_a_budget_is_kept_by_name(self, book):
        """What was set is found again, exactly."""
        cap = Budget(name="ml", grams=5e4, period=7 * DAY, mode=BudgetMode.DELAY, carry_over=0.25, warn_at=0.2)
        book.define(cap, now=T0)

        assert (book.find("ml"), book.defined()) == (cap, (cap,))

    def test_an_unknown_name_lists_the_known_ones(self, book):
        """A typing error is easy to mend."""
        book.define(CAP, now=T0)
        with pytest.raises(InvalidInput, match="no budget 'tema'; defined: team"):
            book.find("tema")

    def test_a_larger_allowance_does_not_forgive_what_was_spent(self, book):
        """600 of 1000 g spent leave 1400 of 2000 g."""
        book.define(CAP, now=T0)
        book.admit(CAP, "a", 600.0, now=T0)
        book.settle(CAP, "a", 600.0, now=T0)
        wider = Budget(name="team", grams=2000.0, period=DAY, mode=BudgetMode.REFUSE)
        book.define(wider, now=T0)

        assert book.state(wider, now=T0).available_g == 1400.0

    def test_a_removed_budget_is_gone(self, book):
        """Made again it begins full."""
        book.define(CAP, now=T0)
        book.admit(CAP, "a", 600.0, now=T0)
        book.remove("team")

        assert book.defined() == ()
        assert book.state(CAP, now=T0).available_g == 1000.0


class TestReclaimed:
    HOLDER = Holder("etl", "run-7", "host:1:2", at(10))

    def admitted(self, book):
        book.admit(CAP, "a", 900.0, now=T0, holder=self.HOLDER)

    def test_a_killed_holder_that_never_began_gives_its_grams_back(self, book):
        """Nothing ran, so nothing was spent."""
        self.admitted(book)
        closed = book.reclaim(CAP, now=at(1), began=lambda *_: False, gone=lambda _: True)

        assert [c.spent_g for c in closed] == [0.0]
        assert book.state(CAP, now=at(1)).available_g == 1000.0

    def test_a_killed_holder_that_had_begun_counts_in_full(self, book):
        """Nobody knows what it cost, so it counts as much as was planned: a crash is no way round a budget."""
        self.admitted(book)
        book.reclaim(CAP, now=T0, began=lambda name, key: (name, key) == ("etl", "run-7"), gone=lambda _: True)

        assert (book.state(CAP, now=T0).spent_g, book.state(CAP, now=T0).reserved_g) == (900.0, 0.0)

    def test_a_living_holder_keeps_its_reservation(self, book):
        """Until its time has passed, which counts also where the process cannot be seen."""
        self.admitted(book)

        assert book.reclaim(CAP, now=at(9), began=lambda *_: False, gone=lambda _: False) == ()
        assert len(book.reclaim(CAP, now=at(10), began=lambda *_: False, gone=lambda _: False)) == 1


def test_work_at_its_latest_start_overdraws_and_later_work_pays(book):
    """A deadline is stronger than a budget; the grams are counted all the same."""
    late = Budget(name="team", grams=1000.0, period=DAY, mode=BudgetMode.DELAY)
    book.admit(late, "a", 900.0, now=T0)
    forced = book.admit(late, "b", 300.0, now=T0, forced=True)

    assert (forced.admitted, forced.verdict) == (True, "warn")
    assert book.state(late, now=T0).available_g == -200.0
    assert not book.admit(late, "c", 1.0, now=T0).admitted


def test_asking_what_would_be_takes_nothing(book):
    """A rehearsal reserves nothing."""
    answer = book.would_admit(CAP, 900.0, now=T0)

    assert answer.admitted
    assert book.state(CAP, now=T0).reserved_g == 0.0

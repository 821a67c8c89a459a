"""Runs of a function on a carbon budget and with learned lengths: the records are those of ``gridtide run``."""

import asyncio
import logging
import threading
from datetime import timedelta

import pytest

from gridtide.accounting.budget import Budget, BudgetMode
from gridtide.api import prices, sync
from gridtide.api.aware import carbon_aware
from gridtide.api.given import GivenData
from gridtide.api.scheduler import CarbonScheduler
from gridtide.domain.effect import EffectState
from gridtide.domain.errors import BudgetExhausted, ConfigurationError, InvalidInput
from gridtide.domain.interval import Interval
from gridtide.ledger.budgets import BudgetBook
from gridtide.ledger.journal import Journal
from gridtide.ledger.records import Ending, Outcome
from gridtide.testing import FakeClock
from support import HOUR, T0, at, hourly

DAY = timedelta(days=1)
NIGHT = hourly(300.0, 200.0, 100.0, *[300.0] * 40)
FALLING = hourly(*[600.0 - 10.0 * h for h in range(48)])


@pytest.fixture
def config(tmp_path):
    """Settings with their records in a folder of their own."""
    return {
        "regions": {"primary": "DE"},
        "policies": {"spread": "0s"},
        "paths": {"journal": str(tmp_path / "journal.sqlite3")},
    }


@pytest.fixture
def book(tmp_path):
    return BudgetBook(tmp_path / "budgets.sqlite3")


@pytest.fixture
def journal(tmp_path):
    """The records as another process would read them."""
    return lambda: Journal(tmp_path / "journal.sqlite3")


def define(book, grams, mode="refuse", name="ml"):
    budget = Budget(name=name, grams=grams, period=DAY, mode=BudgetMode(mode))
    book.define(budget, now=T0)
    return budget


@pytest.fixture
def scheduler(config):
    """A scheduler at midnight, whose clock waits in no time."""

    def make(series=NIGHT, **policies):
        clock = FakeClock(T0, auto_advance=True)
        own = config | {"policies": {**config["policies"], **policies}}
        return CarbonScheduler(own, clock=clock, grid=GivenData(series, clock, name="night")), clock

    return make


def working(clock, hours=1.0):
    """Work that takes that long on *clock*."""

    async def work():
        began = clock.now()
        await clock.sleep_until(began + hours * HOUR)
        return began

    return work


class TestBudget:
    async def test_a_run_is_reserved_before_its_wait_and_settled_after_it(self, scheduler, book):
        """The planned hour costs 100 g, and that is what is left over as spent."""
        budget = define(book, 1000)
        client, clock = scheduler()
        seen = []

        async def work():
            seen.append(book.state(budget, now=clock.now()).reserved_g)
            await clock.sleep_until(clock.now() + HOUR)

        await client.run(work, name="etl", duration="1h", max_delay="5h", power_w=1000, budget="ml")
        left = book.state(budget, now=clock.now())

        assert seen == [100.0]
        assert (left.reserved_g, left.spent_g, left.runs) == (0.0, pytest.approx(100.0, rel=0.01), 1)

    async def test_what_it_really_took_is_what_it_costs(self, scheduler, book):
        """Two hours from two o'clock are 100 and 300 g, whatever was planned."""
        budget = define(book, 1000)
        client, clock = scheduler()
        await client.run(working(clock, 2), duration="1h", max_delay="5h", power_w=1000, budget="ml")

        assert book.state(budget, now=clock.now()).spent_g == pytest.approx(400.0, rel=0.01)

    async def test_a_refusal_comes_before_the_wait(self, scheduler, book):
        """Nothing runs, nothing stays reserved, and the hint says how to look."""
        budget = define(book, 50)
        client, clock = scheduler()
        with pytest.raises(BudgetExhausted, match="has 50 g left and 100 g are asked for") as caught:
            await client.run(working(clock), duration="1h", max_delay="5h", power_w=1000, budget="ml")

        assert clock.now() == T0
        assert "gridtide budget show ml" in caught.value.hint
        assert book.state(budget, now=T0).reserved_g == 0.0

    async def test_a_budget_that_delays_does_so_until_it_can_pay(self, scheduler, book):
        """A full bucket of 9600 g a day is empty at first; 100 g have flowed in after a quarter of an hour."""
        budget = define(book, 9600, "delay")
        book.admit(budget, "other", 9600.0, now=T0)
        book.settle(budget, "other", 9600.0, now=T0)
        client, clock = scheduler(hourly(*[100.0] * 48))
        began = await client.run(working(clock), duration="1h", max_delay="20h", power_w=1000, budget="ml")

        assert at(0.25) <= began <= at(0.3)
        assert book.state(budget, now=clock.now()).reserved_g == 0.0

    async def test_a_budget_never_strands_work(self, scheduler, book):
        """One that can never pay lets it go at its latest start, and counts it."""
        budget = define(book, 10, "delay")
        client, clock = scheduler(hourly(*[100.0] * 48))
        began = await client.run(working(clock), duration="1h", max_delay="15m", power_w=1000, budget="ml")

        assert at(0.25) <= began <= at(0.25) + timedelta(seconds=5)
        assert book.state(budget, now=clock.now()).spent_g == pytest.approx(100.0, rel=0.01)

    async def test_a_cancelled_wait_gives_its_grams_back(self, config, book, journal):
        """It never began."""
        budget = define(book, 1000)
        clock = FakeClock(T0)
        client = CarbonScheduler(config, clock=clock, grid=GivenData(NIGHT, clock, name="night"))
        waiting = asyncio.create_task(client.run(working(clock), name="etl", max_delay="5h", power_w=1000, budget="ml"))
        while not book.state(budget, now=T0).reserved_g or clock.next_wake is None:  # noqa: ASYNC110 - a thread writes
            await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting

        assert book.state(budget, now=T0).reserved_g == 0.0
        with journal() as records:
            assert [run.outcome.ending for run in records.runs()] == [Ending.CANCELLED]

    async def test_an_error_of_the_work_is_its_own_and_is_counted(self, scheduler, book, journal):
        """The grams were emitted all the same; the length is not learned from."""
        budget = define(book, 1000)
        client, clock = scheduler()

        async def work():
            await clock.sleep_until(clock.now() + HOUR)
            raise LookupError("mine")

        with pytest.raises(LookupError, match="mine"):
            await client.run(work, name="etl", max_delay="5h", power_w=1000, budget="ml")

        assert book.state(budget, now=clock.now()).spent_g == pytest.approx(100.0, rel=0.01)
        with journal() as records:
            (run,) = records.runs()
            assert (run.outcome.exit_code, run.outcome.note) == (1, "it raised LookupError")
            assert records.run_times("etl") == []

    async def test_the_records_are_those_of_a_run(self, scheduler, book, journal):
        """Accepted, begun and ended, so that a killed process's grams are put right by the next one."""
        define(book, 1000)
        client, clock = scheduler()
        await client.run(working(clock), name="etl", max_delay="5h", power_w=1000, budget="ml")

        with journal() as records:
            (run,) = records.runs()
            assert [intent.state for intent in run.intents] == [EffectState.FINISHED]
            assert (run.workload, run.outcome.ending, len(run.decisions)) == ("etl", Ending.COMPLETED, 1)
            assert run.outcome.realised.grams == pytest.approx(200.0, rel=0.01)

    async def test_a_budget_that_is_not_there_is_refused_with_those_that_are(self, scheduler, book):
        """Of the call it is a fault of the call, of the settings one of the settings."""
        define(book, 1000)
        client, clock = scheduler()
        with pytest.raises(InvalidInput, match="there is no budget 'lm'; defined: ml"):
            await client.run(working(clock), power_w=1000, budget="lm")
        other, clock = scheduler(budget="lm")
        with pytest.raises(ConfigurationError, match="there is no budget 'lm'"):
            await other.run(working(clock), power_w=1000)

    async def test_a_budget_of_the_settings_pays_too(self, scheduler, book, caplog):
        """Work of unknown power is not counted, and that is said; it runs."""
        budget = define(book, 1000)
        client, clock = scheduler(budget="ml")
        await client.run(working(clock), max_delay="5h", power_w=1000)
        spent = book.state(budget, now=clock.now()).spent_g
        await client.run(working(clock), max_delay="0s")

        assert spent == book.state(budget, now=clock.now()).spent_g == pytest.approx(100.0, rel=0.01)
        assert "policies.budget does not count python: its power is not known" in caplog.text

    def test_decorated_work_draws_on_it_too(self, config, book):
        """Plain functions, blocks and coroutines; what a refusal stops does not start."""
        budget = define(book, 650)
        clock = FakeClock(T0, auto_advance=True)
        grid = GivenData(hourly(*[300.0] * 48), clock, name="flat")
        guard = carbon_aware(config, clock=clock, grid=grid, max_delay="0s", power_w=1000, budget="ml")

        @guard
        def plain():
            clock.advance(HOUR)

        @guard
        async def coroutine():
            clock.advance(HOUR)

        plain()
        asyncio.run(coroutine())

        assert book.state(budget, now=T0).spent_g == pytest.approx(600.0, rel=0.01)
        with pytest.raises(BudgetExhausted), guard:
            pytest.fail("it may not start")
        with pytest.raises(BudgetExhausted):
            plain()

    def test_a_block_is_counted_when_it_is_left(self, config, book):
        """Until then its grams are reserved."""
        budget = define(book, 1000)
        clock = FakeClock(T0, auto_advance=True)
        grid = GivenData(hourly(*[300.0] * 48), clock, name="flat")
        with carbon_aware(config, clock=clock, grid=grid, max_delay="0s", power_w=1000, budget="ml") as decision:
            inside = book.state(budget, now=T0)
            clock.advance(HOUR)

        assert decision.should_execute
        assert (inside.reserved_g, inside.spent_g) == (300.0, 0.0)
        assert book.state(budget, now=T0).spent_g == pytest.approx(300.0, rel=0.01)

    def test_blocking_work_draws_on_it_too(self, config, book):
        """The same records, without await."""
        budget = define(book, 1000)
        clock = FakeClock(T0, auto_advance=True)
        grid = GivenData(hourly(*[300.0] * 48), clock, name="flat")
        with sync.CarbonScheduler(config, clock=clock, grid=grid) as blocking:
            blocking.run(clock.advance, HOUR, max_delay="0s", power_w=1000, budget="ml")
            with pytest.raises(LookupError):
                blocking.run({}.__getitem__, "x", max_delay="0s", power_w=1000, budget="ml")

        assert book.state(budget, now=T0).spent_g == pytest.approx(600.0, rel=0.01)

    async def test_records_that_cannot_be_written_stop_nothing(self, config, tmp_path, caplog):
        """A folder where the files should be costs a warning."""
        (tmp_path / "budgets.sqlite3").mkdir()
        (tmp_path / "journal.sqlite3").mkdir()
        caplog.set_level(logging.WARNING)
        clock = FakeClock(T0, auto_advance=True)
        client = CarbonScheduler(config, clock=clock, grid=GivenData(NIGHT, clock, name="night"))

        assert await client.run(working(clock), max_delay="5h", power_w=1000, budget="ml") == at(2)
        assert "the run is not counted" in caplog.text


class TestWhatGoesWrongOnTheWay:
    async def test_a_price_file_that_vanishes_leaves_the_last_plan_standing(
        self, scheduler, tmp_path, monkeypatch, caplog
    ):
        """Work that waits for the cheap hour starts in it, whatever became of the file (invariant I1)."""
        path = tmp_path / "prices.csv"
        path.write_text("time,value\n" + "".join(f"{at(h):%Y-%m-%dT%H:%MZ},{90 - 10 * h}\n" for h in range(9)))
        read = prices.read_price_file

        def read_once(*arguments, **keywords):
            found = read(*arguments, **keywords)
            path.unlink()
            return found

        monkeypatch.setattr(prices, "read_price_file", read_once)
        client, clock = scheduler()

        assert await client.run(clock.now, max_delay="5h", carbon_price=0, price_series=path) == at(5)
        assert "the last plan of" in caplog.text

    async def test_a_budget_on_a_disk_that_hangs_does_not_hold_work_up(self, scheduler, book, monkeypatch, caplog):
        """Its answer is awaited for a bounded time only."""
        define(book, 10, "delay")
        client, clock = scheduler(hourly(*[100.0] * 48))
        free = threading.Event()
        monkeypatch.setattr("gridtide.api.allowance._PATIENCE_S", 0.01)
        admit = BudgetBook.admit
        asked = []

        def hang(self, *arguments, **keywords):
            asked.append(1)
            if len(asked) > 1:
                free.wait(60)
            return admit(self, *arguments, **keywords)

        monkeypatch.setattr(BudgetBook, "admit", hang)
        began = await client.run(clock.now, max_delay="15m", power_w=1000, budget="ml")
        free.set()

        assert began == at(0.25)
        assert "the budget cannot be asked: no answer within" in caplog.text

    async def test_a_budget_that_cannot_be_opened_in_time_leaves_the_run_uncounted(
        self, scheduler, book, monkeypatch, caplog
    ):
        """The wait begins without it, and says so."""
        define(book, 1000)
        client, clock = scheduler()
        free, find = threading.Event(), BudgetBook.find
        monkeypatch.setattr("gridtide.api.undertaking._DISK_S", 0.01)
        monkeypatch.setattr(BudgetBook, "find", lambda *arguments: free.wait(60) and find(*arguments))
        began = await client.run(clock.now, max_delay="5h", power_w=1000, budget="ml")
        free.set()

        assert began == at(2)
        assert "is not counted: its budget did not answer" in caplog.text

    async def test_the_next_step_can_be_typed(self, scheduler, book):
        """A name with a space stands in quotes."""
        client, clock = scheduler()
        with pytest.raises(InvalidInput) as caught:
            await client.run(clock.now, power_w=1000, budget="my team")

        assert "`gridtide budget set 'my team' --grams" in caught.value.hint


class TestLearnedLengths:
    @pytest.fixture
    def remember(self, journal):
        """Put past runs of a name into the records."""

        def remember(name, *lengths):
            with journal() as records:
                for k, length in enumerate(lengths):
                    facts = {"workload": name, "occurrence": f"past-{k}", "ending": Ending.COMPLETED, "exit_code": 0}
                    records.conclude(Outcome(**facts, ended_at=T0, intervals=(Interval(T0 - length, T0),)))

        return remember

    async def test_an_evaluation_keeps_room_for_a_long_run(self, scheduler, remember):
        """The window has the typical length of past runs, and the latest start keeps the long one."""
        remember("etl", *[2 * HOUR] * 12)
        client, _ = scheduler(FALLING)
        details = {"name": "etl", "duration": "1h", "deadline": at(12)}
        learned = await client.evaluate_workload(**details, learn_duration=True)
        declared = await client.evaluate_workload(**details | {"name": "etl", "learn_duration": False})

        assert declared.latest_start == at(11)
        assert learned.latest_start < at(10)
        assert learned.decision.end - learned.decision.start > 1.5 * HOUR

    async def test_a_plan_learns_by_the_id_of_its_workload(self, scheduler, remember):
        """And no past run leaves the declared length alone."""
        from gridtide import Workload

        remember("etl", *[2 * HOUR] * 12)
        client, _ = scheduler(FALLING)
        known, unknown = [
            await client.plan(Workload(id=name, duration=HOUR, deadline=at(12)), learn_duration=True)
            for name in ("etl", "other")
        ]

        assert known.latest_start < at(10)
        assert unknown.latest_start == at(11)

    async def test_a_run_is_one_more_to_learn_from(self, scheduler, journal):
        """Without a budget and without a power."""
        client, clock = scheduler()
        await client.run(working(clock, 2), name="etl", max_delay="0s", learn_duration=True)
        await client.run(working(clock, 3), name="etl", max_delay="0s")

        with journal() as records:
            assert records.run_times("etl") == [2 * HOUR]

    async def test_without_either_nothing_is_written(self, scheduler, tmp_path):
        """The records are asked for, not taken."""
        client, clock = scheduler()
        await client.run(working(clock), max_delay="0s")

        assert list(tmp_path.iterdir()) == []

"""The local records: decisions that replay, effects that happen once, outcomes, and a file that can fail."""

from __future__ import annotations

import os
import sqlite3
import stat
import subprocess
import sys
import threading
from contextlib import closing
from dataclasses import replace

import pytest

from gridtide.accounting.savings import Power, saving_against_run_now
from gridtide.domain.decision import FreshnessStep
from gridtide.domain.effect import EffectKey, EffectState, Receipt, Verb
from gridtide.domain.errors import Conflict, JournalUnavailable
from gridtide.domain.interval import Interval
from gridtide.domain.ports import DecisionJournal, IntentJournal
from gridtide.domain.workload import Workload
from gridtide.ledger.journal import Journal
from gridtide.ledger.location import FILE_NAME, claim, state_file
from gridtide.ledger.owner import is_gone, this_owner
from gridtide.ledger.records import Ending, Outcome, replay
from gridtide.ledger.store import KEPT
from gridtide.planning.duration import RunTimes
from gridtide.planning.plan import PlanOptions, plan
from gridtide.planning.question import Question, answer
from support import DEMO, HOUR, T0, at, hourly

NIGHT = hourly(300, 200, 100, 150, 400, 400)
JOB = Workload(id="etl", duration=HOUR, release=T0, deadline=at(6), power_w=500)
KEY = EffectKey("etl", "run-1")


@pytest.fixture
def path(tmp_path):
    return tmp_path / "state" / FILE_NAME


@pytest.fixture
def journal(path):
    with Journal(path) as opened:
        yield opened


def receipt(ref="pid 42", moment=T0):
    return Receipt(ref=ref, at=moment)


def test_it_is_what_the_rooms_above_expect(journal):
    """The journal fulfils both ports: of who decides and of who acts."""
    assert isinstance(journal, DecisionJournal)
    assert isinstance(journal, IntentJournal)


# -- decisions ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "state",
    [
        pytest.param({}, id="a first plan"),
        pytest.param({"planned": at(1), "planned_since": T0}, id="a plan kept by the dwell"),
        pytest.param({"step": FreshnessStep.NONE, "no_data_since": T0}, id="no data"),
        pytest.param({"method": "threshold", "options": PlanOptions(threshold=160.0)}, id="a threshold"),
        pytest.param({"now": at(5)}, id="the deadline"),
    ],
)
def test_a_recorded_decision_replays_bit_for_bit(journal, state):
    """All inputs are kept: deciding again from the record gives the same decision, to the last bit."""
    facts = {"workload": JOB, "now": at(0.25), "series": NIGHT, "step": FreshnessStep.CACHED, "step_reason": "slow"}
    question = Question(**{**facts, **state})
    decision = answer(question)

    identifier = journal.record(JOB, decision, NIGHT, occurrence="run-1", question=question)
    record = journal.decision(identifier)

    assert (record.question, record.decision, record.occurrence) == (question, decision, "run-1")
    assert repr(replay(record)) == repr(decision)


def test_a_plan_that_was_only_asked_for_replays_too(journal):
    """A decision recorded by workload and series alone is planned again the same way."""
    job = replace(JOB, min_saving=0.9)
    decision = plan(job, NIGHT, now=at(1), method="auto", options=PlanOptions(alternatives=2))

    identifier = journal.record(job, decision, NIGHT, method="auto", options=PlanOptions(alternatives=2))

    assert replay(journal.decision(identifier)) == replace(decision, freshness=decision.freshness)


def test_the_latest_decisions_come_first(journal):
    """Newest first, by workload or occurrence if asked, and no more than wanted."""
    for k in range(4):
        question = Question(workload=JOB, now=at(k / 10), series=NIGHT, step=FreshnessStep.LIVE)
        journal.record(JOB, answer(question), NIGHT, occurrence=f"run-{k % 2}", question=question)

    assert [r.decision.decided_at for r in journal.last(3)] == [at(0.3), at(0.2), at(0.1)]
    assert [r.decision.decided_at for r in journal.last(occurrence="run-0")] == [at(0.2), T0]
    assert journal.last(workload="other") == []
    assert journal.decision("nothing") is None


def test_equal_series_are_kept_once(journal, path):
    """Planning ten times on one forecast costs its space once."""
    for k in range(10):
        question = Question(workload=JOB, now=at(k / 100), series=NIGHT, step=FreshnessStep.LIVE)
        journal.record(JOB, answer(question), NIGHT, question=question)

    with closing(sqlite3.connect(path)) as file:
        assert file.execute("SELECT count(*) FROM series").fetchone() == (1,)


# -- effects -----------------------------------------------------------------------------------------------------------


def test_an_effect_goes_from_intent_to_end(journal):
    """Each transition is kept with its time, and the platform's name for it."""
    journal.intend(KEY, at=T0)
    journal.started(KEY, receipt(moment=at(1)))
    journal.finished(KEY, at=at(2), detail="exit 3")
    (found,) = journal.intents("etl", "run-1")

    assert (found.key, found.state, found.ref, found.detail) == (KEY, EffectState.FINISHED, "pid 42", "exit 3")
    assert (found.intended_at, found.started_at, found.ended_at) == (T0, at(1), at(2))


@pytest.mark.parametrize(
    ("before", "state"),
    [
        (["intend"], "intent"),
        (["intend", "started"], "started"),
        (["intend", "started", "finished"], "finished"),
    ],
    ids=["meant", "begun", "over"],
)
@pytest.mark.parametrize("epoch", [0, 1], ids=["the same epoch", "the next epoch"])
def test_a_start_is_claimed_once(journal, before, state, epoch):
    """While a start is meant, begun or over, nobody claims another one, whatever the epoch."""
    for step in before:
        {"intend": lambda: journal.intend(KEY, at=T0), "started": lambda: journal.started(KEY, receipt()),
         "finished": lambda: journal.finished(KEY, at=T0)}[step]()  # fmt: skip

    with pytest.raises(Conflict, match="start of etl/run-1 was already claimed at 2026-01-01T00:00:00Z") as caught:
        journal.intend(replace(KEY, epoch=epoch), at=at(1))
    assert (caught.value.facts["state"], caught.value.facts["epoch"]) == (state, 0)
    assert caught.value.facts["owner_is_gone"] is False


def test_a_start_known_to_have_failed_may_be_tried_again(journal):
    """The next epoch is free, the failed one is not."""
    journal.intend(KEY, at=T0)
    journal.failed(KEY, at=T0, detail="refused")

    with pytest.raises(Conflict):
        journal.intend(KEY, at=T0)
    journal.intend(replace(KEY, epoch=1), at=T0)

    assert [i.state for i in journal.intents("etl", "run-1")] == [EffectState.FAILED, EffectState.INTENT]


def test_every_pause_has_its_own_key(journal):
    """A piece is paused once and continued once; the next piece has the next epoch."""
    for epoch in (1, 2):
        for verb in (Verb.PAUSE, Verb.CONTINUE):
            journal.intend(EffectKey("etl", "run-1", epoch, verb), at=T0)

    with pytest.raises(Conflict):
        journal.intend(EffectKey("etl", "run-1", 2, Verb.PAUSE), at=T0)


def test_transitions_out_of_order_are_refused(journal):
    """An effect that was never meant cannot start, and one that is over cannot fail."""
    with pytest.raises(Conflict, match="already moved on"):
        journal.started(KEY, receipt())
    journal.intend(KEY, at=T0)
    journal.finished(KEY, at=T0)
    with pytest.raises(Conflict):
        journal.failed(KEY, at=T0)


def test_of_many_claims_at_once_one_wins(path):
    """Eight connections race for one start: one has it, seven are told so."""
    results, barrier = [], threading.Barrier(8)
    Journal(path).close()

    def race(k):
        with Journal(path) as mine:
            barrier.wait()
            try:
                mine.intend(EffectKey("etl", "run-1", k), at=T0)
                results.append("won")
            except Conflict:
                results.append("lost")

    threads = [threading.Thread(target=race, args=(k,)) for k in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(results) == ["lost"] * 7 + ["won"]


def test_an_intent_survives_a_kill(path):
    """A process killed right after claiming leaves the claim on the disk, and its owner is known to be gone."""
    code = (
        "import os, sys, pathlib, datetime\n"
        "from gridtide.ledger.journal import Journal\n"
        "from gridtide.domain.effect import EffectKey\n"
        "Journal(pathlib.Path(sys.argv[1])).intend(EffectKey('etl', 'run-1'), at=datetime.datetime.now(datetime.UTC))\n"
        "os.kill(os.getpid(), 9)\n"
    )
    killed = subprocess.run([sys.executable, "-c", code, path], check=False)

    with Journal(path) as journal, pytest.raises(Conflict) as caught:
        journal.intend(KEY, at=T0)
    assert killed.returncode == -9
    assert caught.value.facts["owner_is_gone"] is True


# -- outcomes ----------------------------------------------------------------------------------------------------------


def outcome(**facts):
    ran = (Interval(at(2), at(3)),)
    base = {
        "workload": "etl",
        "occurrence": "run-1",
        "ending": Ending.COMPLETED,
        "ended_at": at(3),
        "exit_code": 0,
        "original_start": T0,
        "intervals": ran,
        "power": Power(constant_w=500),
        "planned": saving_against_run_now(NIGHT, ran, original_start=T0, power=Power(constant_w=500)),
    }
    return Outcome(**{**base, **facts})


def test_planned_and_realised_are_kept_apart(journal):
    """The outcome is known at once on the forecast, and again on the values that came true; both stay."""
    truth = hourly(250, 200, 300, 150)
    journal.conclude(outcome())
    journal.conclude(outcome().with_truth(truth))
    found = journal.outcome("etl", "run-1")

    assert (found.planned.grams, found.planned.share) == (100.0, pytest.approx(2 / 3))
    assert (found.realised.grams, found.realised.share) == (-25.0, pytest.approx(-0.2))
    assert journal.outcomes() == [found]
    assert found.started_at == at(2)


@pytest.mark.parametrize(
    "series",
    [
        pytest.param(hourly(250, 200, 300, 150, signal=replace(DEMO, provider="other")), id="another source"),
        pytest.param(hourly(250, 200, 300, 150, signal=replace(DEMO, zone="Y")), id="another zone"),
        pytest.param(hourly(250, 200), id="the run is not known yet"),
        pytest.param(hourly(150, start=at(2)), id="the baseline is not known"),
        pytest.param(hourly(), id="nothing"),
    ],
)
def test_what_is_not_the_same_signal_is_no_truth(series):
    """Without the same signal over both runs nothing is realised; nothing is made up."""
    assert outcome().with_truth(series).realised is None


def test_runs_tell_the_whole_story(journal):
    """An occurrence comes with its decisions, effects and ending."""
    journal.accept("etl", "run-1", at=T0)
    question = Question(workload=JOB, now=T0, series=NIGHT, step=FreshnessStep.LIVE)
    journal.record(JOB, answer(question), NIGHT, occurrence="run-1", question=question)
    journal.intend(KEY, at=at(2))
    journal.conclude(outcome())
    journal.accept("etl", "run-2", at=at(9))
    second, first = journal.runs()

    assert (first.occurrence, first.accepted_at, first.owner_is_gone) == ("run-1", T0, False)
    assert (len(first.decisions), len(first.intents), first.outcome) == (1, 1, outcome())
    assert (second.decisions, second.intents, second.outcome) == ((), (), None)
    assert [run.occurrence for run in journal.runs(occurrence="run-1")] == ["run-1"]


# -- the file ----------------------------------------------------------------------------------------------------------


def test_records_survive_the_process_and_are_private(path):
    """What one command wrote the next one reads; nobody else may."""
    with Journal(path) as journal:
        journal.accept("etl", "run-1", at=T0)
        files = list(path.parent.iterdir())
        assert [stat.S_IMODE(f.stat().st_mode) for f in files] == [0o600] * len(files)

    with Journal(path) as journal:
        assert [run.occurrence for run in journal.runs()] == ["run-1"]
        assert (journal.in_memory, journal.notices) == (False, [])
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_a_file_that_others_could_read_is_closed_to_them(path):
    """An existing journal with wide permissions is narrowed."""
    Journal(path).close()
    path.chmod(0o644)
    Journal(path).close()

    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(lambda p: p.write_bytes(b"no database at all" * 1000), id="other content"),
        pytest.param(lambda p: p.write_bytes(p.read_bytes()[:4096] + os.urandom(8192)), id="pages overwritten"),
    ],
)
def test_a_damaged_file_is_set_aside_with_a_notice(path, damage):
    """The old file is kept under another name, a clean one is begun, and the user is told."""
    with Journal(path) as journal:
        for k in range(50):
            journal.accept("etl", f"run-{k}", at=T0)
    damage(path)
    damaged = path.read_bytes()

    with Journal(path) as journal:
        journal.accept("etl", "new", at=T0)
        (notice,) = journal.notices
        assert [run.occurrence for run in journal.runs()] == ["new"]
        assert journal.in_memory is False
    (aside,) = [f for f in path.parent.iterdir() if ".damaged-" in f.name and not f.name.endswith(("-wal", "-shm"))]
    assert aside.read_bytes() == damaged
    assert notice.startswith("the journal was damaged")
    assert str(aside) in notice


def test_a_newer_file_is_left_alone(path):
    """A journal of a version that we cannot read is neither changed nor used."""
    Journal(path).close()
    with sqlite3.connect(path) as db:
        db.execute("PRAGMA user_version = 99")
        db.execute("UPDATE meta SET value = '98' WHERE name = 'readable_from'")
    db.close()

    with Journal(path) as journal:
        assert journal.in_memory
        assert "written by a newer version (schema 99, this one knows 1)" in journal.notices[0]


def test_a_newer_file_that_says_it_can_be_read_is_used(path):
    """After a roll-back the older version goes on with the newer one's journal."""
    with Journal(path) as journal:
        journal.accept("etl", "run-1", at=T0)
    with sqlite3.connect(path) as db:
        db.execute("PRAGMA user_version = 99")
    db.close()

    with Journal(path) as journal:
        assert [run.occurrence for run in journal.runs()] == ["run-1"]
        assert not journal.in_memory


def test_b15_without_a_home_records_stay_in_memory():
    """No HOME and no XDG folder: the journal works, says so once, and ends with the process."""
    assert state_file({}) is None
    assert state_file({"HOME": "relative", "XDG_STATE_HOME": "./x"}) is None
    with Journal(state_file({})) as journal:
        journal.accept("etl", "run-1", at=T0)

        assert [run.occurrence for run in journal.runs()] == ["run-1"]
        assert journal.notices == [
            "there is no home folder, so records are kept in memory only and end with this command"
        ]


def test_b15_the_xdg_folder_goes_before_the_home(tmp_path):
    """The path follows the XDG rules."""
    found = state_file({"HOME": "/home/ada", "XDG_STATE_HOME": str(tmp_path)})

    assert found == tmp_path / "gridtide" / FILE_NAME
    assert str(state_file({"HOME": "/home/ada"})) == f"/home/ada/.local/state/gridtide/{FILE_NAME}"


@pytest.mark.parametrize("where", ["file", "folder"])
def test_b15_a_symbolic_link_is_not_followed(tmp_path, path, where):
    """A link laid in place of the journal is refused, and what it points to stays as it is."""
    victim = tmp_path / "victim"
    victim.write_bytes(b"precious")
    path.parent.mkdir()
    if where == "file":
        path.symlink_to(victim)
    else:
        path = tmp_path / "link" / FILE_NAME
        path.parent.symlink_to(victim)

    with Journal(path) as journal:
        assert journal.in_memory
        assert "cannot be opened" in journal.notices[0]
        assert journal.notices[0].endswith("records are kept in memory only and end with this command")
    assert victim.read_bytes() == b"precious"


@pytest.mark.parametrize("kind", ["folder", "pipe"])
def test_b15_what_is_no_file_is_refused(path, kind):
    """A folder or a pipe in place of the journal neither blocks nor breaks anything."""
    path.parent.mkdir()
    path.mkdir() if kind == "folder" else os.mkfifo(path)

    with Journal(path) as journal:
        assert journal.in_memory
        assert len(journal.notices) == 1


def test_b15_a_file_of_somebody_else_is_refused(path, monkeypatch):
    """A journal that belongs to another user is not written into."""
    Journal(path).close()
    mine = os.geteuid()
    monkeypatch.setattr(os, "geteuid", lambda: mine + 1)

    with pytest.raises(JournalUnavailable, match=rf"belongs to user {mine}, not to {mine + 1}"):
        claim(path)
    with Journal(path) as journal:
        assert journal.in_memory


def test_b15_a_read_only_home_is_one_notice(tmp_path):
    """A folder that cannot be made is said once, in words, with what to do elsewhere."""
    blocked = tmp_path / "blocked"
    blocked.write_text("a file where a folder should be")

    with Journal(blocked / "gridtide" / FILE_NAME) as journal:
        assert (journal.in_memory, len(journal.notices)) == (True, 1)
        assert "cannot be opened: Not a directory" in journal.notices[0]


@pytest.fixture
def full(path):
    """A journal whose disk is full: SQLite may take no further page."""
    with Journal(path) as journal:
        journal.accept("etl", "run-1", at=T0)
        journal._connection.execute("PRAGMA max_page_count = 1")
        for k in range(2000):
            journal.accept("etl", f"filler-{k}" * 20, at=T0)
            if journal.dropped:
                break
        journal.notices.clear()
        journal.dropped = 0
        yield journal


def test_a_full_disk_loses_records_loudly(full):
    """Decisions and outcomes that cannot be written are counted and said once; nothing is raised."""
    big = hourly(*range(500))
    for k in range(3):
        question = Question(workload=JOB, now=at(k / 10), series=big, step=FreshnessStep.LIVE)
        assert full.record(JOB, answer(question), big, question=question)

    assert full.dropped == 3
    assert len(full.notices) == 1
    assert "a decision was not recorded: the journal cannot be written: database or disk is full" in full.notices[0]
    assert full.notices[0].endswith("work goes on without records")


def test_a_full_disk_is_told_to_whoever_acts(full):
    """An intent that cannot be written is an error, so that the engine decides whether to go on without it."""

    def claim_many():
        for k in range(2000):
            full.intend(EffectKey("etl", f"run-{k}" * 20), at=T0)

    with pytest.raises(JournalUnavailable, match="disk is full"):
        claim_many()


def test_a_locked_file_is_waited_for_and_then_given_up(path, monkeypatch):
    """Another process that holds the file for long does not hold a release: it is said within the busy time."""
    monkeypatch.setattr("gridtide.ledger.schema.BUSY_S", 0.05)
    with Journal(path) as journal:
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")

        with pytest.raises(JournalUnavailable, match="database is locked"):
            journal.intend(KEY, at=T0)
        other.execute("ROLLBACK")
        other.close()
        journal.intend(KEY, at=T0)


def test_closing_does_not_wait_for_a_call_that_hangs(path, monkeypatch):
    """A disk that hangs in another thread does not keep the program from ending."""
    monkeypatch.setattr("gridtide.ledger.store._CLOSE_S", 0.05)
    journal, held, gate = Journal(path), threading.Event(), threading.Event()

    def hang():
        with journal._lock:
            held.set()
            gate.wait()

    thread = threading.Thread(target=hang)
    thread.start()
    held.wait()
    journal.close()
    hangs_still = thread.is_alive()
    gate.set()
    thread.join()
    journal.close()

    assert hangs_still


def test_the_journal_is_bounded(path):
    """Opening drops what is older than the newest fifty thousand, series included."""
    with Journal(path) as journal:
        question = Question(workload=JOB, now=T0, series=NIGHT, step=FreshnessStep.LIVE)
        journal.record(JOB, answer(question), NIGHT, question=question)
        question = replace(question, series=hourly(1, 2, 3))
        journal.record(JOB, answer(question), question.series, question=question)
        journal._connection.execute("UPDATE decisions SET seq = seq + ? WHERE seq = 2", (KEPT,))

    with Journal(path) as journal:
        (left,) = journal.last(10)
        assert left.question == question
        assert journal.read("SELECT count(*) FROM series") == [(1,)]


def test_owners_are_told_apart():
    """This process lives; one that ended or was never here is gone; another host is never judged."""
    ended = subprocess.run(
        [sys.executable, "-c", "from gridtide.ledger.owner import this_owner; print(this_owner())"],
        capture_output=True, text=True, check=True,
    ).stdout.strip()  # fmt: skip
    host, pid, _began = this_owner().rsplit(":", 2)

    assert not is_gone(this_owner())
    assert is_gone(ended)
    assert is_gone(f"{host}:{pid}:1")
    assert not is_gone(f"elsewhere:{pid}:1")
    assert not is_gone("")


# -- run times ---------------------------------------------------------------------------------------------------------


def ran(name, *hours, workload="etl", **facts):
    """An occurrence that ran between these hours."""
    intervals = tuple(Interval(at(a), at(b)) for a, b in zip(hours[::2], hours[1::2], strict=True))
    return outcome(workload=workload, occurrence=name, intervals=intervals, planned=None, **facts)


def test_run_times_are_those_of_successful_runs_oldest_first(journal):
    """A failure, a cancelled wait, another job and a run that nobody saw teach nothing."""
    journal.conclude(ran("run-1", 0, 1))
    journal.conclude(ran("failed", 0, 5, exit_code=1))
    journal.conclude(ran("cancelled", 0, 5, ending=Ending.CANCELLED))
    journal.conclude(ran("let go"))
    journal.conclude(ran("no code", 0, 5, exit_code=None))
    journal.conclude(ran("other", 0, 5, workload="backup"))
    journal.conclude(ran("run-2", 0, 2))

    assert journal.run_times("etl") == [HOUR, 2 * HOUR]
    assert journal.run_times("etl", 1) == [2 * HOUR]
    assert journal.run_times("nothing") == []


def test_pauses_and_what_they_cost_are_no_run_time(journal):
    """Two pieces of an hour with a quarter hour of resuming are an hour and three quarters of work."""
    journal.conclude(ran("run-1", 0, 1, 3, 4, overhead=HOUR / 4))

    assert journal.run_times("etl") == [1.75 * HOUR]


def test_what_was_learned_is_kept_with_the_decision(journal):
    """The lengths that were planned with can be told later, and the decision replays."""
    learned = RunTimes(typical=HOUR, safe=2 * HOUR, runs=7)
    job = replace(JOB, reserve=HOUR)
    question = Question(
        workload=job, now=T0, series=NIGHT, options=PlanOptions(learned=learned), step=FreshnessStep.LIVE
    )
    record = journal.decision(journal.record(job, answer(question), NIGHT, question=question))

    assert (record.question.options.learned, record.question.workload.reserve) == (learned, HOUR)
    assert replay(record) == record.decision

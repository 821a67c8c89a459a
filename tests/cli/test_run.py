"""``gridtide run``: waits, starts once, passes everything through, tells what it saved; nothing strands the command."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import signal
import subprocess
import sys
import termios
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest

from gridtide.api.clocks import ScaledClock
from gridtide.domain.instants import isoformat, parse_instant
from gridtide.domain.series import Series
from gridtide.engine.actor import FAILPOINTS
from gridtide.ledger.journal import Journal
from gridtide.ledger.records import replay
from gridtide.testing.faults import Fault
from gridtide.testing.server import FakeGridServer
from support import DEMO, T0, at, hourly_csv

GRIDTIDE = [sys.executable, "-m", "gridtide"]
START = ["--at", "2026-01-01T00:00Z"]
FAST = [*START, "--clock-speed", "14400"]
STEADY = [*START, "--clock-speed", "3600"]
WAIT = ["run", "--series", "series.csv", "--duration", "1h", "--finish-by", "2026-01-01T06:00Z"]
NOW = [*WAIT, *START, "--method", "run-now"]
ROOMY = ["run", "--series", "clears.csv", "--duration", "1h", "--finish-by", "2026-01-03T00:00Z"]


def append(path, text="x"):
    """A command that adds to a file, so that every start leaves its mark."""
    return [sys.executable, "-I", "-S", "-c", "import sys; open(sys.argv[1], 'a').write(sys.argv[2])", str(path), text]


def spawn(*argv, env=None, **options):
    """The real program in its own process."""
    return subprocess.Popen(
        [*GRIDTIDE, *map(str, argv)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ, **(env or {})}, **options,
    )  # fmt: skip


def wait_for(condition, within_s=20.0):
    ends = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < ends, "it did not happen in time"
        time.sleep(0.02)


def finish(process, within_s=30.0):
    out, err = process.communicate(timeout=within_s)
    return process.returncode, out, err


@pytest.fixture
def journal_file(newcomer):
    return newcomer.parent / "home" / ".local" / "state" / "gridtide" / "journal.sqlite3"


# -- the main job ------------------------------------------------------------------------------------------------------


def test_it_waits_for_the_cleanest_hour_and_tells_what_that_saved(run, clears, newcomer, journal_file):
    """One start in the cleanest hour, savings planned and realised apart, and a decision that replays."""
    result = run(*ROOMY, *STEADY, "--power", "500", "--json", "--", *append(newcomer / "log"))
    outcome = result.json["outcome"]
    began, decision = parse_instant(outcome["started_at"]), result.json["decision"]

    assert (result.code, (newcomer / "log").read_text()) == (0, "x")
    assert (decision["action"], decision["reason"], decision["start"]) == (
        "wait",
        "lower-later",
        "2026-01-01T03:00:00Z",
    )
    assert began >= at(3)
    assert (outcome["ending"], outcome["exit_code"], result.json["forced"]) == ("completed", 0, False)
    assert outcome["planned"]["baseline"] == outcome["realised"]["baseline"] == "run-now"
    assert outcome["planned"]["saving_percent"] == 100.0
    assert outcome["realised"]["saving_percent"] == 100.0
    assert outcome["realised"]["saved_g"] > 0
    with Journal(journal_file) as journal:
        (found,) = journal.runs()
        assert found.occurrence == result.json["id"]
        assert [replay(r) for r in found.decisions] == [r.decision for r in found.decisions]
        assert [(str(i.key.verb), str(i.state), i.detail) for i in found.intents] == [("start", "finished", "exit 0")]


def test_words_for_people_go_to_stderr(run, clears):
    """What waits, why, and what came of it; stdout is the command's own."""
    result = run(*ROOMY, *FAST, "--name", "train", "--", "true")
    lines = result.err.splitlines()

    assert result.out == ""
    assert lines[0].startswith("train: starts Thu 2026-01-01 03:00 UTC, in ")
    assert "it is cleaner later (0 instead of " in lines[0]
    assert "at the latest Fri 2026-01-02 23:00 UTC" in lines[0]
    assert re.search(r"^train: ran \w{3} 2026-01-0\d \d\d:\d\d:\d\d to .* UTC, exit code 0$", result.err, re.MULTILINE)
    assert re.search(
        r"^  planned   0.0 instead of \d+ gCO2eq/kWh: 100.0 % less than run-now$", result.err, re.MULTILINE
    )
    assert re.search(
        r"^  realised  0.0 instead of \d+ gCO2eq/kWh: 100.0 % less than run-now$", result.err, re.MULTILINE
    )


def test_quiet_says_nothing(run, series):
    """With --quiet only warnings and errors are left."""
    result = run(*WAIT, *FAST, "--quiet", "--", "true")

    assert (result.code, result.out, result.err) == (0, "", "")


def test_a_dry_run_starts_and_writes_nothing(run, series, newcomer, journal_file):
    """It says what would be done; no record, no command."""
    result = run(*WAIT, *START, "--dry-run", "--json", "--", *append(newcomer / "log"))

    assert (result.code, result.json["dry_run"], result.json["started"]) == (0, True, False)
    assert result.json["decision"]["start"] == "2026-01-01T03:00:00Z"
    assert not (newcomer / "log").exists()
    assert not journal_file.exists()


def test_the_command_begins_with_the_first_word_that_is_no_flag(run, series, newcomer):
    """Without -- the command's own flags are still its own."""
    result = run(*NOW, "sh", "-c", f"echo $0 > {newcomer}/log", "--json")

    assert (result.code, (newcomer / "log").read_text()) == (0, "--json\n")


def test_an_impossible_deadline_is_refused_or_run_at_once(run, series, newcomer):
    """A deadline that cannot be met is refused; with --best-effort the command runs now and that is said."""
    late = ["run", "--series", "series.csv", *START, "--duration", "9h", "--finish-by", "2026-01-01T06:00Z"]
    refused = run(*late, "--", *append(newcomer / "log"))
    taken = run(*late, "--best-effort", "--", *append(newcomer / "log"))

    assert refused.code == 65
    assert (taken.code, (newcomer / "log").read_text()) == (0, "x")
    assert "cannot be met" in taken.err


def test_a_pause_follows_the_plan(run, newcomer):
    """With --pause the command stands still through the dirty hours and is continued after them."""
    (newcomer / "waves.csv").write_text(hourly_csv(*[100] * 6, *[400] * 9, *[100] * 24))
    until_continued = "trap 'exit 0' CONT; for i in $(seq 600); do sleep 0.05; done"
    result = run(
        "run", "--series", "waves.csv", *START, "--clock-speed", "10800", "--duration", "8h",
        "--finish-by", "2026-01-02T04:00Z", "--pause", "--json", "--", "sh", "-c", until_continued,
    )  # fmt: skip
    first, second = result.json["outcome"]["intervals"]

    assert result.code == 0
    assert parse_instant(first["start"]) < at(6) <= parse_instant(first["end"])
    assert parse_instant(second["start"]) >= at(15)


# -- once --------------------------------------------------------------------------------------------------------------


def test_a_key_is_used_once(run, series, newcomer):
    """The second run with the same key is told so at once, and does not start."""
    first = run(*NOW, "--once", "night 7", "--name", "etl", "--", *append(newcomer / "log"))
    second = run(*NOW, "--once", "night 7", "--name", "etl", "--", *append(newcomer / "log"))
    other = run(*NOW, "--once", "night 8", "--name", "etl", "--", *append(newcomer / "log"))

    assert (first.code, second.code, other.code) == (0, 75, 0)
    assert "etl was already started for the key 'night 7'" in second.err
    assert "`gridtide explain --id night 7`" in second.err
    assert (newcomer / "log").read_text() == "xx"


@pytest.mark.parametrize(
    "step", [step if step == "after-started" else pytest.param(step, marks=pytest.mark.slow) for step in FAILPOINTS]
)
def test_f36_killed_at_any_step_the_command_starts_at_most_once(series, newcomer, step):
    """Signal 9 at a step, then the same key again: one start, or none where only dying could tell."""
    argv = [*NOW, "--once", "k", "--name", "etl", "--", *append(newcomer / "log")]
    killed = finish(spawn(*argv, env={"GRIDTIDE_FAILPOINT": step}))
    if step == "after-act":
        wait_for((newcomer / "log").exists)
    again = finish(spawn(*argv))
    starts = len((newcomer / "log").read_text()) if (newcomer / "log").exists() else 0

    assert killed[0] == -signal.SIGKILL
    assert again[0] == (0 if step in {"before-intent", "after-intent", "after-prepare"} else 75)
    assert starts == (0 if step == "after-started" else 1)


# -- B10, B11: like a shell --------------------------------------------------------------------------------------------


def test_b10_no_command_is_a_usage_error(run, series):
    """There is nothing to run, and the message says where to write it."""
    for argv in (NOW, [*NOW, "--"]):
        result = run(*argv)

        assert result.code == 2
        assert "there is no command to run" in result.err
        assert "write it after --, for example: -- make train" in result.err


@pytest.mark.parametrize(
    ("argv", "code", "message"),
    [
        (["no-such-program"], 127, "command 'no-such-program' is not found"),
        (["./nothing"], 127, "command './nothing' is not there"),
        (["/"], 126, "command '/' is a folder"),
        (["./series.csv"], 126, "command './series.csv' is not executable"),
    ],
    ids=["not found", "no file", "a folder", "not executable"],
)
def test_b10_what_a_shell_would_refuse_is_refused_before_the_wait(run, series, argv, code, message):
    """The exit codes are a shell's, and nobody waits hours for them."""
    result = run(*WAIT, *START, "--", *argv)

    assert result.code == code
    assert message in result.err
    assert "starts" not in result.err


def test_b10_errors_are_objects_for_programs(run, series):
    """With --json the refusal is an error object on stdout."""
    result = run(*NOW, "--json", "--", "no-such-program")

    assert result.code == 127
    assert result.json["schema"] == "gridtide.error/1"
    assert (result.json["error"]["code"], result.json["error"]["exit_code"]) == ("not_found", 127)


@pytest.mark.parametrize(
    ("text", "code"), [("exit 3", 3), ("kill -9 $$", 137), ("kill -TERM $$", 143), ("exit 0", 0)], ids=str
)
def test_b11_the_exit_code_is_the_commands(run, series, text, code):
    """Its own code, or 128 + n when a signal ended it; in the answer too."""
    result = run(*NOW, "--json", "--", "sh", "-c", text)

    assert (result.code, result.json["exit_code"], result.json["outcome"]["exit_code"]) == (code, code, code)


@pytest.mark.slow
def test_b11_output_goes_straight_through(series):
    """Standard input, output and error are the command's own."""
    process = subprocess.run(
        [*GRIDTIDE, *NOW, "--quiet", "--", "sh", "-c", "cat; echo err >&2; head -c 3000000 /dev/zero"],
        input=b"in", capture_output=True, check=False, timeout=60,
    )  # fmt: skip

    assert process.returncode == 0
    assert process.stdout == b"in" + bytes(3_000_000)
    assert process.stderr == b"err\n"


# -- B12: odd terminals ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "env",
    [
        {"NO_COLOR": "1", "TERM": "dumb", "COLUMNS": "1"},
        pytest.param(
            {"LANG": "C", "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "TERM": ""},
            marks=pytest.mark.slow,
        ),
    ],
    ids=["dumb and narrow", "ascii, no type"],
)
def test_b12_any_terminal_gets_plain_text(series, env):
    """No traceback, no escape codes, and the job runs."""
    code, out, err = finish(spawn(*WAIT, *FAST, "--", "true", env=env))

    assert (code, out) == (0, "")
    assert "Traceback" not in err
    assert "\x1b" not in err
    assert "exit code 0" in err


@pytest.mark.slow
def test_b12_closed_streams_do_not_stop_the_job(series, newcomer):
    """Without stdout and stderr the command runs, and its exit code is ours."""
    process = subprocess.run(
        ["bash", "-c", 'exec 1>&- 2>&-; exec "$@"', "-", *GRIDTIDE, *WAIT, *FAST, "--", *append(newcomer / "log")],
        check=False, timeout=60,
    )  # fmt: skip

    assert process.returncode == 0
    assert (newcomer / "log").read_text() == "x"


@pytest.mark.slow
def test_b12_a_reader_that_went_away_does_not_stop_the_job(series, newcomer):
    """Our notes go nowhere, and the command still runs once."""
    process = spawn(*WAIT, *FAST, "--json", "--", *append(newcomer / "log"))
    process.stderr.close()
    process.stdout.close()

    assert process.wait(30) == 0
    assert (newcomer / "log").read_text() == "x"


@pytest.mark.slow
def test_a_terminal_shows_a_living_countdown(series, newcomer):
    """On a terminal one line counts down and is gone before the command speaks."""
    leader, follower = pty.openpty()
    process = subprocess.Popen(
        [*GRIDTIDE, *WAIT, *START, "--clock-speed", "5400", "--", "sh", "-c", "echo it runs >&2"],
        stdin=follower, stdout=follower, stderr=follower,
        env={**os.environ, "TERM": "xterm", "COLUMNS": "150", "LINES": "40"},
    )  # fmt: skip
    os.close(follower)
    seen, ends = b"", time.monotonic() + 30
    while time.monotonic() < ends and select.select([leader], [], [], 10)[0]:
        try:
            chunk = os.read(leader, 65536)
        except OSError:
            break
        if not chunk:
            break
        seen += chunk
    os.close(leader)
    text = seen.decode()

    assert process.wait(10) == 0
    assert re.search(r"starts Thu 2026-01-01 03:00 UTC, in \d+h\d+m\d+s; it is cleaner later", text)
    assert "\x1b[2K" in text[: text.index("it runs")]
    assert "starts Thu" not in text[text.index("it runs") :]


def take_terminal():
    """In the child: a session of its own, with its standard input as the controlling terminal."""
    os.setsid()
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


def state_of(pid):
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


@pytest.mark.slow
def test_on_a_terminal_the_command_reads_stops_continues_and_ends(series, newcomer):
    """Typing reaches the command; Ctrl-Z stops both, continuing continues both, Ctrl-C is the command's."""
    leader, follower = pty.openpty()
    process = subprocess.Popen(
        [*GRIDTIDE, *NOW, "--quiet", "--", "sh", "-c", 'echo $$ > pid; read line; echo "$line" > log; read more'],
        stdin=follower, stdout=follower, stderr=follower,
        preexec_fn=take_terminal,  # noqa: PLW1509 - no thread is running
    )  # fmt: skip
    os.close(follower)
    wait_for(lambda: Path("pid").exists() and Path("pid").read_text())
    child = int(Path("pid").read_text())
    os.write(leader, b"typed\n")
    wait_for(lambda: Path("log").exists() and Path("log").read_text() == "typed\n")
    os.write(leader, b"\x1a")
    wait_for(lambda: (state_of(process.pid), state_of(child)) == ("T", "T"))
    process.send_signal(signal.SIGCONT)
    wait_for(lambda: (state_of(process.pid), state_of(child)) == ("S", "S"))
    os.write(leader, b"\x03")

    assert process.wait(20) == 130
    os.close(leader)


# -- B13: signals ------------------------------------------------------------------------------------------------------


def waiting(*argv, env=None):
    """A run that waits, and has said so."""
    process = spawn(*WAIT, *START, *argv, env=env)
    line = process.stderr.readline()
    assert "starts Thu 2026-01-01 03:00 UTC" in line
    return process


@pytest.mark.slow
def test_b13_a_signal_ends_the_wait_and_nothing_starts(newcomer, series, tmp_path):
    """The command never starts, no process is left, and the records say what happened."""
    cases = {
        "once": ([signal.SIGINT], 130),
        "twice": ([signal.SIGINT, signal.SIGINT], 130),
        "term": ([signal.SIGTERM], 143),
        "hup": ([signal.SIGHUP], 129),
    }

    def press(name):
        process = waiting("--", *append(newcomer / name), env={"XDG_STATE_HOME": str(tmp_path / name)})
        for number in cases[name][0]:
            process.send_signal(number)
        return finish(process)

    with ThreadPoolExecutor() as pool:
        results = dict(zip(cases, pool.map(press, cases), strict=True))

    for name, (numbers, code) in cases.items():
        returned, out, err = results[name]

        assert (returned, out) == (code, "")
        assert "Traceback" not in err
        assert f"stopped before it started, exit code {code}: stopped by {numbers[0].name}" in err
        assert not (newcomer / name).exists()
        with Journal(tmp_path / name / "gridtide" / "journal.sqlite3") as journal:
            (found,) = journal.runs()
            assert (str(found.outcome.ending), found.outcome.exit_code, found.intents) == ("cancelled", code, ())


def test_b13_signals_reach_the_whole_group(newcomer, series):
    """Once it runs, a signal is the command's affair: it handles it and its code is ours."""
    text = 'trap "echo caught > log; exit 5" TERM; echo ready; while :; do sleep 0.05; done'
    process = spawn(*NOW, "--", "sh", "-c", text)
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGTERM)

    assert finish(process)[0] == 5
    assert (newcomer / "log").read_text() == "caught\n"


def test_b13_a_second_ctrl_c_kills_the_group(newcomer, series):
    """A command that ignores Ctrl-C, and its children, are gone after the second one."""
    text = 'trap "" INT TERM; sleep 60 & echo $!; wait; sleep 60'
    process = spawn(*NOW, "--", "sh", "-c", text)
    child = int(process.stdout.readline())
    process.send_signal(signal.SIGINT)
    time.sleep(0.2)
    survived = process.poll() is None
    process.send_signal(signal.SIGINT)
    code = finish(process)[0]
    status = Path(f"/proc/{child}/stat")

    assert survived
    assert code == 137
    assert not status.exists() or " Z " in status.read_text()


@pytest.mark.slow
def test_what_was_ignored_stays_ignored(newcomer, series):
    """Under nohup a hang-up does not end the wait."""
    process = subprocess.Popen(
        ["sh", "-c", 'trap "" HUP; exec "$@"', "-", *GRIDTIDE, *WAIT, *START, "--clock-speed", "7200", "--", "true"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    process.stderr.readline()
    process.send_signal(signal.SIGHUP)

    assert finish(process)[0] == 0


# -- B15, B87 ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("home", [None, "/dev/null"], ids=["no home", "a home that is no folder"])
def test_b15_without_a_place_for_records_the_job_runs_with_one_warning(run, series, newcomer, monkeypatch, home):
    """No home, or one that cannot be written: one warning, and the command runs."""
    if home is None:
        monkeypatch.delenv("HOME")
    else:
        monkeypatch.setenv("HOME", home)
    result = run(*NOW, "--", *append(newcomer / "log"))
    warnings = [line for line in result.err.splitlines() if line.startswith("warning")]

    assert (result.code, (newcomer / "log").read_text()) == (0, "x")
    assert len(warnings) == 1
    assert warnings[0].endswith("records are kept in memory only and end with this command")


def test_a_disk_that_hangs_does_not_hold_the_job(run, series, newcomer, monkeypatch):
    """When opening the records hangs, the job runs with records in memory, after a bounded time."""
    gate = threading.Event()
    monkeypatch.setattr("gridtide.api.wiring._OPEN_S", 0.1)
    monkeypatch.setattr("gridtide.api.wiring.build_journal", lambda _settings: gate.wait())
    result = run(*NOW, "--", *append(newcomer / "log"))
    gate.set()

    assert (result.code, (newcomer / "log").read_text()) == (0, "x")
    assert "the journal did not open within 0.1 s; records are kept in memory only" in result.err


def test_a_fault_in_the_loop_does_not_strand_the_job(run, series, newcomer, monkeypatch):
    """Should the owner of the engine itself fail, the command still starts at its latest start, once."""

    async def broken(_self):
        raise RuntimeError("bug")

    monkeypatch.setattr("gridtide.engine.loop.Owner.run", broken)
    result = run(*WAIT, *FAST, "--json", "--", *append(newcomer / "log"))
    began = parse_instant(result.json["outcome"]["started_at"])

    assert (result.code, (newcomer / "log").read_text()) == (0, "x")
    assert began >= at(5)
    assert "the wait failed (RuntimeError), so the job starts at its latest start" in result.err


def test_no_fault_starts_the_job_before_it_may_start(run, series, newcomer, monkeypatch):
    """A deadline before the earliest start cannot be met, and never brings that start forward."""

    async def broken(_self):
        raise RuntimeError("bug")

    late = ["--not-before", "2026-01-01T05:30Z", "--best-effort"]
    monkeypatch.setattr("gridtide.engine.loop.Owner.run", broken)
    faulty = run(*WAIT, *FAST, *late, "--json", "--", "true")

    assert faulty.code == 0
    assert parse_instant(faulty.json["outcome"]["started_at"]) >= at(5.5)


def test_a_fault_in_the_account_keeps_the_exit_code(run, series, monkeypatch):
    """What came of it may be unknown; the command's exit code is not."""

    def broken(*_args, **_facts):
        raise ZeroDivisionError("bug")

    monkeypatch.setattr("gridtide.cli.errand.Outcome", broken)
    result = run(*NOW, "--", "sh", "-c", "exit 4")

    assert result.code == 4
    assert "what came of it could not be worked out" in result.err


@pytest.mark.parametrize("name", ["a b", "'\"", ";rm -rf x", "-rf", "--once", "ünï☃", "%s{}"], ids=ascii)
def test_b87_names_are_data(run, series, name):
    """Spaces, quotes, semicolons and dashes in a name go into the records as they are."""
    ran = run(*NOW, f"--name={name}", f"--once={name}", "--", "true")
    told = run("explain", f"--id={name}", "--json")

    assert ran.code == told.code == 0
    assert [(r["name"], r["id"]) for r in told.json["runs"]] == [(name, name)]


@pytest.mark.parametrize(
    ("flag", "value", "message"),
    [
        ("--name", "a\nb", "--name 'a\\nb' holds the control character '\\n'"),
        ("--once", "a\x1b[2Jb", "holds the control character '\\x1b'"),
        ("--name", "", "--name has 0 characters; allowed: 1 to 253"),
        ("--once", "k" * 254, "--once has 254 characters; allowed: 1 to 253"),
    ],
    ids=["a line break", "an escape", "empty", "too long"],
)
def test_b87_a_name_that_cannot_be_carried_is_refused(run, series, flag, value, message):
    """The message names the flag and what is wrong with it."""
    result = run(*NOW, flag, value, "--", "true")

    assert result.code == 2
    assert message in result.err


def test_arguments_are_never_recorded(run, series, journal_file):
    """A password on the command line does not end up in the records."""
    run(*NOW, "--", "true", "--password=hunter2")

    assert b"hunter2" not in journal_file.read_bytes()
    assert b"hunter2" not in run("explain", "--json").out.encode()


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["--clock-speed", "2"], "--clock-speed is about a clock that --at starts"),
        ([*START, "--clock-speed", "0"], "--clock-speed is 0; allowed: above 0"),
        ([*START, "--clock-speed", "nan"], "--clock-speed is nan"),
    ],
    ids=["without a clock", "standing still", "not a number"],
)
def test_a_clock_that_cannot_be_is_refused(run, series, argv, message):
    """The speed belongs to a clock that was started, and it must move."""
    result = run("run", "--series", "series.csv", "--duration", "1h", *argv, "--", "true")

    assert result.code == 2
    assert message in result.err


# -- must show: killed, slowed and fed garbage in mid-wait -------------------------------------------------------------

SPEED = 1200
HALF_HOUR = timedelta(minutes=30)
TROUBLES = {
    "killed": lambda server: server.stop(),
    "slowed": lambda server: server.fault("uk", Fault.drip(1.0)),
    "garbage": lambda server: server.fault("uk", Fault.html()),
}


@pytest.mark.slow
@pytest.mark.parametrize("never_up", [False, True], ids=["in mid-wait", "from the beginning"])
def test_whatever_the_provider_does_the_job_starts_once_and_in_time(newcomer, never_up):
    """
    Providers are killed, slowed and fed garbage while three real runs wait against them.

    Each command leaves one mark, at the latest ten seconds after its latest start; what was planned before the trouble
    is kept.
    """
    dip = [60 if 14 <= k < 16 else 300 - k for k in range(150)]
    series = Series.steps(DEMO, T0 - timedelta(days=1), HALF_HOUR, [250] * 48 + dip)

    def carry(kind):
        with FakeGridServer({"uk": series}, clock=ScaledClock(T0, speed=SPEED)) as server:
            if never_up:
                TROUBLES[kind](server)
            process = spawn(
                "run", "--provider", "uk", "--zone", "GB", "--at", isoformat(T0), "--clock-speed", SPEED,
                "--duration", "1h", "--finish-by", isoformat(at(10)), "--on-no-data", "wait", "--name", kind,
                "--", *append(newcomer / kind),
                env={"GRIDTIDE_PROVIDERS__UK__BASE_URL": server.base_url("uk"), "XDG_STATE_HOME": str(newcomer / kind[0])},
            )  # fmt: skip
            if not never_up:
                while "starts Thu 2026-01-01 07:00 UTC" not in process.stderr.readline():
                    assert process.poll() is None
                TROUBLES[kind](server)
            return finish(process, within_s=90.0)

    with ThreadPoolExecutor() as pool:
        results = dict(zip(TROUBLES, pool.map(carry, TROUBLES), strict=True))

    for kind, (code, _, err) in results.items():
        with Journal(newcomer / kind[0] / "gridtide" / "journal.sqlite3") as journal:
            (found,) = journal.runs()
        began = found.outcome.started_at

        assert (code, (newcomer / kind).read_text()) == (0, "x"), err
        assert found.decisions[0].decision.latest_start == at(9)
        assert began <= at(9) + timedelta(seconds=10 * SPEED)
        if not never_up:
            assert at(7) <= began
            assert any(record.decision.mean == 60.0 for record in found.decisions)


def test_a_start_at_once_is_not_announced_after_it_happened(run, series):
    """What the command says stands first then; a countdown to the past would confuse."""
    result = run("run", "--series", series, *START, "--duration", "1h", "--max-delay", "0s", "--", "true")

    assert result.code == 0
    assert "starting" not in result.err
    assert "warning: there is no time left to wait: the latest start is reached\n" in result.err

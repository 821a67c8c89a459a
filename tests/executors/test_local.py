"""One command on this machine: held, begun, paused, signalled, and its exit code."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path

import pytest

from gridtide.domain.effect import EffectKey, Sighting
from gridtide.domain.errors import InvalidInput, NotFound, Refused, Unreachable
from gridtide.domain.ports import CanObserve, CanPause, CanPrepare, Executor
from gridtide.executors.command import shell_code, why_not_started
from gridtide.executors.local import LocalProcess
from gridtide.testing.clock import FakeClock
from support import T0

KEY = EffectKey("etl", "run-1")
PYTHON = sys.executable


def local(*argv, clock=None, env=None):
    return LocalProcess(list(argv), clock=clock or FakeClock(T0), env=env)


def script(text, *arguments):
    return [PYTHON, "-I", "-S", "-c", text, *arguments]


def exists(pid):
    return Path(f"/proc/{pid}").exists()


def wait_for(condition, within_s=5.0):
    ends = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < ends, "it did not happen in time"
        time.sleep(0.01)


async def eventually(condition, within_s=5.0):
    ends = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < ends, "it did not happen in time"
        await asyncio.sleep(0.01)


def state_of(pid):
    """Letter of the process state, as the system tells it."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


def handles(pid, number):
    """Whether the process has a handler of its own for this signal, as the system tells it."""
    told = Path(f"/proc/{pid}/status").read_text()
    return int(told.partition("SigCgt:")[2].split()[0], 16) >> (number - 1) & 1 == 1


def test_it_has_the_abilities_it_says():
    """The local executor prepares, pauses and observes, and needs no journal to start only once."""
    job = local("true")

    assert isinstance(job, Executor)
    assert isinstance(job, CanPrepare)
    assert isinstance(job, CanPause)
    assert isinstance(job, CanObserve)
    assert job.idempotent


async def test_a_held_command_has_a_process_but_has_not_begun(tmp_path):
    """Prepared, the process is there and nothing has happened; the word lets the same process begin."""
    job = local("touch", str(tmp_path / "ran"))
    held = await job.prepare(KEY)
    seen = await job.observe(KEY)
    await asyncio.sleep(0.05)
    before = (tmp_path / "ran").exists()

    begun = await job.start(KEY)
    code = await job.wait()

    assert (held.ref, seen, before) == (f"pid {job.pid}", Sighting.ABSENT, False)
    assert (begun.ref, code, (tmp_path / "ran").exists()) == (held.ref, 0, True)
    assert await job.observe(KEY) is Sighting.FINISHED


async def test_a_second_start_changes_nothing(tmp_path):
    """The command runs once, however often it is told to."""
    job = local(*script("import sys; open(sys.argv[1], 'a').write('x')", str(tmp_path / "log")))
    for _ in range(3):
        await job.start(KEY)
    await job.wait()

    assert (tmp_path / "log").read_text() == "x"


async def test_an_abandoned_command_never_begins(tmp_path):
    """Who gives up while it is held leaves no process and no trace."""
    job = local("touch", str(tmp_path / "ran"))
    await job.prepare(KEY)
    pid = job.pid
    job.abandon()

    assert not exists(pid)
    assert not (tmp_path / "ran").exists()
    assert await job.observe(KEY) is Sighting.ABSENT


def test_a_held_command_dies_with_its_holder(tmp_path):
    """Killing the holder with signal 9 before the word leaves the command unborn."""
    code = (
        "import asyncio, os, sys\n"
        "from gridtide.executors.local import LocalProcess\n"
        "from gridtide.api.clocks import SystemClock\n"
        "job = LocalProcess(['touch', sys.argv[1]], clock=SystemClock())\n"
        "asyncio.run(job.prepare(None))\n"
        "print(job.pid, flush=True)\n"
        "os.kill(os.getpid(), 9)\n"
    )
    holder = subprocess.run([PYTHON, "-c", code, str(tmp_path / "ran")], capture_output=True, text=True, check=False)
    held = int(holder.stdout)

    wait_for(lambda: not exists(held))
    assert holder.returncode == -signal.SIGKILL
    assert not (tmp_path / "ran").exists()


# -- B10, B11: a shell's exit codes ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("argv", "error", "message"),
    [
        pytest.param([], InvalidInput, "there is no command to run", id="nothing"),
        pytest.param([""], InvalidInput, "there is no command to run", id="an empty name"),
        pytest.param(["true", "a\0b"], InvalidInput, "the command holds a NUL character", id="a NUL"),
        pytest.param(
            ["no-such-program-here"], NotFound, "command 'no-such-program-here' is not found", id="no program"
        ),
        pytest.param(["./not/there"], NotFound, "command './not/there' is not there", id="no path"),
        pytest.param(["/"], Refused, "command '/' is a folder", id="a folder"),
    ],
)
def test_b10_what_cannot_run_is_said_before_the_wait(argv, error, message):
    """A command that a shell would refuse is refused when it is given, not hours later."""
    with pytest.raises(error, match=message):
        local(*argv)


def test_b10_a_file_that_is_not_executable_is_refused(tmp_path):
    """The message names the file and the fix."""
    (tmp_path / "job").write_text("echo")

    with pytest.raises(Refused, match="is not executable") as caught:
        local(str(tmp_path / "job"))
    assert caught.value.hint == f"chmod +x {str(tmp_path / 'job')[:80]}"


@pytest.mark.parametrize(
    ("first_line", "error", "message"),
    [
        pytest.param("no interpreter line\n", Refused, "it is in no format the system can run", id="no format"),
        pytest.param("#!/no/such/interpreter\n", NotFound, "the interpreter its first line names", id="no interpreter"),
    ],
)
async def test_b10_what_the_system_refuses_at_the_start_is_said(tmp_path, first_line, error, message):
    """What only shows when the command begins is the same kind of error."""
    job_file = tmp_path / "job"
    job_file.write_text(first_line)
    job_file.chmod(0o755)
    job = local(str(job_file))

    with pytest.raises(error, match=message):
        await job.start(KEY)
    assert job.intervals == ()


async def test_b10_a_command_that_went_away_meanwhile_is_not_found(tmp_path):
    """A program that is deleted during the wait is reported, not a crash."""
    gone = tmp_path / "job"
    gone.write_text("#!/bin/sh\n")
    gone.chmod(0o755)
    job = local(str(gone))
    gone.unlink()

    with pytest.raises(NotFound, match="cannot be started"):
        await job.start(KEY)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("raise SystemExit(0)", 0),
        ("raise SystemExit(3)", 3),
        ("import os; os.kill(os.getpid(), 9)", 137),
        ("import os; os.kill(os.getpid(), 15)", 143),
    ],
    ids=["well", "exit 3", "killed", "terminated"],
)
async def test_b11_the_exit_code_is_the_commands_own(text, code):
    """Its own code, or 128 + n when signal n ended it."""
    job = local(*script(text))
    await job.start(KEY)

    assert await job.wait() == code


def test_b11_signals_map_like_in_a_shell():
    """Minus n means signal n."""
    assert [shell_code(c) for c in (0, 7, 255, -1, -9)] == [0, 7, 255, 129, 137]


def test_b11_output_is_streamed_not_buffered():
    """A hundred megabytes go through without passing our memory: the streams are the command's own."""
    code = (
        "import asyncio, sys\n"
        "from gridtide.executors.local import LocalProcess\n"
        "from gridtide.api.clocks import SystemClock\n"
        "async def go():\n"
        "    job = LocalProcess(['head', '-c', '100000000', '/dev/zero'], clock=SystemClock())\n"
        "    await job.start(None)\n"
        "    code = await job.wait()\n"
        "    peak = [line for line in open('/proc/self/status') if line.startswith('VmHWM')][0]\n"
        "    print(peak.split()[1], file=sys.stderr)\n"
        "    return code\n"
        "sys.exit(asyncio.run(go()))\n"
    )
    wrapper = subprocess.Popen([PYTHON, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    received = 0
    while chunk := wrapper.stdout.read(1 << 20):
        received += len(chunk)
    peak_kib = int(wrapper.stderr.read())
    wrapper.stdout.close()
    wrapper.stderr.close()

    assert (wrapper.wait(), received) == (0, 100_000_000)
    assert peak_kib < 90_000


# -- B87: arguments are carried literally ------------------------------------------------------------------------------


async def test_b87_arguments_reach_the_command_as_they_are(tmp_path):
    """Spaces, quotes, semicolons, line breaks, leading dashes and odd bytes pass through; no shell reads them."""
    strange = ["a b", "'", '"', ";rm -rf x", "line\nbreak", "-rf", "--", "", "$HOME", "`id`", "*", "\udcff", "\u2603"]
    out = tmp_path / "argv"
    job = local(
        *script("import os, sys; open(sys.argv[1], 'wb').write(b'\\0'.join(map(os.fsencode, sys.argv[2:])))",
                str(out), *strange)
    )  # fmt: skip
    await job.start(KEY)

    assert await job.wait() == 0
    assert out.read_bytes().split(b"\0") == [os.fsencode(s) for s in strange]


async def test_the_environment_and_broken_pipes_are_the_systems_own(tmp_path):
    """The command sees the environment it was given, no stray pipes, and dies of a broken pipe as usual."""
    shown = tmp_path / "status"
    job = local("sh", "-c", 'cat /proc/self/status | grep SigIgn > "$0"; ls /proc/self/fd >> "$0"; echo $MINE >> "$0"',
                str(shown), env={**os.environ, "MINE": "42"})  # fmt: skip
    await job.start(KEY)
    await job.wait()
    ignored, *rest = shown.read_text().split("\n")

    assert int(ignored.split()[1], 16) & (1 << (signal.SIGPIPE - 1)) == 0
    assert "42" in rest
    assert set(rest[:4]) <= {"0", "1", "2", "3"}


# -- signals and pauses ------------------------------------------------------------------------------------------------

FORKING = """
import os, signal, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
signal.signal(signal.SIGINT, signal.SIG_IGN)
child = os.fork()
if child == 0:
    time.sleep(60)
    os._exit(0)
open(sys.argv[1], "w").write(str(child))
time.sleep(60)
"""


async def test_f54_the_whole_group_is_killed(tmp_path):
    """A command that forks and ignores the polite signals is ended with its children by the last one."""
    marker = tmp_path / "child"
    job = local(*script(FORKING, str(marker)))
    await job.start(KEY)
    await eventually(lambda: marker.exists() and marker.read_text())
    child = int(marker.read_text())
    job.send(signal.SIGTERM)
    job.send(signal.SIGINT)
    await asyncio.sleep(0.05)
    survived = job._process.poll() is None
    job.send(signal.SIGKILL)

    assert survived
    assert await job.wait() == 137
    await eventually(lambda: not exists(child) or state_of(child) == "Z")


async def test_a_pause_stops_the_group_and_its_time(tmp_path):
    """Paused, every process of the group stands still and the running time does not grow."""
    marker, clock = tmp_path / "child", FakeClock(T0)
    job = local(*script(FORKING, str(marker)), clock=clock)
    await job.start(KEY)
    await eventually(lambda: marker.exists() and marker.read_text())
    child = int(marker.read_text())
    clock.advance(minutes=10)
    await job.pause(KEY)
    await eventually(lambda: state_of(job.pid) == state_of(child) == "T")
    seen = await job.observe(KEY)
    clock.advance(minutes=30)
    await job.proceed(KEY)
    await eventually(lambda: state_of(child) == "S")
    clock.advance(minutes=5)
    job.send(signal.SIGKILL)
    await job.wait()

    assert seen is Sighting.PAUSED
    assert [(i.start - T0, i.length) for i in job.intervals] == [
        (timedelta(0), timedelta(minutes=10)),
        (timedelta(minutes=40), timedelta(minutes=5)),
    ]


async def test_a_paused_group_hears_that_it_should_end():
    """A polite signal wakes a paused command, or it would wait for ever."""
    job = local("sleep", "60")
    await job.start(KEY)
    await job.pause(KEY)
    job.send(signal.SIGTERM)

    assert await job.wait() == 143


def test_paused_work_is_continued_when_the_wrapper_is_killed(tmp_path):
    """Signal 9 to the wrapper while the command is paused: the keeper continues it and it finishes."""
    code = (
        "import asyncio, os, sys\n"
        "from gridtide.executors.local import LocalProcess\n"
        "from gridtide.api.clocks import SystemClock\n"
        "async def go():\n"
        "    job = LocalProcess(['sh', '-c', 'sleep 0.2; touch \"$0\"', sys.argv[1]], clock=SystemClock())\n"
        "    await job.start(None)\n"
        "    await job.pause(None)\n"
        "    print(job.pid, flush=True)\n"
        "    await asyncio.sleep(0.3)\n"
        "    os.kill(os.getpid(), 9)\n"
        "asyncio.run(go())\n"
    )
    wrapper = subprocess.run([PYTHON, "-c", code, str(tmp_path / "ran")], stdout=subprocess.PIPE, check=False)

    assert wrapper.returncode == -signal.SIGKILL
    wait_for((tmp_path / "ran").exists)


async def test_a_ctrl_c_while_the_command_takes_over_ends_it_without_a_traceback(capfd):
    """It comes when our launcher would answer it, and still it is the command that ends of it."""
    job = local("sleep", "60")
    await job.prepare(KEY)
    await eventually(lambda: handles(job.pid, signal.SIGINT))
    begun = asyncio.create_task(job.start(KEY))
    await asyncio.sleep(0)
    early = job.has_begun and not begun.done()
    job.send(signal.SIGINT)
    await begun

    assert early
    assert await job.wait() == 130
    assert capfd.readouterr().err == ""


async def test_a_signal_before_the_start_or_after_the_end_is_harmless():
    """Nothing is signalled that has not begun, and a process that is over is left alone."""
    job = local("true")
    job.send(signal.SIGTERM)
    await job.start(KEY)
    await job.wait()
    job.send(signal.SIGKILL)

    assert await job.observe(KEY) is Sighting.FINISHED


@pytest.mark.parametrize(
    ("number", "kind"), [(11, Unreachable), (24, Unreachable), (7, Refused), (2, NotFound)],
    ids=["no process to spare", "too many files", "too many arguments", "not there"],
)  # fmt: skip
def test_the_systems_refusals_are_told_apart(number, kind):
    """A shortage passes and is tried again; a command that cannot run is final."""
    assert type(why_not_started("job", OSError(number, "x"))) is kind

"""The local executor touches its own process group and nothing beside it (I8)."""

import asyncio
import os
import signal
import subprocess
from pathlib import Path

import pytest

from gridtide.domain.effect import EffectKey
from gridtide.executors.local import LocalProcess
from gridtide.testing.clock import FakeClock
from support import T0

KEY = EffectKey("etl", "run-1")
SLEEP = ["sleep", "30"]  # has no handler to set up, so a signal may reach it at its first instruction


@pytest.fixture
def bystander():
    """A process of the same user with the same command line, in the terminal's own group."""
    process = subprocess.Popen(SLEEP)
    yield process
    process.kill()
    process.wait()


def state_of(pid):
    """Letter of the process state, as the system tells it."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


async def eventually(condition):
    """The system stops a process when it gets round to it; the bound is only for a test that fails."""
    for _ in range(500):
        if condition():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it did not happen")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL, signal.SIGINT], ids=lambda n: n.name)
async def test_only_its_own_group_is_paused_continued_and_ended(bystander, number):
    """A neighbour with the very same command line runs on, and so do we."""
    held = LocalProcess(SLEEP, clock=FakeClock(T0))
    await held.prepare(KEY)
    await held.start(KEY)
    await held.pause(KEY)
    await eventually(lambda: state_of(held.pid) == "T")
    theirs = state_of(bystander.pid)
    await held.proceed(KEY)
    held.send(number)
    code = await held.wait()

    assert theirs != "T"
    assert code == 128 + number
    assert bystander.poll() is None
    assert os.getpgid(bystander.pid) == os.getpgid(0)


async def test_what_is_given_up_takes_nobody_with_it(bystander):
    """Abandoning a held command ends that command alone."""
    held = LocalProcess(SLEEP, clock=FakeClock(T0))
    await held.prepare(KEY)
    held.abandon()

    assert bystander.poll() is None
    assert state_of(bystander.pid) in {"S", "R"}

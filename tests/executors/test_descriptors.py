"""A command starts although every file that may be open is open, and a failed start leaves none open."""

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import pytest

from gridtide.domain.effect import EffectKey
from gridtide.domain.errors import Unreachable
from gridtide.executors.local import LocalProcess
from gridtide.testing.clock import FakeClock
from support import T0

KEY = EffectKey("etl", "run-1")
FULL = """
import asyncio, os, resource, sys
from gridtide.domain.effect import EffectKey
from gridtide.executors.local import LocalProcess
from gridtide.testing.clock import FakeClock
from datetime import UTC, datetime

async def go():
    resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
    job = LocalProcess(["sh", "-c", "echo begun"], clock=FakeClock(datetime(2026, 1, 1, tzinfo=UTC)))
    held = []
    try:
        while True:
            held.append(os.open(os.devnull, os.O_RDONLY))
    except OSError:
        pass
    await job.start(EffectKey("etl", "run-1"))
    sys.exit(await job.wait())

asyncio.run(go())
"""


def opened():
    return len(list(Path("/proc/self/fd").iterdir()))


def test_it_starts_when_nothing_more_may_be_opened():
    """What the wait had taken does not keep the command from its latest start."""
    found = subprocess.run([sys.executable, "-c", FULL], capture_output=True, text=True, check=False, timeout=60)

    assert (found.returncode, found.stdout) == (0, "begun\n"), found.stderr


@pytest.mark.parametrize("allowed", [0, 1, 2])
async def test_a_start_that_fails_for_lack_of_files_leaves_none_open(monkeypatch, allowed):
    """It is a passing fault: tried again when there is room, it succeeds, and nothing was lost meanwhile."""
    job = LocalProcess(["true"], clock=FakeClock(T0))
    before, real, left = opened(), os.pipe, [allowed]

    def scarce():
        if not left[0]:
            raise OSError(24, "Too many open files")
        left[0] -= 1
        return real()

    with monkeypatch.context() as patched:
        patched.setattr(os, "pipe", scarce)
        for _ in range(5):
            left[0] = allowed
            with pytest.raises(Unreachable, match="cannot be started now"):
                await job.start(KEY)
    after = opened()
    await job.start(KEY)

    assert after == before
    assert await asyncio.wait_for(job.wait(), 20) == 0


async def test_what_is_given_up_keeps_nothing_open():
    """Nor does a command that ran."""
    before = opened()
    given_up, ran = LocalProcess(["true"], clock=FakeClock(T0)), LocalProcess(["true"], clock=FakeClock(T0))
    given_up.abandon()
    await ran.start(KEY)
    await ran.wait()

    assert opened() == before

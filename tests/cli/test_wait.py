"""``gridtide wait``: exit code 0 when it is time, 124 when patience ends, 128 + n after a signal."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from datetime import timedelta

import pytest

from gridtide.domain.instants import parse_instant
from support import at

START = ["--at", "2026-01-01T00:00Z"]
FAST = [*START, "--clock-speed", "14400"]
WAIT = ["wait", "--series", "series.csv", "--duration", "1h", "--finish-by", "2026-01-01T06:00Z"]


def test_it_returns_when_it_is_time(run, series):
    """The wait ends with exit code 0 in the cleanest hour, and says so."""
    result = run(*WAIT, *FAST, "--json")

    assert result.code == 0
    assert (result.json["schema"], result.json["started"], result.json["exit_code"]) == ("gridtide.wait/1", True, 0)
    assert parse_instant(result.json["outcome"]["ended_at"]) >= at(3)
    assert result.json["outcome"]["planned"]["saving_percent"] == 100.0
    assert result.json["outcome"]["realised"] is None


def test_without_a_better_time_it_returns_at_once(run, series):
    """Asked to run now, it does not wait; nothing is printed on stdout."""
    result = run(*WAIT, *START, "--method", "run-now")

    assert (result.code, result.out) == (0, "")
    assert "wait: let go Thu 2026-01-01 00:00" in result.err


@pytest.mark.parametrize("patience", ["0s", "1h"], ids=["none", "an hour"])
def test_patience_ends_with_124(run, series, patience):
    """When the timeout passes first, the exit code says that waiting was given up."""
    result = run(*WAIT, *FAST, "--timeout", patience, "--json")

    assert result.code == 124
    assert (result.json["started"], result.json["exit_code"], result.json["stopped_by"]) == (False, 124, None)
    assert (result.json["outcome"]["ending"], result.json["outcome"]["note"]) == ("cancelled", "gave up waiting")


def test_it_is_time_at_the_latest_start_whatever_is_known(run, series):
    """With a file that knows nothing about the time, the wait ends at its latest start, and not twenty seconds late."""
    result = run(
        "wait", "--series", "series.csv", "--at", "2026-01-01T05:30Z", "--clock-speed", "14400", "--max-delay", "2h",
        "--on-no-data", "wait", "--json",
    )  # fmt: skip

    assert result.code == 0
    assert at(7.5) <= parse_instant(result.json["outcome"]["ended_at"]) <= at(7.5) + timedelta(seconds=20 * 14400)


def test_b13_a_signal_ends_the_wait(series):
    """Ctrl-C leaves with 130 and no traceback."""
    process = subprocess.Popen(
        [sys.executable, "-m", "gridtide", *WAIT, *START], stderr=subprocess.PIPE, text=True, env=os.environ
    )
    first = process.stderr.readline()
    process.send_signal(signal.SIGINT)
    rest = process.communicate(timeout=30)[1]

    assert "wait: starts Thu 2026-01-01 03:00 UTC" in first
    assert process.returncode == 130
    assert "Traceback" not in rest


@pytest.mark.parametrize(
    ("argv", "message"),
    [(["--timeout", "90"], "--timeout"), (["--timeout", "-1h"], "--timeout"), (["--duration", "0"], "--duration")],
    ids=["no unit", "negative", "no length"],
)
def test_what_cannot_be_read_is_a_usage_error(run, series, argv, message):
    """A flag that is wrong is named."""
    result = run("wait", "--series", "series.csv", *START, *argv)

    assert result.code == 2
    assert message in result.err

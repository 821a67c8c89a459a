"""A dry run writes nothing and starts nothing, whatever the flags and whatever fails (I8)."""

import itertools

import pytest

from gridtide.testing.faults import Fault
from gridtide.testing.server import FakeGridServer

FLAGS = [
    ("--method", "run-now"),
    ("--pause",),
    ("--once", "night 7", "--name", "etl"),
    ("--best-effort",),
    ("--json",),
    ("--power", "500"),
]
START = ("--at", "2026-01-01T00:00Z")
JOB = ("--duration", "1h", "--finish-by", "2026-01-01T06:00Z", "--dry-run")


def everything(folder):
    """Every file below, with its size and time."""
    return {str(p): (p.stat().st_size, p.stat().st_mtime_ns) for p in folder.rglob("*")}


@pytest.mark.parametrize("count", range(len(FLAGS) + 1))
def test_no_combination_of_flags_leaves_a_trace(run, series, newcomer, count):
    """Neither records nor the command's own mark; the answer is there all the same."""
    before = everything(newcomer.parent)
    for chosen in itertools.islice(itertools.combinations(FLAGS, count), 6):
        flags = itertools.chain.from_iterable(chosen)
        result = run("run", "--series", series, *START, *JOB, *flags, "--", "touch", newcomer / "mark")

        assert result.code == 0, result.err
    assert everything(newcomer.parent) == before


@pytest.mark.parametrize(
    "fault",
    [None, Fault.status(500), Fault.html(), Fault.reset()],
    ids=["a good answer", "an error", "a login page", "a reset"],
)
def test_a_source_that_fails_makes_it_no_real_run(run, newcomer, monkeypatch, fault):
    """What was read may be kept for the next question; no record of a run and no start, however bad the answer."""
    with FakeGridServer() as server:
        if fault is not None:
            server.fault("uk", fault)
        monkeypatch.setenv("GRIDTIDE_PROVIDERS__UK__BASE_URL", server.base_url("uk"))
        result = run(
            "run", "--zone", "GB", "--provider", "uk", "--duration", "1h", "--max-delay", "6h", "--dry-run", "--",
            "touch", newcomer / "mark",
        )  # fmt: skip
    kept = [path for path in everything(newcomer.parent) if "/cache/" not in path]

    assert result.code in {0, 69}
    assert not (newcomer / "mark").exists()
    assert [path for path in kept if path.endswith("journal.sqlite3")] == []

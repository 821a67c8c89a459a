"""Time is read in one place and carried from there (I13): no module reads a clock that is not meant to."""

import ast
from pathlib import Path

import gridtide

SRC = Path(gridtide.__file__).parent
WALL = {"now", "utcnow", "today", "time", "time_ns", "localtime", "gmtime"}
STEADY = {"monotonic", "monotonic_ns", "perf_counter", "perf_counter_ns", "clock_gettime"}
PURE = ("domain", "planning", "accounting", "forecasting", "engine", "ledger")
MAY_READ = {
    "api/clocks.py": "the clock that everybody else is given",
    "cli/checkup.py": "doctor compares the machine's clock with what it can know",
}


def clock_readings(path, *, steady):
    """Calls such as ``datetime.now(...)`` in a module; with *steady* also ``time.monotonic()``."""
    names = WALL | STEADY if steady else WALL
    found = []
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
            continue
        owner = node.func.value
        name = owner.id if isinstance(owner, ast.Name) else owner.attr if isinstance(owner, ast.Attribute) else ""
        if (name in {"datetime", "date", "dt"} and node.func.attr in WALL) or (
            name == "time" and node.func.attr in names
        ):
            found.append(f"{name}.{node.func.attr}:{node.lineno}")
    return found


def test_only_the_clock_reads_the_clock():
    """
    A second reader would decide by another time than the record says.

    Rooms that decide or record read no clock at all; others may measure how long they took. The test kit is left out.
    """
    modules = [path for path in sorted(SRC.rglob("*.py")) if "testing" not in path.relative_to(SRC).parts]
    readers = {
        str(path.relative_to(SRC)): clock_readings(path, steady=path.relative_to(SRC).parts[0] in PURE)
        for path in modules
    }

    assert {name: calls for name, calls in readers.items() if calls and name not in MAY_READ} == {}
    assert {name for name in MAY_READ if not readers.get(name)} == set()


def test_a_reading_would_be_found(tmp_path):
    """The check sees what it looks for."""
    bad = tmp_path / "bad.py"
    bad.write_text("import time, datetime\ntime.time()\ndatetime.datetime.now()\ntime.monotonic()\n")

    assert clock_readings(bad, steady=False) == ["time.time:2", "datetime.now:3"]
    assert clock_readings(bad, steady=True) == ["time.time:2", "datetime.now:3", "time.monotonic:4"]

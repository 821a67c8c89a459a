"""A newcomer's terminal: no settings, no keys, an empty folder, and the real entry point called in process."""

import json
import os
from dataclasses import dataclass

import pytest

from gridtide.cli.main import main
from support import hourly_csv

OWN = (
    "GRIDTIDE_",
    "GRID_INTENSITY_",
    "XDG_",
    "WATT",
    "ELECTRICITY",
    "EIA_",
    "ENTSOE_",
    "OPENELEC",
    "PJM_",
    "PROMETHEUS_",
)

SERIES = """\
time,value
2026-01-01T00:00Z,300
2026-01-01T01:00Z,200
2026-01-01T02:00Z,100
2026-01-01T03:00Z,0
2026-01-01T04:00Z,250
2026-01-01T05:00Z,400
"""


@dataclass(frozen=True)
class Result:
    """What a command did."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> dict:
        """The one object on stdout."""
        return json.loads(self.out)


@pytest.fixture
def newcomer(tmp_path, monkeypatch):
    """An empty home and folder, in UTC, without colour."""
    for name in list(os.environ):
        if name.startswith(OWN):
            monkeypatch.delenv(name)
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("TZ", "UTC")
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.chdir(here)
    return here


@pytest.fixture
def run(newcomer, capsys):
    """Call the command line and return exit code and output."""

    def call(*argv: object) -> Result:
        code = main([str(part) for part in argv])
        seen = capsys.readouterr()
        return Result(code, seen.out, seen.err)

    return call


@pytest.fixture
def series(newcomer):
    """Six hours with the cleanest from 03:00 to 04:00; zero is data."""
    path = newcomer / "series.csv"
    path.write_text(SERIES)
    return path


@pytest.fixture
def clears(newcomer):
    """Three dirty hours, then two clean days, so that what is said of a run does not hang on how fast a machine is."""
    path = newcomer / "clears.csv"
    path.write_text(hourly_csv(300, 200, 100, *[0] * 69))
    return path


@pytest.fixture
def given(series):
    """Flags that name the series and stand at midnight."""
    return ("--series", series, "--at", "2026-01-01T00:00Z")

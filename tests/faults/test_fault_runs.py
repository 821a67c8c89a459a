"""
Every fault of the catalogue is run against the real client, and every bar holds.

The figures themselves are printed by ``python -m gridtide.testing.faultrun``.
"""

from __future__ import annotations

import json

import pytest

from gridtide.testing import faultrun
from gridtide.testing.faultruns.figure import Figure, table

LONG = {"F05", "F06", "F09", "F10", "F11", "F13", "F16", "F19", "F20", "E6", "E8"}
RUNS = [pytest.param(name, marks=[pytest.mark.slow] if name in LONG else []) for name in faultrun.RUNS]


@pytest.mark.parametrize("name", RUNS)
@pytest.mark.timeout(600)
def test_every_bar_holds(name: str) -> None:
    """Time to fallback, calls, memory, deadlines: what the catalogue demands."""
    figures = list(faultrun.figures([name]))

    assert figures
    assert all(figure.fault == name for figure in figures)
    assert all(figure.held for figure in figures), "\n" + table(f for f in figures if not f.held)


@pytest.mark.parametrize("name", [p for p in RUNS if p.values[0] in {"F01", "F04", "F07", "F08", "F12", "F18"}])
def test_no_fault_makes_a_decision_green_and_wrong(name: str) -> None:
    """Nothing that goes wrong at a provider makes power look clean that is not."""
    assert all(figure.measured.get("wrong_green", 0) == 0 for figure in faultrun.figures([name]))


@pytest.mark.slow
def test_naive_clients_run_into_dirty_hours_where_ours_does_not() -> None:
    """The late-data replay tells the clients apart, so that the zero of ours is worth something."""
    ours, *naive = faultrun.figures(["E6"])

    assert ours.measured["wrong_green"] == 0
    assert all(figure.measured["wrong_green"] >= 10 for figure in naive)


def test_unknown_run_is_named_with_those_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    """A misspelt number is a usage error."""
    assert faultrun.main(["F99"]) == 2
    assert "F99; there are F01, F02" in capsys.readouterr().err


def test_report_prints_a_table_or_one_json_object(capsys: pytest.CaptureFixture[str]) -> None:
    """The same figures for people and for programs."""
    assert faultrun.main(["f14"]) == 0
    text = capsys.readouterr().out
    assert faultrun.main(["f14", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)

    assert text.splitlines()[0].startswith("| Fault | Case |")
    assert document["schema"] == "gridtide.faultrun/1"
    assert [figure["fault"] for figure in document["figures"]] == ["F14", "F14"]


def test_report_fails_when_a_bar_does_not_hold(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 1, and the row says so."""
    broken = Figure(fault="F99", case="none", bar="never", held=False, measured={"n": 1})
    monkeypatch.setitem(faultrun.RUNS, "F99", lambda: [broken])

    assert faultrun.main(["F99"]) == 1
    assert "**no**" in capsys.readouterr().out

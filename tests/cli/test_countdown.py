"""What a wait shows: a line when the plan changes, a sign of life, and never a failure."""

from __future__ import annotations

import sys
from dataclasses import replace

import pytest

from gridtide.cli import countdown
from gridtide.cli.countdown import Countdown
from gridtide.cli.output import Output
from gridtide.domain.decision import FreshnessStep
from gridtide.domain.ports import Reading
from gridtide.domain.workload import Workload
from gridtide.planning.question import Question, answer
from support import HOUR, T0, at, hourly

NIGHT = hourly(300, 200, 100, 300, 300)


def decision(values=NIGHT, step=FreshnessStep.LIVE):
    job = Workload(id="etl", duration=HOUR, release=T0, deadline=at(5))
    return answer(Question(workload=job, now=T0, series=values, step=step))


@pytest.fixture
def elapsed(monkeypatch):
    """Real seconds, set by the test."""
    seconds = [0.0]
    monkeypatch.setattr(countdown, "_elapsed_s", lambda: seconds[0])
    return seconds


@pytest.fixture
def show(elapsed):
    return Countdown(Output("run"), name="etl", timezone="UTC")


def lines(capsys):
    return capsys.readouterr().err.splitlines()


def test_a_plan_is_told_once_and_again_when_its_start_changes(show, capsys):
    """Deciding the same again is not news; another start is."""
    show.planned(decision(), None, now=T0)
    show.planned(decision(), None, now=at(0.1))
    first = lines(capsys)
    show.planned(decision(hourly(300, 300, 300, 50, 300)), None, now=at(0.2))

    assert first == [
        (
            "etl: starts Thu 2026-01-01 02:00 UTC, in 2h; it is cleaner later (100 instead of 300 gCO2eq/kWh); "
            "at the latest Thu 2026-01-01 04:00 UTC"
        )
    ]
    assert [line[:36] for line in lines(capsys)] == ["etl: starts Thu 2026-01-01 03:00 UTC"]


def test_a_sign_of_life_comes_every_half_hour_of_real_time(show, elapsed, capsys):
    """However fast the command's clock runs, a log gets one line per half hour."""
    show.planned(decision(), None, now=T0)
    for elapsed[0] in (600.0, 1799.0, 1800.0, 2000.0, 3600.0):
        show.tick(at(elapsed[0] / 3600))

    assert [line.split(", in ")[1].split(";")[0] for line in lines(capsys)] == ["2h", "1h30m", "1h"]


def test_data_that_are_not_current_are_said(show, capsys):
    """The step of the ladder and why not a better one stand in the line."""
    reading = Reading(series=NIGHT, step=FreshnessStep.STALE, reason="uk: status 503")
    show.planned(decision(step=FreshnessStep.STALE), reading, now=T0)

    assert "; stale data: uk: status 503; at the latest" in lines(capsys)[0]


def test_a_start_that_has_come_is_starting(show, capsys):
    """The last line before the start counts no further down."""
    show.planned(replace(decision(), start=T0), None, now=T0)

    assert lines(capsys)[0].startswith("etl: starting; ")


def test_after_the_start_it_is_silent(show, elapsed, capsys):
    """The terminal belongs to the command."""
    show.planned(decision(), None, now=T0)
    show.close()
    elapsed[0] = 7200.0
    show.tick(at(2))

    assert len(lines(capsys)) == 1


@pytest.mark.parametrize("how", [{"quiet": True}, {"as_json": True}], ids=["quiet", "json"])
def test_programs_are_not_disturbed(how, elapsed, capsys):
    """With --quiet or --json nothing is shown."""
    Countdown(Output("run", **how), name="etl", timezone="UTC").planned(decision(), None, now=T0)

    assert lines(capsys) == []


def test_a_terminal_that_went_away_does_no_harm(show, monkeypatch):
    """Writing to nobody is no reason to fail."""

    class Gone:
        encoding = "utf-8"

        def isatty(self):
            return False

        def write(self, _text):
            raise OSError(5, "Input/output error")

        def flush(self):
            raise OSError(5, "Input/output error")

    monkeypatch.setattr(sys, "stderr", Gone())
    show.planned(decision(), None, now=T0)
    show.note("still here")
    show.close()

    assert isinstance(sys.stderr, Gone)

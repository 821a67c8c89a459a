"""Rules around a plan, from the command line: a spike ahead, a least saving."""

import pytest

SPIKE = """\
time,value
2026-01-01T00:00Z,100
2026-01-01T00:30Z,300
2026-01-01T01:00Z,320
2026-01-01T01:30Z,90
2026-01-01T02:00Z,90
"""
JOB = ("--duration", "20m", "--finish-by", "2026-01-01T01:05Z", "--threshold", "95")


@pytest.fixture
def rising(newcomer):
    """Clean now, a spike in ten minutes."""
    (newcomer / "rising.csv").write_text(SPIKE)
    return ("--series", "rising.csv", "--at", "2026-01-01T00:20Z")


def test_work_goes_before_a_spike_and_says_why(run, rising):
    """The bound would only be met behind the rise, for which there is no time."""
    decision = run("plan", *rising, *JOB, "--json").json["decision"]

    assert (decision["action"], decision["reason"]) == ("run", "spike-ahead")
    assert "a spike is ahead, so it runs before it" in run("plan", *rising, *JOB).out


def test_a_run_starts_before_a_spike_and_records_why(run, rising):
    """The same on the way that really starts something."""
    result = run("run", *rising, *JOB, "--json", "--", "true")

    assert (result.code, result.json["decision"]["reason"]) == (0, "spike-ahead")
    assert run("explain", "--json").json["runs"][0]["decisions"][0]["decision"]["reason"] == "spike-ahead"


@pytest.mark.parametrize("off", [("--spike-lead", "0s"), ("--spike-lead", "5m")])
def test_the_lead_can_be_changed(run, rising, off):
    """With no lead, or one that ends before the rise, the gate's own reason stands."""
    decision = run("plan", *rising, *JOB, *off, "--json").json["decision"]

    assert decision["reason"] == "waiting-does-not-help"


def test_the_lead_can_be_set(run, rising, monkeypatch):
    """In the settings, for every command."""
    monkeypatch.setenv("GRIDTIDE_POLICIES_SPIKE_LEAD", "0s")

    assert run("check", *rising, *JOB, "--json").json["decision"]["reason"] == "waiting-does-not-help"


def test_a_small_saving_is_left_while_it_waits_too(run, given):
    """The least saving holds in the plan that really starts the command."""
    job = ("--duration", "1h", "--finish-by", "2026-01-01T02:30Z", "--min-saving", "90")
    result = run("run", *given, *job, "--json", "--", "true")

    assert (result.code, result.json["decision"]["reason"]) == (0, "saving-too-small")

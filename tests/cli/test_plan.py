"""plan and check: methods, deadlines, wall times, baselines, missing data (rows B04, B05, B06)."""

import re
from datetime import UTC, datetime, timedelta

import pytest

from gridtide.cli.errors import NOT_NOW
from gridtide.domain.instants import parse_instant
from gridtide.testing import FakeGridServer, wave_series


def plan(run, *argv):
    """The JSON answer of a plan that succeeds."""
    result = run("plan", *argv, "--json")
    assert result.code == 0, result.err
    return result.json


# -- what is answered --------------------------------------------------------------------------------------------------


def test_a_plan_has_the_keys_that_scripts_rely_on(run, given):
    """Decision, baselines by name, alternatives, signal and warnings."""
    answer = plan(run, *given, "--duration", "1h", "--finish-by", "2026-01-01T06:00Z", "--power", "100")

    assert answer["decision"] == {
        "action": "wait",
        "reason": "lower-later",
        "method": "lowest-window",
        "decided_at": "2026-01-01T00:00:00Z",
        "start": "2026-01-01T03:00:00Z",
        "end": "2026-01-01T04:00:00Z",
        "intervals": [{"start": "2026-01-01T03:00:00Z", "end": "2026-01-01T04:00:00Z"}],
        "mean_g_per_kwh": 0.0,
        "emissions_g": 0.0,
        "saving_percent": 100.0,
        "saved_g": 30.0,
        "latest_start": "2026-01-01T05:00:00Z",
        "wake_at": "2026-01-01T03:00:00Z",
        "zone": "file",
        "threshold": None,
        "freshness": "live",
        "freshness_reason": "read from file series.csv",
        "policy_version": answer["decision"]["policy_version"],
    }
    assert list(answer["baselines"]) == ["run-now", "run-latest", "median", "worst"]
    assert answer["baselines"]["run-now"]["mean_g_per_kwh"] == 300.0
    assert answer["baselines"]["run-latest"]["start"] == "2026-01-01T05:00:00Z"
    assert answer["alternatives"]
    assert answer["signal"]["unit"] == "gCO2eq/kWh"
    assert answer["warnings"] == []


@pytest.mark.parametrize(
    ("method", "flags", "start", "mean"),
    [
        ("run-now", (), "2026-01-01T00:00:00Z", 300.0),
        ("run-latest", (), "2026-01-01T05:00:00Z", 400.0),
        ("threshold", ("--threshold", "200"), "2026-01-01T01:00:00Z", 200.0),
        ("lowest-window", (), "2026-01-01T03:00:00Z", 0.0),
        ("lowest-slots", ("--interruptible",), "2026-01-01T03:00:00Z", 0.0),
        ("auto", (), "2026-01-01T03:00:00Z", 0.0),
    ],
)
def test_every_method_answers(run, given, *, method, flags, start, mean):
    """The same question by each policy."""
    decision = plan(
        run, *given, "--duration", "1h", "--finish-by", "2026-01-01T06:00Z", "--method", method, *flags
    )["decision"]  # fmt: skip

    assert (decision["start"], decision["mean_g_per_kwh"]) == (start, mean)


def test_a_job_that_may_pause_runs_in_pieces(run, given):
    """Two hours out of the four cleanest, with the hours between left out."""
    decision = plan(
        run, *given, "--duration", "3h", "--finish-by", "2026-01-01T05:00Z", "--interruptible", "--max-pieces", "2"
    )["decision"]  # fmt: skip

    assert decision["intervals"] == [{"start": "2026-01-01T01:00:00Z", "end": "2026-01-01T04:00:00Z"}]
    assert decision["mean_g_per_kwh"] == pytest.approx(100.0)


def test_a_start_grid_binds_starts(run, given):
    """Schedulers that fire on the half hour get starts on the half hour."""
    answer = plan(
        run, *given[:2], "--at", "2026-01-01T00:10Z", "--duration", "90m", "--finish-by", "2026-01-01T06:00Z", "--start-grid", "1h"
    )  # fmt: skip

    assert answer["decision"]["start"].endswith(":10:00Z")


def test_a_percentile_is_taken_from_the_values_before_now(run, given):
    """The bound is the median of what has been: 300 and 200."""
    decision = plan(run, *given[:2], "--at", "2026-01-01T02:00Z", "--duration", "1h", "--percentile", "50")["decision"]

    assert decision["method"] == "threshold"
    assert decision["action"] == "run"


def test_a_small_saving_is_not_worth_a_wait(run, newcomer):
    """--min-saving turns the plan into running now."""
    path = newcomer / "flat.csv"
    path.write_text("time,value\n2026-01-01T00:00Z,100\n2026-01-01T01:00Z,99\n2026-01-01T02:00Z,100\n")
    flags = ("--series", path, "--at", "2026-01-01T00:00Z", "--duration", "1h", "--finish-by", "2026-01-01T03:00Z")

    assert plan(run, *flags)["decision"]["action"] == "wait"
    assert plan(run, *flags, "--min-saving", "5")["decision"]["reason"] == "saving-too-small"


def test_a_cron_line_is_the_earliest_start(run, given):
    """The question of everybody with a nightly job: when would it better run?"""
    answer = plan(run, *given, "--duration", "1h", "--cron", "0 2 * * *", "--finish-by", "2026-01-01T06:00Z")

    assert answer["workload"]["release"] == "2026-01-01T02:00:00Z"
    assert answer["decision"]["start"] == "2026-01-01T03:00:00Z"


def test_people_get_the_reason_the_run_and_a_table(run, given):
    """Baselines and alternatives stand beside the plan, with what it avoids."""
    result = run("plan", *given, "--duration", "1h", "--finish-by", "06:00", "--power", "100")

    assert result.out.startswith("series.csv: wait until Thu 2026-01-01 03:00 UTC, in 3h: it is cleaner later\n")
    assert "  finish by     Thu 2026-01-01 06:00 UTC, in 6h\n" in result.out
    assert "  emissions     0.0 gCO2eq\n" in result.out
    assert "  run-now     Thu 2026-01-01 00:00 UTC              300  -100.0 %\n" in result.out


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ((), "--duration is missing"),
        (("--duration", "1h", "--method", "lowest"), "--method is 'lowest'; allowed: auto, run-now, run-latest, threshold, lowest-window, lowest-slots, carbon-time"),
        (("--duration", "1h", "--method", "threshold"), "--method threshold needs a bound"),
        (("--duration", "1h", "--percentile", "101"), "--percentile is 101; allowed: 0 to 100"),
        (("--duration", "1h", "--threshold", "-1"), "thresholds.elastic is -1.0: it is out of bounds; allowed: a number from 0 to 5000 gCO2eq/kWh (flag --threshold)"),
        (("--duration", "1h", "--power", "-1"), "--power is -1.0; allowed: zero or more"),
        (("--duration", "1h", "--power", "nan"), "--power is nan; allowed: zero or more"),
        (("--duration", "1h", "--min-saving", "100"), "policies.min_saving is 100.0: it is out of bounds"),
        (("--duration", "1h", "--on-no-data", "guess"), "policies.on_no_data is 'guess'; allowed: profile, run, wait"),
        (("--duration", "1h", "--finish-by", "soon"), "--finish-by 'soon' is not a time"),
        (("--duration", "1h", "--cron", "@daily"), "--cron '@daily' has 1 fields; allowed: 5"),
        (("--duration", "1h", "--max-delay", "5"), "policies.max_delay '5' cannot be used: the unit is missing"),
        (("--duration", "1h", "--tz", "CET"), "timezone is 'CET'"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else None,
)  # fmt: skip
def test_a_flag_that_cannot_be_meant_is_a_usage_error(run, given, flags, message):
    """The value is named with what is allowed."""
    result = run("plan", *given, *flags)

    assert result.code == 2
    assert message in result.err


# -- B04 ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("deadline", "message"),
    [
        ("2025-12-31T23:00Z", "--finish-by Wed 2025-12-31 23:00 UTC is not after now (Thu 2026-01-01 00:00 UTC)"),
        ("2026-01-01T00:00Z", "--finish-by Thu 2026-01-01 00:00 UTC is not after now (Thu 2026-01-01 00:00 UTC)"),
        ("2026-01-01T01:00Z", "--finish-by Thu 2026-01-01 01:00 UTC is 1h too early for a job of 2h"),
    ],
    ids=["past", "now", "too-close"],
)
def test_b04_a_deadline_that_cannot_be_met_is_refused(run, given, deadline, message):
    """The hint is the flag that runs it anyway."""
    result = run("plan", *given, "--duration", "2h", "--finish-by", deadline)

    assert result.code == 65
    assert result.err == f"error: {message}\nhint: name a later time, or add --best-effort to run at once\n"


@pytest.mark.parametrize("deadline", ["2025-12-31T23:00Z", "2026-01-01T00:00Z", "2026-01-01T01:00Z"])
def test_b04_best_effort_runs_at_once_and_says_so(run, given, deadline):
    """A late job is better than none."""
    answer = plan(run, *given, "--duration", "2h", "--finish-by", deadline, "--best-effort")

    assert answer["decision"]["action"] == "run"
    assert answer["decision"]["reason"] == "deadline-infeasible"
    assert answer["decision"]["start"] == "2026-01-01T00:00:00Z"
    assert "cannot be met" in answer["warnings"][0]


# -- B05 ---------------------------------------------------------------------------------------------------------------


def test_b05_a_wall_time_is_said_back_with_its_zone(run, given):
    """07:00 in Berlin is 06:00 UTC; the answer shows which was meant."""
    flags = ("--duration", "1h", "--finish-by", "07:00", "--tz", "Europe/Berlin")

    assert plan(run, *given, *flags)["workload"]["deadline"] == "2026-01-01T06:00:00Z"
    assert "  finish by     Thu 2026-01-01 07:00 Europe/Berlin, in 6h\n" in run("plan", *given, *flags).out


@pytest.mark.parametrize(
    ("day", "message", "hint"),
    [
        ("2026-03-29T02:30", "does not exist in Europe/Berlin: clocks go forward that day; the next valid time is 2026-03-29T03:00+02:00", "write 2026-03-29T03:00+02:00"),
        ("2026-10-25T02:30", "happens twice in Europe/Berlin: clocks go back that day", "write 2026-10-25T02:30+02:00 or 2026-10-25T02:30+01:00"),
    ],
    ids=["gap", "fold"],
)  # fmt: skip
def test_b05_a_time_that_clocks_skip_or_repeat_is_refused(run, given, day, message, hint):
    """The hint has what to write instead."""
    result = run("plan", *given, "--duration", "1h", "--finish-by", day, "--tz", "Europe/Berlin")

    assert result.code == 65
    assert result.err == f"error: --finish-by {day} {message}\nhint: {hint}\n"


# -- B06 ---------------------------------------------------------------------------------------------------------------


def test_b06_a_deadline_beyond_the_forecast_is_planned_inside_it(run, given):
    """Nothing is extrapolated, and the horizon is said."""
    answer = plan(run, *given, "--duration", "1h", "--finish-by", "2027-02-05T00:00Z")

    assert answer["decision"]["start"] == "2026-01-01T03:00:00Z"
    assert answer["warnings"][-1] == (
        "the deadline Fri 2027-02-05 00:00 UTC lies beyond the forecast, which ends Thu 2026-01-01 06:00 UTC; "
        "the plan is made for what is known"
    )


# -- missing data ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("rule", "action"), [("run", "wait"), ("wait", "wait"), ("profile", "wait")])
def test_a_plan_without_data_follows_its_rule_within_bounds(run, rule, action):
    """Nothing is known: the wait is bounded by the grace time or the latest start, and said."""
    answer = plan(
        run, "--provider", "replay", "--zone", "FR", "--at", "2026-01-01T00:00Z", "--duration", "1h",
        "--finish-by", "2026-01-01T06:00Z", "--on-no-data", rule,
    )  # fmt: skip

    assert answer["decision"]["action"] == action
    assert answer["decision"]["mean_g_per_kwh"] is None
    assert answer["decision"]["start"] <= answer["decision"]["latest_start"]
    assert answer["freshness"]["step"] == "none"
    assert answer["signal"] is None


def test_a_file_that_ended_before_now_is_refused(run, given):
    """With a file the forgotten --at is the likely mistake, so it is said instead of planned around."""
    result = run("plan", *given[:2], "--at", "2026-02-01T00:00Z", "--duration", "1h")

    assert result.code == 65
    assert "hint: add --at TIME inside it" in result.err


@pytest.mark.parametrize(
    ("flags", "needs_past"), [((), False), (("--percentile", "40"), True)], ids=["window", "percentile"]
)
def test_the_past_is_asked_for_only_by_a_percentile(run, monkeypatch, flags, needs_past):
    """A plan for the night costs a source a few calls, not a month of history."""
    with FakeGridServer({"uk": wave_series()}) as server:
        monkeypatch.setenv("GRIDTIDE_PROVIDERS_UK_BASE_URL", server.base_url("uk"))
        plan(run, "--zone", "GB", "--provider", "uk", "--duration", "1h", "--max-delay", "8h", *flags)
        asked = re.findall(r"20\d\d-\d\d-\d\dT\d\d:\d\dZ", " ".join(call.path for call in server.log))

    reach = datetime.now(UTC) - min(map(parse_instant, asked))
    assert (reach > timedelta(days=7)) is needs_past


def test_the_plan_is_drawn_under_what_is_known(run, given):
    """Two columns an hour, the run marked, an axis from zero; programs get no picture."""
    lines = run("plan", *given, "--duration", "1h", "--finish-by", "2026-01-01T06:00Z").out.splitlines()
    first = next(i for i, line in enumerate(lines) if " |" in line)
    rows = [line.partition(" |")[2] for line in lines[first : first + 4]]

    assert [row.ljust(12) for row in rows] == ["          ██", "██      ▄▄██", "████    ████", "██████▁▁████"]
    assert lines[first + 4] == "  0 +------------"
    assert lines[first + 5] == "           ^^"
    assert any(line.startswith("  runs (^)") for line in lines)


def test_a_flat_or_unknown_future_is_not_drawn(run):
    """There is nothing to see in it."""
    flat = run("plan", "--provider", "static", "--zone", "DE", "--duration", "1h").out

    assert " |" not in flat
    assert "  runs  " in flat


def test_work_that_is_late_is_planned_on_what_is_known(run, given):
    """Its own hours count, though its deadline lies before them; the signal is told with the number."""
    answer = plan(run, *given, "--duration", "1h", "--finish-by", "2025-12-31T12:00Z", "--best-effort")

    assert answer["decision"]["reason"] == "deadline-infeasible"
    assert answer["decision"]["mean_g_per_kwh"] == 300.0
    assert answer["signal"]["unit"] == "gCO2eq/kWh"
    assert not any("no values are known" in warning for warning in answer["warnings"])


def test_a_start_after_the_end_says_which_flags_to_change(run, given):
    """Giving one of the two is not what helps."""
    result = run("plan", *given, "--duration", "1h", "--not-before", "05:00", "--finish-by", "2026-01-01T03:00Z")

    assert result.code == 2
    assert result.err.endswith("\nhint: name an earlier --not-before or a later --finish-by\n")


# -- check -------------------------------------------------------------------------------------------------------------


def test_check_says_not_now_with_its_own_exit_code(run, given):
    """75 is for ``if``: neither success nor failure."""
    result = run("check", *given, "--finish-by", "06:00")

    assert result.code == NOT_NOW == 75
    assert result.out.startswith("series.csv: not now, it is cleaner later\n")
    assert "  starts     Thu 2026-01-01 03:00 UTC, in 3h\n" in result.out


@pytest.mark.parametrize(
    ("flags", "reason"),
    [
        (("--at", "2026-01-01T03:00Z"), "now is the cleanest time to run"),
        (("--at", "2026-01-01T05:00Z", "--finish-by", "06:00"), "it must start now to be done in time"),
        (("--at", "2026-01-01T00:00Z", "--threshold", "300"), "the signal is at or below the bound"),
        (("--at", "2026-01-01T00:00Z", "--method", "run-now"), "running now was asked for"),
    ],
    ids=["cleanest", "deadline", "threshold", "asked"],
)
def test_check_says_yes_with_zero(run, series, flags, reason):
    """Each way to a yes has its reason."""
    result = run("check", "--series", series, *flags)

    assert result.code == 0
    assert result.out.startswith(f"series.csv: yes, {reason}\n")


def test_check_can_insist_on_more_than_a_yearly_figure(run, monkeypatch):
    """A figure of a whole year says nothing about now, unless it was asked for."""
    with FakeGridServer({"uk": wave_series(low=60, high=360)}) as server:
        monkeypatch.setenv("GRIDTIDE_PROVIDERS__UK__BASE_URL", server.base_url("uk"))
    refused = run("check", "--zone", "GB", "--require-data", "--json")
    asked = run("check", "--zone", "GB", "--require-data", "--provider", "static")

    assert refused.code == 69
    assert refused.json["error"]["message"].startswith("only a yearly figure is known for GB: ")
    assert asked.code == 0


def test_check_without_data_can_be_strict(run):
    """A script may prefer to know that nothing is known."""
    flags = ("--provider", "replay", "--zone", "FR")

    assert run("check", *flags).code == NOT_NOW
    assert run("check", *flags, "--require-data").code == 69


def test_check_in_json_has_the_answer_as_a_truth(run, given):
    """``jq .go`` is all a script needs."""
    answer = run("check", *given, "--json").json

    assert answer["go"] is False
    assert answer["value"]["g_per_kwh"] == 300.0

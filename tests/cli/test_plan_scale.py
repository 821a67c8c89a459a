"""
``gridtide plan --scale``: workers over time, by hand on small series.

The series is 300, 200, 100, 0, 250, 400 g/kWh from midnight, an hour each.
"""

import itertools

import jsonschema
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gridtide.cli.answer_schema import answer_schema

JOB = ("--duration", "3h", "--finish-by", "2026-01-01T06:00Z", "--power", "1000")
HILL = """\
time,value
2026-01-01T00:00Z,100
2026-01-01T01:00Z,300
2026-01-01T02:00Z,90
"""


@pytest.fixture
def plan(run, given):
    """The JSON answer of a plan that succeeds, held against its schema."""

    def plan(*argv, where=given):
        result = run("plan", *where, *argv, "--json")
        assert result.code == 0, result.out
        jsonschema.validate(result.json, answer_schema("plan"))
        return result.json

    return plan


def levels(answer):
    """Levels over time as (from, to, level)."""
    return [(row["start"][11:16], row["end"][11:16], row["level"]) for row in answer["scale"]["levels"]]


def test_all_work_goes_to_the_clean_hour_where_it_fits(plan):
    """Three workers do 3 h of work in the hour at 0 g/kWh."""
    answer = plan(*JOB, "--scale", "0..3")

    assert levels(answer) == [("03:00", "04:00", 3)]
    assert (answer["decision"]["action"], answer["decision"]["reason"]) == ("wait", "scaled-for-lower")
    assert (answer["decision"]["emissions_g"], answer["decision"]["saving_percent"]) == (0.0, 100.0)
    assert answer["scale"]["speedup_source"] == "assumed linear"


def test_the_plan_is_laid_beside_both_ways_not_to_be_clever(plan):
    """
    With two linear workers: both at 0 for an hour, both at 100 for half an hour, so 100 g.

    At once alone 300 + 200 + 100 = 600 g until 03:00, at once with two 600 + 200 = 800 g until 01:30.
    """
    scale = plan(*JOB, "--scale", "0..2")["scale"]

    assert [(row["start"][11:16], row["level"], row["emissions_g"]) for row in scale["levels"]] == [("02:30", 2, 100.0)]
    assert (scale["run_now"]["level"], scale["run_now"]["emissions_g"]) == (1, 600.0)
    assert scale["run_now"]["end"] == "2026-01-01T03:00:00Z"
    assert scale["run_now"]["saving_percent"] == pytest.approx(100 * 5 / 6, abs=1e-5)
    assert (scale["fastest"]["level"], scale["fastest"]["emissions_g"]) == (2, 800.0)
    assert scale["fastest"]["end"] == "2026-01-01T01:30:00Z"
    assert scale["fastest"]["saving_percent"] == 87.5
    assert (scale["proved"], scale["gap_percent"], scale["worker_hours"]) == (True, 0.0, 3.0)


def test_the_baselines_have_their_names_in_the_answer_too(plan):
    """As in every other plan."""
    answer = plan(*JOB, "--scale", "0..2")

    assert set(answer["baselines"]) == {"run-now", "run-now-fastest"}
    assert answer["decision"]["saved_g"] == pytest.approx(500.0)


def test_poor_speed_up_spreads_the_work(plan):
    """A second worker that adds a tenth costs ten times the value, so it is on only where that is 0."""
    answer = plan(*JOB, "--scale", "0..2", "--speedup", "1,1.1")

    assert levels(answer) == [("01:06", "03:00", 1), ("03:00", "04:00", 2)]
    assert answer["decision"]["emissions_g"] == pytest.approx(0.9 * 200 + 100)


def test_amdahl_by_its_parallel_share(plan):
    """Half of it parallel: two workers do 4/3, three 1.5."""
    scale = plan(*JOB, "--scale", "0..3", "--parallel", "0.5")["scale"]

    assert scale["speedup"] == pytest.approx([1.0, 4 / 3, 1.5])
    assert (scale["speedup_source"], scale["parallel"]) == ("amdahl", 0.5)


def test_figures_may_stand_in_a_file(plan, newcomer):
    """One to a line or with commas; more than are needed do no harm."""
    (newcomer / "measured.txt").write_text("1\n1.9\n2.7, 3.4\n")

    assert plan(*JOB, "--scale", "0..3", "--speedup", "measured.txt")["scale"]["speedup"] == [1.0, 1.9, 2.7]


def test_from_one_worker_on_there_is_no_pause(plan, newcomer):
    """100, 300, 90 with 2 h of work: pausing takes both ends for 190 g; going through costs 390 g at one worker."""
    (newcomer / "hill.csv").write_text(HILL)
    where = ("--series", "hill.csv", "--at", "2026-01-01T00:00Z")
    job = ("--duration", "2h", "--finish-by", "2026-01-01T03:00Z", "--power", "1000")

    pausing = plan(*job, "--scale", "0..1", where=where)
    through = plan(*job, "--scale", "1..1", where=where)

    assert levels(pausing) == [("00:00", "01:00", 1), ("02:00", "03:00", 1)]
    assert len(pausing["decision"]["intervals"]) == 2
    assert levels(through) == [("01:00", "03:00", 1)]
    assert through["decision"]["emissions_g"] == 390.0
    assert (through["scale"]["proved"], through["scale"]["gap_percent"]) == (False, pytest.approx(100 * 200 / 190))


def test_a_grid_binds_changes_of_level(plan):
    """Whole hours: the clean hour with two, and one worker at 100 for the third hour of work."""
    answer = plan(*JOB, "--scale", "0..2", "--start-grid", "1h")

    assert levels(answer) == [("02:00", "03:00", 1), ("03:00", "04:00", 2)]
    assert (answer["decision"]["emissions_g"], answer["scale"]["proved"]) == (100.0, True)
    assert answer["scale"]["step_s"] == 3600.0


def test_a_deadline_that_one_worker_misses_is_met_with_more(plan):
    """3 h of work in 2 h: two workers at 200, and for half an hour at 300; one worker alone is too late."""
    answer = plan("--duration", "3h", "--finish-by", "2026-01-01T02:00Z", "--power", "1000", "--scale", "0..2")

    assert levels(answer) == [("00:30", "02:00", 2)]
    assert answer["decision"]["emissions_g"] == 700.0
    assert answer["scale"]["run_now"]["in_time"] is False
    assert answer["decision"]["latest_start"] == "2026-01-01T00:30:00Z"


def test_a_deadline_that_nobody_meets_is_refused_or_run_at_once(run, given, plan):
    """As without --scale: exit 65, or with --best-effort at once with all workers."""
    late = ("--duration", "9h", "--finish-by", "2026-01-01T02:00Z", "--scale", "0..3")
    refused = run("plan", *given, *late, "--json")

    assert (refused.code, refused.json["error"]["field"]) == (65, "--finish-by")
    answer = plan(*late, "--best-effort")
    assert (answer["decision"]["action"], answer["decision"]["reason"]) == ("run", "deadline-infeasible")
    assert answer["scale"]["levels"][0]["level"] == 3


def test_an_unknown_hour_is_never_the_cheap_one(plan, newcomer):
    """The hour from 01:00 is missing, and the deadline lies beyond the last value, which is said."""
    (newcomer / "holes.csv").write_text(
        "time,value\n2026-01-01T00:00Z,300\n2026-01-01T01:00Z,\n2026-01-01T02:00Z,200\n2026-01-01T03:00Z,250\n"
    )
    where = ("--series", "holes.csv", "--at", "2026-01-01T00:00Z")
    answer = plan("--duration", "2h", "--finish-by", "2026-01-01T08:00Z", "--scale", "0..2", where=where)

    assert levels(answer) == [("02:00", "03:00", 2)]
    assert answer["scale"]["run_now"]["mean_g_per_kwh"] is None
    assert answer["decision"]["saving_percent"] is None
    assert any("lies beyond the forecast" in warning for warning in answer["warnings"])


def test_nothing_known_is_run_at_once_at_the_base_level(run, newcomer):
    """No source answers; the work is not held back and nothing is claimed."""
    (newcomer / "own.toml").write_text(
        'fetch.retries = 0\n[providers.casdk]\nbase_url = "https://127.0.0.1:49151"\noptions = {kind = "marginal"}\n'
    )
    asked = ("--zone", "DE", "--provider", "casdk", "--signal", "marginal", "--config", "own.toml")
    answer = run("plan", *asked, "--duration", "2h", "--scale", "2..4", "--json").json

    assert (answer["decision"]["action"], answer["decision"]["reason"]) == ("run", "no-data")
    assert [row["level"] for row in answer["scale"]["levels"]] == [2]
    assert (answer["decision"]["saving_percent"], answer["signal"]) == (None, None)


def test_on_straight_lines_no_distance_is_claimed(plan, given):
    """Levels go by the mean of each step; the grams are those of the lines, and not above run-now's."""
    answer = plan(*JOB, "--scale", "0..2", where=(*given, "--step-shape", "linear"))
    scale = answer["scale"]

    assert (scale["gap_percent"], scale["proved"]) == (None, False)
    assert levels(answer) == [("02:00", "03:30", 2)]
    assert answer["decision"]["emissions_g"] == pytest.approx(2 * (50 + 0.5 * 62.5))


def test_people_see_levels_baselines_and_how_good_it_is(run, given):
    """The levels stand under the hours as digits, and in a table; the assumption is said."""
    words = run("plan", *given, *JOB, "--scale", "0..2").out

    assert "3h at one worker" in words
    assert "linear, which is assumed" in words
    assert "proved: no plan within these bounds is cheaper" in words
    assert "0 to 2, may pause" in words
    assert any(line.strip() and set(line.strip()) == {"2"} for line in words.splitlines())
    assert "run-now-fastest" in words
    assert "-83.3 %" in words
    assert "-87.5 %" in words


def test_without_scale_the_answer_has_no_levels(plan):
    """The key is there and null."""
    assert plan(*JOB)["scale"] is None


@pytest.mark.parametrize(
    ("flags", "field"),
    [
        (("--scale", "0..2", "--also", "x=y.csv"), "--also"),
        (("--scale", "0..2", "--pause"), "--pause"),
        (("--scale", "0..2", "--risk", "hedged"), "--risk"),
        (("--scale", "0..2", "--carbon-price", "50"), "--carbon-price"),
        (("--scale", "0..2", "--method", "lowest-slots"), "--method"),
        (("--scale", "0..2", "--threshold", "200"), "--threshold"),
        (("--scale", "0..2", "--percentile", "20"), "--percentile"),
        (("--scale", "0..2", "--spike-lead", "1h"), "--spike-lead"),
        (("--scale", "2"), "--scale"),
        (("--scale", "0..0"), "--scale"),
        (("--scale", "3..2"), "--scale"),
        (("--scale", "0..9999"), "--scale"),
        (("--scale", "0..1.5"), "--scale"),
        (("--speedup", "1,2"), "--speedup"),
        (("--parallel", "0.5"), "--parallel"),
        (("--scale", "0..2", "--parallel", "1.5"), "--parallel"),
        (("--scale", "0..2", "--parallel", "0.5", "--speedup", "1,2"), "--parallel"),
        (("--scale", "0..3", "--speedup", "1,1.9"), "--speedup"),
        (("--scale", "0..2", "--speedup", "2,3"), "--speedup"),
        (("--scale", "0..2", "--speedup", "1,nan"), "--speedup"),
        (("--scale", "0..2", "--speedup", "no-such-file.txt"), "--speedup"),
        (("--scale", "0..2", "--speedup", ""), "--speedup"),
        (("--scale", "0..2", "--start-grid", "1s"), "--start-grid"),
    ],
)
def test_what_makes_no_sense_is_a_usage_error(run, given, flags, field):
    """The flag is named."""
    result = run("plan", *given, *JOB, *flags, "--json")

    assert (result.code, result.json["error"]["field"]) == (2, field)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    values=st.lists(st.one_of(st.none(), st.integers(0, 500)), min_size=2, max_size=6).filter(
        lambda v: v[0] is not None
    ),
    minutes=st.integers(10, 600),
    bounds=st.tuples(st.integers(0, 3), st.integers(1, 4)).filter(lambda b: b[0] <= b[1]),
)
def test_never_above_run_now_and_in_time_whenever_it_can_be(run, newcomer, values, minutes, bounds):
    """Whatever the series, the length, the bounds and the speed-up."""
    rows = [f"2026-01-01T{hour:02}:00Z,{'' if value is None else value}" for hour, value in enumerate(values)]
    (newcomer / "any.csv").write_text("\n".join(["time,value", *rows]) + "\n")
    until = f"2026-01-01T{len(values):02}:00:00Z"
    where = ("--series", "any.csv", "--at", "2026-01-01T00:00Z")
    job = ("--duration", f"{minutes}m", "--finish-by", until, "--power", "1000", "--best-effort")
    scaling = ("--scale", f"{bounds[0]}..{bounds[1]}", "--parallel", 1.0 - 0.1 * (minutes % 4))
    answer = run("plan", *where, *job, *scaling, "--json").json

    scale, made = answer["scale"], answer["decision"]
    if scale["fastest"]["in_time"]:
        assert made["end"] <= until
    for held in (scale["run_now"], scale["fastest"]):
        if held["in_time"] and held["emissions_g"] is not None:
            assert made["emissions_g"] <= held["emissions_g"] * (1 + 1e-8) + 1e-6
    assert all(a["end"] <= b["start"] for a, b in itertools.pairwise(scale["levels"]))
    assert all(max(bounds[0], 1) <= row["level"] <= bounds[1] for row in scale["levels"])

"""gridtide fleet: many jobs in several zones, planned together, offline."""

import csv
import json
import random
from datetime import UTC, datetime, timedelta

import jsonschema
import pytest

from gridtide.cli.answer_schema import answer_schema

NOW = "2026-01-01T00:00Z"
HEAD = "id,release,duration,deadline,power_w,home,interruptible,data_gb"
THREE = ("US-CAL-CISO", "US-TEX-ERCO", "US-NW-BPAT")
RECORDED = datetime(2022, 5, 3, tzinfo=UTC)


@pytest.fixture
def write(newcomer):
    """Write an hourly series from midnight; None leaves an hour out."""

    def made(name, *values):
        hours = [(f"2026-01-01T{hour:02}:00Z", f"2026-01-01T{hour + 1:02}:00Z") for hour in range(len(values))]
        rows = "".join(f"{a},{b},{v}\n" for (a, b), v in zip(hours, values, strict=True) if v is not None)
        (newcomer / name).write_text(f"start,end,value\n{rows}")
        return name

    return made


@pytest.fixture
def table(newcomer):
    """Write a table of jobs."""

    def made(*rows, head=HEAD):
        (newcomer / "jobs.csv").write_text("\n".join((head, *rows)) + "\n")
        return "jobs.csv"

    return made


@pytest.fixture
def two(write):
    """Two zones, dirty but for two hours; B is the cleaner one."""
    dirty, clean = write("a.csv", 300, 300, 100, 100, 300, 300), write("b.csv", 200, 200, 60, 60, 200, 200)
    return ("--zone", f"A={dirty}", "--zone", f"B={clean}", "--at", NOW)


def job(name, duration="1h", deadline="06:00", *, home="A", power=1000, pauses="no", data=0, release="00:00"):
    """One row of a table."""
    return f"{name},2026-01-01T{release}Z,{duration},2026-01-01T{deadline}Z,{power},{home},{pauses},{data}"


def fleet(run, *argv):
    """The JSON answer of a plan that succeeds, by its schema, and its jobs by name."""
    result = run("fleet", *argv, "--json")
    assert result.code == 0, result.err + result.out
    jsonschema.validate(result.json, answer_schema("fleet"))
    return result.json, {row["id"]: row for row in result.json["jobs"]}


def regions(answer):
    """Rows of the zones by name."""
    return {row["name"]: row for row in answer["regions"]}


def instant(text):
    """Time of an answer."""
    return datetime.fromisoformat(text)


def peaks(rows):
    """Most power at any time by region, counted again from the written runs. [kW]"""
    changes = {}
    for row in rows:
        for run in filter(None, row["runs"].split("|")):
            start, end = map(instant, run.split("/"))
            power_kw = float(row["power_w"]) / 1000.0
            changes.setdefault(row["region"], []).extend(((start, power_kw), (end, -power_kw)))
    found = {}
    for region, steps in changes.items():
        used = 0.0
        for _, power_kw in sorted(steps):
            used += power_kw
            found[region] = max(found.get(region, 0.0), used)
    return found


def recorded_jobs(count, *, seed=1):
    """Rows of a random day of work at the three recorded zones."""
    rng = random.Random(seed)
    for k in range(count):
        release = RECORDED + timedelta(minutes=rng.randrange(0, 24 * 60, 15))
        hours = rng.randint(1, 6)
        deadline = release + timedelta(hours=hours + rng.randint(2, 24))
        cells = (
            f"j{k}", f"{release:%Y-%m-%dT%H:%MZ}", f"{hours}h", f"{deadline:%Y-%m-%dT%H:%MZ}",
            rng.choice([300, 1000, 2500]), rng.choice(THREE), rng.choice(["yes", "no"]), rng.choice([0, 0, 5, 100]),
        )  # fmt: skip
        yield ",".join(map(str, cells))


# -- what is planned ---------------------------------------------------------------------------------------------------


def test_two_zones_by_hand(run, table, two):
    """
    One kilowatt fits into each zone at a time.

    `early` has the first hour only: 200 g in B. Of the two jobs of two hours, `heavy` would take 10 GB along, which
    costs 10 x 0.059 x (200 + 300) / 2 = 147.5 g, so it has the clean hours of B (120 g) and `free` those of A (200 g).
    At once at home they emit 200, 400 and 600 g.
    """
    jobs = table(
        job("early", deadline="01:00", home="B"), job("heavy", "2h", home="B", data=10), job("free", "2h", home="A")
    )
    answer, rows = fleet(run, jobs, *two, "--capacity", "A=1", "--capacity", "B=1")

    assert {name: (row["region"], row["start"], row["end"], row["grams"]) for name, row in rows.items()} == {
        "early": ("B", "2026-01-01T00:00:00Z", "2026-01-01T01:00:00Z", 200.0),
        "heavy": ("B", "2026-01-01T02:00:00Z", "2026-01-01T04:00:00Z", 120.0),
        "free": ("A", "2026-01-01T02:00:00Z", "2026-01-01T04:00:00Z", 200.0),
    }
    assert (answer["baseline"], answer["run_now_g"], answer["grams"], answer["saved_g"]) == (
        "run-now", 1200.0, 520.0, 680.0,
    )  # fmt: skip
    assert (answer["method"], answer["gap_percent"], answer["bound_g"]) == ("exact", 0.0, pytest.approx(520.0))
    assert answer["saving_percent"] == pytest.approx(100 * 680 / 1200)
    assert {name: (row["jobs"], row["energy_kwh"], row["peak_kw"]) for name, row in regions(answer).items()} == {
        "A": (1, 2.0, 1.0), "B": (2, 3.0, 1.0),
    }  # fmt: skip


def test_people_read_the_same_figures(run, table, two):
    """Head, baseline, gap, a row for each zone, and jobs without a place with why."""
    jobs = table(job("fits"), job("huge", power=9000))
    result = run(
        "fleet", jobs, *two, "--zone", "C=a.csv", "--capacity", "A=1", "--capacity", "B=1", "--capacity", "C=0"
    )

    assert result.code == 0, result.err
    assert result.out.startswith("1 of 2 jobs have a place, in 6 steps of 1h from Thu 2026-01-01 00:00 UTC\n")
    assert "against run-now  -80.0 %, 300.0 gCO2eq at once at home, capacity not counted\n" in result.out
    assert "above the best   at most 0.00 %; no plan is below 60.0 gCO2eq\n" in result.out
    assert "  B          1  1.0      1.0    1.0     0.06\n" in result.out
    assert "  huge  fits nowhere, even alone: A: limit capacity has 9 kW in 0 slots, 1 are needed; B:" in result.out
    assert "planning 2 jobs in 3 zones ..." in result.err


def test_a_job_that_pauses_takes_the_clean_hours_and_ends_within_a_step(run, table, write):
    """Ninety minutes in the two clean hours: all of the first, half of the second."""
    hourly = write("a.csv", 50, 300, 10, 300)
    jobs = table(job("p", "90m", "04:00", pauses="yes"))
    answer, rows = fleet(run, jobs, "--zone", f"A={hourly}", "--at", NOW)

    assert rows["p"]["intervals"] == [
        {"start": "2026-01-01T00:00:00Z", "end": "2026-01-01T01:00:00Z"},
        {"start": "2026-01-01T02:00:00Z", "end": "2026-01-01T02:30:00Z"},
    ]
    assert (rows["p"]["grams"], rows["p"]["run_now_g"]) == (55.0, 200.0)
    assert (answer["planned_g"], answer["grams"]) == (60.0, 55.0)


def test_a_loss_is_shown_as_one(run, table, write):
    """Only one of two equal jobs can have the clean first hour; the other emits more than at once."""
    hourly = write("a.csv", 100, 300)
    jobs = table(job("x", deadline="02:00"), job("y", deadline="02:00"))
    answer, rows = fleet(run, jobs, "--zone", f"A={hourly}", "--capacity", "A=1", "--at", NOW)

    assert sorted(row["saved_g"] for row in rows.values()) == [-200.0, 0.0]
    assert (answer["saved_g"], answer["saving_percent"]) == (-200.0, -100.0)


def test_a_quota_bounds_the_energy_of_a_zone(run, table, two):
    """B may use one kilowatt-hour: the second job stays in A."""
    answer, _ = fleet(run, table(job("x"), job("y")), *two, "--quota", "B=1")

    assert {name: row["energy_kwh"] for name, row in regions(answer).items()} == {"A": 1.0, "B": 1.0}


def test_a_zone_too_small_for_a_job_does_not_loosen_the_bound(run, table, two):
    """30 kW fit into A only; a tenth of the job in B is no plan, and the bound does not count on it."""
    answer, rows = fleet(run, table(job("big", power=30_000)), *two, "--capacity", "B=3")

    assert (rows["big"]["region"], rows["big"]["grams"]) == ("A", 3000.0)
    assert answer["bound_g"] == pytest.approx(3000.0)


def test_data_arrive_before_the_job_starts(run, table, write):
    """90 GB take 75 minutes at 160 Mbit/s, so a step that starts after one hour is too early, one after two is not."""
    zones = ("--zone", f"A={write('a.csv', 300, 300, 300, 300)}", "--zone", f"B={write('b.csv', 1, 1, 1, 5)}")
    answer, rows = fleet(run, table(job("moved", deadline="04:00", data=90, power=1e5)), *zones, "--at", NOW)

    assert (rows["moved"]["region"], rows["moved"]["start"]) == ("B", "2026-01-01T02:00:00Z")
    assert rows["moved"]["transfer_g"] == pytest.approx(90 * 0.059 * 0.5 * (300 + 1))
    assert answer["transfer_kwh_per_gb"] == 0.059


def test_a_move_that_pays_by_the_middle_figure_only_needs_consent(run, table, write):
    """10 GB cost 118 g at the highest and 80 g at the middle figure; 100 g are to be saved."""
    zones = ("--zone", f"A={write('a.csv', 250, 250, 250)}", "--zone", f"B={write('b.csv', 150, 150, 150)}")
    jobs = table(job("x", deadline="03:00", data=10))

    assert fleet(run, jobs, *zones, "--at", NOW)[1]["x"]["region"] == "A"
    assert fleet(run, jobs, *zones, "--at", NOW, "--accept-uncertain")[1]["x"]["region"] == "B"


@pytest.mark.parametrize(
    ("bound", "region"),
    [("regions=A", "A"), ("regions=SE-SE3", "SE-SE3"), ("residency=DE|FR", "A"), ("residency=SE", "SE-SE3")],
)
def test_a_job_stays_where_it_may_be(run, table, write, bound, region):
    """Allowed regions and the countries of its data hold, however clean another zone is; A has no country."""
    column, cell = bound.split("=")
    zones = ("--zone", f"A={write('a.csv', 300)}", "--zone", f"SE-SE3={write('se.csv', 10)}", "--at", NOW)
    head = f"id,arrival,duration,deadline,power_w,{column}"
    jobs = table(f"x,{NOW},1h,2026-01-01T01:00Z,1000,{cell}", head=head)

    assert fleet(run, jobs, *zones)[1]["x"]["region"] == region


# -- what is not known -------------------------------------------------------------------------------------------------


def test_an_unknown_hour_holds_no_job(run, table, write):
    """B would be the cleanest if a missing value were zero, and is where its values are known."""
    zones = ("--zone", f"A={write('a.csv', 90, 80, 90)}", "--zone", f"B={write('b.csv', 500, None, 20)}", "--at", NOW)
    jobs = table(job("long", "3h", "03:00"), job("short", deadline="02:00", home="B"), job("late", deadline="03:00"))
    answer, rows = fleet(run, jobs, *zones)

    assert {name: (row["region"], row["start"][11:13]) for name, row in rows.items()} == {
        "long": ("A", "00"), "short": ("A", "01"), "late": ("B", "02"),
    }  # fmt: skip
    assert [row["known_steps"] for row in answer["regions"]] == [3, 2]


def test_a_zone_without_values_gets_no_job_and_is_named(run, table, write):
    """Its file ends before now; jobs that live there may still run elsewhere, and have no baseline."""
    zones = ("--zone", f"A={write('a.csv', 90, 80, 70, 60)}", "--zone", f"B={write('b.csv', 1)}")
    jobs = table(
        job("away", home="B", deadline="04:00", release="02:00"),
        job("stuck", home="B", deadline="04:00", release="02:00", data=1),
    )
    answer, rows = fleet(run, jobs, *zones, "--at", "2026-01-01T02:00Z")

    assert (rows["away"]["region"], rows["away"]["grams"], rows["away"]["run_now_g"]) == ("A", 60.0, None)
    assert (rows["stuck"]["region"], rows["stuck"]["why"]) == (
        None,
        "too little is known of every zone that it could reach in time",
    )
    assert (answer["compared"], answer["saving_percent"]) == (0, None)
    assert any(warning.startswith("B gets no job: file b.csv covers") for warning in answer["warnings"])


def test_a_table_of_the_past_places_nothing(run, table, two):
    """Every job is refused before the planner is asked."""
    result = run("fleet", table("past,2025-12-31T00:00Z,1h,2025-12-31T02:00Z,1,A,,"), *two, "--json")

    assert result.code == 65
    assert "its latest start was 2025-12-31T01:00Z" in result.json["error"]["message"]


def test_what_cannot_be_planned_is_said(run, table, two):
    """A deadline that has passed, a window without a whole step, and one beyond what is known."""
    jobs = table(
        job("fine"),
        "past,2025-12-31T00:00Z,1h,2025-12-31T02:00Z,1,A,,",
        job("between", "30m", "01:10", release="00:20"),
        "beyond,2026-01-03T00:00Z,1h,2026-01-03T09:00Z,1,A,,",
    )
    answer, rows = fleet(run, jobs, *two)

    assert (answer["count"], answer["placed"]) == (4, 1)
    assert rows["past"]["why"] == "its latest start was 2025-12-31T01:00Z"
    assert rows["between"]["why"] == "it needs 1 whole steps of 1h, its window has 0; a shorter step may fit"
    assert rows["beyond"]["why"] == "nothing is known after 2026-01-01T06:00Z, too early to plan it"
    assert fleet(run, jobs, *two, "--step", "10m")[1]["between"]["region"] == "B"


def test_values_of_two_meanings_are_refused(run, table):
    """Britain's recorded values are direct emissions, California's lifecycle ones: no job is weighed between them."""
    jobs = table(f"x,{NOW},1h,2026-01-01T03:00Z,1000,GB,,")
    result = run("fleet", jobs, "--provider", "replay", "--zone", "GB", "--zone", "US-CAL-CISO", "--at", NOW, "--json")

    assert (result.code, result.json["error"]["code"]) == (65, "kind_mismatch")
    assert "direct emissions" in result.json["error"]["message"]


def test_a_cloud_region_may_be_named_by_its_grid_zone(run, table):
    """The table says US-CAL-CISO, the flag aws:us-west-1."""
    jobs = table(f"x,{NOW},1h,2026-01-01T03:00Z,1000,US-CAL-CISO,,")
    zones = ("--provider", "replay", "--at", NOW, "--zone", "US-NW-BPAT", "--zone", "aws:us-west-1")
    answer, rows = fleet(run, jobs, *zones)

    assert rows["x"]["home"] == "aws:us-west-1"
    assert regions(answer)["aws:us-west-1"]["place"]["zone"] == "US-CAL-CISO"


# -- capacity ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("count", "more"), [(60, ()), (40, ("--spread", "20m"))], ids=["on the edge", "spread"])
@pytest.mark.slow
def test_capacity_holds_in_the_written_rows(run, newcomer, table, count, more):
    """Counted again from the file: power never above the capacity, every job once, inside its window, whole."""
    given = list(recorded_jobs(count))
    held = dict(zip(THREE, (25.0, 25.0, 10.0), strict=True))
    zones = [flag for name, kw in held.items() for flag in ("--zone", f"{name}={kw}")]
    argv = (table(*given), "--provider", "replay", "--at", f"{RECORDED:%Y-%m-%dT%H:%MZ}", "--method", "fast")
    answer, _ = fleet(run, *argv, *zones, "--out", "plan.csv", *more)
    with (newcomer / "plan.csv").open() as stream:
        rows = list(csv.DictReader(stream))

    assert sorted(row["id"] for row in rows) == sorted(row.split(",")[0] for row in given)
    for name, kw in peaks(rows).items():
        assert kw <= held[name] + 1e-6
        assert regions(answer)[name]["peak_kw"] == pytest.approx(kw)
    asked = {row.split(",")[0]: row.split(",") for row in given}
    for row in filter(lambda row: row["region"], rows):
        _, release, duration, deadline, *_ = asked[row["id"]]
        spans = [tuple(map(instant, run.split("/"))) for run in row["runs"].split("|")]
        assert sum((end - start for start, end in spans), timedelta(0)) == timedelta(hours=int(duration[:-1]))
        assert instant(release) <= spans[0][0]
        assert spans[-1][1] <= instant(deadline)
    assert answer["bound_g"] <= answer["planned_g"]


@pytest.mark.slow
def test_two_thousand_jobs_in_three_recorded_zones(run, newcomer, table):
    """The same at the size of a cluster's day; nearly all have a place, and most is saved."""
    held = dict(zip(THREE, (600.0, 800.0, 200.0), strict=True))
    zones = [flag for name, kw in held.items() for flag in ("--zone", f"{name}={kw}")]
    argv = (table(*recorded_jobs(2000)), "--provider", "replay", "--at", f"{RECORDED:%Y-%m-%dT%H:%MZ}")
    answer, _ = fleet(run, *argv, *zones, "--out", "plan.csv")
    with (newcomer / "plan.csv").open() as stream:
        found = peaks(csv.DictReader(stream))

    assert answer["placed"] >= 1990
    assert answer["saving_percent"] > 50
    assert all(kw <= held[name] + 1e-6 for name, kw in found.items())


def test_starts_of_a_step_are_spread(run, table, two):
    """Ten small jobs want the same clean hour; with --spread they do not all start on its edge."""
    jobs = table(*(job(f"j{k}", power=10) for k in range(10)))
    on_edge = {row["start"] for row in fleet(run, jobs, *two)[1].values()}
    spread = {row["start"] for row in fleet(run, jobs, *two, "--spread", "30m")[1].values()}

    assert on_edge <= {"2026-01-01T02:00:00Z", "2026-01-01T03:00:00Z"}
    assert len(spread) > 5


# -- files and flags ---------------------------------------------------------------------------------------------------


def test_rows_are_written_as_json(run, newcomer, table, two):
    """The same columns as in CSV; a job without a place has nulls and a reason."""
    result = run("fleet", table(job("x"), job("huge", power=9e6)), *two, "--capacity", "A=1", "--capacity", "B=1",
                 "--out", "plan.json")  # fmt: skip
    rows = {row["id"]: row for row in json.loads((newcomer / "plan.json").read_text())}

    assert result.code == 0
    assert "wrote plan.json" in result.err
    assert (rows["x"]["region"], rows["x"]["grams"]) == ("B", 60.0)
    assert rows["x"]["runs"] == f"{rows['x']['start']}/{rows['x']['end']}"
    assert (rows["huge"]["region"], rows["huge"]["grams"]) == (None, None)
    assert rows["huge"]["why"].startswith("fits nowhere")


def test_bad_rows_are_named_by_place_or_left_out(run, table, two):
    """File, row and column of the table; --max-errors leaves such rows out and says so."""
    jobs = table(job("x"), job("y", power="5 W"), job("z", home="Mars"))
    refused = run("fleet", jobs, *two, "--json")
    answer, rows = fleet(run, jobs, *two, "--max-errors", "2")

    assert (refused.code, refused.json["error"]["code"]) == (65, "malformed_file")
    assert "jobs.csv:3:5: '5 W' is no number" in refused.json["error"]["message"]
    assert list(rows) == ["x"]
    assert answer["rejected"]["count"] == 2
    assert "jobs.csv:4: left out: zone 'Mars' is none of the zones: A, B" in answer["warnings"]


def test_jobs_without_power_need_one(run, table, two):
    """Without power there is neither capacity nor a gram; one flag gives it for all."""
    jobs = table(f"x,{NOW},1h", head="id,release,duration")
    refused = run("fleet", jobs, *two, "--json")

    assert (refused.code, refused.json["error"]["field"]) == (65, "power_w")
    assert "job 'x' has no power_w" in refused.json["error"]["message"]
    assert fleet(run, jobs, *two, "--power", "2000")[1]["x"]["grams"] == 120.0


def test_a_plan_that_places_nothing_is_an_error(run, table, two):
    """Exit code 65 with the first reason."""
    result = run("fleet", table(job("x")), *two, "--capacity", "A=0", "--capacity", "B=0", "--json")

    assert (result.code, result.json["error"]["code"]) == (65, "invalid_input")
    assert "none of 1 jobs can be placed; the first, 'x': fits nowhere" in result.json["error"]["message"]


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        ((), "no zone is named"),
        (("--zone", "A=a.csv", "--zone", "B"), "--zone B has no file"),
        (("--zone", "A=a.csv", "--zone", "A=b.csv"), "--zone A is named twice"),
        (("--zone", "=a.csv"), "allowed: NAME, NAME=KW or NAME=FILE"),
        (("--zone", "A=a.csv", "--provider", "replay"), "both name the source"),
        (("--zone", "GB", "--provider", "file"), "--provider file needs files"),
        (("--zone", "GB", "--unit", "lb/MWh"), "no zone has one"),
        (("--zone", "GB", "--capacity", "DE=3"), "--capacity is of 'DE'; zones of the plan: GB"),
        (("--zone", "GB", "--capacity", "GB=much"), "allowed: NAME=NUMBER"),
        (("--zone", "GB", "--capacity", "GB=-1"), "allowed: zero or more"),
        (("--zone", "GB", "--quota", "GB=nan"), "allowed: zero or more"),
        (("--zone", "GB=5", "--capacity", "GB=3"), "both bound GB"),
        (("--zone", "GB", "--capacity", "GB=3", "--capacity", "GB=4"), "given twice"),
        (("--zone", "GB", "--method", "best"), "--method is 'best'; allowed: auto, exact, fast"),
        (("--zone", "GB", "--out", "plan.xlsx"), "--out ends in '.xlsx'"),
        (("--zone", "GB", "--step", "0s"), "--step"),
        (("--zone", "GB", "--spread", "2h"), "--spread is 2h; allowed: at most --step (1h)"),
    ],
)
def test_flags_that_cannot_be_meant_are_refused(run, table, argv, message):
    """Exit code 2 and the flag's name."""
    result = run("fleet", table(job("x")), *argv, "--json")

    assert result.code == 2, result.out
    assert message in result.json["error"]["message"]


def test_a_missing_table_is_bad_data(run, two):
    """It is named."""
    result = run("fleet", "nothing.csv", *two, "--json")

    assert result.code == 65
    assert "nothing.csv" in result.json["error"]["message"]


def test_sites_that_publish_their_efficiency_are_compared_by_it(run, table, write):
    """Power usage effectiveness (1.07 in Oregon) counts in plan and baseline where every zone of the plan has one."""
    jobs, name = table(job("x", home="gcp:us-west1")), write("a.csv", 300, 300)
    zones = ("--at", NOW, "--zone", f"gcp:us-west1={name}")
    alone = fleet(run, jobs, *zones)[1]["x"]
    mixed = fleet(run, jobs, *zones, "--zone", f"A={name}")[1]["x"]

    assert (alone["grams"], alone["run_now_g"]) == (pytest.approx(321.0), pytest.approx(321.0))
    assert (mixed["grams"], mixed["run_now_g"]) == (300.0, 300.0)


def test_yearly_figures_move_jobs_in_space_only(run, table):
    """They were asked for, so nothing is warned about; each job starts at once where the year is cleaner."""
    jobs = table(job("x", home="DE"), job("y", home="SE"))
    answer, rows = fleet(run, jobs, "--provider", "static", "--zone", "DE", "--zone", "SE", "--at", NOW)

    assert {row["region"] for row in rows.values()} == {"SE"}
    assert rows["y"]["saved_g"] == 0.0
    assert answer["warnings"] == []

"""plan --also: regions weighed with their data, their distance and their rules, offline."""

import jsonschema
import pytest

from gridtide.cli.answer_schema import answer_schema

NOW = "2026-01-01T00:00Z"
HOURS = 12
CALIFORNIA = ("--provider", "replay", "--zone", "US-CAL-CISO", "--at", NOW)
JOB = ("--duration", "1h", "--finish-by", "2026-01-01T12:00Z", "--power", "1000")


@pytest.fixture
def file(newcomer):
    """Write a flat or hourly series of twelve hours from midnight."""

    def write(name, *values):
        hourly = values if len(values) > 1 else values * HOURS
        rows = "".join(f"2026-01-01T{hour:02}:00Z,{value}\n" for hour, value in enumerate(hourly))
        (newcomer / name).write_text(f"time,value\n{rows}")
        return name

    return write


@pytest.fixture
def home(file):
    """Home at 300 g/kWh, in Germany."""
    return ("--series", file("home.csv", 300.0), "--zone", "DE", "--at", NOW, *JOB)


def plan(run, *argv):
    """The JSON answer of a plan that succeeds, by its schema."""
    result = run("plan", *argv, "--json")
    assert result.code == 0, result.err + result.out
    jsonschema.validate(result.json, answer_schema("plan"))
    return result.json


def regions(answer):
    """Rows by the name of their region."""
    return {row["name"]: row for row in answer["regions"]}


# -- where it goes -----------------------------------------------------------------------------------------------------


def test_a_much_cleaner_region_is_routed_to(run, home, file):
    """50 instead of 300 g/kWh and no data: go there now."""
    answer = plan(run, *home, "--also", f"SE-SE3={file('se.csv', 50.0)}")

    assert (answer["decision"]["action"], answer["decision"]["reason"]) == ("route", "cleaner-region")
    assert (answer["decision"]["zone"], answer["region"]) == ("SE-SE3", "SE-SE3")
    assert answer["decision"]["saved_g"] == 250.0
    unasked = {"upper_mean_g_per_kwh": None, "mean_eur_per_mwh": None, "cost_eur": None, "weighed_eur": None}
    assert answer["regions"] == [
        {
            "name": "DE", "zone": "DE", "chosen": False, "start": "2026-01-01T00:00:00Z", "mean_g_per_kwh": 300.0,
            "grams": 300.0, "transfer_g": {"low": 0.0, "middle": 0.0, "high": 0.0}, "send_data_by": None,
            "feasible": True, "note": "home", **unasked,
        },
        {
            "name": "SE-SE3", "zone": "SE-SE3", "chosen": True, "start": "2026-01-01T00:00:00Z",
            "mean_g_per_kwh": 50.0, "grams": 50.0, "transfer_g": {"low": 0.0, "middle": 0.0, "high": 0.0},
            "send_data_by": None, "feasible": True, "note": "", **unasked,
        },
    ]  # fmt: skip


def test_without_other_regions_an_answer_has_none(run, home):
    """The plan for one place is what it was."""
    answer = plan(run, *home)

    assert (answer["region"], answer["regions"], answer["decision"]["zone"]) == (None, [], "DE")


def test_time_and_region_are_chosen_together(run, home, file):
    """Where the other region is clean at three, the plan is to wait and run there."""
    values = [400.0] * HOURS
    values[3] = 20.0
    answer = plan(run, *home, "--also", f"north={file('north.csv', *values)}")

    assert answer["decision"]["action"] == "wait"
    assert (answer["decision"]["zone"], answer["decision"]["start"]) == ("north", "2026-01-01T03:00:00Z")


def test_a_cloud_region_is_named_as_asked_and_placed_in_its_zone(run, home, file):
    """``region`` is the name that a deployment needs, ``zone`` the grid it hangs on."""
    answer = plan(run, *home, "--also", f"aws:eu-north-1={file('se.csv', 50.0)}")

    assert (answer["region"], answer["decision"]["zone"]) == ("aws:eu-north-1", "SE-SE3")
    assert {other["zone"] for other in answer["alternatives"]} == {"DE", "SE-SE3"}


def test_zero_is_data(run, home, file):
    """A region at 0 g/kWh wins over one at 1."""
    answer = plan(run, *home, "--also", f"a={file('a.csv', 1.0)}", "--also", f"b={file('b.csv', 0.0)}")

    assert answer["region"] == "b"
    assert regions(answer)["b"]["grams"] == 0.0


def test_the_margin_decides_about_a_small_gain(run, home, file):
    """Five percent are below the margin of ten and above one of two."""
    also = ("--also", f"near={file('near.csv', 285.0)}")
    answer = plan(run, *home, *also)

    assert answer["region"] == "DE"
    assert "moving to near was turned down: the saving is too small" in answer["warnings"][-1]
    assert plan(run, *home, *also, "--move-margin", "2")["region"] == "near"


# -- data --------------------------------------------------------------------------------------------------------------


def test_data_cost_grams_and_time(run, home, file):
    """10 GB over 300 and 50 g/kWh: 1.75, 70 and 103.25 g; at 160 Mbit/s they need a little over 500 s."""
    answer = plan(run, *home, "--also", f"green={file('green.csv', 50.0)}", "--data-gb", "10")
    row = regions(answer)["green"]

    assert row["transfer_g"] == {"low": pytest.approx(1.75), "middle": 70.0, "high": pytest.approx(103.25)}
    assert row["grams"] == pytest.approx(120.0)
    assert row["start"] == "2026-01-01T00:08:20Z"
    assert row["send_data_by"] == "2026-01-01T00:00:00Z"
    assert answer["region"] == "green"
    assert answer["decision"]["emissions_g"] == pytest.approx(120.0)
    assert answer["decision"]["saved_g"] == pytest.approx(180.0)


def test_an_uncertain_sign_is_refused_unless_it_is_accepted(run, home, file):
    """30 GB cost between 5 and 310 g against 250 g saved: only who says so moves."""
    flags = (*home, "--also", f"green={file('green.csv', 50.0)}", "--data-gb", "30")
    answer = plan(run, *flags)

    assert answer["region"] == "DE"
    assert "uncertain: it depends on the energy of the transfer" in answer["warnings"][-1]
    assert plan(run, *flags, "--accept-uncertain", "--move-margin", "5")["region"] == "green"


def test_data_that_arrive_too_late_bar_a_region(run, home, file):
    """1,000 GB take 14 hours."""
    row = regions(plan(run, *home, "--also", f"green={file('green.csv', 50.0)}", "--data-gb", "1000"))["green"]

    assert not row["feasible"]
    assert "to move its data the deadline is missed" in row["note"]


def test_data_without_a_power_stay_at_home(run, file):
    """Grams of a transfer cannot be held against a run of unknown energy."""
    answer = plan(
        run, "--series", file("home.csv", 300.0), "--at", NOW, "--duration", "1h",
        "--also", f"green={file('green.csv', 5.0)}", "--data-gb", "1",
    )  # fmt: skip

    assert answer["region"] == "file"
    assert regions(answer)["green"]["note"].startswith("its power is not known")
    assert regions(answer)["green"]["grams"] is None


# -- rules -------------------------------------------------------------------------------------------------------------


def test_residency_bars_a_country_and_what_has_none(run, home, file):
    """Only Finland is allowed: Sweden and a name without a country are not."""
    also = [f"{name}={file(f'{name}.csv', value)}" for name, value in (("SE-SE3", 10.0), ("depot", 10.0), ("FI", 90.0))]
    answer = plan(run, *home, *[part for text in also for part in ("--also", text)], "--residency", "fi,DE")
    found = regions(answer)

    assert answer["region"] == "FI"
    assert found["SE-SE3"]["note"] == "its country is SE; data may be in DE, FI"
    assert found["depot"]["note"] == "its country is unknown; data may be in DE, FI"
    assert not found["SE-SE3"]["feasible"]


def test_a_home_outside_the_residency_is_pointed_out(run, home, file):
    """Data are where they are, but nobody should miss it."""
    answer = plan(run, *home, "--also", f"FI={file('fi.csv', 90.0)}", "--residency", "FI")

    assert "DE is in DE, and --residency allows FI only" in answer["warnings"][0]


def test_an_unknown_distance_never_fits_a_budget(run, home, file):
    """Finland is known to be far, a name without a place may be anywhere."""
    also = ("--also", f"depot={file('depot.csv', 10.0)}", "--also", f"FI={file('fi.csv', 10.0)}")
    found = regions(plan(run, *home, *also, "--latency-budget", "10"))

    assert found["depot"]["note"] == "the round trip is unknown; the budget is 10 ms"
    assert found["FI"]["note"].startswith("the round trip is 2")
    assert plan(run, *home, *also, "--latency-budget", "100")["region"] == "FI"


# -- what is not known or not comparable -------------------------------------------------------------------------------


def test_regions_of_the_replay_are_compared(run):
    """The North West is far cleaner than California and Texas."""
    answer = plan(run, *CALIFORNIA, *JOB, "--also", "US-NW-BPAT", "--also", "US-TEX-ERCO")

    assert answer["region"] == answer["decision"]["zone"] == answer["signal"]["zone"] == "US-NW-BPAT"
    assert answer["place"]["zone"] == "US-CAL-CISO"
    assert all(row["feasible"] for row in answer["regions"])


def test_scopes_that_differ_are_never_compared(run):
    """Great Britain's recording has direct emissions only, far below any lifecycle figure."""
    answer = plan(run, *CALIFORNIA, *JOB, "--also", "GB")

    assert answer["region"] == "US-CAL-CISO"
    assert regions(answer)["GB"]["note"].startswith("cannot compare lifecycle emissions")
    assert regions(answer)["GB"]["mean_g_per_kwh"] is None


def test_a_rank_of_hours_compares_no_places(run, home, file):
    """A percentage of 5 somewhere else is not cleaner than 90 here."""
    answer = plan(
        run, *home, "--also", f"green={file('green.csv', 5.0)}", "--signal", "relative", "--unit", "percent"
    )  # fmt: skip

    assert answer["region"] == "DE"
    assert "ranks the hours of one place" in regions(answer)["green"]["note"]


@pytest.mark.parametrize(
    "also",
    [("--also", "FR"), ("--also", "FR", "--also", "US-NW-BPAT")],
    ids=["alone", "beside one that has"],
)
def test_a_region_without_data_never_wins(run, also):
    """France is not recorded, and stops no other region."""
    answer = plan(run, *CALIFORNIA, *JOB, *also)

    assert answer["region"] == ("US-NW-BPAT" if len(also) > 2 else "US-CAL-CISO")
    assert regions(answer)["FR"]["note"].startswith("nothing current is known there (no recording of FR")
    assert not regions(answer)["FR"]["feasible"]


def test_a_series_that_ends_before_the_run_never_wins(run, home, file):
    """A file with a gap where the job would have to run is unknown, not clean."""
    blank = [""] * HOURS
    blank[0] = 10.0
    answer = plan(run, *home, "--not-before", "2026-01-01T05:00Z", "--also", f"dark={file('dark.csv', *blank)}")

    assert answer["region"] == "DE"
    assert not regions(answer)["dark"]["feasible"]


def test_without_data_at_home_nothing_is_moved(run):
    """The rule for missing data decides at home; nothing can be held against it."""
    answer = plan(run, "--provider", "replay", "--zone", "FR", "--at", NOW, *JOB, "--also", "US-NW-BPAT")

    assert answer["region"] == "FR"
    assert answer["decision"]["mean_g_per_kwh"] is None
    assert not regions(answer)["US-NW-BPAT"]["feasible"]


# -- words -------------------------------------------------------------------------------------------------------------


def test_people_see_every_region_and_then_the_decision(run, home, file):
    """Start, mean, grams with the range of the transfer, and why one is barred."""
    also = ("--also", f"green={file('green.csv', 50.0)}", "--also", f"FI={file('fi.csv', 10.0)}")
    result = run("plan", *home, *also, "--data-gb", "10", "--latency-budget", "1000")
    head, table = result.out.split("\n\n")[1].splitlines()[0], result.out.split("\n\n")[0].splitlines()

    assert result.code == 0
    assert table[0].split() == ["region", "starts", "mean", "gCO2eq", "of", "it", "transfer"]
    assert table[1].split() == ["DE", "Thu", "2026-01-01", "00:00", "UTC", "300", "300", "0", "home"]
    assert table[2].endswith("the round trip is unknown; the budget is 1000 ms")
    assert table[3].startswith("*  FI ")
    assert head.startswith("DE (Germany): wait until Thu 2026-01-01 00:08:20 UTC, in 8m, then run in FI: ")
    assert "  data leave by  Thu 2026-01-01 00:00 UTC, now\n" in result.out
    assert "of running now at home, transfer included" in result.out


def test_a_route_is_said_with_its_goal(run, home, file):
    """No data, cleaner now: go."""
    result = run("plan", *home, "--also", f"green={file('green.csv', 50.0)}")

    assert "DE (Germany): route to green: another region is cleaner\n" in result.out


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (("--data-gb", "5"), "--data-gb is about other regions, but there is no --also"),
        (("--accept-uncertain",), "--accept-uncertain is about other regions"),
        (("--also", "FI"), "--also FI has no file, but --series reads home from one"),
        (("--also", "de=home.csv"), "--also de names a region for the second time"),
        (("--also", "FI=home.csv", "--also", "FI=home.csv"), "--also FI names a region for the second time"),
        (("--also", "FI=home.csv", "--data-gb", "-1"), "--data-gb is -1; allowed: zero or more"),
        (("--also", "FI=home.csv", "--data-gb", "nan"), "--data-gb is nan; allowed: zero or more"),
        (("--also", "FI=home.csv", "--latency-budget", "inf"), "--latency-budget is inf; allowed: zero or more"),
        (("--also", "FI=home.csv", "--move-margin", "100"), "--move-margin is 100; allowed: 0 to below 100"),
        (("--also", "FI=home.csv", "--residency", "UK"), "--residency has 'UK', which is no country\nhint: write GB"),
        (("--also", "FI=home.csv", "--residency", "SE,"), "--residency has '', which is no country"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else None,
)
def test_a_flag_that_cannot_be_meant_is_a_usage_error(run, home, flags, message):
    """The value is named with what is allowed."""
    result = run("plan", *home, *flags)

    assert result.code == 2
    assert message in result.err


def test_a_file_without_a_series_for_home_is_a_usage_error(run, file):
    """Home would come from a provider and the other from a file."""
    result = run("plan", *CALIFORNIA, *JOB, "--also", f"FI={file('fi.csv', 10.0)}")

    assert result.code == 2
    assert "names a file, but there is no --series for home" in result.err


def test_an_unknown_region_is_refused(run):
    """A typing error must not look like a region that lost."""
    result = run("plan", *CALIFORNIA, *JOB, "--also", "US-NW-BPAX")

    assert result.code != 0
    assert "US-NW-BPAX" in result.err

"""now, forecast and compare: the number, what it means, and what is said when there is none (rows B05, B07, B08, B16)."""

import pytest

from gridtide.cli.chart import Chart, column_means
from gridtide.domain.interval import Interval
from gridtide.testing import FakeGridServer, wave_series
from support import T0, at, hourly

# -- now ---------------------------------------------------------------------------------------------------------------


def test_now_says_value_unit_source_and_what_is_lowest_ahead(run, given):
    """A person reads it in one look; a lowest value of zero is a value."""
    result = run("now", *given)

    assert result.code == 0
    assert result.out == (
        "series.csv: 300 gCO2eq/kWh\n"
        "  holds         Thu 2026-01-01 00:00 to 01:00 UTC\n"
        "  lowest ahead  0.0 gCO2eq/kWh, Thu 2026-01-01 03:00 to 04:00 UTC, -100.0 %\n"
        "  signal        average [gCO2eq/kWh]\n"
        "  source        file/file, forecast\n"
        "  method        file series.csv\n"
    )
    assert result.err == ""


def test_now_in_json_carries_the_labels(run, given):
    """What was known is told apart from what is forecast."""
    answer = run("now", *given, "--json").json

    assert answer["value"] == {
        "start": "2026-01-01T00:00:00Z",
        "end": "2026-01-01T01:00:00Z",
        "g_per_kwh": 300.0,
        "quality": "measured",
    }
    assert answer["lowest_ahead"]["g_per_kwh"] == 0.0
    assert answer["lowest_ahead"]["quality"] == "forecast"
    assert answer["signal"]["kind"] == "average"


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        (("--unit", "kg/MWh", "--at", "2026-01-01T00:00Z"), 300.0),
        (("--unit", "lb/MWh", "--at", "2026-01-01T00:00Z"), 300 * 0.45359237),
        (("--step-shape", "linear", "--at", "2026-01-01T00:30Z"), 250.0),
    ],
    ids=["kg", "lb", "linear"],
)
def test_units_and_step_shapes_are_declared(run, series, flags, expected):
    """A unit is converted, a line is read between its points."""
    answer = run("now", "--series", series, *flags, "--json").json

    assert answer["value"]["g_per_kwh"] == pytest.approx(expected, abs=1e-9)


def test_a_relative_signal_is_never_shown_in_grams(run, given):
    """A percentile is no carbon intensity."""
    answer = run("now", *given, "--signal", "relative", "--unit", "percent", "--json").json

    assert answer["value"]["g_per_kwh"] is None
    assert answer["value"]["percent"] == 300.0
    assert answer["signal"]["unit"] == "percent"


def test_a_file_that_does_not_reach_now_is_refused_with_the_flag_to_add(run, series):
    """Without --at the real clock counts, and the file has nothing for it."""
    result = run("now", "--series", series)

    assert result.code == 65
    assert f"error: {series} covers 2026-01-01T00:00:00Z/2026-01-01T06:00:00Z, but nothing at " in result.err
    assert "hint: add --at TIME inside it" in result.err


def test_now_works_offline_on_a_replay_without_any_flag_but_that(run):
    """The first try needs no key, no network and no place."""
    result = run("now", "--provider", "replay")

    assert result.code == 0
    assert result.out.startswith("US-CAL-CISO (CAISO): ")
    assert "U.S. Energy Information Administration" in result.out
    assert result.err == "warning: no place is named; the replay shows US-CAL-CISO\n"


def test_b15_a_source_is_asked_once_for_several_calls(run, monkeypatch):
    """Answers are kept in files of the user, so a status line does not use up a source's budget."""
    with FakeGridServer({"uk": wave_series()}) as server:
        monkeypatch.setenv("GRIDTIDE_PROVIDERS_UK_BASE_URL", server.base_url("uk"))
        first = run("now", "--zone", "GB", "--provider", "uk", "--json")
        asked = len(server.log)
        second = run("now", "--zone", "GB", "--provider", "uk", "--json")
        again = len(server.log)
        monkeypatch.setenv("GRIDTIDE_CACHE_DRIVER", "memory")
        run("now", "--zone", "GB", "--provider", "uk", "--json")
        forgetful = len(server.log)

    assert first.json["freshness"]["step"] == "live"
    assert second.json["freshness"]["step"] == "cached"
    assert again == asked > 0
    assert forgetful > again


def test_a_yearly_figure_is_never_called_current(run):
    """The words say what it is."""
    result = run("now", "--provider", "static", "--zone", "DE")

    assert "holds   all year" in result.out
    assert "average of " in result.out


def test_at_needs_an_offset_or_a_zone(run, series):
    """A naive time is not guessed."""
    refused = run("now", "--series", series, "--at", "2026-01-01T01:00")
    read = run("now", "--series", series, "--at", "2026-01-01T02:00", "--tz", "Europe/Berlin", "--json")

    assert refused.code == 2
    assert "--at '2026-01-01T01:00' has no offset" in refused.err
    assert read.json["now"] == "2026-01-01T01:00:00Z"


# -- B07, B08 ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["DE", "de", " De ", "de_lu"])
def test_b07_case_blanks_and_underscores_do_not_matter(run, text):
    """A zone is found however it is typed."""
    assert run("now", "--provider", "static", "--zone", text, "--json").json["place"]["country"] in {"DE", "LU"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "zone is empty; allowed: a grid zone (GB, US-CAL-CISO)"),
        ("   ", "zone is empty"),
        ("../../etc", "zone '../../etc' is not known"),
        ("x" * 10_240, "is 10240 characters long; allowed: at most 120"),
    ],
    ids=["empty", "blank", "path", "10-kB"],
)
def test_b07_a_text_that_is_no_place_is_refused(run, text, message):
    """The message is short, names the value and what is allowed."""
    result = run("now", "--provider", "static", f"--zone={text}")

    assert result.code == 65
    assert message in result.err
    assert len(result.err) < 500


def test_b07_a_flag_is_answered_with_its_letters(run):
    """A flag is two letters in disguise."""
    result = run("zones", "resolve", "\U0001f1e9\U0001f1ea")

    assert result.code == 65
    assert "hint: did you mean DE?" in result.err


@pytest.mark.parametrize("text", ["Germany", "DEU"])
def test_b07_names_of_countries_are_understood(run, text):
    """Written out, or in three letters."""
    assert run("zones", "resolve", text, "--json").json["place"]["zone"] == "DE"


def test_b07_norway_is_norway(run):
    """``no`` is a country, not a negation."""
    assert run("zones", "resolve", "no", "--json").json["place"]["country"] == "NO"


def test_b07_a_near_miss_is_answered_with_suggestions(run):
    """The reader can fix it from the message alone."""
    result = run("zones", "resolve", "US-CAL-CIS")

    assert result.code == 65
    assert "hint: did you mean US-CAL-CISO" in result.err


@pytest.mark.parametrize(
    ("lat", "lon", "message"),
    [("91", "0", "latitude"), ("0", "181", "longitude"), ("nan", "0", "latitude")],
)
def test_b08_coordinates_outside_the_earth_are_refused(run, lat, lon, message):
    """Bounds are stated."""
    result = run("now", "--provider", "static", f"--lat={lat}", f"--lon={lon}")

    assert result.code == 65
    assert message in result.err
    assert "allowed: " in result.err


def test_b08_a_place_far_from_any_town_is_warned_about(run):
    """Mid-Atlantic has no grid; the nearest is named with its distance."""
    result = run("now", "--provider", "static", "--lat=30", "--lon=-40")

    assert result.code == 0
    assert "no known town within 200 km" in result.err


def test_b08_swapped_coordinates_are_noticed(run):
    """London with longitude first lies off Africa; the warning says which way round it goes."""
    result = run("now", "--provider", "static", "--lat=-0.1", "--lon=51.5")

    assert "latitude comes first" in result.err


# -- B16 ---------------------------------------------------------------------------------------------------------------


def test_b16_a_missing_key_names_its_variable(run):
    """The way out is in the hint: set it, or take a source without a key."""
    result = run("now", "--zone", "GB", "--provider", "electricitymaps")

    assert result.code == 77
    assert result.err.startswith(
        "error: provider electricitymaps needs ELECTRICITYMAPS_API_KEY\nhint: set ELECTRICITYMAPS_API_KEY"
    )
    assert "or take --provider auto for a source without a key" in result.err


# -- forecast ----------------------------------------------------------------------------------------------------------


def test_the_forecast_marks_the_cleanest_window(run, given):
    """The chart needs no colour: a caret stands under the window."""
    result = run("forecast", *given, "--duration", "2h")

    assert result.code == 0
    assert "cleanest 2h (^)  50.0 gCO2eq/kWh, Thu 2026-01-01 02:00 to 04:00 UTC, -83.3 %" in result.out
    assert [line.strip() for line in result.out.splitlines() if set(line.strip()) == {"^"}] == ["^^^^"]


def test_the_forecast_says_where_it_ends(run, given):
    """Nothing is drawn past what is known."""
    result = run("forecast", *given)

    assert result.err == "warning: the forecast ends 2026-01-01T06:00:00Z; --ahead asks for 48h\n"


def test_a_gap_in_the_forecast_is_listed_and_left_blank(run, newcomer):
    """Missing is not zero."""
    path = newcomer / "gap.csv"
    path.write_text(
        "start,end,value\n2026-01-01T00:00Z,2026-01-01T02:00Z,100\n2026-01-01T04:00Z,2026-01-01T06:00Z,100\n"
    )
    answer = run("forecast", "--series", path, "--at", "2026-01-01T00:00Z", "--json").json

    assert answer["gaps"] == [{"start": "2026-01-01T02:00:00Z", "end": "2026-01-01T04:00:00Z"}]
    assert len(answer["steps"]) == 2


@pytest.mark.parametrize(("text", "code"), [("15d", 2), ("0h", 2), ("24h", 0)])
def test_how_far_to_look_has_bounds(run, given, text, code):
    """No forecast reaches further than two weeks."""
    assert run("forecast", *given, "--ahead", text).code == code


def test_a_chart_leaves_the_unknown_blank():
    """A column without values is empty in every row."""
    series = hourly(100.0, None, 100.0)
    lines = Chart(series=series, window=Interval(T0, at(3)), timezone="UTC", width=40).lines()
    columns = [line.split("|", 1)[1].ljust(12) for line in lines if "|" in line]

    assert all(column[5:7].strip() == "" for column in columns)
    assert columns[-1][0] == columns[-1][11] == "█"


def test_a_chart_of_zeros_still_shows_that_something_is_known():
    """Zero is data: the lowest row has a trace of it."""
    lines = Chart(series=hourly(0.0, 0.0), window=Interval(T0, at(2)), timezone="UTC", width=40).lines()

    assert lines[-3].split("|", 1)[1].startswith("▁")


def test_column_means_weigh_by_time():
    """A column that spans two steps shows their mean, an unknown one nothing."""
    means = column_means(hourly(100.0, 300.0, None, None), Interval(T0, at(4)), 2)

    assert means[0] == 200.0
    assert means[1] != means[1]


@pytest.mark.parametrize("width", [1, 20, 80, 120, 10_000])
def test_a_chart_fits_its_width(width):
    """No line is longer than the terminal, down to twenty columns."""
    lines = Chart(series=hourly(*range(200)), window=Interval(T0, at(200)), timezone="UTC", width=width).lines()

    assert max(map(len, lines)) <= max(width, 20)


# -- compare -----------------------------------------------------------------------------------------------------------


def test_compare_puts_regions_side_by_side(run):
    """The first region is what the others are compared with."""
    answer = run(
        "compare", "US-CAL-CISO", "aws:us-east-1", "--provider", "replay", "--at", "2026-06-01T00:00Z", "--json"
    ).json  # fmt: skip

    assert [row["region"] for row in answer["regions"]] == ["US-CAL-CISO", "aws:us-east-1"]
    assert answer["regions"][1]["place"]["zone"] == "US-MIDA-PJM"
    assert answer["regions"][0]["against_first_percent"] == 0.0
    assert answer["best"] == min(answer["regions"], key=lambda row: row["mean_g_per_kwh"])["region"]


def test_compare_shows_the_lowest_mean_first_with_a_bar(run):
    """People read the best first; programs get the order they asked in, and the first one stays the reference."""
    asked = ("compare", "US-CAL-CISO", "US-NW-BPAT", "xx", "--provider", "replay", "--at", "2026-06-01T00:00Z")
    lines = run(*asked).out.splitlines()

    assert lines[0].endswith("change against US-CAL-CISO")
    assert [line.split()[0] for line in lines[2:5]] == ["US-NW-BPAT", "US-CAL-CISO", "xx"]
    assert lines[2].count("█") < lines[3].count("█") == 10
    assert lines[4].count("█") == 0
    assert [row["region"] for row in run(*asked, "--json").json["regions"]] == ["US-CAL-CISO", "US-NW-BPAT", "xx"]


def test_compare_fits_a_terminal_of_eighty_columns(run, monkeypatch):
    """Where the bar has no room it is left out, and near windows are told by their weekday."""
    monkeypatch.setenv("COLUMNS", "80")
    asked = ("compare", "aws:us-west-1", "aws:us-east-1", "--provider", "replay", "--at", "2026-06-01T00:00Z")
    table = run(*asked).out.splitlines()[1:4]

    assert max(map(len, table)) <= 80
    assert "█" not in "".join(table)


def test_one_region_named_twice_is_one(run):
    """There is nothing to compare it with."""
    result = run("compare", "GB", "GB")

    assert result.code == 2
    assert result.err.startswith("error: GB is named; allowed: two or more\n")


@pytest.mark.parametrize(
    ("flags", "why"),
    [(("--duration", "4d"), "longer than --ahead 48h"), (("--ahead", "30m"), "longer than --ahead 30m")],
    ids=["long", "short"],
)
def test_a_window_that_does_not_fit_is_said(run, flags, why):
    """Rather than left out in silence."""
    result = run("forecast", "--provider", "replay", "--zone", "US-CAL-CISO", *flags)

    assert result.code == 0
    assert f"is {why}" in result.err


def test_one_failing_region_does_not_fail_the_others(run):
    """An unknown region and one without data are shown with their problem."""
    answer = run("compare", "US-CAL-CISO", "xx", "FR", "US-TEX-ERCO", "--provider", "replay", "--json").json
    problems = {row["region"]: row["problem"] for row in answer["regions"]}

    assert problems["US-CAL-CISO"] is None
    assert problems["US-TEX-ERCO"] is None
    assert problems["xx"].startswith("zone 'xx' is not known")
    assert problems["FR"].startswith("no recording of FR")


def test_regions_of_another_scope_are_not_compared(run):
    """Direct and lifecycle emissions never meet in one row."""
    answer = run("compare", "US-CAL-CISO", "GB", "US-TEX-ERCO", "--provider", "replay", "--json").json
    britain = answer["regions"][1]

    assert britain["mean_g_per_kwh"] is None
    assert "cannot compare lifecycle emissions" in britain["problem"]


def test_compare_takes_its_regions_from_the_settings(run, newcomer):
    """Primary first, then the fallbacks."""
    (newcomer / "gridtide.yaml").write_text(
        "provider: static\nregions: {primary: DE, fallback: [FR], latencyBudgets: {FR: 50}}\n"
    )
    answer = run("compare", "--json").json

    assert [row["region"] for row in answer["regions"]] == ["DE", "FR"]
    assert answer["best"] == "FR"


@pytest.mark.parametrize("argv", [(), ("GB",)], ids=["none", "one"])
def test_compare_needs_two_regions(run, argv):
    """One region has nothing to be compared with."""
    result = run("compare", *argv)

    assert result.code == 2
    assert "allowed: two or more" in result.err


def test_compare_without_any_value_is_an_error(run):
    """Nothing is invented."""
    result = run("compare", "FR", "IT", "--provider", "replay")

    assert result.code == 69
    assert result.err.startswith("error: nothing can be compared: ")

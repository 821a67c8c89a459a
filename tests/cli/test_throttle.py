"""``gridtide throttle``: one number for a queue, with the line it comes from."""

import jsonschema
import pytest

from gridtide.cli.answer_schema import answer_schema

LINE = ("--max", "10", "--floor", "2", "--clean", "100", "--dirty", "300")


@pytest.mark.parametrize(
    ("hour", "runners"), [("00", "2"), ("01", "6"), ("02", "10"), ("03", "10"), ("04", "4"), ("05", "2")]
)
def test_stdout_is_the_number_alone(run, series, hour, runners):
    """For ``$(gridtide throttle ...)``; zero is the cleanest hour there is."""
    result = run("throttle", "--series", series, "--at", f"2026-01-01T{hour}:00Z", *LINE)

    assert (result.code, result.out) == (0, f"{runners}\n")


def test_programs_get_the_line_and_the_next_change(run, given):
    """With the value, the signal and a reason of the shared list."""
    answer = run("throttle", *given, *LINE, "--json").json
    jsonschema.validate(answer, answer_schema("throttle"))

    assert (answer["runners"], answer["reason"], answer["bounds"]) == (2, "above-threshold", "given")
    assert (answer["clean"], answer["dirty"], answer["value"]["g_per_kwh"]) == (100.0, 300.0, 300.0)
    assert answer["changes_at"] == "2026-01-01T01:00:00Z"


def test_without_a_line_the_quartiles_of_the_day_are_taken(run, given):
    """100 and 300 are the quartiles of 300, 200, 100, 0, 250, 400."""
    answer = run("throttle", *given, "--max", "8", "--json").json

    assert (answer["clean"], answer["dirty"], answer["bounds"]) == (100.0, 300.0, "quartiles")
    assert (answer["runners"], answer["floor"]) == (1, 1)


def test_a_flat_grid_throttles_nothing(run, newcomer):
    """There is no better time, so nothing is gained by going slower."""
    (newcomer / "flat.csv").write_text(
        "time,value\n2026-01-01T00:00Z,200\n2026-01-01T01:00Z,200\n2026-01-01T02:00Z,200\n"
    )
    answer = run("throttle", "--series", "flat.csv", "--at", "2026-01-01T00:00Z", "--max", "8", "--json").json

    assert (answer["runners"], answer["reason"]) == (8, "flat")


def test_small_moves_keep_the_number_before(run, series):
    """At 200 g/kWh six belong; seven stay seven while the value is within the band."""
    at_one = ("--series", series, "--at", "2026-01-01T01:00Z", *LINE)

    assert run("throttle", *at_one, "--last", "7", "--hysteresis", "30").out == "7\n"
    assert run("throttle", *at_one, "--last", "9", "--hysteresis", "30").out == "7\n"
    assert run("throttle", *at_one, "--last", "7", "--hysteresis", "1").out == "6\n"


def test_nothing_known_stops_no_queue(run, newcomer):
    """Where no source answers with the kind that was asked for every runner works, and that is said."""
    (newcomer / "own.toml").write_text(
        'fetch.retries = 0\n[providers.casdk]\nbase_url = "https://127.0.0.1:49151"\noptions = {kind = "marginal"}\n'
    )
    asked = ("--zone", "DE", "--provider", "casdk", "--signal", "marginal", "--config", "own.toml")
    result = run("throttle", *asked, "--max", "8", "--json")

    assert (result.code, result.json["runners"], result.json["reason"]) == (0, 8, "no-data")
    assert "nothing is known now, so all 8 runners work" in result.json["warnings"]


@pytest.mark.parametrize(
    ("flags", "field"),
    [
        (("--max", "2", "--floor", "3"), "--floor"),
        (("--max", "2", "--clean", "3"), "--dirty"),
        (("--max", "2", "--clean", "300", "--dirty", "100"), "--clean"),
        (("--max", "2", "--last", "-1"), "--last"),
        (("--max", "2", "--hysteresis", "5"), "--hysteresis"),
    ],
)
def test_a_line_that_cannot_be_is_a_usage_error(run, given, flags, field):
    """The flag is named."""
    result = run("throttle", *given, *flags, "--json")

    assert (result.code, result.json["error"]["field"]) == (2, field)

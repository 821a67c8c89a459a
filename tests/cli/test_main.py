"""The entry point: help, typing errors, contradictions, broken pipes, odd terminals (rows B01 to B03, B09, B12, B14)."""

import io
import json
import os
import re
import subprocess
import sys

import pytest

from gridtide.cli import errors
from gridtide.cli import main as entry
from gridtide.cli.main import COMMANDS, main
from gridtide.cli.output import Output

ANY_COMMAND = ["now", "forecast", "compare", "plan", "check", "zones", "doctor", "config"]


def spawn(*argv, **options):
    """Run the real program in its own process."""
    environment = {**os.environ, **options.pop("env", {})}
    return subprocess.run(
        [sys.executable, "-m", "gridtide", *map(str, argv)],
        capture_output=True, text=True, timeout=60, check=False, env=environment, **options,
    )  # fmt: skip


# -- B01 ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("argv", [(), ("--help",)], ids=["nothing", "help"])
def test_b01_help_lists_every_command(run, argv):
    """Without arguments the overview is shown, as with --help, and that is no error."""
    result = run(*argv)

    assert result.code == 0
    assert result.err == ""
    assert all(re.search(rf"^  {name} ", result.out, re.MULTILINE) for name in COMMANDS)


def test_b01_the_version_is_told(run):
    """One line with the program's name."""
    assert re.fullmatch(r"gridtide \d+\.\d+\.\d+\n", run("--version").out)


@pytest.mark.parametrize("command", ANY_COMMAND)
def test_every_command_has_help_with_its_flags(run, command):
    """Help of a command works without settings, network or data."""
    result = run(command, "--help")

    assert result.code == 0
    assert f"Usage: gridtide {command}" in result.out
    assert "--json" in result.out


@pytest.mark.parametrize(
    ("argv", "more"),
    [(["--help"], {"pydantic"}), (["--version"], {"pydantic"}), (["plan", "--help"], set()), (["forcast"], set())],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_the_help_path_imports_nothing_heavy(argv, more, newcomer):
    """Help and typing errors are answered without numbers, network and tables."""
    code = (
        "import sys\nfrom gridtide.cli.main import main\nmain(sys.argv[1:])\n"
        f"heavy = {{'numpy', 'httpx2', 'polars', 'scipy', 'rich', 'ruamel', 'sqlite3', *{more}}} & set(sys.modules)\n"
        "sys.exit(f'imported {heavy}' if heavy else 0)"
    )
    result = subprocess.run(
        [sys.executable, "-c", code, *argv], capture_output=True, text=True, timeout=60, check=False
    )

    assert result.returncode == 0, result.stderr


# -- B02 ---------------------------------------------------------------------------------------------------------------


def test_b02_a_misspelt_command_is_answered_with_the_nearest(run):
    """The program does not guess, it asks."""
    result = run("forcast")

    assert result.code == 2
    assert result.err == (
        "error: No such command 'forcast'. Did you mean 'forecast'?\nhint: `gridtide --help` lists what is possible\n"
    )


def test_b02_a_misspelt_flag_is_answered_with_the_nearest(run):
    """A flag that does not exist is not ignored."""
    result = run("now", "--provder", "uk")

    assert result.code == 2
    assert result.err == "error: No such option: --provder\nhint: did you mean --provider?\n"


def test_b02_a_command_that_is_like_no_other_points_to_the_list(run):
    """There is nothing to suggest, so help is."""
    result = run("xyzzy")

    assert result.code == 2
    assert result.err.startswith("error: No such command 'xyzzy'.")


@pytest.mark.parametrize("command", ["zones", "config"])
def test_b02_subcommands_are_suggested_too(run, command):
    """The same courtesy one level down."""
    result = run(command, "chekc" if command == "config" else "resolv")

    assert result.code == 2
    assert "Did you mean" in result.err


# -- B03 ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("90", "the unit is missing"),
        ("0", "the unit is missing"),
        ("0m", "it is zero"),
        ("-1h", "it is negative"),
        ("1e9h", "it is not a duration"),
        ("1h30", "it is not a duration"),
        ("1,5h", "it is not a duration"),
        ("\u221e", "it is not a duration"),
    ],
)
def test_b03_a_duration_that_cannot_be_meant_is_refused(run, given, text, why):
    """The message names the flag, the value and what is allowed."""
    result = run("plan", *given, f"--duration={text}")

    assert result.code == 2
    assert result.err.startswith(f"error: --duration {text!r} cannot be used: {why}; allowed: a number with a unit")


@pytest.mark.parametrize("text", ["90m", "1h30m", "PT90M"])
def test_b03_the_three_ways_to_write_ninety_minutes_are_one(run, given, text):
    """The plan is the same."""
    result = run("plan", *given, "--duration", text, "--json")

    assert result.json["workload"]["duration_s"] == 5400.0


# -- B09 ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["--zone", "GB", "--lat", "1", "--lon", "1"], "--zone and --lat contradict each other: both name the place"),
        (["--zone", "GB", "--region", "x"], "--zone and --region contradict each other: both name the place"),
        (["--region", "x", "--postcode", "N1"], "--region and --postcode contradict each other: both name the place"),
        (["--lat", "1"], "--lat is given without --lon"),
        (["--lon", "1"], "--lon is given without --lat"),
        (["--series", "f.csv", "--provider", "uk"], "--series and --provider contradict each other: both name the source"),
        (["--provider", "file"], "--provider file needs --series FILE"),
        (["--unit", "g/kWh"], "--unit describes a file, but there is no --series"),
        (["--step-shape", "linear"], "--step-shape describes a file, but there is no --series"),
        (["--threshold", "5", "--percentile", "5"], "--threshold and --percentile contradict each other: both set the bound"),
        (["--threshold", "5", "--method", "run-now"], "--threshold and --method run-now contradict each other: only the threshold method has a bound"),
        (["--not-before", "07:00", "--cron", "0 7 * * *"], "--not-before and --cron contradict each other: both say when it may start"),
        (["--min-run", "1h"], "--min-run is about pauses, but --interruptible is not given"),
        (["--max-pieces", "2"], "--max-pieces is about pauses, but --interruptible is not given"),
        (["--suspend-cost", "1m"], "--suspend-cost is about pauses, but --interruptible is not given"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)  # fmt: skip
def test_b09_contradicting_flags_are_refused_with_both_names(run, argv, message):
    """Neither wins silently."""
    result = run("plan", "--duration", "1h", *argv)

    assert result.code == 2
    assert result.err.startswith(f"error: {message}\n")


def test_b09_a_start_after_the_end_is_refused_with_both_names(run, given):
    """The two times are legal alone."""
    result = run(
        "plan", *given, "--duration", "1h", "--not-before", "2026-01-01T05:00Z", "--finish-by", "2026-01-01T04:00Z"
    )

    assert result.code == 2
    assert "--not-before and --finish-by contradict each other: it would have to end before it may start" in result.err


# -- B12 ---------------------------------------------------------------------------------------------------------------


def test_b12_a_reader_that_goes_away_is_no_error(newcomer):
    """``| head -1`` ends the program quietly."""
    command = f"{sys.executable} -m gridtide zones | head -1"
    result = subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=60, check=False)

    assert result.returncode == 0
    assert result.stdout.startswith("zone ")
    assert result.stderr == ""


@pytest.mark.parametrize("redirection", [">&-", ">&- 2>&-", "<&-"])
def test_b12_closed_streams_raise_nothing(newcomer, redirection):
    """A program started by a service may have no streams at all."""
    command = f"{sys.executable} -m gridtide now --provider static --zone DE {redirection}"
    result = subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=60, check=False)

    assert result.returncode == 0
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_b12_an_encoding_without_blocks_gets_a_chart_of_plain_characters(given, encoding):
    """A locale that is not UTF-8 is no reason for a traceback or for question marks."""
    result = spawn("forecast", *given, env={"PYTHONIOENCODING": encoding, "PYTHONUTF8": "0"})

    assert result.returncode == 0, result.stderr
    assert result.stdout.isascii()
    assert "##" in result.stdout
    assert "?" not in result.stdout


@pytest.mark.parametrize("width", ["1", "19", "80", "100000"])
def test_b12_any_width_gets_the_whole_answer(run, given, monkeypatch, width):
    """A chart comes out in any width."""
    monkeypatch.setenv("COLUMNS", width)
    result = run("forecast", *given)

    assert result.code == 0
    assert "cleanest 1h (^)  0.0 gCO2eq/kWh" in result.out


@pytest.mark.parametrize(
    ("env", "coloured"),
    [({}, True), ({"NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False)],
    ids=["terminal", "no-colour", "dumb"],
)
def test_b12_colour_is_for_terminals_that_want_it(monkeypatch, env, coloured):
    """NO_COLOR and dumb terminals get plain text."""

    class Terminal(io.StringIO):
        def isatty(self):
            return True

    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    for name, value in env.items():
        monkeypatch.setenv(name, value)

    assert ("\x1b[" in Output("now").paint("x", "bold", Terminal())) is coloured
    assert Output("now").paint("x", "bold", io.StringIO()) == "x"


# -- B14 ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("argv", "code", "name", "field"),
    [
        (["forcast", "--json"], 2, "usage", None),
        (["plan", "--json", "--duration", "90", "--zone", "GB"], 2, "usage", "--duration"),
        (["now", "--json", "--zone", "nowhere-at-all"], 65, "unmapped_region", "zone"),
        (["now", "--json", "--zone", "GB", "--provider", "watttime"], 77, "missing_credential", "WATTTIME_USER"),
        (["config", "show", "--json", "--config", "none.toml"], 78, "configuration_error", None),
        (["now", "--json", "--zone", "FR", "--provider", "replay"], 69, "provider_unavailable", None),
        (["now", "--json", "--series", "none.csv"], 65, "malformed_file", None),
    ],
    ids=["command", "duration", "zone", "key", "config", "no-data", "file"],
)
def test_b14_an_error_is_an_object_for_programs_and_words_for_people(run, argv, code, name, field):
    """Stdout has one JSON object, stderr the same in words, the exit code says who can act."""
    result = run(*argv)
    error = result.json["error"]

    assert result.code == code
    assert result.json["schema"] == "gridtide.error/1"
    assert (error["code"], error["field"], error["exit_code"]) == (name, field, code)
    assert result.err.startswith(f"error: {error['message']}\n")
    assert error["hint"] is None or f"hint: {error['hint']}\n" in result.err


def test_an_unexpected_fault_is_one_line_with_an_id(run, monkeypatch):
    """No traceback, and nothing of the values that were at hand."""
    monkeypatch.setattr(entry, "_load", lambda _: 1 / 0)
    result = run("now")

    assert result.code == 1
    assert re.fullmatch(
        r"error: unexpected ZeroDivisionError, fault [0-9a-f]{8}\n"
        r"hint: run `gridtide doctor` and report it with this id; GRIDTIDE_DEBUG=1 shows where it happened\n",
        result.err,
    )


def test_the_text_of_an_unexpected_fault_is_kept_back():
    """It may hold a value that must not be shown; the id is the same each time."""

    def fail():
        raise KeyError("s3cret")

    said = []
    for _ in range(2):
        try:
            fail()
        except KeyError as error:
            said.append(errors.describe(error)["message"])

    assert "s3cret" not in said[0]
    assert said[0] == said[1]


def test_the_traceback_is_there_for_those_who_ask(run, monkeypatch):
    """``GRIDTIDE_DEBUG=1`` is for reports."""
    monkeypatch.setenv("GRIDTIDE_DEBUG", "1")
    monkeypatch.setattr(entry, "_load", lambda _: 1 / 0)

    assert "Traceback (most recent call last)" in run("now").err


def test_an_interrupt_ends_quietly(run, monkeypatch):
    """Ctrl-C is an answer, not a fault."""

    def interrupted(_):
        raise KeyboardInterrupt

    monkeypatch.setattr(entry, "_load", interrupted)
    result = run("now")

    assert (result.code, result.out, result.err) == (130, "", "")


def test_the_module_can_be_run():
    """``python -m gridtide`` is the command."""
    assert spawn("--version").stdout.startswith("gridtide ")


def test_what_follows_two_dashes_belongs_to_the_child(capsys):
    """A --json of the user's own command does not change how we speak."""
    main(["xyzzy", "--", "--json"])

    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    "argv", [("zones", "--json"), ("config", "--json"), ("now", "--provider", "static", "--zone", "DE", "--json")]
)
def test_an_answer_for_programs_is_one_line_of_ascii(run, argv):
    """Any reader in any locale can take it."""
    result = run(*argv)

    assert result.out.isascii()
    assert result.out.count("\n") == 1
    assert json.loads(result.out)["schema"] == f"gridtide.{argv[0]}/1"

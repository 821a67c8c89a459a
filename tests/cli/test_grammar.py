"""How a command line is read and explained: sections, examples, and messages that are our own."""

import importlib
import re
import shlex
import sys

import pytest

from gridtide.cli.main import COMMANDS, root_command
from gridtide.config.settings import rows

WITH_EXAMPLES = ("now", "forecast", "compare", "plan", "run", "wait", "check", "explain")


def examples(name):
    """Examples of a command, cut at what belongs to the shell."""
    for line in importlib.import_module(COMMANDS[name][0]).EXAMPLES:
        words = shlex.split(line.replace(";", " ; "))
        words = words[words.index("gridtide") :]
        ends = [words.index(word) for word in ("&&", "||", ";") if word in words]
        yield words[1 : min(ends, default=len(words))]


@pytest.mark.parametrize("argv", [("plan", "-h"), ("help", "plan"), ("plan", "--help")], ids=" ".join)
def test_help_is_found_by_every_usual_way(run, argv):
    """Short flag, long flag, and the word."""
    result = run(*argv)

    assert result.code == 0
    assert result.out.startswith("Usage: gridtide plan [OPTIONS]\n")


def test_the_version_has_a_short_flag(run):
    """As in most programs."""
    assert run("-V").out == run("--version").out


def test_help_groups_the_flags_and_shows_types_of_no_library(run):
    """Own flags first, then those of the job, the method, the place and the output."""
    shown = run("run", "--help").out
    headings = re.findall(r"^(\S.*):$", shown, re.MULTILINE)

    assert headings == [
        "Arguments", "Options", "The job", "How the time is chosen", "Place and source", "Output", "Examples",
    ]  # fmt: skip
    assert shown.startswith("Usage: gridtide run [OPTIONS] -- COMMAND [ARGUMENTS]...\n")
    assert "<list" not in shown
    assert "<str>" not in shown


def test_help_tells_the_default_of_every_flag_that_sets_a_setting(run):
    """With the name of the setting."""
    shown = " ".join(run("run", "--help").out.split())
    for row in rows():
        if row.flag and row.shown_default and row.flag in shown:
            assert f"[default: {row.shown_default}; setting: {row.name}]" in shown


@pytest.mark.parametrize("name", WITH_EXAMPLES)
def test_every_example_can_be_typed_as_it_stands(name):
    """Its flags exist and take what they are given."""
    given = list(examples(name))
    command = root_command().get_command(None, name)

    assert given
    for words in given:
        assert words[0] == name
        context = command.make_context(name, words[1:])
        assert context.params


def test_examples_are_shown_line_by_line_however_narrow(run, monkeypatch):
    """A wrapped line could not be copied."""
    monkeypatch.setenv("COLUMNS", "30")

    assert "  gridtide run --dry-run --zone GB --duration 2h -- ./train.sh\n" in run("run", "--help").out


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (("now", "--zone", "GB", "--zone", "DE"), "--zone is given 2 times; allowed: once"),
        (("plan", "-d", "1h", "--duration", "2h"), "--duration is given 2 times; allowed: once"),
        (("plan", "--power", "abc"), "--power is 'abc'; allowed: a number"),
        (("plan", "--max-pieces", "0"), "--max-pieces is '0'; allowed: a whole number, 1 or more"),
        (("explain", "--last", "0"), "--last is '0'; allowed: a whole number from 1 to 1000"),
        (("plan", "-d"), "-d needs a value"),
        (("now", "--json=yes"), "--json takes no value"),
        (("data", "import"), "SOURCE is missing"),
        (("plan", "extra"), "(extra) is not expected here"),
        (("zones", "GB"), "No such command 'GB'."),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_a_wrong_line_is_answered_with_flag_value_and_bounds(run, argv, message):
    """And with where the flags are listed; no word of the parser library or of its validator."""
    result = run(*argv)

    assert result.code == 2
    assert result.err.startswith(f"error: {message}\nhint: ")
    assert "Input should" not in result.err


def test_a_place_after_zones_is_told_the_command_for_it(run):
    """The most likely slip."""
    assert "hint: `gridtide zones resolve PLACE` says which zone" in run("zones", "GB").err


def test_a_flag_that_may_be_repeated_still_may(run):
    """Other regions are named one by one."""
    result = run("plan", "--provider", "static", "--zone", "DE", "-d", "1h", "--also", "FR", "--also", "SE", "--json")

    assert {row["name"] for row in result.json["regions"]} == {"DE", "FR", "SE"}


def test_a_switch_that_stands_twice_says_the_same_twice(run):
    """Nothing is in doubt."""
    assert run("now", "--provider", "static", "--zone", "DE", "--json", "--json").code == 0


@pytest.mark.parametrize("argv", [("now",), ("now", "--json")], ids=["words", "json"])
@pytest.mark.parametrize("full", [OSError(28, "No space left on device"), OSError(5, "Input/output error")], ids=str)
def test_an_answer_that_cannot_be_written_is_said(newcomer, capsys, monkeypatch, argv, full):
    """On stderr, without a traceback, with exit code 1."""
    from gridtide.cli.main import main

    class Full:
        encoding = "utf-8"

        def write(self, text):
            raise full

        def flush(self):
            pass

        def isatty(self):
            return False

        def fileno(self):
            raise ValueError

    monkeypatch.setattr(sys, "stdout", Full())
    code = main([*argv, "--provider", "static", "--zone", "DE"])
    monkeypatch.undo()

    assert code == 1
    assert capsys.readouterr().err.startswith(f"error: the answer cannot be written: {full.strerror}\n")


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        ("gridtide p", {"plan", "potential"}),
        ("gridtide plan --finish", {"--finish-by"}),
        ("gridtide plan --method lowest", {"lowest-window", "lowest-slots"}),
        ("gridtide run --on-no-data r", {"run"}),
        ("gridtide now --provider ele", {"electricitymaps"}),
        ("gridtide zones re", {"resolve"}),
    ],
)
def test_the_shell_completes_commands_flags_and_words(run, monkeypatch, words, offered):
    """From the same table as the help; nothing heavy is needed."""
    monkeypatch.setenv("_GRIDTIDE_COMPLETE", "complete_bash")
    monkeypatch.setenv("COMP_WORDS", words)
    monkeypatch.setenv("COMP_CWORD", str(len(words.split()) - 1))

    assert set(run().out.split()) == offered


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (("zones", "list", "--source", "nobody"), "--source is 'nobody'; allowed: "),
        (("zones", "list", "--country", "zz"), "--country is 'ZZ'; allowed: one of "),
        (("compare", "GB", "DE", "--provider", "file"), "--provider file holds one place"),
        (("compare", "GB", "DE", "--zone", "FR"), "No such option: --zone"),
        (("doctor", "--provider", "replay"), "No such option: --provider"),
        (("zones", "resolve", "GB", "--series", "x.csv"), "No such option: --series"),
        (("now", "--at", "5pm", "--provider", "static", "--zone", "DE"), "--at '5pm' is not a time"),
    ],
    ids=["source", "country", "file", "place-of-compare", "provider-of-doctor", "file-of-resolve", "no-time"],
)
def test_a_flag_that_would_change_nothing_is_refused(run, argv, message):
    """Rather than read and forgotten, or answered with an empty list."""
    result = run(*argv)

    assert result.code == 2
    assert result.err.startswith(f"error: {message}")

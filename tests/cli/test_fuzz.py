"""Whatever is typed or written into a file: an exit code of ours, a message, no traceback."""

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gridtide.cli.main import COMMANDS, main
from gridtide.config.cron import next_firing
from gridtide.config.document import parse_text
from gridtide.config.load import load_settings
from gridtide.config.settings import rows
from gridtide.config.walltime import read_time
from gridtide.domain.durations import parse_duration
from gridtide.domain.errors import CarbonError
from support import T0

CODES = {0, 2, 65, 69, 75, 77, 78}
ODD = ["", "-", "--", "nan", "1e400", "0", "-1", "90", "1h", "\x00", "\ud800", "🇩🇪", "../../etc", "%s", "{}", "=", "GB",
       "replay", "static", "series.csv", "2026-01-01T00:00Z", "07:00", "Mars/Base", "x" * 5000]  # fmt: skip
FLAGS = ["--json", "--quiet", "--zone", "--region", "--lat", "--lon", "--postcode", "--provider", "--signal", "--series",
         "--unit", "--step-shape", "--tz", "--at", "--duration", "--finish-by", "--not-before", "--cron", "--max-delay",
         "--best-effort", "--interruptible", "--min-run", "--max-pieces", "--min-saving", "--power", "--method",
         "--threshold", "--percentile", "--start-grid", "--ahead", "--offline", "--config", "--cloud", "--all"]  # fmt: skip
OFFLINE = ["now", "forecast", "compare", "plan", "check", "zones", "config", "forcast"]
OURS = settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def refused(work) -> str | None:
    """Message of our own error, None when there is none; any other error goes through."""
    try:
        work()
    except CarbonError as error:
        return error.message
    return None


@OURS
@given(
    command=st.sampled_from(OFFLINE),
    words=st.lists(st.one_of(st.sampled_from(FLAGS), st.sampled_from(ODD)), max_size=8),
)
def test_no_command_line_raises(series, monkeypatch, capsys, command, words):
    """Random flags and values end with a code of the table and, with --json, one object."""
    monkeypatch.setenv("GRIDTIDE_PROVIDER", "replay")
    argv = [command, *words]
    code = main(argv)
    seen = capsys.readouterr()

    assert code in CODES
    assert "Traceback" not in seen.err
    assert "fault" not in seen.err
    if "--json" in words and "--" not in words and seen.out and command in COMMANDS:
        json.loads(seen.out)


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=40))
def test_no_text_breaks_the_readers_of_times(text):
    """A duration, a time and a cron line are read or refused by name."""
    readers = (
        parse_duration,
        lambda t: read_time(t, now=T0, timezone="Europe/Berlin"),
        lambda t: next_firing(t, after=T0, timezone="Europe/Berlin"),
    )
    for read in readers:
        said = refused(lambda read=read: read(text))
        assert said is None or 0 < len(said) < 300


@settings(max_examples=100, deadline=None)
@given(
    st.sampled_from([".toml", ".yaml", ".json"]),
    st.text(alphabet=st.sampled_from("abz:{}[]\"'\n\t -#&*!|>%@,=.01\u00e9"), max_size=60),
)
def test_no_file_breaks_the_loader(suffix, text):
    """Any text is settings or a refusal with its place."""
    assert refused(lambda: load_settings(document=parse_text(text, suffix=suffix, name="f"))) != ""


@settings(max_examples=100, deadline=None)
@given(
    st.sampled_from([row.name for row in rows()]),
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=20), st.lists(st.integers(), max_size=2),
              st.dictionaries(st.text(max_size=3), st.integers(), max_size=2)),
)  # fmt: skip
def test_no_value_breaks_a_setting(name, value):
    """A value of any type is taken inside its bounds or refused with the name."""
    document = {}
    node = document
    *sections, leaf = name.split(".")
    for section in sections:
        node = node.setdefault(section, {})
    node[leaf] = value
    assert refused(lambda: load_settings(document=document)) != ""


@pytest.mark.parametrize("text", ["{", "[[[[", "a: {b", "\x00"])
def test_a_half_written_document_is_refused(text):
    """Each parser knows its own unfinished business."""
    for suffix in (".toml", ".yaml", ".json"):
        try:
            parse_text(text, suffix=suffix, name="f")
        except CarbonError:
            continue
        pytest.fail(f"{suffix} took {text!r}")

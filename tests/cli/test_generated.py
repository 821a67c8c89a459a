"""Committed schemas and generated pages are up to date, and every answer keeps its schema."""

import copy
import importlib.util
import json

import jsonschema
import pytest

from gridtide.cli.answer_schema import answer_schema
from gridtide.cli.main import COMMANDS
from gridtide.cli.shapes import ANSWERS
from gridtide.config.settings import rows
from support import ROOT


def script(name):
    """A script of the project as a module."""
    spec = importlib.util.spec_from_file_location(name, ROOT / "scripts" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def closed(schema):
    """The same schema without room for keys that it does not list."""
    strict = copy.deepcopy(schema)
    for node in [strict, *strict["$defs"].values()]:
        if node.get("type") == "object" and "properties" in node:
            node["additionalProperties"] = False
    return strict


def test_the_committed_schemas_are_up_to_date():
    """``python scripts/build_schemas.py`` writes them anew."""
    build = script("build_schemas")
    there = {path.name: path.read_text("utf-8") for path in (ROOT / "schemas").glob("*.json")}

    assert there == build.schemas()


@pytest.mark.parametrize("page", ["cli.md", "settings.md", "python.md"])
def test_the_generated_pages_are_up_to_date(page):
    """``python scripts/build_docs.py`` writes them anew."""
    build = script("build_docs")

    assert (ROOT / "docs" / "reference" / page).read_text("utf-8") == build.pages()[page]


def test_the_settings_page_names_every_setting():
    """By its name and its environment variable."""
    text = (ROOT / "docs" / "reference" / "settings.md").read_text("utf-8")
    missing = [r.name for r in rows() if not r.name.endswith(".options") and f"`{r.env}`" not in text]

    assert missing == []


def test_every_command_has_a_schema():
    """Whatever a command prints for programs is promised."""
    assert set(COMMANDS) <= set(ANSWERS)


@pytest.mark.parametrize("name", sorted(ANSWERS))
def test_every_schema_is_a_schema(name):
    """Valid in its own dialect, under the id that answers carry."""
    schema = answer_schema(name)
    jsonschema.Draft202012Validator.check_schema(schema)

    assert schema["properties"]["schema"] == {"const": f"gridtide.{name}/1"}


JOB = ("--duration", "1h", "--finish-by", "06:00")
REPLAY = ("--provider", "replay", "--at", "2026-06-01T00:00Z")
ASKED = [
    ("now", ("now", "SERIES")),
    ("now", ("now", "--provider", "static", "--zone", "DE")),
    ("now", ("now", "SERIES", "--signal", "relative", "--unit", "percent")),
    ("forecast", ("forecast", "SERIES")),
    ("forecast", ("forecast", *REPLAY, "--zone", "GB")),
    ("compare", ("compare", "US-CAL-CISO", "US-TEX-ERCO", "xx", *REPLAY)),
    ("plan", ("plan", "SERIES", *JOB, "--power", "100")),
    ("plan", ("plan", "SERIES", *JOB, "--interruptible", "--signal", "relative", "--unit", "percent")),
    ("plan", ("plan", "--provider", "replay", "--zone", "FR", "--duration", "1h")),
    ("plan", ("plan", *REPLAY, *JOB, "--zone", "US-CAL-CISO", "--also", "US-NW-BPAT", "--also", "FR")),
    ("check", ("check", "SERIES", *JOB)),
    ("check", ("check", "--provider", "replay", "--zone", "FR")),
    ("zones", ("zones",)),
    ("zones", ("zones", "resolve", "aws:eu-west-1")),
    ("config", ("config", "show")),
    ("config", ("config", "check")),
    ("doctor", ("doctor", "--offline")),
    ("error", ("forcast",)),
    ("error", ("now", "--zone", "nowhere-at-all")),
]


@pytest.mark.parametrize(("name", "argv"), ASKED, ids=[" ".join(argv) for _, argv in ASKED])
def test_an_answer_keeps_its_schema(run, given, name, argv):
    """Every key is there and listed, with the type that is promised."""
    flags = [part for word in argv for part in (given if word == "SERIES" else [word])]
    answer = run(*flags, "--json").json

    jsonschema.validate(answer, closed(answer_schema(name)))


def test_a_schema_catches_what_it_should():
    """The check above can fail."""
    schema = closed(answer_schema("error"))
    body = {"code": "x", "message": "m", "hint": None, "field": None, "retryable": False, "retry_after_s": None,
            "exit_code": 2, "facts": {}}  # fmt: skip
    jsonschema.validate({"schema": "gridtide.error/1", "error": body}, schema)
    for wrong in ({**body, "exit_code": "2"}, {**body, "more": 1}, {k: v for k, v in body.items() if k != "hint"}):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate({"schema": "gridtide.error/1", "error": wrong}, schema)


def test_the_settings_schema_is_the_one_the_command_prints(run):
    """One source for editors and for the repository."""
    assert json.loads(run("config", "schema").out) == json.loads(
        (ROOT / "schemas" / "settings.schema.json").read_text("utf-8")
    )

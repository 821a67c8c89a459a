"""The page about what always holds names tests that exist, that run everywhere, and enough of them."""

import ast
import re

import pytest

from support import ROOT

PAGE = (ROOT / "docs" / "explanation" / "invariants.md").read_text("utf-8")
SECTIONS = dict(re.findall(r"^## (I\d+) [^\n]*\n(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL))
ELSEWHERE = {"slow", "real", "shared"}


def named(text, kind=r"property|fault run"):
    return re.findall(rf"^- (?:{kind}): `(tests/[\w/]+\.py)::([\w:]+)`$", text, re.MULTILINE)


def marks_of(node):
    """Marks on a test as a whole; those on single cases leave others to run."""
    called = [d.func if isinstance(d, ast.Call) else d for d in node.decorator_list]
    return {d.attr for d in called if isinstance(d, ast.Attribute)}


def find(file, name):
    """The function or method of that name, with the marks of its module."""
    tree = ast.parse((ROOT / file).read_text("utf-8"))
    body = tree.body
    module = " ".join(ast.unparse(n) for n in body if isinstance(n, ast.Assign) and "pytestmark" in ast.unparse(n))
    *outer, last = name.split("::")
    for part in outer:
        body = next((n.body for n in body if isinstance(n, ast.ClassDef) and n.name == part), [])
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    found = next((n for n in body if isinstance(n, kinds) and n.name == last), None)
    return found, {mark for mark in ELSEWHERE if f"mark.{mark}" in module}


def test_every_invariant_has_its_section():
    """Fourteen, in order."""
    assert list(SECTIONS) == [f"I{n}" for n in range(1, 15)]


@pytest.mark.parametrize("invariant", SECTIONS)
def test_every_invariant_is_shown_by_a_property_and_a_fault_run(invariant):
    """One of each at least, and every line of the list is one of the two."""
    text = SECTIONS[invariant]

    assert named(text, "property")
    assert named(text, "fault run")
    assert len(named(text)) == len(re.findall(r"^- ", text, re.MULTILINE))


@pytest.mark.parametrize(("file", "name"), sorted(set(named(PAGE))), ids=lambda part: part.rpartition("/")[2])
def test_every_named_test_exists_and_runs_everywhere(file, name):
    """A promise that rests on a test that is skipped or left out rests on nothing."""
    found, module_marks = find(file, name)

    assert found is not None, f"{file} has no {name}"
    assert not (marks_of(found) | module_marks) & ELSEWHERE

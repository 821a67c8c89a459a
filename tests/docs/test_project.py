"""The project watches its own habits."""

from __future__ import annotations

import ast
import importlib
import pkgutil
import re
import subprocess

import pytest

import gridtide
from support import ROOT

PACKAGES = [name for _, name, is_package in pkgutil.walk_packages(gridtide.__path__, "gridtide.") if not is_package]
TRACKED = [ROOT / line for line in subprocess.run(
    ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False).stdout.splitlines()]  # fmt: skip
TESTS = sorted((ROOT / "tests").rglob("test_*.py"))


@pytest.mark.parametrize("name", PACKAGES)
def test_exports_exist(name):
    """A module that declares `__all__` declares names it has; their order is the linter's business."""
    module = importlib.import_module(name)
    exported = getattr(module, "__all__", None)
    if exported is None:
        return
    assert all(hasattr(module, entry) for entry in exported)


@pytest.mark.parametrize("path", TESTS, ids=lambda p: str(p.relative_to(ROOT)))
def test_every_test_states_its_truth(path):
    """Each test function has one sentence of truth as its docstring."""
    tree = ast.parse(path.read_text("utf-8"))
    silent = [
        f"{node.name}:{node.lineno}"
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.name.startswith("test_")
        and not ast.get_docstring(node)
    ]
    assert not silent


def test_no_committed_file_names_a_machine_or_a_registry():
    """Paths of one machine and addresses of package registries stay out of the project."""
    pattern = re.compile(
        rb"/wor" rb"k/|/roo" rb"t/|pypi" rb"\.org|files\.pythonhost" rb"ed|registry\.npm" rb"js|deb\.deb" rb"ian"
    )
    found = [str(p.relative_to(ROOT)) for p in TRACKED if p.is_file() and pattern.search(p.read_bytes())]

    assert found == []


def test_every_suppression_names_its_rule():
    """A `noqa` or `type: ignore` without a rule hides more than it says."""
    bare = re.compile(r"#\s*(noqa|type:\s*ignore)\s*($|[^:\[(\s])|#\s*(noqa|type:\s*ignore)\s*$")
    found = [
        f"{p.relative_to(ROOT)}:{n}"
        for p in TRACKED
        if p.suffix == ".py" and p.exists()
        for n, line in enumerate(p.read_text("utf-8").splitlines(), 1)
        if bare.search(line)
    ]
    assert found == []


def test_every_decision_record_has_its_parts():
    """A decision record names status, context, decision, consequences and green impact."""
    parts = ("## Status", "## Context", "## Decision", "## Consequences", "## Green impact")
    incomplete = [
        p.name
        for p in (ROOT / "docs" / "decisions").glob("[0-9]*.md")
        if not all(x in p.read_text("utf-8") for x in parts)
    ]
    assert incomplete == []


def test_every_page_is_listed():
    """A page that nobody finds is no page; decisions are found in their folder."""
    listed = (ROOT / "docs" / "README.md").read_text("utf-8")
    pages = [p.relative_to(ROOT / "docs") for p in (ROOT / "docs").glob("*/*.md") if p.parent.name != "decisions"]

    assert [str(page) for page in pages if f"]({page})" not in listed] == []

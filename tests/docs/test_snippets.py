"""Every snippet in the documentation runs, offline."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from support import ROOT

PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
FENCE = re.compile(r"^(?P<before>[^\n]*)\n```(?P<language>\w+)\n(?P<body>.*?)^```$", re.MULTILINE | re.DOTALL)
LONG = {"plan-a-fleet.md", "fleet-plan.md", "simulate.md"}
NOT_RUN = re.compile(r"<!-- not run: .+ -->")


@dataclass(frozen=True)
class Snippet:
    language: str
    body: str


def snippets(page: Path) -> list[Snippet]:
    text = "\n" + page.read_text("utf-8")
    return [
        Snippet(match["language"], match["body"])
        for match in FENCE.finditer(text)
        if not NOT_RUN.search(match["before"])
    ]


def pages_with(language: str) -> list[Path]:
    return [page for page in PAGES if any(s.language == language for s in snippets(page))]


def commands(page: Path) -> list[str]:
    """Lines that start with a prompt and name our program; a line ending in a backslash goes on."""
    found = []
    for snippet in snippets(page):
        if snippet.language == "console":
            body = snippet.body.replace("\\\n", " ")
            found += [line[2:] for line in body.splitlines() if line.startswith("$ gridtide")]
    return found


@pytest.fixture
def newcomer(tmp_path, monkeypatch):
    """A home without any settings, in an empty folder, and no keys in the environment."""
    for name in ("HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME"):
        monkeypatch.setenv(name, str(tmp_path / name.lower()))
    for folder in (ROOT / "docs" / "examples").glob("*"):
        (tmp_path / folder.name).write_bytes(folder.read_bytes())
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NO_COLOR", "1")
    return tmp_path


@pytest.mark.parametrize(
    "page",
    [
        pytest.param(page, id=str(page.relative_to(ROOT)), marks=[pytest.mark.slow] if page.name in LONG else [])
        for page in pages_with("python")
    ],
)
def test_python_snippets_run(page, newcomer):
    """The blocks of a page run in order in one namespace and raise nothing."""
    source = "\n\n".join(s.body for s in snippets(page) if s.language == "python")
    result = subprocess.run(
        [sys.executable, "-W", "error", "-c", source], capture_output=True, text=True, timeout=60, check=False
    )

    assert result.returncode == 0, result.stderr


@pytest.mark.slow
@pytest.mark.parametrize("page", pages_with("console"), ids=lambda p: str(p.relative_to(ROOT)))
def test_console_snippets_succeed(page, newcomer):
    """Each command shown after a prompt exits with 0 for a newcomer without keys or network."""
    for command in commands(page):
        # A shell, because pages show redirections and exit codes; the text comes from our own pages only.
        line = command.replace("gridtide", shlex.quote(sys.executable) + " -m gridtide", 1)
        result = subprocess.run(["bash", "-c", line], capture_output=True, text=True, timeout=60, check=False)

        assert result.returncode == 0, f"{command}\n{result.stdout}{result.stderr}"


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_links_lead_somewhere(page):
    """A relative link in a page names a file that exists."""
    for target in re.findall(r"\]\((?!https?://|mailto:|#)([^)#\s]+)", page.read_text("utf-8")):
        assert (page.parent / target).exists(), f"{page.name} links to {target}"

"""
Write the reference pages of commands, settings and Python names from the program itself.

Usage: ``python scripts/build_docs.py [--check]``; with ``--check`` nothing is written, and a stale page is exit 1.
"""

# ruff: noqa: E501 - prose of the pages, one sentence per line

from __future__ import annotations

import dataclasses
import inspect
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gridtide
from gridtide import CarbonDecision, CarbonScheduler
from gridtide.api.request import WorkRequest
from gridtide.cli.main import COMMANDS, root_command
from gridtide.cli.options import JobOptions, MethodOptions, OutputOptions, SignalOptions
from gridtide.config.settings import PROVIDERS, rows
from gridtide.config.table import Kind, Row

FOLDER = Path(__file__).resolve().parent.parent / "docs" / "reference"
MARK = "<!-- written by scripts/build_docs.py; do not edit by hand -->"

SHARED = {
    "Flags of the job": JobOptions,
    "Flags of the method": MethodOptions,
    "Flags of the signal": SignalOptions,
    "Flags of the output": OutputOptions,
}
"""Groups that several commands take whole; each is listed once."""

CLI_HEAD = f"""\
# Commands

{MARK}

Every command takes `--json` and then prints one object `{{"schema": "gridtide.<command>/1", ...}}` on stdout.
Without it the answer is aligned plain text on stdout; notes, warnings and errors always go to stderr.
A command that fails under `--json` prints `{{"schema": "gridtide.error/1", "error": {{...}}}}` on stdout and the same in words on stderr.
The JSON Schemas are in the `schemas` folder; within a version keys are only added.

## Exit codes

| Code | Meaning |
|---|---|
| 0 | done; for `check`: now is a good time |
| 1 | a fault of Gridtide, with an id; `GRIDTIDE_DEBUG=1` shows where it happened |
| 2 | the command line is wrong |
| 65 | the data or the deadline are wrong |
| 69 | no source could answer |
| 75 | `check`: not now |
| 77 | a credential is missing or was refused |
| 78 | the configuration is wrong |
| 124 | `wait`: gave up |
| 126, 127 | the command to run cannot be run, or is not there |
| 128 + n | ended by signal n; 130 for Ctrl-C, 141 when the reader of stdout has gone |

`run --` returns the exit code of the command it ran.

## Times and durations

A duration carries its unit: `90m`, `2h30m`, `1d`, `PT90M`; a bare number is refused.
A time is `07:00` (its next occurrence), `2026-01-01T07:00` or a time with an offset such as `2026-01-01T07:00+01:00`.
A time without an offset is in the zone of `--tz`, else of the setting `timezone`, else of the machine.
A wall time that the clocks jump over is refused with the next valid one; a wall time that they repeat is refused with both ways to write it.
"""

SETTINGS_HEAD = f"""\
# Settings

{MARK}

Settings come from, weakest first: the defaults below; `config.toml`, `config.yaml` or `config.json` in the folder `gridtide` of the user's XDG configuration folder; `gridtide.toml`, `gridtide.yaml` or `gridtide.json` in the working directory; the file named by `--config` or `GRIDTIDE_CONFIG`; the environment; flags.
`gridtide config show` says where each value came from, `gridtide config init` writes a first file, `gridtide config schema` prints the JSON Schema for editors.

Names may be written in snake_case or camelCase: `data_transfer_limit_gb` and `dataTransferLimitGB` are the same.
YAML is version 1.2, and a value for text is taken as it is written, so `zone: NO` is Norway.
Repeated keys, aliases, anchors and tags are refused, unknown keys with the nearest known one.
`${{NAME}}` in a file is replaced by the environment variable, once; `$${{NAME}}` stands for the text itself.
A file found in the working directory may not set the address of a source, because it may have come with somebody else's project; name it with `--config` if that is meant.
"""


PYTHON_HEAD = f"""\
# Python

{MARK}

`from gridtide import ...` gives the names below; each is imported when it is used.
`gridtide.sync.CarbonScheduler` has the same names as `CarbonScheduler` and blocks.
How to use them is in [use Gridtide from Python](../how-to/use-from-python.md).
"""


def pages() -> dict[str, str]:
    """Text of every page by name."""
    return {"cli.md": _cli(), "settings.md": _settings(), "python.md": _python()}


# -- commands ----------------------------------------------------------------------------------------------------------


def _cli() -> str:
    root = root_command()
    parts = [CLI_HEAD, "## Overview\n", "| Command | What it does |", "|---|---|"]
    parts += [f"| [`{name}`](#gridtide-{name}) | {_cell(line)} |" for name, (_, line) in COMMANDS.items()]
    example = {p.name: p for p in root.get_command(None, "plan").params}
    for title, group in SHARED.items():
        parts += ["", f"## {title}\n", *_options([example[f.name] for f in dataclasses.fields(group)])]
    for name in COMMANDS:
        parts += ["", *_command(root.get_command(None, name), f"gridtide {name}", "##")]
    return "\n".join(parts).rstrip() + "\n"


def _command(command: Any, path: str, level: str) -> Iterator[str]:
    yield f"{level} {path}\n"
    yield _sentences(command.help or "")
    arguments = [p for p in command.params if p.param_type_name == "argument"]
    options = [p for p in command.params if p.param_type_name == "option" and p.opts != ["--help"]]
    subcommands = getattr(command, "commands", {})
    words = [path, "[OPTIONS]", *(p.metavar or p.name.upper() for p in arguments)]
    if subcommands:
        words.append("COMMAND")
    yield f"\n```text\n{' '.join(words)}\n```\n"
    names = {option.name for option in options}
    taken = {t: {f.name for f in dataclasses.fields(g)} for t, g in SHARED.items()}
    whole = [title for title, group in taken.items() if group <= names]
    own = [option for option in options if not any(option.name in taken[title] for title in whole)]
    yield from _options([*arguments, *own])
    if whole:
        links = [f"[{title.removeprefix('Flags of the ')}](#{title.lower().replace(' ', '-')})" for title in whole]
        also = "Also the" if own or arguments else "The"
        yield f"\n{also} flags of the {' , '.join(links).replace(' ,', ',')}."
    for name, inner in subcommands.items():
        yield ""
        yield from _command(inner, f"{path} {name}", level + "#")


def _options(parameters: list[Any]) -> Iterator[str]:
    if not parameters:
        return
    yield "| Flag | Default | Meaning |"
    yield "|---|---|---|"
    for parameter in parameters:
        if parameter.param_type_name == "argument":
            yield f"| `{_cell(parameter.metavar or parameter.name.upper())}` | | {_cell(parameter.help)} |"
        else:
            yield f"| `{_cell(_flag(parameter))}` | {_default(parameter)} | {_cell(parameter.help)} |"


def _flag(option: Any) -> str:
    names = ", ".join([*option.opts, *option.secondary_opts])
    return names if option.is_flag else f"{names} {option.metavar or 'VALUE'}"


def _default(option: Any) -> str:
    value = option.default
    return "" if option.is_flag or value is None or callable(value) else f"`{value}`"


# -- settings ----------------------------------------------------------------------------------------------------------


def _settings() -> str:
    own = [row for row in rows() if not row.name.startswith("providers.")]
    sections: dict[str, list[Row]] = {}
    for row in own:
        sections.setdefault(row.name.rpartition(".")[0], []).append(row)
    parts = [SETTINGS_HEAD]
    for section, members in sections.items():
        parts += [f"## {section or 'Top level'}\n", *_table(members), ""]
    parts += ["## providers\n", *_providers(), ""]
    return "\n".join(parts).rstrip() + "\n"


def _table(members: list[Row]) -> Iterator[str]:
    yield "| Setting | Default | What it is | Allowed | Environment |"
    yield "|---|---|---|---|---|"
    for row in members:
        flag = f"; flag `{row.flag}`" if row.flag else ""
        numbers = "".join(f"; as a plain number `{name}`" for name, _ in row.numbers)
        yield (
            f"| `{row.name}` | {_written(row)} | {_cell(row.help)}{_unit(row)}{flag}{numbers} | {_cell(row.allowed)} | "
            f"{_environment(row)} |"
        )


def _providers() -> Iterator[str]:
    yield "Each source has a table of its own, for example `providers.watttime`."
    yield "What `options` may hold is in the [page of the sources](providers.md)."
    yield ""
    yield "| Source | Setting | Environment |"
    yield "|---|---|---|"
    for row in rows():
        if row.name.startswith("providers.") and not row.name.endswith(".options"):
            _, source, leaf = row.name.split(".")
            assert source in PROVIDERS
            yield f"| {source} | `{leaf}` | {_environment(row)} |"


# -- Python ------------------------------------------------------------------------------------------------------------


def _python() -> str:
    parts = [PYTHON_HEAD, "## Names\n", "| Name | What it is |", "|---|---|"]
    parts += [
        f"| `{name}` | {_cell(_summary(getattr(gridtide, name)))} |" for name in gridtide.__all__ if name[0] != "_"
    ]
    for thing in (
        CarbonScheduler,
        CarbonDecision,
        gridtide.PlanCost,
        WorkRequest,
        gridtide.carbon_aware,
        gridtide.Workload,
        gridtide.Decision,
    ):
        parts += ["", f"## {thing.__name__}\n", _summary(thing), *_arguments(thing), *_methods(thing)]
    return "\n".join(parts).rstrip() + "\n"


def _summary(thing: Any) -> str:
    return " ".join((inspect.getdoc(thing) or "").split("\n\n")[0].split())


def _arguments(thing: Any) -> Iterator[str]:
    """The ``Args`` section of a docstring as a table."""
    section = re.search(r"^Args:\n((?:    .*\n?|\n)+)", inspect.getdoc(thing) or "", re.MULTILINE)
    if section is None:
        return
    yield "\n| Argument | Meaning |"
    yield "|---|---|"
    for entry in re.split(r"\n(?=    \w)", section[1].rstrip()):
        name, _, meaning = entry.strip().partition(":")
        yield f"| `{name}` | {_cell(meaning)} |"


def _methods(thing: Any) -> Iterator[str]:
    found = [
        (n, m) for n, m in vars(thing).items() if n[0] != "_" and (inspect.isfunction(m) or isinstance(m, property))
    ]
    if not found:
        return
    yield "\n| Member | What it does |"
    yield "|---|---|"
    for name, member in found:
        call = "" if isinstance(member, property) else f"({', '.join(list(inspect.signature(member).parameters)[1:])})"
        yield f"| `{name}{call}` | {_cell(_summary(member))} |"


def _environment(row: Row) -> str:
    return ", ".join(f"`{name}`" for name in (row.env, *row.env_aliases))


def _written(row: Row) -> str:
    if row.kind is Kind.SECRET or row.default is None or row.default in ("", ()):
        return ""
    if row.kind in {Kind.NUMBERS, Kind.TEXTS, Kind.OPTIONS}:
        return ""
    from gridtide.config.starter import written  # noqa: PLC0415 - the same words as in a first file

    return f"`{written(row)}`"


def _unit(row: Row) -> str:
    return f" [{row.unit}]" if row.unit else ""


def _cell(text: str | None) -> str:
    return " ".join((text or "").split()).replace("|", "\\|")


def _sentences(text: str) -> str:
    """Help text with one paragraph per blank line, and its lines joined."""
    paragraphs = inspect.cleandoc(text).split("\n\n")
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)


def main(*, check: bool) -> int:
    """Write or compare; returns the exit code."""
    stale = [name for name, text in pages().items() if not _same(FOLDER / name, text)]
    if check:
        print("\n".join(f"stale: docs/reference/{name}" for name in stale) or "pages are up to date")
        return 1 if stale else 0
    for name in stale:
        (FOLDER / name).write_text(pages()[name], "utf-8")
        print(f"wrote docs/reference/{name}")
    return 0


def _same(path: Path, text: str) -> bool:
    return path.exists() and path.read_text("utf-8") == text


if __name__ == "__main__":
    sys.exit(main(check="--check" in sys.argv[1:]))

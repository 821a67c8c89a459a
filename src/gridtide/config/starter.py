"""A first configuration file: every setting with its help and default, commented out where the format can."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

from gridtide.config.settings import rows
from gridtide.config.table import Kind, Row
from gridtide.domain.durations import format_duration

__all__ = ["starter", "written"]


def starter(form: str) -> str:
    """Text of a file in ``toml``, ``yaml`` or ``json``; read as it is, it sets nothing but what the defaults are."""
    if form == "json":
        return json.dumps({"provider": "auto", "cache": {"ttl": "5m"}}, indent=2) + "\n"
    lines = ["# Gridtide settings. Every line shows a default; take the comment sign off to change it."]
    lines += _toml() if form == "toml" else _yaml()
    return "\n".join(lines) + "\n"


def _toml() -> Iterator[str]:
    section = ""
    for row in rows():
        own, _, leaf = row.name.rpartition(".")
        if own != section:
            section = own
            yield f"\n# [{own}]"
        yield f"\n# {_help(row)}" if not own else f"# {_help(row)}"
        yield f"# {leaf} = {written(row)}"


def _yaml() -> Iterator[str]:
    section: tuple[str, ...] = ()
    for row in rows():
        *own, leaf = row.name.split(".")
        for depth in range(len(own)):
            if section[: depth + 1] != tuple(own[: depth + 1]):
                yield f"# {'  ' * depth}{own[depth]}:"
        section = tuple(own)
        indent = "  " * len(own)
        yield f"# {indent}# {_help(row)}"
        yield f"# {indent}{leaf}: {written(row)}"


def _help(row: Row) -> str:
    unit = f" [{row.unit}]" if row.unit else ""
    choices = f" ({', '.join(row.choices)})" if row.choices else ""
    return f"{row.help}{choices}{unit}"


def written(row: Row) -> str:
    """Default of a setting as it stands in a file."""
    default: Any = row.default
    if isinstance(default, timedelta):
        return json.dumps(format_duration(default))
    if isinstance(default, Mapping):
        return "{}"
    if isinstance(default, tuple):
        return "[]"
    if isinstance(default, bool | int | float):
        return json.dumps(default)
    if default is None and row.kind is Kind.NUMBER:
        return "100"
    return json.dumps(str(default or ""))

"""JSON Schema of a configuration file, from the table of settings; editors check a file against it as it is written."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any, Final

from gridtide.config.settings import Settings, rows
from gridtide.config.table import Kind, Row
from gridtide.domain.durations import format_duration

__all__ = ["settings_schema"]

_DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
_DURATION: Final = {"type": "string", "examples": ["300s", "2h30m", "PT90M"]}


def settings_schema() -> dict[str, Any]:
    """Schema of the whole file; every name in snake_case and in camelCase."""
    root: dict[str, Any] = {
        "$schema": _DIALECT,
        "title": "Gridtide settings",
        "description": (Settings.__doc__ or "").strip(),
        "type": "object",
        "additionalProperties": False,
        "properties": {"$schema": {"type": "string"}},
    }
    for row in rows():
        *sections, leaf = row.name.split(".")
        node = root
        for section in sections:
            node = node["properties"].setdefault(
                section, {"type": "object", "additionalProperties": False, "properties": {}}
            )
        for name in _spellings(leaf):
            node["properties"][name] = _leaf(row)
        for other, _ in row.numbers:
            for name in _spellings(other.rsplit(".", 1)[1]):
                node["properties"][name] = {"type": "number", "description": row.help}
    return root


def _spellings(name: str) -> tuple[str, ...]:
    camel = re.sub(r"_([a-z])", lambda match: match[1].upper(), name)
    camel = re.sub(r"Gb$", "GB", camel)
    return (name,) if camel == name else (name, camel)


def _leaf(row: Row) -> dict[str, Any]:
    unit = f" [{row.unit}]" if row.unit else ""
    node: dict[str, Any] = {"description": f"{row.help}{unit}", **_type(row)}
    default = row.default
    if isinstance(default, timedelta):
        node["default"] = format_duration(default)
    elif isinstance(default, bool | int | float) or (isinstance(default, str) and default):
        node["default"] = default
    return node


def _type(row: Row) -> dict[str, Any]:
    if row.kind in {Kind.NUMBER, Kind.INTEGER}:
        return _bounds(row, {"type": "number" if row.kind is Kind.NUMBER else "integer"})
    if row.kind is Kind.NUMBERS:
        return {"type": "object", "additionalProperties": _bounds(row, {"type": "number"})}
    if row.kind is Kind.CHOICE:
        return {"type": "string", "enum": list(row.choices)}
    simple: dict[Kind, dict[str, Any]] = {
        Kind.FLAG: {"type": "boolean"},
        Kind.DURATION: _DURATION,
        Kind.LIST: {"type": "array", "items": {"type": "string"}, "uniqueItems": True},
        Kind.TEXTS: {"type": "object", "additionalProperties": {"type": "string"}},
        Kind.OPTIONS: {"type": "object"},
        Kind.URL: {"type": "string", "format": "uri"},
    }
    return simple.get(row.kind, {"type": "string"})


def _bounds(row: Row, node: dict[str, Any]) -> dict[str, Any]:
    if row.minimum is not None:
        node["minimum"] = row.minimum
    if row.maximum is not None:
        node["maximum"] = row.maximum
    return node

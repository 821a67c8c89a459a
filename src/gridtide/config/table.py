"""
The one table behind every setting: name, kind, unit, default, bounds and help.

A setting is a field of a frozen dataclass in `gridtide.config.settings`, declared with `setting`. From the table come
the names of environment variables, the help of flags, the JSON Schema, the reference page and every bound.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator, Mapping
from datetime import timedelta
from enum import StrEnum
from typing import Any, Final

from gridtide.domain.durations import format_duration

__all__ = ["ENV_PREFIX", "Kind", "Row", "rows_of", "section_of", "setting", "snake"]

ENV_PREFIX: Final = "GRIDTIDE_"
_ROW: Final = "gridtide.row"


class Kind(StrEnum):
    """What a value looks like in a file."""

    TEXT = "text"
    SECRET = "secret"  # noqa: S105 - a kind, not a password
    NUMBER = "number"
    INTEGER = "integer"
    FLAG = "true or false"
    DURATION = "duration"
    CHOICE = "choice"
    LIST = "list of texts"
    NUMBERS = "table of numbers"
    TEXTS = "table of texts"
    OPTIONS = "table of options"
    PATH = "path"
    URL = "URL"
    TIMEZONE = "time zone"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """
    One setting.

    Args:
        name: Dotted, in snake_case; files may also use camelCase.
        kind: Form of the value.
        default: Used when nothing sets it.
        help: One sentence.
        unit: Of a number; in brackets at the end of the help.
        minimum: Smallest value; seconds for durations.
        maximum: Largest value; seconds for durations.
        choices: Allowed words.
        flag: Command line flag that sets it, if there is one.
        env_aliases: Names that other tools use for the same thing.
        numbers: Other names that hold a plain number, with the seconds one unit is worth.
        deprecated: Former names; still read, with a warning.
    """

    name: str
    kind: Kind
    default: Any
    help: str
    unit: str = ""
    minimum: float | None = None
    maximum: float | None = None
    choices: tuple[str, ...] = ()
    flag: str = ""
    env_aliases: tuple[str, ...] = ()
    numbers: tuple[tuple[str, float], ...] = ()
    deprecated: tuple[str, ...] = ()

    @property
    def env(self) -> str:
        """Environment variable, for example ``GRIDTIDE_CACHE_TTL``."""
        return ENV_PREFIX + re.sub(r"[^A-Z0-9]", "_", self.name.upper())

    @property
    def allowed(self) -> str:
        """What a value may be, in words."""
        words = {
            Kind.NUMBER: "a number",
            Kind.INTEGER: "a whole number",
            Kind.FLAG: "true or false",
            Kind.DURATION: "a duration like 300s or 2h",
            Kind.CHOICE: ", ".join(self.choices),
            Kind.LIST: "a list of texts",
            Kind.NUMBERS: "a table of numbers",
            Kind.TEXTS: "a table of texts",
            Kind.OPTIONS: "a table of texts, numbers, true, false and tables of them",
            Kind.URL: "an https address",
            Kind.TIMEZONE: "an IANA time zone like Europe/Berlin, or UTC",
        }.get(self.kind, "text")
        if self.minimum is None and self.maximum is None:
            return words
        low = "" if self.minimum is None else f" from {self._bound(self.minimum)}"
        high = "" if self.maximum is None else f" to {self._bound(self.maximum)}"
        return f"{words}{low}{high}{' ' + self.unit if self.unit else ''}"

    @property
    def shown_default(self) -> str:
        """Default in words, empty where nothing is set."""
        if isinstance(self.default, timedelta):
            return format_duration(self.default)
        if isinstance(self.default, bool):
            return str(self.default).lower()
        if isinstance(self.default, int | float):
            return f"{self.default:g}"
        return str(self.default) if isinstance(self.default, str) else ""

    def _bound(self, value: float) -> str:
        return format_duration(timedelta(seconds=value)) if self.kind is Kind.DURATION else f"{value:.15g}"


def setting(default: Any, kind: Kind, text: str, **facts: Any) -> Any:
    """Declare a setting as a dataclass field; *facts* are the rest of a `Row`."""
    metadata = {_ROW: {"kind": kind, "help": text, **facts}}
    if isinstance(default, Mapping):
        return dataclasses.field(default_factory=lambda: default, metadata=metadata)
    return dataclasses.field(default=default, metadata=metadata)


def rows_of(section: type, prefix: str = "") -> Iterator[Row]:
    """Every setting declared in *section* and in the sections inside it, in order."""
    for field in dataclasses.fields(section):
        if _ROW in field.metadata:
            facts = dict(field.metadata[_ROW])
            numbers = tuple((prefix + name, worth) for name, worth in facts.pop("numbers", ()))
            default = field.default if field.default_factory is dataclasses.MISSING else field.default_factory()
            yield Row(name=prefix + field.name, default=default, numbers=numbers, **facts)
        elif (inner := section_of(field)) is not None:
            yield from rows_of(inner, f"{prefix}{field.name}.")


def section_of(field: dataclasses.Field[Any]) -> type | None:
    """Dataclass of settings that *field* holds, or None when it is no section."""
    factory: Any = field.default_factory
    return factory if isinstance(factory, type) and dataclasses.is_dataclass(factory) else None


def snake(name: str) -> str:
    """``dataTransferLimitGB`` and ``data-transfer-limit-gb`` as ``data_transfer_limit_gb``."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name.strip())
    return spaced.replace("-", "_").lower()

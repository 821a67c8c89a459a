"""
Putting settings together: defaults, then files, then environment, then flags; the last one to speak counts.

Every value remembers where it came from. Names are taken in snake_case, camelCase or with dashes; a name that does not
exist is refused with the nearest one that does.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from gridtide.config import checks, settings, values
from gridtide.config.document import Written, read_document
from gridtide.config.places import CONFIG_VARIABLE, ConfigFile
from gridtide.config.table import ENV_PREFIX, Kind, Row, section_of, snake
from gridtide.domain.errors import ConfigurationError
from gridtide.domain.secret import Secret

__all__ = ["load_settings", "suggestion"]

_RESERVED: Final = frozenset({CONFIG_VARIABLE, "GRIDTIDE_DEBUG", "GRIDTIDE_FAILPOINT", "GRIDTIDE_SHARED"})
_IGNORED: Final = frozenset({"$schema"})
_REFERENCE: Final = re.compile(r"\$(\$\{|\{([A-Za-z_][A-Za-z0-9_]*)\})")


@dataclass(frozen=True, slots=True)
class _Entry:
    """One accepted name: its row, what a plain number under it is worth in seconds, and whether it is outdated."""

    row: Row
    worth: float | None = None
    outdated: bool = False


class _Loader:
    """Collects raw values by setting; later layers replace earlier ones."""

    def __init__(self, env: Mapping[str, str]) -> None:
        self.env = env
        self.values: dict[str, Any] = {}
        self.origins: dict[str, str] = {}
        self.facts: dict[str, checks.Source] = {}
        self.warnings: list[str] = []
        self.rows = {row.name: row for row in settings.rows()}
        self.entries = _entries(self.rows.values())
        self.sections = sorted({name[:i] for name in self.entries for i, c in enumerate(name) if c == "."})

    # -- layers ----------------------------------------------------------------------------------------------------

    def add_document(self, tree: Mapping[str, Any], origin: str, source: checks.Source) -> None:
        """Take every setting of a parsed file or dictionary."""
        seen: dict[str, str] = {}
        for name, key, raw in self._walk(tree, "", origin):
            entry = self.entries[name]
            if entry.row.name in seen:
                raise ConfigurationError(
                    f"{entry.row.name} stands twice in {origin}: as {seen[entry.row.name]} and as {key}",
                    hint="keep one of them",
                    field=entry.row.name,
                )
            seen[entry.row.name] = key
            if raw is None:
                continue
            expanded = self._expand(raw, entry.row, origin)
            self._set(entry, name, expanded, origin, source.with_inline(expanded == raw))

    def add_environment(self) -> None:
        """Take other tools' names first, then our own."""
        for row in self.rows.values():
            for alias in row.env_aliases:
                if self.env.get(alias):
                    self._set(_Entry(row), row.name, Written(self.env[alias]), f"environment {alias}", checks.Source())
                    break
        names = {
            re.sub(r"[^A-Z0-9]", "_", (ENV_PREFIX + name).upper()): (name, entry)
            for name, entry in self.entries.items()
        }
        for variable in sorted(self.env):
            if not variable.startswith(ENV_PREFIX) or variable in _RESERVED:
                continue
            found = names.get(variable.replace("__", "_"))
            if found is None:
                hint = suggestion(variable, names)
                raise ConfigurationError(
                    f"unknown setting {variable[:60]} (environment)", hint=hint or _LIST_HINT, field=variable[:60]
                )
            if self.env[variable]:
                name, entry = found
                self._set(entry, name, Written(self.env[variable]), f"environment {variable}", checks.Source())

    def add_overrides(self, overrides: Mapping[str, Any]) -> None:
        """Take flags, by dotted name; None means that the flag was not given."""
        for name, raw in overrides.items():
            row = self.rows[name]
            if raw is not None:
                shown = f"flag {row.flag}" if row.flag else "argument"
                text = Written(raw) if isinstance(raw, str) else raw
                self._set(_Entry(row), name, text, shown, checks.Source())

    # -- one value -------------------------------------------------------------------------------------------------

    def _set(self, entry: _Entry, name: str, raw: Any, origin: str, source: checks.Source) -> None:
        row = entry.row
        if entry.outdated:
            self.warnings.append(f"{name} is the former name of {row.name}; rename it ({origin})")
        if entry.worth is not None:
            raw = _as_duration(row, name, raw, entry.worth, origin)
        value = values.convert(row, raw, origin=origin)
        if isinstance(value, Secret) and value.trimmed:
            self.warnings.append(f"{row.name} had quotes, blanks or a 'Bearer' prefix; they were taken off ({origin})")
        self.values[row.name], self.origins[row.name], self.facts[row.name] = value, origin, source

    def _walk(self, tree: Mapping[str, Any], prefix: str, origin: str) -> Iterable[tuple[str, str, Any]]:
        """Name, last part as it was written, and value of every setting in *tree*."""
        for key, raw in tree.items():
            name = prefix + snake(str(key))
            if not prefix and key in _IGNORED:
                continue
            if name in self.entries:
                yield name, str(key), raw
            elif name in self.sections:
                if raw is not None and not isinstance(raw, Mapping):
                    inside = ", ".join(sorted(e.rsplit(".", 1)[1] for e in self.entries if e.startswith(f"{name}.")))
                    raise ConfigurationError(
                        f"{name} is {str(raw)[:40]!r}; allowed: a table with {inside} ({origin})", field=name
                    )
                yield from self._walk(raw or {}, f"{name}.", origin)
            else:
                raise ConfigurationError(
                    f"unknown setting {(prefix + str(key))[:60]!r} ({origin})",
                    hint=suggestion(name, [*self.sections, *self.entries]) or _LIST_HINT,
                    field=name[:60],
                )

    def _expand(self, raw: Any, row: Row, origin: str) -> Any:
        """Put in ``${NAME}`` from the environment, once: what is put in is not looked at again."""
        if isinstance(raw, str):
            text = _REFERENCE.sub(lambda match: self._reference(match, row, origin), raw)
            return raw if text == raw else (Written(text) if isinstance(raw, Written) else text)
        if isinstance(raw, list):
            return [self._expand(item, row, origin) for item in raw]
        if isinstance(raw, Mapping):
            return {name: self._expand(item, row, origin) for name, item in raw.items()}
        return raw

    def _reference(self, match: re.Match[str], row: Row, origin: str) -> str:
        if match[2] is None:
            return "${"
        if match[2] not in self.env:
            raise ConfigurationError(
                f"{row.name} refers to ${{{match[2]}}}, which is not set in the environment ({origin})",
                hint=f"export {match[2]}=..., or write $${{{match[2]}}} for the text itself",
                field=row.name,
            )
        return self.env[match[2]]

    # -- the result ------------------------------------------------------------------------------------------------

    def build(self) -> settings.Settings:
        """Put the values into the frozen tree."""
        providers = {
            name: _section(settings.ProviderSettings, f"providers.{name}.", self.values)
            for name in settings.PROVIDERS
            if any(key.startswith(f"providers.{name}.") for key in self.values)
        }
        built = _section(settings.Settings, "", self.values)
        facts = {"providers": MappingProxyType(providers), "origins": MappingProxyType(dict(self.origins))}
        return settings.Settings(
            **{f.name: facts.get(f.name, getattr(built, f.name)) for f in fields(settings.Settings)}
            | {"warnings": tuple(self.warnings)}
        )


_LIST_HINT: Final = "`gridtide config show` lists every setting"


def load_settings(
    files: Iterable[Path | ConfigFile] = (),
    env: Mapping[str, str] | None = None,
    overrides: Mapping[str, Any] | None = None,
    *,
    document: Mapping[str, Any] | None = None,
    strict: bool = False,
) -> settings.Settings:
    """
    Read settings; nothing outside the arguments is looked at except the named files.

    Args:
        files: Configuration files, weakest first.
        env: Environment variables.
        overrides: Values of flags by dotted name, None for a flag that was not given.
        document: A dictionary in the shape of a file, from a caller: stronger than files and environment.
        strict: Refuse what otherwise is a warning about secrets.

    Raises:
        ConfigurationError: A file, name or value cannot be used; the message says where it stands.
    """
    loader = _Loader(env or {})
    for entry in files:
        file = entry if isinstance(entry, ConfigFile) else ConfigFile(entry)
        source = checks.Source(path=file.path, chosen=file.chosen)
        loader.add_document(read_document(file.path), f"file {file.path}", source)
    loader.add_environment()
    if document is not None:
        loader.add_document(document, "argument", checks.Source())
    loader.add_overrides(overrides or {})
    built = loader.build()
    warnings = checks.check(built, loader.rows, loader.facts, strict=strict)
    everything = (*built.warnings, *warnings)
    return settings.Settings(**{f.name: getattr(built, f.name) for f in fields(built)} | {"warnings": everything})


def suggestion(name: str, known: Iterable[str]) -> str | None:
    """Say which of *known* was probably meant: the same last part elsewhere, else the nearest spelling."""
    names = list(known)
    leaf = name.rsplit(".", 1)[-1]
    elsewhere = [other for other in names if other.rsplit(".", 1)[-1] == leaf]
    near = elsewhere[:1] or difflib.get_close_matches(name, names, n=1, cutoff=0.6)
    near = near or [
        other for other in names if difflib.get_close_matches(leaf, [other.rsplit(".", 1)[-1]], n=1, cutoff=0.8)
    ]
    return f"did you mean {near[0]}?" if near else None


def _entries(rows: Iterable[Row]) -> dict[str, _Entry]:
    entries: dict[str, _Entry] = {}
    for row in rows:
        entries[".".join(snake(part) for part in row.name.split("."))] = _Entry(row)
        entries.update({name: _Entry(row, worth=worth) for name, worth in row.numbers})
        entries.update({name: _Entry(row, outdated=True) for name in row.deprecated})
    return entries


def _as_duration(row: Row, name: str, raw: Any, worth: float, origin: str) -> str:
    """Plain number under a name that carries its unit, as a duration with its unit."""
    low = None if row.minimum is None else row.minimum / worth
    high = None if row.maximum is None else row.maximum / worth
    plain = Row(name=name, kind=Kind.NUMBER, default=None, help=row.help, minimum=low, maximum=high)
    return f"{values.convert(plain, raw, origin=origin) * worth:.6f}s"


def _section(section: type, prefix: str, found: Mapping[str, Any]) -> Any:
    chosen: dict[str, Any] = {}
    for field in fields(section):
        if (inner := section_of(field)) is not None:
            chosen[field.name] = _section(inner, f"{prefix}{field.name}.", found)
        elif prefix + field.name in found:
            chosen[field.name] = found[prefix + field.name]
    return section(**chosen)

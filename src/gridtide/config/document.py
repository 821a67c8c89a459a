"""
Reading one configuration file as text and as a tree of plain values.

TOML, YAML 1.2 and JSON come out alike: dictionaries, lists and leaves. A YAML leaf stays the text that was written
(`Written`), so ``zone: NO`` is Norway and ``22:00`` is a time; the table of settings decides what it means. Whatever
could surprise is refused: repeated keys, aliases, tags, deep nesting, other encodings, files without end.
"""

from __future__ import annotations

import json
import re
import stat
import tomllib
from pathlib import Path
from typing import Any, Final

from gridtide.config.yaml_text import Written, read_yaml
from gridtide.domain.errors import ConfigurationError
from gridtide.domain.secret import MASK

__all__ = ["LARGEST_FILE", "SUFFIXES", "Written", "parse_text", "read_document"]

SUFFIXES: Final = (".toml", ".yaml", ".yml", ".json")
LARGEST_FILE: Final = 256 * 1024
"""Largest configuration file that is read. [bytes]"""

_CREDENTIAL: Final = re.compile(r"(?i)(\b\w*(?:key|secret|token|passw|login|user|redis)\w*\W{0,2}\s*[=:]).*")
DEEPEST: Final = 32
"""Deepest nesting that is followed."""


def read_document(path: Path) -> dict[str, Any]:
    """
    Read a configuration file; an empty one is an empty tree.

    Raises:
        ConfigurationError: Not there, not a regular file, too large, not UTF-8, or not what its suffix says; the
            message names the file and, where there is one, the line and column.
    """
    return parse_text(_text_of(path), suffix=path.suffix.lower(), name=str(path))


def parse_text(text: str, *, suffix: str, name: str) -> dict[str, Any]:
    """Turn the text of a ``.toml``, ``.yaml`` or ``.json`` file into a tree; *name* is used in messages."""
    if suffix not in SUFFIXES:
        raise ConfigurationError(
            f"{name} has the suffix {suffix!r}; allowed: {', '.join(SUFFIXES)}", hint="rename the file", file=name
        )
    if not text.strip():
        return {}
    tree = _PARSERS[suffix](text, name)
    if tree is None:
        return {}
    if not isinstance(tree, dict):
        raise ConfigurationError(f"{name} holds a {type(tree).__name__}; allowed: settings by name", file=name)
    _require_shallow(tree, name)
    return tree


def syntax_error(name: str, text: str, why: str, *, line: int, column: int) -> ConfigurationError:
    """
    Error that shows the line and a caret under the place; line and column count from 1.

    What follows a name that may hold a credential is left out.
    """
    lines = text.splitlines()
    shown = lines[line - 1].replace("\t", " ")[:100] if 0 < line <= len(lines) else ""
    shown = _CREDENTIAL.sub(rf"\1 {MASK}", shown)
    caret = " " * min(column - 1, 100) + "^"
    return ConfigurationError(
        f"{name}:{line}:{column}: {why}\n  {shown}\n  {caret}", file=name, line=line, column=column
    )


def _text_of(path: Path) -> str:
    try:
        facts = path.stat()
        if not stat.S_ISREG(facts.st_mode):
            what = "a directory" if stat.S_ISDIR(facts.st_mode) else "not a regular file"
            raise ConfigurationError(f"{path} is {what}", hint="name a .toml, .yaml or .json file", file=str(path))
        if facts.st_size > LARGEST_FILE:
            raise ConfigurationError(
                f"{path} has {facts.st_size} bytes; allowed: at most {LARGEST_FILE}", file=str(path)
            )
        raw = path.read_bytes()
    except OSError as error:
        raise ConfigurationError(
            f"{path} cannot be read: {error.strerror}", hint="`gridtide config init` writes one", file=str(path)
        ) from None
    return _decoded(raw, str(path))


def _decoded(raw: bytes, name: str) -> str:
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise ConfigurationError(f"{name} is UTF-16", hint="save it as UTF-8", file=name)
    if b"\x00" in raw:
        raise ConfigurationError(f"{name} holds a NUL byte: it is no text file", file=name)
    try:
        return raw.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        raise ConfigurationError(
            f"{name} is not UTF-8 at byte {error.start}", hint="save it as UTF-8", file=name
        ) from None


def _read_toml(text: str, name: str) -> Any:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        why, line, column = _toml_place(str(error), text)
        raise syntax_error(name, text, why, line=line, column=column) from None
    except RecursionError:
        raise _too_deep(name) from None
    except ValueError:
        raise _too_long(name) from None


def _toml_place(message: str, text: str) -> tuple[str, int, int]:
    why, _, place = message.partition(" (at ")
    words = place.rstrip(")").replace(",", "").split()
    if len(words) == 4 and words[0] == "line":  # line L column C
        return why, int(words[1]), int(words[3])
    lines = text.splitlines()
    return why, len(lines), len(lines[-1]) + 1


def _read_json(text: str, name: str) -> Any:
    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        seen: dict[str, Any] = {}
        for key, value in pairs:
            if key in seen:
                raise ConfigurationError(f"{name}: {key[:60]!r} stands twice", hint="keep one of them", file=name)
            seen[key] = value
        return seen

    def refuse(constant: str) -> Any:
        raise ConfigurationError(f"{name}: {constant} is not a number", file=name)

    try:
        return json.loads(text, object_pairs_hook=unique, parse_constant=refuse)
    except json.JSONDecodeError as error:
        raise syntax_error(name, text, error.msg, line=error.lineno, column=error.colno) from None
    except RecursionError:
        raise _too_deep(name) from None
    except ConfigurationError:
        raise
    except ValueError:
        raise _too_long(name) from None


def _read_yaml(text: str, name: str) -> Any:
    return read_yaml(text, name=name, deepest=DEEPEST, fail=syntax_error)


def _require_shallow(tree: Any, name: str) -> None:
    level = [tree]
    for _ in range(DEEPEST):
        level = [v for node in level for v in (node.values() if isinstance(node, dict) else node)]
        level = [v for v in level if isinstance(v, dict | list)]
        if not level:
            return
    raise _too_deep(name)


def _too_deep(name: str) -> ConfigurationError:
    return ConfigurationError(f"{name} is nested deeper than {DEEPEST} levels", file=name)


def _too_long(name: str) -> ConfigurationError:
    """Error for a whole number that Python refuses to read, to protect itself."""
    return ConfigurationError(f"{name} holds a number of thousands of digits", hint="write a shorter one", file=name)


_PARSERS: Final = {".toml": _read_toml, ".yaml": _read_yaml, ".yml": _read_yaml, ".json": _read_json}

"""
YAML 1.2 as a tree whose leaves are the text that was written.

Built from parser events rather than from loaded values, so that nothing is guessed (``NO``, ``1.10``, ``22:00``), no
tag can build an object and no alias can blow up; every refusal knows its line and column.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import islice
from typing import Any, Final

__all__ = ["Written", "read_yaml"]

_MOST_EVENTS: Final = 5_000
_BRACKET: Final = re.compile(r"[\[\]{}]")
_NULLS: Final = frozenset({"", "~", "null", "Null", "NULL"})


class Written(str):
    """Text without quotes: a number, a word, a time; the setting decides."""

    __slots__ = ()


class _Builder:
    """Puts the events of one document together; `fail` makes the error for an event."""

    def __init__(self, fail: Callable[[Any, str], Exception], deepest: int) -> None:
        self.root: Any = None
        self._fail = fail
        self._deepest = deepest
        self._open: list[tuple[Any, str | None]] = []
        self._documents = 0

    def take(self, event: Any) -> None:
        """Add one parser event to the tree."""
        kind = type(event).__name__
        if kind == "AliasEvent" or getattr(event, "anchor", None):
            raise self._fail(event, "aliases and anchors are not read: write the value out")
        if getattr(event, "tag", None):
            raise self._fail(event, "tags are not read: write a plain value")
        if kind == "DocumentStartEvent":
            self._documents += 1
            if self._documents > 1:
                raise self._fail(event, "a second document starts here: keep one")
        elif kind == "ScalarEvent":
            self._scalar(event)
        elif kind in {"MappingStartEvent", "SequenceStartEvent"}:
            if len(self._open) >= self._deepest:
                raise self._fail(event, f"it is nested deeper than {self._deepest} levels")
            node: Any = {} if kind == "MappingStartEvent" else []
            self._place(node, event)
            self._open.append((node, None))
        elif kind in {"MappingEndEvent", "SequenceEndEvent"}:
            self._open.pop()

    def _scalar(self, event: Any) -> None:
        if event.style is not None or self._expects_key():
            self._place(event.value, event)
        else:
            self._place(None if event.value in _NULLS else Written(event.value), event)

    def _expects_key(self) -> bool:
        return bool(self._open) and isinstance(self._open[-1][0], dict) and self._open[-1][1] is None

    def _place(self, value: Any, event: Any) -> None:
        if not self._open:
            self.root = value
            return
        parent, key = self._open[-1]
        if isinstance(parent, list):
            parent.append(value)
        elif key is None:
            if not isinstance(value, str):
                raise self._fail(event, "a key must be text")
            if value in parent:
                raise self._fail(event, f"{value[:60]!r} stands twice: keep one of them")
            self._open[-1] = (parent, value)
        else:
            parent[key] = value
            self._open[-1] = (parent, None)


def read_yaml(text: str, *, name: str, deepest: int, fail: Callable[..., Exception]) -> Any:
    """
    Read one YAML document.

    Args:
        text: The document.
        name: Of the file, for messages.
        deepest: Nesting that is still followed.
        fail: Makes the error from name, text, reason, line and column.
    """
    from ruamel.yaml import YAML  # noqa: PLC0415 - only needed for YAML files, and slow to import
    from ruamel.yaml.error import MarkedYAMLError, YAMLError  # noqa: PLC0415

    def at(event: Any, why: str) -> Exception:
        return fail(name, text, why, line=event.start_mark.line + 1, column=event.start_mark.column + 1)

    if (place := _bracket_beyond(text, deepest)) is not None:
        line, column = text.count("\n", 0, place) + 1, place - text.rfind("\n", 0, place)
        raise fail(name, text, f"it is nested deeper than {deepest} levels", line=line, column=column)
    builder = _Builder(at, deepest)
    try:
        events = iter(YAML(typ="safe", pure=True).parse(text))
        for event in islice(events, _MOST_EVENTS):
            builder.take(event)
        extra = next(events, None)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise fail(name, text, error.problem or str(error), line=mark.line + 1, column=mark.column + 1) from None
    except (YAMLError, RecursionError) as error:
        raise fail(name, text, str(error).splitlines()[0][:120], line=1, column=1) from None
    if extra is not None:
        raise at(extra, f"the file holds more than {_MOST_EVENTS} items")
    return builder.root


def _bracket_beyond(text: str, deepest: int) -> int | None:
    """Position of the first bracket that opens level *deepest* + 1; found before the parser spends time on it."""
    depth = 0
    for match in _BRACKET.finditer(text):
        depth += 1 if match[0] in "[{" else -1
        if depth > deepest:
            return match.start()
    return None

"""Tables as aligned text that fits a terminal: headers break at their underscores, wide tables go on below."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

__all__ = ["Column", "lines", "wrapped"]

Column: TypeAlias = tuple[str, list[str]]
"""Header and cells."""

_GAP = "  "
_LONGEST_WORD = 12


def wrapped(text: str, width: int) -> list[str]:
    """A sentence in lines of at most *width*; numbers and names stay whole."""
    return textwrap.wrap(text, width, break_long_words=False, break_on_hyphens=False) or [""]


def lines(keys: Sequence[Column], groups: Iterable[Sequence[Column]], *, width: int) -> Iterator[str]:
    """
    The table, in as many blocks as *width* asks for.

    Args:
        keys: Columns that name a row; they begin every block, to the left.
        groups: Columns that stay side by side, to the right.
        width: Of the terminal; a single group that is wider is not broken.
    """
    block, used = list[Column](), _width_of(keys)
    for group in groups:
        wide = len(_GAP) + _width_of(group)
        if block and used + wide > width:
            yield from _block(keys, block)
            yield ""
            block, used = [], _width_of(keys)
        block += group
        used += wide
    yield from _block(keys, block)


def _block(keys: Sequence[Column], block: Sequence[Column]) -> Iterator[str]:
    every = (*keys, *block)
    head = max(len(_broken(column)) for column in every)
    laid = [_laid(column, head, left=k < len(keys)) for k, column in enumerate(every)]
    for row in zip(*laid, strict=True):
        yield _GAP.join(row).rstrip()


def _laid(column: Column, head: int, *, left: bool) -> list[str]:
    """Header, filled up to *head* lines from above, and cells, all of one width."""
    header = _broken(column)
    texts = [*[""] * (head - len(header)), *header, *column[1]]
    width = max(len(text) for text in texts)
    return [text.ljust(width) if left else text.rjust(width) for text in texts]


def _width_of(columns: Sequence[Column]) -> int:
    widths = [max(len(text) for text in (*_broken(column), *column[1])) for column in columns]
    return sum(widths) + len(_GAP) * (len(widths) - 1)


def _halved(word: str) -> list[str]:
    """A word that would make a column of short cells wide, in two with a hyphen."""
    half = (len(word) + 1) // 2
    return [f"{word[:half]}-", word[half:]] if len(word) > _LONGEST_WORD else [word]


def _broken(column: Column) -> list[str]:
    """The header in lines no wider than the cells, as far as its underscores allow."""
    parts = [part + "_" for part in column[0].split("_")]
    parts[-1] = parts[-1][:-1]
    parts = [piece for part in parts for piece in _halved(part)]
    room = max(len(text) for text in (*parts, *column[1]))
    found = [parts[0]]
    for part in parts[1:]:
        if len(found[-1]) + len(part) <= room:
            found[-1] += part
        else:
            found.append(part)
    return found

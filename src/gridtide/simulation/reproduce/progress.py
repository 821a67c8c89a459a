"""How a long reproduction says how far it is."""

from __future__ import annotations

from typing import Protocol

__all__ = ["Progress", "silent"]


class Progress(Protocol):
    """Called before each part: parts finished, parts in all, and a word about the next one."""

    def __call__(self, done: int, total: int, word: str, /) -> None:
        """Take note."""


def silent(_done: int, _total: int, _word: str, /) -> None:
    """Nobody listens."""

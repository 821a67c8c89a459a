"""One SQLite file that several processes write to: short connections, whole transactions, errors of our own."""

from __future__ import annotations

import sqlite3
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from gridtide.domain.errors import JournalUnavailable

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["SharedFile"]

_BUSY_S: Final = 5.0


class SharedFile:
    """
    Tables in a file.

    Args:
        path: Of the file; created when missing, its folder is not.
        tables: Statements that create what is missing.
        what: Name of the file in messages.

    Raises:
        JournalUnavailable: The file cannot be opened or written.
    """

    def __init__(self, path: Path, tables: str, *, what: str) -> None:
        self._path = path
        self._what = what
        with self.reading() as db:
            db.executescript(tables)

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Connection without a transaction; raises `JournalUnavailable` for any fault of SQLite."""
        try:
            db = sqlite3.connect(self._path, timeout=_BUSY_S, isolation_level=None)
        except sqlite3.Error as error:
            raise JournalUnavailable(f"{self._what} {self._path} cannot be opened: {error}") from error
        try:
            db.execute("PRAGMA journal_mode = WAL")
            db.execute("PRAGMA synchronous = FULL")
            yield db
        except sqlite3.Error as error:
            raise JournalUnavailable(f"{self._what} {self._path} cannot be used: {error}") from error
        finally:
            db.close()

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """One transaction that excludes other writers; undone when the block raises."""
        with self.reading() as db:
            db.execute("BEGIN IMMEDIATE")
            try:
                yield db
            except BaseException:
                db.execute("ROLLBACK")
                raise
            db.execute("COMMIT")

"""
The open file behind the journal: transactions, reading, and going on without it.

Where nothing can be kept it works in memory and says so once in `Store.notices`. A write that fails later raises
`JournalUnavailable`, or, inside `Store.losing`, is counted and said once.
"""

from __future__ import annotations

import sqlite3
import threading
import weakref
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, Final, Self

from gridtide.domain.errors import JournalUnavailable
from gridtide.ledger import schema
from gridtide.ledger.owner import this_owner

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["KEPT", "Store"]

KEPT: Final = 50_000
"""Decisions and occurrences that are kept; older ones are dropped when the journal is opened (invariant I12)."""

_CLOSE_S: Final = 1.0
_TRIM: Final = (
    "DELETE FROM workloads WHERE rowid <= (SELECT max(rowid) FROM workloads) - ?",
    "DELETE FROM intents WHERE seq <= (SELECT max(seq) FROM intents) - ?",
    "DELETE FROM outcomes WHERE seq <= (SELECT max(seq) FROM outcomes) - ?",
    "DELETE FROM decisions WHERE seq <= (SELECT max(seq) FROM decisions) - ?",
)
_TRIM_SERIES: Final = (
    "DELETE FROM series WHERE NOT EXISTS (SELECT 1 FROM decisions WHERE instr(decisions.series, series.digest) > 0)"
)


class Store:
    """
    SQLite at *path*, or in memory when *path* is None or cannot be used.

    Args:
        path: Of the file; see `gridtide.ledger.location.state_file`.

    Attributes:
        notices: What the user should know about the records themselves, one sentence each; doors print them.
        in_memory: Whether they end with this process.
        dropped: Records that could not be written.
        owner: Name of this process in the records.
    """

    def __init__(self, path: Path | None) -> None:
        self.notices: list[str] = []
        self.dropped = 0
        self.owner = this_owner()
        self._lock = threading.RLock()
        self._connection = self._open(path)
        # Who forgets to close it, still lets go of the file; not at exit, where a hanging disk would hold the process.
        weakref.finalize(self, self._connection.close).atexit = False

    def _open(self, path: Path | None) -> sqlite3.Connection:
        self.in_memory = path is None
        if path is None:
            self.notices.append("there is no home folder, so records are kept in memory only and end with this command")
            return schema.connect_memory()
        try:
            connection, said = schema.connect(path)
        except JournalUnavailable as error:
            self.in_memory = True
            self.notices.append(f"{error.message}; records are kept in memory only and end with this command")
            return schema.connect_memory()
        self.notices.extend(said)
        _drop_oldest(connection)
        return connection

    def close(self) -> None:
        """Let go of the file, unless a call hangs in it."""
        if not self._lock.acquire(timeout=_CLOSE_S):
            return
        try:
            self._connection.close()
        finally:
            self._lock.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def read(self, query: str, *facts: object) -> list[tuple[Any, ...]]:
        """
        Rows of a query.

        Raises:
            JournalUnavailable: They cannot be read.
        """
        with self._lock:
            try:
                return self._connection.execute(query, facts).fetchall()
            except sqlite3.Error as error:
                raise JournalUnavailable(f"the journal cannot be read: {error}") from error

    @contextmanager
    def writing(self, *, durable: bool = False) -> Iterator[sqlite3.Connection]:
        """
        One transaction; a *durable* one is on the disk when it ends.

        Raises:
            JournalUnavailable: It cannot be written.
        """
        with self._lock:
            db = self._connection
            try:
                db.execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
                db.execute("BEGIN IMMEDIATE")
                yield db
                db.execute("COMMIT")
            except sqlite3.IntegrityError:
                raise
            except sqlite3.Error as error:
                raise JournalUnavailable(f"the journal cannot be written: {error}") from error
            finally:
                with suppress(sqlite3.Error):
                    if db.in_transaction:
                        db.execute("ROLLBACK")

    @contextmanager
    def losing(self, what: str) -> Iterator[None]:
        """Go on without a record that cannot be written, and say so once."""
        try:
            yield
        except JournalUnavailable as error:
            self.dropped += 1
            if self.dropped == 1:
                self.notices.append(f"{what} was not recorded: {error.message}; work goes on without records")


def _drop_oldest(connection: sqlite3.Connection) -> None:
    """Keep the file bounded; one that cannot be trimmed is used as it is."""
    with suppress(sqlite3.OperationalError):
        gone = [connection.execute(statement, (KEPT,)).rowcount for statement in _TRIM][-1]
        if gone:
            connection.execute(_TRIM_SERIES)

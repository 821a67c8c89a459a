"""
Tables of the journal, and opening a file that may be missing, locked, corrupt or from another version.

The schema only grows: a newer file says from which version on it can be read, so that a roll-back finds its data.
A file that fails SQLite's own check is put aside under a new name, never deleted, and a clean one is begun.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Final

from gridtide.domain.errors import JournalUnavailable
from gridtide.ledger.location import claim

__all__ = ["BUSY_S", "SCHEMA", "connect", "connect_memory"]

SCHEMA: Final = 1
"""Version of the tables below."""

READABLE_FROM: Final = 1
"""Oldest version that can work with what this one writes."""

BUSY_S: Final = 2.0
"""How long to wait for another process's write; below the five seconds a release may be late. [s]"""

_APPLICATION_ID: Final = 0x67726964

_TABLES: Final = """
CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS workloads (
    workload TEXT NOT NULL, occurrence TEXT NOT NULL, accepted_at TEXT NOT NULL, owner TEXT NOT NULL,
    PRIMARY KEY (workload, occurrence)
) STRICT;
CREATE TABLE IF NOT EXISTS series (digest TEXT PRIMARY KEY, body BLOB NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS decisions (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE,
    workload TEXT NOT NULL, occurrence TEXT NOT NULL, decided_at TEXT NOT NULL,
    action TEXT NOT NULL, reason TEXT NOT NULL, question TEXT NOT NULL, decision TEXT NOT NULL, series TEXT
) STRICT;
CREATE INDEX IF NOT EXISTS decisions_of ON decisions (workload, occurrence, seq);
CREATE INDEX IF NOT EXISTS decisions_by_time ON decisions (decided_at);
CREATE TABLE IF NOT EXISTS intents (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    workload TEXT NOT NULL, occurrence TEXT NOT NULL, epoch INTEGER NOT NULL, verb TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('intent', 'started', 'finished', 'failed', 'lost')),
    owner TEXT NOT NULL, ref TEXT NOT NULL DEFAULT '', intended_at TEXT NOT NULL,
    started_at TEXT, ended_at TEXT, detail TEXT NOT NULL DEFAULT '',
    UNIQUE (workload, occurrence, epoch, verb)
) STRICT;
CREATE UNIQUE INDEX IF NOT EXISTS one_start ON intents (workload, occurrence)
    WHERE verb = 'start' AND state <> 'failed';
CREATE TABLE IF NOT EXISTS outcomes (
    workload TEXT NOT NULL, occurrence TEXT NOT NULL, ended_at TEXT NOT NULL, ending TEXT NOT NULL, exit_code INTEGER,
    body TEXT NOT NULL, seq INTEGER NOT NULL,
    PRIMARY KEY (workload, occurrence)
) STRICT;
CREATE INDEX IF NOT EXISTS outcomes_by_time ON outcomes (seq);
"""


def connect(path: Path) -> tuple[sqlite3.Connection, tuple[str, ...]]:
    """
    Open the journal at *path*, creating or replacing it where needed.

    Args:
        path: Of the file.

    Returns:
        The connection, and what the user should know about it.

    Raises:
        JournalUnavailable: The file cannot be had, is locked, or was written by a version this one cannot read.
    """
    claim(path)
    try:
        return _open(path), ()
    except sqlite3.OperationalError as error:
        raise JournalUnavailable(f"journal {path} cannot be used: {error}") from error
    except sqlite3.DatabaseError as error:
        aside = _set_aside(path)
        claim(path)
        try:
            connection = _open(path)
        except sqlite3.Error as again:
            raise JournalUnavailable(f"journal {path} cannot be replaced: {again}") from again
        return connection, (f"the journal was damaged ({error}); it was set aside as {aside} and a new one begun",)


def connect_memory() -> sqlite3.Connection:
    """A journal that ends with the process."""
    connection = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
    connection.executescript(_TABLES)
    return connection


def _open(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=BUSY_S, isolation_level=None, check_same_thread=False)
    try:
        (verdict,) = connection.execute("PRAGMA quick_check(1)").fetchone()
        if verdict != "ok":
            raise sqlite3.DatabaseError(verdict)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        _require_readable(connection, path)
        with connection:
            connection.execute("BEGIN IMMEDIATE")
            for statement in _TABLES.split(";\n"):
                connection.execute(statement)
            connection.execute(f"PRAGMA application_id = {_APPLICATION_ID}")
            (found,) = connection.execute("PRAGMA user_version").fetchone()
            if found < SCHEMA:
                connection.execute(f"PRAGMA user_version = {SCHEMA}")
                connection.execute("INSERT OR REPLACE INTO meta VALUES ('readable_from', ?)", (str(READABLE_FROM),))
    except BaseException:
        connection.close()
        raise
    return connection


def _require_readable(connection: sqlite3.Connection, path: Path) -> None:
    (found,) = connection.execute("PRAGMA user_version").fetchone()
    if found <= SCHEMA:
        return
    row = connection.execute("SELECT value FROM meta WHERE name = 'readable_from'").fetchone()
    if row is None or int(row[0]) > SCHEMA:
        raise JournalUnavailable(
            f"journal {path} was written by a newer version (schema {found}, this one knows {SCHEMA})",
            hint="use the newer version, or set XDG_STATE_HOME to another folder",
        )


def _set_aside(path: Path) -> Path:
    """Rename a damaged file and what belongs to it; the name says when it was last written."""
    aside = path.with_name(f"{path.name}.damaged-{path.stat().st_mtime_ns}")
    for ending in ("", "-wal", "-shm"):
        part = path.with_name(path.name + ending)
        try:
            part.rename(aside.with_name(aside.name + ending))
        except FileNotFoundError:
            continue
        except OSError as error:
            raise JournalUnavailable(f"the damaged journal {part} cannot be set aside: {error.strerror}") from error
    return aside

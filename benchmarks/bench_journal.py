"""
How many effects a second the journal claims on the disk, beside plain SQLite transactions of the same row.

    python benchmarks/bench_journal.py [--folder DIR] [--count N] [--json]

An intent is on the disk before the effect happens, so each is a transaction of its own that waits for the disk. The
plain ones do the same with Python's ``sqlite3`` and nothing around it: what the disk and the interpreter allow.
Durable writes wait, so times are of the clock here, with processor time beside them. The disk is that of ``--folder``.
"""

from __future__ import annotations

import argparse
import sqlite3
import statistics
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

import timing

from gridtide.domain.effect import EffectKey, Receipt, Verb
from gridtide.domain.instants import isoformat
from gridtide.ledger.journal import Journal

AT = datetime(2026, 1, 1, tzinfo=UTC)
ROUNDS = 9


def plain(path: Path, count: int, *, durable: bool):
    """One row of nine columns with a unique key per transaction."""
    db = sqlite3.connect(path, isolation_level=None)
    db.execute("PRAGMA journal_mode = WAL")
    db.execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
    db.execute("CREATE TABLE t (seq INTEGER PRIMARY KEY, w, o, e, v, state, owner, at, UNIQUE (w, o, e, v))")

    def write(first: int) -> None:
        for k in range(first, first + count):
            db.execute("BEGIN IMMEDIATE")
            db.execute(
                "INSERT INTO t (w, o, e, v, state, owner, at) VALUES (?, ?, 0, 'start', 'intent', 'me', ?)",
                ("job", str(k), isoformat(AT)),
            )
            db.execute("COMMIT")

    return write, db.close, lambda: db.execute("SELECT count(*) FROM t").fetchone()[0]


def intents(path: Path, count: int, *, whole: bool):
    """One durable intent per occurrence; *whole* goes on to started and finished, each durable too."""
    journal = Journal(path)
    known = []

    def write(first: int) -> None:
        for k in range(first, first + count):
            key = EffectKey("job", str(k), 0, Verb.START)
            journal.intend(key, at=AT)
            known.append(key)
            if whole:
                journal.started(key, Receipt(ref=str(k), at=AT))
                journal.finished(key, at=AT)

    return write, journal.close, lambda: sum(len(journal.intents("job", key.occurrence)) for key in known)


def rates(made: dict[str, tuple[int, tuple]], count: int) -> list[dict[str, object]]:
    """Median of a few rounds, taken in turns since a disk has its moods; every row must be there afterwards."""
    taken = {name: [] for name in made}
    for turn in range(ROUNDS):
        for name, (_, (write, _, _)) in made.items():
            begin, cpu = time.perf_counter(), time.process_time()
            write(turn * count)
            taken[name].append((time.perf_counter() - begin, time.process_time() - cpu))
    lines = []
    for name, (per, (_, close, rows)) in made.items():
        assert rows() == ROUNDS * count, "every row is there"
        close()
        wall, cpu = (statistics.median(times) for times in zip(*taken[name], strict=True))
        line = {"what": name, "a second": count / wall, "transactions a second": per * count / wall}
        lines.append(line | {"us of processor each": 1e6 * cpu / count})
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.strip().splitlines()[0])
    parser.add_argument("--folder", type=Path, metavar="DIR", help="on the disk to be measured; a temporary one if not")
    parser.add_argument("--count", type=int, default=500, metavar="N", help="in each of nine rounds")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args()
    count = options.count
    with tempfile.TemporaryDirectory(dir=options.folder) as scratch:
        at = Path(scratch)
        made = {
            "journal, durable intent": (1, intents(at / "a.db", count, whole=False)),
            "plain sqlite3, durable": (1, plain(at / "b.db", count, durable=True)),
            "plain sqlite3, not durable": (1, plain(at / "c.db", count, durable=False)),
            "journal, intent to finished": (3, intents(at / "d.db", count, whole=True)),
        }
        rows = rates(made, count)
    share = rows[0]["a second"] / rows[1]["a second"]
    note = f"The journal reaches {100 * share:.0f} % of what plain durable transactions do here."
    timing.show("bench-journal", rows, as_json=options.json, notes=(note,))


if __name__ == "__main__":
    main()

"""
Forecasts as they were issued, kept so that they can be judged by what came true.

A forecast that is overwritten by its successor can never be measured, and a backtest on corrected forecasts is
flattering. Each issue is kept once, thinned to one an hour, for sixty days.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from gridtide.domain.instants import isoformat, to_ns
from gridtide.ledger.codec import pack_series, unpack_series
from gridtide.ledger.shared_file import SharedFile

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from gridtide.domain.series import Series
    from gridtide.domain.signal import Signal

__all__ = ["KEPT_FOR", "ForecastArchive"]

KEPT_FOR: Final = timedelta(days=60)
_THINNED_TO: Final = timedelta(hours=1)
_TABLES: Final = """
CREATE TABLE IF NOT EXISTS forecasts (
    provider TEXT NOT NULL, zone TEXT NOT NULL, kind TEXT NOT NULL, scope TEXT NOT NULL,
    issued_at TEXT NOT NULL, issued_slot INTEGER NOT NULL, body BLOB NOT NULL,
    PRIMARY KEY (provider, zone, kind, scope, issued_slot)
) STRICT;
"""


class ForecastArchive:
    """
    Issued forecasts in one SQLite file.

    Args:
        path: Of the file.

    Raises:
        JournalUnavailable: It cannot be opened or written.
    """

    def __init__(self, path: Path) -> None:
        self._file = SharedFile(path, _TABLES, what="forecast archive")

    def keep(self, forecast: Series) -> bool:
        """
        Keep a forecast under its `signal.issued_at`; one without is not kept.

        Returns:
            Whether it was new: the first of its hour.
        """
        signal = forecast.signal
        if signal.issued_at is None or not forecast:
            return False
        slot = to_ns(signal.issued_at) // (_THINNED_TO // timedelta(microseconds=1) * 1000)
        with self._file.writing() as db:
            done = db.execute(
                "INSERT OR IGNORE INTO forecasts VALUES (?, ?, ?, ?, ?, ?, ?)",
                (*_whose(signal), isoformat(signal.issued_at), slot, pack_series(forecast)),
            )
            return done.rowcount == 1

    def issued(self, signal: Signal, *, since: datetime, until: datetime) -> tuple[Series, ...]:
        """Forecasts of the same provider, zone, kind and scope issued from *since* to before *until*, oldest first."""
        with self._file.reading() as db:
            rows = db.execute(
                "SELECT body FROM forecasts WHERE provider = ? AND zone = ? AND kind = ? AND scope = ? "
                "AND issued_at >= ? AND issued_at < ? ORDER BY issued_at",
                (*_whose(signal), isoformat(since), isoformat(until)),
            ).fetchall()
        return tuple(unpack_series(body) for (body,) in rows)

    def prune(self, *, now: datetime) -> int:
        """Drop what is older than `KEPT_FOR`; returns how many."""
        with self._file.writing() as db:
            return db.execute("DELETE FROM forecasts WHERE issued_at < ?", (isoformat(now - KEPT_FOR),)).rowcount


def _whose(signal: Signal) -> tuple[str, str, str, str]:
    return signal.provider, signal.zone, str(signal.kind), str(signal.scope)

"""Ways in which published rows can be wrong; each takes rows and returns new ones."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from datetime import datetime, timedelta
    from random import Random

    from gridtide.testing.feed import Row

__all__ = ["doubled", "gapped", "merged", "overlapping", "scaled", "shifted", "shuffled", "until", "valued"]


def valued(rows: list[Row], value: object, at: int | None, share: float, luck: Random) -> list[Row]:
    """Rows whose published value is *value*: the one *at* an index, or a random *share*."""
    if at is not None:
        chosen = {at % len(rows)} if rows and -len(rows) <= at < len(rows) else set()
    else:
        chosen = {k for k in range(len(rows)) if luck.random() < share}
    return [_with_value(row, value) if k in chosen else row for k, row in enumerate(rows)]


def scaled(rows: list[Row], factor: float) -> list[Row]:
    """Rows with every value times *factor*."""

    def times(value: Any) -> Any:
        return None if value is None else value * factor

    return [replace(row, measured=times(row.measured), forecast=times(row.forecast)) for row in rows]


def until(rows: list[Row], newest: datetime) -> list[Row]:
    """Rows that end at *newest* or before."""
    return [row for row in rows if row.end <= newest]


def gapped(rows: list[Row], first: int, count: int) -> list[Row]:
    """Rows without *count* of them from index *first*."""
    return rows[:first] + rows[first + count :]


def doubled(rows: list[Row], share: float, luck: Random) -> list[Row]:
    """Rows with a random *share* of them sent twice in a row."""
    return [copy for row in rows for copy in ([row, row] if luck.random() < share else [row])]


def shuffled(rows: list[Row], luck: Random) -> list[Row]:
    """Rows in random order."""
    return luck.sample(rows, len(rows))


def overlapping(rows: list[Row]) -> list[Row]:
    """Rows of which every second one reaches over the next."""
    return [replace(row, end=row.end + (row.end - row.start)) if k % 2 else row for k, row in enumerate(rows)]


def shifted(rows: list[Row], by: timedelta) -> list[Row]:
    """Rows stamped later by *by*."""
    return [replace(row, start=row.start + by, end=row.end + by) for row in rows]


def merged(rows: list[Row], after: int, factor: int) -> list[Row]:
    """Rows of which those from index *after* on are joined, *factor* into one, with the first one's values."""
    joined = [replace(rows[k], end=rows[min(k + factor, len(rows)) - 1].end) for k in range(after, len(rows), factor)]
    return rows[:after] + joined


def _with_value(row: Row, value: object) -> Row:
    """The row with *value* wherever it showed one."""
    if value is None:
        return replace(row, measured=None, forecast=None)
    return replace(
        row,
        measured=None if row.measured is None else value,
        forecast=None if row.forecast is None else value,
    )

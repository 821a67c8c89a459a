"""
Comma-separated tables from users: one declared dialect, errors with row and column, bounded size.

UTF-8 with or without a byte order mark, a comma between cells, a point in numbers, one header line; gzip where the
name ends in ``.gz``. Nothing is guessed: another separator shows as a missing column.
"""

from __future__ import annotations

import csv
import gzip
import io
import zlib
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import numpy as np

from gridtide.domain.errors import MalformedFile

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

__all__ = ["Table", "read_table", "recorded_rows"]

_MAX_BYTES: Final = 1 << 30
_MOST: Final = 1 << 53
"""Largest count: beyond it floating point does not tell whole numbers apart."""
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Table:
    """
    Columns of text, as read.

    Attributes:
        path: Where it came from, for messages.
        columns: Cells by header, all of one length.
        lines: Where each row ends in the file, as an editor counts; without it row after row below the header.
    """

    path: Path
    columns: dict[str, list[str]]
    lines: tuple[int, ...] = ()

    def __len__(self) -> int:
        return len(next(iter(self.columns.values()), []))

    def text(self, column: str) -> list[str]:
        """Cells of one column; raises `MalformedFile` when there is no such column."""
        if column not in self.columns:
            have = ", ".join(self.columns)[:120]
            raise MalformedFile(
                f"{self.path.name} has no column {column!r}; it has {have}",
                hint="the separator is a comma; the first line names the columns",
                field=column,
            )
        return self.columns[column]

    def numbers(self, column: str, *, blank: bool = False) -> NDArray[np.float64]:
        """
        One column as numbers, shape (n_rows,).

        Args:
            column: Its header.
            blank: Whether an empty cell is a missing value (NaN) instead of an error.

        Raises:
            MalformedFile: A cell is empty, not a number or not finite; the message names row and column.
        """
        cells = self.text(column)
        try:
            values = np.array(cells, dtype=np.float64)
        except ValueError:
            values = np.array([_number_or_nan(cell) for cell in cells], dtype=np.float64)
        wrong = ~np.isfinite(values)
        if blank:
            wrong &= np.array([bool(cell.strip()) for cell in cells])
        bad = np.flatnonzero(wrong)
        if bad.size:
            raise self.bad_cell(int(bad[0]), column, "a finite number with a decimal point")
        return values

    def counts(self, column: str, *, least: int = 0) -> NDArray[np.int64]:
        """One column as whole numbers from *least* to `_MOST`, shape (n_rows,); raises `MalformedFile`."""
        values = self.numbers(column)
        bad = np.flatnonzero((values != np.floor(values)) | (values < least) | (values > _MOST))
        if bad.size:
            most = f" to {_MOST}" if values[bad[0]] > _MOST else ""
            raise self.bad_cell(int(bad[0]), column, f"a whole number from {least}{most}")
        return values.astype(np.int64)

    def wall_clock_seconds(self, column: str, *, any_order: bool = False) -> NDArray[np.int64]:
        """
        One column of ISO 8601 times as seconds since 1970-01-01 00:00 of the clock they were read on, shape (n_rows,).

        A time with an offset is converted to UTC; one without is the reading of the table's own clock.

        Args:
            column: Its header.
            any_order: Whether rows may stand in any order; each time may occur once all the same.

        Raises:
            MalformedFile: A cell is no time, or times do not ascend; the message names row and column.
        """
        seconds = np.empty(len(self), dtype=np.int64)
        for row, cell in enumerate(self.text(column)):
            try:
                instant = datetime.fromisoformat(cell.strip())
            except ValueError:
                raise self.bad_cell(row, column, "an ISO 8601 time") from None
            aware = instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant.astimezone(UTC)
            seconds[row] = (aware - _EPOCH).total_seconds()
        if any_order:
            order = np.argsort(seconds, kind="stable")
            again = order[1:][np.diff(seconds[order]) == 0]
            if again.size:
                raise self.bad_cell(int(again.min()), column, "a time that no row above has")
            return seconds
        backward = np.flatnonzero(np.diff(seconds) <= 0)
        if backward.size:
            raise self.bad_cell(int(backward[0]) + 1, column, "a time after the one in the row before")
        return seconds

    def line(self, row: int) -> int:
        """Line of the file on which *row* ends; *row* counts from zero below the header."""
        return self.lines[row] if self.lines else row + 2

    def bad_cell(self, row: int, column: str, allowed: str) -> MalformedFile:
        """Error for one cell; *row* counts from zero below the header, the message as an editor counts lines."""
        cell = self.columns[column][row]
        line = self.line(row)
        place = f"{self.path.name}:{line}:{list(self.columns).index(column) + 1}"
        return MalformedFile(
            f"{place} {column} is {cell[:40]!r}; allowed: {allowed}", path=self.path.name, line=line, column=column
        )


def read_table(path: Path, *, required: Sequence[str] = ()) -> Table:
    """
    Read a table and check its header.

    Args:
        path: ``.csv`` or ``.csv.gz``.
        required: Columns that must be there; others are kept too.

    Raises:
        MalformedFile: It cannot be read, or is not a table of the declared dialect; the message names the place.
    """
    reader = csv.reader(io.StringIO(_read_text(path), newline=""), strict=True)
    try:
        header = [name.strip() for name in next(reader, [])]
        lines, rows = [], []
        for row in reader:
            if row:
                lines.append(reader.line_num)
                rows.append(row)
    except csv.Error as error:
        raise MalformedFile(f"{path.name}:{reader.line_num} {error}", path=path.name, line=reader.line_num) from None
    if len(set(header)) != len(header):
        twice = next(name for name in header if header.count(name) > 1)
        raise MalformedFile(f"{path.name} has the column {twice[:40]!r} twice", path=path.name, line=1, column=twice)
    for number, row in zip(lines, rows, strict=True):
        if len(row) != len(header):
            raise MalformedFile(
                f"{path.name}:{number} has {len(row)} cells, the header {len(header)}",
                hint="comments and blank cells at the end are not part of the format",
                path=path.name,
                line=number,
            )
    columns = zip(*rows, strict=True) if rows else ([] for _ in header)
    table = Table(path, {name: list(cells) for name, cells in zip(header, columns, strict=True)}, tuple(lines))
    for name in required:
        table.text(name)
    return table


def recorded_rows(path: Path) -> list[dict[str, str]]:
    """Rows of a table of recorded results as text by header; none when the file is not there."""
    if not path.is_file():
        return []
    columns = read_table(path).columns
    return [dict(zip(columns, cells, strict=True)) for cells in zip(*columns.values(), strict=True)]


def _read_text(path: Path) -> str:
    try:
        raw = path.open("rb")
    except OSError as error:
        raise MalformedFile(f"cannot read {path}: {error.strerror}", path=str(path)) from None
    with raw, gzip.GzipFile(fileobj=raw) if path.suffix == ".gz" else raw as stream:
        try:
            content = stream.read(_MAX_BYTES + 1)
            if len(content) > _MAX_BYTES:
                raise MalformedFile(f"{path.name} is larger than {_MAX_BYTES} bytes", path=path.name)
            return content.decode("utf-8-sig")
        except (gzip.BadGzipFile, EOFError, zlib.error) as error:
            raise MalformedFile(f"{path.name} is no complete gzip file: {error}", path=path.name) from None
        except UnicodeDecodeError as error:
            line = content[: error.start].count(b"\n") + 1
            raise MalformedFile(f"{path.name}:{line} is not UTF-8", path=path.name, line=line) from None


def _number_or_nan(cell: str) -> float:
    try:
        return float(cell)
    except ValueError:
        return float("nan")

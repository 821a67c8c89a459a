"""Tables as files: CSV, Parquet or JSON, written whole or not at all."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Any

import polars as pl

from gridtide.domain.errors import InvalidInput
from gridtide.reporting.untrusted import csv_text

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from pathlib import Path

__all__ = ["TableFormat", "write_bytes", "write_table"]


class TableFormat(StrEnum):
    """File formats of a table; the name is also the ending."""

    CSV = "csv"
    PARQUET = "parquet"
    JSON = "json"


def write_table(stem: Path, columns: Mapping[str, Any], form: TableFormat, *, instants: Collection[str] = ()) -> Path:
    """
    Write a table; NaN becomes an empty cell, null or JSON null.

    Args:
        stem: Path without an ending.
        columns: Values by name, all of one length.
        form: Which format.
        instants: Columns of nanoseconds since 1970 UTC, written as times.

    Returns:
        The file.

    Raises:
        InvalidInput: The file cannot be written; the message says why.
    """
    frame = pl.DataFrame(dict(columns)).with_columns(
        *(
            pl.from_epoch(pl.col(name), time_unit="ns").dt.cast_time_unit("us").dt.replace_time_zone("UTC")
            for name in instants
        ),
    )
    frame = frame.with_columns(pl.col(pl.Float64, pl.Float32).fill_nan(None))
    path = stem.with_name(f"{stem.name}.{form}")
    draft = path.with_name(f".{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if form is TableFormat.PARQUET:
            frame.write_parquet(draft)
        elif form is TableFormat.JSON:
            _as_text(frame).write_json(draft)
        else:
            _as_text(_harmless(frame)).write_csv(draft)
        draft.replace(path)
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise InvalidInput(f"{path} cannot be written: {error.strerror or error}", field="out") from error
    return path


def write_bytes(path: Path, content: bytes) -> None:
    """
    Write a file whole or not at all.

    Raises:
        InvalidInput: It cannot be written; the message says why.
    """
    draft = path.with_name(f".{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        draft.write_bytes(content)
        draft.replace(path)
    except (OSError, ValueError) as error:
        if draft.is_file():
            draft.unlink()
        raise InvalidInput(
            f"{str(path)[:200]} cannot be written: {getattr(error, 'strerror', None) or error}", field="out"
        ) from error


def _as_text(frame: pl.DataFrame) -> pl.DataFrame:
    """Instants as ISO 8601 in UTC."""
    return frame.with_columns(pl.col(pl.Datetime).dt.strftime("%Y-%m-%dT%H:%M:%S%.fZ").str.replace(r"\.0+Z$", "Z"))


def _harmless(frame: pl.DataFrame) -> pl.DataFrame:
    """No text cell that a spreadsheet would run."""
    texts = [name for name, kind in frame.schema.items() if kind == pl.String]
    return frame.with_columns(
        pl.Series(name, [None if cell is None else csv_text(cell) for cell in frame[name]], dtype=pl.String)
        for name in texts
    )

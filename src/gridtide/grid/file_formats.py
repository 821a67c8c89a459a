"""The three file formats a series may come in; each hands its rows to `Samples` with the place they stand at."""

from __future__ import annotations

import codecs
import csv
import json
import math
import re
from datetime import UTC, datetime
from typing import IO, TYPE_CHECKING, Any, Final

from gridtide.grid.samples import MOST_ROWS, LocalClock, Samples, malformed

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["csv_cells", "read_csv", "read_json", "read_parquet", "text_lines"]

_NUMBER: Final = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?")
_LONGEST_LINE: Final = 64 * 1024
_SPAN: Final = ("start", "end", "value")
_POINT: Final = ("time", "value")
_LABELS: Final = frozenset({"quality"})
"""Columns of our own exports that are no values; nothing is said about them."""
_ALLOWED: Final = "a number with a decimal point, or blank for unknown"


def read_csv(name: str, stream: IO[bytes], samples: Samples, clock: LocalClock) -> list[str]:
    """Rows of a CSV file; returns warnings."""
    columns: dict[str, int] = {}
    width = blank = 0
    warnings: list[str] = []
    for row, text in enumerate(text_lines(name, stream), start=1):
        if not columns and (text.startswith("#") or not text.strip()):
            continue
        if not text.strip():
            blank = blank or row
            continue
        cells = csv_cells(name, row, text)
        if not columns:
            columns = _header(name, row, cells)
            width = len(cells)
            extra = sorted(set(columns) - set(_SPAN) - set(_POINT) - _LABELS)
            if extra:
                warnings.append(f"{name}:{row}: column(s) {', '.join(extra)[:80]} not used")
            continue
        if blank:
            raise malformed(f"{name}:{blank}:1", "the row is empty", hint="write the time and leave the value blank")
        if len(cells) != width:
            raise malformed(
                f"{name}:{row}:{min(len(cells), width) + 1}",
                f"the row has {len(cells)} cells, the header has {width}",
                hint="separate cells with one comma and write decimals with a point",
            )
        _add_text(f"{name}:{row}", cells, columns, samples, clock)
    if not columns:
        raise malformed(f"{name}:1:1", "there is no header", hint="the first line says time,value")
    return warnings


def read_json(name: str, raw: bytes, samples: Samples, clock: LocalClock) -> list[str]:
    """Points of a JSON file: a list of ``{time, value}``, or ``{"points": [{start, end, value}]}``."""
    try:
        tree = json.loads(raw.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise malformed(name, f"byte {error.start} is not UTF-8") from None
    except json.JSONDecodeError as error:
        raise malformed(f"{name}:{error.lineno}:{error.colno}", f"not JSON: {error.msg}") from None
    except (RecursionError, ValueError):
        raise malformed(name, "not usable JSON: nested too deeply, or a number of too many digits") from None
    points = tree.get("points") if isinstance(tree, dict) else tree
    if not isinstance(points, list):
        raise malformed(name, 'holds no list of points; allowed: [{"time", "value"}] or {"points": [...]}')
    for i, point in enumerate(points):
        where = f"{name}: points[{i}]"
        if not isinstance(point, dict):
            raise malformed(where, f"is {type(point).__name__}, not an object")
        keys = _SPAN if "start" in point else _POINT
        absent = [key for key in keys if key not in point]
        if absent:
            raise malformed(where, f"has no {absent[0]!r}; a gap is written as null")
        times = [_json_time(f"{where}.{key}", point[key], samples, clock) for key in keys[:-1]]
        samples.add(where, times[0], _json_value(f"{where}.value", point["value"]), *times[1:])
    return []


def read_parquet(name: str, stream: IO[bytes], samples: Samples, clock: LocalClock) -> list[str]:
    """Rows of a Parquet file with the columns of the CSV form; times as text or timestamps, nulls are gaps."""
    import polars as pl  # noqa: PLC0415 - slow to import, and only needed here

    try:
        lazy = pl.scan_parquet(stream)
        schema = lazy.collect_schema()
        columns = _SPAN if "start" in schema else _POINT
        absent = [column for column in columns if column not in schema]
        if absent:
            raise malformed(name, f"there is no column {absent[0]!r}; allowed: time,value or start,end,value")
        count = lazy.select(pl.len()).collect().item()
        if count > MOST_ROWS:
            raise malformed(name, f"{count} rows; allowed: at most {MOST_ROWS}")
        frame = lazy.select(columns).collect()
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError) as error:
        raise malformed(name, "is not a whole Parquet file", hint="write it again") from error
    if not frame["value"].dtype.is_numeric():
        raise malformed(name, f"column 'value' holds {frame['value'].dtype}, not numbers")
    for row, cells in enumerate(frame.iter_rows(), start=1):
        where = f"{name}:{row}"
        times = [_frame_time(where, cell, samples, clock) for cell in cells[:-1]]
        samples.add(where, times[0], math.nan if cells[-1] is None else float(cells[-1]), *times[1:])
    return []


def text_lines(name: str, stream: IO[bytes]) -> Iterable[str]:
    """Lines of a UTF-8 text file one by one, with or without a byte order mark, each of bounded length."""
    row = 0
    while raw := stream.readline(_LONGEST_LINE):
        row += 1
        if row == 1:
            if raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
                raise malformed(f"{name}:1:1", "the file is UTF-16", hint="save it as UTF-8")
            raw = raw.removeprefix(codecs.BOM_UTF8)
        if len(raw) == _LONGEST_LINE:
            raise malformed(f"{name}:{row}:1", f"the line is longer than {_LONGEST_LINE} bytes")
        try:
            text = raw.decode("utf-8")
        except UnicodeDecodeError as error:
            column = raw[: error.start].count(b",") + 1
            raise malformed(f"{name}:{row}:{column}", "not UTF-8 text", hint="save the whole file as UTF-8") from None
        if "\0" in text:
            raise malformed(f"{name}:{row}:1", "the line holds a NUL byte")
        yield text.rstrip("\r\n")


def csv_cells(name: str, row: int, text: str) -> list[str]:
    """Cells of one line; a quoted cell stays in its line."""
    if '"' not in text:
        return [cell.strip() for cell in text.split(",")]
    if text.count('"') % 2:
        raise malformed(f"{name}:{row}:1", "a quoted cell goes on in the next line; cells must stay in one line")
    try:
        return [cell.strip() for cell in next(csv.reader([text], strict=True))]
    except csv.Error as error:
        raise malformed(f"{name}:{row}:1", f"quotes do not match: {error}") from None


def _header(name: str, row: int, cells: list[str]) -> dict[str, int]:
    names = [cell.lower() for cell in cells]
    where = f"{name}:{row}"
    for column, label in enumerate(names):
        if label in names[:column]:
            raise malformed(f"{where}:{column + 1}", f"column {label[:40]!r} is there twice")
    columns = dict(zip(names, range(len(names)), strict=True))
    wanted = _SPAN if "start" in columns else _POINT
    absent = [label for label in wanted if label not in columns]
    if absent:
        other = next((sign for sign in (";", "\t", "|") if sign in cells[0]), None)
        hint = f"cells are separated by commas, not {other!r}" if other else "allowed: time,value or start,end,value"
        raise malformed(f"{where}:1", f"the header has no column {absent[0]!r}", hint=hint)
    return columns


def _add_text(row: str, cells: list[str], columns: dict[str, int], samples: Samples, clock: LocalClock) -> None:
    previous = samples.last_start_ns
    first = columns["start"] if "start" in columns else columns["time"]
    start_ns = clock.instant_ns(f"{row}:{first + 1}", cells[first], previous)
    column = columns["value"]
    where = f"{row}:{column + 1}"
    text = cells[column]
    if not text or text.lower() == "nan":
        value = math.nan
    elif _NUMBER.fullmatch(text):
        value = float(text)
    else:
        raise malformed(where, f"value {text[:40]!r} is no number; allowed: {_ALLOWED}")
    if "start" in columns:
        end = columns["end"]
        samples.add(where, start_ns, value, clock.instant_ns(f"{row}:{end + 1}", cells[end], start_ns))
    else:
        samples.add(where, start_ns, value)


def _json_time(where: str, value: object, samples: Samples, clock: LocalClock) -> int:
    if not isinstance(value, str):
        raise malformed(where, f"is {str(value)[:40]!r}, not a text in ISO 8601")
    return clock.instant_ns(where, value.strip(), samples.last_start_ns)


def _json_value(where: str, value: object) -> float:
    if value is None:
        return math.nan
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise malformed(where, f"is {str(value)[:40]!r}; allowed: a number, or null for unknown")
    try:
        return float(value)
    except OverflowError:
        return math.inf


def _frame_time(where: str, cell: Any, samples: Samples, clock: LocalClock) -> int:
    if isinstance(cell, str):
        return clock.instant_ns(where, cell.strip(), samples.last_start_ns)
    if isinstance(cell, datetime):
        aware = cell if cell.tzinfo is None else cell.astimezone(UTC)
        return clock.from_wall(where, aware, samples.last_start_ns)
    raise malformed(where, f"time is {str(cell)[:40]!r}; allowed: a timestamp or a text in ISO 8601")

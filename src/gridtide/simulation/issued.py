"""
Recorded forecasts from a file, each to be known from its issue on.

CSV with the header ``issued,start,end,value``: rows of one issue stand together and in order of time. Times carry an
offset, or the zone names its time zone; a blank value is a gap.
"""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Final

import numpy as np

from gridtide.domain.errors import InvalidInput
from gridtide.domain.instants import from_ns
from gridtide.domain.series import Series
from gridtide.domain.signal import Quality
from gridtide.domain.units import carbon_intensity_factor
from gridtide.grid import files
from gridtide.grid.file_formats import csv_cells, text_lines
from gridtide.grid.samples import LocalClock, malformed

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from gridtide.domain.signal import Signal

__all__ = ["COLUMNS", "read_issued"]

COLUMNS: Final = ("issued", "start", "end", "value")
_NUMBER: Final = re.compile(r"(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?")

_Row = tuple[int, int, int, float]


def read_issued(path: Path, *, signal: Signal, unit: str, tz: str | None = None) -> list[Series]:
    """
    Forecasts of one zone, in the order of the file.

    Args:
        path: The CSV.
        signal: Labels of what comes true; the forecasts carry them with their own issue.
        unit: Of the values.
        tz: IANA time zone of times without an offset.

    Raises:
        MalformedFile: Not readable as declared; the message names row and column.
        NaiveDatetime: A time without offset, and no *tz*.
    """
    by_issue: dict[int, list[_Row]] = {}
    for row in _rows(path, LocalClock(tz), carbon_intensity_factor(unit)):
        by_issue.setdefault(row[0], []).append(row)
    if not by_issue:
        raise malformed(path.name, "no data rows")
    return [_series(path.name, signal, issued_ns, rows) for issued_ns, rows in by_issue.items()]


def _rows(path: Path, clock: LocalClock, factor: float) -> Iterator[_Row]:
    name, seen = path.name, False
    with files.open_regular(path, files.MOST_BYTES) as stream:
        for number, text in enumerate(text_lines(name, stream), start=1):
            if not text.strip() or (not seen and text.startswith("#")):
                continue
            cells = csv_cells(name, number, text)
            if not seen:
                seen = True
                if tuple(cell.lower() for cell in cells) != COLUMNS:
                    raise malformed(f"{name}:{number}:1", f"the header is not {','.join(COLUMNS)}")
                continue
            if len(cells) != len(COLUMNS):
                raise malformed(f"{name}:{number}", f"the row has {len(cells)} cells, the header has {len(COLUMNS)}")
            times = [clock.instant_ns(f"{name}:{number}:{k + 1}", cells[k], None) for k in range(3)]
            if cells[3] and not _NUMBER.fullmatch(cells[3]):
                raise malformed(f"{name}:{number}:4", f"value {cells[3][:40]!r} is no number of zero or more")
            yield times[0], times[1], times[2], float(cells[3]) * factor if cells[3] else math.nan


def _series(name: str, signal: Signal, issued_ns: int, rows: list[_Row]) -> Series:
    known = [row for row in rows if not math.isnan(row[3])]
    labels = signal.with_(quality=Quality.FORECAST, issued_at=from_ns(issued_ns), method=f"as issued, file {name}")
    columns = np.array([row[1:3] for row in known], dtype=np.int64).reshape(-1, 2)
    try:
        return Series(labels, columns[:, 0], columns[:, 1], [row[3] for row in known])
    except InvalidInput as error:
        raise malformed(name, f"forecast issued {from_ns(issued_ns).isoformat()}: {error.message}") from None

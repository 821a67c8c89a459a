"""
A series as a column chart of plain characters: readable without colour, in any width, in any encoding.

Each column is the mean over its share of the time; an unknown stretch is left blank, never drawn as zero.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np

from gridtide.domain.instants import from_ns, to_ns
from gridtide.domain.interval import Interval
from gridtide.domain.series import Series

__all__ = ["BLOCKS", "Chart", "column_means"]

BLOCKS: Final = " ▁▂▃▄▅▆▇█"
_ASCII: Final = " .:-=+*##"
_NARROWEST: Final = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """
    What to draw and how.

    Args:
        series: Values.
        window: Span of the horizontal axis.
        timezone: IANA name for the hours under it.
        width: Columns of the terminal.
        blocks: Whether the encoding has block characters.
        marked: Spans to underline, for example the cleanest window.
        marks: One character under each of *marked*; a ``^`` where left out.
        height: Rows of the columns.
    """

    series: Series
    window: Interval
    timezone: str
    width: int
    blocks: bool = True
    marked: Sequence[Interval] = ()
    marks: Sequence[str] = ()
    height: int = 8

    def lines(self) -> list[str]:
        """Draw it, top line first."""
        means = column_means(self.series, self.window, self._columns())
        known = means[~np.isnan(means)]
        if not known.size:
            return ["nothing is known in this span"]
        low, high = min(0.0, float(known.min())), float(known.max())
        span = (high - low) or 1.0
        levels = [None if np.isnan(m) else (m - low) / span * self.height for m in means.tolist()]
        label = max(len(f"{high:.0f}"), len(f"{low:.0f}"))
        rows = []
        for row in range(self.height, 0, -1):
            text = "".join(self._cell(level, row) for level in levels).rstrip()
            edge = low + span * row / self.height if row in {self.height, self.height / 2} else None
            rows.append(f"{'' if edge is None else f'{edge:.0f}':>{label}} |{text}".rstrip())
        rows.append(f"{low:>{label}.0f} +{'-' * len(levels)}")
        gutter = " " * (label + 2)
        if self.marked:
            rows.append((gutter + self._marks(len(levels))).rstrip())
        return [*rows, (gutter + self._hours(len(levels))).rstrip()]

    def _columns(self) -> int:
        hours = self.window.length / timedelta(hours=1)
        room = max(_NARROWEST, self.width - 8)
        per_hour = max(1, int(room // max(hours, 1)))
        return min(room, max(_NARROWEST, round(hours * min(per_hour, 2))))

    def _cell(self, level: float | None, row: int) -> str:
        """Character of one column in one row; a value above zero always shows something in the lowest row."""
        if level is None:
            return " "
        filled = min(1.0, max(0.0, level - (row - 1)))
        steps = round(filled * 8)
        if row == 1:
            steps = max(1, steps)
        return (BLOCKS if self.blocks else _ASCII)[steps]

    def _edges(self, count: int) -> list[datetime]:
        return [self.window.start + self.window.length * i / count for i in range(count + 1)]

    def _marks(self, count: int) -> str:
        edges = self._edges(count)
        middles = [a + (b - a) / 2 for a, b in zip(edges[:-1], edges[1:], strict=True)]
        marks = self.marks or "^" * len(self.marked)
        text = [" "] * count
        for span, mark in zip(self.marked, marks, strict=True):
            first = min(count - 1, int((span.start - self.window.start) / self.window.length * count))
            for i, middle in enumerate(middles):
                if middle in span or i == first:  # one that is shorter than a column still shows
                    text[i] = mark
        return "".join(text)

    def _hours(self, count: int) -> str:
        """Local hours under the columns, and the day where one begins; only as many as fit."""
        zone = ZoneInfo(self.timezone)
        text, taken = [" "] * count, 0
        previous: datetime | None = None
        for i, edge in enumerate(self._edges(count)[:-1]):
            local = edge.astimezone(zone)
            new_hour = previous is None or local.hour != previous.hour
            new_day = previous is not None and local.day != previous.day
            label = f"{local:%a}" if new_day else f"{local:%H}" if new_hour and local.hour % 3 == 0 else ""
            previous = local
            if label and i >= taken and i + len(label) <= count:
                text[i : i + len(label)] = label
                taken = i + len(label) + 1
        return "".join(text)


def column_means(series: Series, window: Interval, count: int) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Mean of the known part of each of *count* equal spans of *window*; NaN where nothing is known. [signal.unit]"""
    edges = np.linspace(to_ns(window.start), to_ns(window.end), count + 1).astype(np.int64)
    means = np.full(count, np.nan)
    for k in range(count):
        part = series.clip(Interval(from_ns(int(edges[k])), from_ns(int(edges[k + 1]))))
        if part:
            lengths = (part.ends_ns - part.starts_ns).astype(np.float64)
            means[k] = float(np.average(0.5 * (part.values + part.end_values), weights=lengths))
    return means

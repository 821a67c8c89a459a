"""A paper's table beside ours: rows, the recorded values that belong to them, and where the two differ most."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from gridtide.domain.errors import InvalidInput
from gridtide.simulation.reproduce import columns

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from gridtide.simulation.reproduce.columns import Column

__all__ = ["Difference", "Measure", "Report", "Row", "Section", "match_rows", "named_files", "with_recorded"]

Row: TypeAlias = dict[str, object]
_WIDTH: Final = 80


@dataclass(frozen=True, slots=True)
class Measure:
    """
    One compared column.

    Attributes:
        column: Our column.
        recorded: Name of the recorded column it is compared with.
        tolerance: Difference that still counts as equal, in the unit of the column or as a share of the recorded value.
        relative: Whether *tolerance* is a share.
    """

    column: str
    recorded: str
    tolerance: float
    relative: bool = False


@dataclass(frozen=True, slots=True)
class Difference:
    """Our value beside the recorded one."""

    row: str
    measure: Measure
    ours: float
    recorded: float

    @property
    def absolute(self) -> float:
        """Ours minus recorded. [unit of the column]"""
        return self.ours - self.recorded

    @property
    def tolerances(self) -> float:
        """Size in tolerances; at most 1 means equal within what the comparison promises."""
        allowed = self.measure.tolerance * (abs(self.recorded) if self.measure.relative else 1.0)
        if not allowed:
            return 0.0 if self.absolute == 0.0 else float("inf")
        return abs(self.absolute) / allowed

    def to_json(self) -> Row:
        """The envelope's ``largest_difference``."""
        return {
            "row": self.row,
            "column": self.measure.column,
            "recorded_column": self.measure.recorded,
            "ours": self.ours,
            "recorded": self.recorded,
            "difference": self.absolute,
            "difference_pct": 100.0 * self.absolute / abs(self.recorded) if self.recorded else None,
            "tolerance": self.measure.tolerance,
            "tolerance_is_relative": self.measure.relative,
            "within_tolerance": self.tolerances <= 1.0,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """
    One table.

    Attributes:
        title: What it shows.
        keys: Columns that name a row.
        measures: Compared columns.
        also: Columns shown without a comparison.
        rows: Ours, with the reference's column names.
        recorded: For each row the recorded one, or None where nothing is recorded.
        only: Whether it is for people (``text``) or programs (``json``) alone, where one of them needs another grain.
        told: Columns that name a row too, but are alike in all of them and said in the title.
    """

    title: str
    keys: tuple[str, ...]
    measures: tuple[Measure, ...]
    rows: tuple[Row, ...]
    recorded: tuple[Mapping[str, str] | None, ...]
    also: tuple[str, ...] = ()
    only: Literal["text", "json"] | None = None
    told: tuple[str, ...] = ()

    def differences(self) -> Iterator[Difference]:
        """Every pair of numbers that both sides have."""
        for row, recorded in zip(self.rows, self.recorded, strict=True):
            for measure in self.measures:
                ours, theirs = row.get(measure.column), _recorded_value(recorded, measure.recorded)
                if theirs is not None and isinstance(ours, int | float):
                    name = " ".join(str(row[key]) for key in (*self.told, *self.keys))
                    yield Difference(name, measure, float(ours), theirs)

    def json_rows(self) -> Iterator[Row]:
        """Rows with the recorded values they are compared with under ``recorded``."""
        for row, recorded in zip(self.rows, self.recorded, strict=True):
            theirs = {m.recorded: _recorded_value(recorded, m.recorded) for m in self.measures}
            plain = {name: _without_nan(value) for name, value in row.items()}
            yield {**plain, "recorded": {name: value for name, value in theirs.items() if value is not None}}

    def lines(self, width: int = _WIDTH) -> Iterator[str]:
        """
        The table as text: keys, then each measure with the recorded values in brackets beside it.

        A table wider than *width* goes on below, its keys repeated.
        """
        yield from columns.wrapped(self.title, width)
        yield from columns.lines(self._keys(), self._groups(), width=width)

    def _keys(self) -> list[Column]:
        return [(key, [_cell(row.get(key)) for row in self.rows]) for key in self.keys]

    def _groups(self) -> Iterator[list[Column]]:
        for name in self.also:
            yield [(name, [_cell(row.get(name)) for row in self.rows])]
        for name in dict.fromkeys(measure.column for measure in self.measures):
            group = [(name, [_cell(row.get(name)) for row in self.rows])]
            for measure in self.measures:
                if measure.column == name and any(
                    _recorded_value(r, measure.recorded) is not None for r in self.recorded
                ):
                    head = "recorded" if measure.recorded == name else measure.recorded
                    theirs = [_recorded_value(line, measure.recorded) for line in self.recorded]
                    group.append((f"({head})", [f"({'-' if v is None else _cell(v)})" for v in theirs]))
            yield group


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """Everything one reproduction found."""

    paper: str
    title: str
    sections: tuple[Section, ...]
    notes: tuple[str, ...] = field(default=())

    @property
    def largest_difference(self) -> Difference | None:
        """The pair furthest apart, measured in tolerances; None when nothing is recorded to compare with."""
        pairs = [pair for section in self.sections for pair in section.differences()]
        return max(pairs, key=lambda pair: pair.tolerances, default=None)

    def to_json(self) -> Row:
        """The object that ``--json`` prints."""
        largest = self.largest_difference
        return {
            "schema": "gridtide.reproduce/1",
            "paper": self.paper,
            "title": self.title,
            "rows": [row for section in self.sections if section.only != "text" for row in section.json_rows()],
            "notes": list(self.notes),
            "compared": sum(1 for section in self.sections for _ in section.differences()),
            "largest_difference": None if largest is None else largest.to_json(),
        }

    def lines(self, width: int = _WIDTH) -> Iterator[str]:
        """The report as text, the largest difference last."""
        yield from columns.wrapped(self.title, width)
        for section in self.sections:
            if section.only != "json":
                yield ""
                yield from section.lines(width)
        yield ""
        for note in (*self.notes, self._verdict()):
            yield from columns.wrapped(note, width)

    def _verdict(self) -> str:
        largest = self.largest_difference
        if largest is None:
            return "Nothing is recorded to compare with."
        share = "" if not largest.recorded else f", {100.0 * largest.absolute / abs(largest.recorded):+.5f} %"
        verdict = "within" if largest.tolerances <= 1.0 else "OUTSIDE"
        unit = " x recorded value" if largest.measure.relative else ""
        return (
            f"Largest difference: {largest.measure.column} of {largest.row}: ours {largest.ours:.8g}, "
            f"recorded {largest.recorded:.8g} ({largest.absolute:+.3g}{share}), "
            f"{verdict} the tolerance {largest.measure.tolerance:g}{unit}"
        )


def match_rows(
    rows: Sequence[Row], recorded: Sequence[Mapping[str, str]], keys: Sequence[str]
) -> tuple[Mapping[str, str] | None, ...]:
    """
    Find the recorded row for each of ours by *keys*; numbers match by value, everything else by its words.

    A recorded table that lacks a key column matches nothing. Several recorded rows of one identity complete each
    other, the last word being that of the last row.
    """
    known: dict[tuple[str, ...], dict[str, str]] = {}
    for line in recorded:
        if all(key in line for key in keys):
            told = {name: cell for name, cell in line.items() if cell and cell.strip()}
            known.setdefault(_identity([line[key] for key in keys]), {}).update(told)
    return tuple(known.get(_identity([row[key] for key in keys])) for row in rows)


def with_recorded(
    rows: Sequence[Row], recorded: Sequence[Mapping[str, str]], keys: Sequence[str], names: Sequence[str]
) -> list[Row]:
    """Our rows with the published columns *names* of their recorded rows; None where there is none."""
    matched = match_rows(rows, recorded, keys)
    return [
        row | {name: _recorded_value(line, name) for name in names} for row, line in zip(rows, matched, strict=True)
    ]


def named_files(found: Sequence[Path], added: Sequence[Path], name_of: Callable[[Path], str]) -> dict[str, Path]:
    """
    Files by the name of their zone; an added one stands in for the folder's file of the same zone.

    Raises:
        InvalidInput: Two added files have one name, so that one would hide the other.
    """
    files = {name_of(path): path for path in found}
    seen: dict[str, Path] = {}
    for path in added:
        name = name_of(path)
        if seen.setdefault(name, path) != path:
            raise InvalidInput(
                f"{seen[name]} and {path} are both zone {name!r}",
                hint="the name up to the first point or underscore names the zone; rename one",
                field="zone_file",
            )
    return files | seen


def _identity(values: Sequence[object]) -> tuple[str, ...]:
    return tuple(_canonical(value) for value in values)


def _canonical(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    try:
        return repr(float(str(value)))
    except ValueError:
        return str(value).strip().lower()


def _recorded_value(recorded: Mapping[str, str] | None, column: str) -> float | None:
    cell = (recorded or {}).get(column, "").strip()
    try:
        return float(cell) if cell else None
    except ValueError:
        return None


def _without_nan(value: object) -> object:
    """JSON has no NaN; a figure that does not exist is null."""
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _cell(value: object) -> str:
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return "-"
    if isinstance(value, bool) or not isinstance(value, float):
        return str(value)
    return f"{value:.4f}" if abs(value) < 10_000 else f"{value:.1f}"

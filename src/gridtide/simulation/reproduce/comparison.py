"""A paper's table beside ours: rows, the recorded values that belong to them, and where the two differ most."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

__all__ = ["Difference", "Measure", "Report", "Row", "Section", "match_rows"]

Row: TypeAlias = dict[str, object]


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
    """

    title: str
    keys: tuple[str, ...]
    measures: tuple[Measure, ...]
    rows: tuple[Row, ...]
    recorded: tuple[Mapping[str, str] | None, ...]
    also: tuple[str, ...] = ()

    def differences(self) -> Iterator[Difference]:
        """Every pair of numbers that both sides have."""
        for row, recorded in zip(self.rows, self.recorded, strict=True):
            for measure in self.measures:
                ours, theirs = row.get(measure.column), _recorded_value(recorded, measure.recorded)
                if theirs is not None and isinstance(ours, int | float):
                    name = " ".join(str(row[key]) for key in self.keys)
                    yield Difference(name, measure, float(ours), theirs)

    def json_rows(self) -> Iterator[Row]:
        """Rows with the recorded values they are compared with under ``recorded``."""
        for row, recorded in zip(self.rows, self.recorded, strict=True):
            theirs = {m.recorded: _recorded_value(recorded, m.recorded) for m in self.measures}
            yield {**row, "recorded": {name: value for name, value in theirs.items() if value is not None}}

    def lines(self) -> Iterator[str]:
        """The table as text: keys, then each measure with the recorded value in brackets beside it."""
        head = [*self.keys, *self.also]
        for measure in self.measures:
            head += [measure.column, "(recorded)" if measure.recorded == measure.column else f"({measure.recorded})"]
        body = []
        for row, recorded in zip(self.rows, self.recorded, strict=True):
            cells = [_cell(row.get(name)) for name in (*self.keys, *self.also)]
            for measure in self.measures:
                theirs = _recorded_value(recorded, measure.recorded)
                cells += [_cell(row.get(measure.column)), f"({'-' if theirs is None else _cell(theirs)})"]
            body.append(cells)
        widths = [max(len(line[k]) for line in [head, *body]) for k in range(len(head))]
        yield self.title
        for line in [head, *body]:
            yield "  ".join(
                cell.ljust(width) if k < len(self.keys) else cell.rjust(width)
                for k, (cell, width) in enumerate(zip(line, widths, strict=True))
            ).rstrip()


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
            "rows": [row for section in self.sections for row in section.json_rows()],
            "notes": list(self.notes),
            "compared": sum(1 for section in self.sections for _ in section.differences()),
            "largest_difference": None if largest is None else largest.to_json(),
        }

    def lines(self) -> Iterator[str]:
        """The report as text, the largest difference last."""
        yield self.title
        for section in self.sections:
            yield ""
            yield from section.lines()
        yield ""
        yield from self.notes
        largest = self.largest_difference
        if largest is None:
            yield "Nothing is recorded to compare with."
            return
        share = "" if not largest.recorded else f", {100.0 * largest.absolute / abs(largest.recorded):+.5f} %"
        verdict = "within" if largest.tolerances <= 1.0 else "OUTSIDE"
        unit = " x recorded value" if largest.measure.relative else ""
        yield (
            f"Largest difference: {largest.measure.column} of {largest.row}: ours {largest.ours:.8g}, "
            f"recorded {largest.recorded:.8g} ({largest.absolute:+.3g}{share}), "
            f"{verdict} the tolerance {largest.measure.tolerance:g}{unit}"
        )


def match_rows(
    rows: Sequence[Row], recorded: Sequence[Mapping[str, str]], keys: Sequence[str]
) -> tuple[Mapping[str, str] | None, ...]:
    """
    Find the recorded row for each of ours by *keys*; numbers match by value, everything else by its words.

    A recorded table that lacks a key column matches nothing.
    """
    known = {_identity([row[key] for key in keys]): row for row in recorded if all(key in row for key in keys)}
    return tuple(known.get(_identity([row[key] for key in keys])) for row in rows)


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


def _cell(value: object) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool) or not isinstance(value, float):
        return str(value)
    return f"{value:.4f}" if abs(value) < 10_000 else f"{value:.1f}"

"""One measured line of a fault run, and the table of many."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["Figure", "table"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """
    What came out of one case.

    Args:
        fault: Number in the fault catalogue, for example ``F02``.
        case: What was broken.
        bar: What must hold.
        held: Whether it did.
        measured: Names with their values, units in the names.
    """

    fault: str
    case: str
    bar: str
    held: bool
    measured: Mapping[str, float | str] = field(default_factory=dict)

    @property
    def words(self) -> str:
        """The measured values in one line."""
        return ", ".join(f"{name} {_short(value)}" for name, value in self.measured.items())


def table(figures: Iterable[Figure]) -> str:
    """The figures as a Markdown table."""
    lines = ["| Fault | Case | Measured | Bar | Held |", "|---|---|---|---|---|"]
    for figure in figures:
        held = "yes" if figure.held else "**no**"
        lines.append(f"| {figure.fault} | {figure.case} | {figure.words} | {figure.bar} | {held} |")
    return "\n".join(lines)


def _short(value: float | str) -> str:
    return value if isinstance(value, str) else f"{value:.3g}" if isinstance(value, float) else f"{value}"

"""
Grid data around other grid data, which add something to a single reading and leave comparisons alone.

Places side by side stay on what one source says, so whoever compares them asks the grid inside: `bare`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from gridtide.domain.ports import GridData

__all__ = ["Around", "bare"]


class Around:
    """
    Base of what stands around another source of readings.

    Args:
        inner: What is asked.
    """

    def __init__(self, inner: GridData) -> None:
        self.inner: Final = inner


def bare(grid: GridData) -> GridData:
    """*grid* without what stands around it."""
    while isinstance(grid, Around):
        grid = grid.inner
    return grid

"""Grid data around other grid data, which add something to a single reading and leave comparisons alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gridtide.domain.ports import GridData, Reading, SignalQuery

__all__ = ["Around"]


class Around:
    """
    Base of what stands around another source of readings.

    Args:
        inner: What is asked.
    """

    def __init__(self, inner: GridData) -> None:
        self._inner = inner

    async def read_many(self, queries: Sequence[SignalQuery]) -> Sequence[Reading]:
        """Places side by side: they stay on what one source says, so nothing is added to them."""
        many = getattr(self._inner, "read_many", None)
        if many is None:
            return [await self._inner.read(query) for query in queries]
        readings: Sequence[Reading] = await many(queries)
        return readings

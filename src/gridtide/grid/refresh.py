"""
Fetching ahead: zones that somebody reads are fetched on their source's publication clock, before the next read.

When to fetch what is decided by the sources themselves (`Source.due`): just after the next publication, later by a
jitter of its own for each source, later still while it fails. This module only keeps the order. `Refresher.cycle`
fetches what is due and returns when to come back; `Refresher.run` is the loop that owns the waiting.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from gridtide.grid.provider import Product
from gridtide.grid.wire import CONNECTIONS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gridtide.domain.ports import Clock, Waiter
    from gridtide.grid.client import GridClient
    from gridtide.grid.source import Source

__all__ = ["Due", "Refresher", "schedule"]

IDLE: Final = timedelta(hours=2)
_LOOK_AGAIN: Final = timedelta(minutes=1)
_BATCH: Final = timedelta(seconds=1)
_REFRESHED: Final = (Product.CURRENT, Product.FORECAST)


@dataclass(frozen=True, slots=True)
class Due:
    """Something to fetch, and when."""

    at: datetime
    source: Source
    product: Product


def schedule(sources: Iterable[Source], *, idle: timedelta = IDLE) -> list[Due]:
    """
    What to fetch and when, earliest first.

    Args:
        sources: Everybody known.
        idle: What nobody asked for within this time is left alone.
    """
    dues = [
        Due(at, source, product)
        for source in sources
        for product in _REFRESHED
        if (at := source.due(product, idle=idle)) is not None
    ]
    return sorted(dues, key=lambda due: due.at)


class Refresher:
    """
    Fetches ahead for one client.

    Args:
        client: Whose sources are kept fresh.
        clock: Wall time.
        idle: What nobody asked for within this time is left alone.
    """

    def __init__(self, client: GridClient, clock: Clock, *, idle: timedelta = IDLE) -> None:
        self._client = client
        self._clock = clock
        self._idle = idle
        self._places: dict[str, asyncio.Semaphore] = {}

    async def cycle(self) -> datetime:
        """Fetch what is due, a few at a time per provider, and return when to come back."""
        now = self._clock.now()
        due = [due for due in schedule(self._client.sources(), idle=self._idle) if due.at <= now]
        await asyncio.gather(*(self._refresh(one) for one in due))
        following = schedule(self._client.sources(), idle=self._idle)
        earliest = self._clock.now() + _BATCH
        if not following:
            return earliest + _LOOK_AGAIN
        return min(max(following[0].at, earliest), earliest + _LOOK_AGAIN)

    async def run(self, waiter: Waiter) -> None:
        """Go on until cancelled."""
        while True:
            await waiter.sleep_until(await self.cycle())

    async def _refresh(self, due: Due) -> None:
        places = self._places.setdefault(due.source.name, asyncio.Semaphore(CONNECTIONS))
        async with places:
            await due.source.refresh(due.product)

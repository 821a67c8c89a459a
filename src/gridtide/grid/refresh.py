"""
Fetching ahead: zones that somebody reads are fetched on their source's publication clock, before the next read.

When to fetch what is decided by the sources themselves (`Source.due`): just after the next publication, later by a
jitter of its own for each source, later still while it fails. This module only keeps the order. `Refresher.cycle`
fetches what is due and returns when to come back; `Refresher.run` is the loop that owns the waiting, and `refreshing`
keeps that loop for as long as a block lasts::

    async with GridClient(...) as client, refreshing(client, clock):
        ...
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final, Protocol

from gridtide.domain.ports import Clock, Waiter
from gridtide.grid.provider import Product
from gridtide.grid.wire import CONNECTIONS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gridtide.grid.client import GridClient
    from gridtide.grid.source import Source

__all__ = ["Due", "Refresher", "Timepiece", "refreshing", "schedule"]

_LOG: Final = logging.getLogger("gridtide.grid.refresh")
IDLE: Final = timedelta(hours=2)
_LOOK_AGAIN: Final = timedelta(minutes=1)
_BATCH: Final = timedelta(seconds=1)
_REFRESHED: Final = (Product.CURRENT, Product.FORECAST)


class Timepiece(Clock, Waiter, Protocol):
    """A clock that can also let time pass."""


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


@asynccontextmanager
async def refreshing(client: GridClient, clock: Timepiece, *, idle: timedelta = IDLE) -> AsyncIterator[Refresher]:
    """
    Fetch ahead for *client* while the block lasts; a fault in it never reaches the block.

    Args:
        client: Whose sources are kept fresh.
        clock: Wall time and waiting.
        idle: What nobody asked for within this time is left alone.
    """
    refresher = Refresher(client, clock, idle=idle)
    task = asyncio.create_task(_lasting(refresher, clock), name="grid refresh")
    try:
        yield refresher
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def _lasting(refresher: Refresher, waiter: Waiter) -> None:
    try:
        await refresher.run(waiter)
    except Exception as error:  # noqa: BLE001 - whoever reads must not notice
        _LOG.warning("fetching ahead has ended (%s); every read fetches for itself from now on", type(error).__name__)

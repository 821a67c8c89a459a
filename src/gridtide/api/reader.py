"""
Readings for places, never an exception for missing data: a source that fails or hangs is an empty reading that says so.

The grid is opened by the first question and closed by `Reader.aclose`. Each place is asked for itself, so one that
hangs or fails costs the others nothing.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from contextlib import AsyncExitStack
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from gridtide.api import wiring
from gridtide.domain.decision import FreshnessStep
from gridtide.domain.errors import ConfigurationError, GridError
from gridtide.domain.interval import Interval
from gridtide.domain.ports import Reading, SignalQuery
from gridtide.domain.series import Series
from gridtide.domain.signal import Signal, SignalKind

if TYPE_CHECKING:
    from gridtide.config.settings import Settings
    from gridtide.domain.ports import Clock, GridData
    from gridtide.domain.zone import ZoneMapping

__all__ = ["PATIENCE", "Reader"]

_LOG: Final = logging.getLogger("gridtide.api.reader")
_PAST: Final = timedelta(hours=2)

PATIENCE: Final = timedelta(seconds=20)
"""Longest wait for one reading; what has its latest start before that waits less."""


class Reader:
    """
    Reads signals of places.

    Args:
        settings: Source and kind of signal.
        clock: Whose now the window is around.
        grid: Grid data to use instead of what *settings* name; it is not closed here.
    """

    def __init__(self, settings: Settings, clock: Clock, grid: GridData | None = None) -> None:
        self._settings = settings
        self._clock = clock
        self._grid = grid
        self._stack = AsyncExitStack()
        self._opening = asyncio.Lock()

    async def open(self) -> GridData:
        """
        Open the grid, once.

        Raises:
            ConfigurationError: The source in the settings cannot be set up.
        """
        async with self._opening:
            if self._grid is None:
                self._grid = await self._stack.enter_async_context(wiring.open_grid(self._settings, self._clock))
                self._stack.callback(self._forget)
            return self._grid

    async def aclose(self) -> None:
        """Close what was opened."""
        stack, self._stack = self._stack, AsyncExitStack()
        await stack.aclose()

    async def read(
        self,
        place: ZoneMapping,
        *,
        ahead: timedelta,
        purpose: str = "decision",
        kind: SignalKind | None = None,
        banded: bool = False,
        patience: timedelta = PATIENCE,
    ) -> Reading:
        """
        Values of one place from a little before now.

        Args:
            place: Where.
            ahead: How far values are wanted.
            purpose: ``decision`` or ``report``.
            kind: Of signal; that of the settings when left out.
            banded: Whether the upper end of the forecast is wanted too.
            patience: How long to wait for them.
        """
        return await self._ask(place, self._query(place, ahead, purpose, kind), banded=banded, patience=patience)

    async def read_past(
        self, place: ZoneMapping, window: Interval, *, kind: SignalKind, patience: timedelta = PATIENCE
    ) -> Reading:
        """What came true in *window*."""
        query = SignalQuery(zone=place.zone, window=window, kind=kind, forecast=False)
        return await self._ask(place, query, banded=False, patience=patience)

    async def _ask(self, place: ZoneMapping, query: SignalQuery, *, banded: bool, patience: timedelta) -> Reading:
        try:
            async with asyncio.timeout(max(patience.total_seconds(), 0.0)):
                grid = await self.open()
                return await (wiring.with_bands(grid, self._clock) if banded else grid).read(query)
        except TimeoutError:
            return _nothing(place, f"no answer within {patience.total_seconds():g} s")
        except GridError as error:
            return _nothing(place, error.message)
        except ConfigurationError:
            raise
        except Exception as error:  # noqa: BLE001 - a fault in one reading strands nobody
            _LOG.debug("reading %s failed", place.zone.key, exc_info=True)
            return _nothing(place, f"reading failed: {type(error).__name__}")

    async def read_comparable(
        self, places: Sequence[ZoneMapping], *, ahead: timedelta, banded: bool = False
    ) -> list[Reading]:
        """Values of several places on one source, so that they may be weighed against each other."""
        queries = [self._query(place, ahead, "decision") for place in places]
        try:
            async with asyncio.timeout(PATIENCE.total_seconds()):
                grid = await self.open()
                if banded:
                    return await wiring.read_banded_together(grid, queries, self._clock)
                return await wiring.read_together(grid, queries)
        except ConfigurationError:
            raise
        except Exception as error:  # noqa: BLE001 - then each for itself, so that one fault costs only its own place
            _LOG.debug("reading together failed: %s", type(error).__name__)
            return list(await asyncio.gather(*(self.read(place, ahead=ahead, banded=banded) for place in places)))

    def _query(self, place: ZoneMapping, ahead: timedelta, purpose: str, kind: SignalKind | None = None) -> SignalQuery:
        now = self._clock.now()
        if kind is None:
            kind = None if self._settings.signal == "auto" else SignalKind(self._settings.signal)
        bound = self._settings.cache.max_stale if self._settings.origin("cache.max_stale") != "default" else None
        window = Interval(now - _PAST, now + ahead)
        return SignalQuery(zone=place.zone, window=window, kind=kind, purpose=purpose, max_age=bound)

    def _forget(self) -> None:
        self._grid = None


def _nothing(place: ZoneMapping, reason: str) -> Reading:
    empty = Series(Signal(SignalKind.AVERAGE, "none", place.zone.key), [], [], [])
    return Reading(series=empty, step=FreshnessStep.NONE, reason=reason)

"""
Events for as long as a block lasts: refreshes readings, says what changed, and hands that to a bus and to webhooks.

No provider pushes, so somebody has to ask; this is that somebody for services and notebooks. Each zone is asked for
itself, a few at a time and once per round: one that fails or hangs costs the others nothing.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Final, Protocol

from gridtide.api import wiring
from gridtide.api.clocks import SystemClock
from gridtide.api.request import span_of
from gridtide.api.scheduler import CarbonScheduler
from gridtide.config.settings import Settings
from gridtide.domain.errors import InvalidInput
from gridtide.domain.ports import Clock, Waiter
from gridtide.grid.events import Bands, EventBus, ReadingWatch

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from gridtide.domain.ports import GridData
    from gridtide.grid.delivery import WebhookSender

__all__ = ["Timepiece", "Watching", "watch"]

_LOG: Final = logging.getLogger("gridtide.api.watch")
_MOST_ZONES: Final = 500
_AT_ONCE: Final = 8
_SHORTEST: Final = timedelta(seconds=1)
_LONGEST: Final = timedelta(days=1)
_DAY: Final = timedelta(hours=24)
_CLOSE_S: Final = 5.0
_EARLY_S: Final = 1e-3


class Timepiece(Clock, Waiter, Protocol):
    """A clock that can also let time pass."""


class Watching:
    """
    What a watch is doing; made by `watch`.

    Attributes:
        zones: Our keys of the zones, in order and once each.
        rounds: How often every zone was asked.
        failures: How often a zone could not be read or compared; a source that has nothing is no failure.
    """

    def __init__(
        self,
        scheduler: CarbonScheduler,
        zones: tuple[str, ...],
        bus: EventBus,
        clock: Timepiece,
        *,
        every: timedelta,
        ahead: timedelta,
        bands: Bands | None,
    ) -> None:
        self.zones: Final = zones
        self.rounds = 0
        self.failures: Final[Counter[str]] = Counter()
        self._scheduler = scheduler
        self._bus = bus
        self._clock = clock
        self._every_s = every.total_seconds()
        self._ahead = ahead
        self._changes = ReadingWatch(bands)
        self._places = asyncio.Semaphore(_AT_ONCE)
        self._failing: set[str] = set()

    async def run(self) -> None:
        """Ask in rounds until cancelled; a round that was missed is left out, never caught up."""
        due_s = self._clock.monotonic()
        while True:
            await asyncio.gather(*(self._refresh(zone) for zone in self.zones))
            self.rounds += 1
            now_s = self._clock.monotonic()
            due_s = max(due_s + self._every_s, now_s + _SHORTEST.total_seconds())
            await self._sleep_until(due_s)

    async def _sleep_until(self, due_s: float) -> None:
        """Counted in monotonic time; a clock that wakes too early is asked again. [s]"""
        while (left_s := due_s - self._clock.monotonic()) > _EARLY_S:
            await self._clock.sleep_until(self._clock.now() + timedelta(seconds=left_s))

    async def _refresh(self, zone: str) -> None:
        try:
            async with self._places:
                reading = await self._scheduler.read(zone, ahead=self._ahead)
            self._bus.publish(*self._changes.observe(zone, reading, self._clock.now()))
        except Exception as error:  # noqa: BLE001 - one zone must not stop the others
            self.failures[zone] += 1
            if zone not in self._failing:
                _LOG.warning("zone %s cannot be watched for now: %s", zone, type(error).__name__)
            self._failing.add(zone)
        else:
            self._failing.discard(zone)


@asynccontextmanager
async def watch(
    source: CarbonScheduler | GridData,
    zones: Sequence[str],
    bus: EventBus,
    *,
    every: timedelta | str = timedelta(minutes=5),
    ahead: timedelta | str = _DAY,
    bands: Bands | None = None,
    clock: Timepiece | None = None,
    senders: Sequence[WebhookSender] = (),
) -> AsyncIterator[Watching]:
    """
    Publish on *bus* what changes in *zones*, for as long as the block lasts.

    Subscribe before the block begins: the first round tells the value, forecast and band of every zone. Neither the
    source nor the senders are closed here.

    Args:
        source: Who is asked; a scheduler, or grid data as it is.
        zones: Zones, cloud regions or anything else that the catalogue knows; at most 500.
        bus: Where events go.
        every: Time between two rounds. [1 s .. 1 d]
        ahead: How far ahead a changed forecast matters.
        bands: For ``band.changed``; None for no such events.
        clock: Time and waiting, that of the scheduler; the machine's when left out.
        senders: Webhooks that get every event of these zones.

    Yields:
        What the watch is doing.

    Raises:
        UnmappedRegion: A zone is not known.
        InvalidInput: No zone, too many, or a time out of bounds.
    """
    pause, reach = span_of(every, "every"), span_of(ahead, "ahead")
    if not _SHORTEST <= pause <= _LONGEST:
        raise InvalidInput(f"every is {pause}; allowed: 1 s to 1 d", field="every")
    if reach <= timedelta(0):
        raise InvalidInput(f"ahead is {reach}; allowed: longer than zero", field="ahead")
    timepiece = clock or SystemClock()
    async with AsyncExitStack() as stack:
        if isinstance(source, CarbonScheduler):
            scheduler = source
        else:
            own = CarbonScheduler(Settings(), clock=timepiece, grid=source)
            scheduler = await stack.enter_async_context(own)
        keys = _keys(scheduler, zones)
        watching = Watching(scheduler, keys, bus, timepiece, every=pause, ahead=reach, bands=bands)
        works = [_named(sender.run(bus, zones=keys), "webhook sender") for sender in senders]
        works.append(_named(watching.run(), "watch"))
        stack.push_async_callback(_stop, [asyncio.create_task(work) for work in works])
        yield watching


def _keys(scheduler: CarbonScheduler, zones: Sequence[str]) -> tuple[str, ...]:
    if isinstance(zones, str) or not 1 <= len(zones) <= _MOST_ZONES:
        shown = repr(zones)[:40] if isinstance(zones, str) else f"{len(zones)} of them"
        raise InvalidInput(f"zones is {shown}; allowed: a list of 1 to {_MOST_ZONES} zones", field="zones")
    catalogue = wiring.build_catalogue(scheduler.settings)
    return tuple(dict.fromkeys(catalogue.resolve(zone).zone.key for zone in zones))


async def _named(work: Coroutine[object, object, None], name: str) -> None:
    """Do *work*, and say at once when it fails rather than when the block ends."""
    try:
        await work
    except Exception as error:
        _LOG.error("%s ended: %s", name, error)
        raise


async def _stop(tasks: list[asyncio.Task[None]]) -> None:
    """Cancel what runs, wait a little for it, and hand on what had failed."""
    for task in tasks:
        task.cancel()
    done, stuck = await asyncio.wait(tasks, timeout=_CLOSE_S)
    if stuck:
        _LOG.warning("%d tasks of a watch did not end within %g s", len(stuck), _CLOSE_S)
    for task in done:
        if not task.cancelled() and (error := task.exception()) is not None:
            raise error

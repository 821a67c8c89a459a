"""
Our own events, because providers only let themselves be polled.

`ReadingWatch` compares each reading with the one before and says what changed; `EventBus` hands events to subscribers
through bounded queues. One that does not keep up is dropped and told so, it never slows the rest (invariant I12).
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from bisect import bisect_right
from collections import OrderedDict
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Final, TypeAlias

import numpy as np

from gridtide.domain.decision import FreshnessStep
from gridtide.domain.errors import HorizonTooShort, InvalidInput
from gridtide.domain.instants import from_ns, isoformat, to_ns

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Iterator
    from datetime import datetime

    from numpy.typing import NDArray

    from gridtide.domain.ports import Reading

__all__ = ["Bands", "Event", "EventBus", "EventType", "ReadingWatch", "Subscription"]

_MOST_WATCHED: Final = 2000
_TELLING: Final = ("provider", "kind", "scope", "since", "value", "band", "was", "digest", "step")
_USABLE: Final = frozenset({FreshnessStep.LIVE, FreshnessStep.CACHED})


_Change: TypeAlias = "tuple[EventType, dict[str, str | float | None]]"


class EventType(StrEnum):
    """What happened."""

    INTENSITY_UPDATED = "intensity.updated"
    FORECAST_UPDATED = "forecast.updated"
    BAND_CHANGED = "band.changed"
    PROVIDER_DEGRADED = "provider.degraded"


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """
    One thing that happened, with its labels; everything in it may be shown to anybody.

    Args:
        type: What happened.
        at: When it was noticed.
        zone: Our key of the zone.
        data: Values with their labels; numbers, texts and None only.
    """

    type: EventType
    at: datetime
    zone: str
    data: dict[str, str | float | None] = field(default_factory=dict)

    @property
    def id(self) -> str:
        """The same for the same change, so that two replicas that notice it send one message."""
        told = [str(self.type), self.zone, *(self.data.get(name) for name in _TELLING)]
        return "evt_" + hashlib.sha256(json.dumps(told).encode()).hexdigest()[:32]

    def body(self) -> bytes:
        """JSON as it is sent: type, timestamp, data."""
        tree = {"type": self.type, "timestamp": isoformat(self.at), "data": {"zone": self.zone, **self.data}}
        return json.dumps(tree, separators=(",", ":"), allow_nan=False).encode()


@dataclass(frozen=True, slots=True)
class Bands:
    """
    Steps of the carbon intensity, with a dead zone around each edge so that a value beside one does not flutter.

    Args:
        edges: Increasing lower bounds of all bands but the first. [signal.unit]
        hysteresis: How far beyond an edge a value must be before the band changes. [signal.unit]

    Raises:
        InvalidInput: Edges do not increase, or the hysteresis is negative or as wide as a band.
    """

    edges: tuple[float, ...]
    hysteresis: float = 0.0

    def __post_init__(self) -> None:
        widths = [b - a for a, b in zip(self.edges[:-1], self.edges[1:], strict=True)]
        if not self.edges or not all(width > 0 for width in widths):
            raise InvalidInput(f"band edges are {self.edges}; allowed: one or more, increasing", field="edges")
        if not 0.0 <= self.hysteresis < min((w / 2 for w in widths), default=float("inf")):
            raise InvalidInput(
                f"band hysteresis is {self.hysteresis}; allowed: zero up to half the narrowest band", field="hysteresis"
            )

    def of(self, value: float, before: int | None) -> int:
        """Band of *value*, 0 being the cleanest; stays *before* while the value is within the dead zone."""
        if before is None:
            return bisect_right(self.edges, value)
        upper = bisect_right(self.edges, value - self.hysteresis)
        lower = bisect_right(self.edges, value + self.hysteresis)
        return max(upper, min(before, lower))


@dataclass(frozen=True, slots=True, eq=False)
class _Seen:
    """What was last told about a zone; *ahead* holds starts and values of the forecast."""

    value: float | None
    since_ns: int
    ahead: tuple[NDArray[np.int64], NDArray[np.float64]]
    band: int | None
    step: FreshnessStep


class ReadingWatch:
    """
    Turns readings into events, one zone and signal kind at a time.

    The first reading of a zone tells its value, forecast and band, so that a subscriber need not wait for a change.

    Args:
        bands: For ``band.changed``; None for no such events.
    """

    def __init__(self, bands: Bands | None = None) -> None:
        self._bands = bands
        self._seen: OrderedDict[tuple[str, str], _Seen] = OrderedDict()

    def observe(self, zone: str, reading: Reading, now: datetime) -> tuple[Event, ...]:
        """Events between the last reading of *zone* and this one."""
        key = (zone, str(reading.series.signal.kind))
        before = self._seen.get(key)
        after = self._summary(reading, now, before)
        self._seen[key] = after
        self._seen.move_to_end(key)
        while len(self._seen) > _MOST_WATCHED:
            self._seen.popitem(last=False)
        labels = _labels(reading)
        found = [
            *_value_changes(before, after),
            *_forecast_changes(before, after, now),
            *_step_changes(before, after, now),
        ]
        return tuple(Event(type=kind, at=now, zone=zone, data={**labels, **data}) for kind, data in found)

    def _summary(self, reading: Reading, now: datetime, before: _Seen | None) -> _Seen:
        try:
            value: float | None = reading.series.value_at(now)
        except HorizonTooShort:
            value = None
        starts = reading.series.starts_ns
        begun = int(np.searchsorted(starts, to_ns(now), side="right")) - 1
        if reading.step is FreshnessStep.NONE:
            value = None
        band = None
        if value is not None and self._bands is not None:
            band = self._bands.of(value, before.band if before else None)
        future = starts > to_ns(now)
        return _Seen(
            value=value,
            since_ns=0 if value is None else int(starts[begun]),
            ahead=(starts[future], reading.series.values[future]),
            band=band,
            step=reading.step,
        )


class Subscription:
    """
    One subscriber's queue; iterate over it, and close it when done.

    Attributes:
        dropped: Whether it was ended because it did not keep up.
    """

    def __init__(self, bus: EventBus, size: int, types: frozenset[EventType], zones: frozenset[str]) -> None:
        self._bus = bus
        self._queue: asyncio.Queue[Event | None] = asyncio.Queue(size + 1)
        self._size = size
        self._types = types
        self._zones = zones
        self._open = True
        self.dropped = False

    def close(self) -> None:
        """Take no more events; what is queued may still be read."""
        if self._open:
            self._open = False
            self._bus.forget(self)
            self._queue.put_nowait(None)

    async def __aiter__(self) -> AsyncIterator[Event]:
        while (event := await self._queue.get()) is not None:
            yield event

    def offer(self, event: Event) -> None:
        """Queue *event* if it is wanted; close the subscription when the queue is full."""
        wanted = (not self._types or event.type in self._types) and (not self._zones or event.zone in self._zones)
        if not wanted or not self._open:
            return
        if self._queue.qsize() >= self._size:
            self.dropped = True
            self.close()
        else:
            self._queue.put_nowait(event)


class EventBus:
    """
    Hands events to every subscriber of this process, on one event loop.

    Attributes:
        dropped_total: Subscribers that were dropped because they did not keep up.
    """

    def __init__(self, *, most_subscribers: int = 1000) -> None:
        self._subscriptions: set[Subscription] = set()
        self._most = most_subscribers
        self.dropped_total = 0

    def __len__(self) -> int:
        return len(self._subscriptions)

    def subscribe(self, *, size: int = 256, types: Iterable[EventType] = (), zones: Iterable[str] = ()) -> Subscription:
        """
        A queue of events from now on.

        Args:
            size: Events it holds before its reader counts as too slow.
            types: Only these; empty for all.
            zones: Only these; empty for all.

        Raises:
            InvalidInput: Too many subscribers, or a size below one.
        """
        if size < 1:
            raise InvalidInput(f"queue size is {size}; allowed: 1 or more", field="size")
        if len(self._subscriptions) >= self._most:
            raise InvalidInput(f"there are {self._most} subscribers already", hint="close one first", field="size")
        subscription = Subscription(self, size, frozenset(types), frozenset(zones))
        self._subscriptions.add(subscription)
        return subscription

    def publish(self, *events: Event) -> None:
        """Offer events to every subscriber; never waits."""
        for event in events:
            for subscription in tuple(self._subscriptions):
                subscription.offer(event)

    def forget(self, subscription: Subscription) -> None:
        """Called by a subscription that ends."""
        self._subscriptions.discard(subscription)
        self.dropped_total += subscription.dropped


def _value_changes(before: _Seen | None, after: _Seen) -> Iterator[_Change]:
    since = isoformat(from_ns(after.since_ns)) if after.value is not None else None
    if after.value is not None and (before is None or (before.value, before.since_ns) != (after.value, after.since_ns)):
        yield EventType.INTENSITY_UPDATED, {"value": after.value, "since": since}
    was = before.band if before else None
    if after.band != was:
        yield EventType.BAND_CHANGED, {"value": after.value, "since": since, "band": after.band, "was": was}


def _forecast_changes(before: _Seen | None, after: _Seen, now: datetime) -> Iterator[_Change]:
    """A forecast is new when it says more, or something else, about what still lies ahead."""
    starts, values = after.ahead
    if not starts.size:
        return
    if before is not None:
        left = before.ahead[0] > to_ns(now)
        if np.array_equal(before.ahead[0][left], starts) and np.array_equal(before.ahead[1][left], values):
            return
    digest = hashlib.sha256(starts.tobytes() + values.tobytes()).hexdigest()[:16]
    yield EventType.FORECAST_UPDATED, {"digest": digest, "steps": int(starts.size)}


def _step_changes(before: _Seen | None, after: _Seen, now: datetime) -> Iterator[_Change]:
    order = tuple(FreshnessStep)
    was = before.step if before else FreshnessStep.LIVE
    if after.step not in _USABLE and order.index(after.step) > order.index(was):
        since = isoformat(now.replace(second=0, microsecond=0))
        yield EventType.PROVIDER_DEGRADED, {"was": str(was), "since": since}


def _labels(reading: Reading) -> dict[str, str | float | None]:
    signal = reading.series.signal
    return {
        "kind": str(signal.kind),
        "scope": str(signal.scope),
        "unit": signal.unit,
        "quality": str(signal.quality),
        "provider": signal.provider,
        "step": str(reading.step),
        "issued_at": isoformat(signal.issued_at) if signal.issued_at else None,
        "attribution": signal.attribution,
    }

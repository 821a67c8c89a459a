"""
What was fetched, kept for the next who asks: bounded, by range, with its age (invariants I4, I12).

An entry answers only the span it was asked for; a gap inside means that the source had nothing there. Entries stay
long after they stopped being fresh, because the freshness ladder serves them as stale, with their age, when a source
is down. Many who miss the same entry at once cause one fetch; with a remote store, one among all processes, where the
claim only saves work: a holder that hangs is waited for briefly and then ignored. A zone that one process found broken
is marked there for the others, so that a restart does not ask again before the pause is over.

::

    Cache ── local: MemoryStore (parsed series, microseconds)
          └─ remote: another CacheStore, for example Redis; may fail at any time, then the local one answers alone
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol
from urllib.parse import quote

from gridtide.grid.provider import Product

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from datetime import datetime

    from gridtide.domain.interval import Interval
    from gridtide.domain.ports import Clock
    from gridtide.domain.series import Series
    from gridtide.domain.signal import Scope, SignalKind

__all__ = ["DEFAULT_TTL", "Cache", "CacheKey", "CacheStore", "Entry", "Mark", "MemoryStore"]

DEFAULT_TTL: Final = timedelta(minutes=5)
KEEP: Final = timedelta(hours=24)
KEEP_HISTORY: Final = timedelta(days=35)
_CLAIM_S: Final = 12.0
_OTHERS_WAIT_S: Final = 3.0
_OTHERS_POLL_S: Final = 0.1
_CLOCK_SLACK: Final = timedelta(minutes=1)
_ENTRY_OVERHEAD: Final = 1024
_MARK_MOST_S: Final = 15 * 60.0
_PROBLEM_MOST: Final = 200


@dataclass(frozen=True, slots=True)
class CacheKey:
    """
    What an entry is about. Kind, scope and setup are part of it, so that they can never be mixed up.

    Attributes:
        provider: Name of the source.
        zone: Its own key of the area.
        product: Current value, forecast or history.
        kind: Of the signal.
        scope: Of the emissions.
        setup: Digest of the options and address it was set up with; empty for those it comes with.
    """

    provider: str
    zone: str
    product: Product
    kind: SignalKind
    scope: Scope
    setup: str = ""

    @property
    def text(self) -> str:
        """The key as one string of harmless characters, for stores outside this process."""
        parts: tuple[str, ...] = (self.provider, self.zone, self.product, self.kind, self.scope)
        return ":".join(quote(part, safe="") for part in ((*parts, self.setup) if self.setup else parts))

    @property
    def keep(self) -> timedelta:
        """How long an entry may be of use after it was fetched."""
        return KEEP_HISTORY if self.product is Product.HISTORY else KEEP


@dataclass(frozen=True, slots=True)
class Entry:
    """
    One cached answer.

    Args:
        series: What came.
        covered: The span that was asked for.
        fetched_at: When it came, by the wall clock, since other processes read it too.
    """

    series: Series
    covered: Interval
    fetched_at: datetime

    def age(self, now: datetime) -> timedelta:
        """Time since it was fetched; never negative, whatever the clocks do."""
        return max(now - self.fetched_at, timedelta(0))

    def is_younger_than(self, span: timedelta, now: datetime) -> bool:
        """Whether it was fetched less than *span* ago; an entry from the future is not trusted."""
        return self.age(now) < span and self.fetched_at - now <= _CLOCK_SLACK

    def answers(self, window: Interval) -> bool:
        """Whether all of *window* was asked for."""
        return self.covered.start <= window.start and window.end <= self.covered.end

    @property
    def size(self) -> int:
        """Approximate memory. [bytes]"""
        series = self.series
        arrays = (series.starts_ns, series.ends_ns, series.values, series.end_values, series.qualities)
        return _ENTRY_OVERHEAD + sum(array.nbytes for array in arrays)


class Mark(NamedTuple):
    """
    A source's zone that somebody found broken.

    Attributes:
        left: How much longer it is left alone. [s]
        problem: What was found.
    """

    left: float
    problem: str


class CacheStore(Protocol):
    """A place for entries. Nothing here raises: a store that fails behaves like an empty one."""

    async def get(self, key: CacheKey) -> Entry | None:
        """Entry under *key*, of whatever age, or None."""
        ...

    async def put(self, key: CacheKey, entry: Entry) -> None:
        """Keep *entry*, unless a newer one is there."""
        ...

    async def claim(self, key: CacheKey, span: float) -> bool:
        """Whether the caller should fetch *key*; False while another process said so less than *span* seconds ago."""
        ...

    async def release(self, key: CacheKey) -> None:
        """Give up a claim."""
        ...

    async def mark(self, key: CacheKey, span: float, problem: str) -> None:
        """Tell the others that *key* is broken and not worth asking for *span* seconds."""
        ...

    async def marked(self, key: CacheKey) -> Mark | None:
        """What somebody found broken about *key*, while that holds; also None when nobody can tell."""
        ...


class MemoryStore:
    """
    Entries of this process; the least recently used go first when it is full.

    Args:
        clock: Tells when an entry is too old to keep.
        max_entries: Most entries.
        max_bytes: Most memory for values. [bytes]
    """

    def __init__(self, clock: Clock, *, max_entries: int = 4096, max_bytes: int = 64 * 1024 * 1024) -> None:
        self._clock = clock
        self._max_entries = max_entries
        self._max_bytes = max_bytes
        self._entries: OrderedDict[CacheKey, Entry] = OrderedDict()
        self._claims: dict[CacheKey, float] = {}
        self._marks: dict[CacheKey, tuple[float, str]] = {}
        self._bytes = 0

    def peek(self, key: CacheKey) -> Entry | None:
        """`get` without a task switch."""
        entry = self._entries.get(key)
        if entry is None:
            return None
        if entry.age(self._clock.now()) > key.keep:
            self._drop(key)
            return None
        self._entries.move_to_end(key)
        return entry

    async def get(self, key: CacheKey) -> Entry | None:
        """Entry under *key*, of whatever age, or None."""
        return self.peek(key)

    async def put(self, key: CacheKey, entry: Entry) -> None:
        """Keep *entry*, unless a newer one is there."""
        held = self._entries.get(key)
        if held is not None and held.fetched_at > entry.fetched_at and held.age(self._clock.now()) > timedelta(0):
            return
        self._drop(key)
        self._entries[key] = entry
        self._bytes += entry.size
        while len(self._entries) > self._max_entries or (self._bytes > self._max_bytes and len(self._entries) > 1):
            self._drop(next(iter(self._entries)))

    async def claim(self, key: CacheKey, span: float) -> bool:
        """Whether the caller should fetch *key*."""
        now = self._clock.monotonic()
        if self._claims.get(key, 0.0) > now:
            return False
        if len(self._claims) >= self._max_entries:
            self._claims = {other: until for other, until in self._claims.items() if until > now}
        self._claims[key] = now + span
        return True

    async def release(self, key: CacheKey) -> None:
        """Give up a claim."""
        self._claims.pop(key, None)

    async def mark(self, key: CacheKey, span: float, problem: str) -> None:
        """Tell the others that *key* is broken."""
        if len(self._marks) >= self._max_entries:
            self._marks.clear()
        self._marks[key] = (self._clock.monotonic() + span, problem)

    async def marked(self, key: CacheKey) -> Mark | None:
        """What somebody found broken about *key*, while that holds."""
        until, problem = self._marks.get(key, (0.0, ""))
        left = until - self._clock.monotonic()
        return Mark(left, problem) if left > 0 else None

    @property
    def size(self) -> int:
        """Memory for values. [bytes]"""
        return self._bytes

    def __len__(self) -> int:
        return len(self._entries)

    def _drop(self, key: CacheKey) -> None:
        entry = self._entries.pop(key, None)
        if entry is not None:
            self._bytes -= entry.size


class Cache:
    """
    The local store, the remote one behind it, and one fetch at a time per key.

    Args:
        local: Of this process.
        remote: Shared with others.
        clock: Monotonic time for waits.
        sleep: Lets time pass; virtual in tests.
    """

    def __init__(
        self,
        local: MemoryStore,
        *,
        clock: Clock,
        remote: CacheStore | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._local = local
        self._remote = remote
        self._clock = clock
        self._sleep = sleep
        self._flights: dict[CacheKey, asyncio.Task[Entry]] = {}

    async def get(self, key: CacheKey, good: Callable[[Entry], bool]) -> Entry | None:
        """
        Newest entry known, of whatever age.

        Args:
            key: What about.
            good: Whether an entry needs no better one; decides whether the remote store is asked.
        """
        entry = self._local.peek(key)
        if self._remote is None or (entry is not None and good(entry)):
            return entry
        shared = await self._remote.get(key)
        if shared is None or (entry is not None and entry.fetched_at >= shared.fetched_at):
            return entry
        await self._local.put(key, shared)
        return shared

    async def put(self, key: CacheKey, entry: Entry) -> None:
        """Keep *entry* here and, if there is one, in the remote store."""
        await self._local.put(key, entry)
        if self._remote is not None:
            await self._remote.put(key, entry)

    async def mark(self, key: CacheKey, span: float, problem: str) -> None:
        """Tell other processes that *key* is broken; this one knows."""
        if self._remote is not None and span > 0:
            await self._remote.mark(key, min(span, _MARK_MOST_S), problem[:_PROBLEM_MOST])

    async def marked(self, key: CacheKey) -> Mark | None:
        """What another process found broken about *key*, while that holds."""
        mark = None if self._remote is None else await self._remote.marked(key)
        if mark is None or not mark.left > 0:
            return None
        words = "".join(c if c.isprintable() else " " for c in mark.problem[:_PROBLEM_MOST])
        return Mark(min(mark.left, _MARK_MOST_S), words)

    async def fill(
        self, key: CacheKey, load: Callable[[], Awaitable[Entry]], *, good: Callable[[Entry], bool]
    ) -> Entry:
        """
        Load and keep the entry under *key*; those who ask meanwhile get the same one.

        The load goes on when a caller is cancelled, since others may wait for it.

        Args:
            key: What about.
            load: Fetches; its error goes to everybody who waits.
            good: Whether what another process fetched meanwhile will do.
        """
        return await asyncio.shield(self.start(key, load, good=good))

    def start(
        self, key: CacheKey, load: Callable[[], Awaitable[Entry]], *, good: Callable[[Entry], bool]
    ) -> asyncio.Task[Entry]:
        """Do what `fill` does, without waiting; the task must not be cancelled, others may wait for it."""
        flight = self._flights.get(key)
        if flight is None:
            flight = asyncio.get_running_loop().create_task(self._fly(key, load, good), name=f"fill {key.text}")
            self._flights[key] = flight
            flight.add_done_callback(lambda done: self._landed(key, done))
        return flight

    async def aclose(self) -> None:
        """Stop the loads under way."""
        flights = list(self._flights.values())
        for flight in flights:
            flight.cancel()
        await asyncio.gather(*flights, return_exceptions=True)

    def _landed(self, key: CacheKey, flight: asyncio.Task[Entry]) -> None:
        self._flights.pop(key, None)
        if not flight.cancelled():
            flight.exception()  # seen, even when everybody who waited has left

    async def _fly(self, key: CacheKey, load: Callable[[], Awaitable[Entry]], good: Callable[[Entry], bool]) -> Entry:
        if self._remote is None:
            entry = await load()
            await self._local.put(key, entry)
            return entry
        claimed = await self._remote.claim(key, _CLAIM_S)
        if not claimed and (found := await self._from_others(key, good)) is not None:
            return found
        try:
            entry = await load()
            await self.put(key, entry)
        finally:
            if claimed:
                await self._remote.release(key)
        return entry

    async def _from_others(self, key: CacheKey, good: Callable[[Entry], bool]) -> Entry | None:
        """What the process that holds the claim puts into the remote store, if it does so soon."""
        until = self._clock.monotonic() + _OTHERS_WAIT_S
        while self._clock.monotonic() < until:
            await self._sleep(_OTHERS_POLL_S)
            entry = await self.get(key, good)
            if entry is not None and good(entry):
                return entry
        return None

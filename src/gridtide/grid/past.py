"""
A source's past: fetched where it is missing, kept for five weeks, collected where a provider has no history.

It feeds reports and our own forecasts. A question that ends now is answered by what was known a moment ago, so that
every read does not fetch; the newest day is fetched again with every addition, since estimates become measurements.
"""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from gridtide.domain.decision import FreshnessStep
from gridtide.domain.errors import CarbonError
from gridtide.domain.interval import Interval
from gridtide.grid import crosscheck
from gridtide.grid.attempts import Attempts
from gridtide.grid.cache import CacheKey, Entry
from gridtide.grid.desk import Part, Update
from gridtide.grid.provider import Ask, Product
from gridtide.grid.splice import overlay, until

if TYPE_CHECKING:
    from datetime import datetime

    from gridtide.domain.series import Series
    from gridtide.grid.chain import Candidate
    from gridtide.grid.desk import Desk

__all__ = ["Past"]

_KEPT: Final = timedelta(days=35)
_OVERLAP: Final = timedelta(days=1)
_LONG: Final = timedelta(days=14)
_HOUR: Final = timedelta(hours=1)
_MOMENT: Final = timedelta(microseconds=1)


class Past:
    """
    History of one candidate through the cache.

    Args:
        candidate: Who is asked about what.
        desk: Shared with other sources.
    """

    def __init__(self, candidate: Candidate, desk: Desk) -> None:
        info = candidate.provider.info
        self.is_offered = Product.HISTORY in info.products
        self._info = info
        self._candidate = candidate
        self._desk = desk
        self._attempts = Attempts(info, desk)
        self._progress = asyncio.Event()
        self._key = CacheKey(
            info.name,
            candidate.key,
            Product.HISTORY,
            candidate.kind,
            candidate.scope,
            desk.fetcher.setup_of(candidate.provider),
        )

    async def read(self, window: Interval, *, fetch: bool = True) -> Part:
        """
        Values of the past.

        Args:
            window: Span of interest; ends now or earlier.
            fetch: Whether to ask the provider for what is missing.
        """
        wanted = Interval(window.start, max(window.end - self._desk.ttl, window.start + _MOMENT))

        def good(entry: Entry) -> bool:
            return entry.answers(wanted)

        entry = await self._desk.cache.get(self._key, good)
        if entry is not None and good(entry):
            return Part(entry.series, FreshnessStep.CACHED, entry.age(self._desk.clock.now()))
        if not self.is_offered:
            return self._so_far(entry, f"{self._info.name} gives no history")
        if not fetch or (problem := self._attempts.obstacle()):
            return self._so_far(entry, problem if fetch else "")
        try:
            filled = await self._desk.cache.fill(self._key, lambda: self._load(window, entry), good=good)
            if not good(filled):  # somebody else's flight was about another span
                filled = await self._desk.cache.fill(self._key, lambda: self._load(window, filled), good=good)
        except CarbonError as error:
            return self._so_far(entry, error.message)
        return Part(filled.series, FreshnessStep.LIVE, timedelta(0))

    async def recent(self, window: Interval, *, enough: timedelta, patience: float) -> Part:
        """
        What is known of a span that ends now; the rest of it is fetched behind, newest first.

        Args:
            window: Span of interest.
            enough: How much of its end must be known to return at once.
            patience: How long to wait for that much. [s]
        """
        newest = Interval(max(window.start, window.end - enough), window.end - max(self._desk.ttl, _HOUR))
        wanted = Interval(window.start, newest.end)
        entry = await self._desk.cache.get(self._key, lambda entry: entry.answers(wanted))
        if entry is not None and entry.answers(wanted):
            return Part(entry.series, FreshnessStep.CACHED, entry.age(self._desk.clock.now()))
        if not self.is_offered or self._attempts.obstacle():
            return await self.read(window, fetch=False)
        flight = self._desk.cache.start(
            self._key, lambda: self._load(window, entry), good=lambda entry: entry.answers(wanted)
        )
        if entry is None or not entry.answers(newest):
            await self._wait_for(newest, flight, patience)
        return await self.read(window, fetch=False)

    async def _wait_for(self, span: Interval, flight: asyncio.Task[Entry], patience: float) -> None:
        """Wait until *span* is known, the flight has ended or patience is over."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + patience
        while not flight.done() and (left := deadline - loop.time()) > 0:
            progress = asyncio.ensure_future(self._progress.wait())
            await asyncio.wait({flight, progress}, timeout=left, return_when=asyncio.FIRST_COMPLETED)
            progress.cancel()
            self._progress.clear()
            entry = await self._desk.cache.get(self._key, lambda entry: entry.answers(span))
            if entry is not None and entry.answers(span):
                return

    async def collect(self, series: Series) -> None:
        """Keep values that have come true, for providers that give no history of their own."""
        now = self._desk.clock.now()
        seen = until(series, int(now.timestamp()) * 1_000_000_000)
        if self.is_offered or not seen:
            return
        entry = await self._desk.cache.get(self._key, lambda _: True)
        span = Interval(seen.start, max(seen.end, seen.start + _MOMENT))
        await self._desk.cache.put(self._key, _extended(entry, seen, span, now))

    def _so_far(self, entry: Entry | None, problem: str) -> Part:
        refused = self._attempts.is_refused
        if entry is None:
            return Part(None, FreshnessStep.NONE, problem=problem, refused=refused)
        return Part(entry.series, FreshnessStep.STALE, entry.age(self._desk.clock.now()), problem, refused)

    async def _load(self, window: Interval, entry: Entry | None) -> Entry:
        """Fetch what is missing after and before the known span, newest first; each piece is kept as it comes."""
        reached = entry
        self._progress.clear()
        try:
            for span in self._missing(window, entry):
                reached = _extended(reached, await self._fetch(span), span, self._desk.clock.now())
                await self._desk.cache.put(self._key, reached)
                self._progress.set()
        except CarbonError as error:
            self._attempts.failed(error, cold=entry is None)
            if reached is None or reached is entry:
                raise
        else:
            self._attempts.succeeded()
        assert reached is not None  # noqa: S101 - something was missing, so something was fetched
        self._desk.tell(Update(self._key, reached))
        return reached

    async def _fetch(self, span: Interval) -> Series:
        candidate = self._candidate
        ask = Ask(
            zone=candidate.key,
            product=Product.HISTORY,
            window=span,
            kind=candidate.kind,
            now=self._desk.clock.now(),
        )
        series = await self._desk.fetcher.fetch(candidate.provider, ask)
        return crosscheck.examine(series, None).series

    def _missing(self, window: Interval, entry: Entry | None) -> list[Interval]:
        most = self._info.max_span
        if entry is None:
            return _backwards(window, most)
        missing: list[Interval] = []
        if window.end > entry.covered.end:
            start = max(entry.covered.start, entry.covered.end - _OVERLAP)
            missing += _backwards(Interval(start, window.end), most)[::-1]
        if window.start < entry.covered.start:
            missing += _backwards(Interval(window.start, entry.covered.start), most)
        return missing


def _backwards(window: Interval, most: timedelta) -> list[Interval]:
    """
    Parts of *window*, newest first.

    Where a source gives two weeks at once, parts are as long as it allows; where it publishes a file per day they
    begin with one day and grow, so that something is known soon.
    """
    spans, end = [], window.end
    span = most if most >= _LONG else min(_OVERLAP, most)
    while end > window.start:
        start = max(end - span, window.start)
        spans.append(Interval(start, end))
        end, span = start, min(2 * span, most)
    return spans


def _extended(entry: Entry | None, series: Series, span: Interval, now: datetime) -> Entry:
    """Join a new span to what is known; only the last weeks are kept when it grows at its end."""
    if entry is None:
        return Entry(series, span, now)
    covered = Interval(min(entry.covered.start, span.start), max(entry.covered.end, span.end))
    joined = overlay(entry.series, series)
    if covered.length > _KEPT and span.end >= entry.covered.end:
        covered = Interval(covered.end - _KEPT, covered.end)
        joined = joined.clip(covered)
    return Entry(joined, covered, now)

"""
One provider's view of one zone, through the cache: fetches when needed and backs off alone.

A source answers for each product with a `Part`: values, the ladder step they deserve, their age and, when that is not
the best step, why. It never raises for a provider's faults.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from gridtide.domain.decision import FreshnessStep
from gridtide.domain.errors import CarbonError, ProviderUnavailable
from gridtide.domain.interval import Interval
from gridtide.grid import freshness
from gridtide.grid.attempts import Attempts
from gridtide.grid.belief import Belief
from gridtide.grid.cache import CacheKey, Entry
from gridtide.grid.desk import Part, Update
from gridtide.grid.past import Past
from gridtide.grid.provider import Ask, Product
from gridtide.grid.splice import overlay

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from gridtide.domain.series import Series
    from gridtide.grid.chain import Candidate
    from gridtide.grid.desk import Desk

__all__ = ["Source"]

_DAY: Final = timedelta(days=1)
_HOUR: Final = timedelta(hours=1)
_CURRENT_SPAN: Final = timedelta(minutes=5)


class Source:
    """
    One candidate with its cache entries.

    Args:
        candidate: Who is asked about what.
        desk: Shared with other sources.
        yearly_mean: Of the zone, for a first check of plausibility; None when unknown. [gCO2eq/kWh]

    Attributes:
        past: Its history.
        belief: Whether its values can be right.
    """

    def __init__(self, candidate: Candidate, desk: Desk, *, yearly_mean: float | None = None) -> None:
        self.candidate = candidate
        self.info = candidate.provider.info
        self.past = Past(candidate, desk)
        self.belief = Belief(self.info.name, candidate.key, desk.clock, yearly_mean=yearly_mean)
        self._desk = desk
        self._setup = desk.fetcher.setup_of(candidate.provider)
        self._attempts = {product: Attempts(self.info, desk) for product in (Product.CURRENT, Product.FORECAST)}
        self._held: dict[Product, Entry] = {}
        self._wanted: dict[Product, tuple[timedelta, float]] = {}
        self._jitter = freshness.most_jitter(self.info) * desk.rng.random()

    @property
    def name(self) -> str:
        """Of the provider."""
        return self.info.name

    def offers(self, product: Product) -> bool:
        """Whether the provider has it at all."""
        return product in self.info.products

    def key(self, product: Product) -> CacheKey:
        """Where its entries are."""
        candidate = self.candidate
        return CacheKey(self.name, candidate.key, product, candidate.kind, candidate.scope, self._setup)

    @property
    def has_delivered(self) -> bool:
        """Whether it ever gave values; a refusal after that is an outage, not a plan that never covered the zone."""
        return bool(self._held)

    def known(self) -> Series | None:
        """Everything believed so far, without asking anybody."""
        known: Series | None = None
        for entry in self._held.values():
            known = entry.series if known is None else overlay(known, entry.series)
        return known

    async def part(
        self,
        product: Product,
        window: Interval,
        *,
        bound: timedelta,
        max_age: timedelta | None = None,
        fetch: bool = True,
    ) -> Part:
        """
        Current values or a forecast.

        Args:
            product: Which of them.
            window: Span of interest.
            bound: Age up to which stale values are of use; with such at hand, a slow fetch is not waited for.
            max_age: Age up to which a cached answer counts as fresh; None for the source's own rhythm.
            fetch: Whether to ask the provider for what the cache does not have.
        """

        def good(entry: Entry) -> bool:
            return self._is_fresh(entry, product, max_age) and self._reaches(entry, product, window)

        if fetch:
            self._wanted[product] = (window.end - self._desk.clock.now(), self._desk.clock.monotonic())
        entry = await self._desk.cache.get(self.key(product), good)
        if entry is not None:
            self._held[product] = entry
            if good(entry):
                return self._judged(entry, product, FreshnessStep.CACHED, max_age)
        attempts = self._attempts[product]
        problem = attempts.obstacle()
        if fetch and not problem:
            try:
                filled = await self._filled(product, window, entry, good, bound)
                return self._judged(filled, product, FreshnessStep.LIVE, max_age)
            except TimeoutError:
                problem = f"{self.name} is slow to answer"
            except CarbonError as error:
                problem = error.message
        if entry is None:
            refused, blocked = attempts.is_refused, attempts.is_blocked
            return Part(None, FreshnessStep.NONE, problem=problem, refused=refused, blocked=blocked)
        part = self._judged(entry, product, FreshnessStep.CACHED, max_age)
        return replace(part, problem=problem, refused=attempts.is_refused, blocked=attempts.is_blocked)

    def due(self, product: Product, *, idle: timedelta) -> datetime | None:
        """When to fetch *product* again; None when nobody has asked for it within *idle*."""
        now, monotonic = self._desk.clock.now(), self._desk.clock.monotonic()
        asked_at = self._wanted.get(product, (timedelta(0), float("-inf")))[1]
        if monotonic - asked_at > idle.total_seconds():
            return None
        if wait := self._attempts[product].wait:
            return now + timedelta(seconds=wait)
        entry = self._held.get(product)
        return now if entry is None else self._fresh_until(entry, product)

    async def refresh(self, product: Product) -> bool:
        """Fetch what was last asked for again, before somebody does; whether new values came."""
        now = self._desk.clock.now()
        span, _ = self._wanted.get(product, (self.info.period, 0.0))
        window = Interval(now, now + max(span, self.info.period))
        try:
            await self._filled(
                product, window, self._held.get(product), lambda entry: entry.fetched_at >= now, timedelta(0)
            )
        except CarbonError:
            return False
        return True

    # -- fetching --------------------------------------------------------------------------------------------------

    async def _filled(
        self, product: Product, window: Interval, entry: Entry | None, good: Callable[[Entry], bool], bound: timedelta
    ) -> Entry:
        stale_at_hand = entry is not None and entry.is_younger_than(bound, self._desk.clock.now())
        async with asyncio.timeout(self._desk.patience.total_seconds() if stale_at_hand else None):
            filled = await self._desk.cache.fill(
                self.key(product), lambda: self._load(product, window, entry), good=good
            )
            if not self._reaches(filled, product, window):  # somebody else's flight had a shorter window
                filled = await self._desk.cache.fill(
                    self.key(product), lambda: self._load(product, window, filled), good=good
                )
        self._held[product] = filled
        return filled

    async def _load(self, product: Product, window: Interval, before: Entry | None) -> Entry:
        candidate, attempts = self.candidate, self._attempts[product]
        now = self._desk.clock.now()
        ask = Ask(
            zone=candidate.key,
            product=product,
            window=self._window_to_ask(product, window, now),
            kind=candidate.kind,
            now=now,
        )
        try:
            await attempts.refuse_if_marked(self.key(product))
            series = await self._desk.fetcher.fetch(candidate.provider, ask, retries=attempts.retries)
            if not series:
                raise ProviderUnavailable(f"{self.name} has no values for {candidate.key} now", provider=self.name)
            series = self.belief.sift(series, self._known_like(series, before))
        except CarbonError as error:
            attempts.failed(error, cold=before is None)
            await attempts.share(self.key(product), error)
            self._desk.tell(Update(self.key(product), None, error.message))
            raise
        attempts.succeeded()
        entry = Entry(series, ask.window, self._desk.clock.now())
        if product is Product.CURRENT:
            await self.past.collect(series)
        self._desk.tell(Update(self.key(product), entry))
        return entry

    def _known_like(self, series: Series, before: Entry | None) -> Series | None:
        """What was believed so far and means the same as *series*."""
        entries = [*self._held.values(), *([before] if before else [])]
        known: Series | None = None
        for entry in entries:
            signal = entry.series.signal
            if (signal.unit, signal.scope) == (series.signal.unit, series.signal.scope):
                known = entry.series if known is None else overlay(known, entry.series)
        return known

    def _window_to_ask(self, product: Product, window: Interval, now: datetime) -> Interval:
        """Somewhat more than is wanted, so that the next question is answered by the same entry."""
        if product is Product.CURRENT:
            return Interval(now, now + max(self.info.period, _CURRENT_SPAN))
        days = max(1, -((now - window.end) // _DAY))
        return Interval(now, now + min(days * _DAY + _HOUR, max(self.info.horizon, _HOUR)))

    # -- judging ---------------------------------------------------------------------------------------------------

    def _is_fresh(self, entry: Entry, product: Product, max_age: timedelta | None) -> bool:
        now = self._desk.clock.now()
        if max_age is not None and entry.age(now) > max_age:
            return False
        return entry.is_younger_than(freshness.STALE_MOST, now) and now < self._fresh_until(entry, product)

    def _fresh_until(self, entry: Entry, product: Product) -> datetime:
        return freshness.fresh_until(self.info, entry, product, self._desk.ttl, self._jitter)

    def _reaches(self, entry: Entry, product: Product, window: Interval) -> bool:
        """Whether an entry was asked for all of *window* that the provider can give."""
        if product is Product.CURRENT:
            return True
        return min(window.end, entry.covered.start + self.info.horizon) <= entry.covered.end

    def _judged(self, entry: Entry, product: Product, step: FreshnessStep, max_age: timedelta | None) -> Part:
        now = self._desk.clock.now()
        age, problem = entry.age(now), self.belief.suspicion
        information = freshness.information_age(entry.series, product, now)
        late = information is not None and freshness.is_late(self.info, entry.series, product, now)
        if late and information is not None:
            step, age = FreshnessStep.STALE, max(age, information)
            problem = f"{self.name} answers, but its newest data are {_in_words(information)} old"
        elif not self._is_fresh(entry, product, max_age):
            step, age = FreshnessStep.STALE, max(age, information or timedelta(0))
        until = self._fresh_until(entry, product)
        limit = freshness.late_from(self.info, entry.series, product)
        until = until if limit is None else min(until, limit)
        return Part(entry.series, step, age, problem, until=until, late=late)

    def __repr__(self) -> str:
        return f"<Source {self.name}/{self.candidate.key} {self.candidate.kind}>"


def _in_words(span: timedelta) -> str:
    minutes = int(span.total_seconds() // 60)
    return f"{minutes} min" if minutes < 120 else f"{minutes / 60:.1f} h"

"""What the sources of one client share, and what they say: one answer, one piece of news."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

from gridtide.domain.decision import FreshnessStep
from gridtide.grid.cache import DEFAULT_TTL

if TYPE_CHECKING:
    import random
    from collections.abc import Callable
    from datetime import datetime

    from gridtide.domain.ports import Clock
    from gridtide.domain.series import Series
    from gridtide.grid.cache import Cache, CacheKey, Entry
    from gridtide.grid.fetch import Fetcher

__all__ = ["Desk", "Part", "Update"]


@dataclass(frozen=True, slots=True)
class Update:
    """News from a source: a new entry, or why there is none."""

    key: CacheKey
    entry: Entry | None
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Desk:
    """
    What all sources of a client share.

    Args:
        fetcher: Asks providers.
        cache: Keeps answers.
        clock: Wall and monotonic time.
        rng: Source of jitter.
        ttl: How long an answer is fresh at least.
        patience: How long a caller waits for a fetch when something stale is at hand.
        listeners: Told about every fetch.
    """

    fetcher: Fetcher
    cache: Cache
    clock: Clock
    rng: random.Random
    ttl: timedelta = DEFAULT_TTL
    patience: timedelta = timedelta(seconds=2)
    listeners: list[Callable[[Update], None]] = field(default_factory=list)

    def tell(self, update: Update) -> None:
        """Hand news to everybody who listens."""
        for listener in self.listeners:
            listener(update)


@dataclass(frozen=True, slots=True)
class Part:
    """
    What a source has of one product.

    Args:
        series: Values, or None.
        step: ``live``, ``cached``, ``stale`` or ``none``.
        age: Of the information in it.
        problem: Why it is no better; empty when nothing is wrong.
        refused: Whether asking again soon is useless.
        until: Instant up to which it needs no better one.
        late: Whether the source answered in time with data that are not.
        blocked: Whether asking the same source for something else will not help now: a limit on calls is used up, or
            its server fails.
    """

    series: Series | None
    step: FreshnessStep
    age: timedelta | None = None
    problem: str = ""
    refused: bool = False
    until: datetime | None = None
    late: bool = False
    blocked: bool = False

    def is_usable(self, bound: timedelta) -> bool:
        """Whether there are values, fresh or not older than *bound*."""
        return self.series is not None and (self.is_fresh or (self.age is not None and self.age <= bound))

    @property
    def is_fresh(self) -> bool:
        """Whether it is as good as the source can be expected to give."""
        return self.step in {FreshnessStep.LIVE, FreshnessStep.CACHED}

"""
When one zone and product of a provider may be asked again after failures.

A fault makes the distance between tries grow, never below what a healthy zone is asked at; a limit postpones the next
try and is no fault; a refusal for good, such as a plan that does not cover it, is remembered for an hour. Faults of the
source are shared with other processes where they have a store together, so that a restart does not ask again at once.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from gridtide.domain.errors import (
    ConfigurationError,
    MalformedPayload,
    ProviderUnavailable,
    RateLimited,
    Unauthorized,
    ZoneNotCovered,
)
from gridtide.grid import freshness
from gridtide.grid.breaker import Backoff
from gridtide.grid.line import RETRIES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gridtide.domain.errors import CarbonError
    from gridtide.grid.cache import CacheKey
    from gridtide.grid.desk import Desk
    from gridtide.grid.provider import ProviderInfo

__all__ = ["Attempts"]

_REFUSED_FOR_S: Final = 3600.0
_LIMITED_LEAST_S: Final = 5.0
_EARLIER_S: Final = 1.0


class Attempts:
    """
    Failures in a row of one product of one zone.

    Args:
        info: Tells how often healthy zones are asked.
        desk: Clock, jitter and TTL.
    """

    def __init__(self, info: ProviderInfo, desk: Desk) -> None:
        self._info = info
        self._desk = desk
        self._backoff = Backoff()
        self._refused_until = 0.0
        self._problem = ""
        self._blocked = False

    @property
    def is_blocked(self) -> bool:
        """Whether the last failure concerns the source as a whole: a limit on calls, or a server that fails."""
        return self._blocked and self.wait > 0

    @property
    def is_refused(self) -> bool:
        """Whether asking again soon is useless."""
        return self._refused_until > self._desk.clock.monotonic()

    @property
    def retries(self) -> int:
        """Further tries a fetch may make: none while the last fetch failed."""
        return 0 if self._backoff.failures else RETRIES

    @property
    def wait(self) -> float:
        """Seconds until it may be asked again; 0 when it may now. [s]"""
        now = self._desk.clock.monotonic()
        return max(self._backoff.wait(now), self._refused_until - now, 0.0)

    def obstacle(self) -> str:
        """Why it may not be asked now; empty when it may."""
        return self._problem if self.wait > 0 else ""

    async def refuse_if_marked(self, key: CacheKey) -> None:
        """
        Leave alone what another process has just found broken.

        Raises:
            ProviderUnavailable: With what that process found; ``marked`` in its facts.
        """
        mark = await self._desk.cache.marked(key)
        if mark is not None:
            raise ProviderUnavailable(
                f"{mark.problem} (found by another process; asked again in {mark.left:.0f} s)",
                hint="older values or another source are used meanwhile",
                retry_after=timedelta(seconds=mark.left),
                provider=self._info.name,
                marked=True,
            )

    async def share(self, key: CacheKey, error: CarbonError) -> None:
        """
        Tell other processes about a fault of the source, which each of them would meet too.

        What may be a fault of this process alone is not told: its network, its key, or what it believes.
        """
        told = isinstance(error, (ProviderUnavailable, MalformedPayload))
        own = {"connection", "breaker", "marked", "quarantine"} & set(error.facts)
        if told and not any(error.facts[fact] for fact in own):
            await self._desk.cache.mark(key, self.wait - _EARLIER_S, error.message)

    def failed(self, error: CarbonError, *, cold: bool) -> None:
        """
        Note a failure.

        Args:
            error: What came instead of values.
            cold: Whether nothing is known yet; then the first wait is the shorter TTL.
        """
        now = self._desk.clock.monotonic()
        self._problem = error.message
        self._blocked = _concerns_all(error)
        if isinstance(error, (Unauthorized, ZoneNotCovered, ConfigurationError)):
            self._refused_until = now + _REFUSED_FOR_S
            return
        asked = error.retry_after.total_seconds() if error.retry_after else 0.0
        if "marked" in error.facts:
            self._backoff.postpone(now, max(asked, _LIMITED_LEAST_S))
            return
        if isinstance(error, RateLimited):
            spread = self._desk.rng.uniform(1.0, 1.5)
            self._backoff.postpone(now, max(asked, _LIMITED_LEAST_S) * spread)
            return
        interval = freshness.healthy_interval(self._info, self._desk.ttl)
        if cold and not self._backoff.failures:
            interval = self._desk.ttl
        self._backoff.failed(
            now,
            interval=interval.total_seconds(),
            at_least=asked,
            rng=self._desk.rng,
        )

    def succeeded(self) -> None:
        """Forget the failures."""
        self._backoff, self._problem, self._refused_until = Backoff(), "", 0.0


def _concerns_all(error: CarbonError) -> bool:
    facts = error.facts
    failing = bool({"breaker", "marked"} & set(facts)) or bool(facts.get("connection")) or _is_server_fault(facts)
    return isinstance(error, RateLimited) or (isinstance(error, ProviderUnavailable) and failing)


def _is_server_fault(facts: Mapping[str, object]) -> bool:
    status = facts.get("status")
    return isinstance(status, int) and status >= 500

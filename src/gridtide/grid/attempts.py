"""
When one zone and product of a provider may be asked again after failures.

A fault makes the distance between tries grow, never below what a healthy zone is asked at; a limit postpones the next
try and is no fault; a refusal for good, such as a plan that does not cover it, is remembered for an hour.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gridtide.domain.errors import (
    ConfigurationError,
    ProviderUnavailable,
    RateLimited,
    Unauthorized,
    ZoneNotCovered,
)
from gridtide.grid import freshness
from gridtide.grid.breaker import Backoff
from gridtide.grid.line import RETRIES

if TYPE_CHECKING:
    from gridtide.domain.errors import CarbonError
    from gridtide.grid.desk import Desk
    from gridtide.grid.provider import ProviderInfo

__all__ = ["Attempts"]

_REFUSED_FOR_S: Final = 3600.0
_LIMITED_LEAST_S: Final = 5.0


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
    status = error.facts.get("status")
    failing = "breaker" in error.facts or error.facts.get("connection") or (isinstance(status, int) and status >= 500)
    return isinstance(error, RateLimited) or (isinstance(error, ProviderUnavailable) and bool(failing))

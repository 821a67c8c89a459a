"""
When to leave a source alone for a while: a breaker per host, and a growing distance between tries per zone.

The breaker opens after three failures in a row and then lets one probe through at a time, later and later, with
jitter, so that replicas do not probe together. A fault of the connection counts at once; a fault of one zone counts
once per zone, so that one broken zone never closes the door for healthy ones. That zone backs off alone instead, and
is never asked more often than healthy zones are.

::

    closed --3 failures--> open --after a while--> half open --success--> closed
                             ^---------- failure ------|
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from gridtide.domain.errors import ProviderUnavailable

if TYPE_CHECKING:
    import random

__all__ = ["Backoff", "Breaker"]

_OPEN_FIRST_S: Final = 30.0
_OPEN_MOST_S: Final = 15 * 60.0
_PROBE_LIMIT_S: Final = 30.0
_THRESHOLD: Final = 3
_DOUBLINGS_MAX: Final = 3
_DOUBLINGS_BOUND: Final = 10


@dataclass(slots=True)
class Breaker:
    """
    State of one host. Times are monotonic seconds given by the caller.

    Args:
        name: Host, for messages.
        rng: Source of jitter.
    """

    name: str
    rng: random.Random
    _connection_failures: int = 0
    _failed_zones: set[str] = field(default_factory=set)
    _openings: int = 0
    _open_until: float | None = None
    _probe_until: float | None = None

    @property
    def is_open(self) -> bool:
        """Whether calls are refused, apart from a probe."""
        return self._open_until is not None

    def check(self, now: float) -> None:
        """
        Pass, as a probe when half open.

        Raises:
            ProviderUnavailable: The host is left alone for now; ``retry_after`` says for how long.
        """
        if self._open_until is None:
            return
        wait = self._open_until - now
        if wait <= 0 and (self._probe_until is None or now >= self._probe_until):
            self._probe_until = now + _PROBE_LIMIT_S
            return
        raise ProviderUnavailable(
            f"{self.name} is left alone after {_THRESHOLD} failures in a row",
            hint="the cache or another source is used meanwhile",
            retry_after=timedelta(seconds=max(wait, 1.0)),
            host=self.name,
            breaker="open",
        )

    def succeeded(self) -> None:
        """Note an answer, of whatever use: the host is there."""
        self._connection_failures = 0
        self._failed_zones.clear()
        self._openings = 0
        self._open_until = self._probe_until = None

    def failed(self, now: float, *, zone: str, connection: bool) -> None:
        """Note a failure; *connection* when the host itself could not be reached in time."""
        if connection:
            self._connection_failures += 1
        elif len(self._failed_zones) < _THRESHOLD:
            self._failed_zones.add(zone)
        half_open = self._probe_until is not None
        if half_open or max(self._connection_failures, len(self._failed_zones)) >= _THRESHOLD:
            span = min(_OPEN_FIRST_S * 2 ** min(self._openings, _DOUBLINGS_BOUND), _OPEN_MOST_S)
            self._openings += 1
            self._open_until = now + span * self.rng.uniform(0.75, 1.25)
            self._probe_until = None


@dataclass(slots=True)
class Backoff:
    """Distance between tries of one zone and product after failures. Times are monotonic seconds."""

    failures: int = 0
    _until: float = 0.0

    def wait(self, now: float) -> float:
        """Seconds until the next try; 0 when it may be now. [s]"""
        return max(0.0, self._until - now)

    def failed(self, now: float, *, interval: float, at_least: float = 0.0, rng: random.Random) -> None:
        """
        Note a failure.

        Args:
            now: Monotonic time. [s]
            interval: How often a healthy zone is asked. [s]
            at_least: What the provider asked for. [s]
            rng: Source of jitter, which only ever makes the wait longer.
        """
        span = interval * 2 ** min(self.failures, _DOUBLINGS_MAX)
        self.failures += 1
        self._until = now + max(span * rng.uniform(1.0, 1.1), at_least)

    def postpone(self, now: float, span: float) -> None:
        """Wait at least *span* without counting a failure: the limit was ours or the provider's, not a fault."""
        self._until = max(self._until, now + span)

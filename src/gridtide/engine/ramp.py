"""
The release ramp: how fast waiting work may be let go, so that a green hour is no stampede (invariant I6).

A token bucket gives the rate. It eases off when the platform struggles and recovers slowly (additive increase,
multiplicative decrease). Work with one common latest start is spread ahead of it: early, never late.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from gridtide.domain.errors import InvalidInput
from gridtide.domain.units import NS_PER_SECOND

__all__ = ["Ramp"]

_SPREAD_NS: Final = 60 * NS_PER_SECOND
_FLOOR: Final = 1 / 64
_RECOVERY: Final = 1.1
_TIDY_AT: Final = 1440


@dataclass(slots=True)
class Ramp:
    """
    Token bucket on virtual time.

    Args:
        per_second: Releases per second; None means no limit. [1/s]
        burst: Most releases at one instant after a quiet time.

    Raises:
        InvalidInput: A rate that is not positive, or a burst below one.
    """

    per_second: float | None = None
    burst: int = 1
    _tokens: float = field(init=False)
    _filled_ns: int | None = field(init=False, default=None)
    _share: float = field(init=False, default=1.0)
    _reserved: dict[int, int] = field(init=False, default_factory=dict)
    _tidy_at: int = field(init=False, default=_TIDY_AT)

    def __post_init__(self) -> None:
        if self.per_second is not None and not 0 < self.per_second < float("inf"):
            raise InvalidInput(f"release rate is {self.per_second}; allowed: above 0 per second", field="per_second")
        if self.burst < 1:
            raise InvalidInput(f"release burst is {self.burst}; allowed: at least 1", field="burst")
        self._tokens = float(self.burst)

    @property
    def rate(self) -> float | None:
        """Releases per second at the moment; None without a limit. [1/s]"""
        return None if self.per_second is None else self.per_second * self._share

    def take(self, now_ns: int) -> bool:
        """Take one token at *now_ns* if there is one. [ns]"""
        rate = self.rate
        if rate is None:
            return True
        if self._filled_ns is not None:
            elapsed_s = max(0, now_ns - self._filled_ns) / NS_PER_SECOND
            self._tokens = min(float(self.burst), self._tokens + elapsed_s * rate)
        self._filled_ns = now_ns
        if self._tokens < 1.0 - 1e-9:
            return False
        self._tokens -= 1.0
        return True

    def next_token_ns(self, now_ns: int) -> int:
        """When the next token is there. [ns]"""
        rate = self.rate
        if rate is None or self._tokens >= 1.0:
            return now_ns
        return now_ns + max(1, int((1.0 - self._tokens) / rate * NS_PER_SECOND) + 1)

    def reserve(self, latest_ns: int, now_ns: int) -> int:
        """Instant at which work with this latest start must go, ahead of others in the same minute. [ns]"""
        if self.per_second is None:
            return latest_ns
        if len(self._reserved) >= self._tidy_at:
            self._forget(now_ns)
        slot = latest_ns // _SPREAD_NS
        ahead = self._reserved.get(slot, 0)
        self._reserved[slot] = ahead + 1
        return latest_ns - int(ahead / self.per_second * NS_PER_SECOND)

    def ease(self) -> None:
        """Halve the rate: the platform is struggling."""
        self._share = max(_FLOOR, self._share / 2)

    def recover(self) -> None:
        """Raise the rate by a tenth, up to what was asked for."""
        self._share = min(1.0, self._share * _RECOVERY)

    def _forget(self, before_ns: int) -> None:
        """Drop what was reserved for minutes that are over; the next look comes when twice as many are left."""
        last = before_ns // _SPREAD_NS
        self._reserved = {slot: count for slot, count in self._reserved.items() if slot >= last}
        self._tidy_at = max(_TIDY_AT, 2 * len(self._reserved))

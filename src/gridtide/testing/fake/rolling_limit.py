"""A rolling limit as providers publish it: so many calls in any span of a length."""

from __future__ import annotations

from collections import defaultdict, deque
from typing import TYPE_CHECKING

from gridtide.testing.answer import Answer, text_answer

if TYPE_CHECKING:
    from datetime import datetime, timedelta

__all__ = ["RollingLimit"]


class RollingLimit:
    """
    Counts calls per caller.

    Args:
        calls: Most calls in any span of *window*.
        window: Length of the span.

    Attributes:
        refused: How many calls were over the limit.
    """

    def __init__(self, calls: int, window: timedelta) -> None:
        self.calls = calls
        self.window = window
        self.refused = 0
        self._seen: dict[str, deque[datetime]] = defaultdict(deque)

    def refusal(self, caller: str, now: datetime) -> Answer | None:
        """429 with the seconds to wait when *caller* is over the limit; None counts the call."""
        seen = self._seen[caller]
        while seen and seen[0] <= now - self.window:
            seen.popleft()
        if len(seen) < self.calls:
            seen.append(now)
            return None
        self.refused += 1
        wait = int((seen[0] + self.window - now).total_seconds()) + 1
        return text_answer('{"error":"Too many requests"}', 429, content_type="application/json").header(
            "Retry-After", str(wait)
        )

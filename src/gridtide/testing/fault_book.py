"""Which fault hits which request: bounds, counts and probability."""

from __future__ import annotations

import random
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

from gridtide.domain.errors import InvalidInput

if TYPE_CHECKING:
    from datetime import datetime

    from gridtide.testing.faults import Fault

__all__ = ["ActiveFault", "FaultBook"]


@dataclass(slots=True, kw_only=True, eq=False)
class ActiveFault:
    """
    A fault that is set on a server; a context manager that takes it away again.

    Args:
        fault: What goes wrong.
        book: Where it is set.
        provider: Whose requests, ``*`` for all.
        zone: Only this zone of the provider.
        path: Only paths that contain this.
        times: How many requests it still hits; None for no end.
        probability: Chance of hitting a request that fits. [0..1]
        after: Requests that fit and are spared first.
        since: When it was set.
        hits: How many requests it has hit.
    """

    fault: Fault
    book: FaultBook = field(repr=False)
    provider: str = "*"
    zone: str | None = None
    path: str | None = None
    times: int | None = None
    probability: float = 1.0
    after: int = 0
    since: datetime
    hits: int = 0

    def fits(self, provider: str, zone: str, path: str) -> bool:
        """Whether a request is among those it can hit."""
        return (
            self.provider in {"*", provider}
            and (self.zone is None or self.zone == zone)
            and (self.path is None or self.path in path)
        )

    def remove(self) -> None:
        """Take the fault away."""
        self.book.discard(self)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.remove()


class FaultBook:
    """All faults of a server, in the order in which they were set."""

    def __init__(self, seed: int = 0) -> None:
        self._lock = threading.Lock()
        self._active: list[ActiveFault] = []
        self.luck = random.Random(seed)  # noqa: S311 - chooses which test request fails, no secret

    def __len__(self) -> int:
        return len(self._active)

    def add(self, active: ActiveFault) -> ActiveFault:
        """Set a fault; raises `InvalidInput` for a probability outside 0..1."""
        if not 0.0 <= active.probability <= 1.0:
            raise InvalidInput(f"probability is {active.probability}; allowed: from 0 to 1", field="probability")
        with self._lock:
            self._active.append(active)
        return active

    def discard(self, active: ActiveFault) -> None:
        """Take one fault away; does nothing when it is gone."""
        with self._lock:
            self._active = [other for other in self._active if other is not active]

    def clear(self, provider: str | None = None) -> None:
        """Take all faults away, or all of one provider."""
        with self._lock:
            self._active = [a for a in self._active if provider is not None and a.provider not in {"*", provider}]

    def hit(self, provider: str, zone: str, path: str) -> list[ActiveFault]:
        """Faults that act on this request; counts them."""
        with self._lock:
            chosen = [active for active in self._active if active.fits(provider, zone, path) and self._strikes(active)]
            for active in chosen:
                active.hits += 1
                if active.times is not None:
                    active.times -= 1
            self._active = [active for active in self._active if active.times is None or active.times > 0]
            return chosen

    def _strikes(self, active: ActiveFault) -> bool:
        if active.after > 0:
            active.after -= 1
            return False
        return active.probability >= 1.0 or self.luck.random() < active.probability

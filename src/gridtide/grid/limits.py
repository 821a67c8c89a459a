"""
Politeness towards providers: budgets of calls, pauses they ask for, and few connections at once (invariant I10).

A budget is kept as one number per host, the *theoretical arrival time* of the generic cell rate algorithm (a token
bucket without a timer): at most *calls* requests start in any span of *window*, part of them in one burst. Work in the
background leaves half of the burst to questions that somebody waits for. With a shared store the same number lives
there, so that replicas share one budget and one pause; when the store does not answer, each process keeps to its own
fraction. A store that was emptied starts with half of the burst, and a process that has lost its store with a
sixteenth of its fraction's, so that restarts do not multiply the budget.

References:
    ITU-T I.371 (2004), annex A: generic cell rate algorithm, virtual scheduling form.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final, Protocol

from gridtide.domain.errors import RateLimited

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from gridtide.domain.ports import Clock

__all__ = ["Budget", "Limits", "SharedLimits"]

_HOSTS_MAX: Final = 4096
_BURST_SHARE: Final = 0.25
_SMALL_BURST: Final = 10
_HEADROOM: Final = 0.5
_COLD_SHARE: Final = 0.5
_COLD_SHARE_ALONE: Final = 1 / 16


@dataclass(frozen=True, slots=True)
class Budget:
    """
    How many calls a host allows.

    Args:
        calls: Most calls that may start in any span of *window*.
        window: Span the calls are counted over.
        background: Whether half of the burst is left to others.
    """

    calls: int
    window: timedelta
    background: bool = False

    def scaled(self, share: float) -> Budget:
        """Fraction of the budget; never less than one call."""
        return replace(self, calls=max(1, int(self.calls * share)))

    def behind(self) -> Budget:
        """Return the same budget for work that nobody waits for."""
        return replace(self, background=True)

    @property
    def burst(self) -> int:
        """Most calls that may start at once: a quarter of all, or ten, but never more than half."""
        return max(1, min(self.calls // 2, max(_SMALL_BURST, int(self.calls * _BURST_SHARE))))

    @property
    def interval(self) -> float:
        """Spacing once the burst is used up: burst + window / interval - 1 = calls. [s]"""
        return self.window.total_seconds() / (self.calls - self.burst + 1)

    @property
    def tolerance(self) -> float:
        """How far the arrival time may run ahead of now. [s]"""
        return (self.burst - 1) * self.interval * (_HEADROOM if self.background else 1.0)

    @property
    def cold_lead(self) -> float:
        """Lead of the arrival time in an empty store, which leaves half of the burst. [s]"""
        return self.cold_lead_of(_COLD_SHARE)

    def cold_lead_of(self, share: float) -> float:
        """Lead of the arrival time that leaves *share* of the burst. [s]"""
        return (self.burst - max(1, int(self.burst * share))) * self.interval


class SharedLimits(Protocol):
    """Where replicas keep budgets and pauses together; it may fail to answer at any time."""

    async def reserve(self, host: str, budget: Budget, *, patience: float) -> float | None:
        """Wait before the call may start, reserved if at most *patience*; None when the store does not answer. [s]"""
        ...

    async def pause(self, host: str, span: float) -> None:
        """Tell the others to leave *host* alone for *span* seconds."""
        ...


class Limits:
    """
    Budgets and pauses of all hosts, as one process sees them.

    Args:
        clock: Monotonic time.
        sleep: Lets time pass; virtual in tests.
        shared: Where replicas meet; None for a single process.
        share: Fraction of a budget this process keeps to while *shared* does not answer. [0..1]
    """

    def __init__(
        self,
        clock: Clock,
        *,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        shared: SharedLimits | None = None,
        share: float = 1.0,
    ) -> None:
        self._clock = clock
        self._sleep = sleep
        self._shared = shared
        self._share = share
        self._arrivals: dict[tuple[str, bool], float] = {}
        self._pauses: dict[str, float] = {}

    async def admit(self, host: str, budget: Budget, *, patience: float) -> None:
        """
        Return when a call to *host* may start.

        Args:
            host: What the budget belongs to.
            budget: Of that host.
            patience: Longest acceptable wait. [s]

        Raises:
            RateLimited: It would take longer; ``retry_after`` says how long.
        """
        self._refuse_if_longer(host, self.paused_for(host), patience)
        wait = self._reserve(host, budget, patience, own_share=False)
        if self._shared is not None:
            shared = await self._shared.reserve(host, budget, patience=patience)
            if shared is None:
                shared = self._reserve(host, budget.scaled(self._share), patience, own_share=True)
            wait = max(wait, shared)
        wait = max(wait, self.paused_for(host))
        self._refuse_if_longer(host, wait, patience)
        if wait > 0:
            await self._sleep(wait)
            self._refuse_if_longer(host, self.paused_for(host), 0.0)

    async def pause(self, host: str, span: timedelta) -> None:
        """Leave *host* alone for *span*, here and in the other replicas."""
        seconds = span.total_seconds()
        self._bound(self._pauses)
        self._pauses[host] = max(self._pauses.get(host, 0.0), self._clock.monotonic() + seconds)
        if self._shared is not None:
            await self._shared.pause(host, seconds)

    def paused_for(self, host: str) -> float:
        """Seconds until *host* may be called again as far as this process knows; 0 when it may now. [s]"""
        return max(0.0, self._pauses.get(host, 0.0) - self._clock.monotonic())

    def _reserve(self, host: str, budget: Budget, patience: float, *, own_share: bool) -> float:
        now = self._clock.monotonic()
        key = (host, own_share)
        cold = budget.cold_lead_of(_COLD_SHARE_ALONE if own_share else 1.0)
        arrival = max(self._arrivals.get(key, now + cold), now)
        wait = max(0.0, arrival - budget.tolerance - now)
        if wait <= patience:
            self._bound(self._arrivals)
            self._arrivals[key] = arrival + budget.interval
        return wait

    @staticmethod
    def _bound(table: dict[str, float] | dict[tuple[str, bool], float]) -> None:
        if len(table) >= _HOSTS_MAX:
            table.clear()

    @staticmethod
    def _refuse_if_longer(host: str, wait: float, patience: float) -> None:
        if wait > patience:
            raise RateLimited(
                f"calls to {host} have to wait {wait:.0f} s: the provider's limit or our budget for it is used up",
                hint="cached values are used meanwhile",
                retry_after=timedelta(seconds=wait),
                host=host,
            )

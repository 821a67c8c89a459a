"""
The line to one provider: one request at a time from "wanted" to "usable answer", with everything on the way.

A request passes the host's budget and pause, gets a token where it needs one, is sent, and is sent again after a
passing fault: at most two retries, full jitter, or exactly as long as the server asks for, and never past the
deadline of the fetch it belongs to.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from gridtide.domain.errors import GridError, ProviderUnavailable, RateLimited, Unauthorized
from gridtide.grid import status
from gridtide.grid.limits import Budget
from gridtide.grid.login import Login
from gridtide.grid.redaction import secrets_of
from gridtide.grid.wire import CONNECTIONS

if TYPE_CHECKING:
    import random
    from collections import Counter
    from collections.abc import Awaitable, Callable

    from gridtide.domain.ports import Clock
    from gridtide.grid.breaker import Breaker
    from gridtide.grid.limits import Limits
    from gridtide.grid.provider import Ask, Provider, Reply, Request
    from gridtide.grid.redaction import Redactor
    from gridtide.grid.wire import Wire

__all__ = ["RETRIES", "Line", "Means"]

_LOG: Final = logging.getLogger("gridtide.grid.line")

RETRIES: Final = 2
_JITTER_FIRST_S: Final = 1.0
_PAUSE_UNNAMED: Final = timedelta(minutes=1)
_SKEW_WARN: Final = timedelta(minutes=1)
_LOGIN_BUDGET: Final = Budget(60, timedelta(minutes=5))


@dataclass(frozen=True, slots=True)
class Means:
    """What all lines of a fetcher share."""

    clock: Clock
    rng: random.Random
    sleep: Callable[[float], Awaitable[None]]
    limits: Limits
    redactor: Redactor
    tally: Counter[tuple[str, str]]


class Line:
    """
    Requests to one provider.

    Args:
        provider: Explains failures and logs in.
        wire: Sends.
        breaker: Of the provider's host.
        means: Shared with other lines.
    """

    def __init__(self, provider: Provider, wire: Wire, breaker: Breaker, means: Means) -> None:
        info = provider.info
        self.provider = provider
        self.wire = wire
        self.breaker = breaker
        self.places = asyncio.Semaphore(CONNECTIONS)
        self.skew: timedelta | None = None
        self._means = means
        self._budget = Budget(info.calls_per_window, info.budget_window)
        self._time_to_answer = wire.timing.total / 2  # what a wait for our own budget leaves of a fetch
        self._login = Login(provider, self._send_login, clock=means.clock, redactor=means.redactor)

    async def admit(self, patience: float) -> None:
        """Wait for a place in the budget, behind everybody who is waited for; raises `RateLimited`. [s]"""
        await self._means.limits.admit(self.wire.host, self._budget.behind(), patience=patience)

    async def reply(
        self, request: Request, ask: Ask | None, *, deadline: float, retries: int = RETRIES, admitted: bool = False
    ) -> Reply:
        """
        Send one request until its answer is usable, the tries are used up or time is over.

        Args:
            request: What to send.
            ask: What it is for; lets the provider explain a failure.
            deadline: Monotonic time by which the fetch must be done. [s]
            retries: Further tries after a passing fault.
            admitted: Whether the first try has its place in the budget already.

        Raises:
            GridError: The last failure.
        """
        rejected, tries = "", 0
        while True:
            token = await self._token(request, rejected)
            if not admitted:
                await self._admitted(deadline)
            admitted = False
            failure = await self._try(request, ask, token)
            if not isinstance(failure, GridError):
                return failure
            if token and not rejected and _asks_for_login(failure):
                rejected = token
                continue
            if tries >= retries or not _passing(failure):
                raise failure
            await self._wait(failure, tries, deadline)
            tries += 1

    async def _admitted(self, deadline: float) -> None:
        patience = deadline - self._means.clock.monotonic() - self._time_to_answer
        await self._means.limits.admit(self.wire.host, self._budget, patience=max(patience, 0.0))

    async def _try(self, request: Request, ask: Ask | None, token: str) -> Reply | GridError:
        means, name = self._means, self.provider.info.name
        means.redactor.learn(*secrets_of(request))
        means.tally[name, "calls"] += 1
        try:
            reply = await self.wire.send(request, (("authorization", f"Bearer {token}"),) if token else ())
        except GridError as error:
            return error
        self._note_skew(reply)
        if status.is_usable(reply.status):
            return reply
        explained = self.provider.explain(ask, reply) if ask else None
        failure = explained or status.error_for(name, ask.zone if ask else "", reply)
        failure.facts.setdefault("status", reply.status)
        failure.retry_after = failure.retry_after or status.retry_after(reply)
        if isinstance(failure, RateLimited) and failure.retry_after is None:
            failure.retry_after = _PAUSE_UNNAMED
        if failure.retry_after is not None:
            await means.limits.pause(self.wire.host, failure.retry_after)
        return failure

    async def _wait(self, failure: GridError, tries: int, deadline: float) -> None:
        means = self._means
        if failure.retry_after is not None:
            wait = failure.retry_after.total_seconds()
        else:
            wait = means.rng.uniform(0.0, _JITTER_FIRST_S * 2**tries)
        if means.clock.monotonic() + wait >= deadline:
            raise failure
        means.tally[self.provider.info.name, "retries"] += 1
        await means.sleep(wait)

    async def _token(self, request: Request, rejected: str) -> str:
        if not request.needs_token:
            return ""
        return await (self._login.replace(rejected) if rejected else self._login.token())

    async def _send_login(self, request: Request) -> Reply:
        """Send a login; only what never reached the server is sent again."""
        means = self._means
        means.redactor.learn(*secrets_of(request))
        tries = 0
        while True:
            await means.limits.admit(f"{self.wire.host} login", _LOGIN_BUDGET, patience=self._time_to_answer)
            await means.limits.admit(self.wire.host, self._budget, patience=self._time_to_answer)
            means.tally[self.provider.info.name, "logins"] += 1
            try:
                return await self.wire.send(request)
            except ProviderUnavailable as error:
                if tries >= RETRIES or error.facts.get("sent", True):
                    raise
            await means.sleep(means.rng.uniform(0.0, _JITTER_FIRST_S * 2**tries))
            tries += 1

    def _note_skew(self, reply: Reply) -> None:
        theirs = status.http_date(reply.header("date"))
        if theirs is None:
            return
        before, self.skew = self.skew, reply.fetched_at - theirs
        if abs(self.skew) > _SKEW_WARN and (before is None or abs(before) <= _SKEW_WARN):
            seconds = self.skew.total_seconds()
            _LOG.warning("this clock and that of %s differ by %.0f s", self.provider.info.name, seconds)


def _passing(failure: GridError) -> bool:
    """Whether the same request may succeed a moment later."""
    http_status = failure.facts.get("status")
    if isinstance(http_status, int):
        return failure.retryable and status.is_worth_retrying(http_status)
    return bool(failure.facts.get("transient"))


def _asks_for_login(failure: GridError) -> bool:
    """Whether a refused request may pass with a new token."""
    cause = failure.facts.get("cause", "login" if failure.facts.get("status") == 401 else "")
    return isinstance(failure, Unauthorized) and cause == "login"

"""
Bearer tokens: fetched once for all waiting requests, renewed before they run out, and never by storm.

At most one login a minute, whatever happens; after three refused logins in a row none at all, since a wrong password
does not get better and providers lock accounts. A token is aged by monotonic time, so a clock step during its life
does not matter.
"""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from gridtide.domain.errors import GridError, ProviderUnavailable, Unauthorized
from gridtide.grid import status

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from gridtide.domain.ports import Clock
    from gridtide.grid.provider import Provider, Reply, Request
    from gridtide.grid.redaction import Redactor

__all__ = ["Login"]

_SPACING_S: Final = 60.0
_REFUSALS_MAX: Final = 3
_RENEW_AT: Final = 5 / 6


class Login:
    """
    The token of one provider.

    Args:
        provider: Builds the login request and reads the answer.
        send: Sends one request; retries only what never reached the server.
        clock: Monotonic time.
        redactor: Is told every token.
    """

    def __init__(
        self, provider: Provider, send: Callable[[Request], Awaitable[Reply]], *, clock: Clock, redactor: Redactor
    ) -> None:
        self._provider = provider
        self._send = send
        self._clock = clock
        self._redactor = redactor
        self._lock = asyncio.Lock()
        self._token = ""
        self._renew_at = 0.0
        self._expires_at = 0.0
        self._tried_at: float | None = None
        self._refusals = 0

    async def token(self) -> str:
        """
        Return a token that is good now; log in when there is none or it runs out soon.

        Raises:
            Unauthorized: The credential was refused.
            ProviderUnavailable: No token can be had for now.
        """
        if self._clock.monotonic() < self._renew_at:
            return self._token
        async with self._lock:
            if self._clock.monotonic() < self._renew_at:
                return self._token
            try:
                await self._log_in()
            except GridError:
                if self._clock.monotonic() >= self._expires_at:
                    raise
            return self._token

    async def replace(self, rejected: str) -> str:
        """
        Return another token than *rejected*, which the server no longer accepts.

        Raises:
            Unauthorized: The credential was refused.
            ProviderUnavailable: The last login is less than a minute ago.
        """
        async with self._lock:
            if self._token == rejected:
                self._renew_at = self._expires_at = 0.0
                await self._log_in()
            return self._token

    async def _log_in(self) -> None:
        name = self._provider.info.name
        now = self._clock.monotonic()
        if self._refusals >= _REFUSALS_MAX:
            raise Unauthorized(
                f"{name} refused the credential {self._refusals} times; no further login is tried",
                hint=f"check {', '.join(self._provider.info.credentials) or 'the credential'} and start again",
                provider=name,
                cause="credential",
            )
        if self._tried_at is not None and now - self._tried_at < _SPACING_S:
            raise ProviderUnavailable(
                f"{name} needs a new login, and the last one is less than a minute ago",
                retry_after=timedelta(seconds=_SPACING_S - (now - self._tried_at)),
                provider=name,
                transient=False,
            )
        request = self._provider.login_request()
        if request is None:
            raise Unauthorized(f"{name} asks for a token but has no login", provider=name, cause="credential")
        self._tried_at = now
        self._keep(await self._send(request))

    def _keep(self, reply: Reply) -> None:
        name = self._provider.info.name
        if reply.status in {400, 401, 403}:
            self._refusals += 1
            raise Unauthorized(
                f"{name} refused the login (status {reply.status})",
                hint=f"check {', '.join(self._provider.info.credentials) or 'the credential'}",
                provider=name,
                status=reply.status,
                cause="credential",
            )
        if not status.is_usable(reply.status):
            raise status.error_for(name, "", reply)
        token = self._provider.parse_login(reply)
        self._redactor.learn(token.value)
        life = max(0.0, (token.expires_at - reply.fetched_at).total_seconds())
        now = self._clock.monotonic()
        self._token, self._refusals = token.value, 0
        self._renew_at, self._expires_at = now + life * _RENEW_AT, now + life

    def __repr__(self) -> str:
        return f"<Login {self._provider.info.name} {'with' if self._token else 'without'} token>"

"""
One HTTP exchange with one provider: timeouts, size limits, no redirects, and transport faults as our own errors.

::

    no connection, reset, half an answer   ProviderUnavailable, transient: worth another try
    certificate not accepted               ProviderUnavailable, not transient
    nothing within the time limits         ProviderUnavailable, transient
    more than 5 MiB, or 20 MiB inflated    MalformedPayload
    100 times larger than it was sent      MalformedPayload
"""

from __future__ import annotations

import functools
import importlib.metadata
import logging
import ssl
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

import httpx2

from gridtide.domain.errors import ConfigurationError, GridError, MalformedPayload, ProviderUnavailable
from gridtide.grid.address import host_of, is_loopback
from gridtide.grid.provider import Reply
from gridtide.grid.redaction import describe

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from gridtide.domain.ports import Clock
    from gridtide.grid.provider import Request

__all__ = ["CONNECTIONS", "Timing", "Wire", "user_agent"]

_LOG: Final = logging.getLogger("gridtide.grid.wire")

RAW_CAP: Final = 5 * 1024 * 1024
INFLATED_CAP: Final = 20 * 1024 * 1024
_PIECE: Final = 64 * 1024
_BOMB_FROM: Final = 2 * 1024 * 1024
_BOMB_RATIO: Final = 100
CONNECTIONS: Final = 4


@dataclass(frozen=True, slots=True)
class Timing:
    """Limits on waiting for a provider. [s]"""

    connect: float = 3.0
    read: float = 5.0
    total: float = 10.0


class Wire:
    """
    Connections to one provider's host; opened when first used.

    Args:
        provider: Name, for messages.
        base_url: As `checked_base_url` returned it.
        clock: Stamps replies.
        timing: Limits on waiting.
        transport: Stands in for the network in tests.
        verify: Certificates to trust; the system's when left out.
    """

    def __init__(
        self,
        provider: str,
        base_url: str,
        *,
        clock: Clock,
        timing: Timing,
        transport: httpx2.AsyncBaseTransport | None = None,
        verify: ssl.SSLContext | None = None,
    ) -> None:
        self.base_url = base_url
        self.host = host_of(base_url)
        self._provider = provider
        self._clock = clock
        self.timing = timing
        self._transport = transport
        self._verify = verify
        self._client: httpx2.AsyncClient | None = None

    async def send(self, request: Request, headers: tuple[tuple[str, str], ...] = ()) -> Reply:
        """
        Send one request, whatever status comes back.

        Raises:
            ProviderUnavailable: No complete answer came; ``transient`` in its facts says whether to try again.
            MalformedPayload: The answer is larger than allowed, or cannot be unpacked.
        """
        _check_path(self._provider, request)
        outgoing = self._open().build_request(
            request.method,
            self.base_url + request.path,
            params=list(request.params) or None,
            headers=[*request.headers, *headers],
            content=request.body,
        )
        try:
            response = await self._open().send(outgoing, stream=True)
            try:
                body = await self._body(response)
            finally:
                await response.aclose()
        except (httpx2.DecodingError, zlib.error) as error:
            raise self._malformed("an answer that cannot be unpacked") from error
        except httpx2.RequestError as error:
            raise self._failure(error) from error
        except httpx2.InvalidURL as error:
            raise ConfigurationError(f"{self._provider}: the address built from base_url is not valid") from error
        _LOG.debug("%s answered %d to %s, %d bytes", self._provider, response.status_code, describe(request), len(body))
        return Reply(
            status=response.status_code,
            headers=tuple((name.lower(), value) for name, value in response.headers.multi_items()),
            body=body,
            fetched_at=self._clock.now(),
        )

    async def aclose(self) -> None:
        """Close the connections; the next request opens new ones."""
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()

    def _open(self) -> httpx2.AsyncClient:
        if self._client is None:
            parts = urlsplit(self.base_url)
            local = is_loopback(parts.hostname or "")
            self._client = httpx2.AsyncClient(
                timeout=httpx2.Timeout(self.timing.read, connect=self.timing.connect, pool=self.timing.total),
                limits=httpx2.Limits(max_connections=CONNECTIONS, max_keepalive_connections=CONNECTIONS),
                headers={"user-agent": user_agent(), "accept-encoding": "gzip"},
                follow_redirects=False,
                trust_env=not local,
                transport=self._transport,
                verify=self._verify or (_system_trust() if parts.scheme == "https" else _no_trust()),
            )
        return self._client

    async def _body(self, response: httpx2.Response) -> bytes:
        announced = response.headers.get("content-length", "")
        if announced.isdigit() and int(announced[:18]) > RAW_CAP:
            raise self._malformed(f"{announced[:18]} bytes, more than {RAW_CAP}")
        body = bytearray()
        async for piece in _unpacked(response):
            body += piece
            if response.num_bytes_downloaded > RAW_CAP:
                raise self._malformed(f"more than {RAW_CAP} bytes")
            if len(body) > max(_BOMB_FROM, _BOMB_RATIO * response.num_bytes_downloaded):
                raise self._malformed(f"a body that unpacks to more than {_BOMB_RATIO} times its size")
            if len(body) > INFLATED_CAP:
                raise self._malformed(f"a body that unpacks to more than {INFLATED_CAP} bytes")
        return bytes(body)

    def _failure(self, error: httpx2.RequestError) -> GridError:
        if isinstance(error, httpx2.LocalProtocolError):
            return GridError(f"{self._provider}: the request cannot be sent as HTTP", provider=self._provider)
        if _is_certificate_fault(error):
            return ProviderUnavailable(
                f"{self._provider}: the certificate of {self.host} was not accepted",
                hint="check this machine's clock and trusted certificates",
                provider=self._provider,
                transient=False,
                connection=True,
            )
        return ProviderUnavailable(
            f"{self._provider}: {_in_words(error)} {self.host}",
            hint="the cache or another source is used meanwhile",
            provider=self._provider,
            transient=True,
            connection=True,
            sent=not isinstance(error, (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout)),
        )

    def _malformed(self, what: str) -> MalformedPayload:
        return MalformedPayload(f"{self._provider} sent {what}", provider=self._provider)


async def _unpacked(response: httpx2.Response) -> AsyncIterator[bytes]:
    """Unpack the body a little at a time: one read of a gzip bomb holds a thousand times its size."""
    if response.is_stream_consumed:  # a transport that hands over everything at once
        yield response.content
        return
    packing = response.headers.get("content-encoding", "identity").strip().lower()
    if packing not in {"gzip", "identity"}:
        raise zlib.error("a packing that was not asked for")
    inflator = zlib.decompressobj(zlib.MAX_WBITS | 16) if packing == "gzip" else None
    async for piece in response.aiter_raw():
        if inflator is None:
            yield piece
            continue
        while piece:
            yield inflator.decompress(piece, _PIECE)
            piece = inflator.unconsumed_tail  # noqa: PLW2901 - what is left of it
    if inflator is not None and not inflator.eof and response.num_bytes_downloaded:
        raise zlib.error("the packed body ended early")


def _check_path(provider: str, request: Request) -> None:
    path = request.path
    if not path.startswith("/") or path.startswith("//") or "/../" in f"{path}/" or {*"?#\\ \r\n"} & {*path}:
        raise GridError(f"{provider}: path {path[:60]!r} is not allowed", provider=provider)


def _in_words(error: httpx2.RequestError) -> str:
    if isinstance(error, httpx2.ConnectTimeout):
        return "no connection in time to"
    if isinstance(error, httpx2.TimeoutException):
        return "no answer in time from"
    if isinstance(error, (httpx2.ConnectError, httpx2.ProxyError)):
        return "no connection to"
    return "connection broke off with"


def _is_certificate_fault(error: BaseException) -> bool:
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return True
        cause = cause.__cause__ or cause.__context__
    return False


@functools.cache
def user_agent() -> str:
    """Short on purpose: some sites reject long ones."""
    return f"gridtide/{importlib.metadata.version('gridtide')}"


@functools.cache
def _system_trust() -> ssl.SSLContext:
    return httpx2.create_ssl_context()


@functools.cache
def _no_trust() -> ssl.SSLContext:
    """For plain http: trusts nothing, and costs nothing to make."""
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)

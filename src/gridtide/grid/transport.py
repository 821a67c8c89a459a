"""
Sends a request only to a public machine: the transport for webhooks and other addresses somebody typed in.

A host name says nothing about where it leads, and may lead elsewhere a moment later. So the name is resolved here,
every address it has is checked, and the connection goes to an address that was checked, while certificate and Host
header stay those of the name. Addresses that carry another one inside (mapped, NAT64) are judged by that one;
tunnels (6to4, Teredo) are refused. The networks are listed here, because the standard library's opinion of
"global" differs between Python versions. Redirects are refused: they would name a new address without asking.
"""

from __future__ import annotations

import asyncio
import ipaddress
import re
import socket
import ssl
from typing import TYPE_CHECKING, Final, TypeAlias

import httpx2

from gridtide.domain.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    Resolver: TypeAlias = Callable[[str, int], Awaitable[Sequence[str]]]
    Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address

__all__ = ["CheckedTransport", "check_address", "check_url", "system_resolver"]

PORTS: Final = frozenset({443, 8443})
_MOST_ADDRESSES: Final = 32
_TRIES: Final = 3
_RESOLVE_S: Final = 3.0
_NUMBER_LIKE: Final = re.compile(r"(?i)(?:0x[0-9a-f]*|[0-9]+)(?:\.(?:0x[0-9a-f]*|[0-9]+))*\.?")
_NAME: Final = re.compile(r"(?i)(?!-)[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})*\.?")
_NAT64: Final = ipaddress.IPv6Network("64:ff9b::/96")
_ISATAP: Final = frozenset({0x00005EFE, 0x02005EFE})
_PUBLIC_V6: Final = ipaddress.IPv6Network("2000::/3")
# IANA special-purpose registries: what is not the public internet, or is a tunnel into something else.
_REFUSED: Final = tuple(
    (ipaddress.ip_network(network), what)
    for network, what in (
        ("0.0.0.0/8", "this network"),
        ("10.0.0.0/8", "private"),
        ("100.64.0.0/10", "shared by carriers"),
        ("127.0.0.0/8", "this machine"),
        ("169.254.0.0/16", "link-local, where cloud metadata is"),
        ("172.16.0.0/12", "private"),
        ("192.0.0.0/24", "reserved"),
        ("192.0.2.0/24", "for documentation"),
        ("192.88.99.0/24", "a 6to4 relay"),
        ("192.168.0.0/16", "private"),
        ("198.18.0.0/15", "for benchmarks"),
        ("198.51.100.0/24", "for documentation"),
        ("203.0.113.0/24", "for documentation"),
        ("224.0.0.0/4", "multicast"),
        ("240.0.0.0/4", "reserved"),
        ("168.63.129.16/32", "a cloud platform's own"),
        ("2001::/32", "a Teredo tunnel"),
        ("2001::/23", "reserved"),
        ("2001:db8::/32", "for documentation"),
        ("2002::/16", "a 6to4 tunnel"),
        ("3fff::/20", "for documentation"),
    )
)


def check_url(url: httpx2.URL | str, *, allow_loopback: bool = False) -> httpx2.URL:
    """
    Refuse what is wrong with an address before any name is resolved.

    Args:
        url: https, port 443 or 8443, no user or password.
        allow_loopback: Also http, any port and this machine; for tests only.

    Raises:
        ConfigurationError: The message names the part that is wrong and shows neither path nor query.
    """
    try:
        if isinstance(url, str) and (url != url.strip() or not url.isprintable() or " " in url or "\\" in url):
            raise _refused("", "it holds blanks or characters that no address has")
        parsed = httpx2.URL(url)
    except (httpx2.InvalidURL, ValueError, TypeError):
        raise _refused("", "it is no address") from None
    host = parsed.raw_host.decode("ascii", "replace").strip("[]")
    local = allow_loopback and _is_loopback(host)
    if parsed.scheme != "https" and not (local and parsed.scheme == "http"):
        raise _refused(host, f"scheme is {parsed.scheme[:20]!r}; allowed: https")
    if parsed.userinfo:
        raise _refused(host, "it holds a user name or password")
    port = parsed.port or 443
    if port not in PORTS and not allow_loopback:
        raise _refused(host, f"port is {port}; allowed: 443, 8443")
    literal = _literal(host)
    if literal is not None:
        if not local:
            check_address(literal, host)
    elif not _NAME.fullmatch(host) or _NUMBER_LIKE.fullmatch(host):
        raise _refused(host, "host is neither a name nor a plainly written address")
    return parsed


def check_address(address: Address, host: str) -> None:
    """
    Refuse an address that is not on the public internet.

    Raises:
        ConfigurationError: The message says what the address is for.
    """
    inner = _inside(address)
    for network, what in _REFUSED:
        if inner.version == network.version and inner in network:
            raise _refused(host, f"its address {address} is {what}")
    if isinstance(inner, ipaddress.IPv6Address):
        if inner not in _PUBLIC_V6:
            raise _refused(host, f"its address {address} is not public")
        if (int(inner) >> 32) & 0xFFFF_FFFF in _ISATAP:
            raise _refused(host, f"its address {address} is an ISATAP tunnel")


async def system_resolver(host: str, port: int) -> tuple[str, ...]:
    """All addresses the system knows for *host*; raises `OSError` when there is none."""
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(_RESOLVE_S):
        found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return tuple(dict.fromkeys(str(entry[4][0]) for entry in found))


class CheckedTransport(httpx2.AsyncBaseTransport):
    """
    An HTTP transport that connects to checked public addresses only.

    Args:
        resolver: Gives all addresses of a name; the system's when left out.
        allowed_hosts: Exact names that may be asked; None for any public one.
        allow_loopback: Let tests reach this machine, over http too.
        verify: Certificates to trust; the system's when left out.
    """

    def __init__(
        self,
        *,
        resolver: Resolver = system_resolver,
        allowed_hosts: frozenset[str] | None = None,
        allow_loopback: bool = False,
        verify: ssl.SSLContext | None = None,
    ) -> None:
        self._resolver = resolver
        self._allowed_hosts = None if allowed_hosts is None else frozenset(h.lower() for h in allowed_hosts)
        self._allow_loopback = allow_loopback
        # One connection per request: a kept one belongs to an address, and two names may share an address.
        self._inner = httpx2.AsyncHTTPTransport(
            verify=verify or ssl.create_default_context(),
            trust_env=False,
            limits=httpx2.Limits(max_connections=20, max_keepalive_connections=0),
        )

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Check, resolve, check again, connect to what was checked."""
        url = check_url(request.url, allow_loopback=self._allow_loopback)
        host = url.raw_host.decode("ascii").strip("[]")
        if self._allowed_hosts is not None and host.lower().rstrip(".") not in self._allowed_hosts:
            raise _refused(host, "the host is not on the list of allowed hosts")
        addresses = await self._addresses(request, host, url.port or 443)
        failure: httpx2.TransportError | None = None
        for address in addresses[:_TRIES]:
            try:
                response = await self._inner.handle_async_request(_aimed(request, host, address))
            except (httpx2.ConnectError, httpx2.ConnectTimeout) as error:
                failure = error
                continue
            if response.has_redirect_location:
                await response.aclose()
                raise _refused(host, f"it answers {response.status_code}, a redirect, which is never followed")
            return response
        raise failure or httpx2.ConnectError(f"{host} has no address", request=request)

    async def aclose(self) -> None:
        """Close open connections."""
        await self._inner.aclose()

    async def _addresses(self, request: httpx2.Request, host: str, port: int) -> tuple[Address, ...]:
        literal = _literal(host)
        try:
            texts = (host,) if literal is not None else await self._resolver(host, port)
            found = tuple(ipaddress.ip_address(text) for text in texts[:_MOST_ADDRESSES])
        except (OSError, UnicodeError, ValueError) as error:  # TimeoutError is an OSError
            raise httpx2.ConnectError(f"{host} does not resolve", request=request) from error
        for address in found:
            if not (self._allow_loopback and address.is_loopback):
                check_address(address, host)
        return found


def _aimed(request: httpx2.Request, host: str, address: Address) -> httpx2.Request:
    """The same request to one address; TLS still asks for, and checks, the certificate of the name."""
    return httpx2.Request(
        request.method,
        request.url.copy_with(host=str(address)),
        headers=request.headers,
        stream=request.stream,
        extensions={**request.extensions, "sni_hostname": host.rstrip(".")},
    )


def _literal(host: str) -> Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def _inside(address: Address) -> Address:
    """The IPv4 address inside a mapped or NAT64 one; otherwise *address* itself."""
    if isinstance(address, ipaddress.IPv6Address):
        if address in _NAT64:
            return ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
        return address.ipv4_mapped or address
    return address


def _is_loopback(host: str) -> bool:
    literal = _literal(host)
    return host.lower().rstrip(".") == "localhost" if literal is None else literal.is_loopback


def _refused(host: str, why: str) -> ConfigurationError:
    return ConfigurationError(
        f"address of {host[:80]!r} is refused: {why}",
        hint="give a public https address, for example https://hooks.example.org/gridtide",
        field="url",
    )

"""
Where requests may go: checks on the base addresses of providers.

An address comes from an administrator's configuration, never from a workload or a tenant. It is still checked, because
a request carries a credential: https only (plain http to this machine, or where the setting says so), no user or
password inside, no port of another well-known service, and no literal address of a link-local or metadata service, in
any of its spellings. Redirects are off in the fetch loop, so the host asked is the host that answers.
"""

from __future__ import annotations

import ipaddress
import re
from typing import Final
from urllib.parse import SplitResult, urlsplit

from gridtide.domain.errors import ConfigurationError
from gridtide.grid.redaction import Redactor

__all__ = ["checked_base_url", "host_of", "is_loopback"]

_FOREIGN_PORTS: Final = frozenset(
    {1433, 1521, 2049, 2181, 2375, 2376, 2379, 3306, 3389, 5432, 5672, 5900, 5985, 6379, 9042, 9092, 11211, 27017}
)
_NAME: Final = re.compile(r"(?i)(?!-)[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})*\.?")
_NUMBER_LIKE: Final = re.compile(r"(?i)(?:0x[0-9a-f]*|[0-9]+)(?:\.(?:0x[0-9a-f]*|[0-9]+))*\.?")
_PATH: Final = re.compile(r"[A-Za-z0-9._~/%-]*")


def checked_base_url(text: str, *, allow_http: bool = False) -> str:
    """
    Return a provider's base address without a trailing slash, or refuse it.

    Args:
        text: For example ``https://api.example.org/v4``.
        allow_http: Accept plain http to other machines too, for servers inside a private network.

    Raises:
        ConfigurationError: The address may not be asked; the message names the part and never shows a password.

    Example:
        >>> checked_base_url("https://api.example.org/v4/")
        'https://api.example.org/v4'
    """
    if not text or text != text.strip() or not text.isprintable() or " " in text or "\\" in text:
        raise _refused(text, "holds blanks or characters that no address has")
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        raise _refused(text, "is not an address") from None
    if parts.scheme not in {"https", "http"}:
        raise _refused(text, "is not https")
    if "@" in parts.netloc:
        raise _refused(text, "holds a user name or password; credentials have settings of their own")
    if parts.query or parts.fragment or "?" in text or "#" in text:
        raise _refused(text, "holds a query or fragment; only scheme, host, port and path are allowed")
    if not _PATH.fullmatch(parts.path) or "//" in parts.path or ".." in parts.path:
        raise _refused(text, "has a path with characters or steps that are not allowed")
    _check_host(text, parts)
    _check_port(text, port)
    if parts.scheme == "http" and not (allow_http or is_loopback(parts.hostname or "")):
        raise _refused(text, "is not https; plain http is for this machine only")
    return text.rstrip("/")


def host_of(base_url: str) -> str:
    """
    Host, port and path of a checked address; what limits, pauses and breakers are counted by.

    The path belongs to it because several sources may stand behind one gateway, each with limits of its own.
    """
    parts = urlsplit(base_url)
    return parts.netloc.lower() + parts.path


def is_loopback(host: str) -> bool:
    """Whether *host* names this machine."""
    if host.lower().rstrip(".") == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _check_host(text: str, parts: SplitResult) -> None:
    host = parts.hostname or ""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        if not _NAME.fullmatch(host):
            raise _refused(text, f"has no usable host name: {host[:60]!r}") from None
        if _NUMBER_LIKE.fullmatch(host):
            raise _refused(text, f"has a host that is a number, {host[:60]!r}; write the name") from None
        return
    inner = _embedded(address)
    if inner.is_loopback:
        return
    if any(a.is_link_local or a.is_multicast or a.is_unspecified or a.is_reserved for a in (address, inner)):
        raise _refused(text, "points at a link-local, metadata, multicast or reserved address")


def _embedded(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address,
) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """The IPv4 address inside a mapped, 6to4, Teredo or NAT64 one; otherwise *address* itself."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address in ipaddress.IPv6Network("64:ff9b::/96"):
        return ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
    teredo = address.teredo
    return address.ipv4_mapped or address.sixtofour or (teredo[1] if teredo else address)


def _check_port(text: str, port: int | None) -> None:
    if port is None or port in {80, 443}:
        return
    if port < 1024 or port in _FOREIGN_PORTS:
        raise _refused(text, f"has port {port}, which belongs to another kind of service")


def _refused(text: str, why: str) -> ConfigurationError:
    shown = Redactor().text(re.split("[?#]", text)[0][:120])
    return ConfigurationError(
        f"base_url {shown!r} {why}",
        hint="write it like https://api.example.org or, for this machine, http://127.0.0.1:8080",
        field="base_url",
    )

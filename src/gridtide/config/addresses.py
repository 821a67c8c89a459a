"""
Which addresses a source may be reached at: https to public hosts, unless a host is allowed by name.

A credential goes where the address says, so an address is checked before it is believed: no other scheme, no user
name inside, no metadata service, no private or disguised number. Plain http is for this machine only.
"""

from __future__ import annotations

import ipaddress
import re
import socket
from collections.abc import Collection
from typing import Final
from urllib.parse import SplitResult, urlsplit

__all__ = ["refusal_of"]

_PORTS: Final = frozenset({None, 443, 8443})
_NAME: Final = re.compile(r"(?!-)[A-Za-z0-9_-]{1,63}(\.[A-Za-z0-9_-]{1,63})*\.?")
_NEVER: Final = frozenset({"169.254.169.254", "100.100.100.200", "fd00:ec2::254"})
_NEVER_NAMES: Final = frozenset({"metadata.google.internal", "metadata"})

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def refusal_of(url: str, *, allow_hosts: Collection[str] = ()) -> str | None:
    """
    Say why *url* may not be asked, or return None when it may.

    Args:
        url: As written.
        allow_hosts: Hosts for which http, private addresses and other ports are fine.

    Example:
        >>> refusal_of("https://api.example.org/v1") is None
        True
        >>> refusal_of("http://169.254.169.254/latest")
        'it is the address of a cloud metadata service'
    """
    if url != url.strip() or any(c.isspace() or not c.isprintable() for c in url):
        return "it holds blanks or line breaks"
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return "it is not an address"
    host = (parts.hostname or "").rstrip(".")
    if parts.scheme not in {"http", "https"}:
        return f"its scheme is {parts.scheme or 'missing'!r}"
    if parts.username is not None or parts.password is not None:
        return "it holds a user name or password"
    if parts.query or parts.fragment:
        return "it holds a query or fragment"
    return _refusal_of_host(host, port, parts, allow_hosts)


def _refusal_of_host(host: str, port: int | None, parts: SplitResult, allow_hosts: Collection[str]) -> str | None:
    address = _address(host)
    if address is None and not _NAME.fullmatch(host):
        return "its host is not a name"
    number = _innermost(address) if address is not None else None
    if host.lower() in _NEVER_NAMES or str(number) in _NEVER:
        return "it is the address of a cloud metadata service"
    if host.lower() in {h.lower() for h in allow_hosts}:
        return None
    if host == "localhost" or (number is not None and str(number) == host and number.is_loopback):
        return None
    if parts.scheme == "http":
        return "it is http; only this machine and the hosts in fetch.allow_hosts may be reached without encryption"
    if number is not None and (not number.is_global or number.is_multicast):
        return "it is a private address; list the host in fetch.allow_hosts if that is meant"
    if port not in _PORTS:
        return f"its port is {port}; list the host in fetch.allow_hosts if that is meant"
    return None


def _address(host: str) -> Address | None:
    """Numeric address behind *host*, in any of the forms that a resolver takes (``127.1``, ``0x7f.1``)."""
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        pass
    if not re.fullmatch(r"[0-9a-fA-FxX.]+", host) or not host[:1].isdigit():
        return None
    try:
        return ipaddress.IPv4Address(socket.inet_aton(host))
    except (OSError, ValueError):
        return None


def _innermost(address: Address) -> Address:
    """IPv4 address carried inside an IPv6 one (mapped, 6to4, Teredo, NAT64), or *address* itself."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address.sixtofour is not None:
        return address.sixtofour
    if address.teredo is not None:
        return address.teredo[1]
    if address in ipaddress.IPv6Network("64:ff9b::/96"):
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address

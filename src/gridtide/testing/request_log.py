"""What a fake server was asked: counts per provider, path and zone, logins, and the busiest window."""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime, timedelta

__all__ = ["LoggedRequest", "RequestLog"]

SECRET_PARAMS: Final = frozenset({"api_key", "securityToken", "auth-token", "password", "token"})


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggedRequest:
    """
    One request.

    Args:
        at: When, on the server's clock.
        provider: Family that answered.
        method: GET, POST.
        path: Below the provider's base address.
        params: Query, with the values of keys masked.
        zone: Zone that was asked for, or empty.
        status: What was answered; 0 when nothing was.
        faults: Names of the faults that were applied.
        login: Whether it asked for a token.
        body_bytes: Length of the answer. [B]
    """

    at: datetime
    provider: str
    method: str
    path: str
    params: tuple[tuple[str, str], ...] = ()
    zone: str = ""
    status: int = 200
    faults: tuple[str, ...] = ()
    login: bool = False
    body_bytes: int = 0


class RequestLog:
    """All requests of a server in the order of arrival; safe to read while it serves."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._entries: list[LoggedRequest] = []

    def add(self, entry: LoggedRequest) -> None:
        """Append one request."""
        with self._lock:
            self._entries.append(entry)

    def clear(self) -> None:
        """Forget everything so far."""
        with self._lock:
            self._entries.clear()

    def __len__(self) -> int:
        return len(self._entries)

    def __iter__(self) -> Iterator[LoggedRequest]:
        with self._lock:
            return iter(tuple(self._entries))

    def select(
        self,
        provider: str | None = None,
        *,
        path: str | None = None,
        zone: str | None = None,
        status: int | None = None,
        login: bool | None = None,
        since: datetime | None = None,
    ) -> list[LoggedRequest]:
        """Requests that fit every given bound; *path* is a part of the path."""
        return [
            entry
            for entry in self
            if (provider is None or entry.provider == provider)
            and (path is None or path in entry.path)
            and (zone is None or entry.zone == zone)
            and (status is None or entry.status == status)
            and (login is None or entry.login is login)
            and (since is None or entry.at >= since)
        ]

    def count(self, provider: str | None = None, **bounds: object) -> int:
        """How many requests `select` finds."""
        return len(self.select(provider, **bounds))  # type: ignore[arg-type]

    @property
    def logins(self) -> int:
        """How many times a token was asked for."""
        return self.count(login=True)

    def per_path(self, provider: str | None = None) -> Counter[str]:
        """Requests by path."""
        return Counter(entry.path for entry in self.select(provider))

    def per_zone(self, provider: str | None = None) -> Counter[str]:
        """Requests by zone."""
        return Counter(entry.zone for entry in self.select(provider))

    def busiest(self, window: timedelta, provider: str | None = None, *, login: bool | None = None) -> int:
        """Most requests in any span of that length, as a rolling limit counts them."""
        instants = sorted(entry.at for entry in self.select(provider, login=login))
        most = first = 0
        for last, instant in enumerate(instants):
            while instants[first] <= instant - window:
                first += 1
            most = max(most, last - first + 1)
        return most

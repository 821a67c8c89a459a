"""
Who may be waiting for whom when virtual time is about to jump.

A fake server that runs in threads shares its clock with the client's event loop. Before the loop lets time jump it
asks here whether a request is still being worked on (time must stand still) or only held back until a later instant
of the same clock (time may go on, but not past that instant).
"""

from __future__ import annotations

import os
import socket
import stat
import threading
from contextlib import contextmanager
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Traffic", "TrafficState"]


class TrafficState(Enum):
    """Whether time may pass as far as one socket is concerned."""

    IDLE = "idle"
    BUSY = "busy"
    FOREIGN = "foreign"


class Traffic:
    """Loopback servers on one clock, and which of their connections are held back until when."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._servers: set[int] = set()
        self._parked: dict[int, float] = {}

    def open(self, port: int) -> None:
        """Take a server that listens on *port* into account."""
        with self._lock:
            self._servers.add(port)

    def close(self, port: int) -> None:
        """Forget the server on *port*."""
        with self._lock:
            self._servers.discard(port)

    @contextmanager
    def parked(self, client_port: int, until_s: float) -> Iterator[None]:
        """Hold the connection from *client_port* back until *until_s* on the monotonic clock. [s]"""
        with self._lock:
            self._parked[client_port] = until_s
        try:
            yield
        finally:
            with self._lock:
                self._parked.pop(client_port, None)

    def next_release(self, now_s: float) -> float | None:
        """Earliest later instant at which a held connection goes on, or None. [s]"""
        with self._lock:
            later = [until for until in self._parked.values() if now_s < until < float("inf")]
            return min(later, default=None)

    def state(self, descriptor: int, now_s: float) -> TrafficState:
        """Whether time may pass while the loop waits for *descriptor*."""
        ports = _ports(descriptor)
        if ports is None:
            return TrafficState.IDLE
        ours, theirs = ports
        with self._lock:
            if theirs not in self._servers:
                return TrafficState.FOREIGN
            return TrafficState.IDLE if self._parked.get(ours, now_s) > now_s else TrafficState.BUSY


def _ports(descriptor: int) -> tuple[int, int] | None:
    """Own and peer port of a connected TCP socket; None for anything else."""
    if not stat.S_ISSOCK(os.fstat(descriptor).st_mode):
        return None
    with socket.socket(fileno=os.dup(descriptor)) as copy:
        if copy.family not in {socket.AF_INET, socket.AF_INET6} or copy.type != socket.SOCK_STREAM:
            return None
        try:
            return int(copy.getsockname()[1]), int(copy.getpeername()[1])
        except OSError:
            return None

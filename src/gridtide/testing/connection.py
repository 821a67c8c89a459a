"""Puts answers on the wire, well or badly, and lets virtual or real time pass while it does."""

from __future__ import annotations

import select
import socket
import struct
import threading
import time
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from gridtide.domain.ports import Clock
    from gridtide.testing.answer import Answer

__all__ = ["ClientGone", "Connection", "Pauser"]

_POLL_S: Final = 0.005
_BLOCK: Final = b" " * 65_536
_FOREVER: Final = float("inf")


class ClientGone(ConnectionError):
    """The client closed the connection, or the server stops."""


class Writer(Protocol):
    """Where bytes go."""

    def write(self, data: bytes, /) -> object: ...

    def flush(self) -> object: ...


class Pauser:
    """Lets time pass for one server thread: on the fake clock while a loop runs on it, in real time otherwise."""

    def __init__(self, clock: Clock, stopping: threading.Event) -> None:
        self._clock = clock
        self._stopping = stopping

    def pause(self, seconds: float, client: socket.socket) -> None:
        """Return after *seconds*; raises `ClientGone` when there is nobody left to answer. [s]"""
        from gridtide.testing.clock import FakeClock  # noqa: PLC0415 - the clock knows its traffic, not its servers

        clock = self._clock
        if isinstance(clock, FakeClock) and clock.driving:
            until = clock.monotonic() + seconds
            with clock.traffic.parked(client.getpeername()[1], until):
                while clock.monotonic() < until:
                    self._watch(client)
            return
        until = time.monotonic() + seconds
        while (remaining := until - time.monotonic()) > 0:
            self._watch(client, min(_POLL_S * 10, remaining))

    def _watch(self, client: socket.socket, seconds: float = _POLL_S) -> None:
        readable, _, _ = select.select([client], [], [], seconds)
        if self._stopping.is_set() or (readable and not client.recv(1, socket.MSG_PEEK)):
            raise ClientGone("nobody is left to answer")


class Connection:
    """
    One request's way back to the client.

    Args:
        client: The socket.
        writer: Buffered file of it.
        pauser: Lets time pass.
    """

    def __init__(self, client: socket.socket, writer: Writer, pauser: Pauser) -> None:
        self._client = client
        self._writer = writer
        self._pauser = pauser

    def hold(self, answer: Answer) -> None:
        """Do what comes before the first byte: wait, stay silent or reset."""
        delivery = answer.delivery
        if delivery.silent:
            self._pauser.pause(_FOREVER, self._client)
        if delivery.delay_s > 0:
            self._pauser.pause(delivery.delay_s, self._client)
        if delivery.reset:
            self._client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self._client.close()
            raise ClientGone("connection reset on purpose")

    def announced_length(self, answer: Answer) -> int | None:
        """Value of Content-Length; None where the end is the end of the connection. [B]"""
        return None if answer.delivery.endless else answer.delivery.filler_bytes + len(answer.body)

    def send_body(self, answer: Answer) -> None:
        """Send the body as its delivery says; headers have been written before."""
        delivery = answer.delivery
        remaining = delivery.filler_bytes
        while remaining > 0 or delivery.endless:
            self._writer.write(_BLOCK if delivery.endless else _BLOCK[:remaining])
            self._writer.flush()
            remaining -= len(_BLOCK)
        body = answer.body[: len(answer.body) // 2] if delivery.cut else answer.body
        if delivery.bytes_per_s is None:
            self._writer.write(body)
        else:
            self._writer.flush()
            for k in range(len(body)):
                self._pauser.pause(1.0 / delivery.bytes_per_s, self._client)
                self._writer.write(body[k : k + 1])
                self._writer.flush()
        self._writer.flush()
        if delivery.cut:
            raise ClientGone("connection cut on purpose")

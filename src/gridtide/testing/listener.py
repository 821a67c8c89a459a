"""The listening socket and the HTTP reading of the fake server; what is answered is decided elsewhere."""

from __future__ import annotations

import socket
import socketserver
import ssl
import threading
from datetime import timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING, Any, Final, Protocol
from urllib.parse import parse_qsl, unquote, urlsplit

from gridtide.testing.answer import SKEW_HEADER, Answer, Call, json_answer
from gridtide.testing.connection import ClientGone, Connection, Pauser

if TYPE_CHECKING:
    from gridtide.domain.ports import Clock
    from gridtide.testing.fake.family import Family

__all__ = ["Listener", "Responder"]

_POLL_S: Final = 0.02


class Responder(Protocol):
    """Who decides what is answered."""

    clock: Clock

    def route(self, path: str, host: str) -> tuple[Family | None, str]:
        """Which provider a request is for, and its path there."""
        ...

    def respond(self, call: Call, family: Family) -> Answer:
        """Answer one call."""
        ...

    def pauser(self) -> Pauser:
        """Lets time pass for one connection."""
        ...


class Listener(socketserver.ThreadingTCPServer):
    """A port of loopback with one thread per connection; `stop` also closes connections that are kept alive."""

    allow_reuse_address = True
    daemon_threads = True
    block_on_close = False
    request_queue_size = 512

    def __init__(self, responder: Responder, port: int, tls: ssl.SSLContext | None = None) -> None:
        self.responder = responder
        self._tls = tls
        self._open: set[socket.socket] = set()
        self._guard = threading.Lock()
        super().__init__(("127.0.0.1", port), _Handler)
        self._thread = threading.Thread(target=self.serve_forever, args=(_POLL_S,), name="fake-grid", daemon=True)

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self.server_address[1])

    def start(self) -> None:
        """Accept connections."""
        self._thread.start()

    def stop(self) -> None:
        """Refuse connections and close the open ones."""
        self.shutdown()
        self._thread.join()
        with self._guard:
            connections, self._open = self._open, set()
        for connection in connections:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue
        self.server_close()

    def get_request(self) -> tuple[socket.socket, Any]:
        """Accept a connection; a handshake waits until its own thread reads."""
        accepted, address = super().get_request()
        if self._tls is not None:
            accepted = self._tls.wrap_socket(accepted, server_side=True, do_handshake_on_connect=False)
        return accepted, address

    def process_request(self, request: Any, client_address: Any) -> None:
        """Remember the connection, so that `stop` can close it."""
        with self._guard:
            self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        """Forget the connection and close it."""
        with self._guard:
            self._open.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: a client that went away is what many tests are about."""


class _Handler(BaseHTTPRequestHandler):
    """Reads one request after the other from a connection."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1
    server: Listener

    def do_GET(self) -> None:
        self._respond()

    def do_POST(self) -> None:
        self._respond()

    def _respond(self) -> None:
        responder = self.server.responder
        parts = urlsplit(self.path)
        family, path = responder.route(unquote(parts.path), self.headers.get("Host", ""))
        length = int(self.headers.get("Content-Length") or 0)
        call = Call(
            method=self.command,
            path=path,
            params=tuple(parse_qsl(parts.query, keep_blank_values=True)),
            headers={key.lower(): value for key, value in self.headers.items()},
            body=self.rfile.read(length) if length else b"",
        )
        answer = json_answer({"error": "no such provider"}, 404) if family is None else responder.respond(call, family)
        connection = Connection(self.connection, self.wfile, responder.pauser())
        try:
            connection.hold(answer)
            self._send_head(answer, connection.announced_length(answer))
            connection.send_body(answer)
        except (ClientGone, OSError):
            self.close_connection = True

    def _send_head(self, answer: Answer, length: int | None) -> None:
        skew = timedelta(seconds=float(dict(answer.headers).get(SKEW_HEADER, 0)))
        self.send_response_only(answer.status)
        self.send_header("Date", format_datetime(self.server.responder.clock.now() + skew, usegmt=True))
        if answer.body or length is None:
            self.send_header("Content-Type", answer.content_type)
        for name, value in answer.headers:
            if name != SKEW_HEADER:
                self.send_header(name, value)
        if length is None:
            self.send_header("Connection", "close")
        else:
            self.send_header("Content-Length", str(length))
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class names it so
        """Say nothing; `FakeGridServer.log` keeps what matters."""

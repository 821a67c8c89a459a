"""
Start a Redis server of one's own for tests and trials: loopback only, free port, nothing kept, gone at the end.

Run it to try Gridtide with a shared cache; it prints the address and stops on Ctrl-C::

    python scripts/start_redis.py

Tests use `RedisProcess`. The binary is ``redis-server`` (or ``valkey-server``) on the PATH, or the one that
``REDIS_SERVER`` names.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Self

_START_S = 10.0


def find_server() -> str | None:
    """Path of a Redis server binary, or None."""
    named = os.environ.get("REDIS_SERVER")
    if named:
        return named if shutil.which(named) else None
    return shutil.which("redis-server") or shutil.which("valkey-server")


class RedisProcess:
    """A Redis server that lives as long as its ``with`` block; it can be stopped, frozen and brought back."""

    def __init__(self, binary: str) -> None:
        self._binary = binary
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self.port = _free_port()

    @property
    def url(self) -> str:
        """Address for clients."""
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        """Start it, on the same port as before, and wait until it answers."""
        if self._folder is None:
            self._folder = tempfile.TemporaryDirectory(prefix="gridtide-redis-")
        options = {
            "--bind": "127.0.0.1",
            "--port": str(self.port),
            "--dir": self._folder.name,
            "--save": "",
            "--appendonly": "no",
            "--daemonize": "no",
            "--logfile": str(Path(self._folder.name) / "redis.log"),
        }
        arguments = [word for pair in options.items() for word in pair]
        self._process = subprocess.Popen([self._binary, *arguments], stdout=subprocess.DEVNULL)
        until = time.monotonic() + _START_S
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > until:
                raise RuntimeError(f"{self._binary} did not start on port {self.port}")
            time.sleep(0.02)

    def stop(self) -> None:
        """Kill it at once, as a crash does."""
        if self._process is not None:
            self.thaw()
            self._process.kill()
            self._process.wait()
            self._process = None

    def freeze(self) -> None:
        """Let it keep its connections and answer nothing."""
        self._send(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        self._send(signal.SIGCONT)

    def _send(self, number: signal.Signals) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(number)

    def _answers(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=0.5) as connection:
                connection.sendall(b"PING\r\n")
                return connection.recv(16).startswith(b"+PONG")
        except OSError:
            return False

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        if self._folder is not None:
            self._folder.cleanup()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def main() -> int:
    """Start a server, print its address, wait for Ctrl-C."""
    binary = find_server()
    if binary is None:
        print("no redis-server on the PATH; install it, for example with: apt-get install redis-server")
        return 69
    with RedisProcess(binary) as server:
        print(server.url, flush=True)
        try:
            signal.pause()
        except KeyboardInterrupt:
            print("stopped", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""
What a command says: its answer on stdout, everything else on stderr.

With ``--json`` the answer is one object; without it, plain aligned lines that need no colour, no width and no
character outside the terminal's encoding. Nothing is buffered, so ``| head`` and a slow reader see it as it comes.
"""

from __future__ import annotations

import json
import logging
import os
import shutil
import sys
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from enum import Enum
from typing import ClassVar, Final, TextIO

from gridtide.domain.errors import CarbonError
from gridtide.domain.instants import isoformat

__all__ = ["AnswerLost", "Output", "encodes", "prepare_streams", "show_log_warnings", "silence_stdout"]

_NARROWEST: Final = 20
_WIDEST: Final = 120
_COLOURS: Final = {"bold": "1", "dim": "2", "green": "32", "yellow": "33", "red": "31"}


class AnswerLost(CarbonError):
    """Standard output takes no more, for example on a full disk."""

    code: ClassVar[str] = "answer_lost"

    @classmethod
    def because(cls, error: Exception) -> AnswerLost:
        """The same said of the system's own error."""
        why = getattr(error, "strerror", None) or "standard output is closed"
        return cls(f"the answer cannot be written: {why}", hint="look at what standard output is sent to")


class Output:
    """
    The voice of one command.

    Args:
        command: Name of the command, part of the schema id.
        as_json: Whether the answer is one JSON object on stdout.
        quiet: Leave out notes on stderr; warnings and errors stay.
    """

    def __init__(self, command: str, *, as_json: bool = False, quiet: bool = False) -> None:
        self.command = command
        self.as_json = as_json
        self.quiet = quiet
        self._warned: list[str] = []

    @property
    def schema(self) -> str:
        """Versioned name of the JSON shape."""
        return f"gridtide.{self.command}/1"

    @property
    def warnings(self) -> list[str]:
        """What was warned about so far; part of every JSON answer."""
        return list(self._warned)

    def answer(self, payload: Mapping[str, object], lines: Iterable[str]) -> None:
        """Print the answer: *payload* as JSON, or *lines* for people."""
        if self.as_json:
            _write(sys.stdout, dumps({"schema": self.schema, **payload}))
            return
        for line in lines:
            _write(sys.stdout, line)

    def error(self, error: Mapping[str, object]) -> None:
        """Print an error object on stdout when programs listen, and the same in words on stderr."""
        _write(sys.stderr, f"{self.paint('error', 'red', sys.stderr)}: {error['message']}")
        if error.get("hint"):
            _write(sys.stderr, f"{self.paint('hint', 'yellow', sys.stderr)}: {error['hint']}")
        if self.as_json:
            _write(sys.stdout, dumps({"schema": "gridtide.error/1", "error": dict(error)}))

    def warn(self, text: str) -> None:
        """Say something the reader should know; on stderr, once."""
        if text not in self._warned:
            self._warned.append(text)
            _write(sys.stderr, f"{self.paint('warning', 'yellow', sys.stderr)}: {text}")

    def note(self, text: str) -> None:
        """Say what is going on; on stderr, left out for programs and with ``--quiet``."""
        if not (self.as_json or self.quiet):
            _write(sys.stderr, text)

    @property
    def width(self) -> int:
        """Columns to use. A terminal narrower than 20 columns wraps lines instead of losing them."""
        return max(_NARROWEST, min(_WIDEST, shutil.get_terminal_size().columns))

    def paint(self, text: str, colour: str, stream: TextIO | None = None) -> str:
        """Colour *text* where the stream is a terminal that wants it (``NO_COLOR``, ``TERM=dumb``)."""
        return f"\x1b[{_COLOURS[colour]}m{text}\x1b[0m" if _wants_colour(stream or sys.stdout) else text


def dumps(payload: Mapping[str, object]) -> str:
    """One line of JSON; refuses NaN and infinity rather than writing what no JSON reader takes."""
    return json.dumps(payload, allow_nan=False, default=_plain)


def encodes(text: str, stream: TextIO | None = None) -> bool:
    """Whether the stream's encoding holds every character of *text*."""
    encoding = getattr(stream or sys.stdout, "encoding", None) or "ascii"
    try:
        text.encode(encoding)
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def prepare_streams() -> None:
    """Make sure that printing never raises: no stream at all, or an encoding without a character."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115, PTH123 - lives as long as we do
        elif hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")


def show_log_warnings() -> None:
    """Say what the rooms below warn about in their log the way a command says its own warnings."""
    logger = logging.getLogger("gridtide")
    if not any(isinstance(handler, _LogWarnings) for handler in logger.handlers):
        logger.addHandler(_LogWarnings(logging.WARNING))


class _LogWarnings(logging.Handler):
    """Prints a record as one line on stderr, without its traceback."""

    def emit(self, record: logging.LogRecord) -> None:
        """Print *record*."""
        _write(sys.stderr, f"warning: {record.getMessage()}")


def silence_stdout() -> None:
    """After the reader has gone (``| head``): let the interpreter's last flush go nowhere."""
    devnull = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(devnull, sys.stdout.fileno())
    except (OSError, ValueError):  # a stream without a file behind it has nothing to flush to
        return
    finally:
        os.close(devnull)


def _write(stream: TextIO, line: str) -> None:
    """Write a line; what nobody hears on stderr any more is no reason to fail."""
    try:
        stream.write(line + "\n")
        stream.flush()
    except BrokenPipeError:
        if stream is not sys.stderr:
            raise
    except (OSError, ValueError) as error:
        if stream is not sys.stderr:
            raise AnswerLost.because(error) from None


def _wants_colour(stream: TextIO) -> bool:
    if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return False
    return stream.isatty()


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return isoformat(value)
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, Enum):
        return value.value
    raise TypeError(f"{type(value).__name__} has no JSON form")

"""What a fake provider sends back, and how it is put on the wire."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field, replace
from typing import Any, Final

__all__ = ["Answer", "Call", "Delivery", "Literal", "dump_json", "json_answer", "text_answer"]

SKEW_HEADER: Final = "X-Fake-Date-Skew-S"
"""Never sent: tells the listener how wrong the Date header is. [s]"""
_MARK: Final = "\x1b"
_MARKED: Final = re.compile(r'"\\u001b(.*?)\\u001b"')


@dataclass(frozen=True, slots=True)
class Literal:
    """Text that stands in JSON as it is, for numbers no Python value prints as, such as ``1e400``."""

    text: str

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """
    How a body leaves the server.

    Args:
        delay_s: Wait before the first byte. [s]
        bytes_per_s: Speed of the body; None sends it at once. [B/s]
        silent: Accept the request and never answer.
        reset: Close the connection hard instead of answering.
        cut: Close after half of the announced body.
        filler_bytes: Send this many blanks before the body. [B]
        endless: Send blanks until the client leaves.
    """

    delay_s: float = 0.0
    bytes_per_s: float | None = None
    silent: bool = False
    reset: bool = False
    cut: bool = False
    filler_bytes: int = 0
    endless: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One HTTP response; *document* is the JSON value behind *body*, where there is one."""

    status: int = 200
    body: bytes = b""
    content_type: str = "application/json"
    headers: tuple[tuple[str, str], ...] = ()
    delivery: Delivery = field(default_factory=Delivery)
    document: Any = None

    def header(self, name: str, value: str) -> Answer:
        """Copy with one header set."""
        kept = tuple(pair for pair in self.headers if pair[0].lower() != name.lower())
        return replace(self, headers=(*kept, (name, value)))

    def deliver(self, **changes: Any) -> Answer:
        """Copy that is put on the wire differently."""
        return replace(self, delivery=replace(self.delivery, **changes))


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """
    One request as a fake provider sees it.

    Args:
        method: GET, POST.
        path: Below the provider's base address, decoded.
        params: Query, decoded, in order.
        headers: Lower-case names.
        body: As sent.
    """

    method: str
    path: str
    params: tuple[tuple[str, str], ...] = ()
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""

    def param(self, *names: str, default: str = "") -> str:
        """First value of the first of *names* that is given."""
        for name in names:
            for key, value in self.params:
                if key == name:
                    return value
        return default

    def all(self, name: str) -> tuple[str, ...]:
        """Every value of a repeated parameter."""
        return tuple(value for key, value in self.params if key == name)

    @property
    def parts(self) -> tuple[str, ...]:
        """Path segments without empty ones."""
        return tuple(part for part in self.path.split("/") if part)


def dump_json(document: Any) -> bytes:
    """JSON bytes in which NaN, infinities and `Literal` stand as lenient servers write them."""
    text = json.dumps(document, default=_mark, separators=(",", ":"), ensure_ascii=True)
    return _MARKED.sub(r"\1", text).encode()


def json_answer(document: Any, status: int = 200) -> Answer:
    """Answer with a JSON body."""
    return Answer(status=status, body=dump_json(document), document=document)


def text_answer(text: str, status: int = 200, *, content_type: str = "text/plain; charset=utf-8") -> Answer:
    """Answer with a text, CSV, XML or HTML body."""
    return Answer(status=status, body=text.encode(), content_type=content_type)


def _mark(value: object) -> str:
    if isinstance(value, Literal):
        return f"{_MARK}{value.text}{_MARK}"
    raise TypeError(f"{type(value).__name__} is no JSON value")

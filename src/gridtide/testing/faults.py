"""
Everything that can go wrong at a provider, as values: ``server.fault("uk", Fault.status(503), times=3)``.

A fault acts at one of three places: on what the provider takes for now (stale, frozen, skewed), on the rows it
publishes (missing, wrong, doubled values), or on the finished answer (status, garbage, slowness). Several faults on
one request act in the order in which they were set.
"""

from __future__ import annotations

import gzip
import json
import random
import re
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from email.utils import format_datetime
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from gridtide.testing.answer import SKEW_HEADER, Answer, Literal, dump_json, text_answer
from gridtide.testing.row_faults import (
    doubled,
    gapped,
    merged,
    overlapping,
    scaled,
    shifted,
    shuffled,
    until,
    valued,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from gridtide.testing.feed import Row

__all__ = ["Fault"]

HTML_LOGIN_PAGE: Final = (
    "<!DOCTYPE html><html><head><title>Sign in</title></head><body><form action='/session'>"
    "<input name='user'><input name='password' type='password'></form></body></html>"
)
_MEBIBYTE: Final = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """
    One thing that goes wrong. Make one with the class methods.

    Args:
        name: For the request log.
        on_now: From the true now and the instant the fault was set to what the provider takes for now.
        on_rows: Changes the published rows; gets the provider's now and a seeded random source.
        on_answer: Changes the finished answer.
        instead: Whether the provider is not asked at all.
    """

    name: str
    on_now: Callable[[datetime, datetime], datetime] | None = None
    on_rows: Callable[[list[Row], datetime, random.Random], list[Row]] | None = None
    on_answer: Callable[[Answer], Answer] | None = None
    instead: bool = False

    # -- answers of their own --------------------------------------------------------------------------------------

    @classmethod
    def status(
        cls,
        code: int,
        *,
        retry_after: float | str | datetime | None = None,
        body: str | None = None,
        content_type: str = "application/json",
    ) -> Fault:
        """Answer with an error status; *retry_after* is seconds, any text, or an instant sent as an HTTP date."""
        text = json.dumps({"error": {"code": str(code), "message": "fault set by a test"}}) if body is None else body
        answer = text_answer(text, code, content_type=content_type)
        if isinstance(retry_after, datetime):
            answer = answer.header("Retry-After", format_datetime(retry_after, usegmt=True))
        elif retry_after is not None:
            answer = answer.header(
                "Retry-After", f"{retry_after:g}" if not isinstance(retry_after, str) else retry_after
            )
        return cls._answer(f"status {code}", answer)

    @classmethod
    def redirect(cls, location: str, code: int = 302) -> Fault:
        """Send the client elsewhere."""
        return cls._answer(f"redirect {code}", Answer(status=code, headers=(("Location", location),)))

    @classmethod
    def html(cls, status: int = 200) -> Fault:
        """A login page, as captive portals and expired sessions send with 200."""
        return cls._answer("html", text_answer(HTML_LOGIN_PAGE, status, content_type="text/html; charset=utf-8"))

    @classmethod
    def body(cls, body: bytes | str, *, status: int = 200, content_type: str = "application/json") -> Fault:
        """Any bytes: ``""``, ``"{}"``, ``"null"``, another provider's error."""
        raw = body.encode() if isinstance(body, str) else body
        return cls._answer("body", Answer(status=status, body=raw, content_type=content_type))

    @classmethod
    def nested(cls, depth: int = 100_000) -> Fault:
        """A JSON array nested *depth* deep."""
        return cls.body("[" * depth)

    @classmethod
    def silence(cls) -> Fault:
        """Accept the request and never answer."""
        return cls._answer("silence", Answer().deliver(silent=True))

    @classmethod
    def reset(cls) -> Fault:
        """Close the connection hard instead of answering."""
        return cls._answer("reset", Answer().deliver(reset=True))

    @classmethod
    def gzip_bomb(cls, mebibytes: int = 64) -> Fault:
        """A small gzip body that inflates to *mebibytes* of JSON blanks. [MiB]"""
        answer = Answer(body=_bomb(mebibytes)).header("Content-Encoding", "gzip")
        return cls._answer("gzip bomb", answer)

    # -- the right answer, badly delivered -------------------------------------------------------------------------

    @classmethod
    def delay(cls, seconds: float) -> Fault:
        """Answer late. [s]"""
        return cls(name=f"delay {seconds:g} s", on_answer=lambda a: a.deliver(delay_s=a.delivery.delay_s + seconds))

    @classmethod
    def drip(cls, bytes_per_s: float = 1.0) -> Fault:
        """Send the body byte by byte. [B/s]"""
        return cls(name="drip", on_answer=lambda a: a.deliver(bytes_per_s=bytes_per_s))

    @classmethod
    def cut(cls) -> Fault:
        """Close the connection after half of the announced body."""
        return cls(name="cut", on_answer=lambda a: a.deliver(cut=True))

    @classmethod
    def oversize(cls, mebibytes: int = 200) -> Fault:
        """Send that much white space before the body. [MiB]"""
        return cls(name="oversize", on_answer=lambda a: a.deliver(filler_bytes=mebibytes * _MEBIBYTE))

    @classmethod
    def endless(cls) -> Fault:
        """Send white space until the client leaves."""
        return cls(name="endless", on_answer=lambda a: a.deliver(endless=True))

    # -- the right answer, spoiled ---------------------------------------------------------------------------------

    @classmethod
    def truncate(cls, share: float = 0.5) -> Fault:
        """Keep only the first part of the body, with a matching length. [0..1]"""
        return cls(name="truncate", on_answer=lambda a: replace(a, body=a.body[: int(len(a.body) * share)]))

    @classmethod
    def bom(cls) -> Fault:
        """Put a UTF-8 byte order mark before the body."""
        return cls(name="bom", on_answer=lambda a: replace(a, body=b"\xef\xbb\xbf" + a.body))

    @classmethod
    def content_type(cls, content_type: str) -> Fault:
        """Declare another content type for the same body."""
        return cls(name="content type", on_answer=lambda a: replace(a, content_type=content_type))

    @classmethod
    def edit(cls, change: Callable[[Any], Any]) -> Fault:
        """Change the JSON document; *change* gets a copy and returns what is sent."""

        def act(answer: Answer) -> Answer:
            if answer.document is None:
                return answer
            document = change(json.loads(dump_json(answer.document)))
            return replace(answer, document=document, body=dump_json(document))

        return cls(name="edit", on_answer=act)

    @classmethod
    def rename(cls, old: str, new: str) -> Fault:
        """Rename a JSON key wherever it stands."""

        def walk(node: Any) -> Any:
            if isinstance(node, dict):
                return {new if key == old else key: walk(value) for key, value in node.items()}
            return [walk(item) for item in node] if isinstance(node, list) else node

        return replace(cls.edit(walk), name=f"rename {old}")

    @classmethod
    def naive_times(cls) -> Fault:
        """Strip the offset from every time in the body."""
        pattern = re.compile(rb"(\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?)(?:Z|[+-]\d{2}:?\d{2})")
        return cls(name="naive times", on_answer=lambda a: replace(a, body=pattern.sub(rb"\1", a.body)))

    # -- a wrong idea of now ---------------------------------------------------------------------------------------

    @classmethod
    def stale(cls, *, hours: float = 0, minutes: float = 0) -> Fault:
        """200 with data as they were published that long ago."""
        age = timedelta(hours=hours, minutes=minutes)
        return cls(name=f"stale {age}", on_now=lambda now, _: now - age)

    @classmethod
    def frozen(cls) -> Fault:
        """200 with data as they were published when the fault was set, for ever."""
        return cls(name="frozen", on_now=lambda _, since: since)

    @classmethod
    def skewed(cls, skew: timedelta) -> Fault:
        """The provider's clock is wrong by *skew*, its ``Date`` header too."""

        def act(answer: Answer) -> Answer:
            return answer.header(SKEW_HEADER, str(skew.total_seconds()))

        return cls(name=f"skew {skew}", on_now=lambda now, _: now + skew, on_answer=act)

    # -- wrong rows ------------------------------------------------------------------------------------------------

    @classmethod
    def value(cls, value: object, *, at: int | None = None, share: float = 1.0) -> Fault:
        """
        Put *value* into rows: None, ``float("nan")``, ``"1e400"`` via `Literal`, text, True, -1, 0, 1e9.

        Args:
            value: What to put.
            at: Only this row of the answer, counted from 0, or from the end when negative.
            share: Otherwise this share of rows, at random. [0..1]
        """
        return cls(name=f"value {value}"[:40], on_rows=lambda rows, _, luck: valued(rows, value, at, share, luck))

    @classmethod
    def number(cls, text: str, *, at: int | None = None, share: float = 1.0) -> Fault:
        """Put a JSON number that Python cannot hold into rows, such as ``1e400``."""
        return cls.value(Literal(text), at=at, share=share)

    @classmethod
    def scale(cls, factor: float, *, name: str = "") -> Fault:
        """Multiply every value without saying so: 1000, or 2.2046 for g/kWh read as lb/MWh."""
        return cls(name=name or f"scale {factor:g}", on_rows=lambda rows, _, __: scaled(rows, factor))

    @classmethod
    def ends(cls, *, hours_ago: float) -> Fault:
        """Nothing newer than that is published, forecasts included."""
        age = timedelta(hours=hours_ago)
        return cls(name=f"ends {age} ago", on_rows=lambda rows, now, _: until(rows, now - age))

    @classmethod
    def gap(cls, first: int, count: int = 1) -> Fault:
        """Leave rows out."""
        return cls(name="gap", on_rows=lambda rows, _, __: gapped(rows, first, count))

    @classmethod
    def duplicate(cls, share: float = 0.2) -> Fault:
        """Send rows twice, at random. [0..1]"""
        return cls(name="duplicate", on_rows=lambda rows, _, luck: doubled(rows, share, luck))

    @classmethod
    def unsorted(cls) -> Fault:
        """Send rows in random order."""
        return cls(name="unsorted", on_rows=lambda rows, _, luck: shuffled(rows, luck))

    @classmethod
    def overlap(cls) -> Fault:
        """Let every second row last twice as long as it should."""
        return cls(name="overlap", on_rows=lambda rows, _, __: overlapping(rows))

    @classmethod
    def shift(cls, by: timedelta) -> Fault:
        """Stamp every row with another time."""
        return cls(name=f"shift {by}", on_rows=lambda rows, _, __: shifted(rows, by))

    @classmethod
    def coarsen(cls, after: int, factor: int = 12) -> Fault:
        """Change the length of steps in mid-series: *factor* rows become one from row *after* on."""
        return cls(name="coarsen", on_rows=lambda rows, _, __: merged(rows, after, factor))

    @classmethod
    def rows(cls, change: Callable[[list[Row]], list[Row]]) -> Fault:
        """Change the published rows in any way."""
        return cls(name="rows", on_rows=lambda rows, _, __: change(rows))

    @classmethod
    def _answer(cls, name: str, answer: Answer) -> Fault:
        return cls(name=name, on_answer=lambda _: answer, instead=True)


@cache
def _bomb(mebibytes: int) -> bytes:
    """Gzip of many blanks before an empty object."""
    return gzip.compress(b" " * (mebibytes * _MEBIBYTE) + b"{}", compresslevel=9, mtime=0)

"""
Strict reading of what a provider sent: JSON, CSV and XML bodies, and the values and times in them.

Nothing here repairs: a body that is not what was agreed raises, with the path of the field that broke it, and never
with the body itself (some providers repeat our key inside it). Reading is bounded: depth, digits and rows have limits.

::

    MalformedPayload      not the agreed format or shape                      -> a parser or an API changed
    ProviderUnavailable   an outage in disguise: empty 200, ``{}``, HTML page  -> try later or elsewhere
"""

from __future__ import annotations

import csv
import io
import itertools
import json
import math
import re
from typing import TYPE_CHECKING, Any, Final, NoReturn

from gridtide.domain.errors import InvalidInput, MalformedPayload, NaiveDatetime, ProviderUnavailable
from gridtide.domain.instants import parse_instant, to_ns

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import tzinfo

    from gridtide.grid.provider import Reply

__all__ = [
    "MISSING",
    "Json",
    "epoch_ns",
    "error_object",
    "instant_ns",
    "items",
    "local_ns",
    "malformed",
    "member",
    "printable",
    "read_csv",
    "read_json",
    "shorten",
    "text_number",
    "text_of",
    "unavailable",
]

Json = dict[str, Any] | list[Any] | str | int | float | bool | None

MISSING: Final = type("Missing", (), {"__repr__": lambda _self: "<missing>", "__slots__": ()})()
"""Stands for a key that is not there, which is not the same as null."""

_DIGITS_MAX: Final = 20
_MESSAGE_MAX: Final = 300
_FIRST_YEAR_S: Final = 946_684_800  # 2000-01-01
_LAST_YEAR_S: Final = 4_102_444_800  # 2100-01-01
_NS: Final = 1_000_000_000
_HTML: Final = re.compile(rb"\s*(?:<!doctype html|<html|<head|<body|<!--)", re.IGNORECASE)
_NUMBER: Final = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d{1,3})?", re.ASCII)
_INSTANT: Final = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(?:Z|[+-]\d\d(?::?\d\d)?)", re.ASCII)


def malformed(provider: str, message: str, *, field: str = "", **facts: Any) -> NoReturn:
    """Raise `MalformedPayload` about one field of a provider's reply."""
    raise MalformedPayload(
        printable(f"{provider}: {message}"),
        hint="the provider's format has changed, or a proxy answered in its place; `gridtide doctor` shows which",
        provider=provider,
        field=printable(field),
        **facts,
    )


def unavailable(provider: str, message: str) -> NoReturn:
    """Raise `ProviderUnavailable`: the status said success, the body did not."""
    hint = "the next provider or the cache is used"
    raise ProviderUnavailable(printable(f"{provider}: {message}"), hint=hint, provider=provider)


def printable(text: str) -> str:
    """Text from a reply as a bounded message: no control characters, no half characters, at most 300 long."""
    cut = text if len(text) <= _MESSAGE_MAX else f"{text[:_MESSAGE_MAX]}..."
    return cut if cut.isprintable() else "".join(c if c.isprintable() else ascii(c)[1:-1] for c in cut)


def shorten(value: object) -> str:
    """Show a value in a message, cut to a bounded length."""
    text = repr(value) if not isinstance(value, (dict, list)) else f"{type(value).__name__} of {len(value)}"
    return text if len(text) <= 40 else f"{text[:37]}..."


# -- bodies ------------------------------------------------------------------------------------------------------------


def text_of(reply: Reply, provider: str) -> str:
    """
    Body as text.

    Raises:
        ProviderUnavailable: The body is empty or an HTML page.
        MalformedPayload: It is partial (206) or not UTF-8.
    """
    if reply.status == 206:
        malformed(provider, "reply is partial (status 206), which was not asked for", status=206)
    if not reply.body.strip():
        unavailable(provider, f"reply is empty (status {reply.status})")
    if _HTML.match(reply.body):
        unavailable(provider, f"reply is an HTML page (status {reply.status}), not data")
    try:
        return reply.body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        malformed(provider, f"reply is not UTF-8 at byte {error.start}")


def read_json(reply: Reply, provider: str) -> Json:
    """
    Body as JSON.

    Values that are no JSON numbers but that some servers write (``NaN``, ``Infinity``, ``1e400``) come out as
    floats that are not finite, so that one of them costs one value and not the whole reply.

    Raises:
        ProviderUnavailable: The body is empty, ``null``, ``{}``, an error object or an HTML page.
        MalformedPayload: It is not JSON, is cut off, is nested too deeply, or an object repeats a key.
    """
    text = text_of(reply, provider)
    try:
        tree: Json = json.loads(text, parse_int=_bounded_int, object_pairs_hook=_unique)
    except _RepeatedKey as error:
        malformed(provider, f"reply repeats the key {error.args[0]!r} in one object", field=error.args[0])
    except RecursionError:
        malformed(provider, "reply is nested too deeply")
    except ValueError as error:
        position = f" at character {error.pos}" if isinstance(error, json.JSONDecodeError) else ""
        malformed(provider, f"reply is not JSON{position}")
    if tree is None or tree in ({}, []):
        unavailable(provider, f"reply is {'null' if tree is None else json.dumps(tree)} (status {reply.status})")
    if isinstance(tree, dict) and tree.get("error") and "data" not in tree:
        unavailable(provider, f"reply is an error (status {reply.status}): {shorten(_error_text(tree['error']))}")
    return tree


def error_object(reply: Reply) -> dict[str, Any]:
    """Body of a failed reply where it is a JSON object, else an empty one; never raises."""
    try:
        tree = json.loads(reply.body.decode("utf-8-sig"), parse_int=_bounded_int)
    except (ValueError, RecursionError):
        return {}
    return tree if isinstance(tree, dict) else {}


class _RepeatedKey(ValueError):
    """An object holds the same key twice; which one counts would be a guess."""


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                raise _RepeatedKey(key[:40])
            seen.add(key)
    return found


def _bounded_int(digits: str) -> int | float:
    return int(digits) if len(digits) <= _DIGITS_MAX else float(digits)


def _error_text(error: Any) -> object:
    if isinstance(error, dict):
        return error.get("code") or error.get("message") or "error"
    return error


def read_csv(reply: Reply, provider: str, columns: Sequence[str]) -> list[dict[str, str]]:
    """
    Body as comma-separated rows with a header; cells are stripped.

    Args:
        reply: What came.
        provider: For messages.
        columns: Names the header must hold.

    Raises:
        ProviderUnavailable: The body is empty or an HTML page.
        MalformedPayload: A column is missing or twice there, a row is longer than the header, or a cell is too long.
    """
    text = text_of(reply, provider)
    if "\0" in text:
        malformed(provider, "reply holds a zero byte")
    rows = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        header = [name.strip() for name in next(rows, [])]
        _check_header(provider, header, columns)
        return [_row(provider, header, cells, rows.line_num) for cells in rows if any(cell.strip() for cell in cells)]
    except csv.Error as error:
        malformed(provider, f"line {rows.line_num} is not CSV: {error}", line=rows.line_num)


def _check_header(provider: str, header: list[str], columns: Sequence[str]) -> None:
    if len(set(header)) != len(header):
        twice = next(name for name in header if header.count(name) > 1)
        malformed(provider, f"column {twice[:40]!r} stands twice in the header", field=twice[:40])
    for name in columns:
        if name not in header:
            malformed(provider, f"column {name!r} is missing; the header has: {_names(header)}", field=name)


def _row(provider: str, header: list[str], cells: list[str], line: int) -> dict[str, str]:
    if len(cells) > len(header):
        malformed(provider, f"line {line} has {len(cells)} cells, the header {len(header)}", line=line)
    return {name: cell.strip() for name, cell in zip(header, cells, strict=False)}


# -- fields ------------------------------------------------------------------------------------------------------------


def member(tree: Any, key: str, provider: str, path: str = "") -> Any:
    """Value under *key*; raises `MalformedPayload` with the full path when it is not there."""
    where = f"{path}.{key}" if path else key
    if not isinstance(tree, dict):
        malformed(provider, f"{path or 'reply'} is {_kind(tree)}, expected an object", field=path)
    if key not in tree:
        malformed(provider, f"{where} is missing; there are: {_names(tree)}", field=where)
    return tree[key]


def _names(keys: Iterable[str]) -> str:
    return ", ".join(shorten(key)[1:-1] for key in itertools.islice(keys, 8)) or "nothing"


def items(tree: Any, provider: str, path: str = "reply") -> list[Any]:
    """Return a list as it is; raises `MalformedPayload` for anything else."""
    if not isinstance(tree, list):
        malformed(provider, f"{path} is {_kind(tree)}, expected a list", field=path)
    return tree


def _kind(value: object) -> str:
    names = {dict: "an object", list: "a list", str: "a string", bool: "a boolean", type(None): "null"}
    return names.get(type(value), "a number")


# -- values and times --------------------------------------------------------------------------------------------------


def text_number(raw: object) -> object:
    """
    Read a number out of a string cell; what is no number comes back as it was, so that it is rejected by type.

    Blank cells become None. Only for sources that send numbers as text.
    """
    if not isinstance(raw, str):
        return raw
    cell = raw.strip().replace("\u2212", "-")
    if not cell:
        return None
    if not _NUMBER.fullmatch(cell) or len(cell) > 40:
        return math.nan if cell.lower() in {"nan", "inf", "-inf", "+inf", "infinity"} else raw
    return float(cell)


def instant_ns(raw: object) -> int | None:
    """Aware ISO 8601 text as an instant, None for anything else: naive, local, epoch number, ``:60``. [ns]"""
    if not isinstance(raw, str) or not _INSTANT.fullmatch(raw):
        return None
    try:
        return _bounded_instant(to_ns(parse_instant(raw)))
    except (NaiveDatetime, InvalidInput, OverflowError):
        return None


def local_ns(raw: object, zone: tzinfo, *, fold: int = 0) -> int | None:
    """
    ISO 8601 text without offset, in a *zone* that the provider's contract names. [ns]

    *fold* 1 means the second of the two instants that share a clock time when clocks go back.
    """
    if not isinstance(raw, str) or not _INSTANT.fullmatch(f"{raw}Z"):
        return None
    try:
        offset_free = parse_instant(f"{raw}Z")
        return _bounded_instant(to_ns(offset_free.replace(tzinfo=zone, fold=fold)))
    except (NaiveDatetime, InvalidInput, OverflowError):
        return None


def epoch_ns(raw: object) -> int | None:
    """Whole seconds since 1970 as an instant; milliseconds, fractions and text are None. [ns]"""
    if isinstance(raw, bool) or not isinstance(raw, int) or not _FIRST_YEAR_S <= raw <= _LAST_YEAR_S:
        return None
    return raw * _NS


def _bounded_instant(instant: int) -> int | None:
    return instant if _FIRST_YEAR_S * _NS <= instant <= _LAST_YEAR_S * _NS else None

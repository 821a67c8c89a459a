"""
Our values as JSON and back, exactly: what comes out equals what went in, to the last bit.

JSON has no instants, durations, sets or enums, so those are small objects with one ``$`` key. A field that this version
does not know is left out on reading, and one that is missing takes its default, so that neighbouring versions read each
other's records. A series is kept apart, once, under the digest of its content.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import zlib
from collections.abc import Callable
from datetime import datetime, timedelta
from enum import Enum
from typing import Any, Final

from gridtide.accounting.savings import Footprint, Power, Saving
from gridtide.domain import decision, signal, workload
from gridtide.domain.errors import MalformedFile
from gridtide.domain.instants import isoformat, parse_instant
from gridtide.domain.interval import Interval
from gridtide.domain.series import Series, StepShape
from gridtide.ledger.records import Ending, Outcome
from gridtide.planning.duration import RunTimes
from gridtide.planning.options import Method, PlanOptions, Risk
from gridtide.planning.question import Question

__all__ = ["LARGEST_SERIES", "digest_of", "dumps", "loads", "pack_series", "unpack_series"]

LARGEST_SERIES: Final = 16 * 1024 * 1024
"""Most bytes a packed series may unfold to; what we write is far below."""

_MICROSECOND: Final = timedelta(microseconds=1)
_RECORDS: Final[dict[str, type]] = {
    kind.__name__: kind
    for kind in (
        decision.Alternative,
        decision.Decision,
        Footprint,
        Interval,
        Outcome,
        PlanOptions,
        Power,
        Question,
        RunTimes,
        Saving,
        signal.Signal,
        workload.Workload,
    )
}
_ENUMS: Final[dict[str, type[Enum]]] = {
    kind.__name__: kind
    for kind in (
        decision.Action,
        decision.FreshnessStep,
        decision.Reason,
        Ending,
        Method,
        Risk,
        signal.Perimeter,
        signal.Quality,
        signal.Scope,
        signal.SignalKind,
        workload.Elasticity,
        workload.OnNoData,
    )
}


def dumps(value: object, *, keep: Callable[[Series], str]) -> str:
    """
    Write *value* as JSON.

    Args:
        value: One of our values, or anything made of them.
        keep: Puts a series away and returns the digest to find it by.
    """
    return json.dumps(_encode(value, keep), separators=(",", ":"))


def loads(text: str, *, find: Callable[[str], Series]) -> Any:
    """
    Read what `dumps` wrote.

    Args:
        text: The JSON.
        find: Returns the series of a digest.

    Raises:
        MalformedFile: The text is not ours.
    """
    try:
        return _decode(json.loads(text), find)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise MalformedFile(f"a record cannot be read: {type(error).__name__}: {error}"[:200]) from error


def digest_of(packed: bytes) -> str:
    """Name of a packed series: the same content always has the same one."""
    return hashlib.sha256(packed).hexdigest()[:32]


def pack_series(series: Series) -> bytes:
    """The whole series as compressed JSON; a person can read it with any zlib tool."""
    body: dict[str, object] = {
        "signal": _encode(series.signal, _no_series),
        "starts_ns": series.starts_ns.tolist(),
        "ends_ns": series.ends_ns.tolist(),
        "values": series.values.tolist(),
        "qualities": series.qualities.tolist(),
    }
    if series.shape is StepShape.LINEAR:
        body["end_values"] = series.end_values.tolist()
    return zlib.compress(json.dumps(body, separators=(",", ":")).encode(), level=6)


def unpack_series(packed: bytes) -> Series:
    """
    Read what `pack_series` wrote.

    Raises:
        MalformedFile: The bytes are not ours, or unfold to more than `LARGEST_SERIES`.
    """
    try:
        unfold = zlib.decompressobj()
        text = unfold.decompress(packed, LARGEST_SERIES)
        if unfold.unconsumed_tail:
            raise MalformedFile(f"a series in the records is larger than {LARGEST_SERIES} bytes")
        body = json.loads(text)
        meaning = _decode(body.pop("signal"), _find_none)
        return Series(meaning, body.pop("starts_ns"), body.pop("ends_ns"), body.pop("values"), **body)
    except (zlib.error, ValueError, TypeError, KeyError) as error:
        raise MalformedFile(f"a series in the records cannot be read: {error}"[:200]) from error


def _encode(value: Any, keep: Callable[[Series], str]) -> object:
    if isinstance(value, Enum):
        return {"$enum": f"{type(value).__name__}.{value.value}"}
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        plain = float(value)
        return plain if plain - plain == 0.0 else {"$float": repr(plain)}
    if isinstance(value, datetime):
        return {"$at": isoformat(value)}
    if isinstance(value, timedelta):
        return {"$us": value // _MICROSECOND}
    if isinstance(value, tuple):
        return [_encode(part, keep) for part in value]
    if isinstance(value, frozenset):
        return {"$set": sorted(value)}
    if isinstance(value, Series):
        return {"$series": keep(value)}
    name = type(value).__name__
    if name in _RECORDS:
        return {"$is": name, **{f.name: _encode(getattr(value, f.name), keep) for f in dataclasses.fields(value)}}
    raise TypeError(f"{name} has no place in a record")


def _decode(value: Any, find: Callable[[str], Series]) -> Any:
    if isinstance(value, list):
        return tuple(_decode(part, find) for part in value)
    if not isinstance(value, dict):
        return value
    tag, body = next(iter(value.items()))
    match tag:
        case "$is":
            kind = _RECORDS[body]
            known = {f.name for f in dataclasses.fields(kind)}
            return kind(**{name: _decode(part, find) for name, part in value.items() if name in known})
        case "$enum":
            name, _, member = body.partition(".")
            return _ENUMS[name](member)
        case "$at":
            return parse_instant(body)
        case "$us":
            return timedelta(microseconds=body)
        case "$set":
            return frozenset(body)
        case "$float":
            return float(body)
        case "$series":
            return find(body)
    raise MalformedFile(f"a record holds the unknown mark {tag[:20]!r}")


def _no_series(_series: Series) -> str:
    raise TypeError("a signal holds no series")


def _find_none(digest: str) -> Series:
    raise KeyError(digest)

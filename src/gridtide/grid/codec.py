"""
Cache entries as bytes for stores outside this process: labels as JSON, numbers as base64 of little-endian arrays.

Never pickle: what comes back may have been written by anybody who reaches the store, so it is read strictly, checked
by `Series` itself, and anything odd is a miss.
"""

from __future__ import annotations

import base64
import binascii
import json
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from gridtide.domain.errors import CarbonError
from gridtide.domain.instants import isoformat, parse_instant
from gridtide.domain.interval import Interval
from gridtide.domain.series import Series, StepShape
from gridtide.domain.signal import Perimeter, Quality, Scope, Signal, SignalKind
from gridtide.grid.cache import Entry

if TYPE_CHECKING:
    from datetime import datetime

    from numpy.typing import NDArray

    from gridtide.grid.cache import CacheKey

__all__ = ["FORMAT", "decode", "encode"]

FORMAT: Final = 1
_TYPES: Final = {"starts": "<i8", "ends": "<i8", "values": "<f8", "end_values": "<f8", "qualities": "<i1"}


def encode(entry: Entry) -> bytes:
    """Bytes that `decode` turns into an equal entry."""
    series, signal = entry.series, entry.series.signal
    arrays: dict[str, NDArray[Any]] = {
        "starts": series.starts_ns,
        "ends": series.ends_ns,
        "values": series.values,
        "qualities": series.qualities,
    }
    if series.shape is StepShape.LINEAR:
        arrays["end_values"] = series.end_values
    document = {
        "format": FORMAT,
        "fetched_at": isoformat(entry.fetched_at),
        "covered": [isoformat(entry.covered.start), isoformat(entry.covered.end)],
        "signal": {
            "kind": signal.kind,
            "provider": signal.provider,
            "zone": signal.zone,
            "scope": signal.scope,
            "perimeter": signal.perimeter,
            "unit": signal.unit,
            "quality": signal.quality,
            "issued_at": _text(signal.issued_at),
            "fetched_at": _text(signal.fetched_at),
            "attribution": signal.attribution,
            "method": signal.method,
        },
        **{name: _packed(array, _TYPES[name]) for name, array in arrays.items()},
    }
    return json.dumps(document, separators=(",", ":")).encode()


def decode(data: bytes, key: CacheKey) -> Entry | None:
    """Entry written by `encode`; None for anything else, or for an entry that is not about *key*."""
    try:
        document = json.loads(data)
        if document["format"] != FORMAT:
            return None
        signal = _signal(document["signal"])
        if (signal.provider, signal.kind) != (key.provider, key.kind):
            return None
        start, end = document["covered"]
        ends = document.get("end_values")
        series = Series(
            signal,
            _unpacked(document, "starts"),
            _unpacked(document, "ends"),
            _unpacked(document, "values"),
            end_values=None if ends is None else _unpacked(document, "end_values"),
            qualities=_ranks(document),
        )
        covered = Interval(parse_instant(start), parse_instant(end))
        return Entry(series, covered, parse_instant(document["fetched_at"]))
    except (CarbonError, AttributeError, LookupError, RecursionError, TypeError, ValueError, OverflowError):
        return None


def _signal(labels: dict[str, Any]) -> Signal:
    words = {name: str(labels[name]) for name in ("provider", "zone", "unit", "attribution", "method")}
    return Signal(
        SignalKind(labels["kind"]),
        scope=Scope(labels["scope"]),
        perimeter=Perimeter(labels["perimeter"]),
        quality=Quality(labels["quality"]),
        issued_at=_instant(labels["issued_at"]),
        fetched_at=_instant(labels["fetched_at"]),
        **words,
    )


def _text(instant: datetime | None) -> str | None:
    return None if instant is None else isoformat(instant)


def _instant(text: str | None) -> datetime | None:
    return None if text is None else parse_instant(text)


def _packed(array: NDArray[Any], kind: str) -> str:
    return base64.b64encode(array.astype(kind).tobytes()).decode()


def _unpacked(document: dict[str, Any], name: str) -> NDArray[Any]:
    try:
        raw = base64.b64decode(document[name], validate=True)
    except binascii.Error:
        raise ValueError(name) from None
    return np.frombuffer(raw, dtype=_TYPES[name])


def _ranks(document: dict[str, Any]) -> NDArray[Any]:
    ranks = _unpacked(document, "qualities")
    if ranks.size and not (int(ranks.min()) >= 0 and int(ranks.max()) < len(Quality)):
        raise ValueError("qualities")
    return ranks

"""
Several series of one signal made into one: measured values over a forecast over our own extension of it.

Each step keeps its own quality, so that a reader can still tell them apart; the labels of the whole say the worst.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from gridtide.domain.instants import from_ns
from gridtide.domain.interval import Interval
from gridtide.domain.series import Series, StepShape
from gridtide.domain.signal import Quality, require_comparable

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["overlay", "until"]

_QUALITIES = tuple(Quality)


def overlay(base: Series, top: Series) -> Series:
    """
    *top* where it knows something, *base* elsewhere.

    Issue time and method come from the part that reaches furthest, the time of fetching from the older part.

    Args:
        base: For example a forecast.
        top: For example measured values.

    Returns:
        One series in order; the quality in its labels is the worst of its steps.

    Raises:
        KindMismatch: The two mean different things.
        UnitMismatch: The two are in different units.
    """
    require_comparable(base.signal, top.signal)
    if not base or not top:
        return base or top
    pieces: list[Series] = []
    cursor = int(base.starts_ns[0])
    for curve in top.curves:
        if cursor < curve.start_ns:
            pieces.append(_between(base, cursor, curve.start_ns))
        pieces.append(_between(top, curve.start_ns, curve.end_ns))
        cursor = max(cursor, curve.end_ns)
    if cursor < int(base.ends_ns[-1]):
        pieces.append(_between(base, cursor, int(base.ends_ns[-1])))
    return _joined(base, top, [piece for piece in pieces if piece])


def until(series: Series, instant_ns: int) -> Series:
    """Part of *series* before an instant; may be empty."""
    if not series or instant_ns <= int(series.starts_ns[0]):
        return Series(series.signal, [], [], [])
    return _between(series, int(series.starts_ns[0]), instant_ns)


def _between(series: Series, start_ns: int, end_ns: int) -> Series:
    if start_ns <= int(series.starts_ns[0]) and int(series.ends_ns[-1]) <= end_ns:
        return series
    return series.clip(Interval(from_ns(start_ns), from_ns(end_ns)))


def _joined(base: Series, top: Series, pieces: Sequence[Series]) -> Series:
    furthest = base if base.ends_ns[-1] > top.ends_ns[-1] else top
    fetched = [s.signal.fetched_at for s in (base, top) if s.signal.fetched_at is not None]
    ranks = np.concatenate([piece.qualities for piece in pieces])
    signal = top.signal.with_(
        quality=_QUALITIES[int(ranks.max())],
        issued_at=furthest.signal.issued_at,
        method=furthest.signal.method,
        fetched_at=min(fetched, default=None),
    )
    constant = all(piece.shape is StepShape.CONSTANT for piece in pieces)
    return Series(
        signal,
        np.concatenate([piece.starts_ns for piece in pieces]),
        np.concatenate([piece.ends_ns for piece in pieces]),
        np.concatenate([piece.values for piece in pieces]),
        end_values=None if constant else np.concatenate([piece.end_values for piece in pieces]),
        qualities=ranks,
    )

"""
What a policy core hands back: one start or several pieces, with their cost.

Cores work on integers of nanoseconds and plain floats, so that one decision costs microseconds. `plan` turns a
choice into a `Decision`. A core that can evaluate nothing returns None: an unknown cost is never a number.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from gridtide.domain.decision import Reason
from gridtide.domain.units import NS_PER_HOUR

if TYPE_CHECKING:
    from gridtide.domain.series import Curve

__all__ = ["RELATIVE_TIE", "Choice", "contiguous", "tie_width"]

RELATIVE_TIE: Final = 1e-12


class Choice(NamedTuple):
    """
    When to run, and what it costs on the series it was planned with.

    Attributes:
        start_ns: First instant of work. [ns]
        end_ns: End of the last piece. [ns]
        cost: Integral of the signal over the pieces, weighted by power relative to mean power. [value x h]
        mean: *cost* per hour of running.
        reason: Why this one.
        pieces: Half-open spans in order; one unless the work pauses. [ns]
    """

    start_ns: int
    end_ns: int
    cost: float
    mean: float
    reason: Reason
    pieces: tuple[tuple[int, int], ...]


def contiguous(start_ns: int, length_ns: int, cost: float, reason: Reason) -> Choice:
    """One piece of *length_ns* from *start_ns*."""
    end_ns = start_ns + length_ns
    return Choice(start_ns, end_ns, cost, cost / (length_ns / NS_PER_HOUR), reason, ((start_ns, end_ns),))


def tie_width(curve: Curve, cost: float) -> float:
    """Costs on *curve* that lie closer than this are equal but for rounding. [value x h]"""
    return RELATIVE_TIE * abs(cost) + curve.noise

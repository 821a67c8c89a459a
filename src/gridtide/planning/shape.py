"""
How power runs over a job: constant, or one level per equal part of the duration.

A shape is kept as edges and weights so that the cost of starting at *s* is a weighted sum of running integrals,
``sum(weight * integral(s + edge))``. Constant power has two edges. Weights are relative to mean power, so a cost is
comparable between shapes and a mean is always the power-weighted mean of the signal.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from gridtide.domain.units import NS_PER_HOUR

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["PowerShape", "constant_power", "power_levels"]


class PowerShape(NamedTuple):
    """
    Power over a run, relative to its mean.

    Attributes:
        length_ns: Duration. [ns]
        edges_ns: Offsets from the start at which power changes; first 0, last *length_ns*. [ns]
        weights: Factor of the running integral at each edge.
        levels: Relative power between two edges.
    """

    length_ns: int
    edges_ns: tuple[int, ...]
    weights: tuple[float, ...]
    levels: tuple[float, ...]

    @property
    def hours(self) -> float:
        """Duration. [h]"""
        return self.length_ns / NS_PER_HOUR

    @property
    def is_constant(self) -> bool:
        """Whether power never changes."""
        return len(self.levels) == 1


def constant_power(length_ns: int) -> PowerShape:
    """Return the shape of a run whose power never changes."""
    return PowerShape(length_ns, (0, length_ns), (-1.0, 1.0), (1.0,))


def power_levels(length_ns: int, powers_w: Sequence[float]) -> PowerShape:
    """
    Return the shape of a run with one power per equal part of its duration.

    Args:
        length_ns: Duration. [ns]
        powers_w: Power of each part; all equal, all zero or empty counts as constant. [W]
    """
    return _levels(length_ns, tuple(powers_w))


@lru_cache(maxsize=256)
def _levels(length_ns: int, powers_w: tuple[float, ...]) -> PowerShape:
    parts = len(powers_w)
    edges, levels = [0], list[float]()
    for i, power in enumerate(powers_w):
        end = length_ns * (i + 1) // parts
        if levels and levels[-1] == power:
            edges[-1] = end
        elif end > edges[-1]:
            edges.append(end)
            levels.append(power)
    energy = sum(p * (b - a) for p, a, b in zip(levels, edges[:-1], edges[1:], strict=True))
    if len(levels) <= 1 or energy == 0.0:
        return constant_power(length_ns)
    relative = tuple(p * length_ns / energy for p in levels)
    weights = (-relative[0], *(a - b for a, b in zip(relative[:-1], relative[1:], strict=True)), relative[-1])
    return PowerShape(length_ns, tuple(edges), weights, relative)

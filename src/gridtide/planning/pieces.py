"""
What pauses cost, and what a run in pieces costs.

A resume repeats `resume_ns` of the work done before the pause (loading a checkpoint, warming up), so it takes that much
more running time, at the power that work had.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from gridtide.domain.units import NS_PER_HOUR

if TYPE_CHECKING:
    from gridtide.domain.series import Series
    from gridtide.planning.shape import PowerShape

__all__ = ["PausePrice", "cost_of_pieces"]


class PausePrice(NamedTuple):
    """
    Rules for pauses.

    Attributes:
        resume_ns: Extra running time of each resume. [ns]
        min_run_ns: Shortest piece, unless there is only one. [ns]
        most_pieces: Most pieces; None for any number.
    """

    resume_ns: int = 0
    min_run_ns: int = 0
    most_pieces: int | None = None

    def allows(self, pieces: tuple[tuple[int, int], ...]) -> bool:
        """Whether *pieces*, found as if pauses were free, keep the rules."""
        if len(pieces) == 1:
            return True
        short = min(end - start for start, end in pieces) < self.min_run_ns
        return not self.resume_ns and not short and (self.most_pieces is None or len(pieces) <= self.most_pieces)


def cost_of_pieces(
    series: Series, spans: list[tuple[int, int]], shape: PowerShape, price: PausePrice
) -> tuple[float, float]:
    """Cost of running *spans*, and the hours at mean power they take. [value x h, h]"""
    cost, hours, done_ns = 0.0, 0.0, 0
    for n, (start_ns, end_ns) in enumerate(spans):
        done_ns -= price.resume_ns if n else 0
        curve = series.curve_at(start_ns)
        assert curve is not None  # noqa: S101 - pieces are found on known values only
        for begin, stop, level in _parts(shape, done_ns, done_ns + end_ns - start_ns):
            shift = start_ns - done_ns
            cost += level * (curve.integral_at(stop + shift) - curve.integral_at(begin + shift))
            hours += level * (stop - begin) / NS_PER_HOUR
        done_ns += end_ns - start_ns
    return cost, hours


def _parts(shape: PowerShape, begin_ns: int, end_ns: int) -> list[tuple[int, int, float]]:
    """Stretches of one power between two amounts of work done."""
    if shape.is_constant:
        return [(begin_ns, end_ns, 1.0)]
    starts = (min(begin_ns, 0), *shape.edges_ns[1:-1])
    stops = (*shape.edges_ns[1:-1], max(end_ns, shape.length_ns))
    return [
        (max(a, begin_ns), min(b, end_ns), level)
        for a, b, level in zip(starts, stops, shape.levels, strict=True)
        if a < end_ns and b > begin_ns
    ]

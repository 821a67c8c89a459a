"""
Move the edges of pieces found on a coarse grid to where they pay best.

Each move takes time from an edge inside a dear step and gives it to an edge beside a cheap one, up to the next edge of
a step, until no move saves. Totals, minimum runs and bounds stay kept, so a plan only ever gets better.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from gridtide.domain.units import NS_PER_HOUR

if TYPE_CHECKING:
    from gridtide.domain.series import Series
    from gridtide.planning.pieces import PausePrice
    from gridtide.planning.shape import PowerShape

__all__ = ["settle"]

_MOST_MOVES: Final = 500
_LEAST_GAIN: Final = 1e-9
_MICROSECOND_NS: Final = 1_000


def settle(
    series: Series,
    spans: list[tuple[int, int]],
    bounds_ns: tuple[int, int],
    shape: PowerShape,
    price: PausePrice,
) -> list[tuple[int, int]] | None:
    """
    Cut *spans* to their exact total and move their edges while that saves.

    Args:
        series: What is known.
        spans: Pieces in order, together no shorter than needed. [ns]
        bounds_ns: Release and end. [ns]
        shape: Running time without a pause; where power changes, ends are cut and nothing is moved.
        price: Rules for pauses.

    Returns:
        The pieces, or None when they cannot be cut to the total under the rules.
    """
    pieces = [list(span) for span in spans]
    for _ in range(_MOST_MOVES):
        surplus = _surplus(pieces, shape, price)
        least = price.min_run_ns if len(pieces) > 1 else 0
        if not shape.is_constant:
            _cut_ends(pieces, surplus, least)
            break
        edges = _edges(series, pieces, bounds_ns)
        if not (_shrink(pieces, edges, surplus, least) if surplus > 0 else _shift(pieces, edges, least)):
            break
        pieces = _tidy(pieces)
    return None if _surplus(pieces, shape, price) else [(s, e) for s, e in pieces]


def _surplus(pieces: list[list[int]], shape: PowerShape, price: PausePrice) -> int:
    """Running time beyond what the work and its resumes need. [ns]"""
    return sum(e - s for s, e in pieces) - shape.length_ns - price.resume_ns * (len(pieces) - 1)


class _Edge(NamedTuple):
    """
    One edge of a piece and one way to move it.

    Attributes:
        piece: Index of the piece.
        side: 0 for its start, 1 for its end.
        step: +1 towards later, -1 towards earlier.
        value: Signal just ahead of the edge.
        slope: Its change on the way. [value / ns]
        room_ns: Way to the next edge of a step, piece or bound. [ns]
    """

    piece: int
    side: int
    step: int
    value: float
    slope: float
    room_ns: int

    @property
    def shrinks(self) -> bool:
        """Whether moving it makes the piece shorter."""
        return (self.step > 0) == (self.side == 0)


def _edges(series: Series, pieces: list[list[int]], bounds_ns: tuple[int, int]) -> list[_Edge]:
    found = []
    for n, piece in enumerate(pieces):
        before = pieces[n - 1][1] if n else bounds_ns[0]
        after = pieces[n + 1][0] if n + 1 < len(pieces) else bounds_ns[1]
        for side, step, limit in ((0, 1, piece[1]), (0, -1, before), (1, 1, after), (1, -1, piece[0])):
            edge = _ahead(series, piece[side], step)
            if edge is not None and limit != piece[side]:
                value, slope, way = edge
                found.append(_Edge(n, side, step, value, slope, min(way, abs(limit - piece[side]))))
    return found


def _ahead(series: Series, instant_ns: int, step: int) -> tuple[float, float, int] | None:
    """Value just ahead of an instant, its change per ns on the way, and the way to the next edge of a step."""
    curve = series.curve_at(instant_ns if step > 0 else instant_ns - 1)
    if curve is None:
        return None
    k = curve.locate(instant_ns if step > 0 else instant_ns - 1)
    left, right = curve.break_list[k], curve.break_list[k + 1]
    rise = (float(curve.end_values[k]) - curve.value_list[k]) / (right - left)
    value = curve.value_list[k] + rise * (instant_ns - left)
    return value, rise * step, right - instant_ns if step > 0 else instant_ns - left


def _shrink(pieces: list[list[int]], edges: list[_Edge], surplus: int, least: int) -> bool:
    """Cut what is too much at the dearest edge; False when nothing may be cut."""
    free = [(edge.value, min(edge.room_ns, _spare(pieces, edge, least)), edge) for edge in edges if edge.shrinks]
    free = [candidate for candidate in free if candidate[1] > 0]
    if not free:
        return False
    _, room, edge = max(free, key=lambda candidate: candidate[0])
    pieces[edge.piece][edge.side] += edge.step * min(room, surplus)
    return True


def _spare(pieces: list[list[int]], edge: _Edge, least: int) -> int:
    start, end = pieces[edge.piece]
    return end - start - least


def _shift(pieces: list[list[int]], edges: list[_Edge], least: int) -> bool:
    """Take time at one edge and give it to another where that saves most; False when nothing saves."""
    best_gain, best = _LEAST_GAIN, None
    for giver in edges:
        if not giver.shrinks:
            continue
        for taker in edges:
            if taker.shrinks or (taker.piece, taker.side) == (giver.piece, giver.side):
                continue
            way = min(giver.room_ns, taker.room_ns)
            if taker.piece != giver.piece:
                way = min(way, _spare(pieces, giver, least))
            rate, bend = giver.value - taker.value, taker.slope - giver.slope
            if rate <= 0.0 or way <= 0:
                continue
            if bend > 0.0:
                way = min(way, int(rate / bend) // _MICROSECOND_NS * _MICROSECOND_NS)
            gain = (rate - 0.5 * bend * way) * way / NS_PER_HOUR
            if gain > best_gain:
                best_gain, best = gain, (giver, taker, way)
    if best is None:
        return False
    giver, taker, way = best
    pieces[giver.piece][giver.side] += giver.step * way
    pieces[taker.piece][taker.side] += taker.step * way
    return True


def _tidy(pieces: list[list[int]]) -> list[list[int]]:
    """Join pieces that touch and drop empty ones."""
    kept = list[list[int]]()
    for piece in pieces:
        if piece[1] == piece[0]:
            continue
        if kept and kept[-1][1] == piece[0]:
            kept[-1][1] = piece[1]
        else:
            kept.append(piece)
    return kept


def _cut_ends(pieces: list[list[int]], surplus: int, least: int) -> None:
    """Cut what is too much from the ends of pieces, the last one first; each keeps its least length."""
    for piece in reversed(pieces):
        cut = min(surplus, piece[1] - piece[0] - max(least, _MICROSECOND_NS))
        if cut > 0:
            piece[1] -= cut
            surplus -= cut

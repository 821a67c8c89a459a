"""
The cheapest pieces of time for work that may pause freely.

On a constant series these are the lowest steps, the last of them taken in part. On a linear series they are the part
of the curve below one level, found exactly. Both skip gaps; equal values are taken earliest first. Pauses that cost
something, minimum runs and a limit on pieces are in `gridtide.planning.pauses`.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from typing import TYPE_CHECKING, Final, NamedTuple

from gridtide.domain.decision import Reason
from gridtide.domain.units import NS_PER_HOUR
from gridtide.planning import fixed
from gridtide.planning.choice import RELATIVE_TIE, Choice, tie_width
from gridtide.planning.level import below_level, known_steps

if TYPE_CHECKING:
    from gridtide.domain.series import Curve, Series

__all__ = ["CLEARLY_ABOVE", "joined", "lowest_slots"]

CLEARLY_ABOVE: Final = 1e-6
"""Share by which a value exceeds another without any doubt from rounding."""


def lowest_slots(series: Series, release_ns: int, end_ns: int, length_ns: int) -> Choice | None:
    """
    Cheapest pieces in [release, end) that add up to the length; power is constant and pauses are free.

    Args:
        series: What is known.
        release_ns: Earliest start. [ns]
        end_ns: Must be finished by. [ns]
        length_ns: Running time in all. [ns]

    Returns:
        The choice, or None when less than the length is known in the bounds.
    """
    curves = series.curves
    if len(curves) == 1 and curves[0].constant:
        found = _lowest_steps(curves[0], release_ns, end_ns, length_ns)
    elif curves and curves[0].constant:
        found = _lowest_steps_between_gaps(series, release_ns, end_ns, length_ns)
    else:
        below = below_level(known_steps(series, release_ns, end_ns), length_ns)
        found = None if below is None else _Found(joined(below.spans), below.cost)
    if found is None:
        return None
    spans, cost, above = found
    start_ns = spans[0][0]
    if start_ns == release_ns and len(spans) == 1:
        reason = _reason_now(series, release_ns, end_ns)
    elif above:
        reason = Reason.LOWER_LATER
    else:
        now = fixed.run_now(series, release_ns, length_ns)
        if now is not None and now.cost - cost <= tie_width(curves[0], cost):
            return now._replace(reason=_reason_now(series, release_ns, end_ns))
        reason = Reason.LOWER_LATER if start_ns > release_ns else Reason.LOWEST_NOW
    return Choice(start_ns, spans[-1][1], cost, cost * NS_PER_HOUR / length_ns, reason, tuple(spans))


def _reason_now(series: Series, release_ns: int, end_ns: int) -> Reason:
    steps = known_steps(series, release_ns, end_ns)
    low, high = min(steps.first.min(), steps.last.min()), max(steps.first.max(), steps.last.max())
    return Reason.FLAT if high - low <= RELATIVE_TIE * abs(high) else Reason.LOWEST_NOW


def joined(spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Spans in order, neighbours that touch made one."""
    spans.sort()
    pieces = [spans[0]]
    for span in spans[1:]:
        if span[0] == pieces[-1][1]:
            pieces[-1] = (pieces[-1][0], span[1])
        else:
            pieces.append(span)
    return pieces


class _Found(NamedTuple):
    """
    What to run on.

    Attributes:
        spans: In order, none touching. [ns]
        cost: [value x h]
        above: Whether the value at the release is clearly above all that was picked.
    """

    spans: list[tuple[int, int]]
    cost: float
    above: bool = False


class _Range(NamedTuple):
    """The steps i..j-1 of a curve between two instants; the outer two may be cut."""

    curve: Curve
    i: int
    j: int
    first_ns: int
    last_ns: int

    def lowest(self, count: int) -> list[int]:
        """The *count* lowest steps, the earlier first of equals."""
        curve, i, j, _, _ = self
        size = len(curve.value_list)
        if j - i == size:
            return curve.order[:count]
        if 4 * (j - i) < size:
            return [i + k for k in curve.values[i:j].argsort(kind="stable")[:count].tolist()]
        found = list[int]()
        for k in curve.order:
            if i <= k < j:
                found.append(k)
                if len(found) == count:
                    break
        return found


def _lowest_steps(curve: Curve, release_ns: int, end_ns: int, length_ns: int) -> _Found | None:
    edges, step_ns = curve.break_list, curve.step_ns
    first_ns, last_ns = max(edges[0], release_ns), min(edges[-1], end_ns)
    if last_ns - first_ns < length_ns:
        return None
    if not step_ns:
        i, j = bisect_right(edges, first_ns) - 1, bisect_left(edges, last_ns)
        return _counted(_Range(curve, i, j, first_ns, last_ns), length_ns)
    i, j = (first_ns - edges[0]) // step_ns, -((edges[0] - last_ns) // step_ns)
    span = _Range(curve, i, j, first_ns, last_ns)
    whole, rest_ns = divmod(length_ns, step_ns)
    picked = span.lowest(whole + 1 if rest_ns else whole)
    if (first_ns > edges[i] and i in picked) or (last_ns < edges[j] and j - 1 in picked):
        return _counted(span, length_ns)
    values = curve.value_list
    above = values[i] - values[picked[-1]] > CLEARLY_ABOVE * abs(values[i])
    cost = sum([values[k] for k in picked[:whole]]) * step_ns
    part = None
    if rest_ns:
        part = picked.pop()
        cost += values[part] * rest_ns
    return _Found(_spans(span, picked, part, rest_ns), cost / NS_PER_HOUR, above=above)


def _counted(span: _Range, length_ns: int) -> _Found:
    """Take steps one by one, each for what of it lies inside the bounds."""
    curve, i, j, first_ns, last_ns = span
    edges, values = curve.break_list, curve.value_list
    picked, cost, left_ns = list[int](), 0.0, length_ns
    for k in span.lowest(j - i):
        room_ns = edges[k + 1] - edges[k]
        if k == i:
            room_ns -= first_ns - edges[k]
        if k == j - 1:
            room_ns -= edges[k + 1] - last_ns
        if room_ns > left_ns:
            cost += values[k] * left_ns
            return _Found(_spans(span, picked, k, left_ns), cost / NS_PER_HOUR)
        cost += values[k] * room_ns
        left_ns -= room_ns
        picked.append(k)
        if not left_ns:
            break
    return _Found(_spans(span, picked, None, 0), cost / NS_PER_HOUR)


def _spans(span: _Range, picked: list[int], part: int | None, part_ns: int) -> list[tuple[int, int]]:
    """Spans of the *picked* whole steps and of the first *part_ns* of step *part*; neighbours joined."""
    edges, first_ns = span.curve.break_list, span.first_ns
    spans = list[tuple[int, int]]()
    if picked:
        picked.sort()
        begin = before = picked[0]
        for k in picked[1:]:
            if k - before != 1:
                spans.append((edges[begin], edges[before + 1]))
                begin = k
            before = k
        spans.append((edges[begin], min(edges[before + 1], span.last_ns)))
        spans[0] = max(spans[0][0], first_ns), spans[0][1]
    if part is not None:
        start_ns = max(edges[part], first_ns)
        spans.append((start_ns, start_ns + part_ns))
        return joined(spans)
    return spans


def _lowest_steps_between_gaps(series: Series, release_ns: int, end_ns: int, length_ns: int) -> _Found | None:
    steps = known_steps(series, release_ns, end_ns)
    if int((steps.ends - steps.starts).sum()) < length_ns:
        return None
    spans, cost, left_ns = [], 0.0, length_ns
    for k in steps.first.argsort(kind="stable").tolist():
        start_ns = int(steps.starts[k])
        room_ns = min(int(steps.ends[k]) - start_ns, left_ns)
        spans.append((start_ns, start_ns + room_ns))
        cost += float(steps.first[k]) * room_ns
        left_ns -= room_ns
        if not left_ns:
            break
    return _Found(joined(spans), cost / NS_PER_HOUR)

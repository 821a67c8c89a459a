"""Slow and plain answers to check the planner with, written without its code: sums over steps, and trying everything."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

from hypothesis import strategies as st

from gridtide.domain.instants import to_ns
from gridtide.domain.series import Series
from support import DEMO, T0

MINUTE_NS = 60 * 10**9
HOUR_NS = 60 * MINUTE_NS
T0_NS = to_ns(T0)


def minutes(count):
    """Nanoseconds after T0."""
    return T0_NS + round(count * MINUTE_NS)


def area(series, start, end):
    """Integral over [start, end) in value x h, exactly; None when part of it is unknown."""
    total, covered = Fraction(0), 0
    columns = (series.starts_ns, series.ends_ns, series.values, series.end_values)
    for left, right, first, last in zip(*(column.tolist() for column in columns), strict=True):
        a, b = max(left, start), min(right, end)
        if b <= a:
            continue
        slope = (Fraction(last) - Fraction(first)) / (right - left)
        total += (b - a) * (Fraction(first) + slope * (Fraction(a + b, 2) - left))
        covered += b - a
    return total / HOUR_NS if covered == end - start else None


def run_cost(series, start, length, powers=(1.0,)):
    """Power-weighted cost of one run, power relative to its mean; None when part of it is unknown."""
    edges = [start + length * i // len(powers) for i in range(len(powers) + 1)]
    energy = sum(Fraction(p) * (b - a) for p, (a, b) in zip(powers, pairwise(edges), strict=True))
    if energy == 0:
        powers, energy = [1.0] * len(powers), Fraction(length)
    total = Fraction(0)
    for power, (a, b) in zip(powers, pairwise(edges), strict=True):
        if b > a:
            part = area(series, a, b)
            if part is None:
                return None
            total += Fraction(power) * length / energy * part
    return total


def starts_to_try(series, release, latest, length, *, parts=1, fine=61):
    """Both bounds, a fine grid between them, and every start at which an edge of the job meets an edge of a step."""
    tried = {release, latest} | {release + (latest - release) * i // fine for i in range(fine)}
    for edge in {*series.starts_ns.tolist(), *series.ends_ns.tolist()}:
        for i in range(parts + 1):
            tried.add(edge - length * i // parts)
    return sorted(s for s in tried if release <= s <= latest)


def best_start(series, release, latest, length, powers=(1.0,)):
    """Cheapest start tried and its cost, or None when no run is known."""
    found = [
        (cost, start)
        for start in starts_to_try(series, release, latest, length, parts=len(powers))
        if (cost := run_cost(series, start, length, powers)) is not None
    ]
    return min(found) if found else None


EITHER = st.booleans()


@st.composite
def series_of(draw, *, linear=EITHER, equal=EITHER, gaps=EITHER, low=0, high=500, most=10):
    """Series of up to *most* steps from T0: constant or linear, equal or unequal steps, with or without gaps."""
    count = draw(st.integers(2, most))
    is_linear, is_equal, has_gaps = draw(linear), draw(equal), draw(gaps)
    value = st.one_of(st.integers(low, high).map(float), st.floats(low, high))
    step = draw(st.sampled_from([5, 30, 60]))
    begin, starts, ends, first, last = 0, [], [], [], []
    for _ in range(count):
        begin += draw(st.sampled_from([0, 0, 15, 45])) if has_gaps else 0
        length = step if is_equal else draw(st.sampled_from([5, 17, 30, 60]))
        starts.append(minutes(begin))
        ends.append(minutes(begin + length))
        begin += length
        joined = is_linear and last and ends[-2] == starts[-1] and draw(st.booleans())
        first.append(last[-1] if joined else draw(value))
        last.append(draw(value) if is_linear else first[-1])
    return Series(DEMO, starts, ends, first, end_values=last if is_linear else None)


@st.composite
def jobs(draw, *, most_minutes=240):
    """Release, latest start and length in nanoseconds, on whole minutes or odd seconds."""
    unit = draw(st.sampled_from([MINUTE_NS, MINUTE_NS, 1_000_000_000, 5 * MINUTE_NS]))
    top = most_minutes * MINUTE_NS // unit
    release = T0_NS + unit * draw(st.integers(0, top))
    length = unit * draw(st.integers(1, top))
    return release, release + unit * draw(st.integers(0, top)), length


def pieces_cost(series, pieces):
    """Cost of running all *pieces* at constant power, or None."""
    costs = [area(series, a, b) for a, b in pieces]
    return None if any(c is None for c in costs) else sum(costs)

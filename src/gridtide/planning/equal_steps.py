"""
The hot path: lowest window on equal constant steps, a few slices of the running integral instead of a search.

With steps of one length the breakpoints form two combs: starts on a step edge, and starts whose end is on a step edge.
Each comb is one slice expression; the two bounds are looked at one by one. The answer equals the general route in
`gridtide.planning.window` (tested), at a tenth of its time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gridtide.domain.decision import Reason
from gridtide.domain.units import NS_PER_HOUR
from gridtide.planning.choice import RELATIVE_TIE, Choice

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from gridtide.domain.series import Curve

__all__ = ["lowest_on_equal_steps"]

_LOWEST_NOW, _LOWER_LATER, _FLAT = Reason.LOWEST_NOW, Reason.LOWER_LATER, Reason.FLAT


def lowest_on_equal_steps(curve: Curve, release_ns: int, latest_ns: int, length_ns: int) -> Choice | None:
    """
    Cheapest start in [release, latest] at constant power; the earliest of equals.

    Args:
        curve: A stretch of equal constant steps.
        release_ns: Earliest start. [ns]
        latest_ns: Latest start. [ns]
        length_ns: Duration. [ns]

    Returns:
        The choice, or None when no run in the bounds lies inside *curve*.
    """
    edges, step = curve.break_list, curve.step_ns
    origin = edges[0]
    first, last = max(release_ns, origin), min(latest_ns, edges[-1] - length_ns)
    if last < first:
        return None
    running = curve.integral_list
    i, into = divmod(first - origin, step)
    j, beyond = divmod(last - origin, step)
    m, rest = divmod(length_ns, step)
    first_cost = _window(running, i, into, first - origin + length_ns, step)
    last_cost = _window(running, j, beyond, last - origin + length_ns, step)
    a = i + 1 if into else i
    combs = [(_from_edges(curve, a, j, m, rest / NS_PER_HOUR), origin + a * step)] if a <= j else []
    if rest:
        b, c = i if step - rest >= into else i + 1, j if step - rest <= beyond else j - 1
        if b <= c:
            combs.append((_to_edges(curve, b, c, m, rest / NS_PER_HOUR), origin + (b + 1) * step - rest))
    best = min(first_cost, last_cost)
    lows = []
    for costs, begin in combs:
        low = costs.item(costs.argmin())
        lows.append((low, costs, begin))
        best = min(best, low)
    limit = best + RELATIVE_TIE * abs(best) + curve.noise
    if first_cost <= limit:
        high = max([last_cost, *(costs.item(costs.argmax()) for costs, _ in combs)]) if first == release_ns else None
        reason = _LOWER_LATER if high is None else _FLAT if high <= limit else _LOWEST_NOW
        return _choice(first, length_ns, first_cost, reason)
    start, cost = last, last_cost
    for low, costs, begin in lows:
        if low <= limit:
            k = int((costs <= limit).argmax())
            if begin + k * step < start:
                start, cost = begin + k * step, costs.item(k)
    return _choice(start, length_ns, cost, _LOWER_LATER)


def _choice(start: int, length: int, cost: float, reason: Reason) -> Choice:
    end = start + length
    return Choice(start, end, cost, cost * NS_PER_HOUR / length, reason, ((start, end),))


def _window(running: list[float], i: int, into: int, end: int, step: int) -> float:
    """Cost of the run from *into* step i up to *end*, counted from the first edge."""
    k, beyond = divmod(end, step)
    start, stop = running[i], running[k]
    if into:
        start += into / step * (running[i + 1] - start)
    if beyond:
        stop += beyond / step * (running[k + 1] - stop)
    return stop - start


def _from_edges(curve: Curve, a: int, j: int, m: int, rest_h: float) -> NDArray[np.float64]:
    """Costs of runs that start on the edges a..j and end *rest_h* into a step."""
    integral = curve.integral
    stop = integral[a + m : j + 1 + m]
    if rest_h:
        stop = stop + rest_h * curve.values[a + m : j + 1 + m]
    return stop - integral[a : j + 1]


def _to_edges(curve: Curve, b: int, c: int, m: int, rest_h: float) -> NDArray[np.float64]:
    """Costs of runs that start *rest_h* before the end of the steps b..c and end on an edge."""
    integral = curve.integral
    return integral[b + m + 1 : c + m + 2] - integral[b + 1 : c + 2] + rest_h * curve.values[b : c + 1]

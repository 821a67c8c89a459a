"""
Deciding without a forecast: limits that guarantee a ratio to the best possible whatever comes.

All that is known is that values lie between *low* and *high*. Work that needs k slots takes its i-th slot when the
value is at or below the i-th limit; limits fall as work gets done, because the less is left, the pickier one may be.
When no slack is left the rest runs whatever it costs. With a price for switching there are two limits: to start
below the one and to stop only above the other.

The ratio is guaranteed when every value lasts at least as long as the work, so that a good one can take all of it.
Where a value lasts one slot only and the work needs several, it can be exceeded: a slot taken early at a very low
value leaves the limits where they were.

References:
    El-Yaniv et al. (2001), Optimal search and one-way trading, doi:10.1007/s00453-001-0003-0.
    Lorenz, Panagiotou, Steger (2009), Optimal algorithms for k-search, doi:10.1007/s00453-008-9217-8.
    Lechowicz et al. (2023), The online pause and resume problem, doi:10.1145/3626776.
"""

from __future__ import annotations

from math import e, exp, sqrt
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from gridtide.domain.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import ArrayLike, NDArray

__all__ = [
    "SwitchLimits",
    "k_min_limits",
    "k_min_ratio",
    "k_min_ratio_bound",
    "one_min_limit",
    "pause_resume_limits",
    "pause_resume_ratio",
    "runs_next",
    "slots_taken",
]

_HALVINGS = 200


class SwitchLimits(NamedTuple):
    """
    Limits for the slot that does the i-th unit of work, shape (n_units,) each.

    Attributes:
        start: Begin or resume at or below. [value]
        stop: While running, pause above. [value]
    """

    start: NDArray[np.float64]
    stop: NDArray[np.float64]


def one_min_limit(low: float, high: float) -> float:
    """
    Limit for work of one slot: sqrt(low high), never worse than sqrt(high / low) times the best.

    Example:
        >>> one_min_limit(100.0, 400.0)
        200.0
    """
    _check(low, high)
    return sqrt(low * high)


def k_min_ratio(units: ArrayLike, low: ArrayLike, high: ArrayLike) -> NDArray[np.float64]:
    """
    Best guaranteed ratio r for work of k slots: (1 - low/high) / (1 - 1/r) = (1 + 1/(k r))^k.

    Args:
        units: Slots of work k; broadcast with the bounds. [slots >= 1]
        low: Lowest possible value, above zero.
        high: Highest possible value.
    """
    k, bottom, top = np.broadcast_arrays(*(np.asarray(x, dtype=np.float64) for x in (units, low, high)))
    spread = 1.0 - bottom / top
    return _rising_root(lambda r: (1.0 - 1.0 / r) * (1.0 + 1.0 / (k * r)) ** k - spread, np.ones_like(k), top / bottom)


def k_min_ratio_bound(low: float, high: float) -> float:
    """Ratio for endlessly divisible work, 1 / (1 + W((low/high - 1) / e)) with Lambert's W."""
    _check(low, high)
    return 1.0 / (1.0 + _lambert_w((low / high - 1.0) / e))


def k_min_limits(units: int, low: float, high: float, *, ratio: float | None = None) -> NDArray[np.float64]:
    """
    Limits for the 1st to the last slot of work, falling.

    Args:
        units: Slots of work. [slots >= 1]
        low: Lowest possible value.
        high: Highest possible value.
        ratio: Guaranteed ratio; the best one for *units* when left out.

    Returns:
        ``high (1 - (1 - 1/r) (1 + 1/(r k))^(i-1))``, shape (units,). [value]
    """
    _check(low, high)
    r = float(k_min_ratio(units, low, high)) if ratio is None else ratio
    return np.asarray(high * (1.0 - (1.0 - 1.0 / r) * (1.0 + 1.0 / (r * units)) ** np.arange(units)))


def pause_resume_ratio(units: int, low: float, high: float, switch_cost: float) -> float:
    """
    Best guaranteed ratio when each start and each stop costs *switch_cost*.

    Raises:
        InvalidInput: A start and a stop together cost as much as the whole spread, so pausing can never pay.
    """
    _check(low, high)
    spread = high - low - 2.0 * switch_cost
    if switch_cost < 0.0 or spread <= 0.0:
        raise InvalidInput(
            f"switch_cost is {switch_cost}; allowed: from 0 to below half the spread {high - low:g}",
            field="switch_cost",
            hint="run without pauses: no pause can be worth two switches",
        )

    def surplus(r: NDArray[np.float64]) -> NDArray[np.float64]:
        start = high * (1.0 - 1.0 / r) - 2.0 * switch_cost * (1.0 + 1.0 / (units * r) - 1.0 / units)
        return np.asarray(start * (1.0 + 1.0 / (units * r)) ** units - spread)

    return float(_rising_root(surplus, np.array(1.0), np.array(high / low)))


def pause_resume_limits(units: int, low: float, high: float, switch_cost: float) -> SwitchLimits:
    """
    Limits two switch costs apart, so that a pause is worth its two switches.

    Args:
        units: Slots of work. [slots >= 1]
        low: Lowest possible value.
        high: Highest possible value.
        switch_cost: Of one start or one stop, as value times slots. [value]
    """
    r = pause_resume_ratio(units, low, high, switch_cost)
    growth = (1.0 + 1.0 / (units * r)) ** np.arange(units)
    first = high * (1.0 - 1.0 / r) - 2.0 * switch_cost * (1.0 + 1.0 / (units * r) - 1.0 / units)
    stop: NDArray[np.float64] = np.asarray(high - first * growth, dtype=np.float64)
    return SwitchLimits(stop - 2.0 * switch_cost, stop)


def runs_next(value: float, limits: SwitchLimits, done: int, *, slots_left: int, running: bool) -> bool:
    """
    Whether to run in the slot that begins now.

    Args:
        value: Of this slot.
        limits: For all units of the work.
        done: Units done so far.
        slots_left: Slots until the deadline, this one included.
        running: Whether the slot before was used.
    """
    todo = limits.start.size - done
    if todo <= 0:
        return False
    limit = limits.stop if running else limits.start
    return slots_left <= todo or value <= limit[done]


def slots_taken(values: NDArray[np.float64], limits: SwitchLimits) -> NDArray[np.bool_]:
    """
    Walk through a window of slots as they come.

    Args:
        values: One per slot up to the deadline, shape (n_slots,).
        limits: For all units of the work; at most n_slots of them.

    Returns:
        Which slots are used, as many as there are units; shape (n_slots,).

    Raises:
        InvalidInput: There are fewer slots than units.
    """
    if values.size < limits.start.size:
        raise InvalidInput(f"{limits.start.size} slots of work do not fit into {values.size}", field="values")
    taken = np.zeros(values.size, dtype=bool)
    done, running = 0, False
    for slot, value in enumerate(values.tolist()):
        running = runs_next(value, limits, done, slots_left=values.size - slot, running=running)
        taken[slot] = running
        done += running
    return taken


def _rising_root(
    function: Callable[[NDArray[np.float64]], NDArray[np.float64]],
    low: NDArray[np.float64],
    high: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Where a rising function crosses zero, by halving until neighbouring floats are reached."""
    for _ in range(_HALVINGS):
        middle = 0.5 * (low + high)
        if ((middle <= low) | (middle >= high)).all():
            break
        below = function(middle) < 0.0
        low, high = np.where(below, middle, low), np.where(below, high, middle)
    return np.asarray(0.5 * (low + high))


def _lambert_w(x: float) -> float:
    """Principal branch for -1/e <= x <= 0, by Halley's rule."""
    root = sqrt(max(2.0 * (1.0 + e * x), 0.0))
    w = -1.0 + root - root * root / 3.0
    for _ in range(50):
        if w <= -1.0:
            return -1.0
        error = w * exp(w) - x
        step = error / (exp(w) * (w + 1.0) - (w + 2.0) * error / (2.0 * w + 2.0))
        w -= step
        if abs(step) <= 1e-16 * max(abs(w), 1e-3):
            break
    return w


def _check(low: float, high: float) -> None:
    if not 0.0 < low <= high < float("inf"):
        raise InvalidInput(f"low is {low}, high {high}; allowed: 0 < low <= high", field="low")

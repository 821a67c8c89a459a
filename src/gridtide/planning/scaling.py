"""
How many replicas an elastic job runs in each slot: the cheapest levels that finish the work by the deadline.

Work per slot and power both grow with the level, neither in proportion. Three steps:

1. *Increments* of all slots in order of carbon per work, along the convex hull of the profile, until the work is done.
   The last one taken in part is the cheapest plan of all when a slot may be split, and the bound for all others.
2. Taken whole it overshoots; *trimming* gives back levels that are not needed.
3. A search over all remaining combinations that could still be cheaper, bounded by step 1, closes the gap. On whole
   slots this is a multiple-choice knapsack problem; only levels near the bound's prices take part.

A plan therefore never costs more than any fixed level that meets the deadline, and says how far from the optimum it
can be at most.

References:
    Hanafy et al. (2023), CarbonScaler, SIGMETRICS '24, doi:10.1145/3626788.
    Nemhauser, Ullmann (1969), Discrete dynamic programming and capital allocation, doi:10.1287/mnsc.15.9.494.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from gridtide.domain.errors import InvalidInput

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["ScalePlan", "ScaleProfile", "Split", "at_level", "scale"]

_FEASIBLE: Final = 1e-9
_FIRST_LIMIT: Final = 1 / 256
_MOST_STATES: Final = 20_000


@dataclass(frozen=True, slots=True)
class ScaleProfile:
    """
    What each level does and draws; level 0 is off.

    Args:
        throughput: Work per slot at level 1, 2, ... [work per slot]
        power_w: Power at level 1, 2, ... [W]
        least: Smallest level above 0 that is allowed.

    Raises:
        InvalidInput: The lists differ in length, hold impossible figures, or leave no level.
    """

    throughput: tuple[float, ...]
    power_w: tuple[float, ...]
    least: int = 1

    def __post_init__(self) -> None:
        if len(self.throughput) != len(self.power_w) or not self.throughput:
            raise InvalidInput(
                f"throughput has {len(self.throughput)} levels, power_w {len(self.power_w)}; allowed: as many of both",
                field="throughput",
            )
        if not 1 <= self.least <= len(self.throughput):
            raise InvalidInput(f"least is {self.least}; allowed: 1 to {len(self.throughput)}", field="least")
        for name in ("throughput", "power_w"):
            if not all(0.0 <= figure < float("inf") for figure in getattr(self, name)):
                raise InvalidInput(f"{name} holds a figure below zero or none; allowed: zero or more", field=name)

    def levels(self) -> NDArray[np.int64]:
        """Allowed levels, 0 first, shape (n_levels,)."""
        return np.array([0, *range(self.least, len(self.throughput) + 1)], dtype=np.int64)


class Split(NamedTuple):
    """
    One slot run at two levels in turn, which makes the plan as cheap as the bound.

    Attributes:
        slot: Which.
        upper: Level for the first part.
        lower: Level for the rest.
        share: Part of the slot at *upper*. [0..1]
    """

    slot: int
    upper: int
    lower: int
    share: float


class ScalePlan(NamedTuple):
    """
    Levels over time.

    Attributes:
        levels: Level per slot, shape (n_slots,).
        cost: Sum of value times power over whole slots. [value x W]
        bound: No plan costs less, not even with a split slot. [value x W]
        work: Done by *levels*; at least what was asked.
        split: How to reach *bound* exactly: *levels* of the other slots are then `split_levels`.
        split_levels: Levels of a plan that splits one slot, shape (n_slots,).
        proved: Whether *cost* is within the asked tolerance of the cheapest plan on whole slots.
    """

    levels: NDArray[np.int64]
    cost: float
    bound: float
    work: float
    split: Split | None
    split_levels: NDArray[np.int64]
    proved: bool

    @property
    def gap(self) -> float:
        """Largest possible distance from the optimum, as a share of the bound."""
        return (self.cost - self.bound) / abs(self.bound) if self.bound else 0.0


class _Table(NamedTuple):
    """
    Allowed levels with their work and cost; positions index levels.

    *work* and *cost* have shape (n_slots, n_levels). Being off costs infinitely much where that is not allowed.
    """

    values: NDArray[np.float64]
    lengths: NDArray[np.float64]
    held: NDArray[np.bool_]
    level: NDArray[np.int64]
    work: NDArray[np.float64]
    cost: NDArray[np.float64]


class _Relaxed(NamedTuple):
    """Cheapest plan with one split slot: positions, the price of work, and what the split would add."""

    position: NDArray[np.int64]
    price: float
    bound: float
    slot: int
    upper: int
    share: float


def scale(
    values: NDArray[np.float64],
    profile: ScaleProfile,
    work: float,
    *,
    lengths: NDArray[np.float64] | None = None,
    held: NDArray[np.bool_] | None = None,
    tolerance: float = 1e-4,
) -> ScalePlan | None:
    """
    Cheapest levels on whole slots.

    Args:
        values: Forecast per slot up to the deadline, shape (n_slots,). [value]
        profile: What a level does and draws.
        work: To be done by the end. [work]
        lengths: Length of each slot, shape (n_slots,); all one when left out. [slots]
        held: Slots that may not be off, shape (n_slots,); none when left out.
        tolerance: The search stops once the plan is proved this close to the best, as a share of the bound.

    Returns:
        The plan, or None when the work cannot be done by the deadline at any level.

    Raises:
        InvalidInput: A value is missing or *work* is below zero.

    Example:
        >>> profile = ScaleProfile(throughput=(1.0, 1.8), power_w=(100.0, 200.0))
        >>> scale(np.array([300.0, 100.0, 200.0]), profile, 1.7).levels.tolist()
        [0, 2, 0]
    """
    if not np.isfinite(values).all() or not 0.0 <= work < float("inf"):
        raise InvalidInput("values must be known in every slot and work be zero or more", field="values")
    level = profile.levels()
    done = np.array((0.0, *profile.throughput))[level]
    watts = np.array((0.0, *profile.power_w))[level]
    table = _table(values, level, done, watts, lengths=lengths, held=held)
    relaxed = _relax(table, done, watts, work)
    if relaxed is None:
        return None
    position = relaxed.position.copy()
    if relaxed.share > 0.0:
        position[relaxed.slot] = relaxed.upper
    position = _trim(table, position, work)
    position, proved = _search(table, relaxed, position, work, tolerance)
    return ScalePlan(
        levels=level[position],
        cost=_cost(table, position),
        bound=relaxed.bound,
        work=_sum(table.work, position),
        split=_split(table, relaxed),
        split_levels=level[relaxed.position],
        proved=proved,
    )


def at_level(
    values: NDArray[np.float64], profile: ScaleProfile, work: float, *, level: int, whole_slots: bool = True
) -> float | None:
    """
    Cost of running at one level from the first slot until the work is done, or None when it is not done in time.

    Args:
        values: Per slot, shape (n_slots,). [value]
        profile: What a level does and draws.
        work: To be done. [work]
        level: From 1.
        whole_slots: Whether the last slot is paid in full.
    """
    slots = work / profile.throughput[level - 1]
    if slots > values.size * (1 + _FEASIBLE):
        return None
    full = int(slots * (1 - _FEASIBLE))
    rest = min(max(slots - full, 0.0), 1.0)
    last = 1.0 if whole_slots and rest > _FEASIBLE else rest
    cost = float(values[:full].sum()) + (last * float(values[full]) if full < values.size else 0.0)
    return profile.power_w[level - 1] * cost


def _table(
    values: NDArray[np.float64],
    level: NDArray[np.int64],
    done: NDArray[np.float64],
    watts: NDArray[np.float64],
    *,
    lengths: NDArray[np.float64] | None,
    held: NDArray[np.bool_] | None,
) -> _Table:
    lengths = np.ones(values.size) if lengths is None else lengths
    held = np.zeros(values.size, dtype=np.bool_) if held is None else held
    cost = (values * lengths)[:, None] * watts
    cost[held, 0] = np.inf
    return _Table(values, lengths, held, level, lengths[:, None] * done, cost)


def _hull(work: NDArray[np.float64], cost: NDArray[np.float64]) -> list[int]:
    """Positions on the lower convex hull from the cheapest one on towards more work."""
    order = np.lexsort((-work, cost))
    hull = [int(order[0])]
    for k in np.argsort(work, kind="stable").tolist():
        if work[k] <= work[hull[0]]:
            continue
        while len(hull) > 1 and _slope(work, cost, hull[-2], k) <= _slope(work, cost, hull[-2], hull[-1]):
            hull.pop()
        if work[k] > work[hull[-1]]:
            hull.append(k)
    return hull


def _slope(work: NDArray[np.float64], cost: NDArray[np.float64], a: int, b: int) -> float:
    return float((cost[b] - cost[a]) / (work[b] - work[a]))


def _relax(table: _Table, done: NDArray[np.float64], watts: NDArray[np.float64], work: float) -> _Relaxed | None:
    """Take increments along each slot's hull, cheapest carbon per work first, until the work is done."""
    n_slots = table.values.size
    position = np.zeros(n_slots, dtype=np.int64)
    parts: list[NDArray[np.float64]] = []
    for sign, first in ((1.0, 0), (1.0, 1), (-1.0, 0), (-1.0, 1)):
        slots = np.flatnonzero(((table.values >= 0.0) == (sign > 0)) & (table.held == bool(first)))
        if not slots.size:
            continue
        hull = [first + k for k in _hull(done[first:], sign * watts[first:])]
        position[slots] = hull[0]
        for a, b in zip(hull[:-1], hull[1:], strict=True):
            gain = done[b] - done[a]
            price = table.values[slots] * ((watts[b] - watts[a]) / gain)
            parts.append(np.stack((price, slots, np.full(slots.size, b), gain * table.lengths[slots])))
    base = _sum(table.work, position)
    steps = np.concatenate(parts, axis=1) if parts else np.empty((4, 0))
    # Along a hull prices rise, so a stable sort keeps the increments of a slot in order; of equals the earlier slot.
    steps = steps[:, np.lexsort((steps[1], steps[0]))]
    total = base + np.cumsum(steps[3])
    if (total[-1] if total.size else base) < work * (1 - _FEASIBLE):
        return None
    if base >= work:
        return _Relaxed(position, 0.0, _cost(table, position), 0, int(position[0]), 0.0)
    k = min(int(np.searchsorted(total, work * (1 - _FEASIBLE))), total.size - 1)
    np.maximum.at(position, steps[1, :k].astype(np.int64), steps[2, :k].astype(np.int64))
    price, slot, upper, gain = steps[:, k]
    missing = work - (total[k] - gain)
    share = min(max(missing / gain, 0.0), 1.0)
    bound = _cost(table, position) + price * missing
    return _Relaxed(position, float(price), float(bound), int(slot), int(upper), float(share))


def _trim(table: _Table, position: NDArray[np.int64], work: float) -> NDArray[np.int64]:
    """Give back, one slot at a time, the level whose loss saves most and leaves enough work."""
    spare = _sum(table.work, position) - work * (1 - _FEASIBLE)
    while True:
        change = table.work - np.take_along_axis(table.work, position[:, None], axis=1)
        saved = np.take_along_axis(table.cost, position[:, None], axis=1) - table.cost
        saved[change < -spare] = 0.0
        slot, new = np.unravel_index(int(saved.argmax()), saved.shape)
        if saved[slot, new] <= 0.0:
            return position
        spare += float(change[slot, new])
        position[slot] = new


def _search(
    table: _Table, relaxed: _Relaxed, incumbent: NDArray[np.int64], work: float, tolerance: float
) -> tuple[NDArray[np.int64], bool]:
    """
    Look through all deviations from the relaxed plan that could beat the incumbent.

    A plan costs the bound, plus the *regret* of each deviating slot at the relaxed price of work, plus that price for
    any surplus work. Little regret in all is searched first, then twice as much and so on: the first find is the best.
    """
    close = tolerance * abs(relaxed.bound)
    room = _cost(table, incumbent) - relaxed.bound
    limit = max(close, room * _FIRST_LIMIT)
    while room > close:
        limit = min(limit, room)
        found, complete = _within(table, relaxed, work, limit, close)
        if found is not None:
            return found, complete
        if not complete:
            return incumbent, False
        if limit >= room:
            break
        limit *= 4.0
    return incumbent, True


def _within(
    table: _Table, relaxed: _Relaxed, work: float, limit: float, close: float
) -> tuple[NDArray[np.int64] | None, bool]:
    """
    Best plan that costs less than the bound plus *limit*, or the first one below the bound plus *close*.

    None when there is none; the second value says whether nothing was left out.

    Deviations go slot by slot; a state is what they add in work and in regret. Of two states the one with more work
    at less cost stays.
    """
    priced = table.cost - relaxed.price * table.work
    regret = priced - np.take_along_axis(priced, relaxed.position[:, None], axis=1)
    gain = table.work - np.take_along_axis(table.work, relaxed.position[:, None], axis=1)
    useful = (regret < limit) & (gain != 0.0)
    slots = np.flatnonzero(useful.any(axis=1))
    slots = slots[np.argsort(np.where(useful, regret, np.inf)[slots].min(axis=1), kind="stable")]
    gains = np.where(useful, np.maximum(gain, 0.0), 0.0)[slots].max(axis=1, initial=0.0)
    reach = np.append(np.cumsum(gains[::-1])[::-1], 0.0)
    surplus = np.array([_sum(table.work, relaxed.position) - work * (1 - _FEASIBLE)])
    spent = np.array([0.0])
    layers: list[tuple[NDArray[np.int64], NDArray[np.int64]]] = []
    best: tuple[int, int] | None = None
    complete = True
    for depth, slot in enumerate(slots):
        moves = np.append(relaxed.position[slot], np.flatnonzero(useful[slot]))
        new_surplus = (surplus + gain[slot, moves][:, None]).ravel()
        new_spent = (spent + regret[slot, moves][:, None]).ravel()
        total = np.where(new_surplus >= 0.0, new_spent + relaxed.price * new_surplus, np.inf)
        k = int(total.argmin())
        improves = bool(total[k] < limit)
        limit = min(limit, float(total[k]))
        keep = _undominated(new_surplus, new_spent, relaxed.price, limit, float(reach[depth + 1]))
        if keep.size > _MOST_STATES:
            keep, complete = keep[np.argsort(new_spent[keep])[:_MOST_STATES]], False
        if improves:
            keep = np.append(keep, k)
            best = (depth, keep.size - 1)
        layers.append((keep % surplus.size, moves[keep // surplus.size]))
        surplus, spent = new_surplus[keep], new_spent[keep]
        if not keep.size or (improves and limit <= close):
            break
    return None if best is None else _unwind(relaxed.position, slots, layers, best), complete


def _undominated(
    surplus: NDArray[np.float64], spent: NDArray[np.float64], price: float, room: float, reach: float
) -> NDArray[np.int64]:
    """States that can still end below *room*: enough work within reach, and none with more work costs less."""
    alive = np.flatnonzero((spent < room) & (surplus + reach >= 0.0))
    cost = spent[alive] + price * surplus[alive]
    alive = alive[np.lexsort((cost, -surplus[alive]))]
    cost = spent[alive] + price * surplus[alive]
    lowest = np.minimum.accumulate(np.concatenate(([np.inf], cost[:-1])))
    return alive[cost < lowest]


def _unwind(
    position: NDArray[np.int64],
    slots: NDArray[np.int64],
    layers: list[tuple[NDArray[np.int64], NDArray[np.int64]]],
    best: tuple[int, int],
) -> NDArray[np.int64]:
    found = position.copy()
    depth, state = best
    for slot, (parent, move) in zip(slots[depth::-1], layers[depth::-1], strict=True):
        found[slot] = move[state]
        state = int(parent[state])
    return found


def _split(table: _Table, relaxed: _Relaxed) -> Split | None:
    if relaxed.share <= 0.0:
        return None
    lower = int(table.level[relaxed.position[relaxed.slot]])
    return Split(relaxed.slot, int(table.level[relaxed.upper]), lower, relaxed.share)


def _cost(table: _Table, position: NDArray[np.int64]) -> float:
    return _sum(table.cost, position)


def _sum(table: NDArray[np.float64], position: NDArray[np.int64]) -> float:
    return float(np.take_along_axis(table, position[:, None], axis=1).sum())

"""
Which number of workers is on when: the levels of `gridtide.planning.scaling` on the steps of a real series.

Only known steps are slots, so a gap is never cheap; it is time in which nothing is planned. Where levels may change at
any instant one slot is split, and the plan is the cheapest there is on the forecast. On a grid every slot is whole.

Work that may not be off once it has begun is looked at stretch by stretch: each begins or ends on the edge of a slot,
the slot at its other end is used in part, and stretches whose lower bound is above the best plan are left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from gridtide.domain.units import NS_PER_HOUR
from gridtide.planning.scaling import ScalePlan, ScaleProfile, scale

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Slots", "Staffing", "Stint", "merged", "staff"]

_ROUNDING: Final = 1e-9
_RELAXED: Final = float("inf")
_EXACT: Final = 1e-4
_MOST_STRETCHES: Final = 2_000


class Stint(NamedTuple):
    """One level held from *start_ns* to *end_ns*; level 0 is left out of plans."""

    start_ns: int
    end_ns: int
    level: int


class Slots(NamedTuple):
    """Known slots in order, each of shape (n_slots,); *values* in the unit of the signal, *lengths* in hours."""

    starts_ns: NDArray[np.int64]
    ends_ns: NDArray[np.int64]
    values: NDArray[np.float64]

    @property
    def lengths(self) -> NDArray[np.float64]:
        """Length of each slot. [h]"""
        return (self.ends_ns - self.starts_ns) / NS_PER_HOUR


class Staffing(NamedTuple):
    """
    One plan.

    Attributes:
        stints: Levels above 0 in order; neighbours differ.
        proved: Whether no plan on whole slots is cheaper; meaningful on a grid only.
    """

    stints: tuple[Stint, ...]
    proved: bool


class _Stretch(NamedTuple):
    """Slots *first* to *last*; *free* is the one at an end that may be used in part. No plan costs below *bound*."""

    bound: float
    first: int
    last: int
    free: int


def staff(
    slots: Slots, profile: ScaleProfile, work: float, *, pauses: bool, whole: bool, latest_ns: int | None
) -> Iterator[Staffing]:
    """
    Plans that finish *work* on known slots; the cheapest is among them, and there is none where it cannot be done.

    Args:
        slots: What is known until the work must be done.
        profile: What a level does in an hour and draws.
        work: To be done. [h at one worker]
        pauses: Whether the level may be 0 between two others.
        whole: Whether levels change only where slots meet.
        latest_ns: Latest start of work that does not pause; None for no such bound. [ns]
    """
    if not slots.values.size:
        return
    if pauses:
        tolerance = _EXACT if whole else _RELAXED
        found = scale(slots.values, profile, work, lengths=slots.lengths, tolerance=tolerance)
        if found is not None:
            yield _staffing(slots, profile, found, work, whole=whole)
        return
    best = float("inf")
    for stretch in islice(_stretches(slots, profile, work, latest_ns), _MOST_STRETCHES):
        if stretch.bound >= best:
            return
        made = _in_stretch(slots, profile, work, stretch, whole=whole)
        if made is not None:
            cost, staffing = made
            best = min(best, cost)
            yield staffing


def _in_stretch(
    slots: Slots, profile: ScaleProfile, work: float, stretch: _Stretch, *, whole: bool
) -> tuple[float, Staffing] | None:
    part = slice(stretch.first, stretch.last + 1)
    inside = Slots(slots.starts_ns[part], slots.ends_ns[part], slots.values[part])
    held = np.arange(stretch.first, stretch.last + 1) != stretch.free
    turned = stretch.free == stretch.first < stretch.last
    step = -1 if turned else 1
    found = scale(
        inside.values[::step], profile, work, lengths=inside.lengths[::step], held=held[::step], tolerance=_RELAXED
    )
    if found is None:
        return None
    cost = found.cost if whole else found.bound
    return cost, _staffing(inside, profile, found, work, whole=whole, turned=turned)._replace(proved=False)


def _staffing(
    slots: Slots, profile: ScaleProfile, found: ScalePlan, work: float, *, whole: bool, turned: bool = False
) -> Staffing:
    """From levels per slot to stints, until the work is done; a split slot joins its neighbours where it can."""
    levels = (found.levels if whole else found.split_levels).tolist()
    split = None if whole else found.split
    if turned:
        levels.reverse()
    at = None if split is None else len(levels) - 1 - split.slot if turned else split.slot
    joined = (slots.ends_ns[:-1] == slots.starts_ns[1:]).tolist()
    stints: list[Stint] = []
    for k, (start, end, level) in enumerate(zip(slots.starts_ns.tolist(), slots.ends_ns.tolist(), levels, strict=True)):
        if split is None or k != at:
            stints.append(Stint(start, end, level))
            continue
        upper = round(split.share * (end - start))
        before = levels[k - 1] if k and joined[k - 1] else 0
        after = levels[k + 1] if k < len(joined) and joined[k] else 0
        if (before != split.lower) + (split.upper != after) < (before != split.upper) + (split.lower != after):
            stints += [Stint(start, end - upper, split.lower), Stint(end - upper, end, split.upper)]
        else:
            stints += [Stint(start, start + upper, split.upper), Stint(start + upper, end, split.lower)]
    return Staffing(merged(_until_done(stints, profile, work)), found.proved)


def _until_done(stints: Sequence[Stint], profile: ScaleProfile, work: float) -> Iterator[Stint]:
    """Stints until the work is done; the last one is cut there."""
    left = work
    for start, end, level in stints:
        if level == 0 or end <= start:
            continue
        rate = profile.throughput[level - 1] / NS_PER_HOUR
        needed = round(left / rate) if rate > 0.0 else end - start
        if needed <= (end - start) * (1 + _ROUNDING):
            yield Stint(start, min(start + needed, end), level)
            return
        yield Stint(start, end, level)
        left -= rate * (end - start)


def merged(stints: Iterator[Stint]) -> tuple[Stint, ...]:
    """Neighbours of one level as one."""
    found: list[Stint] = []
    for stint in stints:
        if stint.end_ns <= stint.start_ns:
            continue
        if found and found[-1].end_ns == stint.start_ns and found[-1].level == stint.level:
            found[-1] = found[-1]._replace(end_ns=stint.end_ns)
        else:
            found.append(stint)
    return tuple(found)


def _stretches(slots: Slots, profile: ScaleProfile, work: float, latest_ns: int | None) -> Iterator[_Stretch]:
    """Stretches in which the work fits without a pause, the one with the lowest bound first."""
    least, most = profile.throughput[profile.least - 1], max(profile.throughput[profile.least - 1 :])
    watts = profile.power_w[profile.least - 1]
    cheapest = _lowest_price(profile)
    hours, values = slots.lengths.tolist(), slots.values.tolist()
    costs = (slots.lengths * slots.values * watts).tolist()
    joined = [*(slots.ends_ns[:-1] == slots.starts_ns[1:]).tolist(), False]
    found: list[_Stretch] = []
    for first in range(len(values)):
        if latest_ns is not None and slots.starts_ns[first] > latest_ns:
            break
        span = spent = 0.0
        low = float("inf")
        for last in range(first, len(values)):
            low = min(low, values[last])
            for free in {first, last}:
                inner = span + hours[last] - hours[free]
                base = spent + costs[last] - costs[free]
                if (span + hours[last]) * most >= work * (1 - _ROUNDING) and inner * least < work:
                    bound = base + max(0.0, work - inner * least) * cheapest * max(low, 0.0)
                    found.append(_Stretch(bound, first, last, free))
            span += hours[last]
            spent += costs[last]
            if not joined[last] or (span - hours[first]) * least >= work:
                break
    found.sort()
    return iter(found)


def _lowest_price(profile: ScaleProfile) -> float:
    """Least power that more work can cost between any two levels. [W per work]"""
    done = np.array((0.0, *profile.throughput))[profile.levels()]
    watts = np.array((0.0, *profile.power_w))[profile.levels()]
    more = done[None, :] - done[:, None]
    steps = more > 0.0
    return max(0.0, float(((watts[None, :] - watts[:, None])[steps] / more[steps]).min()))

"""
Ways to do a piece of elastic work: which levels, when, at what cost on a series.

A level is a number of workers. Work counts in hours of one worker, power in workers, so a cost is value times worker
hours. What touches unknown time has no cost (invariant I4).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from gridtide.domain.errors import InvalidInput
from gridtide.domain.instants import duration_ns, from_ns, to_ns
from gridtide.domain.interval import Interval
from gridtide.domain.units import NS_PER_HOUR
from gridtide.planning.plan import grams_of
from gridtide.planning.staffing import Slots, Stint

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from gridtide.domain.series import Series
    from gridtide.domain.workload import Workload
    from gridtide.planning.scaling import ScaleProfile

__all__ = ["Shift", "Stage", "Task", "at_once", "known_slots", "shift_of"]

_MOST_SLOTS: Final = 20_000
_ROUNDING_NS: Final = 1_000


class Stage(NamedTuple):
    """One level for a while: *level* workers from *start* to *end*."""

    start: datetime
    end: datetime
    level: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Shift:
    """
    The work done in one way.

    Args:
        name: ``plan``, ``run-now`` or ``run-now-fastest``.
        stages: Levels above 0, in order.
        worker_hours: Levels times time. [h]
        mean: Mean of the signal, weighted by level; None when part of it is unknown. [signal.unit]
        grams: Emissions, when the power of a worker is known. [gCO2eq]
        in_time: Whether it is done by the deadline.
    """

    name: str
    stages: tuple[Stage, ...]
    worker_hours: float
    mean: float | None
    grams: float | None
    in_time: bool

    @property
    def start(self) -> datetime:
        """First instant of work."""
        return self.stages[0].start

    @property
    def end(self) -> datetime:
        """When it is done."""
        return self.stages[-1].end

    @property
    def cost(self) -> float | None:
        """Mean times worker hours, None when unknown. [signal.unit x h]"""
        return None if self.mean is None else self.mean * self.worker_hours


class Task(NamedTuple):
    """
    The question in numbers.

    Attributes:
        workload: What was asked.
        series: What is known.
        profile: Throughput relative to one worker, power in workers.
        work: To be done. [h of one worker]
        now_ns: When it is decided. [ns]
        release_ns: Earliest start. [ns]
        until_ns: When it must be done; None when nothing bounds it. [ns]
        base: Level of the baseline.
        fastest: Level that does most in an hour.
    """

    workload: Workload
    series: Series
    profile: ScaleProfile
    work: float
    now_ns: int
    release_ns: int
    until_ns: int | None
    base: int
    fastest: int


def known_slots(task: Task, step: timedelta | None) -> Slots:
    """Steps of the series from the release to the end, or whole cells of a grid; only what is fully known."""
    empty = np.empty(0, dtype=np.int64)
    series = task.series
    if not series:
        return Slots(empty, empty, np.empty(0))
    until_ns = to_ns(series.end) if task.until_ns is None else min(task.until_ns, to_ns(series.end))
    if until_ns <= task.release_ns:
        return Slots(empty, empty, np.empty(0))
    if step is None:
        part = series.clip(Interval(from_ns(task.release_ns), from_ns(until_ns)))
        return Slots(part.starts_ns, part.ends_ns, 0.5 * (part.values + part.end_values))
    cells = -(-(until_ns - task.release_ns) // duration_ns(step))
    if cells > _MOST_SLOTS:
        raise InvalidInput(f"step makes {cells} slots; allowed: up to {_MOST_SLOTS}", field="step", hint="a longer one")
    edges = task.release_ns + duration_ns(step) * np.arange(cells + 1, dtype=np.int64)
    edges[-1] = min(int(edges[-1]), until_ns)
    spans = list(zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True))
    rows = [(a, b, mean) for a, b in spans if (mean := _integral(series, a, b)) is not None]
    starts, ends = np.array([r[0] for r in rows], np.int64), np.array([r[1] for r in rows], np.int64)
    return Slots(starts, ends, np.array([r[2] for r in rows]) / ((ends - starts) / NS_PER_HOUR))


def _integral(series: Series, start_ns: int, end_ns: int) -> float | None:
    """Integral over a span, None where part of it is unknown. [signal.unit x h]"""
    curve = series.curve_at(start_ns)
    if curve is None or end_ns > curve.end_ns:
        return None
    return curve.integral_at(end_ns) - curve.integral_at(start_ns)


def at_once(task: Task, level: int, name: str) -> Shift:
    """At once at one level until it is done."""
    length_ns = round(task.work / task.profile.throughput[level - 1] * NS_PER_HOUR)
    return shift_of(task, name, [Stint(task.release_ns, task.release_ns + length_ns, level)])


def shift_of(task: Task, name: str, stints: Sequence[Stint]) -> Shift:
    """What these levels cost on the series, and whether they are in time."""
    costs = [_integral(task.series, a, b) for a, b, _ in stints]
    hours = sum((b - a) / NS_PER_HOUR * level for a, b, level in stints)
    cost = None
    if all(c is not None for c in costs):
        cost = sum((c or 0.0) * stint.level for c, stint in zip(costs, stints, strict=True))
    return Shift(
        name=name,
        stages=tuple(Stage(from_ns(a), from_ns(b), level) for a, b, level in stints),
        worker_hours=hours,
        mean=None if cost is None else cost / hours,
        grams=None if cost is None else grams_of(cost, task.workload, task.series),
        in_time=task.until_ns is None or stints[-1].end_ns <= task.until_ns + _ROUNDING_NS,
    )

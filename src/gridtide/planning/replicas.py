"""
How many workers an elastic job runs with, and when: the cheapest levels over time that finish it by its deadline.

Amount of work is counted in hours of one worker, so *duration* of the workload is its length at one worker; power is
that of one worker too. The plan is never above running at once at any constant level that is in time and known, and
says how far from the best it can be at most. Unknown time is never used by choice (invariant I4).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final, NamedTuple

from gridtide.domain.decision import Reason
from gridtide.domain.errors import InvalidInput
from gridtide.domain.instants import as_utc, duration_ns, from_ns, to_ns
from gridtide.domain.series import StepShape
from gridtide.planning.scaling import ScaleProfile, scale
from gridtide.planning.shifts import Shift, Stage, Task, at_once, known_slots, shift_of
from gridtide.planning.staffing import Slots, Stint, staff

if TYPE_CHECKING:
    from datetime import datetime

    from gridtide.domain.series import Series
    from gridtide.domain.signal import Signal
    from gridtide.domain.workload import Workload

__all__ = ["MOST", "ReplicaPlan", "Shift", "Stage", "amdahl", "plan_replicas"]

MOST: Final = 256
"""Highest level that is planned for."""

_CLOSE: Final = 1e-4
_SAME: Final = 1e-9
_RELAXED: Final = float("inf")


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplicaPlan:
    """
    Levels over time, and what they are compared with.

    Args:
        workload_id: Of the workload.
        decided_at: The *now* it was decided for.
        reason: Why.
        chosen: The plan.
        run_now: At once at the base level.
        fastest: At once at the level that is done first.
        finish_by: When the work must be done; None when nothing bounds it.
        latest_start: Last instant at which the fastest level is done in time.
        gap: Largest possible distance from the best plan on what is known, as a share; None when it is not known.
        proved: Whether no plan within the rules is cheaper, to a ten-thousandth.
        signal: Labels of the values used; None when none were.
        warnings: What the reader should know, one sentence each.
    """

    workload_id: str
    decided_at: datetime
    reason: Reason
    chosen: Shift
    run_now: Shift
    fastest: Shift
    finish_by: datetime | None
    latest_start: datetime | None
    gap: float | None
    proved: bool
    signal: Signal | None
    warnings: tuple[str, ...] = ()

    @property
    def stages(self) -> tuple[Stage, ...]:
        """Levels of the plan above 0, in order."""
        return self.chosen.stages

    def saving(self, baseline: Shift) -> float | None:
        """Share of *baseline*'s emissions that the plan avoids; negative for a loss, None when either is unknown."""
        if not baseline.cost or self.chosen.cost is None:
            return None
        return (baseline.cost - self.chosen.cost) / abs(baseline.cost)


class _Found(NamedTuple):
    shift: Shift
    reason: Reason
    gap: float | None = None
    proved: bool = False
    warnings: tuple[str, ...] = ()


def amdahl(most: int, parallel: float) -> tuple[float, ...]:
    """
    Speed-up of 1 to *most* workers when a share *parallel* of the work runs on all of them; 1.0 is linear.

    Example:
        >>> [round(s, 3) for s in amdahl(3, 0.9)]
        [1.0, 1.818, 2.5]

    References:
        Amdahl (1967), doi:10.1145/1465482.1465560.
    """
    if not 0.0 <= parallel <= 1.0:
        raise InvalidInput(f"parallel is {parallel:g}; allowed: from 0 to 1", field="parallel")
    return tuple(1.0 / ((1.0 - parallel) + parallel / n) for n in range(1, most + 1))


def plan_replicas(
    workload: Workload,
    series: Series,
    *,
    now: datetime,
    least: int,
    most: int,
    speedup: tuple[float, ...] | None = None,
    step: timedelta | None = None,
) -> ReplicaPlan:
    """
    Decide with how many workers an elastic job runs, and when.

    Args:
        workload: What to run; duration and power are those of one worker.
        series: Signal of one kind for one zone; may be empty.
        now: The instant of the decision, aware.
        least: Fewest workers until it is done; 0 may pause.
        most: Most workers.
        speedup: Throughput of 1, 2, ... workers relative to one, at least *most* figures; linear when left out.
        step: Levels change only at multiples of this after the earliest start; at any instant when left out.

    Returns:
        The plan beside running at once at the base level and at the fastest level.

    Raises:
        InvalidInput: Levels, figures or step are out of bounds.
        NaiveDatetime: *now* has no time zone.

    Example:
        >>> from datetime import UTC, datetime, timedelta
        >>> from gridtide.domain.series import Series
        >>> from gridtide.domain.signal import Signal, SignalKind
        >>> from gridtide.domain.workload import Workload
        >>> midnight, hour = datetime(2026, 1, 1, tzinfo=UTC), timedelta(hours=1)
        >>> night = Series.steps(Signal(SignalKind.AVERAGE, "demo", "X"), midnight, hour, [300.0, 100.0, 200.0])
        >>> job = Workload(id="train", duration=3 * hour, deadline=midnight + 3 * hour)
        >>> made = plan_replicas(job, night, now=midnight, least=0, most=2)
        >>> [(stage.start.hour, stage.level) for stage in made.stages], made.chosen.mean
        ([(1, 2)], 133.33333333333334)
    """
    task = _task(workload, series, as_utc(now), _profile(least, most, speedup))
    run_now = at_once(task, task.base, "run-now")
    fastest = at_once(task, task.fastest, "run-now-fastest")
    found = _choose(task, pauses=least == 0, step=step, run_now=run_now, fastest=fastest)
    known = found.shift.mean is not None
    shortest = timedelta(hours=task.work / task.profile.throughput[task.fastest - 1])
    until = None if task.until_ns is None else from_ns(task.until_ns)
    return ReplicaPlan(
        workload_id=workload.id,
        decided_at=from_ns(task.now_ns),
        reason=found.reason,
        chosen=found.shift,
        run_now=run_now,
        fastest=fastest,
        finish_by=until,
        latest_start=None if until is None else until - shortest,
        gap=found.gap,
        proved=found.proved,
        signal=series.signal if known else None,
        warnings=found.warnings,
    )


def _profile(least: int, most: int, speedup: tuple[float, ...] | None) -> ScaleProfile:
    if not 0 <= least <= most or not 1 <= most <= MOST:
        raise InvalidInput(f"levels are {least} to {most}; allowed: 0 or more, up to 1 to {MOST}", field="most")
    figures = amdahl(most, 1.0) if speedup is None else tuple(speedup)
    if len(figures) < most:
        raise InvalidInput(
            f"speedup has {len(figures)} figures, but there are {most} levels", field="speedup", hint="one for each"
        )
    if abs(figures[0] - 1.0) > _SAME:
        raise InvalidInput(f"speedup begins with {figures[0]:g}; allowed: 1, that of one worker", field="speedup")
    for figure in figures:
        if not 0.0 < figure < float("inf"):
            raise InvalidInput(f"speedup holds {figure:g}; allowed: above zero", field="speedup")
    watts = tuple(float(n) for n in range(1, most + 1))
    return ScaleProfile(throughput=figures[:most], power_w=watts, least=max(least, 1))


def _task(workload: Workload, series: Series, now: datetime, profile: ScaleProfile) -> Task:
    latest = workload.latest_start(now)
    rates = profile.throughput[profile.least - 1 :]
    return Task(
        workload=workload,
        series=series,
        profile=profile,
        work=workload.duration / timedelta(hours=1),
        now_ns=to_ns(now),
        release_ns=to_ns(workload.release_at(now)),
        until_ns=None if latest is None else to_ns(latest + workload.duration),
        base=profile.least,
        fastest=profile.least + rates.index(max(rates)),
    )


def _choose(task: Task, *, pauses: bool, step: timedelta | None, run_now: Shift, fastest: Shift) -> _Found:
    if not fastest.in_time:
        late = f"it cannot be done in time even with {task.fastest} workers, so it runs with them at once"
        return _Found(fastest, Reason.DEADLINE_INFEASIBLE, warnings=(late,))
    held = [at_once(task, level, "plan") for level in range(task.base, len(task.profile.throughput) + 1)]
    steps = known_slots(task, None)
    whole = step is not None
    limit = task.workload.max_delay
    latest_ns = None if limit is None else task.release_ns + duration_ns(limit)
    offers = [(shift, False) for shift in held if shift.in_time and shift.cost is not None]
    slots = known_slots(task, step)
    plans = staff(slots, task.profile, task.work, pauses=pauses, whole=whole, latest_ns=latest_ns)
    offers += [(shift_of(task, "plan", made.stints), made.proved and whole) for made in plans]
    if not offers:
        return _without_data(task, run_now, held, known=bool(slots.values.size))
    chosen, exact = min(offers, key=lambda offer: _rank(offer[0], run_now))
    cost = chosen.cost or 0.0
    worth = task.workload.min_saving
    if worth and run_now.in_time and run_now.cost is not None and cost > run_now.cost * (1.0 - worth):
        return _Found(at_once(task, task.base, "plan"), Reason.SAVING_TOO_SMALL)
    gap = _gap(task, steps, cost)
    proved = exact or (gap is not None and gap <= _CLOSE)
    return _Found(chosen, _reason(task, chosen, steps), gap, proved)


def _rank(shift: Shift, run_now: Shift) -> tuple[float, bool, datetime]:
    """Cheapest first, to nine digits; of equals running at once at the base level, then the one that is done first."""
    return float(f"{shift.cost or 0.0:.9g}"), shift.stages != run_now.stages, shift.end


def _reason(task: Task, chosen: Shift, steps: Slots) -> Reason:
    if steps.values.size and float(steps.values.min()) == float(steps.values.max()):
        return Reason.FLAT
    if any(stage.level != task.base for stage in chosen.stages):
        return Reason.SCALED_FOR_LOWER
    begins = to_ns(chosen.start) == task.release_ns
    return Reason.LOWEST_NOW if begins and len(chosen.stages) == 1 else Reason.LOWER_LATER


def _without_data(task: Task, run_now: Shift, held: list[Shift], *, known: bool) -> _Found:
    """Too little is known to plan: at once, at the base level or the first one that is in time."""
    shift = run_now if run_now.in_time else next(shift for shift in held if shift.in_time)
    level = shift.stages[0].level
    why = "too little is known of the time up to the deadline" if known else "nothing is known about the grid"
    warning = f"{why}, so it runs at once with {level} worker{'s' if level > 1 else ''}"
    reason = Reason.HORIZON_TOO_SHORT if known else Reason.NO_DATA
    return _Found(
        shift_of(task, "plan", [Stint(to_ns(s.start), to_ns(s.end), s.level) for s in shift.stages]),
        reason,
        warnings=(warning,),
    )


def _gap(task: Task, steps: Slots, cost: float) -> float | None:
    """Distance from the bound that no plan on what is known goes below; None on values joined by lines."""
    if task.series.shape is not StepShape.CONSTANT or not steps.values.size:
        return None
    best = scale(steps.values, task.profile, task.work, lengths=steps.lengths, tolerance=_RELAXED)
    if best is None:
        return None
    return max(0.0, (cost - best.bound) / best.bound) if best.bound > 0.0 else 0.0 if cost <= best.bound else None

"""Plan a fleet: put the question, let the joint planner answer, and say what that means for every job and zone."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from gridtide.api.fleet.answer import FleetAnswer, PlannedJob, ZoneUse, peak_kw
from gridtide.api.fleet.question import Question, ask
from gridtide.api.fleet.slots import Slots, emissions_g
from gridtide.api.fleet.zone import pues_of, shared_signal
from gridtide.domain.durations import format_duration
from gridtide.domain.errors import InvalidInput
from gridtide.domain.instants import duration_ns, from_ns, to_ns
from gridtide.domain.interval import Interval
from gridtide.planning import fleet
from gridtide.planning.transfer import PUBLISHED_TRANSFER

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from gridtide.api.fleet.zone import FleetZone
    from gridtide.planning.fleet import FleetPlan
    from gridtide.simulation.job_table import JobTable

__all__ = ["plan_jobs"]

_MOST_SLOTS: Final = 20_000
_HOUR: Final = timedelta(hours=1)
_NO_TIME: Final = timedelta(0)


class _Made(NamedTuple):
    """A plan, the question it answers, and a bound for every plan that leaves out the same jobs. [gCO2eq]"""

    question: Question
    plan: FleetPlan
    bound_g: float


def plan_jobs(
    jobs: JobTable,
    zones: Sequence[FleetZone],
    *,
    now: datetime,
    step: timedelta = _HOUR,
    method: fleet.Method = fleet.Method.AUTO,
    kwh_per_gb: float = PUBLISHED_TRANSFER.high,
    spread: timedelta = _NO_TIME,
    seed: int = 0,
) -> FleetAnswer:
    """
    Place every job of *jobs* close to the fewest grams that capacity and quotas of *zones* allow.

    Args:
        jobs: As from `read_jobs`, with the names of *zones*.
        zones: Where jobs may run.
        now: No job starts earlier.
        step: Jobs start on multiples of it after *now* and hold capacity for whole ones.
        method: Exact for some hundred jobs, fast for tens of thousands; auto decides.
        kwh_per_gb: Energy of a moved gigabyte; at the highest published figure a move that is planned surely pays.
        spread: Over how long the starts of one step are spread, where capacity allows; at most *step*.
        seed: Of random choices.

    Raises:
        InvalidInput: A figure is out of bounds, or zones and jobs do not belong together.
        KindMismatch: Signals of different kind or scope would meet.
        ProviderUnavailable: Nothing is known in any zone.
    """
    if step <= _NO_TIME:
        raise InvalidInput(f"step is {step}; allowed: above zero", field="step")
    if not _NO_TIME <= spread <= step:
        raise InvalidInput(f"spread is {spread}; allowed: from zero to the step", field="spread")
    signal = shared_signal(zones)
    slots = _slots(jobs, zones, now, step)
    made = _planned(ask(jobs, zones, slots, kwh_per_gb=kwh_per_gb), method=method, seed=seed)
    planned = _jobs(jobs, zones, made, slots, spread)
    return FleetAnswer(
        slots=slots,
        jobs=tuple(planned),
        zones=tuple(_use(zone, planned, slots) for zone in zones),
        planned_g=made.plan.grams,
        bound_g=min(made.bound_g, made.plan.grams),
        method=made.plan.method,
        signal=signal,
        kwh_per_gb=kwh_per_gb,
    )


def _slots(jobs: JobTable, zones: Sequence[FleetZone], now: datetime, step: timedelta) -> Slots:
    """From now to the last deadline, or to where nothing is known any more."""
    first_ns, step_ns = to_ns(now), duration_ns(step)
    known_ns = max(to_ns(zone.series.end) for zone in zones if zone.series)
    end_ns = min(int((jobs.latest_ns + jobs.length_ns).max()), known_ns)
    count = max(1, (end_ns - first_ns) // step_ns)
    if count > _MOST_SLOTS:
        raise InvalidInput(
            f"the deadlines reach over {count} steps of {format_duration(step)}; allowed: at most {_MOST_SLOTS}",
            hint="take a longer step",
            field="step",
        )
    return Slots(first_ns, step_ns, count)


def _planned(question: Question, *, method: fleet.Method, seed: int) -> _Made:
    """
    Plan, and again later for jobs that would start before their data arrive.

    The first bound holds for every plan, because it leaves out that data take time.
    """
    first_asked = question.problem
    plan = fleet.plan_fleet(first_asked, method=method, seed=seed)
    bound_g = plan.bound_g
    for last in (False, True):
        region = plan.placement.region
        first = np.array([slots[0] if slots.size else 0 for slots in plan.placement.slots], dtype=np.int64)
        late = question.too_early(region, first)
        if not late.any():
            break
        question = question.settled(region, late) if last else question.later(late)
        plan = fleet.plan_fleet(question.problem, method=method, seed=seed)
    return _Made(question, plan, bound_g - float(first_asked.unplaced_g[list(plan.unplaced)].sum()))


def _jobs(jobs: JobTable, zones: Sequence[FleetZone], made: _Made, slots: Slots, spread: timedelta) -> list[PlannedJob]:
    """Every job of the table, with a place or the reason why not."""
    question, plan, pues = made.question, made.plan, pues_of(zones)
    place = dict(zip(question.rows.tolist(), range(question.rows.size), strict=True))
    why = question.refused | {
        int(question.rows[k]): reason for k, reason in zip(plan.unplaced, plan.reasons, strict=True)
    }
    runs = _runs(jobs, made, slots, spread)
    found = []
    for row in range(jobs.size):
        power_kw, home = float(jobs.power_w[row]) / 1000.0, int(jobs.zone[row])
        length = timedelta(microseconds=int(jobs.length_ns[row]) // 1000)
        start = from_ns(max(int(jobs.arrival_ns[row]), slots.first_ns))
        at_once = emissions_g(zones[home].series, (Interval(start, start + length),), power_kw)
        region = int(plan.placement.region[place[row]]) if row not in why else -1
        grams = moved_g = None
        if region >= 0:
            run_g = emissions_g(zones[region].series, runs[row], power_kw)
            assert run_g is not None  # noqa: S101 - unknown hours hold no job
            moved_g = float(question.problem.jobs.transfer_g[place[row], region])
            grams = run_g * pues[region] + moved_g
        found.append(
            PlannedJob(
                id=jobs.name(row),
                home=zones[home].name,
                zone=zones[region].name if region >= 0 else None,
                runs=tuple(runs.get(row, ())),
                power_w=power_kw * 1000.0,
                energy_kwh=power_kw * (length / _HOUR),
                grams=grams,
                run_now_g=None if at_once is None else at_once * pues[home],
                transfer_g=moved_g,
                why=why.get(row, ""),
            )
        )
    return found


def _runs(jobs: JobTable, made: _Made, slots: Slots, spread: timedelta) -> dict[int, list[Interval]]:
    """When each job with a place runs, by its row; the last step of a job may be used in part."""
    question = made.question
    launch = fleet.spread_starts(
        question.problem,
        made.plan.placement,
        names=[jobs.name(row) for row in question.rows.tolist()],
        first_ns=slots.first_ns,
        window_ns=duration_ns(spread),
    )
    stretches: dict[int, list[tuple[int, int]]] = {}
    for asked, start_ns, count in zip(
        launch.job.tolist(), launch.start_ns.tolist(), launch.slots.tolist(), strict=True
    ):
        row = int(question.rows[asked])
        stretches.setdefault(row, []).append((start_ns, start_ns + count * slots.step_ns))
    runs: dict[int, list[Interval]] = {}
    for row, own in stretches.items():
        spare_ns = sum(end - start for start, end in own) - int(jobs.length_ns[row])
        start_ns, end_ns = own[-1]
        own[-1] = (start_ns, end_ns - spare_ns)
        runs[row] = [Interval(from_ns(start), from_ns(end)) for start, end in own]
    return runs


def _use(zone: FleetZone, jobs: Sequence[PlannedJob], slots: Slots) -> ZoneUse:
    own = [job for job in jobs if job.zone == zone.name]
    return ZoneUse(
        name=zone.name,
        jobs=len(own),
        energy_kwh=sum(job.energy_kwh for job in own),
        peak_kw=peak_kw(own),
        grams=sum(job.grams or 0.0 for job in own),
        known_slots=int((~np.isnan(slots.mean_values(zone.series))).sum()),
    )

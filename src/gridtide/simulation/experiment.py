"""
A whole scenario: every policy on the same jobs, zones and beliefs, beside run-now and the best that was possible.

Baselines are not optional here: each job's run-now emissions are computed on what came true, and so is the least it
could have emitted inside its bounds, so that a table can say which part of the possible was realised.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final

import numpy as np

from gridtide.domain.errors import InvalidInput
from gridtide.domain.instants import from_ns, isoformat
from gridtide.domain.interval import Interval
from gridtide.engine.engine import Engine, Policy
from gridtide.grid import files, recordings
from gridtide.planning.options import PlanOptions
from gridtide.simulation import generate, issued, notes, runs, traces, vector
from gridtide.simulation.belief import AsIssued, FromHistory, with_faults, with_past
from gridtide.simulation.world import World

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from gridtide.domain.ports import Reading
    from gridtide.domain.series import Series
    from gridtide.simulation.belief import Belief
    from gridtide.simulation.job_table import JobTable
    from gridtide.simulation.runs import Payment, Runs
    from gridtide.simulation.scenario import PolicySpec, Scenario, ZoneSpec
    from gridtide.simulation.traces import Rejected

__all__ = ["MOST_EVENT_JOBS", "OWN_POWER_W", "Experiment", "Outcome", "run_scenario"]

OWN_POWER_W: Final = 15.0
"""Power of one busy core with its share of the machine, for our own footprint; on the high side. [W]"""

MOST_EVENT_JOBS: Final = 2_000_000
"""Most jobs that take the event path; more would not fit into a usual machine's memory."""

_VECTOR_FROM: Final = 5_000
_MOST_UNKNOWN: Final = 0.25
_PAST: Final = timedelta(days=30)
_PROCESS_TIME: Final = time.process_time


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Outcome:
    """
    One policy's runs and what they cost.

    Attributes:
        policy: As the scenario names it.
        runs: What became of each job.
        paid: On what came true.
        best: The least possible with this policy's freedom to pause.
        path: ``events`` or ``vectors``.
        cpu_s: Processor time of planning and simulating it. [s]
    """

    policy: str
    runs: Runs
    paid: Payment
    best: Payment
    path: str
    cpu_s: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Experiment:
    """
    What a scenario gave.

    Attributes:
        scenario: As it was read.
        jobs: By arrival.
        truth: What came true, by zone.
        run_now: Every job started at its arrival, on what came true.
        outcomes: One for each policy.
        forecast_cpu_s: Processor time of the forecasts that all policies share. [s]
        rejected: Rows of a trace that could not be used.
        left_out: Jobs that may touch unknown hours.
        notes: What the reader should know, one sentence each.
    """

    scenario: Scenario
    jobs: JobTable
    truth: Mapping[str, Series]
    run_now: Payment
    outcomes: tuple[Outcome, ...]
    forecast_cpu_s: float = 0.0
    rejected: tuple[Rejected, ...] = ()
    left_out: int = 0
    notes: tuple[str, ...] = ()

    @property
    def attributions(self) -> tuple[str, ...]:
        """Credits that the data ask for."""
        return tuple(sorted({s.signal.attribution for s in self.truth.values() if s.signal.attribution}))

    @property
    def mean_g_per_kwh(self) -> float:
        """Time-weighted mean of all zones over the scenario's time. [gCO2eq/kWh]"""
        clipped = [series.clip(self.scenario.window) for series in self.truth.values()]
        weighted = [
            (float(((c.ends_ns - c.starts_ns) * c.values).sum()), int((c.ends_ns - c.starts_ns).sum())) for c in clipped
        ]
        return sum(total for total, _ in weighted) / sum(length for _, length in weighted)


def run_scenario(scenario: Scenario, *, progress: Callable[[str, int, int], None] | None = None) -> Experiment:
    """
    Simulate every policy of *scenario*.

    Args:
        scenario: From `read_scenario`.
        progress: Called with policy, finished and all runs.

    Raises:
        InvalidInput: A zone is unknown or its series does not cover the scenario.
        MalformedFile: A file cannot be read as declared.
    """
    truth = {zone.name: _truth(zone, scenario) for zone in scenario.zones}
    asked, rejected = (generate.draw_jobs(scenario), ()) if scenario.work.file is None else traces.read_trace(scenario)
    jobs = _known(asked, truth)
    at_once = runs.pay(jobs, runs.whole_runs(jobs, jobs.arrival_ns, np.full(jobs.size, np.nan)), truth)
    beliefs = _beliefs(scenario, truth)
    window = _window(scenario, jobs)
    begun = _PROCESS_TIME()
    for name, belief in beliefs.items():
        if isinstance(belief, FromHistory):
            belief.prepare(truth[name], window)
    forecast_cpu_s = _PROCESS_TIME() - begun
    best = {split: runs.cheapest(jobs, truth, pauses=split) for split in {p.pauses for p in scenario.policies}}
    outcomes = []
    for done, spec in enumerate(scenario.policies):

        def tell(count: int, name: str = spec.name, base: int = done) -> None:
            if progress is not None:
                progress(name, base * jobs.size + count, len(scenario.policies) * jobs.size)

        tell(0)
        outcomes.append(_outcome(spec, scenario, jobs, truth, beliefs, best[spec.pauses], tell))
        tell(jobs.size)
    made = Experiment(
        scenario=scenario,
        jobs=jobs,
        truth=truth,
        run_now=at_once,
        outcomes=tuple(outcomes),
        forecast_cpu_s=forecast_cpu_s,
        rejected=rejected,
        left_out=asked.size - jobs.size,
    )
    return replace(made, notes=tuple(notes.notes_of(made)))


def _beliefs(scenario: Scenario, truth: Mapping[str, Series]) -> dict[str, Belief]:
    """What is told in each zone; recorded forecasts belong to one zone, everything else is made alike for all."""
    if scenario.belief.kind != "issued":
        return dict.fromkeys(truth, scenario.belief.build(scenario.seed))
    found: dict[str, Belief] = {}
    for zone in scenario.zones:
        assert zone.forecasts is not None  # noqa: S101 - the scenario refuses a zone without
        labels = truth[zone.name].signal
        found[zone.name] = AsIssued(issued.read_issued(zone.forecasts, signal=labels, unit=zone.unit, tz=zone.tz))
    return found


def _window(scenario: Scenario, jobs: JobTable) -> Interval:
    """From the first arrival until the last job is over: as long as anything can still be learnt."""
    return Interval(scenario.start, max(scenario.end, from_ns(int(jobs.ends_ns.max()))))


def _outcome(  # noqa: PLR0917 - one policy in its whole surroundings
    spec: PolicySpec,
    scenario: Scenario,
    jobs: JobTable,
    truth: Mapping[str, Series],
    beliefs: Mapping[str, Belief],
    best: Payment,
    tell: Callable[[int], None],
) -> Outcome:
    obstacle = vector.why_not(scenario, spec, jobs)
    if scenario.path == "vectors" and obstacle is not None:
        raise InvalidInput(
            f"policy {spec.name!r} cannot take the vector path: {obstacle}", hint="set path to auto", field="path"
        )
    by_vectors = obstacle is None and (
        scenario.path == "vectors" or (scenario.path == "auto" and jobs.size >= _VECTOR_FROM)
    )
    if not by_vectors and jobs.size > MOST_EVENT_JOBS:
        raise InvalidInput(
            f"policy {spec.name!r} needs the event path ({obstacle or 'path is events'}), which takes at most "
            f"{MOST_EVENT_JOBS} jobs; the scenario has {jobs.size}",
            hint="use fewer jobs, or a perfect or white belief",
            field="work",
        )
    begun = _PROCESS_TIME()
    window = _window(scenario, jobs)
    if by_vectors:
        believed = {name: next(beliefs[name].readings(series, window))[1].series for name, series in truth.items()}
        lived = vector.plan_once(jobs, believed, method=spec.method)
    else:
        lived = _live(spec, scenario, jobs, _streams(spec, scenario, truth, beliefs, window), tell)
    cpu_s = _PROCESS_TIME() - begun
    return Outcome(
        policy=spec.name,
        runs=lived,
        paid=runs.pay(jobs, lived, truth),
        best=best,
        path="vectors" if by_vectors else "events",
        cpu_s=cpu_s,
    )


def _live(
    spec: PolicySpec,
    scenario: Scenario,
    jobs: JobTable,
    streams: Mapping[str, Iterator[tuple[int, Reading]]],
    tell: Callable[[int], None],
) -> Runs:
    policy = Policy(
        method=spec.method,
        options=PlanOptions(threshold=spec.threshold, percentile=spec.percentile, alternatives=0),
        pauses=spec.pauses,
        per_second=None if spec.releases_per_minute is None else spec.releases_per_minute / 60.0,
        jitter=spec.jitter,
        seed=scenario.seed,
    )
    rooms = {zone.name: zone.room for zone in scenario.zones if zone.room is not None}
    world = World(Engine(policy), streams, rooms)
    return runs.runs_of(world.run(jobs.jobs(min_saving=spec.min_saving), progress=tell))


def _streams(
    spec: PolicySpec,
    scenario: Scenario,
    truth: Mapping[str, Series],
    beliefs: Mapping[str, Belief],
    window: Interval,
) -> dict[str, Iterator[tuple[int, Reading]]]:
    faults = [fault.build() for fault in scenario.faults]
    streams = {}
    for zone, series in truth.items():
        here = [f for f in faults if f.zone in {"", zone}]
        told = beliefs[zone].readings(series, window)
        if spec.percentile is not None:
            told = with_past(told, series, _PAST)
        streams[zone] = with_faults(told, here) if here else told
    return streams


def _truth(zone: ZoneSpec, scenario: Scenario) -> Series:
    if zone.file is not None:
        series = files.read_series(zone.file, unit=zone.unit, tz=zone.tz, zone=zone.name).series
    else:
        found = recordings.recording(zone.name)
        if found is None:
            known = ", ".join(recordings.recorded_zones())
            raise InvalidInput(
                f"zone {zone.name[:40]!r} has no file and is not recorded; recorded: {known}",
                hint="give the zone a file",
                field="zones",
            )
        series = found.series
    if series.end <= scenario.start or series.start >= scenario.end:
        raise InvalidInput(
            f"zone {zone.name[:40]!r} is known from {isoformat(series.start)} to {isoformat(series.end)}, "
            f"not during {scenario.window}",
            hint="change start and end",
            field="zones",
        )
    return series


def _known(jobs: JobTable, truth: Mapping[str, Series]) -> JobTable:
    """
    The jobs that can be paid for wherever they start: no gap inside their bounds, and an end that is known.

    Raises:
        InvalidInput: Hardly any are left.
    """
    whole = runs.integrals(jobs, np.arange(jobs.size), jobs.arrival_ns, jobs.ends_ns, truth)
    bad = np.flatnonzero(np.isnan(whole))
    if bad.size <= _MOST_UNKNOWN * jobs.size:
        return jobs.pick(np.flatnonzero(~np.isnan(whole))) if bad.size else jobs
    k = int(bad[0])
    span = Interval(from_ns(int(jobs.arrival_ns[k])), from_ns(int(jobs.ends_ns[k])))
    series = truth[jobs.zones[int(jobs.zone[k])]]
    gaps = [gap for gap in series.gaps if gap.overlaps(span)]
    why = f"has a gap {gaps[0]}" if gaps else f"is known from {isoformat(series.start)} to {isoformat(series.end)}"
    raise InvalidInput(
        f"{bad.size} of {jobs.size} jobs may run when nothing is known; the first, {jobs.name(k)[:60]!r}, "
        f"during {span}: the series of its zone {why}",
        hint="change start and end, shorten slack, or give a series without gaps",
        field="zones",
    )

"""
A whole scenario: every policy on the same jobs, zones and beliefs, beside run-now and the best that was possible.

Baselines are not optional here: each job's run-now emissions are computed on what came true, and so is the least it
could have emitted inside its bounds, so that a table can say which part of the possible was realised.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from gridtide.domain.errors import InvalidInput
from gridtide.domain.instants import from_ns
from gridtide.domain.interval import Interval
from gridtide.engine.engine import Engine, Policy
from gridtide.planning import question
from gridtide.planning.options import PlanOptions
from gridtide.simulation import ground, notes, oracle, runs, vector, workloads
from gridtide.simulation.belief import FromHistory
from gridtide.simulation.geography import Geography
from gridtide.simulation.rooms import Rooms
from gridtide.simulation.routing import Router
from gridtide.simulation.world import World

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from gridtide.domain.series import Series
    from gridtide.simulation.belief import Belief
    from gridtide.simulation.job_table import JobTable
    from gridtide.simulation.runs import Payment, Runs
    from gridtide.simulation.scenario import Scenario
    from gridtide.simulation.specs import PolicySpec
    from gridtide.simulation.traces import Rejected

__all__ = ["MOST_EVENT_JOBS", "OWN_POWER_W", "Experiment", "Outcome", "run_scenario"]

OWN_POWER_W: Final = 15.0
"""Power of one busy core with its share of the machine, for our own footprint; on the high side. [W]"""

MOST_EVENT_JOBS: Final = 2_000_000
"""Most jobs that take the event path; more would not fit into a usual machine's memory."""

_VECTOR_FROM: Final = 5_000
_PROCESS_TIME: Final = time.process_time


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Outcome:
    """
    One policy's runs and what they cost.

    Attributes:
        policy: As the scenario names it.
        runs: What became of each job.
        paid: On what came true.
        best: The least possible with this policy's freedom to pause and to move.
        path: ``events`` or ``vectors``.
        cpu_s: Processor time of planning and simulating it. [s]
        routes: Whether it might move work to another zone.
    """

    policy: str
    runs: Runs
    paid: Payment
    best: Payment
    path: str
    cpu_s: float
    routes: bool = False


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Experiment:
    """
    What a scenario gave.

    Attributes:
        scenario: As it was read.
        jobs: By arrival.
        truth: What came true, by zone.
        run_now: Every job started at its arrival at home, on what came true.
        outcomes: One for each policy.
        forecast_cpu_s: Processor time of the forecasts that all policies share. [s]
        rejected: Rows of a trace that could not be used.
        left_out: Jobs that may touch unknown hours.
        movable: Jobs whose bounds leave another zone open, whatever the grids do; None where no policy moves work.
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
    movable: int | None = None
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
        InvalidInput: A zone is unknown, its series does not cover the scenario, or kinds of values would be mixed.
        MalformedFile: A file cannot be read as declared.
    """
    truth = ground.read_truth(scenario)
    geography = Geography.of(scenario)
    asked, rejected = workloads.jobs_of(scenario)
    jobs = ground.known_jobs(asked, truth, geography if scenario.routes else None)
    at_once = runs.pay(jobs, runs.whole_runs(jobs, jobs.arrival_ns, np.full(jobs.size, np.nan)), truth)
    beliefs = ground.beliefs_of(scenario, truth)
    window = _window(scenario, jobs)
    if progress is not None:
        progress("forecasts", 0, len(scenario.policies) * jobs.size)
    begun = _PROCESS_TIME()
    for name, belief in beliefs.items():
        if isinstance(belief, FromHistory):
            belief.prepare(truth[name], window)
    forecast_cpu_s = _PROCESS_TIME() - begun
    best = {
        freedom: oracle.cheapest(jobs, truth, pauses=freedom[0], geography=geography if freedom[1] else None)
        for freedom in {(p.pauses, p.routes) for p in scenario.policies}
    }
    surroundings = _Surroundings(scenario, jobs, truth, beliefs, geography, window)
    outcomes = []
    for done, spec in enumerate(scenario.policies):

        def tell(count: int, name: str = spec.name, base: int = done) -> None:
            if progress is not None:
                progress(name, base * jobs.size + count, len(scenario.policies) * jobs.size)

        tell(0)
        outcomes.append(_outcome(spec, surroundings, best[spec.pauses, spec.routes], tell))
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
        movable=geography.movable(jobs) if scenario.routes else None,
    )
    return replace(made, notes=tuple(notes.notes_of(made)))


def _window(scenario: Scenario, jobs: JobTable) -> Interval:
    """From the first arrival until the last job is over: as long as anything can still be learnt."""
    return Interval(scenario.start, max(scenario.end, from_ns(int(jobs.ends_ns.max()))))


class _Surroundings(NamedTuple):
    """What all policies of a scenario share."""

    scenario: Scenario
    jobs: JobTable
    truth: Mapping[str, Series]
    beliefs: Mapping[str, Belief]
    geography: Geography
    window: Interval


def _outcome(spec: PolicySpec, given: _Surroundings, best: Payment, tell: Callable[[int], None]) -> Outcome:
    scenario, jobs = given.scenario, given.jobs
    by_vectors = _takes_vectors(spec, scenario, jobs)
    begun = _PROCESS_TIME()
    lived = _at_once(spec, given) if by_vectors else _live(spec, given, tell)
    cpu_s = _PROCESS_TIME() - begun
    return Outcome(
        policy=spec.name,
        runs=lived,
        paid=runs.pay(jobs, lived, given.truth, energy=given.geography.energy),
        best=best,
        path="vectors" if by_vectors else "events",
        cpu_s=cpu_s,
        routes=spec.routes,
    )


def _takes_vectors(spec: PolicySpec, scenario: Scenario, jobs: JobTable) -> bool:
    """Which path a policy takes; refuses a path that was asked for and cannot be, and what no path can hold."""
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
    return by_vectors


def _at_once(spec: PolicySpec, given: _Surroundings) -> Runs:
    believed = {
        name: next(given.beliefs[name].readings(series, given.window))[1].series for name, series in given.truth.items()
    }
    if not spec.routes:
        return vector.plan_once(given.jobs, believed, method=spec.method)
    return vector.place_once(
        given.jobs, believed, method=spec.method, geography=given.geography, rules=given.geography.rules(spec)
    )


def _live(spec: PolicySpec, given: _Surroundings, tell: Callable[[int], None]) -> Runs:
    scenario = given.scenario
    policy = Policy(
        method=spec.method,
        options=PlanOptions(threshold=spec.threshold, percentile=spec.percentile, alternatives=0),
        pauses=spec.pauses,
        per_second=None if spec.releases_per_minute is None else spec.releases_per_minute / 60.0,
        jitter=spec.jitter,
        seed=scenario.seed,
    )
    rooms = Rooms({zone.name: zone.room for zone in scenario.zones if zone.room is not None})
    router = Router(given.geography, given.geography.rules(spec), rooms) if spec.routes else None
    engine = Engine(policy, decide=question.answer if router is None else router.decide)
    streams = ground.streams_of(spec, scenario, given.truth, given.beliefs, given.window)
    lived = World(engine, streams, rooms, router).run(given.jobs.jobs(min_saving=spec.min_saving), progress=tell)
    return runs.runs_of(lived, given.jobs.zones)

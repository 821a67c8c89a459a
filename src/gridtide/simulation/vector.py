"""
Plans made once, for millions of jobs, without an event: what the engine would do, in one pass over arrays.

It holds where the engine decides once about each job: run-now, and the lowest window on a belief that never changes,
with nothing that couples jobs (capacity, release rate) and nothing that moves a planned start (jitter, faults, pauses,
a smallest saving, data that have to travel). Everything else takes the event path; `why_not` says which reason it was.
A property test holds both paths to the same starts, places and grams.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from gridtide.domain.units import NS_PER_HOUR
from gridtide.planning import batch
from gridtide.simulation.runs import Runs, whole_runs

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from gridtide.domain.series import Series
    from gridtide.planning.placement import SiteRules
    from gridtide.simulation.geography import Geography
    from gridtide.simulation.job_table import JobTable
    from gridtide.simulation.scenario import Scenario
    from gridtide.simulation.specs import PolicySpec

__all__ = ["place_once", "plan_once", "why_not"]

_ONE_READING: Final = frozenset({"perfect", "white"})
_METHODS: Final = frozenset({"run-now", "lowest-window", "auto"})


def why_not(scenario: Scenario, policy: PolicySpec, jobs: JobTable) -> str | None:
    """Why *policy* needs the event path, in words; None when the vector path gives the same."""
    if policy.method not in _METHODS:
        return f"the method {policy.method} decides more than once"
    if scenario.belief.kind not in _ONE_READING:
        return f"the belief {scenario.belief.kind} changes with time"
    if scenario.faults:
        return "faults are injected"
    if any(zone.room is not None for zone in scenario.zones):
        return "a zone has room for few jobs only"
    if policy.pauses or policy.jitter or policy.releases_per_minute is not None or policy.min_saving:
        return "the policy has pauses, jitter, a release rate or a smallest saving"
    if policy.routes and bool(jobs.data_gb.any()):
        return "jobs bring data along, and are planned again when these leave"
    if policy.method == "auto" and bool(jobs.may_pause.any()):
        return "interruptible jobs are planned slot by slot"
    return None


def plan_once(jobs: JobTable, believed: Mapping[str, Series], *, method: str) -> Runs:
    """
    Start every job where one plan at its arrival says.

    Args:
        jobs: Of any number.
        believed: What the policy is told, by zone.
        method: ``run-now``, ``lowest-window`` or ``auto``.
    """
    start_ns, planned = _at_home(jobs, believed, method)
    return whole_runs(jobs, start_ns, planned)


def place_once(
    jobs: JobTable, believed: Mapping[str, Series], *, method: str, geography: Geography, rules: SiteRules
) -> Runs:
    """
    Start every job where and when one placement at its arrival says; as `gridtide.planning.placement.weigh`, no data.

    Args:
        jobs: Of any number, without data to move.
        believed: What the policy is told, by zone.
        method: As for `plan_once`.
        geography: The places.
        rules: How sure a move must be.
    """
    start_ns, planned = _at_home(jobs, believed, method)
    zone, pues = jobs.zone.copy(), np.asarray(jobs.pues)
    kwh = np.where(np.isnan(jobs.power_w), 1.0, jobs.power_w / 1000.0 * (jobs.length_ns / NS_PER_HOUR))
    stay, best = planned * kwh * pues[zone], np.full(jobs.size, np.inf)
    need = stay - rules.margin * np.abs(stay)
    for index, name in enumerate(jobs.zones):
        rows = geography.open_to(jobs, index)
        starts, means = _plan(jobs, rows, believed[name], method)
        cost = means * kwh[rows] * pues[index]
        better = np.flatnonzero((cost < best[rows]) & (cost < need[rows]))
        chosen = rows[better]
        best[chosen], zone[chosen] = cost[better], index
        start_ns[chosen], planned[chosen] = starts[better], means[better]
    return whole_runs(jobs, start_ns, planned, zone=zone)


def _at_home(
    jobs: JobTable, believed: Mapping[str, Series], method: str
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    start_ns, planned = jobs.arrival_ns.copy(), np.full(jobs.size, np.nan)
    for index, name in enumerate(jobs.zones):
        rows = np.flatnonzero(jobs.zone == index)
        start_ns[rows], planned[rows] = _plan(jobs, rows, believed[name], method)
    return start_ns, planned


def _plan(
    jobs: JobTable, rows: NDArray[np.int64], series: Series, method: str
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Starts of *rows* on *series*, and the means they are planned at; NaN where part is unknown."""
    arrival_ns, latest_ns, length_ns = jobs.arrival_ns[rows], jobs.latest_ns[rows], jobs.length_ns[rows]
    if method == "run-now":
        latest_ns = arrival_ns
    found = batch.lowest_windows(series, arrival_ns, latest_ns, length_ns)
    return found.start_ns, found.mean

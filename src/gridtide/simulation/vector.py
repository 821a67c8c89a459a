"""
Plans made once, for millions of jobs, without an event: what the engine would do, in one pass over arrays.

It holds where the engine decides once about each job: run-now, and the lowest window on a belief that never changes,
with nothing that couples jobs (capacity, release rate) and nothing that moves a planned start (jitter, faults, pauses,
a smallest saving). Everything else takes the event path; `why_not` says which reason it was. A property test holds
both paths to the same starts and grams.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from gridtide.domain.units import NS_PER_HOUR
from gridtide.planning import batch
from gridtide.simulation.runs import Runs, integrals, whole_runs

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gridtide.domain.series import Series
    from gridtide.simulation.job_table import JobTable
    from gridtide.simulation.scenario import PolicySpec, Scenario

__all__ = ["plan_once", "why_not"]

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
    if policy.method == "auto" and bool(jobs.interruptible.any()):
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
    start_ns = jobs.arrival_ns.copy()
    planned = np.full(jobs.size, np.nan)
    if method == "run-now":
        length_ns = jobs.length_ns
        told = integrals(jobs, np.arange(jobs.size), start_ns, start_ns + length_ns, believed)
        planned = told * NS_PER_HOUR / length_ns
        return whole_runs(jobs, start_ns, planned)
    for index, name in enumerate(jobs.zones):
        rows = np.flatnonzero(jobs.zone == index)
        found = batch.lowest_windows(believed[name], jobs.arrival_ns[rows], jobs.latest_ns[rows], jobs.length_ns[rows])
        start_ns[rows], planned[rows] = found.start_ns, found.mean
    return whole_runs(jobs, start_ns, planned)

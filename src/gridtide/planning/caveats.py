"""What the reader of a decision should know beside it: one sentence each, for `Decision.warnings`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gridtide.domain.decision import Reason
from gridtide.domain.instants import from_ns, isoformat, to_ns
from gridtide.domain.workload import OnNoData
from gridtide.planning.fixed import run_cost

if TYPE_CHECKING:
    from gridtide.domain.series import Series
    from gridtide.planning.bounds import Bounds
    from gridtide.planning.policy import Case
    from gridtide.planning.verdict import Verdict

__all__ = ["caveats_of"]


def caveats_of(verdict: Verdict, case: Case, threshold: float | None) -> tuple[str, ...]:
    """What a reader of the verdict should know, one sentence each."""
    bounds, series = case.bounds, case.series
    end = isoformat(from_ns(verdict.start_ns + bounds.length_ns))
    found = []
    if bounds.late is Reason.DEADLINE_INFEASIBLE and case.workload.deadline is not None:
        found.append(f"the deadline {isoformat(case.workload.deadline)} cannot be met: the run ends {end}")
    elif bounds.late is Reason.DEADLINE:
        found.append("there is no time left to wait: the latest start is reached")
    if not bounds.is_known(series):
        found.append(_unknown(case))
    elif bounds.late is None and case.workload.elasticity.may_wait:
        found.extend(_limits(series, bounds))
    if threshold is None and case.options.percentile is not None:
        found.append("no past values are known, so there is no percentile to compare with")
    mean = None if verdict.choice is None else verdict.choice.mean
    if verdict.is_free and threshold is not None and mean is not None and mean > threshold:
        unit = case.series.signal.unit
        found.append(f"the mean of the run, {mean:.6g} {unit}, is above the threshold of {threshold:.6g}")
    return tuple(found)


def _unknown(case: Case) -> str:
    wait = case.workload.on_no_data is OnNoData.WAIT
    if wait and case.bounds.latest_ns is None:
        return "no values are known for the time of the run, and nothing bounds a wait for them"
    return "no values are known for the time of the run"


def _limits(series: Series, bounds: Bounds) -> list[str]:
    found = []
    reach_ns, known = bounds.reach_ns(series), isoformat(series.end)
    if bounds.latest_ns is None:
        found.append(f"nothing bounds the start: it is chosen within the known values, which end {known}")
    elif reach_ns < bounds.latest_ns:
        found.append(
            f"values are known until {known} only: starts after {isoformat(from_ns(max(reach_ns, bounds.release_ns)))} "
            "were not weighed"
        )
    if run_cost(series, bounds.release_ns, bounds.length_ns, bounds.shape) is None:
        found.append("part of a run from the release is not known, so no saving can be stated")
    for gap in series.gaps:
        if (
            to_ns(gap.end) > bounds.release_ns
            and to_ns(gap.start) < max(reach_ns, bounds.release_ns) + bounds.length_ns
        ):
            found.append(f"no values for {gap}: runs that touch it were not weighed")
            break
    return found

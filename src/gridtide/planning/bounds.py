"""
The deadline guard: between which instants a workload may start, and whether there is anything left to choose.

Accepted work starts no later than its latest start (invariant I1). Where the deadline can no longer be met there is
no choice: the work starts at once, and the reason says so.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gridtide.domain.decision import Reason
from gridtide.domain.instants import duration_ns, to_ns
from gridtide.planning.shape import PowerShape, constant_power, power_levels

if TYPE_CHECKING:
    from datetime import datetime

    from gridtide.domain.series import Series
    from gridtide.domain.workload import Workload

__all__ = ["Bounds", "bounds_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """
    What limits the starts of one workload.

    Args:
        now_ns: When it is decided. [ns]
        release_ns: Earliest start, never before now. [ns]
        latest_ns: Latest start in time, may lie before the release; None when nothing bounds it. [ns]
        shape: Duration and power over it.
        late: Why there is no choice left, or None.
    """

    now_ns: int
    release_ns: int
    latest_ns: int | None
    shape: PowerShape
    late: Reason | None

    @property
    def length_ns(self) -> int:
        """Duration. [ns]"""
        return self.shape.length_ns

    def reach_ns(self, series: Series) -> int:
        """Last start worth a look: in time, and its run not past the known part of *series*. [ns]"""
        known_ns = series.curves[-1].end_ns - self.length_ns
        return known_ns if self.latest_ns is None else min(self.latest_ns, known_ns)

    def is_known(self, series: Series) -> bool:
        """Whether *series* says anything about the time in which the work may run; late work runs from its release."""
        end_ns = None if self.latest_ns is None else max(self.latest_ns, self.release_ns) + self.length_ns
        return any(
            curve.end_ns > self.release_ns and (end_ns is None or curve.start_ns < end_ns) for curve in series.curves
        )


def bounds_of(workload: Workload, now: datetime) -> Bounds:
    """Bounds of *workload* as seen at *now*."""
    release_ns, length_ns = to_ns(workload.release_at(now)), duration_ns(workload.duration)
    latest = workload.latest_start(now)
    latest_ns = None if latest is None else to_ns(latest)
    late = None
    if workload.deadline is not None and release_ns + length_ns > to_ns(workload.deadline):
        late = Reason.DEADLINE_INFEASIBLE
    elif latest_ns is not None and latest_ns <= release_ns:
        late = Reason.DEADLINE
    powers = workload.power_profile_w
    shape = power_levels(length_ns, powers) if powers else constant_power(length_ns)
    return Bounds(now_ns=to_ns(now), release_ns=release_ns, latest_ns=latest_ns, shape=shape, late=late)

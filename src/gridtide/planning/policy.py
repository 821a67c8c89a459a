"""Which core answers for which method, behind one signature."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from gridtide.domain.decision import Reason
from gridtide.domain.instants import duration_ns
from gridtide.planning.choice import Choice, contiguous
from gridtide.planning.options import Method, PlanOptions
from gridtide.planning.window import lowest_window, window_cost

if TYPE_CHECKING:
    from collections.abc import Callable

    from gridtide.domain.series import Series
    from gridtide.domain.workload import Workload
    from gridtide.planning.bounds import Bounds

__all__ = ["Case", "choose"]


class Case(NamedTuple):
    """Everything a policy looks at."""

    workload: Workload
    series: Series
    bounds: Bounds
    options: PlanOptions

    @property
    def grid_ns(self) -> int:
        """Grid of starts, or 0. [ns]"""
        grid = self.options.start_grid
        return 0 if grid is None else duration_ns(grid)


def choose(method: Method, case: Case) -> Choice | None:
    """Answer of *method*, or None when nothing it may choose is known."""
    return _POLICIES[method](case)


def at(case: Case, start_ns: int, reason: Reason) -> Choice | None:
    """One uninterrupted run from *start_ns*, or None when part of it is not known."""
    cost = window_cost(case.series, start_ns, case.bounds.shape)
    return None if cost is None else contiguous(start_ns, case.bounds.length_ns, cost, reason)


def _run_now(case: Case) -> Choice | None:
    return at(case, case.bounds.release_ns, Reason.RUN_NOW_ASKED)


def _run_latest(case: Case) -> Choice | None:
    bounds = case.bounds
    latest_ns = bounds.reach_ns(case.series) if bounds.latest_ns is None else bounds.latest_ns
    return at(case, latest_ns, Reason.RUN_LATEST_ASKED)


def _lowest_window(case: Case) -> Choice | None:
    bounds = case.bounds
    reach_ns = bounds.reach_ns(case.series)
    return lowest_window(
        case.series,
        bounds.release_ns,
        reach_ns,
        bounds.length_ns,
        shape=bounds.shape,
        grid_ns=case.grid_ns,
    )


_POLICIES: dict[Method, Callable[[Case], Choice | None]] = {
    Method.RUN_NOW: _run_now,
    Method.RUN_LATEST: _run_latest,
    Method.LOWEST_WINDOW: _lowest_window,
    Method.LOWEST_SLOTS: _lowest_window,
    Method.THRESHOLD: _lowest_window,
    Method.CARBON_TIME: _lowest_window,
}

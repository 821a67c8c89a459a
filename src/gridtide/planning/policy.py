"""Which core answers for which method, behind one signature."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from gridtide.domain.decision import Reason
from gridtide.domain.instants import duration_ns
from gridtide.domain.signal import require_comparable
from gridtide.planning.carbon_time import carbon_time
from gridtide.planning.fixed import run_at
from gridtide.planning.online import one_min_limit
from gridtide.planning.options import Method, PlanOptions
from gridtide.planning.pauses import lowest_pieces
from gridtide.planning.pieces import PausePrice
from gridtide.planning.slots import lowest_slots
from gridtide.planning.suspend import improving_start, suspend_above
from gridtide.planning.threshold import threshold_start, trailing_percentile
from gridtide.planning.window import lowest_window

if TYPE_CHECKING:
    from collections.abc import Callable

    from gridtide.domain.series import Series
    from gridtide.domain.workload import Workload
    from gridtide.planning.bounds import Bounds
    from gridtide.planning.choice import Choice

__all__ = ["Case", "at", "choose", "one_min_bound", "threshold_of"]


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

    @property
    def reach_ns(self) -> int:
        """Last start worth a look. [ns]"""
        return self.bounds.reach_ns(self.series)


def choose(method: Method, case: Case) -> Choice | None:
    """Answer of *method*, or None when nothing it may choose is known."""
    if not case.series.curves or case.reach_ns < case.bounds.release_ns:
        return None
    return _POLICIES[method](case)


def at(case: Case, start_ns: int, reason: Reason) -> Choice | None:
    """One uninterrupted run from *start_ns*, or None when part of it is not known."""
    return run_at(case.series, start_ns, case.bounds.length_ns, reason, shape=case.bounds.shape)


def threshold_of(case: Case) -> float | None:
    """
    Bound for the signal: given, or a percentile of the past; None when neither is set or the past is not known.

    Raises:
        KindMismatch: The past is of another kind than the series.
    """
    options = case.options
    if options.threshold is not None:
        return options.threshold
    if options.percentile is None:
        return None
    history = case.series if options.history is None else options.history
    require_comparable(case.series.signal, history.signal)
    span_ns = duration_ns(options.history_span)
    return trailing_percentile(history, case.bounds.now_ns, span_ns, options.percentile)


def _run_now(case: Case) -> Choice | None:
    return at(case, case.bounds.release_ns, Reason.RUN_NOW_ASKED)


def _run_latest(case: Case) -> Choice | None:
    latest_ns = case.bounds.latest_ns
    return at(case, case.reach_ns if latest_ns is None else latest_ns, Reason.RUN_LATEST_ASKED)


def _threshold(case: Case) -> Choice | None:
    options = case.options
    threshold = threshold_of(case)
    if threshold is None:
        return None
    return _first_at_or_below(case, threshold + (options.hysteresis if options.running else 0.0))


def _first_at_or_below(case: Case, threshold: float) -> Choice | None:
    options, bounds = case.options, case.bounds
    return threshold_start(
        case.series,
        bounds.release_ns,
        case.reach_ns,
        bounds.length_ns,
        threshold,
        gate=options.forecast_gate,
        shape=bounds.shape,
    )


def _lowest_window(case: Case) -> Choice | None:
    bounds = case.bounds
    return lowest_window(
        case.series, bounds.release_ns, case.reach_ns, bounds.length_ns, shape=bounds.shape, grid_ns=case.grid_ns
    )


def _lowest_slots(case: Case) -> Choice | None:
    workload, bounds = case.workload, case.bounds
    price = PausePrice(duration_ns(workload.suspend_cost), duration_ns(workload.min_run), workload.max_pieces)
    end_ns = case.series.curves[-1].end_ns if bounds.latest_ns is None else bounds.latest_ns + bounds.length_ns
    if bounds.shape.is_constant:
        free = lowest_slots(case.series, bounds.release_ns, end_ns, bounds.length_ns)
        if free is None or price.allows(free.pieces):
            return free
    return lowest_pieces(case.series, bounds.release_ns, end_ns, bounds.shape, price)


def _carbon_time(case: Case) -> Choice | None:
    bounds = case.bounds
    choice = carbon_time(
        case.series, bounds.release_ns, case.reach_ns, bounds.length_ns, shape=bounds.shape, grid_ns=case.grid_ns
    )
    return _lowest_window(case) if choice is None else choice


def one_min_bound(case: Case) -> float | None:
    """Geometric mean of the lowest and the highest past value, which no order of values can fool; None without any."""
    history = case.series if case.options.history is None else case.options.history
    require_comparable(case.series.signal, history.signal)
    now_ns, span_ns = case.bounds.now_ns, duration_ns(case.options.history_span)
    low, high = (trailing_percentile(history, now_ns, span_ns, share) for share in (0.0, 100.0))
    if low is None or high is None or low <= 0:
        return low
    return one_min_limit(low, high)


def _one_min(case: Case) -> Choice | None:
    bound = one_min_bound(case)
    return None if bound is None else _first_at_or_below(case, bound)


def _improving(case: Case) -> Choice | None:
    bounds, series = case.bounds, case.series
    step_ns = case.grid_ns or int(series.ends_ns[0] - series.starts_ns[0])
    return improving_start(series, bounds.release_ns, case.reach_ns, bounds.length_ns, step_ns=step_ns)


def _suspend(case: Case) -> Choice | None:
    """Pauses above the bound as far as the slack goes; work that cannot be paused like that waits for it to start."""
    workload, bounds = case.workload, case.bounds
    bound = threshold_of(case)
    free = not (workload.suspend_cost or workload.min_run or workload.max_pieces)
    if bound is None or not (workload.interruptible and free and bounds.shape.is_constant):
        return _threshold(case)
    return suspend_above(case.series, bounds.release_ns, bounds.length_ns, case.reach_ns - bounds.release_ns, bound)


_POLICIES: dict[Method, Callable[[Case], Choice | None]] = {
    Method.RUN_NOW: _run_now,
    Method.RUN_LATEST: _run_latest,
    Method.THRESHOLD: _threshold,
    Method.LOWEST_WINDOW: _lowest_window,
    Method.LOWEST_SLOTS: _lowest_slots,
    Method.CARBON_TIME: _carbon_time,
    Method.IMPROVING: _improving,
    Method.ONE_MIN: _one_min,
    Method.SUSPEND: _suspend,
}

"""
A rise that is forecast within the next half hour: work that would start inside it goes before it.

The window planners see spikes anyway; this rule serves work that starts by another rule (a queue, a threshold, a
request that is served on arrival) and would otherwise run into one.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final

import numpy as np

from gridtide.domain.decision import Action, Alternative, Decision, Reason
from gridtide.domain.instants import duration_ns, from_ns, to_ns
from gridtide.domain.interval import Interval

if TYPE_CHECKING:
    from datetime import datetime

    from gridtide.domain.series import Series
    from gridtide.domain.workload import Workload

__all__ = ["SPIKE_LEAD", "SPIKE_RISE", "before_spike", "find_spike"]

SPIKE_LEAD: Final = timedelta(minutes=30)
SPIKE_RISE: Final = 0.2


def find_spike(
    series: Series, now: datetime, *, lead: timedelta = SPIKE_LEAD, rise: float = SPIKE_RISE
) -> Interval | None:
    """
    First stretch that starts within *lead* of *now* and stays above the present value by the share *rise*.

    Args:
        series: Forecast that holds *now*. [signal.unit]
        now: The instant of asking.
        lead: How far ahead a spike may start.
        rise: Least rise over the present value. [0..]

    Returns:
        The stretch, or None when there is none or nothing is known at *now*.
    """
    now_ns = to_ns(now)
    curve = series.curve_at(now_ns)
    if curve is None:
        return None
    bound = curve.value_at(now_ns) * (1 + rise)
    starts = np.maximum(curve.breaks[:-1], now_ns)
    high = (np.minimum(curve.values, curve.end_values) > bound) & (curve.breaks[1:] > now_ns)
    first = np.flatnonzero(high)
    if not first.size or starts[first[0]] > now_ns + duration_ns(lead):
        return None
    k = int(first[0])
    after = np.flatnonzero(~high[k:])
    end = curve.end_ns if not after.size else int(curve.breaks[k + int(after[0])])
    return Interval(from_ns(int(starts[k])), from_ns(end))


def before_spike(decision: Decision, workload: Workload, series: Series, *, now: datetime) -> Decision:
    """
    Bring a planned start inside a near spike forward to *now*, if the run is released and better now.

    Args:
        decision: What another rule decided.
        workload: The work.
        series: Forecast that both runs can be weighed on.
        now: The instant of the decision.

    Returns:
        *decision* itself, or a run at once with reason ``spike-ahead`` and the old plan among the alternatives.
    """
    spike = find_spike(series, now)
    if spike is None or decision.start is None or decision.start not in spike or workload.release_at(now) > now:
        return decision
    run = Interval(now, now + workload.duration)
    if not series.covers(run) or decision.mean is None or series.mean(run) >= decision.mean:
        return decision
    old = Alternative(
        name=decision.method,
        start=decision.start,
        end=decision.end,
        intervals=decision.intervals,
        mean=decision.mean,
        grams=decision.grams,
        note=f"would start inside the rise {spike}",
    )
    share = series.mean(run) / decision.mean if decision.mean else 1.0
    return replace(
        decision,
        action=Action.RUN,
        reason=Reason.SPIKE_AHEAD,
        start=run.start,
        end=run.end,
        intervals=(run,),
        mean=series.mean(run),
        grams=None if decision.grams is None else decision.grams * share,
        wake_at=None,
        alternatives=(old, *decision.alternatives),
    )

"""
A rise that is forecast within the next half hour: work that would start inside it goes before it.

The window planners see spikes anyway; this rule serves work that starts by another rule (a threshold, a plan that is
kept because it is young) and would otherwise run into one.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from gridtide.domain.decision import Action, Alternative, Decision, Reason
from gridtide.domain.instants import duration_ns, from_ns, to_ns
from gridtide.domain.interval import Interval
from gridtide.planning.options import SPIKE_LEAD, SPIKE_RISE
from gridtide.planning.policy import at, choose

if TYPE_CHECKING:
    from datetime import datetime, timedelta

    from gridtide.domain.series import Series
    from gridtide.planning.choice import Choice
    from gridtide.planning.policy import Case
    from gridtide.planning.verdict import Verdict

__all__ = ["ahead_of_spike", "before_spike", "find_spike"]


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


def ahead_of_spike(verdict: Verdict, case: Case) -> Verdict:
    """
    Start at once where the policy would start inside a near spike, if the run is released and better now.

    A threshold whose forecast gate already starts it at once gets the reason named. What somebody asked for by name
    (run-latest) is left alone.

    Args:
        verdict: What the policy decided.
        case: What it looked at; ``options.spike_lead`` of zero switches the rule off.
    """
    bounds, options = case.bounds, case.options
    if not options.spike_lead or bounds.release_ns > bounds.now_ns or not verdict.is_free:
        return verdict
    late = _late(verdict, case)
    if late is None or late.start_ns <= bounds.now_ns:
        return verdict
    at_once = at(case, bounds.now_ns, Reason.SPIKE_AHEAD)
    if at_once is None or at_once.cost >= late.cost:
        return verdict
    spike = find_spike(case.series, from_ns(bounds.now_ns), lead=options.spike_lead, rise=options.spike_rise)
    if spike is None or from_ns(late.start_ns) not in spike:
        return verdict
    return verdict._replace(start_ns=bounds.now_ns, reason=Reason.SPIKE_AHEAD, choice=at_once)


def _late(verdict: Verdict, case: Case) -> Choice | None:
    """The start that the policy would take without a look at what lies between."""
    if verdict.reason is Reason.RUN_LATEST_ASKED:
        return None
    if verdict.reason is not Reason.WAITING_DOES_NOT_HELP:
        return verdict.choice
    return choose(verdict.method, case._replace(options=replace(case.options, forecast_gate=False)))


def before_spike(
    decision: Decision, series: Series, *, now: datetime, lead: timedelta = SPIKE_LEAD, rise: float = SPIKE_RISE
) -> Decision:
    """
    `ahead_of_spike` for a plan that stands for another reason: one that is too young to be replaced.

    Args:
        decision: A wait, with its baselines.
        series: Forecast that both runs can be weighed on.
        now: The instant of the decision.
        lead: See `find_spike`; zero switches the rule off.
        rise: See `find_spike`.

    Returns:
        *decision* itself, or a run at once with reason ``spike-ahead`` and the old plan among the alternatives.
    """
    at_once = decision.baseline("run-now")
    if not lead or decision.action is not Action.WAIT or decision.start is None or decision.mean is None:
        return decision
    if at_once is None or at_once.start != now or at_once.mean is None or at_once.mean >= decision.mean:
        return decision
    spike = find_spike(series, now, lead=lead, rise=rise)
    if spike is None or decision.start not in spike:
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
    return replace(
        decision,
        action=Action.RUN,
        reason=Reason.SPIKE_AHEAD,
        start=at_once.start,
        end=at_once.end,
        intervals=at_once.intervals,
        mean=at_once.mean,
        grams=at_once.grams,
        wake_at=None,
        alternatives=(old, *decision.alternatives),
    )

"""
Every policy on the same machine-learning jobs and inside the same deadlines.

Policies that plan read either the truth (an oracle) or the damped-anomaly forecast made at arrival from the seven days
before it. The others compare the value of the slot that begins with a bound, as it comes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeAlias

import numpy as np

from gridtide.domain.units import NS_PER_SECOND
from gridtide.forecasting import methods
from gridtide.forecasting.history import History
from gridtide.planning.choice import RELATIVE_TIE
from gridtide.planning.deadline_rules import DeadlineRule
from gridtide.simulation import backtest, stepwise
from gridtide.simulation.backtest import SlotJobs
from gridtide.simulation.reproduce.lets_wait_awhile_inputs import SLOT_MINUTES, SLOT_S
from gridtide.simulation.reproduce.policies_track import SLOTS_PER_HOUR, WEEK, informed
from gridtide.simulation.stepwise import Walk

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from gridtide.simulation.reproduce.comparison import Row
    from gridtide.simulation.reproduce.policies_track import Track

__all__ = ["RULES", "earliest_lowest", "fixed_limit", "outcomes", "rows"]

RULES: Final = (DeadlineRule.NEXT_WORKDAY, DeadlineRule.SEMI_WEEKLY)
_GRAMS_PER_VALUE_AT_1_W: Final = SLOT_MINUTES / 60 / 1000
_FIXED: Final = "static threshold start (200; fr 50)"
_OWN: Final = "static threshold start (own median)"
_LIMIT: Final = 200.0
_LIMITS: Final = {"fr": 50.0}
_DIGITS: Final = 9

Belief: TypeAlias = "Callable[[NDArray[np.int64], int], NDArray[np.float64]]"
"""What some jobs expect of the slots from their arrival on: rows, number of slots -> shape (n_rows, n_slots)."""


def rows(track: Track, rule: DeadlineRule) -> Iterator[Row]:
    """One row per policy, in the order of the recorded table."""
    jobs = track.due_by(rule)
    limits = {_FIXED: fixed_limit(track.country), _OWN: track.own_limit}
    baseline = float("nan")
    for policy, walk in outcomes(track, jobs):
        grams = float(walk.cost.sum()) * _GRAMS_PER_VALUE_AT_1_W
        baseline = grams if policy == "run_now" else baseline
        late = walk.end - jobs.first - jobs.length
        yield {
            "table": "policy_catalogue_strict",
            "country": track.country,
            "deadline_rule": str(rule),
            "policy": policy,
            "emissions_g_at_1W": grams,
            "savings_pct": 100.0 * (1.0 - grams / baseline) if baseline > 0 else float("nan"),
            "mean_start_delay_h": float((walk.start - jobs.first).mean()) / SLOTS_PER_HOUR,
            "mean_finish_delay_h": float(late.mean()) / SLOTS_PER_HOUR,
            "mean_suspensions_per_job": float(walk.pauses.mean()),
            "limit_g_per_kwh": limits.get(policy),
        }


def fixed_limit(country: str) -> float:
    """The figure that the recorded policy's name gives for *country*. [gCO2eq/kWh]"""
    return _LIMITS.get(country.lower(), _LIMIT)


def outcomes(track: Track, jobs: SlotJobs) -> Iterator[tuple[str, Walk]]:
    """What *jobs*, one per job of *track*, do under each policy."""
    yield "run_now", _uninterrupted(track, jobs, jobs.first)
    yield "run_latest", _uninterrupted(track, jobs, jobs.first + jobs.slack)
    yield from _on_the_truth(track, jobs)
    yield from _on_a_forecast(track, informed(jobs, WEEK))
    yield from _on_bounds(track, jobs)


def _on_the_truth(track: Track, jobs: SlotJobs) -> Iterator[tuple[str, Walk]]:
    def belief(some: NDArray[np.int64], width: int) -> NDArray[np.float64]:
        slots = jobs.first[some, None] + np.arange(width)
        return np.asarray(track.values[np.minimum(slots, track.values.size - 1)])

    single = jobs._replace(length=np.ones_like(jobs.length))
    yield "lowest_slot (oracle CI)", _uninterrupted(track, jobs, _planned(belief, single))
    yield "lowest_window (oracle CI)", _uninterrupted(track, jobs, _planned(belief, jobs))
    yield "carbon_time (oracle CI)", _uninterrupted(track, jobs, _planned(belief, jobs, soon=True))
    yield "k_lowest interruptible (oracle CI)", _lowest_slots(belief, track.values, jobs)


def _on_a_forecast(track: Track, jobs: SlotJobs) -> Iterator[tuple[str, Walk]]:
    width = int((jobs.length + jobs.slack).max())
    asked, place = np.unique(jobs.first, return_inverse=True)
    made = np.zeros((asked.size, width))
    for row, slot in enumerate(asked.tolist()):
        if slot >= WEEK:
            end_ns = track.start_ns + slot * SLOT_S * NS_PER_SECOND
            past = History(track.values[slot - WEEK : slot], end_ns, SLOT_S * NS_PER_SECOND)
            made[row] = methods.damped_anomaly(past, width)

    def belief(some: NDArray[np.int64], width: int) -> NDArray[np.float64]:
        return np.asarray(made[place[some], :width])

    yield "lowest_window (history fc)", _uninterrupted(track, jobs, _planned(belief, jobs))
    yield "carbon_time (history fc)", _uninterrupted(track, jobs, _planned(belief, jobs, soon=True))
    yield "k_lowest (history fc, once)", _lowest_slots(belief, track.values, jobs)


def _on_bounds(track: Track, jobs: SlotJobs) -> Iterator[tuple[str, Walk]]:
    values, bounds = track.values, track.bounds
    known = informed(jobs, 1)

    def starting(of: SlotJobs, limits: NDArray[np.float64]) -> Walk:
        return _uninterrupted(track, of, stepwise.start_at_or_below(values, of, limits))

    def everywhere(limit: float) -> NDArray[np.float64]:
        return np.full(jobs.first.size, limit)

    yield "percentile start p25 trailing 30d (no fc)", starting(known, bounds.month_p25)
    yield "percentile start p50 trailing 30d (no fc)", starting(known, bounds.month_p50)
    yield _FIXED, starting(jobs, everywhere(fixed_limit(track.country)))
    if not np.isnan(track.own_limit):
        yield _OWN, starting(jobs, everywhere(track.own_limit))
    yield "ecovisor suspend p30 next24h (GAIA)", stepwise.suspend_walk(values, jobs, bounds.day_ahead_p30)
    yield "suspend p30 trailing 7d (no fc)", stepwise.suspend_walk(values, known, bounds.week_p30)
    yield "suspend p50 trailing 7d (no fc)", stepwise.suspend_walk(values, known, bounds.week_p50)
    yield "online k-min search (L,U trailing 30d)", stepwise.k_min_walk(values, known, bounds.low, bounds.high)


def earliest_lowest(costs: NDArray[np.float64]) -> NDArray[np.int64]:
    """Column of the lowest cost of each row, the first among those that differ by rounding only; shape (n_rows,)."""
    lowest = costs.min(axis=1, keepdims=True)
    return np.asarray((costs <= lowest + RELATIVE_TIE * np.abs(lowest)).argmax(axis=1))


def _uninterrupted(track: Track, jobs: SlotJobs, starts: NDArray[np.int64]) -> Walk:
    cost = backtest.window_cost(backtest.prefix_sums(track.values), starts, jobs)
    return Walk(cost, starts, starts + jobs.length, np.zeros_like(starts))


def _planned(belief: Belief, jobs: SlotJobs, *, soon: bool = False) -> NDArray[np.int64]:
    """Cheapest start as believed or, when *soon*, the one with the most saving per slot until the finish."""
    starts = np.empty_like(jobs.first)
    for some, width in backtest.chunks(jobs.length + jobs.slack):
        length, slack = jobs.length[some, None], jobs.slack[some, None]
        running = np.concatenate([np.zeros((some.size, 1)), np.cumsum(belief(some, width), axis=1)], axis=1)
        delay = np.arange(int(slack.max()) + 1)
        cost = np.take_along_axis(running, np.minimum(delay + length, width), axis=1) - running[:, : delay.size]
        if soon:
            now = cost[:, :1]
            gain = np.where(cost < now * (1.0 - RELATIVE_TIE), now - cost, 0.0)
            cost = -gain / (delay + length)
        starts[some] = jobs.first[some] + earliest_lowest(np.where(delay <= slack, cost, np.inf))
    return starts


def _lowest_slots(belief: Belief, values: NDArray[np.float64], jobs: SlotJobs) -> Walk:
    """Every job in the slots of its window that are believed lowest, the earlier of those alike to nine digits."""
    found = Walk(np.empty(jobs.first.size), *(np.empty_like(jobs.first) for _ in range(3)))
    window = jobs.length + jobs.slack
    for some, width in backtest.chunks(window):
        offset = np.arange(width)
        believed = np.where(offset < window[some, None], belief(some, width).round(_DIGITS), np.inf)
        order = believed.argsort(axis=1, kind="stable")
        runs = np.zeros(believed.shape, dtype=bool)
        np.put_along_axis(runs, order, offset < jobs.length[some, None], axis=1)
        paid = values[np.minimum(jobs.first[some, None] + offset, values.size - 1)]
        found.cost[some] = np.where(runs, paid, 0.0).sum(axis=1)
        found.start[some] = jobs.first[some] + runs.argmax(axis=1)
        found.end[some] = jobs.first[some] + width - runs[:, ::-1].argmax(axis=1)
        found.pauses[some] = (runs[:, 1:] & ~runs[:, :-1]).sum(axis=1) + runs[:, 0] - 1
    return found

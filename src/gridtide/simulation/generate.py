"""Work drawn for a scenario: the same seed gives the same jobs on every machine."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

import numpy as np

from gridtide.domain.durations import format_duration
from gridtide.domain.errors import InvalidInput
from gridtide.domain.instants import duration_ns, to_ns
from gridtide.domain.units import NS_PER_HOUR, NS_PER_SECOND
from gridtide.simulation.job_table import JobTable, Terms

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from gridtide.simulation.scenario import Scenario
    from gridtide.simulation.specs import Amount, Span, WorkSpec

__all__ = ["DEFAULT_POWER_W", "draw_amount", "draw_jobs", "draw_span", "terms_of", "true_lengths"]

DEFAULT_POWER_W: Final = 1000.0
"""Power of drawn work when the scenario gives none. [W]"""

_DAY_NS: Final = 24 * NS_PER_HOUR
_MINUTE_NS: Final = 60 * NS_PER_SECOND
_OPENING_NS: Final = 9 * NS_PER_HOUR
_OFFICE_MINUTES: Final = 8 * 60
_NIGHT_NS: Final = NS_PER_HOUR
_EPOCH_WEEKDAY: Final = 3  # 1970-01-01 was a Thursday


def draw_jobs(scenario: Scenario, *, kind: int = 0) -> JobTable:
    """
    Draw the jobs of every home.

    Arrivals stop early enough for each declared job to end inside the scenario whatever its slack, so that every job
    can be paid for.

    Args:
        scenario: Its `work` says what is drawn.
        kind: Number of that work among all of the scenario, so that each has draws of its own.

    Raises:
        InvalidInput: The scenario is too short for its own work.
    """
    work, slack = scenario.work, scenario.work.usual_slack
    longest = work.duration.high + (slack.high if work.elasticity.may_wait else timedelta(0))
    room = scenario.end - scenario.start - longest
    if room <= timedelta(0):
        kind_of = repr(work.name) if work.name else f"class {work.elasticity}"
        lasts, needs = format_duration(scenario.window.length), format_duration(longest)
        raise InvalidInput(
            f"the scenario lasts {lasts}, a job of {kind_of} with its slack up to {needs}",
            hint="lengthen the scenario, or shorten duration or slack",
            field="end",
        )
    columns: list[tuple[NDArray[np.int64], ...]] = []
    data: list[NDArray[np.float64]] = []
    for index, zone_name in enumerate(z.name for z in scenario.zones):
        if work.homes and zone_name not in work.homes:
            continue
        rng = np.random.default_rng([scenario.seed, index, kind])
        arrivals = _arrivals(scenario, duration_ns(room), rng)
        lengths = draw_span(work.duration, arrivals.size, rng)
        slacks = draw_span(slack, arrivals.size, rng)
        truths = true_lengths(lengths, work.length_spread, rng)
        data.append(draw_amount(work.data_gb, arrivals.size, rng))
        columns.append((np.full(arrivals.size, index), arrivals, lengths, truths, arrivals + slacks))
    zone, arrival, length, true, latest = (np.concatenate(parts) for parts in zip(*columns, strict=True))
    power_w = DEFAULT_POWER_W if work.power_w is None else work.power_w
    order = np.argsort(arrival, kind="stable")
    return JobTable(
        zones=tuple(z.name for z in scenario.zones),
        pues=tuple(z.pue for z in scenario.zones),
        zone=zone[order],
        arrival_ns=arrival[order],
        length_ns=length[order],
        true_ns=true[order],
        latest_ns=latest[order],
        power_w=np.full(order.size, power_w),
        interruptible=np.full(order.size, work.interruptible),
        terms=(terms_of(work),),
        data_gb=np.concatenate(data)[order],
    )


def terms_of(work: WorkSpec) -> Terms:
    """What binds when and where the work of a scenario may run."""
    return Terms(work.regions, frozenset(work.residency), work.latency_budget_ms, work.elasticity)


def true_lengths(declared: NDArray[np.int64], spread: float, rng: np.random.Generator) -> NDArray[np.int64]:
    """True lengths: declared ones times a log-normal factor with median 1; the declared ones at spread 0. [ns]"""
    if not spread:
        return declared
    factors = np.exp(rng.normal(0.0, spread, declared.size))
    return np.maximum(_whole_seconds(declared.astype(np.float64) * factors), _MINUTE_NS)


def draw_span(span: Span, count: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Draw *count* lengths evenly from a range, in whole seconds. [ns]"""
    low, high = float(duration_ns(span.low)), float(duration_ns(span.high))
    return _whole_seconds(rng.uniform(low, high, count) if high > low else np.full(count, low))


def draw_amount(amount: Amount, count: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Draw *count* numbers evenly from a range."""
    return rng.uniform(amount.low, amount.high, count) if amount.high > amount.low else np.full(count, amount.low)


def _arrivals(scenario: Scenario, room_ns: int, rng: np.random.Generator) -> NDArray[np.int64]:
    work, start_ns = scenario.work, to_ns(scenario.start)
    if work.generator == "nightly":
        midnight = start_ns // _DAY_NS * _DAY_NS
        nights = np.arange(midnight + _NIGHT_NS, start_ns + room_ns + 1, _DAY_NS)
        return nights[nights >= start_ns]
    found = start_ns + np.sort(_whole_seconds(rng.uniform(0, room_ns, work.count)))
    if work.generator == "even":
        return found
    days = found // _DAY_NS
    weekday = (days + _EPOCH_WEEKDAY) % 7
    days -= np.maximum(weekday - 4, 0)
    opened: NDArray[np.int64] = days * _DAY_NS + _OPENING_NS + rng.integers(0, _OFFICE_MINUTES, work.count) * _MINUTE_NS
    return np.minimum(np.maximum(opened, start_ns), start_ns + room_ns)


def _whole_seconds(spans_ns: NDArray[np.float64]) -> NDArray[np.int64]:
    seconds: NDArray[np.int64] = np.round(spans_ns / NS_PER_SECOND).astype(np.int64)
    return seconds * NS_PER_SECOND

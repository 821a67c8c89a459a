"""
One zone as the policies meet it: values from before the year on, the jobs on them, and what each job's past says.

A job of whose past too little is known for a policy runs on arrival: nothing is guessed, and all rows count the same
jobs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from gridtide.domain.units import NS_PER_SECOND
from gridtide.planning import deadline_rules
from gridtide.simulation import stepwise
from gridtide.simulation.backtest import SlotJobs
from gridtide.simulation.reproduce.lets_wait_awhile_inputs import SLOT_MINUTES, SLOT_S

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from gridtide.planning.deadline_rules import DeadlineRule
    from gridtide.simulation.reproduce.lets_wait_awhile_inputs import MlJobs, Zone

__all__ = ["DAY", "SLOTS_PER_HOUR", "WEEK", "Bounds", "Track", "informed"]

SLOTS_PER_HOUR: Final = 60 // SLOT_MINUTES
DAY: Final = 24 * SLOTS_PER_HOUR
WEEK: Final = 7 * DAY
_MONTH: Final = 30 * DAY
_YEAR: Final = 365 * DAY
_LEAST_HIGH: Final = 1e-9
_LEAST_SPREAD: Final = 1e-6


class Bounds(NamedTuple):
    """
    What each job may compare a value with, shape (n_jobs,) each. [gCO2eq/kWh]

    Attributes:
        month_p25: 25 % quantile of the 30 days before its arrival, or of what is known of them.
        month_p50: Their median.
        week_p30: 30 % quantile of the seven days before.
        week_p50: Their median.
        day_ahead_p30: 30 % quantile of the 24 hours from its arrival on, which only an oracle knows.
        low: Lowest value of the 30 days before, above zero: at least a millionth of *high*.
        high: Highest of them, above zero.
    """

    month_p25: NDArray[np.float64]
    month_p50: NDArray[np.float64]
    week_p30: NDArray[np.float64]
    week_p50: NDArray[np.float64]
    day_ahead_p30: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]

    @classmethod
    def of(cls, values: NDArray[np.float64], first: NDArray[np.int64]) -> Bounds:
        """Bounds of jobs that arrive at the slots *first*; where nothing is known before, those of the first slot."""
        slots = np.maximum(first, 1)
        low, high = stepwise.trailing_bounds(values, slots, _MONTH)
        high = np.maximum(high, _LEAST_HIGH)
        asked, place = np.unique(first, return_inverse=True)
        ahead = np.array([np.quantile(values[slot : slot + DAY], 0.3) for slot in asked.tolist()])
        return cls(
            month_p25=stepwise.trailing_quantile(values, slots, _MONTH, 0.25),
            month_p50=stepwise.trailing_quantile(values, slots, _MONTH, 0.5),
            week_p30=stepwise.trailing_quantile(values, slots, WEEK, 0.3),
            week_p50=stepwise.trailing_quantile(values, slots, WEEK, 0.5),
            day_ahead_p30=ahead[place],
            low=np.maximum(low, high * _LEAST_SPREAD),
            high=high,
        )

    def of_jobs(self, rows: NDArray[np.bool_]) -> Bounds:
        """Those of some jobs."""
        return Bounds(*(bound[rows] for bound in self))


class Track(NamedTuple):
    """
    A zone and its jobs on one grid of half hours.

    Attributes:
        country: Its name.
        values: From the first known half hour on, shape (n_slots,). [gCO2eq/kWh]
        start_ns: Wall clock at the first of them. [ns]
        jobs: The machine-learning jobs without slack.
        bounds: One of each per job.
        own_limit: Median of up to a year before the jobs' year; NaN where less than a week is known. [gCO2eq/kWh]
        own_days: Days that median is of.
    """

    country: str
    values: NDArray[np.float64]
    start_ns: int
    jobs: SlotJobs
    bounds: Bounds
    own_limit: float
    own_days: float

    @classmethod
    def of(cls, zone: Zone, jobs: MlJobs) -> Track:
        """Put *jobs*, which count from the zone's 1 January, on the values that begin before it."""
        values, before = np.concatenate([zone.before, zone.values]), zone.before.size
        first = jobs.arrival_min // SLOT_MINUTES + before
        past = zone.before[-_YEAR:]
        return cls(
            zone.country,
            values,
            (zone.start_s - before * SLOT_S) * NS_PER_SECOND,
            SlotJobs(first, jobs.duration_min // SLOT_MINUTES, np.zeros_like(first)),
            Bounds.of(values, first),
            float(np.median(past)) if past.size >= WEEK else float("nan"),
            past.size / DAY,
        )

    def due_by(self, rule: DeadlineRule) -> SlotJobs:
        """The jobs with the slack that *rule* gives them, as far as values are known."""
        slot_ns = SLOT_S * NS_PER_SECOND
        finish_ns = self.start_ns + (self.jobs.first + self.jobs.length) * slot_ns
        slack = (deadline_rules.deadlines(rule, finish_ns) - finish_ns) // slot_ns
        return self.jobs._replace(slack=slack).inside(self.values.size)

    def delayed(self, length: NDArray[np.int64], slack: int) -> tuple[SlotJobs, Bounds]:
        """Jobs of other lengths at the same arrivals that may wait *slack* slots, as far as values are known."""
        fits = self.jobs.first + length <= self.values.size
        first = self.jobs.first[fits]
        jobs = SlotJobs(first, length[fits], np.full_like(first, slack))
        return jobs.inside(self.values.size), self.bounds.of_jobs(fits)


def informed(jobs: SlotJobs, need: int) -> SlotJobs:
    """The jobs, without slack where fewer than *need* values are known before them."""
    return jobs._replace(slack=np.where(jobs.first >= need, jobs.slack, 0))

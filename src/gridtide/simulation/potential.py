"""
Whether shifting in time is worth it at all in a zone, told from its history alone.

Jobs of one length and slack arrive at every hour of the past. What they could have saved with a perfect forecast is
the potential; what they would have saved with our own forecast, made from what was known then and again every hour, is
what may be expected. On a flat grid the honest answer is to do nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Final

import numpy as np

from gridtide.domain.errors import HorizonTooShort
from gridtide.domain.instants import from_ns
from gridtide.domain.interval import Interval
from gridtide.domain.units import NS_PER_HOUR
from gridtide.forecasting.history import History
from gridtide.simulation import replan
from gridtide.simulation.backtest import SlotJobs, lowest_window_starts, prefix_sums, window_cost
from gridtide.simulation.rolled import roll

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from gridtide.domain.series import Series

__all__ = [
    "JOB_HOURS",
    "MEASURE",
    "SLACK_HOURS",
    "SMALL_PCT",
    "WORTH_PCT",
    "Potential",
    "PotentialRow",
    "Verdict",
    "potential_of",
    "rank_of",
    "reference_savings",
]

JOB_HOURS: Final = (1, 4)
SLACK_HOURS: Final = (2, 4, 8, 12, 24, 48, 72)
MEASURE: Final = (4, 24)
"""Hours of job and slack that the verdict and the rank are taken from."""

SMALL_PCT: Final = 5.0
"""Below this expected saving, nothing should be done."""

WORTH_PCT: Final = 10.0
"""From this expected saving on, shifting is worth it for most work."""

_HOUR: Final = timedelta(hours=1)
_LONGEST: Final = timedelta(days=366)
_WARM_UP_H: Final = 31 * 24
_LEADS: Final = max(SLACK_HOURS) + max(JOB_HOURS) + 1
_LEAST_H: Final = 14 * 24
_USUAL_SHARE: Final = 0.5


class Verdict(StrEnum):
    """What to do."""

    DO_NOTHING = "do-nothing"
    LONG_SLACK_ONLY = "long-slack-only"
    WORTH_IT = "worth-it"


@dataclass(frozen=True, slots=True, kw_only=True)
class PotentialRow:
    """
    Jobs of one length and slack.

    Attributes:
        oracle_savings_pct: With a perfect forecast. [%]
        planned_once_savings_pct: With our forecast made at arrival; None where history is too short for one. [%]
        expected_savings_pct: With our forecast made again every hour; None as above. [%]
        pct_of_oracle_savings: Expected part of the possible. [%]
    """

    duration_h: int
    slack_h: int
    jobs: int
    oracle_savings_pct: float
    planned_once_savings_pct: float | None
    expected_savings_pct: float | None
    pct_of_oracle_savings: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Potential:
    """
    What shifting is worth in one zone.

    Attributes:
        window: Arrivals that were looked at.
        mean_g_per_kwh: Over that time, in the signal's unit.
        spread_pct: Standard deviation as a share of the mean. [%]
        rows: By length and slack.
        verdict: What to do.
        slack_needed_h: Shortest slack from which a job of `MEASURE` is expected to save `SMALL_PCT`; None if none is.
        guessed: Whether history was too short for a forecast, so that half of the possible was assumed.
    """

    window: Interval
    mean_g_per_kwh: float
    spread_pct: float
    rows: tuple[PotentialRow, ...]
    verdict: Verdict
    slack_needed_h: int | None
    guessed: bool


def potential_of(series: Series) -> Potential:
    """
    Judge a zone by the last year of *series*, or what there is of it.

    Raises:
        HorizonTooShort: Less than two weeks are known.
    """
    history = History.of(series, end=series.end, step=_HOUR, span=_LONGEST)
    if history.values.size < _LEAST_H:
        raise HorizonTooShort(
            f"{history.values.size / 24:.1f} days of {series.signal.zone} are known; a verdict needs 14 days at least",
            hint="give a longer series: a year is best",
        )
    first = _WARM_UP_H if history.values.size >= _WARM_UP_H + _LEAST_H else 0
    values = history.values[first:]
    begin_ns = history.end_ns - values.size * NS_PER_HOUR
    window = Interval(from_ns(begin_ns), from_ns(history.end_ns))
    forecasts = _forecasts(series, window) if first else None
    truth = _bridged(values)
    rows = tuple(_row(truth, values, forecasts, hours, slack) for hours in JOB_HOURS for slack in SLACK_HOURS)
    gain = {r.slack_h: _expected(r) for r in rows if r.duration_h == MEASURE[0]}
    enough = [slack for slack in SLACK_HOURS if gain[slack] >= SMALL_PCT]
    return Potential(
        window=window,
        mean_g_per_kwh=float(np.nanmean(values)),
        spread_pct=float(100.0 * np.nanstd(values) / np.nanmean(values)),
        rows=rows,
        verdict=_verdict(gain[MEASURE[1]]),
        slack_needed_h=enough[0] if enough else None,
        guessed=forecasts is None,
    )


def reference_savings(zones: Mapping[str, Series]) -> dict[str, float]:
    """Possible saving of a job of `MEASURE` in each of *zones*. [%]"""
    found = {}
    for name, series in zones.items():
        values = History.of(series, end=series.end, step=_HOUR, span=_LONGEST).values
        found[name] = _row(_bridged(values), values, None, *MEASURE).oracle_savings_pct
    return found


def rank_of(made: Potential, references: Mapping[str, float]) -> int:
    """Place of the zone among *references*, 1 being the highest potential."""
    own = next(r.oracle_savings_pct for r in made.rows if (r.duration_h, r.slack_h) == MEASURE)
    return 1 + sum(1 for other in references.values() if other > own)


def _forecasts(series: Series, window: Interval) -> NDArray[np.float32] | None:
    """Row k is what was known before hour k about it and the hours after it, shape (n_hours, n_leads)."""
    made = roll(series, Interval(window.start - _HOUR, window.end), horizon=_LEADS * _HOUR, step=_HOUR)
    return None if made is None else made.values.astype(np.float32)


def _row(
    truth: NDArray[np.float64],
    known: NDArray[np.float64],
    forecasts: NDArray[np.float32] | None,
    hours: int,
    slack: int,
) -> PotentialRow:
    span = hours + slack
    first = np.arange(truth.size - span)
    holes = np.concatenate(([0], np.cumsum(np.isnan(known))))
    first = first[holes[first + span] == holes[first]]
    jobs = SlotJobs(first, np.full(first.size, hours), np.full(first.size, slack))
    prefix = prefix_sums(truth)
    now = float(window_cost(prefix, jobs.first, jobs).sum())
    oracle = float(window_cost(prefix, lowest_window_starts(prefix, jobs), jobs).sum())
    possible = 100.0 * (1.0 - oracle / now) if now > 0 else 0.0
    if forecasts is None:
        return PotentialRow(
            duration_h=hours, slack_h=slack, jobs=int(first.size), oracle_savings_pct=possible,
            planned_once_savings_pct=None, expected_savings_pct=None, pct_of_oracle_savings=None,
        )  # fmt: skip
    told = replan.Truth(truth, forecasts)
    once, again = replan.windows_once(told, jobs), replan.replanned_windows(told, jobs)
    return PotentialRow(
        duration_h=hours,
        slack_h=slack,
        jobs=int(first.size),
        oracle_savings_pct=possible,
        planned_once_savings_pct=100.0 * once.saving,
        expected_savings_pct=100.0 * again.saving,
        pct_of_oracle_savings=100.0 * again.share_of_oracle if possible > 0 else None,
    )


def _expected(row: PotentialRow) -> float:
    guess = _USUAL_SHARE * row.oracle_savings_pct
    return guess if row.expected_savings_pct is None else row.expected_savings_pct


def _verdict(expected_pct: float) -> Verdict:
    if expected_pct >= WORTH_PCT:
        return Verdict.WORTH_IT
    return Verdict.LONG_SLACK_ONLY if expected_pct >= SMALL_PCT else Verdict.DO_NOTHING


def _bridged(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Gaps filled so that sums run through; no job that touches one is counted."""
    known = np.flatnonzero(~np.isnan(values))
    return np.interp(np.arange(values.size), known, values[known])

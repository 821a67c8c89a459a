"""What history-only forecasts are worth to a scheduler: the realised share of a perfect forecast's saving."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal, NamedTuple

import numpy as np

from gridtide.domain.units import NS_PER_HOUR, NS_PER_SECOND
from gridtide.planning import deadline_rules
from gridtide.planning.deadline_rules import DeadlineRule
from gridtide.simulation import replan
from gridtide.simulation.backtest import SlotJobs, prefix_sums, window_cost
from gridtide.simulation.replan import Truth
from gridtide.simulation.reproduce.comparison import Row, Section
from gridtide.simulation.reproduce.lets_wait_awhile import generate_ml_jobs

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from gridtide.simulation.reproduce.forecasting import Zone

__all__ = ["notes", "recorded_section", "rows", "sections"]

_LENGTHS_H: Final = (1, 6, 24)
_SLACKS_H: Final = (4, 8, 24, 48, 72)
_LEADS: Final = 200
_ONCE: Final = "once at submit"
_AGAIN: Final = "replan every 1h"
_RULES: Final = (DeadlineRule.NEXT_WORKDAY, DeadlineRule.SEMI_WEEKLY)
_JOB: Final = ("deadline_rule", "duration_h", "slack_h", "interruptible", "planning")
_MEASURED: Final = ("savings_pct", "oracle_savings_pct", "pct_of_oracle_savings", "threshold_savings_pct")
_KEYS: Final = ("country", "deadline_rule", "interruptible", "planning")


class _Case(NamedTuple):
    rule: str
    duration_h: int | None
    slack_h: int | None
    jobs: SlotJobs


def rows(zone: Zone) -> list[Row]:
    """
    Plan the machine-learning jobs and jobs of 1, 6 and 24 h with 4 to 72 h slack through the zone's test hours.

    Arrivals are those of the machine-learning workload (workdays 9 to 17 h). Gaps in the year are bridged with straight
    lines first: a simulation of the past needs a value for every hour it pays for.
    """
    first, end = zone.test_hours
    hours = end - first
    forecasts = zone.rolled(zone.lifecycle, first, first + hours, _LEADS).astype(np.float32)
    values = _bridged(zone.lifecycle)
    truth = Truth(values[first : first + hours], forecasts)
    threshold = float(np.median(values[max(0, first - 24 * 365) : first]))
    found = []
    for case in _cases(zone, first, hours):
        for interruptible, once, again in (
            (False, replan.windows_once, replan.replanned_windows),
            (True, replan.slots_once, replan.replanned_slots),
        ):
            at_once, hourly = once(truth, case.jobs), again(truth, case.jobs)
            plain = _threshold_saving(truth.values, case.jobs, threshold)
            for planning, outcome in ((_ONCE, at_once), (_AGAIN, hourly)):
                row = _row(zone.name, case, outcome, plain)
                found.append(row | {"interruptible": interruptible, "planning": planning})
    return found


def sections(found: Sequence[Row]) -> list[Section]:
    """The table of `rows` for programs, and its means by kind of job and by zone for people."""
    title, columns = "Realised share of the oracle's saving, forecasts from history only [%]", _MEASURED
    by_job = _means(found, _JOB)
    by_zone = _means(found, ("country", "interruptible", "planning"))
    return [
        _section(title, (*_KEYS, "duration_h", "slack_h"), columns, found, only="json"),
        _section(f"{title}, mean over zones", _JOB, columns, by_job, only="text"),
        _section(f"{title}, mean over jobs", ("country", "interruptible", "planning"), columns, by_zone, only="text"),
    ]


def _section(
    title: str, keys: tuple[str, ...], also: tuple[str, ...], shown: Sequence[Row], *, only: Literal["text", "json"]
) -> Section:
    return Section(
        title=title, keys=keys, measures=(), also=also, rows=tuple(shown), recorded=(None,) * len(shown), only=only
    )


def _means(found: Sequence[Row], keys: tuple[str, ...]) -> list[Row]:
    """One row per value of *keys*; figures that do not exist (nothing to save) are left out of a mean."""
    groups: dict[tuple[object, ...], list[Row]] = {}
    for row in found:
        groups.setdefault(tuple(row[key] for key in keys), []).append(row)
    return [
        dict(zip(keys, values, strict=True)) | {name: _mean([row[name] for row in group]) for name in _MEASURED}
        for values, group in groups.items()
    ]


def _mean(values: Sequence[object]) -> float:
    known = [float(str(value)) for value in values]
    known = [value for value in known if np.isfinite(value)]
    return float(np.mean(known)) if known else float("nan")


def recorded_section(recorded: Sequence[Mapping[str, str]]) -> Section:
    """Recorded rows of the machine-learning jobs in 2020, other zones and methods, for orientation."""
    shown: list[Row] = [
        {
            **{key: row.get(key, "") for key in (*_KEYS, "forecast")},
            "savings_pct": float(row["savings_pct"]),
            "pct_of_oracle_savings": float(row["pct_of_oracle_savings"]),
            "source": "recorded",
        }
        for row in recorded
    ]
    return Section(
        title="Recorded for the machine-learning jobs of 2020 (other zones and methods), for orientation",
        keys=(*_KEYS, "forecast"),
        measures=(),
        also=("savings_pct", "pct_of_oracle_savings"),
        rows=tuple(shown),
        recorded=(None,) * len(shown),
    )


def notes(found: Sequence[Row]) -> list[str]:
    """Means over all zones and cases, and the worst zone."""
    by_plan = {p: _mean(_shares(found, planning=p)) for p in (_ONCE, _AGAIN)}
    by_mode = {m: _mean(_shares(found, planning=_AGAIN, interruptible=m)) for m in (False, True)}
    means = {z: _mean(_shares(found, planning=_AGAIN, country=z)) for z in {str(r["country"]) for r in found}}
    idle = sorted(zone for zone, mean in means.items() if not np.isfinite(mean))
    if len(idle) == len(means):
        return ["No zone has anything to save by waiting: every hour of the test is alike."]
    worst = min(means.keys() - set(idle), key=lambda z: means[z])
    counted = [row for row in found if row["planning"] == _AGAIN and row["country"] not in idle]
    plain, ours = ([float(str(row[name])) for row in counted] for name in ("threshold_savings_pct", "savings_pct"))
    share = f"{by_plan[_AGAIN]:.1f} % re-planned every hour, {by_plan[_ONCE]:.1f} % planned once"
    modes = f"{by_mode[True]:.1f} % for interruptible jobs, {by_mode[False]:.1f} % for others"
    worsts = f"worst case {min(ours):.2f} % and {min(plain):.2f} %"
    threshold = f"a plain threshold at the median of the year before {np.mean(plain):.2f} %"
    return [
        f"Realised share of the oracle's saving: {share} (mean over all zones and cases).",
        f"Re-planned: {modes}; lowest zone mean {worst} {means[worst]:.1f} %.",
        f"Mean saving re-planned {np.mean(ours):.2f} %, {threshold} ({worsts}).",
        *([f"Nothing to save by waiting in {', '.join(idle)}."] if idle else []),
    ]


def _cases(zone: Zone, first: int, hours: int) -> list[_Case]:
    arrival, length = _arrivals(zone, first, hours)
    cases = []
    begin_ns = (zone.start_s + first * 3600) * NS_PER_SECOND
    for rule in _RULES:
        finish = begin_ns + (arrival + length) * NS_PER_HOUR
        slack = (deadline_rules.deadlines(rule, finish) - finish) // NS_PER_HOUR
        cases.append(_Case(str(rule), None, None, _inside(arrival, length, slack, hours)))
    for duration in _LENGTHS_H:
        for slack_h in _SLACKS_H:
            jobs = _inside(arrival, np.full_like(arrival, duration), np.full_like(arrival, slack_h), hours)
            cases.append(_Case("fixed", duration, slack_h, jobs))
    return cases


def _arrivals(zone: Zone, first: int, hours: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Arrivals after *first* and lengths of the machine-learning jobs drawn for the years of the test. [h]"""
    arrivals, lengths = [], []
    for year in range(zone.year_of(first), zone.year_of(first + hours - 1) + 1):
        drawn = generate_ml_jobs(year)
        arrivals.append(drawn.arrival_min // 60 + zone.index_of(year) - first)
        lengths.append(-(-drawn.duration_min // 60))
    arrival, length = np.concatenate(arrivals), np.concatenate(lengths)
    inside = (arrival >= 0) & (arrival < hours)
    return arrival[inside], length[inside]


def _inside(arrival: NDArray[np.int64], length: NDArray[np.int64], slack: NDArray[np.int64], hours: int) -> SlotJobs:
    keep = (arrival + length + slack < hours) & (length + slack < _LEADS)
    return SlotJobs(arrival[keep], length[keep], slack[keep])


def _threshold_saving(values: NDArray[np.float64], jobs: SlotJobs, threshold: float) -> float:
    """Saving of starting at the first hour at or below *threshold*, at the latest start at last. [%]"""
    low = np.flatnonzero(values <= threshold)
    at = np.searchsorted(low, jobs.first)
    found = np.append(low, values.size)[at]
    starts = np.minimum(found, jobs.first + jobs.slack)
    prefix = prefix_sums(values)
    now = window_cost(prefix, jobs.first, jobs).sum()
    return float(100.0 * (1.0 - window_cost(prefix, starts, jobs).sum() / now)) if now > 0 else float("nan")


def _row(country: str, case: _Case, outcome: replan.Outcome, plain: float) -> Row:
    return {
        "country": country,
        "deadline_rule": case.rule,
        "forecast": "weekday_corrected",
        "duration_h": case.duration_h,
        "slack_h": case.slack_h,
        "savings_pct": 100.0 * outcome.saving,
        "oracle_savings_pct": 100.0 * outcome.best_saving,
        "pct_of_oracle_savings": 100.0 * outcome.share_of_oracle,
        "threshold_savings_pct": plain,
    }


def _shares(found: Sequence[Row], **where: object) -> list[float]:
    return [
        float(str(row["pct_of_oracle_savings"]))
        for row in found
        if all(row[key] == value for key, value in where.items())
    ]


def _bridged(values: NDArray[np.float64]) -> NDArray[np.float64]:
    known = np.flatnonzero(~np.isnan(values))
    return np.interp(np.arange(values.size), known, values[known]) if known.size < values.size else values

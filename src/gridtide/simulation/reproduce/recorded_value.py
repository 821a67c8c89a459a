"""
What forecasts were worth to the machine-learning jobs of 2020, beside the recorded rows of the same jobs.

Half-hourly zones and jobs are those of `lets_wait_awhile`, counted strictly. A plan made at submission sees the slots
before its arrival only; one made again in every slot of waiting sees that slot's live value too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from gridtide.domain.units import NS_PER_SECOND
from gridtide.forecasting import correction, methods
from gridtide.forecasting.history import History
from gridtide.planning import deadline_rules
from gridtide.planning.deadline_rules import DeadlineRule
from gridtide.simulation import replan
from gridtide.simulation.backtest import SlotJobs
from gridtide.simulation.replan import Outcome, Truth
from gridtide.simulation.reproduce import lets_wait_awhile_inputs as inputs
from gridtide.simulation.reproduce.comparison import Measure, Row, Section, match_rows

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from gridtide.simulation.reproduce.lets_wait_awhile_inputs import MlJobs, Zone

__all__ = ["rows", "sections"]

_SLOT_NS: Final = inputs.SLOT_S * NS_PER_SECOND
_LEAST_HISTORY: Final = 7 * 48
_MOST_HISTORY: Final = 60 * 48
_RULES: Final = (DeadlineRule.NEXT_WORKDAY, DeadlineRule.SEMI_WEEKLY)
_PLAIN: Final = "weekday_damped"
_METHODS: Final = ("daily_naive", "weekly_naive", "mean_day_week", "mean7d_same_hour", "damped_anomaly", _PLAIN)
_OURS: Final = "weekday_corrected"
_ORACLE: Final = "oracle"
_ONCE: Final = "once at submit"
_AGAIN: Final = "replan every 30min"
_PLANS: Final = (
    (_ONCE, False, replan.windows_once),
    (_ONCE, True, replan.slots_once),
    (_AGAIN, False, replan.replanned_windows),
    (_AGAIN, True, replan.replanned_slots),
)
_KEYS: Final = ("country", "deadline_rule", "interruptible", "forecast", "planning")
_MEASURES: Final = (
    Measure("savings_pct", "savings_pct", 0.1),
    Measure("pct_of_oracle_savings", "pct_of_oracle_savings", 1.0),
)


def rows(folder: Path) -> list[Row]:
    """One row per country of *folder*, rule, job and forecast; none where inputs or the week before are missing."""
    jobs = inputs.read_jobs(folder / "ml_jobs.csv")
    if jobs is None:
        return []
    zones = (inputs.read_zone(inputs.zone_name(path), path) for path in sorted(folder.glob("*_ci.csv*")))
    return [row for zone in zones if zone.before.size >= _LEAST_HISTORY for row in _zone_rows(zone, jobs)]


def sections(found: Sequence[Row], recorded: Sequence[Mapping[str, str]]) -> list[Section]:
    """The tables of `rows`, one per country and kind of job, beside the recorded ones."""
    tables = dict.fromkeys((str(row["country"]), bool(row["interruptible"])) for row in found)
    return [
        Section(
            title=f"Jobs of Let's Wait Awhile in {country} that {'may' if pausing else 'may not'} pause, planned on "
            "forecasts from history only [%]",
            told=("country", "interruptible"),
            keys=("deadline_rule", "forecast", "planning"),
            measures=_MEASURES,
            rows=(own := tuple(r for r in found if r["country"] == country and r["interruptible"] is pausing)),
            recorded=match_rows(own, recorded, _KEYS),
        )
        for country, pausing in tables
    ]


def _zone_rows(zone: Zone, given: MlJobs) -> Iterator[Row]:
    jobs, _ = inputs.jobs_of(zone, given)
    finish_ns = (zone.start_s + (jobs.arrival_min + jobs.duration_min) * 60) * NS_PER_SECOND
    by_rule = {}
    for rule in _RULES:
        slack = (deadline_rules.deadlines(rule, finish_ns) - finish_ns) // _SLOT_NS
        slots = SlotJobs(jobs.arrival_min // inputs.SLOT_MINUTES, jobs.duration_min // inputs.SLOT_MINUTES, slack)
        by_rule[rule] = slots.inside(zone.values.size)
    width = max(int((slots.length + slots.slack).max()) for slots in by_rule.values()) + 1
    arrivals = np.unique(jobs.arrival_min // inputs.SLOT_MINUTES)
    for name in (*_METHODS, _OURS):
        made = _rolled(zone, width) if name == _OURS else _forecasts(zone, name, arrivals, width)
        truth = Truth(zone.values, made)
        for rule, slots in by_rule.items():
            for planning, pausing, run in _PLANS:
                if planning == _AGAIN and name != _OURS:
                    continue
                outcome = run(truth, slots)
                if name == _METHODS[0]:
                    best = outcome._replace(realised=outcome.oracle)
                    yield _row(zone.country, rule, _ORACLE, planning, best) | {"interruptible": pausing}
                yield _row(zone.country, rule, name, planning, outcome) | {"interruptible": pausing}


def _forecasts(zone: Zone, name: str, slots: NDArray[np.int64], width: int) -> NDArray[np.float64]:
    """What was forecast before each of *slots*, shape (n_slots, width); zeros elsewhere."""
    made, run = np.zeros((zone.values.size, width)), methods.method_named(name)
    known, before = np.concatenate([zone.before, zone.values]), zone.before.size
    for slot in slots.tolist():
        past = known[max(0, before + slot - _MOST_HISTORY) : before + slot]
        made[slot] = run(History(past, zone.start_s * NS_PER_SECOND + slot * _SLOT_NS, _SLOT_NS), width)
    return made


def _rolled(zone: Zone, width: int) -> NDArray[np.float64]:
    """The learned method before every slot; the plain one while too little is known to learn from."""
    late = min(max(0, correction.LEAST_DAYS * 48 - zone.before.size), zone.values.size)
    made = _forecasts(zone, _PLAIN, np.arange(late), width)
    end_ns = zone.start_s * NS_PER_SECOND + zone.values.size * _SLOT_NS
    known = History(np.concatenate([zone.before, zone.values]), end_ns, _SLOT_NS)
    if late < zone.values.size:
        made[late:] = correction.rolling_forecasts(known, count=zone.values.size - late, steps=width)
    return made


def _row(country: str, rule: DeadlineRule, forecast: str, planning: str, outcome: Outcome) -> Row:
    return {
        "country": country,
        "deadline_rule": str(rule),
        "forecast": forecast,
        "planning": planning,
        "savings_pct": 100.0 * outcome.saving,
        "pct_of_oracle_savings": 100.0 * outcome.share_of_oracle,
    }

"""
Let's Wait Awhile: how much carbon nightly jobs and machine-learning jobs save when they wait.

Two ways of counting stand side by side. The *peer* columns follow the published simulator to the printed digit: its
forecast slice holds both ends, so every job sees one slot more than its deadline allows and the baseline picks the
better of two starts; a nightly job whose window begins before the first slot is dropped but still counted in the
mean; equal values may add slots to an interrupted run. The *strict* columns keep every deadline and compare with
the true start on arrival.

References:
    Wiesner et al. (2021), Middleware '21, doi:10.1145/3464298.3493399.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from gridtide.domain.units import NS_PER_SECOND
from gridtide.planning import deadline_rules
from gridtide.planning.deadline_rules import DeadlineRule
from gridtide.simulation import backtest
from gridtide.simulation.backtest import SlotJobs
from gridtide.simulation.reproduce import lets_wait_awhile_inputs as inputs
from gridtide.simulation.reproduce.comparison import (
    Measure,
    Report,
    Row,
    Section,
    match_rows,
    with_recorded,
)
from gridtide.simulation.reproduce.lets_wait_awhile_inputs import (
    NIGHTLY_SLOTS,
    SLOT_MINUTES,
    SLOT_S,
    MlJobs,
    Zone,
    generate_ml_jobs,
)
from gridtide.simulation.reproduce.progress import silent
from gridtide.simulation.tables import recorded_rows

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from gridtide.simulation.reproduce.progress import Progress


__all__ = ["MlJobs", "generate_ml_jobs", "reproduce"]

_GRAMS_PER_VALUE_AT_1_W: Final = SLOT_MINUTES / 60 / 1000
_PAPER_JOB_W: Final = 2036.6
_ERRORS: Final = (0.0, 0.05, 0.1)
_SEEDS: Final = range(10)
_RULES: Final = (DeadlineRule.NEXT_WORKDAY, DeadlineRule.SEMI_WEEKLY)

_NIGHTLY_WINDOWS: Final = 17
_NIGHTLY_ERROR: Final = 0.05

_ML_KEYS: Final = ("country", "deadline_rule", "interruptible", "forecast_error")
_ML_MEASURES: Final = (
    Measure("emissions_g_at_1W", "emissions_g_at_1W", 1e-4, relative=True),
    Measure("savings_pct", "savings_pct", 0.01),
    Measure("strict_savings_pct", "strict_savings_pct", 0.01),
    Measure("savings_pct", "published_savings_pct", 0.01),
)
_NIGHTLY_KEYS: Final = ("country", "window_steps_30min")
_NIGHTLY_MEASURES: Final = (
    Measure("avg_ci_g_per_kwh", "avg_ci_g_per_kwh", 1e-4, relative=True),
    Measure("savings_pct", "savings_pct", 0.01),
    Measure("strict_savings_pct", "strict_savings_pct", 0.01),
    Measure("savings_pct_err5", "savings_pct_err5", 0.01),
    Measure("savings_pct_err5", "published_savings_pct_err5", 0.01),
)


def reproduce(data: Path, zone_files: Sequence[Path] = (), *, progress: Progress = silent) -> Report:
    """
    Compute both scenarios for every ``*_ci.csv`` of the paper's folder and for *zone_files*.

    Raises:
        InvalidInput: No country is given.
        MalformedFile: A file has gaps, unknown columns or jobs that cannot be.
    """
    folder = data / "data" / inputs.FOLDER
    files = inputs.country_files(folder, zone_files)
    given, notes = (
        inputs.read_jobs(folder / "ml_jobs.csv"),
        ["Strict columns keep every deadline and compare with a start on arrival."],
    )
    ml, nightly = list[Row](), list[Row]()
    for done, (country, path) in enumerate(files.items()):
        progress(done, len(files), country)
        zone = inputs.read_zone(country, path)
        jobs, left_out = inputs.jobs_of(zone, given)
        ml += ml_rows(zone, jobs)
        nightly += nightly_rows(zone)
        notes += [*left_out, *inputs.missing_nights(zone)]
    tables = data / inputs.FOLDER
    ml_recorded = [*recorded_rows(tables / "published_ml_fig.csv"), *recorded_rows(tables / "ml.csv")]
    nightly_recorded = [
        *_published_nightly(tables / "published_nightly_fig_err5.csv"),
        *recorded_rows(tables / "nightly.csv"),
    ]
    ml = with_recorded(ml, ml_recorded, _ML_KEYS, ("published_savings_pct",))
    nightly = with_recorded(
        nightly, nightly_recorded, _NIGHTLY_KEYS, ("published_avg_ci_err5", "published_savings_pct_err5")
    )
    return Report(
        paper=inputs.FOLDER,
        title="Let's Wait Awhile (Wiesner et al. 2021), recorded and published values in brackets",
        sections=(
            Section(
                title="Machine-learning jobs, 1 W each",
                keys=_ML_KEYS,
                measures=_ML_MEASURES,
                rows=tuple(ml),
                recorded=match_rows(ml, ml_recorded, _ML_KEYS),
            ),
            Section(
                title="Nightly jobs at 01:00, moved by up to the window either way",
                keys=_NIGHTLY_KEYS,
                measures=_NIGHTLY_MEASURES,
                rows=tuple(nightly),
                recorded=match_rows(nightly, nightly_recorded, _NIGHTLY_KEYS),
            ),
        ),
        notes=tuple(notes),
    )


def ml_rows(zone: Zone, jobs: MlJobs) -> Iterator[Row]:
    """The 13 configurations of one country, baseline first."""
    first, length = jobs.arrival_min // SLOT_MINUTES, jobs.duration_min // SLOT_MINUTES
    finish_ns = (zone.start_s + (jobs.arrival_min + jobs.duration_min) * 60) * NS_PER_SECOND
    job_hours = float(jobs.duration_min.sum() / 60)
    baseline: dict[bool, float] = {}
    cases = [(DeadlineRule.NONE, False, 0.0)]
    cases += [(rule, pause, error) for pause in (False, True) for error in _ERRORS for rule in _RULES]
    for rule, pause, error in cases:
        slack = (deadline_rules.deadlines(rule, finish_ns) - finish_ns) // (SLOT_S * NS_PER_SECOND)
        grams = {
            strict: _mean_grams(zone, SlotJobs(first, length, slack), pause=pause, error=error, strict=strict)
            for strict in (False, True)
        }
        baseline = baseline or grams
        yield {
            "scenario": "ml",
            "country": zone.country,
            "deadline_rule": "baseline" if rule is DeadlineRule.NONE else str(rule),
            "interruptible": pause,
            "forecast_error": error,
            "emissions_g_at_1W": grams[False],
            "job_hours": job_hours,
            "savings_pct": _savings_pct(grams[False], baseline[False]),
            "avg_ci_g_per_kwh": 1000.0 * grams[False] / job_hours,
            "emissions_t_at_2036.6W": grams[False] * _PAPER_JOB_W / 1e6,
            "strict_emissions_g_at_1W": grams[True],
            "strict_savings_pct": _savings_pct(grams[True], baseline[True]),
        }


def nightly_rows(zone: Zone) -> Iterator[Row]:
    """The 17 windows of one country, from none to eight hours either way."""
    baseline: tuple[float, ...] = ()
    for window in range(_NIGHTLY_WINDOWS):
        exact = _nightly_mean(zone, window, 0.0, strict=False)
        noisy = _nightly_mean(zone, window, _NIGHTLY_ERROR, strict=False)
        strict = _nightly_mean(zone, window, 0.0, strict=True)
        baseline = baseline or (exact, noisy, strict)
        yield {
            "scenario": "nightly",
            "country": zone.country,
            "window_steps_30min": window,
            "window_pm_hours": window * SLOT_MINUTES / 60,
            "avg_ci_g_per_kwh": exact,
            "savings_pct": _savings_pct(exact, baseline[0]),
            "avg_ci_err5": noisy,
            "savings_pct_err5": _savings_pct(noisy, baseline[1]),
            "strict_avg_ci": strict,
            "strict_savings_pct": _savings_pct(strict, baseline[2]),
        }


def _mean_grams(zone: Zone, jobs: SlotJobs, *, pause: bool, error: float, strict: bool) -> float:
    if not strict:
        jobs = jobs._replace(slack=jobs.slack + 1)
    jobs = jobs.inside(zone.values.size)
    prefix = backtest.prefix_sums(zone.values)
    totals = []
    for seed in _SEEDS if error else range(1):
        believed = zone.believed(error, seed)
        if pause:
            cost = backtest.lowest_slots_cost(believed, zone.values, jobs, every_tie=not strict)
        else:
            starts = backtest.lowest_window_starts(backtest.prefix_sums(believed), jobs)
            cost = backtest.window_cost(prefix, starts, jobs)
        totals.append(cost.sum())
    return float(np.mean(totals)) * _GRAMS_PER_VALUE_AT_1_W


def _nightly_mean(zone: Zone, window: int, error: float, *, strict: bool) -> float:
    planned = NIGHTLY_SLOTS[zone.values.size > NIGHTLY_SLOTS]
    nights = planned.size if strict else len(NIGHTLY_SLOTS)
    first = planned - window
    if strict:
        first = np.maximum(first, 0)
    else:
        planned, first = planned[first >= 0], first[first >= 0]
    jobs = SlotJobs(first, np.ones_like(first), planned + window - first).inside(zone.values.size)
    means = [
        zone.values[backtest.lowest_window_starts(backtest.prefix_sums(zone.believed(error, seed)), jobs)].sum()
        for seed in (_SEEDS if error else range(1))
    ]
    return float(np.mean(means)) / nights


def _savings_pct(value: float, baseline: float) -> float:
    return 100.0 * (1.0 - value / baseline) if baseline else 0.0


def _published_nightly(path: Path) -> Iterator[Mapping[str, str]]:
    """One row per country and window from the figure's table, which has two columns per country."""
    for line in recorded_rows(path):
        for name, cell in line.items():
            country, _, suffix = name.rpartition("_")
            if suffix == "sav" and "window_steps_30min" in line:
                yield {
                    "country": country,
                    "window_steps_30min": line["window_steps_30min"],
                    "published_avg_ci_err5": line.get(f"{country}_ci", ""),
                    "published_savings_pct_err5": cell,
                }

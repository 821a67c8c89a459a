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

from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from gridtide.domain.errors import InvalidInput, MalformedFile
from gridtide.domain.units import NS_PER_SECOND
from gridtide.planning import deadline_rules
from gridtide.planning.deadline_rules import DeadlineRule
from gridtide.simulation import backtest
from gridtide.simulation.backtest import SlotJobs
from gridtide.simulation.reproduce.comparison import Measure, Report, Row, Section, match_rows
from gridtide.simulation.tables import Table, read_table, recorded_rows

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

__all__ = ["MlJobs", "generate_ml_jobs", "reproduce"]

_FOLDER: Final = "lets-wait-awhile"
_SLOT_MINUTES: Final = 30
_SLOT_S: Final = 60 * _SLOT_MINUTES
_DAY_SLOTS: Final = 48
_DAY_S: Final = 86_400
_GRAMS_PER_VALUE_AT_1_W: Final = _SLOT_MINUTES / 60 / 1000
_PAPER_JOB_W: Final = 2036.6
_ERRORS: Final = (0.0, 0.05, 0.1)
_SEEDS: Final = range(10)
_RULES: Final = (DeadlineRule.NEXT_WORKDAY, DeadlineRule.SEMI_WEEKLY)

_NIGHTLY_JOBS: Final = 365
_NIGHTLY_SLOT: Final = 2
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


class _Zone(NamedTuple):
    """Half-hourly carbon intensity of one country from the first 1 January in its file."""

    country: str
    start_s: int
    values: NDArray[np.float64]

    def believed(self, error: float, seed: int) -> NDArray[np.float64]:
        """What a forecast with white noise of *error* times the mean shows."""
        if not error:
            return self.values
        noise = np.random.default_rng(seed).normal(0.0, error * self.values.mean(), self.values.size)
        return self.values + noise


class MlJobs(NamedTuple):
    """Arrivals after the start of the year and durations, shape (n_jobs,). [min]"""

    arrival_min: NDArray[np.int64]
    duration_min: NDArray[np.int64]


def generate_ml_jobs(year: int, *, n_jobs: int = 3387, seed: int = 0) -> MlJobs:
    """
    Draw the paper's machine-learning jobs.

    Jobs fall on the workdays of *year* with equal chance and start at a half hour from 09:00 to before 17:00; they
    run at least 4 h and less than 90 h, in half hours.
    """
    first_day = (np.datetime64(f"{year}-01-01") - np.datetime64("1970-01-01")).astype(np.int64)
    n_days = int((np.datetime64(f"{year + 1}-01-01") - np.datetime64(f"{year}-01-01")).astype(np.int64))
    weekday = (first_day + np.arange(n_days) + 3) % 7
    workdays = np.flatnonzero(weekday < 5)
    rng = np.random.default_rng(seed)
    per_day = rng.multinomial(n_jobs, [1 / workdays.size] * workdays.size)
    starts = np.arange(9 * 60, 17 * 60, _SLOT_MINUTES)
    arrivals = [
        day * 1440 + np.sort(rng.choice(starts, size=count)) for day, count in zip(workdays, per_day, strict=True)
    ]
    return MlJobs(np.concatenate(arrivals), rng.choice(np.arange(4 * 60, 90 * 60, _SLOT_MINUTES), size=n_jobs))


def reproduce(data: Path, zone_files: Sequence[Path] = ()) -> Report:
    """
    Compute both scenarios for every ``*_ci.csv`` of the paper's folder and for *zone_files*.

    Raises:
        InvalidInput: No country is given.
        MalformedFile: A file has gaps, unknown columns or jobs that cannot be.
    """
    inputs = data / "data" / _FOLDER
    files = {_country(path): path for path in sorted(inputs.glob("*_ci.csv"))}
    files.update({_country(path): path for path in zone_files})
    if not files:
        raise InvalidInput(f"no *_ci.csv in {inputs}", hint="name a zone with --zone-file", field="data")
    zones = [_read_zone(country, path) for country, path in files.items()]
    ml = [row for zone in zones for row in ml_rows(zone, _jobs_of(inputs / "ml_jobs.csv", zone))]
    nightly = [row for zone in zones for row in nightly_rows(zone)]
    tables = data / _FOLDER
    ml_recorded = [*recorded_rows(tables / "published_ml_fig.csv"), *recorded_rows(tables / "ml.csv")]
    nightly_recorded = [
        *_published_nightly(tables / "published_nightly_fig_err5.csv"),
        *recorded_rows(tables / "nightly.csv"),
    ]
    return Report(
        paper=_FOLDER,
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
        notes=("Strict columns keep every deadline and compare with a start on arrival.",),
    )


def ml_rows(zone: _Zone, jobs: MlJobs) -> Iterator[Row]:
    """The 13 configurations of one country, baseline first."""
    first, length = jobs.arrival_min // _SLOT_MINUTES, jobs.duration_min // _SLOT_MINUTES
    finish_ns = (zone.start_s + (jobs.arrival_min + jobs.duration_min) * 60) * NS_PER_SECOND
    job_hours = float(jobs.duration_min.sum() / 60)
    baseline: dict[bool, float] = {}
    cases = [(DeadlineRule.NONE, False, 0.0)]
    cases += [(rule, pause, error) for pause in (False, True) for error in _ERRORS for rule in _RULES]
    for rule, pause, error in cases:
        slack = (deadline_rules.deadlines(rule, finish_ns) - finish_ns) // (_SLOT_S * NS_PER_SECOND)
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


def nightly_rows(zone: _Zone) -> Iterator[Row]:
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
            "window_pm_hours": window * _SLOT_MINUTES / 60,
            "avg_ci_g_per_kwh": exact,
            "savings_pct": _savings_pct(exact, baseline[0]),
            "avg_ci_err5": noisy,
            "savings_pct_err5": _savings_pct(noisy, baseline[1]),
            "strict_avg_ci": strict,
            "strict_savings_pct": _savings_pct(strict, baseline[2]),
        }


def _mean_grams(zone: _Zone, jobs: SlotJobs, *, pause: bool, error: float, strict: bool) -> float:
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


def _nightly_mean(zone: _Zone, window: int, error: float, *, strict: bool) -> float:
    planned = _NIGHTLY_SLOT + _DAY_SLOTS * np.arange(_NIGHTLY_JOBS)
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
    return float(np.mean(means)) / _NIGHTLY_JOBS


def _savings_pct(value: float, baseline: float) -> float:
    return 100.0 * (1.0 - value / baseline) if baseline else 0.0


def _country(path: Path) -> str:
    return path.name.partition("_ci")[0]


def _read_zone(country: str, path: Path) -> _Zone:
    table = read_table(path, required=("Time", "Carbon Intensity"))
    seconds = table.wall_clock_seconds("Time")
    values = table.numbers("Carbon Intensity")
    if (values < 0).any():
        raise table.bad_cell(int(np.argmax(values < 0)), "Carbon Intensity", "zero or more")
    keep = seconds % _SLOT_S == 0
    seconds, values = seconds[keep], values[keep]
    years = (seconds * np.timedelta64(1, "s") + np.datetime64("1970-01-01")).astype("datetime64[Y]")
    new_year = np.flatnonzero(years.astype("datetime64[s]").astype(np.int64) == seconds)
    if not new_year.size:
        raise MalformedFile(f"{path.name} holds no 1 January 00:00 to start from", path=path.name, column="Time")
    begin = int(new_year[0])
    holes = np.flatnonzero(np.diff(seconds[begin:]) != _SLOT_S)
    if holes.size:
        hole = np.datetime64(int(seconds[begin + holes[0]]), "s")
        raise MalformedFile(
            f"{path.name} has a gap after {hole}", hint="every half hour needs a row", path=path.name, column="Time"
        )
    return _Zone(country, int(seconds[begin]), values[begin:])


def _jobs_of(path: Path, zone: _Zone) -> MlJobs:
    """The jobs of the file where they fall on workdays of the zone's year, else those the rule gives for that year."""
    if path.is_file():
        table = read_table(path, required=("arrival_min", "duration_min"))
        jobs = MlJobs(table.counts("arrival_min"), table.counts("duration_min", least=1))
        _check_jobs(table, jobs)
        weekday = ((zone.start_s + jobs.arrival_min * 60) // _DAY_S + 3) % 7
        if (weekday < 5).all():
            return jobs
    return generate_ml_jobs(int(str(np.datetime64(zone.start_s, "s"))[:4]))


def _check_jobs(table: Table, jobs: MlJobs) -> None:
    for column, minutes in zip(("arrival_min", "duration_min"), jobs, strict=True):
        off_grid = np.flatnonzero(minutes % _SLOT_MINUTES)
        if off_grid.size:
            raise table.bad_cell(int(off_grid[0]), column, f"a multiple of {_SLOT_MINUTES} min")


def _published_nightly(path: Path) -> Iterator[Mapping[str, str]]:
    """One row per country and window from the figure's table, which has one column per country."""
    for line in recorded_rows(path):
        for name, cell in line.items():
            country, _, suffix = name.rpartition("_")
            if suffix == "sav":
                yield {
                    "country": country,
                    "window_steps_30min": line["window_steps_30min"],
                    "published_savings_pct_err5": cell,
                }

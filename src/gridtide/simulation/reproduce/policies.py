"""
All policies on one footing: what each saves on the machine-learning jobs of Let's Wait Awhile, strictly counted.

Every policy meets the same jobs, keeps every deadline and is compared with a start on arrival. Three tables: every
policy under two rules for deadlines, what is saved against the longest delay, and the same on a forecast from history.

References:
    Wiesner et al. (2021), Middleware '21, doi:10.1145/3464298.3493399, for the jobs and the deadlines.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from gridtide.simulation.reproduce import lets_wait_awhile_inputs as inputs
from gridtide.simulation.reproduce import policies_catalogue as catalogue
from gridtide.simulation.reproduce import policies_slack as slack
from gridtide.simulation.reproduce.comparison import Measure, Report, Row, Section, match_rows
from gridtide.simulation.reproduce.policies_track import WEEK, Track
from gridtide.simulation.reproduce.progress import silent
from gridtide.simulation.tables import recorded_rows

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from gridtide.simulation.reproduce.progress import Progress

__all__ = ["reproduce"]

_POLICY_KEYS: Final = ("country", "deadline_rule", "policy")
_POLICY_MEASURES: Final = (
    Measure("savings_pct", "savings_pct", 1e-4),
    Measure("emissions_g_at_1W", "emissions_g_at_1W", 1e-6, relative=True),
    Measure("mean_start_delay_h", "mean_start_delay_h", 1e-4),
    Measure("mean_finish_delay_h", "mean_finish_delay_h", 1e-4),
    Measure("mean_suspensions_per_job", "mean_suspensions_per_job", 1e-4),
)
_SLACK_KEYS: Final = ("country", "duration", "max_delay_h")
_UNPLANNED: Final = ("static_threshold_250_fr60", "percentile25_start", "suspend_median_7d")
_PLANNED: Final = ("lowest_window_damped_fc_live", "same_replanned_hourly")
_SLACK_COLUMNS: Final = ("lowest_window_oracle", "k_lowest_oracle", *_UNPLANNED, slack.OWN_COLUMN)
_FORECAST_COLUMNS: Final = ("lowest_window_oracle", *_PLANNED)
_PARTS: Final = len(catalogue.RULES) + len(slack.DURATIONS)
_ROUNDING: Final = 1e-9


def reproduce(data: Path, zone_files: Sequence[Path] = (), *, progress: Progress = silent) -> Report:
    """
    Compute the three tables for every ``*_ci.csv`` of the paper's folder and for *zone_files*.

    Raises:
        InvalidInput: No country is given.
        MalformedFile: A file has gaps, unknown columns or jobs that cannot be.
    """
    folder = data / "data" / inputs.FOLDER
    files = inputs.country_files(folder, zone_files)
    given = inputs.read_jobs(folder / "ml_jobs.csv")
    policies, curve, forecast, notes = list[Row](), list[Row](), list[Row](), list[str]()
    for index, (country, path) in enumerate(files.items()):
        tell = _within(progress, country, index, len(files))
        tell(0, "reading")
        zone = inputs.read_zone(country, path)
        jobs, left_out = inputs.jobs_of(zone, given)
        track = Track.of(zone, jobs)
        notes += [*left_out, *_history_notes(track)]
        for part, rule in enumerate(catalogue.RULES):
            tell(part, rule)
            policies += catalogue.rows(track, rule)
        for part, duration in enumerate(slack.DURATIONS, start=len(catalogue.RULES)):
            tell(part, f"jobs of {duration}")
            curve += slack.rows(track, duration)
            if duration in slack.FORECAST_DURATIONS:
                forecast += slack.forecast_rows(track, duration)
    tables = data / inputs.FOLDER
    return Report(
        paper="policies",
        title="All policies on the machine-learning jobs of Let's Wait Awhile (Wiesner et al. 2021), strictly counted "
        "against a start on arrival, recorded values in brackets",
        sections=(
            *_sections(
                policies,
                tables / "policy_catalogue_strict.csv",
                _POLICY_KEYS,
                _POLICY_MEASURES,
                "{}, results needed by {}, 1 W per job",
            ),
            *_slack_sections(curve, tables / "slack_curve.csv", _SLACK_COLUMNS, "with a true forecast or none"),
            *_slack_sections(
                forecast, tables / "slack_curve_history_forecast.csv", _FORECAST_COLUMNS, "on a forecast from history"
            ),
        ),
        notes=(*notes, *_reading(curve, forecast)),
    )


def _within(progress: Progress, country: str, index: int, countries: int) -> Callable[[int, str], None]:
    """Progress of the parts of one country."""
    return lambda part, word: progress(index * _PARTS + part, countries * _PARTS, f"{country} {word}")


def _sections(
    found: Sequence[Row], path: Path, keys: tuple[str, str, str], measures: tuple[Measure, ...], title: str
) -> Iterator[Section]:
    """One table for each value of the first two *keys*, which fill *title*."""
    recorded = recorded_rows(path)
    for told in dict.fromkeys((row[keys[0]], row[keys[1]]) for row in found):
        own = tuple(row for row in found if (row[keys[0]], row[keys[1]]) == told)
        yield Section(
            title=title.format(*told),
            told=keys[:2],
            keys=keys[2:],
            measures=measures,
            rows=own,
            recorded=match_rows(own, recorded, keys),
        )


def _slack_sections(found: Sequence[Row], path: Path, columns: Sequence[str], what: str) -> Iterator[Section]:
    title = f"{{}}, jobs of {{}}: savings against the longest delay, {what} [%]"
    return _sections(found, path, _SLACK_KEYS, tuple(Measure(name, name, 1e-4) for name in columns), title)


def _history_notes(track: Track) -> Iterator[str]:
    """What the zone's fixed thresholds are, and which jobs have too little past."""
    own = "no own median, as less than a week is known before the year"
    if not np.isnan(track.own_limit):
        own = f"own median {track.own_limit:.1f}, of the {track.own_days:g} days before the year"
    limits = f"{catalogue.fixed_limit(track.country):g} and {slack.fixed_limit(track.country):g}"
    yield f"{track.country}: fixed thresholds {limits} gCO2eq/kWh as the recorded names say; {own}."
    early = int(np.sum(track.jobs.first < WEEK))
    if early:
        yield (
            f"{track.country}: {early} of {track.jobs.first.size} jobs arrive with less than a week known before them; "
            "policies on a forecast run these on arrival."
        )


def _reading(curve: Sequence[Row], forecast: Sequence[Row]) -> Iterator[str]:
    """How the tables were counted, and where a policy did worse than no policy."""
    yield (
        "History forecast of the first table: damped_anomaly on half hours, made at arrival from the seven days before."
    )
    yield (
        "That of the delay table sees the present value too (live); re-planned, it is made again at the planned start "
        "or an hour later, whichever comes first."
    )
    for rows, columns, who in (
        (curve, (*_UNPLANNED, slack.OWN_COLUMN), "Without a forecast"),
        (forecast, _PLANNED, "On the live forecast"),
    ):
        cells = [(float(str(row[name])), name, row) for row in rows for name in columns]
        cells = [cell for cell in cells if np.isfinite(cell[0])]
        worse = [cell for cell in cells if cell[0] < -_ROUNDING]
        if cells and not worse:
            yield f"{who} none of {len(cells)} cases emits more than a start on arrival."
        if worse:
            value, name, row = min(worse, key=lambda cell: cell[0])
            yield (
                f"{who} {len(worse)} of {len(cells)} cases emit more than a start on arrival, at worst {name} of "
                f"{row['country']} jobs of {row['duration']} that may wait {row['max_delay_h']:g} h: {value:.2f} %."
            )

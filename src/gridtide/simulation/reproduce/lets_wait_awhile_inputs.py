"""Let's Wait Awhile: half-hourly zones and machine-learning jobs, read or drawn by the paper's rule."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from gridtide.domain.errors import InvalidInput, MalformedFile
from gridtide.simulation.reproduce.comparison import named_files
from gridtide.simulation.tables import read_table

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

__all__ = [
    "FOLDER",
    "NIGHTLY_SLOTS",
    "SLOT_MINUTES",
    "SLOT_S",
    "MlJobs",
    "Zone",
    "country_files",
    "generate_ml_jobs",
    "jobs_of",
    "missing_nights",
    "read_jobs",
    "read_zone",
    "zone_name",
]

FOLDER: Final = "lets-wait-awhile"
"""Of the paper's tables, and under ``data`` of its inputs."""

SLOT_MINUTES: Final = 30
SLOT_S: Final = 60 * SLOT_MINUTES
NIGHTLY_SLOTS: Final = 2 + 48 * np.arange(365)
"""Slots at 01:00 of the year's first 365 days."""

_DAY_S: Final = 86_400
_PAPER_YEAR: Final = "2020"


class Zone(NamedTuple):
    """
    Half-hourly carbon intensity of one country.

    Attributes:
        country: Its name.
        start_s: The paper's 1 January, or the first one in its file, seconds since 1970.
        values: From then on, shape (n_slots,). [gCO2eq/kWh]
        before: What the file holds without a gap before that, shape (n_before,). [gCO2eq/kWh]
    """

    country: str
    start_s: int
    values: NDArray[np.float64]
    before: NDArray[np.float64]

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
    starts = np.arange(9 * 60, 17 * 60, SLOT_MINUTES)
    arrivals = [
        day * 1440 + np.sort(rng.choice(starts, size=count)) for day, count in zip(workdays, per_day, strict=True)
    ]
    return MlJobs(np.concatenate(arrivals), rng.choice(np.arange(4 * 60, 90 * 60, SLOT_MINUTES), size=n_jobs))


def zone_name(path: Path) -> str:
    """Country of a file such as ``gb_ci.csv``."""
    return path.name.partition(".")[0].removesuffix("_ci")


def country_files(folder: Path, zone_files: Sequence[Path]) -> dict[str, Path]:
    """
    Every ``*_ci.csv`` of *folder* and *zone_files*, by country.

    Raises:
        InvalidInput: There is none, or two of *zone_files* have one name.
    """
    files = named_files(sorted(folder.glob("*_ci.csv*")), zone_files, zone_name)
    if not files:
        raise InvalidInput(f"no *_ci.csv in {folder}", hint="name a zone with --zone-file", field="data")
    return files


def read_zone(country: str, path: Path) -> Zone:
    """Read ``Time,Carbon Intensity``, rows in any order; `MalformedFile` on gaps and on times that occur twice."""
    table = read_table(path, required=("Time", "Carbon Intensity"))
    seconds = table.wall_clock_seconds("Time", any_order=True)
    values = table.numbers("Carbon Intensity")
    if (values < 0).any():
        raise table.bad_cell(int(np.argmax(values < 0)), "Carbon Intensity", "zero or more")
    rows = np.argsort(seconds)
    rows = rows[seconds[rows] % SLOT_S == 0]
    begin = _new_year(seconds[rows])
    if begin is None:
        raise MalformedFile(f"{path.name} holds no 1 January 00:00 to start from", path=path.name, column="Time")
    past, rows = rows[:begin], rows[begin:]
    broken = np.flatnonzero(np.diff(np.append(seconds[past], seconds[rows[0]])) != SLOT_S)
    past = past[int(broken[-1]) + 1 :] if broken.size else past
    holes = np.flatnonzero(np.diff(seconds[rows]) != SLOT_S)
    if holes.size:
        hole = int(rows[holes[0]])
        line = table.line(hole)
        raise MalformedFile(
            f"{path.name}:{line} has a gap after {np.datetime64(int(seconds[hole]), 's')}",
            hint="every half hour needs a row",
            path=path.name,
            line=line,
            column="Time",
        )
    zone = Zone(country, int(seconds[rows[0]]), values[rows], values[past])
    if zone.values.size <= NIGHTLY_SLOTS[0]:
        raise MalformedFile(f"{path.name} ends before the first night's 01:00", path=path.name, column="Time")
    return zone


def _new_year(seconds: NDArray[np.int64]) -> int | None:
    """Where the paper's year begins, else the first year."""
    years = seconds.astype("datetime64[s]").astype("datetime64[Y]")
    found = np.flatnonzero(years.astype("datetime64[s]").astype(np.int64) == seconds)
    papers = found[years[found] == np.datetime64(_PAPER_YEAR)]
    return int(papers[0]) if papers.size else int(found[0]) if found.size else None


def read_jobs(path: Path) -> MlJobs | None:
    """Read ``arrival_min,duration_min``; None without such a file, `MalformedFile` on no job or one off the grid."""
    if not path.is_file():
        return None
    table = read_table(path, required=("arrival_min", "duration_min"))
    if not len(table):
        raise MalformedFile(f"{path.name} holds no job", hint="remove it to draw the paper's", path=path.name)
    jobs = MlJobs(table.counts("arrival_min"), table.counts("duration_min", least=1))
    for column, minutes in zip(("arrival_min", "duration_min"), jobs, strict=True):
        off_grid = np.flatnonzero(minutes % SLOT_MINUTES)
        if off_grid.size:
            raise table.bad_cell(int(off_grid[0]), column, f"a multiple of {SLOT_MINUTES} min")
    return jobs


def jobs_of(zone: Zone, given: MlJobs | None) -> tuple[MlJobs, list[str]]:
    """The file's jobs, or those the rule gives for the zone's year, as far as the series covers them; and notes."""
    jobs = given or generate_ml_jobs(int(str(np.datetime64(zone.start_s, "s"))[:4]))
    covered = (jobs.arrival_min + jobs.duration_min) // SLOT_MINUTES <= zone.values.size
    if not covered.any():
        raise InvalidInput(f"{zone.country}: no job ends before its {zone.values.size} half hours do", field="data")
    notes = []
    if not covered.all():
        notes.append(
            f"{zone.country}: {np.sum(~covered)} of {covered.size} jobs end after its last half hour, left out."
        )
    weekday = ((zone.start_s + jobs.arrival_min * 60) // _DAY_S + 3) % 7
    if given and (weekday > 4).any():
        notes.append(
            f"{zone.country}: {np.sum(weekday > 4)} of {weekday.size} jobs of ml_jobs.csv arrive at a weekend there."
        )
    return MlJobs(jobs.arrival_min[covered], jobs.duration_min[covered]), notes


def missing_nights(zone: Zone) -> list[str]:
    """A note where the series holds less than a year of nights."""
    nights = int(np.sum(zone.values.size > NIGHTLY_SLOTS))
    if nights == NIGHTLY_SLOTS.size:
        return []
    return [f"{zone.country}: {nights} nights; the peer's mean divides by {NIGHTLY_SLOTS.size}, strict ones do not."]

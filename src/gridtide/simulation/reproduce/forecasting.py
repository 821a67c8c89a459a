"""
How good forecasts are, and what they are worth to a scheduler, on a year of real data per zone.

Three tables. The first judges the methods by lead day beside recorded rows. The second does so on direct emissions
beside published forecasts of a large model, on the same origins. The third plans jobs on history-only forecasts, once
and again every hour, and states which part of a perfect forecast's saving was realised, beside a plain threshold.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from gridtide.domain.errors import HorizonTooShort, InvalidInput, MalformedFile
from gridtide.domain.units import NS_PER_HOUR, NS_PER_SECOND
from gridtide.forecasting import bands, correction, methods, score
from gridtide.forecasting.history import History
from gridtide.simulation.reproduce import decision_value, recorded_value
from gridtide.simulation.reproduce.comparison import Measure, Report, Row, Section, match_rows, named_files
from gridtide.simulation.reproduce.progress import silent
from gridtide.simulation.tables import read_table, recorded_rows

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from gridtide.simulation.reproduce.progress import Progress
    from gridtide.simulation.tables import Table

__all__ = ["Zone", "read_zone", "reproduce"]

_FOLDER: Final = "forecasting"
_LEAD_DAYS: Final = 4
_LEADS: Final = 24 * _LEAD_DAYS
_HISTORY: Final = 24 * 7 * 14
_ROLLING_HISTORY: Final = 24 * 150
_HOUR_S: Final = 3600
_MOST_HOURS: Final = 50 * 8766
_METHODS: Final = (*methods.METHODS, "weekday_corrected")
_BANDS: Final = (0.1, 0.9)
_TOLERANCE: Final = 2e-3
_ROUNDING: Final = 1e-9
_KEYS: Final = ("region", "method")
_MEASURES: Final = tuple(Measure(f"day{k}", f"day{k}", _TOLERANCE) for k in range(1, _LEAD_DAYS + 1))
_ALSO: Final = ("wmape_d1", "wmape_d4", "spearman_day1", "spearman_day4", "coverage_80", "n_origins")


class Zone(NamedTuple):
    """
    Hourly carbon intensity of one zone.

    Attributes:
        name: From the file name.
        start_s: First hour, seconds since 1970 UTC.
        lifecycle: Shape (n_hours,), NaN where nothing is known. [gCO2eq/kWh]
        direct: Shape (n_hours,), NaN where nothing is known. [gCO2/kWh]
    """

    name: str
    start_s: int
    lifecycle: NDArray[np.float64]
    direct: NDArray[np.float64]

    @property
    def test_hours(self) -> tuple[int, int]:
        """
        First hour of the test and the one after its last.

        The last calendar year that the file covers whole with fourteen weeks before it; where there is none, all that
        follows the first fourteen weeks from a midnight on.
        """
        year = self.year_of(self.lifecycle.size) - 1
        first, end = self.index_of(year), self.index_of(year + 1)
        if first < _HISTORY:
            first = -(-(self.start_s // _HOUR_S + _HISTORY) // 24) * 24 - self.start_s // _HOUR_S
            end = self.lifecycle.size
        if end - first < _LEADS + 24 * 7:
            raise InvalidInput(
                f"zone {self.name} covers {self.lifecycle.size // 24} days; allowed: 14 weeks to learn from and "
                "11 days or more to be judged on",
                field="zone_file",
            )
        return first, end

    def year_of(self, hour: int) -> int:
        """Calendar year in which *hour* lies."""
        return int(np.datetime64(self.start_s + hour * _HOUR_S, "s").astype("datetime64[Y]").astype(int)) + 1970

    def index_of(self, year: int) -> int:
        """Hour at which *year* begins."""
        return int((np.datetime64(f"{year}-01-01", "s").astype(np.int64) - self.start_s) // _HOUR_S)

    def history(self, values: NDArray[np.float64], origin: int) -> History:
        """What was known before the hour *origin*."""
        end_ns = (self.start_s + origin * _HOUR_S) * NS_PER_SECOND
        return History(values[max(0, origin - _HISTORY) : origin], end_ns, NS_PER_HOUR)

    def rolled(self, values: NDArray[np.float64], first: int, end: int, leads: int) -> NDArray[np.float64]:
        """
        Forecasts of the learned method from every hour of *first* to *end*, shape (n_hours, leads).

        A gap is filled with the last value before it, which is all that was known then: the rolling fit needs every
        hour.
        """
        at = np.maximum.accumulate(np.where(np.isnan(values[:end]), -1, np.arange(end)))
        oldest = int(np.flatnonzero(at >= 0)[0])
        whole = values[np.where(at < 0, oldest, at)][max(0, first - _ROLLING_HISTORY) :]
        end_ns = (self.start_s + end * _HOUR_S) * NS_PER_SECOND
        return correction.rolling_forecasts(History(whole, end_ns, NS_PER_HOUR), count=end - first, steps=leads)


def reproduce(data: Path, zone_files: Sequence[Path] = (), *, progress: Progress = silent) -> Report:
    """
    Judge every ``*_YEARS.csv.gz`` of ``data/electricitymaps`` and the *zone_files*.

    Raises:
        InvalidInput: No zone is given, or one covers no whole year.
        MalformedFile: A file is not hourly or lacks a column.
    """
    inputs = data / "data"
    files = named_files(sorted((inputs / "electricitymaps").glob("*.csv*")), zone_files, _name)
    if not files:
        raise InvalidInput(f"no zone in {inputs / 'electricitymaps'}", hint="name one with --zone-file", field="data")
    zones = [read_zone(name, path) for name, path in files.items()]
    rows, published, worth = list[Row](), list[Row](), list[Row]()
    for done, zone in enumerate(zones):
        progress(done, len(zones), zone.name)
        rows += _judge(zone)
        published += _beside_published(zone, inputs / "sundial-forecasts")
        worth += decision_value.rows(zone)
    recorded = recorded_rows(data / _FOLDER / "mape_electricitymaps_2024.csv")
    value = recorded_rows(data / _FOLDER / "decision_value_lwa_ml.csv")
    sections = [
        Section(title="MAPE by lead day, lifecycle, history only [%]", keys=_KEYS, measures=_MEASURES, also=_ALSO,
                rows=tuple(rows), recorded=match_rows(rows, recorded, _KEYS)),
        Section(title="Beside published forecasts, direct emissions, same origins [%]", keys=_KEYS, measures=(),
                also=("day1", "day4", "mape_96h", "wmape_d1", "wmape_d4", "wmape_96h", "spearman_day1", "n_origins"),
                rows=tuple(published), recorded=(None,) * len(published)),
        *decision_value.sections(worth),
        *recorded_value.sections(recorded_value.rows(inputs / "lets-wait-awhile"), value),
        decision_value.recorded_section(value),
    ]  # fmt: skip
    return Report(
        paper=_FOLDER,
        title="Forecasts from history only, on the last whole year of each zone; recorded values in brackets",
        sections=tuple(s for s in sections if s.rows),
        notes=(*_notes(rows, zones), *decision_value.notes(worth)),
    )


def read_zone(name: str, path: Path) -> Zone:
    """Read ``datetime_utc,ci_lca`` and, if there, ``ci_direct``; empty cells are unknown. Raises `MalformedFile`."""
    table = read_table(path, required=("datetime_utc", "ci_lca"))
    seconds = table.wall_clock_seconds("datetime_utc", any_order=True)
    if not len(table):
        raise MalformedFile(f"{path.name} has no rows", path=path.name)
    off = np.flatnonzero(seconds % _HOUR_S)
    if off.size:
        raise table.bad_cell(int(off[0]), "datetime_utc", "a whole hour")
    index = (seconds - seconds.min()) // _HOUR_S
    if index.max() > _MOST_HOURS:
        raise table.bad_cell(int(index.argmax()), "datetime_utc", f"within {_MOST_HOURS // 8766} years of the others")
    columns = []
    for column in ("ci_lca", "ci_direct"):
        full = np.full(int(index.max()) + 1, np.nan)
        if column in table.columns:
            full[index] = _values(table, column)
        columns.append(full)
    if np.isnan(columns[0]).all():
        raise MalformedFile(f"{path.name}: every ci_lca is empty", path=path.name, column="ci_lca")
    return Zone(name, int(seconds.min()), *columns)


def _values(table: Table, column: str) -> NDArray[np.float64]:
    values = table.numbers(column, blank=True)
    if (values < 0).any():
        raise table.bad_cell(int(np.argmax(values < 0)), column, "zero or more, or nothing where it is unknown")
    return values


def _name(path: Path) -> str:
    return path.name.split(".")[0].rpartition("_")[0] or path.name.split(".")[0]


def _origins(zone: Zone) -> range:
    first, end = zone.test_hours
    return range(first, end - _LEADS + 1, 24)


def _judge(zone: Zone) -> list[Row]:
    origins = _origins(zone)
    truth = np.array([zone.lifecycle[o : o + _LEADS] for o in origins])
    rows = []
    for name in _METHODS:
        made = _forecasts(zone, zone.lifecycle, origins, name)
        row = _row(zone.name, name, score.score(made, truth), made, truth)
        if name == methods.DEFAULT_METHOD:
            row |= _coverage(zone, origins, made, truth)
        rows.append(row)
    return rows


def _forecasts(zone: Zone, values: NDArray[np.float64], origins: Sequence[int], name: str) -> NDArray[np.float64]:
    if name == "weekday_corrected":
        rolled = zone.rolled(values, origins[0], origins[-1] + 1, _LEADS)
        return np.asarray(rolled[np.array(origins) - origins[0]])
    run = methods.method_named(name)
    made = np.full((len(origins), _LEADS), np.nan)
    for row, origin in zip(made, origins, strict=True):
        with suppress(HorizonTooShort):
            row[:] = run(zone.history(values, origin), _LEADS)
    return made


def _row(region: str, method: str, result: score.Score, made: NDArray[np.float64], truth: NDArray[np.float64]) -> Row:
    judged = int((~np.isnan(made - truth)).any(axis=1).sum())
    row: Row = {"region": region, "zone": region, "method": method, "n_origins": judged}
    for k in range(_LEAD_DAYS):
        row[f"day{k + 1}"] = row[f"mape_d{k + 1}"] = float(result.mape[k])
        row[f"wmape_d{k + 1}"] = float(result.wmape[k])
        row[f"spearman_day{k + 1}"] = _finite(result.rank_correlation[k])
    for hours in (24, 48, 96):
        row[f"mape_{hours}h"] = float(result.mape[: hours // 24].mean())
    row["wmape_96h"] = score.weighted_error(made, truth)
    return row


def _coverage(zone: Zone, origins: range, made: NDArray[np.float64], truth: NDArray[np.float64]) -> Row:
    low, high = np.full_like(made, np.nan), np.full_like(made, np.nan)
    for k, origin in enumerate(origins):
        with suppress(HorizonTooShort):
            misses = bands.residuals(zone.history(zone.lifecycle, origin), methods.weekday_damped, _LEADS)
            low[k], high[k] = bands.quantiles(made[k], misses, _BANDS)
    row: Row = {"coverage_80": score.coverage(low, high, truth)}
    for k in range(_LEAD_DAYS):
        day = slice(24 * k, 24 * (k + 1))
        row[f"coverage_80_d{k + 1}"] = score.coverage(low[:, day], high[:, day], truth[:, day])
    return row


def _beside_published(zone: Zone, folder: Path) -> list[Row]:
    found = sorted(folder.glob(f"{zone.name}_*.csv*"))
    if not found or np.isnan(zone.direct).all():
        return []
    published: dict[int, NDArray[np.float64]] = {}
    table = read_table(found[0], required=("issue_utc", "target_utc", "ci_direct_forecast"))
    issued = np.array(table.text("issue_utc"), dtype="datetime64[s]").astype(np.int64)
    target = np.array(table.text("target_utc"), dtype="datetime64[s]").astype(np.int64)
    values, origins = table.numbers("ci_direct_forecast"), _origins(zone)
    for when in np.unique(issued):
        mine = issued == when
        lead = (target[mine] - when) // _HOUR_S
        origin = int((when - zone.start_s) // _HOUR_S)
        if origin in origins and set(range(_LEADS)) <= set(lead.tolist()):
            published[origin] = values[mine][np.argsort(lead)][:_LEADS]
    if not published:
        return []
    truth = np.array([zone.direct[o : o + _LEADS] for o in published])
    model = found[0].parent.name.partition("-")[0]
    made = np.array(list(published.values()))
    rows = [_row(zone.name, f"{model} (published)", score.score(made, truth), made, truth)]
    for name in _METHODS:
        made = _forecasts(zone, zone.direct, list(published), name)
        rows.append(_row(zone.name, name, score.score(made, truth), made, truth))
    return rows


def _notes(rows: list[Row], zones: list[Zone]) -> list[str]:
    by = {(str(r["region"]), str(r["method"])): r for r in rows}
    wins = sum(
        1
        for zone in zones
        if not _value(by[zone.name, "weekday_damped"], "mape_96h")
        > _value(by[zone.name, "damped_anomaly"], "mape_96h") + _ROUNDING
    )
    covered = [_value(by[zone.name, methods.DEFAULT_METHOD], "coverage_80") for zone in zones]
    known = [share for share in covered if np.isfinite(share)] or [float("nan")]
    return [
        f"The weekday-aware default is at least as good as the plain damped anomaly on {wins} of {len(zones)} zones.",
        f"Its 80 % interval covers {100 * min(known):.1f} to {100 * max(known):.1f} % of what came.",
    ]


def _value(row: Row, column: str) -> float:
    value = row[column]
    assert isinstance(value, float)  # noqa: S101 - made above
    return value


def _finite(value: np.float64) -> float | None:
    return float(value) if np.isfinite(value) else None

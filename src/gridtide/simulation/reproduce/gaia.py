"""
GAIA: what a batch cluster saves in carbon, and pays in money and waiting, under each of the paper's policies.

Time runs in steps of five seconds on an hourly trace; a processor draws 1 kW. Jobs shorter than two hours may wait
as long as the first figure of ``waiting_h`` says, longer ones the second; a policy that does not know a job's length
takes the mean of its queue. The configurations are those of the recorded table, so another table of the same shape
asks for other ones; without a table the paper's own list is run.

References:
    Hanafy et al. (2024), Going Green for Less Green, ASPLOS '24, doi:10.1145/3620666.3651374.
"""

from __future__ import annotations

import glob
import shlex
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from gridtide.domain.errors import InvalidInput, MalformedFile
from gridtide.planning.purchase import Tariff
from gridtide.simulation import cluster, fine_curve
from gridtide.simulation.cluster import Runs
from gridtide.simulation.fine_curve import FineCurve, Pieces
from gridtide.simulation.job_trace import JOB_COLUMNS, SMALL_STEPS, STEPS_PER_HOUR, JobTrace, read_jobs
from gridtide.simulation.reproduce.comparison import (
    Measure,
    Report,
    Row,
    Section,
    match_rows,
    named_files,
    with_recorded,
)
from gridtide.simulation.reproduce.heap_order import HeapOrder
from gridtide.simulation.reproduce.progress import silent
from gridtide.simulation.tables import read_table, recorded_rows

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from gridtide.simulation.reproduce.progress import Progress

__all__ = ["PAPER", "Configuration", "policy_row", "reproduce"]

_FOLDER: Final = "gaia"
_DAYS: Final = 30
_PAPER_START: Final = 7000
_QUANTILE: Final = 0.3
_TARIFF: Final = Tariff(on_demand_per_h=0.0624, reserved_share=0.4, spot_per_h=0.01248)
_TIME_COLUMN: Final = "datetime_utc"
_VALUE_COLUMN: Final = "carbon_intensity_avg"

_KEYS: Final = ("carbon_trace", "policy")
_MEASURES: Final = (
    Measure("normalized_carbon", "normalized_carbon", 0.0005),
    Measure("dollar_cost", "dollar_cost", 0.06),
    Measure("mean_wait_h", "mean_wait_h", 0.005),
    Measure("carbon_total_gaia_units", "carbon_total_gaia_units", 5e-4, relative=True),
)


class Configuration(NamedTuple):
    """
    One line of the table.

    Attributes:
        policy: Name in the table.
        scheduling: The paper's scheduling policy: ``carbon``, ``cost``, ``carbon-cost``, ``suspend-resume`` and so on.
        start: The paper's carbon policy, how a start is chosen.
        waiting_h: Longest waits of the short and the long queue, such as ``6x24``. [h]
        reserved: Reserved processors.
        start_index: First hour of the trace's year.
    """

    policy: str
    scheduling: str
    start: str
    waiting_h: str = "6x24"
    reserved: int = 0
    start_index: int = _PAPER_START


_PUBLISHED: Final = (
    "published_normalized_carbon",
    "published_carbon",
    "published_dollar",
    "published_mean_wait_h",
)
_SCHEDULING: Final = (
    "carbon",
    "carbon-spot",
    "carbon-cost",
    "carbon-cost-spot",
    "cost",
    "suspend-resume",
    "suspend-resume-spot",
    "suspend-resume-threshold",
    "suspend-resume-spot-threshold",
)
_STARTS: Final = ("waiting", "lowest", "oracle", "cst_oracle", "cst_average")
_ALLOWED: Final = {"scheduling_policy": _SCHEDULING, "carbon_policy": _STARTS}

PAPER: Final = (
    Configuration("NoWait (run-now)", "carbon", "oracle", "0x0"),
    Configuration("Lowest-Slot", "carbon", "lowest"),
    Configuration("Lowest-Window", "carbon", "waiting"),
    Configuration("Lowest-Window* (true length)", "carbon", "oracle"),
    Configuration("Carbon-Time", "carbon", "cst_average"),
    Configuration("Carbon-Time* (true length)", "carbon", "cst_oracle"),
    Configuration("Ecovisor", "suspend-resume-threshold", "oracle"),
    Configuration("WaitAwhile", "suspend-resume", "oracle"),
    Configuration("AllWait-Threshold r=9", "cost", "oracle", reserved=9),
    Configuration("Res-First-Carbon-Time r=9", "carbon-cost", "cst_average", reserved=9),
    Configuration("Spot-First-Carbon-Time r=0", "carbon-spot", "cst_average"),
    Configuration("Spot-First-Ecovisor r=0", "suspend-resume-spot-threshold", "oracle"),
    Configuration("Spot-Res-Carbon-Time r=9", "carbon-cost-spot", "cst_average", reserved=9),
)


def reproduce(data: Path, zone_files: Sequence[Path] = (), *, progress: Progress = silent) -> Report:
    """
    Run every configuration of the recorded table on its trace, and on the traces of *zone_files*.

    Raises:
        InvalidInput: No carbon intensity trace or no job trace is given.
        MalformedFile: A file is not what it says.
    """
    inputs, recorded = data / "data" / _FOLDER, recorded_rows(data / _FOLDER / "results.csv")
    zones, left_out = _traces(inputs, recorded, zone_files)
    if not zones:
        raise InvalidInput(f"no *_lca.csv in {inputs}", hint="name a trace with --zone-file", field="data")
    jobs = read_jobs(_job_file(inputs, recorded))
    configurations = tuple(dict.fromkeys(_configuration(row) for row in recorded)) or PAPER
    rows = list[Row]()
    for done, (zone, path) in enumerate(zones.items()):
        progress(done, len(zones), zone)
        rows += _zone_rows(zone, _read_values(path), jobs, configurations)
    rows = with_recorded(rows, recorded, _KEYS, _PUBLISHED)
    return Report(
        paper=_FOLDER,
        title="GAIA (Hanafy et al. 2024), recorded values in brackets",
        sections=(
            Section(
                title="Batch cluster, carbon relative to starting on arrival",
                keys=_KEYS,
                measures=_MEASURES,
                also=("reserved", "published_normalized_carbon"),
                rows=tuple(rows),
                recorded=match_rows(rows, recorded, _KEYS),
            ),
        ),
        notes=(
            *left_out,
            "The published WaitAwhile comes from another version of its code; the recorded one is the true optimum.",
        ),
    )


def policy_row(zone: str, curve: FineCurve, jobs: JobTrace, case: Configuration) -> Row:
    """One line of the table, without what needs the line of the baseline."""
    waits = _waits(jobs, case.waiting_h)
    pieces = _planned(curve, jobs, waits, case)
    spot = _is_small(jobs, pieces, case) & ("spot" in case.scheduling)
    runs = Runs(jobs.arrival[pieces.job], pieces.start, pieces.length, jobs.processors[pieces.job], spot)
    outcome = cluster.simulate(
        runs,
        case.reserved,
        conserving="cost" in case.scheduling,
        spare_spot="spot" in case.scheduling,
        order=HeapOrder(runs),
    )
    wait_h = (outcome.start - runs.arrival) / STEPS_PER_HOUR
    grams = curve.cost(outcome.start, runs.length) * runs.processors
    return {
        "carbon_trace": zone,
        "policy": case.policy,
        "scheduling_policy": case.scheduling,
        "carbon_policy": case.start,
        "waiting_h": case.waiting_h,
        "reserved": case.reserved,
        "start_index": case.start_index,
        "carbon_total_gaia_units": float(grams.sum()) / 1000,
        "dollar_cost": outcome.cost(runs, _TARIFF, reserved=case.reserved, units_per_hour=STEPS_PER_HOUR),
        "mean_wait_h": float(wait_h.mean()),
        "max_wait_h": float(wait_h.max()),
        "jobs_rows": int(wait_h.size),
    }


def _zone_rows(
    zone: str, values: NDArray[np.float64], jobs: JobTrace, configurations: Sequence[Configuration]
) -> list[Row]:
    rows, baselines = [], dict[int, float]()
    for case in configurations:
        curve = _curve(zone, values, case.start_index)
        if case.start_index not in baselines:
            at_once = curve.cost(jobs.arrival, jobs.length) * jobs.processors
            baselines[case.start_index] = float(at_once.sum()) / 1000
        row = policy_row(zone, curve, jobs, case)
        share = float(str(row["carbon_total_gaia_units"])) / baselines[case.start_index]
        rows.append({**row, "normalized_carbon": share, "savings_pct": 100.0 * (1.0 - share)})
    return rows


def _planned(curve: FineCurve, jobs: JobTrace, waits: NDArray[np.int64], case: Configuration) -> Pieces:
    """Pieces of every job as the policy plans them at arrival."""
    if case.scheduling.startswith("suspend") and case.scheduling.endswith("threshold"):
        limits = fine_curve.look_ahead_quantile(curve, jobs.arrival, 24 * STEPS_PER_HOUR, _QUANTILE)
        return fine_curve.suspend_below(curve, jobs.arrival, jobs.length, waits, limits)
    if case.scheduling.startswith("suspend"):
        return fine_curve.suspend_to_lowest(curve, jobs.arrival, jobs.length, waits)
    if case.scheduling == "cost":
        starts = jobs.arrival + waits
    elif case.start == "lowest":
        starts = fine_curve.lowest_slot_starts(curve, jobs.arrival, waits)
    else:
        choose = fine_curve.carbon_time_starts if case.start.startswith("cst") else fine_curve.lowest_window_starts
        knows_length = case.start in {"oracle", "cst_oracle"}
        starts = choose(curve, jobs.arrival, jobs.length if knows_length else jobs.believed, waits)
    return Pieces(np.arange(jobs.arrival.size), starts, jobs.length)


def _is_small(jobs: JobTrace, pieces: Pieces, case: Configuration) -> NDArray[np.bool_]:
    """Whether each piece may use spot capacity: by its job, or by itself where the paper's WaitAwhile cuts jobs up."""
    of_job = jobs.small[pieces.job]
    if case.scheduling != "suspend-resume-spot":
        return of_job
    is_cut = np.bincount(pieces.job)[pieces.job] > 1
    return np.where(is_cut, pieces.length <= SMALL_STEPS, of_job)


def _waits(jobs: JobTrace, waiting_h: str) -> NDArray[np.int64]:
    try:
        short, long = (round(float(hours) * STEPS_PER_HOUR) for hours in waiting_h.split("x"))
    except ValueError:
        raise MalformedFile(
            f"waiting_h is {waiting_h[:40]!r}; allowed: two numbers such as 6x24", field="waiting_h"
        ) from None
    return np.where(jobs.short, short, long)


def _curve(zone: str, values: NDArray[np.float64], start_index: int) -> FineCurve:
    month = values[start_index : start_index + _DAYS * 24]
    if month.size < _DAYS * 24:
        raise MalformedFile(f"{zone} has {values.size} hours; allowed: {start_index + _DAYS * 24} or more", zone=zone)
    return FineCurve(month, STEPS_PER_HOUR)


def _read_values(path: Path) -> NDArray[np.float64]:
    """Hourly values, in the order of ``datetime_utc`` where the file has it."""
    table = read_table(path, required=(_VALUE_COLUMN,))
    values = table.numbers(_VALUE_COLUMN)
    if (values < 0).any():
        raise table.bad_cell(int(np.argmax(values < 0)), _VALUE_COLUMN, "zero or more")
    if _TIME_COLUMN not in table.columns:
        return values
    seconds = table.wall_clock_seconds(_TIME_COLUMN, any_order=True)
    order = np.argsort(seconds)
    holes = np.flatnonzero(np.diff(seconds[order]) != 3600)
    if holes.size:
        raise table.bad_cell(int(order[holes[0] + 1]), _TIME_COLUMN, "one hour after the row before in time")
    return np.asarray(values[order])


def _traces(
    inputs: Path, recorded: Sequence[dict[str, str]], zone_files: Sequence[Path]
) -> tuple[dict[str, Path], list[str]]:
    """Traces that the recorded table names, all of the folder where it names none of them; and what was left out."""
    found = {_zone(path): path for path in sorted(inputs.glob("*_lca.csv*"))}
    wanted = {row.get("carbon_trace", "") for row in recorded} & found.keys() or set(found)
    zones = named_files([path for zone, path in found.items() if zone in wanted], zone_files, _zone)
    others = sorted(found.keys() - zones.keys())
    hint = f"In the folder but not in the recorded table: {', '.join(others)}; --zone-file adds a trace."
    return zones, [hint] if others else []


def _zone(path: Path) -> str:
    return path.name.partition(".")[0].partition("_")[0]


def _configuration(row: dict[str, str]) -> Configuration:
    for column, allowed in _ALLOWED.items():
        if row.get(column) not in allowed:
            raise MalformedFile(
                f"results.csv: {column} of {row.get('policy', '')[:40]!r} is {row.get(column, '')[:40]!r}; "
                f"allowed: {', '.join(allowed)}",
                path="results.csv",
                column=column,
            )
    try:
        return Configuration(
            row["policy"],
            row["scheduling_policy"],
            row["carbon_policy"],
            row["waiting_h"],
            int(row["reserved"]),
            int(row["start_index"]),
        )
    except KeyError as error:
        raise MalformedFile(f"results.csv has no column {error}", path="results.csv") from None
    except ValueError as error:
        raise MalformedFile(
            f"results.csv: reserved and start_index are whole numbers: {error}", path="results.csv"
        ) from None


def _job_file(inputs: Path, recorded: Sequence[dict[str, str]]) -> Path:
    """The trace that the recorded commands name after ``-t``, or the only one there is."""
    named: set[str] = set()
    for row in recorded:
        words = shlex.split(row.get("command", ""))
        named.update(words[k + 1] for k, word in enumerate(words[:-1]) if word == "-t")
    paths = [path for name in sorted(named) for path in sorted(inputs.glob(f"{glob.escape(name)}.csv*"))] or [
        path for path in sorted(inputs.glob("*.csv*")) if set(JOB_COLUMNS) <= set(read_table(path).columns)
    ]
    if len(paths) != 1:
        found = ", ".join(path.name for path in paths) or "none"
        raise InvalidInput(f"one job trace with {', '.join(JOB_COLUMNS)} is needed in {inputs}, found {found}")
    return paths[0]

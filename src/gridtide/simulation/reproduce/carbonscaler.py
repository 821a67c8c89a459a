"""
CarbonScaler: how many nodes an elastic job runs in each hour.

Each recorded case holds a slice of carbon intensity, a scaling profile, a deadline and an amount of work. Beside the
published greedy schedule stand the cheapest schedule on whole slots, the bound with one split slot, and the
carbon-agnostic run on one node. A zone file in the shape of the paper's sample asks the same questions of other
hours.

References:
    Hanafy et al. (2023), CarbonScaler, SIGMETRICS '24, doi:10.1145/3626788.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from gridtide.domain.errors import InvalidInput, MalformedFile
from gridtide.planning import scaling
from gridtide.planning.scaling import ScaleProfile
from gridtide.simulation.reproduce.comparison import Measure, Report, Row, Section, match_rows
from gridtide.simulation.reproduce.progress import silent
from gridtide.simulation.tables import read_table

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from gridtide.simulation.reproduce.progress import Progress

__all__ = ["Case", "case_row", "reproduce"]

_FOLDER: Final = "carbonscaler"
_EXACT: Final = 1e-9
_VALUE_COLUMN: Final = "carbon_intensity_avg"
_KEYS: Final = ("name",)
_MEASURES: Final = (
    Measure("emissions_g", "exact_emissions_g", 1e-3, relative=True),
    Measure("exact_emissions_g", "exact_emissions_g", 1e-6, relative=True),
    Measure("lp_fractional_lower_bound_g", "lp_fractional_lower_bound_g", 1e-6, relative=True),
    Measure("agnostic_emissions_g_1node_from_start", "agnostic_emissions_g_1node_from_start", 1e-6, relative=True),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """
    One job.

    Attributes:
        name: As recorded.
        values: Carbon intensity per slot up to the deadline, shape (n_slots,). [gCO2eq/kWh]
        slot_s: Length of a slot. [s]
        profile_name: Of the scaling profile.
        profile: Throughput in work per slot, power in W.
        work: To be done. [work]
        offset: Slots between the first recorded case's start and this one's.
        recorded: The line of the recorded file.
    """

    name: str
    values: NDArray[np.float64]
    slot_s: float
    profile_name: str
    profile: ScaleProfile
    work: float
    offset: int
    recorded: Mapping[str, Any]


def reproduce(data: Path, zone_files: Sequence[Path] = (), *, progress: Progress = silent) -> Report:
    """
    Plan every recorded case, and the same cases on the hours of *zone_files*.

    Raises:
        MalformedFile: The cases, a profile or a zone file cannot be read.
        InvalidInput: A zone file is too short for a case.
    """
    cases = tuple(_read_cases(data / _FOLDER / "carbonscaler_vectors.json", data / "data" / _FOLDER))
    recorded = [{name: _text(value) for name, value in case.recorded.items()} for case in cases]
    asked = [*cases, *(_moved(case, path) for path in zone_files for case in cases)]
    rows = list[Row]()
    for case in asked:
        progress(len(rows), len(asked), case.name)
        rows.append(case_row(case))
    matched = match_rows(rows, recorded, _KEYS)
    for row, line in zip(rows, matched, strict=True):
        row["peer_emissions_g"] = float(line["peer_emissions_g"]) if line and line.get("peer_emissions_g") else None
    return Report(
        paper=_FOLDER,
        title="CarbonScaler (Hanafy et al. 2023), recorded optima in brackets",
        sections=(
            Section(
                title="Elastic jobs, whole slots charged in full",
                keys=_KEYS,
                measures=_MEASURES,
                also=("peer_emissions_g",),
                rows=tuple(rows),
                recorded=matched,
            ),
        ),
        notes=(
            "emissions_g_early_stop charges only until the work is done, with one slot run at two levels.",
            f"Above the published greedy: {_above(rows, 'peer_emissions_g')} of {len(rows)} schedules.",
            f"Above one node from the start: {_above(rows, 'agnostic_emissions_g_1node_from_start')} of {len(rows)}.",
        ),
    )


def case_row(case: Case) -> Row:
    """Our schedule for one case, and what it is compared with."""
    hours = case.slot_s / 3600
    plan = scaling.scale(case.values, case.profile, case.work)
    exact = scaling.scale(case.values, case.profile, case.work, tolerance=_EXACT)
    agnostic = scaling.at_level(case.values, case.profile, case.work, level=1)
    row: Row = {
        "name": case.name,
        "profile": case.profile_name,
        "min_replicas": case.profile.least,
        "max_replicas": len(case.profile.throughput),
        "deadline_slots": int(case.values.size),
        "work_units": case.work,
        "feasible": plan is not None,
        "agnostic_emissions_g_1node_from_start": None if agnostic is None else agnostic * hours / 1000,
    }
    if plan is None or exact is None:
        return row
    grams = plan.cost * hours / 1000
    return row | {
        "schedule": plan.levels.tolist(),
        "emissions_g": grams,
        "exact_schedule": exact.levels.tolist(),
        "exact_emissions_g": exact.cost * hours / 1000,
        "lp_fractional_lower_bound_g": plan.bound * hours / 1000,
        "emissions_g_early_stop": plan.bound * hours / 1000,
        "split_slot": None if plan.split is None else plan.split._asdict(),
        "gap_pct": 100.0 * plan.gap,
        "proved_optimal": exact.proved,
        "work_done": plan.work,
        "savings_vs_agnostic_pct": None if not agnostic else 100.0 * (1.0 - plan.cost / agnostic),
    }


def _above(rows: Sequence[Row], column: str) -> int:
    """How many schedules emit more than *column* says, beyond rounding."""
    pairs = [(row.get("emissions_g"), row.get(column)) for row in rows]
    return sum(
        isinstance(ours, float) and isinstance(theirs, float) and ours > theirs * (1 + 1e-9) for ours, theirs in pairs
    )


def _read_cases(path: Path, profiles: Path) -> Iterator[Case]:
    try:
        lines = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise MalformedFile(f"cannot read {path}: {error}", path=path.name) from None
    try:
        first = min(datetime.fromisoformat(line["start"]) for line in lines)
        for line in lines:
            slot_s = float(line["slot_seconds"])
            yield Case(
                name=str(line["name"]),
                values=np.array(line["ci_g_per_kwh"][: line["deadline_slots"]], dtype=np.float64),
                slot_s=slot_s,
                profile_name=str(line["profile"]),
                profile=_profile(
                    profiles / f"{line['profile']}.csv", slot_s, line["min_replicas"], line["max_replicas"]
                ),
                work=float(line["work_units"]),
                offset=round((datetime.fromisoformat(line["start"]) - first).total_seconds() / slot_s),
                recorded=line,
            )
    except (KeyError, TypeError, ValueError) as error:
        raise MalformedFile(f"{path.name} has no case of the recorded shape: {error!r}", path=path.name) from None


def _profile(path: Path, slot_s: float, least: int, most: int) -> ScaleProfile:
    table = read_table(path, required=("nodes", "throughput", "power"))
    nodes = table.counts("nodes").tolist()
    throughput, power = table.numbers("throughput"), table.numbers("power")
    row_of = {node: row for row, node in enumerate(nodes)}
    missing = [node for node in range(1, most + 1) if node not in row_of]
    if missing:
        raise MalformedFile(f"{path.name} has no row for {missing[0]} nodes", path=path.name, column="nodes")
    rows = [row_of[node] for node in range(1, most + 1)]
    return ScaleProfile(tuple((throughput[rows] * slot_s).tolist()), tuple(power[rows].tolist()), least)


def _moved(case: Case, path: Path) -> Case:
    """The same job on the hours of another zone."""
    values = read_table(path, required=(_VALUE_COLUMN,)).numbers(_VALUE_COLUMN)
    part = values[case.offset : case.offset + case.values.size]
    if part.size < case.values.size:
        raise InvalidInput(
            f"{path.name} has {values.size} hours; {case.name} needs {case.offset + case.values.size}",
            field="zone_file",
        )
    zone = path.name.partition(".")[0]
    return Case(
        name=f"{zone}: {case.name}",
        values=part,
        slot_s=case.slot_s,
        profile_name=case.profile_name,
        profile=case.profile,
        work=case.work,
        offset=case.offset,
        recorded={},
    )


def _text(value: object) -> str:
    return "" if value is None else str(value)

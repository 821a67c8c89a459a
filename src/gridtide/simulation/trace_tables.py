"""
Traces in table form: our own CSV, and ``sacct --parsable2`` of Slurm.

References:
    Slurm sacct, fields JobID, Submit, Start, End, ElapsedRaw, Elapsed, Timelimit, NCPUS, AllocCPUS, AllocTRES, State,
    Cluster.
"""

from __future__ import annotations

import math
import re
from functools import lru_cache, partial
from typing import IO, TYPE_CHECKING, Final

from gridtide.accounting.energy import Machine, machine_power_w
from gridtide.domain.durations import parse_duration
from gridtide.domain.instants import duration_ns
from gridtide.domain.units import NS_PER_SECOND
from gridtide.domain.workload import Elasticity
from gridtide.grid.file_formats import csv_cells, text_lines
from gridtide.grid.samples import LocalClock, malformed
from gridtide.simulation.trace_rows import TraceJob

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gridtide.simulation.trace_rows import TraceRows

__all__ = ["COLUMNS", "power_of", "read_csv", "read_sacct"]

COLUMNS: Final = (
    "id", "arrival", "duration", "duration_s", "true_duration", "true_duration_s", "deadline", "slack", "slack_s",
    "max_delay", "max_delay_s", "power_w", "zone", "interruptible", "regions", "residency", "data_gb",
    "latency_budget_ms", "class",
)  # fmt: skip
"""Columns of our own CSV; *id*, *arrival* and a duration are needed."""

_ALSO: Final = {"release": "arrival", "home": "zone", "elasticity": "class"}
"""Other names of columns."""

_NUMBER: Final = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?")
_CLOCK: Final = re.compile(r"(?:(\d+)-)?(?:(\d+):)?(\d+):(\d+)(?:\.\d+)?")
_MEMORY: Final = re.compile(r"(?:^|,)mem=(\d+(?:\.\d+)?)([KMGT])")
_COUNTRY: Final = re.compile(r"[A-Z]{2}")
_GB: Final = {"K": 1e-6, "M": 1e-3, "G": 1.0, "T": 1e3}
_YES_NO: Final = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
_BOUNDS: Final = ("deadline", "slack", "slack_s", "max_delay", "max_delay_s")
_NEVER_RAN: Final = frozenset({"", "Unknown", "None", "INVALID"})
_UNLIMITED: Final = frozenset({"", "UNLIMITED", "Partition_Limit", "INVALID"})


def read_csv(name: str, stream: IO[bytes], rows: TraceRows, *, tz: str | None) -> None:
    """Rows of our own CSV: a header, a comma between cells, a point in numbers, ``#`` comments above the header."""
    clock = LocalClock(tz)
    columns: dict[str, int] = {}
    for number, text in enumerate(text_lines(name, stream), start=1):
        if not columns:
            if text.strip() and not text.startswith("#"):
                columns = _header(f"{name}:{number}", csv_cells(name, number, text))
                rows.needs_power = "power_w" in columns
            continue
        if text.strip():
            rows.take(partial(_csv_row, name, number, text, columns, clock))
    if not columns:
        raise malformed(f"{name}:1:1", "there is no header", hint="the first line says id,arrival,duration,...")


def read_sacct(name: str, stream: IO[bytes], rows: TraceRows, *, tz: str | None) -> None:
    """Jobs of ``sacct --parsable2``; their steps (``12.batch``) belong to them and are passed over."""
    clock = LocalClock(tz)
    columns: dict[str, int] = {}
    for number, text in enumerate(text_lines(name, stream), start=1):
        cells = text.split("|")
        if not columns:
            columns = _sacct_header(f"{name}:{number}", cells)
            continue
        if text.strip():
            rows.take(partial(_sacct_row, f"{name}:{number}", cells, columns, clock, by_cluster=rows.names_clusters()))
    if not columns:
        raise malformed(f"{name}:1:1", "there is no header", hint="export with: sacct --parsable2 --format=...")


@lru_cache(maxsize=4096)
def power_of(vcpus: float, memory_gb: float) -> float:
    """Power of a job from what it held, by the coefficient table at its mean load. [W]"""
    return machine_power_w(Machine(vcpus=vcpus, memory_gb=memory_gb))


def _header(where: str, cells: list[str]) -> dict[str, int]:
    names = [_ALSO.get(cell.lower(), cell.lower()) for cell in cells]
    for at, label in enumerate(names):
        if label in names[:at]:
            raise malformed(f"{where}:{at + 1}", f"column {label[:40]!r} is there twice")
        if label not in COLUMNS:
            separator = next((sign for sign in (";", "\t", "|") if sign in label), None)
            hint = f"cells are separated by commas, not {separator!r}" if separator else None
            raise malformed(
                f"{where}:{at + 1}", f"column {label[:40]!r} is not known; allowed: {', '.join(COLUMNS)}", hint=hint
            )
    columns = dict(zip(names, range(len(names)), strict=True))
    for needed in (("id",), ("arrival",), ("duration", "duration_s")):
        if not columns.keys() & set(needed):
            raise malformed(f"{where}:1", f"the header has no column {needed[0]!r}")
    bounds = [label for label in _BOUNDS if label in columns]
    if len(bounds) > 1:
        raise malformed(f"{where}:{columns[bounds[1]] + 1}", f"{' and '.join(bounds)} are all there; keep one of them")
    return columns


def _csv_row(name: str, number: int, text: str, columns: Mapping[str, int], clock: LocalClock) -> TraceJob:
    where = f"{name}:{number}"
    cells = csv_cells(name, number, text)
    if len(cells) != len(columns):
        raise malformed(
            f"{where}:{min(len(cells), len(columns)) + 1}",
            f"the row has {len(cells)} cells, the header has {len(columns)}",
        )

    def span(label: str) -> int | None:
        for key in (label, f"{label}_s"):
            at = columns.get(key)
            if at is not None and cells[at]:
                return _span(f"{where}:{at + 1}", key, cells[at])
        return None

    def cell(label: str) -> str:
        return cells[columns[label]] if label in columns else ""

    arrival_at = columns["arrival"]
    arrival_ns = clock.instant_ns(f"{where}:{arrival_at + 1}", cells[arrival_at], None)
    length_ns = span("duration")
    if length_ns is None:
        raise malformed(where, "the duration is blank")
    latest_ns = None
    if cell("deadline"):
        at = columns["deadline"]
        latest_ns = clock.instant_ns(f"{where}:{at + 1}", cells[at], None) - length_ns
    for label in ("slack", "max_delay"):
        delay = span(label)
        latest_ns = latest_ns if delay is None else arrival_ns + delay

    def amount(label: str) -> float:
        return _number(f"{where}:{columns[label] + 1}", cell(label)) if cell(label) else math.nan

    return TraceJob(
        where, cell("id"), arrival_ns, length_ns, span("true_duration") or length_ns, latest_ns,
        amount("power_w"), cell("zone"), _yes_no(where, columns, cell("interruptible")), amount("data_gb"),
        _several(cell("regions")), _countries(where, cell("residency")), amount("latency_budget_ms"),
        _class(where, columns, cell("class")),
    )  # fmt: skip


def _yes_no(where: str, columns: Mapping[str, int], text: str) -> bool | None:
    if text and text.lower() not in _YES_NO:
        at = columns["interruptible"]
        raise malformed(f"{where}:{at + 1}", f"interruptible is {text[:20]!r}; allowed: true, false")
    return _YES_NO.get(text.lower())


def _class(where: str, columns: Mapping[str, int], text: str) -> Elasticity | None:
    if not text:
        return None
    try:
        return Elasticity(text.lower())
    except ValueError:
        place = f"{where}:{columns['class'] + 1}"
        raise malformed(place, f"class is {text[:20]!r}; allowed: {', '.join(Elasticity)}") from None


def _several(text: str) -> tuple[str, ...] | None:
    """Names with ``|`` between them; None for a blank cell."""
    return tuple(part.strip() for part in text.split("|") if part.strip()) or None


def _countries(where: str, text: str) -> tuple[str, ...] | None:
    codes = _several(text)
    for code in codes or ():
        if not _COUNTRY.fullmatch(code):
            raise malformed(where, f"residency has {code[:20]!r}; allowed: countries in two letters, like SE|FI")
    return codes


def _span(where: str, label: str, text: str) -> int:
    if label.endswith("_s"):
        seconds = _number(where, text)
        if seconds < 0:
            raise malformed(where, f"{label} is {text[:40]}; allowed: zero or more")
        return round(seconds * NS_PER_SECOND)
    try:
        return _parsed(text, label)
    except ValueError as error:
        raise malformed(where, str(error), hint=getattr(error, "hint", None)) from None


@lru_cache(maxsize=65_536)
def _parsed(text: str, label: str) -> int:
    return duration_ns(parse_duration(text, field=label, allow_zero=label != "duration"))


def _number(where: str, text: str) -> float:
    if not _NUMBER.fullmatch(text):
        raise malformed(where, f"{text[:40]!r} is no number; write decimals with a point")
    return float(text)


def _sacct_header(where: str, cells: Sequence[str]) -> dict[str, int]:
    columns = {cell: at for at, cell in enumerate(cells)}
    needed = (("JobID", "JobIDRaw"), ("Submit",), ("Start",), ("ElapsedRaw", "Elapsed", "End"))
    for names in needed:
        if not columns.keys() & set(names):
            hint = "export with: sacct --parsable2 --format=JobID,Submit,Start,End,ElapsedRaw,Timelimit,AllocCPUS,State"
            raise malformed(f"{where}:1", f"the header has no field {names[0]!r}", hint=hint)
    return columns


def _sacct_row(
    where: str, cells: Sequence[str], columns: Mapping[str, int], clock: LocalClock, *, by_cluster: bool
) -> TraceJob | None:
    def cell(*labels: str) -> str:
        return next((cells[columns[label]] for label in labels if label in columns and cells[columns[label]]), "")

    if len(cells) != len(columns):
        raise malformed(where, f"the row has {len(cells)} fields, the header has {len(columns)}")
    name = cell("JobID", "JobIDRaw")
    if "." in name:
        return None

    def instant(label: str) -> int:
        return clock.instant_ns(f"{where}:{columns[label] + 1}", cell(label), None)

    if cell("Start") in _NEVER_RAN:
        raise malformed(where, f"job {name[:60]} never ran (state {cell('State')[:40] or 'unknown'})")
    start_ns = instant("Start")
    if "End" in columns and cell("End") not in _NEVER_RAN:
        end_ns = instant("End")
        if end_ns < start_ns:
            raise malformed(where, f"job {name[:60]} ends before it starts")
        true_ns = end_ns - start_ns
    else:
        true_ns = 0
    if cell("ElapsedRaw", "Elapsed"):
        true_ns = _elapsed(where, cell("ElapsedRaw", "Elapsed"))
    limit = cell("Timelimit")
    length_ns = true_ns if limit in _UNLIMITED else max(true_ns, _elapsed(where, limit))
    cores = cell("NCPUS", "AllocCPUS")
    power_w = power_of(_number(where, cores), _memory(cell("AllocTRES"))) if cores and cores != "0" else math.nan
    home = cell("Cluster") if by_cluster else ""
    return TraceJob(where, name, instant("Submit"), length_ns, true_ns, None, power_w, home)


def _elapsed(where: str, text: str) -> int:
    """``[days-][hours:]minutes:seconds``, or whole seconds. [ns]"""
    if text.isdecimal():
        return int(text) * NS_PER_SECOND
    match = _CLOCK.fullmatch(text)
    if match is None:
        raise malformed(where, f"{text[:40]!r} is no time span; allowed: [days-]hours:minutes:seconds, or seconds")
    days, hours, minutes, seconds = (int(part or 0) for part in match.groups())
    return (((days * 24 + hours) * 60 + minutes) * 60 + seconds) * NS_PER_SECOND


def _memory(resources: str) -> float:
    """Memory named in a list of trackable resources, 0 where there is none. [GB]"""
    match = _MEMORY.search(resources)
    return float(match[1]) * _GB[match[2]] if match else 0.0

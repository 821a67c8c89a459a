"""What ``gridtide fleet`` says and writes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from gridtide.api.fleet import BASELINE
from gridtide.cli import payload, wording
from gridtide.domain.durations import format_duration
from gridtide.domain.instants import from_ns, isoformat, to_ns

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import timedelta
    from pathlib import Path

    from gridtide.api.fleet import FleetAnswer, PlannedJob, ZoneUse
    from gridtide.cli.fleet_zones import KnownZone
    from gridtide.cli.session import Session
    from gridtide.cli.shapes import FleetJobShape, FleetRegionShape
    from gridtide.simulation.traces import Rejected

__all__ = ["lines_of", "payload_of", "write"]

_TIMES: Final = ("start", "end")
_SHOWN: Final = 20
"""Jobs without a place that people are shown, and rows that were left out in the JSON answer."""
_DIGITS: Final = 9


def payload_of(
    session: Session,
    answer: FleetAnswer,
    known: Sequence[KnownZone],
    rejected: Sequence[Rejected],
    written: Path | None,
) -> Mapping[str, object]:
    """The answer for programs."""
    gap = answer.gap
    return {
        "now": payload.instant(session.now),
        "step_s": _step(answer).total_seconds(),
        "steps": answer.slots.size,
        "method": answer.method,
        "baseline": BASELINE,
        "count": len(answer.jobs),
        "placed": len(answer.placed),
        "compared": len(answer.compared),
        "grams": _rounded(answer.grams),
        "run_now_g": _rounded(answer.run_now_g),
        "saved_g": _rounded(answer.saved_g),
        "saving_percent": None if answer.saving is None else _rounded(100.0 * answer.saving),
        "transfer_g": _rounded(answer.transfer_g),
        "transfer_kwh_per_gb": answer.kwh_per_gb,
        "planned_g": _rounded(answer.planned_g),
        "bound_g": _rounded(answer.bound_g),
        "gap_percent": None if gap is None else _rounded(100.0 * gap),
        "regions": [_region(one, use) for one, use in zip(known, answer.zones, strict=True)],
        "jobs": [_job(job) for job in answer.jobs],
        "rejected": {
            "count": len(rejected),
            "first": [{"where": row.where, "why": row.why} for row in rejected[:_SHOWN]],
        },
        "signal": payload.signal(answer.signal),
        "file": None if written is None else str(written),
        "warnings": session.say.warnings,
    }


def lines_of(session: Session, answer: FleetAnswer, known: Sequence[KnownZone]) -> list[str]:
    """The answer for people."""
    zone, unplaced = session.shown_timezone, answer.unplaced
    steps = f"{answer.slots.size:,} steps of {format_duration(_step(answer))}"
    head = f"{len(answer.placed):,} of {len(answer.jobs):,} jobs have a place, in {steps} from"
    lines = [session.say.paint(f"{head} {wording.when(session.now, zone)}", "bold"), *wording.fields(_facts(answer))]
    lines += ["", *wording.columns(_table(answer, known), right=frozenset(range(1, 6)), indent="  ")]
    if unplaced:
        lines += ["", "without a place"]
        lines += wording.fields((job.id, job.why) for job in unplaced[:_SHOWN])
        if len(unplaced) > _SHOWN:
            lines.append(f"  and {len(unplaced) - _SHOWN:,} more; --json and --out have them all")
    first = next(one.reading for one in known if one.zone.series)
    return [*lines, "", *wording.fields(wording.source_lines(answer.signal, first))]


def write(answer: FleetAnswer, path: Path) -> Path:
    """
    Write a row per job; the ending of *path* says how.

    Raises:
        InvalidInput: The file cannot be written.
    """
    from gridtide.reporting.tables import TableFormat, write_table  # noqa: PLC0415 - polars is slow to import

    rows = [_row(job) for job in answer.jobs]
    columns = {name: [row[name] for row in rows] for name in rows[0]}
    return write_table(path.with_suffix(""), columns, TableFormat(path.suffix[1:]), instants=_TIMES)


def _facts(answer: FleetAnswer) -> list[tuple[str, str]]:
    compared, placed = len(answer.compared), len(answer.placed)
    of = "" if compared == placed else f" (of the {compared:,} whose baseline is known)"
    change = wording.percent(None if answer.saving is None else -answer.saving)
    facts = [
        ("emissions", _mass(answer.grams)),
        (f"against {BASELINE}", f"{change}, {_mass(answer.run_now_g)} at once at home, capacity not counted{of}"),
    ]
    if answer.transfer_g > 0:
        facts.append(("of it transfer", f"{_mass(answer.transfer_g)}, at {answer.kwh_per_gb:g} kWh/GB"))
    gap = "unknown" if answer.gap is None else f"at most {100.0 * answer.gap:.2f} %"
    whole = "" if _close(answer.grams, answer.planned_g) else f" of {_mass(answer.planned_g)} in whole steps"
    facts.append(("above the best", f"{gap}{whole}; no plan is below {_mass(answer.bound_g)}"))
    facts.append(("method", answer.method))
    return facts


def _table(answer: FleetAnswer, known: Sequence[KnownZone]) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = [("region", "jobs", "kWh", "peak kW", "of kW", "kgCO2eq", "")]
    for one, use in zip(known, answer.zones, strict=True):
        held = one.zone.capacity_kw
        rows.append(
            (
                use.name,
                f"{use.jobs:,}",
                f"{use.energy_kwh:,.1f}",
                f"{use.peak_kw:,.1f}",
                "-" if held == float("inf") else f"{held:,.1f}",
                f"{use.grams / 1000.0:,.2f}",
                _note(one, use, answer),
            )
        )
    return rows


def _note(one: KnownZone, use: ZoneUse, answer: FleetAnswer) -> str:
    if one.zone.problem:
        return f"nothing is known: {one.zone.problem}"
    missing = answer.slots.size - use.known_slots
    return f"{missing:,} of {answer.slots.size:,} steps are unknown and hold no job" if missing else ""


def _region(one: KnownZone, use: ZoneUse) -> FleetRegionShape:
    return {
        "name": use.name,
        "place": payload.place(one.place),
        "capacity_kw": _finite(one.zone.capacity_kw),
        "quota_kwh": _finite(one.zone.quota_kwh),
        "jobs": use.jobs,
        "energy_kwh": _rounded(use.energy_kwh),
        "peak_kw": _rounded(use.peak_kw),
        "grams": _rounded(use.grams),
        "known_steps": use.known_slots,
        "freshness": payload.freshness(one.reading),
        "problem": one.zone.problem or None,
    }


def _job(job: PlannedJob) -> FleetJobShape:
    return {
        "id": job.id,
        "home": job.home,
        "region": job.zone,
        "start": payload.instant(job.runs[0].start) if job.runs else None,
        "end": payload.instant(job.runs[-1].end) if job.runs else None,
        "intervals": payload.intervals(job.runs),
        "power_w": _rounded(job.power_w),
        "energy_kwh": _rounded(job.energy_kwh),
        "grams": _known(job.grams),
        "run_now_g": _known(job.run_now_g),
        "saved_g": _known(job.saved_g),
        "transfer_g": _known(job.transfer_g),
        "why": job.why,
    }


def _row(job: PlannedJob) -> dict[str, Any]:
    """A row of the file; pauses stand in *runs*, with ``|`` between two stretches."""
    shared = {name: value for name, value in _job(job).items() if name not in {"intervals", "why"}}
    return {
        **shared,
        "start": to_ns(job.runs[0].start) if job.runs else None,
        "end": to_ns(job.runs[-1].end) if job.runs else None,
        "runs": "|".join(f"{isoformat(run.start)}/{isoformat(run.end)}" for run in job.runs),
        "why": job.why,
    }


def _step(answer: FleetAnswer) -> timedelta:
    return from_ns(answer.slots.step_ns) - from_ns(0)


def _mass(grams: float) -> str:
    return f"{grams / 1000.0:,.1f} kgCO2eq" if abs(grams) >= 10_000.0 else f"{grams:,.1f} gCO2eq"


def _close(one: float, other: float) -> bool:
    return abs(one - other) <= 1e-6 * max(abs(one), abs(other), 1.0)


def _finite(bound: float) -> float | None:
    return None if bound == float("inf") else bound


def _rounded(value: float) -> float:
    return round(value, _DIGITS)


def _known(value: float | None) -> float | None:
    return None if value is None else _rounded(value)

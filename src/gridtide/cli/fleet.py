"""``gridtide fleet``: a table of jobs, several zones, shared capacity, one plan for all."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from gridtide.cli.errors import Usage
from gridtide.cli.options import OutputOptions, SourceOptions, read_duration, set_by

if TYPE_CHECKING:
    from datetime import timedelta

    from gridtide.api.fleet import FleetAnswer
    from gridtide.cli.fleet_zones import KnownZone, ZoneWish
    from gridtide.cli.session import Session
    from gridtide.simulation.job_table import JobTable
    from gridtide.simulation.traces import Rejected

__all__ = ["EXAMPLES", "command"]

EXAMPLES = (
    "gridtide fleet jobs.csv --zone US-CAL-CISO=500 --zone US-NW-BPAT=200 --out plan.csv",
    "gridtide fleet jobs.csv --zone DE=de.csv --zone SE-SE3=se.csv --capacity SE-SE3=50 --at 2026-01-05T18:00Z",
)
"""Shown after the help."""

_METHODS: Final = ("auto", "exact", "fast")
_ENDINGS: Final = (".csv", ".json", ".parquet")


def command(
    jobs: Annotated[Path, typer.Argument(metavar="JOBS.csv", help="Table of jobs, a line each.")],
    *,
    zone: Annotated[
        list[str] | None,
        typer.Option(
            "--zone", metavar="NAME", help="Zone or cloud region to run in; NAME=KW or NAME=FILE. Repeatable."
        ),
    ] = None,
    capacity: Annotated[
        list[str] | None,
        typer.Option("--capacity", metavar="NAME=KW", help="Most power of a zone at any time. Repeatable. [kW]"),
    ] = None,
    quota: Annotated[
        list[str] | None,
        typer.Option("--quota", metavar="NAME=KWH", help="Most energy of a zone in all. Repeatable. [kWh]"),
    ] = None,
    step: Annotated[str, typer.Option("--step", metavar="DURATION", help="Jobs start on multiples of it.")] = "1h",
    spread: Annotated[
        str, typer.Option("--spread", metavar="DURATION", help="Spread the starts of one step over this long.")
    ] = "0s",
    max_delay: Annotated[str | None, set_by("--max-delay")] = None,
    power: Annotated[
        float | None, typer.Option("--power", metavar="W", help="Power of jobs that say none. [W]", min=0.001)
    ] = None,
    method: Annotated[
        str, typer.Option("--method", metavar="NAME", help=f"How to plan: {', '.join(_METHODS)}.")
    ] = "auto",
    accept_uncertain: Annotated[
        bool, typer.Option("--accept-uncertain", help="Move data by the middle published figure, not the highest.")
    ] = False,
    max_errors: Annotated[
        int, typer.Option("--max-errors", metavar="N", min=0, help="Bad rows of the table that are left out.")
    ] = 0,
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="FILE", help=f"Write a row per job; the ending says how: {', '.join(_ENDINGS)}."),
    ] = None,
    unit: Annotated[str | None, typer.Option("--unit", metavar="UNIT", help="Unit of the files of --zone.")] = None,
    step_shape: Annotated[
        str | None,
        typer.Option("--step-shape", metavar="SHAPE", help="Between the rows of these: constant (default) or linear."),
    ] = None,
    where: SourceOptions,
    say: OutputOptions,
) -> None:
    """
    Plan many jobs together: where and when each runs, so that capacity holds and emissions are few.

    Says how far the plan can be above the best one, and what it saves against run-now: every job at once at home,
    capacity not counted. Nothing is started. Jobs without a place are listed with why; exit code 65 when none has one.
    """
    from gridtide.cli import fleet_answer, fleet_zones  # noqa: PLC0415 - keeps --help light
    from gridtide.planning.transfer import PUBLISHED_TRANSFER  # noqa: PLC0415

    _check(method, out)
    pace, window = _duration(step, "--step"), _duration(spread, "--spread", allow_zero=True)
    if window > pace:
        raise Usage(f"--spread is {spread}; allowed: at most --step ({step})", field="--spread")
    wishes = fleet_zones.read_wishes(zone or [], capacity or [], quota or [])
    session = fleet_zones.open_session(
        wishes, where, say, unit=unit, step_shape=step_shape, overrides={"policies.max_delay": max_delay}
    )
    wishes = wishes or fleet_zones.own_zones(session, capacity or [], quota or [])
    table, rejected = _table(session, jobs, wishes, power=power, max_errors=max_errors)
    energy = PUBLISHED_TRANSFER.middle if accept_uncertain else PUBLISHED_TRANSFER.high
    answer, known = _plan(session, table, wishes, step=pace, spread=window, method=method, kwh_per_gb=energy)
    written = None if out is None else fleet_answer.write(answer, out)
    if written is not None:
        session.say.note(f"wrote {written}")
    session.say.answer(
        fleet_answer.payload_of(session, answer, known, rejected, written),
        fleet_answer.lines_of(session, answer, known),
    )


def _check(method: str, out: Path | None) -> None:
    if method not in _METHODS:
        raise Usage(f"--method is {method[:40]!r}; allowed: {', '.join(_METHODS)}", field="--method")
    if out is not None and out.suffix not in _ENDINGS:
        raise Usage(f"--out ends in {out.suffix[:20]!r}; allowed: {', '.join(_ENDINGS)}", field="--out")


def _duration(text: str, flag: str, *, allow_zero: bool = False) -> timedelta:
    found = read_duration(text, flag, allow_zero=allow_zero)
    assert found is not None  # noqa: S101 - the flags have defaults
    return found


def _table(
    session: Session, path: Path, wishes: list[ZoneWish], *, power: float | None, max_errors: int
) -> tuple[JobTable, tuple[Rejected, ...]]:
    """Jobs of the file, and the rows that were left out."""
    from gridtide.api import fleet  # noqa: PLC0415 - keeps --help light
    from gridtide.cli import fleet_zones  # noqa: PLC0415

    table, rejected = fleet.read_jobs(
        path,
        fleet_zones.aliases(session, wishes),
        max_delay=session.settings.policies.max_delay,
        power_w=power,
        tz=session.settings.timezone or None,
        max_errors=max_errors,
    )
    for row in rejected:
        session.say.warn(f"{row.where}: left out: {row.why}")
    return table, rejected


def _plan(
    session: Session,
    table: JobTable,
    wishes: list[ZoneWish],
    *,
    step: timedelta,
    spread: timedelta,
    method: str,
    kwh_per_gb: float,
) -> tuple[FleetAnswer, list[KnownZone]]:
    """The plan and what is known of its zones; refuses one that places nothing."""
    from gridtide.api import fleet  # noqa: PLC0415 - keeps --help light
    from gridtide.cli import fleet_zones, progress  # noqa: PLC0415
    from gridtide.domain.errors import InvalidInput  # noqa: PLC0415
    from gridtide.planning.fleet import Method  # noqa: PLC0415

    known = fleet_zones.read_zones(session, wishes, table)
    title = f"planning {_count(table.size, 'job')} in {_count(len(known), 'zone')}"
    with progress.working(title, quiet=session.say.quiet or session.say.as_json):
        answer = fleet.plan_jobs(
            table,
            [found.zone for found in known],
            now=session.now,
            step=step,
            method=Method(method),
            kwh_per_gb=kwh_per_gb,
            spread=spread,
        )
    if not answer.placed:
        first = answer.unplaced[0]
        raise InvalidInput(
            f"none of {table.size} jobs can be placed; the first, {first.id[:60]!r}: {first.why}",
            hint="look at --at, the deadlines, --step and --capacity",
            field="jobs",
        )
    return answer, known


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"

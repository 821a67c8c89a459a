"""``gridtide potential``: is shifting in time worth it at all in a zone? From history, with the thresholds stated."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from gridtide.cli.output import Output

if TYPE_CHECKING:
    from gridtide.domain.series import Series
    from gridtide.simulation.potential import Potential

__all__ = ["command"]

_WHOLE_YEAR: Final = 8000
"""Steps from which a recording counts as a year, to compare with."""


def command(
    zone: Annotated[str, typer.Argument(metavar="ZONE", help="A recorded zone, or any name with --series.")],
    *,
    series: Annotated[
        Path | None, typer.Option("--series", metavar="FILE", help="History of the zone (CSV, JSON or Parquet).")
    ] = None,
    unit: Annotated[str, typer.Option("--unit", metavar="UNIT", help="Unit of the file.")] = "gCO2eq/kWh",
    tz: Annotated[
        str | None, typer.Option("--tz", metavar="ZONE", help="Time zone of local times in the file.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Say from history what waiting for cleaner hours would have saved, and whether to bother."""
    from gridtide.simulation import potential  # noqa: PLC0415 - keeps --help light

    voice = Output("potential", as_json=as_json)
    values, warnings = _history(zone, series, unit=unit, tz=tz)
    for warning in warnings:
        voice.warn(warning)
    made = potential.potential_of(values)
    references = {name: saving for name, saving in _references().items() if name != zone}
    voice.answer(_payload(zone, values, made, references, voice), _lines(zone, values, made, references))


def _history(zone: str, path: Path | None, *, unit: str, tz: str | None) -> tuple[Series, tuple[str, ...]]:
    from gridtide.domain.errors import InvalidInput  # noqa: PLC0415 - keeps --help light
    from gridtide.grid import files, recordings  # noqa: PLC0415

    if path is not None:
        found = files.read_series(path, unit=unit, tz=tz, zone=zone)
        return found.series, found.warnings
    recorded = recordings.recording(zone)
    if recorded is None:
        known = ", ".join(recordings.recorded_zones())
        raise InvalidInput(
            f"zone {zone[:40]!r} is not recorded; recorded: {known}",
            hint="bring its history into a file with `gridtide data import`, then add --series FILE",
            field="zone",
        )
    return recorded.series, ()


def _references() -> dict[str, float]:
    """Potential of the recorded years that come with the package."""
    from gridtide.grid import recordings  # noqa: PLC0415 - keeps --help light
    from gridtide.simulation import potential  # noqa: PLC0415

    found = {name: recordings.recording(name) for name in recordings.recorded_zones()}
    years = {name: r.series for name, r in found.items() if r is not None and r.series.size >= _WHOLE_YEAR}
    return potential.reference_savings(years)


def _payload(
    zone: str, values: Series, made: Potential, references: dict[str, float], voice: Output
) -> dict[str, object]:
    from gridtide.domain.instants import isoformat  # noqa: PLC0415 - keeps --help light
    from gridtide.simulation import potential  # noqa: PLC0415

    signal = values.signal
    return {
        "zone": zone,
        "provider": signal.provider,
        "kind": str(signal.kind),
        "scope": str(signal.scope),
        "start": isoformat(made.window.start),
        "end": isoformat(made.window.end),
        "mean_g_per_kwh": made.mean_g_per_kwh,
        "spread_pct": made.spread_pct,
        "rows": [asdict(row) for row in made.rows],
        "rank": potential.rank_of(made, references),
        "rank_of": len(references) + 1,
        "compared_with": references,
        "verdict": str(made.verdict),
        "verdict_text": _verdict(made),
        "slack_needed_h": made.slack_needed_h,
        "guessed": made.guessed,
        "thresholds": {
            "do_nothing_below_pct": potential.SMALL_PCT,
            "worth_it_from_pct": potential.WORTH_PCT,
            "duration_h": potential.MEASURE[0],
            "slack_h": potential.MEASURE[1],
        },
        "attribution": signal.attribution,
        "warnings": voice.warnings,
    }


def _lines(zone: str, values: Series, made: Potential, references: dict[str, float]) -> list[str]:
    from gridtide.cli import wording  # noqa: PLC0415 - keeps --help light
    from gridtide.simulation import potential  # noqa: PLC0415

    rows = [("job", "may wait", "possible", "expected", "share")]
    rows += [
        (
            f"{row.duration_h} h",
            f"{row.slack_h} h",
            f"{row.oracle_savings_pct:.1f} %",
            "unknown" if row.expected_savings_pct is None else f"{row.expected_savings_pct:.1f} %",
            "-" if row.pct_of_oracle_savings is None else f"{row.pct_of_oracle_savings:.0f} %",
        )
        for row in made.rows
    ]
    hours, slack = potential.MEASURE
    place = f"{potential.rank_of(made, references)} of {len(references) + 1}"
    basis = (
        f"Savings against run-now, arrivals every hour of {made.window}, mean {made.mean_g_per_kwh:.0f} "
        f"{values.signal.unit}, spread {made.spread_pct:.0f} %."
    )
    rule = (
        f"Verdict by the expected saving of a {hours} h job that may wait {slack} h: below {potential.SMALL_PCT:g} % "
        f"do nothing, from {potential.WORTH_PCT:g} % on worth it."
    )
    return [
        f"{zone}: {_verdict(made)}",
        "",
        *wording.columns(rows, right=frozenset(range(5)), indent="  "),
        "",
        basis,
        "Possible: a perfect forecast. Expected: our own forecast from what was known then, made again every hour.",
        f"Rank {place} beside the recorded years of {', '.join(references)} (possible, {hours} h job, {slack} h).",
        rule,
        *([f"Data: {values.signal.attribution}"] if values.signal.attribution else []),
    ]


def _verdict(made: Potential) -> str:
    from gridtide.simulation.potential import Verdict  # noqa: PLC0415 - keeps --help light

    basis = " (history too short for a forecast: half of the possible is assumed)" if made.guessed else ""
    if made.verdict is Verdict.WORTH_IT:
        return f"worth it: jobs that may wait {made.slack_needed_h} h or longer save noticeably{basis}"
    if made.verdict is Verdict.LONG_SLACK_ONLY:
        return f"only for jobs that may wait {made.slack_needed_h} h or longer; leave the rest alone{basis}"
    most = max(row.oracle_savings_pct if made.guessed else row.expected_savings_pct or 0.0 for row in made.rows)
    return f"do nothing here: the grid is too flat, waiting saves {most:.0f} % at best{basis}; look at other regions"

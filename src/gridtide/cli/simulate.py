"""``gridtide simulate``: policies side by side on past grid data, in virtual time, through the production engine."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from gridtide.cli.errors import Usage
from gridtide.cli.output import Output

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from gridtide.simulation.experiment import Experiment
    from gridtide.simulation.scenario import Scenario

__all__ = ["command"]

_FORMATS: Final = ("csv", "parquet", "json")
_SHOWN_REJECTS: Final = 20


def command(
    scenario: Annotated[
        Path | None, typer.Argument(metavar="SCENARIO", help="Scenario file (TOML, YAML or JSON).")
    ] = None,
    *,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="Write runs and tables into this folder.")
    ] = None,
    table_format: Annotated[
        str, typer.Option("--format", metavar="FORMAT", help=f"Format of the files ({', '.join(_FORMATS)}).")
    ] = "csv",
    html: Annotated[
        Path | None, typer.Option("--html", metavar="FILE", help="Write one self-contained report page.")
    ] = None,
    export: Annotated[
        Path | None, typer.Option("--export", metavar="DIR", help="Write every chart as SVG and PNG into this folder.")
    ] = None,
    max_errors: Annotated[
        int | None, typer.Option("--max-errors", metavar="N", min=0, help="Bad rows of a trace that are left out.")
    ] = None,
    init: Annotated[bool, typer.Option("--init", help="Print a commented example scenario and leave.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress bar and no notes.")] = False,
) -> None:
    """
    Run policies on the same jobs and past grid data, and say what each would have saved against run-now.

    Nothing is started and nothing is read from a network. Losses are shown as they are.
    """
    from gridtide.simulation import example  # noqa: PLC0415 - keeps --help light

    if init:
        sys.stdout.write(example.SCENARIO)
        return
    if scenario is None:
        raise Usage("no scenario is given", hint="gridtide simulate --init > scenario.toml", field="scenario")
    if table_format not in _FORMATS:
        raise Usage(f"--format is {table_format!r}; allowed: {', '.join(_FORMATS)}", field="format")
    voice = Output("simulate", as_json=as_json, quiet=quiet)
    experiment = _run(_read(scenario, max_errors), voice)
    for note in experiment.notes:
        voice.note(f"note: {note}")
    files = _write(experiment, out=out, table_format=table_format, html=html, export=export)
    for path in files:
        voice.note(f"wrote {path}")
    voice.answer(_payload(experiment, files, voice), _lines(experiment))


def _read(path: Path, max_errors: int | None) -> Scenario:
    from gridtide.simulation.scenario import read_scenario  # noqa: PLC0415 - keeps --help light

    found = read_scenario(path)
    return found if max_errors is None else found.tolerating(max_errors)


def _run(scenario: Scenario, voice: Output) -> Experiment:
    from gridtide.simulation.experiment import run_scenario  # noqa: PLC0415 - keeps --help light

    with _progress(shown=not voice.quiet and sys.stderr.isatty()) as tell:
        return run_scenario(scenario, progress=tell)


@contextmanager
def _progress(*, shown: bool) -> Iterator[Callable[[str, int, int], None] | None]:
    """A bar on a terminal's stderr; nothing for programs."""
    if not shown:
        yield None
        return
    from rich.console import Console  # noqa: PLC0415 - only for people
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn  # noqa: PLC0415

    columns = (TextColumn("{task.description}", markup=False), BarColumn(), TextColumn("{task.percentage:>3.0f} %"))
    with Progress(*columns, TimeRemainingColumn(), console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("starting", total=None)
        yield lambda name, done, total: bar.update(task, description=name, completed=done, total=total)


def _write(
    experiment: Experiment, *, out: Path | None, table_format: str, html: Path | None, export: Path | None
) -> list[Path]:
    files: list[Path] = []
    if out is not None:
        files += _write_tables(experiment, out, table_format)
    if html is not None or export is not None:
        from gridtide.cli import simulation_page  # noqa: PLC0415 - only for reports

        files += simulation_page.write(experiment, html=html, export=export)
    return files


def _write_tables(experiment: Experiment, out: Path, table_format: str) -> list[Path]:
    from gridtide.cli import simulation_tables  # noqa: PLC0415 - polars is slow to import
    from gridtide.reporting.tables import TableFormat, write_table  # noqa: PLC0415
    from gridtide.simulation import results  # noqa: PLC0415

    form = TableFormat(table_format)
    files = [write_table(out / "runs", results.columns(experiment), form, instants=results.TIMES)]
    for name, rows in simulation_tables.tables(experiment).items():
        if rows:
            files.append(write_table(out / name, {key: [row[key] for row in rows] for key in rows[0]}, form))
    if experiment.rejected:
        columns = {"where": [r.where for r in experiment.rejected], "why": [r.why for r in experiment.rejected]}
        files.append(write_table(out / "rejected", columns, TableFormat.CSV))
    return files


def _payload(experiment: Experiment, files: list[Path], voice: Output) -> dict[str, object]:
    from gridtide.cli import simulation_tables  # noqa: PLC0415 - keeps --help light
    from gridtide.domain.instants import isoformat  # noqa: PLC0415

    scenario = experiment.scenario
    return {
        "name": scenario.name,
        "start": isoformat(scenario.start),
        "end": isoformat(scenario.end),
        "seed": scenario.seed,
        "belief": scenario.belief.kind,
        "baseline": simulation_tables.BASELINE,
        "mode": "past data replayed in virtual time",
        "jobs": experiment.jobs.size,
        "policies": [
            {"name": p.name, "method": p.method, "places": p.places, "pauses": p.pauses} for p in scenario.policies
        ],
        "transfer_kwh_per_gb": dict(zip(("low", "middle", "high"), scenario.transfer.kwh_per_gb, strict=True)),
        **simulation_tables.tables(experiment),
        "signals": simulation_tables.signals(experiment),
        "rejected": {
            "count": len(experiment.rejected),
            "first": [{"where": r.where, "why": r.why} for r in experiment.rejected[:_SHOWN_REJECTS]],
        },
        "attributions": list(experiment.attributions),
        "notes": list(experiment.notes),
        "files": [str(path) for path in files],
        "warnings": voice.warnings,
    }


def _lines(experiment: Experiment) -> list[str]:
    from gridtide.cli import simulation_tables, wording  # noqa: PLC0415 - keeps --help light
    from gridtide.simulation import summary  # noqa: PLC0415
    from gridtide.simulation.experiment import OWN_POWER_W  # noqa: PLC0415

    scenario = experiment.scenario
    tables = simulation_tables.tables(experiment)
    at_home = {policy.name for policy in scenario.policies if policy.method == "run-now" and not policy.routes}
    moved, by_class = tables["moves"], [row for row in tables["by_class"] if row["policy"] not in at_home]
    rows = [("policy", "home" if moved else "zone", "saves", "possible", "share", "delay", "95 %", "late", "kg")]
    rows += [
        (
            row.policy,
            row.zone,
            _percent(row.savings_pct),
            _percent(row.oracle_savings_pct),
            _percent(row.pct_of_oracle_savings, digits=0),
            f"{row.mean_delay_h:.1f} h",
            f"{row.p95_delay_h:.1f} h",
            str(row.late_jobs),
            "unknown" if row.grams is None else f"{row.grams / 1000.0:,.2f}",
        )
        for row in summary.summaries(experiment)
    ]
    jobs, zones = experiment.jobs.size, len(experiment.jobs.zones)
    head = f"{scenario.name}: {_count(jobs, 'job')}, {_count(zones, 'zone')}, {scenario.window}"
    own = summary.own_footprint(experiment)
    baseline = f"{simulation_tables.BASELINE} at home" if moved else simulation_tables.BASELINE
    cpu = experiment.forecast_cpu_s + sum(f.cpu_s for f in own)
    grams = cpu / 3600.0 * OWN_POWER_W / 1000.0 * experiment.mean_g_per_kwh
    return [
        head,
        *wording.columns(rows, right=frozenset(range(2, 9)), indent="  "),
        *(("", *_class_lines(by_class)) if by_class else ()),
        *(("", *_move_lines(moved)) if moved else ()),
        "",
        f"Savings against {baseline}, on what came true; possible: a perfect forecast, no capacity.",
        f"Belief: {scenario.belief.kind}; seed {scenario.seed}; simulating took {cpu:.2f} CPU s, about {grams:.3g} g.",
        *(f"Data: {credit}" for credit in experiment.attributions),
    ]


def _class_lines(by_class: list[dict[str, Any]]) -> list[str]:
    """What each class of work saved, and how long it waited."""
    from gridtide.cli import wording  # noqa: PLC0415 - keeps --help light

    rows = [("policy", "class", "jobs", "saves", "possible", "delay", "longest", "late", "kg")]
    rows += [
        (
            row["policy"],
            row["class"],
            str(row["jobs"]),
            _percent(row["savings_pct"]),
            _percent(row["oracle_savings_pct"]),
            f"{row['mean_delay_h']:.1f} h",
            f"{row['longest_delay_h']:.1f} h",
            str(row["late_jobs"]),
            "unknown" if row["grams"] is None else f"{row['grams'] / 1000.0:,.2f}",
        )
        for row in by_class
    ]
    return wording.columns(rows, right=frozenset(range(2, 9)), indent="  ")


def _move_lines(moved: list[dict[str, Any]]) -> list[str]:
    """Where the work of policies that may move it has run, with the range of what moving its data emitted."""
    from gridtide.cli import wording  # noqa: PLC0415 - keeps --help light

    rows = [("policy", "home", "ran in", "jobs", "GB moved", "kg for moving", "kg", "saves")]
    rows += [
        (
            row["policy"],
            row["home"],
            row["region"],
            str(row["jobs"]),
            f"{row['data_gb']:,.0f}" if row["home"] != row["region"] else "-",
            _band(row),
            "unknown" if row["grams"] is None else f"{row['grams'] / 1000.0:,.2f}",
            _percent(row["savings_pct"]),
        )
        for row in moved
    ]
    return wording.columns(rows, right=frozenset({3, 4, 5, 6, 7}), indent="  ")


def _band(row: dict[str, Any]) -> str:
    if not row["transfer_g_high"]:
        return "-"
    low, middle, high = (row[key] / 1000.0 for key in ("transfer_g_low", "transfer_g", "transfer_g_high"))
    return f"{middle:,.2f} ({low:,.2f} to {high:,.2f})"


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _percent(value: float | None, *, digits: int = 1) -> str:
    return "-" if value is None else f"{round(value, digits) + 0.0:.{digits}f} %"

"""From an experiment to its report page and its charts as files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gridtide.cli import simulation_tables
from gridtide.domain.durations import format_duration
from gridtide.domain.instants import isoformat
from gridtide.reporting import charts, page, tables
from gridtide.reporting.simulation import SimulationFacts, simulation_page
from gridtide.simulation.experiment import OWN_POWER_W

if TYPE_CHECKING:
    from pathlib import Path

    from gridtide.simulation.experiment import Experiment
    from gridtide.simulation.scenario import Scenario

__all__ = ["facts_of", "write"]


def write(experiment: Experiment, *, html: Path | None, export: Path | None) -> list[Path]:
    """Write the page and the pictures that were asked for; returns their paths."""
    made = simulation_page(facts_of(experiment))
    files = []
    if html is not None:
        tables.write_bytes(html, page.render(made).encode("utf-8"))
        files.append(html)
    if export is not None:
        for figure in made.figures:
            if figure.spec is not None:
                for ending, drawn in (
                    ("svg", charts.svg(figure.spec, background="white").encode("utf-8")),
                    ("png", charts.png(figure.spec)),
                ):
                    files.append(export / f"{figure.key}.{ending}")
                    tables.write_bytes(files[-1], drawn)
    return files


def facts_of(experiment: Experiment) -> SimulationFacts:
    """What the page tells, as plain values."""
    scenario, work = experiment.scenario, experiment.scenario.work
    span = f"{isoformat(scenario.start)} to {isoformat(scenario.end)} ({format_duration(scenario.window.length)})"
    drawn = (
        f"drawn ({work.generator}), {format_duration(work.duration.low)} to {format_duration(work.duration.high)} long"
    )
    places = "zone" if len(experiment.jobs.zones) == 1 else "zones"
    source = f"{work.file.name} ({work.format})" if work.file else drawn
    belief = scenario.belief
    errors = f", error {belief.error:g}" if belief.kind in {"white", "ar1"} else ""
    known = {
        "perfect": "the future itself",
        "issued": "recorded forecasts, each from its issue on",
        "history": f"own forecasts from history ({belief.method})",
    }
    faults = [
        f"{f.kind} {isoformat(f.start)} to {isoformat(f.end)} in {f.zone or 'every zone'}" for f in scenario.faults
    ]
    return SimulationFacts(
        name=scenario.name,
        facts=(
            ("time", span),
            ("jobs", f"{experiment.jobs.size:,} in {len(experiment.jobs.zones)} {places}, {source}"),
            ("baseline", "run-now: the same job with the same power, started when it arrived, at home"),
            *_moving(scenario),
            ("policies were told", known.get(belief.kind, f"the truth with {belief.kind} errors{errors}")),
            ("faults injected", "; ".join(faults) or "none"),
            ("seed", str(scenario.seed)),
            (
                "method",
                f"Gridtide {_version()}: the production planner and engine in virtual time, paid on what came true",
            ),
        ),
        policies=[p.name for p in scenario.policies],
        at_once=frozenset(p.name for p in scenario.policies if p.method == "run-now" and not p.routes),
        tables=simulation_tables.tables(experiment),
        signals=simulation_tables.signals(experiment),
        notes=experiment.notes,
        credits=experiment.attributions,
        own_power_w=OWN_POWER_W,
    )


def _moving(scenario: Scenario) -> list[tuple[str, str]]:
    """Which policies may move work, and what moving is counted with; nothing where none may."""
    movers = [policy.name for policy in scenario.policies if policy.routes]
    if not movers:
        return []
    low, middle, high = scenario.transfer.kwh_per_gb
    cost = f"data at {middle:g} kWh/GB ({low:g} to {high:g}) and {scenario.transfer.mbit_per_s:g} Mbit/s"
    named = ", ".join(f'"{name}"' for name in movers)
    return [("may move work", f"{named}; {cost}")]


def _version() -> str:
    from importlib.metadata import version  # noqa: PLC0415 - only for reports

    return version("gridtide")

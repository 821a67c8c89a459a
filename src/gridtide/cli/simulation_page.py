"""From an experiment to its report page and its charts as files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gridtide.cli import simulation_tables
from gridtide.domain.durations import format_duration
from gridtide.domain.instants import isoformat
from gridtide.domain.workload import Elasticity
from gridtide.reporting import charts, page, tables
from gridtide.reporting.simulation import SimulationFacts, simulation_page
from gridtide.simulation.experiment import OWN_POWER_W

if TYPE_CHECKING:
    from pathlib import Path

    from gridtide.simulation.experiment import Experiment
    from gridtide.simulation.job_table import JobTable
    from gridtide.simulation.scenario import Scenario
    from gridtide.simulation.specs import PolicySpec, WorkSpec

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
    scenario = experiment.scenario
    span = f"{isoformat(scenario.start)} to {isoformat(scenario.end)} ({format_duration(scenario.window.length)})"
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
            ("jobs", _jobs(experiment)),
            ("baseline", "run-now: the same job with the same power, started when it arrived, at home"),
            ("policies", "; ".join(f'"{policy.name}": {_rule(policy)}' for policy in scenario.policies)),
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


def _jobs(experiment: Experiment) -> str:
    """How many jobs of which classes in how many zones, and where they are from."""
    scenario, jobs = experiment.scenario, experiment.jobs
    classes = "" if jobs.classes == [Elasticity.ELASTIC] else f" ({_by_class(jobs)})"
    places = "zone" if len(jobs.zones) == 1 else "zones"
    several = len(scenario.kinds) > 1
    sources = [f'"{work.label}" {_source(work)}' if several else _source(work) for work in scenario.kinds]
    return f"{jobs.size:,}{classes} in {len(jobs.zones)} {places}{':' if several else ','} {'; '.join(sources)}"


def _by_class(jobs: JobTable) -> str:
    return ", ".join(f"{int(jobs.of_class(elasticity).sum()):,} {elasticity}" for elasticity in jobs.classes)


def _source(work: WorkSpec) -> str:
    if work.file:
        return f"{work.file.name} ({work.format})"
    shortest, longest = format_duration(work.duration.low), format_duration(work.duration.high)
    return f"drawn ({work.generator}), {shortest}{'' if shortest == longest else f' to {longest}'} long"


def _rule(policy: PolicySpec) -> str:
    """How one policy decides."""
    bound = f" at {policy.threshold:g} gCO2eq/kWh" if policy.threshold is not None else ""
    share = f" at percentile {policy.percentile:g}" if policy.percentile is not None else ""
    also = [
        *(["with pauses"] if policy.pauses else []),
        *([f"from {policy.min_saving:.0%} saving on"] if policy.min_saving else []),
        *([f"{policy.releases_per_minute:g} starts a minute"] if policy.releases_per_minute is not None else []),
        *(["in any zone"] if policy.routes else []),
    ]
    return ", ".join((f"{policy.method}{bound}{share}", *also))


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

"""The work of a scenario, every kind of it drawn or read, as one table by arrival."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from gridtide.simulation import generate, traces
from gridtide.simulation.job_table import JobTable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gridtide.simulation.scenario import Scenario
    from gridtide.simulation.traces import Rejected

__all__ = ["jobs_of"]


def jobs_of(scenario: Scenario) -> tuple[JobTable, tuple[Rejected, ...]]:
    """
    All jobs of *scenario*, and the rows of traces that were left out.

    Raises:
        InvalidInput: The scenario is too short for its own work, or a trace names an unknown zone.
        MalformedFile: A trace is not readable as declared, or has more bad rows than tolerated.
        NaiveDatetime: A trace has local times, and the scenario names no time zone for it.
    """
    tables: list[JobTable] = []
    rejected: list[Rejected] = []
    for kind, work in enumerate(scenario.kinds):
        alone = scenario.of(work)
        if work.file is None:
            tables.append(generate.draw_jobs(alone, kind=kind))
        else:
            table, refused = traces.read_trace(alone)
            tables.append(table)
            rejected += refused
    if len(tables) == 1:
        return tables[0], tuple(rejected)
    return _joined(tables, [work.label for work in scenario.kinds]), tuple(rejected)


def _joined(tables: Sequence[JobTable], labels: Sequence[str]) -> JobTable:
    """One table by arrival; names are preceded by the label of their kind, so that no two are the same."""
    number = {terms: k for k, terms in enumerate(dict.fromkeys(t for table in tables for t in table.terms))}
    every = JobTable(
        zones=tables[0].zones,
        pues=tables[0].pues,
        zone=np.concatenate([table.zone for table in tables]),
        arrival_ns=np.concatenate([table.arrival_ns for table in tables]),
        length_ns=np.concatenate([table.length_ns for table in tables]),
        true_ns=np.concatenate([table.true_ns for table in tables]),
        latest_ns=np.concatenate([table.stated_ns for table in tables]),
        power_w=np.concatenate([table.power_w for table in tables]),
        interruptible=np.concatenate([table.interruptible for table in tables]),
        names=[f"{label}/{name}" for label, table in zip(labels, tables, strict=True) for name in table.all_names()],
        terms=tuple(number),
        term=np.concatenate([np.array([number[t] for t in table.terms])[table.term] for table in tables]),
        data_gb=np.concatenate([table.data_gb for table in tables]),
    )
    return every.pick(np.argsort(every.arrival_ns, kind="stable"))

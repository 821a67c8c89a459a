"""What the reader of a simulation should know before its figures, one sentence each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from gridtide.domain.instants import isoformat
from gridtide.simulation.runs import LATE_NS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gridtide.simulation.experiment import Experiment

__all__ = ["notes_of"]

_NAMED_ZONES: Final = 8


def notes_of(experiment: Experiment) -> Iterator[str]:
    """Sentences in the order of their weight; the first says that nothing here is live."""
    scenario, jobs, outcomes = experiment.scenario, experiment.jobs, experiment.outcomes
    spans = ", ".join(
        f"{name} ({series.signal.provider}, {isoformat(series.start)[:10]} to {isoformat(series.end)[:10]})"
        for name, series in list(experiment.truth.items())[:_NAMED_ZONES]
    )
    yield f"Past values are replayed in virtual time, nothing here is live: {spans}."
    if scenario.belief.kind == "perfect":
        yield "The policies knew the future (belief perfect): an upper bound, not an expectation."
    if scenario.belief.kind == "white":
        yield "White noise is the kindest error: real forecasts lose a third to a half of the possible saving."
    if experiment.rejected:
        first = experiment.rejected[0]
        count = len(experiment.rejected)
        yield f"Rows of the trace that were left out: {count}; the first: {first.where}: {first.why}."
    if scenario.work.file is not None and scenario.work.shift:
        yield "The trace was moved by whole weeks to begin in the scenario's first week."
    if experiment.left_out:
        asked = jobs.size + experiment.left_out
        yield f"{experiment.left_out} of {asked} jobs may touch hours that are not known; they were left out."
    unknown = int(np.isnan(jobs.power_w).sum())
    if unknown:
        yield f"{unknown} of {jobs.size} jobs have no known power; they count with their hours, never with grams."
    unpaid = sum(int(np.isnan(o.paid.mean).sum()) for o in outcomes)
    if unpaid:
        yield f"{unpaid} runs left the known part of their series and could not be paid for; they are in no sum."
    blind = sum(int(o.runs.blind.sum()) for o in outcomes)
    if blind:
        total = sum(int(o.runs.decisions.sum()) for o in outcomes)
        yield f"{blind} of {total} decisions stood on no usable values; such work starts by its rule for missing data."
    yield from _on_moves(experiment)
    late = sum(int((o.runs.late_ns > LATE_NS).sum()) for o in outcomes)
    if late:
        yield f"{late} runs started more than 5 s after their latest start, waiting for room."


def _on_moves(experiment: Experiment) -> Iterator[str]:
    """What the figures of policies that may move work rest on."""
    movers = [o for o in experiment.outcomes if o.routes]
    if not movers:
        return
    fixed = experiment.jobs.size - (experiment.movable or 0)
    if fixed:
        yield (
            f"{fixed} of {experiment.jobs.size} jobs may not move anywhere: their regions, residency, latency budget "
            "or the data limit bar every other zone."
        )
    yield "Work that moves is counted where it ran, against run-now at home; nothing moves back afterwards."
    low, middle, high = (sum(float(np.nansum(o.paid.moved[k])) for o in movers) / 1000.0 for k in range(3))
    if high > 0:
        yield (
            f"Moved data emit {middle:,.2f} kg at the middle published figure, {low:,.2f} to {high:,.2f} kg over its "
            "range; savings count the middle, and a move had to pay at the highest, "
            "unless the policy accepts an uncertain sign."
        )
    uncertain = sum(int(o.runs.uncertain.sum()) for o in movers)
    if uncertain:
        yield f"{uncertain} runs stayed home because the saving of a move depends on the transfer figure one believes."
    stranded = sum(int(((o.runs.haul_zone >= 0) & (o.runs.haul_zone != o.runs.zone)).sum()) for o in movers)
    if stranded:
        yield f"{stranded} runs went home after their data had moved, because no room was left where they went."

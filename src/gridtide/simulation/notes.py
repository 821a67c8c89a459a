"""What the reader of a simulation should know before its figures, one sentence each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from gridtide.domain.instants import isoformat
from gridtide.domain.units import NS_PER_HOUR
from gridtide.domain.workload import Elasticity
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
    if any(work.file is not None and work.shift for work in scenario.kinds):
        yield "The trace was moved by whole weeks to begin in the scenario's first week."
    if experiment.left_out:
        asked = jobs.size + experiment.left_out
        yield f"{experiment.left_out} of {asked} jobs may touch hours that are not known; they were left out."
    yield from _on_classes(experiment)
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


def _on_classes(experiment: Experiment) -> Iterator[str]:
    """What the classes of work mean for the figures; nothing where all work is elastic."""
    jobs = experiment.jobs
    prompt = ~jobs.may_wait
    if not prompt.any():
        return
    counts = " and ".join(f"{int(jobs.of_class(c).sum())} {c}" for c in jobs.classes if not c.may_wait)
    unused = int((prompt & (jobs.stated_ns > jobs.arrival_ns)).sum())
    slack = f"; the slack that {unused} of them came with is not used" if unused else ""
    yield f"Jobs that start when they arrive, whatever the grid does: {counts} of {jobs.size}{slack}."
    waited = [int((o.runs.room_ns[prompt] > LATE_NS).sum()) for o in experiment.outcomes]
    if any(waited):
        longest = max(float(o.runs.room_ns[prompt].max()) for o in experiment.outcomes) / NS_PER_HOUR
        yield f"Runs of them that found no free executor on arrival: {sum(waited)}; they waited up to {longest:.1f} h."
    budgeted = np.array([terms.latency_budget_ms is not None for terms in jobs.terms])[jobs.term]
    near_or_far = int((jobs.of_class(Elasticity.SOFT) & ~budgeted).sum())
    if near_or_far and any(o.routes for o in experiment.outcomes):
        yield f"Soft jobs without a latency budget: {near_or_far}; no zone is too far for them."


def _on_moves(experiment: Experiment) -> Iterator[str]:
    """What the figures of policies that may move work rest on."""
    movers = [o for o in experiment.outcomes if o.routes]
    if not movers:
        return
    fixed = experiment.jobs.size - (experiment.movable or 0)
    if fixed:
        jobs = experiment.jobs
        unmoved = bool((~jobs.may_wait & (jobs.data_gb > 0)).any())
        no_time = ", or hard and soft work has no time to move data" if unmoved else ""
        yield (
            f"{fixed} of {jobs.size} jobs may not move anywhere: their regions, residency, latency budget "
            f"or the data limit bar every other zone{no_time}."
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

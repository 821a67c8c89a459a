"""One row for each job and policy, as columns to be written to a file."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from gridtide.domain.units import NS_PER_HOUR, NS_PER_SECOND

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from gridtide.simulation.experiment import Experiment, Outcome

__all__ = ["TIMES", "columns"]

TIMES = ("arrival", "start", "end")
"""Columns that hold instants. [ns since 1970 UTC]"""


def columns(experiment: Experiment) -> dict[str, NDArray[np.generic] | list[str]]:
    """
    Every run of every policy, paid on what came true; NaN where a figure is unknown.

    *zone* is the home, *region* where it ran, *slack_h* what the job's class lets it wait; *grams* holds the transfer
    at its middle figure, and savings are counted against run-now at home.
    """
    jobs, count = experiment.jobs, len(experiment.outcomes)
    names, zones = jobs.all_names(), [jobs.zones[k] for k in jobs.zone.tolist()]
    classes = [str(terms.elasticity) for terms in jobs.terms]
    slack_h = (jobs.latest_ns - jobs.arrival_ns) / NS_PER_HOUR
    found: dict[str, NDArray[np.generic] | list[str]] = {
        "policy": [o.policy for o in experiment.outcomes for _ in names],
        "zone": zones * count,
        "region": [jobs.zones[k] for o in experiment.outcomes for k in o.runs.zone.tolist()],
        "job": names * count,
        "class": [classes[k] for k in jobs.term.tolist()] * count,
        "arrival": np.tile(jobs.arrival_ns, count),
    }

    def add(name: str, *parts: NDArray[np.generic]) -> None:
        found[name] = np.concatenate(parts)

    outcomes = experiment.outcomes
    add("start", *(o.runs.start_ns for o in outcomes))
    add("end", *(o.runs.end_ns for o in outcomes))
    add("pieces", *(o.runs.pieces for o in outcomes))
    found["slack_h"] = np.tile(slack_h, count)
    add("delay_h", *((o.runs.start_ns - jobs.arrival_ns) / NS_PER_HOUR for o in outcomes))
    add("finish_delay_h", *((o.runs.end_ns - jobs.arrival_ns - jobs.true_ns) / NS_PER_HOUR for o in outcomes))
    add("kwh", *(o.paid.kwh for o in outcomes))
    add("mean_g_per_kwh", *(o.paid.mean for o in outcomes))
    add("planned_mean_g_per_kwh", *(o.runs.planned_mean for o in outcomes))
    found["run_now_mean_g_per_kwh"] = np.tile(experiment.run_now.mean, count)
    add("oracle_mean_g_per_kwh", *(o.best.mean for o in outcomes))
    add("grams", *(o.paid.grams for o in outcomes))
    found["run_now_grams"] = np.tile(experiment.run_now.grams, count)
    add("oracle_grams", *(o.best.grams for o in outcomes))
    add("saved_grams", *(experiment.run_now.grams - o.paid.grams for o in outcomes))
    add("savings_pct", *(_savings_pct(experiment, o) for o in outcomes))
    add("data_gb", *(np.where(o.runs.haul_zone >= 0, jobs.data_gb, 0.0) for o in outcomes))
    add("transfer_h", *((o.runs.there_ns - o.runs.sent_ns) / NS_PER_HOUR for o in outcomes))
    add("transfer_g_low", *(o.paid.moved.low for o in outcomes))
    add("transfer_g", *(o.paid.moved.middle for o in outcomes))
    add("transfer_g_high", *(o.paid.moved.high for o in outcomes))
    add("uncertain", *(o.runs.uncertain for o in outcomes))
    add("late_s", *(o.runs.late_ns / NS_PER_SECOND for o in outcomes))
    add("waited_for_room_h", *(o.runs.room_ns / NS_PER_HOUR for o in outcomes))
    add("decisions", *(o.runs.decisions for o in outcomes))
    add("forced", *(o.runs.forced for o in outcomes))
    return found


def _savings_pct(experiment: Experiment, outcome: Outcome) -> NDArray[np.float64]:
    """Saving of each job against run-now at home; by means where its power is unknown, NaN where run-now is zero."""
    now, paid = experiment.run_now, outcome.paid
    unpowered = np.isnan(now.grams)
    before = np.where(unpowered, now.mean * now.weighted_h, now.grams)
    after = np.where(unpowered, paid.mean * paid.weighted_h, paid.grams)
    share: NDArray[np.float64] = np.divide(before - after, before, out=np.full(before.size, np.nan), where=before > 0)
    return 100.0 * share

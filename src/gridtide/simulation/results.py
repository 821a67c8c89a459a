"""One row for each job and policy, as columns to be written to a file."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from gridtide.domain.units import NS_PER_HOUR, NS_PER_SECOND

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from gridtide.simulation.experiment import Experiment

__all__ = ["TIMES", "columns"]

TIMES = ("arrival", "start", "end")
"""Columns that hold instants. [ns since 1970 UTC]"""


def columns(experiment: Experiment) -> dict[str, NDArray[np.generic] | list[str]]:
    """Every run of every policy, paid on what came true; NaN where a figure is unknown."""
    jobs, count = experiment.jobs, len(experiment.outcomes)
    names, zones = jobs.all_names(), [jobs.zones[k] for k in jobs.zone.tolist()]
    slack_h = (jobs.latest_ns - jobs.arrival_ns) / NS_PER_HOUR
    found: dict[str, NDArray[np.generic] | list[str]] = {
        "policy": [o.policy for o in experiment.outcomes for _ in names],
        "zone": zones * count,
        "job": names * count,
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
    add("late_s", *(o.runs.late_ns / NS_PER_SECOND for o in outcomes))
    add("waited_for_room_h", *(o.runs.room_ns / NS_PER_HOUR for o in outcomes))
    add("decisions", *(o.runs.decisions for o in outcomes))
    add("forced", *(o.runs.forced for o in outcomes))
    return found

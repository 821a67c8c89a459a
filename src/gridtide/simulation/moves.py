"""
Where the work of policies that may move it has run, and what the move saved against run-now at home.

Everything is counted on what came true: the run in the zone it ran in, its data half in the grid they left and half in
the one they went to, at the lowest, middle and highest published figure.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from gridtide.simulation.experiment import Experiment, Outcome

__all__ = ["moves"]


def moves(experiment: Experiment) -> list[dict[str, object]]:
    """One row for each policy that may move work, home and region it ran in; those that stayed included."""
    return [row for outcome in experiment.outcomes if outcome.routes for row in _rows(experiment, outcome)]


def _rows(experiment: Experiment, outcome: Outcome) -> Iterator[dict[str, object]]:
    jobs = experiment.jobs
    for home, home_name in enumerate(jobs.zones):
        for region, region_name in enumerate(jobs.zones):
            rows = np.flatnonzero((jobs.zone == home) & (outcome.runs.zone == region))
            if rows.size:
                yield {"policy": outcome.policy, "home": home_name, "region": region_name} | _row(
                    experiment, outcome, rows
                )


def _row(experiment: Experiment, outcome: Outcome, rows: NDArray[np.int64]) -> dict[str, object]:
    paid, now = outcome.paid, experiment.run_now
    counted = rows[~np.isnan(paid.grams[rows]) & ~np.isnan(now.grams[rows])]
    known = counted.size > 0
    grams, at_once = float(paid.grams[counted].sum()), float(now.grams[counted].sum())
    hauled = counted[outcome.runs.haul_zone[counted] >= 0]
    return {
        "jobs": int(rows.size),
        "paid_jobs": int(counted.size),
        "kwh": float(paid.kwh[counted].sum()) if known else None,
        "data_gb": float(experiment.jobs.data_gb[hauled].sum()),
        "transfer_g_low": float(paid.moved.low[counted].sum()) if known else None,
        "transfer_g": float(paid.moved.middle[counted].sum()) if known else None,
        "transfer_g_high": float(paid.moved.high[counted].sum()) if known else None,
        "grams": grams if known else None,
        "run_now_grams": at_once if known else None,
        "saved_grams": at_once - grams if known else None,
        "savings_pct": 100.0 * (at_once - grams) / at_once if known and at_once > 0 else None,
    }

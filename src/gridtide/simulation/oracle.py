"""
The least that each job could have emitted inside its bounds, knowing the truth and its true length.

No capacity and no cost of pausing are counted, and data move in the cleanest hours there were, whenever the run is; so
no policy that keeps the bounds can be cheaper.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from gridtide.domain.units import NS_PER_HOUR
from gridtide.planning import batch
from gridtide.simulation.runs import payment

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from gridtide.domain.series import Series
    from gridtide.simulation.geography import Geography
    from gridtide.simulation.job_table import JobTable
    from gridtide.simulation.runs import Payment

__all__ = ["cheapest"]


def cheapest(
    jobs: JobTable, truth: Mapping[str, Series], *, pauses: bool, geography: Geography | None = None
) -> Payment:
    """
    Emissions of the best run of every job.

    Args:
        jobs: All of them.
        truth: By zone.
        pauses: Whether jobs that may pause are taken apart, as the policy would.
        geography: Where jobs may move to; None keeps them home.
    """
    zone = jobs.zone.copy()
    cost = np.full(jobs.size, np.nan)
    for index, name in enumerate(jobs.zones):
        rows = np.flatnonzero(jobs.zone == index)
        cost[rows] = _least(jobs, rows, truth[name], jobs.arrival_ns[rows], pauses=pauses)
    moved = None if geography is None else _move(jobs, truth, geography, pauses=pauses, zone=zone, cost=cost)
    energy = {} if geography is None else {"energy": geography.energy}
    return payment(jobs, zone, cost, jobs.true_ns / NS_PER_HOUR, moved=moved, **energy)


def _least(
    jobs: JobTable, rows: NDArray[np.int64], series: Series, release_ns: NDArray[np.int64], *, pauses: bool
) -> NDArray[np.float64]:
    """Lowest running integral of *rows* on *series* from *release_ns* on; NaN where nothing is known."""
    found = np.full(rows.size, np.nan)
    for split in (False, True):
        some = np.flatnonzero((jobs.may_pause[rows] & pauses) == split)
        of, release, true = rows[some], release_ns[some], jobs.true_ns[rows[some]]
        if some.size and split:
            found[some] = batch.lowest_slots_of_each(series, release, jobs.ends_ns[of], true).cost
        elif some.size:
            found[some] = batch.lowest_windows(series, release, jobs.latest_ns[of], true).cost
    return found


def _move(
    jobs: JobTable,
    truth: Mapping[str, Series],
    geography: Geography,
    *,
    pauses: bool,
    zone: NDArray[np.int64],
    cost: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Put each job into the cheapest place it may move to; returns what its transfer adds per energy of a gigabyte."""
    moved = np.zeros(jobs.size)
    scale = np.where(np.isnan(jobs.power_w), 1.0, jobs.power_w / 1000.0)
    best = cost * scale * np.asarray(jobs.pues)[zone]
    powered = ~np.isnan(jobs.power_w)
    for index, name in enumerate(jobs.zones):
        rows = geography.open_to(jobs, index)
        rows = rows[powered[rows] | (jobs.data_gb[rows] == 0)]
        moving_ns = geography.moving_ns(jobs, rows, index)
        in_time = jobs.arrival_ns[rows] + moving_ns <= jobs.latest_ns[rows]
        rows, moving_ns = rows[in_time], moving_ns[in_time]
        if not rows.size:
            continue
        there = _least(jobs, rows, truth[name], jobs.arrival_ns[rows] + moving_ns, pauses=pauses)
        hauled = _least_haul(jobs, rows, moving_ns, truth, index)
        total = there * scale[rows] * jobs.pues[index] + hauled * geography.energy.middle
        better = total < best[rows]
        chosen = rows[better]
        zone[chosen], cost[chosen], best[chosen], moved[chosen] = index, there[better], total[better], hauled[better]
    return moved


def _least_haul(
    jobs: JobTable, rows: NDArray[np.int64], moving_ns: NDArray[np.int64], truth: Mapping[str, Series], index: int
) -> NDArray[np.float64]:
    """Lowest emissions of moving the data per energy of a gigabyte, each grid in its own cleanest hours. [GB g/kWh]"""
    found = np.zeros(rows.size)
    some = np.flatnonzero(moving_ns > 0)
    of, length = rows[some], moving_ns[some]
    if not some.size:
        return found
    last = jobs.latest_ns[of] - length
    away = batch.lowest_windows(truth[jobs.zones[index]], jobs.arrival_ns[of], last, length).mean
    home = np.empty(some.size)
    for at, name in enumerate(jobs.zones):
        mine = np.flatnonzero(jobs.zone[of] == at)
        if mine.size:
            at_home = batch.lowest_windows(truth[name], jobs.arrival_ns[of][mine], last[mine], length[mine])
            home[mine] = at_home.mean
    found[some] = jobs.data_gb[of] * 0.5 * (home + away)
    return found

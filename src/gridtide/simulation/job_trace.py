"""
Job traces of batch clusters in steps of five seconds: read from a table, or drawn at any size from a smaller one.

Jobs fall into two queues by length. A policy that does not know a job's length believes the mean of its queue.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from gridtide.simulation.tables import read_table

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

__all__ = ["JOB_COLUMNS", "SMALL_STEPS", "STEPS_PER_HOUR", "JobTrace", "draw_jobs", "read_jobs"]

JOB_COLUMNS: Final = ("arrival_time", "length", "cpus")
_STEP_S: Final = 5
STEPS_PER_HOUR: Final = 3600 // _STEP_S
SMALL_STEPS: Final = 2 * STEPS_PER_HOUR
"""Longest job that counts as small. [steps]"""


class JobTrace(NamedTuple):
    """
    Jobs in steps of the simulation, shape (n_jobs,) each.

    Attributes:
        arrival: [steps]
        length: True length. [steps]
        small: Whether it is at most two hours long before it is cut to whole steps.
        believed: Mean length of the job's queue. [steps]
        short: Whether it is in the queue of short jobs.
        processors: Held while it runs.
    """

    arrival: NDArray[np.int64]
    length: NDArray[np.int64]
    small: NDArray[np.bool_]
    believed: NDArray[np.int64]
    short: NDArray[np.bool_]
    processors: NDArray[np.int64]


def read_jobs(path: Path) -> JobTrace:
    """
    Read a job trace: ``arrival_time`` and ``length`` in seconds, ``cpus``.

    Raises:
        MalformedFile: A cell is no such number, or a job is shorter than a step; the message names row and column.
    """
    table = read_table(path, required=JOB_COLUMNS)
    arrival_s, length_s = table.numbers("arrival_time"), table.numbers("length")
    for column, values, least in (("arrival_time", arrival_s, 0), ("length", length_s, _STEP_S)):
        bad = np.flatnonzero(values < least)
        if bad.size:
            raise table.bad_cell(int(bad[0]), column, f"{least} or more")
    return _trace(arrival_s, length_s, table.counts("cpus", least=1))


def draw_jobs(like: JobTrace, n_jobs: int, *, span_h: float, seed: int) -> JobTrace:
    """
    Draw a trace of any size whose jobs are like those of a smaller one.

    Lengths and processors are drawn together with replacement, arrivals evenly at random over the span.

    Args:
        like: Trace to draw from.
        n_jobs: How many.
        span_h: Time over which they arrive. [h]
        seed: Of the generator; the same seed gives the same trace.
    """
    rng = np.random.default_rng(seed)
    pick = rng.integers(like.arrival.size, size=n_jobs)
    arrival_s = np.sort(rng.uniform(0.0, span_h * 3600, n_jobs))
    return _trace(arrival_s, (like.length[pick] * _STEP_S).astype(np.float64), like.processors[pick])


def _trace(arrival_s: NDArray[np.float64], length_s: NDArray[np.float64], processors: NDArray[np.int64]) -> JobTrace:
    length = length_s / _STEP_S
    small = length <= SMALL_STEPS
    queues = (length[small], length[length >= SMALL_STEPS])
    means = [int(queue.mean()) if queue.size else 0 for queue in queues]
    steps = length.astype(np.int64)
    short = steps < SMALL_STEPS
    return JobTrace((arrival_s / _STEP_S).astype(np.int64), steps, small, np.where(short, *means), short, processors)

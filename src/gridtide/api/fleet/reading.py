"""The job table of a fleet, read as the traces of a simulation are: same columns, same refusals."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

import numpy as np

from gridtide.domain.errors import InvalidInput
from gridtide.simulation.scenario import Scenario
from gridtide.simulation.specs import PolicySpec, Span, WorkSpec, ZoneSpec
from gridtide.simulation.traces import read_trace

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from gridtide.simulation.job_table import JobTable
    from gridtide.simulation.traces import Rejected

__all__ = ["read_jobs"]

_FIRST: Final = datetime(1970, 1, 1, tzinfo=UTC)
_LAST: Final = datetime(2200, 1, 2, tzinfo=UTC)
_LEAST_POWER_W: Final = 0.001


def read_jobs(
    path: Path,
    zones: Mapping[str, tuple[str, ...]],
    *,
    max_delay: timedelta = timedelta(hours=24),
    power_w: float | None = None,
    tz: str | None = None,
    max_errors: int = 0,
) -> tuple[JobTable, tuple[Rejected, ...]]:
    """
    Read a table of jobs.

    Args:
        path: CSV with ``id``, ``release``, ``duration``, one of ``deadline``, ``slack``, ``max_delay``, and as known
            ``power_w``, ``home``, ``regions``, ``residency``, ``data_gb``, ``interruptible``, ``latency_budget_ms``,
            ``class``.
        zones: Names that ``home`` and ``regions`` may use, each with other names of the same zone; jobs that name no
            home are at home in the first.
        max_delay: Longest wait of jobs that say none.
        power_w: Of jobs that say none. [W]
        tz: Time zone of local times in the table.
        max_errors: Bad rows that are left out.

    Returns:
        The jobs by release, and the rows that were left out.

    Raises:
        MalformedFile: A cell cannot be used; the message names file, row and column.
        InvalidInput: A job says no power, and *power_w* is not given.
    """
    scenario = Scenario(
        name="fleet",
        start=_FIRST,
        end=_LAST,
        zones=tuple(ZoneSpec(name=name, aliases=others) for name, others in zones.items()),
        work=WorkSpec(
            file=path, slack=Span(low=max_delay, high=max_delay), power_w=power_w, tz=tz, max_errors=max_errors
        ),
        policies=(PolicySpec(name="fleet"),),
    )
    jobs, rejected = read_trace(scenario)
    weak = np.flatnonzero(~(jobs.power_w >= _LEAST_POWER_W))
    if weak.size:
        name, power = jobs.name(int(weak[0])), float(jobs.power_w[weak[0]])
        said = "has no power_w" if np.isnan(power) else f"has a power_w of {power:g}; allowed: {_LEAST_POWER_W} or more"
        raise InvalidInput(
            f"{path.name}: job {name[:60]!r} {said} ({weak.size} such)",
            hint="add a column power_w [W], or give one power for all jobs that say none",
            field="power_w",
        )
    return jobs, rejected

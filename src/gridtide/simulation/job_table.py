"""
The jobs of a scenario as columns, so that ten million of them fit into memory and no row is an object until it must be.

The event path turns rows into `gridtide.simulation.world.Job`; the vector path never does.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from gridtide.domain.instants import from_ns
from gridtide.domain.workload import Elasticity, Workload
from gridtide.simulation.job import Job

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = ["JobTable", "Terms"]

_HOUR: Final = timedelta(hours=1)


class Terms(NamedTuple):
    """
    What binds when and where a job may run; few of them for many jobs.

    Attributes:
        regions: Zones it may move to besides its home; empty means every zone.
        residency: Countries where its data may be; empty means anywhere.
        latency_budget_ms: Longest round trip from home; None where nobody waits. [ms]
        elasticity: Class of the job.
    """

    regions: tuple[str, ...] = ()
    residency: frozenset[str] = frozenset()
    latency_budget_ms: float | None = None
    elasticity: Elasticity = Elasticity.ELASTIC


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class JobTable:
    """
    One entry per job in every array, shape (n_jobs,), ordered by arrival.

    Attributes:
        zones: Names of the zones that *zone* counts.
        pues: Power usage effectiveness of each of them.
        zone: Home of each job, an index into *zones*.
        arrival_ns: When it was submitted. [ns]
        length_ns: Declared running time. [ns]
        true_ns: Real running time. [ns]
        latest_ns: Latest start; becomes the arrival of work that may not wait. [ns]
        power_w: While running; NaN where nobody knows. [W]
        interruptible: Whether it may pause.
        names: Of the jobs; numbered within their zone when left out.
        terms: What binds when and where jobs may run.
        term: Index into *terms*; the first when left out.
        data_gb: Data that move with the job; none when left out. [GB]
        stated_ns: Latest start as the job states it, which hard and soft work does not use; filled in. [ns]
    """

    zones: tuple[str, ...]
    pues: tuple[float, ...]
    zone: NDArray[np.int64]
    arrival_ns: NDArray[np.int64]
    length_ns: NDArray[np.int64]
    true_ns: NDArray[np.int64]
    latest_ns: NDArray[np.int64]
    power_w: NDArray[np.float64]
    interruptible: NDArray[np.bool_]
    names: Sequence[str] | None = None
    terms: tuple[Terms, ...] = (Terms(),)
    term: NDArray[np.int64] = field(default_factory=lambda: np.zeros(1, np.int64))
    data_gb: NDArray[np.float64] = field(default_factory=lambda: np.zeros(1))
    stated_ns: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))

    def __post_init__(self) -> None:
        if self.term.size != self.size:
            object.__setattr__(self, "term", np.broadcast_to(self.term[:1], self.size))
        if self.data_gb.size != self.size:
            object.__setattr__(self, "data_gb", np.broadcast_to(self.data_gb[:1], self.size))
        if self.stated_ns.size != self.size:
            object.__setattr__(self, "stated_ns", self.latest_ns)
        if not all(terms.elasticity.may_wait for terms in self.terms):
            object.__setattr__(self, "latest_ns", np.where(self.may_wait, self.stated_ns, self.arrival_ns))

    @property
    def size(self) -> int:
        """Number of jobs."""
        return int(self.arrival_ns.size)

    @property
    def ends_ns(self) -> NDArray[np.int64]:
        """When each job is over at the latest, its true length counted. [ns]"""
        return self.latest_ns + np.maximum(self.length_ns, self.true_ns)

    @property
    def may_wait(self) -> NDArray[np.bool_]:
        """Whether the class of each job lets it start later than it could."""
        return np.array([terms.elasticity.may_wait for terms in self.terms])[self.term]

    @property
    def may_pause(self) -> NDArray[np.bool_]:
        """Whether each job may be cut into pieces; work that may not wait is not."""
        return self.interruptible & self.may_wait

    def of_class(self, elasticity: Elasticity) -> NDArray[np.bool_]:
        """Which jobs are of that class."""
        return np.array([terms.elasticity is elasticity for terms in self.terms])[self.term]

    @property
    def classes(self) -> list[Elasticity]:
        """Classes that occur, from the least to the most free."""
        return [elasticity for elasticity in Elasticity if self.of_class(elasticity).any()]

    def name(self, k: int) -> str:
        """Name of job *k*."""
        return f"{self.zones[int(self.zone[k])]}/{k}" if self.names is None else self.names[k]

    def all_names(self) -> list[str]:
        """Name of every job."""
        return [self.name(k) for k in range(self.size)]

    def pick(self, rows: NDArray[np.int64]) -> JobTable:
        """The jobs of these rows only, in their order."""
        return replace(
            self,
            zone=self.zone[rows],
            arrival_ns=self.arrival_ns[rows],
            length_ns=self.length_ns[rows],
            true_ns=self.true_ns[rows],
            latest_ns=self.latest_ns[rows],
            power_w=self.power_w[rows],
            interruptible=self.interruptible[rows],
            names=None if self.names is None else [self.names[k] for k in rows.tolist()],
            term=self.term[rows],
            data_gb=self.data_gb[rows],
            stated_ns=self.stated_ns[rows],
        )

    def under(self, term: int) -> Workload:
        """Some work that is bound by terms number *term*, to ask the planner's rules about."""
        return Workload(id="any", duration=_HOUR, **self.terms[term]._asdict())

    def jobs(self, *, min_saving: float = 0.0) -> list[Job]:
        """
        Every row as a job of the simulated world.

        Args:
            min_saving: Smallest saving worth a wait. [0..1]
        """
        return [self._job(k, min_saving) for k in range(self.size)]

    def _job(self, k: int, min_saving: float) -> Job:
        at, length_ns, true_ns = int(self.zone[k]), int(self.length_ns[k]), int(self.true_ns[k])
        arrival, length = from_ns(int(self.arrival_ns[k])), _span(length_ns)
        power_w = float(self.power_w[k])
        workload = Workload(
            id=self.name(k),
            duration=length,
            release=arrival,
            deadline=from_ns(int(self.stated_ns[k])) + length,
            power_w=None if np.isnan(power_w) else power_w,
            pue=self.pues[at],
            interruptible=bool(self.interruptible[k]),
            home=self.zones[at],
            min_saving=min_saving,
            data_gb=float(self.data_gb[k]),
            **self.terms[int(self.term[k])]._asdict(),
        )
        return Job(
            workload=workload, zone=self.zones[at], true_duration=None if true_ns == length_ns else _span(true_ns)
        )


def _span(length_ns: int) -> timedelta:
    return timedelta(microseconds=length_ns // 1000)

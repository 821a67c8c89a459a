"""One piece of work in a simulated world, and what became of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from gridtide.domain.instants import from_ns
from gridtide.domain.interval import Interval

if TYPE_CHECKING:
    from datetime import timedelta

    from gridtide.domain.workload import Workload
    from gridtide.simulation.routing import Haul

__all__ = ["Job", "Run"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """
    One piece of work in a simulation.

    Args:
        workload: As it is declared; *release* is its arrival.
        zone: Its home; where it runs unless it is moved.
        true_duration: How long it really takes; the declared duration when left out.
    """

    workload: Workload
    zone: str
    true_duration: timedelta | None = None


class Run(NamedTuple):
    """
    What became of a job.

    Attributes:
        job: Which.
        pieces: When it ran, in order. [ns]
        latest_ns: Latest start it was promised. [ns]
        decisions: How often it was planned.
        forced: Whether the guard started it at its latest start, as all work that may not wait.
        waited_for_room_ns: Time it was ready but no executor was free. [ns]
        planned_mean: Mean that the first plan expected; None when nothing was ever known. [signal.unit]
        zone: Where it ran; empty means home.
        haul: Its data's way, if they were moved.
        blind: How many of its decisions stood on no usable values.
        uncertain: Whether it stayed home because the saving of a move depends on the transfer figure one believes.
    """

    job: Job
    pieces: tuple[tuple[int, int], ...]
    latest_ns: int
    decisions: int
    forced: bool
    waited_for_room_ns: int
    planned_mean: float | None = None
    zone: str = ""
    haul: Haul | None = None
    uncertain: bool = False
    blind: int = 0

    @property
    def intervals(self) -> tuple[Interval, ...]:
        """When it ran."""
        return tuple(Interval(from_ns(a), from_ns(b)) for a, b in self.pieces)

    @property
    def lateness_ns(self) -> int:
        """How much later than promised it started; zero when in time. [ns]"""
        return max(0, self.pieces[0][0] - self.latest_ns)

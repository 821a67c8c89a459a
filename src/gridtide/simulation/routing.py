"""
Where work of a simulated world runs: the production placement inside the engine's question, and data that must travel.

The planner chooses among places as long as a choice is open. It closes when the data leave home, at the last instant
that still lets the work start as planned, or when the work starts; from then on it is planned in time only, on the
values of the place it is bound for. Every plan books its room, and nobody is sent where none is left as planned.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final, NamedTuple

from gridtide.domain.decision import Decision, FreshnessStep, Reason
from gridtide.domain.instants import duration_ns, from_ns, to_ns
from gridtide.planning import placement, question, transfer

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from gridtide.domain.ports import Reading
    from gridtide.domain.series import Series
    from gridtide.domain.workload import Workload
    from gridtide.planning.options import PlanOptions
    from gridtide.planning.placement import Placement, SiteRules
    from gridtide.planning.question import Question
    from gridtide.simulation.geography import Geography
    from gridtide.simulation.rooms import Rooms

__all__ = ["Haul", "Router"]

_NO_TIME: Final = timedelta(0)


class Haul(NamedTuple):
    """
    Data of one job on their way.

    Attributes:
        zone: Where to.
        sent_ns: When they left home. [ns]
        there_ns: When they had arrived. [ns]
    """

    zone: str
    sent_ns: int
    there_ns: int


@dataclass(slots=True)
class _Trip:
    """Where a job is to run; *bound* once that cannot change, *uncertain* where the transfer figure decided it."""

    zone: str
    bound: bool = False
    haul: Haul | None = None
    uncertain: bool = False


@dataclass(slots=True)
class Router:
    """
    Answers the engine's questions for work that may move.

    Args:
        geography: The places.
        rules: How sure a move must be.
        rooms: Shared with the world.
    """

    geography: Geography
    rules: SiteRules
    rooms: Rooms
    _readings: dict[str, Reading] = field(init=False, default_factory=dict)
    _trips: dict[str, _Trip] = field(init=False, default_factory=dict)

    def hear(self, readings: Mapping[str, Reading]) -> None:
        """Take note of what has become known."""
        self._readings.update(readings)

    def elsewhere(self, home: str) -> tuple[str, ...]:
        """Zones besides *home* whose values bear on work there."""
        return tuple(zone for zone in self.geography.spots if zone != home)

    def decide(self, asked: Question) -> Decision:
        """Stands in for `gridtide.planning.question.answer`."""
        trip = self._trip(asked.workload)
        if trip.bound:
            return self._booked(asked, trip, question.answer(self._bound(asked, trip)))

        def planner(
            workload: Workload, series: Series, *, now: datetime, method: str, options: PlanOptions
        ) -> Decision:
            placed = self._weigh(workload, series, now=now, method=method, options=options)
            trip.uncertain = _hinges_on_the_figure(placed, self.rules)
            return placed.decision

        return self._booked(asked, trip, self._settle(asked, trip, question.answer(asked, planner=planner)))

    # -- what the world asks and tells -----------------------------------------------------------------------------

    def destination(self, workload: Workload) -> tuple[str, int]:
        """Where *workload* starts when it starts now, and when its data are there; home where they never left. [ns]"""
        trip = self._trip(workload)
        if trip.haul is not None:
            return trip.zone, trip.haul.there_ns
        if trip.zone != workload.home and self._moving(workload, trip.zone) > _NO_TIME:
            return workload.home, 0
        return trip.zone, 0

    def is_bound(self, workload: Workload) -> bool:
        """Whether its place is no longer open."""
        return self._trip(workload).bound

    def turn_back(self, workload: Workload) -> None:
        """The place it was planned for is full: home again, until it is planned anew."""
        self._trip(workload).zone = workload.home

    def begun(self, workload: Workload, zone: str, now_ns: int) -> None:
        """It has started in *zone*. [ns]"""
        trip = self._trip(workload)
        trip.zone, trip.bound = zone, True
        self.rooms.book(workload.id, zone, now_ns, now_ns + duration_ns(workload.duration))

    def over(self, workload: Workload) -> tuple[Haul | None, bool]:
        """Forget it; returns what was hauled, and whether a move was turned down for the sake of the figure."""
        trip = self._trips.pop(workload.id)
        self.rooms.cancel(workload.id)
        return trip.haul, trip.uncertain and trip.zone == workload.home

    # -- inside ----------------------------------------------------------------------------------------------------

    def _trip(self, workload: Workload) -> _Trip:
        return self._trips.setdefault(workload.id, _Trip(workload.home))

    def _moving(self, workload: Workload, zone: str) -> timedelta:
        site = self.geography.site(zone, workload.home)
        return transfer.movement_time(workload.data_gb, site.mbit_per_s, site.round_trip_ms or 0.0)

    def _weigh(
        self, workload: Workload, series: Series, *, now: datetime, method: str, options: PlanOptions
    ) -> Placement:
        """The production placement; what finds no room in a place as planned is placed again without it."""
        home = self.geography.site(workload.home, workload.home, series)
        others = [
            self.geography.site(zone, workload.home, self._readings[zone].series)
            for zone in self.elsewhere(workload.home)
            if zone in self._readings
        ]
        while True:
            placed = placement.weigh(workload, home, others, now=now, method=method, options=options, rules=self.rules)
            zone = placed.decision.zone
            if zone == workload.home or self._finds_room(workload.id, zone, placed.decision, now):
                return placed
            others = [site for site in others if site.region != zone]

    def _finds_room(self, job: str, zone: str, made: Decision, now: datetime) -> bool:
        if made.start is None or made.end is None or (made.start == now and self.rooms.is_full(zone)):
            return False
        return self.rooms.has_room(job, zone, to_ns(made.start), to_ns(made.end))

    def _booked(self, asked: Question, trip: _Trip, made: Decision) -> Decision:
        if made.start is not None and made.end is not None:
            self.rooms.book(asked.workload.id, trip.zone, to_ns(made.start), to_ns(made.end))
        return made

    def _settle(self, asked: Question, trip: _Trip, made: Decision) -> Decision:
        """Keep the choice of place beside the choice of time, and send the data when they have to leave."""
        home = asked.workload.home
        if question.was_planned(made) and made.reason is not Reason.KEPT_PLAN:
            trip.zone = made.zone
        if trip.zone == home or made.start is None:
            return replace(made, zone=home)
        moving = self._moving(asked.workload, trip.zone)
        leave = made.start - moving
        if leave < asked.now:
            trip.zone = home
            return replace(made, zone=home)
        if moving == _NO_TIME:
            return replace(made, zone=trip.zone)
        if leave == asked.now:
            trip.bound = True
            trip.haul = Haul(trip.zone, to_ns(leave), to_ns(made.start))
            return replace(made, zone=trip.zone)
        return replace(made, zone=trip.zone, wake_at=leave if made.wake_at is None else min(made.wake_at, leave))

    def _bound(self, asked: Question, trip: _Trip) -> Question:
        """The same question where the work is bound for: other values, nothing to move, no start before its data."""
        work, reading = asked.workload, self._readings.get(trip.zone)
        there_ns = 0 if trip.haul is None else trip.haul.there_ns
        release = from_ns(there_ns) if there_ns > to_ns(asked.now) else work.release
        pue = self.geography.spots[trip.zone].pue
        return replace(
            asked,
            workload=replace(work, home=trip.zone, regions=(), data_gb=0.0, release=release, pue=pue),
            series=None if reading is None else reading.series,
            step=FreshnessStep.NONE if reading is None else reading.step,
            step_reason="nothing read yet" if reading is None else reading.reason,
            provisional=reading is not None and bool(reading.tried),
        )


def _hinges_on_the_figure(placed: Placement, rules: SiteRules) -> bool:
    """Whether the best move saves enough at the lowest transfer figure, and not at the highest."""
    if rules.accept_uncertain or placed.home_cost is None or not placed.trials:
        return False
    best = placed.trials[0].cost
    need = placed.home_cost - rules.margin * abs(placed.home_cost)
    return best is not None and best.low < need <= best.high

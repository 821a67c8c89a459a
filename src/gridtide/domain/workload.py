"""What is to be run, and how freely it may move."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from gridtide.domain.errors import InvalidInput
from gridtide.domain.instants import as_utc

__all__ = ["Elasticity", "OnNoData", "Workload"]


class Elasticity(StrEnum):
    """
    How far work may move.

    Hard always runs, and is only routed or throttled. Soft runs now, and may move to a near region. Elastic moves
    in time and region freely inside its bounds.
    """

    HARD = "hard"
    SOFT = "soft"
    ELASTIC = "elastic"

    @property
    def may_wait(self) -> bool:
        """Whether it may start later than it could; hard and soft work never does."""
        return self is Elasticity.ELASTIC


class OnNoData(StrEnum):
    """What happens when no usable signal exists: use typical values, run at once, or wait up to the latest start."""

    PROFILE = "profile"
    RUN = "run"
    WAIT = "wait"


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """
    One piece of work.

    Args:
        id: Name for records; unique per occurrence.
        duration: How long it runs (an upper estimate). [timedelta > 0]
        elasticity: Hard, soft or elastic.
        release: Earliest start; None means at once.
        deadline: Must be finished by. At most one of *deadline* and *max_delay* may be left None for elastic work
            that should be bounded; the earlier bound counts.
        max_delay: Longest wait between release and start.
        reserve: Room kept before the deadline for runs longer than *duration*.
        power_w: Electrical power while running, for grams; None when unknown.
        power_profile_w: Power over equal parts of the duration, for work whose power changes.
        pue: Power usage effectiveness of the site, at least 1.
        interruptible: May be paused and continued.
        min_run: Shortest stretch between two pauses.
        max_pieces: Most stretches it may be cut into.
        suspend_cost: Extra running time that each resume costs.
        home: Region or zone where it runs unless moved.
        regions: Regions it may move to.
        residency: Countries (ISO 3166-1 alpha-2) where its data may be; empty means anywhere.
        data_gb: Data that move with it. [GB]
        latency_budget_ms: Longest round trip to the user that is acceptable. [ms]
        priority: Higher goes first under capacity.
        tenant: Whose budget it counts against.
        on_no_data: What to do when nothing is known.
        min_saving: Smallest saving that is worth a wait, as a share of run-now's emissions. [0..1]

    Raises:
        InvalidInput: A value is out of bounds; the message names it.
    """

    id: str
    duration: timedelta
    elasticity: Elasticity = Elasticity.ELASTIC
    release: datetime | None = None
    deadline: datetime | None = None
    max_delay: timedelta | None = None
    reserve: timedelta = timedelta(0)
    power_w: float | None = None
    power_profile_w: tuple[float, ...] = ()
    pue: float = 1.0
    interruptible: bool = False
    min_run: timedelta = timedelta(0)
    max_pieces: int | None = None
    suspend_cost: timedelta = timedelta(0)
    home: str = ""
    regions: tuple[str, ...] = ()
    residency: frozenset[str] = field(default_factory=frozenset)
    data_gb: float = 0.0
    latency_budget_ms: float | None = None
    priority: int = 0
    tenant: str = ""
    on_no_data: OnNoData = OnNoData.PROFILE
    min_saving: float = 0.0

    def __post_init__(self) -> None:
        for name in ("release", "deadline"):
            instant = getattr(self, name)
            if instant is not None:
                object.__setattr__(self, name, as_utc(instant))
        _require(self.duration > timedelta(0), "duration", self.duration, "longer than zero")
        _require(
            self.max_delay is None or self.max_delay >= timedelta(0), "max_delay", self.max_delay, "zero or longer"
        )
        _require(self.reserve >= timedelta(0), "reserve", self.reserve, "zero or longer")
        _require(self.power_w is None or 0 <= self.power_w < float("inf"), "power_w", self.power_w, "zero or more")
        _require(all(0 <= p < float("inf") for p in self.power_profile_w), "power_profile_w", "...", "zero or more")
        _require(1.0 <= self.pue <= 5.0, "pue", self.pue, "from 1 to 5")
        _require(self.min_run >= timedelta(0), "min_run", self.min_run, "zero or longer")
        _require(self.suspend_cost >= timedelta(0), "suspend_cost", self.suspend_cost, "zero or longer")
        _require(self.max_pieces is None or self.max_pieces >= 1, "max_pieces", self.max_pieces, "at least 1")
        _require(0 <= self.data_gb < float("inf"), "data_gb", self.data_gb, "zero or more")
        _require(0.0 <= self.min_saving < 1.0, "min_saving", self.min_saving, "from 0 to below 1")

    @property
    def mean_power_w(self) -> float | None:
        """Mean electrical power over its run, before PUE; None when unknown. [W]"""
        powers = self.power_profile_w
        return sum(powers) / len(powers) if powers else self.power_w

    def release_at(self, now: datetime) -> datetime:
        """Earliest start as seen at *now*."""
        return max(as_utc(now), self.release) if self.release else as_utc(now)

    def latest_start(self, now: datetime) -> datetime | None:
        """
        Last instant at which an uninterrupted run still ends in time, or None when nothing bounds it.

        *reserve* counts as part of the run here. May lie before *now*: then the deadline can no longer be met.
        *max_delay* counts from the release, or from *now* for work without a release.
        """
        bounds = []
        if self.deadline is not None:
            bounds.append(self.deadline - self.duration - self.reserve)
        if self.max_delay is not None:
            bounds.append((self.release or as_utc(now)) + self.max_delay)
        return min(bounds) if bounds else None


def _require(ok: bool, name: str, value: object, allowed: str) -> None:  # noqa: FBT001
    if not ok:
        raise InvalidInput(f"{name} is {value}; allowed: {allowed}", field=name)

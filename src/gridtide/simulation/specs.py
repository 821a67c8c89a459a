"""
The tables of a scenario file: zones, work, policies, what is told, what moving data costs, and what goes wrong.

Unknown keys are refused, durations carry their unit, times their offset.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, ClassVar, Final, Literal, Self

from pydantic import AliasChoices, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from gridtide.domain.durations import parse_duration
from gridtide.domain.instants import as_utc, parse_instant
from gridtide.domain.interval import Interval
from gridtide.domain.workload import Elasticity
from gridtide.planning import placement, transfer
from gridtide.planning.options import Method
from gridtide.simulation.belief import Belief, FromHistory, Noisy, Perfect
from gridtide.simulation.faults import Fault

__all__ = [
    "Amount",
    "BeliefSpec",
    "FaultSpec",
    "Instant",
    "Part",
    "PolicySpec",
    "Span",
    "TransferSpec",
    "WorkSpec",
    "ZoneSpec",
]


def _instant(value: object) -> object:
    return as_utc(value) if isinstance(value, datetime) else parse_instant(str(value))


def _duration(value: object) -> object:
    return value if isinstance(value, timedelta) else parse_duration(str(value), allow_zero=True)


Instant = Annotated[datetime, BeforeValidator(_instant)]
Duration = Annotated[timedelta, BeforeValidator(_duration)]
Country = Annotated[str, Field(pattern="^[A-Z]{2}$")]


class Part(BaseModel):
    """A table of the file."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, arbitrary_types_allowed=True)


class _Range(Part):
    """One value, or two with ``..`` between them."""

    shown: ClassVar[str] = ""
    """How an end is told in an error."""
    low: Any
    high: Any

    @model_validator(mode="before")
    @classmethod
    def _from_text(cls, value: object) -> object:
        if isinstance(value, dict | cls):
            return value
        low, _, high = str(value).partition("..")
        return {"low": low, "high": high or low}

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.high < self.low:
            raise ValueError(f"range ends ({self.high:{self.shown}}) before it starts ({self.low:{self.shown}})")
        return self


class Span(_Range):
    """A range of durations, written ``4h`` or ``4h..24h``; drawn evenly."""

    low: Duration
    high: Duration


class Amount(_Range):
    """A range of numbers, written ``20`` or ``5..50``; drawn evenly."""

    shown: ClassVar[str] = "g"
    low: float = Field(ge=0.0, le=1e9)
    high: float = Field(ge=0.0, le=1e9)


class ZoneSpec(Part):
    """
    One zone.

    Attributes:
        name: A recorded zone (``US-CAL-CISO``), or any name with *file*.
        file: Series of what came true; CSV, JSON or Parquet.
        unit: Of *file*.
        tz: Time zone of local times in *file* and *forecasts*.
        forecasts: Recorded forecasts (``issued,start,end,value``) in *unit*, for the belief ``issued``.
        room: Jobs that may run at once; no limit when left out.
        pue: Power usage effectiveness.
        cloud: Cloud region that stands there, such as ``gcp:us-west1``; gives country and distances.
        country: ISO 3166-1 alpha-2, for residency; that of a known zone or cloud region when left out.
        latitude: For distances; of a known zone or cloud region when left out. [deg]
        longitude: [deg]
        aliases: Other names of it in a trace: clusters, datacentres.
    """

    name: str = Field(min_length=1, max_length=100)
    file: Path | None = None
    unit: str = "gCO2eq/kWh"
    tz: str | None = None
    forecasts: Path | None = None
    room: int | None = Field(default=None, ge=1)
    pue: float = Field(default=1.0, ge=1.0, le=5.0)
    cloud: str | None = None
    country: str | None = Field(default=None, pattern="^[A-Z]{2}$")
    latitude: float | None = Field(default=None, ge=-90.0, le=90.0)
    longitude: float | None = Field(default=None, ge=-180.0, le=180.0)
    aliases: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _whole_place(self) -> ZoneSpec:
        if (self.latitude is None) != (self.longitude is None):
            raise ValueError("latitude and longitude go together")
        return self


_NO_SLACK: Final = Span(low=timedelta(0), high=timedelta(0))


class WorkSpec(Part):
    """
    One kind of work, drawn by a generator or read from a trace.

    Attributes:
        name: Where there are several kinds; the class when left out.
        elasticity: Written ``class``. Elastic work may wait, and go elsewhere; hard and soft work starts when it
            arrives, and may only go elsewhere.
        generator: ``even`` spreads arrivals evenly at random, ``workdays`` over workdays 9 to 17 h UTC, ``nightly``
            puts one job a night at 01:00 UTC.
        count: Jobs per home (``nightly`` gives one a night).
        homes: Zones in which drawn jobs arise; every zone when left out.
        duration: Of each job.
        slack: How much later than at once it may start; hard and soft work does not use it.
        power_w: While running; 1000 W for drawn jobs, unknown for a trace that does not say. [W]
        interruptible: Whether it may pause.
        length_spread: Standard deviation of the logarithm of true over declared length; 0 means lengths are known.
        file: Trace instead of a generator.
        format: Of *file*.
        zone: Zone of jobs in *file* that name none; the first when left out.
        tz: Time zone of local times in *file*.
        shift: Move the trace by whole weeks, so that it begins in the scenario's first week.
        max_errors: Bad rows of *file* that are left out and listed.
        regions: Zones a job may move to besides its home; every zone when left out.
        residency: Countries where its data may be; anywhere when left out.
        latency_budget_ms: Longest round trip from home that is acceptable. [ms]
        data_gb: Data that move with it. [GB]
    """

    name: str = Field(default="", max_length=60)
    elasticity: Elasticity = Field(default=Elasticity.ELASTIC, validation_alias=AliasChoices("class", "elasticity"))
    generator: Literal["even", "workdays", "nightly"] = "even"
    count: int = Field(default=500, ge=1, le=10_000_000)
    duration: Span = Span(low=timedelta(hours=1), high=timedelta(hours=6))
    slack: Span = Span(low=timedelta(hours=4), high=timedelta(hours=24))
    power_w: float | None = Field(default=None, ge=0.0, le=1e9)
    interruptible: bool = False
    length_spread: float = Field(default=0.0, ge=0.0, le=3.0)
    file: Path | None = None
    format: Literal["csv", "sacct", "nomad", "kubernetes"] = "csv"
    zone: str | None = None
    tz: str | None = None
    shift: bool = False
    max_errors: int = Field(default=0, ge=0)
    homes: tuple[str, ...] = ()
    regions: tuple[str, ...] = ()
    residency: tuple[Country, ...] = ()
    latency_budget_ms: float | None = Field(default=None, ge=0.0)
    data_gb: Amount = Amount(low=0.0, high=0.0)

    @property
    def label(self) -> str:
        """What it is called among several kinds of work."""
        return self.name or str(self.elasticity)

    @property
    def usual_slack(self) -> Span:
        """Slack of a job that states none; none at all where the class lets nothing wait and no slack is written."""
        return self.slack if self.elasticity.may_wait or "slack" in self.model_fields_set else _NO_SLACK


class PolicySpec(Part):
    """
    One policy to compare: a planning method in time, with its options, and how far it may move work in space.

    Attributes:
        places: ``home`` keeps every job in its zone, ``any`` moves it where its bounds allow.
        move_margin: Least share of the home emissions that a move must save. [0..1]
        accept_uncertain: Move by the middle transfer figure where the ends of its range disagree about the sign.
    """

    name: str = Field(min_length=1, max_length=60)
    method: Method = Method.AUTO
    threshold: float | None = Field(default=None, ge=0.0)
    percentile: float | None = Field(default=None, ge=0.0, le=100.0)
    min_saving: float = Field(default=0.0, ge=0.0, lt=1.0)
    pauses: bool = False
    releases_per_minute: float | None = Field(default=None, gt=0.0)
    jitter: Duration = timedelta(0)
    places: Literal["home", "any"] = "home"
    move_margin: float = Field(default=placement.DEFAULT_MARGIN, ge=0.0, lt=1.0)
    accept_uncertain: bool = False

    @model_validator(mode="after")
    def _decidable(self) -> PolicySpec:
        if self.method in {Method.THRESHOLD, Method.SUSPEND} and self.threshold is None and self.percentile is None:
            raise ValueError(f"method {self.method} needs a threshold [gCO2eq/kWh] or a percentile")
        return self

    @property
    def routes(self) -> bool:
        """Whether it may move work to another zone."""
        return self.places == "any"

    @property
    def looks_back(self) -> bool:
        """Whether it compares with values of the past."""
        return self.percentile is not None or self.method is Method.ONE_MIN


class BeliefSpec(Part):
    """What the policies are told."""

    kind: Literal["perfect", "white", "ar1", "history", "issued"] = "history"
    error: float = Field(default=0.1, ge=0.0, lt=10.0)
    persistence: float = Field(default=0.95, ge=0.0, lt=1.0)
    growth_hours: float = Field(default=24.0, ge=0.0)
    method: str = "weekday_corrected"

    def build(self, seed: int) -> Belief:
        """The belief this describes, for every kind that needs no file."""
        if self.kind == "perfect":
            return Perfect()
        if self.kind == "white":
            return Noisy(error=self.error, seed=seed)
        if self.kind == "ar1":
            return Noisy(error=self.error, persistence=self.persistence, growth_hours=self.growth_hours, seed=seed)
        return FromHistory(method=self.method)


class FaultSpec(Part):
    """Something that goes wrong with the data."""

    kind: Literal["outage", "unit", "stale"]
    start: Instant
    end: Instant
    zone: str = ""
    factor: float = Field(default=1.0 / 0.45359237, gt=0.0)

    def build(self) -> Fault:
        """The fault this describes."""
        return Fault(kind=self.kind, window=Interval(self.start, self.end), zone=self.zone, factor=self.factor)


class TransferSpec(Part):
    """
    What moving data costs, for policies that move work.

    Attributes:
        kwh_per_gb: Lowest, middle and highest published figure. [kWh/GB]
        mbit_per_s: Throughput between two zones. [Mbit/s]
        data_limit_gb: Most data of one job that may move; no limit when left out. [GB]
    """

    kwh_per_gb: tuple[float, float, float] = (
        transfer.PUBLISHED_TRANSFER.low,
        transfer.PUBLISHED_TRANSFER.middle,
        transfer.PUBLISHED_TRANSFER.high,
    )
    mbit_per_s: float = Field(default=placement.DEFAULT_THROUGHPUT, gt=0.0)
    data_limit_gb: float | None = Field(default=None, ge=0.0)

    @model_validator(mode="after")
    def _rising(self) -> TransferSpec:
        self.energy()
        return self

    def energy(self) -> transfer.TransferEnergy:
        """The range as the planner wants it."""
        return transfer.TransferEnergy(*self.kwh_per_gb)

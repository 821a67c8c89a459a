"""
What is to be simulated, as a file says it: zones, work, policies, what is known, and what goes wrong.

TOML, YAML and JSON alike. Unknown keys are refused with a suggestion, durations carry their unit, times their offset.
"""

from __future__ import annotations

import difflib
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from gridtide.config.document import read_document
from gridtide.domain.durations import parse_duration
from gridtide.domain.errors import CarbonError, InvalidInput
from gridtide.domain.instants import as_utc, parse_instant
from gridtide.domain.interval import Interval
from gridtide.simulation.belief import Belief, Fault, FromHistory, Noisy, Perfect

__all__ = ["BeliefSpec", "FaultSpec", "PolicySpec", "Scenario", "Span", "WorkSpec", "ZoneSpec", "read_scenario"]


def _instant(value: object) -> object:
    return as_utc(value) if isinstance(value, datetime) else parse_instant(str(value))


def _duration(value: object) -> object:
    return value if isinstance(value, timedelta) else parse_duration(str(value), allow_zero=True)


Instant = Annotated[datetime, BeforeValidator(_instant)]
Duration = Annotated[timedelta, BeforeValidator(_duration)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, arbitrary_types_allowed=True)


class Span(_Part):
    """A range of durations, written ``4h`` or ``4h..24h``; drawn evenly."""

    low: Duration
    high: Duration

    @model_validator(mode="before")
    @classmethod
    def _from_text(cls, value: object) -> object:
        if isinstance(value, dict | Span):
            return value
        low, _, high = str(value).partition("..")
        return {"low": low, "high": high or low}

    @model_validator(mode="after")
    def _ordered(self) -> Span:
        if self.high < self.low:
            raise ValueError(f"range ends ({self.high}) before it starts ({self.low})")
        return self


class ZoneSpec(_Part):
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
    """

    name: str = Field(min_length=1, max_length=100)
    file: Path | None = None
    unit: str = "gCO2eq/kWh"
    tz: str | None = None
    forecasts: Path | None = None
    room: int | None = Field(default=None, ge=1)
    pue: float = Field(default=1.0, ge=1.0, le=5.0)


class WorkSpec(_Part):
    """
    The work, drawn by a generator or read from a trace.

    Attributes:
        generator: ``even`` spreads arrivals evenly at random, ``workdays`` over workdays 9 to 17 h UTC, ``nightly``
            puts one job a night at 01:00 UTC.
        count: Jobs per zone (``nightly`` gives one a night).
        duration: Of each job.
        slack: How much later than at once it may start.
        power_w: While running; 1000 W for drawn jobs, unknown for a trace that does not say. [W]
        interruptible: Whether it may pause.
        length_spread: Standard deviation of the logarithm of true over declared length; 0 means lengths are known.
        file: Trace instead of a generator.
        format: Of *file*.
        zone: Zone of jobs in *file* that name none; the first when left out.
        tz: Time zone of local times in *file*.
        shift: Move the trace by whole weeks, so that it begins in the scenario's first week.
        max_errors: Bad rows of *file* that are left out and listed.
    """

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


class PolicySpec(_Part):
    """One policy to compare: a planning method with its options."""

    name: str = Field(min_length=1, max_length=60)
    method: Literal["run-now", "run-latest", "threshold", "lowest-window", "lowest-slots", "carbon-time", "auto"] = (
        "auto"
    )
    threshold: float | None = Field(default=None, ge=0.0)
    percentile: float | None = Field(default=None, ge=0.0, le=100.0)
    min_saving: float = Field(default=0.0, ge=0.0, lt=1.0)
    pauses: bool = False
    releases_per_minute: float | None = Field(default=None, gt=0.0)
    jitter: Duration = timedelta(0)


class BeliefSpec(_Part):
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


class FaultSpec(_Part):
    """Something that goes wrong with the data."""

    kind: Literal["outage", "unit", "stale"]
    start: Instant
    end: Instant
    zone: str = ""
    factor: float = Field(default=1.0 / 0.45359237, gt=0.0)

    def build(self) -> Fault:
        """The fault this describes."""
        return Fault(kind=self.kind, window=Interval(self.start, self.end), zone=self.zone, factor=self.factor)


class Scenario(_Part):
    """
    Everything one simulation depends on.

    Attributes:
        name: For the report.
        start: First arrival.
        end: Arrivals stop, and jobs whose bounds reach further are not drawn.
        seed: Of every draw.
        path: ``events`` runs the engine, ``vectors`` one pass over arrays where it gives the same, ``auto`` takes
            vectors where it can for many jobs.
    """

    name: str = Field(min_length=1, max_length=200)
    start: Instant
    end: Instant
    seed: int = Field(default=0, ge=0)
    path: Literal["auto", "events", "vectors"] = "auto"
    zones: tuple[ZoneSpec, ...] = Field(min_length=1, max_length=500)
    work: WorkSpec = WorkSpec()
    policies: tuple[PolicySpec, ...] = Field(min_length=1, max_length=50)
    belief: BeliefSpec = BeliefSpec()
    faults: tuple[FaultSpec, ...] = ()

    @model_validator(mode="after")
    def _consistent(self) -> Scenario:
        if self.end <= self.start:
            raise ValueError(f"end {self.end.isoformat()} is not after start {self.start.isoformat()}")
        for kind, names in (("zone", [z.name for z in self.zones]), ("policy", [p.name for p in self.policies])):
            twice = sorted({n for n in names if names.count(n) > 1})
            if twice:
                raise ValueError(f"{kind} {twice[0]!r} is named twice")
        silent = [zone.name for zone in self.zones if zone.forecasts is None]
        if self.belief.kind == "issued" and silent:
            raise ValueError(f"the belief is issued, but zone {silent[0]!r} names no forecasts")
        return self

    @property
    def window(self) -> Interval:
        """From the first arrival to the end."""
        return Interval(self.start, self.end)


def read_scenario(path: Path) -> Scenario:
    """
    Read a scenario; files it names are relative to its own folder.

    Raises:
        ConfigurationError: The file cannot be read as TOML, YAML or JSON.
        InvalidInput: A key or value is not allowed; the message names its place.
    """
    tree = _plain(read_document(path))
    try:
        scenario = Scenario.model_validate(tree)
    except ValidationError as error:
        raise _refusal(path, error) from None
    except CarbonError as error:
        raise InvalidInput(f"{path.name}: {error.message}", hint=error.hint) from None
    base = path.resolve().parent
    zones = tuple(_beside(zone, base) for zone in scenario.zones)
    work = scenario.work
    if work.file:
        work = work.model_copy(update={"file": base / work.file})
    return scenario.model_copy(update={"zones": zones, "work": work})


def _beside(zone: ZoneSpec, base: Path) -> ZoneSpec:
    named = {"file": zone.file, "forecasts": zone.forecasts}
    return zone.model_copy(update={key: base / path for key, path in named.items() if path is not None})


def _refusal(path: Path, error: ValidationError) -> InvalidInput:
    first = error.errors()[0]
    place = ".".join(str(part) for part in first["loc"])
    if first["type"] == "extra_forbidden":
        *parents, key = first["loc"]
        close = difflib.get_close_matches(str(key), _keys_at(tuple(parents)), 1)
        hint = f"did you mean {close[0]!r}?" if close else "see the page on scenario files"
        return InvalidInput(f"{path.name}: {place} is no key of a scenario", hint=hint, field=place)
    why = str(first["msg"]).removeprefix("Value error, ")
    shown = repr(first.get("input"))[:60]
    message = f"{path.name}: {place or 'scenario'} is {shown}: {why}" if place else f"{path.name}: {why}"
    return InvalidInput(message, field=place or None)


def _keys_at(place: tuple[Any, ...]) -> list[str]:
    model: type[BaseModel] = Scenario
    parts: dict[str, type[BaseModel]] = {
        "zones": ZoneSpec,
        "work": WorkSpec,
        "policies": PolicySpec,
        "belief": BeliefSpec,
        "faults": FaultSpec,
    }
    for part in place:
        model = parts.get(str(part), model)
    return list(model.model_fields)


def _plain(value: Any) -> Any:
    """YAML leaves stay text in our reader; numbers and booleans written there mean what JSON would mean."""
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return str(value) if isinstance(value, str) else value

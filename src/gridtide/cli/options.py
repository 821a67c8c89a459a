"""
The groups of flags that commands share, each flag written down once; words and bounds come from the settings table.

Values stay text here and are read by `read_duration` and `read_instant`, so that a wrong one is a usage error that
names its flag. Two flags that contradict each other are refused with both names.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Final

import typer

from gridtide.cli.errors import Usage
from gridtide.config.settings import PROVIDERS, rows
from gridtide.domain.durations import parse_duration
from gridtide.domain.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from gridtide.config.table import Row

__all__ = [
    "METHODS",
    "JobOptions",
    "MethodOptions",
    "OutputOptions",
    "PlaceOptions",
    "RegionOptions",
    "SignalOptions",
    "SourceOptions",
    "conflict",
    "read_duration",
    "read_instant",
    "set_by",
]


METHODS: Final = (
    "auto", "run-now", "run-latest", "threshold", "lowest-window", "lowest-slots", "carbon-time", "improving",
    "one-min", "suspend",
)  # fmt: skip


@cache
def _rows_by_flag() -> dict[str, Row]:
    return {row.flag: row for row in rows() if row.flag}


def set_by(flag: str, *more: str, **facts: Any) -> Any:
    """Flag of a setting: its help, bounds and environment name come from the table."""
    row = _rows_by_flag()[flag]
    unit = f" [{row.unit}]" if row.unit else ""
    choices = f": {', '.join(row.choices)}" if row.choices else ""
    facts.setdefault("metavar", {"duration": "DURATION", "number": "NUMBER"}.get(str(row.kind), "TEXT"))
    text = facts.pop("text", f"{row.help}{choices}{unit}")
    if row.choices:
        facts["autocompletion"] = _offers(row.choices)
    default = f"default: {row.shown_default}; " if row.shown_default else ""
    return typer.Option(flag, *more, help=f"{text} [{default}setting: {row.name}]", **facts)


def _offers(words: Iterable[str]) -> Callable[[str], list[str]]:
    """Completion of a flag that takes one of a few words."""
    return lambda incomplete: [word for word in words if word.startswith(incomplete)]


@dataclass(frozen=True, kw_only=True)
class OutputOptions:
    """How a command speaks, and which configuration it reads."""

    HEADING: ClassVar[str] = "Output"

    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object on stdout; warnings stay on stderr.")
    ] = False
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Leave out notes on stderr.")] = False
    config: Annotated[
        Path | None, typer.Option("--config", metavar="FILE", help="Settings file (TOML, YAML or JSON), read last.")
    ] = None


@dataclass(frozen=True, kw_only=True)
class PlaceOptions:
    """Which place a command is about."""

    HEADING: ClassVar[str] = "Place and source"

    zone: Annotated[
        str | None, set_by("--zone", metavar="ZONE", text="Grid zone or country, like GB or US-CAL-CISO")
    ] = None
    region: Annotated[
        str | None, typer.Option("--region", metavar="REGION", help="Cloud region, for example aws:eu-west-1.")
    ] = None
    lat: Annotated[float | None, typer.Option("--lat", metavar="DEG", help="Latitude, with --lon. [degrees]")] = None
    lon: Annotated[float | None, typer.Option("--lon", metavar="DEG", help="Longitude, with --lat. [degrees]")] = None
    postcode: Annotated[
        str | None, typer.Option("--postcode", metavar="TEXT", help="British postcode; its first part is enough.")
    ] = None

    def __post_init__(self) -> None:
        """Refuse a place that is named by halves or twice."""
        place = {"--zone": self.zone, "--region": self.region, "--lat": self.lat, "--postcode": self.postcode}
        given = [flag for flag, value in place.items() if value is not None]
        if self.lat is None and self.lon is not None:
            raise Usage("--lon is given without --lat", hint="give both, or --zone", field="--lon")
        if self.lat is not None and self.lon is None:
            raise Usage("--lat is given without --lon", hint="give both, or --zone", field="--lat")
        if len(given) > 1:
            raise conflict(given[0], given[1], "both name the place")


@dataclass(frozen=True, kw_only=True)
class SourceOptions:
    """Who is asked, for what, and for which now."""

    HEADING: ClassVar[str] = "Place and source"

    provider: Annotated[
        str | None,
        set_by("--provider", metavar="NAME", autocompletion=_offers(("auto", "static", "replay", *PROVIDERS))),
    ] = None
    signal: Annotated[str | None, set_by("--signal", metavar="KIND")] = None
    tz: Annotated[str | None, set_by("--tz", metavar="ZONE")] = None
    at: Annotated[
        str | None, typer.Option("--at", metavar="TIME", help="Answer as if it were this time, with offset.")
    ] = None


@dataclass(frozen=True, kw_only=True)
class SignalOptions(SourceOptions, PlaceOptions):
    """Which signal a command reads: a place and a source, or a file; and for which now."""

    series: Annotated[
        Path | None,
        typer.Option(
            "--series", metavar="FILE", help="Read the signal from this file: CSV with time,value; JSON; Parquet."
        ),
    ] = None
    unit: Annotated[
        str | None, typer.Option("--unit", metavar="UNIT", help="Unit of --series. [default: gCO2eq/kWh]")
    ] = None
    step_shape: Annotated[
        str | None,
        typer.Option(
            "--step-shape", metavar="SHAPE", help="Between the rows of --series: constant (default) or linear."
        ),
    ] = None

    def __post_init__(self) -> None:
        """Refuse flags that contradict each other."""
        PlaceOptions.__post_init__(self)
        if self.series is not None and self.provider not in {None, "file"}:
            raise conflict("--series", "--provider", "both name the source")
        if self.provider == "file" and self.series is None:
            raise Usage("--provider file needs --series FILE", hint="add --series FILE", field="--series")
        for flag, value in (("--unit", self.unit), ("--step-shape", self.step_shape)):
            if value is not None and self.series is None:
                raise Usage(f"{flag} describes a file, but there is no --series", hint="add --series FILE", field=flag)


@dataclass(frozen=True, kw_only=True)
class JobOptions:
    """What is to be run, and how freely it may move."""

    HEADING: ClassVar[str] = "The job"

    duration: Annotated[
        str | None, typer.Option("--duration", "-d", metavar="DURATION", help="How long it runs, like 90m or 2h30m.")
    ] = None
    finish_by: Annotated[
        str | None, typer.Option("--finish-by", metavar="TIME", help="Must be done by then: 07:00 or a full time.")
    ] = None
    not_before: Annotated[
        str | None, typer.Option("--not-before", metavar="TIME", help="May not start earlier: 22:00 or a full time.")
    ] = None
    cron: Annotated[
        str | None, typer.Option("--cron", metavar="LINE", help="May not start before this cron line fires next.")
    ] = None
    max_delay: Annotated[str | None, set_by("--max-delay")] = None
    best_effort: Annotated[
        bool, typer.Option("--best-effort", help="If it cannot be done in time, run at once instead of refusing.")
    ] = False
    interruptible: Annotated[
        bool, typer.Option("--interruptible", "--pause", help="May be paused and continued between cleaner hours.")
    ] = False
    min_run: Annotated[
        str | None, typer.Option("--min-run", metavar="DURATION", help="Shortest stretch between two pauses.")
    ] = None
    max_pieces: Annotated[
        int | None, typer.Option("--max-pieces", min=1, metavar="N", help="Most stretches it is cut into.")
    ] = None
    suspend_cost: Annotated[
        str | None,
        typer.Option("--suspend-cost", metavar="DURATION", help="Extra running time of each resume. [default: 0s]"),
    ] = None
    min_saving: Annotated[float | None, set_by("--min-saving", metavar="PERCENT")] = None
    power: Annotated[
        float | None, typer.Option("--power", metavar="W", help="Electrical power while running, for grams. [W]")
    ] = None
    vcpus: Annotated[
        float | None, typer.Option("--vcpus", metavar="N", help="Virtual processors, where the power is not known.")
    ] = None
    memory_gb: Annotated[float | None, typer.Option("--memory-gb", metavar="GB", help="Memory it occupies. [GB]")] = (
        None
    )
    gpu: Annotated[str | None, typer.Option("--gpu", metavar="MODEL", help="Accelerator it uses, like a100.")] = None
    gpus: Annotated[int | None, typer.Option("--gpus", metavar="N", help="How many of them. [default: 1]")] = None
    processor: Annotated[
        str | None,
        typer.Option("--processor", metavar="NAME", help="Own server: its processor, like 'EPYC 7742', for its TDP."),
    ] = None
    load: Annotated[
        float | None,
        typer.Option("--load", metavar="PERCENT", help="Mean load of processors and accelerators. [default: 50]"),
    ] = None
    pue: Annotated[
        float | None, typer.Option("--pue", metavar="RATIO", help="Power usage effectiveness of the site, from 1.")
    ] = None
    on_no_data: Annotated[str | None, set_by("--on-no-data", metavar="WORD")] = None

    def __post_init__(self) -> None:
        """Refuse flags that contradict each other."""
        if self.not_before is not None and self.cron is not None:
            raise conflict("--not-before", "--cron", "both say when it may start")
        if not self.interruptible:
            pauses = {"--min-run": self.min_run, "--max-pieces": self.max_pieces, "--suspend-cost": self.suspend_cost}
            for flag, value in pauses.items():
                if value is not None:
                    raise Usage(
                        f"{flag} is about pauses, but --interruptible is not given",
                        hint="add --interruptible",
                        field=flag,
                    )


@dataclass(frozen=True, kw_only=True)
class MethodOptions:
    """How the time is chosen."""

    HEADING: ClassVar[str] = "How the time is chosen"

    method: Annotated[
        str | None,
        typer.Option(
            "--method",
            metavar="NAME",
            autocompletion=_offers(METHODS),
            help="auto (default), run-now, run-latest, threshold, lowest-window, lowest-slots, carbon-time, improving, "
            "one-min or suspend.",
        ),
    ] = None
    threshold: Annotated[float | None, set_by("--threshold", metavar="G")] = None
    percentile: Annotated[
        float | None,
        typer.Option("--percentile", metavar="P", help="Threshold as a percentile of the values before now. [0..100]"),
    ] = None
    start_grid: Annotated[
        str | None,
        typer.Option(
            "--start-grid",
            metavar="DURATION",
            help="Bind starts, and with --scale changes of level, to multiples of this after the earliest one.",
        ),
    ] = None

    spike_lead: Annotated[str | None, set_by("--spike-lead")] = None

    risk: Annotated[str | None, set_by("--risk", metavar="WORD")] = None
    carbon_price: Annotated[float | None, set_by("--carbon-price", metavar="EUR")] = None
    price_series: Annotated[
        Path | None,
        typer.Option(
            "--price-series",
            metavar="FILE",
            help="Electricity prices for --carbon-price; day-ahead ones otherwise. [EUR/MWh]",
        ),
    ] = None

    def __post_init__(self) -> None:
        """Refuse flags that contradict each other."""
        if self.threshold is not None and self.percentile is not None:
            raise conflict("--threshold", "--percentile", "both set the bound")
        for flag, value in (("--threshold", self.threshold), ("--percentile", self.percentile)):
            if value is not None and self.method not in {None, "threshold", "suspend"}:
                raise conflict(flag, f"--method {self.method}", "only the threshold method has a bound")


@dataclass(frozen=True, kw_only=True)
class RegionOptions:
    """Where else it could run, and what a move must keep and save."""

    HEADING: ClassVar[str] = "Other regions"

    also: Annotated[
        list[str] | None,
        typer.Option(
            "--also", metavar="REGION", help="Another region it may run in; NAME=FILE with --series. Repeatable."
        ),
    ] = None
    data_gb: Annotated[
        float | None, typer.Option("--data-gb", metavar="GB", help="Data that have to move with it. [GB]")
    ] = None
    residency: Annotated[
        str | None,
        typer.Option("--residency", metavar="CC[,CC]", help="Countries that its data may be in, like SE,FI."),
    ] = None
    latency_budget: Annotated[
        float | None, typer.Option("--latency-budget", metavar="MS", help="Longest round trip from home. [ms]")
    ] = None
    accept_uncertain: Annotated[
        bool,
        typer.Option("--accept-uncertain", help="Move by the middle figure where the published range disagrees."),
    ] = False
    move_margin: Annotated[
        float | None,
        typer.Option("--move-margin", metavar="PERCENT", help="Least share that a move saves. [default: 10]"),
    ] = None

    def __post_init__(self) -> None:
        """Refuse numbers out of bounds, and conditions of a move where there is nowhere to move to."""
        given = {
            "--data-gb": self.data_gb,
            "--residency": self.residency,
            "--latency-budget": self.latency_budget,
            "--accept-uncertain": self.accept_uncertain or None,
            "--move-margin": self.move_margin,
        }
        for flag, value in given.items():
            if value is not None and not self.also:
                why = f"{flag} is about other regions, but there is no --also"
                raise Usage(why, hint="add --also REGION", field=flag)
        for flag, number in (("--data-gb", self.data_gb), ("--latency-budget", self.latency_budget)):
            if number is not None and not 0 <= number < float("inf"):
                raise Usage(f"{flag} is {number:g}; allowed: zero or more", field=flag)
        if self.move_margin is not None and not 0 <= self.move_margin < 100:
            raise Usage(f"--move-margin is {self.move_margin:g}; allowed: 0 to below 100", field="--move-margin")


def conflict(first: str, second: str, why: str, *, hint: str = "give one of them") -> Usage:
    """Error for two flags that cannot stand together."""
    return Usage(f"{first} and {second} contradict each other: {why}", hint=hint, field=second)


def read_duration(text: str | None, flag: str, *, allow_zero: bool = False) -> timedelta | None:
    """Duration of a flag; None when it was not given."""
    if text is None:
        return None
    try:
        return parse_duration(text, field=flag, allow_zero=allow_zero)
    except InvalidInput as error:
        raise Usage(error.message, hint=error.hint, field=flag) from None


def read_instant(text: str, flag: str, *, now: datetime, timezone: str) -> datetime:
    """Time of a flag as an instant; a text that is no time is a usage error."""
    from gridtide.config.walltime import UnreadableTime, read_time  # noqa: PLC0415 - keeps --help light

    try:
        return read_time(text, now=now, timezone=timezone, field=flag)
    except UnreadableTime as error:
        raise Usage(error.message, hint=error.hint, field=flag) from None

"""
All settings, declared once.

`Settings` is frozen; `gridtide.config.load` fills it from files, environment and flags and notes where each value came
from. The names follow the configuration template of the project's first description, in snake_case or camelCase.
"""

# ruff: noqa: RUF009 - setting() declares a field, as dataclasses.field() does

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from gridtide.config.table import Kind, Row, rows_of, setting
from gridtide.domain.secret import Secret

__all__ = [
    "PROVIDERS",
    "CacheSettings",
    "CrosscheckSettings",
    "FetchSettings",
    "ForecastSettings",
    "PathSettings",
    "PolicySettings",
    "ProviderSettings",
    "RegionSettings",
    "Settings",
    "ThresholdSettings",
    "rows",
]

PROVIDERS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "caiso": (),
        "carbon-aware-computing": (),
        "casdk": (),
        "eia": ("api_key",),
        "electricitymaps": ("api_key",),
        "energidataservice": (),
        "energy-charts": (),
        "energy-charts-price": (),
        "entsoe": ("api_key",),
        "ercot": (),
        "isone": (),
        "miso": (),
        "nyiso": (),
        "odre": (),
        "openelectricity": ("api_key",),
        "pjm": ("api_key",),
        "prometheus": ("api_key",),
        "uk": (),
        "watttime": ("username", "password"),
    }
)
"""Sources with settings of their own, and the credentials each needs."""

_KEY_ALIASES: Final[Mapping[str, tuple[str, ...]]] = {
    "providers.eia.api_key": ("EIA_API_KEY",),
    "providers.electricitymaps.api_key": (
        "ELECTRICITYMAPS_API_KEY",
        "ELECTRICITY_MAPS_API_TOKEN",
        "ELECTRICITYMAPS_API_TOKEN",
    ),
    "providers.electricitymaps.base_url": ("ELECTRICITYMAPS_API_URL", "ELECTRICITY_MAPS_API_URL"),
    "providers.entsoe.api_key": ("ENTSOE_API_KEY", "ENTSOE_API_TOKEN", "ENTSOE_TOKEN"),
    "providers.openelectricity.api_key": ("OPENELECTRICITY_API_KEY",),
    "providers.pjm.api_key": ("PJM_API_KEY",),
    "providers.prometheus.api_key": ("PROMETHEUS_TOKEN",),
    "providers.watttime.username": ("WATTTIME_USER", "WATT_TIME_API_USER", "WATT_TIME_USER", "WATTTIME_USERNAME"),
    "providers.watttime.password": ("WATTTIME_PASSWORD", "WATT_TIME_API_PASSWORD", "WATT_TIME_PASSWORD"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ThresholdSettings:
    """Carbon intensities that split hours into good, fair and bad ones; together they cover everything from 0 up."""

    elastic: float | None = setting(
        None,
        Kind.NUMBER,
        "Elastic work does not start above this while it may still wait",
        unit="gCO2eq/kWh",
        minimum=0,
        maximum=5000,
        flag="--threshold",
    )
    soft: float | None = setting(
        None,
        Kind.NUMBER,
        "Soft real-time work looks for a cleaner region above this; not below the elastic one",
        unit="gCO2eq/kWh",
        minimum=0,
        maximum=5000,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class RegionSettings:
    """Where work may run; cloud regions (``aws:eu-west-1``) or grid zones."""

    primary: str = setting(
        "",
        Kind.TEXT,
        "Home region, used where no place is named",
        env_aliases=("GRID_INTENSITY_REGION",),
        deprecated=("region",),
    )
    fallback: tuple[str, ...] = setting((), Kind.LIST, "Regions that work may move to, best first")
    latency_budgets: Mapping[str, float] = setting(
        MappingProxyType({}),
        Kind.NUMBERS,
        "Longest added round trip that is acceptable, for each fallback region",
        unit="ms",
        minimum=0.001,
        maximum=10_000,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class CacheSettings:
    """How long answers of sources are kept."""

    ttl: timedelta = setting(
        timedelta(seconds=300),
        Kind.DURATION,
        "How long an answer counts as fresh",
        minimum=1,
        maximum=86_400,
        numbers=(("ttl_seconds", 1.0),),
    )
    max_stale: timedelta = setting(
        timedelta(hours=24),
        Kind.DURATION,
        "How old an answer may be and still be used, marked stale, when its source is down",
        minimum=1,
        maximum=7 * 86_400,
        numbers=(("max_stale_seconds", 1.0),),
    )
    driver: str = setting(
        "auto",
        Kind.CHOICE,
        "Where answers are kept: redis shares them between machines, auto is file for commands and memory elsewhere",
        choices=("auto", "memory", "file", "redis"),
    )
    refresh: bool = setting(
        False,
        Kind.FLAG,
        "Whether processes that live long fetch what they read again just after each publication, unasked",
    )
    redis_url: Secret = setting(Secret(""), Kind.SECRET, "Address of the Redis server, for the redis driver")


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicySettings:
    """Bounds on what the scheduler may do."""

    max_delay: timedelta = setting(
        timedelta(hours=24),
        Kind.DURATION,
        "Longest wait for elastic work that names no deadline",
        minimum=0,
        maximum=400 * 86_400,
        numbers=(("max_delay_ms", 0.001),),
        flag="--max-delay",
    )
    allow_geo_shift: bool = setting(False, Kind.FLAG, "Whether work may move to a fallback region")
    data_transfer_limit_gb: float = setting(
        0.0, Kind.NUMBER, "Most data that may move with work to another region; 0 sets no limit", unit="GB", minimum=0
    )
    spread: timedelta = setting(
        timedelta(minutes=1),
        Kind.DURATION,
        "Starts that were put off are spread over this long, so that they do not all come at one instant",
        minimum=0,
        maximum=3600,
    )
    min_saving: float = setting(
        0.0,
        Kind.NUMBER,
        "Smallest saving against running now that is worth a wait",
        unit="percent",
        minimum=0,
        maximum=99,
        flag="--min-saving",
    )
    spike_lead: timedelta = setting(
        timedelta(minutes=30),
        Kind.DURATION,
        "Work that would start inside a forecast rise that begins within this goes before it; 0s switches that off",
        minimum=0,
        maximum=86_400,
        flag="--spike-lead",
    )
    risk: str = setting(
        "expected",
        Kind.CHOICE,
        "What to make of a forecast that may be wrong: hedged waits only where even its upper end saves, "
        "cautious takes the start whose upper end is least",
        choices=("expected", "hedged", "cautious"),
        flag="--risk",
    )
    carbon_price: float | None = setting(
        None,
        Kind.NUMBER,
        "Internal price of carbon, for plans that weigh it with the price of electricity; none plans on carbon alone",
        unit="EUR/t",
        minimum=0,
        maximum=1_000_000,
        flag="--carbon-price",
    )
    on_no_data: str = setting(
        "profile",
        Kind.CHOICE,
        "What happens when nothing is known about the grid",
        choices=("profile", "run", "wait"),
        flag="--on-no-data",
    )
    budget: str = setting(
        "", Kind.TEXT, "Carbon budget that runs draw on, as `gridtide budget set` named it", flag="--budget"
    )
    allow_signal_mix: bool = setting(
        False, Kind.FLAG, "Whether a fallback source may give another kind of signal, then labelled as such"
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchSettings:
    """Bounds on every request to a source."""

    connect_timeout: timedelta = setting(
        timedelta(seconds=3), Kind.DURATION, "Longest wait for a connection", minimum=0.1, maximum=30
    )
    read_timeout: timedelta = setting(
        timedelta(seconds=5), Kind.DURATION, "Longest silence while reading", minimum=0.1, maximum=60
    )
    total_timeout: timedelta = setting(
        timedelta(seconds=10),
        Kind.DURATION,
        "Longest time for one answer, all tries together",
        minimum=0.1,
        maximum=120,
    )
    retries: int = setting(2, Kind.INTEGER, "Most further tries after a passing fault", minimum=0, maximum=2)
    allow_http: tuple[str, ...] = setting(
        (), Kind.LIST, "Sources that may be asked over plain http, for servers inside a private network"
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class CrosscheckSettings:
    """A second source that values are held against before they are used."""

    provider: str = setting(
        "", Kind.TEXT, "Source of the same kind of signal that is asked about the same hours; none when empty"
    )
    tolerance: float = setting(
        2.0,
        Kind.NUMBER,
        "How many times apart the means of both sources may be before it is said",
        minimum=1.01,
        maximum=20,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ForecastSettings:
    """What is made of the forecasts of sources."""

    keep: bool = setting(True, Kind.FLAG, "Whether forecasts are kept as they were issued, to be judged by what came")
    blend: bool = setting(
        False, Kind.FLAG, "Whether they are blended with our own by how well each did in the last two weeks"
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class PathSettings:
    """Where files are kept; XDG folders unless set."""

    journal: Path | None = setting(None, Kind.PATH, "File of the decision journal", flag="--journal")
    cache: Path | None = setting(None, Kind.PATH, "Folder for what can be fetched again")


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderSettings:
    """Address and credentials of one source."""

    api_key: Secret = setting(Secret(""), Kind.SECRET, "Key or token")
    username: str = setting("", Kind.TEXT, "Account name")
    password: Secret = setting(Secret(""), Kind.SECRET, "Password of the account")
    base_url: str = setting("", Kind.URL, "Other address to ask, for a mirror or an own server")
    options: Mapping[str, Any] = setting(
        MappingProxyType({}), Kind.OPTIONS, "What else this source can be told; the page of the source lists it"
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything that can be set, with where it came from."""

    provider: str = setting(
        "auto",
        Kind.TEXT,
        "Source of the signal: auto picks by place and available keys",
        flag="--provider",
        env_aliases=("GRID_INTENSITY_PROVIDER",),
    )
    api_key: Secret = setting(Secret(""), Kind.SECRET, "Key for the source named by provider")
    fallback_providers: tuple[str, ...] = setting(
        (), Kind.LIST, "Further sources, in order; only those of the same kind of signal are used"
    )
    signal: str = setting(
        "auto",
        Kind.CHOICE,
        "Kind of signal that decides: auto prefers marginal, else average",
        choices=("auto", "average", "marginal", "relative"),
        flag="--signal",
    )
    zone: str = setting(
        "", Kind.TEXT, "Grid zone where no place is named", flag="--zone", env_aliases=("GRID_INTENSITY_LOCATION",)
    )
    zone_overrides: Mapping[str, str] = setting(
        MappingProxyType({}), Kind.TEXTS, "Own mappings of regions to grid zones; they win over every table"
    )
    timezone: str = setting(
        "", Kind.TIMEZONE, "Time zone of wall times such as 07:00; that of the machine when empty", flag="--tz"
    )
    node: str = setting(
        "",
        Kind.TEXT,
        "Name of this machine where several report together; its host name when empty",
        env_aliases=("GRID_INTENSITY_NODE",),
    )
    thresholds: ThresholdSettings = field(default_factory=ThresholdSettings)
    regions: RegionSettings = field(default_factory=RegionSettings)
    cache: CacheSettings = field(default_factory=CacheSettings)
    policies: PolicySettings = field(default_factory=PolicySettings)
    fetch: FetchSettings = field(default_factory=FetchSettings)
    crosscheck: CrosscheckSettings = field(default_factory=CrosscheckSettings)
    forecasts: ForecastSettings = field(default_factory=ForecastSettings)
    paths: PathSettings = field(default_factory=PathSettings)
    providers: Mapping[str, ProviderSettings] = field(default_factory=lambda: MappingProxyType({}))
    origins: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}), compare=False)
    warnings: tuple[str, ...] = field(default=(), compare=False)

    def value(self, name: str) -> Any:
        """Value of the setting with that dotted name."""
        head, *rest = name.split(".")
        if head == "providers":
            return getattr(self.for_provider(rest[0]), rest[1])
        found: Any = getattr(self, head)
        for part in rest:
            found = getattr(found, part)
        return found

    def origin(self, name: str) -> str:
        """Where the value of that setting came from."""
        return self.origins.get(name, "default")

    def for_provider(self, name: str) -> ProviderSettings:
        """Address and credentials of one source; defaults when nothing was set."""
        return self.providers.get(name, ProviderSettings())


def rows() -> tuple[Row, ...]:
    """Every setting, in the order of the reference page."""
    own = list(rows_of(Settings))
    for provider, credentials in PROVIDERS.items():
        for row in rows_of(ProviderSettings, f"providers.{provider}."):
            if row.name.rsplit(".", 1)[1] in {*credentials, "base_url", "options"}:
                aliases = _KEY_ALIASES.get(row.name, ())
                own.append(replace(row, env_aliases=aliases))
    return tuple(own)

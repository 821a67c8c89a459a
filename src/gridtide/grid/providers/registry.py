"""
Which sources there are, what each needs, and how to make one: names only, modules are imported when used.

Credentials are looked up under our own names and under the names that other tools in this field use, so that an
environment that works there works here.
"""

from __future__ import annotations

import difflib
import importlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from gridtide.domain.errors import ConfigurationError, MissingCredential, UnknownProvider
from gridtide.grid.credential import credential

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gridtide.grid.provider import Provider, ProviderInfo

__all__ = ["Credential", "ProviderSpec", "all_providers", "make"]


@dataclass(frozen=True, slots=True)
class Credential:
    """
    One thing a provider needs to be used.

    Args:
        parameter: Name of the constructor's parameter.
        variables: Environment names it is looked up under, our own first.
        required: Whether the provider is useless without it.
        literal: Whether it is taken letter for letter, as a password is.
    """

    parameter: str
    variables: tuple[str, ...]
    required: bool = True
    literal: bool = False


@dataclass(frozen=True, slots=True)
class ProviderSpec:
    """
    One source: where its class is and what it needs.

    Args:
        name: Short id, as in `ProviderInfo.name`.
        module: Import path.
        class_name: Class in that module.
        credentials: What must or may be set.
        url_variables: Environment names that replace the base address.
        options: Names of further constructor parameters.
        versions: API versions that may end a configured address, where the version is an option.
    """

    name: str
    module: str
    class_name: str
    credentials: tuple[Credential, ...] = ()
    url_variables: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    versions: tuple[str, ...] = ()

    @property
    def info(self) -> ProviderInfo:
        """Facts about the source; imports its module."""
        return self._load().info

    @property
    def keyless(self) -> bool:
        """Whether it works without any credential."""
        return not any(credential.required for credential in self.credentials)

    def missing(self, credentials: Mapping[str, object]) -> tuple[str, ...]:
        """Our names of the required credentials that are not among *credentials*."""
        return tuple(c.variables[0] for c in self.credentials if c.required and _find(c, credentials) is None)

    def split_url(self, url: str) -> tuple[str, dict[str, object]]:
        """
        Base address and the options that a configured address implies.

        Other tools write the version into the address, for example ``https://api.electricitymap.org/v3/``.
        """
        base = url.strip().rstrip("/")
        head, _, last = base.rpartition("/")
        return (head, {"version": last}) if last in self.versions else (base, {})

    def create(
        self, credentials: Mapping[str, object] | None = None, options: Mapping[str, object] | None = None
    ) -> Provider:
        """
        Make the provider.

        Args:
            credentials: Values by parameter name or by any of the environment names; others are ignored.
            options: Further constructor arguments.

        Raises:
            MissingCredential: A required credential is not there or is empty.
            ConfigurationError: An option that the provider does not have.
        """
        given: dict[str, Any] = {}
        for needed in self.credentials:
            value = _find(needed, credentials or {})
            if value is not None:
                name = needed.variables[0]
                given[needed.parameter] = credential(value, name=name, literal=needed.literal)
            elif needed.required:
                raise MissingCredential(
                    f"{self.name} needs {needed.variables[0]}",
                    hint=f"set {' or '.join(needed.variables)}",
                    provider=self.name,
                    field=needed.variables[0],
                )
        for name, value in (options or {}).items():
            if name not in self.options:
                raise _unknown_option(self, name)
            given[name] = value
        provider = self._made(given)
        provider.setup = " ".join(f"{name}={value}" for name, value in sorted((options or {}).items()))
        return provider

    def _made(self, given: dict[str, Any]) -> Provider:
        try:
            return self._load()(**given)
        except TypeError as error:
            lacking = [name for name in self.options if f"'{name}'" in str(error)]
            if not lacking:
                raise
            raise ConfigurationError(
                f"{self.name} needs the options {', '.join(lacking)}", provider=self.name, field=lacking[0]
            ) from None

    def _load(self) -> type[Provider]:
        found: type[Provider] = getattr(importlib.import_module(self.module), self.class_name)
        return found


def _find(credential: Credential, values: Mapping[str, object]) -> object | None:
    for name in (credential.parameter, *credential.variables):
        value = values.get(name)
        if value is not None and value != "":
            return value
    return None


def _unknown_option(spec: ProviderSpec, name: str) -> ConfigurationError:
    close = difflib.get_close_matches(name, spec.options, n=1)
    hint = f"did you mean {close[0]!r}?" if close else f"it takes: {', '.join(spec.options) or 'no options'}"
    return ConfigurationError(
        f"{spec.name} has no option {name[:40]!r}", hint=hint, provider=spec.name, field=name[:40]
    )


_ROOM: Final = "gridtide.grid.providers"
_EIA: Final = Credential("api_key", ("EIA_API_KEY",))
_ENTSOE: Final = Credential("api_key", ("ENTSOE_API_KEY", "ENTSOE_API_TOKEN", "ENTSOE_TOKEN"))
_WATTTIME: Final = (
    Credential(
        "username", ("WATTTIME_USER", "WATT_TIME_API_USER", "WATT_TIME_USER", "WATTTIME_USERNAME"), literal=True
    ),
    Credential("password", ("WATTTIME_PASSWORD", "WATT_TIME_API_PASSWORD", "WATT_TIME_PASSWORD"), literal=True),
)
_MAPS: Final = Credential(
    "api_key", ("ELECTRICITYMAPS_API_KEY", "ELECTRICITY_MAPS_API_TOKEN", "ELECTRICITYMAPS_API_TOKEN")
)
_FACTORS: Final = ("factors",)
_SPECS: Final = (
    ProviderSpec("uk", f"{_ROOM}.uk", "NesoCarbonIntensity"),
    ProviderSpec("energy-charts", f"{_ROOM}.energy_charts", "EnergyCharts"),
    ProviderSpec("caiso", f"{_ROOM}.caiso", "Caiso"),
    ProviderSpec("ercot", f"{_ROOM}.ercot", "Ercot", options=_FACTORS),
    ProviderSpec("nyiso", f"{_ROOM}.nyiso", "Nyiso", options=_FACTORS),
    ProviderSpec("miso", f"{_ROOM}.miso", "Miso", options=_FACTORS),
    ProviderSpec("isone", f"{_ROOM}.isone", "IsoNe", options=_FACTORS),
    ProviderSpec("energidataservice", f"{_ROOM}.energidataservice", "EnergiDataService"),
    ProviderSpec("odre", f"{_ROOM}.odre", "Odre"),
    ProviderSpec("watttime", f"{_ROOM}.watttime", "WattTime", credentials=_WATTTIME, options=("model",)),
    ProviderSpec(
        "electricitymaps",
        f"{_ROOM}.electricity_maps",
        "ElectricityMaps",
        credentials=(_MAPS,),
        url_variables=("ELECTRICITYMAPS_API_URL", "ELECTRICITY_MAPS_API_URL"),
        options=("version", "direct", "production", "granularity", "home_assistant"),
        versions=("v3", "v4"),
    ),
    ProviderSpec("eia", f"{_ROOM}.eia", "Eia", credentials=(_EIA,), options=_FACTORS),
    ProviderSpec("entsoe", f"{_ROOM}.entsoe", "Entsoe", credentials=(_ENTSOE,), options=_FACTORS),
    ProviderSpec(
        "openelectricity",
        f"{_ROOM}.openelectricity",
        "OpenElectricity",
        credentials=(Credential("api_key", ("OPENELECTRICITY_API_KEY",)),),
    ),
    ProviderSpec("pjm", f"{_ROOM}.pjm", "Pjm", credentials=(Credential("api_key", ("PJM_API_KEY",)),)),
    ProviderSpec("casdk", f"{_ROOM}.carbon_aware_sdk", "CarbonAwareSdk", options=("kind", "scope", "prefix")),
    ProviderSpec("carbon-aware-computing", f"{_ROOM}.carbon_aware_sdk", "CarbonAwareComputing"),
    ProviderSpec(
        "prometheus",
        f"{_ROOM}.prometheus",
        "Prometheus",
        credentials=(Credential("api_key", ("PROMETHEUS_TOKEN",), required=False),),
        options=("query", "unit", "kind", "scope", "step_minutes", "zones", "quality", "attribution"),
    ),
    ProviderSpec("energy-charts-price", f"{_ROOM}.energy_charts", "EnergyChartsPrice"),
)
_OTHER_NAMES: Final = {
    "neso": "uk",
    "carbonintensity": "uk",
    "carbonintensityorguk": "uk",
    "carbon-intensity-uk": "uk",
    "energycharts": "energy-charts",
    "watt-time": "watttime",
    "electricity-maps": "electricitymaps",
    "electricitymap": "electricitymaps",
    "entso-e": "entsoe",
    "iso-ne": "isone",
    "rte": "odre",
    "energinet": "energidataservice",
    "carbon-aware-sdk": "casdk",
    "carbonawaresdk": "casdk",
}


def all_providers() -> dict[str, ProviderSpec]:
    """Every source by name, in the order they are proposed."""
    return {spec.name: spec for spec in _SPECS}


def make(
    name: str, credentials: Mapping[str, object] | None = None, options: Mapping[str, object] | None = None
) -> Provider:
    """
    Make a provider by name; the names other tools use are understood.

    Raises:
        UnknownProvider: There is none of that name; the hint says the nearest one.
        MissingCredential: It needs a key that is not among *credentials*.
        ConfigurationError: It has no such option.
    """
    specs = all_providers()
    wanted = name.strip().lower().replace("_", "-")
    spec = specs.get(_OTHER_NAMES.get(wanted, wanted))
    if spec is None:
        close = difflib.get_close_matches(wanted, [*specs, *_OTHER_NAMES], n=1)
        nearest = _OTHER_NAMES.get(close[0], close[0]) if close else None
        raise UnknownProvider(
            f"there is no provider {name[:40]!r}",
            hint=f"did you mean {nearest!r}?" if nearest else f"there are: {', '.join(specs)}",
            field="provider",
            value=name[:40],
        )
    return spec.create(credentials, options)

"""Rules between settings: what is fine alone and wrong together, and what secrets need around them."""

from __future__ import annotations

import stat
from collections.abc import Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches
from pathlib import Path
from typing import Final

from gridtide.config.settings import PROVIDERS, Settings
from gridtide.config.table import Kind, Row
from gridtide.domain.errors import ConfigurationError, UnknownProvider
from gridtide.domain.secret import Secret

__all__ = ["KNOWN_PROVIDERS", "Source", "canonical_provider", "check"]

BUILT_IN: Final = ("auto", "static", "file", "replay")
KNOWN_PROVIDERS: Final = (*BUILT_IN, *PROVIDERS)
"""Every name that ``provider`` may have."""

_OTHER_NAMES: Final = {
    "carbonintensityorguk": "uk",
    "carbonintensity": "uk",
    "carbon-intensity-uk": "uk",
    "neso": "uk",
    "ember": "static",
    "energycharts": "energy-charts",
    "watt-time": "watttime",
    "electricitymap": "electricitymaps",
    "electricity-maps": "electricitymaps",
    "entso-e": "entsoe",
    "iso-ne": "isone",
    "rte": "odre",
    "energinet": "energidataservice",
    "carbon-aware-sdk": "casdk",
    "carbonawaresdk": "casdk",
}
_REDIS: Final = ("redis://", "rediss://", "unix://")


@dataclass(frozen=True, slots=True)
class Source:
    """What is known about the place a value came from: its file, whether it was chosen, whether it stands there."""

    path: Path | None = None
    chosen: bool = True
    inline: bool = False

    def with_inline(self, inline: bool) -> Source:  # noqa: FBT001 - reads as a property of the copy
        """Copy that says whether the value itself stands in the file."""
        return replace(self, inline=inline and self.path is not None)


def check(
    settings: Settings, rows: Mapping[str, Row], sources: Mapping[str, Source], *, strict: bool
) -> tuple[str, ...]:
    """
    Refuse combinations that cannot work; returns warnings for those that are only unwise.

    Raises:
        ConfigurationError: The message names both sides.
    """
    _check_bounds(settings)
    _check_regions(settings)
    _check_providers(settings)
    _check_addresses(settings, sources)
    return (*_check_secrets(settings, rows, sources, strict=strict), *_unused_key(settings))


def canonical_provider(name: str) -> str:
    """
    Our name of a source, from the names that other tools use too.

    Raises:
        UnknownProvider: With the nearest name.
    """
    lowered = name.strip().lower().replace("_", "-").replace(" ", "-")
    known = _OTHER_NAMES.get(lowered, lowered)
    if known in KNOWN_PROVIDERS:
        return known
    near = get_close_matches(lowered, [*KNOWN_PROVIDERS, *_OTHER_NAMES], n=1)
    hint = f"did you mean {_OTHER_NAMES.get(near[0], near[0])}?" if near else "`gridtide doctor` lists the sources"
    raise UnknownProvider(
        f"provider is {name[:40]!r}; allowed: {', '.join(KNOWN_PROVIDERS)}", hint=hint, field="provider"
    )


def _check_bounds(settings: Settings) -> None:
    low, high = settings.thresholds.elastic, settings.thresholds.soft
    if low is not None and high is not None and low > high:
        raise ConfigurationError(
            f"thresholds.elastic {low:g} is above thresholds.soft {high:g}; allowed: elastic at or below soft",
            hint="elastic work can wait, so its bound is the lower one",
            field="thresholds.elastic",
        )
    cache, fetch = settings.cache, settings.fetch
    if cache.ttl > cache.max_stale:
        raise ConfigurationError(
            f"cache.ttl {cache.ttl} is longer than cache.max_stale {cache.max_stale}; allowed: at most as long",
            field="cache.ttl",
        )
    for name in ("connect_timeout", "read_timeout"):
        if getattr(fetch, name) > fetch.total_timeout:
            raise ConfigurationError(
                f"fetch.{name} {getattr(fetch, name)} is longer than fetch.total_timeout {fetch.total_timeout}",
                field=f"fetch.{name}",
            )
    redis_url = cache.redis_url.reveal()
    if redis_url and not redis_url.startswith(_REDIS):
        raise ConfigurationError(
            f"cache.redis_url has another scheme; allowed: {', '.join(_REDIS)}", field="cache.redis_url"
        )


def _check_regions(settings: Settings) -> None:
    regions = settings.regions
    if regions.primary and regions.primary in regions.fallback:
        raise ConfigurationError(
            f"regions.fallback holds {regions.primary!r}, which is regions.primary: work would move in a circle",
            hint="take it out of regions.fallback",
            field="regions.fallback",
        )
    for region in regions.fallback:
        if region not in regions.latency_budgets:
            raise ConfigurationError(
                f"regions.fallback holds {region!r} without a latency budget",
                hint=f"add regions.latency_budgets.{region} in ms",
                field="regions.latency_budgets",
            )
    for region in regions.latency_budgets:
        if region not in {regions.primary, *regions.fallback}:
            raise ConfigurationError(
                f"regions.latency_budgets names {region[:40]!r}, which is neither primary nor fallback",
                hint="add it to regions.fallback or take it out",
                field="regions.latency_budgets",
            )


def _check_providers(settings: Settings) -> None:
    first = canonical_provider(settings.provider)
    names = [canonical_provider(name) for name in settings.fallback_providers]
    for i, name in enumerate(names):
        if name == first or name in names[:i]:
            raise ConfigurationError(
                f"fallback_providers holds {name!r} again: a source cannot stand in for itself",
                hint="take it out",
                field="fallback_providers",
            )


def _check_addresses(settings: Settings, sources: Mapping[str, Source]) -> None:
    """A file that only lies in the working directory may not send credentials to an address of its choice."""
    for name in settings.providers:
        field = f"providers.{name}.base_url"
        source = sources.get(field, Source())
        if not source.chosen:
            raise ConfigurationError(
                f"{field} stands in {source.path}, a file that was only found in the working directory",
                hint=f"name the file with --config {source.path} if the address is meant",
                field=field,
            )


def _check_secrets(
    settings: Settings, rows: Mapping[str, Row], sources: Mapping[str, Source], *, strict: bool
) -> list[str]:
    warnings: list[str] = []
    for name, source in sources.items():
        value = settings.value(name) if rows[name].kind is Kind.SECRET else None
        if not isinstance(value, Secret) or not value or not source.inline or source.path is None:
            continue
        if not source.path.stat().st_mode & stat.S_IROTH:
            continue
        text = f"{name} stands in {source.path}, which everybody may read; run chmod 600 {source.path}"
        if strict:
            raise ConfigurationError(text, hint="or write ${NAME} and keep it in the environment", field=name)
        warnings.append(text)
    return warnings


def _unused_key(settings: Settings) -> list[str]:
    if settings.api_key and canonical_provider(settings.provider) in BUILT_IN:
        return [f"api_key is not used, because provider is {settings.provider}; name the source it belongs to"]
    return []

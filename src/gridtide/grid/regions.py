"""
Cloud regions and the grid zone each one stands in.

A region's name is written differently by people, consoles and node labels (``eu-west-1a``, ``West Europe``,
``europe-west1-b``), and two clouds have names that differ by a hyphen only (``us-east-1``, ``us-east1``). So an exact
name wins, and a name that could be two regions is refused with both.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Final

from gridtide.domain.errors import UnmappedRegion
from gridtide.domain.zone import Confidence
from gridtide.grid import table

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["CLOUDS", "CloudRegion", "all_regions", "find_region"]

CLOUDS: Final = ("aws", "gcp", "azure")
_INNER_ZONE: Final = re.compile(r"(?P<region>.*\d)(?:[a-f]|-[a-f])|(?P<azure>[a-z]+\d?)-[1-3]")


@dataclass(frozen=True, slots=True, kw_only=True)
class CloudRegion:
    """
    One region of a cloud provider.

    Args:
        provider: ``aws``, ``gcp`` or ``azure``.
        name: As the provider writes it, for example ``eu-west-1``.
        title: For people.
        city: Where it is, as far as the provider says.
        country: ISO 3166-1 alpha-2.
        latitude: Degrees north; Azure's are coarse on purpose. [deg]
        longitude: Degrees east. [deg]
        kind: ``commercial``, ``government`` or ``china``.
        zone: Key of the grid zone.
        confidence: How sure that is.
        source: Who says so; ``place`` is our own rule by location.
        alternatives: Other zones that sources name.
        watttime: WattTime's region, empty where unknown.
        static: Code of the yearly value that fits best, empty for the zone's own.
        pue: Power usage effectiveness, None where unpublished.
        cfe: Share of carbon-free energy that the provider claims for 2024, market-based; never used for decisions.
        ccf_g_per_kwh: Factor of Cloud Carbon Footprint, 2021 era. [gCO2eq/kWh]
        note: What is special.
    """

    provider: str
    name: str
    title: str
    city: str
    country: str
    latitude: float
    longitude: float
    kind: str
    zone: str
    confidence: Confidence
    source: str
    alternatives: tuple[str, ...] = ()
    watttime: str = ""
    static: str = ""
    pue: float | None = None
    cfe: float | None = None
    ccf_g_per_kwh: float | None = None
    note: str = ""

    @property
    def id(self) -> str:
        """Name that is unique across clouds, for example ``aws:eu-west-1``."""
        return f"{self.provider}:{self.name}"


@cache
def all_regions() -> dict[str, CloudRegion]:
    """Every region by its id, read once."""
    regions = (_from_row(row) for row in table.rows("cloud_regions"))
    return {region.id: region for region in regions}


def find_region(text: str) -> CloudRegion | None:
    """
    Region called *text*, with or without its cloud's name before a colon, or None.

    A zone inside a region (``us-east-1a``, ``europe-west1-b``, ``westeurope-1``) counts as its region.

    Raises:
        UnmappedRegion: The text could be regions of two clouds; the hint names them.
    """
    cloud, _, name = text.strip().lower().rpartition(":")
    name = re.sub(r"[\s_]+", "-", name)
    inner = _INNER_ZONE.fullmatch(name)
    outer = (inner["region"] or inner["azure"]) if inner else ""
    for candidate in (name, outer):
        for named in (_by_name().get(candidate, ()), _by_letters().get(candidate.replace("-", ""), ())):
            found = [region for region in named if cloud in {"", region.provider}]
            if len(found) == 1:
                return found[0]
            if found:
                raise _ambiguous(text, found)
    return None


@cache
def _by_name() -> dict[str, tuple[CloudRegion, ...]]:
    return _group((region.name, region) for region in all_regions().values())


@cache
def _by_letters() -> dict[str, tuple[CloudRegion, ...]]:
    return _group((region.name.replace("-", ""), region) for region in all_regions().values())


def _group(pairs: Iterable[tuple[str, CloudRegion]]) -> dict[str, tuple[CloudRegion, ...]]:
    groups: dict[str, tuple[CloudRegion, ...]] = {}
    for name, region in pairs:
        groups[name] = (*groups.get(name, ()), region)
    return groups


def _ambiguous(text: str, found: list[CloudRegion]) -> UnmappedRegion:
    choices = tuple(region.id for region in found)
    return UnmappedRegion(
        f"region {text[:60]!r} could be {' or '.join(f'{r.id} ({r.city})' for r in found)}",
        hint=f"write {' or '.join(choices)}",
        field="region",
        suggestions=choices,
    )


def _from_row(row: dict[str, str]) -> CloudRegion:
    return CloudRegion(
        provider=row["provider"],
        name=row["region"],
        title=row["name"],
        city=row["city"],
        country=row["country"],
        latitude=float(row["lat"]),
        longitude=float(row["lon"]),
        kind=row["kind"],
        zone=row["zone"],
        confidence=Confidence(row["confidence"]),
        source=row["source"],
        alternatives=tuple(filter(None, row["alternatives"].split("|"))),
        watttime=row["watttime"],
        static=row["static"],
        pue=_number(row["pue"]),
        cfe=_number(row["cfe_2024"]),
        ccf_g_per_kwh=_number(row["ccf_g_per_kwh"]),
        note=row["note"],
    )


def _number(text: str) -> float | None:
    return float(text) if text else None

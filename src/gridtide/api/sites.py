"""The regions that work may move to, as the planner wants them: comparable values, distance, efficiency of the site."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gridtide.accounting.coefficients import measured_round_trip_ms
from gridtide.domain.decision import FreshnessStep
from gridtide.domain.errors import CarbonError
from gridtide.domain.signal import require_comparable
from gridtide.grid.regions import all_regions
from gridtide.planning.placement import Site, SiteRules
from gridtide.planning.transfer import distance_km, round_trip_ms

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gridtide.config.settings import Settings
    from gridtide.domain.ports import Reading
    from gridtide.domain.series import Series
    from gridtide.domain.zone import ZoneMapping
    from gridtide.grid.catalogue import Catalogue
    from gridtide.grid.regions import CloudRegion

__all__ = ["Region", "Sites", "rules_of"]


@dataclass(frozen=True, slots=True)
class Region:
    """
    A region by the caller's name, the place it means and what is known there.

    Args:
        name: As the caller says it.
        place: What that means.
        reading: Its signal, with the upper end of its forecast where that was asked for.
        price: Electricity there, for a plan by cost. [EUR/MWh]
        unpriced: Why no price is known there; empty where one is, or none is asked for.
    """

    name: str
    place: ZoneMapping
    reading: Reading
    price: Series | None = None
    unpriced: str = ""

    @property
    def cloud(self) -> CloudRegion | None:
        """Facts about the cloud region, if it is one."""
        return all_regions().get(self.place.zone.at("cloud") or "")


@dataclass(frozen=True, slots=True)
class Sites:
    """
    Home and the regions that work may move to, with why others may not.

    Args:
        home: Where it runs unless moved.
        others: Where it could go.
        barred: Name of each region that is not weighed, and why.
    """

    home: Site
    others: tuple[Site, ...]
    barred: tuple[tuple[str, str], ...]

    @property
    def left_out(self) -> tuple[str, ...]:
        """One sentence for each region that is not weighed."""
        return tuple(f"{name} is left out: {why}" for name, why in self.barred)

    @classmethod
    def weigh(
        cls,
        catalogue: Catalogue,
        home: Region,
        others: Sequence[Region],
        *,
        latency_budgets: dict[str, float] | None,
        pue: float = 1.0,
    ) -> Sites:
        """
        Sort *others* into those that can be weighed against *home* and those that cannot.

        Args:
            catalogue: Knows coordinates.
            home: Where the work is.
            others: Where it could go, each with its own reading; one that failed stops no other.
            latency_budgets: Longest added round trip by name for work that somebody waits for; None where latency
                does not matter. [ms]
            pue: Power usage effectiveness at home where it is stated or known; 1 stands for neither.
        """
        sites: list[Site] = []
        barred: list[tuple[str, str]] = []
        for region in others:
            site = _site(catalogue, region, home, pue)
            why = _unusable(region, home) or region.unpriced or _too_far(site, latency_budgets)
            if why:
                barred.append((region.name, why))
            else:
                sites.append(site)
        return cls(_site(catalogue, home, home, pue), tuple(sites), tuple(barred))


def rules_of(settings: Settings) -> SiteRules:
    """How sure a move must be, from the settings; a data limit of zero sets none."""
    return SiteRules(data_limit_gb=settings.policies.data_transfer_limit_gb or None)


def _site(catalogue: Catalogue, region: Region, home: Region, pue: float) -> Site:
    far = _round_trip_ms(catalogue, region, home)
    return Site(
        region=region.name,
        series=region.reading.series,
        country=region.cloud.country if region.cloud is not None else region.place.zone.country,
        pue=_pue(region, home, pue),
        round_trip_ms=0.0 if region is home else far,
        high=region.reading.high,
        price=region.price,
    )


def _round_trip_ms(catalogue: Catalogue, region: Region, home: Region) -> float | None:
    """Measured where both are regions of Google's cloud that were measured, else estimated from the distance. [ms]"""
    if region.cloud is not None and home.cloud is not None and region.cloud.provider == home.cloud.provider == "gcp":
        measured = measured_round_trip_ms(home.cloud.name, region.cloud.name)
        if measured is not None:
            return measured
    here, there = _coordinates(catalogue, home), _coordinates(catalogue, region)
    return round_trip_ms(distance_km(here, there)).middle if here and there else None


def _pue(region: Region, home: Region, stated: float) -> float:
    """
    Power usage effectiveness: its own where both sites know one, else that of home for both.

    A figure for one side only would tilt the comparison. What is *stated* for home goes before what it publishes.
    """
    published = home.cloud.pue if home.cloud is not None else None
    here = stated if stated > 1.0 else published
    there = region.cloud.pue if region is not home and region.cloud is not None else None
    if here is None:
        return 1.0
    return here if there is None else there


def _coordinates(catalogue: Catalogue, region: Region) -> tuple[float, float] | None:
    if region.cloud is not None:
        return (region.cloud.latitude, region.cloud.longitude)
    return catalogue.coordinates(region.place.zone.key)


def _unusable(region: Region, home: Region) -> str:
    reading = region.reading
    if not reading.series or reading.step in {FreshnessStep.NONE, FreshnessStep.STATIC}:
        return f"nothing current is known there ({reading.reason or 'no source'})"
    try:
        require_comparable(home.reading.series.signal, reading.series.signal)
    except CarbonError as error:
        return error.message
    labels = reading.series.signal
    return "" if labels.is_absolute else f"a {labels.kind} signal ranks the hours of one place; it compares no places"


def _too_far(site: Site, budgets: dict[str, float] | None) -> str:
    if budgets is None:
        return ""
    budget = budgets.get(site.region)
    if budget is None:
        return "it has no latency budget"
    if site.round_trip_ms is None:
        return "its distance is not known"
    if site.round_trip_ms > budget:
        return f"its round trip is about {site.round_trip_ms:.0f} ms; the budget is {budget:.0f} ms"
    return ""

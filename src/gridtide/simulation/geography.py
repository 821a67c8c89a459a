"""
The zones of a scenario as places that work may move to: distance, efficiency, residency, and what a move would need.

Which rules bar a job from a place is asked of the planner (`gridtide.planning.placement.barred`), so that bounds and
baselines count exactly the moves that the planner may make.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from gridtide.accounting.coefficients import measured_round_trip_ms
from gridtide.domain.errors import CarbonError, InvalidInput
from gridtide.domain.series import Series
from gridtide.domain.signal import Signal, SignalKind, require_comparable
from gridtide.grid.catalogue import Catalogue
from gridtide.grid.regions import CloudRegion, find_region
from gridtide.planning import transfer
from gridtide.planning.placement import Site, SiteRules, barred

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from gridtide.simulation.job_table import JobTable
    from gridtide.simulation.scenario import Scenario
    from gridtide.simulation.specs import PolicySpec, ZoneSpec

__all__ = ["Geography", "Spot", "require_one_kind"]

_NOTHING = Series(Signal(SignalKind.AVERAGE, provider="none", zone="none"), [], [], [])


class Spot(NamedTuple):
    """Where a zone is: country, coordinates [deg], cloud region if one stands there, power usage effectiveness."""

    country: str = ""
    coordinates: tuple[float, float] | None = None
    cloud: CloudRegion | None = None
    pue: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Geography:
    """
    Places of a scenario.

    Args:
        spots: By zone.
        mbit_per_s: Throughput between two of them. [Mbit/s]
        energy: Of a transferred gigabyte.
        data_limit_gb: Most data that may move; None for no limit. [GB]
    """

    spots: Mapping[str, Spot]
    mbit_per_s: float
    energy: transfer.TransferEnergy = transfer.PUBLISHED_TRANSFER
    data_limit_gb: float | None = None

    @classmethod
    def of(cls, scenario: Scenario) -> Geography:
        """What the scenario says about its zones, filled from the catalogue where it knows them by that name."""
        catalogue = Catalogue()
        return cls(
            spots={zone.name: _spot(zone, catalogue) for zone in scenario.zones},
            mbit_per_s=scenario.transfer.mbit_per_s,
            energy=scenario.transfer.energy(),
            data_limit_gb=scenario.transfer.data_limit_gb,
        )

    def rules(self, policy: PolicySpec) -> SiteRules:
        """How sure a move of *policy* must be."""
        return SiteRules(
            margin=policy.move_margin,
            energy=self.energy,
            accept_uncertain=policy.accept_uncertain,
            data_limit_gb=self.data_limit_gb,
        )

    def site(self, zone: str, home: str, series: Series = _NOTHING) -> Site:
        """*zone* as the planner wants it, for work whose data and users are at *home*."""
        spot = self.spots[zone]
        return Site(
            region=zone,
            series=series,
            country=spot.country,
            pue=spot.pue,
            round_trip_ms=0.0 if zone == home else _round_trip_ms(self.spots[home], spot),
            mbit_per_s=self.mbit_per_s,
        )

    def open_to(self, jobs: JobTable, index: int) -> NDArray[np.int64]:
        """Rows of the jobs that may move to zone number *index* from another one."""
        name, rules = jobs.zones[index], SiteRules(data_limit_gb=self.data_limit_gb)
        open_rows = np.zeros(jobs.size, dtype=bool)
        for home, home_name in enumerate(jobs.zones):
            if home == index:
                continue
            site = self.site(name, home_name)
            for term in range(len(jobs.terms)):
                rows = np.flatnonzero((jobs.zone == home) & (jobs.term == term))
                if rows.size and barred(jobs.under(term), site, rules) is None:
                    open_rows[rows] = True
        if self.data_limit_gb is not None:
            open_rows &= jobs.data_gb <= self.data_limit_gb
        open_rows &= jobs.may_wait | (jobs.data_gb == 0)
        return np.flatnonzero(open_rows)

    def movable(self, jobs: JobTable) -> int:
        """How many jobs may move to some other zone, whatever the grids do."""
        free = np.zeros(jobs.size, dtype=bool)
        for index in range(len(jobs.zones)):
            free[self.open_to(jobs, index)] = True
        return int(free.sum())

    def moving_ns(self, jobs: JobTable, rows: NDArray[np.int64], index: int) -> NDArray[np.int64]:
        """
        Time that the data of *rows* need to zone number *index*, never more than the planner counts. [ns]

        Args:
            jobs: All jobs.
            rows: Which of them.
            index: Where to.
        """
        trips = [self.site(jobs.zones[index], home).round_trip_ms or 0.0 for home in jobs.zones]
        data_gb = jobs.data_gb[rows]
        moving_us = np.floor(data_gb * 8e9 / self.mbit_per_s + np.array(trips)[jobs.zone[rows]] * 1e3)
        return np.where(data_gb > 0, moving_us.astype(np.int64) * 1000, 0)


def require_one_kind(truth: Mapping[str, Series]) -> None:
    """
    Refuse to move work between values that mean different things (invariant I14).

    Raises:
        InvalidInput: Kind, unit or scope of two zones differ, or values rank hours of one place only.
    """
    names = list(truth)
    for name in names:
        signal = truth[name].signal
        if not signal.is_absolute:
            raise InvalidInput(
                f"zone {name[:40]!r} has {signal.kind} values, which rank the hours of one place",
                hint='places = "any" needs gCO2eq/kWh in every zone',
                field="zones",
            )
        try:
            require_comparable(truth[names[0]].signal, signal)
        except CarbonError as error:
            raise InvalidInput(
                f"work cannot be moved between the zones of this scenario: {error.message}",
                hint='take zones of one source, or keep places = "home"',
                field="policies.places",
            ) from None


def _spot(zone: ZoneSpec, catalogue: Catalogue) -> Spot:
    cloud = None
    if zone.cloud is not None:
        cloud = find_region(zone.cloud)
        if cloud is None:
            raise InvalidInput(
                f"zone {zone.name[:40]!r} names the cloud region {zone.cloud[:40]!r}, which is not known",
                hint="write it like gcp:us-west1; `gridtide zones` lists them",
                field="zones.cloud",
            )
    country, place = _catalogued(zone.name, catalogue)
    if cloud is not None:
        country, place = cloud.country, (cloud.latitude, cloud.longitude)
    if zone.latitude is not None and zone.longitude is not None:
        place = (zone.latitude, zone.longitude)
    return Spot(zone.country or country, place, cloud, zone.pue)


def _catalogued(name: str, catalogue: Catalogue) -> tuple[str, tuple[float, float] | None]:
    """Country and place of a zone that the catalogue has under exactly this name."""
    try:
        zone = catalogue.resolve(name).zone
    except CarbonError:
        return "", None
    return (zone.country, catalogue.coordinates(zone.key)) if zone.key == name else ("", None)


def _round_trip_ms(home: Spot, away: Spot) -> float | None:
    """Measured between two of Google's regions, else estimated from the distance; None where that is unknown. [ms]"""
    if home.cloud is not None and away.cloud is not None and home.cloud.provider == away.cloud.provider == "gcp":
        measured = measured_round_trip_ms(home.cloud.name, away.cloud.name)
        if measured is not None:
            return measured
    if home.coordinates is None or away.coordinates is None:
        return None
    return transfer.round_trip_ms(transfer.distance_km(home.coordinates, away.coordinates)).middle

"""Where a fleet may run: what is known of a zone, and how much fits into it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from gridtide.domain.errors import InvalidInput, KindMismatch, ProviderUnavailable
from gridtide.domain.signal import require_comparable
from gridtide.simulation.geography import Spot

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gridtide.domain.series import Series
    from gridtide.domain.signal import Signal

__all__ = ["FleetZone", "pues_of", "shared_signal"]

_NO_LIMIT = float("inf")


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetZone:
    """
    One zone that jobs may run in.

    Args:
        name: As job tables call it.
        series: Carbon intensity there; empty where nothing is known, and then no job goes there. [gCO2eq/kWh]
        capacity_kw: Most power of all jobs at any time. [kW]
        quota_kwh: Most energy of all jobs together. [kWh]
        spot: Country, coordinates and cloud region, for residency, latency and the time that data travel.
        problem: Why nothing is known, where that is so.
    """

    name: str
    series: Series
    capacity_kw: float = _NO_LIMIT
    quota_kwh: float = _NO_LIMIT
    spot: Spot = field(default_factory=Spot)
    problem: str = ""

    def __post_init__(self) -> None:
        for name in ("capacity_kw", "quota_kwh"):
            if not getattr(self, name) >= 0:
                raise InvalidInput(
                    f"{name} of {self.name[:40]} is {getattr(self, name)}; allowed: zero or more", field=name
                )


def shared_signal(zones: Sequence[FleetZone]) -> Signal:
    """
    What the values of all zones mean, the first zone's labels (invariant I14).

    Raises:
        InvalidInput: A zone is there twice.
        KindMismatch: Kind or scope of two zones differ, or values rank the hours of one place only.
        UnitMismatch: Units differ.
        ProviderUnavailable: Nothing is known in any zone.
    """
    names = [zone.name for zone in zones]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise InvalidInput(f"zone {twice[:40]!r} is there twice", field="zone")
    known = [zone.series.signal for zone in zones if zone.series]
    if not known:
        why = next((zone.problem for zone in zones if zone.problem), "no zone is given")
        raise ProviderUnavailable(
            f"nothing is known in any zone: {why}", hint="`gridtide doctor` looks at every source"
        )
    for signal in known:
        if not signal.is_absolute:
            raise KindMismatch(
                f"the {signal.kind} signal of {signal.zone} ranks the hours of one place; it compares no places",
                hint="take an average or marginal signal in gCO2eq/kWh",
                field="zone",
            )
        require_comparable(known[0], signal)
    return known[0]


def pues_of(zones: Sequence[FleetZone]) -> list[float]:
    """Power usage effectiveness of each zone where all publish one; a figure for some only would tilt the plan."""
    published = [zone.spot.cloud.pue if zone.spot.cloud is not None else None for zone in zones]
    return [1.0 if pue is None or None in published else pue for pue in published]

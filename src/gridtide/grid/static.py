"""
Yearly values, the last step of the freshness ladder before nothing: flat, labelled static, never current.

The nearest figure wins: the cloud region's own, its state's, the bidding zone's, the country's, the world's. Figures
of different scope stand in the table (US states and China count direct emissions, countries lifecycle), so a caller
who compares places asks for one scope and gets the nearest figure of that scope.

The factors of Cloud Carbon Footprint stand ready beside these for whoever has reported with them before.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Final

from gridtide.domain.instants import to_ns
from gridtide.domain.series import Series
from gridtide.domain.signal import Perimeter, Quality, Scope, Signal, SignalKind
from gridtide.grid import regions, table

if TYPE_CHECKING:
    from gridtide.domain.interval import Interval
    from gridtide.domain.zone import Zone

__all__ = ["StaticTable", "YearlyValue"]

_WORLD: Final = "WORLD"
_CCF_YEAR: Final = 2021
_CREDITS: Final = {
    "ember": "Ember and Our World in Data, CC BY 4.0",
    "egrid": "U.S. Environmental Protection Agency, eGRID2023",
    "mee": "Ministry of Ecology and Environment of China",
    "entsoe": "ENTSO-E Transparency Platform, CC BY 4.0",
    "google": "Google Cloud region carbon data, Apache-2.0",
    "iea": "International Energy Agency 2019",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class YearlyValue:
    """
    One yearly average.

    Args:
        code: Of the place: zone key, country, state, ``gcp:<region>`` or ``WORLD``.
        kind: ``region``, ``state``, ``area``, ``country``, ``national`` (the whole US, direct) or ``world``.
        name: For people.
        g_per_kwh: Carbon intensity. [gCO2eq/kWh]
        year: It is the average of.
        scope: Lifecycle or direct.
        credit: Whom to name.
    """

    code: str
    kind: str
    name: str
    g_per_kwh: float
    year: int
    scope: Scope
    credit: str


class StaticTable:
    """
    Yearly values by zone.

    Args:
        ccf: Use Cloud Carbon Footprint's factor where a zone was resolved from a cloud region that has one. They are
            from 2021 and mix scopes, so they are for continuity of reports, not for decisions.
    """

    def __init__(self, *, ccf: bool = False) -> None:
        self._ccf = ccf

    def value(self, zone: Zone, *, scope: Scope | None = None) -> YearlyValue:
        """
        Nearest figure for *zone*, with that scope if one is given; the world's when nothing nearer is known.

        The world's figure is direct; it is given whatever the scope asked, because there is no other, and says so.
        """
        region = regions.all_regions().get(zone.at("cloud") or "") if self._ccf else None
        if region is not None and region.ccf_g_per_kwh is not None and scope is None:
            return YearlyValue(
                code=region.id,
                kind="region",
                name=region.title,
                g_per_kwh=region.ccf_g_per_kwh,
                year=_CCF_YEAR,
                scope=Scope.UNKNOWN,
                credit="Cloud Carbon Footprint, Apache-2.0",
            )
        own, country = zone.at("static"), zone.country or zone.key.partition("-")[0]
        for code in (own, zone.key, country, _WORLD):
            found = [v for v in _by_code().get(code or "", ()) if scope in {None, v.scope}]
            if found:
                return found[0]
        return _by_code()[_WORLD][0]

    def series(self, zone: Zone, window: Interval, *, scope: Scope | None = None) -> Series:
        """One flat step over *window*, labelled static with its year and place."""
        value = self.value(zone, scope=scope)
        signal = Signal(
            SignalKind.AVERAGE,
            "static",
            value.code,
            scope=value.scope,
            perimeter=Perimeter.PRODUCTION,
            quality=Quality.STATIC,
            issued_at=datetime(value.year, 12, 31, tzinfo=UTC),
            attribution=value.credit,
            method=f"average of {value.year} for {value.name} ({value.kind})",
        )
        return Series(signal, [to_ns(window.start)], [to_ns(window.end)], [value.g_per_kwh])


@cache
def _by_code() -> dict[str, tuple[YearlyValue, ...]]:
    """All figures by code; of several for one code the nearer kind first."""
    order = ("region", "state", "area", "country", "national", "world")
    values: dict[str, tuple[YearlyValue, ...]] = {}
    for row in sorted(table.rows("yearly"), key=lambda row: order.index(row["kind"])):
        value = YearlyValue(
            code=row["code"],
            kind=row["kind"],
            name=row["name"],
            g_per_kwh=float(row["g_per_kwh"]),
            year=int(row["year"]),
            scope=Scope(row["scope"]),
            credit=_CREDITS[row["source"]],
        )
        values[value.code] = (*values.get(value.code, ()), value)
    return values

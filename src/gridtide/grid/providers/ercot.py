"""
ERCOT (Texas), fuel mix dashboard: yesterday and today in one JSON file, intensity computed from the mix. Keyless.

Labels are instants with an offset that lacks its colon, some seconds off the five minutes; one interval may come under
two labels a few seconds apart with its fuels split between them, so labels are rounded to five minutes first.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, ClassVar, Final

from gridtide.domain.instants import duration_ns
from gridtide.domain.signal import Perimeter, Scope, SignalKind
from gridtide.grid.payload import instant_ns, malformed, member, read_json, shorten
from gridtide.grid.points import Reject, require_offered
from gridtide.grid.provider import Ask, Product, ProviderInfo, Reply, Request
from gridtide.grid.providers.generation import UsIso

if TYPE_CHECKING:
    from gridtide.domain.series import Series

__all__ = ["Ercot"]

_STEP_NS: Final = duration_ns(timedelta(minutes=5))


class Ercot(UsIso):
    """Carbon intensity of ERCOT; its one zone key is ``ERCOT``."""

    info: ClassVar[ProviderInfo] = ProviderInfo(
        name="ercot",
        title="ERCOT fuel mix dashboard",
        base_url="https://www.ercot.com",
        kinds=(SignalKind.AVERAGE,),
        products=frozenset({Product.CURRENT, Product.HISTORY}),
        scope=Scope.LIFECYCLE,
        perimeter=Perimeter.PRODUCTION,
        attribution="ERCOT",
        licence="public, attribution",
        period=timedelta(minutes=5),
        lag=timedelta(minutes=5),
        max_span=timedelta(days=2),
        calls_per_window=4,
        budget_window=timedelta(minutes=1),
    )
    zone_key: ClassVar = "US-TEX-ERCO"
    fuels: ClassVar = {
        "coal and lignite": "coal",
        "hydro": "hydro",
        "natural gas": "gas",
        "nuclear": "nuclear",
        "other": "other",
        "power storage": "battery",
        "solar": "solar",
        "wind": "wind",
    }

    def build_requests(self, ask: Ask, replies: tuple[Reply, ...] = ()) -> tuple[Request, ...]:
        """One file holds all there is."""
        require_offered(self.info, ask)
        return () if replies else (Request(path="/api/1/services/read/dashboards/fuel-mix.json"),)

    def parse(self, ask: Ask, replies: tuple[Reply, ...]) -> Series:
        """Every five minutes of the days in the file."""
        points = self._points(ask, replies, "data record {}")
        mix = self._mix()
        for reply in replies:
            days = member(read_json(reply, self.info.name), "data", self.info.name)
            if not isinstance(days, dict):
                malformed(self.info.name, f"data is {shorten(days)}, expected an object of days", field="data")
            records = [(f"data.{day}", label, fuels) for day in days for label, fuels in _labels(day, days[day])]
            for index, (path, label, fuels) in enumerate(records):
                start = instant_ns(label)
                if start is None:
                    points.skip(Reject.TIME, index, label)
                    continue
                start = (start + _STEP_NS // 2) // _STEP_NS * _STEP_NS
                for code, found in fuels.items():
                    mix.add(
                        start,
                        start + _STEP_NS,
                        code,
                        member(found, "gen", self.info.name, f"{path}.{code[:40]}"),
                        index=index,
                    )
        mix.fill(points)
        return points.series()


def _labels(day: str, found: object) -> list[tuple[str, dict[str, object]]]:
    if not isinstance(found, dict):
        malformed("ercot", f"data.{shorten(day)} is {shorten(found)}, expected an object", field="data")
    for label, fuels in found.items():
        if not isinstance(fuels, dict):
            malformed("ercot", f"data.{shorten(label)} is {shorten(fuels)}, expected an object of fuels", field="data")
    return list(found.items())

"""
The OpenElectricity v4 shapes of Australia: emissions and energy by network region.

Quirks kept: dates are asked for and answered in network time (UTC+10 for the NEM, UTC+8 for WEM, all the year),
naive in the question; more than 1,000 intervals are refused; the newest emissions may be null. The truth is in
gCO2/kWh. Zone keys: ``NSW1``, ``QLD1``, ``SA1``, ``TAS1``, ``VIC1``, ``WEM``.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any, Final

from gridtide.testing.answer import Answer, Call, json_answer
from gridtide.testing.fake.family import Desk, Family
from gridtide.testing.feed import Publication

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gridtide.testing.feed import Row

__all__ = ["OpenElectricity"]

KEY: Final = "fake-key"
OFFSETS: Final = {"NEM": timezone(timedelta(hours=10)), "WEM": timezone(timedelta(hours=8))}
REGIONS: Final = {"NEM": ("NSW1", "QLD1", "SA1", "TAS1", "VIC1"), "WEM": ("WEM",)}
STEPS: Final = {"5m": timedelta(minutes=5), "1h": timedelta(hours=1), "1d": timedelta(days=1)}
MOST_INTERVALS: Final = 1000
_ENERGY_MW: Final = 7000.0


class OpenElectricity(Family):
    """
    OpenElectricity API.

    Args:
        keys: Accepted keys.
        lag: How long after its end an interval appears.
    """

    name = "openelectricity"
    aliases = ("open-electricity",)

    def __init__(self, *, keys: Iterable[str] = (KEY,), lag: timedelta = timedelta(minutes=10)) -> None:
        self.publication = Publication(period=STEPS["5m"], lag=lag, step=STEPS["5m"])
        self.keys = frozenset(keys)

    def zone_of(self, call: Call) -> str:
        """The one region, where only one is asked for."""
        return call.param("network_region")

    def answer(self, call: Call, desk: Desk) -> Answer:
        """Answer data of one network."""
        scheme, _, key = call.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or key not in self.keys:
            return json_answer({"detail": "Invalid or missing API key"}, 401)
        parts = call.parts[1:] if call.parts[:1] == ("v4",) else call.parts
        if parts == ("me",):
            return json_answer({"data": {"plan": "BASIC", "rate_limit": {"limit": 500, "remaining": 499}}})
        if parts[:2] != ("data", "network") or len(parts) != 3 or parts[2] not in REGIONS:
            return json_answer({"detail": "Not Found"}, 404)
        network, interval = parts[2], call.param("interval", default="5m")
        if interval not in STEPS:
            return json_answer({"detail": f"interval {interval!r} is not allowed"}, 400)
        offset, step = OFFSETS[network], STEPS[interval]
        try:
            start = _naive(call.param("date_start")).replace(tzinfo=offset)
            end = _naive(call.param("date_end")).replace(tzinfo=offset) if call.param("date_end") else desk.now
        except ValueError as refusal:
            return json_answer({"detail": str(refusal)}, 422)
        if (end - start) / step > MOST_INTERVALS:
            return json_answer({"detail": f"more than {MOST_INTERVALS} intervals were asked for"}, 400)
        chosen = call.all("network_region") or REGIONS[network]
        publication = replace(self.publication, step=step)
        rows = {}
        for region in chosen:
            view = desk.view(region)
            rows[region] = view.rows(start, end, publication) if view else []
        blocks = [self._block(network, m, interval, offset, rows) for m in call.all("metrics") or ("energy",)]
        made = f"{desk.now.astimezone(offset).isoformat()}"
        return json_answer({"version": "4.5.16", "created_at": made, "success": True, "error": None, "data": blocks})

    def _block(
        self, network: str, metric: str, interval: str, offset: timezone, rows: dict[str, list[Row]]
    ) -> dict[str, Any]:
        hours = STEPS[interval] / timedelta(hours=1)
        unit = {"energy": "MWh", "emissions": "t"}.get(metric, "MW")
        results = [
            {
                "name": f"{metric}_{region}",
                "columns": {"region": region},
                "data": [[_local(row, offset), _amount(row, metric, hours)] for row in known if row.over],
            }
            for region, known in rows.items()
            if known
        ]
        return {
            "network_code": network, "metric": metric, "unit": unit, "interval": interval,
            "groupings": ["network_region"], "network_timezone_offset": "+10:00" if network == "NEM" else "+08:00",
            "results": results,
        }  # fmt: skip


def _amount(row: Row, metric: str, hours: float) -> Any:
    energy = _ENERGY_MW * hours
    if metric != "emissions":
        return energy
    value = row.measured
    if isinstance(value, bool) or not isinstance(value, int | float):
        return value
    return round(value * energy / 1000.0, 6)


def _local(row: Row, offset: timezone) -> str:
    return row.start.astimezone(offset).isoformat()


def _naive(text: str) -> datetime:
    instant = datetime.fromisoformat(text)
    if instant.tzinfo is not None:
        raise ValueError("date_start and date_end must be in network time, without an offset")
    return instant

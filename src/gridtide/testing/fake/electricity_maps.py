"""
The Electricity Maps v4 and v3 shapes: zones, latest, history, past, past-range, forecast, Home Assistant.

Quirks kept: 401 for a bad key and, with another text, for what the plan does not cover; lists named ``history``,
``data`` or ``forecast``; the latest hour is estimated; without a location the caller's own place is answered unless
``disableCallerLookup`` is set; v3 lists zones as an object, v4 as an array. Zone keys: ``DE``, ``US-CAL-CISO``.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from gridtide.testing.answer import Answer, Call, json_answer
from gridtide.testing.fake.electricity_maps_places import data_center_zone, zone_at
from gridtide.testing.fake.family import Desk, Family, rounded
from gridtide.testing.fake.fuel_mix import fuel_mix
from gridtide.testing.feed import Publication

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gridtide.testing.feed import Row, View

__all__ = ["ElectricityMaps"]

HOUR: Final = timedelta(hours=1)
KEY: Final = "fake-key"
LONGEST: Final = timedelta(days=10)
HORIZONS: Final = frozenset({6, 24, 48, 72})
_FIELDS: Final = {
    "carbon-intensity": "carbonIntensity",
    "carbon-intensity-fossil-only": "carbonIntensity",
    "renewable-energy": "value",
    "carbon-free-energy": "value",
}
_LISTS: Final = {"history": "history", "past-range": "data", "forecast": "forecast"}
_RECENT: Final = timedelta(hours=2)


class ElectricityMaps(Family):
    """
    Electricity Maps API.

    Args:
        access: What a key may read: ``{key: {zone: [requests]}}``, where ``*`` stands for any zone or request and a
            request is for example ``carbon-intensity/latest``. One key for everything when left out.
        caller_zone: Where the caller seems to be.
    """

    name = "electricitymaps"
    aliases = ("electricity-maps", "electricity_maps")

    def __init__(
        self, *, access: Mapping[str, Mapping[str, Sequence[str]]] | None = None, caller_zone: str = "SE-SE3"
    ) -> None:
        self.publication = Publication(
            period=HOUR, phase=timedelta(minutes=15), lag=timedelta(0), horizon=timedelta(hours=73), step=HOUR
        )
        self.access = {KEY: {"*": ["*"]}} if access is None else dict(access)
        self.caller_zone = caller_zone

    def zone_of(self, call: Call) -> str:
        """The zone, or the one at the coordinates, of the data centre, or of the caller."""
        if zone := call.param("zone", "zoneKey", "countryCode"):
            return zone
        if call.param("lat") and call.param("lon"):
            return zone_at(float(call.param("lat")), float(call.param("lon")))
        if region := call.param("dataCenterRegion"):
            return data_center_zone(call.param("dataCenterProvider"), region)
        return "" if call.param("disableCallerLookup") == "true" else self.caller_zone

    def answer(self, call: Call, desk: Desk) -> Answer:
        """Answer any path of both versions; without a version it is v4."""
        parts = call.parts
        version = parts[0] if parts and parts[0] in {"v3", "v4", "beta"} else "v4"
        rest = parts[1:] if parts and parts[0] == version else parts
        granted = self.access.get(call.headers.get("auth-token", ""))
        if rest == ("zones",):
            return self._zones(version, granted, desk)
        if granted is None:
            return json_answer({"error": "Invalid auth-token", "message": "Authentication failed"}, 401)
        zone = self.zone_of(call)
        if rest == ("zone",):
            return json_answer({"zone": zone, "zoneKey": zone})
        if rest == ("home-assistant",):
            return self._home_assistant(zone, desk)
        if len(rest) != 2 or rest[0] not in {*_FIELDS, "carbon-intensity-level", "power-breakdown", "electricity-mix"}:
            return json_answer({"error": "Not Found"}, 404)
        if not zone:
            return json_answer({"status": "error", "message": "zone or lat,lon is required"}, 400)
        if not _allows(granted, zone, "/".join(rest)):
            text = f"Request unauthorized for zoneKey={zone},requestType={rest[1]},dataType={rest[0]}."
            reason = "You do not have access to this specific endpoint for this specific zone."
            return json_answer({"error": text, "message": reason}, 401)
        view = desk.view(zone)
        if view is None:
            return json_answer({"status": "error", "message": f'No recent data for zone "{zone}"'}, 404)
        return self._data(rest[0], rest[1], call, view)

    # -- data ------------------------------------------------------------------------------------------------------

    def _data(self, signal: str, product: str, call: Call, view: View) -> Answer:
        issued = self.publication.issued_at(view.now)
        hour = issued.replace(minute=0, second=0, microsecond=0)
        try:
            start, end = _span(product, call, hour)
        except ValueError as refusal:
            return json_answer({"status": "error", "message": str(refusal)}, 400)
        rows = view.rows(start, end if product == "forecast" else min(end, hour + HOUR), self.publication)
        entries = [_entry(row, signal, call, view, hour) for row in rows]
        if product in {"latest", "past"}:
            if not entries:
                return json_answer({"status": "error", "message": f'No recent data for zone "{view.zone}"'}, 404)
            return json_answer(entries[0] | {"temporalGranularity": "hourly"})
        if product == "forecast":
            entries = [{key: entry[key] for key in (_FIELDS[signal], "datetime")} for entry in entries]
        document = {"zone": view.zone, _LISTS[product]: entries, "temporalGranularity": "hourly"}
        return json_answer(document | ({"updatedAt": _stamp(issued)} if product == "forecast" else {}))

    def _home_assistant(self, zone: str, desk: Desk) -> Answer:
        view = desk.view(zone)
        units = {"carbonIntensity": "gCO2eq/kWh"}
        if view is None:
            return json_answer({"status": "no-data", "countryCode": zone, "data": {}, "units": units})
        hour = self.publication.issued_at(view.now).replace(minute=0, second=0, microsecond=0)
        row = view.row_at(hour, self.publication)
        value = rounded(row.value) if row else None
        data = {"datetime": _stamp(hour), "carbonIntensity": value, "fossilFuelPercentage": 12.3}
        return json_answer({"status": "ok", "countryCode": zone, "data": data, "units": units})

    def _zones(self, version: str, granted: Mapping[str, Sequence[str]] | None, desk: Desk) -> Answer:
        names = sorted({z for z in granted or {} if z != "*"} | {z for z in ("DE", "FR", "GB") if desk.view(z)})
        if version == "v3":
            return json_answer(
                {z: {"zoneName": z, "countryName": z, "access": _granted(granted, z)} for z in names}
                if granted
                else {z: {"zoneName": z} for z in names}
            )
        return json_answer(
            [
                {
                    "zoneName": z, "countryName": z, "zoneKey": z, "countryCode": z[:2], "zoneParentKey": None,
                    "subZoneKeys": [], "isCommerciallyAvailable": True, "tier": "TIER_A",
                    **({"access": _granted(granted, z)} if granted else {}),
                }
                for z in names
            ]
        )  # fmt: skip


def _span(product: str, call: Call, hour: datetime) -> tuple[datetime, datetime]:
    """What a request covers; raises `ValueError` with the service's words."""
    match product:
        case "latest":
            return hour, hour + HOUR
        case "history":
            return hour - 23 * HOUR, hour + HOUR
        case "forecast":
            hours = int(float(call.param("horizonHours", default="24")))
            if hours not in HORIZONS:
                raise ValueError("horizonHours must be 6, 24, 48 or 72")
            return hour, hour + (hours + 1) * HOUR
        case "past":
            at = _instant(call.param("datetime", default=hour.isoformat()))
            start = at.replace(minute=0, second=0, microsecond=0)
            return start, start + HOUR
        case "past-range":
            start, end = _instant(call.param("start")), _instant(call.param("end"))
            if end - start > LONGEST:
                raise ValueError("Maximum range is 10 days")
            return start, end
    raise ValueError(f"unknown request {product!r}")


def _granted(granted: Mapping[str, Sequence[str]] | None, zone: str) -> list[str]:
    return list((granted or {}).get(zone, (granted or {}).get("*", ())))


def _allows(granted: Mapping[str, Sequence[str]], zone: str, request: str) -> bool:
    return bool({"*", request} & set(_granted(granted, zone)))


def _entry(row: Row, signal: str, call: Call, view: View, hour: datetime) -> dict[str, Any]:
    if signal in {"power-breakdown", "electricity-mix"}:
        value = _breakdown(row)
    elif signal == "carbon-intensity-level":
        value = {"level": "moderate"}
    else:
        value = {_FIELDS[signal]: rounded(row.value)}
    estimated = row.start > hour - _RECENT
    return {
        "zone": view.zone, **value, "datetime": _stamp(row.start), "updatedAt": _stamp(view.now),
        "createdAt": _stamp(row.start - timedelta(days=3)),
        "emissionFactorType": call.param("emissionFactorType", default="lifecycle"),
        "flowTraced": call.param("flowTraced", default="true") != "false", "isEstimated": estimated,
        "estimationMethod": "TIME_SLICER_AVERAGE" if estimated else None,
    }  # fmt: skip


def _breakdown(row: Row) -> dict[str, Any]:
    """A mix that gives the row's intensity, all of it made at home. [MW]"""
    mix = {fuel: rounded(power) for fuel, power in fuel_mix(row.value).items()}
    total = sum(power for power in mix.values() if isinstance(power, int))
    shares = {"fossilFreePercentage": 60, "renewablePercentage": 60}
    flows = {"powerImportBreakdown": {}, "powerExportBreakdown": {}, "powerImportTotal": 0, "powerExportTotal": 0}
    made = {"powerConsumptionBreakdown": mix, "powerProductionBreakdown": mix}
    return {**made, **flows, **shares, "powerConsumptionTotal": total, "powerProductionTotal": total}


def _instant(text: str) -> datetime:
    instant = datetime.fromisoformat(text.replace(" ", "+"))
    return instant.astimezone(UTC) if instant.tzinfo else instant.replace(tzinfo=UTC)


def _stamp(instant: datetime) -> str:
    return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")

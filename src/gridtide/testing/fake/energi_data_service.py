"""
The Energi Data Service shapes of Denmark: ``CO2EmisProg`` and ``CO2Emis``.

Quirks kept: UTC columns without a ``Z``; dates are Danish time unless ``timezone=utc``; relative dates such as
``now-P1D``; newest first unless sorted; tomorrow appears in mid-afternoon. Zone keys: ``DK1``, ``DK2``.
"""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

from gridtide.testing.answer import Answer, Call, json_answer
from gridtide.testing.fake.family import Desk, Family, rounded
from gridtide.testing.feed import Publication

if TYPE_CHECKING:
    from gridtide.testing.feed import View

__all__ = ["EnergiDataService"]

COPENHAGEN: Final = ZoneInfo("Europe/Copenhagen")
AREAS: Final = ("DK1", "DK2")
TOMORROW_AT: Final = time(15, 0)
_RELATIVE: Final = re.compile(r"now(?:([+-])P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?)?)?")


class EnergiDataService(Family):
    """Energi Data Service."""

    name = "energidataservice"
    aliases = ("energi-data-service",)

    def __init__(self) -> None:
        step = timedelta(minutes=5)
        self.publication = Publication(period=step, lag=step, horizon=timedelta(hours=34), step=step)

    def zone_of(self, call: Call) -> str:
        """The one area that is filtered for."""
        areas = _areas(call)
        return areas[0] if len(areas) == 1 else ""

    def answer(self, call: Call, desk: Desk) -> Answer:
        """Answer one dataset."""
        dataset = call.parts[-1] if call.parts[:1] == ("dataset",) else ""
        if dataset not in {"CO2EmisProg", "CO2Emis"}:
            return json_answer({"statusCode": 404, "message": f"Dataset {dataset!r} not found"}, 404)
        records = [record for area in _areas(call) for record in self._records(area, call, desk, dataset)]
        column, _, order = call.param("sort", default="Minutes5UTC DESC").partition(" ")
        records.sort(key=lambda record: (str(record.get(column)), record["PriceArea"]), reverse=order.upper() == "DESC")
        limit, offset = int(call.param("limit", default="100")), int(call.param("offset", default="0"))
        page = records[offset:] if limit == 0 else records[offset : offset + limit]
        columns = call.param("columns")
        if columns:
            page = [{name: record[name] for name in columns.split(",") if name in record} for record in page]
        return json_answer({"total": len(records), "limit": limit, "dataset": dataset, "records": page})

    def _records(self, area: str, call: Call, desk: Desk, dataset: str) -> list[dict[str, Any]]:
        view = desk.view(area)
        if view is None:
            return []
        local = UTC if call.param("timezone").lower() == "utc" else COPENHAGEN
        start = _edge(call.param("start", default="now-P1D"), view.now, local)
        end = _edge(call.param("end", default="now+P2D"), view.now, local)
        rows = view.rows(start, end, self._publication_at(view))
        rows = [row for row in rows if (row.measured is not None) == (dataset == "CO2Emis") or dataset == "CO2EmisProg"]
        return [
            {
                "Minutes5UTC": f"{row.start:%Y-%m-%dT%H:%M:%S}",
                "Minutes5DK": f"{row.start.astimezone(COPENHAGEN):%Y-%m-%dT%H:%M:%S}",
                "PriceArea": area,
                "CO2Emission": rounded(row.value, 1),
            }
            for row in rows
        ]

    def _publication_at(self, view: View) -> Publication:
        """The clock with today's horizon: local midnight, one day more from mid-afternoon on."""
        local = self.publication.issued_at(view.now).astimezone(COPENHAGEN)
        days = 2 if local.time() >= TOMORROW_AT else 1
        midnight = datetime.combine(local.date() + timedelta(days=days), time(0), COPENHAGEN)
        return replace(self.publication, horizon=midnight.astimezone(UTC) - local.astimezone(UTC))


def _areas(call: Call) -> list[str]:
    text = call.param("filter")
    chosen = json.loads(text).get("PriceArea", AREAS) if text else AREAS
    return [chosen] if isinstance(chosen, str) else list(chosen)


def _edge(text: str, now: datetime, local: Any) -> datetime:
    match = _RELATIVE.fullmatch(text)
    if match:
        sign, days, hours, minutes = match.groups()
        span = timedelta(days=int(days or 0), hours=int(hours or 0), minutes=int(minutes or 0))
        return now - span if sign == "-" else now + span
    return datetime.fromisoformat(text).replace(tzinfo=local).astimezone(UTC)

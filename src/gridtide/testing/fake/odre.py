"""
The ODRE (RTE eco2mix) shapes of France, explore API v2.1.

Quirks kept: rows of the rest of the day exist with nulls; the newest value is half an hour old; at most 100 rows a
page; whole numbers. Zone keys: none, one country.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

from gridtide.testing.answer import Answer, Call, json_answer
from gridtide.testing.fake.family import Desk, Family, rounded
from gridtide.testing.feed import Publication

if TYPE_CHECKING:
    from gridtide.testing.feed import View

__all__ = ["Odre"]

PARIS: Final = ZoneInfo("Europe/Paris")
STEP: Final = timedelta(minutes=15)
STEP_S: Final = int(STEP.total_seconds())
PAGE: Final = 100
ZONE: Final = "FR"
_PATH: Final = "/api/explore/v2.1/catalog/datasets/eco2mix-national-tr/records"
_BOUND: Final = re.compile(r"date_heure\s*(>=|<=|>|<)\s*(?:date)?['\"]([^'\"]+)['\"]")
_KEPT: Final = timedelta(days=30)


class Odre(Family):
    """ODRE, real-time national data."""

    name = "odre"

    def __init__(self, *, lag: timedelta = timedelta(minutes=30)) -> None:
        self.publication = Publication(period=STEP, lag=lag, step=STEP)

    def zone_of(self, call: Call) -> str:  # noqa: ARG002 - one country only
        """The one country."""
        return ZONE

    def answer(self, call: Call, desk: Desk) -> Answer:
        """Answer records, newest first when asked so."""
        view = desk.view(ZONE)
        if view is None or call.path.rstrip("/") != _PATH:
            return json_answer({"error_code": "ODSQLError", "message": "Unknown dataset"}, 404)
        limit = int(call.param("limit", default="10"))
        if not -1 <= limit <= PAGE:
            message = f"Invalid value for limit API parameter: {limit} was found but -1 <= limit <= 100 is expected."
            return json_answer({"error_code": "InvalidRESTParameterError", "message": message}, 400)
        where = " ".join(call.all("where"))
        records = self._records(view, where)
        if "taux_co2 is not null" in where.lower():
            records = [record for record in records if record["taux_co2"] is not None]
        if call.param("order_by").lower().endswith("desc"):
            records.reverse()
        offset = int(call.param("offset", default="0"))
        return json_answer({"total_count": len(records), "results": records[offset : offset + limit]})

    def _records(self, view: View, where: str) -> list[dict[str, Any]]:
        """All quarter hours of the last month and of today."""
        today = datetime.combine(view.now.astimezone(PARIS).date(), time(0), PARIS).astimezone(UTC)
        start, end = today - _KEPT, today + timedelta(days=1)
        for sign, text in _BOUND.findall(where):
            bound = _instant(text)
            start = max(start, bound + (STEP if sign == ">" else timedelta(0))) if sign.startswith(">") else start
            end = min(end, bound + (STEP if sign == "<=" else timedelta(0))) if sign.startswith("<") else end
        known = {row.start: row for row in view.rows(start, end, self.publication)}
        records, at = [], datetime.fromtimestamp(-(-start.timestamp() // STEP_S) * STEP_S, UTC)
        while at < end:
            records.append(_record(at, rounded(known[at].measured) if at in known else None))
            at += STEP
        return records


def _record(at: datetime, rate: Any) -> dict[str, Any]:
    local = at.astimezone(PARIS)
    measured = rate is not None
    outputs = {"fioul": 120, "charbon": 10, "gaz": 3500, "nucleaire": 47000, "eolien": 9000, "solaire": 1500}
    return {
        "perimetre": "France", "nature": "Données temps réel", "date": f"{local:%Y-%m-%d}", "heure": f"{local:%H:%M}",
        "date_heure": at.isoformat(), "consommation": 61000 if measured else None, "prevision_j1": 60500,
        **{fuel: output if measured else None for fuel, output in outputs.items()}, "taux_co2": rate,
    }  # fmt: skip


def _instant(text: str) -> datetime:
    instant = datetime.fromisoformat(text.replace(" ", "+"))
    return instant.astimezone(UTC) if instant.tzinfo else instant.replace(tzinfo=UTC)

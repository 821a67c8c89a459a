"""
The EIA v2 shapes: hourly generation by fuel, paged, numbers as text, the key echoed in the answer.

Quirks kept: ``period`` is the UTC hour that *ends* there; ``value`` and ``total`` are text; at most 5,000 rows a page;
a negative battery row; new hours appear two hours late. The truth is in gCO2eq/kWh with the factors of `fuel_mix`.
Zone keys: respondents such as ``CISO``.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from gridtide.testing.answer import Answer, Call, json_answer
from gridtide.testing.fake.family import Desk, Family
from gridtide.testing.fake.fuel_mix import fuel_mix
from gridtide.testing.feed import Publication

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gridtide.testing.feed import Row

__all__ = ["Eia"]

HOUR: Final = timedelta(hours=1)
KEY: Final = "fake-key"
PAGE: Final = 5000
_HELP: Final = "Get one at https://www.eia.gov/opendata/register.php"
_NAMES: Final = {"WND": "Wind", "NG": "Natural Gas", "COL": "Coal", "BAT": "Battery storage"}
_PATH: Final = "/electricity/rto/fuel-type-data/data"


class Eia(Family):
    """
    EIA API v2, electricity of regional operators.

    Args:
        keys: Accepted keys.
        page: Most rows in one answer.
        lag: How long after its end an hour appears.
    """

    name = "eia"

    def __init__(self, *, keys: Iterable[str] = (KEY,), page: int = PAGE, lag: timedelta = timedelta(hours=2)) -> None:
        self.publication = Publication(period=HOUR, lag=lag, step=HOUR)
        self.keys = frozenset(keys)
        self.page = page

    def zone_of(self, call: Call) -> str:
        """The first respondent."""
        return call.param("facets[respondent][]", "facets[respondent][0]")

    def answer(self, call: Call, desk: Desk) -> Answer:
        """Answer the fuel mix of one respondent."""
        key = call.param("api_key") or call.headers.get("x-api-key", "")
        if not key:
            return _refused("API_KEY_MISSING", f"No api_key was supplied. {_HELP}")
        if key not in self.keys:
            return _refused("API_KEY_INVALID", f"An invalid api_key was supplied. {_HELP}")
        path = call.path.removeprefix("/v2").rstrip("/")
        if path != _PATH:
            return json_answer({"error": "Not found.", "code": 404}, 404)
        zone = self.zone_of(call)
        view = desk.view(zone)
        start, end = _period(call.param("start"), desk.now - timedelta(days=1)), _period(call.param("end"), desk.now)
        rows = view.rows(start - HOUR, end, self.publication) if view else []
        records = [r for row in rows if row.over for r in _records(zone, row)]
        if call.param("sort[0][direction]", default="asc") == "desc":
            records.sort(key=lambda record: str(record["period"]), reverse=True)
        offset, length = int(call.param("offset", default="0")), int(call.param("length", default=str(PAGE)))
        page = records[offset : offset + min(length, self.page)]
        response: dict[str, Any] = {
            "total": str(len(records)), "dateFormat": 'YYYY-MM-DD"T"HH24', "frequency": "hourly", "data": page,
            "description": "Hourly net generation by balancing authority and energy source.",
        }  # fmt: skip
        if len(page) < len(records) - offset:
            response["warnings"] = [{"warning": "incomplete return", "description": f"limited to {self.page} rows."}]
        echoed = {"api_key": key, "frequency": "hourly", "data": ["value"], "facets": {"respondent": [zone]}}
        echoed |= {"offset": str(offset), "length": str(length)}
        request = {"command": "/v2" + _PATH + "/", "params": echoed}
        return json_answer({"response": response, "request": request, "apiVersion": "2.1.8"})


def _records(zone: str, row: Row) -> list[dict[str, Any]]:
    mix = fuel_mix(row.measured)
    outputs = {"WND": mix["wind"], "NG": mix["gas"], "COL": mix["coal"], "BAT": -350}
    return [
        {
            "period": row.end.strftime("%Y-%m-%dT%H"), "respondent": zone, "respondent-name": f"Operator {zone}",
            "fueltype": fuel, "type-name": _NAMES[fuel], "value": _text(output), "value-units": "megawatthours",
        }
        for fuel, output in outputs.items()
    ]  # fmt: skip


def _text(value: Any) -> Any:
    return f"{value:.15g}" if isinstance(value, int | float) and not isinstance(value, bool) else value


def _refused(code: str, message: str) -> Answer:
    return json_answer({"error": {"code": code, "message": message}}, 403)


def _period(text: str, default: datetime) -> datetime:
    """Read ``2026-01-01T00`` or a day."""
    if not text:
        return default.replace(minute=0, second=0, microsecond=0)
    form = "%Y-%m-%dT%H" if "T" in text else "%Y-%m-%d"
    return datetime.strptime(text[:13], form).replace(tzinfo=UTC)

"""
The PJM Data Miner 2 shape of five-minute marginal emission rates.

Quirks kept: a subscription key in a header; UTC times without an offset; pages by ``startRow`` and ``rowCount``; rates
in lb/MWh, and the truth too. Zone keys: pricing nodes such as ``PJM-RTO``.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

from gridtide.testing.answer import Answer, Call, json_answer
from gridtide.testing.fake.family import Desk, Family, rounded
from gridtide.testing.feed import Publication

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gridtide.testing.feed import Row

__all__ = ["Pjm"]

KEY: Final = "fake-key"
WHOLE: Final = "PJM-RTO"
EASTERN: Final = ZoneInfo("America/New_York")
STEP: Final = timedelta(minutes=5)
MOST_ROWS: Final = 50_000
_RANGE: Final = re.compile(r"(.+?)\s*to\s*(.+)")
_FORMS: Final = ("%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M", "%m/%d/%Y %H:%M", "%m-%d-%Y %H:%M", "%Y-%m-%dT%H:%M:%S")


class Pjm(Family):
    """
    PJM Data Miner 2.

    Args:
        keys: Accepted subscription keys.
        lag: How long after its end an interval appears.
    """

    name = "pjm"

    def __init__(self, *, keys: Iterable[str] = (KEY,), lag: timedelta = timedelta(minutes=10)) -> None:
        self.publication = Publication(period=STEP, lag=lag, step=STEP)
        self.keys = frozenset(keys)

    def zone_of(self, call: Call) -> str:
        """The pricing node, by name or number."""
        return call.param("pnode_name", "pnode_id", default=WHOLE)

    def answer(self, call: Call, desk: Desk) -> Answer:
        """Answer marginal emissions of one node."""
        if call.headers.get("ocp-apim-subscription-key") not in self.keys:
            message = "Access denied due to missing or invalid subscription key."
            return json_answer({"statusCode": 401, "message": message}, 401)
        if call.path.rstrip("/").rpartition("/")[2] != "fivemin_marginal_emissions":
            return json_answer({"statusCode": 404, "message": "Resource not found"}, 404)
        node = self.zone_of(call)
        view = desk.view(node)
        span, ept = call.param("datetime_beginning_utc"), call.param("datetime_beginning_ept")
        start, end = _span(span or ept, UTC if span or not ept else EASTERN, desk.now)
        rows = [row for row in view.rows(start, end, self.publication) if row.over] if view else []
        if call.param("order", default="Asc").lower() == "desc":
            rows.reverse()
        first, count = int(call.param("startRow", default="1")), int(call.param("rowCount", default=str(MOST_ROWS)))
        page = rows[first - 1 : first - 1 + count]
        items = [_item(row, node) for row in page]
        return json_answer({"links": [], "items": items, "searchSpecification": {}, "totalRows": len(rows)})


def _item(row: Row, node: str) -> dict[str, Any]:
    return {
        "datetime_beginning_utc": f"{row.start:%Y-%m-%dT%H:%M:%S}",
        "datetime_beginning_ept": f"{row.start.astimezone(EASTERN):%Y-%m-%dT%H:%M:%S}",
        "pnode_id": int(node) if node.isdigit() else 1,
        "pnode_name": WHOLE if node.isdigit() else node,
        "marginal_co2_rate": rounded(row.measured, 1),
        "marginal_so2_rate": 0.2,
        "marginal_nox_rate": 0.4,
    }


def _span(text: str, zone: Any, now: datetime) -> tuple[datetime, datetime]:
    """Read ``from to to``, or one instant, or a word such as ``5MinutesAgo``; the last hour when nothing is said."""
    match = _RANGE.fullmatch(text.strip())
    if match:
        return _instant(match[1], zone), _instant(match[2], zone) + STEP
    if text.strip() and text.strip()[0].isdigit():
        return _instant(text, zone), _instant(text, zone) + STEP
    return now - timedelta(hours=1), now


def _instant(text: str, zone: Any) -> datetime:
    for form in _FORMS:
        try:
            return datetime.strptime(text.strip(), form).replace(tzinfo=zone).astimezone(UTC)
        except ValueError:
            continue
    raise ValueError(f"PJM does not read the time {text!r}")

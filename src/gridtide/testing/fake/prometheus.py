"""
The shapes of Prometheus' query API: instant values and ranges as text, the last value repeated for five minutes.

Zone keys: the query itself, so each query may have its own truth.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from gridtide.testing.answer import Answer, Call, json_answer
from gridtide.testing.fake.family import Desk, Family
from gridtide.testing.feed import Publication

if TYPE_CHECKING:
    from gridtide.testing.feed import Row

__all__ = ["Prometheus"]


class Prometheus(Family):
    """
    Prometheus HTTP API.

    Args:
        labels: Of the one series that is answered.
        bearer: Token that must be sent, if any.
    """

    name = "prometheus"

    def __init__(self, *, labels: dict[str, str] | None = None, bearer: str | None = None) -> None:
        minute = timedelta(minutes=1)
        self.publication = Publication(period=minute, step=minute)
        self.labels = labels or {"__name__": "carbon_intensity", "zone": "X"}
        self.bearer = bearer

    def zone_of(self, call: Call) -> str:
        """The query."""
        return _form(call).param("query")

    def answer(self, call: Call, desk: Desk) -> Answer:
        """Answer both query paths, by GET or POST."""
        if self.bearer is not None and call.headers.get("authorization") != f"Bearer {self.bearer}":
            return json_answer({"status": "error", "errorType": "unauthorized", "error": "unauthorized"}, 401)
        form = _form(call)
        if not form.param("query"):
            return json_answer({"status": "error", "errorType": "bad_data", "error": "unknown position: no expr"}, 400)
        view = desk.view(self.zone_of(call))
        if call.path == "/api/v1/query":
            at = _time(form.param("time"), desk.now)
            row = view.row_at(at - self.publication.step, self.publication) if view else None
            found = [] if row is None or row.measured is None else [{"value": [at.timestamp(), _text(row.measured)]}]
            return _success("vector", [{"metric": self.labels, **value} for value in found])
        if call.path == "/api/v1/query_range":
            start, end = _time(form.param("start"), desk.now), _time(form.param("end"), desk.now)
            step = _step(form.param("step", default="60"))
            rows = view.rows(start - self.publication.step, end, self.publication) if view else []
            values = _samples(rows, start, end, step)
            return _success("matrix", [{"metric": self.labels, "values": values}] if values else [])
        return json_answer({"status": "error", "errorType": "not_found", "error": "not found"}, 404)


def _samples(rows: list[Row], start: datetime, end: datetime, step: timedelta) -> list[list[Any]]:
    """What a range query returns: at each step the measured value that was last known, up to now."""
    known = {row.end: row.measured for row in rows if row.measured is not None}
    values, at = [], start
    while at <= end:
        minute = at.replace(second=0, microsecond=0)
        if minute in known:
            values.append([at.timestamp(), _text(known[minute])])
        at += step
    return values


def _form(call: Call) -> Call:
    """The call with a form body added to its parameters."""
    extra = tuple(parse_qsl(call.body.decode())) if call.method == "POST" else ()
    return Call(method=call.method, path=call.path, params=call.params + extra, headers=call.headers)


def _success(kind: str, result: list[Any]) -> Answer:
    return json_answer({"status": "success", "data": {"resultType": kind, "result": result}})


def _text(value: Any) -> str:
    return "NaN" if value != value else f"{value}"  # noqa: PLR0124 - NaN is the one value unlike itself


def _time(text: str, default: datetime) -> datetime:
    if not text:
        return default
    try:
        return datetime.fromtimestamp(float(text), UTC)
    except ValueError:
        return datetime.fromisoformat(text).astimezone(UTC)


def _step(text: str) -> timedelta:
    units = {"s": 1, "m": 60, "h": 3600, "d": 86400}
    return (
        timedelta(seconds=float(text[:-1]) * units[text[-1]]) if text[-1] in units else timedelta(seconds=float(text))
    )

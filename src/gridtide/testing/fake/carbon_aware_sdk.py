"""
The shapes of a Carbon Aware SDK server, and of the public forecast files in its format.

Values are the rows as they are; ``duration`` is written as days, hours, minutes and seconds. Zone keys: locations
such as ``eastus``.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from gridtide.testing.answer import Answer, Call, json_answer, text_answer
from gridtide.testing.fake.family import Desk, Family
from gridtide.testing.feed import Publication

if TYPE_CHECKING:
    from gridtide.testing.feed import Row, View

__all__ = ["CarbonAwareComputing", "CarbonAwareSdk"]

DAY: Final = timedelta(days=1)
_PATHS: Final = frozenset(
    {
        "/emissions/bylocation",
        "/emissions/bylocations",
        "/emissions/bylocations/best",
        "/emissions/forecasts/current",
    }
)


class CarbonAwareSdk(Family):
    """Carbon Aware SDK web API."""

    name = "carbon-aware-sdk"
    aliases = ("casdk", "carbon_aware_sdk")

    def __init__(self) -> None:
        step = timedelta(minutes=5)
        self.publication = Publication(period=step, horizon=timedelta(hours=24), step=step)

    def zone_of(self, call: Call) -> str:
        """The location."""
        return call.param("location", "Location")

    def answer(self, call: Call, desk: Desk) -> Answer:
        """Answer emissions and forecasts of one or several locations."""
        if call.path == "/health":
            return text_answer("Healthy")
        if call.path not in _PATHS:
            return json_answer({"title": "Not Found", "status": 404}, 404)
        names = call.all("location") or call.all("locations")
        views = [(name, desk.view(name)) for name in names]
        if not views or any(view is None for _, view in views):
            return _refused("unknown location")
        known = [(name, view) for name, view in views if view is not None]
        if call.path in {"/emissions/bylocation", "/emissions/bylocations"}:
            return json_answer([entry for name, view in known for entry in self._emissions(name, view, call)])
        if call.path == "/emissions/bylocations/best":
            entries = [entry for name, view in known for entry in self._emissions(name, view, call)]
            best = min(entry["rating"] for entry in entries)
            return json_answer([entry for entry in entries if entry["rating"] == best])
        if not all(self._lies_within(view, call) for _, view in known):
            return _refused("dataStartAt must be within time range of the forecasted data")
        return json_answer([self._forecast(name, view, call) for name, view in known])

    def _lies_within(self, view: View, call: Call) -> bool:
        """Whether the bounds asked for lie inside the forecast."""
        issued = self.publication.issued_at(view.now)
        last = issued + self.publication.horizon
        return issued <= _instant(call.param("dataStartAt"), issued) <= _instant(call.param("dataEndAt"), last) <= last

    def _emissions(self, name: str, view: View, call: Call) -> list[dict[str, Any]]:
        start = _instant(call.param("time"), view.now - self.publication.step)
        end = _instant(call.param("toTime"), start + self.publication.step)
        rows = [row for row in view.rows(start, end, self.publication) if row.over]
        return [_entry(name, row, "rating") for row in rows]

    def _forecast(self, name: str, view: View, call: Call) -> dict[str, Any]:
        issued = self.publication.issued_at(view.now)
        start = _instant(call.param("dataStartAt"), issued)
        end = _instant(call.param("dataEndAt"), issued + self.publication.horizon)
        rows = view.rows(start, end, self.publication)
        points = [_entry(name, row, "value", time="timestamp") for row in rows]
        window = int(call.param("windowSize", default="5"))
        optimal = min(points, key=lambda p: p["value"], default=None)
        return {
            "generatedAt": issued.isoformat(), "requestedAt": view.now.isoformat(), "location": name,
            "dataStartAt": start.isoformat(), "dataEndAt": end.isoformat(), "windowSize": window,
            "optimalDataPoints": [optimal] if optimal else [], "forecastData": points,
        }  # fmt: skip


class CarbonAwareComputing(Family):
    """Forecast files of European countries, made every hour. Zone keys: lower-case country codes."""

    name = "carbon-aware-computing"
    aliases = ("bluehands",)

    def __init__(self) -> None:
        hour, quarter = timedelta(hours=1), timedelta(minutes=15)
        self.publication = Publication(period=hour, horizon=2 * DAY, step=quarter)

    def zone_of(self, call: Call) -> str:
        """Name of the file."""
        return call.parts[-1].removesuffix(".json") if call.parts else ""

    def answer(self, call: Call, desk: Desk) -> Answer:
        """Answer one country's file."""
        view = desk.view(self.zone_of(call))
        if view is None or call.parts[:1] != ("forecasts",):
            body = "<?xml version='1.0' encoding='utf-8'?><Error><Code>BlobNotFound</Code></Error>"
            return text_answer(body, 404, content_type="application/xml")
        issued = self.publication.issued_at(view.now)
        rows = view.rows(issued, issued + self.publication.horizon, self.publication)
        points = [{"Time": row.start.isoformat(), "Rating": row.value, "Duration": "00:15:00"} for row in rows]
        return json_answer({"GeneratedAt": issued.isoformat(), "Emissions": points})


def _refused(detail: str) -> Answer:
    return json_answer({"title": "ArgumentException", "status": 400, "detail": detail}, 400)


def _entry(name: str, row: Row, value: str, *, time: str = "time") -> dict[str, Any]:
    minutes = (row.end - row.start) // timedelta(minutes=1)
    if time == "timestamp":
        return {"location": name, "timestamp": row.start.isoformat(), "duration": minutes, value: row.value}
    duration = f"{minutes // 60:02d}:{minutes % 60:02d}:00"
    stamp = row.start.strftime("%Y-%m-%dT%H:%M:%SZ")
    return {"location": name, "time": stamp, value: row.value, "duration": duration}


def _instant(text: str, default: datetime) -> datetime:
    if not text:
        return default
    instant = datetime.fromisoformat(text.replace(" ", "+"))
    return instant.astimezone(UTC) if instant.tzinfo else instant.replace(tzinfo=UTC)

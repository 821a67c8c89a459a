"""
The Energy-Charts shapes: ``/co2eq``, ``/signal``, ``/ren_share_forecast``, ``/price``.

Quirks kept: parallel arrays with nulls; measured and forecast overlap for the newest measured steps; today is known
to its local midnight and tomorrow only after the afternoon publication; trailing nulls; 15 minutes in most and
60 minutes in some countries; an unknown country is answered in plain text. Zone keys: lower-case country codes.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

from gridtide.testing.answer import Answer, Call, json_answer, text_answer
from gridtide.testing.fake.family import Desk, Family, rounded
from gridtide.testing.feed import Publication

if TYPE_CHECKING:
    from gridtide.testing.feed import Row, View

__all__ = ["EnergyCharts"]

BERLIN: Final = ZoneInfo("Europe/Berlin")
TOMORROW_AT: Final = time(19, 0)
_CODES: Final = (
    "al am at az ba be bg by ch cy cz de dk ee es fi fr ge gr hr hu ie it lt lu lv md me mk mt nl no pl pt ro rs se "
    "si sk tr ua xk eu all nie"
)
COUNTRIES: Final = frozenset(_CODES.split())
HOURLY: Final = frozenset({"pl", "ch", "se", "no"})
_BOTH: Final = 4
_CLEANEST: Final = 40.0
_DIRTIEST: Final = 700.0


class EnergyCharts(Family):
    """
    Energy-Charts API.

    Args:
        lag: How long after its end a step is measured.
        trailing_nulls: Steps with neither value at the end of an answer.
    """

    name = "energy-charts"
    aliases = ("energy_charts", "energycharts", "energy-charts-price")

    def __init__(self, *, lag: timedelta = timedelta(hours=1), trailing_nulls: int = 3) -> None:
        self.publication = Publication(
            period=timedelta(minutes=15), lag=lag, horizon=timedelta(hours=29), step=timedelta(minutes=15)
        )
        self.trailing_nulls = trailing_nulls

    def zone_of(self, call: Call) -> str:
        """The country, or the bidding zone of a price."""
        return call.param("country", "bzn")

    def answer(self, call: Call, desk: Desk) -> Answer:
        """Answer any of the four paths."""
        zone = self.zone_of(call)
        if call.path == "/price":
            view = desk.view(zone)
        else:
            view = desk.view(zone) if zone in COUNTRIES else None
        if view is None:
            text = f"'{zone}' is not the code for an available country. Please refer to the documentation."
            return text_answer(text, 400)
        try:
            start, end = _window(call, view.now)
        except ValueError:
            return json_answer({"detail": [{"loc": ["query", "start"], "msg": "invalid datetime"}]}, 422)
        rows = view.rows(start, end, self._publication_at(zone, view))
        if call.path == "/co2eq":
            return self._co2eq(rows, zone)
        if call.path == "/signal":
            shares = [_share(row) for row in rows]
            lights = [None if share is None else _light(share) for share in shares]
            return json_answer(_arrays(rows, share=shares, signal=lights, substitute=False))
        if call.path == "/ren_share_forecast":
            return json_answer(_arrays(rows, ren_share=[_share(row) for row in rows], substitute=False))
        if call.path == "/price":
            prices = [rounded(row.value, 2) for row in rows]
            licence = "CC BY 4.0 (creativecommons.org/licenses/by/4.0) from Bundesnetzagentur | SMARD.de"
            return json_answer({"license_info": licence, **_arrays(rows, price=prices, unit="EUR / MWh")})
        return json_answer({"detail": "Not Found"}, 404)

    def _publication_at(self, zone: str, view: View) -> Publication:
        """The provider's clock with today's horizon: local midnight, one day more after the publication."""
        local = self.publication.issued_at(view.now).astimezone(BERLIN)
        days = 2 if local.time() >= TOMORROW_AT else 1
        midnight = datetime.combine(local.date() + timedelta(days=days), time(0), BERLIN)
        step = timedelta(hours=1) if zone in HOURLY else self.publication.step
        return replace(self.publication, horizon=midnight.astimezone(UTC) - local.astimezone(UTC), step=step)

    def _co2eq(self, rows: list[Row], zone: str) -> Answer:
        measured = [rounded(row.measured, 1) for row in rows]
        newest = max((k for k, row in enumerate(rows) if row.measured is not None), default=-1)
        forecast = [rounded(row.forecast, 1) if k > newest - _BOTH else None for k, row in enumerate(rows)]
        seconds = [int(row.start.timestamp()) for row in rows]
        step = int((timedelta(hours=1) if zone in HOURLY else self.publication.step).total_seconds())
        for _ in range(self.trailing_nulls if rows else 0):
            seconds.append(seconds[-1] + step)
            measured.append(None)
            forecast.append(None)
        document = {"unix_seconds": seconds, "co2eq": measured, "co2eq_forecast": forecast, "deprecated": False}
        return json_answer(document)


def _window(call: Call, now: datetime) -> tuple[datetime, datetime]:
    """Asked-for span; today in local time when nothing is said, whole days for dates."""
    today = datetime.combine(now.astimezone(BERLIN).date(), time(0), BERLIN)
    start, end = call.param("start"), call.param("end")
    begin = _edge(start, last=False) if start else today
    until = _edge(end, last=True) if end else datetime.combine(begin.astimezone(BERLIN).date(), time(0), BERLIN)
    if not end:
        until = datetime.combine(until.date() + timedelta(days=1), time(0), BERLIN)
    return begin.astimezone(UTC), until.astimezone(UTC)


def _edge(text: str, *, last: bool) -> datetime:
    if text.lstrip("-").isdigit() and len(text) > len("20260101"):
        return datetime.fromtimestamp(int(text), UTC)
    instant = datetime.fromisoformat(text.replace(" ", "+"))
    if len(text) == len("2026-01-01"):
        day = instant.date() + timedelta(days=1) if last else instant.date()
        return datetime.combine(day, time(0), BERLIN)
    return instant if instant.tzinfo else instant.replace(tzinfo=BERLIN)


def _arrays(rows: list[Row], **columns: Any) -> dict[str, Any]:
    return {"unix_seconds": [int(row.start.timestamp()) for row in rows], **columns, "deprecated": False}


def _share(row: Row) -> Any:
    """Renewable share of load that goes with an intensity. [percent]"""
    value = row.value
    if isinstance(value, bool) or not isinstance(value, int | float):
        return value
    return rounded(100.0 * min(1.0, max(0.0, (_DIRTIEST - value) / (_DIRTIEST - _CLEANEST))), 1)


def _light(share: Any) -> int:
    """Traffic light of a renewable share: 0 red, 1 yellow, 2 green."""
    if isinstance(share, bool) or not isinstance(share, int | float):
        return 0
    return int(share >= 40) + int(share >= 60)

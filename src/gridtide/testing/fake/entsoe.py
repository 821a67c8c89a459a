"""
The ENTSO-E shapes: XML by document type, bidding zone and fuel.

Quirks kept: no data is an acknowledgement with code 999; pumping stands in a series of its own under
``outBiddingZone_Domain``; a curve of type A03 leaves out positions that repeat; the answer starts on full hours. The
truth is in gCO2eq/kWh with the factors of `fuel_mix`. Zone keys: EIC codes such as ``10Y1001A1001A82H``.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import TYPE_CHECKING, Any, Final
from xml.sax.saxutils import escape

from gridtide.testing.answer import Answer, Call, text_answer
from gridtide.testing.fake.family import Desk, Family
from gridtide.testing.fake.fuel_mix import fuel_mix
from gridtide.testing.fake.rolling_limit import RollingLimit
from gridtide.testing.feed import Publication

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gridtide.testing.feed import Row

__all__ = ["Entsoe"]

TOKEN: Final = "fake-token"  # noqa: S105 - accepted by the fake only
_HEAD: Final = '<?xml version="1.0" encoding="UTF-8"?>\n'
_GENERATION: Final = "urn:iec62325.351:tc57wg16:451-6:generationloaddocument:3:0"
_PRICES: Final = "urn:iec62325.351:tc57wg16:451-3:publicationdocument:7:3"
_ACKNOWLEDGED: Final = "urn:iec62325.351:tc57wg16:451-1:acknowledgementdocument:7:0"
_FUELS: Final = {"B05": "coal", "B04": "gas", "B19": "wind"}
_PUMPING_MW: Final = 900


class Entsoe(Family):
    """
    ENTSO-E Transparency Platform.

    Args:
        tokens: Accepted security tokens.
        lag: How long after its end a step appears.
        step: Length of one step, 15 or 60 minutes.
        calls: Rolling limit of calls a minute.
    """

    name = "entsoe"
    aliases = ("entso-e",)

    def __init__(
        self,
        *,
        tokens: Iterable[str] = (TOKEN,),
        lag: timedelta = timedelta(hours=1),
        step: timedelta = timedelta(hours=1),
        calls: int = 400,
    ) -> None:
        self.publication = Publication(period=step, lag=lag, horizon=timedelta(0), step=step)
        self.tokens = frozenset(tokens)
        self.limit = RollingLimit(calls, timedelta(minutes=1))

    def zone_of(self, call: Call) -> str:
        """The EIC of the zone."""
        return call.param("in_Domain", "outBiddingZone_Domain")

    def answer(self, call: Call, desk: Desk) -> Answer:
        """Answer generation (A75), load (A65) or prices (A44)."""
        token = call.param("securityToken") or call.headers.get("security_token", "")
        if token not in self.tokens:
            return text_answer("<html><body><h1>401 Unauthorized</h1></body></html>", 401, content_type="text/html")
        refusal = self.limit.refusal(token, desk.now)
        if refusal:
            return refusal
        try:
            start, end = _stamp(call.param("periodStart")), _stamp(call.param("periodEnd"))
        except ValueError:
            return self._acknowledge("B08", "Invalid time interval", 400)
        if end - start > timedelta(days=370):
            return self._acknowledge("A06", "The amount of requested data exceeds allowed limit of one year.", 400)
        zone, kind = self.zone_of(call), call.param("documentType")
        view = desk.view(zone)
        rows = [row for row in view.rows(start, end, self.publication) if row.over] if view else []
        if not rows or kind not in {"A75", "A65", "A44"}:
            text = f"No matching data found for Data item {kind} ({zone}) and interval {start} to {end}."
            return self._acknowledge("999", text, 200)
        body = {"A75": self._generation, "A65": self._load, "A44": self._prices}[kind](zone, rows, call)
        return text_answer(_HEAD + body, content_type="text/xml")

    # -- documents -------------------------------------------------------------------------------------------------

    def _generation(self, zone: str, rows: list[Row], call: Call) -> str:
        wanted = call.param("psrType")
        parts = [
            self._series(zone, fuel, [fuel_mix(row.measured)[_FUELS[fuel]] for row in rows], rows)
            for fuel in _FUELS
            if wanted in {"", fuel}
        ]
        if wanted in {"", "B10"}:
            parts.append(self._series(zone, "B10", [_PUMPING_MW] * len(rows), rows, consumption=True))
        return _document("GL_MarketDocument", _GENERATION, "A75", "".join(parts), rows)

    def _load(self, zone: str, rows: list[Row], _: Call) -> str:
        return _document(
            "GL_MarketDocument", _GENERATION, "A65", self._series(zone, "", [20_000] * len(rows), rows), rows
        )

    def _prices(self, zone: str, rows: list[Row], _: Call) -> str:
        periods = self._periods([row.measured for row in rows], rows, "price.amount", repeat=True)
        domain = f'<in_Domain.mRID codingScheme="A01">{zone}</in_Domain.mRID>'
        domain += f'<out_Domain.mRID codingScheme="A01">{zone}</out_Domain.mRID>'
        series = (
            f"<TimeSeries><mRID>1</mRID><businessType>A62</businessType>{domain}"
            "<contract_MarketAgreement.type>A01</contract_MarketAgreement.type><currency_Unit.name>EUR"
            "</currency_Unit.name><price_Measure_Unit.name>MWH</price_Measure_Unit.name><curveType>A03</curveType>"
            f"{periods}</TimeSeries>"
        )
        return _document("Publication_MarketDocument", _PRICES, "A44", series, rows)

    def _series(self, zone: str, fuel: str, values: list[Any], rows: list[Row], *, consumption: bool = False) -> str:
        side = "outBiddingZone" if consumption or not fuel else "inBiddingZone"
        curve = "A03" if fuel == "B19" else "A01"
        kind = f"<MktPSRType><psrType>{fuel}</psrType></MktPSRType>" if fuel else ""
        periods = self._periods(values, rows, "quantity", repeat=curve == "A03")
        return (
            f"<TimeSeries><mRID>1</mRID><businessType>A01</businessType><objectAggregation>A08</objectAggregation>"
            f'<{side}_Domain.mRID codingScheme="A01">{zone}</{side}_Domain.mRID>'
            f"<quantity_Measure_Unit.name>MAW</quantity_Measure_Unit.name><curveType>{curve}</curveType>{kind}"
            f"{periods}</TimeSeries>"
        )

    def _periods(self, values: list[Any], rows: list[Row], field: str, *, repeat: bool) -> str:
        """One period for each stretch without a gap."""
        step = self.publication.step
        order = groupby(enumerate(zip(rows, values, strict=True)), key=lambda e: e[1][0].start - e[0] * step)
        return "".join(self._period([entry for _, entry in group], field, repeat=repeat) for _, group in order)

    def _period(self, entries: list[tuple[Row, Any]], field: str, *, repeat: bool) -> str:
        points, before = [], object()
        for position, (_, value) in enumerate(entries, 1):
            if not repeat or value != before:
                points.append(f"<Point><position>{position}</position><{field}>{_number(value)}</{field}></Point>")
            before = value
        minutes = int(self.publication.step / timedelta(minutes=1))
        return (
            f"<Period><timeInterval><start>{_edge(entries[0][0].start)}</start><end>{_edge(entries[-1][0].end)}</end>"
            f"</timeInterval><resolution>PT{minutes}M</resolution>{''.join(points)}</Period>"
        )

    def _acknowledge(self, code: str, text: str, status: int) -> Answer:
        body = (
            f'{_HEAD}<Acknowledgement_MarketDocument xmlns="{_ACKNOWLEDGED}"><mRID>fake</mRID>'
            f"<Reason><code>{code}</code><text>{escape(text)}</text></Reason></Acknowledgement_MarketDocument>"
        )
        return text_answer(body, status, content_type="text/xml")


def _document(root: str, namespace: str, kind: str, series: str, rows: list[Row]) -> str:
    span = f"<start>{_edge(rows[0].start)}</start><end>{_edge(rows[-1].end)}</end>"
    return (
        f'<{root} xmlns="{namespace}"><mRID>fake</mRID><revisionNumber>1</revisionNumber><type>{kind}</type>'
        f"<time_Period.timeInterval>{span}</time_Period.timeInterval>{series}</{root}>"
    )


def _stamp(text: str) -> datetime:
    return datetime.strptime(text, "%Y%m%d%H%M").replace(tzinfo=UTC)


def _edge(instant: datetime) -> str:
    return instant.strftime("%Y-%m-%dT%H:%MZ")


def _number(value: Any) -> str:
    if value is None:
        return ""
    return escape(f"{value:.15g}" if isinstance(value, int | float) and not isinstance(value, bool) else f"{value}")

"""
ODRE, eco2mix of RTE: carbon intensity of France as RTE publishes it, direct emissions of production. Keyless.

Quarter hours labelled by their start with an offset. Rows of the rest of the day exist already and are null. There is
no forecast of carbon intensity.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, ClassVar, Final

from gridtide.domain.instants import duration_ns, isoformat
from gridtide.domain.signal import Perimeter, Quality, Scope, SignalKind
from gridtide.grid.payload import MISSING, instant_ns, items, malformed, member, read_json, shorten
from gridtide.grid.points import Points, Reject, require_offered, signal_for
from gridtide.grid.provider import Ask, Product, Provider, ProviderInfo, Reply, Request

if TYPE_CHECKING:
    from gridtide.domain.series import Series
    from gridtide.domain.zone import Zone

__all__ = ["Odre"]

_NAME: Final = "odre"
_STEP_NS: Final = duration_ns(timedelta(minutes=15))
_PAGE: Final = 100
_ROWS_MAX: Final = 10_000
_PATH: Final = "/api/explore/v2.1/catalog/datasets/eco2mix-national-tr/records"


class Odre(Provider):
    """Carbon intensity of France; its one zone key is ``FR``."""

    info: ClassVar[ProviderInfo] = ProviderInfo(
        name=_NAME,
        title="RTE eco2mix on ODRE",
        base_url="https://odre.opendatasoft.com",
        kinds=(SignalKind.AVERAGE,),
        products=frozenset({Product.CURRENT, Product.HISTORY}),
        scope=Scope.DIRECT,
        perimeter=Perimeter.PRODUCTION,
        attribution="RTE, ODRE, Licence Ouverte",
        licence="Licence Ouverte",
        period=timedelta(minutes=15),
        lag=timedelta(minutes=60),
        max_span=timedelta(days=14),
        calls_per_window=10,
        budget_window=timedelta(minutes=1),
    )

    def key_for(self, zone: Zone) -> str | None:
        """``FR`` for France, None elsewhere."""
        return "FR" if (zone.at(_NAME) or zone.key) == "FR" else None

    def build_requests(self, ask: Ask, replies: tuple[Reply, ...] = ()) -> tuple[Request, ...]:
        """The newest hundred rows, or the pages of a window: the first, then all the others."""
        require_offered(self.info, ask)
        if ask.product is Product.CURRENT:
            return () if replies else (_page("", 0),)
        where = f" and date_heure >= {_date(ask.window.start)} and date_heure < {_date(ask.window.end)}"
        if not replies:
            return (_page(where, 0),)
        if len(replies) > 1:
            return ()
        total = member(read_json(replies[0], _NAME), "total_count", _NAME)
        if isinstance(total, bool) or not isinstance(total, int) or not 0 <= total <= _ROWS_MAX:
            malformed(_NAME, f"total_count is {shorten(total)}, expected 0 to {_ROWS_MAX}", field="total_count")
        return tuple(_page(where, offset) for offset in range(_PAGE, total, _PAGE))

    def parse(self, ask: Ask, replies: tuple[Reply, ...]) -> Series:
        """Rows of all pages; null rows of the rest of the day are no data."""
        require_offered(self.info, ask)
        points = Points(signal_for(self.info, ask, replies), path="results[{}].taux_co2", now=ask.now)
        for reply in replies:
            for index, row in enumerate(items(member(read_json(reply, _NAME), "results", _NAME), _NAME, "results")):
                if not isinstance(row, dict):
                    points.skip(Reject.TYPE, index, row)
                    continue
                if row.get("perimetre", "France") != "France":
                    points.skip(Reject.ZONE, index, row["perimetre"])
                    continue
                start = instant_ns(row.get("date_heure"))
                end = None if start is None else start + _STEP_NS
                points.add(start, end, row.get("taux_co2", MISSING), quality=_quality(row.get("nature")), index=index)
        return points.series()


def _quality(nature: object) -> Quality:
    """Real-time rows are estimates that are consolidated months later."""
    return Quality.MEASURED if isinstance(nature, str) and "d\u00e9finitives" in nature else Quality.ESTIMATED


def _date(instant: datetime) -> str:
    return f"date'{isoformat(instant)}'"


def _page(where: str, offset: int) -> Request:
    params = (
        ("order_by", "date_heure desc"),
        ("limit", str(_PAGE)),
        ("offset", str(offset)),
        ("where", f"taux_co2 is not null{where}"),
    )
    return Request(path=_PATH, params=params)

"""
PJM Data Miner 2, five-minute marginal emission rates: a second marginal source, from Illinois to Virginia. Free key.

Pounds per megawatt-hour by pricing node, labelled by the start of a step in UTC without a ``Z``; imports count zero.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar, Final

from gridtide.domain.errors import GridError, Unauthorized
from gridtide.domain.instants import duration_ns
from gridtide.domain.signal import Perimeter, Scope, SignalKind
from gridtide.domain.units import G_PER_KWH_PER_LB_PER_MWH
from gridtide.grid.credential import credential
from gridtide.grid.payload import MISSING, items, local_ns, malformed, member, read_json, shorten
from gridtide.grid.points import Points, Reject, require_offered, signal_for
from gridtide.grid.provider import Ask, Product, Provider, ProviderInfo, Reply, Request

if TYPE_CHECKING:
    from gridtide.domain.secret import Secret
    from gridtide.domain.series import Series
    from gridtide.domain.zone import Zone

__all__ = ["Pjm"]

_NAME: Final = "pjm"
_NODE: Final = "PJM-RTO"
_STEP_NS: Final = duration_ns(timedelta(minutes=5))
_PAGE: Final = 50_000
_PAGES_MAX: Final = 20
_CONTEXT: Final = timedelta(hours=2)


class Pjm(Provider):
    """
    Marginal emission rate at a pricing node; keys are node names, ``PJM-RTO`` for the whole system.

    Args:
        api_key: Subscription key.
    """

    info: ClassVar[ProviderInfo] = ProviderInfo(
        name=_NAME,
        title="PJM Data Miner 2, marginal emission rates",
        base_url="https://api.pjm.com",
        kinds=(SignalKind.MARGINAL,),
        products=frozenset({Product.CURRENT, Product.HISTORY}),
        scope=Scope.DIRECT,
        perimeter=Perimeter.PRODUCTION,
        attribution="PJM Interconnection",
        licence="PJM terms of use, attribution",
        credentials=("PJM_API_KEY",),
        period=timedelta(minutes=5),
        lag=timedelta(minutes=30),
        max_span=timedelta(days=31),
        calls_per_window=6,
        budget_window=timedelta(minutes=1),
    )

    def __init__(self, api_key: str | Secret) -> None:
        self._key = credential(api_key, name="PJM_API_KEY")

    def key_for(self, zone: Zone) -> str | None:
        """Alias ``pjm`` if the zone has one; else the whole system for ``US-MIDA-PJM``."""
        return zone.at(_NAME) or (_NODE if zone.key == "US-MIDA-PJM" else None)

    def build_requests(self, ask: Ask, replies: tuple[Reply, ...] = ()) -> tuple[Request, ...]:
        """The first page, then all the others."""
        require_offered(self.info, ask)
        if not replies:
            return (self._page(ask, 1),)
        if len(replies) > 1:
            return ()
        total = member(read_json(replies[0], _NAME), "totalRows", _NAME)
        if isinstance(total, bool) or not isinstance(total, int) or not 0 <= total <= _PAGES_MAX * _PAGE:
            malformed(_NAME, f"totalRows is {shorten(total)}, expected 0 to {_PAGES_MAX * _PAGE}", field="totalRows")
        return tuple(self._page(ask, first) for first in range(1 + _PAGE, total + 1, _PAGE))

    def _page(self, ask: Ask, first: int) -> Request:
        start, end = ask.window.start, ask.window.end
        if ask.product is Product.CURRENT:
            start, end = ask.now - _CONTEXT, ask.now
        return Request(
            path="/api/v1/fivemin_marginal_emissions",
            params=(
                ("datetime_beginning_utc", f"{_minute(start)} to {_minute(end)}"),
                ("pnode_name", ask.zone),
                ("fields", "datetime_beginning_utc,pnode_id,pnode_name,marginal_co2_rate"),
                ("sort", "datetime_beginning_utc"),
                ("order", "Asc"),
                ("startRow", str(first)),
                ("rowCount", str(_PAGE)),
                ("format", "json"),
            ),
            headers=(("Ocp-Apim-Subscription-Key", self._key.reveal()),),
            secret_headers=frozenset({"ocp-apim-subscription-key"}),
        )

    def parse(self, ask: Ask, replies: tuple[Reply, ...]) -> Series:
        """Rows of the node that was asked for."""
        require_offered(self.info, ask)
        points = Points(signal_for(self.info, ask, replies), path="items[{}].marginal_co2_rate", now=ask.now)
        index = 0
        for reply in replies:
            for row in items(member(read_json(reply, _NAME), "items", _NAME), _NAME, "items"):
                _add(points, ask.zone, row, index)
                index += 1
        return points.series()

    def explain(self, ask: Ask, reply: Reply) -> GridError | None:
        """A missing or wrong key is 401."""
        if reply.status != 401:
            return None
        return Unauthorized(
            "pjm does not accept the subscription key",
            hint="check PJM_API_KEY",
            provider=_NAME,
            zone=ask.zone,
            cause="credential",
        )


def _add(points: Points, zone: str, row: Any, index: int) -> None:
    node = member(row, "pnode_name", _NAME, f"items[{index}]")
    if node != zone:
        points.skip(Reject.ZONE, index, node)
        return
    start = local_ns(row.get("datetime_beginning_utc"), UTC)
    end = None if start is None else start + _STEP_NS
    points.add(start, end, row.get("marginal_co2_rate", MISSING), factor=G_PER_KWH_PER_LB_PER_MWH, index=index)


def _minute(instant: datetime) -> str:
    return instant.astimezone(UTC).strftime("%Y-%m-%d %H:%M")

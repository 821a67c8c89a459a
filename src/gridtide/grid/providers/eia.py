"""
EIA hourly grid monitor, API v2: every balancing authority of the United States, computed from the mix. Free key.

Numbers and the total of rows are text; a period is the hour ENDING in UTC; storage is negative when charging. Replies
come in pages of 5,000 rows. The API repeats the key in its replies, so no body is ever shown; the key goes in a header,
never in the address.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar, Final

from gridtide.domain.errors import GridError, Unauthorized
from gridtide.domain.instants import duration_ns
from gridtide.domain.signal import Perimeter, Scope, SignalKind
from gridtide.grid.credential import credential
from gridtide.grid.payload import error_object, instant_ns, items, malformed, member, read_json, text_number
from gridtide.grid.points import Points, Reject, require_offered
from gridtide.grid.provider import Ask, Product, ProviderInfo, Reply, Request
from gridtide.grid.providers.generation import GenerationProvider

if TYPE_CHECKING:
    from gridtide.domain.secret import Secret
    from gridtide.domain.series import Series
    from gridtide.domain.zone import Zone
    from gridtide.grid.mix import Mix

__all__ = ["Eia"]

_HOUR: Final = timedelta(hours=1)
_HOUR_NS: Final = duration_ns(_HOUR)
_PAGE: Final = 5_000
_PAGES_MAX: Final = 60
_CONTEXT: Final = timedelta(hours=26)
_PATH: Final = "/v2/electricity/rto/fuel-type-data/data/"


class Eia(GenerationProvider):
    """
    Carbon intensity of a balancing authority; keys are EIA's codes such as ``CISO``.

    Args:
        api_key: API key.
        factors: Name of the factor set.
    """

    info: ClassVar[ProviderInfo] = ProviderInfo(
        name="eia",
        title="U.S. EIA hourly electric grid monitor",
        base_url="https://api.eia.gov",
        kinds=(SignalKind.AVERAGE,),
        products=frozenset({Product.CURRENT, Product.HISTORY}),
        scope=Scope.LIFECYCLE,
        perimeter=Perimeter.PRODUCTION,
        attribution="U.S. Energy Information Administration",
        licence="US public domain",
        credentials=("EIA_API_KEY",),
        period=_HOUR,
        lag=timedelta(hours=2),
        max_span=timedelta(days=366),
        calls_per_window=120,
        budget_window=timedelta(minutes=1),
    )
    fuels: ClassVar = {
        "col": "coal",
        "ng": "gas",
        "nuc": "nuclear",
        "oil": "oil",
        "wat": "hydro",
        "sun": "solar",
        "wnd": "wind",
        "geo": "geothermal",
        "oth": "other",
        "unk": "other",
        "bat": "battery",
        "ps": "pumped_storage",
        "snb": "solar",
        "wnb": "wind",
    }

    def __init__(self, api_key: str | Secret, *, factors: str = "ipcc2014") -> None:
        super().__init__(factors=factors)
        self._key = credential(api_key, name="EIA_API_KEY")

    def key_for(self, zone: Zone) -> str | None:
        """Alias ``eia`` if the zone has one; else the end of a key such as ``US-CAL-CISO``."""
        alias = zone.at("eia")
        if alias is not None:
            return alias.upper()
        parts = zone.key.upper().split("-")
        return parts[2] if parts[0] == "US" and len(parts) == 3 else None

    def build_requests(self, ask: Ask, replies: tuple[Reply, ...] = ()) -> tuple[Request, ...]:
        """The first page, then all the others at once, as many as the first says there are."""
        require_offered(self.info, ask)
        if not replies:
            return (self._page(ask, 0),)
        if len(replies) > 1:
            return ()
        pages = -(-_total(read_json(replies[0], self.info.name)) // _PAGE)
        if pages > _PAGES_MAX:
            malformed(self.info.name, f"response.total means {pages} pages, at most {_PAGES_MAX} are read")
        return tuple(self._page(ask, page * _PAGE) for page in range(1, pages))

    def _page(self, ask: Ask, offset: int) -> Request:
        start = ask.now - _CONTEXT if ask.product is Product.CURRENT else ask.window.start
        end = ask.now if ask.product is Product.CURRENT else ask.window.end
        return Request(
            path=_PATH,
            params=(
                ("frequency", "hourly"),
                ("data[0]", "value"),
                ("facets[respondent][]", ask.zone),
                ("start", _label(start)),
                ("end", _label(end + _HOUR)),
                ("sort[0][column]", "period"),
                ("sort[0][direction]", "asc"),
                ("sort[1][column]", "fueltype"),
                ("sort[1][direction]", "asc"),
                ("offset", str(offset)),
                ("length", str(_PAGE)),
            ),
            headers=(("X-Api-Key", self._key.reveal()),),
            secret_params=frozenset({"api_key"}),
            secret_headers=frozenset({"x-api-key"}),
        )

    def parse(self, ask: Ask, replies: tuple[Reply, ...]) -> Series:
        """Hours of all pages."""
        points = self._points(ask, replies, "response.data[{}]")
        mix = self._mix()
        index = 0
        for reply in replies:
            response = member(read_json(reply, self.info.name), "response", self.info.name)
            for record in items(member(response, "data", "eia", "response"), "eia", "response.data"):
                _add(points, mix, ask.zone, record, index)
                index += 1
        mix.fill(points)
        return points.series()

    def explain(self, ask: Ask, reply: Reply) -> GridError | None:
        """A key that is missing or invalid is 403 with a code."""
        error = error_object(reply).get("error")
        code = str(error.get("code", "")) if isinstance(error, dict) else ""
        if reply.status in {401, 403} and code.startswith("API_KEY"):
            return Unauthorized(
                "eia does not accept the API key",
                hint="set EIA_API_KEY to a key from https://www.eia.gov/opendata/register.php",
                provider=self.info.name,
                zone=ask.zone,
                cause="credential",
            )
        return None


def _label(instant: datetime) -> str:
    return instant.astimezone(UTC).strftime("%Y-%m-%dT%H")


def _total(tree: Any) -> int:
    raw = member(member(tree, "response", "eia"), "total", "eia", "response")
    total = text_number(raw)
    if isinstance(total, bool) or not isinstance(total, (int, float)) or not 0 <= total < 1e9:
        malformed("eia", "response.total is no number of rows", field="response.total")
    return int(total)


def _add(points: Points, mix: Mix, zone: str, record: Any, index: int) -> None:
    path = f"response.data[{index}]"
    respondent, period = member(record, "respondent", "eia", path), member(record, "period", "eia", path)
    fuel, value = member(record, "fueltype", "eia", path), member(record, "value", "eia", path)
    if str(record.get("value-units", "megawatthours")).lower() not in {"megawatthours", "mwh"}:
        malformed("eia", f"{path}.value-units is not megawatthours", field=f"{path}.value-units")
    if respondent != zone:
        points.skip(Reject.ZONE, index, respondent)
        return
    end = instant_ns(f"{period}:00Z") if isinstance(period, str) else None
    if end is None or not isinstance(fuel, str):
        points.skip(Reject.TIME, index, period)
    else:
        mix.add(end - _HOUR_NS, end, fuel, text_number(value), index=index)

"""
WattTime v3: marginal emissions of about 210 countries, and everywhere a percentile index. Free account, plans differ.

Numbers are pounds per megawatt-hour where ``meta.units`` says so, and a percentile of the next 24 hours for the index;
no other unit is read. Points are starts of steps of ``meta.data_point_period_seconds``; the first point of a forecast
is the value for now. A token lasts 30 minutes. A refused login or an old token is an HTML page with 401 or 403, a plan
that does not cover the request is JSON with 403: only the first is worth a new login.
"""

from __future__ import annotations

import base64
import re
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar, Final

from gridtide.domain.errors import GridError, Unauthorized, ZoneNotCovered
from gridtide.domain.instants import from_ns, isoformat
from gridtide.domain.series import Series
from gridtide.domain.signal import Perimeter, Quality, Scope, SignalKind
from gridtide.domain.units import G_PER_KWH_PER_LB_PER_MWH, NS_PER_SECOND
from gridtide.grid.credential import credential
from gridtide.grid.payload import MISSING, error_object, instant_ns, items, malformed, member, read_json, shorten
from gridtide.grid.points import Points, require_offered, signal_for
from gridtide.grid.provider import Access, Ask, Product, Provider, ProviderInfo, Reply, Request, Token

if TYPE_CHECKING:
    from gridtide.domain.secret import Secret
    from gridtide.domain.zone import Zone

__all__ = ["WattTime"]

_NAME: Final = "watttime"
_TOKEN_LIFE: Final = timedelta(minutes=30)
_HORIZON_MAX: Final = 72
_SIGNALS: Final = {
    SignalKind.MARGINAL: "co2_moer",
    SignalKind.AVERAGE: "co2_aoer",
    SignalKind.RELATIVE: "co2_moer",
}
_FACTORS: Final = {"lbs_co2_per_mwh": G_PER_KWH_PER_LB_PER_MWH, "percentile": 1.0}
_ENDPOINTS: Final = {
    "v3/forecast": (Product.FORECAST, SignalKind.MARGINAL),
    "v3/historical": (Product.HISTORY, SignalKind.MARGINAL),
    "v3/signal-index": (Product.CURRENT, SignalKind.RELATIVE),
}
_REGION: Final = re.compile(r"[A-Z0-9_]{2,40}")


class WattTime(Provider):
    """
    Marginal emissions by grid region; keys are WattTime's names such as ``CAISO_NORTH``.

    Args:
        username: Account name.
        password: Its password.
        model: Date of the emissions model; the newest when left out.
    """

    info: ClassVar[ProviderInfo] = ProviderInfo(
        name=_NAME,
        title="WattTime",
        base_url="https://api.watttime.org",
        kinds=(SignalKind.MARGINAL, SignalKind.RELATIVE, SignalKind.AVERAGE),
        products=frozenset(Product),
        scope=Scope.DIRECT,
        perimeter=Perimeter.UNKNOWN,
        attribution="WattTime",
        licence="proprietary: own use only, no redistribution",
        credentials=("WATTTIME_USER", "WATTTIME_PASSWORD"),
        period=timedelta(minutes=5),
        lag=timedelta(minutes=5),
        horizon=timedelta(hours=_HORIZON_MAX),
        max_span=timedelta(days=32),
        calls_per_window=3000,
        budget_window=timedelta(minutes=5),
    )

    def __init__(self, username: str | Secret, password: str | Secret, *, model: str | None = None) -> None:
        self._username = credential(username, name="WATTTIME_USER", literal=True)
        self._password = credential(password, name="WATTTIME_PASSWORD", literal=True)
        self._model = model

    def key_for(self, zone: Zone) -> str | None:
        """Alias ``watttime``; regions have names of their own, which only `locate_request` can tell otherwise."""
        return zone.at(_NAME)

    # -- login, plan, place ----------------------------------------------------------------------------------------

    def login_request(self) -> Request:
        """Basic authentication with the account."""
        pair = f"{self._username.reveal()}:{self._password.reveal()}".encode()
        return Request(
            path="/login",
            headers=(("Authorization", f"Basic {base64.b64encode(pair).decode()}"),),
            secret_headers=frozenset({"authorization"}),
        )

    def parse_login(self, reply: Reply) -> Token:
        """Token for 30 minutes from when it came."""
        token = member(read_json(reply, _NAME), "token", _NAME)
        if not isinstance(token, str) or not token or not token.isascii() or not token.isprintable():
            malformed(_NAME, "token is no text", field="token")
        return Token(value=token, expires_at=reply.fetched_at + _TOKEN_LIFE)

    def access_request(self) -> Request:
        """What the plan covers, by region and endpoint."""
        return Request(path="/v3/my-access", needs_token=True)

    def parse_access(self, reply: Reply) -> Access:
        """Forecast, history and index by region; a forecast grants the current marginal value as well."""
        granted: set[tuple[str, Product, SignalKind]] = set()
        for signal in items(member(read_json(reply, _NAME), "signal_types", _NAME), _NAME, "signal_types"):
            kind_name = member(signal, "signal_type", _NAME, "signal_types[]")
            for region in items(member(signal, "regions", _NAME, "signal_types[]"), _NAME, "signal_types[].regions"):
                name = str(member(region, "region", _NAME, "signal_types[].regions[]"))
                for endpoint in items(region.get("endpoints") or [], _NAME, "signal_types[].regions[].endpoints"):
                    granted |= _grants(name, kind_name, member(endpoint, "endpoint", _NAME, "endpoints[]"))
        return Access(frozenset(granted))

    def locate_request(self, latitude: float, longitude: float) -> Request:
        """Region at a place."""
        params = (("latitude", f"{latitude:.4f}"), ("longitude", f"{longitude:.4f}"), ("signal_type", "co2_moer"))
        return Request(path="/v3/region-from-loc", params=params, needs_token=True)

    def parse_location(self, reply: Reply) -> str:
        """Name of the region."""
        region = member(read_json(reply, _NAME), "region", _NAME)
        if not isinstance(region, str) or not _REGION.fullmatch(region):
            malformed(_NAME, f"region is {shorten(region)}, expected a name", field="region")
        return region

    # -- data ------------------------------------------------------------------------------------------------------

    def build_requests(self, ask: Ask, replies: tuple[Reply, ...] = ()) -> tuple[Request, ...]:
        """Forecast (its first point is now), history in pieces of 32 days, or the index."""
        self._require(ask)
        if replies:
            return ()
        params: tuple[tuple[str, str], ...] = (("region", ask.zone), ("signal_type", _SIGNALS[ask.kind]))
        if ask.kind is SignalKind.RELATIVE:
            return (Request(path="/v3/signal-index", params=params, needs_token=True),)
        if self._model:
            params = (*params, ("model", self._model))
        if ask.product is Product.HISTORY:
            return tuple(
                Request(
                    path="/v3/historical",
                    params=(*params, *_span(start, end), ("include_imputed_marker", "true")),
                    needs_token=True,
                )
                for start, end in _pieces(ask.window.start, ask.window.end, self.info.max_span)
            )
        hours = 0 if ask.product is Product.CURRENT else _horizon(ask)
        return (Request(path="/v3/forecast", params=(*params, ("horizon_hours", str(hours))), needs_token=True),)

    def parse(self, ask: Ask, replies: tuple[Reply, ...]) -> Series:
        """Points of all replies; the forecast keeps the time at which it was made."""
        self._require(ask)
        trees = [read_json(reply, _NAME) for reply in replies]
        issued = [_issued(tree) for tree in trees] if ask.product is Product.FORECAST else []
        signal = signal_for(self.info, ask, replies, issued_at=min((i for i in issued if i), default=None))
        points = Points(signal, path="data[{}].value", now=ask.now)
        forecast = ask.product is Product.FORECAST
        for tree in trees:
            factor, step = _meta(ask, tree)
            records = items(member(tree, "data", _NAME), _NAME, "data")
            _add(points, records, step=step, factor=factor, forecast=forecast)
        return points.series()

    def explain(self, ask: Ask, reply: Reply) -> GridError | None:
        """HTML asks for a login, JSON speaks of the plan, 404 of coverage."""
        if reply.status in {401, 403}:
            return _refused(ask, reply)
        if reply.status == 404:
            return ZoneNotCovered(
                f"watttime has no {_SIGNALS[ask.kind]} for {ask.zone[:40]!r}", provider=_NAME, zone=ask.zone[:40]
            )
        return None

    # -- forecasts as they were issued -----------------------------------------------------------------------------

    def issued_requests(self, ask: Ask) -> tuple[Request, ...]:
        """Forecasts that were made in the window of *ask*, a day for each request; for honest backtests."""
        self._require(ask)
        params = (("region", ask.zone), ("signal_type", _SIGNALS[ask.kind]))
        horizon = ("horizon_hours", "24")
        return tuple(
            Request(path="/v3/forecast/historical", params=(*params, *_span(start, end), horizon), needs_token=True)
            for start, end in _pieces(ask.window.start, ask.window.end, timedelta(days=1))
        )

    def parse_issued(self, ask: Ask, replies: tuple[Reply, ...]) -> tuple[Series, ...]:
        """One series for each time at which a forecast was made, in order."""
        self._require(ask)
        found: dict[int, Series] = {}
        for reply in replies:
            tree = read_json(reply, _NAME)
            factor, step = _meta(ask, tree)
            for index, issue in enumerate(items(member(tree, "data", _NAME), _NAME, "data")):
                made = instant_ns(member(issue, "generated_at", _NAME, f"data[{index}]"))
                if made is None:
                    malformed(_NAME, f"data[{index}].generated_at is no instant", field=f"data[{index}].generated_at")
                signal = signal_for(self.info, ask, (reply,), issued_at=from_ns(made))
                points = Points(signal, path=f"data[{index}].forecast[{{}}].value", now=ask.now)
                records = items(member(issue, "forecast", _NAME, f"data[{index}]"), _NAME, f"data[{index}].forecast")
                _add(points, records, step=step, factor=factor, forecast=True)
                found[made] = points.series()
        return tuple(found[made] for made in sorted(found))

    def _require(self, ask: Ask) -> None:
        require_offered(self.info, ask)
        if not _REGION.fullmatch(ask.zone):
            raise ZoneNotCovered(f"{ask.zone[:40]!r} is no name of a watttime region", provider=_NAME)
        if ask.kind is SignalKind.AVERAGE and ask.product is not Product.HISTORY:
            raise ZoneNotCovered("watttime gives average emissions for history only", provider=_NAME, zone=ask.zone)
        if ask.kind is SignalKind.RELATIVE and ask.product is not Product.CURRENT:
            raise ZoneNotCovered("watttime gives its index for the current moment only", provider=_NAME, zone=ask.zone)


def _grants(region: str, signal_type: object, endpoint: object) -> set[tuple[str, Product, SignalKind]]:
    if signal_type == "co2_aoer" and endpoint == "v3/historical":
        return {(region, Product.HISTORY, SignalKind.AVERAGE)}
    found = _ENDPOINTS.get(str(endpoint)) if signal_type == "co2_moer" else None
    if found is None:
        return set()
    granted = {(region, *found)}
    if found[0] is Product.FORECAST:
        granted.add((region, Product.CURRENT, SignalKind.MARGINAL))
    return granted


def _horizon(ask: Ask) -> int:
    hours = -(-(ask.window.end - ask.now) // timedelta(hours=1))
    return min(_HORIZON_MAX, max(1, hours))


def _span(start: datetime, end: datetime) -> tuple[tuple[str, str], ...]:
    return (("start", isoformat(start).replace("Z", "+00:00")), ("end", isoformat(end).replace("Z", "+00:00")))


def _pieces(start: datetime, end: datetime, longest: timedelta) -> list[tuple[datetime, datetime]]:
    pieces = []
    while start < end:
        pieces.append((start, min(start + longest, end)))
        start += longest
    return pieces


def _meta(ask: Ask, tree: Any) -> tuple[float, int]:
    """Factor to our unit and length of a step; refuses another region, signal or unit than asked for. [ns]"""
    meta = member(tree, "meta", _NAME)
    region, signal_type = member(meta, "region", _NAME, "meta"), meta.get("signal_type", _SIGNALS[ask.kind])
    if region != ask.zone:
        malformed(_NAME, f"meta.region is {shorten(region)}, asked for {ask.zone}", field="meta.region")
    if signal_type != _SIGNALS[ask.kind]:
        malformed(_NAME, f"meta.signal_type is {shorten(signal_type)}, asked for {_SIGNALS[ask.kind]}")
    unit = member(meta, "units", _NAME, "meta")
    wanted = "percentile" if ask.kind is SignalKind.RELATIVE else "lbs_co2_per_mwh"
    if unit != wanted:
        malformed(_NAME, f"meta.units is {shorten(unit)}, expected {wanted!r}", field="meta.units")
    seconds = meta.get("data_point_period_seconds", meta.get("data_point_periods_second"))
    if isinstance(seconds, bool) or not isinstance(seconds, int) or not 1 <= seconds <= 86_400:
        malformed(
            _NAME,
            f"meta.data_point_period_seconds is {shorten(seconds)}, expected 1 to 86400",
            field="meta.data_point_period_seconds",
        )
    return _FACTORS[wanted], seconds * NS_PER_SECOND


def _issued(tree: Any) -> datetime | None:
    made = instant_ns(member(member(tree, "meta", _NAME), "generated_at", _NAME, "meta"))
    if made is None:
        malformed(_NAME, "meta.generated_at is no instant with an offset", field="meta.generated_at")
    return from_ns(made)


def _add(points: Points, records: list[Any], *, step: int, factor: float, forecast: bool) -> None:
    for index, record in enumerate(records):
        known = record if isinstance(record, dict) else {}
        start = instant_ns(known.get("point_time"))
        if forecast:
            quality = Quality.FORECAST
        else:
            quality = Quality.ESTIMATED if known.get("imputed_data_used") is True else Quality.MEASURED
        version = instant_ns(known.get("last_updated")) or 0
        value = known.get("value", MISSING)
        end = None if start is None else start + step
        points.add(start, end, value, quality=quality, factor=factor, version=version, index=index)


def _refused(ask: Ask, reply: Reply) -> Unauthorized:
    """Decide by what came: a page is the gateway and asks for a login, JSON is the API and speaks of the plan."""
    told = error_object(reply)
    if told and reply.status == 403:
        return Unauthorized(
            f"the watttime plan does not cover {ask.product} of {ask.kind} emissions for {ask.zone}",
            hint="the index is free everywhere; `gridtide doctor` lists what the account may ask",
            provider=_NAME,
            zone=ask.zone,
            cause="plan",
        )
    return Unauthorized(
        f"watttime does not accept the token (status {reply.status})",
        hint="a new login is tried once; check WATTTIME_USER and WATTTIME_PASSWORD if it stays",
        provider=_NAME,
        zone=ask.zone,
        cause="login",
    )

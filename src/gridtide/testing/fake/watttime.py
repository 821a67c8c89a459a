"""
The WattTime v3 shapes: login with basic credentials, bearer tokens of 30 minutes, plans, marginal rates in lb/MWh.

Quirks kept: a wrong login or an expired token is answered in HTML, a plan that does not cover a request with 403 in
JSON; the free plan has forecasts and history for one region and the index everywhere; rolling limits of calls and of
logins; times without an offset are refused. Zone keys: region abbreviations such as ``CAISO_NORTH``.
"""

from __future__ import annotations

import base64
import binascii
import json
import math
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from gridtide.testing.answer import Answer, Call, json_answer, text_answer
from gridtide.testing.fake.family import Desk, Family, rounded
from gridtide.testing.fake.rolling_limit import RollingLimit
from gridtide.testing.feed import Publication

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gridtide.testing.feed import Row, View

__all__ = ["WattTime"]

STEP: Final = timedelta(minutes=5)
FREE_REGION: Final = "CAISO_NORTH"
PLACES: Final = {
    "CAISO_NORTH": (38.6, -121.5), "PSCO": (39.7, -105.0), "PJM_DC": (38.9, -77.0), "ERCOT_NORTHCENTRAL": (32.8, -97.0),
    "NYISO_NYC": (40.7, -74.0), "ISONE_CT": (41.6, -72.7), "BPA": (45.6, -121.2), "MISO_MASON_CITY": (43.2, -93.2),
    "UK": (52.5, -1.5), "DE": (51.0, 10.0), "FR": (46.5, 2.5), "IE": (53.3, -7.5), "NL": (52.2, 5.3),
    "SE": (60.0, 15.0), "NEM_NSW": (-33.0, 149.0), "JP_TK": (35.7, 139.7), "SGP": (1.35, 103.8), "IND": (22.0, 79.0),
}  # fmt: skip
NEAR_DEGREES: Final = 12.0
UNITS: Final = {"co2_moer": "lbs_co2_per_mwh", "co2_aoer": "lbs_co2_per_mwh", "health_damage": "dollars_per_mwh"}
MODEL: Final = {"date": "2023-03-01"}
_UNAUTHORIZED_HTML: Final = (
    "<html>\r\n<head><title>{0}</title></head>\r\n<body>\r\n<center><h1>{0}</h1></center>\r\n"
    "<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n"
)
_SCOPE: Final = "Invalid scope. You do not have sufficient access to this resource. All users may use " + FREE_REGION
_PLANS: Final = {"free": frozenset[str](), "analyst": frozenset({"historical"}), "pro": frozenset({"*"})}
_LONGEST: Final = {"historical": timedelta(days=32), "forecast/historical": timedelta(days=1)}


class WattTime(Family):
    """
    WattTime API.

    Args:
        plan: ``free``, ``analyst`` or ``pro``.
        users: Password by user name.
        token_life: How long a token really lasts.
        calls: Rolling limit of calls in five minutes.
        logins: Rolling limit of logins in five minutes.
    """

    name = "watttime"

    def __init__(
        self,
        *,
        plan: str = "pro",
        users: Mapping[str, str] | None = None,
        token_life: timedelta = timedelta(minutes=30),
        calls: int = 3000,
        logins: int = 100,
    ) -> None:
        self.publication = Publication(period=STEP, horizon=timedelta(hours=72), step=STEP)
        self.plan = plan
        self.users = {"user": "password"} if users is None else dict(users)
        self.token_life = token_life
        self.call_limit = RollingLimit(calls, timedelta(minutes=5))
        self.login_limit = RollingLimit(logins, timedelta(minutes=5))
        self._tokens: dict[str, tuple[str, datetime]] = {}

    def zone_of(self, call: Call) -> str:
        """The region."""
        return call.param("region")

    def is_login(self, call: Call) -> bool:
        """Whether the call asks for a token."""
        return call.path == "/login"

    def revoke_tokens(self) -> None:
        """Let every token that was given out be unknown."""
        self._tokens.clear()

    def answer(self, call: Call, desk: Desk) -> Answer:
        """Answer any path of the API."""
        if call.path == "/login":
            return self._login(call, desk.now)
        if call.path == "/register":
            return self._register(call)
        if call.path == "/password":
            return json_answer({"ok": "Please check your email for the password reset link"})
        scheme, _, token = call.headers.get("authorization", "").partition(" ")
        user, expires = self._tokens.get(token, ("", desk.now))
        if scheme.lower() != "bearer" or expires <= desk.now:
            return _html(401, "401 Authorization Required")
        refusal = self.call_limit.refusal(user, desk.now)
        return refusal or self._data(call, desk)

    # -- users -----------------------------------------------------------------------------------------------------

    def _login(self, call: Call, now: datetime) -> Answer:
        user, password = _basic(call.headers.get("authorization", ""))
        refusal = self.login_limit.refusal(user, now)
        if refusal:
            return refusal
        if password is None or self.users.get(user) != password:
            return _html(403, "403 Forbidden")
        token = f"fake.{user}.{len(self._tokens)}.{int(now.timestamp())}"
        self._tokens[token] = (user, now + self.token_life)
        return json_answer({"token": token})

    def _register(self, call: Call) -> Answer:
        asked = json.loads(call.body or b"{}")
        user = str(asked.get("username", ""))
        if user in self.users:
            return json_answer({"error": "That username is taken. Please choose another."}, 400)
        self.users[user] = str(asked.get("password", ""))
        return json_answer({"ok": "User created", "user": user})

    def _covers(self, product: str, region: str) -> bool:
        granted = _PLANS[self.plan]
        return "*" in granted or product in granted or region == FREE_REGION

    # -- data ------------------------------------------------------------------------------------------------------

    def _data(self, call: Call, desk: Desk) -> Answer:
        product = call.path.removeprefix("/v3/")
        match product:
            case "my-access":
                return json_answer(self._access(desk))
            case "region-from-loc":
                return _region_from_location(call)
            case "maps":
                return json_answer({"type": "FeatureCollection", "features": [], "meta": {}})
            case "signal-index" | "forecast" | "forecast/historical" | "historical":
                return self._product(product, call, desk)
        return json_answer({"error": "Not found"}, 404)

    def _product(self, product: str, call: Call, desk: Desk) -> Answer:
        region, signal = self.zone_of(call), call.param("signal_type", default="co2_moer")
        if signal not in UNITS:
            return _invalid(f"signal_type {signal!r} is not one of {', '.join(UNITS)}")
        view = desk.view(region)
        if view is None:
            return json_answer({"error": f"Region {region!r} does not exist"}, 404)
        if product == "signal-index":
            return self._index(view, signal)
        if not self._covers(product, region):
            return json_answer({"error": "Invalid query parameters", "message": _SCOPE}, 403)
        if product == "forecast":
            hours = int(call.param("horizon_hours", default="24"))
            if not 0 <= hours <= 72:
                return _invalid("horizon_hours must be between 0 and 72")
            issued = self.publication.issued_at(view.now)
            return json_answer(
                {
                    "data": _points(self._forecast(view, issued, hours)),
                    "meta": self._meta(view, signal, generated_at=_stamp(issued), generated_at_period_seconds=300),
                }
            )
        return self._past(call, view, product, signal)

    def _past(self, call: Call, view: View, product: str, signal: str) -> Answer:
        try:
            start, end = _aware(call.param("start")), _aware(call.param("end"))
        except ValueError as refusal:
            return _invalid(str(refusal))
        if end - start > _LONGEST[product]:
            return _invalid(f"end must be at most {_LONGEST[product].days} days after start")
        if product == "historical":
            rows = [row for row in view.rows(start, end, self.publication) if row.over]
            points = _points(rows)
            if call.param("include_imputed_marker") == "true":
                points = [{**point, "imputed_data_used": False, "last_updated": _stamp(view.now)} for point in points]
            return json_answer({"data": points, "meta": self._meta(view, signal)})
        hours = int(call.param("horizon_hours", default="24"))
        issues, issued = [], self.publication.issued_at(start)
        issued = issued if issued >= start else issued + STEP
        while issued < min(end, view.now):
            past = replace(view, now=issued)
            issues.append({"generated_at": _stamp(issued), "forecast": _points(self._forecast(past, issued, hours))})
            issued += STEP
        return json_answer({"data": issues, "meta": self._meta(view, signal, generated_at_period_seconds=300)})

    def _forecast(self, view: View, issued: datetime, hours: int) -> list[Row]:
        """From the step at hand, which is the real-time value, up to the horizon."""
        end = issued + max(STEP, timedelta(hours=hours))
        return view.rows(issued, end, self.publication)

    def _index(self, view: View, signal: str) -> Answer:
        """Percentile of the current rate within the forecast of the next 24 hours."""
        issued = self.publication.issued_at(view.now)
        rates = [row.value for row in self._forecast(view, issued, 24)]
        level: Any = None
        if rates and all(isinstance(rate, int | float) for rate in rates):
            below = sum(rate < rates[0] for rate in rates)
            level = float(round(100.0 * below / len(rates)))
        elif rates:
            level = rates[0]
        meta = self._meta(view, signal) | {"units": "percentile", "model": {"date": "2022-10-01"}}
        return json_answer({"data": [{"point_time": _stamp(issued), "value": level}], "meta": meta})

    def _meta(self, view: View, signal: str, **extra: Any) -> dict[str, Any]:
        return {
            "data_point_period_seconds": 300, "region": view.zone, "warnings": [], "signal_type": signal,
            "model": MODEL, "units": UNITS[signal], **extra,
        }  # fmt: skip

    def _access(self, desk: Desk) -> dict[str, Any]:
        regions = []
        for region in PLACES:
            if desk.view(region) is None:
                continue
            products = [p for p in ("forecast", "forecast/historical", "historical") if self._covers(p, region)]
            model = {"model": MODEL["date"], "data_start": "2020-01-01", "train_start": "2020-01-01"}
            endpoints = [
                {"endpoint": f"v3/{p}", "models": [{**model, "train_end": "2022-01-01"}]}
                for p in (*products, "signal-index")
            ]
            regions.append(
                {
                    "region": region, "region_full_name": region.replace("_", " ").title(),
                    "parent": region.split("_")[0], "data_point_period_seconds": 300, "endpoints": endpoints,
                }
            )  # fmt: skip
        return {"signal_types": [{"signal_type": "co2_moer", "regions": regions}]}


def _region_from_location(call: Call) -> Answer:
    latitude, longitude = call.param("latitude"), call.param("longitude")
    place = (float(latitude), float(longitude))
    region = min(PLACES, key=lambda name: math.dist(PLACES[name], place))
    if math.dist(PLACES[region], place) > NEAR_DEGREES:
        return json_answer(
            {
                "error": "No coverage available for these coordinates and signal_type",
                "latitude": latitude, "longitude": longitude, "signal_type": call.param("signal_type"),
            },
            404,
        )  # fmt: skip
    name = region.replace("_", " ").title()
    return json_answer({"region": region, "region_full_name": name, "signal_type": call.param("signal_type")})


def _basic(header: str) -> tuple[str, str | None]:
    scheme, _, encoded = header.partition(" ")
    try:
        user, _, password = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return "", None
    return (user, password) if scheme.lower() == "basic" else ("", None)


def _html(status: int, title: str) -> Answer:
    return text_answer(_UNAUTHORIZED_HTML.format(title), status, content_type="text/html")


def _invalid(message: str) -> Answer:
    return json_answer({"error": "Invalid query parameters", "message": message}, 400)


def _aware(text: str) -> datetime:
    instant = datetime.fromisoformat(text.replace(" ", "+"))
    if instant.tzinfo is None:
        raise ValueError("start and end must have a UTC offset")
    return instant.astimezone(UTC)


def _points(rows: list[Row]) -> list[dict[str, Any]]:
    return [{"point_time": _stamp(row.start), "value": rounded(row.value, 1)} for row in rows]


def _stamp(instant: datetime) -> str:
    return instant.isoformat()

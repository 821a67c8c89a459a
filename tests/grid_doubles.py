"""A small provider whose answers a test writes itself, and a network that is a function."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import httpx2

from gridtide.domain.errors import GridError
from gridtide.domain.instants import parse_instant
from gridtide.domain.interval import Interval
from gridtide.domain.series import Series
from gridtide.domain.signal import Quality, Scope, Signal, SignalKind
from gridtide.domain.zone import Zone
from gridtide.grid.provider import Ask, Product, Provider, ProviderInfo, Reply, Request, Token

START = "2026-01-05T12:00Z"
ZONE = Zone("X")


def info(name: str = "demo", **changes: Any) -> ProviderInfo:
    """Facts about a demo source: half-hourly, keyless, generous budget."""
    facts: dict[str, Any] = {
        "name": name,
        "title": name.title(),
        "base_url": f"https://{name}.example",
        "kinds": (SignalKind.AVERAGE,),
        "products": frozenset(Product),
        "scope": Scope.LIFECYCLE,
        "period": timedelta(minutes=30),
        "horizon": timedelta(hours=48),
        "calls_per_window": 10_000,
    }
    return ProviderInfo(**{**facts, **changes})


class DemoProvider(Provider):
    """
    Speaks ``{"from": ISO, "step_s": n, "values": [...], "issued": ISO?}``; a list of such objects asks for pages.

    *zones* names what it covers; None is everything, under its own key.
    """

    def __init__(
        self, name: str = "demo", *, zones: set[str] | None = None, token: bool = False, **changes: Any
    ) -> None:
        self.info = info(name, **changes)  # type: ignore[misc]
        self._zones = zones
        self._token = token
        self.key = "canary-0123456789"

    def key_for(self, zone: Zone) -> str | None:
        return zone.key if self._zones is None or zone.key in self._zones else None

    def build_requests(self, ask: Ask, replies: tuple[Reply, ...] = ()) -> tuple[Request, ...]:
        if replies and not json.loads(replies[-1].body).get("more"):
            return ()
        params = [
            ("product", str(ask.product)),
            ("from", ask.window.start.isoformat()),
            ("to", ask.window.end.isoformat()),
        ]
        if self._token:
            return (Request(path=f"/{ask.zone}", params=tuple(params), needs_token=True),)
        params.append(("api_key", self.key))
        return (Request(path=f"/{ask.zone}", params=tuple(params), secret_params=frozenset({"api_key"})),)

    def parse(self, ask: Ask, replies: tuple[Reply, ...]) -> Series:
        rows = json.loads(replies[-1].body)
        forecast = "issued" in rows or rows.get("forecast", False)
        signal = Signal(
            ask.kind,
            provider=self.info.name,
            zone=ask.zone,
            scope=self.info.scope,
            quality=Quality.FORECAST if forecast else Quality.MEASURED,
            issued_at=parse_instant(rows["issued"]) if "issued" in rows else None,
            fetched_at=replies[-1].fetched_at,
        )
        return Series.steps(signal, parse_instant(rows["from"]), timedelta(seconds=rows["step_s"]), rows["values"])

    def explain(self, ask: Ask, reply: Reply) -> GridError | None:
        return None

    def login_request(self) -> Request | None:
        if not self._token:
            return None
        return Request(path="/login", headers=(("authorization", "Basic dXNlcjpjYW5hcnktMDEyMzQ1Njc4OQ=="),))

    def parse_login(self, reply: Reply) -> Token:
        return Token(value=json.loads(reply.body)["token"], expires_at=reply.fetched_at + timedelta(minutes=30))


class Net:
    """A network that is a function from request to response; keeps what was asked."""

    def __init__(self, answer: Callable[[httpx2.Request], httpx2.Response]) -> None:
        self.answer = answer
        self.requests: list[httpx2.Request] = []

    @property
    def calls(self) -> int:
        return len(self.requests)

    def count(self, part: str) -> int:
        """Requests whose address contains *part*."""
        return sum(part in str(request.url) for request in self.requests)

    @property
    def transport(self) -> httpx2.MockTransport:
        def handle(request: httpx2.Request) -> httpx2.Response:
            self.requests.append(request)
            return self.answer(request)

        return httpx2.MockTransport(handle)


def rows(*values: float | None, start: str = START, step_s: int = 1800, **more: Any) -> httpx2.Response:
    """A good answer of `DemoProvider`."""
    return httpx2.Response(200, json={"from": start, "step_s": step_s, "values": values, **more})


def script(*responses: httpx2.Response | Exception) -> Net:
    """Answer with each of *responses* in turn, then with the last one for ever."""
    left = list(responses)

    def answer(request: httpx2.Request) -> httpx2.Response:
        response = left.pop(0) if len(left) > 1 else left[0]
        if isinstance(response, Exception):
            raise response
        return httpx2.Response(response.status_code, headers=response.headers, content=response.content)

    return Net(answer)


def ask(now: datetime, *, zone: str = "X", product: Product = Product.CURRENT, hours: float = 1) -> Ask:
    """A question about the next *hours*."""
    window = Interval(now, now + timedelta(hours=hours))
    return Ask(zone=zone, product=product, window=window, kind=SignalKind.AVERAGE, now=now)


class World:
    """
    Truth for demo providers, served over a function network, with switches for what goes wrong.

    Truth is a daily wave per half hour. *down* and *late* are keyed by provider name: an exception or response to
    give instead, and how many minutes old the newest data of a server are that answers 200.
    """

    def __init__(self, clock: Any, *, ahead_h: float = 48.0, issued: bool = True) -> None:
        self.clock = clock
        self.ahead_h = ahead_h
        self.issued = issued
        self.down: dict[str, httpx2.Response | Exception] = {}
        self.down_zones: dict[str, httpx2.Response | Exception] = {}
        self.down_products: dict[str, httpx2.Response | Exception] = {}
        self.late: dict[str, timedelta] = {}
        self.factor: dict[str, float] = {}
        self.net = Net(self._answer)

    @staticmethod
    def truth(instant: datetime) -> float:
        """200 g/kWh with a wave of 100 over the day, cleanest at midnight UTC."""
        hour = instant.hour + instant.minute / 60
        return 200.0 - 100.0 * math.cos(2 * math.pi * hour / 24)

    def _answer(self, request: httpx2.Request) -> httpx2.Response:
        name = request.url.host.partition(".")[0]
        zone, params = request.url.path.strip("/"), request.url.params
        product = params.get("product")
        for table, key in ((self.down, name), (self.down_zones, zone), (self.down_products, product)):
            fault = table.get(key)
            if isinstance(fault, Exception):
                raise fault
            if fault is not None:
                return httpx2.Response(fault.status_code, headers=fault.headers, content=fault.content)
        now = self.clock.now() - self.late.get(name, timedelta(0))
        start, end = (parse_instant(params[edge]) for edge in ("from", "to"))
        if product == "current":
            start, end = now - timedelta(minutes=30), now
        elif product == "forecast":
            start, end = now, min(end, now + timedelta(hours=self.ahead_h))
        else:
            end = min(end, now)
        first = start.replace(minute=start.minute // 30 * 30, second=0, microsecond=0)
        count = max(0, -(-(end - first) // timedelta(minutes=30)))
        values = [self.truth(first + k * timedelta(minutes=30)) * self.factor.get(name, 1.0) for k in range(count)]
        more: dict[str, Any] = {}
        if product == "forecast":
            more = {"issued": now.isoformat()} if self.issued else {"forecast": True}
        return rows(*values, start=first.isoformat(), **more)

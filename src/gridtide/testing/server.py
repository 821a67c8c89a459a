"""
A real HTTP server on loopback that answers as the grid data providers do, and fails as they do.

::

    with FakeGridServer({"uk": series}, clock=clock) as server:
        provider = UkProvider(base_url=server.base_url("uk"))
        server.fault("uk", Fault.status(503), times=3)
        ...
        assert server.log.count("uk") == 4

Each provider lives below its own first path segment (`FakeGridServer.base_url`); a request whose ``Host`` header
names a provider's real host is taken as that provider's too, for clients whose address cannot be set.
"""

from __future__ import annotations

import threading
from datetime import datetime
from typing import TYPE_CHECKING, Final, Self, TypeVar

from gridtide.domain.errors import UnknownProvider
from gridtide.domain.series import Series
from gridtide.testing.answer import Answer
from gridtide.testing.clock import FakeClock, RealClock
from gridtide.testing.connection import Pauser
from gridtide.testing.fake.catalogue import HOSTS, default_families
from gridtide.testing.fault_book import ActiveFault, FaultBook
from gridtide.testing.feed import Feed, View
from gridtide.testing.listener import Listener
from gridtide.testing.request_log import SECRET_PARAMS, LoggedRequest, RequestLog

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterable, Mapping

    from gridtide.domain.ports import Clock
    from gridtide.testing.answer import Call
    from gridtide.testing.fake.family import Family
    from gridtide.testing.faults import Fault
    from gridtide.testing.feed import Row

__all__ = ["FakeGridServer"]

ANY_ZONE: Final = "*"
F = TypeVar("F", bound="Family")


class FakeGridServer:
    """
    Fake providers on one port; a context manager.

    Args:
        series: What is true, by provider name: one series for every zone, or one per zone key.
        clock: Time of the providers; real time when left out.
        families: Providers in other states than the default ones, for example ``WattTime(plan="free")``.
        seed: Of everything random in faults.
        port: To listen on; 0 takes any free one.
        tls: Speak https with these settings.

    Attributes:
        log: What was asked.
        faults: What is set to go wrong.
        crashes: Bugs of a fake provider itself; leaving the context raises the first.
    """

    def __init__(
        self,
        series: Mapping[str, Series | Mapping[str, Series]] | None = None,
        *,
        clock: Clock | None = None,
        families: Iterable[Family] = (),
        seed: int = 0,
        port: int = 0,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.clock: Clock = clock or RealClock()
        self.log = RequestLog()
        self.faults = FaultBook(seed)
        self._families = {family.name: family for family in (*default_families(), *families)}
        self._names = {alias: f.name for f in self._families.values() for alias in (f.name, *f.aliases)}
        self._feeds: dict[tuple[str, str], Feed] = {}
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._port = port
        self._tls = tls
        self._http: Listener | None = None
        self.crashes: list[Exception] = []
        for provider, known in (series or {}).items():
            for zone, truth in ({ANY_ZONE: known} if isinstance(known, Series) else known).items():
                self.serve(provider, truth, zone=zone)

    # -- address and life ------------------------------------------------------------------------------------------

    @property
    def url(self) -> str:
        """Address of the server, without a trailing slash."""
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self._port}"

    def base_url(self, provider: str) -> str:
        """Address to configure as the provider's base address."""
        return f"{self.url}/{self.family(provider).name}"

    @property
    def base_urls(self) -> dict[str, str]:
        """Base address of every provider, by every name it is known by."""
        return {name: self.base_url(name) for name in self._names}

    def start(self) -> Self:
        """Listen; on the same port as before when it was stopped."""
        self._stopping.clear()
        self._http = Listener(self, self._port, self._tls)
        self._port = self._http.port
        if isinstance(self.clock, FakeClock):
            self.clock.traffic.open(self._port)
        self._http.start()
        return self

    def stop(self) -> None:
        """Refuse connections and close the open ones; `start` brings it back."""
        if self._http is None:
            return
        self._stopping.set()
        self._http.stop()
        if isinstance(self.clock, FakeClock):
            self.clock.traffic.close(self._port)
        self._http = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self.stop()
        if self.crashes and kind is None:
            raise self.crashes[0]

    # -- scripting -------------------------------------------------------------------------------------------------

    def serve(
        self,
        provider: str,
        series: Series,
        *,
        zone: str = ANY_ZONE,
        repeat: bool = True,
        forecast_error: float = 0.0,
        seed: int = 0,
    ) -> None:
        """
        Let *provider* know *series* in *zone*.

        Args:
            provider: Name of the family.
            series: The truth, in the provider's own unit.
            zone: The provider's key; ``*`` for all that have none of their own.
            repeat: Whether the truth repeats outside its span.
            forecast_error: Relative standard deviation of forecasts one day ahead. [1]
            seed: Of the forecast errors.
        """
        feed = Feed(series, repeat=repeat, forecast_error=forecast_error, seed=seed)
        self._feeds[self.family(provider).name, zone] = feed

    def forget(self, provider: str, zone: str = ANY_ZONE) -> None:
        """Let *provider* no longer cover *zone*."""
        self._feeds.pop((self.family(provider).name, zone), None)

    def fault(
        self,
        provider: str,
        fault: Fault,
        *,
        zone: str | None = None,
        path: str | None = None,
        times: int | None = None,
        probability: float = 1.0,
        after: int = 0,
    ) -> ActiveFault:
        """
        Let something go wrong from now on.

        Args:
            provider: Whose requests, ``*`` for all.
            fault: What goes wrong.
            zone: Only this zone of the provider.
            path: Only paths that contain this.
            times: How many requests it hits; without end when left out.
            probability: Chance of hitting a request that fits. [0..1]
            after: Requests that fit and are spared first.
        """
        name = provider if provider == "*" else self.family(provider).name
        active = ActiveFault(
            fault=fault, book=self.faults, provider=name, zone=zone, path=path, times=times, probability=probability,
            after=after, since=self.clock.now(),
        )  # fmt: skip
        return self.faults.add(active)

    def heal(self, provider: str | None = None) -> None:
        """Take all faults away, or all of one provider."""
        self.faults.clear(provider)

    def family(self, provider: str) -> Family:
        """The fake provider of that name, to change its plan or tokens; raises `UnknownProvider`."""
        if provider not in self._names:
            allowed = ", ".join(sorted(self._families))
            raise UnknownProvider(f"no fake provider {provider[:40]!r}; there are {allowed}", provider=provider)
        return self._families[self._names[provider]]

    def get(self, kind: type[F]) -> F:
        """The fake provider of that class."""
        return next(family for family in self._families.values() if isinstance(family, kind))

    # -- answering -------------------------------------------------------------------------------------------------

    def route(self, path: str, host: str) -> tuple[Family | None, str]:
        """Which provider a request is for, and its path there."""
        head, _, rest = path.lstrip("/").partition("/")
        if head in self._names:
            return self._families[self._names[head]], f"/{rest}"
        provider = HOSTS.get(host.partition(":")[0])
        return (self._families[provider], path) if provider else (None, path)

    def respond(self, call: Call, family: Family) -> Answer:
        """Answer one call as *family* with the faults that are set, and log it."""
        zone = family.zone_of(call)
        struck = self.faults.hit(family.name, zone, call.path)
        instead = [active for active in struck if active.fault.instead]
        if instead:
            answer = Answer()
        else:
            with self._lock:
                try:
                    answer = family.answer(call, _ServerDesk(self, family.name, struck))
                except Exception as crash:  # noqa: BLE001 - kept and raised again when the server is left
                    self.crashes.append(crash)
                    answer = Answer(status=500, body=repr(crash).encode(), content_type="text/plain")
        for active in struck:
            if active.fault.on_answer is not None:
                answer = active.fault.on_answer(answer)
        shown = tuple((key, "***" if key in SECRET_PARAMS else value) for key, value in call.params)
        entry = LoggedRequest(
            at=self.clock.now(), provider=family.name, method=call.method, path=call.path, params=shown, zone=zone,
            status=0 if answer.delivery.silent or answer.delivery.reset else answer.status,
            faults=tuple(active.fault.name for active in struck), login=family.is_login(call),
            body_bytes=len(answer.body),
        )  # fmt: skip
        self.log.add(entry)
        return answer

    def view(self, provider: str, zone: str, struck: list[ActiveFault]) -> View | None:
        """What *provider* knows of *zone* under the given faults; None where it is not covered."""
        feed = self._feeds.get((provider, zone)) or self._feeds.get((provider, ANY_ZONE))
        if feed is None:
            return None
        now = self.clock.now()
        for active in struck:
            if active.fault.on_now is not None:
                now = active.fault.on_now(now, active.since)

        def alter(rows: list[Row]) -> list[Row]:
            for active in struck:
                if active.fault.on_rows is not None:
                    rows = active.fault.on_rows(rows, now, self.faults.luck)
            return rows

        return View(feed, zone, now, alter)

    def pauser(self) -> Pauser:
        """Lets time pass for one connection."""
        return Pauser(self.clock, self._stopping)


class _ServerDesk:
    """What one call's provider may look at."""

    def __init__(self, server: FakeGridServer, provider: str, struck: list[ActiveFault]) -> None:
        self._server = server
        self._provider = provider
        self._struck = struck

    @property
    def now(self) -> datetime:
        return self._server.clock.now()

    def view(self, zone: str) -> View | None:
        return self._server.view(self._provider, zone, self._struck)

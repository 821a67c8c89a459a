"""
The port every grid data source implements: sans-I/O `build_requests` and `parse`.

One fetch loop (`gridtide.grid.fetch`) sends what a provider builds and hands back what came, so that timeouts,
size caps, retries, limits and redaction exist once. A provider module knows URLs, shapes, units and quirks only.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, ClassVar

from gridtide.domain.signal import Perimeter, Scope, SignalKind
from gridtide.grid import redaction

if TYPE_CHECKING:
    from gridtide.domain.errors import GridError
    from gridtide.domain.interval import Interval
    from gridtide.domain.series import Series
    from gridtide.domain.zone import Zone

__all__ = ["Access", "Ask", "Product", "Provider", "ProviderInfo", "Reply", "Request", "Token"]


class Product(StrEnum):
    """What a provider can be asked for."""

    CURRENT = "current"
    FORECAST = "forecast"
    HISTORY = "history"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderInfo:
    """
    Facts about a source that the chain, the limiter, `doctor` and the docs need.

    Args:
        name: Short id, for example ``uk``.
        title: For people.
        base_url: Default address; configurable.
        kinds: Signal kinds it can give, preferred first.
        products: What it can be asked for.
        scope: Lifecycle or direct.
        perimeter: Consumption or production.
        attribution: Credit to print with results.
        licence: Of the data.
        credentials: Setting names that must be set before it can be used; empty for keyless sources.
        period: How often new values appear.
        lag: How late they appear after the step they belong to.
        horizon: How far forecasts reach at best; zero when there are none.
        max_span: Longest span one history request may cover.
        calls_per_window: Budget of calls in *budget_window*; what the provider publishes, or a polite own figure.
        budget_window: Span the budget counts over.
    """

    name: str
    title: str
    base_url: str
    kinds: tuple[SignalKind, ...]
    products: frozenset[Product]
    scope: Scope = Scope.UNKNOWN
    perimeter: Perimeter = Perimeter.UNKNOWN
    attribution: str = ""
    licence: str = ""
    credentials: tuple[str, ...] = ()
    period: timedelta = timedelta(minutes=30)
    lag: timedelta = timedelta(0)
    horizon: timedelta = timedelta(0)
    max_span: timedelta = timedelta(days=14)
    calls_per_window: int = 60
    budget_window: timedelta = timedelta(minutes=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """
    One question to one provider.

    Args:
        zone: The provider's own key, as `Provider.key_for` gave it.
        product: Current value, forecast or history.
        window: Span of interest.
        kind: Wanted signal kind.
        now: The instant of asking; a provider never reads a clock.
    """

    zone: str
    product: Product
    window: Interval
    kind: SignalKind
    now: datetime


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Request:
    """
    One HTTP request, relative to the provider's base address.

    Args:
        path: Starts with ``/``; segments already percent-encoded by the provider.
        params: Query, in order.
        headers: Sent as they are.
        method: GET unless said otherwise.
        body: For POST.
        secret_params: Query names whose values never appear in a log or error.
        secret_headers: Lower-case header names whose values never appear in a log or error.
        needs_token: Whether the fetch loop must add the provider's bearer token (see `Provider.login_request`).
    """

    path: str
    params: tuple[tuple[str, str], ...] = ()
    headers: tuple[tuple[str, str], ...] = ()
    method: str = "GET"
    body: bytes | None = None
    secret_params: frozenset[str] = frozenset()
    secret_headers: frozenset[str] = frozenset()
    needs_token: bool = False

    def __repr__(self) -> str:
        return f"<Request {redaction.describe(self)}>"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What came back: status, lower-case headers, at most the size cap of body, and when."""

    status: int
    headers: tuple[tuple[str, str], ...] = field(repr=False)
    body: bytes = field(repr=False)
    fetched_at: datetime

    def header(self, name: str) -> str:
        """First header of that lower-case name, or an empty string."""
        return next((value for key, value in self.headers if key == name), "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """A bearer token and when it stops being valid."""

    value: str = field(repr=False)
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Access:
    """
    What a credential may ask, as the provider itself says; plans differ more than their descriptions.

    Args:
        granted: Triples (zone, product, kind); ``*`` as zone stands for every zone.
    """

    granted: frozenset[tuple[str, Product, SignalKind]]

    def allows(self, zone: str, product: Product, kind: SignalKind) -> bool:
        """Whether that product of that zone may be asked for."""
        return (zone, product, kind) in self.granted or ("*", product, kind) in self.granted


class Provider(ABC):
    """
    Base of all sources. Subclasses are plain: settings and secrets in the constructor, no I/O, no clock.

    Attributes:
        info: Facts about it.
        setup: What was set that may change its numbers, secrets left out; empty for what it comes with. Answers are
            kept by it.
    """

    info: ClassVar[ProviderInfo]
    setup: str = ""

    @abstractmethod
    def key_for(self, zone: Zone) -> str | None:
        """The provider's own key for *zone*, or None where it does not cover it."""

    @abstractmethod
    def build_requests(self, ask: Ask, replies: tuple[Reply, ...] = ()) -> tuple[Request, ...]:
        """
        Requests to send next.

        Called first without replies; called again with all replies so far until it returns nothing, so paging and
        sources made of several files need no loop of their own.
        """

    @abstractmethod
    def parse(self, ask: Ask, replies: tuple[Reply, ...]) -> Series:
        """
        Turn successful replies into a series in our units; missing values leave gaps.

        Raises:
            MalformedPayload: The shape is not the agreed one; the message names the field's path.
            ZoneNotCovered: The reply says that there is nothing for this zone.
            ProviderUnavailable: The reply is an outage in disguise (empty 200, ``{}``, HTML).
        """

    def explain(self, ask: Ask, reply: Reply) -> GridError | None:  # noqa: ARG002 - a default for subclasses
        """
        Provider-specific error for a reply whose status is not 2xx; None leaves it to the common table.

        An `Unauthorized` carries ``cause`` in its facts: ``login`` (the token is no longer accepted: log in once and
        ask again), ``credential`` (the key or password is wrong: asking again is useless) or ``plan`` (the credential
        is good but does not cover this request: only this zone and product are lost).
        """
        return None

    def login_request(self) -> Request | None:
        """Request that fetches a bearer token, for providers that need one."""
        return None

    def parse_login(self, reply: Reply) -> Token:
        """Read the token from a login reply."""
        raise NotImplementedError

    def access_request(self) -> Request | None:
        """Request that tells what the credential may ask, for providers that can say."""
        return None

    def parse_access(self, reply: Reply) -> Access:
        """Read what the credential may ask from the reply to `access_request`."""
        raise NotImplementedError

    def locate_request(self, latitude: float, longitude: float) -> Request | None:  # noqa: ARG002 - a default
        """Request that asks for the provider's own zone at a place, for providers that can say."""
        return None

    def parse_location(self, reply: Reply) -> str:
        """Read the provider's own zone key from the reply to `locate_request`."""
        raise NotImplementedError

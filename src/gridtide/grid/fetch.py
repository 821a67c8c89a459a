"""
The one fetch loop: sends what a provider builds, hands back what came, once for all sources.

A fetch takes at most ten seconds in all; a history fetch, which may have many pages, ten seconds per page. It stops at
the door when the host's breaker is open, and waits for one of four places per provider. Every error that leaves here
is one of ours and carries no credential.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import logging
import random
from collections import Counter
from typing import TYPE_CHECKING, Final, NoReturn, Self

from gridtide.domain.errors import CarbonError, GridError, MalformedPayload, ProviderUnavailable, RateLimited
from gridtide.grid.address import checked_base_url
from gridtide.grid.breaker import Breaker
from gridtide.grid.limits import Limits
from gridtide.grid.line import RETRIES, Line, Means
from gridtide.grid.provider import Product
from gridtide.grid.redaction import LogFilter, Redactor
from gridtide.grid.wire import INFLATED_CAP, Timing, Wire

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
    from datetime import timedelta
    from types import TracebackType

    import httpx2

    from gridtide.domain.ports import Clock
    from gridtide.domain.series import Series
    from gridtide.grid.provider import Access, Ask, Provider, Reply, Request

__all__ = ["Fetcher"]

_LOG: Final = logging.getLogger("gridtide.grid.fetch")

PAGES_MAX: Final = 100
PAGE_PATIENCE_S: Final = 60.0
_PARSE_INLINE_MAX: Final = 256 * 1024


class Fetcher:
    """
    Fetches series from providers.

    Args:
        clock: Wall time for stamps, monotonic time for waits.
        rng: Source of jitter.
        sleep: Lets time pass; virtual in tests.
        limits: Budgets and pauses; a process-local one when left out.
        base_urls: Other addresses than the default ones, by provider name.
        insecure: Names of providers that may be asked over plain http inside a private network.
        timing: Limits on waiting.
        most_retries: Cap on the further tries of any fetch.
        transport: Stands in for the network in tests.
        verify: Certificates to trust; the system's when left out.

    Attributes:
        redactor: Knows every credential that was sent.
        tally: Counts by (provider, outcome): calls, retries, logins, ok, and error codes.

    Raises:
        ConfigurationError: An address in *base_urls* may not be asked.
    """

    def __init__(
        self,
        clock: Clock,
        *,
        rng: random.Random | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        limits: Limits | None = None,
        base_urls: Mapping[str, str] | None = None,
        insecure: frozenset[str] = frozenset(),
        timing: Timing | None = None,
        most_retries: int = RETRIES,
        transport: httpx2.AsyncBaseTransport | None = None,
        verify: ssl.SSLContext | None = None,
    ) -> None:
        self.redactor: Final = Redactor()
        self.tally: Final[Counter[tuple[str, str]]] = Counter()
        self._clock = clock
        self._rng = rng or random.Random()  # noqa: S311 - jitter, nothing secret
        limits = limits or Limits(clock, sleep=sleep)
        self._means = Means(clock, self._rng, sleep, limits, self.redactor, self.tally)
        self._insecure = insecure
        self._base_urls = {name: self._checked(name, url) for name, url in (base_urls or {}).items()}
        self._timing = timing or Timing()
        self._most_retries = most_retries
        self._transport = transport
        self._verify = verify
        self._lines: dict[int, Line] = {}
        self._breakers: dict[str, Breaker] = {}
        self._log_filter = LogFilter(self.redactor)
        self._log_filter.install()

    async def fetch(self, provider: Provider, ask: Ask, *, retries: int = RETRIES) -> Series:
        """
        Ask one provider one question.

        Args:
            provider: Builds and reads.
            ask: The question.
            retries: Further tries per request after a passing fault.

        Returns:
            What the provider parsed, as it is; missing values are gaps.

        Raises:
            RateLimited: A limit would make it wait longer than a fetch may take.
            ProviderUnavailable: It did not answer usably in time, or is left alone for now.
            Unauthorized: The credential or its plan does not cover this.
            ZoneNotCovered: It has nothing for this zone.
            MalformedPayload: The answer does not have the agreed shape.
        """
        line = self._line(provider)
        replies: list[Reply] = []
        try:
            async with self._place(line) as clock_stop:
                await self._collect(line, ask, replies, clock_stop, min(retries, self._most_retries))
            series = await _parsed(provider, ask, tuple(replies))
        except CarbonError as error:
            self._failed(line, ask.zone, error, replies)
        line.breaker.succeeded()
        self.tally[provider.info.name, "ok"] += 1
        return series

    async def access(self, provider: Provider) -> Access | None:
        """What the provider says its credential covers; None when it cannot say. Raises as `fetch` does."""
        request = provider.access_request()
        return provider.parse_access(await self._single(provider, request)) if request else None

    async def locate(self, provider: Provider, latitude: float, longitude: float) -> str | None:
        """Return the provider's own zone at a place; None when it cannot say. Raises as `fetch` does."""
        request = provider.locate_request(latitude, longitude)
        return provider.parse_location(await self._single(provider, request)) if request else None

    def skew(self, provider: Provider) -> timedelta | None:
        """How far this clock is ahead of the provider's ``Date`` header; None when unknown."""
        return self._line(provider).skew

    async def aclose(self) -> None:
        """Close all connections."""
        self._log_filter.remove()
        for line in self._lines.values():
            await line.wire.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    # -- one fetch -------------------------------------------------------------------------------------------------

    async def _collect(
        self, line: Line, ask: Ask, replies: list[Reply], clock_stop: asyncio.Timeout, retries: int
    ) -> None:
        provider, name, size = line.provider, line.provider.info.name, 0
        line.breaker.check(self._clock.monotonic())
        deadline = self._clock.monotonic() + self._timing.total
        in_pages = ask.product is Product.HISTORY
        while requests := _wanted(provider, ask, replies):
            for request in requests:
                if len(replies) >= PAGES_MAX:
                    raise MalformedPayload(f"{name} has more than {PAGES_MAX} pages for one question", provider=name)
                if in_pages:
                    deadline = await self._next_page(line, clock_stop)
                reply = await line.reply(request, ask, deadline=deadline, retries=retries, admitted=in_pages)
                replies.append(reply)
                size += len(reply.body)
                if size > INFLATED_CAP:
                    raise MalformedPayload(f"{name} sent more than {INFLATED_CAP} bytes in all", provider=name)

    async def _next_page(self, line: Line, clock_stop: asyncio.Timeout) -> float:
        """Wait for the budget as long as need be, since nobody is waiting; then a page has the total time. [s]"""
        loop, total = asyncio.get_running_loop(), self._timing.total
        clock_stop.reschedule(loop.time() + PAGE_PATIENCE_S + total)
        await line.admit(PAGE_PATIENCE_S)
        clock_stop.reschedule(loop.time() + total)
        return self._clock.monotonic() + total

    async def _single(self, provider: Provider, request: Request) -> Reply:
        line = self._line(provider)
        try:
            async with self._place(line):
                line.breaker.check(self._clock.monotonic())
                return await line.reply(request, None, deadline=self._clock.monotonic() + self._timing.total)
        except CarbonError as error:
            self._failed(line, "", error, [])

    @contextlib.asynccontextmanager
    async def _place(self, line: Line) -> AsyncIterator[asyncio.Timeout]:
        """One of the provider's few places, for at most the total time; the wait for it counts, but not as a fault."""
        name, total = line.provider.info.name, self._timing.total
        acquired = False
        try:
            async with asyncio.timeout(total) as clock_stop:
                async with line.places:
                    acquired = True
                    yield clock_stop
        except TimeoutError as late:
            if not acquired:
                raise RateLimited(f"{name} has all its places taken since {total:g} s", provider=name) from late
            raise ProviderUnavailable(
                f"{name} did not answer within {total:g} s",
                hint="the cache or another source is used meanwhile",
                provider=name,
                connection=True,
            ) from late

    def setup_of(self, provider: Provider) -> str:
        """Digest of the options and the address *provider* was set up with; empty for those it comes with."""
        told = f"{provider.setup} {self._base_urls.get(provider.info.name, '')}".strip()
        return hashlib.blake2b(told.encode(), digest_size=6).hexdigest() if told else ""

    def _line(self, provider: Provider) -> Line:
        line = self._lines.get(id(provider))
        if line is None:
            info = provider.info
            url = self._base_urls.get(info.name) or self._checked(info.name, info.base_url)
            wire = Wire(
                info.name,
                url,
                clock=self._clock,
                timing=self._timing,
                transport=self._transport,
                verify=self._verify,
            )
            breaker = self._breakers.setdefault(wire.host, Breaker(wire.host, self._rng))
            line = self._lines[id(provider)] = Line(provider, wire, breaker, self._means)
        return line

    def _checked(self, name: str, url: str) -> str:
        return checked_base_url(url, allow_http=name in self._insecure)

    def _failed(self, line: Line, zone: str, error: CarbonError, replies: list[Reply]) -> NoReturn:
        self.redactor.error(error)
        name = line.provider.info.name
        self.tally[name, error.code] += 1
        if "breaker" not in error.facts:
            if isinstance(error, (ProviderUnavailable, MalformedPayload)):
                connection = bool(error.facts.get("connection"))
                line.breaker.failed(self._clock.monotonic(), zone=zone, connection=connection)
            elif isinstance(error.facts.get("status"), int) and not isinstance(error, RateLimited):
                line.breaker.succeeded()
        if isinstance(error, MalformedPayload) and replies:
            error.facts.setdefault("sample", self.redactor.sample(replies[-1].body))
        _LOG.info("%s %s: %s", name, zone, error.message)
        raise error


def _wanted(provider: Provider, ask: Ask, replies: list[Reply]) -> tuple[Request, ...]:
    with _reading(provider, ask):
        return provider.build_requests(ask, tuple(replies))


async def _parsed(provider: Provider, ask: Ask, replies: tuple[Reply, ...]) -> Series:
    with _reading(provider, ask):
        if sum(len(reply.body) for reply in replies) > _PARSE_INLINE_MAX:
            return await asyncio.to_thread(provider.parse, ask, replies)
        return provider.parse(ask, replies)


@contextlib.contextmanager
def _reading(provider: Provider, ask: Ask) -> Iterator[None]:
    """Whatever a provider module stumbles over in an answer is the answer's fault."""
    try:
        yield
    except GridError:
        raise
    except (CarbonError, ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError) as fault:
        raise MalformedPayload(
            f"{provider.info.name}: the answer cannot be read ({type(fault).__name__})",
            provider=provider.info.name,
            zone=ask.zone,
        ) from fault

"""The fetch loop: bounded in time, size and tries, polite, and every fault comes out as one of our errors."""

from __future__ import annotations

import asyncio
import gzip
import random
from datetime import UTC, datetime, timedelta

import httpx2
import pytest

from grid_doubles import START, DemoProvider, Net, ask, rows, script
from gridtide.domain.errors import (
    ConfigurationError,
    GridError,
    MalformedPayload,
    ProviderUnavailable,
    RateLimited,
    Unauthorized,
    ZoneNotCovered,
)
from gridtide.domain.instants import parse_instant
from gridtide.grid.fetch import PAGES_MAX, Fetcher
from gridtide.grid.provider import Ask, Product, Reply, Request
from gridtide.testing import FakeClock

NOW = parse_instant(START)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(NOW)


def fetcher(clock: FakeClock, net: Net, **changes) -> Fetcher:
    return Fetcher(clock, rng=random.Random(1), transport=net.transport, **changes)


def fetch(clock: FakeClock, net: Net, provider: DemoProvider | None = None, question: Ask | None = None, **changes):
    """Fetch once on virtual time."""

    async def work():
        async with fetcher(clock, net, **changes) as one:
            return await one.fetch(provider or DemoProvider(), question or ask(NOW))

    return clock.run(work())


def test_good_answer_is_parsed(clock: FakeClock) -> None:
    """What the provider sent comes out as its series, after one call."""
    net = script(rows(100.0, 200.0))

    series = fetch(clock, net)

    assert series.values.tolist() == [100.0, 200.0]
    assert net.calls == 1
    assert net.requests[0].headers["user-agent"].startswith("gridtide/")
    assert len(net.requests[0].headers["user-agent"]) < 20


@pytest.mark.parametrize("status", [408, 425, 500, 502, 503, 504])
def test_passing_status_is_tried_twice_more(clock: FakeClock, status: int) -> None:
    """Two retries within eight seconds, no more."""
    net = script(httpx2.Response(status))

    with pytest.raises(ProviderUnavailable, match=str(status)):
        fetch(clock, net)

    assert net.calls == 3
    assert clock.monotonic() <= 8.0


def test_connection_fault_is_tried_twice_more(clock: FakeClock) -> None:
    """A refused connection is a passing fault."""
    net = script(httpx2.ConnectError("refused"))

    with pytest.raises(ProviderUnavailable, match=r"no connection to demo\.example"):
        fetch(clock, net)

    assert net.calls == 3


def test_second_try_that_works_is_enough(clock: FakeClock) -> None:
    """One fault costs one call."""
    net = script(httpx2.Response(503), rows(100.0))

    assert fetch(clock, net).values.tolist() == [100.0]
    assert net.calls == 2


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, GridError),
        (401, Unauthorized),
        (403, Unauthorized),
        (404, ZoneNotCovered),
        (410, GridError),
        (301, ProviderUnavailable),
        (204, ProviderUnavailable),
        (206, ProviderUnavailable),
        (501, ProviderUnavailable),
    ],
)
def test_final_status_is_not_tried_again(clock: FakeClock, status: int, kind: type[GridError]) -> None:
    """What will not change by asking again costs one call and becomes its own error."""
    net = script(httpx2.Response(status, headers={"location": "https://elsewhere.example/"}))

    with pytest.raises(kind) as caught:
        fetch(clock, net)

    assert type(caught.value) is kind
    assert net.calls == 1


def test_redirect_is_not_followed(clock: FakeClock) -> None:
    """The host that was configured is the only one asked."""
    net = script(httpx2.Response(302, headers={"location": "http://169.254.169.254/"}))

    with pytest.raises(ProviderUnavailable, match="redirects elsewhere"):
        fetch(clock, net)

    assert {request.url.host for request in net.requests} == {"demo.example"}


# -- waits that a server asks for --------------------------------------------------------------------------------------


def test_short_retry_after_is_waited_out_exactly(clock: FakeClock) -> None:
    """A wait that fits into the fetch is kept to the second."""
    net = script(httpx2.Response(429, headers={"retry-after": "4"}), rows(100.0))

    fetch(clock, net)

    assert clock.monotonic() == pytest.approx(4.0)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("120", 120),
        ("86400", 900),
        ("9" * 30, 900),
        ("Mon, 05 Jan 2026 12:02:00 GMT", 120),
        ("Tue, 06 Jan 2026 12:00:00 GMT", 900),
        ("-5", 60),
        ("Mon, 05 Jan 2026 11:00:00 GMT", 60),
        ("soon", 60),
        (None, 60),
    ],
    ids=[
        "seconds",
        "a day is capped",
        "absurd is capped",
        "date",
        "far date is capped",
        "negative",
        "past",
        "word",
        "none",
    ],
)
def test_long_retry_after_is_told_instead_of_waited(clock: FakeClock, header: str | None, seconds: int) -> None:
    """The caller gets `RateLimited` at once, with at most a quarter of an hour."""
    net = script(httpx2.Response(429, headers={} if header is None else {"retry-after": header}))

    with pytest.raises(RateLimited) as caught:
        fetch(clock, net)

    assert caught.value.retry_after == timedelta(seconds=seconds)
    assert net.calls == 1
    assert clock.monotonic() < 1.0


def test_retry_date_is_counted_from_the_servers_own_clock(clock: FakeClock) -> None:
    """A clock that is two hours off does not turn two minutes into a cap or into nothing."""
    headers = {"date": "Mon, 05 Jan 2026 10:00:00 GMT", "retry-after": "Mon, 05 Jan 2026 10:02:00 GMT"}
    net = script(httpx2.Response(429, headers=headers))

    with pytest.raises(RateLimited) as caught:
        fetch(clock, net)

    assert caught.value.retry_after == timedelta(minutes=2)


def test_nothing_is_sent_during_a_pause(clock: FakeClock) -> None:
    """Other zones of the same host keep the pause too, and may ask again right after it."""
    net = script(httpx2.Response(429, headers={"retry-after": "300"}), rows(100.0))

    async def work() -> None:
        async with fetcher(clock, net) as one:
            provider = DemoProvider()
            with pytest.raises(RateLimited):
                await one.fetch(provider, ask(NOW))
            for zone in ("A", "B", "C"):
                with pytest.raises(RateLimited):
                    await one.fetch(provider, ask(NOW, zone=zone))
            assert net.calls == 1
            await asyncio.sleep(300)
            await one.fetch(provider, ask(NOW))

    clock.run(work())

    assert net.calls == 2


# -- time and size -----------------------------------------------------------------------------------------------------


def test_silence_ends_after_the_total_time(clock: FakeClock) -> None:
    """A server that never answers costs ten seconds in all, retries included."""

    class Silent(httpx2.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
            await asyncio.sleep(3600)
            raise AssertionError

    async def work() -> None:
        async with Fetcher(clock, transport=Silent()) as one:
            await one.fetch(DemoProvider(), ask(NOW))

    with pytest.raises(ProviderUnavailable, match="did not answer within 10 s"):
        clock.run(work())

    assert clock.monotonic() == pytest.approx(10.0)


def test_body_beyond_the_raw_cap_is_cut(clock: FakeClock) -> None:
    """A body that announces too much is not read at all."""
    net = script(httpx2.Response(200, content=b" " * (5 * 1024 * 1024 + 1)))

    with pytest.raises(MalformedPayload, match="more than 5242880"):
        fetch(clock, net)


def test_body_that_inflates_beyond_the_cap_is_cut(clock: FakeClock) -> None:
    """Something large that packs well stops at twenty mebibytes."""
    luck = random.Random(0)
    large = gzip.compress(b"".join(luck.randbytes(4) + b"0" * 120 for _ in range(200_000)))
    assert len(large) < 5_000_000
    net = Net(lambda _: httpx2.Response(200, headers={"content-encoding": "gzip"}, stream=httpx2.ByteStream(large)))

    with pytest.raises(MalformedPayload, match="unpacks to more than 20971520"):
        fetch(clock, net)


def test_body_that_inflates_a_thousandfold_is_cut_early(clock: FakeClock) -> None:
    """A gzip bomb stops long before the cap, so that several at once stay small."""
    bomb = gzip.compress(b"0" * (64 * 1024 * 1024))
    assert len(bomb) < 100_000
    net = Net(lambda _: httpx2.Response(200, headers={"content-encoding": "gzip"}, stream=httpx2.ByteStream(bomb)))

    with pytest.raises(MalformedPayload, match="more than 100 times its size"):
        fetch(clock, net)


def test_broken_gzip_is_malformed(clock: FakeClock) -> None:
    """An answer that cannot be unpacked is not tried again."""
    net = Net(
        lambda _: httpx2.Response(200, headers={"content-encoding": "gzip"}, stream=httpx2.ByteStream(b"no gzip"))
    )

    with pytest.raises(MalformedPayload, match="cannot be unpacked"):
        fetch(clock, net)

    assert net.calls == 1


def test_pages_are_bounded(clock: FakeClock) -> None:
    """A source that always has one more page is stopped."""
    net = script(rows(1.0, more=True))

    with pytest.raises(MalformedPayload, match="more than 100 pages"):
        fetch(clock, net)

    assert net.calls == PAGES_MAX


def test_history_may_take_ten_seconds_per_page(clock: FakeClock) -> None:
    """Twelve pages of four seconds each are fine for history and too slow for a current value."""
    pages = [rows(float(n), more=n < 11) for n in range(12)]

    class Slow(httpx2.AsyncBaseTransport):
        def __init__(self) -> None:
            self.left = list(pages)

        async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
            await asyncio.sleep(4)
            page = self.left.pop(0)
            return httpx2.Response(200, content=page.content)

    async def work(product: Product):
        async with Fetcher(clock, transport=Slow()) as one:
            return await one.fetch(DemoProvider(), ask(NOW, product=product))

    assert clock.run(work(Product.HISTORY)).values.tolist() == [11.0]
    with pytest.raises(ProviderUnavailable):
        clock.run(work(Product.CURRENT))


# -- what a provider makes of it ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "body",
    [b"", b"[" * 100_000, b"{", b'{"values": 3}', b"[]", b'{"from": 5, "step_s": "x", "values": [1]}', b"\xff\xfe"],
    ids=["empty", "nested", "cut", "shape", "list", "types", "not text"],
)
def test_unreadable_body_is_malformed(clock: FakeClock, body: bytes) -> None:
    """Whatever a parser stumbles over, the caller sees `MalformedPayload` with a sample."""
    with pytest.raises(MalformedPayload) as caught:
        fetch(clock, script(httpx2.Response(200, content=body)))

    assert len(str(caught.value.facts["sample"])) <= 1024


def test_value_that_no_series_may_hold_is_malformed(clock: FakeClock) -> None:
    """A negative average is refused by the series itself and comes out as the provider's fault."""
    with pytest.raises(MalformedPayload, match="cannot be read"):
        fetch(clock, script(rows(-5.0)))


def test_providers_explanation_comes_first(clock: FakeClock) -> None:
    """A 500 that means "no such zone" is not tried again."""

    class Explains(DemoProvider):
        def explain(self, ask: Ask, reply: Reply) -> GridError | None:
            return ZoneNotCovered("no such zone here") if reply.status == 500 else None

    net = script(httpx2.Response(500))

    with pytest.raises(ZoneNotCovered, match="no such zone here"):
        fetch(clock, net, Explains())

    assert net.calls == 1


@pytest.mark.parametrize("path", ["no-slash", "//evil.example/x", "/a/../b", "/a?b=c", "/a b", "/a#b", "/a\r\nHost: x"])
def test_path_that_could_lead_elsewhere_is_refused(clock: FakeClock, path: str) -> None:
    """A provider module cannot be talked into another host or query by a strange zone key."""

    class Strange(DemoProvider):
        def build_requests(self, ask: Ask, replies: tuple[Reply, ...] = ()) -> tuple[Request, ...]:
            return (Request(path=path),)

    net = script(rows(1.0))

    with pytest.raises(GridError, match="not allowed"):
        fetch(clock, net, Strange())

    assert net.calls == 0


def test_plain_http_base_url_is_refused() -> None:
    """A credential does not travel in the clear, except to this machine or where the setting says so."""
    with pytest.raises(ConfigurationError, match="is not https"):
        Fetcher(FakeClock(), base_urls={"demo": "http://prometheus.monitoring:9090"})
    Fetcher(FakeClock(), base_urls={"demo": "http://127.0.0.1:9090"})
    Fetcher(FakeClock(), base_urls={"demo": "http://prometheus.monitoring:9090"}, insecure=frozenset({"demo"}))


def test_clock_difference_is_noticed(clock: FakeClock, caplog: pytest.LogCaptureFixture) -> None:
    """More than a minute apart is warned about once, and the difference is kept for `doctor`."""
    answer = rows(100.0)
    answer.headers["date"] = "Mon, 05 Jan 2026 11:50:00 GMT"
    provider = DemoProvider()

    async def work() -> timedelta | None:
        async with fetcher(clock, script(answer)) as one:
            await one.fetch(provider, ask(NOW))
            await one.fetch(provider, ask(NOW))
            return one.skew(provider)

    assert clock.run(work()) == timedelta(minutes=10)
    assert [r.getMessage() for r in caplog.records if "differ" in r.getMessage()] == [
        "this clock and that of demo differ by 600 s"
    ]


# -- breaker and places ------------------------------------------------------------------------------------------------


def test_host_that_cannot_be_reached_is_left_alone_and_probed(clock: FakeClock) -> None:
    """Three failed fetches open the breaker; later one probe passes and closes it."""
    net = script(*[httpx2.ConnectError("refused")] * 9, rows(100.0))

    async def work() -> None:
        async with fetcher(clock, net) as one:
            provider = DemoProvider()
            for _ in range(10):
                with pytest.raises(ProviderUnavailable):
                    await one.fetch(provider, ask(NOW))
            assert net.calls == 9
            await asyncio.sleep(40)
            await one.fetch(provider, ask(NOW))
            await one.fetch(provider, ask(NOW))

    clock.run(work())

    assert net.calls == 11


def test_one_broken_zone_does_not_close_the_door_for_others(clock: FakeClock) -> None:
    """However often one zone fails, the others of its provider are still asked."""
    net = Net(lambda request: httpx2.Response(500) if "/BAD" in request.url.path else rows(100.0))

    async def work() -> None:
        async with fetcher(clock, net) as one:
            provider = DemoProvider()
            for _ in range(5):
                with pytest.raises(ProviderUnavailable):
                    await one.fetch(provider, ask(NOW, zone="BAD"))
            await one.fetch(provider, ask(NOW, zone="GOOD"))

    clock.run(work())

    assert net.count("/GOOD") == 1


def test_at_most_four_requests_to_one_provider_at_once(clock: FakeClock) -> None:
    """The bulkhead: a slow provider holds four places, another provider is not touched by it."""
    under_way: dict[str, int] = {}
    most: dict[str, int] = {}

    class Counting(httpx2.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
            host = request.url.host
            under_way[host] = under_way.get(host, 0) + 1
            most[host] = max(most.get(host, 0), under_way[host])
            await asyncio.sleep(2 if host.startswith("slow") else 0.01)
            under_way[host] -= 1
            return httpx2.Response(200, content=rows(1.0).content)

    async def work() -> float:
        async with Fetcher(clock, transport=Counting()) as one:
            slow, quick = DemoProvider("slow"), DemoProvider("quick")
            tasks = [asyncio.ensure_future(one.fetch(slow, ask(NOW, zone=f"Z{n}"))) for n in range(12)]
            await asyncio.sleep(0)
            await one.fetch(quick, ask(NOW))
            done = clock.monotonic()
            await asyncio.gather(*tasks)
            return done

    assert clock.run(work()) < 1.0
    assert most["slow.example"] == 4


# -- tokens ------------------------------------------------------------------------------------------------------------


class Site:
    """A server with tokens: counts logins, knows which token is good now."""

    def __init__(self, *, logins: httpx2.Response | None = None) -> None:
        self.serial = 0
        self.good = ""
        self.refusal = logins
        self.net = Net(self.answer)

    def answer(self, request: httpx2.Request) -> httpx2.Response:
        if request.url.path == "/login":
            if self.refusal is not None:
                return self.refusal
            self.serial += 1
            self.good = f"token-number-{self.serial}"
            return httpx2.Response(200, json={"token": self.good})
        if request.headers.get("authorization") != f"Bearer {self.good}":
            return httpx2.Response(401)
        return rows(100.0)

    @property
    def logins(self) -> int:
        return self.net.count("/login")


def test_many_requests_share_one_login(clock: FakeClock) -> None:
    """Single flight: forty questions at once log in once."""
    site = Site()

    async def work() -> None:
        async with fetcher(clock, site.net) as one:
            provider = DemoProvider(token=True)
            await asyncio.gather(*(one.fetch(provider, ask(NOW, zone=f"Z{n}")) for n in range(40)))

    clock.run(work())

    assert site.logins == 1


def test_token_is_renewed_before_it_runs_out(clock: FakeClock) -> None:
    """After twenty-five of thirty minutes the next request logs in first; no request is ever refused."""
    site = Site()

    async def work() -> None:
        async with fetcher(clock, site.net) as one:
            provider = DemoProvider(token=True)
            for minutes in (0, 24, 2, 2, 22):
                await asyncio.sleep(60 * minutes)
                await one.fetch(provider, ask(NOW))

    clock.run(work())

    assert site.logins == 2


def test_refused_token_is_replaced_once(clock: FakeClock) -> None:
    """A token that ends earlier than stated costs one more login, and the request goes through."""
    site = Site()

    async def work() -> None:
        async with fetcher(clock, site.net) as one:
            provider = DemoProvider(token=True)
            await one.fetch(provider, ask(NOW))
            await asyncio.sleep(120)
            site.good = "revoked"
            await asyncio.gather(*(one.fetch(provider, ask(NOW, zone=f"Z{n}")) for n in range(8)))

    clock.run(work())

    assert site.logins == 2


def test_storm_of_401_logs_in_once_a_minute(clock: FakeClock) -> None:
    """A server that refuses every token is not stormed with logins."""
    site = Site()

    async def work() -> None:
        async with fetcher(clock, site.net) as one:
            provider = DemoProvider(token=True)
            site.net.answer = lambda r: site.answer(r) if r.url.path == "/login" else httpx2.Response(401)
            for _ in range(100):
                with pytest.raises(GridError):
                    await one.fetch(provider, ask(NOW))
                await asyncio.sleep(3)

    clock.run(work())

    assert site.logins <= 6


def test_wrong_password_is_tried_three_times_in_all(clock: FakeClock) -> None:
    """After three refusals no login is sent again, however long the process lives."""
    site = Site(logins=httpx2.Response(403))

    async def work() -> None:
        async with fetcher(clock, site.net) as one:
            provider = DemoProvider(token=True, credentials=("WATTTIME_PASSWORD",))
            for _ in range(50):
                with pytest.raises(GridError) as caught:
                    await one.fetch(provider, ask(NOW))
                await asyncio.sleep(600)
            assert isinstance(caught.value, Unauthorized)
            assert "WATTTIME_PASSWORD" in str(caught.value.hint)

    clock.run(work())

    assert site.logins == 3


def test_token_ages_by_time_that_passes_not_by_the_wall_clock(clock: FakeClock) -> None:
    """A step of the wall clock during a token's life neither renews nor keeps it."""
    site = Site()

    async def work() -> None:
        async with fetcher(clock, site.net) as one:
            provider = DemoProvider(token=True)
            await one.fetch(provider, ask(NOW))
            clock.step_wall(timedelta(hours=-2))
            await asyncio.sleep(60)
            await one.fetch(provider, ask(NOW))
            assert site.logins == 1
            await asyncio.sleep(26 * 60)
            await one.fetch(provider, ask(NOW))

    clock.run(work())

    assert site.logins == 2


def test_plan_refusal_is_no_reason_to_log_in(clock: FakeClock) -> None:
    """A 403 that means "not in your plan" leaves the token alone."""
    site = Site()

    class Plan(DemoProvider):
        def explain(self, ask: Ask, reply: Reply) -> GridError | None:
            return Unauthorized("not in your plan", cause="plan")

    async def work() -> None:
        async with fetcher(clock, site.net) as one:
            site.net.answer = lambda r: site.answer(r) if r.url.path == "/login" else httpx2.Response(401)
            with pytest.raises(Unauthorized, match="not in your plan"):
                await one.fetch(Plan(token=True), ask(NOW))

    clock.run(work())

    assert site.logins == 1


def test_deadline_of_a_fetch_is_kept_on_the_real_dates(clock: FakeClock) -> None:
    """Stamps are aware UTC from the injected clock."""
    series = fetch(clock, script(rows(1.0)))

    assert series.signal.fetched_at == datetime(2026, 1, 5, 12, tzinfo=UTC)

"""A canary credential reaches the provider and nothing else: no error, log line, repr or traceback shows it."""

from __future__ import annotations

import base64
import logging
import random
import traceback

import httpx2
import pytest

from grid_doubles import START, DemoProvider, Net, ask, rows
from gridtide.domain.errors import CarbonError, GridError, MalformedPayload
from gridtide.domain.instants import parse_instant
from gridtide.grid.fetch import Fetcher
from gridtide.grid.provider import Ask, Reply, Request
from gridtide.grid.redaction import MASK, Redactor, describe, secrets_of
from gridtide.testing import FakeClock, FakeGridServer, Fault

NOW = parse_instant(START)
CANARY = "canary-0123456789"
TOKEN = "eyJhbGciOiJub25lIn0.eyJjYW5hcnkiOnRydWV9.sig"


class Leaky(DemoProvider):
    """Does everything wrong that a provider module can: puts the credential into its own errors."""

    def parse(self, ask: Ask, replies: tuple[Reply, ...]):
        raise MalformedPayload(
            f"bad body {replies[0].body!r}", hint=f"key was {self.key}", key=self.key, where=ask.zone
        )


def echo(request: httpx2.Request) -> httpx2.Response:
    """A server that repeats everything it was sent, as EIA does with the key."""
    if request.url.path == "/login":
        return httpx2.Response(200, json={"token": TOKEN})
    sent = {"request": {"params": dict(request.url.params)}, "headers": dict(request.headers)}
    status = {"/OK": 200, "/AUTH": 401, "/PLAN": 403, "/LIMIT": 429, "/DOWN": 500}[request.url.path]
    return httpx2.Response(status, json=sent, headers={"x-echo": str(request.url)})


def boom(request: httpx2.Request) -> httpx2.Response:
    raise httpx2.ConnectError(f"cannot reach {request.url} with {request.headers}", request=request)


@pytest.mark.parametrize("zone", ["OK", "AUTH", "PLAN", "LIMIT", "DOWN"])
@pytest.mark.parametrize("with_token", [False, True], ids=["key in query", "token"])
@pytest.mark.parametrize("answer", [echo, boom], ids=["echo", "no connection"])
def test_canary_is_in_no_error_log_or_repr(
    zone: str, with_token: bool, answer, caplog: pytest.LogCaptureFixture
) -> None:
    """With every logger at DEBUG and every kind of failure forced, no sink holds the credential."""
    caplog.set_level(logging.DEBUG)
    clock, net, seen = FakeClock(NOW), Net(answer), []
    for name in ("httpx2", "httpcore2.connection", "httpcore2.http11", "gridtide", "asyncio"):
        caplog.set_level(logging.DEBUG, logger=name)

    async def work() -> None:
        async with Fetcher(clock, rng=random.Random(1), transport=net.transport) as fetcher:
            provider = Leaky(token=with_token)
            try:
                await fetcher.fetch(provider, ask(NOW, zone=zone))
            except CarbonError as error:
                seen.extend([str(error), repr(error), repr(error.facts), str(error.hint), *map(str, error.args)])
                logging.getLogger("gridtide.test").debug("failed", exc_info=error)
            seen.extend([repr(fetcher), repr(fetcher.redactor), repr(fetcher.tally)])
            seen.extend(map(repr, provider.build_requests(ask(NOW))))
            seen.extend(map(repr, fetcher._lines.values()))

    clock.run(work())
    for record in caplog.records:
        seen.append(record.getMessage())
        if record.exc_info and isinstance(record.exc_info[1], CarbonError):
            seen.append(str(record.exc_info[1]))

    sinks = "\n".join(seen)
    assert net.calls >= 1
    assert any(CANARY in str(r.url) or CANARY.encode() in base64.b64decode(_basic(r)) for r in net.requests)
    for secret in (CANARY, TOKEN, base64.b64encode(b"user:" + CANARY.encode()).decode()):
        assert secret not in sinks


def _basic(request: httpx2.Request) -> str:
    return request.headers.get("authorization", "").removeprefix("Basic ").partition(" ")[0] or ""


def test_real_http_at_debug_shows_no_query(caplog: pytest.LogCaptureFixture) -> None:
    """The HTTP library's own log lines are cleaned too, on a real connection."""
    caplog.set_level(logging.DEBUG)
    clock = FakeClock(NOW)

    async def work(base_url: str) -> None:
        async with Fetcher(clock, base_urls={"demo": base_url}) as fetcher:
            with pytest.raises(GridError):
                await fetcher.fetch(DemoProvider(), ask(NOW, zone="intensity"))

    with FakeGridServer(clock=clock) as server:
        server.fault("uk", Fault.status(500))
        clock.run(work(server.base_url("uk")))

    lines = [record.getMessage() for record in caplog.records]
    assert any(record.name == "httpx2" for record in caplog.records)
    assert any(record.name.startswith("httpcore2") for record in caplog.records)
    assert not [line for line in lines if CANARY in line]


def test_filter_leaves_with_the_fetcher() -> None:
    """A closed fetcher no longer touches the HTTP library's loggers."""
    logger = logging.getLogger("httpx2")
    before = list(logger.filters)

    async def work() -> int:
        async with Fetcher(FakeClock()):
            return len(logger.filters)

    assert FakeClock().run(work()) == len(before) + 1
    assert logger.filters == before


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("GET /x?api_key=abc&zone=DE", f"GET /x?api_key={MASK}&zone=DE"),
        ("securityToken=abc-def&in=1", f"securityToken={MASK}&in=1"),
        ('{"token": "abc", "a": 1}', f'{{"token": "{MASK}", "a": 1}}'),
        ("Authorization: Bearer abcdefghij", f"Authorization: Bearer {MASK}"),
        ("https://user:pw@host/x", f"https://{MASK}@host/x"),
        (f"got {TOKEN} back", f"got {MASK} back"),
        ("password=hunter2;", f"password={MASK};"),
        ("no secret here, 250 g/kWh", "no secret here, 250 g/kWh"),
    ],
)
def test_value_beside_a_telling_name_is_cut_out(text: str, clean: str) -> None:
    """Even when nobody told the redactor about it."""
    assert Redactor().text(text) == clean


@pytest.mark.parametrize(
    "form", ["a b/c+d", "a%20b%2Fc%2Bd", "a+b%2Fc%2Bd", "a%20b/c%2Bd", "a%20b%2fc%2bd", "YSBiL2MrZA=="]
)
def test_known_value_is_found_in_every_spelling(form: str) -> None:
    """Plain, percent-encoded in each of three ways, form-encoded and base64."""
    assert Redactor(["a b/c+d"]).text(f"<{form}>") == f"<{MASK}>"


def test_memory_of_secrets_is_bounded() -> None:
    """Tokens change every half hour for years; the newest are kept."""
    redactor = Redactor(f"token-{n:06d}" for n in range(1000))

    assert redactor.text("token-000999") == MASK
    assert redactor.text("token-000000") == "token-000000"


def test_request_shows_path_and_harmless_parameters() -> None:
    """What a log line needs for diagnosis is still there."""
    request = Request(
        path="/v3/x",
        params=(("region", "CAISO"), ("key", "s3cret")),
        headers=(("X-Api-Key", "hidden-value"),),
        secret_params=frozenset({"key"}),
    )

    assert describe(request) == f"GET /v3/x?region=CAISO&key={MASK}"
    assert repr(request) == f"<Request GET /v3/x?region=CAISO&key={MASK}>"
    assert set(secrets_of(request)) == {"s3cret", "hidden-value"}


def test_traceback_of_an_error_is_clean() -> None:
    """The printed chain of a failed fetch holds no credential."""
    clock = FakeClock(NOW)

    async def work() -> None:
        async with Fetcher(clock, transport=Net(lambda _: rows(-1.0)).transport) as fetcher:
            await fetcher.fetch(DemoProvider(), ask(NOW))

    with pytest.raises(MalformedPayload) as caught:
        clock.run(work())

    assert CANARY not in "".join(traceback.format_exception(caught.value))

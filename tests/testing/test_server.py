"""The fake server is a real one: it serves, fails, counts, stops and comes back as told."""

from __future__ import annotations

import gzip
import http.client
import json
import urllib.error
import urllib.request
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import httpx2
import pytest

from gridtide.domain.errors import InvalidInput, UnknownProvider
from gridtide.testing import FakeClock, FakeGridServer, Fault, wave_series

NOON = datetime(2026, 1, 5, 12, 10, tzinfo=UTC)
WINDOW = "/intensity/2026-01-05T12:01Z/fw24h"


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(NOON)


@pytest.fixture
def server(clock: FakeClock) -> Any:
    with FakeGridServer({"uk": wave_series(), "energy-charts": wave_series(low=100, high=500)}, clock=clock) as running:
        yield running


def get(server: FakeGridServer, path: str, provider: str = "uk", timeout: float = 5.0) -> tuple[int, bytes, Any]:
    """Plain GET that never raises for a status."""
    parts = urlsplit(server.base_url(provider) + path)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=timeout)
    try:
        connection.request("GET", f"{parts.path}?{parts.query}")
        reply = connection.getresponse()
        return reply.status, reply.read(), reply.headers
    finally:
        connection.close()


def document(server: FakeGridServer, path: str, provider: str = "uk") -> Any:
    return json.loads(get(server, path, provider)[1])


def forecasts(server: FakeGridServer) -> list[Any]:
    return [row["intensity"]["forecast"] for row in document(server, WINDOW)["data"]]


def test_two_servers_do_not_meet(clock: FakeClock) -> None:
    """Each has its own port, log and faults."""
    with FakeGridServer(clock=clock) as first, FakeGridServer(clock=clock) as second:
        get(first, "/intensity")

        assert first.url != second.url
        assert (len(first.log), len(second.log)) == (1, 0)


def test_unknown_provider_is_named_with_the_allowed_ones(server: FakeGridServer) -> None:
    """A misspelt name in a test is an error, not a server without data."""
    with pytest.raises(UnknownProvider, match=r"'watime'.*energy-charts"):
        server.base_url("watime")


def test_real_host_header_is_routed_to_its_provider(server: FakeGridServer) -> None:
    """A client whose address cannot be set reaches the right family by its Host header."""
    request = urllib.request.Request(f"{server.url}/intensity", headers={"Host": "api.carbonintensity.org.uk"})
    with urllib.request.urlopen(request) as reply:
        assert "intensity" in json.loads(reply.read())["data"][0]


def test_stopped_server_refuses_and_comes_back_on_its_port(server: FakeGridServer) -> None:
    """Outage and recovery at one address, which is what a client sees."""
    before = server.url
    server.stop()
    with pytest.raises(ConnectionRefusedError):
        get(server, "/intensity")
    server.start()

    assert server.url == before
    assert get(server, "/intensity")[0] == 200


def test_date_header_follows_the_virtual_clock(server: FakeGridServer) -> None:
    """Clients that compare clocks see the provider's own."""
    assert get(server, "/intensity")[2]["Date"] == "Mon, 05 Jan 2026 12:10:00 GMT"


def test_fault_hits_as_often_as_told(server: FakeGridServer) -> None:
    """Three times means three times, then all is well."""
    server.fault("uk", Fault.status(503), times=3)

    assert [get(server, "/intensity")[0] for _ in range(4)] == [503, 503, 503, 200]


def test_fault_spares_the_first_requests(server: FakeGridServer) -> None:
    """A service that fails later is told by ``after``."""
    server.fault("uk", Fault.status(500), after=1, times=1)

    assert [get(server, "/intensity")[0] for _ in range(3)] == [200, 500, 200]


def test_fault_is_bound_to_provider_zone_and_path(server: FakeGridServer) -> None:
    """One broken region leaves the others and the nation alone."""
    server.fault("uk", Fault.status(500), zone="13", path="/regional")

    assert get(server, "/regional/regionid/13")[0] == 500
    assert get(server, "/regional/regionid/12")[0] == 200
    assert get(server, "/intensity")[0] == 200
    assert get(server, "/co2eq?country=de", "energy-charts")[0] == 200


def test_probability_is_seeded() -> None:
    """Two servers with one seed fail on the same requests, and about as often as told."""
    runs = []
    for _ in range(2):
        with FakeGridServer({"uk": wave_series()}, clock=FakeClock(NOON), seed=7) as server:
            server.fault("uk", Fault.status(500), probability=0.5)
            runs.append([get(server, "/intensity")[0] for _ in range(40)])

    assert runs[0] == runs[1]
    assert 10 <= runs[0].count(500) <= 30


def test_probability_outside_its_range_is_refused(server: FakeGridServer) -> None:
    """A percentage is not a probability."""
    with pytest.raises(InvalidInput, match="from 0 to 1"):
        server.fault("uk", Fault.status(500), probability=50)


def test_fault_as_context_manager_heals_itself(server: FakeGridServer) -> None:
    """Inside the block it is broken, after it is not."""
    with server.fault("uk", Fault.status(500)) as fault:
        broken = get(server, "/intensity")[0]

    assert (broken, get(server, "/intensity")[0]) == (500, 200)
    assert fault.hits == 1


@pytest.mark.parametrize(
    ("retry_after", "sent"),
    [
        pytest.param(120, "120", id="seconds"),
        pytest.param("-5", "-5", id="negative"),
        pytest.param(datetime(2026, 1, 5, 12, 15, tzinfo=UTC), "Mon, 05 Jan 2026 12:15:00 GMT", id="http-date"),
        pytest.param(None, None, id="missing"),
    ],
)
def test_retry_after_takes_every_form(server: FakeGridServer, retry_after: Any, sent: str | None) -> None:
    """Seconds, an HTTP date, nonsense, or nothing."""
    server.fault("uk", Fault.status(429, retry_after=retry_after))

    status, _, headers = get(server, "/intensity")
    assert (status, headers["Retry-After"]) == (429, sent)


@pytest.mark.parametrize(
    ("fault", "check"),
    [
        pytest.param(Fault.html(), lambda body: body.startswith(b"<!DOCTYPE html>"), id="login-page"),
        pytest.param(Fault.body(""), lambda body: body == b"", id="empty"),
        pytest.param(Fault.body("{}"), lambda body: body == b"{}", id="object"),
        pytest.param(Fault.body("null"), lambda body: body == b"null", id="null"),
        pytest.param(Fault.bom(), lambda body: body.startswith(b"\xef\xbb\xbf{"), id="bom"),
        pytest.param(Fault.nested(1000), lambda body: body == b"[" * 1000, id="nested"),
        pytest.param(Fault.naive_times(), lambda body: b"T12:30Z" not in body and b"T12:30" in body, id="naive"),
        pytest.param(Fault.rename("intensity", "ci"), lambda body: b'"ci":{' in body, id="renamed"),
    ],
)
def test_garbage_has_the_shape_it_is_named_after(server: FakeGridServer, fault: Fault, check: Any) -> None:
    """Each kind of garbage comes with status 200."""
    server.fault("uk", fault)

    status, body, _ = get(server, WINDOW)
    assert status == 200
    assert check(body)


def test_truncated_body_is_no_json(server: FakeGridServer) -> None:
    """Half of a document announces its own length and still cannot be read."""
    server.fault("uk", Fault.truncate())

    with pytest.raises(json.JSONDecodeError):
        json.loads(get(server, WINDOW)[1])


def test_cut_connection_ends_before_the_announced_length(server: FakeGridServer) -> None:
    """The client notices that bytes are missing."""
    server.fault("uk", Fault.cut())

    with pytest.raises(http.client.IncompleteRead):
        get(server, WINDOW)


def test_reset_connection_is_an_error_without_an_answer(server: FakeGridServer) -> None:
    """The peer closes hard, as a crashing proxy does."""
    server.fault("uk", Fault.reset())

    with pytest.raises(ConnectionError):
        get(server, "/intensity")


def test_redirect_names_its_target_and_keeps_nothing(server: FakeGridServer) -> None:
    """Whether a client follows can be seen in the log of the target."""
    server.fault("uk", Fault.redirect("http://127.0.0.1:9/elsewhere", 301))

    status, body, headers = get(server, "/intensity")
    assert (status, body, headers["Location"]) == (301, b"", "http://127.0.0.1:9/elsewhere")


def test_gzip_bomb_is_small_on_the_wire(server: FakeGridServer) -> None:
    """A thousand times larger inside than outside, and still JSON."""
    server.fault("uk", Fault.gzip_bomb(8))

    _, body, headers = get(server, "/intensity")
    assert headers["Content-Encoding"] == "gzip"
    assert len(body) < 20_000
    assert len(gzip.decompress(body)) == 8 * 1024 * 1024 + 2


def test_oversize_body_has_the_length_it_announces(server: FakeGridServer) -> None:
    """Blanks before the document, so that only a size cap helps."""
    server.fault("uk", Fault.oversize(6))

    _, body, headers = get(server, "/intensity")
    assert int(headers["Content-Length"]) == len(body) > 6 * 1024 * 1024


def test_endless_body_ends_when_the_client_leaves(server: FakeGridServer) -> None:
    """The server goes on to serve others afterwards."""
    server.fault("uk", Fault.endless(), times=1)
    with httpx2.Client() as client, client.stream("GET", f"{server.base_url('uk')}/intensity") as reply:
        read = 0
        for block in reply.iter_bytes():
            read += len(block)
            if read > 1024 * 1024:
                break

    assert read > 1024 * 1024
    assert get(server, "/intensity")[0] == 200


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        pytest.param(Fault.value(None, at=2), b'"forecast":null', id="null"),
        pytest.param(Fault.value(float("nan"), at=2), b'"forecast":NaN', id="nan"),
        pytest.param(Fault.value(float("inf"), at=2), b'"forecast":Infinity', id="infinity"),
        pytest.param(Fault.number("1e400", at=2), b'"forecast":1e400', id="too-large"),
        pytest.param(Fault.value("250", at=2), b'"forecast":"250"', id="text"),
        pytest.param(Fault.value("", at=2), b'"forecast":""', id="empty-text"),
        pytest.param(Fault.value(True, at=2), b'"forecast":true', id="bool"),
        pytest.param(Fault.value(-1, at=2), b'"forecast":-1,', id="negative"),
        pytest.param(Fault.value(0, at=2), b'"forecast":0,', id="zero"),
        pytest.param(Fault.value(1e9, at=2), b'"forecast":1000000000,', id="huge"),
    ],
)
def test_value_fault_writes_the_literal_into_one_row(server: FakeGridServer, fault: Fault, expected: bytes) -> None:
    """Exactly one row carries it, all others keep theirs."""
    server.fault("uk", fault)

    body = get(server, WINDOW)[1]
    assert body.count(expected) == 1
    assert body.count(b'"forecast":') == 48


def test_scale_fault_multiplies_without_saying_so(server: FakeGridServer) -> None:
    """A change of unit or a step of a thousand looks like any other answer."""
    good = forecasts(server)
    server.fault("uk", Fault.scale(1000))

    assert all(abs(bad - 1000 * well) <= 500 for bad, well in zip(forecasts(server), good, strict=True))


def test_gap_duplicate_and_order_faults_change_the_rows_only(server: FakeGridServer) -> None:
    """Rows go missing, come twice or come mixed up; what is left is unchanged."""
    starts = [row["from"] for row in document(server, WINDOW)["data"]]
    with server.fault("uk", Fault.gap(3, 2)):
        gapped = [row["from"] for row in document(server, WINDOW)["data"]]
    with server.fault("uk", Fault.duplicate()):
        doubled = [row["from"] for row in document(server, WINDOW)["data"]]
    with server.fault("uk", Fault.unsorted()):
        mixed = [row["from"] for row in document(server, WINDOW)["data"]]

    assert gapped == starts[:3] + starts[5:]
    assert len(doubled) > len(starts)
    assert sorted(set(doubled)) == starts
    assert mixed != starts
    assert sorted(mixed) == starts


def test_overlap_and_coarse_steps_change_the_edges(server: FakeGridServer) -> None:
    """Steps reach over each other, or change their length in mid-series."""
    with server.fault("uk", Fault.overlap()):
        ends = [row["to"] for row in document(server, WINDOW)["data"]]
    with server.fault("uk", Fault.coarsen(4, 4)):
        lengths = {
            datetime.fromisoformat(row["to"]) - datetime.fromisoformat(row["from"])
            for row in document(server, WINDOW)["data"]
        }

    assert ends != sorted(ends) or len(set(ends)) < len(ends)
    assert lengths == {timedelta(minutes=30), timedelta(hours=2)}


def test_stale_fault_serves_what_was_known_hours_ago(server: FakeGridServer) -> None:
    """Status 200, and the newest measured value is six hours older than it should be."""
    path = "/intensity/2026-01-05T00:01Z/2026-01-05T12:10Z"
    fresh = [row for row in document(server, path)["data"] if row["intensity"]["actual"] is not None]
    server.fault("uk", Fault.stale(hours=6))
    stale = [row for row in document(server, path)["data"] if row["intensity"]["actual"] is not None]

    assert fresh[-1]["to"] == "2026-01-05T12:00Z"
    assert stale[-1]["to"] == "2026-01-05T06:00Z"


def test_frozen_fault_repeats_one_body(server: FakeGridServer, clock: FakeClock) -> None:
    """The same bytes for hours, although time goes on."""
    server.fault("uk", Fault.frozen())
    first = get(server, "/intensity")[1]
    clock.advance(hours=5)

    assert get(server, "/intensity")[1] == first


def test_ends_fault_publishes_nothing_newer(server: FakeGridServer) -> None:
    """The forecast is cut off too, as when the last import is hours old."""
    server.fault("uk", Fault.ends(hours_ago=3))
    rows = document(server, "/intensity/2026-01-05T00:01Z/fw24h")["data"]

    assert rows[-1]["to"] == "2026-01-05T09:00Z"


def test_skew_fault_shows_in_the_date_header(server: FakeGridServer) -> None:
    """A provider whose clock is ten minutes ahead says so without knowing it."""
    server.fault("uk", Fault.skewed(timedelta(minutes=10)))

    headers = get(server, "/intensity")[2]
    assert headers["Date"] == "Mon, 05 Jan 2026 12:20:00 GMT"
    assert not [name for name in headers if "skew" in name.lower()]


def test_delay_passes_on_the_virtual_clock(server: FakeGridServer, clock: FakeClock) -> None:
    """Ninety seconds of waiting take no real time when the client's loop runs on the same clock."""

    async def ask() -> tuple[int, float]:
        async with httpx2.AsyncClient(timeout=300) as client:
            reply = await client.get(f"{server.base_url('uk')}/intensity")
            return reply.status_code, clock.monotonic()

    server.fault("uk", Fault.delay(90))
    status, seconds = clock.run(ask())

    assert status == 200
    assert seconds == pytest.approx(90)


@pytest.mark.parametrize("fault", [Fault.silence(), Fault.delay(60), Fault.drip()], ids=lambda f: f.name)
def test_client_timeout_passes_on_the_virtual_clock(server: FakeGridServer, clock: FakeClock, fault: Fault) -> None:
    """A total timeout of eight seconds ends after eight virtual seconds, whatever holds the answer back."""

    async def ask() -> float:
        import asyncio

        with pytest.raises(TimeoutError):
            async with asyncio.timeout(8), httpx2.AsyncClient(timeout=None) as client:
                await client.get(f"{server.base_url('uk')}{WINDOW}")
        return clock.monotonic()

    server.fault("uk", fault)

    assert clock.run(ask()) == pytest.approx(8, abs=1.0)


def test_drip_sends_one_byte_a_second(server: FakeGridServer, clock: FakeClock) -> None:
    """The whole body arrives after as many virtual seconds as it has bytes."""

    async def ask() -> tuple[int, float]:
        async with httpx2.AsyncClient(timeout=None) as client:
            reply = await client.get(f"{server.base_url('uk')}/intensity")
            return len(reply.content), clock.monotonic()

    server.fault("uk", Fault.drip())
    size, seconds = clock.run(ask())

    assert seconds == pytest.approx(size)


def test_log_counts_by_path_zone_and_status(server: FakeGridServer, clock: FakeClock) -> None:
    """Everything a budget needs: who asked what, when, and what came back."""
    get(server, "/intensity")
    server.fault("uk", Fault.status(500), times=1)
    get(server, "/regional/regionid/13")
    clock.advance(minutes=1)
    get(server, "/regional/regionid/13?securityToken=canary")

    assert server.log.count("uk") == 3
    assert server.log.per_path("uk")["/regional/regionid/13"] == 2
    assert server.log.per_zone("uk") == {"GB": 1, "13": 2}
    assert server.log.count(status=500) == 1
    assert server.log.count(since=NOON + timedelta(seconds=30)) == 1
    assert server.log.busiest(timedelta(seconds=30)) == 2
    assert server.log.busiest(timedelta(hours=1)) == 3
    assert "canary" not in repr(list(server.log))


def test_bug_of_a_fake_provider_fails_the_test(clock: FakeClock) -> None:
    """A fault of the kit itself never passes for a fault of the client."""

    def crash(rows: Any) -> Any:
        raise LookupError("bug in the kit")

    broken = FakeGridServer({"uk": wave_series()}, clock=clock)
    broken.fault("uk", Fault.rows(crash))

    def use() -> None:
        with broken:
            assert get(broken, "/intensity")[0] == 500

    with pytest.raises(LookupError, match="bug in the kit"):
        use()

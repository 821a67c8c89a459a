"""What every provider must do; each provider's test class inherits this suite and says how to build its subject."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

import pytest

from gridtide.domain.errors import CarbonError, GridError, KindMismatch, ProviderUnavailable
from gridtide.domain.instants import parse_instant
from gridtide.domain.interval import Interval
from gridtide.domain.series import Series
from gridtide.domain.signal import Quality, SignalKind
from gridtide.grid.provider import Ask, Product, Provider, Reply, Request
from support import shared_dir

CANARY = "canary-5f2c9e71d0b4"
FETCHED = datetime(2026, 11, 1, 12, 0, tzinfo=UTC)

EMPTIES = {
    "no body": b"",
    "blank": b" \n ",
    "html": b"<!DOCTYPE html><html><body>Please log in</body></html>",
    "html with comment": b"  <HTML><head></head></HTML>",
}
GARBAGE = {
    "truncated json": b'{"data": [{"from": "2026-01-01T00:00Z", "intens',
    "deep nesting": b"[" * 100_000,
    "deep objects": b'{"data":' * 50_000,
    "huge integer": b'{"data": ' + b"9" * 100_000 + b"}",
    "repeated key": b'{"data": [], "data": []}',
    "number": b"42",
    "text": b'"ok"',
    "true": b"true",
    "list of lists": b"[[[[]]]]",
    "list of nulls": b"[null, null]",
    "object of nulls": b'{"data": null, "records": null, "results": null, "response": null, "items": null}',
    "error object": b'{"error": "something went wrong"}',
    "bytes": bytes(range(256)),
    "utf-16": '{"data": []}'.encode("utf-16"),
    "lone surrogate": b'{"\\ud800": ["\\udfff"]}',
    "xml": b"<?xml version='1.0'?><a><b/></a>",
    "entity bomb": b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "bbbb"><!ENTITY c "&b;&b;">]><a>&c;</a>',
    "csv": b"Time,Value\n00:00,1\n",
    "csv quote": b'Time,"Value\n',
    "zero bytes": b"\0" * 1000,
}


def ask(
    zone: str,
    product: Product = Product.FORECAST,
    kind: SignalKind = SignalKind.AVERAGE,
    *,
    now: str = "2026-01-01T00:00Z",
    hours: float = 24,
    start: str | None = None,
) -> Ask:
    """One question; its window starts at *start* or at *now*."""
    first = parse_instant(start or now)
    return Ask(
        zone=zone,
        product=product,
        window=Interval(first, first + timedelta(hours=hours)),
        kind=kind,
        now=parse_instant(now),
    )


def reply(body: bytes | str | dict[str, Any] | list[Any], status: int = 200, content_type: str = "") -> Reply:
    """One reply; a tree is written as JSON."""
    raw = body.encode() if isinstance(body, str) else body if isinstance(body, bytes) else json.dumps(body).encode()
    headers = (("content-type", content_type),) if content_type else ()
    return Reply(status=status, headers=headers, body=raw, fetched_at=FETCHED)


def rows(series: Series) -> list[tuple[str, str, float, str]]:
    """Steps as text, for comparing with what was worked out by hand."""
    return [
        (f"{start:%Y-%m-%dT%H:%MZ}", f"{end:%Y-%m-%dT%H:%MZ}", value, str(quality))
        for start, end, value, quality in series
    ]


class ProviderContract:
    """Inherit, set the class attributes, get the tests."""

    asks: ClassVar[dict[str, Ask]]
    """Questions the provider can answer, by what they are about."""
    good: ClassVar[dict[str, tuple[Ask, tuple[bytes, ...]]]]
    """Miniature payloads that parse to at least one step, by name."""

    def provider(self) -> Provider:
        """Subject under test; a keyed one gets `CANARY` as its secret."""
        raise NotImplementedError

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """One case per ask, payload, garbage and sample, with readable ids."""
        for name, values in (
            ("ask_name", getattr(self, "asks", {})),
            ("good_name", getattr(self, "good", {})),
            ("sample", getattr(self, "samples", {})),
            ("empty_name", EMPTIES),
            ("garbage_name", GARBAGE),
        ):
            if name in metafunc.fixturenames:
                metafunc.parametrize(name, list(values))

    # -- facts -----------------------------------------------------------------------------------------------------

    def test_info_is_complete(self) -> None:
        """A source says who it is, what it gives, whom to credit, and how often it may be asked."""
        info = self.provider().info

        assert info.name == info.name.lower()
        assert info.title
        assert info.kinds
        assert info.products
        assert info.licence
        assert info.period > timedelta(0)
        assert info.calls_per_window > 0
        assert (info.horizon > timedelta(0)) == (Product.FORECAST in info.products)

    # -- requests --------------------------------------------------------------------------------------------------

    def test_requests_are_relative_paths_of_plain_text(self, ask_name: str) -> None:
        """The base address stays with the fetch loop, so that it can be configured."""
        requests = self.provider().build_requests(self.asks[ask_name])

        assert requests
        for request in requests:
            assert request.path.startswith("/")
            assert not request.path.startswith("//")
            assert ".." not in request.path
            assert request.path.isascii()
            assert not set(request.path) & set(" ?#\r\n")

    def test_the_same_question_builds_the_same_requests(self, ask_name: str) -> None:
        """Nothing but the question decides what is sent."""
        asked = self.asks[ask_name]

        assert self.provider().build_requests(asked) == self.provider().build_requests(asked)

    def test_secrets_are_declared_and_do_not_show(self, ask_name: str) -> None:
        """A value that holds the secret stands under a declared name, and no representation shows it."""
        provider = self.provider()
        requests = provider.build_requests(self.asks[ask_name])
        login = provider.login_request()
        for request in (*requests, *(() if login is None else (login,))):
            for name, value in request.params:
                assert not _carries_secret(value) or name in request.secret_params
            for name, value in request.headers:
                assert not _carries_secret(value) or name.lower() in request.secret_headers
            assert not _carries_secret(request.path)
            assert not _carries_secret(repr(request))
        assert CANARY not in repr(provider)
        assert CANARY not in str(vars(provider))

    def test_another_kind_is_refused(self, ask_name: str) -> None:
        """A source of one kind never answers for another."""
        provider = self.provider()
        other = next(kind for kind in SignalKind if kind not in provider.info.kinds)

        with pytest.raises(KindMismatch, match=rf"not {other}"):
            provider.build_requests(replace(self.asks[ask_name], kind=other))

    # -- replies ---------------------------------------------------------------------------------------------------

    def test_a_good_reply_becomes_a_labelled_series(self, good_name: str) -> None:
        """Steps carry provider, zone, kind, fetch time and credit."""
        provider = self.provider()
        asked, bodies = self.good[good_name]
        series = provider.parse(asked, tuple(reply(body) for body in bodies))

        assert series
        assert series.signal.provider == provider.info.name
        assert series.signal.zone == asked.zone
        assert series.signal.kind is asked.kind
        assert series.signal.fetched_at == FETCHED
        assert series.signal.attribution.startswith(provider.info.attribution)
        assert series.signal.quality.rank == series.qualities.max()

    def test_a_byte_order_mark_is_no_obstacle(self, good_name: str) -> None:
        """Some proxies and spreadsheets put a mark in front of UTF-8."""
        provider = self.provider()
        asked, bodies = self.good[good_name]
        plain = provider.parse(asked, tuple(reply(body) for body in bodies))
        marked = provider.parse(asked, tuple(reply(b"\xef\xbb\xbf" + body) for body in bodies))

        assert marked == plain

    def test_an_outage_in_disguise_is_unavailable(self, empty_name: str) -> None:
        """An empty body or a web page with status 200 is an outage, not clean power."""
        asked, bodies = next(iter(self.good.values()))

        with pytest.raises(ProviderUnavailable):
            self.provider().parse(asked, tuple(reply(EMPTIES[empty_name]) for _ in bodies))

    def test_garbage_gives_domain_errors_only(self, garbage_name: str) -> None:
        """Whatever comes, the error is ours and names the provider."""
        provider = self.provider()
        asked, bodies = next(iter(self.good.values()))
        with pytest.raises(GridError, match=provider.info.name) as caught:
            provider.parse(asked, tuple(reply(GARBAGE[garbage_name]) for _ in bodies))

        assert len(caught.value.message) < 400
        assert CANARY not in str(caught.value)

    def test_a_partial_reply_is_refused(self) -> None:
        """Status 206 holds a part of the data that looks like all of it."""
        asked, bodies = next(iter(self.good.values()))

        with pytest.raises(GridError, match="partial"):
            self.provider().parse(asked, tuple(reply(body, status=206) for body in bodies))

    def test_cut_replies_never_crash(self, good_name: str) -> None:
        """A body cut at any byte parses to less or raises an error of ours."""
        provider = self.provider()
        asked, bodies = self.good[good_name]
        for cut in range(0, len(bodies[0]), max(1, len(bodies[0]) // 60)):
            damaged = (reply(bodies[0][:cut]), *(reply(body) for body in bodies[1:]))
            try:
                found = provider.parse(asked, damaged)
            except CarbonError:
                continue
            assert isinstance(found, Series)

    def test_explaining_garbage_never_crashes(self, garbage_name: str) -> None:
        """An error page of any content is explained or left to the common table."""
        asked = next(iter(self.asks.values()))
        for status in (400, 401, 403, 404, 429, 500, 503):
            error = self.provider().explain(asked, reply(GARBAGE[garbage_name], status=status))
            assert error is None or isinstance(error, GridError)


class SampledContract(ProviderContract):
    """The suite for a provider with recorded samples."""

    samples: ClassVar[dict[str, Ask]]
    """Sample files with an entry in expected.json, and the question each answers."""

    def expected(self, entry: dict[str, Any]) -> list[tuple[str, str, float]]:
        """Points of an entry of expected.json in the form of `Series`; override where a unit is turned round."""
        return [(p["start"], p["end"], p["value"]) for p in entry["points"]]

    @pytest.mark.shared
    def test_a_sample_parses_exactly_as_expected(self, sample: str) -> None:
        """Every point, its edges, value and quality, as the reference says."""
        folder = shared_dir("data", "samples")
        entry = json.loads((folder / "expected.json").read_text())[sample]
        series = self.provider().parse(self.samples[sample], (reply((folder / sample).read_bytes()),))
        want = self.expected(entry)

        assert len(series) == len(want)
        for (start, end, value, quality), (want_start, want_end, want_value), point in zip(
            series, want, entry["points"], strict=True
        ):
            assert (start, end) == (parse_instant(want_start), parse_instant(want_end))
            assert value == pytest.approx(want_value, abs=5e-5)
            if "forecast" in point:
                assert (quality is Quality.FORECAST) is point["forecast"]
            if "estimated" in point:
                assert (quality is Quality.ESTIMATED) is point["estimated"]
        if entry.get("points"):
            assert entry["signal"].startswith(str(series.signal.kind))
            for word in entry.get("basis", "").replace("CO2eq", "").split(","):
                assert word.strip() in {"", str(series.signal.scope), str(series.signal.perimeter)}


def _carries_secret(text: str) -> bool:
    encoded = [base64.b64encode(f"{pad}{CANARY}".encode()).decode()[4:-4] for pad in ("", "x", "xx", "user:", CANARY)]
    return CANARY in text or any(part in text for part in encoded)


__all__ = [
    "CANARY",
    "EMPTIES",
    "FETCHED",
    "GARBAGE",
    "ProviderContract",
    "Request",
    "SampledContract",
    "ask",
    "reply",
    "rows",
]

"""Base addresses: only places that may get a request with a credential in it."""

from __future__ import annotations

import pytest

from gridtide.domain.errors import ConfigurationError
from gridtide.grid.address import checked_base_url, host_of


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("https://api.example.org", "https://api.example.org"),
        ("https://api.example.org/v4/", "https://api.example.org/v4"),
        ("https://api.example.org:8443", "https://api.example.org:8443"),
        ("https://10.0.0.5/prom", "https://10.0.0.5/prom"),
        ("http://127.0.0.1:39121/uk", "http://127.0.0.1:39121/uk"),
        ("http://localhost:8080", "http://localhost:8080"),
        ("http://[::1]:8080", "http://[::1]:8080"),
    ],
)
def test_good_address_is_kept(given: str, kept: str) -> None:
    """Https anywhere, http on this machine, a path, a port of its own."""
    assert checked_base_url(given) == kept


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ("", "blanks or characters"),
        (" https://api.example.org", "blanks or characters"),
        ("https://api.example.org ", "blanks or characters"),
        ("https://api.example.org\r\nX: y", "blanks or characters"),
        ("http://api.example.org", "is not https"),
        ("ftp://api.example.org", "is not https"),
        ("file:///etc/passwd", "is not https"),
        ("api.example.org", "is not https"),
        ("https://user:hunter2@api.example.org", "user name or password"),
        ("https://good.example@evil.example", "user name or password"),
        ("https://api.example.org/?key=hunter2", "query or fragment"),
        ("https://api.example.org/#x", "query or fragment"),
        ("https://api.example.org:22", "port 22"),
        ("https://api.example.org:6379", "port 6379"),
        ("https://api.example.org:99999", "is not an address"),
        ("https://api.example.org/../x", "path"),
        ("https://", "host name"),
        ("https://169.254.169.254/latest", "link-local"),
        ("https://[fe80::1]", "link-local"),
        ("https://[::ffff:169.254.169.254]", "link-local"),
        ("https://[64:ff9b::a9fe:a9fe]", "link-local"),
        ("https://[2002:a9fe:a9fe::1]", "link-local"),
        ("https://224.0.0.1", "link-local"),
        ("https://0.0.0.0", "link-local"),
        ("https://2852039166", "a number"),
        ("https://0xa9fea9fe", "a number"),
        ("https://0251.0376.0251.0376", "a number"),
        ("https://169.254.43518", "a number"),
    ],
)
def test_bad_address_is_refused_by_name(given: str, why: str) -> None:
    """The message says what is wrong and never shows a password."""
    with pytest.raises(ConfigurationError, match=why) as caught:
        checked_base_url(given)

    assert "hunter2" not in f"{caught.value} {caught.value.hint} {caught.value.facts}"


def test_plain_http_to_a_private_network_has_to_be_allowed() -> None:
    """A Prometheus inside a cluster is often plain http; that is the administrator's word."""
    assert checked_base_url("http://prometheus.monitoring:9090", allow_http=True) == "http://prometheus.monitoring:9090"
    with pytest.raises(ConfigurationError, match="link-local"):
        checked_base_url("http://169.254.169.254", allow_http=True)


def test_limits_are_counted_per_base_address() -> None:
    """Case does not make another host; two sources behind one gateway are two."""
    assert host_of("https://API.example.org:8443/v4") == "api.example.org:8443/v4"
    assert host_of("https://gateway.example/uk") != host_of("https://gateway.example/eia")

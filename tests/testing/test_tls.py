"""The fake server speaks https, with certificates that are right or wrong on purpose."""

from __future__ import annotations

from pathlib import Path

import httpx2
import pytest

from gridtide.testing import FakeGridServer, wave_series
from gridtide.testing.certificates import certificate_for, find_openssl, server_context, trusting

pytestmark = pytest.mark.skipif(find_openssl() is None, reason="no openssl on the PATH; install it to run this test")


def ask(folder: Path, name: str, *, expired: bool = False, trusted: bool = True) -> int:
    certificate = certificate_for(folder, name, expired=expired)
    verify = trusting(certificate if trusted else None)
    with (
        FakeGridServer({"uk": wave_series()}, tls=server_context(certificate)) as server,
        httpx2.Client(verify=verify) as client,
    ):
        assert server.url.startswith("https://")
        return client.get(f"{server.base_url('uk')}/intensity").status_code


def test_right_certificate_is_accepted(tmp_path: Path) -> None:
    """Otherwise the refusals below would show nothing."""
    assert ask(tmp_path, "IP:127.0.0.1") == 200


@pytest.mark.parametrize(
    ("name", "expired", "trusted", "words"),
    [
        pytest.param("DNS:elsewhere.invalid", False, True, "IP address mismatch", id="another-host"),
        pytest.param("IP:127.0.0.1", True, True, "expired", id="expired"),
        pytest.param("IP:127.0.0.1", False, False, "self-signed", id="nobody-known"),
    ],
)
def test_wrong_certificate_is_refused_for_its_own_reason(
    tmp_path: Path, name: str, expired: bool, trusted: bool, words: str
) -> None:
    """Each kind of wrong certificate is wrong in its own way only."""
    with pytest.raises(httpx2.ConnectError, match=words):
        ask(tmp_path, name, expired=expired, trusted=trusted)

"""Requests reach public machines only, whatever a name, a spelling or a resolver tries (threat T7)."""

from __future__ import annotations

import http.server
import ipaddress
import ssl
import subprocess
import threading
from contextlib import contextmanager

import httpx2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gridtide.domain.errors import ConfigurationError
from gridtide.grid.transport import CheckedTransport, check_address, check_url

HINT = "give a public https address, for example https://hooks.example.org/gridtide"

BAD_URLS = [
    "http://hooks.example.org/",
    "ftp://hooks.example.org/",
    "file:///etc/passwd",
    "gopher://hooks.example.org:443/",
    "//hooks.example.org/",
    "hooks.example.org",
    "",
    " https://hooks.example.org/",
    "https://hooks.example.org/\r\nHost: internal",
    "https://hooks.example.org/a b",
    "https://hooks.example.org:22/",
    "https://hooks.example.org:80/",
    "https://hooks.example.org:6443/",
    "https://user@hooks.example.org/",
    "https://user:secret@hooks.example.org/",
    "https://hooks.example.org@169.254.169.254/",
    "https://hooks.example.org\\@127.0.0.1/",
    "https://127.0.0.1/",
    "https://127.1/",
    "https://2130706433/",
    "https://0x7f.1/",
    "https://0x7f000001/",
    "https://0177.0.0.1/",
    "https://017700000001/",
    "https://127.0.0.1./",
    "https://0/",
    "https://0.0.0.0/",
    "https://①②⑦.⓪.⓪.①/",
    "https://127。0。0。1/",
    "https://127%2e0%2e0%2e1/",
    "https://%31%32%37.0.0.1/",
    "https://10.0.0.1/",
    "https://172.16.0.1/",
    "https://192.168.1.1/",
    "https://100.64.0.1/",
    "https://169.254.169.254/latest/meta-data/",
    "https://168.63.129.16/",
    "https://192.0.0.192/",
    "https://198.18.0.1/",
    "https://224.0.0.1/",
    "https://255.255.255.255/",
    "https://[::1]/",
    "https://[::]/",
    "https://[::ffff:127.0.0.1]/",
    "https://[::ffff:a9fe:a9fe]/",
    "https://[::127.0.0.1]/",
    "https://[64:ff9b::a9fe:a9fe]/",
    "https://[64:ff9b::7f00:1]/",
    "https://[64:ff9b:1::a00:1]/",
    "https://[2002:a9fe:a9fe::]/",
    "https://[2002:7f00:1::]/",
    "https://[2001:0:4136:e378:8000:63bf:3fff:fdd2]/",
    "https://[2001:db8::1]/",
    "https://[fe80::1]/",
    "https://[fe80::1%25eth0]/",
    "https://[fec0::1]/",
    "https://[fc00::1]/",
    "https://[fd00:ec2::254]/",
    "https://[ff02::1]/",
    "https://[2606:4700::5efe:a00:1]/",
    "https://[2606:4700:0:0:0:5efe:7f00:1]/",
    "https://-bad.example.org/",
    "https://ex*mple.org/",
    "https://" + "a" * 300 + ".org/",
    "https://a..b/",
]


def resolver(*addresses, calls=None):
    """A name service that knows one answer."""

    async def answer(host, port):
        if calls is not None:
            calls.append(host)
        return addresses

    return answer


class TestAddresses:
    @pytest.mark.parametrize("url", BAD_URLS)
    def test_the_bypass_corpus_is_refused_without_a_connection(self, url):
        """Schemes, ports, users, spellings of this machine, metadata, tunnels: our own error, nothing else."""
        with pytest.raises(ConfigurationError) as caught:
            check_url(url)

        assert caught.value.hint == HINT
        assert "secret" not in caught.value.message

    @pytest.mark.parametrize(
        "url",
        [
            "https://hooks.example.org/a?b=c#d",
            "https://hooks.example.org:8443/",
            "https://1.1.1.1/",
            "https://[2606:4700:4700::1111]/",
            "https://[64:ff9b::101:101]/",
            "https://[::ffff:1.1.1.1]/",
            "https://xn--bcher-kva.example/",
            "https://bücher.example/",
        ],
    )
    def test_public_addresses_pass(self, url):
        """Names, plain literals, and the NAT64 form of a public address."""
        assert check_url(url).scheme == "https"

    @given(st.ip_addresses())
    @settings(max_examples=100, deadline=None)
    def test_nothing_the_standard_library_calls_private_passes(self, address):
        """Our list is at least as strict as `ipaddress` for every address."""
        if address.is_private or address.is_multicast or address.is_reserved or address.is_loopback:
            in_nat64 = address.version == 6 and address in ipaddress.ip_network("64:ff9b::/96")
            if not in_nat64 and getattr(address, "ipv4_mapped", None) is None:
                with pytest.raises(ConfigurationError):
                    check_address(address, "x")


@contextmanager
def server(handler, context=None):
    """A real server on this machine; gives its port."""
    httpd = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    if context is not None:
        httpd.socket = context.wrap_socket(httpd.socket, server_side=True)
    thread = threading.Thread(target=httpd.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield httpd.server_address[1]
    finally:
        httpd.shutdown()
        thread.join()
        httpd.server_close()


class Echo(http.server.BaseHTTPRequestHandler):
    """Answers with the Host header it got; ``/away`` redirects."""

    def do_GET(self):
        if self.path == "/away":
            self.send_response(302)
            self.send_header("Location", "http://169.254.169.254/")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        body = self.headers["Host"].encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        """Quiet."""


async def get(url, transport):
    async with httpx2.AsyncClient(transport=transport, follow_redirects=True) as client:
        return await client.get(url)


class TestResolving:
    @pytest.mark.parametrize(
        "addresses",
        [
            ("10.0.0.7",),
            ("1.1.1.1", "10.0.0.7"),
            ("2606:4700:4700::1111", "::1"),
            ("1.1.1.1", "64:ff9b::a9fe:a9fe"),
            ("::ffff:169.254.169.254",),
        ],
    )
    async def test_one_bad_address_refuses_the_name(self, addresses):
        """Every address is checked, not the first one only."""
        with pytest.raises(ConfigurationError, match=r"'hooks\.example\.org' is refused: its address"):
            await get("https://hooks.example.org/", CheckedTransport(resolver=resolver(*addresses)))

    async def test_a_rebinding_name_is_asked_once_and_the_checked_address_used(self):
        """The second answer of a name server that changes its mind is never seen."""
        answers = [("127.0.0.1",), ("169.254.169.254",)]
        asked = []

        async def rebinding(host, port):
            asked.append(host)
            return answers[len(asked) - 1]

        with server(Echo) as port:
            transport = CheckedTransport(resolver=rebinding, allow_loopback=True)
            response = await get(f"http://localhost:{port}/", transport)
            assert response.status_code == 200
            assert asked == ["localhost"]
            with pytest.raises(ConfigurationError, match="link-local"):
                await get(f"http://localhost:{port}/", transport)

    async def test_a_redirect_is_refused_even_if_the_client_would_follow(self):
        """It would name an address nobody checked."""
        with server(Echo) as port:
            transport = CheckedTransport(allow_loopback=True)
            with pytest.raises(ConfigurationError, match="302, a redirect, which is never followed"):
                await get(f"http://127.0.0.1:{port}/away", transport)

    @pytest.mark.parametrize("failure", [OSError("no"), TimeoutError(), UnicodeError("idna")])
    async def test_a_name_that_does_not_resolve_is_a_passing_fault(self, failure):
        """The client sees the error it knows how to retry."""

        async def broken(host, port):
            raise failure

        with pytest.raises(httpx2.ConnectError, match="does not resolve"):
            await get("https://hooks.example.org/", CheckedTransport(resolver=broken))

    async def test_no_address_is_a_passing_fault_too(self):
        """An empty answer is no permission."""
        with pytest.raises(httpx2.ConnectError, match="has no address"):
            await get("https://hooks.example.org/", CheckedTransport(resolver=resolver()))

    async def test_a_list_of_hosts_is_kept(self):
        """A public name outside the list is not even resolved."""
        calls = []
        transport = CheckedTransport(
            resolver=resolver("1.1.1.1", calls=calls), allowed_hosts=frozenset({"hooks.example.org"})
        )
        with pytest.raises(ConfigurationError, match="not on the list of allowed hosts"):
            await get("https://hooks.example.com/", transport)

        assert calls == []


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """A certificate for hooks.example.org that only this test trusts."""
    folder = tmp_path_factory.mktemp("tls")
    command = (
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -keyout key.pem -out cert.pem "
        "-subj /CN=hooks.example.org -addext subjectAltName=DNS:hooks.example.org"
    )
    try:
        subprocess.run(command.split(), cwd=folder, check=True, capture_output=True)
    except FileNotFoundError:
        pytest.skip("openssl is not here; it makes the certificate of this test")
    return folder / "cert.pem", folder / "key.pem"


class TestTls:
    async def test_certificate_and_host_are_those_of_the_name_and_the_connection_that_of_the_address(self, certificate):
        """SNI, certificate check and Host header keep the name although the connection goes to a number."""
        cert, key = certificate
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(cert, key)
        names = []
        context.sni_callback = lambda sock, name, ctx: names.append(name)
        trust = ssl.create_default_context(cafile=cert)
        with server(Echo, context) as port:
            transport = CheckedTransport(resolver=resolver("127.0.0.1"), allow_loopback=True, verify=trust)
            response = await get(f"https://hooks.example.org:{port}/", transport)
            assert response.text == f"hooks.example.org:{port}"
            assert names == ["hooks.example.org"]

            with pytest.raises(httpx2.ConnectError, match="hostname|certificate"):
                await get(f"https://other.example.org:{port}/", transport)

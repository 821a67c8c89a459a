"""A credential appears nowhere: not in answers, words, errors, records or kept files, whatever goes wrong (I11)."""

import base64
import json
import urllib.parse

import pytest

from gridtide.testing.faults import Fault
from gridtide.testing.server import FakeGridServer

CANARY = "cAnary+0123/456789=="
KEYED = {
    "electricitymaps": ("DE", {"ELECTRICITYMAPS_API_KEY": CANARY}),
    "eia": ("US-CAL-CISO", {"EIA_API_KEY": CANARY}),
    "entsoe": ("DE", {"ENTSOE_API_KEY": CANARY}),
    "watttime": ("aws:us-west-1", {"WATTTIME_USER": "user", "WATTTIME_PASSWORD": CANARY}),
    "pjm": ("US-MIDA-PJM", {"PJM_API_KEY": CANARY}),
    "openelectricity": ("AU-NSW", {"OPENELECTRICITY_API_KEY": CANARY}),
}
ECHO = f"<html><body>no access for {CANARY}</body></html>"
FAULTS = {
    "a good answer": None,
    "401": Fault.status(401),
    "500": Fault.status(500),
    "a page that echoes the key": Fault.body(ECHO, status=403, content_type="text/html"),
    "rubbish that echoes the key": Fault.body(f'{{"error": "{CANARY}"}}'),
    "a reset": Fault.reset(),
    "a redirect elsewhere": Fault.redirect(f"https://elsewhere.example/?key={urllib.parse.quote(CANARY)}"),
}
QUICK = {
    ("electricitymaps", "a good answer"),
    ("electricitymaps", "401"),
    ("electricitymaps", "a page that echoes the key"),
    ("eia", "rubbish that echoes the key"),
    ("eia", "a redirect elsewhere"),
    ("watttime", "401"),
    ("watttime", "a page that echoes the key"),
}
SPELLINGS = {
    CANARY,
    urllib.parse.quote(CANARY),
    urllib.parse.quote(CANARY, safe=""),
    urllib.parse.quote_plus(CANARY),
    urllib.parse.quote(CANARY, safe="").lower().replace("canary", "cAnary"),
    json.dumps(f"{CANARY}/")[1:-2],
    base64.b64encode(f"user:{CANARY}".encode()).decode(),
    base64.b64encode(CANARY.encode()).decode(),
}


def found_in(text):
    return [spelling for spelling in SPELLINGS if spelling in text]


CASES = [
    pytest.param(provider, fault, marks=[] if (provider, fault) in QUICK else [pytest.mark.slow])
    for provider in KEYED
    for fault in FAULTS
]


@pytest.mark.parametrize(("provider", "fault"), CASES)
def test_no_credential_is_written_or_said(run, newcomer, monkeypatch, caplog, *, provider, fault):
    """Looked for in the answer, in every word of the log at its most talkative, and in every file that was left."""
    zone, credentials = KEYED[provider]
    for name, value in credentials.items():
        monkeypatch.setenv(name, value)
    caplog.set_level("DEBUG")
    with FakeGridServer() as server:
        if FAULTS[fault] is not None:
            server.fault(provider, FAULTS[fault])
        monkeypatch.setenv(f"GRIDTIDE_PROVIDERS__{provider.upper()}__BASE_URL", server.base_url(provider))
        said = run("now", "--zone", zone, "--provider", provider, "--json")
        asked = len(server.log)
    left = [p.read_bytes().decode("utf-8", "replace") for p in newcomer.parent.rglob("*") if p.is_file()]

    assert asked
    assert found_in(said.out + said.err) == []
    assert found_in(caplog.text) == []
    assert [spellings for text in left if (spellings := found_in(text))] == []


def test_the_configuration_in_force_is_shown_without_it(run, newcomer, monkeypatch):
    """Neither the table nor the object for programs holds it, and doctor does not either."""
    for name, value in (pair for _, credentials in KEYED.values() for pair in credentials.items()):
        monkeypatch.setenv(name, value)
    for command in (("config", "show", "--all"), ("config", "show", "--json"), ("doctor", "--offline")):
        result = run(*command)

        assert found_in(result.out + result.err) == []


def test_it_would_be_found():
    """The search knows how each provider sends its key."""
    sent = f"Authorization: Basic {base64.b64encode(f'user:{CANARY}'.encode()).decode()}"

    assert found_in(sent)
    assert found_in(f"https://x.example/?api_key={urllib.parse.quote_plus(CANARY)}")

"""``gridtide data import`` fills a file that the other commands read."""

from datetime import UTC, datetime, timedelta

import pytest

from gridtide.domain.series import Series
from gridtide.domain.signal import Scope, Signal, SignalKind
from gridtide.testing.clock import FakeClock
from gridtide.testing.faults import Fault
from gridtide.testing.server import FakeGridServer

START = datetime(2026, 1, 1, tzinfo=UTC)
UK = Signal(SignalKind.AVERAGE, provider="uk", zone="GB", scope=Scope.DIRECT)
TRUTH = Series.steps(UK, START, timedelta(minutes=30), [200.0] * 48 * 20 + [50.0] * 48 * 10)
WINDOW = ("--from", "2026-01-02T00:00Z", "--to", "2026-01-27T00:00Z")


def test_a_year_like_import_feeds_a_plan(run, monkeypatch):
    """The imported file is read back by `plan`, which finds the clean days."""
    with FakeGridServer({"uk": TRUTH}, clock=FakeClock(START + timedelta(days=29))) as server:
        monkeypatch.setenv("GRIDTIDE_PROVIDERS__UK__BASE_URL", server.base_url("uk"))
        result = run("data", "import", "uk", "GB", *WINDOW, "--out", "gb.csv", "--json")
    planned = run(
        "plan", "--series", "gb.csv", "--at", "2026-01-20T12:00Z", "--duration", "1h", "--max-delay", "24h", "--json"
    )

    assert (result.code, result.json["values"]) == (0, 25 * 48)
    assert result.json["schema"] == "gridtide.data/1"
    assert planned.json["decision"]["start"] == "2026-01-21T00:00:00Z"
    assert planned.json["decision"]["mean_g_per_kwh"] == 50.0


def test_progress_is_told_on_stderr(run, monkeypatch):
    """Without a terminal the last line says that all pieces are there."""
    with FakeGridServer({"uk": TRUTH}, clock=FakeClock(START + timedelta(days=29))) as server:
        monkeypatch.setenv("GRIDTIDE_PROVIDERS__UK__BASE_URL", server.base_url("uk"))
        result = run("data", "import", "uk", "GB", *WINDOW, "--out", "gb.csv")

    assert "uk GB: 2 of 2" in result.err
    assert "credit" in result.out


def test_a_zone_that_the_provider_does_not_have_ends_it(run, monkeypatch):
    """A provider that is down ends the command with its own exit code and no finished file."""
    with FakeGridServer({"uk": TRUTH}, clock=FakeClock(START + timedelta(days=29))) as server:
        server.fault("uk", Fault.status(404))
        monkeypatch.setenv("GRIDTIDE_PROVIDERS__UK__BASE_URL", server.base_url("uk"))
        result = run("data", "import", "uk", "GB", *WINDOW, "--out", "gb.csv")

    assert result.code == 69
    assert "hint: `gridtide zones` lists what each provider covers\n" in result.err


def test_a_failure_says_how_to_go_on(run, monkeypatch):
    """A provider that is not there may be there later."""
    with FakeGridServer({"uk": TRUTH}, clock=FakeClock(START + timedelta(days=29))) as server:
        monkeypatch.setenv("GRIDTIDE_PROVIDERS__UK__BASE_URL", server.base_url("uk"))
    result = run("data", "import", "uk", "GB", *WINDOW, "--out", "gb.csv")

    assert result.code == 69
    assert "hint: what was fetched is kept; the same command goes on from there\n" in result.err


def test_an_unknown_source_is_suggested(run):
    """A typing error names the nearest source."""
    result = run("data", "import", "uuk", "GB")

    assert result.code != 0
    assert "uk" in result.err


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (("--signal", "foo"), "--signal is 'foo'; uk has: average"),
        (("--signal", "marginal"), "--signal is 'marginal'; uk has: average"),
        (("--from", "2026-13-01"), "--from '2026-13-01' is not a time"),
        (("--from", "2026-02-01T00:00Z", "--to", "2026-01-01T00:00Z"), "--from 2026-02-01T00:00Z is not before --to"),
        (("--days", "0"), "--days is '0'; allowed: a whole number from 1 to 3660"),
    ],
    ids=["kind-unknown", "kind-of-another-source", "no-time", "ends-before-start", "no-days"],
)
def test_what_cannot_be_fetched_is_refused_by_its_flag(run, flags, message):
    """Before anything is asked; a kind that the source does not have is not replaced in silence."""
    result = run("data", "import", "uk", "GB", *flags)

    assert result.code == 2
    assert result.err.startswith(f"error: {message}")


def test_the_group_alone_shows_its_help(run):
    """On stdout, and that is no error."""
    result = run("data")

    assert result.code == 0
    assert "import  Fetch history piece by piece" in result.out

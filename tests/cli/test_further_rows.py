"""
Rows of the bad-input catalogue that were written for REST and for clusters, at the doors that stand today.

The same inputs arrive here by JSON settings, flags, Python and the event bus (rows B34 to B42, B47 to B51, B53 to B55
and B62). Rows that need a server or a cluster have no door yet: B43 to B46, B52, B56 to B61 and B63 to B65.
"""

import asyncio
import json
from datetime import timedelta

import pytest

from gridtide.accounting.budget import Budget
from gridtide.api.request import WorkRequest
from gridtide.config.load import load_settings
from gridtide.domain.errors import ConfigurationError, InvalidInput
from gridtide.grid.events import Event, EventBus, EventType
from gridtide.ledger.budgets import BudgetBook
from gridtide.simulation.trace_exports import read_kubernetes
from support import T0

NOW = ("--method", "run-now", "--duration", "1h", "--max-delay", "1h")


@pytest.fixture
def refused(tmp_path):
    """Read a JSON settings file with that text and return the refusal."""

    def read(text):
        path = tmp_path / "gridtide.json"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        with pytest.raises(ConfigurationError) as caught:
            load_settings([path])
        return caught.value.message

    return read


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("provider: static", "gridtide.json:1:1: "),
        ('{"provider": "static"} {"zone": "DE"}', "gridtide.json:1:24: "),
        ("[1, 2]", "holds a list; allowed: settings by name"),
        ("null 1", "gridtide.json:1:6: "),
    ],
    ids=["no-json", "two-roots", "list", "two-values"],
)
def test_b34_a_document_that_is_no_object_is_refused(refused, text, why):
    """With its place; an empty one is no settings at all."""
    assert why in refused(text)


def test_b34_an_empty_document_sets_nothing(tmp_path):
    """As an empty file does in TOML and YAML."""
    (tmp_path / "gridtide.json").write_text("")

    assert load_settings([tmp_path / "gridtide.json"]).provider == "auto"


@pytest.mark.parametrize("word", ["NaN", "Infinity", "-Infinity"])
def test_b35_a_word_for_no_number_is_refused(refused, word):
    """JSON has none of them."""
    assert refused(f'{{"thresholds": {{"elastic": {word}}}}}').endswith(f"{word} is not a number")


@pytest.mark.parametrize(
    "number", ["1e400", "-1e400", "true", '"5"', "9" * 30, "9" * 400], ids=lambda text: f"{text[:6]}-{len(text)}"
)
def test_b35_a_number_that_is_none_is_refused(refused, number):
    """Neither taken for another number nor answered with a fault of ours."""
    message = refused(f'{{"thresholds": {{"elastic": {number}}}}}')

    assert message.startswith("thresholds.elastic is ")
    assert "allowed: a number from 0 to 5000 gCO2eq/kWh" in message


DIGITS = "9" * 5000
THOUSANDS = {
    "json-number": (".json", f'{{"thresholds": {{"elastic": {DIGITS}}}}}'),
    "json-integer": (".json", f'{{"fetch": {{"retries": {DIGITS}}}}}'),
    "toml-number": (".toml", f"[thresholds]\nelastic = {DIGITS}\n"),
    "toml-option": (".toml", f"[providers.uk.options]\nany = {DIGITS}\n"),
    "yaml-number": (".yaml", f"thresholds:\n  elastic: {DIGITS}\n"),
    "yaml-integer": (".yaml", f"fetch:\n  retries: {DIGITS}\n"),
}


@pytest.mark.parametrize(("suffix", "text"), THOUSANDS.values(), ids=THOUSANDS)
def test_b35_a_number_of_thousands_of_digits_is_refused_in_every_format(tmp_path, suffix, text):
    """Python reads no such number, and we do not fall over that."""
    path = tmp_path / f"gridtide{suffix}"
    path.write_text(text)
    with pytest.raises(ConfigurationError) as caught:
        load_settings([path])

    assert len(caught.value.message) < 400


@pytest.mark.parametrize("number", ["-0", "-0.0", "1e-400", "0"])
def test_b35_every_way_to_write_zero_is_zero(tmp_path, number):
    """Zero is a bound like any other."""
    (tmp_path / "gridtide.json").write_text(f'{{"thresholds": {{"elastic": {number}}}}}')

    assert load_settings([tmp_path / "gridtide.json"]).thresholds.elastic == 0.0


def test_b36_a_document_of_more_than_its_limit_is_not_read(refused):
    """The limit is said; nothing that large is parsed."""
    assert "allowed: at most 262144" in refused(" " * (1024 * 1024 + 1))


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('{"a":' * 40_000, "nested"),
        ("[" * 100_000, "nested"),
        ('{"provider": "static", "provider": "replay"}', "stands twice"),
        (json.dumps({f"key{i}": 1 for i in range(15_000)}), "unknown setting 'key0'"),
        ('{"provider": "\\ud800"}', "provider is"),
        ('{"zone": "D\\u0000E"}', "zone"),
        (b'{"zone": "\xff"}', "UTF-8"),
    ],
    ids=["objects", "arrays", "key-twice", "many-keys", "surrogate", "nul", "encoding"],
)
def test_b37_a_document_that_could_surprise_is_refused(refused, text, why):
    """Deep, repeated, endless or unprintable."""
    assert why in refused(text)


@pytest.mark.parametrize(("name", "near"), [("deadine", "deadline"), ("durration", "duration")])
def test_b38_a_misspelt_field_of_a_request_is_answered_with_the_nearest(name, near):
    """An unknown keyword is never dropped."""
    with pytest.raises(InvalidInput) as caught:
        WorkRequest.of("elastic", {name: "1h"})

    assert caught.value.message == f"{name!r} is no detail of work"
    assert caught.value.hint == f"did you mean {near}?"


@pytest.mark.parametrize("identifier", ["'; DROP TABLE outcomes; --", "../../etc/passwd", "%00", "x" * 5000, "🌙"])
def test_b39_an_id_that_is_none_finds_nothing(run, series, identifier):
    """It is looked up as it stands, and what is recorded stays."""
    run("run", "--series", series, "--at", "2026-01-01T00:00Z", *NOW, "--", "true")
    result = run("explain", "--id", identifier)

    assert result.code == 65
    assert result.err.startswith("error: no run with the id ")
    assert len(result.err) < 300
    assert len(run("explain", "--json").json["runs"]) == 1


@pytest.mark.parametrize("count", ["0", "-1", "1000000000", "1.5", "all"])
def test_b40_a_number_of_rows_out_of_bounds_is_refused(run, count):
    """The bounds are said."""
    result = run("explain", "--last", count)

    assert result.code == 2
    assert "allowed: a whole number from 1 to 1000" in result.err


def test_b41_one_key_has_one_effect(tmp_path):
    """The same reservation asked for again is the same one; it is not counted twice."""
    book = BudgetBook(tmp_path / "budgets.sqlite3")
    team = Budget(name="team", grams=1000, period=timedelta(days=1))
    first = book.admit(team, "key", 600, now=T0)
    second = book.admit(team, "key", 600, now=T0)

    assert first.admitted
    assert second.admitted
    (period,) = book.totals(team, now=T0 + timedelta(hours=1), periods=1)
    assert period.grams <= 600


def test_b42_a_run_that_is_over_is_not_begun_again(run, series):
    """Neither under the same key nor by asking twice."""
    asked = ("run", "--series", series, "--at", "2026-01-01T00:00Z", *NOW, "--once", "k", "--name", "etl")
    codes = [run(*asked, "--", "true").code for _ in range(3)]

    assert codes == [0, 75, 75]


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (("data", "import", "uk", "GB", "--from", "2026-02-01T00:00Z", "--to", "2026-01-01T00:00Z"), "is not before"),
        (("forecast", "--provider", "static", "--zone", "DE", "--ahead", "3650d"), "is longer than 400 days"),
        (("forecast", "--provider", "static", "--zone", "DE", "--ahead", "30d"), "is longer than 14 days"),
        (("data", "import", "uk", "GB", "--days", "36500"), "allowed: a whole number from 1 to 3660"),
    ],
    ids=["reversed", "ten-years", "a-month", "a-century"],
)
def test_b47_a_stretch_of_time_that_cannot_be_meant_is_refused(run, argv, message):
    """Reversed or far too long."""
    result = run(*argv)

    assert result.code == 2
    assert message in result.err


def test_b47_more_regions_than_exist_are_answered_one_by_one(run):
    """A thousand names, nearly all unknown, end in rows and no fault."""
    answer = run("compare", "DE", "FR", *(f"zone{i}" for i in range(200)), "--provider", "static", "--json").json

    assert len(answer["regions"]) == 202
    assert sum(row["problem"] is None for row in answer["regions"]) == 2


def test_b48_one_bad_row_of_a_file_is_named_and_the_rest_not_used(run, newcomer):
    """All or nothing, with row and column."""
    rows = [f"2026-01-{day:02}T00:00Z,{100 + day}" for day in range(1, 29)]
    rows[16] = "2026-01-17T00:00Z,many"
    (newcomer / "bad.csv").write_text("time,value\n" + "\n".join(rows) + "\n")
    result = run("now", "--series", "bad.csv", "--at", "2026-01-02T00:00Z")

    assert result.code == 65
    assert result.err.startswith("error: bad.csv:18:")
    assert result.out == ""


@pytest.mark.parametrize(
    ("name", "code"),
    [("🌙 nightly", 0), ("<script>alert(1)</script>", 0), ('=HYPERLINK("http://x")', 0), ("\u202eevil", 2),
     ("x" * 10_000, 2), ("", 2)],
    ids=["emoji", "script", "formula", "right-to-left", "long", "empty"],
)  # fmt: skip
def test_b49_a_name_is_kept_as_it_is_or_refused(run, series, name, code):
    """Up to 253 printable characters, stored raw, found again."""
    result = run("run", "--series", series, "--at", "2026-01-01T00:00Z", *NOW, "--name", name, "--", "true")

    assert result.code == code
    if code == 0:
        assert run("explain", "--json").json["runs"][0]["name"] == name
    else:
        assert "--name" in result.err


@pytest.mark.parametrize(
    ("power", "message"),
    [
        ("-1", "--power is -1.0; allowed: zero or more"),
        ("nan", "--power is nan; allowed: zero or more"),
        ("1e9", "--power is 1e+09 W, more than a data centre; allowed: up to 1e+08 W"),
        ("350W", "--power is '350W'; allowed: a number"),
    ],
    ids=["negative", "nan", "gigawatt", "unit"],
)
def test_b50_a_power_that_cannot_be_is_refused(run, given, power, message):
    """A job of a gigawatt is a wrong unit."""
    result = run("plan", *given, "--duration", "1h", "--power", power)

    assert result.code == 2
    assert result.err.startswith(f"error: {message}\n")


def test_b50_no_power_is_a_power(run, given):
    """Zero grams, not unknown ones."""
    decision = run("plan", *given, "--duration", "1h", "--power", "0", "--json").json["decision"]

    assert decision["emissions_g"] == 0.0


def test_b51_a_reader_that_never_reads_is_dropped():
    """Its queue is bounded, and nobody else waits for it."""

    async def flood():
        bus = EventBus()
        silent = bus.subscribe(size=4)
        for k in range(100):
            bus.publish(Event(type=EventType.INTENSITY_UPDATED, at=T0, zone="GB", data={"value": float(k)}))
        return silent.dropped, len(bus)

    assert asyncio.run(flood()) == (True, 0)


@pytest.mark.parametrize(
    ("flags", "latest"),
    [
        (("--finish-by", "06:00", "--max-delay", "2h"), "2026-01-01T02:00:00Z"),
        (("--finish-by", "03:00", "--max-delay", "9h"), "2026-01-01T02:00:00Z"),
        ((), "2026-01-02T00:00:00Z"),
    ],
    ids=["both-delay-first", "both-deadline-first", "neither"],
)
def test_b53_the_earlier_of_deadline_and_longest_wait_counts(run, given, flags, latest):
    """Neither leaves the wait unbounded: the setting does that."""
    answer = run("plan", *given, "--duration", "1h", *flags, "--json").json

    assert answer["decision"]["latest_start"] == latest


def test_b54_work_that_is_longer_than_its_time_runs_at_once(run, given):
    """Said as infeasible where it was asked for, refused otherwise."""
    asked = ("plan", *given, "--duration", "9h", "--finish-by", "03:00")
    refused = run(*asked)
    decision = run(*asked, "--best-effort", "--json").json["decision"]

    assert refused.code == 65
    assert (decision["action"], decision["reason"]) == ("run", "deadline-infeasible")


def test_b55_a_bound_that_is_never_reached_gives_way_to_the_latest_start(run, series, newcomer):
    """Work is never stranded by it, and the answer says that the bound was passed."""
    (newcomer / "dirty.csv").write_text("time,value\n" + "".join(f"2026-01-01T{h:02}:00Z,400\n" for h in range(24)))
    asked = ("--series", "dirty.csv", "--at", "2026-01-01T00:00Z", "--duration", "1h", "--finish-by", "06:00")
    answer = run("plan", *asked, "--threshold", "10", "--json").json

    assert answer["decision"]["start"] <= "2026-01-01T05:00:00Z"
    assert any("is above the threshold of 10" in warning for warning in answer["warnings"])


class Rows(list):
    """Takes rows as a trace does, and keeps what each became."""

    def take(self, read):
        self.append(read())

    def names_clusters(self):
        return False


def kubernetes_job(cpu, memory):
    """A finished job that asked for that."""
    asked = {"resources": {"requests": {"cpu": cpu, "memory": memory}}}
    status = {"startTime": "2026-01-02T06:00:00Z", "completionTime": "2026-01-02T07:00:00Z"}
    meta = {"name": "etl", "creationTimestamp": "2026-01-02T06:00:00Z"}
    return {"metadata": meta, "spec": {"template": {"spec": {"containers": [asked]}}}, "status": status}


def test_b62_a_quantity_is_read_exactly():
    """A gibibyte is more than a gigabyte, and a thousandth of a core is one."""
    rows = Rows()
    asked = [("1", "10G"), ("1", "10Gi"), ("1000m", "10G"), ("0.0001m", "0")]
    read_kubernetes("jobs.json", {"items": [kubernetes_job(*pair) for pair in asked]}, rows)
    decimal, binary, thousandths, least = (row.power_w for row in rows)

    assert decimal < binary
    assert decimal == thousandths
    assert 0 < least < 1e-3


@pytest.mark.parametrize("quantity", ["-1", "1e30", "10 Gi", "Gi", "NaN", "0x10", "1,5"])
def test_b62_a_quantity_that_is_none_is_refused(quantity):
    """It never wraps round or becomes another number."""
    with pytest.raises(InvalidInput, match="is no Kubernetes quantity"):
        read_kubernetes("jobs.json", {"items": [kubernetes_job(quantity, "1G")]}, Rows())

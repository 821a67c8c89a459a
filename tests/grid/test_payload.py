"""Strict reading of JSON, CSV and times."""

from __future__ import annotations

import math
from datetime import UTC
from zoneinfo import ZoneInfo

import pytest

from gridtide.domain.errors import MalformedPayload, ProviderUnavailable
from gridtide.domain.instants import parse_instant, to_ns
from gridtide.grid import local_time, payload
from provider_contract import reply


def test_numbers_that_json_does_not_have_become_floats_that_are_not_finite() -> None:
    """One of them costs a value, not the reply."""
    tree = payload.read_json(reply('{"a": [NaN, -Infinity, 1e400, ' + "9" * 5000 + "]}"), "demo")

    assert isinstance(tree, dict)
    assert not any(math.isfinite(value) for value in tree["a"])


@pytest.mark.parametrize("body", ["{}", "[]", "null"])
def test_an_empty_tree_is_an_outage(body: str) -> None:
    """Success without content."""
    with pytest.raises(ProviderUnavailable, match=r"^demo: reply is .* \(status 200\)$"):
        payload.read_json(reply(body), "demo")


def test_an_error_beside_data_is_no_outage() -> None:
    """Some APIs always send the field."""
    assert payload.read_json(reply('{"error": "partial", "data": [1]}'), "demo") == {"error": "partial", "data": [1]}


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("a,a\n1,2\n", "column 'a' stands twice in the header"),
        ("b\n1\n", "column 'a' is missing; the header has: b"),
        ("a\n1,2\n", "line 2 has 2 cells, the header 1"),
        ('a\n"open', "line 2 is not CSV"),
        ("a\n1\0\n", "reply holds a zero byte"),
        ("a\n" + "x" * 200_000 + "\n", "line 2 is not CSV: field larger than field limit"),
    ],
    ids=["twice", "missing", "long row", "quote", "zero byte", "long cell"],
)
def test_tables_of_another_shape_are_refused(body: str, message: str) -> None:
    """With line or column."""
    with pytest.raises(MalformedPayload, match=f"^demo: {message}"):
        payload.read_csv(reply(body), "demo", ("a",))


def test_cells_are_stripped_blank_lines_skipped_and_short_rows_short() -> None:
    """As the files of system operators come."""
    assert payload.read_csv(reply(" a , b\r\n 1 ,2\r\n,\r\n3\r\n"), "demo", ("a",)) == [
        {"a": "1", "b": "2"},
        {"a": "3"},
    ]


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        ("5", 5.0),
        (" -4.5 ", -4.5),
        ("1e3", 1000.0),
        (".5", 0.5),
        ("\u22125", -5.0),
        ("", None),
        ("  ", None),
        (5, 5),
        (None, None),
    ],
    ids=repr,
)
def test_numbers_in_cells(cell: object, value: object) -> None:
    """Blank is null; what is no text stays as it is."""
    assert payload.text_number(cell) == value


@pytest.mark.parametrize("cell", ["x", "1,5", "0x10", "1_000", "--5", "5 MW", "\u0665\u0665"], ids=ascii)
def test_cells_that_are_no_numbers_stay_text(cell: str) -> None:
    """So that they are rejected by type."""
    assert payload.text_number(cell) == cell


@pytest.mark.parametrize("cell", ["NaN", "inf", "-Infinity", "+Inf"])
def test_cells_that_are_not_finite(cell: str) -> None:
    """Infinity with a sign is text to be rejected either way."""
    value = payload.text_number(cell)

    assert isinstance(value, str) or math.isnan(value)  # type: ignore[arg-type]


def test_an_error_body_is_read_without_ever_raising() -> None:
    """It is only asked for more words."""
    assert payload.error_object(reply('{"error": "x"}', status=400)) == {"error": "x"}
    for body in (b"[1]", b"\xff", b"[" * 100_000, b"", b"<html>"):
        assert payload.error_object(reply(body, status=400)) == {}


def test_values_in_messages_are_short_and_printable() -> None:
    """A reply of megabytes, a control character and a lone surrogate do no harm."""
    assert payload.shorten("x" * 100) == "'" + "x" * 36 + "..."
    assert payload.shorten([1] * 10**6) == "list of 1000000"
    payload.shorten("\ud800\x1b[31m").encode("utf-8")
    with pytest.raises(MalformedPayload) as caught:
        payload.member({"\ud800\x1b": 1}, "data", "demo")
    caught.value.message.encode("utf-8")


def test_clock_times_in_a_named_zone() -> None:
    """Only text without an offset, and the second pass of the repeated hour."""
    berlin = ZoneInfo("Europe/Berlin")
    first = payload.local_ns("2026-10-25T02:30", berlin)
    second = payload.local_ns("2026-10-25T02:30", berlin, fold=1)

    assert first == to_ns(parse_instant("2026-10-25T00:30Z"))
    assert second == to_ns(parse_instant("2026-10-25T01:30Z"))
    assert payload.local_ns("2026-01-01T00:00Z", UTC) is None
    assert payload.local_ns("2026-01-01T00:00+01:00", UTC) is None
    assert payload.local_ns(5, UTC) is None


@pytest.mark.parametrize("text", ["25:00", "x", "", "10:00Z", "10:00+01:00"])
def test_clock_times_that_are_none(text: str) -> None:
    """A label with an offset is not what was agreed."""
    assert local_time.clock_time(parse_instant("2026-01-01T00:00Z").date(), text) is None


def test_a_day_of_another_century_is_none() -> None:
    """Its next midnight may not exist."""
    from datetime import date

    assert local_time.clock_time(date(9999, 12, 31), "24:00") is None


def test_the_midnight_that_ends_a_day_is_the_next_day() -> None:
    """24:00, with or without seconds."""
    day = parse_instant("2026-01-01T00:00Z").date()

    assert (
        str(local_time.clock_time(day, "24:00")) == str(local_time.clock_time(day, "24:00:00")) == "2026-01-02 00:00:00"
    )


@pytest.mark.parametrize("text", ["2026-02-30T00:00", "2026-01-01T00:61"])
def test_local_times_that_never_are(text: str) -> None:
    """The form is right, the date is not."""
    assert payload.local_ns(text, UTC) is None

"""Durations: what is understood, and what is refused with which words (bad-input row B03)."""

from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gridtide.domain.durations import LONGEST, format_duration, parse_duration
from gridtide.domain.errors import InvalidInput


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("90m", timedelta(minutes=90)),
        ("2h30m", timedelta(minutes=150)),
        ("1h30m", timedelta(minutes=90)),
        ("PT90M", timedelta(minutes=90)),
        ("P1DT2H", timedelta(hours=26)),
        ("P1W", timedelta(days=7)),
        ("1d", timedelta(days=1)),
        ("1.5h", timedelta(minutes=90)),
        ("2H 30M", timedelta(minutes=150)),
        (" 45s ", timedelta(seconds=45)),
        ("90min", timedelta(minutes=90)),
        ("400d", LONGEST),
    ],
)
def test_a_duration_with_a_unit_is_understood(text, expected):
    """Short and ISO 8601 forms mean the same, in any case and spacing."""
    assert parse_duration(text) == expected


@pytest.mark.parametrize(
    ("text", "why", "hint"),
    [
        pytest.param("90", "the unit is missing", "write 90m for minutes or 90h for hours", id="bare-number"),
        pytest.param("0", "the unit is missing", "0m", id="bare-zero"),
        pytest.param("0m", "it is zero", "longer than zero", id="zero"),
        pytest.param("-1h", "it is negative", "without the sign", id="negative"),
        pytest.param("\u22121h", "it is negative", "without the sign", id="negative-typographic"),
        pytest.param("1,5h", "it is not a duration", "write 1.5h", id="decimal-comma"),
        pytest.param("1h30", "it is not a duration", "write 1h30m", id="last-unit-missing"),
        pytest.param("\u221e", "it is not a duration", "largest unit first", id="infinity"),
        pytest.param("1e9h", "it is not a duration", "without an exponent", id="exponent"),
        pytest.param("401d", "longer than 400 days", "check the unit", id="above-the-bound"),
        pytest.param("999999999999999999w", "longer than 400 days", "check the unit", id="far-above-the-bound"),
        pytest.param("30m1h", "it is not a duration", "largest unit first", id="wrong-order"),
        pytest.param("PT", "it is not a duration", "largest unit first", id="iso-without-parts"),
        pytest.param("P1DT", "it is not a duration", "largest unit first", id="iso-with-empty-time"),
        pytest.param("\u0663h", "it is not a duration", "largest unit first", id="other-digits"),
        pytest.param("", "it is not a duration", "largest unit first", id="empty"),
    ],
)
def test_b03_other_texts_are_refused_with_the_reason_and_the_fix(text, why, hint):
    """The message names the field, the value, why not and what is allowed."""
    with pytest.raises(InvalidInput) as caught:
        parse_duration(text, field="--duration")

    assert caught.value.message.startswith(f"--duration {text!r} cannot be used: ")
    assert why in caught.value.message
    assert "allowed: a number with a unit, like 90m, 2h30m, 1d or PT90M" in caught.value.message
    assert hint in (caught.value.hint or "")


def test_a_long_text_is_cut_in_the_message():
    """Ten kilobytes of input do not become ten kilobytes of error."""
    with pytest.raises(InvalidInput) as caught:
        parse_duration("9" * 10_000 + "x")

    assert len(caught.value.message) < 200


def test_zero_is_allowed_where_the_field_says_so():
    """A delay of nothing is a choice, a job of no length is not."""
    assert parse_duration("0s", allow_zero=True) == timedelta(0)


@given(st.integers(min_value=1, max_value=int(LONGEST.total_seconds())))
@settings(max_examples=100, deadline=None)
def test_what_is_written_is_read_back(seconds):
    """Formatting and parsing are inverse for whole seconds."""
    assert parse_duration(format_duration(timedelta(seconds=seconds))) == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("duration", "expected"),
    [
        (timedelta(0), "0s"),
        (timedelta(minutes=150), "2h30m"),
        (timedelta(minutes=-90), "-1h30m"),
        (timedelta(days=1, seconds=5), "1d5s"),
        (timedelta(milliseconds=250), "0.25s"),
    ],
)
def test_the_short_form_leaves_out_empty_units(duration, expected):
    """People read ``2h30m``, not ``0d2h30m0s``."""
    assert format_duration(duration) == expected

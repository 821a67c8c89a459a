"""Wall times: the next occurrence, the hours that do not exist or exist twice (rows B04, B05, B31, B88)."""

from datetime import UTC, datetime, timedelta

import pytest

from gridtide.config.walltime import (
    ImpossibleTime,
    UnreadableTime,
    local_timezone,
    read_time,
    require_ahead,
    shown_local,
)
from gridtide.domain.errors import ConfigurationError

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
BERLIN = "Europe/Berlin"


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("14:00", "2026-01-01T13:00", id="later-today"),
        pytest.param("07:00", "2026-01-02T06:00", id="tomorrow"),
        pytest.param("7:00", "2026-01-02T06:00", id="one-digit"),
        pytest.param("13:00", "2026-01-02T12:00", id="equal-to-now-is-tomorrow"),
        pytest.param("13:00:01", "2026-01-01T12:00:01", id="seconds"),
        pytest.param("24:00", "2026-01-01T23:00", id="end-of-today"),
        pytest.param("2026-01-05T07:00", "2026-01-05T06:00", id="wall-time"),
        pytest.param("2026-01-05 07:00", "2026-01-05T06:00", id="with-a-blank"),
        pytest.param("2026-01-05T07:00+03:00", "2026-01-05T04:00", id="offset"),
        pytest.param("2026-01-05T07:00Z", "2026-01-05T07:00", id="utc"),
        pytest.param("2026-07-05T07:00", "2026-07-05T05:00", id="summer"),
    ],
)
def test_b05_times_are_read_in_the_named_zone(text, expected):
    """A time of day is the next one; an offset overrules the zone."""
    assert read_time(text, now=NOON, timezone=BERLIN) == utc(expected)


@pytest.mark.parametrize(
    "text", ["", "7", "25:00", "12:60", "tomorrow", "2026-02-30T00:00", "2026-01-01", "1.5h", "x" * 999]
)
def test_a_text_that_is_no_time_is_refused(text):
    """The message shows the forms that are understood."""
    with pytest.raises(UnreadableTime) as caught:
        read_time(text, now=NOON, timezone=BERLIN, field="--finish-by")

    assert caught.value.message.startswith("--finish-by ")
    assert caught.value.message.endswith("allowed: 07:00, 2026-01-01T07:00 or 2026-01-01T07:00+01:00")
    assert len(caught.value.message) < 200


@pytest.mark.parametrize(
    ("text", "now", "zone", "valid"),
    [
        ("2026-03-29T02:30", "2026-03-01T00:00", BERLIN, "2026-03-29T03:00+02:00"),
        ("02:30", "2026-03-28T12:00", BERLIN, "2026-03-29T03:00+02:00"),
        ("2026-10-04T02:15", "2026-09-01T00:00", "Australia/Lord_Howe", "2026-10-04T02:30+11:00"),
    ],
    ids=["dated", "time-of-day", "half-hour-change"],
)
def test_b05_an_hour_that_clocks_jump_over_is_refused_with_the_next_valid_time(text, now, zone, valid):
    """02:30 does not exist that night."""
    with pytest.raises(ImpossibleTime) as caught:
        read_time(text, now=utc(now), timezone=zone, field="--finish-by")

    assert (
        f"does not exist in {zone}: clocks go forward that day; the next valid time is {valid}" in caught.value.message
    )
    assert caught.value.hint == f"write {valid}"


def test_b05_an_hour_that_clocks_repeat_needs_an_offset():
    """02:30 happens twice that night; both are offered."""
    with pytest.raises(ImpossibleTime) as caught:
        read_time("2026-10-25T02:30", now=NOON, timezone=BERLIN, field="--finish-by")

    assert (
        caught.value.message == "--finish-by 2026-10-25T02:30 happens twice in Europe/Berlin: clocks go back that day"
    )
    assert caught.value.hint == "write 2026-10-25T02:30+02:00 or 2026-10-25T02:30+01:00"


@pytest.mark.parametrize("now", ["2026-03-29T09:00", "2026-10-25T09:00"])
def test_a_passed_gap_or_fold_does_not_stop_tomorrows_time(now):
    """After the change, 02:30 means the next night."""
    today = utc(now)

    assert read_time("02:30", now=today, timezone=BERLIN) > today


@pytest.mark.parametrize(
    ("deadline", "message"),
    [
        (NOON - timedelta(hours=1), "--finish-by Thu 2026-01-01 12:00 Europe/Berlin is not after now (Thu 2026-01-01 13:00 Europe/Berlin)"),
        (NOON, "--finish-by Thu 2026-01-01 13:00 Europe/Berlin is not after now (Thu 2026-01-01 13:00 Europe/Berlin)"),
        (NOON + timedelta(hours=1), "--finish-by Thu 2026-01-01 14:00 Europe/Berlin is 1h too early for a job of 2h"),
        (NOON + timedelta(hours=2) - timedelta(seconds=1), "--finish-by Thu 2026-01-01 14:59:59 Europe/Berlin is 1s too early for a job of 2h"),
    ],
    ids=["past", "now", "too-close", "one-second-short"],
)  # fmt: skip
def test_b04_a_deadline_that_cannot_be_met_is_refused(deadline, message):
    """The message says by how much, the hint how to run anyway."""
    with pytest.raises(ImpossibleTime) as caught:
        require_ahead(deadline, now=NOON, duration=timedelta(hours=2), timezone=BERLIN, field="--finish-by")

    assert caught.value.message == message
    assert caught.value.hint == "name a later time, or add --best-effort to run at once"


def test_b04_a_deadline_that_is_just_met_is_fine():
    """The boundary belongs to the possible."""
    require_ahead(NOON + timedelta(hours=2), now=NOON, duration=timedelta(hours=2), timezone=BERLIN, field="x")


def test_the_machines_zone_comes_from_the_link(tmp_path):
    """The name is in the path that the link leads to."""
    zone = tmp_path / "usr/share/zoneinfo/Europe/Berlin"
    zone.parent.mkdir(parents=True)
    zone.write_bytes(b"")
    link = tmp_path / "localtime"
    link.symlink_to(zone)

    assert local_timezone({}, localtime=link) == "Europe/Berlin"
    assert local_timezone({"TZ": ":America/New_York"}, localtime=link) == "America/New_York"
    assert local_timezone({"TZ": f":{link}"}, localtime=tmp_path / "none") == "Europe/Berlin"


def test_b88_a_machine_without_a_zone_is_in_utc(tmp_path):
    """Containers have no local time; UTC is then what their clock shows."""
    (tmp_path / "localtime").write_bytes(b"TZif2")

    assert local_timezone({}, localtime=tmp_path / "none") == "UTC"
    assert local_timezone({}, localtime=tmp_path / "localtime") == "UTC"
    assert local_timezone({"TZ": "UTC"}) == "UTC"


@pytest.mark.parametrize("value", ["EST5EDT4", "Mars/Base", "CET", "<+03>-3", "/no/such/file"])
def test_b88_a_weird_tz_is_refused_where_a_wall_time_needs_it(value):
    """A wall time in an unknown zone could mean anything; the hint has three ways out."""
    with pytest.raises(ConfigurationError) as caught:
        local_timezone({"TZ": value})

    assert caught.value.message.startswith(f"TZ is {value!r}")
    assert caught.value.hint == "give --tz, set timezone, or write times with an offset"


def test_local_times_are_shown_with_their_zone():
    """A reader far away must not guess."""
    assert shown_local(NOON, "UTC") == "Thu 2026-01-01 12:00 UTC"
    assert shown_local(NOON, "America/New_York") == "Thu 2026-01-01 07:00 America/New_York"


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("7", "write 07:00"),
        ("7am", "write 07:00"),
        ("12am", "write 00:00"),
        ("12 PM", "write 12:00"),
        ("7.30pm", "write 19:30"),
        ("2026-11-23", "add the time of day: 2026-11-23T07:00"),
        ("1795416000", "write 2026-11-23T06:40:00Z"),
        ("24", None),
        ("13pm", None),
        ("soon", None),
    ],
)
def test_a_text_that_is_no_time_is_answered_with_what_was_meant(text, hint):
    """Where that can be told; it is never taken for it."""
    with pytest.raises(UnreadableTime) as caught:
        read_time(text, now=datetime(2026, 11, 22, tzinfo=UTC), timezone="UTC", field="--finish-by")

    assert caught.value.hint == hint

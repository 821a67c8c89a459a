"""Cron lines: five plain fields, nothing that means other things in other places (row B32)."""

from datetime import UTC, datetime

import pytest

from gridtide.config.cron import next_firing
from gridtide.domain.errors import InvalidInput

NOW = datetime(2026, 3, 28, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("0 2 * * *", "2026-03-29T01:00"),
        ("30 2 * * *", "2026-03-29T01:00"),
        ("0 13 * * *", "2026-03-28T12:00"),
        ("*/15 * * * *", "2026-03-28T12:00"),
        ("0 0 * * MON", "2026-03-29T22:00"),
        ("0 0 29 2 *", "2028-02-28T23:00"),
    ],
    ids=["hour-after-a-gap", "in-the-gap-fires-after-it", "now-counts", "steps", "names", "leap-day"],
)
def test_a_line_fires_in_its_own_zone(line, expected):
    """Fields are wall time; now itself counts as a firing."""
    assert next_firing(line, after=NOW, timezone="Europe/Berlin") == datetime.fromisoformat(expected).replace(
        tzinfo=UTC
    )


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("60 * * * *", "cannot be used: its minute is out of bounds; allowed: 0 to 59"),
        ("0 0 31 2 *", "never fires: there is no such date"),
        ("0 0 0 * * * *", "has 7 fields; allowed: 5"),
        ("@reboot", "has 1 fields; allowed: 5"),
        ("0 0 L * *", "holds 'L'; allowed: numbers, names, * , - and /"),
        ("0 0 * * 1L", "holds '1L'; allowed: numbers, names, * , - and /"),
        ("0 0 * * 1#2", "holds '1#2'; allowed: numbers, names, * , - and /"),
        ("", "has 0 fields; allowed: 5"),
    ],
)
def test_b32_other_lines_are_refused(line, why):
    """The message has the reason, the hint the order of the fields."""
    with pytest.raises(InvalidInput) as caught:
        next_firing(line, after=NOW, timezone="UTC", field="--cron")

    assert caught.value.message == f"--cron {line!r} {why}"
    assert caught.value.hint == "write minute, hour, day, month and weekday, like 0 2 * * 1-5"

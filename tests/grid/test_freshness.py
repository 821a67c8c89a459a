"""Fresh, late, too old: by what is in the data and by the source's own rhythm."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from grid_doubles import START, info
from gridtide.domain.instants import parse_instant
from gridtide.domain.interval import Interval
from gridtide.domain.series import Series
from gridtide.domain.signal import Quality
from gridtide.grid import freshness
from gridtide.grid.cache import Entry
from gridtide.grid.guard import FlutterGuard
from gridtide.grid.provider import Product
from support import DEMO, hourly

NOW = parse_instant(START)
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
UK = info("uk", period=30 * MINUTE, lag=5 * MINUTE)
EIA = info("eia", period=HOUR, lag=2 * HOUR)
WATTTIME = info("watttime", period=5 * MINUTE, lag=5 * MINUTE)


@pytest.mark.parametrize(
    ("facts", "after", "expected"),
    [
        (UK, "12:00", "12:05"),
        (UK, "12:05", "12:35"),
        (UK, "12:34", "12:35"),
        (UK, "12:36", "13:05"),
        (EIA, "12:10", "13:00"),
        (WATTTIME, "12:07", "12:10"),
        (info("day", period=timedelta(days=1), lag=13 * HOUR), "12:00", "13:00"),
    ],
)
def test_publication_clock(facts, after: str, expected: str) -> None:
    """Sources publish in step with the clock, behind it by their lag."""
    assert freshness.next_publication(facts, parse_instant(f"2026-01-05T{after}Z")) == parse_instant(
        f"2026-01-05T{expected}Z"
    )


def ended(minutes_ago: float) -> Series:
    return hourly(100.0, start=NOW - HOUR - timedelta(minutes=minutes_ago))


def issued(minutes_ago: float | None) -> Series:
    made = None if minutes_ago is None else NOW - timedelta(minutes=minutes_ago)
    return hourly(*[100.0] * 24, start=NOW, signal=DEMO.with_(quality=Quality.FORECAST, issued_at=made))


@pytest.mark.parametrize(
    ("facts", "series", "product", "late"),
    [
        (UK, ended(0), Product.CURRENT, False),
        (UK, ended(65), Product.CURRENT, False),
        (UK, ended(66), Product.CURRENT, True),
        (EIA, ended(239), Product.CURRENT, False),
        (EIA, ended(241), Product.CURRENT, True),
        (WATTTIME, issued(15), Product.FORECAST, False),
        (WATTTIME, issued(16), Product.FORECAST, True),
        (WATTTIME, issued(None), Product.FORECAST, False),
        (UK, hourly(), Product.CURRENT, False),
    ],
)
def test_late_is_more_than_two_periods_behind(facts, series: Series, product: Product, late: bool) -> None:
    """Beyond the lag a source always has."""
    assert freshness.is_late(facts, series, product, NOW) is late


def entry(series: Series, fetched_at: datetime = NOW) -> Entry:
    return Entry(series, Interval(NOW, NOW + HOUR), fetched_at)


def test_source_on_time_is_trusted_until_it_publishes_again() -> None:
    """At least the time to live, at most half an hour."""
    ttl = 5 * MINUTE

    assert freshness.fresh_until(UK, entry(ended(0), NOW + 10 * MINUTE), Product.CURRENT, ttl) == NOW + 35 * MINUTE
    assert freshness.fresh_until(UK, entry(ended(0), NOW + 34 * MINUTE), Product.CURRENT, ttl) == NOW + 39 * MINUTE
    assert freshness.fresh_until(EIA, entry(ended(60), NOW), Product.CURRENT, ttl) == NOW + 30 * MINUTE


def test_source_behind_its_rhythm_is_asked_again_after_the_time_to_live() -> None:
    """What should be there already may come any moment."""
    assert freshness.fresh_until(UK, entry(ended(40)), Product.CURRENT, 5 * MINUTE) == NOW + 5 * MINUTE


@pytest.mark.parametrize(
    ("purpose", "max_age", "bound"),
    [
        ("decision", None, HOUR),
        ("report", None, 24 * HOUR),
        ("decision", 3 * HOUR, 3 * HOUR),
        ("decision", 72 * HOUR, 24 * HOUR),
        ("report", HOUR, HOUR),
    ],
)
def test_bound_on_stale_values(purpose: str, max_age, bound) -> None:
    """An hour for decisions, a day at the very most."""
    assert freshness.stale_bound(purpose, max_age) == bound


def test_age_of_information() -> None:
    """A forecast is as old as its issue, a measurement as its newest step."""
    assert freshness.information_age(issued(7), Product.FORECAST, NOW) == 7 * MINUTE
    assert freshness.information_age(ended(50), Product.CURRENT, NOW) == 50 * MINUTE
    assert freshness.information_age(issued(None), Product.FORECAST, NOW) is None
    assert freshness.information_age(issued(-5), Product.FORECAST, NOW) == timedelta(0)
    assert freshness.information_age(hourly(), Product.CURRENT, datetime(2026, 1, 1, tzinfo=UTC)) is None


def test_choice_is_held_for_a_quarter_of_an_hour() -> None:
    """And only a change counts as one."""
    guard = FlutterGuard()

    assert guard.held("GB", 0.0) is None
    assert not guard.choose("GB", "uk", 0.0)
    assert guard.held("GB", 899.0) == "uk"
    assert guard.held("GB", 900.0) is None
    assert not guard.choose("GB", "uk", 950.0)
    assert guard.held("GB", 960.0) is None
    assert guard.choose("GB", "other", 1000.0)
    assert guard.held("GB", 1100.0) == "other"
    assert guard.held("DE", 1100.0) is None

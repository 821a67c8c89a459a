"""Leaving a source alone: after three failures, later and later, one probe at a time, and each zone for itself."""

from __future__ import annotations

import random

import pytest

from gridtide.domain.errors import ProviderUnavailable
from gridtide.grid.breaker import Backoff, Breaker


def opened(failures: int = 3) -> Breaker:
    breaker = Breaker("host", random.Random(1))
    for _ in range(failures):
        breaker.failed(0.0, zone="X", connection=True)
    return breaker


def test_two_failures_leave_it_closed_and_three_open_it() -> None:
    """The third failure in a row is the bound."""
    assert not opened(2).is_open
    assert opened(3).is_open
    with pytest.raises(ProviderUnavailable, match="left alone after 3 failures") as caught:
        opened(3).check(1.0)
    assert caught.value.retry_after is not None


def test_success_between_failures_starts_the_count_again() -> None:
    """Only failures in a row count."""
    breaker = opened(2)
    breaker.succeeded()
    breaker.failed(0.0, zone="X", connection=True)
    breaker.failed(0.0, zone="X", connection=True)

    assert not breaker.is_open


def test_one_zone_that_fails_for_ever_does_not_open_it() -> None:
    """Three different zones do."""
    breaker = Breaker("host", random.Random(1))
    for _ in range(50):
        breaker.failed(0.0, zone="BAD", connection=False)
    assert not breaker.is_open

    breaker.failed(0.0, zone="BAD2", connection=False)
    breaker.failed(0.0, zone="BAD3", connection=False)

    assert breaker.is_open


def test_half_open_lets_one_probe_through() -> None:
    """Everybody else waits for its result."""
    breaker = opened()
    breaker.check(60.0)

    for _ in range(5):
        with pytest.raises(ProviderUnavailable):
            breaker.check(60.0)
    breaker.succeeded()
    breaker.check(60.0)


def test_probe_that_never_reports_does_not_block_for_ever() -> None:
    """A probe whose process was cancelled is replaced after half a minute."""
    breaker = opened()
    breaker.check(60.0)

    breaker.check(91.0)


def test_failed_probes_come_less_and_less_often_but_never_stop() -> None:
    """The distance grows to about a quarter of an hour."""
    breaker, now, gaps = opened(), 0.0, []
    for _ in range(12):
        with pytest.raises(ProviderUnavailable) as caught:
            breaker.check(now)
        assert caught.value.retry_after is not None
        gap = caught.value.retry_after.total_seconds()
        gaps.append(gap)
        now += gap + 0.001
        breaker.check(now)
        breaker.failed(now, zone="X", connection=True)

    assert 22 <= gaps[0] <= 38
    assert all(gap <= 15 * 60 * 1.25 for gap in gaps)
    assert gaps[-1] > 600


def test_replicas_do_not_probe_together() -> None:
    """Jitter spreads the probes of processes that opened at the same instant."""
    waits = set()
    for seed in range(20):
        breaker = Breaker("host", random.Random(seed))
        for _ in range(3):
            breaker.failed(0.0, zone="X", connection=True)
        with pytest.raises(ProviderUnavailable) as caught:
            breaker.check(0.0)
        waits.add(caught.value.retry_after)

    assert len(waits) == 20


def test_broken_zone_is_never_asked_more_often_than_a_healthy_one() -> None:
    """Over a day of half-hourly rhythm it is asked far less often."""
    backoff, rng, now, tries = Backoff(), random.Random(1), 0.0, 0
    while now < 86_400:
        tries += 1
        backoff.failed(now, interval=1800, rng=rng)
        wait = backoff.wait(now)
        assert wait >= 1800
        now += wait

    assert tries <= 10


def test_wait_the_provider_asked_for_is_the_least() -> None:
    """Retry-After lengthens a back-off, never shortens it."""
    backoff = Backoff()
    backoff.failed(0.0, interval=60, at_least=900, rng=random.Random(1))

    assert backoff.wait(0.0) == 900

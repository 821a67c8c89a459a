"""Forecasts are kept as issued, once an hour, and found again by whose they are."""

from datetime import timedelta

import pytest

from gridtide.domain.series import Series
from gridtide.domain.signal import Quality
from gridtide.ledger.forecasts import KEPT_FOR, ForecastArchive
from support import DEMO, HOUR, T0, at


def issued(hours, *values, provider="demo"):
    signal = DEMO.with_(provider=provider, quality=Quality.FORECAST, issued_at=at(hours))
    return Series.steps(signal, at(hours), HOUR, values or [1.0, 2.0])


@pytest.fixture
def archive(tmp_path):
    return ForecastArchive(tmp_path / "forecasts.sqlite3")


def test_what_was_issued_comes_back_as_it_was(archive):
    """Values, labels and issue time survive, oldest first."""
    first, second = issued(0, 5.0, 6.0), issued(3, 7.0)
    archive.keep(second)
    archive.keep(first)

    assert archive.issued(DEMO, since=T0, until=at(10)) == (first, second)


def test_the_first_of_an_hour_stands(archive):
    """A later issue within the hour does not replace what was known first."""
    assert archive.keep(issued(0, 5.0))
    assert not archive.keep(issued(0.5, 9.0))
    assert archive.issued(DEMO, since=T0, until=at(1))[0].values.tolist() == [5.0]


def test_another_provider_is_not_mixed_in(archive):
    """Each provider, zone, kind and scope has forecasts of its own (invariant I14)."""
    archive.keep(issued(0, provider="other"))

    assert archive.issued(DEMO, since=T0, until=at(1)) == ()


def test_a_forecast_without_issue_time_cannot_be_judged(archive):
    """It is not kept, so that it never counts as made at some other time."""
    assert not archive.keep(Series.steps(DEMO, T0, HOUR, [1.0]))


def test_old_issues_are_dropped(archive):
    """Sixty days are enough to judge; the file stays bounded (invariant I12)."""
    archive.keep(issued(0))
    archive.keep(issued(48))

    assert archive.prune(now=at(0) + KEPT_FOR + timedelta(hours=1)) == 1
    assert len(archive.issued(DEMO, since=T0, until=at(100))) == 1

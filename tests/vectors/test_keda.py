"""A replica operator's own cases: which band a value is in, when to look again, what holds now, when a schedule fires."""

import json
from bisect import bisect_left
from datetime import datetime, timedelta

import pytest

from grid_doubles import info
from gridtide.config.cron import next_firing
from gridtide.domain.errors import InvalidInput
from gridtide.domain.series import Series
from gridtide.grid.events import Bands
from gridtide.grid.freshness import next_publication
from gridtide.planning.throttle import Throttle, concurrency
from support import DEMO, shared_dir

NOW = datetime.fromisoformat("2021-01-15T12:37:00+00:00")
MINUTE = timedelta(minutes=1)
EDGES = (40.0, 90.0, 100.0)
REPLICAS = {
    "buckets": [{"threshold": 100, "max": 10}, {"threshold": 90, "max": 20}, {"threshold": 40, "max": 80}],
    "cases": [{"ci": 30, "expect": 80}, {"ci": 67, "expect": 20}, {"ci": 101010, "expect": 10}]
    + [{"ci": ci, "expect_upstream": 10, "correct": 80} for ci in (0, -5)],
}
REQUEUE = [
    {"now": "2021-01-01T12:37:00Z", "interval_min": 5, "expect_min": 3},
    {"now": "2021-01-01T12:37:00Z", "interval_min": 60, "expect_min": 23},
    {"now": "2021-01-01T12:40:00Z", "interval_min": 5, "expect_min": 5},
]


@pytest.fixture(scope="module")
def recorded():
    """The recorded cases, or a visible skip."""
    return json.loads(shared_dir("vectors", "keda-logic-vectors.json").read_text("utf-8"))


def check_bands(table):
    """A value has the replicas of its band; zero and less are the cleanest band, and no value is in none."""
    rows = sorted(table["buckets"], key=lambda row: row["threshold"])
    edges, most = tuple(float(row["threshold"]) for row in rows), [row["max"] for row in rows]
    known = [case for case in table["cases"] if case["ci"] is not None]
    for case in known:
        wanted = case.get("correct", case.get("expect"))
        # Its upper edges belong to their band and ours to the next, the dirtier one.
        ours = Bands(edges).of(case["ci"], None)
        theirs = bisect_left(edges, case["ci"])
        assert ours == theirs + (case["ci"] in edges), case
        assert most[min(theirs, len(most) - 1)] == wanted, case
    return len(known)


def check_requeue(case):
    """The next look comes at the next multiple of the interval, never now and never a whole one late."""
    now, period = datetime.fromisoformat(case["now"]), case["interval_min"] * MINUTE
    due = next_publication(info("x", period=period, lag=timedelta(0)), now)

    assert due == (now + case["expect_min"] * MINUTE).replace(second=0)


def test_zero_is_the_cleanest_band():
    """The fault to avoid: a lower bound that leaves zero out puts it among the dirtiest."""
    assert check_bands(REPLICAS) == 5


@pytest.mark.parametrize("edge", EDGES)
@pytest.mark.parametrize(("beside", "band"), [(-1e-9, 0), (0.0, 1), (1e-9, 1)], ids=["below", "at", "above"])
def test_each_edge_parts_two_bands(edge, beside, band):
    """A hair below it is one band, on it and above it the next."""
    assert Bands(EDGES).of(edge + beside, None) == EDGES.index(edge) + band


def test_a_dirtier_value_is_never_in_a_cleaner_band_or_given_more_runners():
    """From below zero to beyond the last edge, without a hole."""
    values = [-50.0, -1e-9, 0.0, 1e-9, *(edge + d for edge in EDGES for d in (-1e-9, 0.0, 1e-9)), 1e9]
    bands = [Bands(EDGES).of(value, None) for value in values]
    runners = [concurrency(Throttle(clean=40.0, dirty=100.0, least=1, most=80), value) for value in values]

    assert bands == sorted(bands)
    assert (bands[0], bands[2], bands[-1]) == (0, 0, 3)
    assert runners == sorted(runners, reverse=True)
    assert (runners[0], runners[2], runners[-1]) == (80, 80, 1)


@pytest.mark.parametrize("case", REQUEUE, ids=[f"{c['interval_min']} from {c['now'][14:16]}" for c in REQUEUE])
def test_looks_come_on_the_clock(case):
    """Kept here so that nothing rests on material outside the project."""
    check_requeue(case)


@pytest.mark.parametrize("line", ["not a cron", "99 * * * *", "* * * *", "* * 31 2 *", "@reboot", ""])
def test_a_schedule_that_cannot_be_meant_is_an_error_with_a_hint_and_nothing_more(line):
    """The fault to avoid: one bad line of one user stops everybody."""
    with pytest.raises(InvalidInput) as refused:
        next_firing(line, after=NOW, timezone="UTC")

    assert refused.value.hint


@pytest.mark.parametrize(("line", "now"), [("* * 15 * *", True), ("37 * * * *", True), ("36 * * * *", False)])
def test_a_schedule_holds_in_the_minute_it_names(line, now):
    """That minute belongs to it, the one after does not."""
    assert (next_firing(line, after=NOW, timezone="UTC") < NOW + MINUTE) is now


@pytest.mark.shared
def test_recorded_bands_looks_and_values_agree(recorded):
    """The same checks as above on the recorded cases, and the value that holds now."""
    assert check_bands(recorded["max_replicas"]) == 9
    for case in recorded["requeue"]:
        check_requeue(case)
    values = [float(value) for value in recorded["suite_series_5min_from_-90min"]]
    series = Series.steps(DEMO, NOW - 90 * MINUTE, 5 * MINUTE, values)

    assert series.value_at(NOW) == recorded["suite_value_now"]
    assert series.value_at(NOW + 5 * MINUTE - timedelta(microseconds=1)) == recorded["suite_value_now"]

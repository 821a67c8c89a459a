"""What is older never comes back over what is newer, and what is long ago judges nothing."""

import math

import pytest

from gridtide.domain.interval import Interval
from gridtide.domain.signal import Scope, SignalKind
from gridtide.grid.cache import Cache, CacheKey, Entry, MemoryStore
from gridtide.grid.crosscheck import examine
from gridtide.grid.provider import Product
from gridtide.testing import FakeClock
from support import T0, at, hourly

KEY = CacheKey("demo", "X", Product.FORECAST, SignalKind.AVERAGE, Scope.LIFECYCLE)


def entry(value, hour):
    return Entry(hourly(value), Interval(T0, at(1)), at(hour))


@pytest.mark.parametrize(("here", "there", "value"), [(2, 1, 200.0), (1, 2, 300.0)], ids=["here", "there"])
async def test_the_newer_of_two_answers_counts_wherever_it_is(here, there, value):
    """An answer that needs a better one is not replaced by an older one from the shared store."""
    clock = FakeClock(at(3))
    local, remote = MemoryStore(clock), MemoryStore(clock)
    await local.put(KEY, entry(200.0, here))
    await remote.put(KEY, entry(300.0, there))
    found = await Cache(local, clock=clock, remote=remote).get(KEY, lambda _entry: False)

    assert found.series.value_at(T0) == value


@pytest.mark.parametrize(("gap_h", "kept"), [(1, 0), (72, 1)], ids=["the next hour", "three days later"])
def test_a_leap_is_judged_by_values_of_the_last_day_only(gap_h, kept):
    """Four times the last value is a leap in an hour; after a long silence nobody knows."""
    known = hourly(*[110.0 + 10.0 * math.sin(k * math.pi / 12) for k in range(24 * 14)])
    new = hourly(440.0, start=known.end + (gap_h - 1) * (at(1) - T0))

    assert examine(new, known).series.size == kept

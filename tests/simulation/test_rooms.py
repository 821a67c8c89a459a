"""Room is counted now and as planned."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from gridtide.simulation.rooms import Rooms

SPANS = st.lists(st.tuples(st.integers(0, 20), st.integers(1, 10)), max_size=8)


def test_what_runs_fills_a_room_until_it_leaves():
    """One executor takes one job."""
    rooms = Rooms({"X": 1})
    rooms.take("X")

    assert rooms.is_full("X")
    assert not rooms.is_full("Y")
    rooms.leave("X")
    assert not rooms.is_full("X")


@given(spans=SPANS, asked=st.tuples(st.integers(0, 20), st.integers(1, 10)), limit=st.integers(1, 3))
@settings(max_examples=60, deadline=None)
def test_a_booking_finds_room_where_every_instant_has_some(spans, asked, limit):
    """The answer is that of counting hour by hour; the job's own booking and other zones do not count."""
    rooms = Rooms({"X": limit})
    for k, (start, length) in enumerate(spans):
        rooms.book(f"j{k}", "X", start, start + length)
    rooms.book("asks", "X", 0, 40)
    level = np.zeros(40, dtype=int)
    for start, length in spans:
        level[start : start + length] += 1
    start, end = asked[0], asked[0] + asked[1]

    assert rooms.has_room("asks", "X", start, end) == bool((level[start:end] < limit).all())
    assert rooms.has_room("asks", "Y", start, end)


def test_a_booking_is_replaced_and_cancelled():
    """A job is booked in one place at a time, and in none once it is over."""
    rooms = Rooms({"X": 1, "Y": 1})
    rooms.book("a", "X", 0, 10)
    rooms.book("a", "Y", 0, 10)

    assert rooms.has_room("b", "X", 0, 10)
    assert not rooms.has_room("b", "Y", 5, 6)
    rooms.cancel("a")
    assert rooms.has_room("b", "Y", 5, 6)

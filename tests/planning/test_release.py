"""Spreading starts: stable, bounded, and thin enough."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gridtide.domain.errors import InvalidInput
from gridtide.planning.release import jittered, ramped

SECOND = 1_000_000_000


def test_jitter_depends_on_the_name_alone():
    """The same job gets the same start, and names spread over the whole window."""
    window = 600 * SECOND
    offsets = [jittered(f"job-{k}", 0, None, window) for k in range(1000)]

    assert offsets == [jittered(f"job-{k}", 0, None, window) for k in range(1000)]
    assert all(0 <= offset < window for offset in offsets)
    for tenth in range(10):
        inside = sum(tenth * window // 10 <= offset < (tenth + 1) * window // 10 for offset in offsets)
        assert 60 <= inside <= 140


@given(st.text(), st.integers(0, 10**15), st.integers(-(10**12), 10**12), st.integers(0, 10**12))
@settings(max_examples=60, deadline=None)
def test_jitter_never_passes_the_latest_start(name, start, slack, window):
    """A start moves later only, up to its bound; one that is late already stays."""
    moved = jittered(name, start, start + slack, window)

    assert start <= moved <= max(start, start + min(slack, window))


@given(
    st.lists(st.tuples(st.integers(0, 60), st.one_of(st.none(), st.integers(0, 40))), min_size=1, max_size=20),
    st.sampled_from([0.1, 1.0, 10.0]),
)
@settings(max_examples=80, deadline=None)
def test_a_ramp_keeps_every_bound(rows, rate):
    """No start is early, and none after its latest start."""
    starts = [start * SECOND for start, _ in rows]
    latest = [None if slack is None else (start + slack) * SECOND for start, slack in rows]

    released = ramped(starts, latest, per_second=rate)

    for planned, bound, moved in zip(starts, latest, released, strict=True):
        assert moved >= planned
        assert bound is None or moved <= bound


@given(st.lists(st.integers(0, 20), min_size=1, max_size=30))
@settings(max_examples=60, deadline=None)
def test_unbounded_work_is_spaced(starts):
    """Without latest starts any two releases lie at least a spacing apart."""
    released = sorted(ramped([s * SECOND for s in starts], [None] * len(starts), per_second=0.5))

    assert all(b - a >= 2 * SECOND for a, b in zip(released, released[1:], strict=False))


def test_deadline_work_goes_first():
    """Of two jobs planned for one instant the one with the nearer bound starts."""
    assert ramped([0, 0], [None, 3 * SECOND], per_second=1.0) == [SECOND, 0]


@pytest.mark.parametrize("ask", [lambda: jittered("x", 0, None, -1), lambda: ramped([0], [None], per_second=0.0)])
def test_impossible_spreads_are_refused(ask):
    """A window below zero or a rate of nothing is no spread."""
    with pytest.raises(InvalidInput, match="allowed"):
        ask()

"""Judging points and bringing steps into order."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gridtide.domain.errors import MalformedPayload
from gridtide.domain.instants import to_ns
from gridtide.domain.signal import Quality, Signal, SignalKind
from gridtide.domain.units import NS_PER_HOUR
from gridtide.grid import points as points_module
from gridtide.grid.points import Points, Reject, spacing_ns
from support import T0

START = to_ns(T0)
MINUTE = NS_PER_HOUR // 60


def collect(kind: SignalKind = SignalKind.AVERAGE) -> Points:
    return Points(Signal(kind, provider="demo", zone="X"), path="rows[{}].value", now=T0)


@given(
    values=st.lists(st.integers(0, 2000), min_size=1, max_size=60),
    seed=st.randoms(use_true_random=False),
    repeats=st.integers(0, 5),
)
@settings(max_examples=100, deadline=None)
def test_any_order_with_any_repeats_gives_the_same_series(values: list[int], seed, repeats: int) -> None:
    """The sum of the steps is the span, each value stands once at its time."""
    rows = [(START + 30 * MINUTE * k, value) for k, value in enumerate(values)]
    shuffled = rows + [seed.choice(rows) for _ in range(repeats)]
    seed.shuffle(shuffled)
    points = collect()
    for start, value in shuffled:
        points.add(start, start + 30 * MINUTE, value)
    series = points.series()

    assert list(zip(series.starts_ns.tolist(), series.values.tolist(), strict=True)) == rows
    assert int((series.ends_ns - series.starts_ns).sum()) == 30 * MINUTE * len(values)


@given(
    steps=st.lists(
        st.tuples(
            st.integers(0, 200),
            st.integers(-10, 90),
            st.one_of(st.none(), st.booleans(), st.text(max_size=3), st.floats(), st.integers(-3000, 3000)),
            st.sampled_from(list(Quality)),
            st.integers(0, 2),
        ),
        max_size=40,
    ),
    kind=st.sampled_from(list(SignalKind)),
)
@settings(max_examples=100, deadline=None)
def test_whatever_comes_the_series_is_in_order_and_in_its_band(steps, kind: SignalKind) -> None:
    """Or it is an error of ours."""
    points = collect(kind)
    for start, length, raw, quality, version in steps:
        first = START + start * MINUTE
        points.add(first, first + length * MINUTE, raw, quality=quality, version=version)
    try:
        series = points.series()
    except MalformedPayload:
        return
    low, high = points_module.BANDS[kind]

    assert (series.starts_ns[1:] >= series.ends_ns[:-1]).all()
    assert ((series.values >= low) & (series.values <= high)).all()
    assert len(points) + sum(
        points.rejected[r] for r in Reject if r not in {Reject.OVERLAP, Reject.CONTRADICTION}
    ) == len(steps)


def test_the_quality_of_a_series_is_its_worst_step() -> None:
    """And each step keeps its own."""
    points = collect()
    points.add(START, START + MINUTE, 1, quality=Quality.MEASURED)
    points.add(START + MINUTE, START + 2 * MINUTE, 1, quality=Quality.FORECAST)

    assert points.series().signal.quality is Quality.FORECAST
    assert [quality for *_, quality in points.series()] == [Quality.MEASURED, Quality.FORECAST]


def test_a_longer_step_for_the_same_start_contradicts_a_shorter_one() -> None:
    """The same value for another span is another statement."""
    points = collect()
    points.add(START, START + MINUTE, 1)
    points.add(START, START + 2 * MINUTE, 1)
    points.add(START + 60 * MINUTE, START + 61 * MINUTE, 5)

    assert len(points.series()) == 1
    assert points.rejected[Reject.CONTRADICTION] == 1


def test_too_many_points_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory has a limit."""
    monkeypatch.setattr(points_module, "POINTS_MAX", 3)
    points = collect()
    for k in range(3):
        points.add(START + k * MINUTE, START + (k + 1) * MINUTE, 1)
    with pytest.raises(MalformedPayload, match="^demo: more than 3 points in one reply$"):
        points.add(START, START + MINUTE, 1)


@pytest.mark.parametrize(
    ("minutes", "step"),
    [([0, 15, 30], 15), ([0, 60], 60), ([0, 45, 60], 15), ([30, 0, 15, 15], 15), ([0], 7), ([], 7), ([0, 17], 7)],
    ids=["quarters", "hours", "hole", "unsorted twice", "one", "none", "odd"],
)
def test_the_step_is_the_smallest_usual_distance(minutes: list[int], step: int) -> None:
    """A distance across a hole is longer and does not count; an unusual one is not believed."""
    assert spacing_ns([START + m * MINUTE for m in minutes], default_ns=7 * MINUTE) == step * MINUTE

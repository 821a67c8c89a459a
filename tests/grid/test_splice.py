"""Series made of several: what lies on top wins, nothing is invented, every step keeps its quality."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gridtide.domain.errors import KindMismatch
from gridtide.domain.instants import to_ns
from gridtide.domain.series import Series
from gridtide.domain.signal import Quality, Scope, Signal, SignalKind
from gridtide.grid.splice import overlay, until
from support import DEMO, T0, at, hourly

FORECAST = DEMO.with_(quality=Quality.FORECAST, issued_at=T0, fetched_at=at(2), method="model")


def test_top_wins_where_it_knows_something() -> None:
    """Measured hours replace forecast ones, the rest of the forecast stays."""
    forecast = hourly(10.0, 20.0, 30.0, 40.0, signal=FORECAST)
    measured = hourly(11.0, 21.0, signal=DEMO.with_(fetched_at=at(3)))

    joined = overlay(forecast, measured)

    assert joined.values.tolist() == [11.0, 21.0, 30.0, 40.0]
    assert [joined.quality_at(at(h)) for h in (0, 1, 2, 3)] == [Quality.MEASURED] * 2 + [Quality.FORECAST] * 2
    assert joined.signal.quality is Quality.FORECAST
    assert (joined.signal.issued_at, joined.signal.method, joined.signal.fetched_at) == (T0, "model", at(2))


def test_gap_in_top_shows_the_base() -> None:
    """A missing measurement leaves the forecast standing, and a hole in both stays a hole."""
    joined = overlay(hourly(10.0, 20.0, None, 40.0, signal=FORECAST), hourly(11.0, None, None, 41.0))

    assert joined.values.tolist() == [11.0, 20.0, 41.0]
    assert [str(gap) for gap in joined.gaps] == ["2026-01-01T02:00:00Z/2026-01-01T03:00:00Z"]


def test_step_of_the_base_is_cut_where_the_top_begins() -> None:
    """Half an hour of a forecast hour survives beside a half-hour measurement."""
    half = Series.steps(DEMO, T0, timedelta(minutes=30), [1.0])

    joined = overlay(hourly(10.0, signal=FORECAST), half)

    assert joined.values.tolist() == [1.0, 10.0]
    assert joined.starts_ns.tolist() == [to_ns(T0), to_ns(at(0.5))]


def test_linear_and_constant_steps_may_meet() -> None:
    """Each keeps its course."""
    line = Series.line(FORECAST, [at(1), at(3)], [0.0, 200.0])

    joined = overlay(line, hourly(50.0))

    assert joined.value_at(at(0.5)) == 50.0
    assert joined.value_at(at(2)) == pytest.approx(100.0)


def test_series_of_different_meaning_are_refused() -> None:
    """A marginal forecast does not extend an average one, nor a lifecycle one a direct one."""
    for other in (
        Signal(SignalKind.MARGINAL, "demo", "X", scope=Scope.LIFECYCLE),
        Signal(SignalKind.AVERAGE, "demo", "X", scope=Scope.DIRECT),
    ):
        with pytest.raises(KindMismatch):
            overlay(hourly(1.0), hourly(2.0, signal=other))


def test_part_before_an_instant() -> None:
    """Cut inside a step, before the first and after the last."""
    series = hourly(1.0, 2.0)

    assert until(series, to_ns(at(1.5))).end == at(1.5)
    assert not until(series, to_ns(T0))
    assert until(series, to_ns(at(9))) == series


values = st.lists(st.one_of(st.none(), st.floats(0, 1000)), min_size=0, max_size=30)


@given(base=values, top=values, shift=st.integers(-20, 20), half=st.booleans())
@settings(max_examples=100, deadline=None)
def test_every_instant_comes_from_top_else_base_else_nowhere(base, top, shift, half) -> None:
    """Pointwise definition of laying one over the other, for any gaps and any step edges."""
    below = hourly(*base, signal=FORECAST)
    above = Series.steps(DEMO, at(shift), timedelta(minutes=30 if half else 60), top)

    joined = overlay(below, above)

    for minutes in range(-21 * 60 + 15, 52 * 60, 30):
        instant = to_ns(T0 + timedelta(minutes=minutes))
        expected = above.curve_at(instant) or below.curve_at(instant)
        found = joined.curve_at(instant)
        assert (found is None) == (expected is None)
        if found is not None and expected is not None:
            assert found.value_at(instant) == expected.value_at(instant)
    assert np.all(joined.starts_ns[1:] >= joined.ends_ns[:-1])

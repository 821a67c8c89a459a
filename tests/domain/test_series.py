"""A series says what it knows, and refuses to say more."""

from datetime import UTC, datetime, timedelta, timezone

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gridtide.domain.errors import EmptyInterval, HorizonTooShort, InvalidInput, NaiveDatetime
from gridtide.domain.instants import to_ns
from gridtide.domain.interval import Interval
from gridtide.domain.series import Series, StepShape
from gridtide.domain.signal import Quality, Signal, SignalKind
from support import DEMO, HOUR, T0, at, hourly


def span(start: float, end: float) -> Interval:
    return Interval(at(start), at(end))


class TestBuilding:
    def test_zero_is_a_value(self):
        """An hour at zero carbon counts as known."""
        series = hourly(0.0, 100.0)

        assert series.size == 2
        assert series.value_at(T0) == 0.0

    def test_missing_values_are_gaps_not_zeros(self):
        """None and NaN leave a hole that reading refuses to bridge."""
        series = hourly(100.0, None, 300.0, float("nan"), 50.0)

        assert [str(g) for g in series.gaps] == [
            "2026-01-01T01:00:00Z/2026-01-01T02:00:00Z",
            "2026-01-01T03:00:00Z/2026-01-01T04:00:00Z",
        ]
        with pytest.raises(HorizonTooShort, match="with gaps 2026-01-01T01:00:00Z"):
            series.value_at(at(1.5))

    @pytest.mark.parametrize("bad", [float("inf"), -1.0])
    def test_impossible_averages_are_refused(self, bad):
        """An average is a finite number that is not negative."""
        with pytest.raises(InvalidInput, match="is no average value in gCO2eq/kWh"):
            hourly(1.0, bad)

    def test_marginal_rates_may_be_negative(self):
        """A negative marginal rate is possible, unlike a negative average."""
        marginal = Signal(SignalKind.MARGINAL, provider="demo", zone="X")

        assert hourly(-5.0, signal=marginal).value_at(T0) == -5.0

    def test_overlapping_steps_are_refused(self):
        """Two values for one instant are a contradiction, and the message names where."""
        t = to_ns(T0)
        with pytest.raises(InvalidInput, match="step 1 at 2026-01-01T00:00:00.000001Z overlaps"):
            Series(DEMO, [t, t + 1000], [t + 2000, t + 3000], [1.0, 2.0])

    def test_an_empty_step_is_refused(self):
        """A step that ends where it starts holds nothing."""
        t = to_ns(T0)
        with pytest.raises(EmptyInterval):
            Series(DEMO, [t], [t], [1.0])

    def test_a_naive_start_is_refused(self):
        """A time without zone is refused, not guessed."""
        with pytest.raises(NaiveDatetime, match="has no time zone"):
            Series.steps(DEMO, datetime(2026, 1, 1), HOUR, [1.0])  # noqa: DTZ001 - the point of the test

    def test_a_series_cannot_be_changed(self):
        """Neither the arrays nor the labels of a series can be written."""
        series = hourly(1.0)
        with pytest.raises(ValueError, match="read-only"):
            series.values[0] = 2.0
        with pytest.raises(AttributeError):
            series.signal = DEMO

    def test_the_callers_array_stays_writable(self):
        """Building a series takes no rights away from the caller."""
        values = np.array([1.0])
        Series(DEMO, [0], [10], values)
        values[0] = 2.0

        assert values[0] == 2.0


class TestReading:
    def test_a_mean_weighs_partial_steps_by_time(self):
        """Half an hour of each of two hours counts half each."""
        assert hourly(100.0, 300.0).mean(span(0.5, 1.5)) == 200.0

    def test_unequal_steps_count_by_their_length(self):
        """A long step weighs more than a short one."""
        t = to_ns(T0)
        hour = 3_600_000_000_000
        series = Series(DEMO, [t, t + hour], [t + hour, t + 4 * hour], [100.0, 200.0])

        assert series.mean(span(0, 4)) == pytest.approx(175.0, rel=1e-12)

    @pytest.mark.parametrize(
        ("start", "end"), [(-1, 1), (1, 3), (-5, -4), (7, 8)], ids=["before", "after", "left", "right"]
    )
    def test_outside_raises_with_both_bounds(self, start, end):
        """Nothing is extrapolated, and the message says what is known."""
        with pytest.raises(HorizonTooShort, match=r"2026-01-01T00:00:00Z/2026-01-01T02:00:00Z"):
            hourly(1.0, 2.0).mean(span(start, end))

    def test_the_end_is_outside(self):
        """Half-open: the last instant is not part of the series."""
        with pytest.raises(HorizonTooShort):
            hourly(1.0).value_at(at(1))

    def test_an_empty_series_has_no_bounds(self):
        """Asking an empty series for its start raises instead of inventing one."""
        with pytest.raises(HorizonTooShort, match="no values known for demo/X"):
            _ = hourly(None).start

    def test_lines_are_integrated_exactly(self):
        """The mean under a straight line is the value in its middle."""
        series = Series.line(DEMO, [at(0), at(1), at(2)], [0.0, 100.0, 100.0])

        assert series.shape is StepShape.LINEAR
        assert series.mean(span(0.25, 0.75)) == pytest.approx(50.0, abs=1e-12)
        assert series.value_at(at(0.5)) == 50.0

    def test_clipping_keeps_the_mean(self):
        """A clipped part has the mean of that window, for lines too."""
        line = Series.line(DEMO, [at(0), at(1), at(3)], [10.0, 110.0, 30.0])
        part = line.clip(span(0.5, 2.5))

        assert part.start == at(0.5)
        assert part.end == at(2.5)
        assert part.mean(span(0.5, 2.5)) == pytest.approx(line.mean(span(0.5, 2.5)), rel=1e-12)

    def test_quality_travels_with_each_step(self):
        """Measured and forecast steps can stand in one series and stay told apart."""
        t = to_ns(T0)
        series = Series(DEMO, [t, t + 10], [t + 10, t + 20], [1.0, 2.0], qualities=[0, Quality.FORECAST.rank])

        assert [q for *_, q in series] == [Quality.MEASURED, Quality.FORECAST]
        assert series.quality_at(T0) is Quality.MEASURED


@given(
    values=st.lists(st.floats(0, 2000), min_size=1, max_size=12),
    minutes=st.lists(st.integers(1, 180), min_size=12, max_size=12),
    linear=st.booleans(),
    cut=st.tuples(st.floats(0, 1), st.floats(0, 1)),
)
@settings(max_examples=100, deadline=None)
def test_the_mean_equals_a_fine_sum(values, minutes, linear, cut):
    """The prefix-sum mean agrees with adding up one-second slices, for both step shapes."""
    values = [*values, values[0]] if linear else values
    edges = np.cumsum([0, *minutes[: len(values) - (1 if linear else 0)]])
    times = [T0 + timedelta(minutes=int(m)) for m in edges]
    if linear:
        series = Series.line(DEMO, times, values)
    else:
        series = Series(DEMO, [to_ns(t) for t in times[:-1]], [to_ns(t) for t in times[1:]], values)
    total = int(edges[-1] * 60)
    first, last = sorted(int(c * (total - 1)) for c in cut)
    last += 1
    seconds = np.arange(first, last) + 0.5
    if linear:
        fine = np.interp(seconds, edges * 60, values).mean()
    else:
        fine = np.asarray(values)[np.searchsorted(edges * 60, seconds, side="right") - 1].mean()
    window = Interval(T0 + timedelta(seconds=first), T0 + timedelta(seconds=last))

    assert series.mean(window) == pytest.approx(float(fine), rel=1e-6, abs=1e-6)


def test_instants_outside_utc_are_converted():
    """A local time with its offset means the same instant."""
    plus_two = datetime(2026, 1, 1, 2, tzinfo=timezone(timedelta(hours=2)))

    assert hourly(7.0).value_at(plus_two) == hourly(7.0).value_at(datetime(2026, 1, 1, tzinfo=UTC)) == 7.0

"""Threshold starts: first instant at or below, percentile of the past, hysteresis, and the forecast gate."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gridtide.domain.decision import Reason
from gridtide.domain.series import Series
from gridtide.planning.shape import power_levels
from gridtide.planning.threshold import first_below, switch_on, threshold_start, trailing_percentile
from planning.brute import HOUR_NS, MINUTE_NS, T0_NS, area, jobs, minutes, run_cost, series_of
from support import DEMO, at, hourly

DAY_NS = 24 * HOUR_NS


class TestFirstBelow:
    @given(series_of(), jobs(), st.integers(0, 500))
    @settings(max_examples=50, deadline=None)
    def test_nothing_before_it_is_below(self, series, job, threshold):
        """The value there is at or below the threshold, and no earlier known instant is."""
        release, latest, _ = job
        found = first_below(series, release, latest, threshold)
        stop = latest if found is None else found
        before = [release + (stop - release) * i // 50 for i in range(50)]

        assert found is None or release <= found <= latest
        assert found is None or series.curve_at(found).value_at(found) <= threshold + 1e-9
        for instant in before:
            curve = series.curve_at(instant)
            if curve is not None and instant < stop - 1000:
                assert curve.value_at(instant) > threshold - 1e-6

    def test_the_value_at_the_threshold_counts(self):
        """At or below, not below."""
        assert first_below(hourly(300.0, 200.0), T0_NS, minutes(60), 200.0) == minutes(60)

    def test_the_latest_start_itself_counts(self):
        """An edge on the bound is in time, one after it is not."""
        assert first_below(hourly(300.0, 200.0), T0_NS, minutes(60) - 1, 200.0) is None

    def test_a_falling_line_is_met_where_it_crosses(self):
        """Halfway down from 300 to 100 it is at 200."""
        line = Series.line(DEMO, [at(0), at(1), at(2)], [300.0, 100.0, 300.0])

        assert first_below(line, T0_NS, minutes(120), 200.0) == minutes(30)
        assert first_below(line, minutes(91), minutes(120), 200.0) is None

    def test_the_end_of_what_is_known_is_not_below(self):
        """A line that reaches the threshold at its last point reaches it too late to start there."""
        line = Series.line(DEMO, [at(0), at(1)], [300.0, 100.0])

        assert first_below(line, T0_NS, minutes(120), 100.0) is None

    def test_a_gap_is_not_below(self):
        """Unknown is never at or below anything."""
        assert first_below(hourly(300.0, None, 100.0), T0_NS, minutes(240), 200.0) == minutes(120)


class TestStart:
    def start(self, values, threshold, *, latest=240, gate=True, length=HOUR_NS):
        return threshold_start(hourly(*values), T0_NS, minutes(latest), length, threshold, gate=gate)

    def test_below_now_starts_now(self):
        """At or below the threshold there is nothing to wait for."""
        choice = self.start([200.0, 100.0, 100.0], 200.0)

        assert (choice.start_ns, choice.reason) == (T0_NS, Reason.BELOW_THRESHOLD)

    def test_above_now_waits_for_below(self):
        """The first hour below, not the lowest."""
        choice = self.start([300.0, 190.0, 100.0], 200.0)

        assert (choice.start_ns, choice.reason) == (minutes(60), Reason.ABOVE_THRESHOLD)

    def test_never_below_without_the_gate_starts_at_the_latest(self):
        """The bare rule waits out its maximum delay, here into a dirtier hour."""
        choice = self.start([300.0, 400.0, 500.0, 600.0], 200.0, latest=120, gate=False)

        assert (choice.start_ns, choice.reason) == (minutes(120), Reason.ABOVE_THRESHOLD)

    def test_the_gate_starts_now_when_waiting_does_not_help(self):
        """The same case with the gate runs at once and says why."""
        choice = self.start([300.0, 400.0, 500.0, 600.0], 200.0, latest=120)

        assert (choice.start_ns, choice.reason) == (T0_NS, Reason.WAITING_DOES_NOT_HELP)

    def test_the_gate_looks_at_the_whole_run(self):
        """A short dip below the threshold in front of a peak is no better start for a long run."""
        choice = self.start([210.0, 200.0, 900.0, 900.0, 900.0], 200.0, length=3 * HOUR_NS)

        assert (choice.start_ns, choice.reason) == (T0_NS, Reason.WAITING_DOES_NOT_HELP)

    def test_equal_does_not_help(self):
        """A later start of the same cost is no reason to wait."""
        assert self.start([300.0, 300.0, 300.0], 100.0, latest=60).reason is Reason.WAITING_DOES_NOT_HELP

    def test_an_unknown_run_is_no_help(self):
        """Where the picked run leaves the known part and now is known, it runs now."""
        choice = self.start([300.0, 100.0], 200.0, length=2 * HOUR_NS)

        assert (choice.start_ns, choice.reason) == (T0_NS, Reason.WAITING_DOES_NOT_HELP)
        assert self.start([300.0, 100.0], 200.0, length=2 * HOUR_NS, gate=False) is None

    def test_bounds_that_leave_no_start_have_no_answer(self):
        """A latest start before the release is no start."""
        assert threshold_start(hourly(300.0, 100.0), minutes(60), minutes(59), HOUR_NS, 500.0) is None

    def test_an_unknown_now_cannot_be_compared(self):
        """When nothing is known about now, the start below the threshold stands."""
        series = hourly(None, 300.0, 100.0)

        assert threshold_start(series, T0_NS, minutes(120), HOUR_NS, 200.0).start_ns == minutes(120)

    @given(series_of(), jobs(), st.integers(0, 500), st.lists(st.floats(1, 9), min_size=1, max_size=3))
    @settings(max_examples=30, deadline=None)
    def test_with_the_gate_it_never_costs_more_than_now(self, series, job, threshold, powers):
        """Whatever the threshold, the gated start is at most as dear as starting now."""
        release, latest, length = job
        shape = power_levels(length, powers)
        choice = threshold_start(series, release, latest, length, threshold, shape=shape)
        now = run_cost(series, release, length, powers)

        if choice is not None and now is not None:
            assert choice.cost <= float(now) + 1e-9 * max(1.0, float(now))


class TestPercentile:
    def test_a_quarter_of_the_time_is_at_or_below_it(self):
        """Time-weighted: the smallest value that a quarter of the past was at or below."""
        history = hourly(400.0, 100.0, 300.0, 200.0)

        assert [trailing_percentile(history, minutes(240), DAY_NS, q) for q in (0, 25, 26, 50, 75, 100)] == [
            100.0,
            100.0,
            200.0,
            200.0,
            300.0,
            400.0,
        ]

    def test_long_steps_weigh_more(self):
        """A value that held for nine hours is the median beside three values of one hour."""
        history = Series(DEMO, [0, 9 * HOUR_NS, 10 * HOUR_NS, 11 * HOUR_NS], [9 * HOUR_NS, 10 * HOUR_NS, 11 * HOUR_NS, 12 * HOUR_NS], [50.0, 1.0, 2.0, 3.0])  # fmt: skip

        assert trailing_percentile(history, 12 * HOUR_NS, DAY_NS, 50) == 50.0

    def test_the_future_is_not_looked_at(self):
        """Values after now do not count."""
        assert trailing_percentile(hourly(100.0, 5.0), minutes(60), DAY_NS, 0) == 100.0

    def test_only_the_span_counts(self):
        """Values before the span do not count, a step partly inside counts for that part."""
        history = hourly(1.0, 300.0, 300.0)

        assert trailing_percentile(history, minutes(180), 2 * HOUR_NS, 0) == 300.0
        assert trailing_percentile(history, minutes(180), 2 * HOUR_NS + MINUTE_NS, 0) == 1.0

    def test_no_past_gives_no_threshold(self):
        """Nothing known before now: None, not zero."""
        assert trailing_percentile(hourly(100.0), T0_NS, DAY_NS, 25) is None
        assert trailing_percentile(Series(DEMO, [], [], []), T0_NS, DAY_NS, 25) is None

    @given(series_of(linear=st.just(False)), st.floats(0, 100))
    @settings(max_examples=50, deadline=None)
    def test_enough_of_the_time_is_at_or_below(self, history, percentile):
        """At least the share asked for lies at or below the value, and less than that below any smaller one."""
        end = int(history.ends_ns[-1])
        value = trailing_percentile(history, end, 10 * DAY_NS, percentile)
        lengths = (history.ends_ns - history.starts_ns).tolist()
        below = sum(t for t, v in zip(lengths, history.values.tolist(), strict=True) if v <= value)
        under = sum(t for t, v in zip(lengths, history.values.tolist(), strict=True) if v < value)

        assert below >= percentile / 100 * sum(lengths) * (1 - 1e-9)
        assert under <= percentile / 100 * sum(lengths) * (1 + 1e-9)


class TestHysteresis:
    def test_on_stays_on_a_little_above(self):
        """While running, the threshold is higher by the hysteresis; while off, it is not."""
        seen = [switch_on(v, 200.0, hysteresis=20.0, running=r) for v, r in ((201, False), (201, True), (221, True))]

        assert seen == [False, True, False]

    def test_noise_around_the_threshold_does_not_flap(self):
        """A signal that wobbles by less than the hysteresis switches once."""
        running, switches = False, 0
        for value in (205.0, 199.0, 201.0, 198.0, 204.0, 200.0, 209.0):
            on = switch_on(value, 200.0, hysteresis=10.0, running=running)
            switches += on != running
            running = on

        assert (running, switches) == (True, 1)


def test_the_area_used_for_checks_is_right():
    """The checking sum itself: two hours of 100 and 300 make 400."""
    assert area(hourly(100.0, 300.0), T0_NS, minutes(120)) == pytest.approx(400)

"""The lowest window: exact for any start, any steps, any power, and the same answer on every route."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gridtide.domain.decision import Reason
from gridtide.domain.series import Series
from gridtide.planning import segments
from gridtide.planning.equal_steps import lowest_on_equal_steps
from gridtide.planning.fixed import run_at, run_now
from gridtide.planning.shape import constant_power, power_levels
from gridtide.planning.window import known_starts, lowest_window
from planning.brute import HOUR_NS, MINUTE_NS, T0_NS, best_start, jobs, minutes, run_cost, series_of
from support import DEMO, at, hourly

NEAR = 1e-9


def close(a, b, size=1.0):
    return abs(float(a) - float(b)) <= NEAR * max(1.0, abs(float(b)), size)


class TestAgainstBruteForce:
    @given(series_of(), jobs())
    @settings(max_examples=50, deadline=None)
    def test_no_start_is_cheaper(self, series, job):
        """Trying every breakpoint and a fine grid finds nothing below the chosen window, and its cost is true."""
        release, latest, length = job
        choice, brute = lowest_window(series, release, latest, length), best_start(series, release, latest, length)

        assert (choice is None) == (brute is None)
        if choice is not None:
            assert release <= choice.start_ns <= latest
            assert choice.pieces == ((choice.start_ns, choice.start_ns + length),)
            assert close(choice.cost, run_cost(series, choice.start_ns, length))
            assert float(choice.cost) <= float(brute[0]) + NEAR * max(1.0, float(brute[0]))
            assert close(choice.mean * length / HOUR_NS, choice.cost)

    @given(series_of(), jobs(), st.lists(st.sampled_from([0.0, 50.0, 100.0, 350.0]), min_size=1, max_size=4))
    @settings(max_examples=40, deadline=None)
    def test_no_start_is_cheaper_with_changing_power(self, series, job, powers):
        """The same holds when power changes over the run."""
        release, latest, length = job
        shape = power_levels(length, powers)
        choice = lowest_window(series, release, latest, length, shape=shape)
        brute = best_start(series, release, latest, length, powers)

        assert (choice is None) == (brute is None)
        if choice is not None:
            assert close(choice.cost, run_cost(series, choice.start_ns, length, powers), 1e3)
            assert float(choice.cost) <= float(brute[0]) + NEAR * max(1.0, float(brute[0]))

    @given(series_of(linear=st.just(False), equal=st.just(True), gaps=st.just(False)), jobs())
    @settings(max_examples=50, deadline=None)
    def test_the_short_route_equals_the_general_one(self, series, job):
        """On equal constant steps both routes give the same start, cost and reason."""
        release, latest, length = job
        short = lowest_on_equal_steps(series.curves[0], release, latest, length)
        general = _by_general_route(series, release, latest, length)

        assert (short is None) == (general is None)
        if short is not None:
            assert (short.start_ns, short.reason) == (general.start_ns, general.reason)
            assert close(short.cost, general.cost)

    @given(series_of(), jobs(), st.sampled_from([5, 7, 30]))
    @settings(max_examples=30, deadline=None)
    def test_a_grid_of_starts_is_kept(self, series, job, step):
        """With a grid, the winner is the cheapest start on it, never a better one between."""
        release, latest, length = job
        grid = step * MINUTE_NS
        choice = lowest_window(series, release, latest, length, grid_ns=grid)
        costs = [
            cost for start in range(release, latest + 1, grid) if (cost := run_cost(series, start, length)) is not None
        ]

        assert (choice is None) == (not costs)
        if choice is not None:
            assert (choice.start_ns - release) % grid == 0
            assert close(choice.cost, min(costs))


def _by_general_route(series, release, latest, length):
    """Force the general route: a second stretch far away makes the series unfit for the short one."""
    far = T0_NS + 10**6 * HOUR_NS
    more = Series(
        DEMO, [*series.starts_ns.tolist(), far], [*series.ends_ns.tolist(), far + 1], [*series.values.tolist(), 0.0]
    )
    return lowest_window(more, release, latest, length)


class TestTies:
    def test_equal_windows_take_the_earliest(self):
        """Two nights alike: the first."""
        choice = lowest_window(hourly(300.0, 100.0, 300.0, 100.0), T0_NS, minutes(180), HOUR_NS)

        assert choice.start_ns == minutes(60)

    def test_a_difference_from_rounding_is_a_tie(self):
        """0.1 + 0.2 and 0.3 cost the same, so the earlier start wins."""
        choice = lowest_window(hourly(0.1 + 0.2, 0.3, 0.3), T0_NS, minutes(120), HOUR_NS)

        assert (choice.start_ns, choice.reason) == (T0_NS, Reason.FLAT)

    def test_a_true_difference_is_no_tie(self):
        """A part in a million less is less."""
        choice = lowest_window(hourly(100.0, 100.0 - 1e-4), T0_NS, minutes(60), HOUR_NS)

        assert choice.start_ns == minutes(60)

    @pytest.mark.parametrize("length_min", [30, 60, 61, 7.5, 600])
    def test_a_long_flat_series_runs_now(self, length_min):
        """Rounding in a year of running integrals makes no difference look real."""
        flat = hourly(*[300.1] * 8760)
        choice = lowest_window(flat, minutes(37), minutes(60 * 8000), round(length_min * MINUTE_NS))

        assert (choice.start_ns, choice.reason) == (minutes(37), Reason.FLAT)

    def test_a_flat_line_runs_now(self):
        """Also when values are joined by straight lines."""
        flat = Series.line(DEMO, [at(h) for h in range(10)], [42.0] * 10)
        choice = lowest_window(flat, minutes(7), minutes(300), 2 * HOUR_NS)

        assert (choice.start_ns, choice.reason, choice.mean) == (minutes(7), Reason.FLAT, pytest.approx(42.0))


class TestBoundaries:
    def test_the_latest_start_itself_is_in_time(self):
        """A start on the latest start is allowed; one nanosecond later is not."""
        falling = hourly(400.0, 300.0, 200.0, 100.0)

        assert lowest_window(falling, T0_NS, minutes(180), HOUR_NS).start_ns == minutes(180)
        assert lowest_window(falling, T0_NS, minutes(180) - 1, HOUR_NS).start_ns == minutes(180) - 1

    def test_a_window_may_end_where_the_series_ends(self):
        """The last known instant is the end of a window, not inside it."""
        choice = lowest_window(hourly(200.0, 100.0), T0_NS, minutes(6000), HOUR_NS)

        assert choice.end_ns == minutes(120)

    def test_a_window_longer_than_the_series_has_no_answer(self):
        """Nothing is extrapolated."""
        assert lowest_window(hourly(200.0, 100.0), T0_NS, minutes(60), 2 * HOUR_NS + 1) is None

    def test_a_window_that_fits_exactly_is_the_answer(self):
        """Duration equal to what is known leaves one start."""
        assert lowest_window(hourly(200.0, 100.0), T0_NS, minutes(60), 2 * HOUR_NS).mean == 150.0

    def test_a_window_never_touches_a_gap(self):
        """The cheapest hours beside a gap do not help a run that would reach into it."""
        series = hourly(300.0, 1.0, None, 1.0, 300.0, 200.0, 200.0)
        choice = lowest_window(series, T0_NS, minutes(600), 2 * HOUR_NS)

        assert (choice.start_ns, choice.mean) == (T0_NS, 150.5)

    def test_zero_is_a_value(self):
        """An hour at 0 is the cleanest hour, not a missing one."""
        assert lowest_window(hourly(5.0, 0.0, 5.0), T0_NS, minutes(120), HOUR_NS).mean == 0.0

    def test_an_empty_series_has_no_answer(self):
        """No steps, no choice."""
        assert lowest_window(Series(DEMO, [], [], []), T0_NS, minutes(60), HOUR_NS) is None
        assert run_now(Series(DEMO, [], [], []), T0_NS, HOUR_NS) is None

    def test_bounds_before_the_series_start_wait_for_it(self):
        """Where nothing is known yet, nothing is chosen; the first known start is."""
        choice = lowest_window(hourly(100.0, 100.0), minutes(-30), minutes(30), HOUR_NS)

        assert (choice.start_ns, choice.reason) == (T0_NS, Reason.LOWER_LATER)

    def test_the_fixed_starts_cost_what_they_cost(self):
        """A given start is one run with its true mean, or none."""
        series = hourly(300.0, 100.0, 200.0)
        latest = run_at(series, minutes(90), HOUR_NS, Reason.RUN_LATEST_ASKED)

        assert (run_now(series, minutes(30), HOUR_NS).mean, latest.mean) == (200.0, 150.0)
        assert run_at(series, minutes(121), HOUR_NS, Reason.RUN_LATEST_ASKED) is None


class TestBetweenSteps:
    def test_a_start_off_every_edge_is_found(self):
        """A 90 min run over hours of 100 and 50 lies best where its end meets the edge of the cheap hour."""
        choice = lowest_window(hourly(300.0, 100.0, 50.0, 300.0), T0_NS, minutes(150), 90 * MINUTE_NS)

        assert (choice.start_ns, choice.mean) == (minutes(90), pytest.approx(200 / 3))

    def test_a_valley_between_points_is_met_at_its_bottom(self):
        """On lines down and up again, the best hour is centred by the slopes, off every point."""
        valley = Series.line(DEMO, [at(0), at(2), at(6)], [200.0, 0.0, 200.0])
        choice = lowest_window(valley, T0_NS, minutes(240), HOUR_NS)

        assert choice.start_ns == minutes(100)
        assert choice.mean == pytest.approx(100.0 / 6 * 1.0, rel=1e-12)

    def test_the_heavy_half_lies_in_the_cleaner_hour(self):
        """A job that draws most power at its end is placed so that the end is clean."""
        shape = power_levels(2 * HOUR_NS, (100.0, 300.0))
        series = hourly(100.0, 300.0, 50.0, 260.0, 10.0)

        assert lowest_window(series, T0_NS, minutes(180), 2 * HOUR_NS, shape=shape).start_ns == minutes(180)
        assert lowest_window(series, T0_NS, minutes(120), 2 * HOUR_NS, shape=shape).start_ns == minutes(60)


class TestShape:
    def test_equal_levels_are_constant(self):
        """A profile that never changes is no profile."""
        assert power_levels(HOUR_NS, (5.0, 5.0, 5.0)) == constant_power(HOUR_NS)
        assert power_levels(HOUR_NS, (0.0, 0.0)) == constant_power(HOUR_NS)

    def test_levels_are_relative_to_the_mean(self):
        """Energy over the run equals mean power times its length."""
        shape = power_levels(3 * HOUR_NS, (100.0, 200.0, 600.0))

        assert shape.levels == pytest.approx((1 / 3, 2 / 3, 2.0))
        assert sum(shape.weights) == pytest.approx(0.0)

    def test_more_parts_than_nanoseconds_still_add_up(self):
        """Parts that round to nothing are left out."""
        shape = power_levels(2, (1.0, 2.0, 3.0))

        assert shape.edges_ns[0] == 0
        assert shape.edges_ns[-1] == 2


def test_candidates_between_two_bounds_are_increasing_and_known():
    """Every candidate start keeps the bounds and has a cost."""
    found = list(known_starts(hourly(1.0, 2.0, None, 3.0, 4.0), T0_NS, minutes(600), constant_power(HOUR_NS)))

    assert [f.starts_ns.tolist() for f in found] == [[T0_NS, minutes(60)], [minutes(180), minutes(240)]]
    assert segments.grid_starts(minutes(61), minutes(119), T0_NS, HOUR_NS).size == 0

"""Free pauses: the cheapest time there is, to the nanosecond, on every kind of series."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gridtide.domain.decision import Reason
from gridtide.domain.series import Series
from gridtide.planning.slots import lowest_slots
from gridtide.planning.window import lowest_window
from planning.brute import HOUR_NS, MINUTE_NS, T0_NS, area, jobs, minutes, pieces_cost, run_cost, series_of
from support import DEMO, at, hourly

NEAR = 1e-9


def slots(series, hours, *, release=0.0, end=24.0):
    return lowest_slots(series, minutes(60 * release), minutes(60 * end), round(hours * HOUR_NS))


def spans(choice):
    return [((a - T0_NS) / HOUR_NS, (b - T0_NS) / HOUR_NS) for a, b in choice.pieces]


class TestProperties:
    @given(series_of(), jobs())
    @settings(max_examples=50, deadline=None)
    def test_pieces_keep_every_bound_and_add_up(self, series, job):
        """Pieces are in order, apart, inside the bounds, known, and as long as asked; the cost is true."""
        release, latest, length = job
        end = latest + length
        choice = lowest_slots(series, release, end, length)
        known = sum(
            max(0, min(b, end) - max(a, release))
            for a, b in zip(series.starts_ns.tolist(), series.ends_ns.tolist(), strict=True)
        )

        assert (choice is None) == (known < length)
        if choice is not None:
            pieces = choice.pieces
            assert sum(b - a for a, b in pieces) == length
            assert release <= pieces[0][0] == choice.start_ns
            assert choice.end_ns == pieces[-1][1] <= end
            assert all(a < b for a, b in pieces)
            assert all(left[1] < right[0] for left, right in zip(pieces[:-1], pieces[1:], strict=True))
            assert float(choice.cost) == pytest.approx(float(pieces_cost(series, pieces)), rel=NEAR, abs=1e-6)

    @given(series_of(), jobs())
    @settings(max_examples=50, deadline=None)
    def test_no_exchange_of_time_is_cheaper(self, series, job):
        """All time taken is at most as dear as all time left: nothing could be swapped for a gain."""
        release, latest, length = job
        end = latest + length
        choice = lowest_slots(series, release, end, length)
        if choice is None:
            return
        edges = sorted({release, end, *(e for p in choice.pieces for e in p)} | set(_edges(series, release, end)))
        taken, left = [], []
        for a, b in zip(edges[:-1], edges[1:], strict=True):
            inside = any(p <= a and b <= q for p, q in choice.pieces)
            if b - a > 10_000 and area(series, a, b) is not None:
                (taken if inside else left).extend(_extremes(series, a, b, high=inside))

        if taken and left:
            assert max(taken) <= min(left) + 1e-4

    @given(series_of(), jobs())
    @settings(max_examples=50, deadline=None)
    def test_slots_never_cost_more_than_a_window_nor_a_window_more_than_now(self, series, job):
        """More freedom never costs more."""
        release, latest, length = job
        pieces = lowest_slots(series, release, latest + length, length)
        window = lowest_window(series, release, latest, length)
        now = run_cost(series, release, length)

        if window is not None:
            assert pieces.cost <= window.cost + NEAR * max(1.0, window.cost)
        if now is not None:
            assert window.cost <= float(now) + NEAR * max(1.0, float(now))

    @given(series_of(linear=st.just(False)), jobs())
    @settings(max_examples=30, deadline=None)
    def test_a_constant_series_written_as_lines_gives_the_same(self, series, job):
        """The level of flat lines picks the same time as sorting steps."""
        release, latest, length = job
        flat = Series(DEMO, series.starts_ns, series.ends_ns, series.values, end_values=series.values)
        steps = lowest_slots(series, release, latest + length, length)
        level = lowest_slots(flat, release, latest + length, length)

        assert (steps and steps.pieces) == (level and level.pieces)


def _edges(series, first, last):
    return [e for e in (*series.starts_ns.tolist(), *series.ends_ns.tolist()) if first < e < last]


def _extremes(series, a, b, *, high):
    """Dearest (or cheapest) value on [a, b): steps are straight, so it is at one of the two ends."""
    near = [float(area(series, a, a + 1000)) / (1000 / HOUR_NS), float(area(series, b - 1000, b)) / (1000 / HOUR_NS)]
    return [max(near) if high else min(near)]


class TestCases:
    def test_the_lowest_hours_are_taken_wherever_they_are(self):
        """Two hours of work go to the two cheapest hours."""
        choice = slots(hourly(300.0, 100.0, 400.0, 50.0), 2)

        assert (spans(choice), choice.mean, choice.reason) == ([(1, 2), (3, 4)], 75.0, Reason.LOWER_LATER)

    def test_part_of_a_step_is_taken_from_its_start(self):
        """The dearest of the chosen steps is taken in part, as early as it can be."""
        assert spans(slots(hourly(300.0, 100.0, 400.0, 50.0), 1.5)) == [(1, 1.5), (3, 4)]

    def test_neighbours_make_one_piece(self):
        """Chosen hours that touch are one run."""
        assert spans(slots(hourly(300.0, 100.0, 50.0, 400.0), 2)) == [(1, 3)]

    def test_equal_hours_are_taken_earliest_first(self):
        """Of three equal hours the first two."""
        assert spans(slots(hourly(100.0, 400.0, 100.0, 100.0), 2)) == [(0, 1), (2, 3)]

    def test_a_flat_series_runs_now_in_one_piece(self):
        """Nothing to gain, nothing to pause for."""
        choice = slots(hourly(*[70.0] * 12), 5, release=0.25)

        assert (spans(choice), choice.reason) == ([(0.25, 5.25)], Reason.FLAT)

    def test_values_that_differ_by_rounding_run_now(self):
        """0.3 and 0.1 + 0.2 are the same value."""
        choice = slots(hourly(0.1 + 0.2, 0.3, 0.3), 1)

        assert (spans(choice), choice.reason) == ([(0, 1)], Reason.FLAT)

    def test_a_start_now_that_pauses_later_says_so(self):
        """Now is among the lowest, so it starts now, and goes on later."""
        choice = slots(hourly(50.0, 300.0, 100.0), 2)

        assert (spans(choice), choice.reason) == ([(0, 1), (2, 3)], Reason.LOWEST_NOW)

    def test_the_first_and_last_hour_may_be_cut_by_the_bounds(self):
        """Release and end inside a cheap hour leave only what lies between."""
        assert spans(slots(hourly(10.0, 300.0, 10.0), 1, release=0.5, end=2.5)) == [(0.5, 1), (2, 2.5)]

    def test_gaps_are_skipped(self):
        """Unknown hours are never used, whatever lies around them."""
        assert spans(slots(hourly(300.0, 20.0, None, 10.0), 2)) == [(1, 2), (3, 4)]

    def test_less_known_time_than_work_has_no_answer(self):
        """Two known hours cannot hold three hours of work."""
        assert slots(hourly(300.0, None, 10.0), 3) is None
        assert slots(hourly(300.0, 20.0), 3) is None
        assert slots(Series(DEMO, [], [], []), 1) is None

    def test_all_known_time_may_be_needed(self):
        """With no slack, everything is taken."""
        assert spans(slots(hourly(300.0, 20.0), 2)) == [(0, 2)]

    @pytest.mark.parametrize("minutes_each", [(60, 60, 60), (30, 75, 60)], ids=["equal steps", "unequal steps"])
    def test_a_long_series_is_sorted_only_where_it_matters(self, minutes_each):
        """A short window inside a long series finds its own lowest steps."""
        edges = [T0_NS]
        for k in range(300):
            edges.append(edges[-1] + minutes_each[k % 3] * MINUTE_NS)
        values = [float((k * 37) % 101) for k in range(300)]
        series = Series(DEMO, edges[:-1], edges[1:], values)
        choice = lowest_slots(series, edges[100], edges[110], 3 * HOUR_NS)
        taken = pieces_cost(series, choice.pieces)
        brute = _cheapest_of_steps(
            values[100:110], [b - a for a, b in zip(edges[100:110], edges[101:111], strict=True)]
        )

        assert float(taken) == pytest.approx(brute)

    def test_the_level_of_a_valley_is_exact(self):
        """The cheapest two hours of a V are the part below one level, met on both slopes."""
        valley = Series.line(DEMO, [at(0), at(2), at(6)], [200.0, 0.0, 200.0])
        choice = slots(valley, 3)

        assert spans(choice) == [(1, 4)]
        assert choice.mean == pytest.approx(50.0)

    def test_two_valleys_share_one_level(self):
        """Time is split between two valleys so that both are filled to the same level."""
        points = [at(h) for h in (0, 2, 4, 6, 8)]
        choice = slots(Series.line(DEMO, points, [100.0, 0.0, 100.0, 50.0, 100.0]), 3)
        valleys = spans(choice)

        assert len(valleys) == 2
        heights = [50.0 * abs(h - 2) for h in valleys[0]] + [50.0 + 25.0 * abs(h - 6) for h in valleys[1]]
        assert heights == pytest.approx([heights[0]] * 4, abs=1e-6)

    def test_a_flat_stretch_at_the_level_is_taken_from_its_start(self):
        """Where the level meets a plateau, only as much of it as is needed is taken, earliest first."""
        points = [at(h) for h in (0, 1, 2, 4, 5)]
        choice = slots(Series.line(DEMO, points, [300.0, 300.0, 100.0, 100.0, 300.0]), 1)

        assert spans(choice) == [(2, 3)]


def _cheapest_of_steps(values, lengths, hours=3):
    left, total = hours * HOUR_NS, 0.0
    for value, length in sorted(zip(values, lengths, strict=True)):
        take = min(left, length)
        total += value * take / HOUR_NS
        left -= take
    return total

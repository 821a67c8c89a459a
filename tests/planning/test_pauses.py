"""Priced pauses: equal to trying every way on small cases, never worse than no pause on all others."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gridtide.domain.series import Series
from gridtide.planning.pauses import lowest_pieces
from gridtide.planning.pieces import PausePrice, cost_of_pieces
from gridtide.planning.settle import settle
from gridtide.planning.shape import constant_power, power_levels
from gridtide.planning.slots import lowest_slots
from gridtide.planning.window import lowest_window
from planning.brute import HOUR_NS, MINUTE_NS, T0_NS, area, minutes, pieces_cost, series_of
from support import DEMO, at, hourly

CELL = 30 * MINUTE_NS
FREE = PausePrice()


def every_way(count):
    """All sets of runs of cells out of *count*, as lists of (first, last + 1)."""
    for mask in range(1, 1 << count):
        runs, k = [], 0
        while k < count:
            if mask >> k & 1:
                first = k
                while k < count and mask >> k & 1:
                    k += 1
                runs.append((first, k))
            else:
                k += 1
        yield runs


def cheapest_way(series, count, price, *, cell=CELL, work, levels=None):
    """Least cost over all sets of runs that keep the rules; each resume repeats work at the power it had."""
    resume, least = price.resume_ns // cell, price.min_run_ns // cell
    cells = [area(series, T0_NS + k * cell, T0_NS + (k + 1) * cell) for k in range(count)]
    best = None
    for runs in every_way(count):
        if sum(b - a for a, b in runs) != work + resume * (len(runs) - 1):
            continue
        if price.most_pieces is not None and len(runs) > price.most_pieces:
            continue
        if len(runs) > 1 and min(b - a for a, b in runs) < least:
            continue
        if any(cells[k] is None for a, b in runs for k in range(a, b)):
            continue
        total, done = 0.0, 0
        for n, (a, b) in enumerate(runs):
            done -= resume if n else 0
            for k in range(a, b):
                total += float(cells[k]) * (1.0 if levels is None else levels[min(max(done, 0), work - 1)])
                done += 1
            finished = done >= work and n < len(runs) - 1
            if finished:
                break
        if not finished and (best is None or total < best):
            best = total
    return best


CASES = st.tuples(
    st.lists(st.one_of(st.none(), st.integers(0, 300)), min_size=4, max_size=8),
    st.integers(1, 4),
    st.integers(0, 2),
    st.integers(0, 3),
    st.one_of(st.none(), st.integers(1, 3)),
)


def steps(values, cell=CELL):
    known = [k for k, v in enumerate(values) if v is not None]
    return Series(
        DEMO, [T0_NS + k * cell for k in known], [T0_NS + (k + 1) * cell for k in known], [values[k] for k in known]
    )


class TestAgainstEveryWay:
    @given(CASES)
    @settings(max_examples=50, deadline=None)
    def test_no_way_of_pausing_is_cheaper(self, case):
        """The programme's cost is the least over all sets of runs, or there is none for both."""
        values, work, resume, least, most = case
        series, price = steps(values), PausePrice(resume * CELL, least * CELL, most)
        choice = lowest_pieces(series, T0_NS, T0_NS + len(values) * CELL, constant_power(work * CELL), price)
        brute = cheapest_way(series, len(values), price, work=work)

        assert (choice is None) == (brute is None)
        if choice is not None:
            assert choice.cost == pytest.approx(brute, rel=1e-9, abs=1e-9)
            assert float(pieces_cost(series, choice.pieces)) == pytest.approx(choice.cost, abs=1e-9)

    @given(CASES, st.lists(st.sampled_from([0.0, 1.0, 3.0]), min_size=4, max_size=4))
    @settings(max_examples=40, deadline=None)
    def test_no_way_is_cheaper_with_changing_power(self, case, powers):
        """With a power profile, each cell costs what the work done in it draws."""
        values, work, resume, least, most = case
        shape = power_levels(work * CELL, powers[:work])
        levels = [shape.levels[sum(e <= k * CELL for e in shape.edges_ns[1:-1])] for k in range(work)]
        series, price = steps(values), PausePrice(resume * CELL, least * CELL, most)
        choice = lowest_pieces(series, T0_NS, T0_NS + len(values) * CELL, shape, price)
        brute = cheapest_way(series, len(values), price, work=work, levels=levels)

        assert (choice is None) == (brute is None)
        if choice is not None:
            assert choice.cost == pytest.approx(brute, rel=1e-9, abs=1e-9)

    @given(st.lists(st.integers(0, 300), min_size=3, max_size=5), st.integers(1, 5), st.integers(0, 1))
    @settings(max_examples=50, deadline=None)
    def test_a_finer_grid_finds_nothing_cheaper(self, values, work, resume):
        """Pieces on the shared grid are optimal among pieces on a grid twice as fine."""
        series, half = steps(values), CELL // 2
        price = PausePrice(resume * CELL, 0, None)
        choice = lowest_pieces(series, T0_NS, T0_NS + len(values) * CELL, constant_power(work * CELL), price)
        brute = cheapest_way(series, 2 * len(values), price, cell=half, work=2 * work)

        assert (choice is None) == (brute is None)
        if choice is not None:
            assert choice.cost == pytest.approx(brute, rel=1e-9, abs=1e-9)


class TestOddTimes:
    @given(
        series_of(gaps=st.booleans(), most=8),
        st.integers(0, 3 * 3600 * 10**6),
        st.integers(60 * 10**6, 2 * 3600 * 10**6),
        st.tuples(st.sampled_from([0, 1, 7]), st.sampled_from([0, 10, 23]), st.sampled_from([None, 2, 3])),
    )
    @settings(max_examples=40, deadline=None)
    def test_rules_hold_and_no_pause_is_never_better(self, series, wait, work, rules):
        """At odd microseconds too: every rule is kept, the cost is true, free pauses bound it from below."""
        resume_min, least_min, most = rules
        length, release = work * 1000, T0_NS + 1000
        end = release + length + wait * 1000
        price = PausePrice(resume_min * MINUTE_NS, least_min * MINUTE_NS, most)
        choice = lowest_pieces(series, release, end, constant_power(length), price)
        whole = lowest_window(series, release, end - length, length)
        if choice is None:
            assert whole is None
            return
        pieces = choice.pieces
        extra = price.resume_ns * (len(pieces) - 1)

        assert sum(b - a for a, b in pieces) == length + extra
        assert release <= pieces[0][0]
        assert pieces[-1][1] <= end
        assert all(left[1] < right[0] for left, right in zip(pieces[:-1], pieces[1:], strict=True))
        assert len(pieces) == 1 or min(b - a for a, b in pieces) >= price.min_run_ns
        assert most is None or len(pieces) <= most
        assert choice.cost == pytest.approx(float(pieces_cost(series, pieces)), rel=1e-9, abs=1e-6)
        if whole is not None:
            assert choice.cost <= whole.cost + 1e-9 * max(1.0, whole.cost)
        free = lowest_slots(series, release, end, length)
        assert free.cost <= choice.cost + 1e-6

    def test_edges_move_to_the_edges_of_steps(self):
        """A release at an odd second does not keep pieces off the edges of the cheap hours."""
        series = hourly(300.0, 10.0, 300.0, 20.0, 300.0)
        release = T0_NS + 417 * 10**9 + 123_000
        price = PausePrice(MINUTE_NS, 10 * MINUTE_NS, None)
        choice = lowest_pieces(series, release, minutes(300), constant_power(110 * MINUTE_NS), price)

        assert choice.pieces == ((minutes(60), minutes(120)), (minutes(180), minutes(231)))

    @given(
        series_of(gaps=st.booleans(), most=8),
        st.integers(60 * 10**6, 2 * 3600 * 10**6),
        st.tuples(st.sampled_from([0, 1, 7]), st.sampled_from([0, 10, 23]), st.sampled_from([None, 2, 3])),
        st.lists(st.sampled_from([0.0, 1.0, 4.0]), min_size=2, max_size=3),
    )
    @settings(max_examples=30, deadline=None)
    def test_rules_hold_with_changing_power_too(self, series, work, rules, powers):
        """The total is exact, pieces keep their rules, and no pause is never better."""
        resume_min, least_min, most = rules
        length, release = work * 1000, T0_NS + 1000
        end, shape = release + length + 90 * MINUTE_NS, power_levels(length, powers)
        price = PausePrice(resume_min * MINUTE_NS, least_min * MINUTE_NS, most)
        choice = lowest_pieces(series, release, end, shape, price)
        whole = lowest_window(series, release, end - length, length, shape=shape)
        if choice is None:
            assert whole is None
            return
        pieces = choice.pieces

        assert sum(b - a for a, b in pieces) == length + price.resume_ns * (len(pieces) - 1)
        assert release <= pieces[0][0]
        assert pieces[-1][1] <= end
        assert len(pieces) == 1 or min(b - a for a, b in pieces) >= price.min_run_ns
        assert whole is None or choice.cost <= whole.cost + 1e-9 * max(1.0, whole.cost)


class TestEdges:
    """Moving the edges of pieces found on a coarse grid."""

    def settled(self, series, spans, *, work, price=FREE, bounds=(0, 600)):
        found = settle(
            series,
            [(minutes(a), minutes(b)) for a, b in spans],
            (minutes(bounds[0]), minutes(bounds[1])),
            constant_power(work * MINUTE_NS),
            price,
        )
        return found and [((a - T0_NS) / MINUTE_NS, (b - T0_NS) / MINUTE_NS) for a, b in found]

    def test_time_moves_from_dear_to_cheap(self):
        """An edge inside a dear hour moves to the edge of the cheap one."""
        assert self.settled(hourly(300.0, 100.0, 300.0), [(50, 110)], work=60) == [(60, 120)]

    def test_what_is_too_much_is_cut_where_it_is_dearest(self):
        """Five minutes too many go from the dear end."""
        assert self.settled(hourly(100.0, 300.0), [(0, 65)], work=60) == [(0, 60)]

    def test_both_edges_of_a_valley_meet_one_level(self):
        """On straight lines a move stops where both edges are equally dear."""
        valley = Series.line(DEMO, [at(0), at(1), at(3)], [200.0, 0.0, 200.0])
        ((begin, end),) = self.settled(valley, [(10, 100)], work=90)

        assert 200 * (60 - begin) / 60 == pytest.approx(200 * (end - 60) / 120, abs=0.01)

    def test_pieces_that_meet_become_one_and_save_a_resume(self):
        """The time of the resume that is no longer needed is cut."""
        price = PausePrice(resume_ns=10 * MINUTE_NS)
        series = hourly(300.0, 100.0, 100.0, 300.0)

        ((begin, end),) = self.settled(series, [(60, 110), (115, 185)], work=110, price=price)

        assert (end - begin, begin >= 60, end <= 180) == (110, True, True)

    def test_a_piece_that_is_not_worth_it_vanishes(self):
        """A dear piece gives all its time to the cheap one."""
        series = hourly(300.0, 300.0, 100.0, 100.0)

        ((begin, end),) = self.settled(series, [(0, 20), (130, 200)], work=90)

        assert (end - begin, begin >= 120, end <= 240) == (90, True, True)

    def test_a_gap_stops_an_edge(self):
        """Nothing moves into unknown time."""
        assert self.settled(hourly(None, 100.0, 300.0), [(60, 90), (120, 150)], work=60) == [(60, 120)]
        assert self.settled(hourly(100.0, None, 300.0), [(0, 60), (130, 150)], work=80) == [(0, 60), (130, 150)]

    def test_what_cannot_be_cut_under_the_rules_has_no_answer(self):
        """Two pieces of the least length leave nothing to cut."""
        price = PausePrice(min_run_ns=30 * MINUTE_NS)

        assert self.settled(hourly(100.0, 300.0, 100.0), [(0, 30), (120, 150)], work=59, price=price) is None

    def test_changing_power_is_cut_at_the_ends_only(self):
        """Without moving anything, the last piece gives first, down to its least length."""
        shape, price = power_levels(50 * MINUTE_NS, (1.0, 2.0)), PausePrice(min_run_ns=25 * MINUTE_NS)
        spans = [(minutes(0), minutes(30)), (minutes(60), minutes(90))]
        cut = settle(hourly(1.0, 1.0), spans, (minutes(0), minutes(120)), shape, price)

        assert cut == [(minutes(0), minutes(25)), (minutes(60), minutes(85))]


class TestCases:
    def test_a_dear_resume_is_not_worth_a_short_dip(self):
        """Ten minutes of dear resuming cost more than riding through a small rise."""
        series = hourly(100.0, 110.0, 100.0, 500.0)

        def pieces(resume_min):
            price = PausePrice(resume_min * MINUTE_NS, 0, None)
            return len(lowest_pieces(series, T0_NS, minutes(240), constant_power(2 * HOUR_NS), price).pieces)

        assert (pieces(0), pieces(30)) == (2, 1)

    def test_short_pieces_are_refused(self):
        """With a minimum run of two hours, one cheap hour alone is no piece."""
        series = hourly(50.0, 300.0, 60.0, 60.0, 60.0, 60.0)
        choice = lowest_pieces(
            series, T0_NS, minutes(360), constant_power(4 * HOUR_NS), PausePrice(0, 2 * HOUR_NS, None)
        )

        assert choice.pieces == ((minutes(120), minutes(360)),)

    def test_one_piece_is_the_lowest_window(self):
        """No pause allowed means the lowest window."""
        series = hourly(50.0, 300.0, 60.0, 60.0)
        choice = lowest_pieces(series, T0_NS, minutes(240), constant_power(2 * HOUR_NS), PausePrice(0, 0, 1))

        assert choice == lowest_window(series, T0_NS, minutes(120), 2 * HOUR_NS)

    def test_a_flat_series_runs_now(self):
        """Nothing to gain from a pause."""
        choice = lowest_pieces(
            hourly(*[80.0] * 8), minutes(5), minutes(480), constant_power(HOUR_NS), PausePrice(0, 600, 4)
        )

        assert (choice.start_ns, len(choice.pieces)) == (minutes(5), 1)

    def test_free_rules_allow_what_keeps_them(self):
        """A plan made as if pauses were free stands where it keeps the rules anyway."""
        two = ((0, 10), (20, 30))

        assert PausePrice(0, 10, 2).allows(two)
        assert not PausePrice(0, 11, 2).allows(two)
        assert not PausePrice(0, 10, 1).allows(two)
        assert not PausePrice(1, 0, None).allows(two)
        assert PausePrice(1, 99, 1).allows(((0, 10),))

    def test_a_resume_draws_the_power_of_the_work_it_repeats(self):
        """Work at a quarter, then at full power: repeating the first costs less than repeating the second."""
        shape = power_levels(2 * HOUR_NS, (100.0, 400.0))
        flat, price = hourly(*[100.0] * 6), PausePrice(30 * MINUTE_NS, 0, None)
        early, _ = cost_of_pieces(flat, [(minutes(0), minutes(60)), (minutes(120), minutes(210))], shape, price)
        late, _ = cost_of_pieces(flat, [(minutes(0), minutes(90)), (minutes(120), minutes(180))], shape, price)

        assert (early, late) == (pytest.approx(200.0 + 20.0), pytest.approx(200.0 + 80.0))

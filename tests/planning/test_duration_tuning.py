"""Run times are learned with caution, and thresholds iterate without a growing backlog."""

from datetime import timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gridtide.domain.errors import InvalidInput
from gridtide.planning.duration import learn
from gridtide.planning.tuning import Tuner, TunerState, tune
from support import HOUR


class TestLearn:
    def test_without_runs_the_declaration_stands(self):
        """Nothing learned: the declared length, with room above it."""
        times = learn([], declared=HOUR)

        assert times.typical == HOUR
        assert times.safe > HOUR

    def test_evidence_outweighs_the_declaration(self):
        """Fifty runs of two hours beat a declaration of one."""
        assert learn([2 * HOUR] * 50, declared=HOUR).typical == pytest.approx(2 * HOUR, abs=timedelta(minutes=1))

    def test_one_lucky_run_does_not_shrink_the_room(self):
        """After one run of a minute the safe length still covers the declared hour."""
        assert learn([timedelta(minutes=1)], declared=HOUR).safe >= HOUR

    def test_scatter_widens_the_room(self):
        """Runs that differ by factors keep more room than regular ones of the same median."""
        wild = learn([HOUR / 4, HOUR, 4 * HOUR] * 10, declared=HOUR)

        assert wild.safe > 2 * learn([HOUR] * 30, declared=HOUR).safe

    def test_a_run_of_no_length_is_refused(self):
        """A finished run took time."""
        with pytest.raises(InvalidInput, match="longer than zero"):
            learn([timedelta(0)], declared=HOUR)

    @given(st.lists(st.floats(60, 86400), max_size=60), st.floats(60, 86400))
    @settings(max_examples=60, deadline=None)
    def test_safe_is_never_below_typical(self, seconds, declared):
        """The latest start never leaves less room than the window was chosen for."""
        times = learn([timedelta(seconds=s) for s in seconds], declared=timedelta(seconds=declared))

        assert times.safe >= times.typical > timedelta(0)


def simulate(target, *, arrivals=1.0, capacity=3.0, days=120, seed=1):
    """A year-like season: hourly intensity with a daily wave and noise; work arrives evenly and queues."""
    rng = np.random.default_rng(seed)
    hours = np.arange(days * 24)
    intensity = np.clip(250 + 120 * np.sin(hours / 24 * 2 * np.pi) + rng.normal(0, 30, hours.size), 20, None)
    tuner = Tuner(target=target, backlog_limit=24.0, low=0.0, high=600.0)
    state, backlog, done = TunerState(threshold=300.0), 0.0, []
    trace = []
    for day in intensity.reshape(days, 24):
        ran, weighted = 0.0, 0.0
        for value in day:
            backlog += arrivals
            if value <= state.threshold:
                now = min(backlog, capacity)
                backlog -= now
                ran, weighted = ran + now, weighted + now * value
        mean = weighted / ran if ran else None
        done.append(mean)
        state = tune(tuner, state, mean_g_per_kwh=mean, backlog=backlog)
        trace.append((state.threshold, backlog))
    return np.array([d if d is not None else np.nan for d in done]), np.array(trace)


class TestTuning:
    def test_a_reachable_target_is_reached(self):
        """The executed mean settles within 5 % of a target below the plain mean of 250."""
        means, trace = simulate(200.0)

        assert np.nanmean(means[-30:]) == pytest.approx(200.0, rel=0.05)
        assert trace[-30:, 1].max() < 24.0

    def test_an_unreachable_target_does_not_strand_work(self):
        """A target below every hour pushes against the backlog limit, and the backlog stays bounded."""
        _, trace = simulate(10.0)

        assert trace[-60:, 1].max() <= 1.5 * 24.0
        assert np.polyfit(np.arange(60), trace[-60:, 1], 1)[0] < 0.05

    def test_the_loop_settles(self):
        """In steady state the threshold moves little from day to day."""
        _, trace = simulate(200.0)

        assert np.abs(np.diff(trace[-30:, 0])).mean() < 25.0

    def test_a_growing_backlog_only_raises(self):
        """Over the limit the threshold rises whatever the target says."""
        tuner = Tuner(target=1.0, backlog_limit=10.0, low=0.0, high=500.0)
        state = tune(tuner, TunerState(threshold=100.0, backlog=9.0), mean_g_per_kwh=400.0, backlog=12.0)

        assert state.threshold > 100.0

    def test_a_step_is_bounded(self):
        """No period moves the threshold by more than a tenth of its range."""
        tuner = Tuner(target=1000.0, backlog_limit=10.0, low=0.0, high=500.0)

        assert tune(tuner, TunerState(threshold=100.0), mean_g_per_kwh=1.0, backlog=100.0).threshold == 150.0

    def test_no_work_is_no_evidence(self):
        """A period in which nothing ran and nothing waits changes nothing."""
        tuner = Tuner(target=100.0, backlog_limit=10.0, low=0.0, high=500.0)

        assert tune(tuner, TunerState(threshold=200.0), mean_g_per_kwh=None, backlog=0.0).threshold == 200.0

    @pytest.mark.parametrize("bounds", [(100.0, 50.0), (-1.0, 50.0)])
    def test_inverted_bounds_are_refused(self, bounds):
        """The threshold needs a range to move in."""
        with pytest.raises(InvalidInput, match="0 <= low < high"):
            Tuner(target=1.0, backlog_limit=1.0, low=bounds[0], high=bounds[1])

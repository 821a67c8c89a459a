"""The simulator runs the production planner and engine, and pays on what came true."""

from datetime import timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gridtide.domain.errors import InvalidInput
from gridtide.domain.instants import to_ns
from gridtide.domain.interval import Interval
from gridtide.domain.series import Series
from gridtide.domain.workload import Workload
from gridtide.engine.engine import Policy
from gridtide.planning.plan import plan
from gridtide.simulation.belief import AsIssued, FromHistory, Noisy, Perfect
from gridtide.simulation.faults import Fault, with_faults
from gridtide.simulation.job import Job
from gridtide.simulation.world import simulate
from support import DEMO, HOUR, T0, at

RNG = np.random.default_rng(5)
WAVE = 250 + 120 * np.sin(np.arange(24 * 40) / 24 * 2 * np.pi) + RNG.normal(0, 15, 24 * 40)
TRUTH = {"X": Series.steps(DEMO, T0, HOUR, WAVE)}
WEEK = Interval(T0, at(24 * 7))


def job(name, arrival, hours, slack, **more):
    work = Workload(
        id=name,
        duration=hours * HOUR,
        release=at(arrival),
        deadline=at(arrival) + hours * HOUR + slack * HOUR,
        power_w=1000.0,
        **more,
    )
    return Job(workload=work, zone="X")


JOBS = [job(f"j{k}", 3.5 * k, 1 + k % 5, 4 + 3 * (k % 7)) for k in range(40)]


def run(jobs, belief=None, *, truth=TRUTH, window=WEEK, rooms=None, **policy):
    return simulate(jobs, truth, belief or Perfect(), policy=Policy(**policy), window=window, rooms=rooms)


class TestPerfectForecast:
    def test_each_job_runs_once_where_the_planner_says(self):
        """With the truth known, every start is the start that `plan` gives at arrival."""
        for result in run(JOBS):
            expected = plan(result.job.workload, TRUTH["X"], now=result.job.workload.release)

            assert result.pieces == ((to_ns(expected.start), to_ns(expected.end)),)

    def test_run_now_is_the_baseline(self):
        """The method run-now starts every job on arrival."""
        assert all(r.intervals[0].start == r.job.workload.release for r in run(JOBS, method="run-now"))

    def test_interruptible_jobs_pause(self):
        """Interruptible work runs in pieces, whole, and inside its bounds."""
        jobs = [job(f"p{k}", 5 * k, 4, 20, interruptible=True) for k in range(20)]
        results = run(jobs, pauses=True)

        assert max(len(r.pieces) for r in results) > 1
        for result in results:
            assert sum(b - a for a, b in result.pieces) == 4 * 3_600_000_000_000
            assert result.intervals[-1].end <= result.job.workload.deadline

    def test_the_same_seed_gives_the_same_world(self):
        """A simulation is a pure function of its inputs."""
        belief = Noisy(error=0.2, persistence=0.9, growth_hours=12, seed=3)

        assert run(JOBS, belief) == run(JOBS, belief)


class TestBeliefs:
    def test_history_knows_nothing_of_the_future(self):
        """Changing what comes after the window changes no decision inside it."""
        changed = WAVE.copy()
        changed[24 * 35 :] *= 3
        window = Interval(at(24 * 30), at(24 * 34))
        jobs = [job(f"h{k}", 24 * 30 + 2 * k, 2, 8) for k in range(20)]
        other = {"X": Series.steps(DEMO, T0, HOUR, changed)}
        first = run(jobs, FromHistory(), window=window)

        assert [r.pieces for r in first] == [r.pieces for r in run(jobs, FromHistory(), truth=other, window=window)]

    def test_a_forecast_is_known_from_its_issue_on(self):
        """A recorded forecast that arrives after the latest start cannot have moved it."""
        late = Series.steps(DEMO.with_(issued_at=at(20)), at(20), HOUR, [10.0] * 24)
        result = run([job("a", 0, 1, 6)], AsIssued([late]))[0]

        assert to_ns(at(0)) <= result.pieces[0][0] <= to_ns(at(6))
        assert result.lateness_ns == 0

    def test_noise_costs_something(self):
        """A bad forecast saves less than a perfect one, on true values."""
        paid = {}
        for name, belief in {"perfect": Perfect(), "noisy": Noisy(error=0.6, seed=1)}.items():
            paid[name] = sum(TRUTH["X"].mean(r.intervals[0]) * (1 + k % 5) for k, r in enumerate(run(JOBS, belief)))

        assert paid["noisy"] > paid["perfect"]

    @pytest.mark.parametrize("field", ["error", "persistence"])
    def test_impossible_errors_are_refused(self, field):
        """Errors and their persistence have bounds, and the message names them."""
        with pytest.raises(InvalidInput, match=f"{'forecast error' if field == 'error' else field} is -1"):
            Noisy(**({"error": 0.1} | {field: -1.0}))


class TestFaults:
    def faulty(self, *faults, belief=None):
        class Injected:
            def readings(self, truth, window):
                return with_faults((belief or Noisy(error=0.05, growth_hours=12)).readings(truth, window), faults)

        return Injected()

    def test_an_outage_of_days_strands_nothing(self):
        """With no data at all from start to end every job still starts by its latest start (invariant I1)."""
        results = run(JOBS, self.faulty(Fault(kind="outage", window=Interval(T0 - HOUR, at(24 * 30)))))

        assert len(results) == len(JOBS)
        assert all(r.lateness_ns == 0 for r in results)

    def test_a_wrong_unit_is_refused(self):
        """Values that turn 2.2 times larger in mid-run do not reach the planner."""
        spoiled = Interval(at(24), at(72))
        seen = list(
            with_faults(
                Noisy(error=0.02, growth_hours=12).readings(TRUTH["X"], WEEK), [Fault(kind="unit", window=spoiled)]
            )
        )
        inside = [r for when, r in seen if to_ns(spoiled.start) <= when < to_ns(spoiled.end)]

        assert inside
        assert all("changed unit" in r.reason for r in inside)

    def test_an_unknown_fault_is_refused(self):
        """The message lists the kinds there are."""
        with pytest.raises(InvalidInput, match="allowed: outage, unit, stale"):
            Fault(kind="gremlin", window=WEEK)


class TestRoom:
    def test_room_is_never_exceeded(self):
        """With two executors no more than two jobs run at any instant, and all run."""
        results = run(JOBS, rooms={"X": 2})
        edges = sorted((t, d) for r in results for a, b in r.pieces for t, d in ((a, 1), (b, -1)))
        level = peak = 0
        for _, change in sorted(edges):
            level += change
            peak = max(peak, level)

        assert len(results) == len(JOBS)
        assert peak <= 2

    def test_waiting_for_room_is_counted(self):
        """Time spent ready but without a free executor is told apart from planned waiting."""
        jobs = [job(f"c{k}", 0, 3, 0) for k in range(3)]
        waited = sorted(r.waited_for_room_ns // 3_600_000_000_000 for r in run(jobs, rooms={"X": 1}))

        assert waited == [0, 3, 6]


def test_a_run_longer_than_declared_is_paid_in_full():
    """A job that takes three hours instead of one emits for three."""
    declared = job("long", 0, 1, 4)
    result = run([Job(workload=declared.workload, zone="X", true_duration=3 * HOUR)])[0]

    assert result.pieces[-1][1] - result.pieces[0][0] == 3 * 3_600_000_000_000


def test_an_unknown_zone_is_refused():
    """The message lists the zones that have a truth."""
    with pytest.raises(InvalidInput, match="'j' is in zone 'Y'; known: X"):
        run([Job(workload=Workload(id="j", duration=HOUR, release=T0), zone="Y")])


@given(
    rows=st.lists(
        st.tuples(st.floats(0, 60), st.floats(0.2, 8), st.floats(0, 20), st.booleans()), min_size=1, max_size=8
    ),
    seed=st.integers(0, 99),
)
@settings(max_examples=25, deadline=None)
def test_no_job_is_late_lost_or_run_twice(rows, seed):
    """Under a poor forecast every job starts by its latest start, ends, and is recorded once (I1 to I3)."""
    jobs = [job(f"k{k}", a, h, s, interruptible=p) for k, (a, h, s, p) in enumerate(rows)]
    results = run(jobs, Noisy(error=0.5, persistence=0.8, growth_hours=6, seed=seed), pauses=True)

    assert sorted(r.job.workload.id for r in results) == sorted(j.workload.id for j in jobs)
    for result in results:
        assert result.lateness_ns == 0
        assert result.pieces[0][0] >= to_ns(result.job.workload.release)
        done = timedelta(microseconds=sum(b - a for a, b in result.pieces) / 1000)
        assert done == pytest.approx(result.job.workload.duration, abs=timedelta(milliseconds=1))

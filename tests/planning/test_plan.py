"""The plan as a record: classes, deadlines, missing data, thresholds, baselines, alternatives, and their numbers."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from gridtide.domain.decision import Action, Reason
from gridtide.domain.errors import InvalidInput, KindMismatch, NaiveDatetime
from gridtide.domain.interval import Interval
from gridtide.domain.series import Series
from gridtide.domain.signal import Signal, SignalKind
from gridtide.domain.workload import Elasticity, OnNoData, Workload
from gridtide.planning.options import Method, PlanOptions
from gridtide.planning.plan import POLICY_VERSION, plan
from support import DEMO, HOUR, T0, at, hourly

TICK = timedelta(microseconds=1)
JOB = Workload(id="w", duration=HOUR, deadline=at(4), power_w=500.0)
NIGHT = hourly(300.0, 200.0, 100.0, 250.0, 50.0)
EMPTY = Series(DEMO, [], [], [])


def decide(workload=JOB, series=NIGHT, *, now=T0, method="auto", **options):
    return plan(workload, series, now=now, method=method, options=PlanOptions(**options))


class TestWait:
    def test_it_waits_for_the_cleanest_hour_before_the_deadline(self):
        """The cheapest hour that ends in time, not the cheapest hour known."""
        decision = decide()

        assert (decision.action, decision.reason, decision.method) == (Action.WAIT, Reason.LOWER_LATER, "lowest-window")
        assert (decision.start, decision.end, decision.mean) == (at(2), at(3), 100.0)
        assert decision.intervals == (Interval(at(2), at(3)),)
        assert (decision.wake_at, decision.latest_start, decision.decided_at) == (at(2), at(3), T0)
        assert decision.grams == pytest.approx(50.0)
        assert decision.saving == pytest.approx(2 / 3)
        assert (decision.zone, decision.signal, decision.policy_version) == ("X", DEMO, POLICY_VERSION)
        assert decision.warnings == ()

    def test_the_same_question_has_the_same_answer(self):
        """A decision is a pure function of its inputs (invariant I9)."""
        assert decide() == decide()

    def test_at_its_start_it_runs(self):
        """When now is the cleanest start, it runs and need not be woken."""
        decision = decide(now=at(2))

        assert (decision.action, decision.reason, decision.start, decision.wake_at) == (
            Action.RUN,
            Reason.LOWEST_NOW,
            at(2),
            None,
        )

    def test_a_flat_series_runs_now(self):
        """Nothing to gain."""
        assert decide(series=hourly(*[123.4] * 9)).reason is Reason.FLAT

    def test_the_home_region_is_where_it_runs(self):
        """The workload's own region names the place, else the signal's zone."""
        assert decide(replace(JOB, home="eu-west-1")).zone == "eu-west-1"


class TestClasses:
    @pytest.mark.parametrize("method", list(Method))
    @pytest.mark.parametrize(
        ("elasticity", "reason"),
        [(Elasticity.HARD, Reason.HARD_REAL_TIME), (Elasticity.SOFT, Reason.SOFT_REAL_TIME)],
    )
    def test_real_time_work_runs_now_whatever_is_asked(self, elasticity, reason, method):
        """The class wins over any method and any saving."""
        decision = decide(replace(JOB, elasticity=elasticity), method=method, threshold=10.0)

        assert (decision.action, decision.reason, decision.start, decision.mean) == (Action.RUN, reason, T0, 300.0)
        assert decision.alternatives == ()

    def test_real_time_work_needs_no_data(self):
        """Nothing known changes nothing for it."""
        decision = decide(replace(JOB, elasticity=Elasticity.HARD, on_no_data=OnNoData.WAIT), EMPTY)

        assert (decision.action, decision.mean) == (Action.RUN, None)

    def test_nothing_starts_before_its_release(self):
        """Work that is not released yet waits for its release, whatever its class."""
        decision = decide(replace(JOB, elasticity=Elasticity.HARD, release=at(1)))

        assert (decision.action, decision.reason, decision.start, decision.wake_at) == (
            Action.WAIT,
            Reason.NOT_RELEASED,
            at(1),
            at(1),
        )


class TestDeadline:
    def test_the_latest_start_is_still_in_time(self):
        """Exactly at the latest start it runs, in time, without a choice."""
        decision = decide(now=at(3))

        assert (decision.action, decision.reason, decision.end) == (Action.RUN, Reason.DEADLINE, at(4))
        assert decision.warnings == ("there is no time left to wait: the latest start is reached",)
        assert decision.alternatives == ()

    def test_a_microsecond_later_the_deadline_cannot_be_met(self):
        """It starts at once and says so."""
        decision = decide(now=at(3) + TICK)

        assert (decision.action, decision.reason) == (Action.RUN, Reason.DEADLINE_INFEASIBLE)
        assert decision.warnings == (
            "the deadline 2026-01-01T04:00:00Z cannot be met: the run ends 2026-01-01T04:00:00.000001Z",
        )
        assert not decision.baseline("run-now").feasible

    def test_a_microsecond_earlier_there_is_a_choice(self):
        """One microsecond of slack is slack."""
        decision = decide(now=at(3) - TICK, series=hourly(300.0, 200.0, 300.0, 100.0))

        assert (decision.reason, decision.start) == (Reason.LOWER_LATER, at(3))

    def test_a_used_up_delay_runs_now(self):
        """The longest wait is over, though the deadline is far."""
        decision = decide(replace(JOB, release=T0, max_delay=HOUR, deadline=at(9)), now=at(1.5))

        assert (decision.action, decision.reason, decision.latest_start) == (Action.RUN, Reason.DEADLINE, at(1))

    def test_the_longest_delay_bounds_the_start(self):
        """A start exactly at the end of the delay is allowed."""
        falling = hourly(400.0, 300.0, 200.0, 100.0)

        assert decide(replace(JOB, deadline=None, max_delay=2 * HOUR), falling).start == at(2)

    def test_the_earlier_bound_counts(self):
        """Deadline and delay together: whichever comes first."""
        falling = hourly(400.0, 300.0, 200.0, 100.0)

        assert decide(replace(JOB, deadline=at(3), max_delay=3 * HOUR), falling).start == at(2)
        assert decide(replace(JOB, deadline=at(4), max_delay=HOUR), falling).start == at(1)

    def test_a_release_too_late_for_the_deadline_is_said(self):
        """It starts at its release and the reason names the deadline."""
        decision = decide(replace(JOB, release=at(3.5)))

        assert (decision.action, decision.reason, decision.start) == (
            Action.WAIT,
            Reason.DEADLINE_INFEASIBLE,
            at(3.5),
        )

    def test_without_any_bound_it_stays_within_what_is_known(self):
        """Nothing bounds it, so the known values do, and the decision says so."""
        decision = decide(replace(JOB, deadline=None))

        assert (decision.start, decision.latest_start) == (at(4), None)
        assert decision.warnings == (
            "nothing bounds the start: it is chosen within the known values, which end 2026-01-01T05:00:00Z",
        )
        assert decision.baseline("run-latest").start == at(4)


class TestMissingData:
    @pytest.mark.parametrize("policy", [OnNoData.RUN, OnNoData.PROFILE])
    def test_nothing_known_runs_now(self, policy):
        """Unless told to wait, work is not held for data that may never come."""
        decision = decide(replace(JOB, on_no_data=policy), EMPTY)

        assert (decision.action, decision.reason, decision.mean, decision.grams, decision.signal) == (
            Action.RUN,
            Reason.NO_DATA,
            None,
            None,
            None,
        )
        assert decision.warnings == ("no values are known for the time of the run",)
        assert [b.mean for b in decision.baselines] == [None] * 4
        assert decision.saving is None

    def test_told_to_wait_it_waits_until_the_latest_start(self):
        """Bounded by the deadline, never longer (invariant I5)."""
        decision = decide(replace(JOB, on_no_data=OnNoData.WAIT), EMPTY)

        assert (decision.action, decision.reason, decision.start, decision.wake_at) == (
            Action.WAIT,
            Reason.NO_DATA_WAIT,
            at(3),
            at(3),
        )

    def test_told_to_wait_without_a_bound_it_runs(self):
        """A wait that nothing bounds is refused."""
        decision = decide(replace(JOB, deadline=None, on_no_data=OnNoData.WAIT), EMPTY)

        assert (decision.action, decision.reason) == (Action.RUN, Reason.NO_DATA)
        assert decision.warnings == ("no values are known for the time of the run, and nothing bounds a wait for them",)

    @pytest.mark.parametrize("method", [m for m in Method if m not in {Method.RUN_NOW, Method.RUN_LATEST}])
    def test_values_that_are_over_are_no_data(self, method):
        """Yesterday's values say nothing about today."""
        decision = decide(replace(JOB, deadline=at(40)), now=at(30), method=method, threshold=200.0)

        assert decision.reason is Reason.NO_DATA

    def test_values_after_the_deadline_are_no_data(self):
        """What begins after the work must be done does not help."""
        assert decide(series=hourly(10.0, start=at(4))).reason is Reason.NO_DATA

    def test_a_window_past_the_horizon_is_not_weighed(self):
        """Three known hours and a deadline far away: only the known part is used, and the horizon is named."""
        decision = decide(replace(JOB, deadline=at(20)), hourly(300.0, 200.0, 250.0))

        assert (decision.start, decision.mean) == (at(1), 200.0)
        assert decision.warnings == (
            "values are known until 2026-01-01T03:00:00Z only: starts after 2026-01-01T02:00:00Z were not weighed",
        )
        latest = decision.baseline("run-latest")
        assert (latest.start, latest.mean, latest.note) == (at(19), None, "part of this run is not known")

    def test_a_horizon_shorter_than_the_work_runs_now(self):
        """Nothing of it can be evaluated: it says so and starts."""
        decision = decide(replace(JOB, duration=4 * HOUR, deadline=at(20)), hourly(300.0, 200.0))

        assert (decision.action, decision.reason, decision.mean) == (Action.RUN, Reason.HORIZON_TOO_SHORT, None)
        assert decision.warnings[0].startswith("values are known until 2026-01-01T02:00:00Z only")

    def test_a_horizon_shorter_than_the_work_waits_where_told(self):
        """With on_no_data = wait it waits, bounded, with the same reason."""
        job = replace(JOB, duration=4 * HOUR, deadline=at(20), on_no_data=OnNoData.WAIT)
        decision = decide(job, hourly(300.0, 200.0))

        assert (decision.action, decision.reason, decision.start) == (
            Action.WAIT,
            Reason.HORIZON_TOO_SHORT,
            at(16),
        )

    def test_an_unknown_now_is_not_clean(self):
        """In a gap now, the best known run later is taken and no saving is claimed."""
        decision = decide(series=hourly(None, 300.0, 200.0, 250.0))

        assert (decision.start, decision.saving, decision.baseline("run-now").mean) == (at(2), None, None)
        assert decision.warnings == ("part of a run from the release is not known, so no saving can be stated",)

    def test_a_gap_ahead_is_named(self):
        """Runs that would touch it are not weighed, and the reader learns which gap."""
        decision = decide(series=hourly(300.0, None, 10.0, 250.0), workload=replace(JOB, duration=2 * HOUR))

        assert decision.start == at(2)
        assert decision.warnings[-1] == (
            "no values for 2026-01-01T01:00:00Z/2026-01-01T02:00:00Z: runs that touch it were not weighed"
        )

    def test_zero_is_data(self):
        """An hour at 0 g is the cleanest of all, and saves everything."""
        decision = decide(series=hourly(300.0, 0.0, 100.0))

        assert (decision.start, decision.mean, decision.grams, decision.saving) == (at(1), 0.0, 0.0, 1.0)

    @pytest.mark.parametrize("method", [m for m in Method if m is not Method.RUN_NOW])
    def test_no_policy_starts_in_the_past(self, method):
        """Where the last known start is over, the horizon is too short, whatever the policy."""
        job = replace(JOB, deadline=None, interruptible=True)
        decision = decide(job, hourly(300.0, 200.0), now=at(1.5), method=method, threshold=10.0)

        assert (decision.action, decision.reason, decision.start) == (
            Action.RUN,
            Reason.HORIZON_TOO_SHORT,
            at(1.5),
        )


class TestThreshold:
    def test_the_first_hour_below_is_taken(self):
        """Above now, below in an hour."""
        decision = decide(method="threshold", threshold=220.0)

        assert (decision.action, decision.reason, decision.start, decision.threshold) == (
            Action.WAIT,
            Reason.ABOVE_THRESHOLD,
            at(1),
            220.0,
        )

    def test_below_now_runs(self):
        """The value at the threshold is below it."""
        assert decide(method="threshold", threshold=300.0).reason is Reason.BELOW_THRESHOLD

    def test_the_gate_is_on_unless_switched_off(self):
        """Rising ahead and no hour below: with the gate now, without it at the latest start."""
        rising = hourly(300.0, 310.0, 320.0, 330.0)
        gated = decide(series=rising, method="threshold", threshold=100.0)
        bare = decide(series=rising, method="threshold", threshold=100.0, forecast_gate=False)

        assert (gated.start, gated.reason) == (T0, Reason.WAITING_DOES_NOT_HELP)
        assert (bare.start, bare.reason) == (at(3), Reason.ABOVE_THRESHOLD)
        assert gated.warnings == ("the mean of the run, 300 gCO2eq/kWh, is above the threshold of 100",)

    def test_running_work_tolerates_the_hysteresis(self):
        """305 is above 300, but not by more than the hysteresis for work that is on."""
        high = hourly(305.0, 100.0, 100.0, 100.0)

        assert decide(series=high, method="threshold", threshold=300.0, hysteresis=10.0).action is Action.WAIT
        assert (
            decide(series=high, method="threshold", threshold=300.0, hysteresis=10.0, running=True).action is Action.RUN
        )

    def test_a_percentile_of_the_past_is_a_threshold(self):
        """The 25th percentile of four past hours is their lowest."""
        past = hourly(240.0, 400.0, 500.0, 600.0, start=at(-4))
        decision = decide(method="threshold", percentile=25.0, history=past)

        assert (decision.threshold, decision.start) == (240.0, at(1))

    def test_the_past_of_the_series_itself_will_do(self):
        """Without a separate history, what the series knows before now is the past."""
        decision = decide(now=at(1), method="threshold", percentile=50.0, workload=replace(JOB, deadline=at(9)))

        assert decision.threshold == 300.0

    def test_no_past_means_no_threshold(self):
        """Without a past there is no percentile: it runs rather than wait for a made-up bound."""
        decision = decide(method="threshold", percentile=25.0)

        assert (decision.action, decision.reason, decision.threshold) == (Action.RUN, Reason.NO_DATA, None)
        assert decision.warnings == ("no past values are known, so there is no percentile to compare with",)

    def test_no_past_means_no_threshold_plan_beside_another(self):
        """A policy that needs no past still plans, and offers no threshold start beside it."""
        decision = decide(percentile=25.0)

        assert decision.start == at(2)
        assert "threshold" not in {a.name for a in decision.alternatives}

    def test_a_past_of_another_kind_is_refused(self):
        """Marginal values are no yardstick for average ones (invariant I14)."""
        past = hourly(1.0, start=at(-1), signal=Signal(SignalKind.MARGINAL, provider="demo", zone="X"))
        with pytest.raises(KindMismatch, match="cannot compare average values"):
            decide(method="threshold", percentile=25.0, history=past)

    def test_it_must_be_given(self):
        """The method without a bound is a mistake of the caller."""
        with pytest.raises(InvalidInput, match="method threshold needs a threshold or a percentile"):
            decide(method="threshold")

    def test_with_auto_it_is_an_upper_bound(self):
        """Auto still takes the lowest window, and says when even that is above."""
        assert decide(threshold=150.0).start == at(2)
        assert decide(threshold=150.0).warnings == ()
        assert decide(threshold=90.0).warnings == ("the mean of the run, 100 gCO2eq/kWh, is above the threshold of 90",)


class TestMethods:
    def test_run_now_runs(self):
        """Asked for, done; the lowest window is listed beside it."""
        decision = decide(method="run-now")

        assert (decision.action, decision.reason, decision.mean) == (Action.RUN, Reason.RUN_NOW_ASKED, 300.0)
        assert (decision.alternatives[0].name, decision.alternatives[0].mean) == ("lowest-window", 100.0)

    def test_run_latest_waits_for_the_latest_start(self):
        """Known or not, the latest start is the latest start."""
        assert decide(method="run-latest").start == at(3)
        unknown = decide(method="run-latest", series=hourly(300.0))
        assert (unknown.start, unknown.mean, unknown.reason) == (at(3), None, Reason.RUN_LATEST_ASKED)

    def test_run_latest_without_a_bound_uses_the_horizon(self):
        """The last known start; with nothing known it runs."""
        assert decide(replace(JOB, deadline=None), method="run-latest").start == at(4)
        assert decide(replace(JOB, deadline=None), EMPTY, method="run-latest").action is Action.RUN

    def test_auto_pauses_only_what_may_pause(self):
        """Interruptible work takes the lowest slots, other work the lowest window."""
        job = replace(JOB, duration=2 * HOUR, interruptible=True)
        decision = decide(job, hourly(100.0, 300.0, 90.0, 300.0))

        assert decision.method == "lowest-slots"
        assert decision.intervals == (Interval(T0, at(1)), Interval(at(2), at(3)))
        assert (decision.action, decision.wake_at, decision.mean) == (Action.RUN, at(1), 95.0)
        assert decide(replace(job, interruptible=False)).method == "lowest-window"

    def test_slots_never_end_after_the_deadline(self):
        """Pauses are slack too: the last piece ends in time."""
        job = replace(JOB, duration=2 * HOUR, deadline=at(3), interruptible=True)

        assert decide(job, hourly(100.0, 300.0, 200.0, 10.0)).end == at(3)

    def test_a_delay_counts_pauses_too(self):
        """With a maximum delay of an hour, the work is done an hour later than at once, at the latest."""
        job = replace(JOB, duration=2 * HOUR, deadline=None, max_delay=HOUR, interruptible=True)
        decision = decide(job, hourly(100.0, 300.0, 200.0, 10.0))

        assert (decision.latest_start, decision.end) == (at(1), at(3))

    def test_pauses_that_cost_are_priced(self):
        """Half an hour to resume makes the dip not worth a pause; a limit on pieces is kept."""
        job = replace(JOB, duration=2 * HOUR, interruptible=True)
        series = hourly(100.0, 120.0, 90.0, 300.0)

        assert len(decide(job, series).intervals) == 2
        assert len(decide(replace(job, suspend_cost=HOUR / 2), series).intervals) == 1
        assert len(decide(replace(job, max_pieces=1), series).intervals) == 1
        assert len(decide(replace(job, min_run=1.5 * HOUR), series).intervals) == 1

    def test_carbon_time_without_a_known_now_takes_the_lowest(self):
        """No saving per hour can be counted, so the lowest window is taken."""
        assert decide(series=hourly(None, 300.0, 200.0, 250.0), method="carbon-time").start == at(2)

    def test_a_start_grid_is_kept(self):
        """Starts are bound to the grid from the release."""
        series = hourly(300.0, 100.0, 100.0)

        assert decide(series=series, now=at(0.25), start_grid=HOUR).start == at(1.25)
        assert decide(series=series, now=at(0.25)).start == at(1)

    def test_an_unknown_method_is_refused(self):
        """The message lists what is allowed."""
        with pytest.raises(InvalidInput, match="method is 'greedy'; allowed: run-now, run-latest, threshold"):
            decide(method="greedy")

    def test_a_naive_now_is_refused(self):
        """A time zone is never guessed."""
        with pytest.raises(NaiveDatetime):
            decide(now=datetime(2026, 1, 1))  # noqa: DTZ001 - the mistake under test


class TestSmallGains:
    @pytest.mark.parametrize(
        ("least", "reason"), [(0.33, Reason.LOWER_LATER), (1 / 3, Reason.LOWER_LATER), (0.34, Reason.SAVING_TOO_SMALL)]
    )
    def test_a_saving_below_the_least_is_left(self, least, reason):
        """A third less is enough for a third, not for more."""
        decision = decide(replace(JOB, min_saving=least), hourly(300.0, 200.0, 250.0))

        assert decision.reason is reason
        assert (decision.action is Action.RUN) == (reason is Reason.SAVING_TOO_SMALL)
        assert decision.method == "lowest-window"

    def test_the_plan_not_taken_is_listed(self):
        """The reader sees what was turned down."""
        decision = decide(replace(JOB, min_saving=0.9), hourly(300.0, 200.0, 250.0))

        assert (decision.alternatives[0].name, decision.alternatives[0].start) == ("lowest-window", at(1))

    def test_nothing_to_save_is_no_division_by_zero(self):
        """At 0 g now there is nothing to wait for."""
        assert decide(replace(JOB, min_saving=0.1), hourly(0.0, 0.0)).action is Action.RUN

    def test_a_held_plan_is_not_left_for_a_trifle(self):
        """A plan made before stays unless the new one saves more than the margin."""
        series = hourly(300.0, 200.0, 199.0, 250.0)

        assert decide(series=series).start == at(2)
        assert (decide(series=series, hold=at(1)).start, decide(series=series, hold=at(1)).reason) == (
            at(1),
            Reason.KEPT_PLAN,
        )
        assert decide(series=series, hold=at(1), hold_margin=0.001).start == at(2)
        assert decide(series=series, hold=at(1)).alternatives[0].start == at(2)

    @pytest.mark.parametrize("hold", [at(-1), at(3.5), at(2)], ids=["over", "too late", "the same"])
    def test_a_held_plan_outside_the_bounds_is_dropped(self, hold):
        """What can no longer be kept does not bind."""
        assert decide(hold=hold).start == at(2)


class TestBaselines:
    def test_each_has_a_start_and_a_mean(self):
        """Run-now, run-latest, median and worst over the starts in time."""
        seen = {b.name: (b.start, b.mean) for b in decide().baselines}

        assert seen == {
            "run-now": (T0, 300.0),
            "run-latest": (at(3), 250.0),
            "median": (at(1), 200.0),
            "worst": (T0, 300.0),
        }

    def test_the_worst_on_a_line_is_at_its_top(self):
        """On a peak between points the worst hour is centred on it."""
        peak = Series.line(DEMO, [at(0), at(2), at(4)], [0.0, 200.0, 0.0])
        worst = decide(series=peak).baseline("worst")

        assert (worst.start, worst.mean) == (at(1.5), pytest.approx(175.0))

    def test_they_carry_grams(self):
        """Half a kilowatt for an hour at 300 g/kWh is 150 g, times the site's overhead."""
        assert decide(replace(JOB, pue=1.2)).baseline("run-now").grams == pytest.approx(180.0)

    def test_no_fully_known_run_has_no_median(self):
        """A name without a start says why."""
        median = decide(replace(JOB, duration=3 * HOUR), hourly(300.0, None, 200.0)).baseline("median")

        assert (median.start, median.mean, median.note) == (None, None, "no run is fully known")


class TestAlternatives:
    def test_they_are_ranked_and_leave_out_the_choice(self):
        """Cheapest first, each at other times than the plan, each inside the bounds."""
        decision = decide(replace(JOB, deadline=at(5)), threshold=220.0)
        means = [a.mean for a in decision.alternatives]

        assert means == sorted(means)
        assert (decision.start, decision.mean) == (at(4), 50.0)
        assert [(a.name, a.start) for a in decision.alternatives] == [
            ("carbon-time", at(2)),
            ("threshold", at(1)),
            ("block", at(3)),
            ("run-now", T0),
        ]

    def test_slots_are_offered_to_what_may_pause(self):
        """Interruptible work that was asked for one window still sees what pauses would give."""
        job = replace(JOB, duration=2 * HOUR, interruptible=True)
        decision = decide(job, hourly(100.0, 300.0, 90.0, 300.0), method="lowest-window")

        assert decision.alternatives[0].name == "lowest-slots"
        assert len(decision.alternatives[0].intervals) == 2

    def test_each_part_of_the_wait_has_its_best_start(self):
        """A long wait is cut into at most eight parts of whole hours, each with its best start."""
        values = [float(100 + (h * 7) % 24) for h in range(48)]
        decision = decide(replace(JOB, deadline=at(40)), hourly(*values), alternatives=50)
        blocks = [a for a in decision.alternatives if a.name == "block"]

        assert 6 <= len(blocks) <= 8
        for block in blocks:
            begin = datetime.fromisoformat(block.note.split()[3])
            inside = [v for h, v in enumerate(values) if begin <= at(h) < begin + 5 * HOUR and h <= 39]
            assert block.mean == min(inside)

    def test_their_number_is_bounded(self):
        """As many as asked for."""
        assert len(decide(alternatives=1).alternatives) == 1
        assert decide(alternatives=0).alternatives == ()


class TestSaving:
    @pytest.mark.parametrize("power_w", [None, 500.0])
    def test_time_lost_to_resumes_is_no_saving(self, power_w):
        """Two hours at 60 and half a resume at 140 cost 190, which saves 5 % of 200, not the 24 % of their mean."""
        job = replace(JOB, duration=2 * HOUR, interruptible=True, suspend_cost=HOUR / 2, power_w=power_w)
        decision = decide(job, hourly(60.0, 140.0, 60.0, 140.0))

        assert (len(decision.intervals), decision.mean) == (2, pytest.approx(76.0))
        assert decision.saving == pytest.approx(0.05)

    def test_being_paid_more_is_a_saving(self):
        """From -10 to -20 a MWh is a saving of all that was paid before, not a loss."""
        series = hourly(-10.0, -20.0, 5.0, 5.0, signal=Signal(SignalKind.PRICE, provider="demo", zone="X"))

        assert decide(series=series).saving == pytest.approx(1.0)


class TestUnits:
    def test_without_power_there_are_no_grams(self):
        """The mean needs no power, grams do."""
        decision = decide(replace(JOB, power_w=None))

        assert (decision.mean, decision.grams) == (100.0, None)

    def test_a_profile_weighs_the_mean(self):
        """400 Wh in the hour of 100 g and 100 Wh in the hour of 250 g."""
        job = replace(JOB, duration=2 * HOUR, power_w=None, power_profile_w=(400.0, 100.0))
        decision = decide(job)

        assert (decision.start, decision.mean) == (at(2), pytest.approx(130.0))
        assert decision.grams == pytest.approx(0.4 * 100 + 0.1 * 250)

    def test_a_profile_of_nothing_counts_as_constant(self):
        """No power draws no grams, but the plan still has a mean."""
        decision = decide(replace(JOB, power_profile_w=(0.0, 0.0)))

        assert (decision.mean, decision.grams) == (100.0, 0.0)

    @pytest.mark.parametrize("kind", [SignalKind.RELATIVE, SignalKind.PRICE])
    def test_a_signal_that_is_no_intensity_has_no_grams(self, kind):
        """A rank or a price can be planned on; emissions do not follow from it."""
        series = hourly(30.0, 10.0, 20.0, 40.0, signal=Signal(kind, provider="demo", zone="X"))
        decision = decide(series=series)

        assert (decision.start, decision.mean, decision.grams) == (at(1), 10.0, None)

    def test_negative_prices_are_lower_than_zero(self):
        """The most negative hour is the cheapest, and being paid less is no saving."""
        series = hourly(0.0, -20.0, -10.0, 5.0, signal=Signal(SignalKind.PRICE, provider="demo", zone="X"))

        assert decide(series=series).start == at(1)
        assert decide(replace(JOB, min_saving=0.5), series=series).start == at(1)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"threshold": float("nan")}, "threshold is nan; allowed: a finite number"),
        ({"percentile": 101.0}, "percentile is 101.0; allowed: 0 to 100"),
        ({"percentile": -1.0}, "percentile is -1.0; allowed: 0 to 100"),
        ({"history_span": timedelta(0)}, "history_span is 0:00:00; allowed: longer than zero"),
        ({"hysteresis": -1.0}, "hysteresis is -1.0; allowed: zero or more"),
        ({"start_grid": timedelta(0)}, "start_grid is 0:00:00; allowed: longer than zero"),
        ({"hold_margin": 2.0}, "hold_margin is 2.0; allowed: from 0 to 1"),
        ({"alternatives": -1}, "alternatives is -1; allowed: zero or more"),
        ({"threshold": 1.0, "percentile": 5.0}, "threshold and percentile are both set"),
    ],
    ids=lambda value: value if isinstance(value, str) else "+".join(value),
)
def test_options_out_of_bounds_are_refused(options, message):
    """The message names the field, its value and what is allowed."""
    with pytest.raises(InvalidInput) as caught:
        PlanOptions(**options)

    assert caught.value.message == message
    assert caught.value.facts["field"] in options

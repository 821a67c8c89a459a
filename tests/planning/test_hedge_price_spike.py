"""Plans under uncertainty, with a price beside carbon, and before a forecast rise."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gridtide.domain.decision import Action, FreshnessStep, Reason
from gridtide.domain.errors import InvalidInput, KindMismatch
from gridtide.domain.interval import Interval
from gridtide.domain.ports import Reading
from gridtide.domain.series import Series
from gridtide.domain.signal import Signal, SignalKind
from gridtide.domain.workload import Workload
from gridtide.engine.engine import Engine, Policy
from gridtide.planning.aim import plan_by_aim
from gridtide.planning.hedge import cautious, gated
from gridtide.planning.options import PlanOptions, Risk
from gridtide.planning.plan import plan
from gridtide.planning.price import blended, pareto_front
from gridtide.planning.question import Question, answer
from gridtide.planning.spike import find_spike
from support import HOUR, T0, at, hourly

EUR = Signal(SignalKind.PRICE, provider="market", zone="X")
JOB = Workload(id="w", duration=HOUR, deadline=at(4), power_w=500.0)


def prices(*values):
    return hourly(*values, signal=EUR)


class TestGated:
    def test_a_sure_saving_is_taken(self):
        """Even the upper quantile of the wait is better than now."""
        decision = gated(JOB, hourly(200.0, 100.0, 100.0, 100.0), hourly(200.0, 150.0, 150.0, 150.0), now=T0)

        assert (decision.action, decision.start) == (Action.WAIT, at(1))

    def test_an_unsure_saving_is_left(self):
        """Where the wait may end dirtier than now, the work runs now and the record names the plan not taken."""
        decision = gated(JOB, hourly(200.0, 100.0, 190.0, 190.0), hourly(200.0, 250.0, 300.0, 300.0), now=T0)

        assert (decision.action, decision.reason, decision.start) == (Action.RUN, Reason.SAVING_TOO_SMALL, T0)
        assert decision.alternatives[0].note == "at the upper quantile its mean is 250.0"
        assert decision.grams == pytest.approx(100.0)

    def test_an_unknown_quantile_is_no_proof(self):
        """No upper value for the wait means no wait (invariant I4)."""
        assert gated(JOB, hourly(200.0, 100.0), hourly(200.0), now=T0).action is Action.RUN

    @given(st.lists(st.tuples(st.floats(1, 500), st.floats(0, 300)), min_size=4, max_size=4))
    @settings(max_examples=60, deadline=None)
    def test_the_upper_quantile_never_loses(self, steps):
        """Whenever it waits, run-now would be worse than the upper quantile of the wait."""
        middle, high = hourly(*(m for m, _ in steps)), hourly(*(m + d for m, d in steps))
        decision = gated(JOB, middle, high, now=T0)
        if decision.action is Action.WAIT:
            worst = high.mean(Interval(decision.start, decision.end))

            assert worst < decision.baseline("run-now").mean


def test_the_cautious_plan_minimises_the_bad_outcome():
    """A slightly dirtier hour with a narrow band beats a cleaner one with a wide band; the mean is the expected one."""
    middle, high = hourly(200.0, 100.0, 110.0, 200.0), hourly(210.0, 300.0, 120.0, 300.0)
    decision = cautious(JOB, middle, high, now=T0)

    assert decision.start == at(2)
    assert decision.mean == pytest.approx(110.0)
    assert decision.grams == pytest.approx(55.0)


class TestPrice:
    carbon = hourly(100.0, 400.0, 200.0, 300.0)
    price = prices(90.0, 20.0, 60.0, 40.0)

    def test_one_tonne_price_turns_grams_into_money(self):
        """100 g/kWh at 50 EUR/t is 5 EUR/MWh on top of 90."""
        assert blended(self.carbon, self.price, eur_per_t=50).values[0] == pytest.approx(95.0)

    def test_the_front_runs_from_cheapest_to_cleanest(self):
        """At no carbon price the cheapest hour wins, at a very high one the cleanest."""
        front = pareto_front(JOB, self.carbon, self.price, now=T0)

        assert (front[0].eur_per_t, front[0].start) == (0.0, at(1))
        assert front[-1].start == T0
        assert [p.mean_g_per_kwh for p in front] == sorted((p.mean_g_per_kwh for p in front), reverse=True)

    def test_no_point_is_beaten_in_both(self):
        """Every point is cheaper or cleaner than every other."""
        front = pareto_front(JOB, self.carbon, self.price, now=T0)

        assert all(
            a.mean_eur_per_mwh < b.mean_eur_per_mwh or a.mean_g_per_kwh < b.mean_g_per_kwh
            for a in front
            for b in front
            if a is not b
        )

    def test_negative_prices_are_real(self):
        """A negative price is a value, not an error."""
        assert blended(self.carbon, prices(-30.0, 1.0, 1.0, 1.0), eur_per_t=0).values[0] == -30.0

    def test_where_one_is_missing_there_is_no_blend(self):
        """An hour without a price is a gap, not a free hour (invariant I4)."""
        assert blended(self.carbon, prices(90.0, None, 60.0, 40.0), eur_per_t=10).size == 3

    @pytest.mark.parametrize(
        ("carbon", "price", "why"),
        [
            (Series.line(carbon.signal, [T0, at(4)], [100.0, 400.0]), price, "these values run in slopes"),
            (hourly(9.0, 1.0, 5.0, 7.0, signal=Signal(SignalKind.RELATIVE, "w", "X")), price, "a relative signal in "),
            (carbon, price.clip(Interval(at(40), at(41))), "prices are not known for the time of the run"),
        ],
        ids=["slopes", "ranks", "empty"],
    )
    def test_what_cannot_be_priced_is_planned_on_carbon_alone(self, carbon, price, why):
        """Whatever a source delivers, there is a plan, and it says what it is by (invariant I1)."""
        options = PlanOptions(price=price, eur_per_t=50.0)
        made = plan_by_aim(JOB, carbon, now=T0, options=options)

        assert made.start == plan(JOB, carbon, now=T0).start
        assert why in made.warnings[-1]
        assert made.warnings[-1].endswith("planned on carbon alone")

    def test_carbon_is_no_price(self):
        """Two carbon signals cannot be blended as if one were money (invariant I14)."""
        with pytest.raises(KindMismatch, match="needs carbon in gCO2eq/kWh and a price"):
            blended(self.carbon, self.carbon, eur_per_t=10)

    def test_a_negative_carbon_price_is_refused(self):
        """The knob runs from zero up."""
        with pytest.raises(InvalidInput, match="internal carbon price is -1"):
            blended(self.carbon, self.price, eur_per_t=-1)


class TestSpike:
    forecast = hourly(100.0, 300.0, 320.0, 90.0)

    def test_a_near_rise_is_found_with_its_end(self):
        """Half an hour before the step the rise is near, and it lasts two hours."""
        assert find_spike(self.forecast, at(0.5)) == Interval(at(1), at(3))

    def test_a_far_rise_is_not_near(self):
        """Thirty-one minutes ahead is beyond the lead."""
        assert find_spike(self.forecast, at(1) - timedelta(minutes=31)) is None

    def test_the_lead_itself_counts(self):
        """Exactly thirty minutes ahead is near."""
        assert find_spike(self.forecast, at(1) - timedelta(minutes=30)) is not None

    def test_nothing_known_is_no_spike(self):
        """Without a present value there is nothing to rise from."""
        assert find_spike(hourly(None, 300.0), T0) is None

    def test_work_whose_threshold_comes_inside_goes_before(self):
        """A bound that is met only behind the rise, with too little time to wait for it: the work goes now."""
        now = at(0.6)
        work = Workload(id="q", duration=timedelta(minutes=20), deadline=at(1) + timedelta(minutes=30), power_w=300.0)
        decision = plan(work, self.forecast, now=now, method="threshold", options=PlanOptions(threshold=95.0))

        assert (decision.action, decision.reason, decision.start) == (Action.RUN, Reason.SPIKE_AHEAD, now)
        assert decision.grams == pytest.approx(10.0)
        assert decision.alternatives

    def test_without_the_forecast_gate_it_still_goes_before(self):
        """The rule stands on its own."""
        work = Workload(id="q", duration=timedelta(minutes=20), deadline=at(1) + timedelta(minutes=30))
        bare = PlanOptions(threshold=95.0, forecast_gate=False)
        off = replace(bare, spike_lead=timedelta(0))

        assert plan(work, self.forecast, now=at(0.6), method="threshold", options=bare).reason is Reason.SPIKE_AHEAD
        assert plan(work, self.forecast, now=at(0.6), method="threshold", options=off).start == at(1) + timedelta(
            minutes=10
        )

    def test_a_far_rise_changes_nothing(self):
        """Two hours ahead is a matter for the plan, not for this rule."""
        far = hourly(100.0, 100.0, 100.0, 300.0, 320.0, 90.0)
        work = Workload(id="q", duration=timedelta(minutes=20), deadline=at(4))
        bare = PlanOptions(threshold=95.0, forecast_gate=False)

        assert plan(work, far, now=T0, method="threshold", options=bare).reason is Reason.ABOVE_THRESHOLD

    def test_what_was_asked_for_by_name_stays(self):
        """Run-latest is a control that nobody wants improved."""
        work = Workload(id="q", duration=timedelta(minutes=20), deadline=at(1) + timedelta(minutes=30))

        assert plan(work, self.forecast, now=at(0.6), method="run-latest").reason is Reason.RUN_LATEST_ASKED

    def test_work_that_is_not_released_waits(self):
        """Nothing may start before its release, not even for a spike."""
        work = Workload(id="q", duration=timedelta(minutes=20), release=at(1.1), deadline=at(1.5))
        bare = PlanOptions(threshold=95.0, forecast_gate=False)

        assert plan(work, self.forecast, now=at(0.6), method="threshold", options=bare).action is Action.WAIT

    @given(st.lists(st.floats(0, 500), min_size=6, max_size=6), st.sampled_from(["lowest-window", "lowest-slots"]))
    @settings(max_examples=60, deadline=None)
    def test_a_plan_that_looks_ahead_is_never_changed(self, values, method):
        """The best window needs no such rule, so the fast paths may leave it out."""
        work = Workload(id="q", duration=HOUR, deadline=at(6), interruptible=method == "lowest-slots")
        with_rule = plan(work, hourly(*values), now=at(0.6), method=method)
        off = plan(work, hourly(*values), now=at(0.6), method=method, options=PlanOptions(spike_lead=timedelta(0)))

        assert with_rule == off

    def test_a_young_plan_that_would_run_into_it_is_given_up(self):
        """A new forecast puts a spike on the planned start: the dwell keeps plans steady, not into a spike."""
        job = Workload(id="q", duration=HOUR, release=T0, deadline=at(5))
        facts = {"planned": at(0.5), "planned_since": at(0) - timedelta(minutes=1), "step": FreshnessStep.LIVE}
        rise = hourly(100.0, 300.0, 320.0, 330.0, 330.0, 330.0, start=at(-0.5))
        calm = hourly(100.0, 110.0, 105.0, 112.0, 110.0, 110.0, start=at(-0.5))
        spiked = answer(Question(workload=job, now=T0, series=rise, **facts))

        assert answer(Question(workload=job, now=T0, series=calm, **facts)).reason is Reason.KEPT_PLAN
        assert (spiked.action, spiked.reason) == (Action.RUN, Reason.SPIKE_AHEAD)
        assert spiked.alternatives[0].start == at(0.5)

    def test_the_engine_lets_it_go(self):
        """On the production path: admitted, read, decided and ordered in one cycle, with the reason recorded."""
        engine = Engine(Policy(method="threshold", options=PlanOptions(threshold=95.0)))
        work = Workload(id="q", duration=timedelta(minutes=20), deadline=at(1) + timedelta(minutes=30))
        engine.admit(work, "1", now=at(0.6), zone="X")
        step = engine.cycle(at(0.6), {"X": Reading(series=self.forecast, step=FreshnessStep.LIVE)})

        assert len(step.orders) == 1
        assert step.decided[0].decision.reason is Reason.SPIKE_AHEAD
        assert answer(step.decided[0].question) == step.decided[0].decision


class TestAim:
    """One door: options that are set act in every command and in the engine."""

    carbon = hourly(300.0, 200.0, 100.0, 50.0, 250.0)
    price = prices(90.0, 20.0, 60.0, 80.0, 30.0)
    work = Workload(id="w", duration=HOUR, deadline=at(5), power_w=1000.0)

    def by(self, eur_per_t, **more):
        options = PlanOptions(price=self.price, eur_per_t=eur_per_t, **more)
        return plan_by_aim(self.work, self.carbon, now=T0, options=options)

    @pytest.mark.parametrize(("eur_per_t", "hour", "mean"), [(0.0, 1, 200.0), (100.0, 1, 200.0), (5000.0, 3, 50.0)])
    def test_a_price_of_carbon_moves_the_start_from_cheap_to_clean(self, eur_per_t, hour, mean):
        """The plan is told in carbon, with the baselines of carbon, whatever moved it."""
        decision = self.by(eur_per_t)

        assert (decision.start, decision.mean, decision.grams) == (at(hour), mean, mean)
        assert decision.reason is Reason.LOWER_COST
        assert decision.baseline("run-now").mean == 300.0
        assert decision.signal == self.carbon.signal
        assert (decision.alternatives[0].name, decision.alternatives[0].start) == ("cleanest", at(3))

    def test_without_prices_for_the_time_it_is_planned_on_carbon_and_says_so(self):
        """An hour without a price is not free (invariant I4)."""
        options = PlanOptions(price=hourly(10.0, signal=EUR, start=at(20)), eur_per_t=50.0)
        decision = plan_by_aim(self.work, self.carbon, now=T0, options=options)

        assert (decision.start, decision.reason) == (at(3), Reason.LOWER_LATER)
        assert any("prices are not known" in warning for warning in decision.warnings)

    def test_a_deadline_is_stronger_than_a_price(self):
        """Work that must run runs."""
        decision = plan_by_aim(
            self.work, self.carbon, now=at(4.5), options=PlanOptions(price=self.price, eur_per_t=10.0)
        )

        assert (decision.action, decision.reason) == (Action.RUN, Reason.DEADLINE_INFEASIBLE)

    def test_a_bound_in_grams_does_not_meet_money(self):
        """A threshold and a price contradict each other (invariant I14)."""
        with pytest.raises(InvalidInput, match="unit of the signal"):
            self.by(50.0, threshold=100.0)

    def test_the_engine_plans_by_price_and_its_record_replays(self):
        """The price travels in the options, so the recorded question gives the same answer."""
        engine = Engine(Policy(options=PlanOptions(price=self.price, eur_per_t=50.0)))
        engine.admit(self.work, "1", now=T0, zone="X")
        made = engine.cycle(T0, {"X": Reading(series=self.carbon, step=FreshnessStep.LIVE)}).decided[0]

        assert (made.decision.reason, made.decision.start) == (Reason.LOWER_COST, at(1))
        assert answer(made.question) == made.decision

    def test_a_hedge_without_a_band_says_so(self):
        """The middle is planned on, and the reader knows."""
        decision = plan_by_aim(self.work, self.carbon, now=T0, options=PlanOptions(risk=Risk.HEDGED))

        assert decision.start == at(3)
        assert decision.warnings == ("no band is known around this forecast, so it is planned on its middle",)

    @pytest.mark.parametrize(
        ("risk", "start", "reason"),
        [
            (Risk.EXPECTED, at(3), Reason.LOWER_LATER),
            (Risk.HEDGED, T0, Reason.SAVING_TOO_SMALL),
            (Risk.CAUTIOUS, at(2), Reason.LOWER_LATER),
        ],
    )
    def test_the_engine_takes_the_forecast_as_it_is_told(self, risk, start, reason):
        """The reading brings the upper end; the wide band around the cleanest hour decides."""
        high = hourly(300.0, 260.0, 150.0, 400.0, 400.0)
        engine = Engine(Policy(options=PlanOptions(risk=risk)))
        engine.admit(self.work, "1", now=T0, zone="X")
        reading = Reading(series=self.carbon, step=FreshnessStep.LIVE, high=high)
        made = engine.cycle(T0, {"X": reading}).decided[0]

        assert (made.decision.start, made.decision.reason) == (start, reason)
        assert answer(made.question) == made.decision

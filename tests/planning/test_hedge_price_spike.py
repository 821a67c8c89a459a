"""Plans under uncertainty, with a price beside carbon, and before a forecast rise."""

from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gridtide.domain.decision import Action, Reason
from gridtide.domain.errors import InvalidInput, KindMismatch
from gridtide.domain.interval import Interval
from gridtide.domain.signal import Signal, SignalKind
from gridtide.domain.workload import Workload
from gridtide.planning.hedge import cautious, gated
from gridtide.planning.plan import plan
from gridtide.planning.price import blended, pareto_front
from gridtide.planning.spike import before_spike, find_spike
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

    def test_work_that_would_start_inside_goes_before(self):
        """A start in twenty minutes, inside the rise, is brought forward to now."""
        now = at(0.6)
        late = plan(
            Workload(id="q", duration=timedelta(minutes=20), deadline=at(1) + timedelta(minutes=30), power_w=300.0),
            self.forecast, now=now, method="run-latest",
        )  # fmt: skip
        work = Workload(id="q", duration=timedelta(minutes=20), power_w=300.0)
        decision = before_spike(late, work, self.forecast, now=now)

        assert late.start == at(1) + timedelta(minutes=10)
        assert (decision.action, decision.reason, decision.start) == (Action.RUN, Reason.SPIKE_AHEAD, now)
        assert decision.grams == pytest.approx(10.0)
        assert decision.alternatives[0].start == late.start

    def test_a_start_after_the_spike_stays(self):
        """Work planned for the clean hour behind the rise is left alone."""
        decision = plan(JOB, self.forecast, now=at(0.6))

        assert before_spike(decision, JOB, self.forecast, now=at(0.6)) is decision

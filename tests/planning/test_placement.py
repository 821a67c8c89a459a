"""A job moves only where it surely saves, and only where it may."""

from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gridtide.domain.decision import Action, Reason
from gridtide.domain.errors import InvalidInput, KindMismatch
from gridtide.domain.signal import Signal, SignalKind
from gridtide.domain.workload import Elasticity, Workload
from gridtide.planning import transfer
from gridtide.planning.placement import Site, SiteRules, place
from support import DEMO, HOUR, T0, at, hourly


def site(region, *values, **more):
    return Site(region=region, series=hourly(*values), **more)


def work(**more):
    return Workload(**({"id": "w", "duration": HOUR, "deadline": at(3), "power_w": 1000.0} | more))


HOME = site("home", 300.0, 300.0, 300.0)
GREEN = site("green", 50.0, 50.0, 50.0, country="SE")


def test_a_much_cleaner_region_wins():
    """Six times less carbon and no data: go at once."""
    decision = place(work(), HOME, [GREEN], now=T0)

    assert (decision.action, decision.reason, decision.zone) == (Action.ROUTE, Reason.CLEANER_REGION, "green")
    assert decision.grams == pytest.approx(50.0)
    assert decision.alternatives[0].name == "stay at home"
    assert decision.alternatives[0].grams == pytest.approx(300.0)


def test_time_and_region_are_chosen_together():
    """Where the other region is cleanest an hour later, the plan is to wait and go there."""
    decision = place(work(), HOME, [site("green", 200.0, 20.0, 200.0)], now=T0)

    assert (decision.action, decision.start, decision.zone) == (Action.WAIT, at(1), "green")


def test_a_small_gain_is_not_worth_a_move():
    """Five percent is below the margin of ten."""
    decision = place(work(), HOME, [site("near", 285.0, 285.0, 285.0)], now=T0)

    assert decision.zone == "home"
    assert "moving to near was turned down: the saving is too small" in decision.warnings[-1]


class TestTransfer:
    def test_the_range_is_reported(self):
        """10 GB over grids of 300 and 50 g: 175 g/kWh times 0.001, 0.04 and 0.059 kWh/GB."""
        moved = transfer.transfer_g(10, 300, 50)

        assert (moved.low, moved.middle, moved.high) == pytest.approx((1.75, 70.0, 103.25))

    def test_an_uncertain_sign_is_refused(self):
        """A move that pays by one published figure and costs by another stays undone."""
        decision = place(work(data_gb=30.0), HOME, [GREEN], now=T0)

        assert decision.zone == "home"
        assert "uncertain: it depends on the energy of the transfer" in decision.warnings[-1]

    def test_an_uncertain_sign_may_be_accepted(self):
        """Who says so is judged by the middle of the range."""
        decision = place(work(data_gb=30.0), HOME, [GREEN], now=T0, rules=SiteRules(accept_uncertain=True, margin=0.05))

        assert decision.zone == "green"
        assert decision.warnings[-1] == "moving 30 GB emits 210.0 g (5.2 to 309.8 g)"

    def test_breakeven_is_where_the_saving_ends(self):
        """At the breakeven volume the transfer emits exactly the saving."""
        volume = transfer.breakeven_gb(250.0, 300.0, 50.0, 0.04)

        assert transfer.transfer_g(volume, 300.0, 50.0).middle == pytest.approx(250.0)

    def test_moving_takes_time(self):
        """72 GB at 160 Mbit/s take an hour, so the run there starts an hour later."""
        decision = place(work(data_gb=72.0), HOME, [site("green", 0.0, 0.0, 0.0, mbit_per_s=160.0)], now=T0,
                         rules=SiteRules(energy=transfer.TransferEnergy(0, 0, 0)))  # fmt: skip

        assert decision.start == at(1)

    def test_data_that_arrive_too_late_bar_a_region(self):
        """A move that would miss the deadline is no alternative."""
        decision = place(work(data_gb=720.0), HOME, [GREEN], now=T0)
        away = next(a for a in decision.alternatives if a.zone == "green")

        assert decision.zone == "home"
        assert not away.feasible
        assert "the deadline is missed" in away.note

    def test_without_power_data_do_not_move(self):
        """Grams of a transfer cannot be weighed against a run of unknown energy."""
        decision = place(work(power_w=None, data_gb=1.0), HOME, [GREEN], now=T0)

        assert decision.zone == "home"
        assert "its power is not known" in decision.alternatives[0].note

    def test_impossible_ranges_are_refused(self):
        """Low may not be above high."""
        with pytest.raises(InvalidInput, match="allowed: rising, zero or more"):
            transfer.TransferEnergy(1, 0.5, 2)


class TestRules:
    def test_residency_bars(self):
        """Data that must stay in Germany do not go to Sweden, however clean it is."""
        decision = place(work(residency=frozenset({"DE"})), HOME, [GREEN], now=T0)

        assert decision.zone == "home"
        assert decision.alternatives[0].note == "its country is SE; data may be in DE"

    def test_only_listed_regions_count(self):
        """A region outside the allowed list is named, not used."""
        decision = place(work(regions=("blue",)), HOME, [GREEN], now=T0)

        assert decision.alternatives[0].note == "it is not among the allowed regions"

    @pytest.mark.parametrize("round_trip", [81.0, None], ids=["too-long", "unknown"])
    def test_the_latency_budget_bars(self, round_trip):
        """Over budget or unknown: soft work stays."""
        far = site("far", 1.0, 1.0, 1.0, round_trip_ms=round_trip)
        decision = place(work(elasticity=Elasticity.SOFT, latency_budget_ms=80.0), HOME, [far], now=T0)

        assert decision.zone == "home"

    def test_a_round_trip_on_the_budget_is_allowed(self):
        """The bound itself is inside."""
        near = site("near", 1.0, 1.0, 1.0, round_trip_ms=80.0)
        decision = place(work(elasticity=Elasticity.SOFT, latency_budget_ms=80.0), HOME, [near], now=T0)

        assert (decision.zone, decision.action) == ("near", Action.ROUTE)

    @pytest.mark.parametrize("elasticity", [Elasticity.SOFT, Elasticity.HARD])
    def test_real_time_work_is_never_delayed(self, elasticity):
        """Both classes start now, wherever they run."""
        decision = place(work(elasticity=elasticity), HOME, [site("later", 200.0, 1.0, 1.0)], now=T0)

        assert decision.start == T0

    def test_a_data_limit_bars(self):
        """The configured limit on moved data holds even where the move would pay."""
        decision = place(work(data_gb=2.0), HOME, [GREEN], now=T0, rules=SiteRules(data_limit_gb=1.0))

        assert decision.alternatives[0].note == "2 GB are over the limit of 1 GB"


def test_a_region_without_data_never_wins():
    """Unknown is not clean (invariant I4)."""
    decision = place(work(), HOME, [site("dark", None, None, None)], now=T0)

    assert decision.zone == "home"
    assert decision.alternatives[0].note == "its carbon intensity is not known for the run"


def test_an_unknown_home_does_not_send_work_away():
    """Without a home figure there is no saving to prove."""
    assert place(work(), site("home", None, None, None), [GREEN], now=T0).zone == "home"


def test_kinds_never_meet():
    """Regions on different signals are refused (invariant I14)."""
    marginal = Signal(SignalKind.MARGINAL, provider="demo", zone="X", scope=DEMO.scope)
    with pytest.raises(KindMismatch):
        place(work(), HOME, [Site(region="m", series=hourly(1.0, signal=marginal))], now=T0)


def test_pue_counts():
    """A cleaner grid behind a wasteful site can lose."""
    decision = place(work(), HOME, [site("hot", 200.0, 200.0, 200.0, pue=1.5)], now=T0)

    assert decision.zone == "home"


class TestDistance:
    def test_london_to_new_york(self):
        """About 5,570 km along the great circle."""
        assert transfer.distance_km((51.5074, -0.1278), (40.7128, -74.0060)) == pytest.approx(5570, abs=10)

    def test_round_trips_come_with_a_band(self):
        """1,000 km: 13 to 25 ms, 16.7 in the middle."""
        band = transfer.round_trip_ms(1000)

        assert (band.low, band.middle, band.high) == pytest.approx((13.0, 16.7, 25.0))


@given(
    home=st.lists(st.floats(1, 1000), min_size=4, max_size=4),
    away=st.lists(st.floats(1, 1000), min_size=4, max_size=4),
    data_gb=st.floats(0, 50),
)
@settings(max_examples=100, deadline=None)
def test_a_move_always_saves_at_every_published_figure(home, away, data_gb):
    """Whatever the grids and the data, a move beats home by the margin even at the highest transfer energy."""
    job = work(data_gb=data_gb, deadline=at(4))
    here, there = site("home", *home), site("away", *away, mbit_per_s=10_000.0)
    decision = place(job, here, [there], now=T0)
    if decision.zone == "away":
        stay = next(a for a in decision.alternatives if a.name == "stay at home")
        run = decision.mean * 1.0
        worst = run + transfer.transfer_g(data_gb, stay.mean, decision.mean).high

        assert worst < stay.grams * 0.9 + 1e-6
    assert decision.end <= at(4) + timedelta(microseconds=1)


def test_moving_data_eats_the_delay_and_does_not_extend_it():
    """With a delay of 40 minutes and data that need 25, the start there is no later than at home."""
    job = work(deadline=None, max_delay=timedelta(minutes=40), data_gb=30.0)
    rules = SiteRules(accept_uncertain=True, margin=0.05)
    decision = place(job, HOME, [site("green", 60.0, 1.0, 1.0)], now=T0, rules=rules)

    assert decision.zone == "green"
    assert decision.start <= T0 + timedelta(minutes=40)


def test_data_slower_than_the_delay_bar_a_region():
    """Twenty-five minutes do not fit into ten."""
    job = work(deadline=None, max_delay=timedelta(minutes=10), data_gb=30.0)
    decision = place(job, HOME, [GREEN], now=T0)

    assert decision.zone == "home"
    assert not decision.alternatives[0].feasible


def test_both_sides_of_a_saving_count_the_efficiency_of_their_site():
    """Half the carbon on equal sites is half the grams, whatever their common usage effectiveness."""
    home = Site(region="home", series=hourly(300.0, 300.0, 300.0), pue=1.5)
    decision = place(work(), home, [site("green", 150.0, 150.0, 150.0, pue=1.5)], now=T0)

    assert decision.saving == pytest.approx(0.5)

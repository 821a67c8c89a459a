"""Regions weighed by cost, each with its own price, and by risk, each with the upper end of its own forecast."""

from dataclasses import replace

import pytest

from gridtide.domain.decision import Action, Reason
from gridtide.domain.series import Series
from gridtide.domain.signal import Scope, Signal, SignalKind
from gridtide.domain.workload import Workload
from gridtide.planning.options import PlanOptions, Risk
from gridtide.planning.placement import Site, SiteRules, weigh
from support import HOUR, T0, at, hourly

JOB = Workload(id="etl", duration=HOUR, deadline=at(2), power_w=1000.0)
EXACT = SiteRules(margin=0.0)


def carbon(zone, *values):
    return hourly(*values, signal=Signal(SignalKind.AVERAGE, provider="demo", zone=zone, scope=Scope.LIFECYCLE))


def euros(zone, *values):
    return hourly(*values, signal=Signal(SignalKind.PRICE, provider="market", zone=zone))


def site(name, values, *, price=None, high=None, **facts):
    """A region with hourly values, prices and upper ends."""
    return Site(
        region=name,
        series=carbon(name, *values),
        price=None if price is None else euros(name, *price),
        high=None if high is None else carbon(name, *high),
        **facts,
    )


def weighed(home, *others, job=JOB, rules=EXACT, **wish):
    """What is decided at midnight by a carbon price, or by a risk."""
    options = PlanOptions(risk=wish.get("risk", Risk.EXPECTED))
    if "eur_per_t" in wish:
        options = replace(options, price=home.price, eur_per_t=wish["eur_per_t"])
    return weigh(job, home, others, now=T0, options=options, rules=rules)


def trial(placed, name):
    return next(t for t in placed.trials if t.site.region == name)


class TestPrice:
    HOME = site("home", [100.0] * 4, price=[80.0] * 4)
    CHEAP = site("cheap", [400.0] * 4, price=[50.0] * 4)

    @pytest.mark.parametrize(
        ("eur_per_t", "chosen"), [(0.0, "cheap"), (99.0, "cheap"), (101.0, "home")], ids=["cost", "below", "above"]
    )
    def test_each_region_counts_with_its_own_price(self, eur_per_t, chosen):
        """30 EUR/MWh less and 300 g/kWh more are even at 100 EUR/t."""
        decision = weighed(self.HOME, self.CHEAP, eur_per_t=eur_per_t).decision

        assert decision.zone == chosen
        assert (decision.action is Action.ROUTE) == (chosen == "cheap")
        assert (decision.reason is Reason.LOWER_COST_REGION) == (chosen == "cheap")

    def test_money_is_compared_and_grams_are_told(self):
        """One kilowatt-hour: 5 ct and 400 g, at 50 EUR/t another 2 ct."""
        placed = weighed(self.HOME, self.CHEAP, eur_per_t=50.0)
        moved = trial(placed, "cheap")

        assert placed.home_cost == pytest.approx(0.08 + 0.005)
        assert (moved.cost.middle, moved.grams) == (pytest.approx(0.07), 400.0)
        assert (placed.decision.grams, placed.decision.saving) == (400.0, -3.0)
        assert next(a for a in placed.decision.alternatives if a.name == "stay at home").grams == 100.0

    def test_time_and_region_are_chosen_together(self):
        """The cheapest hour of all is the second one over there."""
        there = site("there", [100.0] * 4, price=[80.0, 10.0, 80.0, 80.0])
        decision = weighed(self.HOME, there, eur_per_t=10.0).decision

        assert (decision.zone, decision.start, decision.action) == ("there", at(1), Action.WAIT)

    def test_without_a_power_the_order_is_the_same(self):
        """By price and carbon of one megawatt-hour."""
        placed = weighed(self.HOME, self.CHEAP, job=replace(JOB, power_w=None), eur_per_t=50.0)

        assert placed.decision.zone == "cheap"
        assert (placed.home_cost, trial(placed, "cheap").cost.middle) == (85.0, 70.0)

    def test_a_transfer_is_paid_for_at_the_price_of_its_carbon(self):
        """10 GB between 100 and 400 g/kWh are 100 g at the middle figure: 1 ct at 100 EUR/t."""
        job = replace(JOB, data_gb=10.0)
        moved = trial(weighed(self.HOME, self.CHEAP, job=job, eur_per_t=100.0), "cheap")

        assert moved.moved.middle == pytest.approx(100.0)
        assert moved.cost.middle == pytest.approx(0.05 + 0.04 + 0.01)

    def test_negative_prices_are_prices(self):
        """A region that pays for the use of its power beats a free one."""
        free, paying = site("free", [0.0] * 4, price=[0.0] * 4), site("paying", [0.0] * 4, price=[-20.0] * 4)

        assert weighed(free, paying, rules=SiteRules(), eur_per_t=10.0).decision.zone == "paying"
        assert weighed(paying, free, rules=SiteRules(), eur_per_t=10.0).decision.zone == "paying"

    @pytest.mark.parametrize(
        ("price", "note"),
        [
            (None, "no electricity prices are known there"),
            ([None, None, None, 1.0], "its electricity price is not known for the run"),
        ],
        ids=["none", "not for the run"],
    )
    def test_a_region_without_a_price_is_never_a_cheap_one(self, price, note):
        """It is left out, with the reason."""
        placed = weighed(self.HOME, site("dark", [1.0] * 4, price=price), self.CHEAP, eur_per_t=0.0)

        assert placed.decision.zone == "cheap"
        assert (trial(placed, "dark").barred, trial(placed, "dark").note) == (Reason.NO_DATA, note)

    def test_without_prices_for_the_run_at_home_all_is_weighed_on_carbon(self):
        """One scale for all of them, and it is said."""
        home = site("home", [100.0] * 4, price=[None, None, None, 80.0])
        placed = weighed(home, self.CHEAP, site("clean", [10.0] * 4), eur_per_t=10.0)

        assert (placed.decision.zone, placed.decision.reason) == ("clean", Reason.CLEANER_REGION)
        assert any("so regions are weighed on carbon alone" in text for text in placed.decision.warnings)
        assert (placed.options.price, placed.home_cost) == (None, 100.0)

    def test_slopes_are_not_weighed_in_money(self):
        """A blend needs constant steps; the region is left out, not the plan."""
        slope = Series.line(self.CHEAP.series.signal, [T0, at(2), at(4)], [1.0, 1.5, 2.0])
        placed = weighed(self.HOME, replace(self.CHEAP, series=slope), eur_per_t=10.0)

        assert placed.decision.zone == "home"
        assert "cost is weighed on constant steps" in trial(placed, "cheap").note

    def test_slopes_at_home_weigh_everything_on_carbon(self):
        """No plan by carbon is held against one by money."""
        slope = Series.line(self.HOME.series.signal, [T0, at(2), at(4)], [100.0, 100.0, 100.0])
        placed = weighed(replace(self.HOME, series=slope), site("clean", [10.0] * 4, price=[900.0] * 4), eur_per_t=1.0)

        assert (placed.options.price, placed.decision.zone) == (None, "clean")
        assert any("so regions are weighed on carbon alone" in text for text in placed.decision.warnings)


class TestRisk:
    HOME = site("home", [100.0] * 4, high=[110.0] * 4)
    WIDE = site("wide", [60.0] * 4, high=[180.0] * 4)
    SURE = site("sure", [80.0] * 4, high=[90.0] * 4)

    @pytest.mark.parametrize(
        ("risk", "chosen"), [(Risk.EXPECTED, "wide"), (Risk.HEDGED, "sure"), (Risk.CAUTIOUS, "sure")]
    )
    def test_a_region_counts_with_its_own_band(self, risk, chosen):
        """The lowest middle wins only where a forecast is believed."""
        decision = weighed(self.HOME, self.WIDE, self.SURE, risk=risk).decision

        assert (decision.zone, decision.reason) == (chosen, Reason.CLEANER_REGION)
        assert decision.mean == {"wide": 60.0, "sure": 80.0}[chosen]

    def test_a_hedged_move_has_to_beat_home_at_its_upper_end(self):
        """Home counts with the middle of its forecast, as running now does; the warning names the reason."""
        close = replace(self.SURE, high=carbon("sure", *[105.0] * 4))
        decision = weighed(self.HOME, close, risk=Risk.HEDGED).decision

        assert decision.zone == "home"
        assert "uncertain: it depends on its forecast, whose upper end saves too little" in decision.warnings[-1]
        assert weighed(self.HOME, close, risk=Risk.CAUTIOUS).decision.zone == "sure"

    def test_cautious_regions_are_compared_by_their_upper_ends(self):
        """Costs are those of the upper ends, grams those of the middle."""
        placed = weighed(self.HOME, self.SURE, risk=Risk.CAUTIOUS)

        assert (placed.home_cost, trial(placed, "sure").cost.middle) == (110.0, 90.0)
        assert (placed.home_grams, placed.decision.grams) == (100.0, 80.0)

    def test_a_region_without_a_band_is_left_out(self):
        """Its forecast may be anything."""
        placed = weighed(self.HOME, site("blank", [1.0] * 4), self.SURE, risk=Risk.HEDGED)

        assert placed.decision.zone == "sure"
        assert trial(placed, "blank").note == "no band is known around its forecast, so it is not weighed by risk"

    def test_without_a_band_at_home_the_middles_are_compared(self):
        """With a warning, and bands elsewhere change nothing."""
        placed = weighed(site("home", [100.0] * 4), self.WIDE, self.SURE, risk=Risk.CAUTIOUS)

        assert placed.decision.zone == "wide"
        assert any("regions are weighed on the middle of their forecasts" in text for text in placed.decision.warnings)

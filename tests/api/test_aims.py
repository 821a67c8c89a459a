"""What a plan weighs besides carbon, from Python: the same answers as from the command line."""

from datetime import timedelta

import numpy as np
import pytest

from gridtide import Workload
from gridtide.api import sync
from gridtide.api.aim import Aim
from gridtide.api.aware import carbon_aware
from gridtide.api.clocks import ScaledClock
from gridtide.api.scheduler import CarbonScheduler
from gridtide.config.load import load_settings
from gridtide.domain.decision import FreshnessStep, Reason
from gridtide.domain.errors import CarbonError, ConfigurationError, InvalidInput, ProviderUnavailable
from gridtide.domain.ports import Reading
from gridtide.domain.signal import Signal, SignalKind
from gridtide.testing import FakeClock
from support import HOUR, T0, at, hourly, hourly_csv

MARKET = Signal(SignalKind.PRICE, provider="market", zone="X")
CARBON = hourly(300.0, 200.0, 100.0, 0.0, 250.0, 400.0)
EUROS = hourly(90.0, 20.0, 60.0, 80.0, 30.0, 40.0, signal=MARKET)
FILE = hourly_csv(*EUROS.values)
HOME = {"regions": {"primary": "DE"}, "policies": {"spread": "0s"}}
JOB = Workload(id="etl", duration=HOUR, deadline=at(6), power_w=1000.0)


class Grid:
    """Carbon, prices and a past, where they are known."""

    def __init__(self, carbon=CARBON, price=None, past=None):
        self.carbon, self.price, self.past, self.asked = carbon, price, past, []

    async def read(self, query):
        self.asked.append(query.kind)
        found = self.carbon if query.forecast else self.past
        if query.kind is SignalKind.PRICE:
            found = self.price
        if found is None:
            return Reading(series=hourly(), step=FreshnessStep.NONE, reason="nothing there")
        return Reading(series=found, step=FreshnessStep.LIVE)


def client(grid=None, **policies):
    config = HOME | {"policies": {"spread": "0s", **policies}}
    return CarbonScheduler(config, clock=FakeClock(T0, auto_advance=True), grid=grid or Grid())


class TestPrice:
    async def test_a_plan_goes_by_cost_and_carbon(self):
        """The cheap hour wins at 100 EUR/t, the clean one at 1000; both are told in carbon."""
        cheap = await client().plan(JOB, carbon_price=100, price_series=EUROS)
        clean = await client().plan(JOB, carbon_price=1000, price_series=EUROS)

        assert (cheap.start, cheap.reason, cheap.grams) == (at(1), Reason.LOWER_COST, 200.0)
        assert (clean.start, clean.grams) == (at(3), 0.0)

    @pytest.mark.parametrize("named", [str, lambda path: path], ids=["text", "path"])
    async def test_prices_come_from_a_file_too(self, tmp_path, named):
        """As with ``--price-series``."""
        path = tmp_path / "prices.csv"
        path.write_text(FILE)

        assert (await client().plan(JOB, carbon_price=0, price_series=named(path))).start == at(1)

    async def test_the_grid_is_asked_where_no_prices_are_handed_in(self):
        """A grid that was handed in is the only one that is asked."""
        grid = Grid(price=EUROS)
        made = await client(grid).plan(JOB, carbon_price=0)

        assert made.start == at(1)
        assert SignalKind.PRICE in grid.asked

    async def test_without_prices_the_plan_says_so(self):
        """Carbon alone is planned on, and a missing price is no free hour."""
        made = await client().plan(JOB, carbon_price=0)

        assert made.start == at(3)
        assert made.warnings == ("no electricity prices are known, so it is planned on carbon alone: nothing there",)

    async def test_the_front_shows_every_choice(self):
        """The figures of the command line: two choices that no other beats, the taken one by its hours."""
        cost = await client().plan_cost(JOB, carbon_price=100, price_series=EUROS)

        assert (cost.mean_eur_per_mwh, cost.cost_eur) == (20.0, 0.02)
        assert (cost.run_now_mean_eur_per_mwh, cost.run_now_cost_eur) == (90.0, 0.09)
        assert [(p.eur_per_t, p.mean_eur_per_mwh, p.mean_g_per_kwh) for p in cost.front] == [
            (0.0, 20.0, 200.0),
            (400.0, 80.0, 0.0),
        ]
        assert cost.front[0].intervals == cost.decision.intervals

    async def test_a_cost_without_prices_is_an_error_with_the_next_step(self):
        """A plan without prices costs an unknown amount, not nothing."""
        with pytest.raises(ProviderUnavailable, match="no electricity prices are known") as caught:
            await client().plan_cost(JOB, carbon_price=100)
        assert "price_series" in caught.value.hint

    async def test_a_cost_needs_a_price_of_carbon(self):
        """From the call or the settings."""
        with pytest.raises(InvalidInput, match="no carbon_price is set"):
            await client().plan_cost(JOB, price_series=EUROS)
        assert (await client(carbon_price=100).plan_cost(JOB, price_series=EUROS)).eur_per_t == 100.0

    async def test_an_evaluation_goes_by_the_price_too(self):
        """With the settings alone, and with the call."""
        by_call = await client().evaluate_workload(max_delay="5h", carbon_price=100, price_series=EUROS)
        by_settings = await client(Grid(price=EUROS), carbon_price=100).evaluate_workload(max_delay="5h")

        assert by_call.delay == by_settings.delay == HOUR
        assert by_call.reason is Reason.LOWER_COST

    async def test_a_bound_of_the_settings_gives_way_to_a_price(self):
        """It is in grams, and the answer says that it was left out."""
        config = HOME | {"thresholds": {"elastic": 150}}
        scheduler = CarbonScheduler(config, clock=FakeClock(T0, auto_advance=True), grid=Grid(price=EUROS))
        answer = await scheduler.evaluate_workload(max_delay="5h", carbon_price=0)

        assert (answer.delay, answer.threshold) == (HOUR, None)
        assert any("thresholds.elastic is left out" in text for text in answer.decision.warnings)

    def test_decorated_work_runs_in_the_cheap_hour(self):
        """Not in the clean one."""
        clock = FakeClock(T0)

        @carbon_aware(HOME, clock=clock, grid=Grid(), max_delay="5h", carbon_price=0, price_series=EUROS)
        async def work():
            return clock.now()

        assert at(1) <= clock.run(work()) < at(1.1)

    def test_a_broken_price_file_does_not_stop_decorated_work(self, tmp_path, caplog):
        """It starts now, with a warning; a plan says what is wrong with the file."""
        clock = ScaledClock(T0, speed=0)
        path = tmp_path / "gone.csv"

        @carbon_aware(HOME, clock=clock, grid=Grid(), carbon_price=0, price_series=path)
        def work():
            return "done"

        assert work() == "done"
        assert "starting now" in caplog.text
        with sync.CarbonScheduler(HOME, clock=clock, grid=Grid()) as scheduler, pytest.raises(CarbonError):
            scheduler.plan(JOB, carbon_price=0, price_series=path)

    async def test_a_market_that_cannot_be_opened_is_no_reason_not_to_plan(self):
        """It is planned on carbon alone, and that is said."""
        config = HOME | {"provider": "static", "providers": {"energy-charts-price": {"base_url": "ftp://nowhere"}}}
        scheduler = CarbonScheduler(config, clock=FakeClock(T0, auto_advance=True))
        made = await scheduler.plan(JOB, carbon_price=50)
        await scheduler.aclose()

        assert made.start is not None
        assert any("planned on carbon alone" in text for text in made.warnings)


class TestRisk:
    async def test_each_way_of_risk_plans_as_its_rule_says(self):
        """A wait whose upper end saves nothing is refused when hedged."""
        rng = np.random.default_rng(7)
        past = hourly(*rng.uniform(50.0, 550.0, 24 * 40), start=T0 - timedelta(days=40))
        ahead = hourly(300.0, *[290.0] * 23)
        grid = Grid(carbon=ahead, past=past)
        job = Workload(id="etl", duration=HOUR, max_delay=12 * HOUR)
        expected, hedged = [await client(grid).plan(job, risk=word) for word in ("expected", "hedged")]

        assert expected.start > T0
        assert (hedged.start, hedged.reason) == (T0, Reason.SAVING_TOO_SMALL)
        assert (await client(grid).evaluate_workload(max_delay="12h", risk="hedged")).should_execute
        assert not (await client(grid).evaluate_workload(max_delay="12h")).should_execute
        assert (await client(grid, risk="hedged").evaluate_workload(max_delay="12h")).should_execute

    async def test_without_a_past_it_says_that_no_band_is_known(self):
        """The middle is planned on."""
        made = await client().plan(JOB, risk="cautious")

        assert made.start == at(3)
        assert "no band is known around this forecast, so it is planned on its middle" in made.warnings


class Zones:
    """Carbon, past and prices by zone."""

    def __init__(self, carbon, price=None, past=None):
        self.carbon, self.price, self.past = carbon, price or {}, past or {}

    async def read(self, query):
        known = self.carbon if query.forecast else self.past
        if query.kind is SignalKind.PRICE:
            known = self.price
        found = known.get(query.zone.key)
        step = FreshnessStep.NONE if found is None else FreshnessStep.LIVE
        return Reading(series=hourly() if found is None else found, step=step, reason="" if found else "nothing there")


class TestRegions:
    CONFIG = HOME | {
        "regions": {
            "primary": "DE",
            "fallback": ["FR", "SE-SE3"],
            "latencyBudgets": dict.fromkeys(("FR", "SE-SE3"), 10_000),
        },
        "policies": {"allowGeoShift": True, "spread": "0s"},
    }

    def evaluate(self, grid, **details):
        scheduler = CarbonScheduler(self.CONFIG, clock=FakeClock(T0, auto_advance=True), grid=grid)
        return scheduler.evaluate_workload(max_delay="0s", power_w=1000, **details)

    async def test_each_region_counts_with_its_own_price(self):
        """France is dirtier and cheaper; Sweden has no price, so it is left out and that is said."""
        grid = Zones(
            {"DE": hourly(*[100.0] * 4), "FR": hourly(*[200.0] * 4), "SE-SE3": hourly(*[1.0] * 4)},
            price={"DE": hourly(*[90.0] * 4, signal=MARKET), "FR": hourly(*[20.0] * 4, signal=MARKET)},
        )
        by_carbon, by_cost = await self.evaluate(grid), await self.evaluate(grid, carbon_price=100)

        assert (by_carbon.recommended_region, by_cost.recommended_region) == ("SE-SE3", "FR")
        assert (by_cost.reason, by_cost.moves) == (Reason.LOWER_COST_REGION, True)
        assert "SE-SE3 is left out: no electricity prices are known there: nothing there" in by_cost.decision.warnings

    async def test_prices_that_were_handed_in_hold_for_every_region(self):
        """And that is said."""
        grid = Zones({"DE": hourly(*[300.0] * 4), "FR": hourly(*[100.0] * 4)})
        price = hourly(*[50.0] * 4, signal=MARKET)
        answer = await self.evaluate(grid, carbon_price=100, price_series=price)

        assert answer.recommended_region == "FR"
        assert "the prices that were handed in hold for every region" in answer.decision.warnings

    async def test_each_region_counts_with_its_own_band(self):
        """France is cleaner by a forecast that has missed widely; Sweden a little, and surely."""
        rng = np.random.default_rng(3)
        before = {"start": T0 - timedelta(days=40)}
        grid = Zones(
            {"DE": hourly(*[200.0] * 4), "FR": hourly(*[100.0] * 4), "SE-SE3": hourly(*[150.0] * 4)},
            past={
                zone: hourly(*rng.uniform(200.0 - miss, 200.0 + miss, 24 * 40), **before)
                for zone, miss in (("DE", 5.0), ("FR", 190.0), ("SE-SE3", 5.0))
            },
        )
        later = {"deadline": at(3.5), "max_delay": None, "method": "run-latest"}
        scheduler = CarbonScheduler(self.CONFIG, clock=FakeClock(T0, auto_advance=True), grid=grid)
        believed = await scheduler.evaluate_workload(power_w=1000, **later)
        hedged = await scheduler.evaluate_workload(power_w=1000, risk="hedged", **later)

        assert (believed.recommended_region, hedged.recommended_region) == ("FR", "SE-SE3")


class TestPower:
    async def test_a_plan_takes_a_machine(self):
        """Watts by the published tables, as in ``evaluate_workload``."""
        job = Workload(id="etl", duration=HOUR, deadline=at(2))
        made = await client().plan(job, vcpus=8, memory_gb=32, gpu="a100")

        assert made.grams == pytest.approx(200.0 * 0.2561, rel=1e-3)

    @pytest.mark.parametrize(
        ("machine", "message", "hint"),
        [
            ({"vcpu": 8}, "'vcpu' is no part of a machine", "did you mean vcpus?"),
            ({"vcpus": 8}, "the power of 'etl' is stated already", "leave out power_w"),
        ],
        ids=["misspelt", "twice"],
    )
    async def test_a_machine_that_cannot_be_meant_is_refused(self, machine, message, hint):
        """With the next step."""
        with pytest.raises(InvalidInput, match=message) as caught:
            await client().plan(JOB, **machine)
        assert hint in caught.value.hint


class TestWishes:
    @pytest.mark.parametrize(
        ("wish", "field"),
        [
            ({"risk": "brave"}, "risk"),
            ({"carbon_price": -1}, "carbon_price"),
            ({"carbon_price": float("nan")}, "carbon_price"),
            ({"carbon_price": True}, "carbon_price"),
            ({"carbon_price": 50, "risk": "hedged"}, "carbon_price"),
            ({"price_series": EUROS}, "price_series"),
            ({"carbon_price": 50, "price_series": CARBON}, "price_series"),
            ({"carbon_price": 50, "price_series": 7}, "price_series"),
        ],
        ids=str,
    )
    async def test_a_wish_that_cannot_be_meant_names_its_field(self, wish, field):
        """In a plan as in an evaluation."""
        for ask in (client().plan(JOB, **wish), client().evaluate_workload(**wish)):
            with pytest.raises(InvalidInput) as caught:
                await ask
            assert caught.value.facts["field"] == field

    @pytest.mark.parametrize(
        ("details", "field"),
        [
            ({"carbon_price": 50, "threshold": 100}, "carbon_price"),
            ({"risk": "hedged", "carbon_price": 50}, "carbon_price"),
            ({"learn_duration": True}, "name"),
            ({"budget": "ml"}, "power_w"),
        ],
        ids=str,
    )
    def test_what_is_wrong_in_any_setting_is_said_when_a_function_is_decorated(self, details, field):
        """Not in the middle of the night."""
        with pytest.raises(InvalidInput) as caught:
            carbon_aware(HOME, **details)
        assert caught.value.facts["field"] == field

    def test_a_call_goes_before_the_settings_and_says_what_it_leaves_out(self):
        """Nothing is dropped in silence."""
        priced = load_settings(document={"policies": {"carbon_price": 50}})
        careful = load_settings(document={"policies": {"risk": "hedged"}})
        by_risk, by_price = Aim.of(priced, risk="cautious"), Aim.of(careful, carbon_price=10)
        by_bound = Aim.of(priced, bounded=True)

        assert (by_risk.risk, by_risk.eur_per_t) == ("cautious", None)
        assert (by_price.risk, by_price.eur_per_t) == ("expected", 10.0)
        assert by_bound.eur_per_t is None
        assert all(len(aim.warnings) == 1 for aim in (by_risk, by_price, by_bound))
        assert Aim.of(priced, risk="expected").eur_per_t == 50.0

    def test_settings_that_contradict_each_other_are_a_fault_of_the_settings(self):
        """So that decorated work starts anyway."""
        both = load_settings(document={"policies": {"carbon_price": 50, "risk": "hedged"}})
        with pytest.raises(ConfigurationError, match="policies.risk and policies.carbon_price"):
            Aim.of(both)

    @pytest.mark.parametrize("call", ["evaluate_workload", "wait"])
    async def test_a_budget_needs_a_call_that_sees_the_end(self, call):
        """The hint names those that do."""
        with pytest.raises(InvalidInput, match="which this call does not see") as caught:
            await getattr(client(), call)(budget="ml", power_w=1000)
        assert "carbon_aware(budget=...)" in caught.value.hint


def test_a_blocking_plan_takes_the_same_wishes():
    """And gives the same answers."""
    with sync.CarbonScheduler(HOME, clock=ScaledClock(T0, speed=0), grid=Grid()) as blocking:
        assert blocking.plan(JOB, carbon_price=100, price_series=EUROS).start == at(1)
        assert blocking.plan_cost(JOB, carbon_price=100, price_series=EUROS).cost_eur == 0.02

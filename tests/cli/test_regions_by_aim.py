"""plan --also with --carbon-price and --risk: every region by its own price, or its own band, and never in silence."""

from datetime import UTC, datetime, timedelta

import jsonschema
import numpy as np
import pytest

from gridtide.cli.answer_schema import answer_schema
from gridtide.testing import FakeGridServer, wave_series

NOW = "2026-01-01T00:00Z"
JOB = ("--duration", "1h", "--finish-by", "2026-01-01T04:00Z", "--power", "1000")
REPLAY = ("--provider", "replay", "--zone", "US-CAL-CISO", "--duration", "2h", "--max-delay", "12h", "--power", "100")
START = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def file(newcomer):
    """Write hourly values from midnight, or from so many days before it."""

    def write(name, values, *, days_before=0):
        first = START - timedelta(days=days_before)
        rows = "".join(f"{first + timedelta(hours=k):%Y-%m-%dT%H:%MZ},{v}\n" for k, v in enumerate(values))
        (newcomer / name).write_text(f"time,value\n{rows}")
        return name

    return write


@pytest.fixture
def plan(run):
    """The JSON answer of a plan that succeeds, by its schema."""

    def plan(*argv):
        result = run("plan", *argv, "--json")
        assert result.code == 0, result.err + result.out
        jsonschema.validate(result.json, answer_schema("plan"))
        return result.json

    return plan


def rows(answer):
    return {row["name"]: row for row in answer["regions"]}


class TestPrice:
    @pytest.fixture
    def two(self, file):
        """Home at 300 g/kWh and a region at 100 from one o'clock on, with prices that are least at three."""
        home = ("--series", file("home.csv", [300.0] * 6), "--zone", "DE", "--at", NOW, *JOB)
        prices = ("--price-series", file("prices.csv", [90.0, 80.0, 70.0, 20.0, 60.0, 60.0]))
        return (*home, *prices, "--also", f"north={file('north.csv', [300.0, *[100.0] * 5])}")

    def test_prices_of_a_file_hold_for_every_region_and_that_is_said(self, plan, two):
        """The cheapest hour, in the region that is cleaner then: 2 ct, and 1 ct for 100 g at 100 EUR/t."""
        answer = plan(*two, "--carbon-price", "100")
        decision, row = answer["decision"], rows(answer)["north"]

        assert (decision["zone"], decision["start"]) == ("north", "2026-01-01T03:00:00Z")
        assert (decision["reason"], decision["emissions_g"]) == ("lower-cost-region", 100.0)
        assert (row["mean_eur_per_mwh"], row["cost_eur"], row["weighed_eur"]) == (20.0, 0.02, 0.03)
        assert rows(answer)["DE"]["weighed_eur"] == 0.05
        assert "the prices that were handed in hold for every region" in answer["warnings"]

    def test_the_cost_is_that_of_the_chosen_region(self, plan, two):
        """Beside running at once at home; the front is the one over there."""
        cost = plan(*two, "--carbon-price", "100")["cost"]

        assert (cost["mean_eur_per_mwh"], cost["run_now_mean_eur_per_mwh"]) == (20.0, 90.0)
        assert [(p["mean_eur_per_mwh"], p["mean_g_per_kwh"], p["chosen"]) for p in cost["front"]] == [
            (20.0, 100.0, True)
        ]

    def test_the_effectiveness_of_the_site_counts_in_every_figure(self, plan, two):
        """Half as much again at home, at once and there."""
        bare, half_more = plan(*two, "--carbon-price", "100"), plan(*two, "--carbon-price", "100", "--pue", "1.5")
        names = ("grams", "cost_eur", "weighed_eur")

        for name, row in rows(bare).items():
            assert [rows(half_more)[name][k] for k in names] == pytest.approx([1.5 * row[k] for k in names])
        for key in ("cost_eur", "run_now_cost_eur"):
            assert half_more["cost"][key] == pytest.approx(1.5 * bare["cost"][key])
        assert half_more["decision"]["emissions_g"] == pytest.approx(1.5 * bare["decision"]["emissions_g"])

    def test_running_at_once_costs_what_it_does_at_home(self, plan, file):
        """Each place has an effectiveness of its own, and what stays behind is counted with that of home."""
        home = ("--series", file("home.csv", [300.0] * 6), "--region", "aws:ap-south-1", "--at", NOW, *JOB)
        prices = ("--price-series", file("prices.csv", [90.0, 80.0, 70.0, 20.0, 60.0, 60.0]), "--carbon-price", "100")
        answer = plan(*home, *prices, "--also", f"aws:eu-west-1={file('there.csv', [100.0] * 6)}")

        assert answer["region"] == "aws:eu-west-1"
        assert answer["cost"]["cost_eur"] == pytest.approx(0.02 * 1.11)
        assert answer["cost"]["run_now_cost_eur"] == pytest.approx(0.09 * 1.42)

    def test_slopes_are_planned_on_carbon_alone(self, plan, two):
        """With a warning, and without a cost."""
        answer = plan(*two, "--carbon-price", "100", "--step-shape", "linear")

        assert answer["cost"] is None
        assert any("these values run in slopes" in text for text in answer["warnings"])

    def test_a_hint_speaks_of_flags(self, run, two):
        """Not of keywords in Python."""
        result = run("plan", *two, "--json")

        assert result.json["error"]["hint"].startswith("add --carbon-price, in EUR")

    def test_a_small_saving_in_money_is_not_worth_a_move(self, plan, two):
        """Two percent of 2.04 ct at 1 EUR/t."""
        answer = plan(*two, "--carbon-price", "1")

        assert answer["region"] == "DE"
        assert any("moving to north was turned down: the saving is too small" in text for text in answer["warnings"])

    def test_people_see_price_and_money(self, run, two):
        """One column for each."""
        head, _, north = run("plan", *two, "--carbon-price", "100").out.splitlines()[:3]

        assert "EUR/MWh  EUR with carbon" in head
        assert north.split()[-4:] == ["100", "20.0", "0.0300", "0"]

    def test_every_region_is_asked_for_its_own_price(self, plan, newcomer, monkeypatch):
        """Ireland has no bidding zone at the source: it is left out, with the reason."""
        with FakeGridServer({"energy-charts": wave_series()}) as server:
            for name in ("ENERGY_CHARTS", "ENERGY_CHARTS_PRICE"):
                monkeypatch.setenv(f"GRIDTIDE_PROVIDERS_{name}_BASE_URL", server.base_url("energy-charts"))
            where = ("--provider", "energy-charts", "--zone", "DE", "--also", "FR", "--also", "IE")
            answer = plan(*where, "--duration", "1h", "--max-delay", "6h", "--carbon-price", "50")
            asked = {dict(call.params)["bzn"] for call in server.log.select(path="price")}
        found = rows(answer)

        assert found["FR"]["feasible"]
        assert None not in (found["DE"]["mean_eur_per_mwh"], found["FR"]["mean_eur_per_mwh"])
        assert found["IE"]["note"].startswith("no electricity prices are known there: ")
        assert not found["IE"]["feasible"]
        assert asked == {"DE-LU", "FR"}

    def test_without_prices_at_home_all_is_weighed_on_carbon(self, plan, file):
        """And that is said."""
        home = ("--series", file("home.csv", [300.0] * 6), "--at", NOW, *JOB)
        answer = plan(*home, "--also", f"north={file('north.csv', [100.0] * 6)}", "--carbon-price", "100")

        assert (answer["region"], answer["cost"]) == ("north", None)
        assert any("planned on carbon alone" in text for text in answer["warnings"])
        assert rows(answer)["north"]["weighed_eur"] is None

    def test_prices_that_end_before_the_run_are_none(self, plan, file):
        """The job may not start before the last price; carbon decides, and that is said."""
        home = ("--series", file("home.csv", [300.0] * 6), "--at", NOW, *JOB, "--not-before", "2026-01-01T02:00Z")
        also = ("--also", f"north={file('north.csv', [100.0] * 6)}", "--price-series", file("short.csv", [90.0, 80.0]))
        answer = plan(*home, *also, "--carbon-price", "100")

        assert (answer["region"], answer["decision"]["reason"], answer["cost"]) == ("north", "cleaner-region", None)
        assert any("so regions are weighed on carbon alone" in text for text in answer["warnings"])

    def test_risk_and_price_stay_apart(self, run, two):
        """A plan by price has no band, in one region or in several."""
        result = run("plan", *two, "--carbon-price", "100", "--risk", "hedged", "--json")

        assert (result.code, result.json["error"]["field"]) == (2, "--carbon-price")


class TestRisk:
    def test_every_region_has_its_own_band(self, plan):
        """Recorded regions know theirs; a cautious choice has the least upper end of all that may be chosen."""
        also = ("--also", "US-NW-BPAT", "--also", "US-TEX-ERCO")
        expected, cautious = plan(*REPLAY, *also), plan(*REPLAY, *also, "--risk", "cautious")
        found = rows(cautious)

        assert [row["upper_mean_g_per_kwh"] for row in expected["regions"]] == [None] * 3
        assert all(row["upper_mean_g_per_kwh"] > row["mean_g_per_kwh"] for row in found.values())
        assert cautious["risk"]["upper_mean_g_per_kwh"] == pytest.approx(
            min(row["upper_mean_g_per_kwh"] for row in found.values())
        )
        assert found[cautious["region"]]["chosen"]

    def test_a_wild_region_is_chosen_only_by_who_believes_its_forecast(self, plan, file):
        """Both files hold forty days of the past, which the band comes from."""
        rng = np.random.default_rng(3)
        calm = [*rng.uniform(195.0, 205.0, 24 * 40), *[200.0] * 12]
        wild = [*rng.uniform(0.0, 800.0, 24 * 40), *[150.0] * 12]
        home = ("--series", file("calm.csv", calm, days_before=40), "--zone", "DE", "--at", NOW, *JOB)
        also = ("--also", f"wild={file('wild.csv', wild, days_before=40)}")
        believed, hedged = plan(*home, *also), plan(*home, *also, "--risk", "hedged")

        assert (believed["region"], hedged["region"]) == ("wild", "DE")
        assert any("whose upper end saves too little" in text for text in hedged["warnings"])

    def test_a_region_without_a_past_is_left_out(self, plan, file):
        """A short file says nothing about how far its forecast misses."""
        calm = [*np.random.default_rng(3).uniform(195.0, 205.0, 24 * 40), *[200.0] * 12]
        home = ("--series", file("calm.csv", calm, days_before=40), "--zone", "DE", "--at", NOW, *JOB)
        answer = plan(*home, "--also", f"new={file('new.csv', [1.0] * 12)}", "--risk", "cautious")

        assert answer["region"] == "DE"
        assert rows(answer)["new"]["note"] == "no band is known around its forecast, so it is not weighed by risk"

    def test_without_a_past_at_home_the_middles_are_compared(self, plan, file):
        """With a warning."""
        home = ("--series", file("home.csv", [300.0] * 6), "--at", NOW, *JOB)
        answer = plan(*home, "--also", f"north={file('north.csv', [100.0] * 6)}", "--risk", "hedged")

        assert (answer["region"], answer["risk"]["band"]) == ("north", None)
        assert any("regions are weighed on the middle of their forecasts" in text for text in answer["warnings"])

    def test_people_see_the_upper_mean(self, run):
        """Beside the middle one."""
        assert "upper mean" in run("plan", *REPLAY, "--also", "US-NW-BPAT", "--risk", "hedged").out.splitlines()[0]

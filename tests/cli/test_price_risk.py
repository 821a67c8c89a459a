"""Plans by cost and carbon together, and plans that stay good when the forecast is wrong."""

import pytest

from gridtide.testing import FakeGridServer, wave_series

PRICES = """\
time,value
2026-01-01T00:00Z,90
2026-01-01T01:00Z,20
2026-01-01T02:00Z,60
2026-01-01T03:00Z,80
2026-01-01T04:00Z,30
2026-01-01T05:00Z,40
"""
JOB = ("--duration", "1h", "--finish-by", "2026-01-01T06:00Z", "--power", "1000")
REPLAY = ("--provider", "replay", "--zone", "GB", "--duration", "2h", "--max-delay", "24h", "--power", "100")


@pytest.fixture
def prices(newcomer):
    path = newcomer / "prices.csv"
    path.write_text(PRICES)
    return ("--price-series", path)


@pytest.fixture
def plan(run):
    """The JSON answer of a plan that succeeds."""

    def plan(*argv):
        result = run("plan", *argv, "--json")
        assert result.code == 0, result.err
        return result.json

    return plan


class TestPrice:
    def test_the_plan_names_what_it_costs_and_what_it_emits(self, plan, given, prices):
        """At 100 EUR/t the cheap hour wins; the front shows both choices, each with its cost and grams."""
        answer = plan(*given, *JOB, *prices, "--carbon-price", "100")

        assert (answer["decision"]["start"], answer["decision"]["reason"]) == ("2026-01-01T01:00:00Z", "lower-cost")
        assert answer["decision"]["emissions_g"] == 200.0
        cost = answer["cost"]
        assert (cost["mean_eur_per_mwh"], cost["cost_eur"]) == (20.0, 0.02)
        assert (cost["run_now_mean_eur_per_mwh"], cost["run_now_cost_eur"]) == (90.0, 0.09)
        assert [(p["eur_per_t"], p["mean_eur_per_mwh"], p["mean_g_per_kwh"], p["chosen"]) for p in cost["front"]] == [
            (0.0, 20.0, 200.0, True),
            (400.0, 80.0, 0.0, False),
        ]

    def test_a_high_price_of_carbon_buys_the_clean_hour(self, plan, given, prices):
        """The knob is one figure that an auditor can read."""
        answer = plan(*given, *JOB, *prices, "--carbon-price", "1000")

        assert answer["decision"]["start"] == "2026-01-01T03:00:00Z"

    def test_people_see_the_front(self, run, given, prices):
        """One line for each choice, the taken one marked."""
        words = run("plan", *given, *JOB, *prices, "--carbon-price", "100").out

        assert "cost and carbon together are lowest then" in words
        assert "20.0 instead of 90.0 EUR/MWh, with carbon at 100 EUR/t" in words
        assert "this plan" in words.split("cost and carbon  ")[1]

    def test_a_run_follows_the_price_too(self, run, given, prices):
        """The engine plans by it, and the saving is told in carbon."""
        fast = ("--clock-speed", "7200")
        result = run("run", *given, *fast, *JOB, *prices, "--carbon-price", "0", "--dry-run", "--json", "--", "true")

        assert (result.code, result.json["decision"]["reason"]) == (0, "lower-cost")
        assert result.json["decision"]["start"] == "2026-01-01T01:00:00Z"

    def test_without_a_carbon_price_nothing_is_weighed(self, plan, given):
        """The plan is by carbon alone, as ever."""
        assert plan(*given, *JOB)["cost"] is None

    def test_the_day_ahead_auction_is_asked_where_no_file_is_named(self, run, newcomer, monkeypatch):
        """Prices of the place's bidding zone, beside its carbon."""
        with FakeGridServer({"energy-charts": wave_series()}) as server:
            for name in ("ENERGY_CHARTS", "ENERGY_CHARTS_PRICE"):
                monkeypatch.setenv(f"GRIDTIDE_PROVIDERS_{name}_BASE_URL", server.base_url("energy-charts"))
            argv = ("plan", "--provider", "energy-charts", "--zone", "DE", *("--duration", "1h", "--max-delay", "6h"))
            result = run(*argv, "--carbon-price", "50", "--json")

        assert result.code == 0, result.err
        assert result.json["cost"]["signal"]["provider"] == "energy-charts-price"
        assert result.json["cost"]["front"]

    def test_without_prices_it_says_so_and_plans_on_carbon(self, run, given):
        """A file's own place has no bidding zone."""
        result = run("plan", *given, *JOB, "--carbon-price", "50", "--json")

        assert (result.code, result.json["cost"]) == (0, None)
        assert result.json["decision"]["start"] == "2026-01-01T03:00:00Z"
        assert any("planned on carbon alone" in warning for warning in result.json["warnings"])

    @pytest.mark.parametrize(
        ("flags", "field"),
        [
            (("--carbon-price", "-1"), "policies.carbon_price"),
            (("--carbon-price", "50", "--threshold", "100"), "--carbon-price"),
            (("--carbon-price", "50", "--risk", "hedged"), "--carbon-price"),
        ],
    )
    def test_what_contradicts_a_price_is_a_usage_error(self, run, given, prices, flags, field):
        """Grams are not held against money."""
        result = run("plan", *given, *JOB, *prices, *flags, "--json")

        assert (result.code, result.json["error"]["field"]) == (2, field)

    def test_prices_alone_are_no_plan(self, run, given, prices):
        """They need the figure that turns grams into money."""
        result = run("plan", *given, *JOB, *prices, "--json")

        assert (result.code, result.json["error"]["field"]) == (2, "--price-series")


class TestRisk:
    def test_a_replay_knows_its_band(self, plan):
        """The upper end comes from the recorded past; a cautious plan never has a higher one than the expected."""
        seen = {word: plan(*REPLAY, "--risk", word) for word in ("expected", "hedged", "cautious")}
        upper = {word: answer["risk"]["upper_mean_g_per_kwh"] for word, answer in seen.items()}

        assert seen["expected"]["risk"] == {"word": "expected", "band": None, "upper_mean_g_per_kwh": None}
        assert seen["hedged"]["risk"]["band"].startswith("upper 90% of")
        assert upper["hedged"] >= seen["hedged"]["decision"]["mean_g_per_kwh"]
        assert upper["cautious"] <= upper["hedged"]

    def test_a_short_file_has_no_band_and_says_so(self, run, given):
        """Six hours say nothing about how far a forecast misses."""
        result = run("plan", *given, *JOB, "--risk", "hedged", "--json")

        assert (result.code, result.json["risk"]["band"]) == (0, None)
        assert "no band is known around this forecast, so it is planned on its middle" in result.json["warnings"]

    def test_the_setting_acts_in_a_run(self, run, monkeypatch):
        """Where the engine decides, with the same words."""
        monkeypatch.setenv("GRIDTIDE_POLICIES_RISK", "cautious")
        rehearsed = run("run", *REPLAY, "--dry-run", "--json", "--", "true").json["decision"]["start"]

        assert rehearsed == run("plan", *REPLAY, "--json").json["decision"]["start"]

    def test_an_unknown_word_is_refused(self, run, given):
        """With the words there are."""
        result = run("plan", *given, *JOB, "--risk", "brave")

        assert result.code == 2
        assert "expected, hedged, cautious" in result.err

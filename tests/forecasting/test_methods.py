"""Forecasting methods follow their definitions, and know weekends."""

import csv
import gzip
import sys
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gridtide.domain.errors import ConfigurationError, HorizonTooShort, InvalidInput
from gridtide.domain.instants import to_ns
from gridtide.domain.series import Series
from gridtide.domain.signal import Quality
from gridtide.domain.units import NS_PER_HOUR
from gridtide.forecasting import bands, methods, own, score
from gridtide.forecasting.correction import rolling_forecasts, weekday_corrected
from gridtide.forecasting.history import History
from support import DEMO, HOUR, T0, at, hourly, shared_dir

MONDAY = datetime(2026, 1, 5, tzinfo=UTC)
HOUR_NS = 3_600_000_000_000


def history(values, end=MONDAY):
    return History(np.asarray(values, dtype=float), to_ns(end), HOUR_NS)


def weeks(count, weekday=200.0, weekend=100.0):
    """Hourly values of whole weeks that end on a Monday at midnight."""
    return np.tile(np.repeat([weekday] * 5 + [weekend] * 2, 24), count)


class TestDefinitions:
    """Hand-computed on a week whose days are 10, 20, ... 70 at every hour."""

    week = history(np.repeat(np.arange(1, 8) * 10.0, 24))

    @pytest.mark.parametrize(
        ("name", "first", "second_day"),
        [
            ("persistence", 70.0, 70.0),
            ("daily_naive", 70.0, 70.0),
            ("weekly_naive", 10.0, 20.0),
            ("mean_day_week", 40.0, 45.0),
            ("mean7d_same_hour", 40.0, 40.0),
            ("damped_anomaly", 40.0 + 30.0 * np.exp(-1 / 24), 40.0 + 30.0 * np.exp(-25 / 24)),
        ],
    )
    def test_values_follow_the_formula(self, name, first, second_day):
        """The first hour and the same hour a day later, from the published definitions."""
        values = methods.METHODS[name](self.week, 48)

        assert values[0] == pytest.approx(first, rel=1e-12)
        assert values[24] == pytest.approx(second_day, rel=1e-12)

    def test_the_damped_forecast_has_a_floor(self):
        """A deep last value cannot pull the forecast below a fifth of the weekly mean."""
        values = np.full(168, 100.0)
        values[:-1:2] = 500.0
        values[-1] = 0.0

        assert methods.damped_anomaly(history(values), 24).min() == pytest.approx(0.2 * values.mean())

    def test_too_little_history_is_refused(self):
        """A method says how much it needs instead of making something up."""
        with pytest.raises(HorizonTooShort, match=r"needs 7 days of history; 2.0 are known"):
            methods.damped_anomaly(history(np.ones(48)), 24)

    def test_an_unknown_method_lists_the_known_ones(self):
        """The message names what can be asked for."""
        with pytest.raises(InvalidInput, match="'crystal' is unknown; allowed: persistence, daily_naive"):
            methods.method_named("crystal")


class TestWeekdayDamped:
    def test_the_coming_weekend_is_expected(self):
        """After eight regular weeks, Saturday is forecast lower than Friday by most of the usual difference."""
        ahead = methods.weekday_damped(history(weeks(8)), 168)

        assert ahead[110] - ahead[130] == pytest.approx(80.0, abs=12.0)

    def test_the_naive_profile_does_not_know_it(self):
        """The plain method forecasts the same for both days: the difference is ours."""
        ahead = methods.damped_anomaly(history(weeks(8)), 168)

        assert abs(ahead[110] - ahead[130]) < 1.0

    def test_little_history_still_forecasts(self):
        """Three days are enough; without two whole weeks no weekend is assumed."""
        ahead = methods.weekday_damped(history(np.tile(np.arange(24.0), 3)), 48)

        assert ahead[24:] == pytest.approx(np.maximum(np.arange(24.0), 0.2 * 11.5))

    def test_a_gap_is_not_zero(self):
        """Unknown hours leave the profile as if they were not there (invariant I4)."""
        values = np.full(24 * 14, 100.0)
        values[30:60] = np.nan

        assert methods.weekday_damped(history(values), 24) == pytest.approx(np.full(24, 100.0))

    @given(scale=st.floats(0.01, 1000), seed=st.integers(0, 99))
    @settings(max_examples=30, deadline=None)
    def test_the_unit_does_not_matter(self, scale, seed):
        """Scaling the past scales the forecast."""
        values = np.random.default_rng(seed).uniform(50, 500, 24 * 21)
        plain = methods.weekday_damped(history(values), 48)

        assert methods.weekday_damped(history(values * scale), 48) == pytest.approx(plain * scale, rel=1e-9)


class TestOwnForecast:
    def test_it_is_labelled(self):
        """Our own forecast always says that it is one, with its method and time."""
        past = hourly(*([50.0, 150.0] * 36))
        ahead = own.forecast(past, issued_at=past.end, horizon=3 * HOUR, method="daily_naive")

        assert ahead.signal.quality is Quality.FORECAST
        assert ahead.signal.issued_at == past.end
        assert ahead.signal.method == "own forecast: daily_naive, from history to 2026-01-04T00:00:00Z"
        assert ahead.values.tolist() == [50.0, 150.0, 50.0]

    def test_it_never_looks_ahead(self):
        """Values after the issue time change nothing."""
        past = hourly(*([50.0, 150.0] * 36))
        longer = hourly(*([50.0, 150.0] * 36), *([9.0] * 24))

        assert own.forecast(past, issued_at=past.end, horizon=5 * HOUR) == own.forecast(
            longer, issued_at=past.end, horizon=5 * HOUR
        )

    def test_an_issue_time_between_steps_starts_at_the_last_whole_step(self):
        """The step that holds the issue time is forecast too, so that nothing before it is left open."""
        past = hourly(*([50.0, 150.0] * 36))
        ahead = own.forecast(past, issued_at=past.end + timedelta(minutes=20), horizon=HOUR)

        assert ahead.start == past.end
        assert ahead.end >= past.end + timedelta(minutes=80)

    def test_without_history_it_refuses(self):
        """Nothing known means no forecast, not a flat zero."""
        with pytest.raises(HorizonTooShort, match="no values of demo/X are known"):
            own.forecast(hourly(100.0), issued_at=at(24 * 100), horizon=HOUR)

    def test_bands_hold_the_promised_share(self):
        """On a noisy daily pattern the 80 % interval covers about 80 % of what comes."""
        rng = np.random.default_rng(7)
        pattern = 200 + 80 * np.sin(np.arange(24) / 24 * 2 * np.pi)
        values = np.tile(pattern, 150) + rng.normal(0, 25, 3600)
        inside = []
        for day in range(60, 140, 4):
            past = history(values[: day * 24][-24 * 56 :])
            middle = methods.weekday_damped(past, 48)
            low, high = bands.quantiles(middle, bands.residuals(past, methods.weekday_damped, 48), (0.1, 0.9))
            inside.append(score.coverage(low, high, values[day * 24 : day * 24 + 48]))

        assert 0.75 <= np.mean(inside) <= 0.87

    def test_bands_come_with_the_measured_error(self):
        """A forecast with bands names its mean error in the label."""
        past = hourly(*np.tile(np.arange(24.0) * 10, 21))
        banded = own.forecast_with_bands(past, issued_at=past.end, horizon=24 * HOUR)

        assert "mean error" in banded.middle.signal.method
        assert (banded.low.values <= banded.middle.values).all()
        assert (banded.high.values >= banded.middle.values).all()


class TestHistory:
    def test_half_hours_become_hourly_means(self):
        """Two half-hour steps count half each."""
        half = timedelta(minutes=30)
        series = Series.steps(DEMO, T0, half, [10.0, 30.0, None, 50.0])
        past = History.of(series, end=at(2), step=HOUR, span=2 * HOUR)

        assert past.values[0] == 20.0
        assert np.isnan(past.values[1])

    def test_weekends_are_told_by_the_calendar(self):
        """The Sunday before Monday the fifth is a weekend, Monday is not."""
        weekend = history(np.ones(24)).weekend(2)

        assert weekend.tolist() == [True] * 24 + [False] * 2


def test_scores_by_hand():
    """Half off everywhere is 50 %, and the same order is a rank correlation of one."""
    truth = np.tile(np.arange(1.0, 25.0), (3, 2))
    result = score.score(truth * 1.5, truth)

    assert result.mape == pytest.approx([50.0, 50.0])
    assert result.wmape == pytest.approx([50.0, 50.0])
    assert result.rank_correlation == pytest.approx([1.0, 1.0])


def test_the_worst_order_has_correlation_minus_one():
    """A forecast in reverse order is the worst a scheduler can get."""
    truth = np.arange(1.0, 25.0)[None, :]

    assert score.score(truth[:, ::-1], truth).rank_correlation == pytest.approx([-1.0])


@pytest.mark.shared
def test_the_published_table_is_reproduced():
    """On real 2024 data the damped anomaly gives the reference row, and ours is better."""
    path = shared_dir("runs", "data", "electricitymaps", "GB_2021-2024.csv.gz")
    table = shared_dir("runs", "forecasting", "mape_electricitymaps_2024.csv")
    with gzip.open(path, "rt") as file:
        rows = list(csv.DictReader(file))
    values = np.array([float(r["ci_lca"]) for r in rows])
    first = next(i for i, r in enumerate(rows) if r["datetime_utc"].startswith("2024-01-01"))
    start = datetime.strptime(rows[0]["datetime_utc"], "%Y-%m-%d %H:%M").replace(tzinfo=UTC)
    origins = range(first, values.size - 95, 24)

    def scored(method):
        made = [
            method(History(values[max(0, o - 24 * 56) : o], to_ns(start) + o * HOUR_NS, HOUR_NS), 96) for o in origins
        ]
        return score.score(np.array(made), np.array([values[o : o + 96] for o in origins]))

    reference = next(
        r
        for r in csv.DictReader(table.read_text().splitlines())
        if r["region"] == "GB" and r["method"] == "damped_anomaly"
    )
    theirs = [float(reference[f"day{k}"]) for k in range(1, 5)]

    assert scored(methods.damped_anomaly).mape == pytest.approx(theirs, abs=2e-4)
    assert (scored(methods.weekday_damped).mape < theirs).all()


class TestCorrection:
    @staticmethod
    def series(days=130, seed=3):
        """Daily wave plus deviations with momentum: they grow before they shrink."""
        rng = np.random.default_rng(seed)
        deviation = np.zeros(days * 24)
        for k in range(2, deviation.size):
            deviation[k] = 1.9 * deviation[k - 1] - 0.92 * deviation[k - 2] + rng.normal(0, 4)
        return 300 + 60 * np.sin(np.arange(days * 24) / 24 * 2 * np.pi) + deviation

    @pytest.mark.slow
    def test_momentum_is_learned(self):
        """Where deviations go on growing, the learned correction is better in the next six hours."""
        values = self.series()
        forecasts = {"weekday_corrected": [], "weekday_damped": []}
        truth = []
        for origin in range(100 * 24, 128 * 24, 17):
            past = history(values[:origin])
            truth.append(values[origin : origin + 6])
            for name, made in forecasts.items():
                made.append(own.method_for(name)(past, 6))
        error = {name: np.abs(np.array(made) - np.array(truth)).mean() for name, made in forecasts.items()}

        assert error["weekday_corrected"] < 0.8 * error["weekday_damped"]

    def test_short_history_falls_back(self):
        """With three weeks known the plain method answers."""
        past = history(self.series(days=21))

        assert weekday_corrected(past, 48) == pytest.approx(methods.weekday_damped(past, 48))

    def test_rolling_is_the_same_forecast(self):
        """A backtest sees what a single forecast at that hour would have seen, up to the day of its fit."""
        values = self.series()
        rolled = rolling_forecasts(history(values), count=24 * 5, steps=30)
        alone = weekday_corrected(history(values[: -24 * 5], end=MONDAY - timedelta(days=5)), 30)

        assert rolled.shape == (120, 30)
        assert rolled[0] == pytest.approx(alone, rel=0.01)

    def test_rolling_never_looks_ahead(self):
        """Changing what comes later does not change an earlier origin's forecast."""
        values = self.series()
        changed = values.copy()
        changed[-24:] += 500.0

        early = rolling_forecasts(history(values), count=48, steps=24)[:24]
        assert early == pytest.approx(rolling_forecasts(history(changed), count=48, steps=24)[:24])


class TestBoosted:
    def test_it_is_not_worse_than_its_better_half_on_a_learnable_zone(self):
        """Averaged with the correction it stays within a few percent of it where deviations have momentum."""
        pytest.importorskip("lightgbm", reason="the optional forecast extra is not installed")
        values = TestCorrection.series()
        error = {"boosted": [], "weekday_damped": []}
        for origin in range(110 * 24, 126 * 24, 97):
            for name, missed in error.items():
                made = own.method_for(name)(history(values[:origin]), 24)
                missed.append(np.abs(made - values[origin : origin + 24]).mean())

        assert np.mean(error["boosted"]) < np.mean(error["weekday_damped"])

    def test_without_the_extra_it_says_what_to_install(self, monkeypatch):
        """The message names the command."""
        monkeypatch.setitem(sys.modules, "lightgbm", None)
        with pytest.raises(ConfigurationError, match="needs LightGBM") as caught:
            own.method_for("boosted")(history(np.ones(24 * 60)), 24)

        assert caught.value.hint == "pip install 'gridtide[forecast]'"


def test_short_rolling_forecasts_begin_like_long_ones():
    """Six hours are the first six of two days: the fit looks at a whole day all the same."""
    rng = np.random.default_rng(5)
    hours = np.arange(40 * 24)
    past = History(300 + 50 * np.sin(hours / 24 * 2 * np.pi) + rng.normal(0, 9, hours.size), 0, NS_PER_HOUR)

    short, long = (rolling_forecasts(past, count=30, steps=steps) for steps in (6, 48))

    assert short.shape == (30, 6)
    assert np.array_equal(short, long[:, :6])


def test_rolling_forecasts_say_what_they_need():
    """Two weeks and a day before the first origin."""
    with pytest.raises(HorizonTooShort, match=r"rolling needs 15 days before the first origin; 14.0 are known"):
        rolling_forecasts(History(np.ones(15 * 24), 0, NS_PER_HOUR), count=24, steps=6)


def test_a_week_without_values_is_bridged_by_the_week_before():
    """The level falls back on what is known of the last fortnight; nothing becomes NaN."""
    values = np.tile(np.arange(24.0) + 50, 28)
    values[-7 * 24 :] = np.nan

    ahead = methods.weekday_damped(History(values, 0, NS_PER_HOUR), 24)

    assert ahead == pytest.approx(np.arange(24.0) + 50)

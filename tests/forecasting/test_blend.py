"""A provider's forecast is taken as given until our own is shown to be better."""

import math
from datetime import timedelta

import pytest

from gridtide.domain.errors import KindMismatch
from gridtide.domain.series import Series
from gridtide.domain.signal import Quality, Signal, SignalKind
from gridtide.forecasting.blend import Skill, blend, measure_skill
from support import DEMO, HOUR, T0, at, hourly

FORECAST = DEMO.with_(quality=Quality.FORECAST, issued_at=T0)


def steps(*values, start=T0, signal=FORECAST):
    return Series.steps(signal, start, HOUR, values)


def even(error):
    return Skill((error,) * 4)


def test_without_skill_the_provider_stands():
    """No measurement, no blending: only the hours beyond its horizon are ours."""
    joined = blend(steps(100.0, 100.0), steps(300.0, 300.0, 300.0))

    assert joined.values.tolist() == [100.0, 100.0, 300.0]


def test_equal_skill_takes_the_middle():
    """Two forecasts that err alike count half each."""
    joined = blend(steps(100.0), steps(300.0), provider_skill=even(4.0), own_skill=even(4.0))

    assert joined.values.tolist() == [200.0]


def test_the_better_one_counts_more():
    """A provider with a ninth of our squared error counts nine tenths."""
    joined = blend(steps(100.0), steps(300.0), provider_skill=even(1.0), own_skill=even(9.0))

    assert joined.values.tolist() == pytest.approx([120.0])


def test_measured_values_are_never_changed():
    """What was measured is not a forecast to be improved."""
    measured = Series.steps(DEMO, T0, HOUR, [100.0])
    joined = blend(measured, steps(300.0), provider_skill=even(4.0), own_skill=even(4.0))

    assert joined.values.tolist() == [100.0]


def test_gaps_of_the_provider_are_filled_and_marked():
    """An hour the provider left out is ours, and says so."""
    joined = blend(Series.steps(DEMO, T0, HOUR, [100.0, None, 100.0]), steps(1.0, 300.0, 1.0))

    assert joined.values.tolist() == [100.0, 300.0, 100.0]
    assert joined.quality_at(at(1)) is Quality.FORECAST
    assert joined.quality_at(at(0)) is Quality.MEASURED


def test_a_partial_step_is_filled_only_where_nothing_is_known():
    """Our hour is cut to the half hour that the provider leaves open."""
    half = Series.steps(FORECAST, T0, timedelta(minutes=30), [100.0])
    joined = blend(half, steps(300.0))

    assert joined.start == T0
    assert joined.end == at(1)
    assert joined.value_at(at(0.75)) == 300.0


def test_kinds_never_meet():
    """A marginal forecast is not extended with an average one (invariant I14)."""
    marginal = Signal(SignalKind.MARGINAL, provider="demo", zone="X", scope=DEMO.scope)
    with pytest.raises(KindMismatch):
        blend(steps(100.0, signal=marginal), steps(300.0))


def test_skill_is_measured_on_forecasts_as_issued():
    """Only steps after the issue time count, against what came true, by lead day."""
    issued = Series.steps(FORECAST.with_(issued_at=at(24)), at(0), HOUR, [0.0] * 24 + [110.0] * 24 + [120.0] * 24)
    truth = Series.steps(DEMO, at(0), HOUR, [100.0] * 72)
    skill = measure_skill([issued], truth)

    assert skill.mean_squared_error[:2] == pytest.approx((100.0, 400.0))
    assert skill.mean_squared_error[2] != skill.mean_squared_error[2]


def test_hours_before_its_issue_are_no_forecast():
    """What was already known when it was made neither helps nor harms its record."""
    truth = hourly(*[100.0] * 72)
    issued = hourly(*[900.0] * 30, *[110.0] * 42, signal=DEMO.with_(quality=Quality.FORECAST, issued_at=at(30)))

    first, *later = measure_skill([issued], truth).mean_squared_error

    assert first == pytest.approx(100.0)
    assert all(math.isnan(error) for error in later)

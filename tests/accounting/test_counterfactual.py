"""A saving is the same run replayed at its original start, not a difference of two moments."""

import pytest

from gridtide.accounting.savings import Power, saving_against_run_now
from gridtide.domain.interval import Interval
from support import HOUR, T0, at, hourly

# 400 g/kWh when it was asked for, falling while it would have run; 150 when it did run.
VALUES = (400.0, 300.0, 200.0, 150.0, 140.0, 130.0, 150.0)
RAN = Interval(at(3), at(6))


def test_what_the_grid_did_during_the_original_run_counts():
    """Three hours at one kilowatt: 900 g at once and 420 g as it ran, so 480 g; two moments would say 750 g."""
    saving = saving_against_run_now(hourly(*VALUES), [RAN], original_start=T0, power=Power(constant_w=1000.0))
    by_two_moments = (VALUES[0] - VALUES[3]) * 3.0

    assert (saving.against.grams, saving.run.grams) == pytest.approx((900.0, 420.0))
    assert saving.grams == pytest.approx(480.0)
    assert by_two_moments == 750.0


def test_the_same_power_profile_is_replayed():
    """A run whose first hour draws all the power is compared with that hour of the original, not with its mean."""
    saving = saving_against_run_now(
        hourly(*VALUES), [RAN], original_start=T0, power=Power(profile_w=(3000.0, 0.0, 0.0))
    )

    assert (saving.against.grams, saving.run.grams) == pytest.approx((1200.0, 450.0))


def test_a_run_is_never_compared_with_the_worst_time():
    """The baseline has a name and is the release; the dirtiest hour of the day plays no part."""
    values = hourly(100.0, 900.0, 900.0, 100.0)
    saving = saving_against_run_now(values, [Interval(at(3), at(4))], original_start=T0, power=Power(constant_w=1000.0))

    assert (saving.baseline, saving.grams, saving.share) == ("run-now", 0.0, 0.0)


def test_a_longer_run_than_planned_is_compared_over_its_own_length():
    """What it really took counts on both sides."""
    saving = saving_against_run_now(
        hourly(*VALUES), [Interval(at(3), at(3) + 4 * HOUR)], original_start=T0, power=Power(constant_w=1000.0)
    )

    assert (saving.against.grams, saving.run.grams) == pytest.approx((1050.0, 570.0))

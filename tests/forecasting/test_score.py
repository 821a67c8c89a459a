"""Scores where something is missing or zero."""

import numpy as np
import pytest

from gridtide.forecasting import score


def test_zeros_are_left_out_of_percentages_only():
    """Truth 0 and 10, forecasts 5 and 5: MAPE 50 % of the ten, wMAPE 10 of 10."""
    found = score.score(np.full((1, 24), 5.0), np.array([[0.0, 10.0] * 12]))

    assert found.mape[0] == pytest.approx(50.0)
    assert found.wmape[0] == pytest.approx(100.0)


def test_nothing_to_divide_by_is_no_number():
    """Neither an error nor a warning: NaN."""
    found = score.score(np.ones((2, 24)), np.zeros((2, 24)))

    assert np.isnan([found.mape[0], found.wmape[0], found.rank_correlation[0]]).all()
    assert np.isnan(score.weighted_error(np.ones(3), np.zeros(3)))


def test_a_forecast_that_was_not_made_counts_nowhere():
    """The truth it has no pair for does not dilute the error: 1 of 2, not 1 of 4."""
    assert score.weighted_error(np.array([3.0, np.nan]), np.array([2.0, 2.0])) == pytest.approx(50.0)
    assert np.isnan(score.coverage(np.array([np.nan]), np.array([np.nan]), np.array([1.0])))

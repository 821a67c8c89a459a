"""Buying capacity: hand-computed spot prices, the deadline rule, and what evictions cost against a simulation."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gridtide.domain.errors import InvalidInput
from gridtide.planning import purchase
from gridtide.planning.purchase import SpotMarket, Tariff

TARIFF = Tariff(on_demand_per_h=1.0, reserved_share=0.4, spot_per_h=0.3)


def test_without_evictions_spot_takes_its_own_time():
    """Nothing is repeated when nothing is taken away."""
    offer = purchase.spot_offer(4.0, 0.0, processors=2, tariff=TARIFF, market=SpotMarket())

    assert (offer.hours, offer.cost, offer.on_demand_cost) == (4.0, pytest.approx(2.4), 8.0)
    assert offer.accept


def test_expected_hours_agree_with_drawn_evictions():
    """The closed form equals the mean of many simulated runs with restarts."""
    rng = np.random.default_rng(1)
    length, rate, restart = 3.0, 0.4, 0.25

    def one_run():
        hours = 0.0
        while (lasted := rng.exponential(1 / rate)) < length:
            hours += lasted + restart
        return hours + length

    drawn = np.mean([one_run() for _ in range(20_000)])

    assert purchase.spot_hours(length, SpotMarket(evictions_per_h=rate, restart_h=restart)) == pytest.approx(
        drawn, rel=0.03
    )


def test_checkpoints_cut_the_repeated_work():
    """Ten short stretches are repeated less than one long one."""
    whole = purchase.spot_hours(10.0, SpotMarket(evictions_per_h=0.2))
    saved = purchase.spot_hours(10.0, SpotMarket(evictions_per_h=0.2, checkpoint_h=1.0))

    assert 10.0 < saved < whole / 2


def test_spot_is_refused_where_an_eviction_could_break_the_deadline():
    """Two hours of slack do not hold a second run of three hours."""
    offer = purchase.spot_offer(3.0, 2.0, processors=1, tariff=TARIFF, market=SpotMarket(evictions_per_h=0.01))

    assert not offer.keeps_deadline
    assert not offer.accept


def test_spot_is_refused_where_repeats_cost_more_than_on_demand():
    """At one eviction an hour eight hours almost never finish."""
    offer = purchase.spot_offer(8.0, 100.0, processors=1, tariff=TARIFF, market=SpotMarket(evictions_per_h=1.0))

    assert offer.keeps_deadline
    assert not offer.accept
    assert offer.carbon_factor > 100


def test_a_run_that_never_finishes_costs_infinity():
    """Beyond the range of floats the answer is infinite, not an error."""
    assert purchase.spot_hours(1000.0, SpotMarket(evictions_per_h=10.0)) == float("inf")


@given(st.floats(0.1, 50), st.floats(0, 1), st.floats(0, 1))
@settings(max_examples=60, deadline=None)
def test_spot_is_never_faster_than_the_work_itself(length, rate, restart):
    """Evictions only add time."""
    assert purchase.spot_hours(length, SpotMarket(evictions_per_h=rate, restart_h=restart)) >= length * (1 - 1e-9)


def test_a_waiting_job_starts_when_due_or_when_its_processors_idle():
    """Work conserving means: never leave paid capacity idle that a waiting job fits on."""
    assert purchase.starts_now(0, 1, planned_is_due=True)
    assert purchase.starts_now(2, 2, planned_is_due=False)
    assert not purchase.starts_now(1, 2, planned_is_due=False)


@pytest.mark.parametrize(
    "build",
    [
        pytest.param(lambda: Tariff(on_demand_per_h=-1.0, reserved_share=0.4, spot_per_h=0.1), id="price"),
        pytest.param(lambda: SpotMarket(evictions_per_h=float("nan")), id="rate"),
        pytest.param(lambda: SpotMarket(checkpoint_h=0.0), id="checkpoint"),
    ],
)
def test_impossible_figures_are_refused(build):
    """A price or rate below zero, or none at all, is named."""
    with pytest.raises(InvalidInput, match="allowed"):
        build()

"""Plans made once and again realise what their forecasts are worth."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gridtide.simulation import replan
from gridtide.simulation.backtest import SlotJobs
from gridtide.simulation.replan import Truth

LEADS = 24


def perfect(values):
    """Forecasts that come true."""
    padded = np.concatenate([values, np.full(LEADS + 1, values[-1])])
    return Truth(values, np.lib.stride_tricks.sliding_window_view(padded, LEADS)[: values.size].astype(np.float32))


def jobs(*rows):
    return SlotJobs(*(np.array(column, dtype=np.int64) for column in zip(*rows, strict=True)))


WAVE = np.round(200 + 100 * np.sin(np.arange(72) / 24 * 2 * np.pi))
POLICIES = (replan.windows_once, replan.replanned_windows, replan.slots_once, replan.replanned_slots)


@pytest.mark.parametrize("policy", POLICIES, ids=lambda p: p.__name__)
def test_a_perfect_forecast_realises_the_oracle(policy):
    """With the truth as forecast nothing is lost, whichever way one plans."""
    outcome = policy(perfect(WAVE), jobs((0, 3, 10), (5, 1, 12), (30, 6, 8)))

    assert outcome.share_of_oracle == pytest.approx(1.0)


@pytest.mark.parametrize("policy", POLICIES, ids=lambda p: p.__name__)
def test_no_slack_is_run_now(policy):
    """A job that cannot wait costs what it costs."""
    outcome = policy(perfect(WAVE), jobs((0, 3, 0), (5, 1, 0)))

    assert outcome.realised == outcome.run_now == outcome.oracle
    assert np.isnan(outcome.share_of_oracle)


def test_an_inverted_forecast_loses_and_says_so():
    """A forecast that is exactly wrong gives a negative share, not a hidden one."""
    wrong = Truth(WAVE, (400 - perfect(WAVE).forecasts).astype(np.float32))

    assert replan.windows_once(wrong, jobs((12, 2, 12))).share_of_oracle < 0


def test_the_live_value_mends_a_late_forecast():
    """A forecast that expects the dip two slots early misses it; seeing the present value finds it."""
    values = np.array([100.0, 100.0, 100.0, 10.0, 100.0, 100.0, 100.0] + [100.0] * 30)
    believed = perfect(np.array([100.0, 90.0, 95.0, 94.0, 100.0, 100.0, 100.0] + [100.0] * 30)).forecasts
    late = Truth(values, believed)
    work = jobs((0, 1, 4))

    assert replan.windows_once(late, work).realised == 100.0
    assert replan.replanned_slots(late, jobs((2, 1, 2))).realised == 10.0


def test_by_hand():
    """Two of three slots: the interruptible plan takes the two cheap ones, the window the cheaper pair."""
    values = np.array([100.0, 300.0, 50.0] + [500.0] * 30)
    work = jobs((0, 2, 1))

    assert replan.replanned_slots(perfect(values), work).realised == 150.0
    assert replan.replanned_windows(perfect(values), work).realised == 350.0


@given(
    seed=st.integers(0, 10_000),
    rows=st.lists(st.tuples(st.integers(0, 30), st.integers(1, 6), st.integers(0, 12)), min_size=1, max_size=12),
)
@settings(max_examples=60, deadline=None)
def test_the_oracle_is_never_beaten(seed, rows):
    """Whatever the forecast says, realised cost lies at or above the oracle's."""
    rng = np.random.default_rng(seed)
    truth = Truth(rng.uniform(10, 500, 72), rng.uniform(10, 500, (72, LEADS)).astype(np.float32))
    for policy in POLICIES:
        outcome = policy(truth, jobs(*rows))

        assert outcome.realised >= outcome.oracle - 1e-6

"""The quota: its ends, its monotony, and what is refused."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gridtide.domain.errors import InvalidInput
from gridtide.planning.provisioning import Provisioning


@st.composite
def rules(draw):
    most = draw(st.integers(1, 60))
    low = draw(st.floats(5, 300))
    return Provisioning(
        least=draw(st.integers(0, most)),
        most=most,
        low=low,
        high=low * draw(st.floats(1, 10)),
        held=draw(st.integers(0, most)),
    )


@given(rules(), st.floats(1, 4000), st.floats(1, 4000))
@settings(max_examples=100, deadline=None)
def test_dirtier_hours_never_allow_more(rule, one, other):
    """The quota falls as carbon intensity rises, and stays between least and most."""
    clean, dirty = sorted((one, other))

    assert rule.least <= rule.allowed(dirty) <= rule.allowed(clean) <= rule.most


@given(rules())
@settings(max_examples=60, deadline=None)
def test_all_run_at_the_cleanest(rule):
    """At the lowest expected value nothing is held back."""
    assert rule.allowed(rule.low) == rule.most


def test_each_executor_has_its_own_limit():
    """The third executor beyond the minimum runs up to the third limit, and not above it."""
    rule = Provisioning(least=2, most=10, low=100.0, high=400.0)
    third = float(rule.limits()[2])

    assert rule.allowed(third) >= 5
    assert rule.allowed(np.nextafter(third, 1000.0)) == 4


def test_a_flat_grid_has_nothing_to_choose():
    """Where the highest value is within a tenth of the lowest all may always run."""
    rule = Provisioning(least=1, most=8, low=100.0, high=105.0)

    assert rule.ratio is None
    assert rule.allowed(105.0) == 8


@pytest.mark.parametrize(
    "changes", [{"least": 11}, {"held": -1}, {"low": 0.0}, {"low": 500.0}, {"high": float("nan")}], ids=str
)
def test_impossible_bounds_are_refused(changes):
    """The message says what is allowed."""
    with pytest.raises(InvalidInput, match="allowed"):
        Provisioning(**{"least": 2, "most": 10, "low": 100.0, "high": 400.0, **changes})


def test_a_missing_value_is_refused():
    """Not knowing the carbon intensity is no reason to start everything."""
    with pytest.raises(InvalidInput, match="finite"):
        Provisioning(least=2, most=10, low=100.0, high=400.0).allowed(float("nan"))

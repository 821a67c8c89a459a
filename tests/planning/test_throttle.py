"""A throttled queue slows down and never stops."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gridtide.domain.errors import InvalidInput
from gridtide.planning.throttle import Throttle, concurrency

CI = Throttle(clean=100.0, dirty=300.0, least=2, most=10)


@pytest.mark.parametrize(
    ("intensity", "runners"), [(0.0, 10), (100.0, 10), (100.1, 9), (200.0, 6), (300.0, 2), (2000.0, 2), (None, 10)]
)
def test_boundaries(intensity, runners):
    """Both edges belong to their side, zero is data, and unknown stops nothing."""
    assert concurrency(CI, intensity) == runners


@given(st.floats(0, 3000), st.floats(0, 3000))
def test_dirtier_never_means_more(a, b):
    """The number of runners falls with intensity and stays within its bounds."""
    low, high = sorted((a, b))

    assert CI.least <= concurrency(CI, high) <= concurrency(CI, low) <= CI.most


@pytest.mark.parametrize("bad", [{"clean": 300.0}, {"least": 0}, {"least": 11}])
def test_impossible_lines_are_refused(bad):
    """A floor of zero would stop a queue; edges must rise."""
    with pytest.raises(InvalidInput, match="allowed"):
        Throttle(**({"clean": 100.0, "dirty": 300.0, "least": 2, "most": 10} | bad))

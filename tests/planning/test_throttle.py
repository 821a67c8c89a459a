"""A throttled queue slows down and never stops."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gridtide.domain.errors import InvalidInput
from gridtide.planning.throttle import Throttle, changes_at, concurrency
from support import T0, at, hourly

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


class TestHysteresis:
    @pytest.mark.parametrize(
        ("intensity", "runners"), [(200.0, 6), (208.0, 6), (195.0, 6), (220.0, 6), (230.0, 5), (150.0, 7)]
    )
    def test_noise_switches_nothing(self, intensity, runners):
        """Within 20 g of where six runners belong the number stays; beyond it follows, no further than it must."""
        assert concurrency(CI, intensity, last=6, hysteresis=20.0) == runners

    @given(st.floats(0, 3000), st.integers(0, 20), st.floats(0, 300))
    def test_it_stays_within_its_bounds(self, intensity, last, hysteresis):
        """Whatever was allowed before, and however wide the band."""
        assert CI.least <= concurrency(CI, intensity, last=last, hysteresis=hysteresis) <= CI.most

    def test_unknown_still_stops_nothing(self):
        """A number from before is no reason to stay low without data."""
        assert concurrency(CI, None, last=2, hysteresis=20.0) == 10

    def test_a_negative_band_is_refused(self):
        """It would switch on noise."""
        with pytest.raises(InvalidInput, match="hysteresis is -1"):
            concurrency(CI, 200.0, last=6, hysteresis=-1.0)


def test_the_next_change_is_found():
    """From two o'clock on fewer may work; after the last value nothing is known."""
    ahead = hourly(100.0, 90.0, 250.0, 250.0)

    assert changes_at(CI, ahead, T0) == at(2)
    assert changes_at(CI, ahead, at(2.5)) is None
    assert changes_at(CI, ahead, at(9)) is None

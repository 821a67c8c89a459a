"""What a run saved against run-now, on the same values."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gridtide.accounting.savings import Power, footprint, saving_against_run_now
from gridtide.domain.errors import HorizonTooShort, InvalidInput, KindMismatch
from gridtide.domain.interval import Interval
from gridtide.domain.series import Series
from gridtide.domain.signal import Signal, SignalKind
from support import HOUR, T0, at, hourly

DAY = hourly(400, 300, 100, 200)


def ran(*hours):
    return tuple(Interval(at(a), at(b)) for a, b in hours)


def test_a_kilowatt_for_an_hour_at_400_is_400_grams():
    """Energy times carbon intensity, with the site's PUE on top."""
    plain = footprint(DAY, ran((0, 1)), Power(constant_w=1000))
    site = footprint(DAY, ran((0, 1)), Power(constant_w=1000, pue=1.5))

    assert (plain.energy_kwh, plain.grams, plain.mean) == (1.0, 400.0, 400.0)
    assert (site.energy_kwh, site.grams, site.mean) == (1.5, 600.0, 400.0)


def test_the_saving_is_stated_against_run_now():
    """The same length from the original start is the baseline; the share is of its mean."""
    saving = saving_against_run_now(DAY, ran((2, 3)), original_start=T0, power=Power(constant_w=500))

    assert (saving.baseline, saving.run.mean, saving.against.mean) == ("run-now", 100.0, 400.0)
    assert (saving.share, saving.grams) == (0.75, 150.0)


def test_a_loss_is_a_negative_saving():
    """Work that ran in a dirtier hour shows what it cost."""
    saving = saving_against_run_now(DAY, ran((3, 4)), original_start=at(2), power=Power(constant_w=1000))

    assert (saving.share, saving.grams) == (-1.0, -100.0)


def test_pauses_are_left_out_and_their_cost_is_not_charged_to_the_baseline():
    """Run-now is one stretch of the running time, shorter by what resuming cost."""
    saving = saving_against_run_now(DAY, ran((0, 0.5), (2, 3)), original_start=T0, overhead=HOUR / 2)

    assert saving.run.mean == pytest.approx(200.0)
    assert saving.against.mean == 400.0


def test_a_power_profile_is_laid_over_the_running_time():
    """The heavy second half is the one that ran in the clean hour."""
    power = Power(profile_w=(100, 900))
    saving = saving_against_run_now(DAY, ran((0, 1), (2, 3)), original_start=T0, power=power)

    assert saving.run.grams == pytest.approx(0.1 * 400 + 0.9 * 100)
    assert saving.against.grams == pytest.approx(0.1 * 400 + 0.9 * 300)


def test_power_zero_is_known_and_means_no_grams():
    """Zero is data: no energy, no grams, and still a mean."""
    found = footprint(DAY, ran((0, 2)), Power(constant_w=0))

    assert (found.energy_kwh, found.grams, found.mean) == (0.0, 0.0, 350.0)


def test_unknown_power_gives_a_mean_and_no_grams():
    """Without a power nothing is made up."""
    found = footprint(DAY, ran((0, 2)), Power())

    assert (found.energy_kwh, found.grams, found.mean) == (None, None, 350.0)


def test_a_relative_signal_gives_no_grams():
    """A rank is no carbon intensity, so there are no emissions to state."""
    index = Series.steps(Signal(SignalKind.RELATIVE, provider="demo", zone="X"), T0, HOUR, [40.0, 20.0])
    found = footprint(index, ran((0, 2)), Power(constant_w=1000))

    assert (found.mean, found.energy_kwh, found.grams) == (30.0, 2.0, None)


@pytest.mark.parametrize("hours", [(3, 5), (-1, 1), (9, 10)], ids=["past the end", "before the start", "outside"])
def test_what_is_not_known_has_no_figure(hours):
    """A run that touches an unknown instant raises with the known bounds instead of being cut."""
    with pytest.raises(HorizonTooShort, match="2026-01-01T00:00:00Z/2026-01-01T04:00:00Z"):
        footprint(DAY, ran(hours), Power())


def test_a_gap_in_the_run_has_no_figure():
    """Missing is never zero: a run across a gap is refused."""
    with pytest.raises(HorizonTooShort):
        footprint(hourly(400, None, 100), ran((0, 3)), Power(constant_w=1))


def test_a_baseline_of_zero_has_no_share():
    """A share of nothing is not a number; grams still are."""
    saving = saving_against_run_now(hourly(0, 100), ran((1, 2)), original_start=T0, power=Power(constant_w=1000))

    assert (saving.share, saving.grams) == (None, -100.0)


def test_an_overhead_as_long_as_the_run_is_refused():
    """There is no baseline without running time."""
    with pytest.raises(InvalidInput, match="nothing to compare"):
        saving_against_run_now(DAY, ran((0, 1)), original_start=T0, overhead=HOUR)


def test_a_planned_saving_compares_what_was_known_each_time():
    """The baseline stands on the forecast at the original start, the run on the one it was started by."""
    later = hourly(90, 95, start=at(2))
    saving = saving_against_run_now(later, ran((2, 3)), original_start=T0, known_before=DAY)

    assert (saving.run.mean, saving.against.mean) == (90.0, 400.0)


def test_two_kinds_of_signal_are_never_compared():
    """A marginal forecast is no baseline for an average one."""
    marginal = hourly(400, 300, signal=Signal(SignalKind.MARGINAL, provider="demo", zone="X"))

    with pytest.raises(KindMismatch):
        saving_against_run_now(DAY, ran((2, 3)), original_start=T0, known_before=marginal)


@settings(max_examples=60, deadline=None)
@given(
    values=st.lists(st.floats(0, 1000), min_size=6, max_size=6),
    cuts=st.lists(st.integers(1, 359), min_size=1, max_size=5, unique=True),
    profile=st.lists(st.floats(0, 500), min_size=1, max_size=4),
)
def test_cutting_a_run_without_pausing_changes_nothing(values, cuts, profile):
    """A run written as adjoining pieces emits what it emits in one piece."""
    edges = [T0, *(T0 + timedelta(minutes=m) for m in sorted(cuts)), at(6)]
    pieces = tuple(Interval(a, b) for a, b in zip(edges[:-1], edges[1:], strict=True))
    power = Power(profile_w=tuple(profile))
    whole, cut = footprint(hourly(*values), ran((0, 6)), power), footprint(hourly(*values), pieces, power)

    assert cut.grams == pytest.approx(whole.grams, rel=1e-9, abs=1e-9)
    assert cut.energy_kwh == pytest.approx(whole.energy_kwh, rel=1e-9, abs=1e-9)

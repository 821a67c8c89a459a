"""Values that cannot be right are found; values that can be right are left alone."""

from __future__ import annotations

import math
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gridtide.domain.errors import MalformedPayload
from gridtide.domain.interval import Interval
from gridtide.domain.series import Series
from gridtide.domain.signal import Quality, Signal, SignalKind
from gridtide.grid.belief import Belief
from gridtide.grid.crosscheck import Check, disagreement, examine, usual_change
from gridtide.testing import FakeClock
from support import DEMO, T0, at, hourly


def wave(start: float, hours: int, *, low: float = 100, high: float = 300, step: float = 1.0, signal=DEMO) -> Series:
    """A day's rhythm: lowest at night."""
    count = int(hours / step)
    middle, half = (low + high) / 2, (high - low) / 2
    values = [middle - half * math.cos(2 * math.pi * (start + k * step) / 24) for k in range(count)]
    return Series.steps(signal, at(start), timedelta(hours=step), values)


def scaled(series: Series, factor: float) -> Series:
    return Series(series.signal, series.starts_ns, series.ends_ns, series.values * factor)


KNOWN = wave(0, 72)


def checks(series: Series, known: Series | None = KNOWN, **how) -> list[Check]:
    return [finding.check for finding in examine(series, known, **how).findings]


def test_ordinary_values_pass_untouched() -> None:
    """The next day of the same rhythm."""
    series = wave(72, 48, step=0.5)

    verdict = examine(series, KNOWN)

    assert verdict.findings == ()
    assert verdict.series is series


def test_zero_is_a_value() -> None:
    """A clean hour is not an error."""
    known = hourly(*[50.0, 20.0, 0.0, 0.0, 20.0, 60.0] * 8)

    assert checks(hourly(30.0, 0.0, 0.0, 25.0, start=at(48)), known) == []


@pytest.mark.parametrize("value", [2000.1, 1e9])
def test_value_out_of_the_band_is_left_out(value: float) -> None:
    """No grid has it; the hours around it stay."""
    verdict = examine(hourly(150.0, value, 160.0), None)

    assert verdict.series.values.tolist() == [150.0, 160.0]
    assert [f.check for f in verdict.findings] == [Check.BAND]
    assert examine(hourly(2000.0), None).findings == ()


def test_percentage_has_its_own_band() -> None:
    """A rank above 100 is no rank."""
    index = Signal(SignalKind.RELATIVE, "demo", "X")

    assert examine(hourly(99.0, 101.0, signal=index), None).series.values.tolist() == [99.0]


def test_single_spike_is_left_out() -> None:
    """A leap of more than five times the rarest hourly change, and back."""
    series = wave(72, 24)
    values = series.values.copy()
    values[5] += 900
    spiked = Series(series.signal, series.starts_ns, series.ends_ns, values)

    verdict = examine(spiked, KNOWN)

    assert [f.check for f in verdict.findings] == [Check.STEP]
    assert verdict.series.size == 23
    assert verdict.series.values.max() < 310


@pytest.mark.parametrize("factor", [1000.0, 0.001, 453.59237, 1 / 0.45359237, 0.45359237, 3.6])
def test_changed_unit_is_recognised_by_the_same_factor_everywhere(factor: float) -> None:
    """An overlapping forecast that is one factor away is refused whole."""
    known = wave(0, 96, low=200, high=600)
    series = scaled(wave(72, 48, low=200, high=600), factor)

    verdict = examine(series, known)

    assert verdict.is_refused or not verdict.series
    assert {f.check for f in verdict.findings} & {Check.RATIO, Check.BAND}


@given(noise=st.lists(st.floats(0.7, 1.4), min_size=24, max_size=24))
@settings(max_examples=60, deadline=None)
def test_revised_forecast_is_no_changed_unit(noise: list[float]) -> None:
    """A forecast that is revised by up to 40 % hour by hour is believed."""
    known = wave(0, 96)
    new = wave(72, 24)
    series = Series(new.signal, new.starts_ns, new.ends_ns, new.values * noise)

    assert not examine(series, known).is_refused


def test_values_rounded_to_nothing_are_a_changed_unit() -> None:
    """Tonnes read as grams and rounded leave only zeros: the same hours as before, and no shape to recognise."""
    zeros = scaled(KNOWN.clip(Interval(at(12), at(60))), 0.0)

    assert checks(zeros) == [Check.RATIO]


def test_clean_grid_may_fall_to_zero() -> None:
    """Where ten grams are usual, a forecast of zero for the same hours is a forecast, not another unit."""
    clean = wave(0, 72, low=2, high=20)

    assert Check.RATIO not in checks(scaled(clean.clip(Interval(at(12), at(60))), 0.0), clean)


def test_flat_values_tell_nothing_about_usual_changes() -> None:
    """After a flat day a different level is believed: nothing shows that it is unusual."""
    flat = hourly(*[100.0] * 48)

    assert usual_change(flat) is None
    assert checks(hourly(400.0, 120.0, start=at(40)), flat) == []


def test_first_values_are_compared_with_the_yearly_mean() -> None:
    """Half a day at a thousandth of it is another unit, an hour of it may be wind."""
    assert checks(wave(0, 24, low=0.1, high=0.3), None, yearly_mean=220.0) == [Check.LEVEL]
    assert checks(hourly(0.0), None, yearly_mean=220.0) == []
    assert checks(wave(0, 24), None, yearly_mean=220.0) == []


def test_value_frozen_for_a_day_is_suspect_but_kept() -> None:
    """It may be right; the reader is told."""
    frozen = hourly(*[220.0] * 25, start=at(72))

    verdict = examine(frozen, None)

    assert [f.check for f in verdict.findings] == [Check.FROZEN]
    assert verdict.series.size == 25
    assert checks(hourly(*[220.0] * 23), None) == []
    assert checks(hourly(*[220.0] * 48, signal=DEMO.with_(quality=Quality.FORECAST)), None) == []


def test_long_gap_lets_the_daily_rhythm_pass() -> None:
    """Twelve hours later the level may be another one."""
    assert checks(wave(84, 12)) == []


def test_prices_and_ranks_may_leap() -> None:
    """Only their band is checked."""
    price = Signal(SignalKind.PRICE, "demo", "X")
    known = hourly(*[50.0, 60.0] * 24, signal=price)

    assert checks(hourly(4000.0, -500.0, start=at(48), signal=price), known) == []


def test_disagreement_is_the_ratio_of_the_means() -> None:
    """Over the hours that both know."""
    assert disagreement(wave(0, 48), scaled(wave(0, 24, step=0.5), 2.0)) == pytest.approx(2.0, rel=0.01)
    assert disagreement(wave(0, 24), wave(0, 24)) == 1.0
    assert disagreement(wave(0, 24), wave(48, 24)) is None
    assert disagreement(hourly(*[0.0] * 12), hourly(*[10.0] * 12)) == float("inf")
    assert disagreement(hourly(*[0.0] * 12), hourly(*[0.0] * 12)) == 1.0


# -- trust that lasts --------------------------------------------------------------------------------------------------


def test_changed_unit_is_not_believed_again_because_time_passed() -> None:
    """Only values of the old scale restore the trust; so does a word from outside, and a week."""
    clock = FakeClock(T0)
    belief = Belief("demo", "X", clock)
    known = wave(0, 96, low=200, high=600)
    with pytest.raises(MalformedPayload, match="values are 0.454 times"):
        belief.sift(scaled(wave(72, 48, low=200, high=600), 0.45359237), known)

    clock.advance(hours=72)
    with pytest.raises(MalformedPayload, match="do not fit"):
        belief.sift(scaled(wave(200, 24, low=200, high=600), 0.45359237), known)
    assert belief.is_quarantined

    assert belief.sift(wave(90, 24, low=200, high=600), known)
    assert not belief.is_quarantined


@pytest.mark.parametrize("by", ["word", "week"])
def test_trust_can_be_restored(by: str) -> None:
    """A source that really changed its method is believed after somebody says so, or a week later."""
    clock = FakeClock(T0)
    belief, known = Belief("demo", "X", clock), wave(0, 96, low=200, high=600)
    new = scaled(wave(72, 48, low=200, high=600), 0.4)
    with pytest.raises(MalformedPayload):
        belief.sift(new, known)

    if by == "word":
        belief.restore()
    else:
        clock.advance(hours=7 * 24 + 1)

    assert belief.sift(scaled(wave(300, 24, low=200, high=600), 0.4), known)


def test_suspicion_is_kept_with_the_values() -> None:
    """So that the reading can say it."""
    belief = Belief("demo", "X", FakeClock(T0))
    belief.sift(hourly(*[220.0] * 25), None)

    assert "220 for a whole day" in belief.suspicion
    belief.sift(hourly(220.0, 230.0), None)
    assert belief.suspicion == ""

"""
Values that cannot be right, found by looking at what was known before: wrong units, leaps, frozen values.

::

    band    above 2000 g/kWh (or outside 0..100 %)                     the points are left out
    step    a leap of more than five times the zone's rarest hourly change   the points are left out
    ratio   the same hours as before, all times one factor: another unit     everything is refused
    level   far from the zone's yearly mean, on average over half a day      everything is refused
    frozen  one measured value for a whole day                           kept, and said

A refusal lasts: once a source has changed its unit it is not believed again because a day has gone by, only when its
values fit the ones before again, or a week later, or when somebody says so.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Final

import numpy as np

from gridtide.domain.instants import duration_ns
from gridtide.domain.series import Series, StepShape
from gridtide.domain.signal import Quality, SignalKind
from gridtide.domain.units import NS_PER_HOUR, PERCENT

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Check", "Finding", "Verdict", "disagreement", "examine", "fits", "usual_change"]

_BAND_G_PER_KWH: Final = 2000.0
_STEP_FACTOR: Final = 5.0
_LONG_STEP_FACTOR: Final = 1.5
_RARE: Final = 0.999
_STEP_FLOOR_SHARE: Final = 0.25
_STEP_FLOOR: Final = 10.0
_CHANGES_MIN: Final = 24
_LAG_MOST_H: Final = 24
_FLAT_SHARE: Final = 0.01
_RATIO_STEPS_MIN: Final = 6
_RATIO_MIN: Final = 1.8
_RATIO_SPREAD_MOST: Final = 0.02
_LEVEL_RATIO: Final = 20.0
_COLLAPSE_FROM: Final = 40.0
_LEVEL_SPAN: Final = timedelta(hours=12)
_FROZEN_SPAN: Final = timedelta(hours=24)


class Check(StrEnum):
    """Which rule was broken."""

    BAND = "band"
    STEP = "step"
    RATIO = "ratio"
    LEVEL = "level"
    FROZEN = "frozen"


@dataclass(frozen=True, slots=True)
class Finding:
    """A broken rule in words, and how many points it concerns."""

    check: Check
    message: str
    points: int


@dataclass(frozen=True, slots=True)
class Verdict:
    """
    What is left of a series after the checks.

    Args:
        series: The believable points.
        findings: What was wrong.
    """

    series: Series
    findings: tuple[Finding, ...]

    @property
    def is_refused(self) -> bool:
        """Whether nothing of it may be used."""
        return any(finding.check in {Check.RATIO, Check.LEVEL} for finding in self.findings)


def examine(series: Series, known: Series | None, *, yearly_mean: float | None = None) -> Verdict:
    """
    Judge new values by what was known before.

    Args:
        series: New values.
        known: Accepted values of the same source, zone, kind and unit, older and overlapping ones; None for none.
        yearly_mean: The zone's mean in the static table, for a first plausibility. [gCO2eq/kWh]
    """
    findings: list[Finding] = []
    series = _in_band(series, findings)
    if not series.signal.is_absolute:
        return Verdict(series, tuple(findings))
    if series and known is not None and known:
        factor = _common_ratio(series, known)
        if factor is not None:
            findings.append(
                Finding(Check.RATIO, f"values are {factor:.3g} times those given before: a changed unit?", series.size)
            )
            return Verdict(_part(series, np.zeros(series.size, bool)), tuple(findings))
        series = _without_leaps(series, known, findings)
    elif series and yearly_mean:
        ratio = _far_from(series, yearly_mean)
        if ratio is not None:
            findings.append(Finding(Check.LEVEL, f"values are {ratio:.3g} times the yearly mean", series.size))
            return Verdict(_part(series, np.zeros(series.size, bool)), tuple(findings))
    if _is_frozen(series):
        findings.append(Finding(Check.FROZEN, f"the value has been {series.values[-1]:g} for a whole day", series.size))
    return Verdict(series, tuple(findings))


def disagreement(first: Series, second: Series, *, at_least: int = _RATIO_STEPS_MIN) -> float | None:
    """
    Ratio (at least 1) between the means of two sources over the hours both know; None when they share too few.

    Args:
        first: Of one source.
        second: Of the other.
        at_least: Fewest hours that tell anything.

    Example:
        200 g/kWh from one and 100 g/kWh from the other source are 2.0.
    """
    hours, one, other = _paired(first, second)
    if hours.size < at_least:
        return None
    means = sorted((float(one.mean()), float(other.mean())))
    return float("inf") if means[0] <= 0 < means[1] else means[1] / means[0] if means[1] > 0 else 1.0


def fits(series: Series, known: Series | None) -> bool:
    """Whether new values have the scale of *known* ones in the hours both know; False when they share too few."""
    if known is None:
        return False
    hours, new, old = _paired(series, known)
    usable = (old > 0) & (new > 0)
    if hours.size < _RATIO_STEPS_MIN or not usable.any():
        return False
    middle = float(np.median(new[usable] / old[usable]))
    return 1.0 / _RATIO_MIN < middle < _RATIO_MIN


def usual_change(known: Series, hours: int = 1) -> float | None:
    """
    Change over *hours* that 99.9 % of the known ones do not exceed. [signal.unit]

    None when too few are known, or when the known values hardly change, which tells nothing about a usual change.
    """
    times, values = _hourly(known)
    later = np.searchsorted(times, times + hours)
    inside = later < times.size
    pairs = np.flatnonzero(inside)[times[later[inside]] == times[inside] + hours]
    if pairs.size < _CHANGES_MIN:
        return None
    change = float(np.quantile(np.abs(values[later[pairs]] - values[pairs]), _RARE))
    return change if change > _FLAT_SHARE * abs(float(values.mean())) else None


def _in_band(series: Series, findings: list[Finding]) -> Series:
    if series.signal.kind is SignalKind.PRICE:
        return series
    top = 100.0 if series.signal.unit == PERCENT else _BAND_G_PER_KWH
    good = (np.abs(series.values) <= top) & (np.abs(series.end_values) <= top)
    if not good.all():
        worst = float(np.abs(series.values[~good]).max())
        findings.append(Finding(Check.BAND, f"{worst:g} {series.signal.unit} is more than {top:g}", int((~good).sum())))
    return _part(series, good)


def _without_leaps(series: Series, known: Series, findings: list[Finding]) -> Series:
    hourly = usual_change(known)
    if hourly is None:
        return series
    floor = max(_STEP_FLOOR, _STEP_FLOOR_SHARE * float(np.median(known.values)))
    allowed = {1: max(_STEP_FACTOR * hourly, floor)}
    reference = _last_before(known, int(series.starts_ns[0]))
    good = np.ones(series.size, bool)
    for k, (start, value) in enumerate(zip(series.starts_ns.tolist(), series.values.tolist(), strict=True)):
        if reference is not None:
            hours = max(1, -(-(start - reference[0]) // NS_PER_HOUR))
            if hours > _LAG_MOST_H:
                reference = None
            elif abs(value - reference[1]) > _allowed(allowed, known, hours):
                good[k] = False
                continue
        reference = (start, value)
    if not good.all():
        first = int(np.argmin(good))
        message = f"a leap to {series.values[first]:g} {series.signal.unit}; changes up to {allowed[1]:g} are usual"
        findings.append(Finding(Check.STEP, message, int((~good).sum())))
    return _part(series, good)


def _allowed(allowed: dict[int, float], known: Series, hours: int) -> float:
    if hours not in allowed:
        change = usual_change(known, hours)
        allowed[hours] = max(allowed[1], _LONG_STEP_FACTOR * change if change is not None else 0.0)
    return allowed[hours]


def _last_before(known: Series, instant_ns: int) -> tuple[int, float] | None:
    k = int(np.searchsorted(known.starts_ns, instant_ns, side="right")) - 1
    return None if k < 0 else (int(known.starts_ns[k]), float(known.values[k]))


def _common_ratio(series: Series, known: Series) -> float | None:
    """Factor between new and known values of the same hours when it is the same for all of them and far from 1."""
    hours, new, old = _paired(series, known)
    extreme = _extreme_ratio(new, old)
    if extreme is not None:
        return extreme
    usable = (old > 0) & (new > 0)
    if hours.size < _RATIO_STEPS_MIN or usable.sum() < _RATIO_STEPS_MIN or usable.mean() < 0.5:
        return None
    if np.ptp(old[usable]) <= _FLAT_SHARE * old[usable].mean():
        return None  # flat values have no shape to recognise
    ratios = new[usable] / old[usable]
    middle = float(np.median(ratios))
    spread = float(np.median(np.abs(ratios / middle - 1.0)))
    far = middle >= _RATIO_MIN or middle <= 1.0 / _RATIO_MIN
    return middle if far and spread <= _RATIO_SPREAD_MOST else None


def _extreme_ratio(new: NDArray[np.float64], old: NDArray[np.float64]) -> float | None:
    """Usual factor of the same hours when it is absurd; rounding may have left nothing of the shape, or only zeros."""
    usable = old > _STEP_FLOOR
    if usable.sum() < _RATIO_STEPS_MIN or float(np.median(old[usable])) < _COLLAPSE_FROM:
        return None
    middle = float(np.median(new[usable] / old[usable]))
    return None if 1.0 / _LEVEL_RATIO <= middle <= _LEVEL_RATIO else middle


def _far_from(series: Series, yearly_mean: float) -> float | None:
    lengths = (series.ends_ns - series.starts_ns).astype(np.float64)
    if lengths.sum() < duration_ns(_LEVEL_SPAN):
        return None
    ratio = float(np.average(series.values, weights=lengths)) / yearly_mean
    return None if 1.0 / _LEVEL_RATIO <= ratio <= _LEVEL_RATIO else ratio


def _is_frozen(series: Series) -> bool:
    measured = series.qualities <= Quality.ESTIMATED.rank
    if not measured.any():
        return False
    values, starts, ends = series.values[measured], series.starts_ns[measured], series.ends_ns[measured]
    differing = np.flatnonzero(values != values[-1])
    since = starts[0] if not differing.size else starts[int(differing[-1]) + 1]
    return bool(values.size > 1 and ends[-1] - since >= duration_ns(_FROZEN_SPAN))


def _hourly(series: Series) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """First value in each hour that has one: hours since 1970 and values."""
    hours, first = np.unique(series.starts_ns // NS_PER_HOUR, return_index=True)
    return hours, series.values[first]


def _paired(first: Series, second: Series) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]:
    """Hours that both know, with both values."""
    hours_1, values_1 = _hourly(first)
    hours_2, values_2 = _hourly(second)
    hours, at_1, at_2 = np.intersect1d(hours_1, hours_2, assume_unique=True, return_indices=True)
    return hours, values_1[at_1], values_2[at_2]


def _part(series: Series, keep: NDArray[np.bool_]) -> Series:
    if keep.all():
        return series
    return Series(
        series.signal,
        series.starts_ns[keep],
        series.ends_ns[keep],
        series.values[keep],
        end_values=None if series.shape is StepShape.CONSTANT else series.end_values[keep],
        qualities=series.qualities[keep],
    )

"""
What a run emitted, and what it saved against the same run started at once.

The same power profile is replayed on the same series: once where the work really ran, once in one stretch from the
original start. Nothing is invented: a run that touches an unknown instant has no figure, and a loss is a negative
saving. Figures on a forecast (planned) and on the values that came true (realised) are two calls, never mixed.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from gridtide.domain.errors import HorizonTooShort, InvalidInput
from gridtide.domain.instants import duration_ns, from_ns, to_ns
from gridtide.domain.interval import Interval
from gridtide.domain.signal import require_comparable
from gridtide.domain.units import NS_PER_HOUR

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from gridtide.domain.series import Series
    from gridtide.domain.signal import Signal

__all__ = ["RUN_NOW", "Footprint", "Power", "Saving", "footprint", "run_time", "saving_against_run_now", "undelayed"]

RUN_NOW: Final = "run-now"
"""Name of the baseline: the same work started when it was released."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Power:
    """
    Electrical power of a run.

    Args:
        constant_w: Power while running; None when unknown. [W]
        profile_w: Power over equal parts of the running time; goes before *constant_w*. [W]
        pue: Power usage effectiveness of the site.
    """

    constant_w: float | None = None
    profile_w: tuple[float, ...] = ()
    pue: float = 1.0

    @property
    def known(self) -> bool:
        """Whether energy and grams can be stated."""
        return bool(self.profile_w) or self.constant_w is not None

    @property
    def levels_w(self) -> tuple[float, ...]:
        """Power over equal parts of the running time; one watt throughout when it is unknown. [W]"""
        return self.profile_w or (1.0 if self.constant_w is None else self.constant_w,)


@dataclass(frozen=True, slots=True, kw_only=True)
class Footprint:
    """
    One run on one series.

    Args:
        mean: Mean of the signal over the run, weighted by power. [signal.unit]
        energy_kwh: Energy from the grid, PUE included; None when the power is unknown. [kWh]
        grams: Emissions; None when the power is unknown or the signal is no carbon intensity. [gCO2eq]
    """

    mean: float
    energy_kwh: float | None = None
    grams: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Saving:
    """
    A run beside its baseline, on the same values.

    Args:
        baseline: Name of what it is compared with.
        run: The work as it ran.
        against: The baseline.
        signal: What the values mean.
    """

    baseline: str
    run: Footprint
    against: Footprint
    signal: Signal

    @property
    def share(self) -> float | None:
        """Part of the baseline's mean that was avoided; negative for a loss, None when that mean is not above zero."""
        return 1.0 - self.run.mean / self.against.mean if self.against.mean > 0 else None

    @property
    def grams(self) -> float | None:
        """Emissions avoided; negative for a loss, None when one side is unknown. [gCO2eq]"""
        if self.run.grams is None or self.against.grams is None:
            return None
        return self.against.grams - self.run.grams


def run_time(intervals: Sequence[Interval]) -> timedelta:
    """Time the work ran, pauses left out."""
    return sum((i.length for i in intervals), timedelta(0))


def undelayed(original_start: datetime, intervals: Sequence[Interval], *, overhead: timedelta) -> Interval:
    """
    Run-now of the same work: one stretch from the original start, without what resuming cost.

    Raises:
        InvalidInput: Nothing is left of the running time.
    """
    length = run_time(intervals) - overhead
    if length <= timedelta(0):
        raise InvalidInput(f"a run of {run_time(intervals)} with an overhead of {overhead} leaves nothing to compare")
    return Interval(original_start, original_start + length)


def footprint(series: Series, intervals: Sequence[Interval], power: Power) -> Footprint:
    """
    Emissions of a run, by the series' own values.

    Args:
        series: One signal; every instant of the run must be known.
        intervals: When it ran, in order, at least one.
        power: What it drew.

    Raises:
        HorizonTooShort: Part of the run is not known.

    References:
        ISO/IEC 21031 (SCI): operational emissions are energy times carbon intensity, E x I.
    """
    cost = weight = plain = hours = 0.0
    for start_ns, end_ns, power_w in _levels(intervals, power.levels_w):
        curve = series.curve_at(start_ns)
        if curve is None or end_ns > curve.end_ns:
            # Reading the mean says which part is unknown, with both bounds.
            series.mean(Interval(from_ns(start_ns), from_ns(end_ns)))
            raise HorizonTooShort(f"the run until {from_ns(end_ns)} is not known")
        integral = curve.integral_at(end_ns) - curve.integral_at(start_ns)
        span_h = (end_ns - start_ns) / NS_PER_HOUR
        cost, weight = cost + power_w * integral, weight + power_w * span_h
        plain, hours = plain + integral, hours + span_h
    mean = cost / weight if weight > 0 else plain / hours
    if not power.known:
        return Footprint(mean=mean)
    scale = power.pue / 1000.0
    grams = cost * scale if series.signal.is_absolute else None
    return Footprint(mean=mean, energy_kwh=weight * scale, grams=grams)


def saving_against_run_now(
    series: Series,
    intervals: Sequence[Interval],
    *,
    original_start: datetime,
    power: Power | None = None,
    overhead: timedelta = timedelta(0),
    known_before: Series | None = None,
) -> Saving:
    """
    The run beside the same work started at once, both on one signal.

    Args:
        series: One signal; both runs must be known.
        intervals: When the work ran, in order.
        original_start: When it would have started without us: its release.
        power: What it drew; unknown when left out.
        overhead: Running time that pausing and resuming cost; run-now does not pay it.
        known_before: The signal as it was known at the original start, for the baseline of a planned saving;
            *series* when left out.

    Raises:
        HorizonTooShort: Part of one of the two runs is not known.
        InvalidInput: The overhead is as long as the run.
        KindMismatch: The two series mean different things.
    """
    before = series if known_before is None else known_before
    require_comparable(series.signal, before.signal)
    drawn = power or Power()
    alone = undelayed(original_start, intervals, overhead=overhead)
    return Saving(
        baseline=RUN_NOW,
        run=footprint(series, intervals, drawn),
        against=footprint(before, (alone,), drawn),
        signal=series.signal,
    )


def _levels(intervals: Sequence[Interval], profile_w: Sequence[float]) -> Iterator[tuple[int, int, float]]:
    """Stretches of constant power: the profile laid over the running time, cut at the pauses."""
    spans = [(to_ns(i.start), to_ns(i.end)) for i in intervals]
    total_ns = duration_ns(run_time(intervals))
    part, done_ns = 0, 0
    for start_ns, end_ns in spans:
        at_ns = start_ns
        while at_ns < end_ns:
            part_ends_ns = total_ns * (part + 1) // len(profile_w)
            if part_ends_ns <= done_ns:
                part += 1
                continue
            step_ns = min(end_ns - at_ns, part_ends_ns - done_ns)
            yield at_ns, at_ns + step_ns, profile_w[part]
            at_ns, done_ns = at_ns + step_ns, done_ns + step_ns

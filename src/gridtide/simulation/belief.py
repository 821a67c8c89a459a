"""
What the planner is told, and when: the truth itself, the truth with errors, forecasts from history, or as issued.

A belief yields readings in order of the instant they became known. White noise is the kindest error there is and
makes every policy look good; forecasts from history, recorded ones or errors that persist (AR(1)) are closer to what
a real forecast does to a plan.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final, Protocol

import numpy as np

from gridtide.domain.decision import FreshnessStep
from gridtide.domain.errors import HorizonTooShort, InvalidInput
from gridtide.domain.instants import duration_ns, from_ns, to_ns
from gridtide.domain.interval import Interval
from gridtide.domain.ports import Reading
from gridtide.domain.series import Series
from gridtide.domain.signal import Quality
from gridtide.domain.units import NS_PER_HOUR
from gridtide.forecasting import own
from gridtide.simulation import rolled

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from gridtide.simulation.rolled import Rolled

__all__ = ["AsIssued", "Belief", "FromHistory", "Noisy", "Perfect", "with_past"]

_HOUR: Final = timedelta(hours=1)
_FAR: Final = datetime(2261, 1, 1, tzinfo=UTC)


class Belief(Protocol):
    """Readings of one zone in the order in which they became known."""

    def readings(self, truth: Series, window: Interval) -> Iterator[tuple[int, Reading]]:
        """Yield (instant, reading) for a simulation over *window*; the first at or before its start. [ns]"""
        ...


@dataclass(frozen=True, slots=True)
class Perfect:
    """The truth is known from the start; an upper bound, to be labelled as such."""

    def readings(self, truth: Series, window: Interval) -> Iterator[tuple[int, Reading]]:
        """One reading that is never replaced."""
        yield to_ns(window.start), Reading(series=truth, step=FreshnessStep.LIVE, reason="perfect forecast")


@dataclass(frozen=True, slots=True, kw_only=True)
class Noisy:
    """
    The truth with a relative error.

    Args:
        error: Standard deviation as a share of the mean. [0..]
        persistence: Correlation of the error from one hour to the next; 0 is white noise. [0..1)
        growth_hours: Lead time over which the error of a fresh forecast grows to its full size; 0 means the error is
            drawn once for the whole time and never renewed.
        renew: How often a fresh forecast is issued, for *growth_hours* above 0.
        seed: Of the draws.
    """

    error: float
    persistence: float = 0.0
    growth_hours: float = 0.0
    renew: timedelta = _HOUR
    seed: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.error < 10:
            raise InvalidInput(f"forecast error is {self.error}; allowed: from 0 to 10", field="error")
        if not 0 <= self.persistence < 1:
            raise InvalidInput(f"persistence is {self.persistence}; allowed: from 0 to below 1", field="persistence")

    def readings(self, truth: Series, window: Interval) -> Iterator[tuple[int, Reading]]:
        """One noisy copy, or one for each renewal, whose error is small near its issue and grows with lead time."""
        rng = np.random.default_rng(self.seed)
        scale = self.error * float(truth.values.mean())
        if not self.growth_hours:
            yield to_ns(window.start), _reading(truth, truth.values + scale * self._errors(rng, truth.size))
            return
        for issued_ns in range(to_ns(window.start), to_ns(window.end), duration_ns(self.renew)):
            lead_h = np.maximum(0.0, (truth.starts_ns - issued_ns) / NS_PER_HOUR)
            size = scale * (1.0 - np.exp(-lead_h / self.growth_hours))
            yield issued_ns, _reading(truth, truth.values + size * self._errors(rng, truth.size), issued_ns=issued_ns)

    def _errors(self, rng: np.random.Generator, count: int) -> NDArray[np.float64]:
        white = rng.normal(0.0, 1.0, count)
        if not self.persistence:
            return white
        errors = np.empty(count)
        last, share = rng.normal(), np.sqrt(1.0 - self.persistence**2)
        for k in range(count):
            last = self.persistence * last + share * white[k]
            errors[k] = last
        return errors


@dataclass(frozen=True, slots=True, kw_only=True)
class FromHistory:
    """
    Our own forecast from what has come true so far, with the present step as it is.

    Args:
        method: Name from `gridtide.forecasting.own.METHOD_NAMES`.
        horizon: How far each forecast reaches.
        renew: How often one is made.
    """

    method: str = rolled.ROLLED_METHOD
    horizon: timedelta = timedelta(hours=96)
    renew: timedelta = _HOUR
    _made: dict[tuple[int, Interval], tuple[Series, Rolled | None]] = field(
        init=False, default_factory=dict, repr=False, compare=False
    )

    def __post_init__(self) -> None:
        own.method_for(self.method)

    def prepare(self, truth: Series, window: Interval) -> None:
        """Make all forecasts of *window* now, so that their cost is counted once and apart."""
        self._rolled(truth, window)

    def readings(self, truth: Series, window: Interval) -> Iterator[tuple[int, Reading]]:
        """One reading for each renewal; none where history is too short, said as such."""
        made = self._rolled(truth, window)
        if made is None:
            yield from self._one_by_one(truth, window)
            return
        for k, values in enumerate(made.values):
            issued_ns = made.first_ns + k * made.step_ns
            live = self._present(truth, issued_ns)
            starts = issued_ns + made.step_ns * np.arange(1, values.size + 1, dtype=np.int64)
            signal = truth.signal.with_(
                quality=Quality.FORECAST, issued_at=from_ns(issued_ns), method=f"own forecast: {self.method}"
            )
            ahead = Series(signal, starts, starts + made.step_ns, values)
            yield issued_ns, self._reading(live, ahead)

    def _rolled(self, truth: Series, window: Interval) -> Rolled | None:
        """Forecasts of the whole window, made once for all policies; None where only one by one will do."""
        if self.method != rolled.ROLLED_METHOD:
            return None
        key = (id(truth), window)
        if key not in self._made:
            # The series is kept beside its forecasts, so that its identity stays its own.
            self._made[key] = (truth, rolled.roll(truth, window, horizon=self.horizon, step=self.renew))
        return self._made[key][1]

    def _one_by_one(self, truth: Series, window: Interval) -> Iterator[tuple[int, Reading]]:
        for issued_ns in range(to_ns(window.start), to_ns(window.end), duration_ns(self.renew)):
            until = from_ns(issued_ns) + self.renew
            live = self._present(truth, issued_ns)
            try:
                known = truth.clip(Interval(truth.start, until)) if until > truth.start else live
                ahead = own.forecast(known, issued_at=until, horizon=self.horizon, step=self.renew, method=self.method)
            except HorizonTooShort as error:
                yield issued_ns, Reading(series=live, step=FreshnessStep.LIVE, reason=error.message)
                continue
            yield issued_ns, self._reading(live, ahead)

    def _present(self, truth: Series, issued_ns: int) -> Series:
        issued = from_ns(issued_ns)
        return truth.clip(Interval(issued, issued + self.renew))

    def _reading(self, live: Series, ahead: Series) -> Reading:
        return Reading(series=_join(live, ahead), step=FreshnessStep.LIVE, reason=f"own forecast: {self.method}")


@dataclass(frozen=True, slots=True)
class AsIssued:
    """
    Recorded forecasts, each known from its issue on.

    Args:
        forecasts: With `signal.issued_at` set, in any order.
    """

    forecasts: Sequence[Series]

    def readings(
        self,
        truth: Series,  # noqa: ARG002 - the protocol's
        window: Interval,
    ) -> Iterator[tuple[int, Reading]]:
        """Each forecast at its issue, as it was; what it missed about the present is not mended."""
        issued = [(to_ns(f.signal.issued_at), f) for f in self.forecasts if f.signal.issued_at is not None]
        begin_ns, end_ns = to_ns(window.start), to_ns(window.end)
        for issued_ns, series in sorted(issued, key=lambda pair: pair[0]):
            if issued_ns < end_ns and int(series.ends_ns[-1]) > begin_ns:
                yield issued_ns, Reading(series=series, step=FreshnessStep.LIVE, reason="forecast as issued")


def with_past(readings: Iterator[tuple[int, Reading]], truth: Series, span: timedelta) -> Iterator[tuple[int, Reading]]:
    """Put the last *span* of what came true before each reading, for policies that look back (percentiles)."""
    for when_ns, reading in readings:
        now = from_ns(when_ns)
        past, series = truth.clip(Interval(now - span, now)), reading.series.clip(Interval(now, _FAR))
        joined = Series(
            series.signal,
            np.concatenate([past.starts_ns, series.starts_ns]),
            np.concatenate([past.ends_ns, series.ends_ns]),
            np.concatenate([past.values, series.values]),
            qualities=np.concatenate([past.qualities, series.qualities]),
        )
        yield when_ns, replace(reading, series=joined)


def _reading(truth: Series, values: NDArray[np.float64], *, issued_ns: int | None = None) -> Reading:
    issued = None if issued_ns is None else from_ns(issued_ns)
    signal = truth.signal.with_(quality=Quality.FORECAST, issued_at=issued, method="truth with a drawn error")
    floor = values if truth.signal.may_be_negative else np.maximum(values, 0.0)
    return Reading(
        series=Series(signal, truth.starts_ns, truth.ends_ns, floor), step=FreshnessStep.LIVE, reason="drawn error"
    )


def _join(live: Series, ahead: Series) -> Series:
    later = ahead.starts_ns >= (int(live.ends_ns[-1]) if live else 0)
    return Series(
        ahead.signal,
        np.concatenate([live.starts_ns, ahead.starts_ns[later]]),
        np.concatenate([live.ends_ns, ahead.ends_ns[later]]),
        np.concatenate([live.values, ahead.values[later]]),
        qualities=np.concatenate([live.qualities, ahead.qualities[later]]),
    )

"""
A signal over time: ordered half-open steps with explicit gaps (invariant I4).

A step either holds one value (`StepShape.CONSTANT`) or runs in a straight line from its first to its last value
(`StepShape.LINEAR`). Steps may differ in length. Where no step lies there is no value, and reading there raises.
"""

from __future__ import annotations

from bisect import bisect_right
from enum import StrEnum
from typing import TYPE_CHECKING

import numpy as np

from gridtide.domain.errors import EmptyInterval, HorizonTooShort, InvalidInput
from gridtide.domain.instants import duration_ns, from_ns, isoformat, to_ns
from gridtide.domain.interval import Interval
from gridtide.domain.signal import Quality, Signal
from gridtide.domain.units import NS_PER_HOUR

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime, timedelta

    from numpy.typing import ArrayLike, NDArray

__all__ = ["Curve", "Series", "StepShape"]

_QUALITIES = tuple(Quality)


class StepShape(StrEnum):
    """How values run between the edges of a step."""

    CONSTANT = "constant"
    LINEAR = "linear"


class Curve:
    """
    The running integral over one stretch of a series without gaps; what planners search on.

    Args:
        breaks: Step edges, strictly increasing, shape (n_steps + 1,). [ns]
        values: Value at the start of each step, shape (n_steps,).
        end_values: Value at the end of each step, shape (n_steps,).

    Attributes:
        step_ns: Length that all steps share, or 0 when they differ. [ns]
        integral: Running integral at each edge, shape (n_steps + 1,). [value x h]
        noise: How far two differences of *integral* that should be equal may lie apart by rounding. [value x h]
        break_list: *breaks* as plain numbers, for single reads without array overhead; so are the other lists.
    """

    __slots__ = (
        "_order",
        "break_list",
        "breaks",
        "constant",
        "end_values",
        "integral",
        "integral_list",
        "noise",
        "step_ns",
        "value_list",
        "values",
    )

    def __init__(
        self, breaks: NDArray[np.int64], values: NDArray[np.float64], end_values: NDArray[np.float64], *, constant: bool
    ) -> None:
        self.breaks = breaks
        self.values = values
        self.end_values = end_values
        self.constant = constant
        lengths = np.diff(breaks)
        self.step_ns = int(lengths[0]) if (lengths == lengths[0]).all() else 0
        self.integral = np.concatenate(([0.0], np.cumsum(0.5 * (values + end_values) * (lengths / NS_PER_HOUR))))
        self.break_list: list[int] = breaks.tolist()
        self.integral_list: list[float] = self.integral.tolist()
        self.value_list: list[float] = values.tolist()
        self._order: list[int] | None = None
        self.noise = 2.0 * float(np.finfo(np.float64).eps) * float(np.abs(self.integral).max())

    @property
    def start_ns(self) -> int:
        """First known instant. [ns]"""
        return self.break_list[0]

    @property
    def end_ns(self) -> int:
        """End of the last known step. [ns]"""
        return self.break_list[-1]

    @property
    def order(self) -> list[int]:
        """Steps from the lowest value to the highest, the earlier first of equals; sorted once."""
        order = self._order
        if order is None:
            order = self._order = self.values.argsort(kind="stable").tolist()
        return order

    def locate(self, instant_ns: int) -> int:
        """Index of the step that holds *instant_ns*; the end belongs to the last step."""
        return min(bisect_right(self.break_list, instant_ns) - 1, len(self.break_list) - 2)

    def value_at(self, instant_ns: int) -> float:
        """Value at one instant inside the stretch."""
        k = self.locate(instant_ns)
        if self.constant:
            return float(self.values[k])
        share = (instant_ns - self.break_list[k]) / (self.break_list[k + 1] - self.break_list[k])
        return float(self.values[k] + share * (self.end_values[k] - self.values[k]))

    def integral_at(self, instant_ns: int) -> float:
        """Integral from the start of the stretch up to *instant_ns*. [value x h]"""
        edges, running = self.break_list, self.integral_list
        k = bisect_right(edges, instant_ns) - 1
        left, base = edges[k], running[k]
        if instant_ns == left:
            return base
        if self.constant:
            return base + (instant_ns - left) / (edges[k + 1] - left) * (running[k + 1] - base)
        hours = (instant_ns - left) / NS_PER_HOUR
        slope = (self.end_values[k] - self.values[k]) / ((edges[k + 1] - left) / NS_PER_HOUR)
        return float(base + hours * (self.values[k] + 0.5 * slope * hours))

    def integrals_at(self, instants_ns: NDArray[np.int64]) -> NDArray[np.float64]:
        """`integral_at` for many instants, shape (n_instants,). [value x h]"""
        k = np.minimum(np.searchsorted(self.breaks, instants_ns, side="right") - 1, self.values.size - 1)
        hours = (instants_ns - self.breaks[k]) / NS_PER_HOUR
        value = self.values[k]
        if self.constant:
            return np.asarray(self.integral[k] + hours * value)
        lengths = (self.breaks[k + 1] - self.breaks[k]) / NS_PER_HOUR
        return np.asarray(self.integral[k] + hours * (value + 0.5 * hours * (self.end_values[k] - value) / lengths))

    def values_at(self, instants_ns: NDArray[np.int64]) -> NDArray[np.float64]:
        """`value_at` for many instants, shape (n_instants,)."""
        k = np.minimum(np.searchsorted(self.breaks, instants_ns, side="right") - 1, self.values.size - 1)
        if self.constant:
            return np.asarray(self.values[k])
        share = (instants_ns - self.breaks[k]) / (self.breaks[k + 1] - self.breaks[k])
        return np.asarray(self.values[k] + share * (self.end_values[k] - self.values[k]))


class Series:
    """
    Values of one signal over time. Immutable; build it with one of the class methods.

    Attributes:
        signal: What the values mean.
        shape: Constant or linear steps.
        starts_ns: First instant of each step, increasing, shape (n_steps,). [ns since 1970 UTC]
        ends_ns: First instant after each step, shape (n_steps,). [ns since 1970 UTC]
        values: Value at the start of each step, shape (n_steps,). [signal.unit]
        end_values: Value at the end of each step; equal to *values* for constant steps. [signal.unit]
        qualities: `Quality.rank` of each step, shape (n_steps,).
    """

    __slots__ = ("_curves", "end_values", "ends_ns", "qualities", "shape", "signal", "starts_ns", "values")

    signal: Signal
    shape: StepShape
    starts_ns: NDArray[np.int64]
    ends_ns: NDArray[np.int64]
    values: NDArray[np.float64]
    end_values: NDArray[np.float64]
    qualities: NDArray[np.int8]
    _curves: tuple[Curve, ...] | None

    def __init__(
        self,
        signal: Signal,
        starts_ns: ArrayLike,
        ends_ns: ArrayLike,
        values: ArrayLike,
        *,
        end_values: ArrayLike | None = None,
        qualities: ArrayLike | None = None,
    ) -> None:
        starts, ends = np.asarray(starts_ns, dtype=np.int64), np.asarray(ends_ns, dtype=np.int64)
        first = np.asarray(values, dtype=np.float64)
        last = first if end_values is None else np.asarray(end_values, dtype=np.float64)
        ranks = np.full(first.shape, signal.quality.rank, np.int8) if qualities is None else np.asarray(qualities)
        _check_steps(signal, starts, ends, first, last)
        fields = {
            "signal": signal,
            "shape": StepShape.CONSTANT if end_values is None else StepShape.LINEAR,
            "starts_ns": starts,
            "ends_ns": ends,
            "values": first,
            "end_values": last,
            "qualities": ranks.astype(np.int8),
            "_curves": None,
        }
        for name, value in fields.items():
            if isinstance(value, np.ndarray):
                value = value.view()  # noqa: PLW2901 - our own read-only view; the caller's array stays writable
                value.setflags(write=False)
            object.__setattr__(self, name, value)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"a Series is immutable: cannot set {name!r}")

    # -- building --------------------------------------------------------------------------------------------------

    @classmethod
    def steps(
        cls, signal: Signal, first: datetime, step: timedelta, values: Sequence[float | None] | NDArray[np.float64]
    ) -> Series:
        """
        Equal steps from *first*; None or NaN leaves a gap.

        Example:
            >>> from datetime import datetime, timedelta, UTC
            >>> from gridtide.domain.signal import Signal, SignalKind
            >>> demo = Signal(SignalKind.AVERAGE, provider="demo", zone="X")
            >>> Series.steps(demo, datetime(2026, 1, 1, tzinfo=UTC), timedelta(hours=1), [100.0, None, 300.0]).size
            2
        """
        array = np.array([np.nan if v is None else v for v in values], dtype=np.float64)
        length = duration_ns(step)
        starts = to_ns(first) + length * np.arange(array.size, dtype=np.int64)
        known = ~np.isnan(array)
        return cls(signal, starts[known], starts[known] + length, array[known])

    @classmethod
    def line(cls, signal: Signal, instants: Sequence[datetime], values: Sequence[float]) -> Series:
        """Points joined by straight lines; n points make n - 1 steps."""
        times = np.array([to_ns(t) for t in instants], dtype=np.int64)
        points = np.asarray(values, dtype=np.float64)
        return cls(signal, times[:-1], times[1:], points[:-1], end_values=points[1:])

    # -- reading ---------------------------------------------------------------------------------------------------

    @property
    def size(self) -> int:
        """Number of steps."""
        return int(self.values.size)

    def __len__(self) -> int:
        return self.size

    def __bool__(self) -> bool:
        return self.size > 0

    @property
    def start(self) -> datetime:
        """First known instant. Raises `HorizonTooShort` when the series is empty."""
        self._require_data()
        return from_ns(int(self.starts_ns[0]))

    @property
    def end(self) -> datetime:
        """End of the last known step. Raises `HorizonTooShort` when the series is empty."""
        self._require_data()
        return from_ns(int(self.ends_ns[-1]))

    @property
    def curves(self) -> tuple[Curve, ...]:
        """Stretches without gaps, in order; computed once."""
        curves = self._curves
        if curves is None:
            curves = _stretches(self)
            object.__setattr__(self, "_curves", curves)
        return curves

    @property
    def gaps(self) -> tuple[Interval, ...]:
        """Spans between the first and the last step where nothing is known."""
        holes = np.flatnonzero(self.starts_ns[1:] > self.ends_ns[:-1])
        return tuple(Interval(from_ns(int(self.ends_ns[i])), from_ns(int(self.starts_ns[i + 1]))) for i in holes)

    def curve_at(self, instant_ns: int) -> Curve | None:
        """Stretch that holds *instant_ns*, or None in a gap or outside."""
        for curve in self.curves:
            if curve.start_ns <= instant_ns < curve.end_ns:
                return curve
        return None

    def value_at(self, instant: datetime) -> float:
        """
        Value at one instant. [signal.unit]

        Raises:
            HorizonTooShort: Nothing is known there; the message holds both bounds.
        """
        instant_ns = to_ns(instant)
        curve = self.curve_at(instant_ns)
        if curve is None:
            raise self._outside(isoformat(instant))
        return curve.value_at(instant_ns)

    def quality_at(self, instant: datetime) -> Quality:
        """Quality of the step that holds *instant*; raises `HorizonTooShort` where nothing is known."""
        instant_ns = to_ns(instant)
        k = int(np.searchsorted(self.starts_ns, instant_ns, side="right")) - 1
        if k < 0 or instant_ns >= self.ends_ns[k]:
            raise self._outside(isoformat(instant))
        return _QUALITIES[int(self.qualities[k])]

    def covers(self, window: Interval) -> bool:
        """Whether every instant of *window* is known."""
        curve = self.curve_at(to_ns(window.start))
        return curve is not None and to_ns(window.end) <= curve.end_ns

    def mean(self, window: Interval) -> float:
        """
        Time-weighted mean over *window*; a step partly inside counts for that part. [signal.unit]

        Raises:
            HorizonTooShort: Part of *window* is unknown; the message holds both bounds.
        """
        start_ns, end_ns = to_ns(window.start), to_ns(window.end)
        curve = self.curve_at(start_ns)
        if curve is None or end_ns > curve.end_ns:
            raise self._outside(str(window))
        return (curve.integral_at(end_ns) - curve.integral_at(start_ns)) / ((end_ns - start_ns) / NS_PER_HOUR)

    def clip(self, window: Interval) -> Series:
        """The part inside *window*, steps cut at its edges; may be empty."""
        start_ns, end_ns = to_ns(window.start), to_ns(window.end)
        keep = (self.ends_ns > start_ns) & (self.starts_ns < end_ns)
        starts, ends = self.starts_ns[keep], self.ends_ns[keep]
        cut_starts, cut_ends = np.maximum(starts, start_ns), np.minimum(ends, end_ns)
        first, last = self.values[keep], self.end_values[keep]
        if self.shape is StepShape.CONSTANT:
            return Series(self.signal, cut_starts, cut_ends, first, qualities=self.qualities[keep])
        slope = (last - first) / (ends - starts)
        return Series(
            self.signal,
            cut_starts,
            cut_ends,
            first + slope * (cut_starts - starts),
            end_values=last - slope * (ends - cut_ends),
            qualities=self.qualities[keep],
        )

    def relabel(self, signal: Signal) -> Series:
        """Same values under other labels."""
        ends = None if self.shape is StepShape.CONSTANT else self.end_values
        return Series(signal, self.starts_ns, self.ends_ns, self.values, end_values=ends, qualities=self.qualities)

    def __iter__(self) -> Iterator[tuple[datetime, datetime, float, Quality]]:
        for start, end, value, rank in zip(
            self.starts_ns.tolist(), self.ends_ns.tolist(), self.values.tolist(), self.qualities.tolist(), strict=True
        ):
            yield from_ns(start), from_ns(end), value, _QUALITIES[rank]

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Series):
            return NotImplemented
        return self.signal == other.signal and all(
            np.array_equal(getattr(self, name), getattr(other, name))
            for name in ("starts_ns", "ends_ns", "values", "end_values", "qualities")
        )

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        span = f"{isoformat(self.start)}/{isoformat(self.end)}" if self else "empty"
        return f"<Series {self.signal.provider}/{self.signal.zone} {self.signal.kind} {self.size} steps {span}>"

    def _require_data(self) -> None:
        if not self:
            raise HorizonTooShort(
                f"no values known for {self.signal.provider}/{self.signal.zone}",
                provider=self.signal.provider,
                zone=self.signal.zone,
            )

    def _outside(self, asked: str) -> HorizonTooShort:
        self._require_data()
        known = f"{isoformat(self.start)}/{isoformat(self.end)}"
        holes = f" with gaps {', '.join(map(str, self.gaps[:3]))}" if self.gaps else ""
        return HorizonTooShort(
            f"{asked} is outside the known part {known}{holes} of {self.signal.provider}/{self.signal.zone}",
            asked=asked,
            known=known,
        )


def _check_steps(
    signal: Signal,
    starts: NDArray[np.int64],
    ends: NDArray[np.int64],
    first: NDArray[np.float64],
    last: NDArray[np.float64],
) -> None:
    if not (starts.ndim == 1 and starts.shape == ends.shape == first.shape == last.shape):
        raise InvalidInput(f"starts, ends and values differ in shape: {starts.shape}, {ends.shape}, {first.shape}")
    if (ends <= starts).any():
        k = int(np.argmax(ends <= starts))
        raise EmptyInterval(f"step {k} ends at or before its start {isoformat(from_ns(int(starts[k])))}", step=k)
    if (starts[1:] < ends[:-1]).any():
        k = int(np.argmax(starts[1:] < ends[:-1])) + 1
        raise InvalidInput(f"step {k} at {isoformat(from_ns(int(starts[k])))} overlaps the step before it", step=k)
    bad = ~(np.isfinite(first) & np.isfinite(last))
    if not signal.may_be_negative:
        bad |= (first < 0) | (last < 0)
    if bad.any():
        k = int(np.argmax(bad))
        raise InvalidInput(
            f"value {first[k]} at {isoformat(from_ns(int(starts[k])))} is no {signal.kind} value in {signal.unit}",
            hint="leave the step out where nothing is known; 0 is a value, missing is not",
            step=k,
        )


def _stretches(series: Series) -> tuple[Curve, ...]:
    if not series:
        return ()
    cuts = np.flatnonzero(series.starts_ns[1:] > series.ends_ns[:-1]) + 1
    bounds = [0, *cuts.tolist(), series.size]
    constant = series.shape is StepShape.CONSTANT
    return tuple(
        Curve(
            np.append(series.starts_ns[i:j], series.ends_ns[j - 1]),
            series.values[i:j],
            series.end_values[i:j],
            constant=constant,
        )
        for i, j in zip(bounds[:-1], bounds[1:], strict=True)
    )

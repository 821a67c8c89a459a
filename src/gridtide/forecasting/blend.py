"""A provider's forecast and our own, weighed by how well each did lately."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from gridtide.domain.instants import to_ns
from gridtide.domain.series import Series, StepShape
from gridtide.domain.signal import Quality, require_comparable
from gridtide.domain.units import NS_PER_HOUR

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = ["Skill", "blend", "measure_skill"]

_LEAD_DAYS: Final = 4
_MIN_PAIRS: Final = 24


@dataclass(frozen=True, slots=True)
class Skill:
    """Recent mean squared error by lead day, shape (4,); NaN where too few forecasts came true. [unit squared]"""

    mean_squared_error: tuple[float, ...]

    def at(self, lead_hours: NDArray[np.float64]) -> NDArray[np.float64]:
        """Error at each lead time; the last day stands for all beyond it."""
        day = np.clip((lead_hours // 24).astype(int), 0, _LEAD_DAYS - 1)
        return np.array(self.mean_squared_error)[day]  # type: ignore[no-any-return]


def measure_skill(issued: Sequence[Series], truth: Series) -> Skill:
    """
    Judge forecasts *as issued* against what came true.

    Args:
        issued: Forecasts with `signal.issued_at` set; only their steps after it count.
        truth: Measured values of the same kind.
    """
    errors: list[list[float]] = [[] for _ in range(_LEAD_DAYS)]
    for series in issued:
        require_comparable(series.signal, truth.signal)
        if series.signal.issued_at is None:
            continue
        issued_ns = to_ns(series.signal.issued_at)
        for start, end, value in zip(series.starts_ns.tolist(), series.ends_ns.tolist(), series.values, strict=True):
            curve = truth.curve_at(start)
            if start < issued_ns or curve is None or end > curve.end_ns:
                continue
            true = (curve.integral_at(end) - curve.integral_at(start)) / ((end - start) / NS_PER_HOUR)
            errors[min((start - issued_ns) // (24 * NS_PER_HOUR), _LEAD_DAYS - 1)].append((float(value) - true) ** 2)
    return Skill(tuple(float(np.mean(e)) if len(e) >= _MIN_PAIRS else float("nan") for e in errors))


def blend(
    provider: Series, own: Series, *, provider_skill: Skill | None = None, own_skill: Skill | None = None
) -> Series:
    """
    Join a provider's forecast with our own.

    Where both have a value it is their mean weighed by inverse recent error; without measured skill the provider's
    value is taken as it is. Beyond the provider's horizon and in its gaps our own value stands. Measured and
    estimated steps of the provider are never changed.

    Args:
        provider: Constant steps, possibly short. [signal.unit]
        own: Constant steps with `signal.issued_at`; the grid of the result beyond the provider's. [signal.unit]
        provider_skill: Of the provider, as measured lately.
        own_skill: Of our own method, as measured lately.

    Raises:
        KindMismatch: The two differ in kind or scope.
    """
    require_comparable(provider.signal, own.signal)
    if provider.shape is not StepShape.CONSTANT or not own:
        return provider
    values = provider.values.copy()
    if provider_skill is not None and own_skill is not None and own.signal.issued_at is not None:
        values = _weighed(provider, own, provider_skill, own_skill)
    starts, ends, rest, ranks = _fill(provider, own)
    order = np.argsort(np.concatenate([provider.starts_ns, starts]), kind="stable")
    both = f"{provider.signal.provider} blended with own forecast ({own.signal.method})"
    signal = provider.signal.with_(quality=Quality.FORECAST, method=both)
    return Series(
        signal,
        np.concatenate([provider.starts_ns, starts])[order],
        np.concatenate([provider.ends_ns, ends])[order],
        np.concatenate([values, rest])[order],
        qualities=np.concatenate([provider.qualities, ranks])[order],
    )


def _weighed(provider: Series, own: Series, provider_skill: Skill, own_skill: Skill) -> NDArray[np.float64]:
    assert own.signal.issued_at is not None  # noqa: S101 - the caller looked
    lead = (provider.starts_ns - to_ns(own.signal.issued_at)) / NS_PER_HOUR
    theirs, ours = provider_skill.at(lead), own_skill.at(lead)
    with np.errstate(invalid="ignore", divide="ignore"):
        share = np.where((theirs > 0) & (ours > 0), theirs / (theirs + ours), 0.0)
    values = provider.values.copy()
    index = np.searchsorted(own.starts_ns, provider.starts_ns, side="right") - 1
    covered = (index >= 0) & (provider.ends_ns <= own.ends_ns[np.maximum(index, 0)])
    use = covered & (provider.qualities == Quality.FORECAST.rank)
    values[use] = (1 - share[use]) * values[use] + share[use] * own.values[index[use]]
    return values


def _fill(
    provider: Series, own: Series
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64], NDArray[np.int8]]:
    """Parts of our own steps that the provider does not cover."""
    rows: list[tuple[int, int, float, int]] = []
    covered = [(c.start_ns, c.end_ns) for c in provider.curves]
    for start, end, value, rank in zip(
        own.starts_ns.tolist(), own.ends_ns.tolist(), own.values.tolist(), own.qualities.tolist(), strict=True
    ):
        at = start
        for left, right in covered:
            if right <= at or left >= end:
                continue
            if left > at:
                rows.append((at, left, value, rank))
            at = max(at, right)
        if at < end:
            rows.append((at, end, value, rank))
    columns = list(zip(*rows, strict=True)) if rows else [(), (), (), ()]
    return (
        np.array(columns[0], np.int64),
        np.array(columns[1], np.int64),
        np.array(columns[2], np.float64),
        np.array(columns[3], np.int8),
    )

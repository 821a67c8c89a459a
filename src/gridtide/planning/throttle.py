"""
How many runners a queue may use, as a function of carbon intensity: full when clean, a floor when dirty.

For work that cannot be put off job by job, such as a CI queue: it slows down instead of stopping.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import floor
from typing import TYPE_CHECKING

from gridtide.domain.errors import InvalidInput
from gridtide.domain.instants import from_ns, to_ns

if TYPE_CHECKING:
    from datetime import datetime

    from gridtide.domain.series import Series

__all__ = ["Throttle", "changes_at", "concurrency"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Throttle:
    """
    A falling line between two intensities.

    Args:
        clean: At or below it every runner works. [signal.unit]
        dirty: At or above it only the floor works; above *clean*. [signal.unit]
        least: Runners that always work, at least 1, so that no queue stands still.
        most: All runners.
    """

    clean: float
    dirty: float
    least: int
    most: int

    def __post_init__(self) -> None:
        if not 0 <= self.clean < self.dirty:
            raise InvalidInput(f"clean {self.clean} and dirty {self.dirty}; allowed: 0 <= clean < dirty", field="clean")
        if not 1 <= self.least <= self.most:
            raise InvalidInput(f"least {self.least} and most {self.most}; allowed: 1 <= least <= most", field="least")


def concurrency(
    throttle: Throttle, intensity: float | None, *, last: int | None = None, hysteresis: float = 0.0
) -> int:
    """
    Runners that may work at *intensity*; all of them when nothing is known, since unknown never stops work.

    Args:
        throttle: The line.
        intensity: Present value; None when nothing is known. [signal.unit]
        last: Runners that were allowed before; kept while the value stays within *hysteresis* of where they belong.
        hysteresis: How far a value must move before the number does, so that noise switches nothing. [signal.unit]

    Example:
        >>> queue = Throttle(clean=100, dirty=300, least=2, most=10)
        >>> concurrency(queue, 200.0), concurrency(queue, 208.0, last=6, hysteresis=20.0)
        (6, 6)
    """
    if not 0 <= hysteresis < float("inf"):
        raise InvalidInput(f"hysteresis is {hysteresis}; allowed: zero or more", field="hysteresis")
    if intensity is None:
        return throttle.most
    if last is None:
        return _on_the_line(throttle, intensity)
    return max(
        _on_the_line(throttle, intensity + hysteresis), min(last, _on_the_line(throttle, intensity - hysteresis))
    )


def changes_at(throttle: Throttle, series: Series, now: datetime) -> datetime | None:
    """First instant after *now* from which the line gives another number; None where that is not known."""
    now_ns = to_ns(now)
    curve = series.curve_at(now_ns)
    if curve is None:
        return None
    here = concurrency(throttle, curve.value_at(now_ns))
    for start_ns, value in zip(curve.break_list[:-1], curve.value_list, strict=False):
        if start_ns > now_ns and concurrency(throttle, value) != here:
            return from_ns(start_ns)
    return None


def _on_the_line(throttle: Throttle, intensity: float) -> int:
    share = (throttle.dirty - intensity) / (throttle.dirty - throttle.clean)
    return throttle.least + floor((throttle.most - throttle.least) * min(1.0, max(0.0, share)))

"""
How many runners a queue may use, as a function of carbon intensity: full when clean, a floor when dirty.

For work that cannot be put off job by job, such as a CI queue: it slows down instead of stopping.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import floor

from gridtide.domain.errors import InvalidInput

__all__ = ["Throttle", "concurrency"]


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


def concurrency(throttle: Throttle, intensity: float | None) -> int:
    """
    Runners that may work at *intensity*; all of them when nothing is known, since unknown never stops work.

    Example:
        >>> concurrency(Throttle(clean=100, dirty=300, least=2, most=10), 200.0)
        6
    """
    if intensity is None:
        return throttle.most
    share = (throttle.dirty - intensity) / (throttle.dirty - throttle.clean)
    return throttle.least + floor((throttle.most - throttle.least) * min(1.0, max(0.0, share)))

"""
The rebound effect in numbers: whether more runs eat up what cleaner runs save.

References:
    Jevons paradox: what becomes cheaper is used more; a saving per run says nothing about the sum.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Rebound", "rebound"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rebound:
    """
    One period against the one before.

    Args:
        runs_change: Of the number of runs, as a share of before.
        per_run_change: Of the grams of one run.
        grams_change: Of the grams in all.
    """

    runs_change: float
    per_run_change: float
    grams_change: float

    @property
    def is_rebound(self) -> bool:
        """Whether runs became cleaner and emissions rose all the same."""
        return self.per_run_change < 0 < self.grams_change


def rebound(*, runs_before: int, grams_before: float, runs: int, grams: float) -> Rebound | None:
    """
    Compare two periods; None where one of them had no runs or no emissions.

    Example:
        >>> found = rebound(runs_before=10, grams_before=1000.0, runs=20, grams=1600.0)
        >>> found.is_rebound, round(found.per_run_change, 2), round(found.grams_change, 2)
        (True, -0.2, 0.6)
    """
    if not (runs_before and runs and grams_before > 0):
        return None
    return Rebound(
        runs_change=runs / runs_before - 1,
        per_run_change=(grams / runs) / (grams_before / runs_before) - 1,
        grams_change=grams / grams_before - 1,
    )

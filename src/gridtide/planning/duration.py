"""
Learned run times: what a key's past runs say about the next one.

Windows are chosen for a typical length; the latest start keeps room for a long one. With few runs the answer leans
on the declared duration, so that a lucky first run does not make a deadline be missed.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

import numpy as np

from gridtide.domain.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["RunTimes", "learn"]

_PRIOR_RUNS: Final = 3
_KEEP: Final = 50
_SAFE_LEVEL: Final = 0.95
_TYPICAL_LEVEL: Final = 0.5
_LOG_SPREAD: Final = 0.35


@dataclass(frozen=True, slots=True, kw_only=True)
class RunTimes:
    """
    Lengths to plan with.

    Attributes:
        typical: Median; for choosing the window.
        safe: 95th percentile, at least *typical*; for the latest start.
        runs: Number of past runs behind it.
    """

    typical: timedelta
    safe: timedelta
    runs: int


def learn(past: Sequence[timedelta], *, declared: timedelta) -> RunTimes:
    """
    Run times of the next occurrence, from the newest 50 runs and the declared duration.

    The logarithms of the runs are pooled with three imaginary runs around the declared duration, so the estimate
    moves from the declaration to the evidence as evidence grows. Run times spread over factors, not sums.

    Args:
        past: Lengths of finished runs, oldest first. [timedelta > 0]
        declared: What the user said. [timedelta > 0]

    Raises:
        InvalidInput: A length is not positive.

    Example:
        >>> learn([], declared=timedelta(hours=1)).typical
        datetime.timedelta(seconds=3600)
    """
    for length in (declared, *past):
        if length <= timedelta(0):
            raise InvalidInput(f"run time is {length}; allowed: longer than zero", field="duration")
    newest = np.array([p.total_seconds() for p in past[-_KEEP:]])
    anchor = np.log(declared.total_seconds())
    prior = anchor + _LOG_SPREAD * np.array([-1.0, 0.0, 1.0])[:_PRIOR_RUNS]
    pooled = np.concatenate([np.log(newest), prior])
    typical = float(np.exp(np.quantile(pooled, _TYPICAL_LEVEL)))
    spread = float(pooled.std(ddof=1))
    high = max(float(np.exp(np.quantile(pooled, _SAFE_LEVEL))), typical * float(np.exp(1.645 * spread)))
    return RunTimes(typical=timedelta(seconds=typical), safe=timedelta(seconds=high), runs=len(past))

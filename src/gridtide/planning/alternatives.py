"""What else could be done, with its cost: the other policies' plans, and the best start in each stretch of the wait."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from gridtide.domain.decision import Reason
from gridtide.domain.instants import from_ns, isoformat
from gridtide.domain.units import NS_PER_HOUR
from gridtide.planning.choice import Choice, contiguous, tie_width
from gridtide.planning.options import Method
from gridtide.planning.policy import choose
from gridtide.planning.window import known_starts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gridtide.planning.policy import Case

__all__ = ["Option", "alternatives_to"]

_BLOCKS: Final = 8
_METHODS: Final = (
    Method.LOWEST_SLOTS,
    Method.LOWEST_WINDOW,
    Method.CARBON_TIME,
    Method.THRESHOLD,
    Method.RUN_NOW,
    Method.RUN_LATEST,
)


class Option(NamedTuple):
    """
    One thing that could be done.

    Attributes:
        name: Policy, or ``block`` for the best start in a stretch of the wait.
        choice: When, and at what cost.
        note: What is special.
    """

    name: str
    choice: Choice
    note: str


def alternatives_to(chosen: Choice, answered: Method | None, case: Case) -> tuple[Option, ...]:
    """
    Other plans that keep every bound, cheapest first; plans that run at the same times are listed once.

    Args:
        chosen: What will be done.
        answered: Policy whose plan that is, not asked again; None where a wrapper overruled it.
        case: What the policies look at.
    """
    seen = {chosen.pieces}
    found = []
    for option in (*_policies(answered, case), *_blocks(case)):
        if option.choice.pieces not in seen:
            seen.add(option.choice.pieces)
            found.append(option)
    found.sort(key=lambda option: (option.choice.cost, option.choice.start_ns))
    return tuple(found[: case.options.alternatives])


def _policies(answered: Method | None, case: Case) -> Iterator[Option]:
    for method in _METHODS:
        if method is answered:
            continue
        if method is Method.LOWEST_SLOTS and not case.workload.interruptible:
            continue
        if method is Method.THRESHOLD and case.options.threshold is None and case.options.percentile is None:
            continue
        choice = choose(method, case)
        if choice is not None:
            yield Option(str(method), choice, "")


def _blocks(case: Case) -> Iterator[Option]:
    """Best start in each of a few equal stretches of whole hours between release and latest start."""
    bounds, reach_ns = case.bounds, case.reach_ns
    slack_ns = reach_ns - bounds.release_ns
    if slack_ns < NS_PER_HOUR:
        return
    block_ns = -(-slack_ns // (_BLOCKS * NS_PER_HOUR)) * NS_PER_HOUR
    for found in known_starts(
        case.series, bounds.release_ns, reach_ns, bounds.shape, grid_ns=case.grid_ns, turning=1.0
    ):
        block = (found.starts_ns - bounds.release_ns) // block_ns
        for n in sorted(set(block.tolist())):
            inside = np.flatnonzero(block == n)
            costs = found.costs[inside]
            low = float(costs.min())
            k = int(inside[(costs <= low + tie_width(found.curve, low)).argmax()])
            begin_ns = bounds.release_ns + n * block_ns
            note = f"best start from {isoformat(from_ns(begin_ns))} to {isoformat(from_ns(begin_ns + block_ns))}"
            start_ns, cost = int(found.starts_ns[k]), float(found.costs[k])
            yield Option("block", contiguous(start_ns, bounds.length_ns, cost, Reason.LOWER_LATER), note)

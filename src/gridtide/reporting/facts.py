"""What a simulation report tells, as plain values; the reporting room knows no simulation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["ALL", "Row", "SimulationFacts", "totals"]

ALL: Final = "all"
"""Zone of rows over every home."""

Row = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulationFacts:
    """
    What the page tells.

    Args:
        name: Of the scenario.
        facts: Named facts on what was done, in order.
        policies: Names in the scenario's order.
        at_once: Those of them that never wait; they are the zero line of charts.
        tables: ``summary``, ``by_class``, ``by_slack``, ``delays``, ``pareto``, ``moves`` and ``own_footprint``.
        signals: Which values each zone was simulated on.
        notes: What the reader should know.
        credits: Attributions.
        own_power_w: Power that our own processor time is counted with. [W]
    """

    name: str
    facts: Sequence[tuple[str, str]]
    policies: Sequence[str]
    at_once: frozenset[str]
    tables: Mapping[str, Sequence[Row]]
    signals: Sequence[Row]
    notes: Sequence[str]
    credits: Sequence[str]
    own_power_w: float


def totals(facts: SimulationFacts) -> list[Row]:
    """One row per policy over everything."""
    rows = facts.tables["summary"]
    everywhere = [row for row in rows if row["zone"] == ALL]
    return everywhere or list(rows)

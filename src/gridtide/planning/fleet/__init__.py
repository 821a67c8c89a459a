"""
Many workloads, several regions, limited capacity: one plan for all of them.

`plan_fleet` answers with a placement, its emissions, and a bound that no plan can beat, so that every plan says how
good it is. Small problems go through a linear program and small mixed-integer ones (`exact`), large ones through
prices and a greedy at those prices (`greedy`); both keep every limit. `spread_starts` turns slots into starts that do
not all fall on the same instant.
"""

from __future__ import annotations

from gridtide.planning.fleet.launch import Launch, spread_starts
from gridtide.planning.fleet.plan import FleetPlan, Placement, violations
from gridtide.planning.fleet.planner import Method, plan_fleet
from gridtide.planning.fleet.problem import FleetJobs, FleetProblem, Limit, Quota, region_limits, transfer_grams

__all__ = [
    "FleetJobs",
    "FleetPlan",
    "FleetProblem",
    "Launch",
    "Limit",
    "Method",
    "Placement",
    "Quota",
    "plan_fleet",
    "region_limits",
    "spread_starts",
    "transfer_grams",
    "violations",
]

"""
Many jobs, several zones, shared capacity: a job table and what is known of each zone in, one plan for all out.

`read_jobs` reads the table, `plan_jobs` plans. The answer is per job (`PlannedJob`) and per zone (`ZoneUse`), with the
bound that no plan can beat, and what the same jobs would emit started at once at home.
"""

from __future__ import annotations

from gridtide.api.fleet.answer import BASELINE, FleetAnswer, PlannedJob, ZoneUse
from gridtide.api.fleet.planner import plan_jobs
from gridtide.api.fleet.reading import read_jobs
from gridtide.api.fleet.slots import Slots
from gridtide.api.fleet.zone import FleetZone

__all__ = ["BASELINE", "FleetAnswer", "FleetZone", "PlannedJob", "Slots", "ZoneUse", "plan_jobs", "read_jobs"]

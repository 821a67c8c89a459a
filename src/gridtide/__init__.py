"""
Gridtide: run work when and where the electricity grid is clean.

Names are imported when they are used, so that ``import gridtide`` costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from gridtide.api.aware import carbon_aware
    from gridtide.api.clocks import ScaledClock, SystemClock
    from gridtide.api.decision import CarbonDecision
    from gridtide.api.prices import PlanCost
    from gridtide.api.scheduler import CarbonScheduler
    from gridtide.config.load import load_settings
    from gridtide.config.settings import Settings
    from gridtide.domain.decision import Action, Alternative, Decision, FreshnessStep, Reason
    from gridtide.domain.errors import CarbonError
    from gridtide.domain.interval import Interval
    from gridtide.domain.series import Series, StepShape
    from gridtide.domain.signal import Perimeter, Quality, Scope, Signal, SignalKind
    from gridtide.domain.workload import Elasticity, OnNoData, Workload
    from gridtide.domain.zone import Zone
    from gridtide.grid.catalogue import Catalogue
    from gridtide.grid.files import read_series
    from gridtide.planning.options import Method, PlanOptions
    from gridtide.planning.plan import plan
    from gridtide.planning.replicas import ReplicaPlan, plan_replicas

__all__ = [
    "Action",
    "Alternative",
    "CarbonDecision",
    "CarbonError",
    "CarbonScheduler",
    "Catalogue",
    "Decision",
    "Elasticity",
    "FreshnessStep",
    "Interval",
    "Method",
    "OnNoData",
    "Perimeter",
    "PlanCost",
    "PlanOptions",
    "Quality",
    "Reason",
    "ReplicaPlan",
    "ScaledClock",
    "Scope",
    "Series",
    "Settings",
    "Signal",
    "SignalKind",
    "StepShape",
    "SystemClock",
    "Workload",
    "Zone",
    "__version__",
    "carbon_aware",
    "load_settings",
    "plan",
    "plan_replicas",
    "read_series",
]

_HOMES: Final = {
    "api.aware": ("carbon_aware",),
    "api.clocks": ("ScaledClock", "SystemClock"),
    "api.decision": ("CarbonDecision",),
    "api.prices": ("PlanCost",),
    "api.scheduler": ("CarbonScheduler",),
    "config.load": ("load_settings",),
    "config.settings": ("Settings",),
    "domain.decision": ("Action", "Alternative", "Decision", "FreshnessStep", "Reason"),
    "domain.errors": ("CarbonError",),
    "domain.interval": ("Interval",),
    "domain.series": ("Series", "StepShape"),
    "domain.signal": ("Perimeter", "Quality", "Scope", "Signal", "SignalKind"),
    "domain.workload": ("Elasticity", "OnNoData", "Workload"),
    "domain.zone": ("Zone",),
    "grid.catalogue": ("Catalogue",),
    "grid.files": ("read_series",),
    "planning.options": ("Method", "PlanOptions"),
    "planning.plan": ("plan",),
    "planning.replicas": ("ReplicaPlan", "plan_replicas"),
}
_HOME_OF: Final = {name: f"gridtide.{home}" for home, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version  # noqa: PLC0415 - only when asked for

        return version("gridtide")
    if name not in _HOME_OF:
        raise AttributeError(f"module 'gridtide' has no attribute {name!r}")
    return getattr(import_module(_HOME_OF[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})

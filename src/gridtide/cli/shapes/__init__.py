"""
The JSON shape of every answer, as types.

Mypy checks the commands against them, and the committed schemas in ``schemas/`` are generated from them.

Keys carry their unit. A value in grams per kWh is null where the signal is of another kind; then ``mean_percent`` or
``mean_eur_per_mwh`` stands beside it.
"""

from __future__ import annotations

from gridtide.cli.shapes.backtests import (
    LargestDifferenceShape,
    PotentialRowShape,
    PotentialShape,
    PotentialThresholdsShape,
    RejectedShape,
    ReproduceShape,
    SimulatedSignalShape,
    SimulateShape,
)
from gridtide.cli.shapes.lookups import (
    CompareRow,
    CompareShape,
    DataImportShape,
    ForecastShape,
    NowShape,
    OpinionShape,
    VerificationShape,
    ZoneShape,
    ZonesShape,
)
from gridtide.cli.shapes.plans import (
    BandShape,
    CheckShape,
    CostShape,
    FrontPointShape,
    PlannedRegionShape,
    PlanShape,
    RiskShape,
    ThrottleShape,
)
from gridtide.cli.shapes.records import (
    BudgetPeriodShape,
    BudgetShape,
    BudgetStateShape,
    BudgetUseShape,
    EffectShape,
    ExplainShape,
    LearnedShape,
    OutcomeShape,
    ReboundShape,
    RecordedDecisionShape,
    RecordedRunShape,
    RunShape,
    SavingShape,
    TotalShape,
)
from gridtide.cli.shapes.setup import ConfigShape, DoctorCheckShape, DoctorShape, ErrorBody, ErrorShape, SettingShape
from gridtide.cli.shapes.values import (
    AlternativeShape,
    DecisionShape,
    FreshnessShape,
    IntervalShape,
    PlaceShape,
    PowerShape,
    SignalShape,
    StepShape,
)

__all__ = [
    "ANSWERS",
    "AlternativeShape",
    "BandShape",
    "BudgetPeriodShape",
    "BudgetShape",
    "BudgetStateShape",
    "BudgetUseShape",
    "CheckShape",
    "CompareRow",
    "CompareShape",
    "ConfigShape",
    "CostShape",
    "DataImportShape",
    "DecisionShape",
    "DoctorCheckShape",
    "DoctorShape",
    "EffectShape",
    "ErrorBody",
    "ErrorShape",
    "ExplainShape",
    "ForecastShape",
    "FreshnessShape",
    "FrontPointShape",
    "IntervalShape",
    "LargestDifferenceShape",
    "LearnedShape",
    "NowShape",
    "OpinionShape",
    "OutcomeShape",
    "PlaceShape",
    "PlanShape",
    "PlannedRegionShape",
    "PotentialRowShape",
    "PotentialShape",
    "PotentialThresholdsShape",
    "PowerShape",
    "ReboundShape",
    "RecordedDecisionShape",
    "RecordedRunShape",
    "RejectedShape",
    "ReproduceShape",
    "RiskShape",
    "RunShape",
    "SavingShape",
    "SettingShape",
    "SignalShape",
    "SimulateShape",
    "SimulatedSignalShape",
    "StepShape",
    "ThrottleShape",
    "TotalShape",
    "VerificationShape",
    "ZoneShape",
    "ZonesShape",
]

ANSWERS: dict[str, type] = {
    "now": NowShape,
    "forecast": ForecastShape,
    "compare": CompareShape,
    "plan": PlanShape,
    "check": CheckShape,
    "run": RunShape,
    "wait": RunShape,
    "explain": ExplainShape,
    "budget": BudgetShape,
    "throttle": ThrottleShape,
    "zones": ZonesShape,
    "config": ConfigShape,
    "data": DataImportShape,
    "doctor": DoctorShape,
    "reproduce": ReproduceShape,
    "potential": PotentialShape,
    "simulate": SimulateShape,
    "error": ErrorShape,
}
"""Shape of each schema id ``gridtide.<name>/1``."""

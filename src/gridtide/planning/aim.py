"""
What a plan aims at, by its options: carbon alone, carbon and cost, or the cautious end of a forecast.

The one door to `plan`, `priced`, `gated` and `cautious`: the command line, the Python interface and the engine ask
here, so that an option that is set acts everywhere.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from gridtide.planning.hedge import cautious, gated
from gridtide.planning.options import Method, PlanOptions, Risk
from gridtide.planning.plan import plan
from gridtide.planning.price import priced

if TYPE_CHECKING:
    from datetime import datetime

    from gridtide.domain.decision import Decision
    from gridtide.domain.series import Series
    from gridtide.domain.workload import Workload

__all__ = ["plan_by_aim"]

_DEFAULTS: Final = PlanOptions()
_NO_BAND: Final = "no band is known around this forecast, so it is planned on its middle"


def plan_by_aim(
    workload: Workload,
    series: Series,
    *,
    now: datetime,
    method: Method | str = Method.AUTO,
    options: PlanOptions = _DEFAULTS,
) -> Decision:
    """
    Decide as `gridtide.planning.plan.plan` does, by the price or the risk that *options* name.

    Args:
        workload: What to run.
        series: Signal of one kind for one zone.
        now: The instant of the decision, aware.
        method: Policy.
        options: With ``price`` and ``eur_per_t``, or ``risk`` and ``high``, or none of them.

    Raises:
        InvalidInput: *method* or *options* cannot be used.
        KindMismatch: The price or the upper quantile is of another kind than it must be.
    """
    if options.price is not None:
        return priced(workload, series, now=now, method=method, options=options)
    if options.risk is Risk.EXPECTED:
        return plan(workload, series, now=now, method=method, options=options)
    bare = replace(options, risk=Risk.EXPECTED, high=None)
    if not options.high:
        made = plan(workload, series, now=now, method=method, options=bare)
        return replace(made, warnings=(*made.warnings, _NO_BAND))
    if options.risk is Risk.CAUTIOUS:
        return cautious(workload, series, options.high, now=now, method=method, options=bare)
    return gated(workload, series, options.high, now=now, margin=workload.min_saving, method=method, options=bare)

"""
Carbon and cost on one scale: a stated internal price of carbon, and the front of choices between the two.

One knob that an auditor can read: EUR per tonne. At 0 the cheapest start wins, at a very high price the cleanest.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import numpy as np

from gridtide.domain.decision import Alternative, Reason
from gridtide.domain.errors import InvalidInput, KindMismatch
from gridtide.domain.series import Series, StepShape
from gridtide.domain.signal import SignalKind
from gridtide.planning.options import Method, PlanOptions
from gridtide.planning.plan import grams_of, plan

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from numpy.typing import NDArray

    from gridtide.domain.decision import Decision
    from gridtide.domain.interval import Interval
    from gridtide.domain.workload import Workload

__all__ = ["DEFAULT_PRICES", "FrontPoint", "blended", "pareto_front", "priced", "unweighable"]

_KG_PER_T: Final = 1000.0
_WEIGHED: Final = frozenset({Reason.LOWEST_NOW, Reason.LOWER_LATER})
_NOT_CHOSEN: Final = frozenset(
    {Reason.HARD_REAL_TIME, Reason.SOFT_REAL_TIME, Reason.DEADLINE, Reason.DEADLINE_INFEASIBLE, Reason.RUN_NOW_ASKED}
)
DEFAULT_PRICES: Final = (0.0, 10.0, 25.0, 50.0, 100.0, 200.0, 400.0, 1000.0, 5000.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class FrontPoint:
    """
    One choice between cost and carbon.

    Attributes:
        eur_per_t: Internal price that leads to it. [EUR/t]
        start: When the work starts.
        mean_g_per_kwh: Carbon intensity of the run. [gCO2eq/kWh]
        mean_eur_per_mwh: Electricity price of the run. [EUR/MWh]
        intervals: When it runs.
    """

    eur_per_t: float
    start: datetime
    mean_g_per_kwh: float
    mean_eur_per_mwh: float
    intervals: tuple[Interval, ...]


def blended(carbon: Series, price: Series, *, eur_per_t: float) -> Series:
    """
    Electricity price plus the internal price of its carbon, where both are known. [EUR/MWh]

    Args:
        carbon: Constant steps. [gCO2eq/kWh]
        price: Constant steps, `SignalKind.PRICE`. [EUR/MWh]
        eur_per_t: Internal price of carbon. [EUR/t]

    Raises:
        KindMismatch: *price* is no price, or *carbon* is not in grams.
        InvalidInput: The internal price is negative or not finite.
    """
    if price.signal.kind is not SignalKind.PRICE or not carbon.signal.is_absolute:
        raise KindMismatch(
            f"a blend needs carbon in gCO2eq/kWh and a price; got {carbon.signal.kind} and {price.signal.kind}"
        )
    if StepShape.LINEAR in {carbon.shape, price.shape}:
        raise InvalidInput("a blend needs constant steps", field="step_shape")
    if not 0 <= eur_per_t < float("inf"):
        raise InvalidInput(f"internal carbon price is {eur_per_t} EUR/t; allowed: zero or more", field="eur_per_t")
    edges = np.unique(np.concatenate([carbon.starts_ns, carbon.ends_ns, price.starts_ns, price.ends_ns]))
    starts, ends = edges[:-1], edges[1:]
    c, p = _at(carbon, starts), _at(price, starts)
    known = ~(np.isnan(c) | np.isnan(p))
    c_label = f"{carbon.signal.kind} carbon of {carbon.signal.provider}"
    label = f"{price.signal.provider} price plus {eur_per_t:g} EUR/t x {c_label}"
    signal = price.signal.with_(method=label)
    return Series(signal, starts[known], ends[known], (p + c * eur_per_t / _KG_PER_T)[known])


def unweighable(carbon: Series, price: Series) -> str:
    """Why cost and carbon of that meaning or shape cannot be added up; empty where they can."""
    if not carbon.signal.is_absolute:
        return f"a {carbon.signal.kind} signal in {carbon.signal.unit} has no price per tonne"
    if StepShape.LINEAR in {carbon.shape, price.shape}:
        return "cost is weighed on constant steps, and these values run in slopes"
    return ""


def priced(
    workload: Workload,
    carbon: Series,
    *,
    now: datetime,
    method: Method | str = Method.AUTO,
    options: PlanOptions,
) -> Decision:
    """
    Plan by ``options.price`` and ``options.eur_per_t`` together, and tell the plan's carbon.

    Where not enough is known of both, or the two cannot be added up (`unweighable`), the plan is made on carbon alone
    and says so: what a source delivers must not keep work from being planned.

    Args:
        workload: What to run.
        carbon: Carbon intensity. [gCO2eq/kWh]
        now: The instant of the decision.
        method: Policy.
        options: Its options, with a price and a carbon price.

    Raises:
        InvalidInput: *options* lack one of the two.
    """
    if options.price is None or options.eur_per_t is None:
        raise InvalidInput("a plan by price needs price and eur_per_t", field="eur_per_t", hint="give both")
    alone = replace(options, price=None, eur_per_t=None)
    clean = plan(workload, carbon, now=now, method=method, options=alone)
    if clean.signal is None or clean.reason in _NOT_CHOSEN:
        return clean
    why = unweighable(carbon, options.price)
    if why:
        return replace(clean, warnings=(*clean.warnings, f"{why}, so it is planned on carbon alone"))
    both = plan(
        workload, blended(carbon, options.price, eur_per_t=options.eur_per_t), now=now, method=method, options=alone
    )
    if both.signal is None or both.mean is None or not _are_known(carbon, both.intervals):
        unknown = "prices are not known for the time of the run, so it is planned on carbon alone"
        return replace(clean, warnings=(*clean.warnings, unknown))
    mean = _mean(carbon, both.intervals)
    hours = sum(i.length.total_seconds() for i in both.intervals) / 3600
    by_carbon = Alternative(
        name="cleanest", start=clean.start, end=clean.end, intervals=clean.intervals, mean=clean.mean,
        grams=clean.grams, zone=clean.zone, note="by carbon alone",
    )  # fmt: skip
    return replace(
        both,
        reason=Reason.LOWER_COST if both.reason in _WEIGHED else both.reason,
        mean=mean,
        grams=grams_of(mean * hours, workload, carbon),
        signal=clean.signal,
        baselines=clean.baselines,
        alternatives=(by_carbon, *clean.alternatives),
        warnings=clean.warnings,
    )


def pareto_front(
    workload: Workload,
    carbon: Series,
    price: Series,
    *,
    now: datetime,
    eur_per_t: Sequence[float] = DEFAULT_PRICES,
    method: Method | str = Method.AUTO,
) -> tuple[FrontPoint, ...]:
    """Choices not beaten in both carbon and cost, cheapest first, one for each price that changes the choice."""
    points: dict[tuple[float, float], FrontPoint] = {}
    for value in sorted(eur_per_t):
        decision = plan(workload, blended(carbon, price, eur_per_t=value), now=now, method=method)
        if decision.start is None or decision.mean is None or not _are_known(carbon, decision.intervals):
            continue
        grams, cost = _mean(carbon, decision.intervals), _mean(price, decision.intervals)
        points.setdefault(
            (cost, grams),
            FrontPoint(
                eur_per_t=value, start=decision.start, mean_g_per_kwh=grams, mean_eur_per_mwh=cost,
                intervals=decision.intervals,
            ),
        )  # fmt: skip
    kept = [
        point
        for (cost, grams), point in points.items()
        if not any((c <= cost and g <= grams) and (c, g) != (cost, grams) for c, g in points)
    ]
    return tuple(sorted(kept, key=lambda p: (p.mean_eur_per_mwh, p.mean_g_per_kwh)))


def _at(series: Series, instants_ns: NDArray[np.int64]) -> NDArray[np.float64]:
    if not series:
        return np.full(instants_ns.shape, np.nan)
    index = np.searchsorted(series.starts_ns, instants_ns, side="right") - 1
    safe = np.maximum(index, 0)
    inside = (index >= 0) & (instants_ns < series.ends_ns[safe])
    return np.where(inside, series.values[safe], np.nan)


def _are_known(series: Series, intervals: tuple[Interval, ...]) -> bool:
    return bool(intervals) and all(series.covers(i) for i in intervals)


def _mean(series: Series, intervals: tuple[Interval, ...]) -> float:
    weights = [i.length.total_seconds() for i in intervals]
    return sum(w * series.mean(i) for w, i in zip(weights, intervals, strict=True)) / sum(weights)

"""
Where to run: home, or a region that is cleaner even after its data have moved there.

Every region is planned with the same policy on its own series; all series must be of one kind and scope
(invariant I14). A region counts only if it keeps residency, the allowed list and the latency budget, and if the
saving is larger than the margin at both ends of the published range of transfer energy.

With a carbon price regions are compared by money, each with its own price of electricity; with a risk, each by its own
forecast's upper end (`gridtide.planning.worth`). A region without the one that is asked for is barred and says so;
where home lacks it, everything is weighed on carbon, or on the middle of the forecast, with a warning.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from gridtide.domain.decision import Action, Alternative, Decision, Reason
from gridtide.planning.aim import plan_by_aim
from gridtide.planning.options import Method, PlanOptions, Risk
from gridtide.planning.plan import plan
from gridtide.planning.price import unweighable
from gridtide.planning.trial import (
    DEFAULT_MARGIN,
    DEFAULT_THROUGHPUT,
    Site,
    SiteRules,
    Trial,
    barred,
    try_site,
)
from gridtide.planning.worth import Scale, options_at

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from gridtide.domain.workload import Workload

__all__ = [
    "DEFAULT_MARGIN",
    "DEFAULT_THROUGHPUT",
    "Placement",
    "Site",
    "SiteRules",
    "Trial",
    "barred",
    "place",
    "weigh",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """
    A decision among regions with everything that was weighed.

    Args:
        decision: What to do.
        at_home: The plan at home.
        home_cost: Its cost, as compared; None when unknown. [as `Trial.cost`]
        home_grams: Its emissions; None when unknown. [gCO2eq, or signal.unit without a power]
        options: How it was weighed in the end: without a price or a risk that home knows too little for.
        trials: Every other region, cheapest first, barred ones last.
    """

    decision: Decision
    at_home: Decision
    home_cost: float | None
    home_grams: float | None
    options: PlanOptions
    trials: tuple[Trial, ...]


_RULES: Final = SiteRules()
_OPTIONS: Final = PlanOptions()
_NO_PRICE_AT_HOME: Final = (
    "electricity prices are not known for the run at home, so regions are weighed on carbon alone"
)
_NO_BAND_AT_HOME: Final = (
    "no band is known around the forecast at home, so regions are weighed on the middle of their forecasts"
)


def place(
    workload: Workload,
    home: Site,
    others: Sequence[Site],
    *,
    now: datetime,
    method: Method | str = Method.AUTO,
    options: PlanOptions = _OPTIONS,
    rules: SiteRules = _RULES,
) -> Decision:
    """
    Decide where and when.

    Hard and soft work is never delayed; it is compared at once in each region. Without a known power no grams can be
    weighed against a transfer, so work with data then stays at home.

    Args:
        workload: What to run.
        home: Where it runs unless moved.
        others: Where it could go.
        now: The instant of the decision.
        method: Policy in time.
        options: Its options.
        rules: How sure a move must be.

    Returns:
        The home decision, or the best region's with action ``route`` where it starts now, and every other region
        among the alternatives with its cost or the rule that bars it.

    Raises:
        KindMismatch: The series differ in kind or scope.
    """
    return weigh(workload, home, others, now=now, method=method, options=options, rules=rules).decision


def weigh(
    workload: Workload,
    home: Site,
    others: Sequence[Site],
    *,
    now: datetime,
    method: Method | str = Method.AUTO,
    options: PlanOptions = _OPTIONS,
    rules: SiteRules = _RULES,
) -> Placement:
    """Decide as `place` does, and keep what every region would cost."""
    at_home, options, fallback = _at_home(workload, home, now=now, method=method, options=options)
    scale = Scale(workload, options)
    priced_at = home.price if home.price is not None else options.price
    cost = scale.of(at_home, pue=home.pue, price=priced_at, high=home.high)
    home_cost = None if cost is None else cost.middle
    trials = [
        try_site(scale, site, now=now, method=method, rules=rules, home=home, at_home=at_home)
        for site in others
        if site.region != home.region
    ]
    trials.sort(key=_rank)
    best = _best(trials, home_cost, rules, options)
    alternatives = tuple(_as_alternative(t) for t in trials)
    if best is None or home_cost is None or not _worth_it(best, home_cost, rules):
        decision = _stay(at_home, home, best=best, home_cost=home_cost, rules=rules, alternatives=alternatives)
    else:
        decision = _go(scale, at_home, home, best=best, alternatives=alternatives)
    return Placement(
        decision=replace(decision, warnings=(*decision.warnings, *fallback)),
        at_home=at_home,
        home_cost=home_cost,
        home_grams=None if at_home.mean is None else scale.grams(at_home.mean, home.pue),
        options=options,
        trials=tuple(trials),
    )


def _at_home(
    workload: Workload, home: Site, *, now: datetime, method: Method | str, options: PlanOptions
) -> tuple[Decision, PlanOptions, tuple[str, ...]]:
    """
    The plan at home, the options without what home knows too little for, and that in words.

    All regions are weighed alike, so what home lacks counts nowhere.
    """
    here = replace(workload, pue=max(home.pue, 1.0))
    own = options_at(options, price=home.price, high=home.high)
    made = plan_by_aim(here, home.series, now=now, method=method, options=own)
    why = "" if own.price is None else unweighable(home.series, own.price)
    known = Scale(workload, own).of(made, pue=home.pue, price=own.price, high=home.high) is not None
    if made.mean is None or (known and not why):
        return made, own, ()
    if why:
        why = f"{why}, so regions are weighed on carbon alone"
    else:
        why = _NO_PRICE_AT_HOME if own.price is not None else _NO_BAND_AT_HOME
    bare = replace(own, price=None, eur_per_t=None, risk=Risk.EXPECTED, high=None)
    made = plan(here, home.series, now=now, method=method, options=bare)
    return made, bare, (why,)


def _best(trials: Sequence[Trial], home_cost: float | None, rules: SiteRules, options: PlanOptions) -> Trial | None:
    """The cheapest region that is not barred; of those whose upper end saves too, where a plan is hedged."""
    free = [t for t in trials if t.barred is None and t.cost is not None and t.decision is not None]
    if options.risk is Risk.HEDGED and home_cost is not None:
        free = [t for t in free if _worth_it(t, home_cost, rules)] or free
    return min(free, key=lambda t: t.cost.middle if t.cost else 0.0, default=None)


def _go(scale: Scale, at_home: Decision, home: Site, *, best: Trial, alternatives: tuple[Alternative, ...]) -> Decision:
    moved = best.decision
    assert moved is not None  # noqa: S101 - filtered above
    stay = Alternative(
        name=f"stay at {home.region}", start=at_home.start, end=at_home.end, intervals=at_home.intervals,
        mean=at_home.mean, grams=_grams_of(scale, at_home, home), zone=home.region,
    )  # fmt: skip
    return replace(
        moved,
        action=Action.ROUTE if moved.action is Action.RUN else moved.action,
        reason=Reason.LOWER_COST_REGION if scale.priced else Reason.CLEANER_REGION,
        zone=best.site.region,
        grams=best.grams if scale.weighs_grams else moved.grams,
        baselines=at_home.baselines,
        alternatives=(stay, *(a for a in alternatives if a.zone != best.site.region), *moved.alternatives),
        warnings=(*moved.warnings, *((best.note,) if best.note else ())),
    )


def _grams_of(scale: Scale, made: Decision, site: Site) -> float | None:
    return scale.grams(made.mean, site.pue) if made.mean is not None and scale.weighs_grams else None


def _worth_it(best: Trial, home_cost: float, rules: SiteRules) -> bool:
    assert best.cost is not None  # noqa: S101 - the caller filtered
    need = home_cost - rules.margin * abs(home_cost)
    worst = best.cost.middle if rules.accept_uncertain else best.cost.high
    return worst < need


def _stay(
    at_home: Decision,
    home: Site,
    *,
    best: Trial | None,
    home_cost: float | None,
    rules: SiteRules,
    alternatives: tuple[Alternative, ...],
) -> Decision:
    warnings = at_home.warnings
    if best is not None and best.cost is not None and home_cost is not None and best.cost.low < home_cost:
        why = "too small" if best.cost.high < home_cost else f"uncertain: it depends on {_doubt(best)}"
        need = f"needed: {rules.margin:.0%} at every published figure"
        warnings = (*warnings, f"moving to {best.site.region} was turned down: the saving is {why} ({need})")
    return replace(at_home, zone=home.region, alternatives=(*alternatives, *at_home.alternatives), warnings=warnings)


def _doubt(best: Trial) -> str:
    """What makes the high figure of a trial differ from its middle one."""
    by_run = best.moved is not None and best.moved.high == best.moved.middle
    return "its forecast, whose upper end saves too little" if by_run else "the energy of the transfer"


def _rank(trial: Trial) -> tuple[bool, float]:
    return trial.cost is None, trial.cost.middle if trial.cost else 0.0


def _as_alternative(trial: Trial) -> Alternative:
    decision = trial.decision
    return Alternative(
        name=f"move to {trial.site.region}",
        start=decision.start if decision else None,
        end=decision.end if decision else None,
        intervals=decision.intervals if decision else (),
        mean=decision.mean if decision else None,
        grams=trial.grams if decision and decision.grams is not None else None,
        zone=trial.site.region,
        feasible=trial.barred is None,
        note=trial.note,
    )

"""
Where to run: home, or a region that is cleaner even after its data have moved there.

Every region is planned with the same policy on its own series; all series must be of one kind and scope
(invariant I14). A region counts only if it keeps residency, the allowed list and the latency budget, and if the
saving is larger than the margin at both ends of the published range of transfer energy.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from gridtide.domain.decision import Action, Alternative, Decision, Reason
from gridtide.domain.signal import require_comparable
from gridtide.domain.workload import Elasticity
from gridtide.planning import transfer
from gridtide.planning.options import Method, PlanOptions
from gridtide.planning.plan import plan

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from gridtide.domain.series import Series
    from gridtide.domain.workload import Workload
    from gridtide.planning.transfer import TransferEnergy

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

DEFAULT_MARGIN: Final = 0.1
DEFAULT_THROUGHPUT: Final = 160.0
"""Throughput between regions where nobody says another. [Mbit/s]"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """
    A place where work could run.

    Args:
        region: Name, for example ``aws:eu-north-1``.
        series: Carbon intensity there; may be empty.
        country: ISO 3166-1 alpha-2, for residency.
        pue: Power usage effectiveness, at least 1.
        round_trip_ms: From the workload's users, measured or estimated; None when unknown. [ms]
        mbit_per_s: Throughput for its data from home. [Mbit/s]
    """

    region: str
    series: Series
    country: str = ""
    pue: float = 1.0
    round_trip_ms: float | None = None
    mbit_per_s: float = DEFAULT_THROUGHPUT


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteRules:
    """
    How sure a move must be.

    Args:
        margin: Least share of the home emissions that a move must save. [0..1]
        energy: Published range of transfer energy.
        accept_uncertain: Judge by the middle of the range where its ends disagree about the sign.
        data_limit_gb: Most data that may move; None for no limit. [GB]
    """

    margin: float = DEFAULT_MARGIN
    energy: TransferEnergy = transfer.PUBLISHED_TRANSFER
    accept_uncertain: bool = False
    data_limit_gb: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """
    What the work would be in another region.

    Args:
        site: The region.
        decision: The plan there; None where a rule bars the region before anything is planned.
        cost: Run and transfer together; None where the region is barred. [gCO2eq, or signal.unit without a power]
        moved: Emissions of moving the data; None where nothing is planned. [gCO2eq]
        moving: Time the data take to arrive.
        barred: Rule that bars the region; None where it may be chosen.
        note: That rule, or the transfer, in words.
    """

    site: Site
    decision: Decision | None = None
    cost: transfer.Band | None = None
    moved: transfer.Band | None = None
    moving: timedelta = timedelta(0)
    barred: Reason | None = None
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """
    A decision among regions with everything that was weighed.

    Args:
        decision: What to do.
        at_home: The plan at home.
        home_cost: Its cost; None when unknown. [gCO2eq, or signal.unit without a power]
        trials: Every other region, cheapest first, barred ones last.
    """

    decision: Decision
    at_home: Decision
    home_cost: float | None
    trials: tuple[Trial, ...]


_RULES: Final = SiteRules()
_OPTIONS: Final = PlanOptions()


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
    here = replace(workload, pue=max(home.pue, 1.0))
    at_home = plan(here, home.series, now=now, method=method, options=options)
    home_cost = _cost(workload, home, at_home)
    trials = [
        _try(workload, home, site, now=now, method=method, options=options, rules=rules, at_home=at_home)
        for site in others
        if site.region != home.region
    ]
    trials.sort(key=_rank)
    best = min(
        (t for t in trials if t.barred is None and t.cost is not None and t.decision is not None),
        key=lambda t: t.cost.middle if t.cost else 0.0,
        default=None,
    )
    alternatives = tuple(_as_alternative(t) for t in trials)
    if best is None or home_cost is None or not _worth_it(best, home_cost, rules):
        decision = _stay(at_home, home, best=best, home_cost=home_cost, rules=rules, alternatives=alternatives)
    else:
        decision = _go(workload, at_home, home, best=best, home_cost=home_cost, alternatives=alternatives)
    return Placement(decision=decision, at_home=at_home, home_cost=home_cost, trials=tuple(trials))


def _go(
    workload: Workload,
    at_home: Decision,
    home: Site,
    *,
    best: Trial,
    home_cost: float,
    alternatives: tuple[Alternative, ...],
) -> Decision:
    moved = best.decision
    assert moved is not None  # noqa: S101 - filtered above
    stay = Alternative(
        name=f"stay at {home.region}", start=at_home.start, end=at_home.end, intervals=at_home.intervals,
        mean=at_home.mean, grams=home_cost if _weighs_grams(workload) else None, zone=home.region,
    )  # fmt: skip
    return replace(
        moved,
        action=Action.ROUTE if moved.action is Action.RUN else moved.action,
        reason=Reason.CLEANER_REGION,
        zone=best.site.region,
        grams=best.cost.middle if best.cost and _weighs_grams(workload) else moved.grams,
        baselines=at_home.baselines,
        alternatives=(stay, *(a for a in alternatives if a.zone != best.site.region), *moved.alternatives),
        warnings=(*moved.warnings, *((best.note,) if best.note else ())),
    )


def _try(
    workload: Workload,
    home: Site,
    site: Site,
    *,
    now: datetime,
    method: Method | str,
    options: PlanOptions,
    rules: SiteRules,
    at_home: Decision,
) -> Trial:
    rule = barred(workload, site, rules)
    if rule is not None:
        return Trial(site=site, barred=rule[0], note=rule[1])
    if home.series and site.series:
        require_comparable(home.series.signal, site.series.signal)
    moving = transfer.movement_time(workload.data_gb, site.mbit_per_s, site.round_trip_ms or 0.0)
    if moving > timedelta(0) and workload.elasticity is not Elasticity.ELASTIC:
        note = f"its data need {moving} to arrive"
        return Trial(site=site, moving=moving, barred=Reason.TRANSFER_TOO_DIRTY, note=note)
    late = f"with {moving} to move its data the deadline is missed"
    arrival = workload.release_at(now) + moving
    delay = None if workload.max_delay is None else (workload.release or now) + workload.max_delay - arrival
    if delay is not None and delay < timedelta(0) < moving:
        return Trial(site=site, moving=moving, barred=Reason.DEADLINE, note=late)
    delay = None if delay is None else max(delay, timedelta(0))
    there = replace(workload, release=arrival, max_delay=delay, home=site.region, pue=max(site.pue, 1.0))
    decision = plan(there, site.series, now=now, method=method, options=options)
    if decision.reason is Reason.DEADLINE_INFEASIBLE and at_home.reason is not Reason.DEADLINE_INFEASIBLE:
        return Trial(site=site, moving=moving, barred=Reason.DEADLINE, note=late)
    run = _cost(workload, site, decision)
    if run is None or at_home.mean is None or decision.mean is None:
        note = "its carbon intensity is not known for the run"
        return Trial(site=site, moving=moving, barred=Reason.NO_DATA, note=note)
    moved = transfer.transfer_g(workload.data_gb, at_home.mean, decision.mean, rules.energy)
    trial = Trial(site=site, decision=decision, moved=moved, moving=moving, note=_transfer_note(workload, moved))
    if workload.data_gb and not _weighs_grams(workload):
        note = "its power is not known, so the transfer cannot be weighed against the run"
        return replace(trial, barred=Reason.TRANSFER_TOO_DIRTY, note=note)
    return replace(trial, cost=transfer.Band(run + moved.low, run + moved.middle, run + moved.high))


def barred(workload: Workload, site: Site, rules: SiteRules) -> tuple[Reason, str] | None:
    """Rule that keeps *workload* out of *site* whatever the grids do, in code and words; None where none does."""
    if workload.regions and site.region not in workload.regions:
        return Reason.RESIDENCY, "it is not among the allowed regions"
    if workload.residency and site.country not in workload.residency:
        allowed = ", ".join(sorted(workload.residency))
        return Reason.RESIDENCY, f"its country is {site.country or 'unknown'}; data may be in {allowed}"
    budget = workload.latency_budget_ms
    if budget is not None and (site.round_trip_ms is None or site.round_trip_ms > budget):
        known = "unknown" if site.round_trip_ms is None else f"{site.round_trip_ms:.0f} ms"
        return Reason.LATENCY_BUDGET, f"the round trip is {known}; the budget is {budget:.0f} ms"
    if rules.data_limit_gb is not None and workload.data_gb > rules.data_limit_gb:
        return Reason.TRANSFER_TOO_DIRTY, f"{workload.data_gb:g} GB are over the limit of {rules.data_limit_gb:g} GB"
    return None


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
        why = "too small" if best.cost.high < home_cost else "uncertain: it depends on the energy of the transfer"
        need = f"needed: {rules.margin:.0%} at every published figure"
        warnings = (*warnings, f"moving to {best.site.region} was turned down: the saving is {why} ({need})")
    return replace(at_home, zone=home.region, alternatives=(*alternatives, *at_home.alternatives), warnings=warnings)


def _weighs_grams(workload: Workload) -> bool:
    return workload.power_w is not None or bool(workload.power_profile_w)


def _cost(workload: Workload, site: Site, decision: Decision) -> float | None:
    """Grams of the run where power is known, else mean times PUE: the same order for one workload."""
    if decision.mean is None:
        return None
    if not _weighs_grams(workload):
        return decision.mean * site.pue
    powers = workload.power_profile_w or (workload.power_w or 0.0,)
    kwh = sum(powers) / len(powers) / 1000.0 * (workload.duration / timedelta(hours=1))
    return decision.mean * kwh * site.pue


def _rank(trial: Trial) -> tuple[bool, float]:
    return trial.cost is None, trial.cost.middle if trial.cost else 0.0


def _transfer_note(workload: Workload, moved: transfer.Band) -> str:
    if not workload.data_gb:
        return ""
    return f"moving {workload.data_gb:g} GB emits {moved.middle:.1f} g ({moved.low:.1f} to {moved.high:.1f} g)"


def _as_alternative(trial: Trial) -> Alternative:
    decision = trial.decision
    return Alternative(
        name=f"move to {trial.site.region}",
        start=decision.start if decision else None,
        end=decision.end if decision else None,
        intervals=decision.intervals if decision else (),
        mean=decision.mean if decision else None,
        grams=trial.cost.middle if trial.cost and decision and decision.grams is not None else None,
        zone=trial.site.region,
        feasible=trial.barred is None,
        note=trial.note,
    )

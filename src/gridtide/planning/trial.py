"""
One other region: what it is, the rules of a move, and what the work would be there.

A rule that bars a region is told before anything is planned; what is not known there bars it too.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from gridtide.domain.decision import Decision, Reason
from gridtide.domain.signal import require_comparable
from gridtide.planning import transfer
from gridtide.planning.aim import plan_by_aim
from gridtide.planning.options import Method, Risk
from gridtide.planning.price import unweighable
from gridtide.planning.worth import options_at

if TYPE_CHECKING:
    from datetime import datetime

    from gridtide.domain.series import Series
    from gridtide.domain.workload import Workload
    from gridtide.planning.transfer import TransferEnergy
    from gridtide.planning.worth import Scale

__all__ = ["DEFAULT_MARGIN", "DEFAULT_THROUGHPUT", "Site", "SiteRules", "Trial", "barred", "try_site"]

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
        high: Upper end of the forecast there, for a plan by risk. [signal.unit]
        price: Electricity there, for a plan by cost. [EUR/MWh]
    """

    region: str
    series: Series
    country: str = ""
    pue: float = 1.0
    round_trip_ms: float | None = None
    mbit_per_s: float = DEFAULT_THROUGHPUT
    high: Series | None = None
    price: Series | None = None


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
        cost: Run and transfer together, as compared; None where the region is barred. [gCO2eq; EUR with a price; the
            signal's or the price's unit without a power]
        grams: Run and transfer at its middle figure; None where the region is barred. [gCO2eq, or signal.unit without a
            power]
        workload: The work as planned there: released when its data have arrived; None where nothing is planned.
        moved: Emissions of moving the data; None where nothing is planned. [gCO2eq]
        moving: Time the data take to arrive.
        barred: Rule that bars the region; None where it may be chosen.
        note: That rule, or the transfer, in words.
    """

    site: Site
    decision: Decision | None = None
    cost: transfer.Band | None = None
    grams: float | None = None
    workload: Workload | None = None
    moved: transfer.Band | None = None
    moving: timedelta = timedelta(0)
    barred: Reason | None = None
    note: str = ""


def try_site(
    scale: Scale,
    site: Site,
    *,
    now: datetime,
    method: Method | str,
    rules: SiteRules,
    home: Site,
    at_home: Decision,
) -> Trial:
    """
    Plan the work in *site*, or say which rule bars it.

    Args:
        scale: Of the comparison.
        site: The other region.
        now: The instant of the decision.
        method: Policy in time.
        rules: How sure a move must be.
        home: Where it runs unless moved.
        at_home: The plan there.

    Raises:
        KindMismatch: The series differ in kind or scope.
    """
    workload = scale.workload
    rule = barred(workload, site, rules)
    if rule is not None:
        return Trial(site=site, barred=rule[0], note=rule[1])
    if home.series and site.series:
        require_comparable(home.series.signal, site.series.signal)
    unknown = _unknown(scale, site)
    if unknown:
        return Trial(site=site, barred=Reason.NO_DATA, note=unknown)
    moving = transfer.movement_time(workload.data_gb, site.mbit_per_s, site.round_trip_ms or 0.0)
    if moving > timedelta(0) and not workload.elasticity.may_wait:
        note = f"its data need {moving} to arrive"
        return Trial(site=site, moving=moving, barred=Reason.TRANSFER_TOO_DIRTY, note=note)
    late = f"with {moving} to move its data the deadline is missed"
    there = _released_at(workload, site, moving, now)
    if there is None:
        return Trial(site=site, moving=moving, barred=Reason.DEADLINE, note=late)
    own = options_at(scale.options, price=site.price, high=site.high)
    decision = plan_by_aim(there, site.series, now=now, method=method, options=own)
    if decision.reason is Reason.DEADLINE_INFEASIBLE and at_home.reason is not Reason.DEADLINE_INFEASIBLE:
        return Trial(site=site, moving=moving, barred=Reason.DEADLINE, note=late)
    run = scale.of(decision, pue=site.pue, price=site.price, high=site.high)
    if run is None or at_home.mean is None or decision.mean is None:
        return Trial(site=site, moving=moving, barred=Reason.NO_DATA, note=_unknown_run(scale, decision))
    moved = transfer.transfer_g(workload.data_gb, at_home.mean, decision.mean, rules.energy)
    trial = Trial(
        site=site, decision=decision, workload=there, moved=moved, moving=moving, note=_transfer_note(workload, moved)
    )
    if workload.data_gb and not scale.weighs_grams:
        note = "its power is not known, so the transfer cannot be weighed against the run"
        return replace(trial, barred=Reason.TRANSFER_TOO_DIRTY, note=note)
    added = scale.moved(moved)
    cost = transfer.Band(run.low + added.low, run.middle + added.middle, run.high + added.high)
    return replace(trial, cost=cost, grams=scale.grams(decision.mean, site.pue) + moved.middle)


def _released_at(workload: Workload, site: Site, moving: timedelta, now: datetime) -> Workload | None:
    """The work in *site* from when its data are there; None where they come later than it may wait."""
    arrival = workload.release_at(now) + moving
    delay = None if workload.max_delay is None else (workload.release or now) + workload.max_delay - arrival
    if delay is not None and delay < timedelta(0) < moving:
        return None
    delay = None if delay is None else max(delay, timedelta(0))
    return replace(workload, release=arrival, max_delay=delay, home=site.region, pue=max(site.pue, 1.0))


def _unknown(scale: Scale, site: Site) -> str:
    """What is not known there that regions are compared by; empty when nothing is missing."""
    if scale.priced and site.price is None:
        return "no electricity prices are known there"
    if scale.priced and site.price is not None and (why := unweighable(site.series, site.price)):
        return why
    if scale.options.risk is not Risk.EXPECTED and not site.high:
        return "no band is known around its forecast, so it is not weighed by risk"
    return ""


def _unknown_run(scale: Scale, made: Decision) -> str:
    if made.mean is not None and scale.priced:
        return "its electricity price is not known for the run"
    if made.mean is not None:
        return "the band around its forecast is not known for the run"
    return "its carbon intensity is not known for the run"


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


def _transfer_note(workload: Workload, moved: transfer.Band) -> str:
    if not workload.data_gb:
        return ""
    return f"moving {workload.data_gb:g} GB emits {moved.middle:.1f} g ({moved.low:.1f} to {moved.high:.1f} g)"

"""``gridtide plan --also``: home beside other regions, what each would cost, and why one may not be chosen."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gridtide.api import wiring
from gridtide.api.given import GivenData
from gridtide.api.prices import ONE_PRICE, electricity_eur, mean_price, no_prices_there
from gridtide.api.sites import Region, Sites, rules_of
from gridtide.cli import prices
from gridtide.cli.errors import Usage
from gridtide.cli.region_rows import Choice, RegionRow
from gridtide.domain.decision import Alternative, Decision, Reason
from gridtide.domain.errors import UnmappedRegion
from gridtide.domain.interval import Interval
from gridtide.domain.ports import Reading, SignalQuery
from gridtide.domain.zone import Confidence, Zone, ZoneMapping
from gridtide.planning.placement import weigh
from gridtide.planning.transfer import Band
from gridtide.planning.worth import mean_over

if TYPE_CHECKING:
    from gridtide.cli.job import Job
    from gridtide.cli.options import RegionOptions
    from gridtide.cli.session import Session
    from gridtide.domain.ports import GridData
    from gridtide.domain.series import Series
    from gridtide.domain.workload import Workload
    from gridtide.planning.options import PlanOptions
    from gridtide.planning.placement import Placement, SiteRules, Trial

__all__ = ["bind", "choose"]


def bind(session: Session, workload: Workload, wish: RegionOptions) -> Workload:
    """
    *workload* with the bounds that a move has to keep.

    Raises:
        Usage: A country of ``--residency`` is not one.
    """
    return replace(
        workload,
        data_gb=wish.data_gb or 0.0,
        residency=_countries(session, wish.residency),
        latency_budget_ms=wish.latency_budget,
    )


def choose(
    session: Session, asked: Job, wish: RegionOptions, *, alone: Reading, made: Decision, one_price: bool = False
) -> Choice:
    """
    Weigh home against the regions of ``--also``, all on one source and one kind of signal.

    With a carbon price each region counts with the price of its own bidding zone, and one whose price is not known is
    left out; with a risk each counts with the upper end of its own forecast.

    Args:
        session: Place, clock and voice.
        asked: The job, after `bind`.
        wish: The flags.
        alone: What is known at home when nothing else is asked about.
        made: The decision on that, which stands where no other region can be weighed.
        one_price: Whether the job's prices are those of a file, which then hold for every region.

    Raises:
        Usage: A region is named twice, or a file is missing or not expected.
        UnmappedRegion: A region is not known.
    """
    home, *others = _priced(session, asked, _regions(session, asked, wish, alone), one_price=one_price)
    _check_home(session, home, asked.workload)
    sites = Sites.weigh(session.catalogue, home, others, latency_budgets=None, pue=asked.workload.pue)
    if made.signal is None or not home.reading.series or not sites.others:
        rows = {site.region: _unweighed(site.region) for site in sites.others}
        alone_at_home = Region(home.name, home.place, alone, home.price)
        return _stay(asked, alone_at_home, others, made, rows | _barred(sites))
    placed = weigh(
        asked.workload,
        sites.home,
        sites.others,
        now=session.now,
        method=asked.method,
        options=asked.options,
        rules=_rules(session, wish),
    )
    found = {trial.site.region: _tried(trial, placed.options) for trial in placed.trials}
    here = replace(asked, workload=replace(asked.workload, pue=sites.home.pue))
    return _chosen(session, here, home, others, placed=placed, found=found | _barred(sites), alone=alone)


# -- what is asked -----------------------------------------------------------------------------------------------------


def _countries(session: Session, text: str | None) -> frozenset[str]:
    if text is None:
        return frozenset()
    known = {zone.country for zone in session.catalogue.zones()}
    codes = [code.strip().upper() for code in text.split(",")]
    for code in codes:
        if code not in known:
            hint = "write GB" if code == "UK" else "write two letters, like SE,FI"
            raise Usage(f"--residency has {code[:20]!r}, which is no country", hint=hint, field="--residency")
    return frozenset(codes)


def _rules(session: Session, wish: RegionOptions) -> SiteRules:
    rules = replace(rules_of(session.settings), accept_uncertain=wish.accept_uncertain)
    return rules if wish.move_margin is None else replace(rules, margin=wish.move_margin / 100.0)


def _regions(session: Session, asked: Job, wish: RegionOptions, alone: Reading) -> list[Region]:
    """Home and the others with what is known there."""
    place = session.place
    home = place.asked if session.given is None and place.asked.strip() else place.zone.key
    seen = {home.upper()}
    names: dict[str, Path | None] = {}
    for text in wish.also or []:
        name, file = _named(text, with_files=session.given is not None)
        if name.upper() in seen:
            raise Usage(f"--also {name[:40]} names a region for the second time", field="--also")
        seen.add(name.upper())
        names[name] = file
    if session.given is not None:
        readings = [_from_file(session, asked, name, file) for name, file in names.items() if file is not None]
        return [Region(home, place, alone), *readings]
    places = [session.catalogue.resolve(name) for name in names]
    zones = [place.zone, *(other.zone for other in places)]
    banded = asked.options.risk != "expected"
    first, *rest = session.read_zones(zones, ahead=asked.ahead, back=asked.back, banded=banded)
    return [Region(home, place, first), *(Region(*parts) for parts in zip(names, places, rest, strict=True))]


def _named(text: str, *, with_files: bool) -> tuple[str, Path | None]:
    name, equals, file = (part.strip() for part in text.partition("="))
    shown = text[:40]
    if with_files and not (name and file):
        raise Usage(
            f"--also {shown} has no file, but --series reads home from one",
            hint=f"write --also {name[:40] or 'NAME'}=FILE",
            field="--also",
        )
    if equals and not with_files:
        raise Usage(
            f"--also {shown} names a file, but there is no --series for home", hint="add --series FILE", field="--also"
        )
    return name, Path(file) if with_files else None


def _from_file(session: Session, asked: Job, name: str, file: Path) -> Region:
    """Region whose values are in a file; its place is that of the name where the name is known."""
    try:
        place = session.catalogue.resolve(name)
    except UnmappedRegion:
        place = ZoneMapping(Zone(name), asked=name, source="file", confidence=Confidence.USER)
    given = session.read_file(file, zone=place.zone.key)
    window = Interval(session.now - asked.back, session.now + asked.ahead)
    query = SignalQuery(zone=place.zone, window=window, kind=session.kind, purpose="decision")
    source: GridData = GivenData(given, session.clock, name=f"file {file.name}")
    if asked.options.risk != "expected":
        source = wiring.with_bands(source, session.clock)
    return Region(name, place, asyncio.run(source.read(query)))


def _priced(session: Session, asked: Job, regions: list[Region], *, one_price: bool) -> list[Region]:
    """*regions* with the price of electricity in each, where cost is weighed."""
    home, *others = regions
    price = asked.options.price
    if price is None:
        return regions
    home = replace(home, price=price)
    if one_price:
        session.say.warn(ONE_PRICE)
        return [home, *(replace(other, price=price) for other in others)]
    found = prices.day_ahead(session, asked, [other.place.zone for other in others])
    priced = [
        replace(other, price=series, unpriced="" if series is not None else no_prices_there(why))
        for other, (series, why) in zip(others, found, strict=True)
    ]
    return [home, *priced]


def _check_home(session: Session, home: Region, work: Workload) -> None:
    """Data that are already where they may not be stay the user's affair, but it is said."""
    country = home.cloud.country if home.cloud is not None else home.place.zone.country
    if work.residency and country and country not in work.residency:
        allowed = ", ".join(sorted(work.residency))
        session.say.warn(f"{home.name} is in {country}, and --residency allows {allowed} only: it may stay, not come")


# -- what comes out ----------------------------------------------------------------------------------------------------


def _chosen(
    session: Session,
    asked: Job,
    home: Region,
    others: list[Region],
    *,
    placed: Placement,
    found: dict[str, RegionRow],
    alone: Reading,
) -> Choice:
    decision, at_home = placed.decision, placed.at_home
    regions = {region.name: region for region in (home, *others)}
    winner = regions[decision.zone]
    if home.reading.step is not alone.step or winner.reading.step is not home.reading.step:
        session.point_out(winner.reading)
    first = RegionRow(
        name=home.name,
        zone=home.place.zone.key,
        start=at_home.start,
        mean=at_home.mean,
        grams=at_home.grams if at_home.grams is None else placed.home_grams,
        moved=Band(0.0, 0.0, 0.0),
        feasible=at_home.reason is not Reason.DEADLINE_INFEASIBLE,
        note="home",
        upper=_upper(home.reading, at_home, placed.options),
        **_money(asked.workload, home.price, at_home, placed.options, weighed=placed.home_cost),
    )
    moved = next((trial for trial in placed.trials if trial.site.region == winner.name), None)
    decision = replace(decision, freshness=winner.reading.step, freshness_reason=winner.reading.reason)
    return Choice(
        decision=_in_zones(decision, regions),
        region=winner.name,
        reading=winner.reading,
        rows=(first, *_rows(others, found)),
        options=placed.options,
        workload=asked.workload if moved is None or moved.workload is None else moved.workload,
        at_home=asked.workload,
        price=winner.price,
    )


def _stay(asked: Job, home: Region, others: list[Region], made: Decision, found: dict[str, RegionRow]) -> Choice:
    """Nothing to weigh: the decision made for home alone."""
    first = RegionRow(
        name=home.name,
        zone=home.place.zone.key,
        start=made.start,
        mean=made.mean,
        grams=made.grams,
        moved=Band(0.0, 0.0, 0.0),
        note="home" if made.signal is not None else f"home, and nothing is known here ({home.reading.reason})",
        upper=_upper(home.reading, made, asked.options),
        **_money(asked.workload, home.price, made, asked.options, weighed=None),
    )
    return Choice(
        decision=made,
        region=home.name,
        reading=home.reading,
        rows=(first, *_rows(others, found)),
        options=asked.options,
        workload=asked.workload,
        at_home=asked.workload,
        price=home.price,
    )


def _rows(others: list[Region], found: dict[str, RegionRow]) -> list[RegionRow]:
    return [replace(found[region.name], zone=region.place.zone.key) for region in others]


def _barred(sites: Sites) -> dict[str, RegionRow]:
    return {name: RegionRow(name=name, zone="", feasible=False, note=why) for name, why in sites.barred}


def _unweighed(name: str) -> RegionRow:
    return RegionRow(name=name, zone="", feasible=False, note="nothing is known at home to weigh it against")


def _upper(reading: Reading, made: Decision, options: PlanOptions) -> float | None:
    return None if options.risk == "expected" else mean_over(reading.high, made.intervals)


def _money(
    workload: Workload, price: Series | None, made: Decision, options: PlanOptions, *, weighed: float | None
) -> dict[str, Any]:
    """Price and cost of a run, and what it counts with beside others; nothing where no cost is weighed."""
    if options.price is None or price is None:
        return {}
    mean = mean_price(price, made.intervals)
    known = None if workload.power_w is None or weighed is None else round(weighed, 6)
    return {"price": mean, "cost": electricity_eur(mean, workload), "weighed": known}


def _tried(trial: Trial, options: PlanOptions) -> RegionRow:
    plan, work = trial.decision, trial.workload
    powered = work is not None and work.power_w is not None
    leaves = plan is not None and plan.start is not None and bool(trial.moving)
    return RegionRow(
        name=trial.site.region,
        zone="",
        start=plan.start if plan is not None else None,
        mean=plan.mean if plan is not None else None,
        grams=trial.grams if powered else None,
        moved=trial.moved,
        leave=plan.start - trial.moving if leaves and plan is not None and plan.start is not None else None,
        feasible=trial.barred is None,
        note=trial.note,
        upper=None if plan is None or options.risk == "expected" else mean_over(trial.site.high, plan.intervals),
        **(
            {}
            if plan is None or work is None
            else _money(
                work, trial.site.price, plan, options, weighed=None if trial.cost is None else trial.cost.middle
            )
        ),
    )


def _in_zones(decision: Decision, regions: dict[str, Region]) -> Decision:
    """The planner speaks of regions by name; everywhere else in an answer a zone is a grid zone."""

    def zone(name: str) -> str:
        return regions[name].place.zone.key if name in regions else name

    def moved(other: Alternative) -> Alternative:
        return replace(other, zone=zone(other.zone))

    return replace(
        decision,
        zone=zone(decision.zone),
        alternatives=tuple(moved(other) for other in decision.alternatives),
    )

"""``gridtide plan --also``: home beside other regions, what each would cost, and why one may not be chosen."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from gridtide.api.given import GivenData
from gridtide.api.sites import Region, Sites, rules_of
from gridtide.cli import payload, wording
from gridtide.cli.errors import Usage
from gridtide.domain.decision import Alternative, Decision, Reason
from gridtide.domain.errors import UnmappedRegion
from gridtide.domain.interval import Interval
from gridtide.domain.ports import Reading, SignalQuery
from gridtide.domain.zone import Confidence, Zone, ZoneMapping
from gridtide.planning.placement import weigh
from gridtide.planning.transfer import Band

if TYPE_CHECKING:
    from datetime import datetime

    from gridtide.cli.job import Job
    from gridtide.cli.options import RegionOptions
    from gridtide.cli.session import Session
    from gridtide.cli.shapes import PlannedRegionShape
    from gridtide.domain.workload import Workload
    from gridtide.planning.placement import Placement, SiteRules, Trial

__all__ = ["Choice", "RegionRow", "bind", "choose", "move_lines", "row", "table"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RegionRow:
    """
    One region of the answer.

    Args:
        name: As it was asked for.
        zone: Grid zone it means.
        start: When the work would start there.
        mean: Mean of the signal over the run. [gCO2eq/kWh]
        grams: Run and transfer at its middle figure; None without a power. [gCO2eq]
        moved: Emissions of moving the data. [gCO2eq]
        leave: When the data have to leave home at the latest.
        feasible: Whether no rule bars it.
        note: That rule, or what is special.
    """

    name: str
    zone: str
    start: datetime | None = None
    mean: float | None = None
    grams: float | None = None
    moved: Band | None = None
    leave: datetime | None = None
    feasible: bool = True
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """
    What was decided among regions.

    Args:
        decision: With grid zones, not names of regions, as its zones.
        region: Name of the chosen region.
        reading: What is known there.
        rows: Every region, home first.
    """

    decision: Decision
    region: str
    reading: Reading
    rows: tuple[RegionRow, ...]

    @property
    def moves(self) -> bool:
        """Whether the work leaves home."""
        return self.region != self.rows[0].name


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


def choose(session: Session, asked: Job, wish: RegionOptions, *, alone: Reading, made: Decision) -> Choice:
    """
    Weigh home against the regions of ``--also``, all on one source and one kind of signal.

    Args:
        session: Place, clock and voice.
        asked: The job, after `bind`.
        wish: The flags.
        alone: What is known at home when nothing else is asked about.
        made: The decision on that, which stands where no other region can be weighed.

    Raises:
        Usage: A region is named twice, or a file is missing or not expected.
        UnmappedRegion: A region is not known.
    """
    home, *others = _regions(session, asked, wish, alone)
    _check_home(session, home, asked.workload)
    sites = Sites.weigh(session.catalogue, home, others, latency_budgets=None)
    if made.signal is None or not home.reading.series or not sites.others:
        rows = {site.region: _unweighed(site.region) for site in sites.others}
        return _stay(Region(home.name, home.place, alone), others, made, rows | _barred(sites))
    placed = weigh(
        asked.workload,
        sites.home,
        sites.others,
        now=session.now,
        method=asked.method,
        options=asked.options,
        rules=_rules(session, wish),
    )
    found = {trial.site.region: _tried(trial, power=asked.workload.power_w) for trial in placed.trials}
    return _chosen(session, home, others, placed, found | _barred(sites), alone=alone)


def row(answer: Choice, region: RegionRow) -> PlannedRegionShape:
    """One region for programs."""
    moved = region.moved
    return {
        "name": region.name,
        "zone": region.zone,
        "chosen": region.name == answer.region,
        "start": payload.instant(region.start),
        "mean_g_per_kwh": region.mean,
        "grams": region.grams,
        "transfer_g": None if moved is None else {"low": moved.low, "middle": moved.middle, "high": moved.high},
        "send_data_by": payload.instant(region.leave),
        "feasible": region.feasible,
        "note": region.note,
    }


def table(answer: Choice, timezone: str) -> list[str]:
    """Every region for people: start, mean, grams with the range of the transfer, or why it is barred."""
    rows = [("", "region", "starts", "mean", "gCO2eq", "of it transfer", "")]
    for region in answer.rows:
        mark = "*" if region.name == answer.region else ""
        starts = wording.when(region.start, timezone) if region.start is not None else "-"
        mean, grams = _plain(region.mean), _plain(region.grams)
        moved = _range(region.moved) if region.moved is not None else "-"
        said = "" if region.feasible and region.moved is not None and region.moved.high > 0 else region.note
        rows.append((mark, region.name, starts, mean, grams, moved, said))
    return wording.columns(rows, right=frozenset({3, 4, 5}))


def move_lines(answer: Choice, timezone: str, *, now: datetime) -> list[tuple[str, str]]:
    """What a move saves with its transfer counted, and when the data have to leave."""
    chosen = next(region for region in answer.rows if region.name == answer.region)
    saving = answer.decision.saving
    pairs = [] if saving is None else [("saves", f"{100.0 * saving:.1f} % of running now at home, transfer included")]
    if chosen.leave is not None:
        pairs.append(("data leave by", wording.when(chosen.leave, timezone, now=now)))
    return pairs


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
    first, *rest = session.read_zones(zones, ahead=asked.ahead, back=asked.back)
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
    return Region(name, place, asyncio.run(GivenData(given, session.clock, name=f"file {file.name}").read(query)))


def _check_home(session: Session, home: Region, work: Workload) -> None:
    """Data that are already where they may not be stay the user's affair, but it is said."""
    country = home.cloud.country if home.cloud is not None else home.place.zone.country
    if work.residency and country and country not in work.residency:
        allowed = ", ".join(sorted(work.residency))
        session.say.warn(f"{home.name} is in {country}, and --residency allows {allowed} only: it may stay, not come")


# -- what comes out ----------------------------------------------------------------------------------------------------


def _chosen(
    session: Session,
    home: Region,
    others: list[Region],
    placed: Placement,
    found: dict[str, RegionRow],
    *,
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
        grams=at_home.grams if at_home.grams is None else placed.home_cost,
        moved=Band(0.0, 0.0, 0.0),
        feasible=at_home.reason is not Reason.DEADLINE_INFEASIBLE,
        note="home",
    )
    decision = replace(decision, freshness=winner.reading.step, freshness_reason=winner.reading.reason)
    return Choice(
        decision=_in_zones(decision, regions),
        region=winner.name,
        reading=winner.reading,
        rows=(first, *_rows(others, found)),
    )


def _stay(home: Region, others: list[Region], made: Decision, found: dict[str, RegionRow]) -> Choice:
    """Nothing to weigh: the decision made for home alone."""
    first = RegionRow(
        name=home.name,
        zone=home.place.zone.key,
        start=made.start,
        mean=made.mean,
        grams=made.grams,
        moved=Band(0.0, 0.0, 0.0),
        note="home" if made.signal is not None else f"home, and nothing is known here ({home.reading.reason})",
    )
    return Choice(decision=made, region=home.name, reading=home.reading, rows=(first, *_rows(others, found)))


def _rows(others: list[Region], found: dict[str, RegionRow]) -> list[RegionRow]:
    return [replace(found[region.name], zone=region.place.zone.key) for region in others]


def _barred(sites: Sites) -> dict[str, RegionRow]:
    return {name: RegionRow(name=name, zone="", feasible=False, note=why) for name, why in sites.barred}


def _unweighed(name: str) -> RegionRow:
    return RegionRow(name=name, zone="", feasible=False, note="nothing is known at home to weigh it against")


def _tried(trial: Trial, *, power: float | None) -> RegionRow:
    plan = trial.decision
    leaves = plan is not None and plan.start is not None and bool(trial.moving)
    return RegionRow(
        name=trial.site.region,
        zone="",
        start=plan.start if plan is not None else None,
        mean=plan.mean if plan is not None else None,
        grams=trial.cost.middle if trial.cost is not None and power is not None else None,
        moved=trial.moved,
        leave=plan.start - trial.moving if leaves and plan is not None and plan.start is not None else None,
        feasible=trial.barred is None,
        note=trial.note,
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


def _plain(value: float | None) -> str:
    return "-" if value is None else wording.amount(value, "").rstrip()


def _range(band: Band) -> str:
    if band.high == 0:
        return "0"
    return f"{_plain(band.middle)} ({_plain(band.low)} to {_plain(band.high)})"

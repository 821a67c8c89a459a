"""
The questions that `CarbonScheduler` is asked, answered: read, weigh time, then place, then the bound.

It keeps what questions have in common: the open sources, when work of a name was first asked about, and the share of
the spread that a piece of work takes.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections import OrderedDict
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final, NamedTuple

from gridtide.api import learned, prices, wiring
from gridtide.api.aim import Aim
from gridtide.api.decision import CarbonDecision
from gridtide.api.planned import Planned, Wish
from gridtide.api.reader import PATIENCE, Reader
from gridtide.api.sites import Region, Sites, rules_of
from gridtide.domain.decision import Action
from gridtide.domain.errors import CarbonError
from gridtide.domain.instants import from_ns, to_ns
from gridtide.domain.series import Series
from gridtide.domain.signal import SignalKind
from gridtide.domain.workload import Elasticity
from gridtide.planning.ceiling import under_ceiling
from gridtide.planning.placement import place

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gridtide.api.request import WorkRequest
    from gridtide.config.settings import Settings
    from gridtide.domain.decision import Decision
    from gridtide.domain.ports import Clock, DecisionJournal, GridData, Reading
    from gridtide.domain.workload import Workload
    from gridtide.domain.zone import ZoneMapping
    from gridtide.planning.duration import RunTimes
    from gridtide.planning.options import PlanOptions

__all__ = ["Advice", "Adviser", "value_now"]

_LOG: Final = logging.getLogger("gridtide.api.adviser")
_MOST_REMEMBERED: Final = 10_000
_SHORTEST: Final = timedelta(seconds=1)
_MARGIN: Final = timedelta(hours=1)
_GOLDEN: Final = 0.6180339887498949


class Advice(NamedTuple):
    """
    One answer with what it stands on.

    Attributes:
        answer: In the words of the caller.
        workload: What was asked about.
        reading: What is known at home.
    """

    answer: CarbonDecision
    workload: Workload
    reading: Reading


class Adviser:
    """
    Answers questions under one set of settings.

    Args:
        settings: What holds where a question says nothing.
        clock: Time.
        grid: Grid data instead of what the settings name; prices are asked of it too.
        journal: Where decisions are recorded.
    """

    def __init__(
        self,
        settings: Settings,
        clock: Clock,
        grid: GridData | None = None,
        journal: DecisionJournal | None = None,
    ) -> None:
        self.settings: Final = settings
        self.clock: Final = clock
        self.reader: Final = Reader(settings, clock, grid)
        self._prices = Reader(prices.market(settings), clock, grid)
        self._journal = journal
        self._catalogue = wiring.build_catalogue(settings)
        self._first_asked: OrderedDict[str, datetime] = OrderedDict()
        self._questions = 0
        self._waits = 0

    async def aclose(self) -> None:
        """Close what was opened."""
        try:
            await self.reader.aclose()
        finally:
            await self._prices.aclose()

    # -- places ----------------------------------------------------------------------------------------------------

    def name(self, region: str | None) -> str:
        """The region that is meant."""
        return region or self.settings.regions.primary or self.settings.zone

    def place(self, region: str | None) -> ZoneMapping:
        """
        Where that is.

        Raises:
            UnmappedRegion: It is not known, or none is named anywhere.
        """
        return wiring.locate(self.settings, self._catalogue, self.name(region) or None)

    # -- answers ---------------------------------------------------------------------------------------------------

    async def advise(
        self,
        request: WorkRequest,
        region: str | None = None,
        *,
        times: RunTimes | None = None,
        budget_from: datetime | None = None,
    ) -> Advice:
        """
        Whether to run now, where, and otherwise how long to wait.

        Args:
            request: What is asked.
            region: Home.
            times: Lengths by past runs; the declared one counts when left out.
            budget_from: Earliest instant at which a carbon budget may pay for it.
        """
        now, aim = self.clock.now(), request.aim(self.settings)
        home, name = self.place(region), self.name(region)
        first = self._first_seen(request.name, now)
        workload = lasting(request.workload(self.settings, home=name, now=now, first_asked=first), times)
        latest = workload.latest_start(now)
        patience = PATIENCE if latest is None else min(PATIENCE, max(latest - now, _SHORTEST))
        ahead = reach(workload, now)
        reading, (price, warned) = await asyncio.gather(
            self.reader.read(home, ahead=ahead, banded=aim.banded, patience=patience),
            self.price(aim, home, ahead=ahead, patience=patience),
        )
        now = max(now, self.clock.now())
        options = aim.options(self.settings, price=price, learned=times)
        ceiling, unbound = self._ceiling(request, options)
        asked = _Asked(request, workload, options, ceiling, now)
        decision = await self._decide(asked, Region(name, home, reading), budget_from)
        warnings = (*decision.warnings, *aim.warnings, *warned, *unbound)
        decision = replace(decision, threshold=ceiling, warnings=warnings)
        if self._journal is not None:
            self._journal.record(workload, decision, reading.series or None)
        answer = _answer(decision, workload, reading, now, home=name, offset=self._offset(request.name))
        return Advice(answer, workload, reading)

    async def plan(self, workload: Workload, region: str | None, wish: Wish) -> Planned:
        """
        Decide about one workload in one region, by the price or the risk that *wish* or the settings name.

        Raises:
            InvalidInput: *wish* cannot be used.
        """
        aim = Aim.of(
            self.settings, risk=wish.risk, carbon_price=wish.carbon_price, price_series=wish.price_series,
            bounded=False,
        )  # fmt: skip
        times = await self.run_times(workload.id, workload.duration) if wish.learn_duration else None
        work, home, now = lasting(workload, times), self.place(region or workload.home or None), self.clock.now()
        ahead = reach(work, now)
        reading, (price, warned) = await asyncio.gather(
            self.reader.read(home, ahead=ahead, banded=aim.banded), self.price(aim, home, ahead=ahead)
        )
        options = aim.options(self.settings, price=price, learned=times)
        made = wiring.decide(work, reading, now=now, method=wish.method, options=options)
        made = replace(made, warnings=(*made.warnings, *aim.warnings, *warned))
        return Planned(made, work, reading, options, wish.method)

    async def price(
        self, aim: Aim, home: ZoneMapping, *, ahead: timedelta, patience: timedelta = PATIENCE
    ) -> tuple[Series | None, tuple[str, ...]]:
        """Prices for *aim* at *home*, and what a reader should know about them."""
        if aim.eur_per_t is None:
            return None, ()
        if isinstance(aim.price, Series):
            return aim.price, ()
        if aim.price is not None:
            path, said = aim.price, list[str]()
            found = await asyncio.to_thread(
                prices.read_price_file, path, zone=home.zone.key, settings=self.settings, warn=said.append
            )
            return found, tuple(said)
        series, why = await self._auction(home, ahead=ahead, patience=patience)
        return series, () if series is not None else (prices.no_prices(why),)

    async def _auction(
        self, place: ZoneMapping, *, ahead: timedelta, patience: timedelta = PATIENCE
    ) -> tuple[Series | None, str]:
        """Day-ahead prices, or None and why there are none; a fault there is no reason not to plan."""
        try:
            return prices.prices_in(
                await self._prices.read(place, ahead=ahead, kind=SignalKind.PRICE, patience=patience)
            )
        except CarbonError as error:
            return None, error.message

    async def run_times(self, name: str, declared: timedelta) -> RunTimes:
        """Lengths by past runs of that name."""

        def look() -> RunTimes:
            return learned.run_times(self.settings, name, declared=declared, note=_LOG.info, warn=_LOG.warning)

        return await asyncio.to_thread(look)

    def next_name(self) -> str:
        """A name for work that has none, so that its delay counts from the first question."""
        self._waits += 1
        return f"wait {self._waits}"

    def forget(self, name: str) -> None:
        """Work of that name has begun: the next question about it is a first one."""
        self._first_asked.pop(name, None)

    # -- inside ----------------------------------------------------------------------------------------------------

    def _first_seen(self, name: str, now: datetime) -> datetime:
        """When work of that name was first asked about; without a name every question is a first one."""
        if not name:
            return now
        first = self._first_asked.setdefault(name, now)
        while len(self._first_asked) > _MOST_REMEMBERED:
            self._first_asked.popitem(last=False)
        return first

    def _ceiling(self, request: WorkRequest, options: PlanOptions) -> tuple[float | None, tuple[str, ...]]:
        """Bound for this class of work, of the request or of the settings; a plan by cost has none in grams."""
        if request.threshold is not None:
            return request.threshold, ()
        bounds = {
            Elasticity.ELASTIC: self.settings.thresholds.elastic,
            Elasticity.SOFT: self.settings.thresholds.soft,
        }
        bound = bounds.get(request.elasticity)
        if bound is None or options.price is None:
            return bound, ()
        text = f"thresholds.{request.elasticity} is left out of this plan: it is in grams, and the plan is by cost"
        return None, (text,)

    def _offset(self, name: str) -> timedelta:
        """Share of the spread for work of that name, always the same; work without a name takes turns."""
        self._questions += 1
        digest = hashlib.sha256(name.encode()).digest()[:8]
        share = int.from_bytes(digest) / 2**64 if name else self._questions * _GOLDEN % 1.0
        return self.settings.policies.spread * share

    async def _decide(self, asked: _Asked, home: Region, budget_from: datetime | None) -> Decision:
        """Time first, then place, then the bound; what a budget holds back waits at home."""
        request, workload, options, ceiling, now = asked
        decision = wiring.decide(
            workload, home.reading, now=now, method=request.method, options=options, budget_from=budget_from
        )
        held = budget_from is not None
        if held or decision.signal is None or request.elasticity is Elasticity.HARD:
            return decision
        value, _ = value_now(home.reading, now)
        content = request.elasticity is Elasticity.SOFT and ceiling is not None and (value is None or value <= ceiling)
        if not content:
            decision = await self._elsewhere_in_time(asked, home, decision)
        if ceiling is None:
            return decision
        wiring.require_absolute(home.reading.series.signal, "threshold")
        return under_ceiling(decision, workload, home.reading.series, now=now, ceiling=ceiling)

    async def _elsewhere_in_time(self, asked: _Asked, home: Region, here: Decision) -> Decision:
        """The same, but work stays at home rather than pass its latest start over slow sources elsewhere."""
        latest = asked.workload.latest_start(asked.now)
        left = None if latest is None else max(latest - asked.now, _SHORTEST)
        try:
            async with asyncio.timeout(None if left is None else left.total_seconds()):
                return await self._elsewhere(asked, home) or here
        except TimeoutError:
            slow = "other regions are left out: no answer before the latest start"
            return replace(here, warnings=(*here.warnings, slow))

    async def _elsewhere(self, asked: _Asked, home: Region) -> Decision | None:
        """Decision among all allowed regions; None when work may not move or there is nothing to weigh."""
        request, workload, options, _, now = asked
        regions = self.settings.regions
        names = [name for name in (regions.primary, *regions.fallback) if name and name != home.name]
        if not (request.may_move and self.settings.policies.allow_geo_shift and names):
            return None
        places = [self.place(name) for name in names]
        aim, ahead = request.aim(self.settings), reach(workload, now)
        readings = await self.reader.read_comparable([home.place, *places], ahead=ahead, banded=aim.banded)
        base = Region(home.name, home.place, readings[0], options.price)
        found, said = await self._prices_at(aim, places, options, ahead)
        others = [Region(*parts) for parts in zip(names, places, readings[1:], *found, strict=True)]
        budgets = dict(regions.latency_budgets) if request.elasticity is Elasticity.SOFT else None
        sites = Sites.weigh(self._catalogue, base, others, latency_budgets=budgets, pue=workload.pue)
        if not sites.others:
            decision = wiring.decide(workload, home.reading, now=now, method=request.method, options=options)
        else:
            rules = rules_of(self.settings)
            decision = place(
                workload, sites.home, sites.others, now=now, method=request.method, options=options, rules=rules
            )
            decision = replace(decision, freshness=base.reading.step, freshness_reason=base.reading.reason)
        return replace(decision, warnings=(*decision.warnings, *sites.left_out, *said))

    async def _prices_at(
        self, aim: Aim, places: Sequence[ZoneMapping], options: PlanOptions, ahead: timedelta
    ) -> tuple[tuple[list[Series | None], list[str]], tuple[str, ...]]:
        """Prices of each other region, why one has none, and what a reader should know about them."""
        if options.price is None or aim.price is not None:
            said = () if options.price is None else (prices.ONE_PRICE,)
            return ([options.price] * len(places), [""] * len(places)), said
        found = await asyncio.gather(*(self._auction(place, ahead=ahead) for place in places))
        notes = ["" if series is not None else prices.no_prices_there(why) for series, why in found]
        return ([series for series, _ in found], notes), ()


class _Asked(NamedTuple):
    """A question with all that was worked out about it."""

    request: WorkRequest
    workload: Workload
    options: PlanOptions
    ceiling: float | None
    now: datetime


def lasting(workload: Workload, times: RunTimes | None) -> Workload:
    """*workload* with the lengths that past runs say: the typical one to plan with, and room for a long one."""
    if times is None:
        return workload
    reserve = max(workload.reserve, times.safe - times.typical)
    return replace(workload, duration=times.typical, reserve=reserve)


def reach(workload: Workload, now: datetime) -> timedelta:
    """How far ahead values matter."""
    latest = workload.latest_start(now)
    return max((latest or now) - now, timedelta(0)) + workload.duration + _MARGIN


def value_now(reading: Reading, now: datetime) -> tuple[float | None, datetime | None]:
    """Value at *now* and the start of its step; nothing where it is not known."""
    curve = reading.series.curve_at(to_ns(now)) if reading.series else None
    if curve is None:
        return None, None
    return curve.value_at(to_ns(now)), from_ns(int(curve.breaks[curve.locate(to_ns(now))]))


def _answer(
    decision: Decision, workload: Workload, reading: Reading, now: datetime, *, home: str, offset: timedelta
) -> CarbonDecision:
    value, since = value_now(reading, now)
    go = decision.action in {Action.RUN, Action.ROUTE}
    start = decision.start + offset if decision.start is not None and not go else now
    latest = workload.latest_start(now)
    if latest is not None:
        start = max(now, min(start, latest))
    return CarbonDecision(
        should_execute=go or start <= now,
        recommended_region=decision.zone or home,
        delay=max(start - now, timedelta(0)),
        intensity=value,
        threshold=decision.threshold,
        reason=decision.reason,
        signal=reading.series.signal if value is not None else None,
        freshness=decision.freshness,
        freshness_reason=decision.freshness_reason,
        point_time=since,
        latest_start=latest,
        decision=decision,
    )

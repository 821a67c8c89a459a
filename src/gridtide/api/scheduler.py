"""
The Python door: ask whether, where and when to run, wait for that, or let a function be run then.

`CarbonScheduler` is asynchronous; `gridtide.api.sync` has the same names for blocking callers, and
`gridtide.api.aware.carbon_aware` is the decorator and context manager.
"""

from __future__ import annotations

import hashlib
import inspect
import os
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Self

from gridtide.api import wiring
from gridtide.api.clocks import SystemClock
from gridtide.api.decision import CarbonDecision
from gridtide.api.reader import PATIENCE, Reader
from gridtide.api.request import WorkRequest, instant_of, span_of
from gridtide.api.sites import Region, Sites, rules_of
from gridtide.config.load import load_settings
from gridtide.config.settings import Settings
from gridtide.domain.decision import Action
from gridtide.domain.errors import ConfigurationError, ProviderUnavailable, UnitMismatch
from gridtide.domain.instants import from_ns, to_ns
from gridtide.domain.interval import Interval
from gridtide.domain.workload import Elasticity
from gridtide.planning.ceiling import under_ceiling
from gridtide.planning.placement import place

if TYPE_CHECKING:
    from gridtide.domain.decision import Decision
    from gridtide.domain.ports import Clock, DecisionJournal, GridData, Reading
    from gridtide.domain.series import Series
    from gridtide.domain.workload import Workload
    from gridtide.domain.zone import ZoneMapping

__all__ = ["CarbonScheduler"]

_MOST_REMEMBERED: Final = 10_000
_LONGEST_NAP: Final = timedelta(minutes=30)
_SHORTEST_NAP: Final = timedelta(seconds=1)
_MARGIN: Final = timedelta(hours=1)
_GOLDEN: Final = 0.6180339887498949


class CarbonScheduler:
    """
    Decides whether, where and when work runs.

    Use it with ``async with``, or call `aclose` at the end; the first question opens it.

    Args:
        config: Settings, a dictionary in the shape of the configuration template, the path of a file, or None for the
            usual files and the environment.
        clock: Time and waiting; the machine's when left out.
        grid: Grid data instead of what the settings name; it is not closed here.
        journal: Where decisions are recorded; nowhere when left out.

    Raises:
        ConfigurationError: *config* cannot be used.

    Example:
        >>> async def ask() -> bool:
        ...     async with CarbonScheduler({"provider": "static", "regions": {"primary": "DE"}}) as scheduler:
        ...         return (await scheduler.evaluate_workload(elasticity="hard")).should_execute
        >>> asyncio.run(ask())
        True
    """

    def __init__(
        self,
        config: Settings | Mapping[str, Any] | Path | str | None = None,
        *,
        clock: Clock | None = None,
        grid: GridData | None = None,
        journal: DecisionJournal | None = None,
    ) -> None:
        self.settings: Final = _settings(config)
        self._clock = clock or SystemClock()
        self._reader = Reader(self.settings, self._clock, grid)
        self._catalogue = wiring.build_catalogue(self.settings)
        self._first_asked: OrderedDict[str, datetime] = OrderedDict()
        self._journal = journal
        self._waits = 0
        self._questions = 0

    async def __aenter__(self) -> Self:
        await self._reader.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close connections; the scheduler opens again when it is asked again."""
        await self._reader.aclose()

    # -- what is known ---------------------------------------------------------------------------------------------

    async def get_intensity(self, region: str | None = None) -> float:
        """
        Carbon intensity of *region* now; 0 is a value like any other. [gCO2eq/kWh]

        Raises:
            ProviderUnavailable: Nothing is known; a missing value is never returned as a number.
            UnitMismatch: The signal that was asked for is no carbon intensity.
        """
        reading = await self.read(region, ahead=_MARGIN, purpose="report")
        value, _ = _now(reading, self._clock.now())
        if value is None:
            raise ProviderUnavailable(
                f"no signal for {self._name(region)}: {reading.reason or 'nothing is known now'}",
                hint="`gridtide doctor` looks at every source",
                zone=self._name(region),
            )
        signal = reading.series.signal
        if not signal.is_absolute:
            raise UnitMismatch(f"the {signal.kind} signal is in {signal.unit}, not in gCO2eq/kWh", unit=signal.unit)
        return value

    async def get_forecast(self, region: str | None = None, *, ahead: timedelta | str = timedelta(hours=48)) -> Series:
        """What is known of *region* from now on; it may be empty or end earlier. [signal.unit]"""
        length = span_of(ahead, "ahead")
        reading = await self.read(region, ahead=length)
        now = self._clock.now()
        return reading.series.clip(Interval(now, now + length))

    async def read(
        self, region: str | None = None, *, ahead: timedelta = timedelta(hours=24), purpose: str = "decision"
    ) -> Reading:
        """Values around now with the step of the freshness ladder they came from; empty when nothing is known."""
        return await self._reader.read(self._place(region), ahead=ahead, purpose=purpose)

    # -- what to do ------------------------------------------------------------------------------------------------

    async def plan(self, workload: Workload, region: str | None = None, *, method: str = "auto") -> Decision:
        """Decide about one workload in one region, with baselines and alternatives; nothing is remembered."""
        now = self._clock.now()
        reading = await self.read(region or workload.home or None, ahead=_reach(workload, now))
        return wiring.decide(workload, reading, now=now, method=method, options=wiring.plan_options(self.settings))

    async def evaluate_workload(
        self, region: str | None = None, elasticity: Elasticity | str = Elasticity.ELASTIC, **details: Any
    ) -> CarbonDecision:
        """
        Say whether to run now, where, and otherwise how long to wait.

        Hard real-time work always runs, at home. Soft real-time work always runs, and may be sent to a cleaner region
        inside its latency budget. Elastic work waits for the cleanest window of the forecast, not above its threshold,
        and never longer than its maximum delay; with a *name* that counts from the first question about it.

        Args:
            region: Home region or zone; that of the settings when left out.
            elasticity: ``hard``, ``soft`` or ``elastic``.
            details: Fields of `gridtide.api.request.WorkRequest`: name, duration, deadline, max_delay, threshold,
                power_w, data_gb, residency, interruptible, min_saving, on_no_data, method.

        Raises:
            InvalidInput: A detail cannot be used.
            UnmappedRegion: A region is not known.
        """
        request = WorkRequest.of(elasticity, details)
        now = self._clock.now()
        home, name = self._place(region), self._name(region)
        workload = request.workload(self.settings, home=name, now=now, first_asked=self._first_seen(request.name, now))
        latest = workload.latest_start(now)
        patience = PATIENCE if latest is None else min(PATIENCE, max(latest - now, _SHORTEST_NAP))
        reading = await self._reader.read(home, ahead=_reach(workload, now), patience=patience)
        now = max(now, self._clock.now())
        ceiling = self._ceiling(request)
        decision = await self._decide(request, workload, Region(name, home, reading), now)
        decision = replace(decision, threshold=ceiling)
        if self._journal is not None:
            self._journal.record(workload, decision, reading.series or None)
        return _answer(decision, workload, reading, now, home=name, offset=self._offset(request.name))

    # -- doing it --------------------------------------------------------------------------------------------------

    async def wait(self, region: str | None = None, **details: Any) -> CarbonDecision:
        """
        Return when it is time to run elastic work, with the decision to do so.

        It asks again when newer values may be there, and returns at the latest start at the latest, whatever is down.
        """
        if not details.get("name"):
            self._waits += 1
            details["name"] = f"wait {self._waits}"
        if isinstance(details.get("deadline"), str):  # the next 07:00 is meant, not the one after it
            details["deadline"] = instant_of(details["deadline"], self.settings, self._clock.now())
        while True:
            answer = await self.evaluate_workload(region, Elasticity.ELASTIC, **details)
            if answer.should_execute:
                self._first_asked.pop(details["name"], None)
                return answer
            now = self._clock.now()
            wake = min(answer.start, answer.decision.wake_at or answer.start, now + _LONGEST_NAP)
            await self._clock.sleep_until(max(wake, now + _SHORTEST_NAP))  # type: ignore[attr-defined]  # a Waiter too

    async def run(self, work: Callable[..., Any], *arguments: Any, region: str | None = None, **details: Any) -> Any:
        """
        Wait for a clean time, then call *work* with *arguments*; what it returns is awaited if it can be.

        Returns:
            What *work* returns.
        """
        await self.wait(region, **details)
        result = work(*arguments)
        return await result if inspect.isawaitable(result) else result

    # -- inside ----------------------------------------------------------------------------------------------------

    def _name(self, region: str | None) -> str:
        return region or self.settings.regions.primary or self.settings.zone

    def _place(self, region: str | None) -> ZoneMapping:
        return wiring.locate(self.settings, self._catalogue, self._name(region) or None)

    def _first_seen(self, name: str, now: datetime) -> datetime:
        """When work of that name was first asked about; without a name every question is a first one."""
        if not name:
            return now
        first = self._first_asked.setdefault(name, now)
        while len(self._first_asked) > _MOST_REMEMBERED:
            self._first_asked.popitem(last=False)
        return first

    def _ceiling(self, request: WorkRequest) -> float | None:
        """Bound for this class of work, of the request or of the settings."""
        bounds = {
            Elasticity.ELASTIC: self.settings.thresholds.elastic,
            Elasticity.SOFT: self.settings.thresholds.soft,
        }
        return bounds.get(request.elasticity) if request.threshold is None else request.threshold

    def _offset(self, name: str) -> timedelta:
        """Share of the spread for work of that name, always the same; work without a name takes turns."""
        self._questions += 1
        digest = hashlib.sha256(name.encode()).digest()[:8]
        share = int.from_bytes(digest) / 2**64 if name else self._questions * _GOLDEN % 1.0
        return self.settings.policies.spread * share

    async def _decide(self, request: WorkRequest, workload: Workload, home: Region, now: datetime) -> Decision:
        """Time first, then place, then the bound."""
        ceiling = self._ceiling(request)
        decision = wiring.decide(
            workload, home.reading, now=now, method=request.method, options=wiring.plan_options(self.settings)
        )
        if decision.signal is None or request.elasticity is Elasticity.HARD:
            return decision
        value, _ = _now(home.reading, now)
        content = request.elasticity is Elasticity.SOFT and ceiling is not None and (value is None or value <= ceiling)
        if not content:
            decision = await self._elsewhere(request, workload, home, now) or decision
        if ceiling is None:
            return decision
        wiring.require_absolute(home.reading.series.signal, "threshold")
        return under_ceiling(decision, workload, home.reading.series, now=now, ceiling=ceiling)

    async def _elsewhere(
        self, request: WorkRequest, workload: Workload, home: Region, now: datetime
    ) -> Decision | None:
        """Decision among all allowed regions; None when work may not move or there is nothing to weigh."""
        regions = self.settings.regions
        names = [name for name in (regions.primary, *regions.fallback) if name and name != home.name]
        if not self.settings.policies.allow_geo_shift or not names:
            return None
        places = [self._place(name) for name in names]
        readings = await self._reader.read_comparable([home.place, *places], ahead=_reach(workload, now))
        base = Region(home.name, home.place, readings[0])
        others = [Region(*parts) for parts in zip(names, places, readings[1:], strict=True)]
        budgets = dict(regions.latency_budgets) if request.elasticity is Elasticity.SOFT else None
        sites = Sites.weigh(self._catalogue, base, others, latency_budgets=budgets)
        if not sites.others:
            decision = wiring.decide(
                workload, home.reading, now=now, method=request.method, options=wiring.plan_options(self.settings)
            )
        else:
            rules = rules_of(self.settings)
            decision = place(workload, sites.home, sites.others, now=now, method=request.method, rules=rules)
            decision = replace(decision, freshness=base.reading.step, freshness_reason=base.reading.reason)
        return replace(decision, warnings=(*decision.warnings, *sites.left_out))


def _settings(config: Settings | Mapping[str, Any] | Path | str | None) -> Settings:
    if isinstance(config, Settings):
        return config
    if isinstance(config, Mapping):
        return load_settings(env=os.environ, document=config)
    if config is not None and not isinstance(config, str | Path):
        raise ConfigurationError(
            f"config is a {type(config).__name__}; allowed: settings, a dictionary, the path of a file, or None"
        )
    return wiring.read_settings(config=None if config is None else Path(config))


def _reach(workload: Workload, now: datetime) -> timedelta:
    """How far ahead values matter."""
    latest = workload.latest_start(now)
    return max((latest or now) - now, timedelta(0)) + workload.duration + _MARGIN


def _now(reading: Reading, now: datetime) -> tuple[float | None, datetime | None]:
    """Value at *now* and the start of its step; nothing where it is not known."""
    curve = reading.series.curve_at(to_ns(now)) if reading.series else None
    if curve is None:
        return None, None
    return curve.value_at(to_ns(now)), from_ns(int(curve.breaks[curve.locate(to_ns(now))]))


def _answer(
    decision: Decision, workload: Workload, reading: Reading, now: datetime, *, home: str, offset: timedelta
) -> CarbonDecision:
    value, since = _now(reading, now)
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

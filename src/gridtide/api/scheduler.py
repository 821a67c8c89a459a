"""
The Python door: ask whether, where and when to run, wait for that, or let a function be run then.

`CarbonScheduler` is asynchronous; `gridtide.api.sync` has the same names for blocking callers, and
`gridtide.api.aware.carbon_aware` is the decorator and context manager.
"""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Self

from gridtide.api import wiring
from gridtide.api.adviser import Adviser, value_now
from gridtide.api.clocks import SystemClock
from gridtide.api.decision import CarbonDecision
from gridtide.api.planned import Wish
from gridtide.api.request import WorkRequest, drawing, span_of
from gridtide.api.undertaking import Undertaking, prepared, turn
from gridtide.config.load import load_settings
from gridtide.config.settings import Settings
from gridtide.domain.errors import ConfigurationError, InvalidInput, ProviderUnavailable, UnitMismatch
from gridtide.domain.interval import Interval
from gridtide.domain.workload import Elasticity

if TYPE_CHECKING:
    from gridtide.api.prices import PlanCost
    from gridtide.domain.decision import Decision
    from gridtide.domain.ports import Clock, DecisionJournal, GridData, Reading
    from gridtide.domain.series import Series
    from gridtide.domain.workload import Workload
    from gridtide.planning.duration import RunTimes

__all__ = ["CarbonScheduler", "undertake"]

_MARGIN: Final = timedelta(hours=1)


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
        self._adviser = Adviser(self.settings, self._clock, grid, journal)

    async def __aenter__(self) -> Self:
        await self._adviser.reader.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close connections; the scheduler opens again when it is asked again."""
        await self._adviser.aclose()

    # -- what is known ---------------------------------------------------------------------------------------------

    async def get_intensity(self, region: str | None = None) -> float:
        """
        Carbon intensity of *region* now; 0 is a value like any other. [gCO2eq/kWh]

        Raises:
            ProviderUnavailable: Nothing is known; a missing value is never returned as a number.
            UnitMismatch: The signal that was asked for is no carbon intensity.
        """
        reading = await self.read(region, ahead=_MARGIN, purpose="report")
        value, _ = value_now(reading, self._clock.now())
        if value is None:
            raise ProviderUnavailable(
                f"no signal for {self._adviser.name(region)}: {reading.reason or 'nothing is known now'}",
                hint="`gridtide doctor` looks at every source",
                zone=self._adviser.name(region),
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
        return await self._adviser.reader.read(self._adviser.place(region), ahead=ahead, purpose=purpose)

    # -- what to do ------------------------------------------------------------------------------------------------

    async def plan(
        self,
        workload: Workload,
        region: str | None = None,
        *,
        method: str = "auto",
        risk: str | None = None,
        carbon_price: float | None = None,
        price_series: Series | Path | str | None = None,
        learn_duration: bool = False,
        **machine: Any,
    ) -> Decision:
        """
        Decide about one workload in one region, with baselines and alternatives; nothing is remembered.

        Args:
            workload: What to run.
            region: Where; its home when left out.
            method: Policy in time.
            risk: What to make of a forecast that may be wrong: ``expected``, ``hedged`` or ``cautious``.
            carbon_price: Internal price of carbon, for a plan by cost and carbon. [EUR/t]
            price_series: Electricity prices for it, or their file; the day-ahead auction when left out. [EUR/MWh]
            learn_duration: Whether past runs of the workload's id say more about its length than it does.
            machine: What it draws, where the power of *workload* is not known: vcpus, memory_gb, gpu, gpus, processor,
                load and pue, as in `gridtide.accounting.draw.draw_of`.

        Raises:
            InvalidInput: A wish cannot be used; the message names it.
        """
        wish = Wish(method, risk, carbon_price, price_series, learn_duration)
        return (await self._adviser.plan(drawing(workload, machine), region, wish)).decision

    async def plan_cost(
        self,
        workload: Workload,
        region: str | None = None,
        *,
        carbon_price: float | None = None,
        price_series: Series | Path | str | None = None,
        method: str = "auto",
        learn_duration: bool = False,
        **machine: Any,
    ) -> PlanCost:
        """
        Plan by cost and carbon, as `plan` does, and tell what that costs and every choice between the two.

        Args:
            workload: What to run.
            region: Where; its home when left out.
            carbon_price: Internal price of carbon; that of the settings when left out. [EUR/t]
            price_series: Electricity prices, or their file; the day-ahead auction when left out. [EUR/MWh]
            method: Policy in time.
            learn_duration: As for `plan`.
            machine: As for `plan`.

        Raises:
            InvalidInput: No carbon price is set, or a wish cannot be used.
            ProviderUnavailable: No prices, or no carbon intensity, are known.
        """
        wanted = self.settings.policies.carbon_price if carbon_price is None else carbon_price
        if wanted is None:
            raise InvalidInput(
                "no carbon_price is set",
                hint="give carbon_price, in EUR per tonne, or set policies.carbon_price; 0 plans by cost alone",
                field="carbon_price",
            )
        wish = Wish(method, None, wanted, price_series, learn_duration)
        return (await self._adviser.plan(drawing(workload, machine), region, wish)).cost()

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
                power_w or a machine, data_gb, residency, may_move, interruptible, min_saving, on_no_data, method, risk,
                carbon_price, price_series, learn_duration.

        Raises:
            InvalidInput: A detail cannot be used.
            UnmappedRegion: A region is not known.
        """
        request = _without_budget(WorkRequest.of(elasticity, details))
        return (await self._adviser.advise(request, region, times=await self._times(request))).answer

    # -- doing it --------------------------------------------------------------------------------------------------

    async def wait(self, region: str | None = None, **details: Any) -> CarbonDecision:
        """
        Return when it is time to run elastic work, with the decision to do so.

        It asks again when newer values may be there, and returns at the latest start at the latest, whatever is down.
        """
        request = _without_budget(prepared(self._adviser, details))
        return (await turn(self._adviser, request, region, times=await self._times(request))).answer

    async def run(self, work: Callable[..., Any], *arguments: Any, region: str | None = None, **details: Any) -> Any:
        """
        Wait for a clean time, then call *work* with *arguments*; what it returns is awaited if it can be.

        It runs where it is called, so no other region is weighed.
        With a *budget* its grams are reserved before the wait and settled after the work; with *learn_duration* past
        runs of its *name* say how long it takes, and this one is remembered.

        Returns:
            What *work* returns.

        Raises:
            BudgetExhausted: The budget turns the work down.
        """
        async with undertake(self, region, details | {"may_move": False}):
            result = work(*arguments)
            return await result if inspect.isawaitable(result) else result

    async def _times(self, request: WorkRequest) -> RunTimes | None:
        return await self._adviser.run_times(request.name, request.length) if request.learn_duration else None


def undertake(scheduler: CarbonScheduler, region: str | None, details: Mapping[str, Any]) -> Undertaking:
    """One run of something under *scheduler*, from its wait to its end."""
    return Undertaking(scheduler._adviser, region, details)  # noqa: SLF001 - a function of this module


def _without_budget(request: WorkRequest) -> WorkRequest:
    if request.budget:
        raise InvalidInput(
            "a budget is settled when the work is over, which this call does not see",
            hint="use run(work, budget=...) or carbon_aware(budget=...)",
            field="budget",
        )
    return request


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

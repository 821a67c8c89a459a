"""
The same scheduler for callers that block: one class, whose event loop lives and dies with a ``with`` block.

Every name of `gridtide.api.scheduler.CarbonScheduler` is here, without ``await``.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar

from gridtide.api import scheduler
from gridtide.domain.errors import InvalidInput
from gridtide.domain.workload import Elasticity

if TYPE_CHECKING:
    from gridtide.api.decision import CarbonDecision
    from gridtide.api.prices import PlanCost
    from gridtide.api.undertaking import Undertaking
    from gridtide.config.settings import Settings
    from gridtide.domain.decision import Decision
    from gridtide.domain.ports import Clock, DecisionJournal, GridData, Reading
    from gridtide.domain.series import Series
    from gridtide.domain.workload import Workload

__all__ = ["CarbonScheduler", "undertake"]

T = TypeVar("T")


class CarbonScheduler:
    """
    Decides whether, where and when work runs; blocks while it asks or waits.

    Args:
        config: As for the asynchronous scheduler.
        clock: Time and waiting; the machine's when left out.
        grid: Grid data instead of what the settings name.
        journal: Where decisions are recorded; nowhere when left out.

    Example:
        >>> with CarbonScheduler({"provider": "static", "regions": {"primary": "DE"}}) as blocking:
        ...     blocking.evaluate_workload(elasticity="hard").should_execute
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
        self._inner = scheduler.CarbonScheduler(config, clock=clock, grid=grid, journal=journal)
        self._runner: asyncio.Runner | None = None

    @property
    def settings(self) -> Settings:
        """Settings in force."""
        return self._inner.settings

    def __enter__(self) -> Self:
        self._runner = asyncio.Runner()
        try:
            self._call(self._inner.__aenter__())
        except BaseException:
            self._close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.aclose()

    def aclose(self) -> None:
        """Close connections and the event loop."""
        if self._runner is not None:
            try:
                self._call(self._inner.aclose())
            finally:
                self._close()

    def get_intensity(self, region: str | None = None) -> float:
        """Carbon intensity of *region* now. [gCO2eq/kWh]"""
        return self._call(self._inner.get_intensity(region))

    def get_forecast(self, region: str | None = None, *, ahead: timedelta | str = timedelta(hours=48)) -> Series:
        """What is known of *region* from now on. [signal.unit]"""
        return self._call(self._inner.get_forecast(region, ahead=ahead))

    def read(
        self, region: str | None = None, *, ahead: timedelta = timedelta(hours=24), purpose: str = "decision"
    ) -> Reading:
        """Values around now with the step of the freshness ladder they came from."""
        return self._call(self._inner.read(region, ahead=ahead, purpose=purpose))

    def plan(
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
        """Decide about one workload in one region."""
        return self._call(
            self._inner.plan(
                workload,
                region,
                method=method,
                risk=risk,
                carbon_price=carbon_price,
                price_series=price_series,
                learn_duration=learn_duration,
                **machine,
            )
        )

    def plan_cost(
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
        """Plan by cost and carbon, and tell what that costs and every choice between the two."""
        return self._call(
            self._inner.plan_cost(
                workload,
                region,
                carbon_price=carbon_price,
                price_series=price_series,
                method=method,
                learn_duration=learn_duration,
                **machine,
            )
        )

    def evaluate_workload(
        self, region: str | None = None, elasticity: Elasticity | str = Elasticity.ELASTIC, **details: Any
    ) -> CarbonDecision:
        """Say whether to run now, where, and otherwise how long to wait."""
        return self._call(self._inner.evaluate_workload(region, elasticity, **details))

    def wait(self, region: str | None = None, **details: Any) -> CarbonDecision:
        """Block until it is time to run elastic work."""
        return self._call(self._inner.wait(region, **details))

    def run(self, work: Callable[..., Any], *arguments: Any, region: str | None = None, **details: Any) -> Any:
        """Block until a clean time, then call *work* with *arguments*; a coroutine is run to its end."""
        with undertake(self, region, details | {"may_move": False}):
            result = work(*arguments)
            return self._call(result) if asyncio.iscoroutine(result) else result

    def _call(self, work: Coroutine[Any, Any, T]) -> T:
        if self._runner is None:
            work.close()
            raise InvalidInput("the scheduler is not open", hint="use it in a `with` block")
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            return self._runner.run(work)
        work.close()
        raise InvalidInput(
            "a blocking scheduler was called inside an event loop",
            hint="use gridtide.CarbonScheduler with await there",
        )

    def _close(self) -> None:
        if self._runner is not None:
            self._runner.close()
            self._runner = None


@contextmanager
def undertake(blocking: CarbonScheduler, region: str | None, details: Mapping[str, Any]) -> Iterator[Undertaking]:
    """One run of something under *blocking*, from its wait to its end."""
    call = blocking._call  # noqa: SLF001 - a function of this module
    undertaking = scheduler.undertake(blocking._inner, region, details)  # noqa: SLF001 - a function of this module
    call(undertaking.__aenter__())
    try:
        yield undertaking
    except BaseException as error:
        call(undertaking.__aexit__(type(error), error, error.__traceback__))
        raise
    call(undertaking.__aexit__(None, None, None))

"""
``carbon_aware``: let a function, or a block of code, start at a clean time.

It works on plain and on coroutine functions, as ``with`` and as ``async with``. What it guards is never stranded: a
missing key, a broken file or a source that is down means that it starts now, with a warning in the log, and not that
it does not start. Only a carbon budget that turns work down keeps it from starting.
"""

from __future__ import annotations

import functools
import inspect
import logging
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack, ExitStack, aclosing
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, TypeVar

from gridtide.api import sync
from gridtide.api.request import WorkRequest
from gridtide.api.scheduler import CarbonScheduler, undertake
from gridtide.domain.errors import BudgetExhausted, CarbonError, InvalidInput
from gridtide.domain.workload import Elasticity

if TYPE_CHECKING:
    from gridtide.api.decision import CarbonDecision
    from gridtide.config.settings import Settings
    from gridtide.domain.ports import Clock, GridData

__all__ = ["carbon_aware"]

_LOG: Final = logging.getLogger("gridtide.api.aware")

F = TypeVar("F", bound=Callable[..., Any])


class carbon_aware:  # noqa: N801 - reads as a decorator, like contextlib.suppress
    """
    Waits for a clean time before the function, or the block, begins.

    Args:
        config: As for `CarbonScheduler`.
        region: Home region or zone; that of the settings when left out.
        clock: Time and waiting; the machine's when left out.
        grid: Grid data instead of what the settings name.
        details: Fields of `gridtide.api.request.WorkRequest`, for example ``duration="2h", deadline="07:00"``.

    Attributes:
        decision: What the last wait ended with; None when it could not be asked.

    With ``budget="ml"`` the grams of each run are reserved before the wait and settled after it; with
    ``learn_duration=True`` past runs of its ``name`` say how long it takes. For blocks that overlap in time make one
    ``carbon_aware`` each.

    Raises:
        InvalidInput: A detail does not exist or cannot be used; said at once, not at the first call.
        BudgetExhausted: The budget turns the work down; said when it is to start.

    Example:
        >>> @carbon_aware({"provider": "static", "zone": "DE"}, duration="1h", max_delay="0s")
        ... def nightly() -> str:
        ...     return "done"
        >>> nightly()
        'done'
    """

    def __init__(
        self,
        config: Settings | Mapping[str, Any] | Path | str | None = None,
        *,
        region: str | None = None,
        clock: Clock | None = None,
        grid: GridData | None = None,
        **details: Any,
    ) -> None:
        WorkRequest.of(Elasticity.ELASTIC, details).require_usable()
        self._config = config
        self._region = region
        self._clock = clock
        self._grid = grid
        self._details = details
        self._here = details | {"may_move": False}
        self.decision: CarbonDecision | None = None
        self._blocks: list[ExitStack] = []
        self._waits: list[AsyncExitStack] = []

    def __call__(self, function: F) -> F:
        """Guard *function*; each call waits, and is accounted for, on its own."""
        if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
            return self._around_steps(function)
        if inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(type(function).__call__):

            @functools.wraps(function)
            async def later(*arguments: Any, **keywords: Any) -> Any:
                async with await self._wait(self._here):
                    return await function(*arguments, **keywords)

            return later  # type: ignore[return-value]  # same signature as *function*

        @functools.wraps(function)
        def blocking(*arguments: Any, **keywords: Any) -> Any:
            with self._block(self._here):
                return function(*arguments, **keywords)

        return blocking  # type: ignore[return-value]  # same signature as *function*

    def _around_steps(self, function: F) -> F:
        """The same for a generator: its first step waits, and it is accounted for when it is exhausted or closed."""
        if inspect.isasyncgenfunction(function):

            @functools.wraps(function)
            async def later(*arguments: Any, **keywords: Any) -> Any:
                async with await self._wait(self._here), aclosing(function(*arguments, **keywords)) as steps:
                    async for step in steps:
                        yield step

            return later  # type: ignore[return-value]  # same signature as *function*

        @functools.wraps(function)
        def blocking(*arguments: Any, **keywords: Any) -> Any:
            with self._block(self._here):
                return (yield from function(*arguments, **keywords))

        return blocking  # type: ignore[return-value]  # same signature as *function*

    def __enter__(self) -> CarbonDecision | None:
        self._blocks.append(self._block(self._details))
        return self.decision

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Account for the block, where a budget or the records ask for that."""
        self._blocks.pop().__exit__(kind, error, trace)

    async def __aenter__(self) -> CarbonDecision | None:
        self._waits.append(await self._wait(self._details))
        return self.decision

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Account for the block, where a budget or the records ask for that."""
        await self._waits.pop().__aexit__(kind, error, trace)

    def _block(self, details: Mapping[str, Any]) -> ExitStack:
        """Block until it is time; what is returned stays open until the work is over."""
        with ExitStack() as stack:
            try:
                asked = sync.CarbonScheduler(self._config, clock=self._clock, grid=self._grid)
                begun = stack.enter_context(sync.undertake(stack.enter_context(asked), self._region, details))
            except CarbonError as error:
                if _is_final(error):
                    raise
                self._start_anyway(error)
                return ExitStack()
            self.decision = begun.answer
            return stack.pop_all() if begun.counts else ExitStack()

    async def _wait(self, details: Mapping[str, Any]) -> AsyncExitStack:
        """The same without blocking."""
        async with AsyncExitStack() as stack:
            try:
                asked = CarbonScheduler(self._config, clock=self._clock, grid=self._grid)
                scheduler = await stack.enter_async_context(asked)
                begun = await stack.enter_async_context(undertake(scheduler, self._region, details))
            except CarbonError as error:
                if _is_final(error):
                    raise
                self._start_anyway(error)
                return AsyncExitStack()
            self.decision = begun.answer
            return stack.pop_all() if begun.counts else AsyncExitStack()

    def _start_anyway(self, error: CarbonError) -> None:
        self.decision = None
        _LOG.warning("starting now, because the grid could not be asked: %s", error.message)


def _is_final(error: CarbonError) -> bool:
    """
    Whether work must not start: its budget turns it down or does not exist, or the call is wrong.

    Its details were checked when it was decorated. So a more special fault is one of the moment: a broken file, a
    signal of another kind, or a time of day that the clocks jump over tonight.
    """
    return isinstance(error, BudgetExhausted) or type(error) is InvalidInput

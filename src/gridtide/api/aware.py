"""
``carbon_aware``: let a function, or a block of code, start at a clean time.

It works on plain and on coroutine functions, as ``with`` and as ``async with``. What it guards is never stranded: a
missing key, a broken file or a source that is down means that it starts now, with a warning in the log, and not that
it does not start.
"""

from __future__ import annotations

import functools
import inspect
import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, TypeVar

from gridtide.api import sync
from gridtide.api.request import WorkRequest
from gridtide.api.scheduler import CarbonScheduler
from gridtide.domain.errors import CarbonError, InvalidInput
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

    Raises:
        InvalidInput: A detail does not exist or cannot be used; said at once, not at the first call.

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
        WorkRequest.of(Elasticity.ELASTIC, details)
        self._config = config
        self._region = region
        self._clock = clock
        self._grid = grid
        self._details = details
        self.decision: CarbonDecision | None = None

    def __call__(self, function: F) -> F:
        """Guard *function*; each call waits on its own."""
        if inspect.iscoroutinefunction(function):

            @functools.wraps(function)
            async def later(*arguments: Any, **keywords: Any) -> Any:
                await self.__aenter__()
                return await function(*arguments, **keywords)

            return later  # type: ignore[return-value]  # same signature as *function*

        @functools.wraps(function)
        def blocking(*arguments: Any, **keywords: Any) -> Any:
            self.__enter__()
            return function(*arguments, **keywords)

        return blocking  # type: ignore[return-value]  # same signature as *function*

    def __enter__(self) -> CarbonDecision | None:
        try:
            with sync.CarbonScheduler(self._config, clock=self._clock, grid=self._grid) as scheduler:
                self.decision = scheduler.wait(self._region, **self._details)
        except InvalidInput:
            raise
        except CarbonError as error:
            self._start_anyway(error)
        return self.decision

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Nothing to undo."""

    async def __aenter__(self) -> CarbonDecision | None:
        try:
            async with CarbonScheduler(self._config, clock=self._clock, grid=self._grid) as scheduler:
                self.decision = await scheduler.wait(self._region, **self._details)
        except InvalidInput:
            raise
        except CarbonError as error:
            self._start_anyway(error)
        return self.decision

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Nothing to undo."""

    def _start_anyway(self, error: CarbonError) -> None:
        self.decision = None
        _LOG.warning("starting now, because the grid could not be asked: %s", error.message)

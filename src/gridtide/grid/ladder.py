"""
What one source can say to a question: the upper steps of the freshness ladder, and its typical profile.

::

    live     fetched for this question
    cached   fetched before, and fresh by the source's own rhythm
    stale    older, within the bound; or answered in time with data that are not
    profile  our own forecast from its past, when nothing of the above is left

Measured values lie over the provider's forecast, which lies over our own extension of it where the provider's horizon
is short; each step keeps its own quality, and the method in the labels says from where on it is ours.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final, Protocol

from gridtide.domain.decision import FreshnessStep
from gridtide.domain.errors import CarbonError
from gridtide.domain.instants import isoformat, to_ns
from gridtide.domain.interval import Interval
from gridtide.domain.signal import SignalKind
from gridtide.grid import freshness
from gridtide.grid.desk import Part
from gridtide.grid.hold import held
from gridtide.grid.provider import Product
from gridtide.grid.splice import overlay, until

if TYPE_CHECKING:
    from datetime import datetime

    from gridtide.domain.ports import Clock, SignalQuery
    from gridtide.domain.series import Series
    from gridtide.grid.source import Source

__all__ = ["Answer", "Forecaster", "Ladder"]

_STEPS: Final = tuple(FreshnessStep)
_FORECAST_STEPS: Final = (timedelta(minutes=15), timedelta(minutes=30), timedelta(hours=1))
_SOURCE_PATIENCE_S: Final = 10.0
_HISTORY_PATIENCE_S: Final = 10.0
_HISTORY_ENOUGH: Final = timedelta(hours=23)
_HOUR: Final = timedelta(hours=1)


class Forecaster(Protocol):
    """Our own forecast, as `gridtide.forecasting.own.forecast` makes it; raises a `CarbonError` when it cannot."""

    def __call__(self, history: Series, *, issued_at: datetime, horizon: timedelta, step: timedelta) -> Series:
        """Forecast *history* for *horizon* from *issued_at* on."""
        ...


@dataclass(frozen=True, slots=True)
class Answer:
    """
    What a source says to one question.

    Args:
        source: Who says it.
        series: Values; None when there are none.
        step: Of the ladder.
        age: Of the information.
        problem: Why it is no better; empty when nothing is wrong.
        complete: Whether everything that the source promises for the question is there.
        refused: Whether asking it again soon is useless.
        until: Instant up to which it needs no better one.
    """

    source: Source
    series: Series | None
    step: FreshnessStep
    age: timedelta | None = None
    problem: str = ""
    complete: bool = False
    refused: bool = False
    until: datetime | None = None

    @property
    def is_fresh(self) -> bool:
        """Whether it is live or cached."""
        return self.step in {FreshnessStep.LIVE, FreshnessStep.CACHED}

    @property
    def rank(self) -> int:
        """Order among answers of several sources: lower is better."""
        return 2 * (not self.complete) + (not self.is_fresh)


class Ladder:
    """
    Climbs down the ladder with one source.

    Args:
        forecaster: Makes our own forecast; None for none.
        clock: Monotonic time.
        history_span: How much of the past the forecaster gets.
        decision_bound: Oldest information that still serves a decision.
    """

    def __init__(
        self,
        forecaster: Forecaster | None,
        clock: Clock,
        *,
        history_span: timedelta,
        decision_bound: timedelta = freshness.DECISION_BOUND,
    ) -> None:
        self._decision_bound = decision_bound
        self._clock = clock
        self._forecaster = forecaster
        self._history_span = history_span

    async def answer(self, source: Source, query: SignalQuery, now: datetime) -> Answer:
        """Live, cached or stale values, within ten seconds; ``step`` is ``none`` when the source has none of them."""
        window, bound = query.window, self._bound(query)
        forecast, current, past = await self._parts(source, query, now, bound)
        if forecast is not None and forecast.series is not None and current is not None and current.late:
            forecast = _as_late_as(current, forecast)
        wanted = [part for part in (forecast, current, past) if part is not None]
        used = [part for part in wanted if part.is_usable(bound)]
        problem = "; ".join(dict.fromkeys(part.problem for part in wanted if part.problem))
        if not used:
            return Answer(
                source,
                None,
                FreshnessStep.NONE,
                problem=problem or f"{source.name} has nothing for this span",
                refused=bool(wanted) and all(part.refused for part in wanted),
            )
        series = _overlaid(used)
        if query.forecast and window.end > now:
            series, own_problem = await self._extended(source, series, window, now)
            problem = "; ".join(filter(None, (problem, own_problem)))
        if not series.clip(_acceptable(source, window, now)):
            problem = "; ".join(filter(None, (f"{source.name} has nothing for this span", problem)))
            return Answer(source, None, FreshnessStep.NONE, problem=problem)
        return Answer(
            source,
            series,
            max((part.step for part in used), key=_STEPS.index),
            max((part.age for part in used if part.age is not None), default=None),
            problem,
            complete=bool(series.clip(window)) and _is_complete(forecast, current, past, bound, now),
            until=min((part.until for part in used if part.until is not None), default=None),
        )

    async def profile(self, source: Source, query: SignalQuery, now: datetime) -> Answer | None:
        """Our own forecast from what is known of the past, however old, without asking the source; None for none."""
        if query.window.end <= now:
            return None
        past = await source.past.read(self._history(now), fetch=False)
        known = _joined(past.series, source.known())
        if known is None or not (seen := until(known, to_ns(now))):
            return None
        try:
            own = self._own(source, seen, now, query.window.end)
        except CarbonError:
            return None
        return None if own is None else Answer(source, own, FreshnessStep.PROFILE, now - seen.end, complete=True)

    def _bound(self, query: SignalQuery) -> timedelta:
        return freshness.stale_bound(query.purpose, query.max_age, decision_bound=self._decision_bound)

    # -- parts -----------------------------------------------------------------------------------------------------

    async def _parts(
        self, source: Source, query: SignalQuery, now: datetime, bound: timedelta
    ) -> tuple[Part | None, Part | None, Part | None]:
        """Forecast, present value and past; the present comes first where a small budget has to do for both."""
        if self._lives_on_the_past(source, query, now):
            current = await self._current(source, query, now, bound, None, patience=_SOURCE_PATIENCE_S)
            return None, current, await self._past_for_own(source, query.window, now)
        began = self._clock.monotonic()
        forecast, past = await asyncio.gather(
            self._forecast(source, query, now, bound), self._past(source, query.window, now)
        )
        left = _SOURCE_PATIENCE_S - (self._clock.monotonic() - began)
        return forecast, await self._current(source, query, now, bound, forecast, patience=left), past

    def _lives_on_the_past(self, source: Source, query: SignalQuery, now: datetime) -> bool:
        """Whether all that is ahead will be our own forecast, so that the past is fetched for that, once."""
        wanted = query.forecast and now < query.window.end and query.window.start >= now - self._history_span
        return wanted and self._forecaster is not None and not source.offers(Product.FORECAST)

    async def _forecast(self, source: Source, query: SignalQuery, now: datetime, bound: timedelta) -> Part | None:
        if not query.forecast or query.window.end <= now or not source.offers(Product.FORECAST):
            return None
        return await source.part(Product.FORECAST, query.window, bound=bound, max_age=query.max_age)

    async def _current(
        self,
        source: Source,
        query: SignalQuery,
        now: datetime,
        bound: timedelta,
        forecast: Part | None,
        *,
        patience: float,
    ) -> Part | None:
        """The present value; also as a witness for a forecast that does not say when it was made."""
        if query.window.end <= now or not source.offers(Product.CURRENT):
            return None
        if forecast is not None and forecast.series is not None and forecast.is_usable(bound):
            known_now = forecast.series.curve_at(to_ns(now)) is not None
            auctioned = forecast.series.signal.kind is SignalKind.PRICE  # a result, which needs no witness
            if known_now and (auctioned or forecast.series.signal.issued_at is not None):
                return None
        blocked = forecast is not None and forecast.blocked
        try:
            async with asyncio.timeout(max(patience, 0.0)):
                return await source.part(
                    Product.CURRENT, query.window, bound=bound, max_age=query.max_age, fetch=not blocked
                )
        except TimeoutError:
            return Part(None, FreshnessStep.NONE, problem=f"{source.name} is slow to answer")

    async def _past(self, source: Source, window: Interval, now: datetime) -> Part | None:
        if window.start >= now - source.info.period - source.info.lag:
            return None
        return await source.past.read(Interval(window.start, min(window.end, now)))

    async def _past_for_own(self, source: Source, window: Interval, now: datetime) -> Part | None:
        """The part of the window that has passed, out of what is fetched for our own forecast; None for too little."""
        await self._recent(source, now)
        if window.start >= now - source.info.period - source.info.lag:
            return None
        part = await source.past.read(Interval(window.start, now), fetch=False)
        return replace(part, step=FreshnessStep.LIVE, age=None) if part.is_fresh else None

    async def _recent(self, source: Source, now: datetime) -> Part:
        return await source.past.recent(self._history(now), enough=_HISTORY_ENOUGH, patience=_HISTORY_PATIENCE_S)

    # -- our own forecast ------------------------------------------------------------------------------------------

    async def _extended(self, source: Source, series: Series, window: Interval, now: datetime) -> tuple[Series, str]:
        """Fill the part of the window that lies ahead and is not known with our own forecast; with why not."""
        ahead = Interval(max(now, window.start), window.end)
        auctioned = series.signal.kind is SignalKind.PRICE  # known or not; nothing is made up
        if self._forecaster is None or auctioned or series.covers(ahead):
            return series, ""
        patient = source.offers(Product.FORECAST)  # else the past was waited for already
        past = await (self._recent(source, now) if patient else source.past.read(self._history(now), fetch=False))
        known = _joined(past.series, until(series, to_ns(now)))
        try:
            own = self._own(source, known, now, window.end) if known else None
            problem = "" if own is not None else "no own forecast: nothing is known of the past"
        except CarbonError as error:
            own, problem = None, f"no own forecast: {error.message}"
        if own is None:
            return held(series, now, period=source.info.period), problem
        return _labelled_extension(series, own, now), ""

    def _history(self, now: datetime) -> Interval:
        return Interval(now - self._history_span, now)

    def _own(self, source: Source, known: Series, now: datetime, end: datetime) -> Series | None:
        if self._forecaster is None:
            return None
        step = next((step for step in _FORECAST_STEPS if step >= source.info.period), _HOUR)
        own = self._forecaster(known, issued_at=now, horizon=max(end - now, step), step=step)
        return own or None


def _acceptable(source: Source, window: Interval, now: datetime) -> Interval:
    """Span in which values answer the question: of a source that lags, the newest ones end before now."""
    if window.end <= now:
        return window
    newest = now - source.info.lag - 2 * source.info.period
    return Interval(min(window.start, newest), window.end)


def _is_complete(
    forecast: Part | None, current: Part | None, past: Part | None, bound: timedelta, now: datetime
) -> bool:
    if past is not None and not past.is_fresh:
        return False
    if forecast is not None and not forecast.is_usable(bound):
        return False
    if current is None or current.is_usable(bound):
        return True
    return forecast is not None and forecast.series is not None and forecast.series.curve_at(to_ns(now)) is not None


def _as_late_as(current: Part, forecast: Part) -> Part:
    """A forecast without an issue time is no newer than the values its source has now."""
    if forecast.series is None or forecast.series.signal.issued_at is not None:
        return forecast
    age = max(filter(None, (forecast.age, current.age)), default=None)
    return Part(forecast.series, FreshnessStep.STALE, age, current.problem, forecast.refused, late=True)


def _overlaid(parts: list[Part]) -> Series:
    joined: Series | None = None
    for part in parts:
        joined = _joined(joined, part.series)
    assert joined is not None  # noqa: S101 - usable parts have values
    return joined


def _joined(base: Series | None, top: Series | None) -> Series | None:
    if base is None or top is None:
        return base if top is None else top
    return overlay(base, top)


def _labelled_extension(series: Series, own: Series, now: datetime) -> Series:
    """*series* over *own*, with labels that say from where on it is ours and keep the provider's issue time."""
    joined = overlay(own, series)
    known = series.curve_at(to_ns(now))
    if known is None:
        return joined.relabel(joined.signal.with_(issued_at=own.signal.issued_at, method=own.signal.method))
    method = f"{series.signal.method or series.signal.provider} to {isoformat(series.end)}, then {own.signal.method}"
    issued = series.signal.issued_at or own.signal.issued_at
    return joined.relabel(joined.signal.with_(issued_at=issued, method=method))

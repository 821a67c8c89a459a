"""
The grid client: the best values there are for a zone, with how good they are and why they are no better.

For one question it climbs down the freshness ladder: every source of the first group (one signal kind, one scope) for
fresh values, then stale ones within the bound, then their typical profile, then the yearly table, then ``none``. It
never raises for missing data. Values of two providers never meet in one answer, and a comparison of several zones
stays on one provider, or on the yearly table for all of them (invariants I4, I14).
"""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final, Self

from gridtide.domain.decision import FreshnessStep
from gridtide.domain.instants import isoformat
from gridtide.domain.interval import Interval
from gridtide.domain.ports import CrossCheck, Reading
from gridtide.domain.series import Series
from gridtide.domain.signal import Scope, Signal, SignalKind
from gridtide.grid import chain
from gridtide.grid.cache import DEFAULT_TTL, Cache, MemoryStore
from gridtide.grid.choice import Chooser
from gridtide.grid.desk import Desk
from gridtide.grid.freshness import DECISION_BOUND
from gridtide.grid.ladder import Ladder
from gridtide.grid.memo import Memo
from gridtide.grid.roster import Roster
from gridtide.grid.static import StaticTable
from gridtide.grid.witness import Witness

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Callable, Sequence
    from datetime import datetime
    from types import TracebackType

    from gridtide.domain.ports import Clock, SignalQuery
    from gridtide.grid.desk import Part, Update
    from gridtide.grid.fetch import Fetcher
    from gridtide.grid.ladder import Answer, Forecaster
    from gridtide.grid.provider import Provider
    from gridtide.grid.source import Source

__all__ = ["GridClient", "Rules"]

_WARM_AFTER_S: Final = 60.0
_HOUR: Final = timedelta(hours=1)
_DAY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """
    Choices of whoever sets the client up.

    Args:
        prefer: Provider names that go first, in that order.
        allow_signal_mix: Whether another signal kind or scope may stand in; it is labelled then.
        use_static: Whether the yearly table is the last step.
        ttl: How long an answer is fresh at least.
        decision_bound: Oldest information that still serves a decision, unless the question says otherwise.
        patience: How long a fetch is waited for when something stale is at hand.
        history_span: How much of the past our own forecast gets.
        tolerance: Ratio up to which a witness agrees with the answer.
        warm_history: Whether a process that has lived a minute fetches that past once a day while all is well, so
            that a typical profile is at hand when nothing else is.
    """

    prefer: tuple[str, ...] = ()
    allow_signal_mix: bool = False
    use_static: bool = True
    ttl: timedelta = DEFAULT_TTL
    decision_bound: timedelta = DECISION_BOUND
    patience: timedelta = timedelta(seconds=2)
    history_span: timedelta = timedelta(days=28)
    tolerance: float = 2.0
    warm_history: bool = True


class GridClient:
    """
    Reads signals of zones; a `GridData`.

    Args:
        providers: Sources that are set up, in no particular order.
        fetcher: Asks them; closed with the client.
        clock: Wall and monotonic time.
        cache: Keeps answers; in this process's memory when left out.
        rules: Choices of whoever sets it up.
        forecaster: Makes our own forecast where a provider's horizon is short; None for none.
        static: The yearly table.
        witnesses: Second sources that answers are checked against, first one that covers the zone; none by default,
            which costs no calls.
        rng: Source of jitter.
    """

    def __init__(
        self,
        providers: Sequence[Provider],
        *,
        fetcher: Fetcher,
        clock: Clock,
        cache: Cache | None = None,
        rules: Rules | None = None,
        forecaster: Forecaster | None = None,
        static: StaticTable | None = None,
        witnesses: Sequence[Provider] = (),
        rng: random.Random | None = None,
    ) -> None:
        self.rules: Final = rules or Rules()
        self._fetcher = fetcher
        self._clock = clock
        self._cache = cache or Cache(MemoryStore(clock), clock=clock)
        self._desk = Desk(
            fetcher,
            self._cache,
            clock,
            rng or random.Random(),  # noqa: S311 - jitter, nothing secret
            self.rules.ttl,
            self.rules.patience,
        )
        self._ladder = Ladder(
            forecaster, clock, history_span=self.rules.history_span, decision_bound=self.rules.decision_bound
        )
        self._static = static or StaticTable()
        self._roster = Roster(providers, witnesses, self._desk, self._static, prefer=self.rules.prefer)
        alone = Ladder(None, clock, history_span=self.rules.history_span, decision_bound=self.rules.decision_bound)
        self._witness = Witness(alone, tolerance=self.rules.tolerance)
        self._chooser = Chooser(self._ladder, clock)
        self._memo = Memo(clock)
        self._has_forecaster = forecaster is not None
        self._born = clock.monotonic()
        self._warmed: dict[tuple[str, str], float] = {}
        self._tasks: set[asyncio.Task[Part]] = set()

    # -- reading ---------------------------------------------------------------------------------------------------

    async def read(self, query: SignalQuery) -> Reading:
        """Best values available now; never raises for missing data, says ``none`` instead."""
        return self._memo.get(query) or await self._read(query)

    async def read_many(self, queries: Sequence[SignalQuery]) -> tuple[Reading, ...]:
        """
        Values that may be compared: all from one provider and of one kind, or all from the yearly table.

        Args:
            queries: One per zone.

        Returns:
            One reading per query, in order.
        """
        if len(queries) <= 1:
            return tuple([await self.read(query) for query in queries])
        chains = [self._roster.candidates(query) for query in queries]
        tried: list[str] = []
        for first in chains[0]:
            sharing = [_same_kind_from(candidates, first) for candidates in chains]
            members = [candidate for candidate in sharing if candidate is not None]
            if len(members) < len(queries):
                continue
            readings = await asyncio.gather(
                *(self._read_from(member, query) for member, query in zip(members, queries, strict=True))
            )
            missing = [q.zone.key for q, r in zip(queries, readings, strict=True) if r.step is FreshnessStep.NONE]
            if not missing:
                return tuple(readings)
            tried.append(f"{first.name}: nothing for {', '.join(missing)}")
        reason = "; ".join(tried) or f"no provider covers {', '.join(q.zone.key for q in queries)} together"
        return tuple(
            self._last_step(query, query.kind, reason, tuple(tried), scope=Scope.LIFECYCLE) for query in queries
        )

    # -- around it -------------------------------------------------------------------------------------------------

    def listen(self, listener: Callable[[Update], None]) -> None:
        """Tell *listener* about every fetch, good or bad; it must be quick and not raise."""
        self._desk.listeners.append(listener)

    def sources(self) -> tuple[Source, ...]:
        """Everybody asked so far."""
        return self._roster.asked

    @property
    def tally(self) -> Counter[tuple[str, str]]:
        """Counts by (provider, outcome): calls, retries, logins, ok, and error codes."""
        return self._fetcher.tally

    def trust(self, provider: str) -> None:
        """Believe *provider* again after what looked like a changed unit turned out to be right."""
        for source in self._roster.asked:
            if source.name == provider:
                source.belief.restore()

    async def aclose(self) -> None:
        """Stop fetches under way and close connections."""
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._cache.aclose()
        await self._fetcher.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    # -- one question ----------------------------------------------------------------------------------------------

    async def _read(self, query: SignalQuery) -> Reading:
        """Climb down: groups of sources, their profiles, the yearly table, nothing."""
        if query.window.end > self._clock.now():
            query = replace(query, window=_roomy(query.window))
        groups = [[self._roster.source(c, query.zone) for c in g] for g in chain.groups(self._roster.candidates(query))]
        tried: list[str] = []
        reached: list[list[Source]] = []
        behind: Answer | None = None
        for group in groups:
            choice = await self._chooser.best(group, query)
            tried += choice.tried
            if choice.answer is not None and self._says_now(choice.answer, query):
                answer, check = await self._tested(choice.answer, query)
                if answer is not None:
                    reading = self._reading(answer, tried, groups[0][0], check)
                    self._memo.put(query, answer, reading)
                    self._warm(answer)
                    return reading
                tried += [check.note] if check else []
            elif choice.answer is not None:
                behind = behind or choice.answer
                tried.append(f"{choice.answer.source.name}: nothing is known after {isoformat(_end(choice.answer))}")
            if choice.refused:
                continue
            reached.append(group)
            if not self.rules.allow_signal_mix:
                break
        return await self._without(query, groups, reached, behind, tried)

    async def _without(
        self,
        query: SignalQuery,
        groups: Sequence[Sequence[Source]],
        reached: Sequence[Sequence[Source]],
        behind: Answer | None,
        tried: list[str],
    ) -> Reading:
        """What is left when nobody has usable values: a profile, the yearly table, or values that end before now."""
        for group in reached:
            profile = await self._chooser.profile(group, query)
            if profile is not None:
                return self._reading(profile, tried, groups[0][0])
        kind = reached[0][0].candidate.kind if reached else query.kind
        reason = "; ".join(tried) or self._roster.why_nobody(query)
        last = self._last_step(query, kind, reason, tuple(tried))
        if last.step is FreshnessStep.NONE and behind is not None:
            return self._reading(behind, tried, groups[0][0])
        return last

    def _says_now(self, answer: Answer, query: SignalQuery) -> bool:
        """Whether an answer reaches now, where the question does; old values alone decide nothing."""
        now = self._clock.now()
        if not query.forecast or not query.window.start <= now < query.window.end:
            return True
        return _end(answer) > now

    async def _read_from(self, candidate: chain.Candidate, query: SignalQuery) -> Reading:
        """Values of one provider only; ``none`` when it has nothing, typical profile included."""
        source = self._roster.source(candidate, query.zone)
        choice = await self._chooser.only(source, query)
        check: CrossCheck | None = None
        answer = choice.answer
        if answer is not None:
            answer, check = await self._tested(answer, query, stands_in=False)
        answer = answer or await self._chooser.profile([source], query)
        if answer is None:
            reason = "; ".join(choice.tried)
            return Reading(series=_nothing(query, query.kind), step=FreshnessStep.NONE, reason=reason)
        return self._reading(answer, list(choice.tried), source, check)

    async def _tested(
        self, answer: Answer, query: SignalQuery, *, stands_in: bool = True
    ) -> tuple[Answer | None, CrossCheck | None]:
        """
        *answer* with what a second source says of it.

        One that is absurd beside it gives way to the second source's own answer, where that may stand in for it, or
        to nothing.
        """
        witness = self._roster.witness(answer.source, query)
        if witness is None:
            return answer, None
        yearly = self._roster.plausible(answer.source.candidate, query.zone)
        heard = await self._witness.hear(answer, witness, query, self._clock.now(), yearly_mean=yearly)
        if not heard.refutes:
            until = [one.until for one in (answer, heard.answer) if one is not None and one.until is not None]
            return replace(answer, until=min(until, default=None)), heard.check
        same = answer.source.candidate.scope is witness.candidate.scope
        return (heard.answer if same and stands_in else None), heard.check

    def _reading(self, answer: Answer, tried: list[str], first: Source, check: CrossCheck | None = None) -> Reading:
        assert answer.series is not None  # noqa: S101 - an answer that is chosen has values
        reasons = list(tried)
        if answer.source.candidate.kind is not first.candidate.kind:
            reasons.append(f"{answer.source.candidate.kind} instead of {first.candidate.kind}")
        elif answer.source.candidate.scope is not first.candidate.scope:
            reasons.append(f"{answer.source.candidate.scope} instead of {first.candidate.scope} emissions")
        if check is not None:
            reasons.append(check.note)
        return Reading(
            series=answer.series,
            step=answer.step,
            reason="; ".join(reasons),
            age=answer.age,
            tried=tuple(tried),
            check=check,
        )

    def _last_step(
        self,
        query: SignalQuery,
        kind: SignalKind | None,
        reason: str,
        tried: tuple[str, ...],
        *,
        scope: Scope | None = None,
    ) -> Reading:
        """The yearly table, which knows averages only, or nothing."""
        allowed = kind in {None, SignalKind.AVERAGE} or (kind is SignalKind.MARGINAL and self.rules.allow_signal_mix)
        if not (self.rules.use_static and allowed):
            return Reading(series=_nothing(query, kind), step=FreshnessStep.NONE, reason=reason, tried=tried)
        series = self._static.series(query.zone, query.window, scope=scope)
        return Reading(series=series, step=FreshnessStep.STATIC, reason=reason, tried=tried)

    def _warm(self, answer: Answer) -> None:
        """Fetch the source's past in the background, once a day; not for a command that is over in a moment."""
        key, now = (answer.source.name, answer.source.candidate.key), self._clock.monotonic()
        wanted = self.rules.warm_history and self._has_forecaster and answer.is_fresh
        if not wanted or now - self._born < _WARM_AFTER_S or self._warmed.get(key, now) > now:
            return
        self._warmed[key] = now + _DAY.total_seconds()
        today = self._clock.now()
        task = asyncio.get_running_loop().create_task(
            answer.source.past.read(Interval(today - self.rules.history_span, today))
        )
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _end(answer: Answer) -> datetime:
    assert answer.series is not None  # noqa: S101 - an answer that is chosen has values
    return answer.series.end


def _same_kind_from(candidates: Sequence[chain.Candidate], first: chain.Candidate) -> chain.Candidate | None:
    """The candidate of the same provider, kind and scope as *first*."""
    for candidate in candidates:
        if candidate.provider is first.provider and (candidate.kind, candidate.scope) == (first.kind, first.scope):
            return candidate
    return None


def _roomy(window: Interval) -> Interval:
    """*window* up to the end of the hour after its last, so that the same question a moment later is answered by it."""
    end = window.end.replace(minute=0, second=0, microsecond=0) + 2 * _HOUR
    return Interval(window.start, end)


def _nothing(query: SignalQuery, kind: SignalKind | None) -> Series:
    return Series(Signal(kind or SignalKind.AVERAGE, provider="none", zone=query.zone.key), [], [], [])

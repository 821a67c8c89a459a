"""Which of several sources of one kind answers a question: fresh before stale, first before second, and steadily."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gridtide.domain.decision import FreshnessStep
from gridtide.domain.errors import CarbonError
from gridtide.grid.guard import FlutterGuard
from gridtide.grid.ladder import Answer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gridtide.domain.ports import Clock, SignalQuery
    from gridtide.grid.ladder import Ladder
    from gridtide.grid.source import Source

__all__ = ["Choice", "Chooser"]


@dataclass(frozen=True, slots=True)
class Choice:
    """
    The best answer of a group.

    Args:
        answer: None when nobody has values.
        tried: Who was asked and is no better, and why.
        refused: Whether everybody refused for good, and nobody ever gave values.
    """

    answer: Answer | None
    tried: tuple[str, ...]
    refused: bool


class Chooser:
    """
    Asks sources that may stand in for each other.

    Args:
        ladder: Climbed with each source.
        clock: Wall and monotonic time.
        guard: Keeps the choice steady.
    """

    def __init__(self, ladder: Ladder, clock: Clock, guard: FlutterGuard | None = None) -> None:
        self._ladder = ladder
        self._clock = clock
        self._guard = guard or FlutterGuard()

    async def best(self, sources: Sequence[Source], query: SignalQuery) -> Choice:
        """
        Best live, cached or stale answer of *sources*, which are of one kind and scope, best first.

        A source chosen less than a quarter of an hour ago stays while it has anything usable; otherwise the first
        with complete fresh values is taken, and only when nobody has them the best of the others.
        """
        subject = (query.zone.key, sources[0].candidate.kind, sources[0].candidate.scope)
        held = self._guard.held(subject, self._clock.monotonic())
        answers: list[Answer] = []
        tried: list[str] = []
        for source in sorted(sources, key=lambda s: s.name != held):
            answer = await self._answer(source, query)
            if answer.problem:
                tried.append(_named(source, answer.problem))
            if answer.series is None:
                answers.append(answer)
                continue
            if source.name == held or (answer.is_fresh and answer.complete):
                self._guard.choose(subject, source.name, self._clock.monotonic())
                return Choice(answer, tuple(tried), refused=False)
            answers.append(answer)
        usable = [answer for answer in answers if answer.series is not None]
        if not usable:
            refused = all(answer.refused and not answer.source.has_delivered for answer in answers)
            return Choice(None, tuple(tried), refused)
        best = min(usable, key=lambda answer: answer.rank)
        self._guard.choose(subject, best.source.name, self._clock.monotonic())
        return Choice(best, tuple(tried), refused=False)

    async def only(self, source: Source, query: SignalQuery) -> Choice:
        """Live, cached or stale answer of one source, whoever else there is."""
        answer = await self._answer(source, query)
        tried = (_named(source, answer.problem),) if answer.problem else ()
        return Choice(answer if answer.series is not None else None, tried, refused=answer.refused)

    async def profile(self, sources: Sequence[Source], query: SignalQuery) -> Answer | None:
        """First typical profile that one of *sources* has; None when nobody knows enough of the past."""
        for source in sources:
            try:
                answer = await self._ladder.profile(source, query, self._clock.now())
            except CarbonError:
                continue
            if answer is not None:
                return answer
        return None

    async def _answer(self, source: Source, query: SignalQuery) -> Answer:
        """Ask one source; parts that contradict each other are no answer, and no exception either."""
        try:
            return await self._ladder.answer(source, query, self._clock.now())
        except CarbonError as error:
            return Answer(source, None, FreshnessStep.NONE, problem=error.message)


def _named(source: Source, problem: str) -> str:
    return problem if problem.startswith(source.name) else f"{source.name}: {problem}"

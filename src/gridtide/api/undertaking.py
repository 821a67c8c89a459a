"""
One run of a function, from its wait to its end: its turn, what it draws from a budget, and how long it took.

Where a budget pays or lengths are learned, the run is kept in the user's records as those of ``gridtide run`` are, so
that both draw on one budget and learn from each other. A fault in the records never keeps the work from running.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Self

from ulid import ULID

from gridtide.accounting.savings import Footprint, Power, Saving, footprint, undelayed
from gridtide.api import allowance as allowances
from gridtide.api import wiring
from gridtide.api.adviser import Advice, Adviser
from gridtide.api.request import WorkRequest, instant_of
from gridtide.domain.effect import EffectKey, Receipt
from gridtide.domain.errors import CarbonError, ConfigurationError, InvalidInput
from gridtide.domain.interval import Interval
from gridtide.domain.workload import Elasticity
from gridtide.engine.recorder import Recorder
from gridtide.ledger.records import Ending, Outcome

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gridtide.api.allowance import Allowance
    from gridtide.api.decision import CarbonDecision
    from gridtide.domain.ports import Clock
    from gridtide.domain.series import Series
    from gridtide.ledger.journal import Journal
    from gridtide.planning.duration import RunTimes

__all__ = ["Undertaking", "prepared", "turn"]

_LOG: Final = logging.getLogger("gridtide.api.undertaking")
_LONGEST_NAP: Final = timedelta(minutes=30)
_SHORTEST_NAP: Final = timedelta(seconds=1)
_ASK_AGAIN: Final = timedelta(minutes=1)
_UNNAMED: Final = "python"
_TRUTH: Final = timedelta(seconds=3)
_DISK_S: Final = 10.0
"""How long a budget on a slow disk may take before the wait begins without it. [s]"""


class Undertaking:
    """
    Waits on entering until it is time to run, and accounts for the run on leaving.

    Args:
        adviser: Who knows when.
        region: Home.
        details: Fields of `gridtide.api.request.WorkRequest`.

    Attributes:
        answer: What the wait ended with.

    Raises:
        InvalidInput: A detail cannot be used, or there is no such budget.
        BudgetExhausted: The budget turns the work down.
    """

    answer: CarbonDecision

    def __init__(self, adviser: Adviser, region: str | None, details: Mapping[str, Any]) -> None:
        self._adviser = adviser
        self._region = region
        self._request = prepared(adviser, details)
        self._key = EffectKey(details.get("name") or _UNNAMED, str(ULID()))
        self._times: RunTimes | None = None
        self._allowance: Allowance | None = None
        self._records: _Records | None = None
        self._first: Advice | None = None
        self._last: Advice | None = None
        self._began: datetime | None = None

    @property
    def counts(self) -> bool:
        """Whether the end of the run is to be kept."""
        return self._request.learn_duration or bool(self._budget)

    @property
    def _budget(self) -> str:
        return self._adviser.settings.policies.budget if self._request.budget is None else self._request.budget

    async def __aenter__(self) -> Self:
        try:
            if self.counts:
                await self._open()
            self._last = await turn(
                self._adviser,
                self._request,
                self._region,
                times=self._times,
                allowance=self._allowance,
                first=self._first,
            )
            self.answer = self._last.answer
            await self._begin()
        except BaseException:
            await self._abandon()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._records is None or self._last is None or self._began is None:
            return
        try:
            outcome = await self._outcome(self._last, self._began, error)
            if self._allowance is not None:
                await self._allowance.settle(outcome, started=True, now=self._adviser.clock.now())
            await self._records.over(outcome, failed=error)
        except Exception as fault:  # noqa: BLE001 - the work is done, whatever its account
            _LOG.warning("what %s cost could not be worked out: %s", self._key.workload, type(fault).__name__)
            _LOG.debug("at the end of %s", self._key.workload, exc_info=True)

    # -- before ----------------------------------------------------------------------------------------------------

    async def _open(self) -> None:
        """Learn and reserve, before the wait."""
        if self._request.learn_duration:
            self._times = await self._adviser.run_times(self._request.name, self._request.length)
        self._first = await self._adviser.advise(self._request, self._region, times=self._times)
        if self._budget:
            await self._reserve(self._first)
        journal = await asyncio.to_thread(wiring.journal_in_time, self._adviser.settings, warn=_LOG.warning)
        self._records = _Records(journal, self._key)
        await self._records.accept(self._adviser.clock.now())

    async def _reserve(self, first: Advice) -> None:
        work, now = replace(first.workload, id=self._key.workload), self._adviser.clock.now()
        named = self._request.budget is not None
        if not named and work.power_w is None:
            _LOG.warning("policies.budget does not count %s: its power is not known; say power_w or vcpus", work.id)
            return
        policies = replace(self._adviser.settings.policies, budget=self._budget)
        settings = replace(self._adviser.settings, policies=policies)

        def draw() -> Allowance | None:
            opened = allowances.open_budget(settings, work, now=now, warn=_LOG.warning)
            if opened is None:
                return None
            grams = allowances.expected_grams(work, first.answer.decision, warn=_LOG.warning)
            return allowances.reserve(opened, work, self._key.occurrence, grams=grams, now=now, warn=_LOG.warning)

        try:
            async with asyncio.timeout(_DISK_S):
                self._allowance = await asyncio.to_thread(draw)
        except TimeoutError:
            _LOG.warning("the run of %s is not counted: its budget did not answer within %g s", work.id, _DISK_S)
        except InvalidInput as error:
            if named:
                raise
            raise ConfigurationError(error.message, hint=error.hint, field="policies.budget") from error

    async def _begin(self) -> None:
        """Write down that it begins, before it does."""
        self._began = self._adviser.clock.now()
        if self._records is None or self._last is None:
            return
        async with asyncio.TaskGroup() as both:  # side by side, since a disk that hangs must not hold it up twice
            both.create_task(self._records.begin(self._last, self._began))
            if self._allowance is not None:
                both.create_task(self._allowance.started(self.answer.decision, now=self._began))

    async def _abandon(self) -> None:
        """It does not run: nothing stays reserved, and nothing stays open."""
        with suppress(Exception):
            if self._allowance is not None:
                with suppress(TimeoutError):
                    async with asyncio.timeout(_DISK_S):
                        await asyncio.to_thread(self._allowance.give_back, now=self._adviser.clock.now())
            if self._records is not None:
                await self._records.given_up(self._adviser.clock.now())

    # -- after -----------------------------------------------------------------------------------------------------

    async def _outcome(self, last: Advice, began: datetime, error: BaseException | None) -> Outcome:
        now, work = self._adviser.clock.now(), last.workload
        power = Power(constant_w=work.power_w, profile_w=work.power_profile_w, pue=work.pue)
        first = self._first or last
        released = first.workload.release_at(first.answer.decision.decided_at)
        outcome = Outcome(
            workload=self._key.workload,
            occurrence=self._key.occurrence,
            ending=Ending.COMPLETED,
            ended_at=now,
            exit_code=0 if error is None else 1,
            original_start=released,
            intervals=(Interval(began, now),) if now > began else (),
            power=power,
            planned=_planned(last, first.reading.series, released, power),
            note="" if error is None else f"it raised {type(error).__name__}",
        )
        if outcome.planned is None or not outcome.intervals or self.answer.moves:
            return outcome
        truth = await self._adviser.reader.read_past(
            self._adviser.place(self._region),
            Interval(released, now),
            kind=outcome.planned.signal.kind,
            patience=_TRUTH,
        )
        return outcome.with_truth(truth.series)


class _Records:
    """
    The records of one run, written in order and never waited for long.

    Args:
        journal: Of the user.
        key: Name of the run.
    """

    def __init__(self, journal: Journal, key: EffectKey) -> None:
        for notice in journal.notices:
            _LOG.info(notice)
        self._journal = journal
        self._key = key
        self._recorder = Recorder(journal, tell=_LOG.warning)

    async def accept(self, at: datetime) -> None:
        """The run is taken care of."""
        key = self._key
        await self._recorder.write(lambda: self._journal.accept(key.workload, key.occurrence, at=at))

    async def begin(self, advice: Advice, at: datetime) -> None:
        """It begins, by that decision."""
        key, work, decision = self._key, advice.workload, advice.answer.decision
        series = advice.reading.series or None
        await self._recorder.write(lambda: self._journal.record(work, decision, series, occurrence=key.occurrence))
        await self._recorder.claim(key, at=at)
        await self._recorder.begun(key, Receipt(ref="python", at=at))

    async def over(self, outcome: Outcome, *, failed: BaseException | None) -> None:
        """It has ended."""
        detail = "exit 0" if failed is None else f"raised {type(failed).__name__}"
        await self._recorder.over(self._key, at=outcome.ended_at, detail=detail)
        await self._end(outcome)

    async def given_up(self, at: datetime) -> None:
        """It never began."""
        key, ending = self._key, Ending.CANCELLED
        await self._end(Outcome(workload=key.workload, occurrence=key.occurrence, ending=ending, ended_at=at))

    async def _end(self, outcome: Outcome) -> None:
        await self._recorder.write(lambda: self._journal.conclude(outcome))
        await asyncio.to_thread(self._journal.close)


async def turn(
    adviser: Adviser,
    request: WorkRequest,
    region: str | None,
    *,
    times: RunTimes | None = None,
    allowance: Allowance | None = None,
    first: Advice | None = None,
) -> Advice:
    """
    Wait until it is time; what a budget cannot pay for yet is held back.

    Asks again when newer values may be there, and goes on at the latest start at the latest, whatever is down; what
    goes wrong on the way leaves the last answer standing. Only the first question may fail.

    Args:
        adviser: Who knows when.
        request: As `prepared` made it.
        region: Home.
        times: Lengths by past runs.
        allowance: What the work draws from a budget.
        first: Advice of this instant, where it was asked for already.
    """
    clock, advice = adviser.clock, first
    while True:
        held = _held(allowance, advice)
        if advice is None or advice is not first or held is not None:
            advice = await _asked_again(adviser, request, region, times=times, held=held, last=advice)
        answer, first = advice.answer, None
        if answer.should_execute:
            adviser.forget(request.name)
            return advice
        now = clock.now()
        wake = min(answer.start, answer.decision.wake_at or answer.start, now + _LONGEST_NAP)
        wake = max(wake, now + _SHORTEST_NAP)
        if held is None or allowance is None:
            await clock.sleep_until(wake)  # type: ignore[attr-defined]  # a Waiter too
        else:
            await _until_paid(allowance, answer, clock, held=held, wake=wake)


async def _asked_again(
    adviser: Adviser,
    request: WorkRequest,
    region: str | None,
    *,
    times: RunTimes | None,
    held: datetime | None,
    last: Advice | None,
) -> Advice:
    """Newer advice, or the *last* one as it holds now where asking fails, for example because a file is gone."""
    try:
        return await adviser.advise(request, region, times=times, budget_from=held)
    except CarbonError as error:
        if last is None:
            raise
        now, start = adviser.clock.now(), last.answer.start if held is None else held
        _LOG.warning("the last plan of %s stands: %s", request.name, error.message)
        decision = replace(last.answer.decision, decided_at=now, wake_at=None)
        left = max(start - now, timedelta(0))
        return last._replace(answer=replace(last.answer, should_execute=not left, delay=left, decision=decision))


async def _until_paid(
    allowance: Allowance, answer: CarbonDecision, clock: Clock, *, held: datetime, wake: datetime
) -> None:
    """Wait until *wake*, or until the budget can pay or says another time, since others may give grams back."""
    latest = answer.latest_start or wake
    while (now := clock.now()) < min(wake, latest):
        await clock.sleep_until(min(wake, now + _ASK_AGAIN))  # type: ignore[attr-defined]  # a Waiter too
        if clock.now() >= latest or await allowance.ask(answer.decision, now=clock.now()):
            return
        if abs(allowance.affordable_by(latest) - held) >= _ASK_AGAIN:
            return


def _held(allowance: Allowance | None, advice: Advice | None) -> datetime | None:
    """Until when a budget holds the work back; None where it does not."""
    if allowance is None or allowance.answer.admitted or advice is None:
        return None
    latest = advice.answer.latest_start
    return None if latest is None else allowance.affordable_by(latest)


def prepared(adviser: Adviser, details: Mapping[str, Any]) -> WorkRequest:
    """
    Request of work that is waited for: named, so that its delay is bounded, with its deadline as an instant.

    A time of day as deadline is the next one now, not the one after it when that has passed.
    """
    request = WorkRequest.of(Elasticity.ELASTIC, details)
    deadline = instant_of(request.deadline, adviser.settings, adviser.clock.now())
    return replace(request, name=request.name or adviser.next_name(), deadline=deadline)


def _planned(last: Advice, first: Series, released: datetime, power: Power) -> Saving | None:
    """Saving of the plan it was started by, on what was known then; None where too little was."""
    made = last.answer.decision
    if made.signal is None or made.mean is None or not made.intervals:
        return None
    with suppress(CarbonError):
        alone = undelayed(released, made.intervals, overhead=timedelta(0))
        run = Footprint(mean=made.mean, grams=made.grams)
        return Saving(baseline="run-now", run=run, against=footprint(first, (alone,), power), signal=made.signal)
    return None

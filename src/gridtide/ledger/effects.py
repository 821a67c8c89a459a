"""
Effects in the journal: claimed on the disk before they happen, each at most once (invariant I3).

An effect goes intent -> started -> finished, or ends as failed when it is known not to have happened. The table holds
one start per occurrence that has not failed, by a unique index, so no race and no crash leads to a second one.
"""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING, Final

from gridtide.domain.effect import EffectKey, EffectState, Verb
from gridtide.domain.errors import Conflict
from gridtide.domain.instants import isoformat, parse_instant
from gridtide.ledger.owner import is_gone
from gridtide.ledger.records import IntentRecord
from gridtide.ledger.store import Store

if TYPE_CHECKING:
    from datetime import datetime

    from gridtide.domain.effect import Receipt

__all__ = ["Effects"]

_CLAIM: Final = (
    "INSERT INTO intents (workload, occurrence, epoch, verb, state, owner, intended_at) "
    "VALUES (?, ?, ?, ?, 'intent', ?, ?)"
)
_START: Final = (
    "UPDATE intents SET state = 'started', started_at = ?, ref = ? "
    "WHERE workload = ? AND occurrence = ? AND epoch = ? AND verb = ? AND state = 'intent'"
)
_END: Final = (
    "UPDATE intents SET state = ?, ended_at = ?, detail = ? "
    "WHERE workload = ? AND occurrence = ? AND epoch = ? AND verb = ? AND state IN ('intent', 'started')"
)
_LIST: Final = (
    "SELECT workload, occurrence, epoch, verb, state, owner, ref, intended_at, started_at, ended_at, detail "
    "FROM intents WHERE workload = ? AND occurrence = ? ORDER BY seq"
)


class Effects(Store):
    """The part of the journal that the engine acts by; an `IntentJournal`."""

    def intend(self, key: EffectKey, *, at: datetime) -> None:
        """
        Claim *key*, on the disk, before acting.

        Raises:
            Conflict: It, or another start of the same occurrence, was claimed before. The facts say in which
                ``epoch`` and ``state``, and whether its ``owner_is_gone``.
            JournalUnavailable: Nothing can be written.
        """
        try:
            with self.writing(durable=True) as db:
                db.execute(_CLAIM, (*_columns(key), self.owner, isoformat(at)))
        except sqlite3.IntegrityError:
            raise self._conflict(key) from None

    def started(self, key: EffectKey, receipt: Receipt) -> None:
        """Write down under which name the platform is about to carry it out."""
        self._move(key, _START, isoformat(receipt.at), receipt.ref)

    def finished(self, key: EffectKey, *, at: datetime, detail: str = "") -> None:
        """Write down that it is over."""
        self._move(key, _END, EffectState.FINISHED.value, isoformat(at), detail)

    def failed(self, key: EffectKey, *, at: datetime, detail: str = "") -> None:
        """Write down that it is known not to have happened; the next epoch may try again."""
        self._move(key, _END, EffectState.FAILED.value, isoformat(at), detail)

    def intents(self, workload: str, occurrence: str) -> list[IntentRecord]:
        """Every effect on that occurrence, in the order they were meant."""
        return [_record(*row) for row in self.read(_LIST, workload, occurrence)]

    def _move(self, key: EffectKey, statement: str, *facts: str) -> None:
        """One transition; refused when the effect is not where it should be."""
        with self.writing(durable=True) as db:
            moved = db.execute(statement, (*facts, *_columns(key))).rowcount
        if moved != 1:
            raise Conflict(f"{key} has already moved on in the journal")

    def _conflict(self, key: EffectKey) -> Conflict:
        known = [i for i in self.intents(key.workload, key.occurrence) if i.key.verb is key.verb]
        held = next((i for i in reversed(known) if i.state is not EffectState.FAILED or i.key == key), None)
        if held is None:
            return Conflict(f"{key} was claimed by somebody else")
        return Conflict(
            f"{key.verb} of {key.workload}/{key.occurrence} was already claimed at {isoformat(held.intended_at)} "
            f"and is {held.state}",
            hint=f"`gridtide explain --id {key.occurrence}` tells what became of it",
            epoch=held.key.epoch,
            state=held.state,
            ref=held.ref,
            owner_is_gone=is_gone(held.owner),
        )


def _columns(key: EffectKey) -> tuple[str, str, int, str]:
    return key.workload, key.occurrence, key.epoch, key.verb.value


def _record(
    workload: str,
    occurrence: str,
    epoch: int,
    verb: str,
    state: str,
    *rest: str,
) -> IntentRecord:
    owner, ref, intended, started, ended, detail = rest
    return IntentRecord(
        key=EffectKey(workload, occurrence, epoch, Verb(verb)),
        state=EffectState(state),
        owner=owner,
        ref=ref,
        intended_at=parse_instant(intended),
        started_at=parse_instant(started) if started else None,
        ended_at=parse_instant(ended) if ended else None,
        detail=detail,
    )

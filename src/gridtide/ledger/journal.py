"""
The local records: decisions with their inputs, effects from intent to end, outcomes with what they saved.

SQLite with a write-ahead log, one file per user. See `gridtide.ledger.store` for how it goes on without a disk and
`gridtide.ledger.effects` for how a crash at any step leaves at most one start.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from ulid import ULID

from gridtide.domain.errors import JournalUnavailable, MalformedFile
from gridtide.domain.instants import isoformat, parse_instant
from gridtide.ledger import codec
from gridtide.ledger.effects import Effects
from gridtide.ledger.owner import is_gone
from gridtide.ledger.records import DecisionRecord, Ending, Outcome, Run
from gridtide.planning.question import Question

if TYPE_CHECKING:
    import sqlite3
    from datetime import datetime

    from gridtide.domain.decision import Decision
    from gridtide.domain.series import Series
    from gridtide.domain.workload import Workload
    from gridtide.planning.plan import PlanOptions

__all__ = ["Journal"]

_ACCEPT: Final = (
    "INSERT INTO workloads VALUES (?, ?, ?, ?) ON CONFLICT (workload, occurrence) DO UPDATE SET owner = excluded.owner"
)
_UNENDED: Final = (
    "SELECT workload, occurrence, owner FROM workloads AS w WHERE NOT (workload = ? AND occurrence = ?) AND NOT EXISTS "
    "(SELECT 1 FROM outcomes AS o WHERE o.workload = w.workload AND o.occurrence = w.occurrence)"
)
_CONCLUDE: Final = (
    "INSERT INTO outcomes SELECT ?, ?, ?, ?, ?, ?, coalesce(max(seq), 0) + 1 FROM outcomes WHERE true "
    "ON CONFLICT (workload, occurrence) DO UPDATE SET ended_at = excluded.ended_at, "
    "ending = excluded.ending, exit_code = excluded.exit_code, body = excluded.body"
)
_SUCCESSFUL: Final = (
    "SELECT body FROM outcomes WHERE workload = ? AND ending = 'completed' AND exit_code = 0 ORDER BY seq DESC LIMIT ?"
)
_DECIDE: Final = (
    "INSERT INTO decisions "
    "(id, workload, occurrence, decided_at, action, reason, question, decision, series) "
    "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
_DECISIONS: Final = (
    "SELECT id, occurrence, question, decision FROM decisions "
    "WHERE workload = coalesce(?, workload) AND occurrence = coalesce(?, occurrence) ORDER BY seq DESC LIMIT ?"
)
_RUNS: Final = (
    "SELECT workload, occurrence, accepted_at, owner FROM workloads "
    "WHERE occurrence = coalesce(?, occurrence) ORDER BY rowid DESC LIMIT ?"
)
_MOST_DECISIONS_OF_A_RUN: Final = 1000


class Journal(Effects):
    """
    Everything Gridtide remembers on this machine.

    Args:
        path: Of the file, as `gridtide.ledger.location.state_file` names it; None keeps the records in memory.
    """

    # -- occurrences -----------------------------------------------------------------------------------------------

    def accept(self, workload: str, occurrence: str, *, at: datetime) -> None:
        """
        Write down that this process takes care of an occurrence; a later process may take it over.

        Others whose process died without a word get their ending here, so that each accepted one has one (I2). Never
        raises: what cannot be written is counted and said in `notices`.
        """
        with self.losing("an acceptance"), self.writing() as db:
            db.execute(_ACCEPT, (workload, occurrence, isoformat(at), self.owner))
        with suppress(JournalUnavailable):
            for other, name, owner in self.read(_UNENDED, workload, occurrence):
                if is_gone(owner):
                    self._end_orphan(other, name, at=at)

    def conclude(self, outcome: Outcome) -> None:
        """
        Keep the one ending of an occurrence; called again it replaces it (a realised saving becomes known later).

        Never raises: what cannot be written is counted and said in `notices`.
        """
        facts = (outcome.workload, outcome.occurrence, isoformat(outcome.ended_at), outcome.ending.value)
        with self.losing("an outcome"), self.writing() as db:
            db.execute(_CONCLUDE, (*facts, outcome.exit_code, codec.dumps(outcome, keep=_refuse_series)))

    def outcome(self, workload: str, occurrence: str) -> Outcome | None:
        """How that occurrence ended, if it did."""
        rows = self.read("SELECT body FROM outcomes WHERE workload = ? AND occurrence = ?", workload, occurrence)
        return codec.loads(rows[0][0], find=self._series) if rows else None

    def outcomes(self, limit: int = 10) -> list[Outcome]:
        """Latest endings, newest first."""
        rows = self.read("SELECT body FROM outcomes ORDER BY seq DESC LIMIT ?", limit)
        return [codec.loads(body, find=self._series) for (body,) in rows]

    def run_times(self, workload: str, limit: int = 50) -> list[timedelta]:
        """
        How long the latest successful runs of a workload took, oldest first; pauses and what they cost left out.

        A run counts that completed with exit code 0; one whose length nobody saw, as after a wait, does not.

        Args:
            workload: Whose.
            limit: Most runs to look at.
        """
        rows = self.read(_SUCCESSFUL, workload, limit)
        found = [codec.loads(body, find=self._series).length for (body,) in reversed(rows)]
        return [length for length in found if length > timedelta(0)]

    def runs(self, limit: int = 10, *, occurrence: str | None = None) -> list[Run]:
        """Latest occurrences with all that is known of each, newest first."""
        return [
            Run(
                workload=workload,
                occurrence=name,
                accepted_at=parse_instant(accepted),
                owner_is_gone=is_gone(owner),
                decisions=tuple(self.last(_MOST_DECISIONS_OF_A_RUN, workload=workload, occurrence=name)),
                intents=tuple(self.intents(workload, name)),
                outcome=self.outcome(workload, name),
            )
            for workload, name, accepted, owner in self.read(_RUNS, occurrence, limit)
        ]

    # -- decisions -------------------------------------------------------------------------------------------------

    def record(
        self,
        workload: Workload,
        decision: Decision,
        series: Series | None,
        *,
        occurrence: str = "",
        question: Question | None = None,
        method: str | None = None,
        options: PlanOptions | None = None,
    ) -> str:
        """
        Keep a decision with its inputs; returns the record's id.

        Never raises: what cannot be written is counted and said in `notices`.

        Args:
            workload: What it was decided for.
            decision: What was decided.
            series: The values it stands on.
            occurrence: Which run of the workload; empty for a plan that was only asked for.
            question: The whole question, where it was more than a plan.
            method: Method that was asked for, for a mere plan; the one that answered when left out.
            options: Options of a mere plan.
        """
        asked = question or Question(
            workload=workload,
            now=decision.decided_at,
            series=series,
            step=decision.freshness,
            step_reason=decision.freshness_reason,
            method=method or decision.method,
            options=options,
            alone=True,
        )
        identifier = str(ULID.from_datetime(decision.decided_at))
        with self.losing("a decision"), self.writing() as db:
            series_kept: list[str] = []

            def keep(values: Series) -> str:
                series_kept.append(_keep_series(db, values))
                return series_kept[-1]

            row = (
                identifier,
                workload.id,
                occurrence,
                isoformat(decision.decided_at),
                decision.action.value,
                decision.reason.value,
                codec.dumps(asked, keep=keep),
                codec.dumps(decision, keep=keep),
                " ".join(series_kept),
            )
            db.execute(_DECIDE, row)
        return identifier

    def last(
        self, limit: int = 10, *, workload: str | None = None, occurrence: str | None = None
    ) -> list[DecisionRecord]:
        """Latest decisions, newest first; of one workload or occurrence if asked."""
        return [self._decision(*row) for row in self.read(_DECISIONS, workload, occurrence, limit)]

    def decision(self, identifier: str) -> DecisionRecord | None:
        """The decision of that id."""
        rows = self.read("SELECT id, occurrence, question, decision FROM decisions WHERE id = ?", identifier)
        return self._decision(*rows[0]) if rows else None

    # -- inside ----------------------------------------------------------------------------------------------------

    def _end_orphan(self, workload: str, occurrence: str, *, at: datetime) -> None:
        intents = self.intents(workload, occurrence)
        if not all(is_gone(intent.owner) for intent in intents):
            return
        begun = any(intent.started_at is not None for intent in intents)
        note = "its process died, and nobody saw how it went on" if begun else "its process died before it began"
        ending = Ending.LOST if begun else Ending.NOT_STARTED
        self.conclude(
            Outcome(workload=workload, occurrence=occurrence, ending=ending, ended_at=at, note=note),
        )

    def _decision(self, identifier: str, occurrence: str, question: str, decision: str) -> DecisionRecord:
        return DecisionRecord(
            id=identifier,
            occurrence=occurrence,
            question=codec.loads(question, find=self._series),
            decision=codec.loads(decision, find=self._series),
        )

    def _series(self, digest: str) -> Series:
        rows = self.read("SELECT body FROM series WHERE digest = ?", digest)
        if not rows:
            raise MalformedFile(f"the values {digest} of a record are missing from the journal")
        return codec.unpack_series(rows[0][0])


def _keep_series(db: sqlite3.Connection, values: Series) -> str:
    packed = codec.pack_series(values)
    digest = codec.digest_of(packed)
    db.execute("INSERT OR IGNORE INTO series VALUES (?, ?)", (digest, packed))
    return digest


def _refuse_series(_series: Series) -> str:
    raise TypeError("an outcome holds no series")

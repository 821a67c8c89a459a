"""
Carbon budgets that many processes draw on at once: the state of each token bucket, and every reservation.

The arithmetic is `gridtide.accounting.budget`; here it happens inside one write transaction, so that two admissions
can never both take the last grams. A reservation has an id of its caller's choosing and counts once, however often
it is asked for; what became of it is written once too.
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final, NamedTuple

from gridtide.accounting import budget as rules
from gridtide.accounting.budget import Admission, Budget, BudgetMode, BudgetState
from gridtide.domain.errors import InvalidInput
from gridtide.domain.instants import isoformat, parse_instant
from gridtide.ledger.owner import is_gone
from gridtide.ledger.shared_file import SharedFile

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable
    from datetime import datetime
    from pathlib import Path

__all__ = ["BudgetBook", "Holder", "PeriodTotals", "Reclaimed"]

_TABLES: Final = """
CREATE TABLE IF NOT EXISTS states (
    budget TEXT PRIMARY KEY, available_g REAL NOT NULL, reserved_g REAL NOT NULL, spent_g REAL NOT NULL,
    runs INTEGER NOT NULL, updated_at TEXT NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS reservations (
    id TEXT PRIMARY KEY, budget TEXT NOT NULL, reserved_g REAL NOT NULL, admitted_at TEXT NOT NULL,
    settled_at TEXT, actual_g REAL, run_now_g REAL
) STRICT;
CREATE INDEX IF NOT EXISTS settled ON reservations (budget, settled_at);
CREATE TABLE IF NOT EXISTS budgets (
    name TEXT PRIMARY KEY, grams REAL NOT NULL, period_s REAL NOT NULL, mode TEXT NOT NULL, carry_over REAL NOT NULL,
    warn_at REAL NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS holders (
    id TEXT PRIMARY KEY, workload TEXT NOT NULL, occurrence TEXT NOT NULL, owner TEXT NOT NULL, until TEXT NOT NULL
) STRICT;
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class PeriodTotals:
    """
    What a period cost, with the number of runs beside the saving, so that more runs do not hide behind it.

    Attributes:
        start: Of the period.
        runs: Settled in it.
        grams: Emitted by them. [gCO2eq]
        run_now_grams: What they would have emitted at once; None when unknown for any of them. [gCO2eq]
    """

    start: datetime
    runs: int
    grams: float
    run_now_grams: float | None

    @property
    def saved_g(self) -> float | None:
        """Avoided against run-now; negative for a loss. [gCO2eq]"""
        return None if self.run_now_grams is None else self.run_now_grams - self.grams


class Holder(NamedTuple):
    """
    Who must settle a reservation.

    Attributes:
        workload: Name of the work.
        occurrence: Which run of it, as the journal names it.
        owner: Process, as `gridtide.ledger.owner.this_owner` names it.
        until: When the reservation is closed even if that process cannot be seen to have ended.
    """

    workload: str
    occurrence: str
    owner: str
    until: datetime


class Reclaimed(NamedTuple):
    """A reservation that was closed for its holder, and the grams it counted. [gCO2eq]"""

    reservation: str
    workload: str
    spent_g: float


class BudgetBook:
    """
    Budgets in one SQLite file.

    Args:
        path: Of the file; created when missing.

    Raises:
        JournalUnavailable: The file cannot be opened or written.
    """

    def __init__(self, path: Path) -> None:
        self._file = SharedFile(path, _TABLES, what="budget file")

    # -- which budgets there are -----------------------------------------------------------------------------------

    def define(self, budget: Budget, *, now: datetime) -> None:
        """Create a budget, or change one; what was spent and reserved under its name stays so."""
        with self._file.writing() as db:
            before = _find(db, budget.name)
            if before is not None:
                _keep(db, budget.name, rules.redefine(before, budget, _state(db, before, now), now))
            db.execute(
                "INSERT OR REPLACE INTO budgets VALUES (?, ?, ?, ?, ?, ?)",
                (
                    budget.name,
                    budget.grams,
                    budget.period.total_seconds(),
                    str(budget.mode),
                    budget.carry_over,
                    budget.warn_at,
                ),
            )

    def find(self, name: str) -> Budget:
        """
        Budget of that name.

        Raises:
            InvalidInput: There is none; the message names those that exist.
        """
        with self._file.reading() as db:
            found = _find(db, name)
        if found is None:
            known = ", ".join(budget.name for budget in self.defined()) or "none"
            raise InvalidInput(
                f"there is no budget {name[:60]!r}; defined: {known}",
                hint=f"`gridtide budget set {shlex.quote(name[:60])} --grams G --period 7d` makes one",
                field="budget",
            )
        return found

    def defined(self) -> tuple[Budget, ...]:
        """Every budget, by name."""
        with self._file.reading() as db:
            names = [name for (name,) in db.execute("SELECT name FROM budgets ORDER BY name")]
            return tuple(budget for name in names if (budget := _find(db, name)) is not None)

    def remove(self, name: str) -> None:
        """Forget a budget and what is left of it; its settled runs stay in the file."""
        self.find(name)
        with self._file.writing() as db:
            db.execute("DELETE FROM budgets WHERE name = ?", (name,))
            db.execute("DELETE FROM states WHERE budget = ?", (name,))

    # -- drawing on them -------------------------------------------------------------------------------------------

    def admit(
        self,
        budget: Budget,
        reservation: str,
        grams: float,
        *,
        now: datetime,
        forced: bool = False,
        holder: Holder | None = None,
    ) -> Admission:
        """
        Ask for *grams* under the id *reservation*; asked again it answers the same and takes nothing twice.

        Args:
            budget: On which it is drawn.
            reservation: Id of the caller's choosing.
            grams: Wanted. [gCO2eq]
            now: The instant of asking.
            forced: Whether the work runs in any case; see `gridtide.accounting.budget.admit`.
            holder: Who must settle it, so that it can be reclaimed when they cannot; nobody when left out.
        """
        with self._file.writing() as db:
            held = db.execute("SELECT budget FROM reservations WHERE id = ?", (reservation,)).fetchone()
            if held is not None:
                return Admission(admitted=True, verdict="ok", message="already reserved")
            state, answer = rules.admit(budget, _state(db, budget, now), grams, now, forced=forced)
            _keep(db, budget.name, state)
            if answer.admitted:
                db.execute(
                    "INSERT INTO reservations (id, budget, reserved_g, admitted_at) VALUES (?, ?, ?, ?)",
                    (reservation, budget.name, grams, isoformat(now)),
                )
                if holder is not None:
                    db.execute(
                        "INSERT OR REPLACE INTO holders VALUES (?, ?, ?, ?, ?)",
                        (reservation, holder.workload, holder.occurrence, holder.owner, isoformat(holder.until)),
                    )
            return answer

    def would_admit(self, budget: Budget, grams: float, *, now: datetime) -> Admission:
        """What `admit` would answer; nothing is reserved."""
        with self._file.reading() as db:
            return rules.admit(budget, _state(db, budget, now), grams, now)[1]

    def reclaim(
        self,
        budget: Budget,
        *,
        now: datetime,
        began: Callable[[str, str], bool],
        gone: Callable[[str], bool] = is_gone,
    ) -> tuple[Reclaimed, ...]:
        """
        Close reservations whose holder was killed, or let its time pass, without settling.

        Work that began counts with all that was reserved, since nobody knows better; work that never began gives it
        back.

        Args:
            budget: Whose reservations.
            now: The instant of asking.
            began: Whether the occurrence of the work of that name was ever started.
            gone: Whether the process of that name is known to have ended.
        """
        with self._file.reading() as db:
            rows = db.execute(
                "SELECT r.id, r.reserved_g, h.workload, h.occurrence, h.owner, h.until "
                "FROM reservations r JOIN holders h ON h.id = r.id WHERE r.budget = ? AND r.settled_at IS NULL",
                (budget.name,),
            ).fetchall()
        found = []
        for reservation, reserved_g, workload, occurrence, owner, until in rows:
            if not gone(owner) and parse_instant(until) > now:
                continue
            spent_g = float(reserved_g) if began(workload, occurrence) else 0.0
            self.settle(budget, reservation, spent_g, now=now)
            found.append(Reclaimed(reservation, workload, spent_g))
        return tuple(found)

    def settle(
        self, budget: Budget, reservation: str, actual_g: float, *, now: datetime, run_now_g: float | None = None
    ) -> None:
        """
        Replace a reservation by what the run cost; zero for cancelled work. A second call changes nothing.

        Raises:
            InvalidInput: There is no such reservation, or the grams are negative.
        """
        if not 0 <= actual_g < float("inf"):
            raise InvalidInput(f"actual_g is {actual_g}; allowed: zero or more", field="actual_g")
        with self._file.writing() as db:
            row = db.execute(
                "SELECT reserved_g, settled_at FROM reservations WHERE id = ? AND budget = ?",
                (reservation, budget.name),
            ).fetchone()
            if row is None:
                raise InvalidInput(
                    f"budget {budget.name!r} has no reservation {reservation[:60]!r}", field="reservation"
                )
            reserved_g, settled_at = row
            if settled_at is not None:
                return
            state = rules.refill(budget, _state(db, budget, now), now)
            _keep(db, budget.name, rules.settle(budget, state, reserved_g=reserved_g, actual_g=actual_g))
            db.execute(
                "UPDATE reservations SET settled_at = ?, actual_g = ?, run_now_g = ? WHERE id = ?",
                (isoformat(now), actual_g, run_now_g, reservation),
            )

    def state(self, budget: Budget, *, now: datetime) -> BudgetState:
        """What is left at *now*."""
        with self._file.reading() as db:
            return rules.refill(budget, _state(db, budget, now), now)

    def exhausted_at(self, budget: Budget, *, now: datetime) -> datetime | None:
        """When the budget ends at the rate of the last period, or None when the inflow keeps up."""
        since = now - budget.period
        with self._file.reading() as db:
            (spent,) = db.execute(
                "SELECT coalesce(sum(actual_g), 0) FROM reservations WHERE budget = ? AND settled_at > ?",
                (budget.name, isoformat(since)),
            ).fetchone()
        rate = float(spent) / budget.period.total_seconds()
        return rules.projected_exhaustion(budget, self.state(budget, now=now), rate, now)

    def totals(self, budget: Budget, *, now: datetime, periods: int = 2) -> tuple[PeriodTotals, ...]:
        """Runs and grams of the last whole periods before *now*, oldest first."""
        found = []
        with self._file.reading() as db:
            for k in range(periods, 0, -1):
                start, end = now - k * budget.period, now - (k - 1) * budget.period
                runs, grams, run_now, known = db.execute(
                    "SELECT count(*), coalesce(sum(actual_g), 0), coalesce(sum(run_now_g), 0), count(run_now_g) "
                    "FROM reservations WHERE budget = ? AND actual_g > 0 AND settled_at > ? AND settled_at <= ?",
                    (budget.name, isoformat(start), isoformat(end)),
                ).fetchone()
                at_once = float(run_now) if known == runs and runs else None
                found.append(PeriodTotals(start=start, runs=runs, grams=float(grams), run_now_grams=at_once))
        return tuple(found)


def _find(db: sqlite3.Connection, name: str) -> Budget | None:
    row = db.execute(
        "SELECT grams, period_s, mode, carry_over, warn_at FROM budgets WHERE name = ?", (name,)
    ).fetchone()
    if row is None:
        return None
    grams, period_s, mode, carry_over, warn_at = row
    return Budget(
        name=name,
        grams=grams,
        period=timedelta(seconds=period_s),
        mode=BudgetMode(mode),
        carry_over=carry_over,
        warn_at=warn_at,
    )


def _state(db: sqlite3.Connection, budget: Budget, now: datetime) -> BudgetState:
    row = db.execute(
        "SELECT available_g, reserved_g, spent_g, runs, updated_at FROM states WHERE budget = ?", (budget.name,)
    ).fetchone()
    if row is None:
        return BudgetState.full(budget, now)
    available, reserved, spent, runs, updated = row
    return BudgetState(
        available_g=available, reserved_g=reserved, spent_g=spent, runs=runs, updated_at=parse_instant(updated)
    )


def _keep(db: sqlite3.Connection, name: str, state: BudgetState) -> None:
    db.execute(
        "INSERT INTO states VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (budget) DO UPDATE SET "
        "available_g = excluded.available_g, reserved_g = excluded.reserved_g, spent_g = excluded.spent_g, "
        "runs = excluded.runs, updated_at = excluded.updated_at",
        (name, state.available_g, state.reserved_g, state.spent_g, state.runs, isoformat(state.updated_at)),
    )

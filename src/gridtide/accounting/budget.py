"""
Carbon budgets: grams per team and period, as a token bucket that refills evenly.

Pure arithmetic: the caller holds the state and makes reservation and settlement atomic (see
`gridtide.ledger.budgets`). Budgets answer the rebound effect: cheap green hours must not mean more emissions
in all, so counts and totals stand beside savings.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from gridtide.domain.errors import InvalidInput

__all__ = [
    "Admission",
    "Budget",
    "BudgetMode",
    "BudgetState",
    "admit",
    "projected_exhaustion",
    "redefine",
    "refill",
    "settle",
]


class BudgetMode(StrEnum):
    """What happens when a budget is used up."""

    OBSERVE = "observe"
    WARN = "warn"
    DELAY = "delay"
    REFUSE = "refuse"


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """
    A cap.

    Args:
        name: Team or namespace.
        grams: Allowance per period. [gCO2eq]
        period: For example a week.
        mode: What happens when it is used up.
        carry_over: Share of an unused allowance that may be kept beyond one period. [0..1]
        warn_at: Share of the allowance left at which to warn. [0..1]
    """

    name: str
    grams: float
    period: timedelta
    mode: BudgetMode = BudgetMode.OBSERVE
    carry_over: float = 0.0
    warn_at: float = 0.1

    def __post_init__(self) -> None:
        for name, ok, allowed in (
            ("grams", 0 < self.grams < float("inf"), "more than zero"),
            ("period", self.period > timedelta(0), "longer than zero"),
            ("carry_over", 0 <= self.carry_over <= 1, "from 0 to 1"),
            ("warn_at", 0 <= self.warn_at < 1, "from 0 to below 1"),
        ):
            if not ok:
                raise InvalidInput(
                    f"budget {self.name!r}: {name} is {getattr(self, name)}; allowed: {allowed}", field=name
                )

    @property
    def capacity_g(self) -> float:
        """Most that can be saved up. [gCO2eq]"""
        return self.grams * (1 + self.carry_over)


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetState:
    """
    What is left.

    Args:
        available_g: Tokens not reserved; below zero after a run that cost more than planned. [gCO2eq]
        reserved_g: Held by admitted work that has not settled. [gCO2eq]
        spent_g: Settled since the beginning. [gCO2eq]
        runs: Settled runs since the beginning.
        updated_at: When *available_g* was last refilled.
    """

    available_g: float
    updated_at: datetime
    reserved_g: float = 0.0
    spent_g: float = 0.0
    runs: int = 0

    @classmethod
    def full(cls, budget: Budget, now: datetime) -> BudgetState:
        """Start of a budget: one period's allowance."""
        return cls(available_g=budget.grams, updated_at=now)


@dataclass(frozen=True, slots=True, kw_only=True)
class Admission:
    """
    The answer to one request.

    Args:
        admitted: Whether the grams are now reserved.
        verdict: ``ok``, ``warn``, ``delay`` or ``refuse``.
        affordable_at: When the tokens will be there, for work that must wait; None when nobody can say, because there
            are never that many or others hold them.
        message: One sentence for people.
    """

    admitted: bool
    verdict: str
    affordable_at: datetime | None = None
    message: str = ""


def refill(budget: Budget, state: BudgetState, now: datetime) -> BudgetState:
    """Add what has flowed in since the last look, up to the cap; time running backwards adds nothing."""
    elapsed = max(timedelta(0), now - state.updated_at)
    inflow = budget.grams * (elapsed / budget.period)
    room = budget.capacity_g - state.reserved_g
    available = min(room, state.available_g + inflow)
    return replace(state, available_g=available, updated_at=max(now, state.updated_at))


def admit(
    budget: Budget, state: BudgetState, grams: float, now: datetime, *, forced: bool = False
) -> tuple[BudgetState, Admission]:
    """
    Ask for *grams*; reserves them when admitted.

    `observe` and `warn` always admit and may overdraw; `delay` and `refuse` never do, so that the sum of what is
    reserved and spent never passes what has flowed in. Only *forced* does: work that waited up to its latest start
    runs, and later work pays.
    """
    if not 0 <= grams < float("inf"):
        raise InvalidInput(f"grams is {grams}; allowed: zero or more", field="grams")
    state = refill(budget, state, now)
    after = state.available_g - grams
    enforcing = budget.mode in {BudgetMode.DELAY, BudgetMode.REFUSE}
    if after < 0 and enforcing and not forced:
        return state, _held(budget, state, grams, now)
    state = replace(state, available_g=after, reserved_g=state.reserved_g + grams)
    low = after < budget.warn_at * budget.grams
    if low and budget.mode is not BudgetMode.OBSERVE:
        left = f"{max(after, 0):.0f} of {budget.grams:.0f} g are left" if after >= 0 else f"overdrawn by {-after:.0f} g"
        return state, Admission(admitted=True, verdict="warn", message=f"budget {budget.name!r}: {left}")
    return state, Admission(admitted=True, verdict="ok")


def settle(budget: Budget, state: BudgetState, *, reserved_g: float, actual_g: float) -> BudgetState:
    """Replace a reservation by what the run really cost; cancelled work settles with zero."""
    given_back = min(reserved_g, state.reserved_g)
    still_reserved = state.reserved_g - given_back
    return replace(
        state,
        reserved_g=still_reserved,
        available_g=min(budget.capacity_g - still_reserved, state.available_g + given_back - actual_g),
        spent_g=state.spent_g + actual_g,
        runs=state.runs + (1 if actual_g > 0 else 0),
    )


def redefine(before: Budget, after: Budget, state: BudgetState, now: datetime) -> BudgetState:
    """State under a changed budget: what was spent and reserved stays so, only the allowance changes."""
    state = refill(before, state, now)
    room = after.capacity_g - state.reserved_g
    return replace(state, available_g=min(room, state.available_g + after.grams - before.grams))


def projected_exhaustion(budget: Budget, state: BudgetState, burn_g_per_s: float, now: datetime) -> datetime | None:
    """When the tokens end at the present rate, or None when the inflow keeps up."""
    inflow = budget.grams / budget.period.total_seconds()
    net = burn_g_per_s - inflow
    if net <= 0:
        return None
    left = max(0.0, refill(budget, state, now).available_g)
    seconds = left / net
    return now + timedelta(seconds=seconds) if seconds < 10 * 365 * 86400 else None


def _held(budget: Budget, state: BudgetState, grams: float, now: datetime) -> Admission:
    short = f"budget {budget.name!r} has {max(state.available_g, 0):.0f} g left and {grams:.0f} g are asked for"
    if budget.mode is BudgetMode.REFUSE:
        return Admission(admitted=False, verdict="refuse", message=short)
    if grams > budget.capacity_g:
        return Admission(admitted=False, verdict="delay", message=f"{short}; it can never hold that much")
    if grams > budget.capacity_g - state.reserved_g:
        others = f"{state.reserved_g:.0f} g are reserved by others"
        return Admission(admitted=False, verdict="delay", message=f"{short}; {others}")
    wait = (grams - state.available_g) / budget.grams * budget.period
    return Admission(admitted=False, verdict="delay", affordable_at=now + wait, message=short)

"""A budget is never overspent where it is enforced, and says when it will be affordable."""

from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gridtide.accounting.budget import (
    Budget,
    BudgetMode,
    BudgetState,
    admit,
    projected_exhaustion,
    refill,
    settle,
)
from gridtide.domain.errors import InvalidInput
from support import HOUR, T0, at

DAY = timedelta(days=1)


def budget(mode=BudgetMode.REFUSE, **more):
    return Budget(**({"name": "team", "grams": 2400.0, "period": DAY, "mode": mode} | more))


def test_an_affordable_run_is_reserved():
    """Admitted grams are gone for the next one."""
    cap = budget()
    state, answer = admit(cap, BudgetState.full(cap, T0), 1000, T0)

    assert answer.admitted
    assert (state.available_g, state.reserved_g) == (1400, 1000)


def test_refusal_names_both_numbers():
    """A refused request changes nothing and says what is left."""
    cap = budget()
    full = BudgetState.full(cap, T0)
    state, answer = admit(cap, full, 2500, T0)

    assert state == full
    assert answer.message == "budget 'team' has 2400 g left and 2500 g are asked for"


def test_delay_says_when():
    """100 g flow in each hour, so 500 g more than are there need five hours."""
    cap = budget(BudgetMode.DELAY, carry_over=1.0)
    _, answer = admit(cap, BudgetState.full(cap, T0), 2900, T0)

    assert (answer.admitted, answer.verdict) == (False, "delay")
    assert answer.affordable_at == at(5)


def test_what_never_fits_has_no_time():
    """A run larger than the bucket is told so instead of waiting for ever."""
    _, answer = admit(budget(BudgetMode.DELAY), BudgetState.full(budget(), T0), 9999, T0)

    assert answer.affordable_at is None
    assert "it can never hold that much" in answer.message


def test_warn_admits_and_says_so():
    """The warning mode never stops work."""
    cap = budget(BudgetMode.WARN)
    _, answer = admit(cap, BudgetState.full(cap, T0), 3000, T0)

    assert (answer.admitted, answer.verdict) == (True, "warn")
    assert answer.message == "budget 'team': overdrawn by 600 g"


def test_observe_admits_silently():
    """Watching a budget changes nothing."""
    cap = budget(BudgetMode.OBSERVE)

    assert admit(cap, BudgetState.full(cap, T0), 3000, T0)[1].verdict == "ok"


def test_unused_allowance_is_capped():
    """Without carry-over a week of silence saves up one day's allowance."""
    cap = budget()

    assert refill(cap, BudgetState.full(cap, T0), at(24 * 7)).available_g == 2400
    assert refill(budget(carry_over=0.5), BudgetState.full(cap, T0), at(24 * 7)).available_g == 3600


def test_a_clock_that_jumps_back_gives_nothing():
    """Invariant I13: time running backwards neither adds nor takes."""
    cap = budget()
    state = BudgetState(available_g=100, updated_at=at(10))

    assert refill(cap, state, at(0)) == state


def test_a_run_that_cost_more_is_charged_in_full():
    """Settlement replaces the plan by the truth, even below zero."""
    cap = budget()
    state, _ = admit(cap, BudgetState.full(cap, T0), 2400, T0)
    state = settle(cap, state, reserved_g=2400, actual_g=2600)

    assert (state.available_g, state.spent_g, state.runs) == (-200, 2600, 1)


def test_cancelled_work_gives_back_everything():
    """Settling with zero restores the tokens and counts no run."""
    cap = budget()
    full = BudgetState.full(cap, T0)
    state, _ = admit(cap, full, 500, T0)

    assert settle(cap, state, reserved_g=500, actual_g=0) == full


def test_exhaustion_is_projected():
    """Burning twice the inflow empties a full day in a day."""
    cap = budget()
    inflow = 2400 / DAY.total_seconds()
    full = BudgetState.full(cap, T0)

    assert projected_exhaustion(cap, full, 2 * inflow, T0) == T0 + DAY
    assert projected_exhaustion(cap, full, inflow, T0) is None


@pytest.mark.parametrize("field", ["grams", "carry_over", "warn_at"])
def test_bounds_are_named(field):
    """The message names budget, field and what is allowed."""
    with pytest.raises(InvalidInput, match=rf"budget 'team': {field} is -1; allowed"):
        budget(**{field: -1})


@given(st.lists(st.tuples(st.floats(0, 600), st.floats(0, 7200), st.booleans()), max_size=60))
@settings(max_examples=100, deadline=None)
def test_an_enforced_budget_is_never_overspent(requests):
    """What is reserved or spent never passes the first allowance plus what has flowed in."""
    cap = budget(carry_over=0.3)
    state, now, held = BudgetState.full(cap, T0), T0, []
    for grams, seconds, finish in requests:
        now += timedelta(seconds=seconds)
        state, answer = admit(cap, state, grams, now)
        if answer.admitted:
            held.append(grams)
        if finish and held:
            done = held.pop()
            state = settle(cap, state, reserved_g=done, actual_g=done)
        inflow = cap.grams * ((now - T0) / cap.period)

        assert state.spent_g + state.reserved_g <= cap.grams + inflow + 1e-6
        assert state.available_g >= -1e-9
        assert state.reserved_g == pytest.approx(sum(held), abs=1e-6)


def test_concurrent_hours_add_up():
    """Two requests in one hour and the next see the inflow between them."""
    cap = budget()
    state, first = admit(cap, BudgetState.full(cap, T0), 2400, T0)
    state, second = admit(cap, state, 100, T0)
    _, third = admit(cap, settle(cap, state, reserved_g=2400, actual_g=2400), 100, T0 + HOUR)

    assert (first.admitted, second.admitted, third.admitted) == (True, False, True)

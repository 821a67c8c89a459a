"""What is reserved and what is left together never pass the cap, whatever is settled, waited for or changed."""

from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from gridtide.accounting.budget import Budget, BudgetMode, BudgetState, admit, refill, settle
from support import HOUR, T0, at

CAP = Budget(name="team", grams=100.0, period=timedelta(days=1), mode=BudgetMode.REFUSE)


def test_what_is_reserved_leaves_no_room_for_inflow():
    """A week of waiting for a run of 60 g fills the other 40 g only."""
    state, _ = admit(CAP, BudgetState.full(CAP, T0), 60, T0)
    later = refill(CAP, state, at(24 * 7))

    assert (later.available_g, later.reserved_g) == (40.0, 60.0)


def test_a_budget_that_was_lowered_counts_from_then_on():
    """What the former allowance had saved up is gone at the next look."""
    rich = BudgetState.full(Budget(name="team", grams=1000.0, period=timedelta(days=1)), T0)
    state, answer = admit(CAP, rich, 150, at(1))

    assert (answer.admitted, state.available_g) == (False, 100.0)
    assert settle(CAP, rich, reserved_g=0.0, actual_g=0.0).available_g == 100.0


@given(
    events=st.lists(
        st.tuples(st.sampled_from(["ask", "settle", "wait"]), st.floats(0, 150), st.floats(0, 1.5)), max_size=40
    ),
    carry=st.sampled_from([0.0, 0.5]),
)
@settings(max_examples=80, deadline=None)
def test_reserved_and_left_never_pass_the_cap(events, carry):
    """In any order of asking, waiting and settling, with runs that cost more or less than was reserved."""
    cap = Budget(name="team", grams=100.0, period=timedelta(days=1), mode=BudgetMode.REFUSE, carry_over=carry)
    state, now, held = BudgetState.full(cap, T0), T0, []
    for what, grams, share in events:
        if what == "wait":
            now += grams * HOUR
            state = refill(cap, state, now)
        elif what == "ask":
            state, answer = admit(cap, state, grams, now)
            if answer.admitted:
                held.append(grams)
        elif held:
            reserved = held.pop()
            state = settle(cap, state, reserved_g=reserved, actual_g=reserved * share)
        assert state.available_g + state.reserved_g <= cap.capacity_g + 1e-6
        assert state.reserved_g >= -1e-9

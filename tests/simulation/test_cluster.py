"""Reserved capacity: three runs by hand, and what holds for any trace."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gridtide.planning.purchase import Purchase, Tariff
from gridtide.simulation import cluster
from gridtide.simulation.cluster import Runs
from gridtide.simulation.reproduce.heap_order import HeapOrder

TARIFF = Tariff(on_demand_per_h=1.0, reserved_share=0.5, spot_per_h=0.25)


def runs(*rows):
    """Rows of arrival, planned, length, processors, spot."""
    columns = list(zip(*rows, strict=True))
    return Runs(*(np.array(c, dtype=np.int64) for c in columns[:4]), np.array(columns[4], dtype=bool))


def test_an_idle_reserved_processor_starts_a_waiting_run():
    """The second run was to start at 50 and starts at 11, just after the first has ended."""
    work = runs((0, 0, 10, 1, False), (5, 50, 10, 1, False))

    outcome = cluster.simulate(work, 1, conserving=True)

    assert outcome.start.tolist() == [0, 11]
    assert [outcome.purchase(k) for k in (0, 1)] == [Purchase.RESERVED, Purchase.RESERVED]


def test_without_conserving_every_run_keeps_its_planned_start():
    """Reserved capacity is used where it is free, on demand where not."""
    work = runs((0, 0, 10, 1, False), (5, 5, 10, 1, False), (5, 50, 10, 1, True))

    outcome = cluster.simulate(work, 1)

    assert outcome.start.tolist() == [0, 5, 50]
    assert [outcome.purchase(k) for k in range(3)] == [Purchase.RESERVED, Purchase.ON_DEMAND, Purchase.SPOT]


def test_cost_adds_on_demand_spot_and_standing_capacity():
    """10 on demand, 10 at a quarter, and one reserved processor at half price up to the last start at 50."""
    work = runs((0, 0, 10, 1, False), (5, 5, 10, 1, False), (5, 50, 10, 1, True))

    outcome = cluster.simulate(work, 1)

    assert outcome.cost(work, TARIFF, reserved=1, units_per_hour=1) == pytest.approx(10 + 2.5 + 25)


def test_spared_spot_runs_wait_for_their_planned_start():
    """A run that goes to spot gains nothing from idle reserved capacity."""
    work = runs((0, 20, 10, 1, True), (0, 20, 10, 1, False))

    outcome = cluster.simulate(work, 2, conserving=True, spare_spot=True)

    assert outcome.start.tolist() == [20, 0]


@st.composite
def any_runs(draw):
    rows = draw(
        st.lists(
            st.tuples(st.integers(0, 60), st.integers(0, 30), st.integers(1, 20), st.integers(1, 3), st.booleans()),
            min_size=1,
            max_size=25,
        )
    )
    return runs(*((a, a + w, n, p, s) for a, w, n, p, s in rows))


@given(any_runs(), st.integers(0, 5), st.booleans(), st.booleans())
@settings(max_examples=100, deadline=None)
def test_no_start_is_early_or_late_and_capacity_is_never_exceeded(work, reserved, conserving, heaped):
    """Starts lie between arrival and plan; reserved runs never hold more processors than there are."""
    order = HeapOrder(work) if heaped else None
    outcome = cluster.simulate(work, reserved, conserving=conserving, order=order)

    assert (outcome.start >= work.arrival).all()
    assert (outcome.start <= work.planned).all()
    held = np.zeros(200, dtype=np.int64)
    for k in np.flatnonzero(outcome.reserved):
        held[outcome.start[k] : outcome.start[k] + work.length[k] + 1] += work.processors[k]
    assert held.max() <= reserved


@given(any_runs(), st.integers(0, 5))
@settings(max_examples=60, deadline=None)
def test_the_published_order_differs_only_between_equal_arrivals(work, reserved):
    """With distinct arrivals the heap's order is the order of age."""
    distinct = work._replace(arrival=np.arange(work.arrival.size) * 2, planned=np.arange(work.arrival.size) * 2 + 9)

    ours = cluster.simulate(distinct, reserved, conserving=True)
    heaped = cluster.simulate(distinct, reserved, conserving=True, order=HeapOrder(distinct))

    assert ours.start.tolist() == heaped.start.tolist()
    assert ours.reserved.tolist() == heaped.reserved.tolist()


def test_heap_order_is_that_of_a_queue_refilled_at_every_step():
    """Five equal arrivals, stepped one by one through real heaps, come out as the permutation says."""
    import heapq

    class Entry:
        def __init__(self, run):
            self.run = run

        def __lt__(self, other):
            return False

    queue = []
    for run in range(5):
        heapq.heappush(queue, Entry(run))
    for _ in range(7):
        refilled = []
        while queue:
            heapq.heappush(refilled, heapq.heappop(queue))
        queue = refilled
    expected = [heapq.heappop(queue).run for _ in range(5)]
    order = HeapOrder(runs(*(((0, 100, 1, 1, False),) * 5)))

    order.ordered(0, range(5), set())

    assert order.ordered(7, (), set(range(5))) == expected

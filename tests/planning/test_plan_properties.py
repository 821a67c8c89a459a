"""What holds for every plan, whatever the series, the bounds and the method."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gridtide.domain.decision import Action, Reason
from gridtide.domain.instants import from_ns
from gridtide.domain.series import Series
from gridtide.domain.workload import OnNoData, Workload
from gridtide.planning.options import Method, PlanOptions
from gridtide.planning.plan import plan
from planning.brute import MINUTE_NS, T0_NS, pieces_cost, series_of
from support import DEMO, T0

METHODS = st.sampled_from(list(Method))
FREE = st.sampled_from([Method.LOWEST_WINDOW, Method.LOWEST_SLOTS, Method.CARBON_TIME])


@st.composite
def workloads(draw, *, bounded=False):
    minutes = st.integers(0, 300).map(lambda m: timedelta(minutes=m))
    duration = timedelta(minutes=draw(st.integers(1, 240)), seconds=draw(st.sampled_from([0, 0, 17])))
    return Workload(
        id="w",
        duration=duration,
        release=draw(st.one_of(st.none(), minutes.map(lambda m: T0 + m))),
        deadline=draw(st.one_of(*([] if bounded else [st.none()]), minutes.map(lambda m: T0 + duration + m))),
        max_delay=draw(st.one_of(st.none(), minutes)),
        interruptible=draw(st.booleans()),
        power_w=draw(st.sampled_from([None, 100.0])),
        power_profile_w=draw(st.sampled_from([(), (1.0, 5.0)])),
        suspend_cost=timedelta(minutes=draw(st.sampled_from([0, 0, 0, 5]))),
        on_no_data=draw(st.sampled_from(list(OnNoData))),
        min_saving=draw(st.sampled_from([0.0, 0.0, 0.2])),
    )


NOWS = st.integers(0, 200).map(lambda m: T0 + timedelta(minutes=m))


@given(workloads(), series_of(most=8), NOWS, METHODS, st.floats(0, 500))
@settings(max_examples=50, deadline=None)
def test_every_plan_keeps_its_bounds(workload, series, now, method, threshold):
    """It starts at or after now and the release, ends in time whenever that is possible, and says what it waits for."""
    decision = plan(workload, series, now=now, method=method, options=PlanOptions(threshold=threshold))
    release = workload.release_at(now)
    feasible = workload.deadline is None or release + workload.duration <= workload.deadline

    assert decision.start >= release >= now
    assert (decision.action is Action.RUN) == (decision.start == now)
    assert decision.wake_at is None or decision.wake_at > now
    assert (decision.intervals[0].start, decision.intervals[-1].end) == (decision.start, decision.end)
    if workload.deadline is not None and feasible:
        assert decision.end <= workload.deadline
    if not feasible:
        assert (decision.reason, decision.start) == (Reason.DEADLINE_INFEASIBLE, release)
    if decision.latest_start is not None:
        assert decision.start <= max(decision.latest_start, release)
    if decision.action is Action.WAIT:
        assert decision.wake_at == decision.start
    running = sum((i.length for i in decision.intervals), timedelta(0))
    assert running == workload.duration + workload.suspend_cost * (len(decision.intervals) - 1)


@given(workloads(), series_of(most=8), NOWS, METHODS)
@settings(max_examples=30, deadline=None)
def test_every_mean_is_the_mean_of_its_intervals(workload, series, now, method):
    """At constant power, mean and grams are those of the hours named; unknown hours have none."""
    workload = replace(workload, power_profile_w=())
    decision = plan(workload, series, now=now, method=method, options=PlanOptions(threshold=100.0))
    pieces = [(_ns(i.start), _ns(i.end)) for i in decision.intervals]
    cost = pieces_cost(series, pieces)

    assert (decision.mean is None) == (cost is None)
    if cost is not None:
        hours = sum(b - a for a, b in pieces) / (60 * MINUTE_NS)
        assert decision.mean == pytest.approx(float(cost) / hours, rel=1e-9, abs=1e-6)
        if workload.power_w is not None:
            assert decision.grams == pytest.approx(float(cost) * workload.power_w / 1000, rel=1e-9, abs=1e-6)


def _ns(instant):
    return T0_NS + round((instant - T0) / timedelta(microseconds=1)) * 1000


@given(workloads(), series_of(most=8), NOWS, FREE)
@settings(max_examples=40, deadline=None)
def test_no_free_plan_costs_more_than_now(workload, series, now, method):
    """What is planned never costs more than running now on the same series, nor than any alternative of less freedom."""
    workload = replace(workload, suspend_cost=timedelta(0), power_w=100.0, min_saving=0.0)
    decision = plan(workload, series, now=now, method=method)
    at_once = decision.baseline("run-now")

    if at_once.grams is not None and decision.grams is not None:
        assert decision.grams <= at_once.grams * (1 + 1e-9) + 1e-9
    for alternative in decision.alternatives:
        if method is Method.LOWEST_SLOTS or (method is Method.LOWEST_WINDOW and alternative.name != "lowest-slots"):
            assert decision.grams <= alternative.grams * (1 + 1e-9) + 1e-9


@given(workloads(), series_of(most=8), NOWS, METHODS)
@settings(max_examples=30, deadline=None)
def test_a_flat_series_runs_at_the_release(workload, series, now, method):
    """Equal everywhere and known: no policy but run-latest waits."""
    values = [77.7] * series.size
    flat = Series(
        DEMO, series.starts_ns, series.ends_ns, values, end_values=values if series.shape == "linear" else None
    )
    decision = plan(workload, flat, now=now, method=method, options=PlanOptions(threshold=50.0))

    if method is not Method.RUN_LATEST and decision.baseline("run-now").mean is not None:
        assert decision.start == workload.release_at(now)
        assert len(decision.intervals) == 1


@st.composite
def whole_numbers(draw):
    """A series of whole numbers, where shifting and doubling are exact."""
    count, linear = draw(st.integers(2, 8)), draw(st.booleans())
    values = draw(st.lists(st.integers(0, 400), min_size=count + 1, max_size=count + 1))
    starts = [T0_NS + 30 * MINUTE_NS * k for k in range(count)]
    ends = [s + 30 * MINUTE_NS for s in starts]
    return starts, ends, values[:-1], values[1:] if linear else None


def build(parts, *, add=0.0, times=1.0, later=0):
    starts, ends, first, last = parts
    return Series(
        DEMO,
        [s + later for s in starts],
        [e + later for e in ends],
        [v * times + add for v in first],
        end_values=None if last is None else [v * times + add for v in last],
    )


@given(whole_numbers(), workloads(bounded=True), FREE, st.integers(1, 1000), st.sampled_from([0.5, 2.0, 4.0]))
@settings(max_examples=30, deadline=None)
def test_more_everywhere_or_in_proportion_changes_no_plan(parts, workload, method, add, times):
    """Adding a constant or changing the unit moves no start; the mean moves with it."""
    workload = replace(workload, min_saving=0.0, suspend_cost=timedelta(0), power_profile_w=())
    plain = plan(workload, build(parts), now=T0, method=method)
    higher = plan(workload, build(parts, add=add), now=T0, method=method)
    scaled = plan(workload, build(parts, times=times), now=T0, method=method)

    assert higher.intervals == plain.intervals
    assert scaled.intervals == plain.intervals
    if plain.mean is not None:
        assert higher.mean == pytest.approx(plain.mean + add)
        assert scaled.mean == pytest.approx(plain.mean * times)


@given(whole_numbers(), workloads(), METHODS, st.integers(-(10**6), 10**6))
@settings(max_examples=30, deadline=None)
def test_the_hour_of_day_does_not_matter(parts, workload, method, shift_s):
    """Everything moved by the same time gives the same plan, moved."""
    shift = timedelta(seconds=shift_s)
    moved = replace(
        workload,
        release=workload.release and workload.release + shift,
        deadline=workload.deadline and workload.deadline + shift,
    )
    options = PlanOptions(threshold=200.0)
    here = plan(workload, build(parts), now=T0, method=method, options=options)
    there = plan(moved, build(parts, later=shift_s * 10**9), now=T0 + shift, method=method, options=options)

    assert [(i.start + shift, i.end + shift) for i in here.intervals] == [(i.start, i.end) for i in there.intervals]
    assert (here.reason, here.mean) == (there.reason, there.mean if here.mean is None else pytest.approx(there.mean))


@given(workloads(), series_of(most=6), NOWS, METHODS)
@settings(max_examples=40, deadline=None)
def test_missing_steps_never_make_a_plan_look_better(workload, series, now, method):
    """Dropping a step never gives a lower mean than the full series can (invariant I4)."""
    workload = replace(workload, suspend_cost=timedelta(0), power_profile_w=())
    keep = [k for k in range(series.size) if k != series.size // 2]
    ends = None if series.shape == "constant" else series.end_values[keep]
    holed = Series(DEMO, series.starts_ns[keep], series.ends_ns[keep], series.values[keep], end_values=ends)
    decision = plan(workload, holed, now=now, method=method, options=PlanOptions(threshold=100.0))
    best = plan(workload, series, now=now, method=Method.LOWEST_SLOTS)

    if decision.mean is not None and best.mean is not None and best.reason is not Reason.SAVING_TOO_SMALL:
        assert decision.mean >= best.mean - 1e-6


def test_times_of_a_decision_are_whole_microseconds():
    """A bottom between points is rounded to what a datetime can say, so the record is exact."""
    series = Series.line(DEMO, [T0, T0 + timedelta(hours=1), T0 + timedelta(hours=3)], [100.0, 13.0, 110.0])
    decision = plan(Workload(id="w", duration=timedelta(minutes=17)), series, now=T0)
    again = from_ns(_ns(decision.start))

    assert again == decision.start
    assert decision.mean == pytest.approx(series.mean(decision.intervals[0]), rel=1e-12)

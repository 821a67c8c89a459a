"""Online search: closed forms, the guaranteed ratio against the worst that can come, and switching."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import lambertw

from gridtide.domain.decision import FreshnessStep, Reason
from gridtide.domain.errors import InvalidInput
from gridtide.domain.ports import Reading
from gridtide.domain.workload import Workload
from gridtide.engine.engine import Engine, Policy
from gridtide.planning import online
from gridtide.planning.online import SwitchLimits
from gridtide.planning.options import PlanOptions
from gridtide.planning.plan import plan
from support import HOUR, T0, at, hourly, shared_dir

bounds = st.tuples(st.floats(1, 100), st.floats(1.2, 20)).map(lambda b: (b[0], b[0] * b[1]))


@st.composite
def windows(draw):
    """Bounds, work, and values that each last as long as the work: what the guarantee is for."""
    low, high = draw(bounds)
    units = draw(st.integers(1, 6))
    shares = draw(st.lists(st.floats(0, 1), min_size=1, max_size=14 // units))
    return low, high, units, np.repeat(low + (high - low) * np.array(shares), units)


def plain(limits):
    return SwitchLimits(limits, limits)


def test_one_slot_of_work_is_the_root_of_the_product():
    """The best limit for one slot is sqrt(low high); k-min search with one unit says the same."""
    assert online.one_min_limit(100.0, 400.0) == 200.0
    assert online.k_min_limits(1, 100.0, 400.0)[0] == pytest.approx(200.0)
    assert float(online.k_min_ratio(1, 100.0, 400.0)) == pytest.approx(2.0)


@given(bounds)
@settings(max_examples=60, deadline=None)
def test_the_bound_is_lamberts(pair):
    """The ratio for endless work agrees with an independent Lambert W."""
    low, high = pair

    assert online.k_min_ratio_bound(low, high) == pytest.approx(
        1.0 / (1.0 + lambertw((low / high - 1) / np.e).real), rel=1e-9
    )


def test_the_ratio_falls_with_the_work_towards_the_bound():
    """More units to spread make the guarantee better, never better than for endless work."""
    ratios = online.k_min_ratio([1, 2, 8, 64, 4096], 1.0, 10.0)

    assert (np.diff(ratios) < 0).all()
    assert ratios[-1] > online.k_min_ratio_bound(1.0, 10.0)
    assert ratios[-1] == pytest.approx(online.k_min_ratio_bound(1.0, 10.0), rel=1e-3)


@given(windows())
@settings(max_examples=100, deadline=None)
def test_k_min_search_keeps_its_promise(case):
    """Whatever comes between the bounds, the cost is at most the ratio times the best."""
    low, high, units, values = case

    taken = online.slots_taken(values, plain(online.k_min_limits(units, low, high)))

    assert taken.sum() == units
    best = np.sort(values)[:units].sum()
    assert values[taken].sum() <= float(online.k_min_ratio(units, low, high)) * best * (1 + 1e-9)


def test_a_value_too_short_for_the_work_can_break_the_ratio():
    """One good slot taken, the next just above its limit, then only bad ones: 4.3 times the best, not 3.5."""
    values = np.array([1.0, 2.75, 15.0])
    taken = online.slots_taken(values, plain(online.k_min_limits(2, 1.0, 15.0)))

    assert float(online.k_min_ratio(2, 1.0, 15.0)) == pytest.approx(3.51, abs=0.01)
    assert values[taken].sum() / 3.75 == pytest.approx(4.27, abs=0.01)


@given(windows(), st.floats(0, 0.49))
@settings(max_examples=100, deadline=None)
def test_pause_and_resume_keeps_its_promise(case, share):
    """With switches paid, the cost is at most the ratio times any plan's, the best one found by trying all."""
    low, high, units, values = case
    switch = share * (high - low)

    def total(mask):
        edges = np.diff(np.concatenate(([0], mask.astype(int), [0])))
        return values[mask].sum() + switch * np.abs(edges).sum()

    taken = online.slots_taken(values, online.pause_resume_limits(units, low, high, switch))

    masks = ((np.arange(2**values.size)[:, None] >> np.arange(values.size)) & 1).astype(bool)
    best = min(total(mask) for mask in masks[masks.sum(axis=1) == units])
    assert total(taken) <= online.pause_resume_ratio(units, low, high, switch) * best * (1 + 1e-9)


def test_without_switching_cost_both_families_are_one():
    """At no cost pause and resume is k-min search."""
    limits = online.pause_resume_limits(4, 100.0, 500.0, 0.0)

    assert limits.start == pytest.approx(online.k_min_limits(4, 100.0, 500.0))
    assert limits.stop == pytest.approx(limits.start)


def test_a_dearer_switch_makes_it_slower_to_stop():
    """The two limits lie two switches apart, so a running job tolerates more than a paused one."""
    limits = online.pause_resume_limits(4, 100.0, 500.0, 30.0)

    assert limits.stop - limits.start == pytest.approx(np.full(4, 60.0))
    middle = float(limits.start[1] + limits.stop[1]) / 2
    assert online.runs_next(middle, limits, 1, slots_left=99, running=True)
    assert not online.runs_next(middle, limits, 1, slots_left=99, running=False)


def test_work_without_slack_runs_whatever_it_costs():
    """The deadline comes before the limit."""
    limits = plain(online.k_min_limits(2, 1.0, 10.0))

    assert online.runs_next(10.0, limits, 0, slots_left=2, running=False)
    assert not online.runs_next(10.0, limits, 0, slots_left=3, running=False)
    assert not online.runs_next(1.0, limits, 2, slots_left=5, running=True)


@pytest.mark.parametrize(
    "ask",
    [
        pytest.param(lambda: online.one_min_limit(0.0, 5.0), id="low of zero"),
        pytest.param(lambda: online.k_min_ratio_bound(5.0, 4.0), id="high below low"),
        pytest.param(lambda: online.pause_resume_ratio(3, 1.0, 5.0, 2.0), id="switch as dear as the spread"),
        pytest.param(lambda: online.slots_taken(np.ones(1), plain(np.ones(2))), id="more work than slots"),
    ],
)
def test_impossible_figures_are_refused(ask):
    """No guarantee exists without a positive low and a spread."""
    with pytest.raises(InvalidInput, match="allowed|do not fit"):
        ask()


@pytest.mark.shared
def test_recorded_ratios_agree():
    """Exact ratios for 1 to 128 units over six spreads."""
    import json

    path = shared_dir("runs", "cap", "cap_kmin_vectors.json")
    for line in json.loads(path.read_text())["k_min_search_alpha"]:
        assert float(online.k_min_ratio(line["k"], 1.0, line["theta"])) == pytest.approx(line["alpha_k"], rel=1e-9)


class TestByName:
    """The rules that need little or no forecast are policies like any other."""

    past = hourly(*([100.0, 400.0] * 12), start=at(-24))

    def test_one_min_starts_at_the_geometric_mean_of_the_past(self):
        """With 100 and 400 g behind it, the first value at or below 200 g is taken."""
        job = Workload(id="w", duration=HOUR, deadline=at(6))
        decision = plan(
            job, hourly(390.0, 260.0, 190.0, 120.0, 300.0, 300.0), now=T0, method="one-min",
            options=PlanOptions(history=self.past),
        )  # fmt: skip

        assert (decision.start, decision.reason) == (at(2), Reason.ABOVE_THRESHOLD)

    def test_one_min_without_a_past_does_not_guess(self):
        """Nothing is known to compare with, so it does not wait."""
        decision = plan(Workload(id="w", duration=HOUR, deadline=at(6)), hourly(300.0, 100.0), now=T0, method="one-min")

        assert (decision.start, decision.reason) == (T0, Reason.NO_DATA)

    def test_improving_stops_at_the_first_rise(self):
        """Short-sighted: the valley behind the hill is not seen."""
        job = Workload(id="w", duration=HOUR, deadline=at(6))
        decision = plan(job, hourly(300.0, 250.0, 260.0, 50.0, 300.0, 300.0), now=T0, method="improving")

        assert (decision.start, decision.reason) == (at(1), Reason.LOWER_LATER)

    def test_suspend_runs_below_its_bound_and_pauses_above(self):
        """Work that may pause runs in the two clean hours; work that may not waits for one."""
        forecast = hourly(300.0, 100.0, 300.0, 100.0, 300.0, 300.0)
        facts = {"id": "w", "duration": 2 * HOUR, "deadline": at(6)}
        options = PlanOptions(threshold=200.0)
        pausing = plan(Workload(**facts, interruptible=True), forecast, now=T0, method="suspend", options=options)
        whole = plan(Workload(**facts), forecast, now=T0, method="suspend", options=options)

        assert [(i.start, i.end) for i in pausing.intervals] == [(at(1), at(2)), (at(3), at(4))]
        assert (pausing.mean, pausing.reason) == (100.0, Reason.PAUSED_FOR_LOWER)
        assert len(whole.intervals) == 1

    def test_suspend_keeps_the_deadline(self):
        """When the pauses have used up the slack it runs through."""
        job = Workload(id="w", duration=2 * HOUR, deadline=at(4), interruptible=True)
        options = PlanOptions(threshold=50.0)
        decision = plan(job, hourly(*[300.0] * 6), now=T0, method="suspend", options=options)

        assert decision.end <= at(4)

    def test_suspend_without_a_bound_is_refused(self):
        """It has nothing to pause above."""
        with pytest.raises(InvalidInput, match="method suspend needs a threshold or a percentile"):
            plan(Workload(id="w", duration=HOUR), hourly(1.0), now=T0, method="suspend")

    @pytest.mark.parametrize("method", ["improving", "one-min", "suspend"])
    def test_the_engine_decides_by_them(self, method):
        """The same names on the way that really starts work."""
        engine = Engine(Policy(method=method, options=PlanOptions(history=self.past, threshold=200.0)))
        engine.admit(Workload(id="w", duration=HOUR, deadline=at(6)), "1", now=T0, zone="X")
        forecast = hourly(390.0, 260.0, 190.0, 200.0, 300.0, 300.0)
        made = engine.cycle(T0, {"X": Reading(series=forecast, step=FreshnessStep.LIVE)}).decided[0]

        assert (made.decision.method, made.decision.start) == (method, at(2))

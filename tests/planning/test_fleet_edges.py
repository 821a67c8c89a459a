"""Joint plans at their edges: nothing to do, nowhere to go, figures that are none, and starts that are spread."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gridtide.domain.errors import InvalidInput
from gridtide.planning import fleet
from gridtide.planning.fleet import FleetJobs, FleetProblem, Limit, Method, Placement, Quota
from gridtide.planning.fleet.exact import Effort

HOUR = 3_600 * 1_000_000_000
VALUES = [[10.0, 20.0, 30.0], [30.0, 20.0, 10.0]]
methods = pytest.mark.parametrize("method", [Method.EXACT, Method.FAST], ids=str)


def jobs_of(size=2, regions=2, **changes):
    """Jobs of one hour and 1 kW that may run in any of three slots, as plain lists."""
    return FleetJobs(
        **{
            "release": [0] * size, "deadline": [3] * size, "length": [1] * size, "power_kw": [1.0] * size,
            "transfer_g": np.zeros((size, regions)), "contiguous": [False] * size, "tenant": [0] * size, **changes,
        }
    )  # fmt: skip


@st.composite
def crowded(draw):
    """Up to ten jobs in two regions with limits, some of nothing and some without end, and perhaps a quota."""
    size = draw(st.integers(0, 10))
    length = draw(st.lists(st.integers(1, 3), min_size=size, max_size=size))
    release = [draw(st.integers(0, 6 - n)) for n in length]
    jobs = jobs_of(
        size,
        release=release,
        length=length,
        deadline=[draw(st.integers(r + n, 6)) for r, n in zip(release, length, strict=True)],
        power_kw=draw(st.lists(st.sampled_from([0.0, 0.5, 1.0, 3.0]), min_size=size, max_size=size)),
        contiguous=draw(st.lists(st.booleans(), min_size=size, max_size=size)),
    )
    figures = st.lists(
        st.lists(st.sampled_from([0.0, 1.0, 2.0, np.inf]), min_size=6, max_size=6), min_size=2, max_size=2
    )
    values = st.lists(st.lists(st.floats(-5, 500, width=16), min_size=6, max_size=6), min_size=2, max_size=2)
    quotas = (Quota(name="team", kwh=draw(st.sampled_from([0.0, 3.0, np.inf]))),) if draw(st.booleans()) else ()
    return FleetProblem(jobs=jobs, values=draw(values), limits=fleet.region_limits(draw(figures)), quotas=quotas)


@given(crowded(), st.sampled_from([Method.EXACT, Method.FAST]))
@settings(max_examples=5, deadline=None)
def test_whatever_has_no_place_is_listed_with_its_reason(problem, method):
    """Limits hold, the bound is never above the plan, and every job is placed or explained."""
    plan = fleet.plan_fleet(problem, method=method)

    assert not fleet.violations(problem, plan.placement)
    assert plan.bound_g <= plan.objective_g
    assert plan.gap >= 0.0
    assert len(plan.reasons) == len(plan.unplaced)
    assert all(reason.startswith(("no room beside", "fits nowhere")) for reason in plan.reasons)


@given(crowded(), st.randoms(use_true_random=False))
@settings(max_examples=4, deadline=None)
def test_the_order_of_jobs_changes_no_rule(problem, random):
    """A plan of the same jobs in another order keeps every limit of the first, and neither beats the other's bound."""
    order = list(range(problem.jobs.size))
    random.shuffle(order)
    other = replace(problem, jobs=problem.jobs.some(np.array(order, dtype=np.int64)))

    plan, moved = (fleet.plan_fleet(p, method=Method.FAST) for p in (problem, other))
    back = Placement(np.empty_like(moved.placement.region), [np.empty(0, np.int64)] * len(order))
    for place, job in enumerate(order):
        back.region[job], back.slots[job] = moved.placement.region[place], moved.placement.slots[place]

    assert not fleet.violations(problem, back)
    assert max(plan.bound_g, moved.bound_g) <= min(plan.objective_g, moved.objective_g) * (1 + 1e-9) + 1e-6
    nowhere = {plan.unplaced[k] for k, reason in enumerate(plan.reasons) if reason.startswith("fits nowhere")}
    elsewhere = {order[moved.unplaced[k]] for k, why in enumerate(moved.reasons) if why.startswith("fits nowhere")}
    assert nowhere == elsewhere


@pytest.mark.parametrize(
    "values",
    [
        pytest.param(VALUES, id="regions and slots"),
        pytest.param(np.empty((2, 0)), id="no slots"),
        pytest.param(np.empty((0, 3)), id="no regions"),
    ],
)
@methods
def test_nothing_to_do_costs_nothing(values, method):
    """Without jobs the plan is empty, with or without regions and slots."""
    values = np.array(values)
    limits = fleet.region_limits(np.zeros(values.shape))
    problem = FleetProblem(jobs=jobs_of(0, values.shape[0]), values=values, limits=limits)

    plan = fleet.plan_fleet(problem, method=method)

    assert (plan.grams, plan.bound_g, plan.gap, plan.unplaced, plan.reasons) == (0.0, 0.0, 0.0, (), ())


@methods
def test_without_capacity_nothing_runs_and_every_job_says_why(method):
    """All jobs are listed, and the bound knows that nothing could have been done."""
    problem = FleetProblem(jobs=jobs_of(3), values=VALUES, limits=fleet.region_limits(np.zeros((2, 3))))

    plan = fleet.plan_fleet(problem, method=method)

    assert plan.unplaced == (0, 1, 2)
    assert (plan.grams, plan.gap) == (0.0, 0.0)
    assert plan.reasons[0] == (
        "fits nowhere, even alone: region 0: limit region 0 has 1 kW in 0 slots, 1 are needed; "
        "region 1: limit region 1 has 1 kW in 0 slots, 1 are needed"
    )


@methods
def test_jobs_crowded_out_are_told_from_those_that_fit_nowhere(method):
    """Of two jobs for one place one is crowded out; a quota and a run in a row are named as what they lack."""
    one_place = FleetProblem(
        jobs=jobs_of(2, 1), values=[[1.0, 1.0, 1.0]], limits=fleet.region_limits([[1.0, 0.0, 0.0]])
    )
    crowded_out = fleet.plan_fleet(one_place, method=method).reasons
    in_a_row = replace(
        one_place, jobs=jobs_of(1, 1, length=[2], contiguous=[True]), limits=fleet.region_limits([[1.0, 0.0, 1.0]])
    )
    quota = replace(one_place, jobs=jobs_of(1, 1), limits=(), quotas=(Quota(name="team", kwh=0.5),))

    assert crowded_out == ("no room beside the other jobs: region 0: limit region 0 has 1 kW in 0 slots, 1 are needed",)
    assert "1 kW are free in 1 slots in a row, 2 are needed" in fleet.plan_fleet(in_a_row, method=method).reasons[0]
    assert "quota team has 0.5 of 1 kWh" in fleet.plan_fleet(quota, method=method).reasons[0]


@methods
def test_an_infinite_limit_is_none(method):
    """Capacity without end and no limit at all give the same plan."""
    endless = FleetProblem(
        jobs=jobs_of(3),
        values=VALUES,
        limits=fleet.region_limits(np.full((2, 3), np.inf)),
        quotas=(Quota(name="team", kwh=np.inf),),
    )

    plan = fleet.plan_fleet(endless, method=method)

    assert plan.grams == pytest.approx(30.0)
    assert plan.unplaced == ()


def test_work_without_power_and_data_without_size_cost_nothing():
    """Zero is a figure like any other: no power emits nothing, no gigabyte moves for nothing."""
    moved = fleet.transfer_grams([0.0, 0.0], [0, 1], [0, 0], VALUES, kwh_per_gb=0.001)
    idle = FleetProblem(
        jobs=jobs_of(2, power_kw=[0.0, 0.0]), values=VALUES, limits=fleet.region_limits(np.zeros((2, 3)))
    )

    plan = fleet.plan_fleet(idle)

    assert not moved.any()
    assert (plan.grams, plan.gap, plan.unplaced) == (0.0, 0.0, ())


def test_the_exact_path_gives_way_where_the_solver_gives_up(monkeypatch):
    """A linear program without an answer is no failure: the fast path plans, and the plan says so."""
    problem = FleetProblem(jobs=jobs_of(3), values=VALUES, limits=fleet.region_limits(np.ones((2, 3))))

    def no_answer(*_, **__):
        raise fleet.program.UnsolvedError("numerical difficulties")

    monkeypatch.setattr(fleet.program, "solve", no_answer)
    plan = fleet.plan_fleet(problem, method=Method.EXACT)

    assert plan.method == "fast"
    assert not fleet.violations(problem, plan.placement)


def test_a_linear_program_without_time_leaves_the_plan_to_prices(capfd):
    """Where the solver may not think, the fast path answers with its own bound, and nobody prints."""
    problem = FleetProblem(jobs=jobs_of(3), values=VALUES, limits=fleet.region_limits(np.ones((2, 3))))

    plan = fleet.plan_fleet(problem, method=Method.EXACT, effort=Effort(seconds=0.0))

    assert plan.method == "fast"
    assert not fleet.violations(problem, plan.placement)
    assert 0.0 < plan.bound_g <= plan.objective_g
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        pytest.param({"deadline": [0, 0]}, "deadline", id="an empty window"),
        pytest.param({"length": [0, 0]}, "length", id="no length"),
        pytest.param({"release": [0.5, 0]}, "release", id="half a slot"),
        pytest.param({"release": ["a", "b"]}, "release", id="a word"),
        pytest.param({"release": [[0, 0]]}, "release", id="a table"),
        pytest.param({"power_kw": [np.nan, 1.0]}, "power_kw", id="an unknown power"),
        pytest.param({"contiguous": [2, 0]}, "contiguous", id="neither true nor false"),
        pytest.param({"tenant": [0]}, "tenant", id="too few"),
        pytest.param({"transfer_g": np.full((2, 2), np.inf)}, "transfer_g", id="no region"),
        pytest.param({"transfer_g": np.empty((2, 0))}, "transfer_g", id="no regions at all"),
        pytest.param({"transfer_g": np.zeros((2, 3))}, "transfer_g", id="too many regions"),
    ],
)
def test_a_job_that_cannot_be_is_refused_by_its_field(changes, field):
    """The facts of the error name the field."""
    with pytest.raises(InvalidInput) as refused:
        FleetProblem(jobs=jobs_of(**changes), values=VALUES)

    assert refused.value.facts["field"] == field


@pytest.mark.parametrize(
    ("make", "field"),
    [
        pytest.param(lambda: {"values": VALUES[0]}, "values", id="one row of values"),
        pytest.param(lambda: {"slot_hours": 0.0}, "slot_hours", id="no time"),
        pytest.param(
            lambda: {"limits": (Limit(name="x", kw=[1, 1, 1], regions=(7,)),)}, "regions", id="no such region"
        ),
        pytest.param(lambda: {"quotas": (Quota(name="x", kwh=np.nan),)}, "kwh", id="no quota"),
        pytest.param(lambda: {"limits": fleet.region_limits([1.0, 1.0])}, "capacity_kw", id="one row of capacity"),
    ],
)
def test_a_problem_that_cannot_be_is_refused_by_its_field(make, field):
    """The facts of the error name the field."""
    with pytest.raises(InvalidInput) as refused:
        FleetProblem(**{"jobs": jobs_of(), "values": VALUES, **make()})

    assert refused.value.facts["field"] == field


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        pytest.param({"home": [0, 5]}, "home", id="no such home"),
        pytest.param({"home": [0, -1]}, "home", id="below zero"),
        pytest.param({"release": [0, 9]}, "release", id="no such slot"),
        pytest.param({"data_gb": [1.0, -1.0]}, "data_gb", id="less than no data"),
        pytest.param({"data_gb": [1.0]}, "home", id="too few"),
        pytest.param({"kwh_per_gb": float("nan")}, "kwh_per_gb", id="no energy"),
    ],
)
def test_a_move_that_cannot_be_is_refused_by_its_field(changes, field):
    """A home that is none must not be read from the other end of the table."""
    asked = {"data_gb": [1.0, 1.0], "home": [0, 1], "release": [0, 0], "kwh_per_gb": 0.001, **changes}
    with pytest.raises(InvalidInput) as refused:
        fleet.transfer_grams(asked["data_gb"], asked["home"], asked["release"], VALUES, kwh_per_gb=asked["kwh_per_gb"])

    assert refused.value.facts["field"] == field


@pytest.mark.parametrize(("options", "field"), [({"method": "quick"}, "method"), ({"seed": -1}, "seed")])
def test_an_unknown_method_or_seed_is_refused(options, field):
    """A wrong name is no silent default."""
    with pytest.raises(InvalidInput) as refused:
        fleet.plan_fleet(FleetProblem(jobs=jobs_of(), values=VALUES), **options)

    assert refused.value.facts["field"] == field


def test_a_placement_of_other_regions_slots_or_jobs_is_described():
    """What lies outside the problem is a broken rule, not a traceback."""
    problem = FleetProblem(jobs=jobs_of(), values=VALUES)
    slot = np.array([0])

    assert fleet.violations(problem, Placement(np.array([0]), [slot])) == [
        "the placement is of 1 jobs, the problem of 2"
    ]
    assert fleet.violations(problem, Placement(np.array([0, 5]), [slot, slot])) == ["job 1 may not run in region 5"]
    assert fleet.violations(problem, Placement(np.array([0, 1]), [slot, np.array([9])])) == ["job 1 leaves its window"]


def names_of(problem):
    return [f"job-{k}" for k in range(problem.jobs.size)]


def loads_at(problem, placement, launch, instant):
    """Power of every limit at *instant*, by summing over the runs that are on."""
    on = (launch.start_ns <= instant) & (instant < launch.start_ns + launch.slots * HOUR)
    region, power = placement.region[launch.job[on]], problem.jobs.power_kw[launch.job[on]]
    return [power[np.isin(region, limit.regions)].sum() for limit in problem.limits]


@given(crowded(), st.integers(0, 2 * HOUR), st.sampled_from([None, 0.001, 1.0]))
@settings(max_examples=12, deadline=None)
def test_spread_starts_keep_limits_and_windows_at_every_instant(problem, window_ns, per_second):
    """No run leaves its window, and at every start the power that is on is within every limit."""
    plan = fleet.plan_fleet(problem, method=Method.FAST)

    launch = fleet.spread_starts(
        problem, plan.placement, names=names_of(problem), first_ns=0, window_ns=window_ns, per_second=per_second
    )

    ends = launch.start_ns + launch.slots * HOUR
    assert ((launch.delay_ns >= 0) & (launch.delay_ns < HOUR)).all()
    assert not launch.delay_ns[~launch.free].any()
    assert (ends <= problem.jobs.deadline[launch.job] * HOUR).all()
    assert np.bincount(launch.job, launch.slots, minlength=problem.jobs.size).tolist() == [
        float(slots.size) for slots in plan.placement.slots
    ]
    for instant in launch.start_ns.tolist():
        for load, limit in zip(loads_at(problem, plan.placement, launch, instant), problem.limits, strict=True):
            assert load <= limit.kw[instant // HOUR] + 1e-6


def test_a_full_slot_is_handed_over_from_run_to_run():
    """One kilowatt, three jobs one after the other: the second waits until the first has gone, the last stays in time."""
    jobs = jobs_of(3, 1, release=[0, 1, 2], deadline=[2, 3, 5])
    problem = FleetProblem(jobs=jobs, values=[[1.0, 1.0, 1.0, 9.0, 9.0]], limits=fleet.region_limits([[1.0] * 5]))
    placement = Placement(np.zeros(3, np.int64), [np.array([0]), np.array([1]), np.array([2])])

    launch = fleet.spread_starts(problem, placement, names=["a", "b", "c"], first_ns=0, window_ns=HOUR // 2)

    assert launch.free.all()
    assert launch.delay_ns[0] <= launch.delay_ns[1] <= launch.delay_ns[2]
    assert launch.delay_ns[0] > 0
    assert launch.extra_g == pytest.approx(8.0 * launch.delay_ns[2] / HOUR)


def test_a_run_that_cannot_wait_holds_those_before_it_to_their_time():
    """The last job has no slack, so nobody may be late into its slot."""
    jobs = jobs_of(3, 1, release=[0, 1, 2], deadline=[2, 3, 3])
    problem = FleetProblem(jobs=jobs, values=[[1.0] * 5], limits=fleet.region_limits([[1.0] * 5]))
    placement = Placement(np.zeros(3, np.int64), [np.array([0]), np.array([1]), np.array([2])])

    launch = fleet.spread_starts(problem, placement, names=["a", "b", "c"], first_ns=0, window_ns=HOUR // 2)

    assert launch.free.tolist() == [False, False, False]
    assert not launch.delay_ns.any()


def test_a_green_hour_is_no_stampede():
    """A hundred jobs of one hour start over ten minutes, or one every two seconds, the same again by name."""
    problem = FleetProblem(jobs=jobs_of(100, 1), values=[[10.0, 20.0, 30.0]])
    plan = fleet.plan_fleet(problem, method=Method.FAST)
    asked = {"names": names_of(problem), "first_ns": 5 * HOUR}

    jitter = fleet.spread_starts(problem, plan.placement, **asked, window_ns=HOUR // 6)
    ramp = fleet.spread_starts(problem, plan.placement, **asked, per_second=0.5)
    again = fleet.spread_starts(problem, plan.placement, **asked, window_ns=HOUR // 6)

    assert jitter.start_ns.min() >= 5 * HOUR
    assert jitter.delay_ns.max() < HOUR // 6
    assert np.unique(jitter.start_ns).size == 100
    assert np.diff(np.sort(ramp.start_ns)).min() == 2_000_000_000
    assert ramp.extra_g == pytest.approx(10.0 * (ramp.delay_ns / HOUR).sum())
    assert jitter.start_ns.tolist() == again.start_ns.tolist()


def test_names_for_other_jobs_are_refused():
    """One name for each job."""
    problem = FleetProblem(jobs=jobs_of(), values=VALUES)
    plan = fleet.plan_fleet(problem)

    with pytest.raises(InvalidInput, match="1 names for 2 jobs"):
        fleet.spread_starts(problem, plan.placement, names=["a"], first_ns=0)

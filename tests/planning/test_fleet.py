"""Joint plans: never beyond a limit, never below the bound, and the optimum where it can be found by trying all."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gridtide.domain.errors import InvalidInput
from gridtide.planning import fleet
from gridtide.planning.fleet import FleetJobs, FleetProblem, Limit, Method, Placement, Quota
from gridtide.planning.fleet.prices import Prices, Sweeper, find_prices

methods = pytest.mark.parametrize("method", [Method.EXACT, Method.FAST], ids=str)


def problem_of(rows, values, *, capacity=None, limits=(), quotas=()):
    """Rows of release, deadline, length, power, contiguous, tenant; nothing moves for free or at a price."""
    columns = [np.array(column) for column in zip(*rows, strict=True)]
    values = np.array(values, dtype=np.float64)
    jobs = FleetJobs(
        release=columns[0].astype(np.int64),
        deadline=columns[1].astype(np.int64),
        length=columns[2].astype(np.int64),
        power_kw=columns[3].astype(np.float64),
        transfer_g=np.zeros((len(rows), values.shape[0])),
        contiguous=columns[4].astype(bool),
        tenant=columns[5].astype(np.int64),
    )
    own = () if capacity is None else fleet.region_limits(np.array(capacity, dtype=np.float64))
    return FleetProblem(jobs=jobs, values=values, limits=(*own, *limits), quotas=tuple(quotas))


@st.composite
def problems(draw, *, n_slots=6, most_jobs=4):
    n_regions = draw(st.integers(1, 2))
    values = draw(
        st.lists(
            st.lists(st.integers(1, 30), min_size=n_slots, max_size=n_slots), min_size=n_regions, max_size=n_regions
        )
    )
    rows = []
    for _ in range(draw(st.integers(1, most_jobs))):
        length = draw(st.integers(1, 3))
        release = draw(st.integers(0, n_slots - length))
        deadline = draw(st.integers(release + length, n_slots))
        rows.append(
            (release, deadline, length, draw(st.sampled_from([1.0, 2.0])), draw(st.booleans()), draw(st.integers(0, 1)))
        )
    capacity = draw(st.lists(st.sampled_from([1.0, 2.0, 3.0, 5.0]), min_size=n_regions, max_size=n_regions))
    limits = []
    if draw(st.booleans()):
        limits.append(Limit(name="tenant 0", kw=np.full(n_slots, draw(st.sampled_from([1.0, 2.0, 4.0]))), tenants=(0,)))
    quotas = []
    if draw(st.booleans()):
        quotas.append(Quota(name="first region", kwh=draw(st.sampled_from([2.0, 4.0, 8.0])), regions=(0,)))
    kw = np.repeat(np.array(capacity)[:, None], n_slots, axis=1)
    return problem_of(rows, values, capacity=kw, limits=limits, quotas=quotas)


def places(problem, job):
    """Every place of one job, none included."""
    jobs = problem.jobs
    window = range(int(jobs.release[job]), int(jobs.deadline[job]))
    length = int(jobs.length[job])
    runs = (
        [tuple(range(s, s + length)) for s in window if s + length <= jobs.deadline[job]]
        if jobs.contiguous[job]
        else list(itertools.combinations(window, length))
    )
    return [(-1, ()), *((region, run) for region in range(problem.n_regions) for run in runs)]


def best_objective(problem):
    """Lowest objective of all valid placements, by trying every one."""
    best = np.inf
    grams_of = problem.slot_kwh
    for choice in itertools.product(*(places(problem, job) for job in range(problem.jobs.size))):
        objective = sum(
            problem.unplaced_g[job] if region < 0 else grams_of[job] * problem.values[region, list(run)].sum()
            for job, (region, run) in enumerate(choice)
        )
        if objective < best - 1e-9:
            placement = Placement(
                np.array([region for region, _ in choice]), [np.array(run, dtype=np.int64) for _, run in choice]
            )
            if not fleet.violations(problem, placement):
                best = objective
    return best


@given(problems(most_jobs=3))
@settings(max_examples=5, deadline=None)
def test_no_bound_lies_above_the_optimum_and_no_plan_below(problem):
    """The bound is below the best of all placements, every plan at or above it; small exact plans reach it closely."""
    best = best_objective(problem)

    for method in (Method.EXACT, Method.FAST):
        plan = fleet.plan_fleet(problem, method=method)

        assert plan.bound_g <= best + 1e-6
        assert plan.objective_g >= best - 1e-6
        assert not fleet.violations(problem, plan.placement)


@given(problems(n_slots=12, most_jobs=12), st.sampled_from([Method.EXACT, Method.FAST]))
@settings(max_examples=8, deadline=None)
def test_limits_and_quotas_are_never_exceeded(problem, method):
    """Whatever is asked for, what does not fit is listed and not squeezed in."""
    plan = fleet.plan_fleet(problem, method=method)

    assert not fleet.violations(problem, plan.placement)
    assert plan.bound_g <= plan.objective_g + 1e-6
    assert set(plan.unplaced) == set(np.flatnonzero(plan.placement.region < 0).tolist())
    assert plan.grams == pytest.approx(plan.placement.grams(problem).sum())


@methods
def test_scarce_clean_capacity_goes_where_it_saves_most(method):
    """Two jobs want one clean slot; the one that has no other clean choice gets it."""
    problem = problem_of(
        [(0, 3, 1, 1.0, False, 0), (1, 2, 1, 1.0, False, 0)],
        [[50.0, 10.0, 11.0], [900.0, 900.0, 900.0]],
        capacity=[[1.0] * 3, [9.0] * 3],
    )

    plan = fleet.plan_fleet(problem, method=method)

    assert plan.grams == pytest.approx(21.0)
    assert [s.tolist() for s in plan.placement.slots] == [[2], [1]]


@methods
def test_without_limits_everybody_has_the_cheapest_place(method):
    """The plan is the sum of single optima, and its gap is nothing."""
    problem = problem_of(
        [(0, 4, 2, 1.0, False, 0), (0, 4, 2, 2.0, True, 0)], [[9.0, 1.0, 8.0, 2.0], [5.0, 5.0, 5.0, 5.0]]
    )

    plan = fleet.plan_fleet(problem, method=method)

    assert plan.grams == pytest.approx(3.0 + 2 * 9.0)
    assert plan.gap == pytest.approx(0.0, abs=1e-9)


@methods
def test_work_that_fits_nowhere_is_listed(method):
    """A job of 3 kW under a limit of 2 kW has no place; the other one keeps its own."""
    problem = problem_of([(0, 2, 1, 3.0, False, 0), (0, 2, 1, 1.0, False, 0)], [[5.0, 6.0]], capacity=[[2.0, 2.0]])

    plan = fleet.plan_fleet(problem, method=method)

    assert plan.unplaced == (0,)
    assert plan.grams == pytest.approx(5.0)


@methods
def test_a_tenants_share_and_a_quota_hold(method):
    """Tenant 1 may draw 1 kW at a time, and the clean region gives 2 kWh in all."""
    rows = [(0, 4, 1, 1.0, False, 1)] * 3
    share = Limit(name="tenant 1", kw=np.ones(4), tenants=(1,))
    quota = Quota(name="clean", kwh=2.0, regions=(0,))
    problem = problem_of(rows, [[1.0, 1.0, 1.0, 1.0], [7.0, 8.0, 9.0, 9.0]], limits=(share,), quotas=(quota,))

    plan = fleet.plan_fleet(problem, method=method)

    assert plan.grams == pytest.approx(1.0 + 1.0 + 7.0)
    assert np.unique(np.concatenate(plan.placement.slots)).size == 3


@methods
def test_a_job_stays_out_of_regions_it_may_not_enter(method):
    """An infinite transfer is residency: the dirtier home is the only place."""
    problem = problem_of([(0, 1, 1, 1.0, False, 0)], [[500.0], [1.0]])
    jobs = problem.jobs
    bound_to_home = FleetJobs(
        release=jobs.release,
        deadline=jobs.deadline,
        length=jobs.length,
        power_kw=jobs.power_kw,
        transfer_g=np.array([[0.0, np.inf]]),
        contiguous=jobs.contiguous,
        tenant=jobs.tenant,
    )

    plan = fleet.plan_fleet(FleetProblem(jobs=bound_to_home, values=problem.values), method=method)

    assert plan.grams == pytest.approx(500.0)


@methods
def test_no_jobs_is_an_empty_plan(method):
    """Nothing to do is planned with nothing."""
    nothing = np.empty(0, dtype=np.int64)
    jobs = FleetJobs(
        release=nothing,
        deadline=nothing,
        length=nothing,
        power_kw=np.empty(0),
        transfer_g=np.empty((0, 1)),
        contiguous=np.empty(0, dtype=bool),
        tenant=nothing,
    )

    plan = fleet.plan_fleet(FleetProblem(jobs=jobs, values=np.ones((1, 3))), method=method)

    assert (plan.grams, plan.gap, plan.unplaced) == (0.0, 0.0, ())


def many(n_jobs, seed):
    rng = np.random.default_rng(seed)
    length = rng.integers(1, 6, n_jobs)
    release = rng.integers(0, 40 - length)
    rows = list(
        zip(
            release,
            np.minimum(release + length + rng.integers(0, 20, n_jobs), 48),
            length,
            rng.choice([0.5, 1.0, 2.0], n_jobs),
            rng.random(n_jobs) < 0.3,
            rng.integers(0, 3, n_jobs),
            strict=True,
        )
    )
    values = np.outer([30.0, 200.0, 500.0], 1 + 0.3 * np.sin(np.arange(48) / 4))
    return problem_of(rows, values, capacity=np.full((3, 48), n_jobs / 12))


@methods
@pytest.mark.slow
def test_the_same_seed_gives_the_same_plan(method):
    """A plan made again from its record is the same plan."""
    problem = many(60, 0)

    first, second = (fleet.plan_fleet(problem, method=method, seed=5) for _ in range(2))

    assert first.placement.region.tolist() == second.placement.region.tolist()
    assert [s.tolist() for s in first.placement.slots] == [s.tolist() for s in second.placement.slots]


@pytest.mark.slow
def test_the_exact_path_comes_close_to_the_bound():
    """On a crowded instance of 60 jobs the gap stays small, and the fast path reports its own honestly."""
    problem = many(60, 1)

    exact, fast = (fleet.plan_fleet(problem, method=method) for method in (Method.EXACT, Method.FAST))

    assert exact.gap < 0.02
    assert exact.grams <= fast.grams * (1 + 1e-9)
    assert fast.bound_g <= exact.objective_g


def test_auto_takes_the_exact_path_for_few_jobs():
    """The method is named in the plan."""
    assert fleet.plan_fleet(many(20, 2)).method == "exact"


@given(problems(n_slots=12, most_jobs=10), st.floats(0, 50))
@settings(max_examples=8, deadline=None)
def test_every_price_gives_a_bound(problem, price):
    """At any prices, even foolish ones, the sweep's bound stays below a valid plan."""
    sweeper = Sweeper(problem)
    none = sweeper.none()

    foolish = sweeper.sweep(Prices(none.slot + price, none.quota + price))
    found = find_prices(sweeper, sweeps=20)[1]

    objective = fleet.plan_fleet(problem, method=Method.FAST).objective_g
    assert foolish.bound_g <= objective + 1e-6
    assert sweeper.sweep(none).bound_g - 1e-9 <= found.bound_g <= objective + 1e-6


def test_tightened_limits_see_that_two_large_jobs_do_not_fit():
    """Under 3 kW only one job of 2 kW can run, which the plain bound does not know."""
    problem = problem_of([(0, 2, 1, 2.0, False, 0)] * 2, [[1.0, 100.0]], capacity=[[3.0, 3.0]])

    plain = find_prices(Sweeper(problem, tighten=False), sweeps=400)[1].bound_g
    tight = find_prices(Sweeper(problem), sweeps=400)[1].bound_g

    assert plain < 110.0
    assert tight == pytest.approx(202.0, rel=0.01)


def test_transfer_counts_half_of_each_end_at_the_release():
    """10 GB at 0.001 kWh/GB between 100 and 300 g/kWh are 2 g; home is free."""
    grams = fleet.transfer_grams(
        np.array([10.0]), np.array([0]), np.array([1]), np.array([[9.0, 100.0], [9.0, 300.0]]), kwh_per_gb=0.001
    )

    assert grams.tolist() == [[0.0, pytest.approx(2.0)]]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        pytest.param({"length": 0}, "length of job 0", id="no work"),
        pytest.param({"deadline": 1, "length": 2}, "deadline of job 0", id="window too short"),
        pytest.param({"deadline": 9}, "deadline of job 0", id="beyond the slots"),
        pytest.param({"power": -1.0}, "power_kw of job 0", id="negative power"),
    ],
)
def test_impossible_jobs_are_named(changes, message):
    """The message names the job and the field."""
    row = {"release": 0, "deadline": 3, "length": 1, "power": 1.0, **changes}

    with pytest.raises(InvalidInput, match=message):
        problem_of([(row["release"], row["deadline"], row["length"], row["power"], False, 0)], [[1.0] * 3])


def test_missing_values_and_broken_limits_are_refused():
    """An unknown hour is not a clean one, and a limit is a figure per slot."""
    row = [(0, 1, 1, 1.0, False, 0)]
    with pytest.raises(InvalidInput, match="known"):
        problem_of(row, [[np.nan]])
    with pytest.raises(InvalidInput, match="limit site"):
        problem_of(row, [[1.0]], limits=(Limit(name="site", kw=np.array([1.0, 1.0])),))
    with pytest.raises(InvalidInput, match="quota team"):
        problem_of(row, [[1.0]], quotas=(Quota(name="team", kwh=-1.0),))


def test_violations_name_what_is_broken():
    """A wrong placement is described, rule by rule."""
    problem = problem_of(
        [(0, 2, 1, 2.0, False, 0), (0, 2, 2, 1.0, True, 0)], [[1.0, 1.0, 1.0]], capacity=[[2.0, 2.0, 2.0]]
    )
    wrong = Placement(np.array([0, 0]), [np.array([0]), np.array([0, 2])])

    found = " | ".join(fleet.violations(problem, wrong))

    assert "limit region 0 holds 2 kW, slot 0 uses 3" in found
    assert "job 1 leaves its window" in found
    assert "job 1 pauses" in found

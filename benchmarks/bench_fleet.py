"""
How long joint plans take and how far above their bound they are, beside the same question put to HiGHS as it stands.

    python benchmarks/bench_fleet.py [--data DIR] [--peer-seconds S] [--no-peer] [--no-large] [--json]

First 200 jobs in 6 regions over 168 hours, then as many where capacity is scarce: their limits hold a few jobs each.
Then 50,000 jobs in 10 regions by the fast path. ``--data DIR`` is laid out
as ``spatial`` of the reference runs; without it an instance of that shape is drawn. The peer is the plain formulation,
one column per job, region and hour, handed to SciPy's HiGHS: the linear program for the bound, then all of it as whole
numbers for as many seconds as ``--peer-seconds`` says.
"""

from __future__ import annotations

import time

import numpy as np
import timing
from scipy import sparse
from scipy.optimize import Bounds, LinearConstraint, linprog, milp

from gridtide.planning import fleet
from gridtide.planning.fleet import FleetJobs, FleetProblem, Method
from gridtide.simulation.reproduce import joint

SMALL_BAR_S, SMALL_BAR_GAP, LARGE_BAR_S = 5.0, 0.005, 60.0
SCARCE = ((3.0, 1), (2.2, 2), (1.6, 3))
HOURS = 168


def drawn(n_jobs: int, n_regions: int, *, room: float, seed: int = 0) -> FleetProblem:
    """Jobs of 1 to 12 h with up to two days of slack, in regions as different as 20 and 700 g/kWh."""
    rng = np.random.default_rng(seed)
    phase = np.arange(HOURS) / 24 * 2 * np.pi + rng.uniform(0, 6, (n_regions, 1))
    values = rng.uniform(20, 700, (n_regions, 1)) + 80 * np.sin(phase) + rng.normal(0, 15, (n_regions, HOURS))
    values = values.clip(5)
    length, release = rng.integers(1, 13, n_jobs), rng.integers(0, HOURS - 30, n_jobs)
    power, home = rng.choice([0.5, 1.0, 2.0], n_jobs), rng.integers(0, n_regions, n_jobs)
    jobs = FleetJobs(
        release=release,
        deadline=np.minimum(HOURS, release + length + rng.integers(0, 49, n_jobs)),
        length=length,
        power_kw=power,
        transfer_g=fleet.transfer_grams(rng.choice([0, 10, 100], n_jobs), home, release, values, kwh_per_gb=0.001),
        contiguous=np.zeros(n_jobs, bool),
        tenant=np.zeros(n_jobs, np.int64),
    )
    each_kw = room * float((power * length).sum()) / HOURS / n_regions
    return FleetProblem(jobs=jobs, values=values, limits=fleet.region_limits(np.full((n_regions, HOURS), each_kw)))


class Plain:
    """The question as columns: whether a job is in a region, then whether it runs there in an hour."""

    def __init__(self, problem: FleetProblem) -> None:
        jobs, n_regions, n_slots = problem.jobs, problem.n_regions, problem.n_slots
        job, region = (a.ravel() for a in np.divmod(np.arange(jobs.size * n_regions), n_regions))
        width = (jobs.deadline - jobs.release)[job]
        pair = np.repeat(np.arange(job.size), width)
        slot = np.arange(pair.size) - np.repeat(np.cumsum(width) - width, width) + jobs.release[job[pair]]
        run = job.size + np.arange(pair.size)
        size, one = job.size + pair.size, np.ones
        self.cost = np.concatenate(
            (jobs.transfer_g.ravel(), problem.slot_kwh[job[pair]] * problem.values[region[pair], slot])
        )
        place = region[pair] * n_slots + slot
        power = sparse.csr_matrix((jobs.power_kw[job[pair]], (place, run)), shape=(n_regions * n_slots, size))
        link = sparse.csr_matrix(
            (np.concatenate((one(pair.size), -one(pair.size))), (np.tile(np.arange(pair.size), 2), [*run, *pair])),
            shape=(pair.size, size),
        )
        self.less = sparse.vstack((power, link)).tocsr()
        self.less_bound = np.concatenate((*(limit.kw for limit in problem.limits), np.zeros(pair.size)))
        once = sparse.csr_matrix((one(job.size), (job, np.arange(job.size))), shape=(jobs.size, size))
        work = sparse.csr_matrix(
            (
                np.concatenate((one(pair.size), -jobs.length[job])),
                ([*pair, *range(job.size)], [*run, *range(job.size)]),
            ),
            shape=(job.size, size),
        )
        self.equal = sparse.vstack((once, work)).tocsr()
        self.equal_bound = np.concatenate((np.ones(jobs.size), np.zeros(job.size)))

    def bound_g(self) -> float:
        answer = linprog(self.cost, self.less, self.less_bound, self.equal, self.equal_bound, bounds=(0, 1))
        return float(answer.fun)

    def whole_g(self, seconds: float) -> float | None:
        rows = [
            LinearConstraint(self.equal, self.equal_bound, self.equal_bound),
            LinearConstraint(self.less, -np.inf, self.less_bound),
        ]
        limits = {"time_limit": seconds, "mip_rel_gap": SMALL_BAR_GAP}
        answer = milp(
            self.cost, constraints=rows, bounds=Bounds(0, 1), integrality=np.ones(self.cost.size), options=limits
        )
        return None if answer.x is None else float(answer.fun)


def taken(name: str, work) -> tuple[object, dict[str, object]]:
    wall, begin = time.perf_counter(), time.process_time()
    found = work()
    return found, {"what": name, "cpu s": time.process_time() - begin, "wall s": time.perf_counter() - wall}


def planned(name: str, problem: FleetProblem, bar_s: float, **options):
    plan, line = taken(name, lambda: fleet.plan_fleet(problem, **options))
    assert not fleet.violations(problem, plan.placement), "limits hold"
    line |= {"bar s": bar_s, "grams": plan.grams, "bound": plan.bound_g, "gap %": 100 * plan.gap}
    return plan, line | {"unplaced": len(plan.unplaced)}


def main() -> None:
    parser = timing.parser_for(__doc__)
    parser.add_argument("--peer-seconds", type=float, default=60.0, metavar="S", help="for the plain whole program")
    parser.add_argument("--no-peer", action="store_true", help="leave the plain programs out")
    parser.add_argument("--no-large", action="store_true", help="leave the 50,000 jobs out")
    options = parser.parse_args()
    problem, notes = drawn(200, 6, room=4.0), []
    if options.data:
        folder = options.data / "spatial"
        problem, _ = joint.read_instance(folder, min(folder.glob("ci_*.csv")))
    plan, line = planned(f"{problem.jobs.size} jobs, ours", problem, SMALL_BAR_S)
    _, again = planned(f"{problem.jobs.size} jobs, ours, by prices alone", problem, SMALL_BAR_S, method=Method.FAST)
    rows = [line, again]
    if options.no_peer:
        notes.append("The plain programs are left out.")
    else:
        plain, built = taken("plain programs built", lambda: Plain(problem))
        bound, solved = taken("plain linear program", plain.bound_g)
        assert plan.bound_g >= bound * (1 - 1e-6), "ours is no weaker bound"
        grams, tried = taken(
            f"plain whole program, {options.peer_seconds:g} s", lambda: plain.whole_g(options.peer_seconds)
        )
        of_bound = None if grams is None else 100 * (grams / bound - 1)
        rows += [built, solved | {"bound": bound}, tried | {"grams": grams, "bound": bound, "gap %": of_bound}]
        share = plan.grams / bound - 1
        bar = f"bar {100 * SMALL_BAR_GAP:g} %" if options.data else "the bar is for the instance of --data"
        notes.append(f"Ours is {100 * share:.3f} % above the plain linear bound, {bar}.")
    for room, seed in SCARCE:
        _, line = planned(
            f"200 jobs, scarce: room {room:g}, seed {seed}", drawn(200, 6, room=room, seed=seed), SMALL_BAR_S
        )
        rows.append(line)
    if not options.no_large:
        large = drawn(50_000, 10, room=1.6)
        _, line = planned("50,000 jobs x 10 regions, ours", large, LARGE_BAR_S)
        rows.append(line)
    timing.show("bench-fleet", rows, as_json=options.json, notes=tuple(notes))


if __name__ == "__main__":
    main()

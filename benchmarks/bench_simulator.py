"""
How fast the simulator is: jobs per second of the event engine and of the vector path, and what one decision costs.

Run it with ``python benchmarks/bench_simulator.py``. Figures are processor time, the best of a few rounds.
"""

import heapq
from datetime import UTC, datetime, timedelta

import numpy as np
from timing import best_s, machine

from gridtide.domain.instants import to_ns
from gridtide.domain.interval import Interval
from gridtide.domain.series import Series
from gridtide.domain.signal import Scope, Signal, SignalKind
from gridtide.domain.units import NS_PER_HOUR
from gridtide.domain.workload import Workload
from gridtide.engine.engine import Engine, Policy
from gridtide.engine.work import NEVER_NS
from gridtide.planning.options import PlanOptions
from gridtide.planning.plan import plan
from gridtide.planning.window import lowest_window
from gridtide.simulation import runs, vector
from gridtide.simulation.belief import Perfect
from gridtide.simulation.job_table import JobTable
from gridtide.simulation.world import World

START = datetime(2026, 1, 1, tzinfo=UTC)
HOURS = 24 * 365
SIGNAL = Signal(SignalKind.AVERAGE, provider="bench", zone="X", scope=Scope.LIFECYCLE)


def year():
    rng = np.random.default_rng(1)
    values = 250 + 120 * np.sin(np.arange(HOURS) / 24 * 2 * np.pi) + rng.normal(0, 15, HOURS)
    return Series.steps(SIGNAL, START, timedelta(hours=1), values)


def table(count, *, slack_h=24):
    rng = np.random.default_rng(2)
    arrival = to_ns(START) + np.sort(rng.integers(0, (HOURS - 100) * 3600, count)) * 1_000_000_000
    length = rng.integers(1, 13, count) * NS_PER_HOUR // 2
    return JobTable(
        zones=("X",), pues=(1.0,), zone=np.zeros(count, np.int64), arrival_ns=arrival, length_ns=length, true_ns=length,
        latest_ns=arrival + slack_h * NS_PER_HOUR, power_w=np.full(count, 1000.0), interruptible=np.zeros(count, bool),
    )  # fmt: skip


def preplanned(jobs, starts):
    """Admit, start and end every job through the engine's own cycle, its start given."""
    arrivals, ready, lengths = jobs.arrival_ns.tolist(), starts.tolist(), jobs.length_ns.tolist()
    latest = jobs.latest_ns.tolist()

    def run():
        engine = Engine(Policy())
        ends, at, done, count = [], 0, 0, len(arrivals)
        wake_ns = NEVER_NS
        lengths_of = {}
        while done < count:
            now_ns = min(arrivals[at] if at < count else NEVER_NS, wake_ns, ends[0][0] if ends else NEVER_NS)
            while ends and ends[0][0] <= now_ns:
                engine.ended(heapq.heappop(ends)[2])
                done += 1
            while at < count and arrivals[at] <= now_ns:
                lengths_of[engine.admit_planned("job", str(at), ready[at], latest[at])] = at
                at += 1
            step = engine.cycle_ns(now_ns)
            for order in step.orders:
                at_job = lengths_of.pop(order.work)
                heapq.heappush(ends, (now_ns + lengths[at_job], at_job, order.work))
                engine.started(order.work, START)
            wake_ns = step.wake_ns
        assert not lengths_of

    return run


def per_call(work, calls):
    return best_s(lambda: [work() for _ in range(calls)]) / calls


def main():
    truth = year()
    print(f"{machine()}, processor time, best of 3")
    jobs = table(100_000)
    starts = vector.plan_once(jobs, {"X": truth}, method="lowest-window").start_ns
    rate = jobs.size / best_s(preplanned(jobs, starts))
    print(f"event engine, starts given:       {rate:>12,.0f} jobs/s")
    few = table(5_000)
    objects = few.jobs()
    window = Interval(START, START + timedelta(hours=HOURS))
    for method in ("run-now", "lowest-window"):

        def live(method=method):
            policy = Policy(method=method, options=PlanOptions(alternatives=0))
            World(Engine(policy), {"X": Perfect().readings(truth, window)}).run(objects)

        print(f"whole world, {method + ' planned:':<21}{few.size / best_s(live):>12,.0f} jobs/s")
    many = table(1_000_000)
    for slack in (24, 96):
        wide = table(1_000_000, slack_h=slack) if slack != 24 else many
        rate = wide.size / best_s(lambda wide=wide: vector.plan_once(wide, {"X": truth}, method="lowest-window"))
        print(f"vector path, lowest window {slack:>2} h: {rate:>14,.0f} jobs/s")
    paid = vector.plan_once(many, {"X": truth}, method="run-now")
    rate = many.size / best_s(lambda: runs.pay(many, paid, {"X": truth}))
    print(f"paying a million runs:            {rate:>12,.0f} jobs/s")
    release = to_ns(START) + 1000 * NS_PER_HOUR
    core = per_call(lambda: lowest_window(truth, release, release + 24 * NS_PER_HOUR, 2 * NS_PER_HOUR), 2000)
    print(f"one window, core:                 {core * 1e6:>12.2f} us")
    now = START + timedelta(hours=1000)
    work = Workload(id="w", duration=timedelta(hours=2), deadline=now + timedelta(hours=26), power_w=1000.0)
    for most in (0, 12):
        options = PlanOptions(alternatives=most)
        cost = per_call(lambda options=options: plan(work, truth, now=now, options=options), 500)
        print(f"one explained decision, {most:>2} others:{cost * 1e6:>12.1f} us")


if __name__ == "__main__":
    main()

"""
How long the cheapest node counts of an elastic job take, beside CarbonScaler's greedy on the same values.

    python benchmarks/bench_scaling.py [--data DIR] [--peer DIR] [--json]

``--data DIR`` holds ``data/carbonscaler/nbody100k.csv``, a profile, and ``data/gaia/*_lca.csv*``, hours; without it
both are drawn. The peer, umassos/CarbonScaler, is part of a Kubernetes controller in Go and has no program of its own,
so ``--peer DIR`` is a checkout into which you have put an executable ``compute-schedule`` that calls the peer's
``ComputeSchedule``. It reads one JSON object (``values``, ``throughput``, ``power_w``, ``least``, ``work`` in slots of
one time unit, ``repeat``) and prints another: ``schedule``, and ``seconds``, the least of *repeat* calls.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import timing

from gridtide.planning import scaling
from gridtide.planning.scaling import ScaleProfile
from gridtide.simulation.tables import read_table

BAR_MS = 5.0
SIZES = ((24, 1), (24, 7), (96, 7), (720, 7))
FIRST, SHARE = 7000, 1.0 - 1e-6


def inputs(data: Path | None) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Hours of carbon intensity, throughput and power of one node and more."""
    if data is None:
        rng = np.random.default_rng(5)
        nodes = np.arange(1, 8)
        hours = (220 + 150 * np.sin(np.arange(720) / 24 * 2 * np.pi) + rng.normal(0, 25, 720)).clip(5)
        return hours, 1000.0 * nodes**0.9, 55.0 * nodes - 3.0 * (nodes > 1)
    profile = read_table(data / "data" / "carbonscaler" / "nbody100k.csv", required=("nodes", "throughput", "power"))
    table = read_table(min((data / "data" / "gaia").glob("*_lca.csv*")), required=("carbon_intensity_avg",))
    some = slice(1, 8)
    values = table.numbers("carbon_intensity_avg")[FIRST : FIRST + 720]
    return values, profile.numbers("throughput")[some], profile.numbers("power")[some]


def cost_of(schedule, values, profile: ScaleProfile) -> tuple[float, float]:
    """Cost and work of node counts, whole slots charged in full."""
    levels = np.array(schedule)
    watts, done = np.array((0.0, *profile.power_w)), np.array((0.0, *profile.throughput))
    return float((values * watts[levels]).sum()), float(done[levels].sum())


def against(folder: Path, values, profile: ScaleProfile, work: float, ours: float) -> dict[str, object]:
    """Time and cost of the peer; ours is never dearer."""
    question = {
        "values": values.tolist(), "throughput": profile.throughput, "power_w": profile.power_w,
        "least": profile.least, "work": work, "repeat": 20,
    }  # fmt: skip
    _, said = timing.run_s([str(folder.resolve() / "compute-schedule")], input=json.dumps(question))
    answer = json.loads(said.strip().splitlines()[-1])
    cost, done = cost_of(answer["schedule"], values, profile)
    assert done >= work * (1 - 1e-9), "the peer's schedule does the work"
    assert ours <= cost * (1 + 1e-9), f"the peer's schedule is cheaper: {cost} beside {ours}"
    return {"peer ms": 1e3 * answer["seconds"], "peer above ours %": 100 * (cost / ours - 1)}


def main() -> None:
    options = timing.parser_for(__doc__, peer="folder with the program compute-schedule").parse_args()
    hours, throughput, power = inputs(options.data)
    rows = []
    for slots, levels in SIZES:
        values, profile = hours[:slots], ScaleProfile(tuple(throughput[:levels]), tuple(power[:levels]))
        # As much as one node does in half of the time, and for seven nodes in all of it.
        work = SHARE * profile.throughput[0] * slots * (0.5 if levels == 1 else 1.0)
        plan = scaling.scale(values, profile, work)
        cost, done = cost_of(plan.levels, values, profile)
        assert abs(cost - plan.cost) <= 1e-9 * cost, "the plan costs what it says"
        assert done >= work * (1 - 1e-9), "the plan does the work"
        spent = timing.median_us(lambda v=values, p=profile, w=work: scaling.scale(v, p, w)) / 1e3
        line = {"slots x nodes": f"{slots} x {levels}", "ours ms": spent, "bar ms": BAR_MS, "gap %": 100 * plan.gap}
        if options.peer:
            line |= against(options.peer, values, profile, work, plan.cost)
            line["faster"] = line["peer ms"] / spent
        rows.append(line)
    notes = () if options.peer else ("Without --peer DIR the peer is not run.",)
    timing.show("bench-scaling", rows, as_json=options.json, notes=notes)


if __name__ == "__main__":
    main()

"""
How long GAIA's policies take on its thousand jobs, how many jobs a second its window policies plan, and its simulator.

    python benchmarks/bench_gaia.py [--data DIR] [--peer DIR [--peer-python PROGRAM]] [--json]

Eight policies of the paper's table run one after the other through clusters of our own, then the window policies on a
trace of 100,000 jobs like them. ``--data DIR`` holds ``data/gaia/pai_1k.csv`` and a trace ``*_lca.csv*``; without it
both are drawn. ``--peer DIR`` is a checkout of umassos/GAIA that you supply; its ``src/run.py`` is run as published by
``--peer-python``, an interpreter with pandas, on the same jobs and hours, and must find the same carbon.
"""

from __future__ import annotations

import csv
import os
import tempfile
from pathlib import Path

import numpy as np
import timing

from gridtide.simulation import fine_curve, job_trace
from gridtide.simulation.fine_curve import FineCurve
from gridtide.simulation.reproduce import gaia
from gridtide.simulation.tables import read_table

HOURS, FIRST = 720, 7000
PEER_SKIPS = 17_544
BAR_S, BAR_JOBS_PER_S, MANY = 1.0, 1e6, 100_000
POLICIES = gaia.PAPER[:8]


def drawn(folder: Path) -> tuple[Path, np.ndarray]:
    """A thousand jobs of minutes to two days within three weeks, and a year of hours."""
    rng = np.random.default_rng(3)
    arrival = np.sort(rng.integers(0, 21 * 86_400, 1000))
    length = np.clip(rng.lognormal(8.5, 1.3, 1000), 300, 172_800).round()
    rows = (f"{a},{n:.0f},{c}" for a, n, c in zip(arrival, length, rng.integers(1, 9, 1000), strict=True))
    path = folder / "jobs.csv"
    path.write_text("\n".join(["arrival_time,length,cpus", *rows, ""]))
    hours = 220 + 150 * np.sin(np.arange(8760) / 24 * 2 * np.pi) + rng.normal(0, 25, 8760)
    return path, hours.clip(5).round(2)


def given(data: Path) -> tuple[Path, np.ndarray]:
    folder = data / "data" / "gaia"
    table = read_table(min(folder.glob("*_lca.csv*")), required=("carbon_intensity_avg",))
    return folder / "pai_1k.csv", table.numbers("carbon_intensity_avg")


def run_peer(case: gaia.Configuration, jobs: Path, hours: np.ndarray, checkout: Path, python: str):
    """Its processor time with start-up, and the carbon it found, in a folder of its own."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        for name in ("traces", "cluster_traces"):
            (folder / "src" / name).mkdir(parents=True)
        # The peer reads a month that begins so many rows after the start of its file.
        rows = [*["0"] * PEER_SKIPS, *(repr(float(value)) for value in hours)]
        (folder / "src" / "traces" / "zone.csv").write_text("\n".join(["carbon_intensity_avg", *rows, ""]))
        (folder / "src" / "cluster_traces" / "jobs.csv").write_bytes(jobs.read_bytes())
        words = f"-c zone -t jobs -i {FIRST} -r {case.reserved} -w {case.waiting_h}".split()
        words += ["--scheduling-policy", case.scheduling, "--carbon-policy", case.start]
        environment = {**os.environ, "PYTHONWARNINGS": "ignore"}
        command = [python, str(checkout.resolve() / "src" / "run.py"), *words]
        seconds, _ = timing.run_s(command, cwd=folder, env=environment)
        name = f"{case.scheduling}-{FIRST}-{case.start}-zone-{case.reserved}-{case.waiting_h}.csv"
        with (folder / "results" / "simulation" / "jobs" / name).open() as file:
            return seconds, float(next(csv.DictReader(file))["carbon_cost"])


def large_rows(like: job_trace.JobTrace, hours: np.ndarray) -> list[dict[str, object]]:
    """Jobs a second on a year of hours, longest waits of 6 and 24 h."""
    jobs = job_trace.draw_jobs(like, MANY, span_h=8000, seed=4)
    curve = FineCurve(hours, job_trace.STEPS_PER_HOUR)
    waits = np.where(jobs.short, 6, 24) * job_trace.STEPS_PER_HOUR
    window, carbon_time = fine_curve.lowest_window_starts, fine_curve.carbon_time_starts
    calls = {
        "Lowest-Slot": lambda: fine_curve.lowest_slot_starts(curve, jobs.arrival, waits),
        "Lowest-Window": lambda: window(curve, jobs.arrival, jobs.believed, waits),
        "Lowest-Window* (true length)": lambda: window(curve, jobs.arrival, jobs.length, waits),
        "Carbon-Time": lambda: carbon_time(curve, jobs.arrival, jobs.believed, waits),
        "Carbon-Time* (true length)": lambda: carbon_time(curve, jobs.arrival, jobs.length, waits),
    }
    return [
        {"policy": name, "jobs": MANY, "ours ms": 1e3 * (spent := timing.best_s(call)), "jobs/s": MANY / spent}
        for name, call in calls.items()
    ]


def main() -> None:
    options = timing.parser_for(__doc__, peer="checkout of the peer", interpreter=True).parse_args()
    rows, worst = [], 0.0
    with tempfile.TemporaryDirectory() as scratch:
        path, hours = given(options.data) if options.data else drawn(Path(scratch))
        jobs = job_trace.read_jobs(path)
        for case in POLICIES:

            def run(case=case):
                month = FineCurve(hours[FIRST : FIRST + HOURS], job_trace.STEPS_PER_HOUR)
                return gaia.policy_row("zone", month, jobs, case)

            grams, spent = run()["carbon_total_gaia_units"], timing.best_s(run)
            line = {"policy": case.policy, "jobs": jobs.arrival.size, "ours ms": 1e3 * spent, "carbon": grams}
            if options.peer:
                seconds, theirs = run_peer(case, path, hours, options.peer, options.peer_python)
                worst = max(worst, abs(grams / theirs - 1))
                assert worst < 1e-5, f"{case.policy}: {grams} beside the peer's {theirs}"
                line |= {"peer ms": 1e3 * seconds, "peer carbon": theirs, "faster": seconds / spent}
            rows.append(line)
    total = sum(row["ours ms"] for row in rows) / 1e3
    notes = [f"Eight policies: {total:.3f} s, bar {BAR_S:g} s."]
    if options.peer:
        them = sum(row["peer ms"] for row in rows) / 1e3
        notes.append(f"The peer: {them:.1f} s with its start-up; largest relative difference in carbon {worst:.1e}.")
    else:
        notes.append("Without --peer DIR the peer is not run.")
    many = large_rows(jobs, hours)
    notes.append(f"Slowest of {MANY:,} jobs: {min(r['jobs/s'] for r in many):,.0f} jobs/s, bar {BAR_JOBS_PER_S:,.0f}.")
    timing.show("bench-gaia", [*rows, *many], as_json=options.json, notes=tuple(notes))


if __name__ == "__main__":
    main()

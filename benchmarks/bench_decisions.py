"""
How long one decision takes, and how many jobs a second one call plans; beside a peer's search on the same values.

Run it as ``python benchmarks/bench_decisions.py``. Times are medians of processor time, so that other work on the
machine does not count; the first decision on a series is shown apart, because it builds what later ones reuse.

The peer is CATS (climate-aware-task-scheduler, MIT), whose search for the cleanest half-hour start is run as published.
It is installed from the package index into a folder that is thrown away, unless ``--peer DIR`` names one that holds it;
``--no-peer`` leaves it out, and so does a machine without a network.
"""

from __future__ import annotations

import argparse
import importlib
import json
import shutil
import subprocess
import sys
import tempfile
from datetime import UTC, datetime, timedelta
from functools import partial

import numpy as np
from timing import median_s, median_us

from gridtide.domain.instants import to_ns
from gridtide.domain.series import Series
from gridtide.domain.signal import Signal, SignalKind
from gridtide.domain.workload import Workload
from gridtide.planning.batch import lowest_slots_of_each, lowest_windows
from gridtide.planning.carbon_time import carbon_time
from gridtide.planning.fixed import run_now
from gridtide.planning.pauses import lowest_pieces
from gridtide.planning.pieces import PausePrice
from gridtide.planning.plan import plan
from gridtide.planning.shape import constant_power, power_levels
from gridtide.planning.slots import lowest_slots
from gridtide.planning.threshold import threshold_start
from gridtide.planning.window import lowest_window

START = datetime(2026, 1, 1, tzinfo=UTC)
START_NS = to_ns(START)
MINUTE_NS = 60 * 10**9
STEP_NS = 30 * MINUTE_NS
SIGNAL = Signal(SignalKind.AVERAGE, provider="demo", zone="X")
PEER = "climate-aware-task-scheduler"


def values(count: int) -> np.ndarray:
    """A day-and-night wave with noise, in whole g/kWh as providers give it."""
    random = np.random.default_rng(20260101)
    wave = 220 + 90 * np.sin(np.arange(count) * (2 * np.pi / 48)) + random.normal(0, 25, count)
    return np.round(wave).clip(20)


def decisions() -> list[tuple[str, str, float]]:
    """Rows (decision, job, median us) on a warm 48 h series of half hours."""
    level = values(96)
    steps = Series.steps(SIGNAL, START, timedelta(minutes=30), level)
    points = [START + timedelta(minutes=30) * k for k in range(97)]
    lines = Series.line(SIGNAL, points, [*level, level[0]])
    now = START_NS + 11 * MINUTE_NS + 13 * 10**9
    end = START_NS + 96 * STEP_NS
    rows = []
    for hours in (0.75, 2, 8, 24):
        length = round(hours * 3600) * 10**9
        latest, job = end - length, f"{hours:g} h"
        price = PausePrice(5 * MINUTE_NS, 30 * MINUTE_NS, 4)
        shape = power_levels(length, (100.0, 300.0, 200.0))
        calls = {
            "run-now": partial(run_now, steps, now, length),
            "threshold, forecast gate": partial(threshold_start, steps, now, latest, length, 150.0),
            "lowest window": partial(lowest_window, steps, now, latest, length),
            "lowest slots": partial(lowest_slots, steps, now, end, length),
            "lowest window, linear series": partial(lowest_window, lines, now, latest, length),
            "lowest slots, linear series": partial(lowest_slots, lines, now, end, length),
            "lowest window, power in 3 levels": partial(lowest_window, steps, now, latest, length, shape=shape),
            "carbon-time": partial(carbon_time, steps, now, latest, length),
            "priced pauses (dynamic programme)": partial(lowest_pieces, steps, now, end, constant_power(length), price),
            "plan() with baselines and alternatives": _whole_plan(steps, hours),
        }
        rows += [(name, job, median_us(call)) for name, call in calls.items()]
    rows.append(("series of 96 values, then its first window", "2 h", median_us(lambda: _first(level))))
    return rows


def _whole_plan(series: Series, hours: float):
    job = Workload(id="job", duration=timedelta(hours=hours), deadline=START + timedelta(hours=48), power_w=300.0)
    now = START + timedelta(minutes=11)
    return lambda: plan(job, series, now=now)


def _first(level: np.ndarray):
    series = Series.steps(SIGNAL, START, timedelta(minutes=30), level)
    return lowest_window(series, START_NS, START_NS + 90 * STEP_NS, 4 * STEP_NS)


def batches(jobs: int = 100_000) -> list[tuple[str, str, float]]:
    """Rows (call, series, jobs per second): mixed durations of 0.5 to 24 h, 48 slots of slack."""
    rows = []
    for name, count in (("48 h", 97), ("one week", 336), ("one year", 17_520)):
        series = Series.steps(SIGNAL, START, timedelta(minutes=30), values(count))
        random = np.random.default_rng(7)
        slots = random.integers(1, 49, jobs)
        release = START_NS + STEP_NS * random.integers(0, count - 48 - slots + 1)
        length, latest = slots * STEP_NS, release + 48 * STEP_NS
        calls = {
            "lowest windows": lambda s=series, r=release, z=latest, n=length: lowest_windows(s, r, z, n),
            "lowest slots": lambda s=series, r=release, z=latest, n=length: lowest_slots_of_each(s, r, z + n, n),
        }
        odd = length - random.integers(0, STEP_NS, jobs)
        calls["lowest windows, odd lengths"] = lambda s=series, r=release, z=latest, n=odd: lowest_windows(s, r, z, n)
        for call, run in calls.items():
            seconds = median_s(run)
            rows.append((call, name, jobs / seconds))
    return rows


def peer_rows(folder: str | None) -> list[tuple[str, str, float, float, float]] | str:
    """Rows (job, start, peer us, ours on its grid us, ours at any start us), or why there are none."""
    scratch = None
    if folder is None:
        scratch = folder = tempfile.mkdtemp(prefix="bench-peer-")
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--target", folder, PEER]
        done = subprocess.run(pip, capture_output=True, text=True, timeout=300, check=False)
        if done.returncode:
            shutil.rmtree(scratch)
            return (done.stderr.strip().splitlines() or ["pip failed"])[-1]
    sys.path.insert(0, folder)
    try:
        forecast = importlib.import_module("cats.forecast")
        return [_against(forecast, minutes, offset) for minutes in (30, 180, 480, 1440) for offset in (0, 11)]
    except ImportError as error:
        return str(error)
    finally:
        sys.path.remove(folder)
        if scratch:
            shutil.rmtree(scratch)


def _against(forecast, minutes: int, offset: int) -> tuple[str, str, float, float, float]:
    level = values(97).tolist()
    points = [START + timedelta(minutes=30) * k for k in range(97)]
    theirs = [forecast.PointEstimate(value=v, datetime=t) for v, t in zip(level, points, strict=True)]
    ours = Series.line(SIGNAL, points, level)
    start, length = START + timedelta(minutes=offset), minutes * MINUTE_NS
    release, latest = to_ns(start), START_NS + 96 * STEP_NS - length

    def ask_peer():
        return min(forecast.WindowedForecast(theirs, minutes, start))

    best, on_grid = ask_peer(), lowest_window(ours, release, latest, length, grid_ns=STEP_NS)
    free = lowest_window(ours, release, latest, length)
    assert free.mean <= best.value + 1e-9, "a free start is never worse"
    assert abs(on_grid.mean - best.value) < 1e-9 or on_grid.mean < best.value, "same grid, same values"
    return (
        f"{minutes} min",
        f"{offset} min after a point",
        median_us(ask_peer),
        median_us(lambda: lowest_window(ours, release, latest, length, grid_ns=STEP_NS)),
        median_us(lambda: lowest_window(ours, release, latest, length)),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[1])
    parser.add_argument("--peer", metavar="DIR", help="folder that holds the peer's package")
    parser.add_argument("--no-peer", action="store_true", help="leave the peer out")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of tables")
    options = parser.parse_args()
    single, many = decisions(), batches()
    peer = "left out" if options.no_peer else peer_rows(options.peer)
    if options.json:
        print(json.dumps({"schema": "gridtide.bench-decisions/1", "decisions": single, "batches": many, "peer": peer}))
        return
    print(f"{'one decision, 48 h of half hours':<44}{'job':>8}{'median us':>12}{'per second':>14}")
    for name, job, us in single:
        print(f"{name:<44}{job:>8}{us:>12.1f}{1e6 / us:>14,.0f}")
    print(f"\n{'100,000 jobs in one call, 48 slots of slack':<44}{'series':>12}{'jobs per second':>22}")
    for name, series, rate in many:
        print(f"{name:<44}{series:>12}{rate:>22,.0f}")
    if isinstance(peer, str):
        print(f"\n{PEER}: not available ({peer})")
        return
    heads = f"{'CATS us':>12}{'its grid us':>14}{'any start us':>14}{'faster':>10}"
    print(f"\n{'lowest window, linear series':<30}{heads}")
    for job, offset, theirs, on_grid, free in peer:
        print(f"{job:<10}{offset:<20}{theirs:>12.0f}{on_grid:>14.1f}{free:>14.1f}{theirs / free:>9.0f}x")


if __name__ == "__main__":
    main()

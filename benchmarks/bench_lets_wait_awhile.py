"""
How long the scenarios of Let's Wait Awhile take for one country and a year, and whether its simulator says the same.

    python benchmarks/bench_lets_wait_awhile.py [--data DIR] [--peer DIR [--peer-python PROGRAM]] [--json]

Ours are all 13 machine-learning configurations (each noisy one ten times) and the 17 nightly windows (without noise
and ten times with), each in the peer's semantics and in strict ones. ``--data DIR`` holds ``data/lets-wait-awhile``
with one ``*_ci.csv`` per country; without it a year of waves is drawn. ``--peer DIR`` is a checkout of
dos-group/lets-wait-awhile that you supply, run as published by ``--peer-python``, an interpreter that has what its
``environment.yml`` names and a pandas before 3; it runs what has no noise, since the rest takes it much longer.
"""

from __future__ import annotations

import csv
import json
import os
import tempfile
from pathlib import Path

import numpy as np
import timing

from gridtide.simulation.reproduce import lets_wait_awhile as paper
from gridtide.simulation.reproduce.lets_wait_awhile_inputs import read_zone

ML_BAR_S, NIGHTLY_BAR_S = 2.0, 0.2
JOBS, ML_RUNS, NIGHTLY_RUNS = 3387, 2 * (5 + 8 * 10), 17 * (1 + 10 + 1)
PEER_ML_RUNS, PEER_NIGHTLY_RUNS = 5, 17


def drawn(folder: Path) -> list[Path]:
    """A year of half hours with days, seasons and noise, in the paper's format."""
    times = np.arange(np.datetime64("2020-01-01T00:00"), np.datetime64("2021-01-11T00:00"), np.timedelta64(30, "m"))
    k = np.arange(times.size)
    values = 230 + 70 * np.sin(k * 2 * np.pi / 48) + 40 * np.sin(k * 2 * np.pi / 17_568)
    values += np.random.default_rng(1).normal(0, 20, k.size)
    path = folder / "waves_ci.csv"
    rows = (f"{str(t).replace('T', ' ')}:00,{v:.6f}" for t, v in zip(times, values, strict=True))
    path.write_text("\n".join(["Time,Carbon Intensity", *rows, ""]))
    return [path]


def peer_grams(folder: Path, name: str) -> float:
    with (folder / "results" / name).open() as file:
        return sum(float(row["emissions"]) for row in csv.DictReader(file)) * 0.5 / 1000


def run_peer(path: Path, checkout: Path, python: str, ml, nightly) -> tuple[dict[str, float], float]:
    """Its processor times, and the largest relative difference between its answers and ours."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        (folder / "data").mkdir()
        (folder / "data" / "zone_ci.csv").write_bytes(path.read_bytes())
        driver = Path(__file__).with_name("drive_lets_wait_awhile.py")
        environment = {**os.environ, "PYTHONPATH": str(checkout.resolve()), "PYTHONWARNINGS": "ignore"}
        _, said = timing.run_s([python, str(driver)], cwd=folder, env=environment)
        with (folder / "results" / "periodic_0.csv").open() as file:
            theirs = [float(row["zone"]) for row in csv.DictReader(file)]
        pairs = [(row["avg_ci_g_per_kwh"], value) for row, value in zip(nightly, theirs, strict=True)]
        for row in ml:
            if not row["forecast_error"]:
                rule = "0" if row["deadline_rule"] == "baseline" else row["deadline_rule"]
                name = f"ml_{rule}{'_i' if row['interruptible'] else ''}_zone.csv"
                pairs.append((row["emissions_g_at_1W"], peer_grams(folder, name)))
    worst = max(abs(ours / value - 1) for ours, value in pairs)
    assert len(pairs) == PEER_ML_RUNS + PEER_NIGHTLY_RUNS, "every run of the peer has an answer of ours"
    assert worst < 1e-6, f"answers differ by {worst:.2e}"
    return json.loads(said.strip().splitlines()[-1]), worst


def row(country: str, scenario: str, bar: float, ours: float, runs: int) -> dict[str, object]:
    return {"scenario": scenario, "country": country, "ours s": ours, "bar s": bar, "ours ms a run": 1e3 * ours / runs}


def main() -> None:
    options = timing.parser_for(__doc__, peer="checkout of the peer", interpreter=True).parse_args()
    rows, notes = [], []
    with tempfile.TemporaryDirectory() as scratch:
        given = options.data and sorted((options.data / "data" / "lets-wait-awhile").glob("*_ci.csv"))
        for path in given or drawn(Path(scratch)):
            country = path.name.partition("_ci")[0]
            zone, jobs = read_zone(country, path), paper.generate_ml_jobs(2020, n_jobs=JOBS)
            ml, nightly = list(paper.ml_rows(zone, jobs)), list(paper.nightly_rows(zone))
            of_ml = timing.best_s(lambda z=zone, j=jobs: list(paper.ml_rows(z, j)))
            of_nights = timing.best_s(lambda z=zone: list(paper.nightly_rows(z)))
            rows.append(row(country, "ml, 13 configurations", ML_BAR_S, of_ml, ML_RUNS))
            rows.append(row(country, "nightly, 17 windows", NIGHTLY_BAR_S, of_nights, NIGHTLY_RUNS))
            if options.peer:
                times, worst = run_peer(path, options.peer, options.peer_python, ml, nightly)
                nights = times.pop("nightly")
                for place, spent, runs in ((-2, sum(times.values()), PEER_ML_RUNS), (-1, nights, PEER_NIGHTLY_RUNS)):
                    each = 1e3 * spent / runs
                    faster = each / rows[place]["ours ms a run"]
                    rows[place] |= {"peer s": spent, "peer runs": runs, "peer ms a run": each, "faster a run": faster}
                notes.append(f"{country}: 22 answers of the peer met, largest relative difference {worst:.1e}")
    if not options.peer:
        notes.append("Without --peer DIR the peer is not run.")
    timing.show("bench-lets-wait-awhile", rows, as_json=options.json, notes=tuple(notes))


if __name__ == "__main__":
    main()

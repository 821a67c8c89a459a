"""A small zone file and scenarios on it, shared by the tests of this room."""

from __future__ import annotations

import numpy as np

from gridtide.simulation.scenario import Scenario
from support import T0, at

HOURS = 24 * 60


def write_zone(folder, name="zone.csv", *, hours=HOURS, seed=5, scale=1.0):
    """Two months of a daily wave with noise, hourly."""
    rng = np.random.default_rng(seed)
    values = 250 + 120 * np.sin(np.arange(hours) / 24 * 2 * np.pi) + rng.normal(0, 15, hours)
    values *= scale
    rows = [f"{at(k).isoformat()},{v:.3f}" for k, v in enumerate(values)]
    path = folder / name
    path.write_text("time,value\n" + "\n".join(rows) + "\n")
    return path


def scenario(folder, **changes):
    """Ten days of jobs in one zone from a file; *changes* replace top keys."""
    zone = folder / "zone.csv"
    if "zones" not in changes:
        write_zone(folder)
    tree = {
        "name": "test",
        "start": at(24 * 20).isoformat(),
        "end": at(24 * 30).isoformat(),
        "zones": [{"name": "X", "file": str(zone)}],
        "work": {"count": 40, "slack": "0s..24h"},
        "belief": {"kind": "perfect"},
        "policies": [
            {"name": "run-now", "method": "run-now"},
            {"name": "window", "method": "lowest-window"},
        ],
    }
    if "workloads" in changes:
        del tree["work"]
    return Scenario.model_validate(tree | changes)


def trace(folder, text, name="jobs.csv", **work):
    """A scenario whose work is the trace *text*."""
    path = folder / name
    path.write_text(text) if isinstance(text, str) else path.write_bytes(text)
    return scenario(
        folder, work={"file": str(path), "slack": "4h", **work}, start=T0.isoformat(), end=at(24 * 50).isoformat()
    )

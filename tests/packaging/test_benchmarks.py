"""The benchmarks still run; what they measure is read by people."""

import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"
SHORT = {
    "bench_decisions": ["--no-peer"],
    "bench_fleet": ["--no-peer", "--no-large"],
    "bench_gaia": [],
    "bench_journal": ["--count", "5"],
    "bench_lets_wait_awhile": [],
    "bench_refresh": ["--zones", "5", "--hours", "0.2"],
    "bench_scaling": [],
    "bench_simulator": [],
    "grid_cache": ["--zones", "5"],
}
ASIDE = {"drive_lets_wait_awhile", "timing"}


def test_every_benchmark_is_run():
    """A new one is added here."""
    assert {path.stem for path in BENCHMARKS.glob("*.py")} == SHORT.keys() | ASIDE


@pytest.mark.slow
@pytest.mark.parametrize("name", SHORT)
def test_it_runs(name):
    """With little to do, it prints its table and ends well."""
    done = subprocess.run(
        [sys.executable, BENCHMARKS / f"{name}.py", *SHORT[name]], capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) > 3

"""A fleet planned from Python: what is refused, and what holds for every plan."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from gridtide.api.fleet import FleetZone, plan_jobs, read_jobs
from gridtide.domain.errors import InvalidInput, KindMismatch, ProviderUnavailable
from gridtide.domain.series import Series
from gridtide.domain.signal import Scope, Signal, SignalKind
from gridtide.domain.units import PERCENT
from gridtide.planning.fleet import Method
from gridtide.simulation.geography import Spot

NOW = datetime(2026, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
MBIT_PER_S = 160.0


def hourly(name, values, **labels):
    """A series from now on."""
    signal = Signal(labels.pop("kind", SignalKind.AVERAGE), provider="test", zone=name, **labels)
    return Series.steps(signal, NOW, HOUR, values)


def zone(name, *values, capacity_kw=float("inf"), **labels):
    """A zone with these values."""
    return FleetZone(name=name, series=hourly(name, values, **labels), capacity_kw=capacity_kw)


@pytest.fixture
def jobs(tmp_path):
    """Write and read rows of ``id,release,duration,deadline,power_w,home,data_gb,interruptible`` in zones A and B."""

    def made(*rows):
        head = "id,release,duration,deadline,power_w,home,data_gb,interruptible"
        (tmp_path / "jobs.csv").write_text("\n".join((head, *rows)) + "\n")
        return read_jobs(tmp_path / "jobs.csv", {"A": (), "B": ()})[0]

    return made


@pytest.fixture
def one(jobs):
    """One job of an hour in A."""
    return jobs("x,2026-01-01T00:00Z,1h,2026-01-01T02:00Z,1000,A,0,no")


@pytest.mark.parametrize(
    "labels",
    [{"kind": SignalKind.MARGINAL}, {"scope": Scope.DIRECT}, {"kind": SignalKind.RELATIVE, "unit": PERCENT}],
    ids=["kind", "scope", "percentage"],
)
def test_signals_that_mean_different_things_never_meet(one, labels):
    """However much cleaner B looks."""
    with pytest.raises(KindMismatch):
        plan_jobs(one, [zone("A", 300, 300, scope=Scope.LIFECYCLE), zone("B", 1, 1, **labels)], now=NOW)


@pytest.mark.parametrize(
    ("change", "field"),
    [({"step": timedelta(0)}, "step"), ({"spread": 2 * HOUR}, "spread"), ({"seed": -1}, "seed")],
)
def test_figures_out_of_bounds_are_named(one, change, field):
    """The error names the argument."""
    with pytest.raises(InvalidInput) as caught:
        plan_jobs(one, [zone("A", 1, 1), zone("B", 1, 1)], now=NOW, **change)

    assert caught.value.facts["field"] == field


def test_zones_and_jobs_belong_together(one):
    """A plan in other zones, a zone twice, a capacity below zero, and nothing known at all."""
    with pytest.raises(InvalidInput, match="the jobs are of the zones A, B"):
        plan_jobs(one, [zone("B", 1, 1), zone("A", 1, 1)], now=NOW)
    with pytest.raises(InvalidInput, match="zone 'A' is there twice"):
        plan_jobs(one, [zone("A", 1, 1), zone("A", 1, 1)], now=NOW)
    with pytest.raises(InvalidInput, match="capacity_kw of A is -1"):
        zone("A", 1, capacity_kw=-1.0)
    with pytest.raises(ProviderUnavailable, match="nothing is known in any zone"):
        plan_jobs(one, [zone("A"), zone("B")], now=NOW)


def test_deadlines_beyond_reason_ask_for_a_longer_step(one):
    """Two hours in steps of a tenth of a second."""
    with pytest.raises(InvalidInput, match="72000 steps") as caught:
        plan_jobs(one, [zone("A", 1, 1), zone("B", 1, 1)], now=NOW, step=timedelta(seconds=0.1))

    assert caught.value.hint == "take a longer step"


def test_a_job_is_never_weighed_on_its_release_before_now(one):
    """Run-now of a job that was released an hour ago starts now."""
    answer = plan_jobs(one, [zone("A", 100, 300), zone("B", 900, 900)], now=NOW + HOUR)

    assert (answer.jobs[0].run_now_g, answer.jobs[0].saved_g) == (300.0, 0.0)


@pytest.mark.parametrize("kind", ["hard", "soft", "elastic"])
def test_only_elastic_jobs_are_planned_later(tmp_path, kind):
    """However much cleaner the next hour is, a hard or soft job keeps its release and does not use its deadline."""
    (tmp_path / "jobs.csv").write_text(
        f"id,release,duration,deadline,power_w,class\nx,2026-01-01T00:00Z,1h,2026-01-01T03:00Z,1000,{kind}\n"
    )
    job = plan_jobs(read_jobs(tmp_path / "jobs.csv", {"A": ()})[0], [zone("A", 300, 1, 300)], now=NOW).jobs[0]

    assert job.saved_g == (299.0 if kind == "elastic" else 0.0)


@pytest.mark.parametrize("seed", range(4))
def test_what_holds_for_every_plan(jobs, seed):
    """No job starts before its data arrive, leaves its window or an hour that is known; capacity and bound hold."""
    rng = np.random.default_rng(seed)
    values = [[None if rng.random() < 0.1 else float(rng.integers(5, 400)) for _ in range(36)] for _ in "AB"]
    zones = [
        FleetZone(name=name, series=hourly(name, own), capacity_kw=kw, spot=Spot("DE", (50.0, longitude)))
        for name, own, kw, longitude in zip("AB", values, (6.0, 4.0), (8.0, 12.0), strict=True)
    ]
    rows, gb = [], {}
    for k in range(25):
        release, length = int(rng.integers(0, 20)), int(rng.integers(1, 5))
        gb[f"j{k}"] = float(rng.choice([0, 20, 150]))
        deadline = NOW + (release + length + int(rng.integers(0, 12))) * HOUR
        rows.append(
            f"j{k},{NOW + release * HOUR:%Y-%m-%dT%H:%MZ},{length}h,{deadline:%Y-%m-%dT%H:%MZ},"
            f"{rng.choice([500, 1000, 2000])},{rng.choice(['A', 'B'])},{gb[f'j{k}']},{rng.choice(['yes', 'no'])}"
        )
    table = jobs(*rows)
    answer = plan_jobs(table, zones, now=NOW, method=Method.FAST, kwh_per_gb=1e-4, spread=10 * timedelta(minutes=1))

    assert answer.placed
    assert answer.bound_g <= answer.planned_g + 1e-6
    assert all(use.peak_kw <= place.capacity_kw + 1e-9 for use, place in zip(answer.zones, zones, strict=True))
    for row, job in enumerate(answer.jobs):
        if job.zone is None:
            assert job.why
            continue
        release = NOW + timedelta(microseconds=int(table.arrival_ns[row]) // 1000 - int(NOW.timestamp() * 1e6))
        moving = timedelta(seconds=gb[job.id] * 8000 / MBIT_PER_S) if job.zone != job.home else timedelta(0)
        assert job.runs[0].start >= release + moving
        series = zones["AB".index(job.zone)].series
        assert all(series.covers(run) for run in job.runs)
        assert sum((run.length for run in job.runs), timedelta(0)) == timedelta(
            microseconds=int(table.length_ns[row]) // 1000
        )

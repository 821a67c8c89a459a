"""The vector path is the engine, only faster: the same starts and the same grams."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gridtide.domain.errors import InvalidInput
from gridtide.domain.instants import to_ns
from gridtide.simulation import experiment, vector
from gridtide.simulation.experiment import run_scenario
from simulation_scenarios import scenario, write_zone
from support import at

TWO = [{"name": "US-CAL-CISO"}, {"name": "US-NW-BPAT"}]


PLACES = [
    {"latitude": 48.9, "longitude": 2.4},
    {"latitude": 50.8, "longitude": 4.4},
    {"latitude": 37.8, "longitude": 0},
]
CLASSES = st.lists(st.sampled_from(["hard", "soft", "elastic"]), min_size=1, max_size=3, unique=True)


def kinds(classes, work):
    """One kind of work for each class, alike in everything else."""
    return [work | {"class": kind} for kind in classes]


def both(made):
    """The same scenario on both paths."""
    return [run_scenario(made.model_copy(update={"path": path})) for path in ("events", "vectors")]


def assert_equal(made):
    """Starts, ends, grams, plans and lateness of every policy are the same."""
    events, vectors = both(made)
    for first, second in zip(events.outcomes, vectors.outcomes, strict=True):
        assert (first.path, second.path) == ("events", "vectors")
        for name in ("start_ns", "end_ns", "late_ns", "pieces", "decisions", "forced", "zone", "haul_zone"):
            np.testing.assert_array_equal(getattr(first.runs, name), getattr(second.runs, name))
        np.testing.assert_allclose(first.paid.grams, second.paid.grams, rtol=1e-12)
        np.testing.assert_allclose(first.runs.planned_mean, second.runs.planned_mean, rtol=1e-9)


@given(
    seed=st.integers(0, 999),
    belief=st.fixed_dictionaries({"kind": st.sampled_from(["perfect", "white"]), "error": st.floats(0, 0.8)}),
    work=st.fixed_dictionaries(
        {
            "slack": st.sampled_from(["0s", "0s..6h", "1h..48h", "37m..5h"]),
            "duration": st.sampled_from(["1h", "5m..3h", "61m..26h"]),
            "length_spread": st.sampled_from([0.0, 0.4]),
        }
    ),
    classes=CLASSES,
)
@settings(max_examples=15, deadline=None)
def test_both_paths_give_the_same(tmp_path_factory, belief, work, seed, classes):
    """For run-now and the lowest window on a belief that never changes, every figure is equal, for every class."""
    folder = tmp_path_factory.getbasetemp()
    assert_equal(scenario(folder, seed=seed, workloads=kinds(classes, {"count": 8} | work), belief=belief))


@given(
    seed=st.integers(0, 999),
    belief=st.fixed_dictionaries({"kind": st.sampled_from(["perfect", "white"]), "error": st.floats(0, 0.8)}),
    margin=st.sampled_from([0.0, 0.1, 0.4]),
    work=st.fixed_dictionaries(
        {
            "slack": st.sampled_from(["0s", "0s..6h", "37m..30h"]),
            "power_w": st.sampled_from([None, 300.0]),
            "regions": st.sampled_from([(), ("Y",), ("X", "Z")]),
            "latency_budget_ms": st.sampled_from([None, 10, 60]),
        }
    ),
    classes=CLASSES,
)
@settings(max_examples=8, deadline=None)
def test_both_paths_give_the_same_places(tmp_path_factory, seed, belief, margin, work, classes):  # noqa: PLR0917 - drawn by name
    """Work without data goes to the same zone at the same time on both paths, in space, in time and in both."""
    folder = tmp_path_factory.getbasetemp()
    zones = [
        {"name": name, "file": str(write_zone(folder, f"{name}.csv", seed=k, scale=scale)), "pue": pue, **PLACES[k]}
        for k, (name, scale, pue) in enumerate([("X", 1.0, 1.0), ("Y", 0.8, 1.1), ("Z", 1.1, 1.0)])
    ]
    moving = {"places": "any", "move_margin": margin}
    policies = [{"name": m, "method": m} | moving for m in ("run-now", "lowest-window", "auto")]

    workloads = kinds(classes, {"count": 4} | work)
    assert_equal(scenario(folder, seed=seed, zones=zones, workloads=workloads, belief=belief, policies=policies))


@pytest.mark.parametrize("kind", ["hard", "soft"])
def test_work_that_may_not_wait_is_never_taken_apart(tmp_path, kind):
    """Hard and soft jobs that could pause do not, so the vector path takes them under the method auto as well."""
    work = {"class": kind, "count": 10, "interruptible": True, "length_spread": 0.4}
    assert_equal(scenario(tmp_path, work=work, policies=[{"name": "a", "pauses": False}]))


def test_many_jobs_take_the_vector_path_by_themselves(tmp_path):
    """From a few thousand jobs on, where it gives the same."""
    made = run_scenario(scenario(tmp_path, work={"count": 6000, "slack": "0s..24h"}))

    assert [o.path for o in made.outcomes] == ["vectors", "vectors"]
    assert (made.outcomes[1].runs.start_ns <= made.jobs.latest_ns).all()


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"belief": {"kind": "history"}}, "the belief history changes with time"),
        ({"belief": {"kind": "ar1"}}, "the belief ar1 changes with time"),
        ({"policies": [{"name": "p", "method": "carbon-time"}]}, "the method carbon-time decides more than once"),
        ({"policies": [{"name": "p", "min_saving": 0.1}]}, "or a smallest saving"),
        ({"policies": [{"name": "p"}], "work": {"interruptible": True}}, "planned slot by slot"),
        ({"policies": [{"name": "p", "places": "any"}], "work": {"data_gb": 5}, "zones": TWO}, "jobs bring data along"),
        (
            {"faults": [{"kind": "outage", "start": at(490).isoformat(), "end": at(495).isoformat()}]},
            "faults are injected",
        ),
    ],
)
def test_what_it_cannot_do_is_said(tmp_path, changes, why):
    """Asked for by name, the vector path refuses with the reason instead of giving something else."""
    if changes.get("zones") is TWO:
        changes = changes | {"start": "2022-05-02T00:00Z", "end": "2022-05-09T00:00Z"}
    with pytest.raises(InvalidInput, match=f"cannot take the vector path: .*{why}"):
        run_scenario(scenario(tmp_path, path="vectors", **changes))


def test_too_many_jobs_for_the_event_path_are_refused(tmp_path, monkeypatch):
    """The bound is named with the reason, before memory is gone."""
    monkeypatch.setattr(experiment, "MOST_EVENT_JOBS", 10)
    with pytest.raises(InvalidInput, match=r"takes at most 10 jobs; the scenario has 40"):
        run_scenario(scenario(tmp_path, belief={"kind": "history"}))


def test_a_gap_in_the_belief_leaves_the_job_at_its_arrival(tmp_path):
    """Where nothing is known the vector path invents nothing: it starts at once and plans no mean."""
    made = run_scenario(scenario(tmp_path))
    short = {"X": made.truth["X"].clip(made.scenario.window.__class__(at(0), at(24)))}
    lived = vector.plan_once(made.jobs, short, method="lowest-window")

    np.testing.assert_array_equal(lived.start_ns, made.jobs.arrival_ns)
    assert np.isnan(lived.planned_mean).all()
    assert (made.jobs.arrival_ns >= to_ns(at(24))).all()

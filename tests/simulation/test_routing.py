"""Work moves between zones by the planner's own rules, pays for its data, and never beyond the room there is."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gridtide.domain.errors import InvalidInput
from gridtide.domain.instants import to_ns
from gridtide.simulation.experiment import run_scenario
from gridtide.simulation.scenario import Scenario, read_scenario
from simulation_scenarios import scenario, trace, write_zone
from support import T0, at

DAY = 24
RUN_NOW = {"name": "run-now", "method": "run-now"}
WINDOW = {"name": "home", "method": "lowest-window"}
SPACE = {"name": "space", "method": "run-now", "places": "any"}
BOTH = {"name": "any", "method": "lowest-window", "places": "any"}


def write_hours(folder, name, hours):
    """A zone that repeats the given day."""
    rows = [f"{at(k).isoformat()},{hours[k % len(hours)]}" for k in range(DAY * 20)]
    (folder / name).write_text("time,value\n" + "\n".join(rows) + "\n")
    return str(folder / name)


def two_zones(folder, *, home=(400.0,), away=(100.0,), jobs, policies=(RUN_NOW, BOTH), work=None, zones=None, **more):
    """One job after another at home, with a second zone beside it; *jobs* are rows of a trace."""
    (folder / "jobs.csv").write_text(jobs)
    specs = [
        {"name": "home", "file": write_hours(folder, "home.csv", home)},
        {"name": "away", "file": write_hours(folder, "away.csv", away)},
    ]
    for spec, extra in zip(specs, zones or ({}, {}), strict=True):
        spec.update(extra)
    tree = {
        "name": "two zones",
        "start": T0.isoformat(),
        "end": at(DAY * 10).isoformat(),
        "zones": specs,
        "work": {"file": str(folder / "jobs.csv"), **(work or {})},
        "belief": {"kind": "perfect"},
        "policies": list(policies),
        "path": "events",
    }
    return Scenario.model_validate(tree | more)


HEAD = "id,arrival,duration,slack,power_w,data_gb\n"
ONE = HEAD + f"a,{at(1).isoformat()},2h,12h,1000,36\n"


def last(made):
    return made.outcomes[-1]


class TestByHand:
    """36 GB at 160 Mbit/s take half an hour; 2 kWh; 400 g/kWh at home and 100 g/kWh away."""

    def test_a_move_is_paid_as_on_paper(self, tmp_path):
        """2 kWh x 100 g and 36 GB x 0.04 kWh x (400 + 100) / 2 g: 200 g and 360 g, against 800 g at home."""
        made = run_scenario(two_zones(tmp_path, jobs=ONE, policies=[RUN_NOW, BOTH | {"accept_uncertain": True}]))
        moved = last(made)

        assert moved.runs.zone.tolist() == [1]
        assert moved.runs.sent_ns.tolist() == [to_ns(at(1))]
        assert moved.runs.start_ns.tolist() == [to_ns(at(1.5))]
        assert moved.paid.moved.low.tolist() == pytest.approx([9.0])
        assert moved.paid.moved.middle.tolist() == pytest.approx([360.0])
        assert moved.paid.moved.high.tolist() == pytest.approx([531.0])
        assert moved.paid.grams.tolist() == pytest.approx([560.0])
        assert made.run_now.grams.tolist() == pytest.approx([800.0])

    def test_an_uncertain_sign_keeps_the_job_home(self, tmp_path):
        """At the highest figure the move would cost 731 g, more than 90 % of 800 g: it is turned down, and said so."""
        made = run_scenario(two_zones(tmp_path, jobs=ONE))

        assert last(made).runs.zone.tolist() == [0]
        assert last(made).runs.uncertain.tolist() == [True]
        assert last(made).paid.grams.tolist() == pytest.approx([800.0])

    def test_a_smaller_margin_moves_it(self, tmp_path):
        """731 g are less than 95 % of 800 g."""
        made = run_scenario(two_zones(tmp_path, jobs=ONE, policies=[RUN_NOW, BOTH | {"move_margin": 0.05}]))

        assert last(made).runs.zone.tolist() == [1]

    def test_both_grids_pay_for_the_hours_the_data_travel(self, tmp_path):
        """The data leave half an hour before the clean window, at what both grids emit then."""
        home = [400.0] * 10 + [300.0] + [400.0] * 13
        away = [200.0] * 11 + [50.0, 50.0] + [200.0] * 11
        made = run_scenario(
            two_zones(tmp_path, home=home, away=away, jobs=ONE, policies=[RUN_NOW, BOTH | {"move_margin": 0.0}])
        )
        moved = last(made)

        assert moved.runs.start_ns.tolist() == [to_ns(at(11))]
        assert moved.runs.sent_ns.tolist() == [to_ns(at(10.5))]
        assert moved.paid.moved.middle.tolist() == pytest.approx([36 * 0.04 * (300 + 200) / 2])
        assert moved.paid.grams.tolist() == pytest.approx([2 * 50 + 360])

    def test_the_place_counts_with_its_own_efficiency(self, tmp_path):
        """A zone at 380 g/kWh with a PUE of 1.0 beats home at 400 g/kWh with 1.3, and each is paid with its own."""
        jobs = HEAD + f"a,{at(1).isoformat()},2h,0s,1000,0\n"
        made = run_scenario(two_zones(tmp_path, away=[380.0], jobs=jobs, zones=({"pue": 1.3}, {"pue": 1.0})))

        assert made.run_now.grams.tolist() == pytest.approx([2 * 400 * 1.3])
        assert last(made).paid.grams.tolist() == pytest.approx([2 * 380])

    def test_the_transfer_figures_are_the_scenarios(self, tmp_path):
        """A stated range and throughput replace the published ones."""
        made = run_scenario(
            two_zones(tmp_path, jobs=ONE, transfer={"kwh_per_gb": [0.001, 0.002, 0.004], "mbit_per_s": 80.0})
        )
        moved = last(made)

        assert moved.runs.start_ns.tolist() == [to_ns(at(2))]
        assert moved.paid.moved.high.tolist() == pytest.approx([36 * 0.004 * 250])

    def test_a_wrong_belief_shows_as_a_loss(self, tmp_path):
        """What is paid is the truth of the place it ran in, also when that turns out dirtier than home."""
        zones = ({"forecasts": "home-told.csv"}, {"forecasts": "away-told.csv"})
        for name, value in (("home", 400), ("away", 100)):
            rows = "".join(f"{T0.isoformat()},{at(h).isoformat()},{at(h + 1).isoformat()},{value}\n" for h in range(48))
            (tmp_path / f"{name}-told.csv").write_text("issued,start,end,value\n" + rows)
        zones = tuple({"forecasts": str(tmp_path / z["forecasts"])} for z in zones)
        jobs = HEAD + f"a,{at(1).isoformat()},2h,0s,1000,0\n"
        made = run_scenario(
            two_zones(tmp_path, home=[300.0], away=[500.0], jobs=jobs, zones=zones, belief={"kind": "issued"})
        )

        assert last(made).runs.zone.tolist() == [1]
        assert last(made).paid.grams.tolist() == pytest.approx([1000.0])
        assert made.run_now.grams.tolist() == pytest.approx([600.0])


class TestRules:
    def place(self, folder, columns, cells, **more):
        jobs = f"id,arrival,duration,slack,power_w,{columns}\na,{at(1).isoformat()},2h,12h,1000,{cells}\n"
        return last(run_scenario(two_zones(folder, jobs=jobs, **more))).runs.zone.tolist()

    @pytest.mark.parametrize(
        ("columns", "cells", "zones", "zone"),
        [
            ("data_gb", "0", {}, 1),
            ("data_gb", "8000", {}, 0),
            ("regions", "home", {}, 0),
            ("regions", "home|away", {}, 1),
            ("residency", "SE", {"country": "SE"}, 1),
            ("residency", "SE|NO", {"country": "FI"}, 0),
            ("residency", "SE", {}, 0),
            ("latency_budget_ms", "10", {"latitude": 59.3, "longitude": 18.1}, 0),
            ("latency_budget_ms", "60", {"latitude": 59.3, "longitude": 18.1}, 1),
            ("latency_budget_ms", "60", {}, 0),
            ("zone,regions", "away,home", {}, 1),
        ],
        ids=[
            "free", "too-late", "not-allowed", "allowed", "in-country", "abroad", "country-unknown", "too-far", "near",
            "distance-unknown", "home-is-cleaner",
        ],
    )  # fmt: skip
    def test_each_bound_of_a_job_holds(self, tmp_path, columns, cells, zones, zone):
        """Regions, residency, latency and the time of its data bar a place; what is not known bars it too."""
        spots = ({"latitude": 48.9, "longitude": 2.4}, zones)

        assert self.place(tmp_path, columns, cells, zones=spots) == [zone]

    def test_more_data_than_the_limit_stay(self, tmp_path):
        """The scenario may bound what a job carries."""
        assert self.place(tmp_path, "data_gb", "1", transfer={"data_limit_gb": 0.5}) == [0]
        assert self.place(tmp_path, "data_gb", "1", transfer={"data_limit_gb": 2}) == [1]

    def test_data_without_a_known_power_stay(self, tmp_path):
        """Grams of a transfer cannot be weighed against a run of unknown power."""
        jobs = f"id,arrival,duration,data_gb\na,{at(1).isoformat()},2h,1\nb,{at(2).isoformat()},2h,0\n"

        assert last(run_scenario(two_zones(tmp_path, jobs=jobs))).runs.zone.tolist() == [0, 1]

    def test_a_cluster_stands_in_its_zone(self, tmp_path):
        """Slurm's field Cluster names the home where a zone lists it; a cluster nobody lists is a bad row."""
        rows = "JobID|Submit|Start|ElapsedRaw|Cluster\n1|2026-01-01T01:00Z|2026-01-01T01:00Z|3600|north\n"
        (tmp_path / "jobs.txt").write_text(rows)
        work = {"file": str(tmp_path / "jobs.txt"), "format": "sacct", "slack": "1h"}
        made = run_scenario(two_zones(tmp_path, jobs=ONE, zones=({}, {"aliases": ["north"]}), work=work))

        assert made.jobs.zone.tolist() == [1]
        with pytest.raises(InvalidInput, match="zone 'north' is none of the zones"):
            run_scenario(two_zones(tmp_path, jobs=ONE, zones=({}, {"aliases": ["south"]}), work=work))


class TestRoom:
    def test_a_full_place_sends_work_home_in_time(self, tmp_path):
        """With room for one away, one of two jobs that cannot wait runs away and the other at home; none is late."""
        rows = "".join(f"{name},{at(1).isoformat()},2h,0s,1000,0\n" for name in "ab")
        made = run_scenario(two_zones(tmp_path, jobs=HEAD + rows, zones=({}, {"room": 1})))

        assert sorted(last(made).runs.zone.tolist()) == [0, 1]
        assert last(made).runs.late_ns.tolist() == [0, 0]

    def test_data_that_arrive_at_a_full_place_wait_there(self, tmp_path):
        """Where a job overruns, what has been hauled waits for its room, until its latest start sends it back home."""
        head = "id,arrival,duration,true_duration,slack,power_w,data_gb\n"
        rows = f"a,{at(1).isoformat()},1h,12h,0s,1000,0\n" + f"b,{at(3).isoformat()},2h,2h,6h,1000,1\n"
        runs = last(made := run_scenario(two_zones(tmp_path, jobs=head + rows, zones=({}, {"room": 1})))).runs

        assert runs.zone.tolist() == [1, 0]
        assert runs.haul_zone.tolist() == [-1, 1]
        assert runs.start_ns[1] == to_ns(at(9))
        assert runs.late_ns.tolist() == [0, 0]
        assert last(made).paid.grams[1] == pytest.approx(2 * 400 + 0.04 * 250)
        assert any("went home after their data had moved" in note for note in made.notes)

    def test_nobody_is_sent_where_no_room_is_left(self, tmp_path):
        """Of six jobs with data one finds room away; the others stay, and no data travel in vain."""
        rows = "".join(f"{name},{at(1).isoformat()},2h,30m,1000,1\n" for name in "abcdef")
        runs = last(run_scenario(two_zones(tmp_path, jobs=HEAD + rows, zones=({}, {"room": 1})))).runs

        assert sorted(runs.zone.tolist()) == [0, 0, 0, 0, 0, 1]
        np.testing.assert_array_equal(runs.haul_zone >= 0, runs.zone == 1)
        assert (runs.late_ns == 0).all()

    @given(room=st.integers(1, 3), seed=st.integers(0, 99), pauses=st.booleans(), data=st.sampled_from(["0", "0..90"]))
    @settings(max_examples=6, deadline=None)
    def test_no_place_holds_more_than_it_has_room_for(self, tmp_path_factory, room, seed, pauses, data):
        """At no instant do more jobs run in a zone than there is room for, and all run whole, wherever they go."""
        folder = tmp_path_factory.getbasetemp()
        made = run_scenario(
            scenario(
                folder,
                seed=seed,
                zones=[zone(folder, "X", seed=5, room=room), zone(folder, "Y", seed=6, scale=0.4, room=room)],
                work={"count": 12, "interruptible": pauses, "length_spread": 0.3, "data_gb": data},
                end=at(DAY * 24).isoformat(),
                belief={"kind": "history"},
                policies=[{"name": "p", "pauses": pauses, "places": "any", "releases_per_minute": 2, "jitter": "5m"}],
            )
        )
        lived = made.outcomes[0].runs
        for index in range(2):
            mine = lived.zone[lived.piece_job] == index
            edges = np.concatenate([lived.piece_start_ns[mine], lived.piece_end_ns[mine]])
            changes = np.repeat([1, -1], int(mine.sum()))

            assert np.cumsum(changes[np.lexsort((changes, edges))]).max(initial=0) <= room
        hauled = lived.haul_zone >= 0
        np.testing.assert_allclose(made.outcomes[0].paid.hours, made.jobs.true_ns / 3.6e12)
        assert (lived.start_ns[hauled] >= lived.there_ns[hauled])[lived.zone[hauled] == lived.haul_zone[hauled]].all()


def zone(folder, name, *, seed, scale=1.0, **more):
    """A zone of its own noise; *scale* makes it cleaner."""
    path = write_zone(folder, f"{name}-{seed}-{scale}.csv", seed=seed, scale=scale)
    return {"name": name, "file": str(path), **more}


BELIEFS = st.fixed_dictionaries({"kind": st.sampled_from(["perfect", "white", "history"]), "error": st.floats(0, 0.6)})


@given(seed=st.integers(0, 99), scale=st.floats(0.2, 1.5), slack=st.sampled_from(["0s", "0s..12h", "2h..30h"]))
@settings(max_examples=10, deadline=None)
def test_freedom_never_costs_with_a_perfect_forecast_and_free_transfer(tmp_path_factory, seed, scale, slack):
    """Every job emits no more with any place than at home, and there no more than started at once."""
    folder = tmp_path_factory.getbasetemp()
    made = run_scenario(
        scenario(
            folder,
            seed=seed,
            zones=[zone(folder, "X", seed=5), zone(folder, "Y", seed=6, scale=scale), zone(folder, "Z", seed=7)],
            work={"count": 8, "slack": slack},
            policies=[WINDOW, SPACE, BOTH],
        )
    )
    home, space, both = (outcome.paid.grams for outcome in made.outcomes)
    best_home, _, best_any = (outcome.best.grams for outcome in made.outcomes)
    level = 1 + 1e-9

    assert (both <= home * level).all()
    assert (home <= made.run_now.grams * level).all()
    assert (space <= made.run_now.grams * level).all()
    assert (best_any <= best_home * level).all()
    assert (best_any <= both * level).all()


@given(
    seed=st.integers(0, 99),
    belief=BELIEFS,
    work=st.fixed_dictionaries(
        {
            "data_gb": st.sampled_from(["0", "1..40", "0..400"]),
            "length_spread": st.sampled_from([0.0, 0.4]),
            "interruptible": st.booleans(),
        }
    ),
)
@settings(max_examples=10, deadline=None)
def test_no_policy_beats_the_possible(tmp_path_factory, seed, belief, work):
    """The least that is possible with moves holds whatever was believed, hauled and paused; and no job is late."""
    folder = tmp_path_factory.getbasetemp()
    made = run_scenario(
        scenario(
            folder,
            seed=seed,
            zones=[zone(folder, "X", seed=5, pue=1.2), zone(folder, "Y", seed=6, scale=0.5)],
            end=at(DAY * 24).isoformat(),
            work={"count": 8, "slack": "0s..20h"} | work,
            belief=belief,
            policies=[SPACE, BOTH | {"accept_uncertain": True}, {"name": "p", "pauses": True, "places": "any"}],
        )
    )  # fmt: skip
    for outcome in made.outcomes:
        assert (outcome.paid.grams >= outcome.best.grams * (1 - 1e-9)).all(), outcome.policy
        assert (outcome.runs.late_ns == 0).all()


def test_the_default_keeps_every_job_home(tmp_path):
    """Without places = any nothing moves, whatever zones there are."""
    made = run_scenario(two_zones(tmp_path, jobs=ONE, policies=[WINDOW]))

    assert last(made).runs.zone.tolist() == [0]
    assert not last(made).routes


def test_recorded_forecasts_of_another_place_are_heard(tmp_path):
    """Work at home is planned again when a forecast for the other place comes, even if home has none then."""
    told = {"home": [(0, 300)], "away": [(0, 500), (3, 50)]}
    for name, issues in told.items():
        rows = "".join(
            f"{at(i).isoformat()},{at(h).isoformat()},{at(h + 1).isoformat()},{value - (h == 8)}\n"
            for i, value in issues
            for h in range(i, 48)
        )
        (tmp_path / f"{name}-told.csv").write_text("issued,start,end,value\n" + rows)
    zones = tuple({"forecasts": str(tmp_path / f"{name}-told.csv")} for name in told)
    jobs = HEAD + f"a,{at(1).isoformat()},1h,12h,1000,0\n"
    made = run_scenario(two_zones(tmp_path, jobs=jobs, zones=zones, belief={"kind": "issued"}))

    assert last(made).runs.zone.tolist() == [1]
    assert last(made).runs.start_ns[0] >= to_ns(at(3))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"zones": [{"name": "North"}]}, "policy 'any' may run in any place, but there is one zone only"),
        ({"work": {"regions": ["Northh"]}}, r"work.regions names 'Northh'.*did you mean 'North'"),
        ({"work": {"homes": ["Q"]}}, "work.homes names 'Q'; zones of the scenario: North, South"),
        ({"work": {"residency": ["Sweden"]}}, "work.residency.0"),
        ({"work": {"data_gb": "9..3"}}, "range ends .3. before it starts .9."),
        ({"transfer": {"kwh_per_gb": [0.1, 0.05, 0.2]}}, "allowed: rising"),
        ({"faults": [{"kind": "outage", "zone": "Noth", "start": at(1).isoformat(), "end": at(2).isoformat()}]},
         "faults.zone names 'Noth'"),
        ({"zones": [{"name": "North", "latitude": 1}, {"name": "South"}]}, "latitude and longitude go together"),
        ({"zones": [{"name": "North", "aliases": ["South"]}, {"name": "South"}]}, "'South' names both"),
        ({"zones": [{"name": "North", "cloud": "gcp:moon1"}, {"name": "South"}]}, "cloud region 'gcp:moon1'"),
    ],
)  # fmt: skip
def test_what_cannot_be_moved_is_said(tmp_path, changes, message):
    """Each impossible wish is refused in one sentence that names the key."""
    tree = {
        "name": "t",
        "start": at(24).isoformat(),
        "end": at(24 * 5).isoformat(),
        "zones": [{"name": "North"}, {"name": "South"}],
        "work": {"count": 5, "slack": "1h", "duration": "1h"},
        "belief": {"kind": "perfect"},
        "policies": [BOTH],
    } | changes
    for spec in tree["zones"]:
        spec["file"] = write_hours(tmp_path, f"{spec['name']}.csv", [1.0])
    path = tmp_path / "s.json"
    path.write_text(json.dumps(tree))
    with pytest.raises(InvalidInput, match=message):
        run_scenario(read_scenario(path))


def test_kinds_that_do_not_compare_are_not_moved_between(tmp_path):
    """Direct emissions of one source and unlabelled values of a file are never weighed against each other (I14)."""
    rows = "".join(f"2023-12-0{day}T{hour:02}:00Z,5\n" for day in (3, 4, 5) for hour in range(24))
    (tmp_path / "own.csv").write_text("time,value\n" + rows)
    changes = {
        "start": "2023-12-03T12:00Z",
        "end": "2023-12-04T12:00Z",
        "zones": [{"name": "GB"}, {"name": "own", "file": str(tmp_path / "own.csv")}],
        "work": {"count": 5, "slack": "1h", "duration": "1h"},
    }
    with pytest.raises(InvalidInput, match="work cannot be moved between the zones of this scenario: cannot compare"):
        run_scenario(scenario(tmp_path, policies=[BOTH], **changes))

    assert run_scenario(scenario(tmp_path, **changes)).jobs.size == 10


def test_trace_rows_with_impossible_places_are_bad_rows(tmp_path):
    """The message names row and cell, as for every other column."""
    head = "id,arrival,duration,regions,residency,data_gb,latency_budget_ms\n"
    for cells, message in {
        "Mars,,1,": r"jobs.csv:2: zone 'Mars' is none of the zones",
        "X,Sweden,1,": r"jobs.csv:2: residency has 'Sweden'",
        "X,,-1,": r"jobs.csv:2: data_gb is -1",
        "X,,,-5": r"jobs.csv:2: latency_budget_ms is -5",
        "X,,many,": r"jobs.csv:2:6: 'many' is no number",
    }.items():
        with pytest.raises(InvalidInput, match=message):
            run_scenario(trace(tmp_path, f"{head}a,{at(1).isoformat()},1h,{cells}\n"))


@pytest.mark.parametrize(
    ("where", "ran_in"), [("X", 0), ("Y", 0), ("", 0), (None, 1)], ids=["home", "away", "everywhere", "nowhere"]
)
def test_an_outage_strands_no_job_that_may_move(tmp_path, where, ran_in):
    """Where a zone falls silent nothing is weighed against it: work stays home and starts in time (I1, I4)."""
    span = {"start": at(DAY * 20).isoformat(), "end": at(DAY * 24).isoformat()}
    made = run_scenario(
        scenario(
            tmp_path,
            zones=[zone(tmp_path, "X", seed=5), zone(tmp_path, "Y", seed=6, scale=0.3)],
            work={"count": 12, "data_gb": "0..20", "homes": ["X"]},
            belief={"kind": "history"},
            policies=[BOTH],
            faults=[] if where is None else [{"kind": "outage", "zone": where} | span],
            **span,
        )
    )
    lived = last(made).runs

    assert set(lived.zone.tolist()) == {ran_in}
    assert (lived.late_ns == 0).all()
    assert not np.isnan(last(made).paid.grams).any()
